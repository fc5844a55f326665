package metadata

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// source is where a config's value comes from: the numbers of DescribeConfigs.
type source int8

const (
	dynamicTopic         source = 1
	dynamicBroker        source = 2
	dynamicDefaultBroker source = 3
	staticBroker         source = 4
	defaultConfig        source = 5
	dynamicLogger        source = 6
	dynamicMetrics       source = 7
	dynamicGroup         source = 8
)

// entry is a value that a config has from one source.
type entry struct {
	name   string
	value  string
	source source
}

// brokerSynonyms is the broker configs that stand in for a broker config, in
// the order in which they are asked (DynamicBrokerConfig.brokerConfigSynonyms).
func brokerSynonyms(name string) []string {
	switch name {
	case "log.roll.ms", "log.roll.hours":
		return []string{"log.roll.ms", "log.roll.hours"}
	case "log.roll.jitter.ms", "log.roll.jitter.hours":
		return []string{"log.roll.jitter.ms", "log.roll.jitter.hours"}
	case "log.flush.interval.ms":
		return []string{name, "log.flush.scheduler.interval.ms"}
	case "log.retention.ms", "log.retention.minutes", "log.retention.hours":
		return []string{"log.retention.ms", "log.retention.minutes", "log.retention.hours"}
	}
	return []string{name}
}

// sources lists the values that broker configs have, nearest source first.
// brokerID "" asks for what all brokers share.
func (i *Image) sources(names []string, brokerID string) []entry {
	var out []entry
	add := func(s source, value func(name string) (string, bool)) {
		for _, name := range names {
			if v, ok := value(name); ok {
				out = append(out, entry{name, v, s})
			}
		}
	}
	if brokerID != "" {
		add(dynamicBroker, func(name string) (string, bool) { v, ok := i.dynamic[brokerID][name]; return v, ok })
	}
	add(dynamicDefaultBroker, func(name string) (string, bool) { v, ok := i.dynamic[""][name]; return v, ok })
	add(staticBroker, func(name string) (string, bool) { return i.staticValue(name, brokerID) })
	add(defaultConfig, func(name string) (string, bool) {
		c, ok := i.release.find(brokerConfigs, name)
		return c.value, ok && c.value != unsetConfig && c.update != whenSet
	})
	return out
}

// staticValue is a value of server.properties, or of what a broker would have
// there of itself.
func (i *Image) staticValue(name, brokerID string) (string, bool) {
	v, ok := i.staticOf(brokerID)[name]
	id, err := strconv.ParseInt(brokerID, 10, 32)
	if err != nil {
		return v, ok
	}
	b := i.Broker(int32(id))
	if b == nil {
		return v, ok
	}
	switch name {
	case "node.id", "broker.id":
		return brokerID, true
	case "process.roles":
		return "broker", true
	case "broker.rack":
		return b.Rack, b.Rack != ""
	case "listeners", "advertised.listeners":
		return b.listeners(), len(b.Listeners) > 0
	}
	return v, ok
}

// listeners is the addresses as Kafka writes them: NAME://host:port.
func (b *Broker) listeners() string {
	var list []string
	for _, name := range sortedKeys(b.Listeners) {
		e := b.Listeners[name]
		list = append(list, name+"://"+e.Host+":"+strconv.Itoa(int(e.Port)))
	}
	return strings.Join(list, ",")
}

// brokerEntries lists the values that DescribeConfigs shows of a broker config,
// the winning one first. As in Kafka, synonyms before the config's own first
// value are left out.
func (i *Image) brokerEntries(name, brokerID string) []entry {
	all := i.sources(brokerSynonyms(name), brokerID)
	at := slices.IndexFunc(all, func(e entry) bool { return e.name == name })
	if at < 0 {
		return nil
	}
	return all[at:]
}

// brokerValue is the value that all brokers share: the first that the config
// takes, since nobody checked server.properties.
func (i *Image) brokerValue(name string) string { return i.brokerValueOn(name, "") }

// brokerValueOn is brokerValue for one broker.
func (i *Image) brokerValueOn(name, brokerID string) string {
	c, _ := i.release.find(brokerConfigs, name)
	for _, e := range i.sources([]string{name}, brokerID) {
		if c.check(e.value) == nil {
			return c.canonical(e.value)
		}
	}
	return ""
}

// canonical is a checked value as it is compared.
func (c config) canonical(value string) string {
	value = strings.TrimSpace(value)
	if c.kind == typeBool {
		return strings.ToLower(value)
	}
	return value
}

// brokerInt is the number that a broker config has.
func (i *Image) brokerInt(name string) int {
	n, _ := strconv.Atoi(i.brokerValue(name)) // brokerValue is checked
	return n
}

// inTopicUnits turns hours and minutes into the milliseconds of topic configs.
func inTopicUnits(broker, value string) string {
	unit := int64(1)
	switch {
	case strings.HasSuffix(broker, ".hours"):
		unit = 3_600_000
	case strings.HasSuffix(broker, ".minutes"):
		unit = 60_000
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if unit == 1 || err != nil || n < 0 {
		return value
	}
	return strconv.FormatInt(n*unit, 10)
}

// topicEntries lists the values that DescribeConfigs shows of a topic config,
// as the broker knows them.
func (i *Image) topicEntries(c config, t *Topic, brokerID string) []entry {
	var out []entry
	if v, ok := t.Configs[c.name]; ok {
		out = append(out, entry{c.name, v, dynamicTopic})
	}
	if len(c.broker) > 0 {
		out = append(out, i.brokerEntries(c.broker[0], brokerID)...)
	}
	return out
}

// topicValue is a topic's effective value.
func (i *Image) topicValue(name string, t *Topic) string {
	c, _ := i.release.find(topicConfigs, name)
	return i.effective(c, t.Configs, "")
}

// effective is the value of a topic's or group's config: the first that the
// config takes of those set, and then of the broker's.
func (i *Image) effective(c config, own map[string]string, brokerID string) string {
	if v, ok := own[c.name]; ok && c.check(v) == nil {
		return c.canonical(v)
	}
	for _, name := range c.broker {
		for _, e := range i.sources([]string{name}, brokerID) {
			if v := inTopicUnits(name, strings.TrimSpace(e.value)); c.check(v) == nil {
				return c.canonical(v)
			}
		}
	}
	return c.value
}

func (i *Image) uncleanElection(t *Topic) bool {
	return i.topicValue("unclean.leader.election.enable", t) == "true"
}

// SameDefaults reports whether topics inherit the same configs in both images.
func (i *Image) SameDefaults(other *Image) bool {
	return maps.EqualFunc(i.dynamic, other.dynamic, maps.Equal) && slices.EqualFunc(i.Brokers, other.Brokers, func(a, b Broker) bool {
		return a.ID == b.ID && maps.Equal(a.Static, b.Static)
	})
}

// TopicSettings is a topic's effective configs as types.
type TopicSettings struct {
	MinInsyncReplicas  int
	MinInsyncStrict    bool // also where there are fewer replicas, as before 3.7
	SegmentBytes       int64
	SegmentAge         time.Duration
	SegmentJitter      time.Duration // up to which a segment is rolled earlier
	IndexBytes         int           // of a segment's indexes, from which it is rolled
	RetentionBytes     int64         // -1: no limit
	RetentionAge       time.Duration // negative: forever
	IndexIntervalBytes int
	ProducerExpiry     time.Duration
	MaxMessageBytes    int
	LogAppendTime      bool
	TimestampBeforeMax time.Duration // 0: no limit
	TimestampAfterMax  time.Duration // 0: no limit
	Compression        string        // "producer", "none" or a codec
	CompressionLevel   int           // of the codec (KIP-390); 0 before 3.8
	Compact, Delete    bool          // cleanup.policy
	DirtyRatio         float64       // min.cleanable.dirty.ratio
	MinCompactionLag   time.Duration
	MaxCompactionLag   time.Duration // 0: no limit
	DeleteRetention    time.Duration // of tombstones
	UncleanElection    bool          // a replica out of sync may lead when no other can
}

// TopicSettings are a topic's effective configs with what all brokers share.
func (i *Image) TopicSettings(t *Topic) TopicSettings { return i.topicSettings(t, "") }

// TopicSettingsOn are a topic's effective configs on each of some brokers, which
// may have configs of their own. The ISR and elections obey what is
// shared.
func (i *Image) TopicSettingsOn(t *Topic) func(broker int32) TopicSettings {
	shared, own := i.topicSettings(t, ""), make(map[int32]TopicSettings)
	for _, id := range i.apart {
		own[id] = i.topicSettings(t, strconv.Itoa(int(id)))
	}
	for id := range i.dynamic {
		if n, err := strconv.ParseInt(id, 10, 32); err == nil {
			own[int32(n)] = i.topicSettings(t, id)
		}
	}
	return func(broker int32) TopicSettings {
		if s, ok := own[broker]; ok {
			return s
		}
		return shared
	}
}

func (i *Image) topicSettings(t *Topic, brokerID string) TopicSettings {
	text := func(name string) string {
		c, _ := i.release.find(topicConfigs, name)
		return i.effective(c, t.Configs, brokerID)
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(text(name), 10, 64) // text is checked
		return n
	}
	ratio, _ := strconv.ParseFloat(text("min.cleanable.dirty.ratio"), 64)
	s := TopicSettings{
		MinInsyncReplicas: i.minInsync(t), MinInsyncStrict: i.release < k37 && !t.Internal,
		SegmentBytes: number("segment.bytes"), SegmentAge: milliseconds(number("segment.ms"), 0),
		RetentionBytes: number("retention.bytes"), RetentionAge: milliseconds(number("retention.ms"), -1),
		SegmentJitter: milliseconds(number("segment.jitter.ms"), math.MaxInt64), IndexBytes: int(number("segment.index.bytes")),
		IndexIntervalBytes: int(number("index.interval.bytes")),
		ProducerExpiry:     milliseconds(i.producerExpiry(brokerID), 0),
		MaxMessageBytes:    int(number("max.message.bytes")),
		LogAppendTime:      text("message.timestamp.type") == "LogAppendTime",
		TimestampBeforeMax: milliseconds(timestampMax(number, "before"), 0),
		TimestampAfterMax:  milliseconds(timestampMax(number, "after"), 0),
		Compression:        text("compression.type"),
		Compact:            slices.Contains(items(text("cleanup.policy")), "compact"),
		Delete:             slices.Contains(items(text("cleanup.policy")), "delete"),
		DirtyRatio:         ratio,
		MinCompactionLag:   milliseconds(number("min.compaction.lag.ms"), math.MaxInt64),
		MaxCompactionLag:   milliseconds(number("max.compaction.lag.ms"), 0),
		DeleteRetention:    milliseconds(number("delete.retention.ms"), math.MaxInt64),
		UncleanElection:    i.uncleanElection(t),
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(t.Configs["internal.segment.bytes"]), 10, 32); err == nil && n > 0 {
		s.SegmentBytes = n
	}
	switch s.Compression {
	case "uncompressed":
		s.Compression = "none"
	case "gzip", "lz4", "zstd":
		s.CompressionLevel = int(number("compression." + s.Compression + ".level"))
	}
	return s
}

func (i *Image) minInsync(t *Topic) int {
	n, _ := strconv.Atoi(i.topicValue("min.insync.replicas", t)) // topicValue is checked
	return n
}

// producerExpiry is when a silent producer is forgotten, in milliseconds. Before
// 3.4 that was when transactional ids expire (KIP-854).
func (i *Image) producerExpiry(brokerID string) int64 {
	name := "producer.id.expiration.ms"
	if _, ok := i.release.find(brokerConfigs, name); !ok {
		name = "transactional.id.expiration.ms"
	}
	n, _ := strconv.ParseInt(i.brokerValueOn(name, brokerID), 10, 64) // it is checked
	return n
}

// timestampMax is message.timestamp.before.max.ms or its twin. Until 3.9
// message.timestamp.difference.max.ms stands in for one without a limit
// (KIP-937), and until 3.5 it was alone.
func timestampMax(number func(name string) int64, side string) int64 {
	if n := number("message.timestamp." + side + ".max.ms"); n > 0 && n < math.MaxInt64 {
		return n
	}
	return number("message.timestamp.difference.max.ms")
}

// milliseconds is a duration; one that is too long for the type is unlimited.
func milliseconds(ms int64, unlimited time.Duration) time.Duration {
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return unlimited
	}
	return time.Duration(ms) * time.Millisecond
}

// Cleaner is how compacted logs are cleaned, as all brokers share it.
type Cleaner struct {
	Threads        int           // logs at a time; 0: none is cleaned
	Backoff        time.Duration // between two looks at the logs
	Keys           int           // that one pass over a log remembers
	BytesPerSecond float64       // read and written, of all together
}

// bytesPerKey is what Kafka's SkimpyOffsetMap takes for a key: a digest and an
// offset.
const bytesPerKey = 24

// Cleaner is the log.cleaner configs.
func (i *Image) Cleaner() Cleaner {
	float := func(name string) float64 {
		n, _ := strconv.ParseFloat(i.brokerValue(name), 64) // brokerValue is checked
		return n
	}
	c := Cleaner{
		Threads: i.brokerInt("log.cleaner.threads"), BytesPerSecond: float("log.cleaner.io.max.bytes.per.second"),
		Backoff: max(time.Millisecond, time.Duration(i.brokerInt("log.cleaner.backoff.ms"))*time.Millisecond),
	}
	memory := float("log.cleaner.dedupe.buffer.size") / float64(max(1, c.Threads)) * float("log.cleaner.io.buffer.load.factor")
	c.Keys = int(max(1, min(memory, math.MaxInt32)/bytesPerKey)) // the buffer of a thread is at most 2 GiB, as in Kafka
	if i.brokerValue("log.cleaner.enable") == "false" {
		c.Threads = 0
	}
	return c
}

// VerifiesTransactions is transaction.partition.verification.enable of a broker
// (KIP-890).
func (i *Image) VerifiesTransactions(broker int32) bool {
	return i.brokerValueOn("transaction.partition.verification.enable", strconv.Itoa(int(broker))) != "false"
}

// RetentionCheck is log.retention.check.interval.ms.
func (i *Image) RetentionCheck() time.Duration {
	n, _ := strconv.ParseInt(i.brokerValue("log.retention.check.interval.ms"), 10, 64) // it is checked
	return max(time.Millisecond, milliseconds(n, math.MaxInt64))
}
