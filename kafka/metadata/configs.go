package metadata

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// source is where a config's value comes from: the numbers of DescribeConfigs.
type source int8

const (
	dynamicTopic         source = 1
	dynamicBroker        source = 2
	dynamicDefaultBroker source = 3
	staticBroker         source = 4
	defaultConfig        source = 5
)

// entry is a config's value and its source.
type entry struct {
	name   string
	value  string // in the units of what is described
	raw    string // as it was set
	source source
}

func find(table []config, name string) (config, bool) {
	i, ok := slices.BinarySearchFunc(table, name, func(c config, name string) int { return strings.Compare(c.name, name) })
	if !ok {
		return config{}, false
	}
	return table[i], true
}

// brokerEntries lists the values that a broker config has, the winning one
// first. brokerID "" asks for what all brokers share.
func (i *Image) brokerEntries(name, brokerID string) []entry {
	var out []entry
	if v, ok := i.dynamic[brokerID][name]; ok && brokerID != "" {
		out = append(out, entry{name, v, v, dynamicBroker})
	}
	if v, ok := i.dynamic[""][name]; ok {
		out = append(out, entry{name, v, v, dynamicDefaultBroker})
	}
	if v, ok := i.static[name]; ok {
		out = append(out, entry{name, v, v, staticBroker})
	}
	if c, ok := find(brokerConfigs, name); ok && c.value != unsetConfig {
		out = append(out, entry{name, c.value, c.value, defaultConfig})
	}
	return out
}

// brokerValue is the value that all brokers share: the first that the config
// takes, since nobody checked server.properties.
func (i *Image) brokerValue(name string) string {
	c, _ := find(brokerConfigs, name)
	for _, e := range i.brokerEntries(name, "") {
		if c.check(e.value) == nil {
			return strings.TrimSpace(e.value)
		}
	}
	return ""
}

// topicEntries lists the values that a topic config has, the winning one first.
func (i *Image) topicEntries(c config, t *Topic) []entry {
	var out []entry
	if v, ok := t.Configs[c.name]; ok {
		out = append(out, entry{c.name, v, v, dynamicTopic})
	}
	for _, name := range c.broker {
		for _, e := range i.brokerEntries(name, "") {
			e.value = inTopicUnits(name, e.value)
			out = append(out, e)
		}
	}
	// A default of a nearer key comes after what is set by a farther one.
	slices.SortStableFunc(out, func(a, b entry) int { return boolInt(a.source == defaultConfig) - boolInt(b.source == defaultConfig) })
	if len(out) == 0 {
		out = append(out, entry{c.name, c.value, c.value, defaultConfig})
	}
	return out
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
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

func (i *Image) topicEntry(c config, t *Topic) entry { return i.topicEntries(c, t)[0] }

// topicValue is a topic's effective value: the first that the config takes.
func (i *Image) topicValue(name string, t *Topic) string {
	c, _ := find(topicConfigs, name)
	for _, e := range i.topicEntries(c, t) {
		if c.check(e.value) == nil {
			return strings.TrimSpace(e.value)
		}
	}
	return c.value
}

func (i *Image) uncleanElection(t *Topic) bool {
	return i.topicValue("unclean.leader.election.enable", t) == "true"
}

// TopicSettings is a topic's effective configs as types.
type TopicSettings struct {
	MinInsyncReplicas  int
	SegmentBytes       int64
	SegmentAge         time.Duration
	RetentionBytes     int64         // -1: no limit
	RetentionAge       time.Duration // negative: forever
	IndexIntervalBytes int
	ProducerExpiry     time.Duration
	MaxMessageBytes    int
	LogAppendTime      bool
	TimestampBeforeMax time.Duration // 0: no limit
	TimestampAfterMax  time.Duration // 0: no limit
	Compression        string        // "producer", "none" or a codec
	Compact, Delete    bool          // cleanup.policy
	DirtyRatio         float64       // min.cleanable.dirty.ratio
	MinCompactionLag   time.Duration
	MaxCompactionLag   time.Duration // 0: no limit
	DeleteRetention    time.Duration // of tombstones
	UncleanElection    bool          // a replica out of sync may lead when no other can
}

// TopicSettings are a topic's effective configs.
func (i *Image) TopicSettings(t *Topic) TopicSettings {
	text := func(name string) string { return i.topicValue(name, t) }
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(text(name), 10, 64) // topicValue is checked
		return n
	}
	ratio, _ := strconv.ParseFloat(text("min.cleanable.dirty.ratio"), 64)
	s := TopicSettings{
		MinInsyncReplicas: int(number("min.insync.replicas")),
		SegmentBytes:      number("segment.bytes"), SegmentAge: milliseconds(number("segment.ms"), 0),
		RetentionBytes: number("retention.bytes"), RetentionAge: milliseconds(number("retention.ms"), -1),
		IndexIntervalBytes: int(number("index.interval.bytes")),
		ProducerExpiry:     milliseconds(int64(i.brokerInt("producer.id.expiration.ms")), 0),
		MaxMessageBytes:    int(number("max.message.bytes")),
		LogAppendTime:      text("message.timestamp.type") == "LogAppendTime",
		TimestampBeforeMax: milliseconds(number("message.timestamp.before.max.ms"), 0),
		TimestampAfterMax:  milliseconds(number("message.timestamp.after.max.ms"), 0),
		Compression:        text("compression.type"),
		Compact:            strings.Contains(text("cleanup.policy"), "compact"),
		Delete:             strings.Contains(text("cleanup.policy"), "delete"),
		DirtyRatio:         ratio,
		MinCompactionLag:   milliseconds(number("min.compaction.lag.ms"), math.MaxInt64),
		MaxCompactionLag:   milliseconds(number("max.compaction.lag.ms"), 0),
		DeleteRetention:    milliseconds(number("delete.retention.ms"), math.MaxInt64),
		UncleanElection:    i.uncleanElection(t),
	}
	if s.Compression == "uncompressed" {
		s.Compression = "none"
	}
	// A topic with fewer replicas than min.insync.replicas could never be
	// written to with acks=all; Kafka too counts what there is (KAFKA-15583).
	if len(t.Partitions) > 0 {
		s.MinInsyncReplicas = min(s.MinInsyncReplicas, len(t.Partitions[0].Replicas))
	}
	return s
}

// milliseconds is a duration; one that is too long for the type is unlimited.
func milliseconds(ms int64, unlimited time.Duration) time.Duration {
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return unlimited
	}
	return time.Duration(ms) * time.Millisecond
}

// check says whether a value is one that the config takes; Kafka's texts.
func (c config) check(value string) error {
	trimmed := strings.TrimSpace(value)
	switch c.kind {
	case typeBool:
		if trimmed != "true" && trimmed != "false" {
			return fmt.Errorf("Invalid value %s for configuration %s: Expected value to be either true or false", value, c.name)
		}
	case typeInt, typeLong:
		bits := 64
		name := "long"
		if c.kind == typeInt {
			bits, name = 32, "int"
		}
		n, err := strconv.ParseInt(trimmed, 10, bits)
		if err != nil {
			return fmt.Errorf("Invalid value %s for configuration %s: Not a number of type %s", value, c.name, strings.ToUpper(name))
		}
		return c.inRange(float64(n), value)
	case typeDouble:
		n, err := strconv.ParseFloat(trimmed, 64)
		if err != nil || math.IsNaN(n) {
			return fmt.Errorf("Invalid value %s for configuration %s: Not a number of type DOUBLE", value, c.name)
		}
		return c.inRange(n, value)
	case typeString, typeList:
		return c.oneOfThem(value)
	}
	return nil
}

func (c config) inRange(n float64, value string) error {
	if n < float64(c.min) {
		return fmt.Errorf("Invalid value %s for configuration %s: Value must be at least %d", value, c.name, c.min)
	}
	if c.max != 0 && n > float64(c.max) {
		return fmt.Errorf("Invalid value %s for configuration %s: Value must be no more than %d", value, c.name, c.max)
	}
	return nil
}

func (c config) oneOfThem(value string) error {
	if len(c.oneOf) == 0 {
		return nil
	}
	items := []string{value}
	if c.kind == typeList {
		items = strings.Split(value, ",")
	}
	for _, item := range items {
		if !slices.Contains(c.oneOf, strings.TrimSpace(item)) {
			return fmt.Errorf("Invalid value %s for configuration %s: String must be one of: %s", value, c.name, strings.Join(c.oneOf, ", "))
		}
	}
	return nil
}

// checkTopicConfigs checks the configs that a topic would have; before is what
// it has, nil at creation.
func (d *decision) checkTopicConfigs(before, after map[string]string) error {
	for _, name := range sortedKeys(after) {
		value := after[name]
		c, known := find(topicConfigs, name)
		if !known {
			return fail(kerr.InvalidConfig, "Unknown topic config name: %s", name)
		}
		if err := d.checkServerlessConfig(name, value, before); err != nil {
			return err
		}
		if err := c.check(value); err != nil {
			return fail(kerr.InvalidConfig, "%s", err)
		}
		if old, ok := before[name]; ok && old == value {
			continue
		}
		if name == "remote.storage.enable" && value == "true" {
			return fail(kerr.InvalidConfig, "Tiered storage is not built yet: a topic cannot have remote.storage.enable=true.")
		}
	}
	return nil
}

func (d *decision) checkServerlessConfig(name, value string, before map[string]string) error {
	if !d.core.p.Serverless || before != nil && before[name] == value {
		return nil
	}
	later, allowed := serverlessConfigs[name]
	switch {
	case !allowed:
		return fail(kerr.InvalidRequest, "Topic config %s cannot be set on a serverless cluster.", name)
	case before != nil && !later:
		return fail(kerr.InvalidRequest, "Topic config %s of a serverless cluster is fixed when the topic is created.", name)
	case name == "max.message.bytes":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > serverlessMaxMessage {
			return fail(kerr.InvalidRequest, "max.message.bytes of a serverless cluster is at most %d.", serverlessMaxMessage)
		}
	}
	return nil
}
