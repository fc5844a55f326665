package msk

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// property is one that a configuration of a standard cluster may set.
// (aws:kafka developer guide, custom configurations)
type property struct {
	name    string
	dynamic bool                    // acts while brokers run: apache/kafka DynamicBrokerConfig
	takes   func(value string) bool // nil: every text
	says    string                  // what takes wants
}

// properties is by name. Bounds are Kafka's where the service states none.
var properties = []property{
	{"allow.everyone.if.no.acl.found", false, truth, "true or false"},
	{"auto.create.topics.enable", false, truth, "true or false"},
	{"compression.type", true, oneOf("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"), "one of producer, uncompressed, gzip, snappy, lz4, zstd"},
	{"connections.max.idle.ms", false, within(math.MinInt64, math.MaxInt64), "a number"},
	{"default.replication.factor", false, within(1, math.MaxInt16), "a number of at least 1"},
	{"delete.topic.enable", false, truth, "true or false"},
	{"group.initial.rebalance.delay.ms", false, within(0, math.MaxInt32), "a number of at least 0"},
	{"group.max.session.timeout.ms", false, within(0, math.MaxInt32), "a number of at least 0"},
	{"group.min.session.timeout.ms", false, within(0, math.MaxInt32), "a number of at least 0"},
	{"leader.imbalance.per.broker.percentage", false, within(0, math.MaxInt32), "a number of at least 0"},
	{"log.cleaner.delete.retention.ms", true, within(0, math.MaxInt64), "a number of at least 0"},
	{"log.cleaner.min.cleanable.ratio", true, ratio, "a number from 0 to 1"},
	{"log.cleanup.policy", true, listOf("delete", "compact"), "delete, compact or both"},
	{"log.flush.interval.messages", true, within(1, math.MaxInt64), "a number of at least 1"},
	{"log.flush.interval.ms", true, within(0, math.MaxInt64), "a number of at least 0"},
	{"log.message.timestamp.after.max.ms", true, within(0, math.MaxInt64), "a number of at least 0"},  // UNVERIFIED that it may be set
	{"log.message.timestamp.before.max.ms", true, within(0, math.MaxInt64), "a number of at least 0"}, // likewise
	{"log.message.timestamp.difference.max.ms", true, within(0, math.MaxInt64), "a number of at least 0"},
	{"log.message.timestamp.type", true, oneOf("CreateTime", "LogAppendTime"), "CreateTime or LogAppendTime"},
	{"log.retention.bytes", true, within(math.MinInt64, math.MaxInt64), "a number"},
	{"log.retention.hours", false, within(math.MinInt32, math.MaxInt32), "a number"},
	{"log.retention.minutes", false, within(math.MinInt32, math.MaxInt32), "a number"},
	{"log.retention.ms", true, within(math.MinInt64, math.MaxInt64), "a number"},
	{"log.roll.ms", true, within(1, math.MaxInt64), "a number of at least 1"},
	{"log.segment.bytes", true, within(14, math.MaxInt32), "a number of at least 14"},
	{"max.connections.per.ip", false, within(0, math.MaxInt32), "a number of at least 0"}, // of Express brokers alone
	{"max.incremental.fetch.session.cache.slots", false, within(0, math.MaxInt32), "a number of at least 0"},
	{"message.max.bytes", true, within(0, math.MaxInt32), "a number of at least 0"},
	{"min.insync.replicas", true, within(1, math.MaxInt32), "a number of at least 1"},
	{"num.io.threads", true, within(1, math.MaxInt32), "a number of at least 1"},
	{"num.network.threads", true, within(1, math.MaxInt32), "a number of at least 1"},
	{"num.partitions", false, within(1, math.MaxInt32), "a number of at least 1"},
	{"num.recovery.threads.per.data.dir", true, within(1, math.MaxInt32), "a number of at least 1"},
	{"num.replica.fetchers", true, within(1, math.MaxInt32), "a number of at least 1"},
	{"offsets.retention.minutes", false, within(1, math.MaxInt32), "a number of at least 1"},
	{"offsets.topic.replication.factor", false, within(1, math.MaxInt16), "a number of at least 1"},
	{"replica.fetch.max.bytes", false, within(0, math.MaxInt32), "a number of at least 0"},
	{"replica.fetch.response.max.bytes", false, within(0, math.MaxInt32), "a number of at least 0"},
	{"replica.lag.time.max.ms", false, within(10000, 30000), "a number from 10000 to 30000"},
	{"replica.selector.class", false, nil, ""},
	{"replica.socket.receive.buffer.bytes", false, within(math.MinInt32, math.MaxInt32), "a number"},
	{"socket.receive.buffer.bytes", false, within(-1, math.MaxInt32), "a number of at least -1"},
	{"socket.request.max.bytes", false, within(1, math.MaxInt32), "a number of at least 1"},
	{"socket.send.buffer.bytes", false, within(-1, math.MaxInt32), "a number of at least -1"},
	{"transaction.max.timeout.ms", false, within(1, math.MaxInt32), "a number of at least 1"},
	{"transaction.state.log.min.isr", false, within(1, math.MaxInt32), "a number of at least 1"},
	{"transaction.state.log.replication.factor", false, within(1, math.MaxInt16), "a number of at least 1"},
	{"transactional.id.expiration.ms", false, within(1, math.MaxInt32), "a number of at least 1"},
	{"unclean.leader.election.enable", true, truth, "true or false"},
	{"zookeeper.connection.timeout.ms", false, within(1, 18000), "a number from 1 to 18000"}, // the guide says from 6000, and sets 1000 in its own example
	{"zookeeper.session.timeout.ms", false, within(6000, 18000), "a number from 6000 to 18000"},
}

// customListeners may be set on the real service. Here it would say less than
// the truth: clients are told where this server listens.
const customListeners = "custom.advertised.listeners"

func findProperty(name string) (property, bool) {
	i, ok := slices.BinarySearchFunc(properties, name, func(p property, name string) int { return strings.Compare(p.name, name) })
	if !ok {
		return property{}, false
	}
	return properties[i], true
}

func truth(v string) bool { return strings.EqualFold(v, "true") || strings.EqualFold(v, "false") }

func ratio(v string) bool {
	f, err := strconv.ParseFloat(v, 64)
	return err == nil && f >= 0 && f <= 1
}

func within(least, most int64) func(string) bool {
	return func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && n >= least && n <= most
	}
}

func oneOf(valid ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(valid, v) }
}

func listOf(valid ...string) func(string) bool {
	return func(v string) bool {
		for item := range strings.SplitSeq(v, ",") {
			if !slices.Contains(valid, strings.TrimSpace(item)) {
				return false
			}
		}
		return true
	}
}

// refusedProperty is an element of the answer to a configuration that is
// refused: the message is a JSON array of these.
type refusedProperty struct {
	Name          string   `json:"name"`
	Value         string   `json:"value"`
	ErrorMessages []string `json:"errorMessages"`
}

// checkProperties checks what a configuration sets, in the order of the text;
// the endings of the messages are UNVERIFIED.
func checkProperties(list []setting) error {
	var refused []refusedProperty
	for _, s := range list {
		p, known := findProperty(s.name)
		message := ""
		switch {
		case s.name == customListeners:
			return notBuilt("serverProperties", customListeners)
		case !known:
			message = fmt.Sprintf("Key '%s' is not supported.", s.name)
		case p.takes != nil && !p.takes(s.value):
			message = fmt.Sprintf("Value '%s' of the key '%s' is not valid: it must be %s.", s.value, s.name, p.says)
		default:
			continue
		}
		refused = append(refused, refusedProperty{s.name, s.value, []string{message}})
	}
	if refused == nil {
		return nil
	}
	return badRequest("serverProperties", "%s", renderRefused(refused))
}

// renderRefused writes the array as the service does.
func renderRefused(all []refusedProperty) string {
	text := func(v string) string {
		raw, _ := json.Marshal(v) // a string always encodes
		return string(raw)
	}
	parts := make([]string, len(all))
	for i, r := range all {
		parts[i] = fmt.Sprintf("{\n  \"name\" : %s,\n  \"value\" : %s,\n  \"errorMessages\" : [ %s ]\n}", text(r.Name), text(r.Value), text(r.ErrorMessages[0]))
	}
	return "[ " + strings.Join(parts, ", ") + " ]"
}

// setting is a line of a configuration.
type setting struct{ name, value string }

// Limits of a configuration's text.
const (
	maxPropertiesBytes = 64 << 10
	maxSettings        = 500
)

var errProperties = badRequest("serverProperties", "Invalid request body")

// readProperties reads the text of a configuration as java.util.Properties does.
// A key that is set twice has its last value.
func readProperties(text []byte) ([]setting, error) {
	if len(text) > maxPropertiesBytes || !utf8.Valid(text) {
		return nil, errProperties
	}
	var list []setting
	for line := range logicalLines(string(text)) {
		name, value, err := splitSetting(line)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(list, func(s setting) bool { return s.name == name }); i >= 0 {
			list[i].value = value
			continue
		}
		if len(list) == maxSettings {
			return nil, errProperties
		}
		list = append(list, setting{name, value})
	}
	return list, nil
}

// logicalLines yields the lines that set something, joined where a backslash
// ends one.
func logicalLines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
		for i := 0; i < len(lines); i++ {
			line := strings.TrimLeft(lines[i], " \t\f")
			if line == "" || line[0] == '#' || line[0] == '!' {
				continue
			}
			for continues(line) {
				line = line[:len(line)-1]
				if i++; i == len(lines) {
					break
				}
				line += strings.TrimLeft(lines[i], " \t\f")
			}
			if !yield(line) {
				return
			}
		}
	}
}

// continues reports whether an odd number of backslashes ends a line.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

func splitSetting(line string) (name, value string, err error) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.IndexByte("=: \t\f", line[i]) >= 0 {
			end = i
			break
		}
	}
	rest := strings.TrimLeft(line[end:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = rest[1:]
	}
	if name, err = unescape(line[:end]); err == nil {
		value, err = unescape(strings.TrimSpace(rest)) // Kafka trims what it parses
	}
	return name, value, err
}

var unicodeEscape = regexp.MustCompile(`^u([0-9A-Fa-f]{4})`)

// unescape reads backslashes: \uXXXX, \t \n \r \f, and any other character as
// itself.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		if at := strings.IndexByte("tnrf", s[i]); at >= 0 {
			b.WriteByte("\t\n\r\f"[at])
			continue
		}
		if s[i] != 'u' {
			b.WriteByte(s[i])
			continue
		}
		m := unicodeEscape.FindStringSubmatch(s[i:])
		if m == nil {
			return "", errProperties
		}
		n, _ := strconv.ParseUint(m[1], 16, 16) // the expression checked it
		b.WriteRune(rune(n))
		i += len(m[1])
	}
	return b.String(), nil
}

// propertiesOf is a stored configuration's text as a map; it was checked when it
// was stored.
func propertiesOf(text []byte) map[string]string {
	list, _ := readProperties(text)
	all := make(map[string]string, len(list))
	for _, s := range list {
		all[s.name] = s.value
	}
	return all
}

// static is a broker's server.properties: the service's defaults, what the
// broker started with, and of what the cluster is configured with now that which
// acts at once.
func static(defaults, started, now map[string]string) map[string]string {
	all := defaults
	for name, value := range started {
		if p, _ := findProperty(name); !p.dynamic {
			all[name] = value
		}
	}
	for name, value := range now {
		if p, _ := findProperty(name); p.dynamic {
			all[name] = value
		}
	}
	return all
}

// needsRestart reports whether brokers must start again to go from one
// configuration to another.
func needsRestart(from, to map[string]string) bool {
	differs := func(a, b map[string]string) bool {
		for name, value := range a {
			if p, _ := findProperty(name); !p.dynamic && b[name] != value {
				return true
			}
		}
		return false
	}
	return differs(from, to) || differs(to, from)
}
