package metadata

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// groupConfigs is every config of a group, by name (apache/kafka GroupConfig).
// Lines before their first have the brokers' values all the same.
var groupConfigs = []config{
	{name: "consumer.heartbeat.interval.ms", since: k40, kind: typeInt, value: "5000", broker: []string{"group.consumer.heartbeat.interval.ms"}, takes: atLeast(1), doc: "Heartbeat interval of the members of a consumer group."},
	{name: "consumer.session.timeout.ms", since: k40, kind: typeInt, value: "45000", broker: []string{"group.consumer.session.timeout.ms"}, takes: atLeast(1), doc: "Silence after which a member of a consumer group is removed."},
	{name: "share.auto.offset.reset", since: k40, kind: typeString, value: "latest", takes: offsetReset, doc: "Where a share group begins: earliest, latest or by_duration with a duration."},
	{name: "share.heartbeat.interval.ms", since: k40, kind: typeInt, value: "5000", broker: []string{"group.share.heartbeat.interval.ms"}, takes: atLeast(1), doc: "Heartbeat interval of the members of a share group."},
	{name: "share.isolation.level", since: k41, kind: typeString, value: "read_uncommitted", takes: oneOf("read_committed", "read_uncommitted"), doc: "Whether a share group sees records of open and aborted transactions."},
	{name: "share.record.lock.duration.ms", since: k40, kind: typeInt, value: "30000", broker: []string{"group.share.record.lock.duration.ms"}, takes: atLeast(1000), doc: "How long a member of a share group holds a record."},
	{name: "share.session.timeout.ms", since: k40, kind: typeInt, value: "45000", broker: []string{"group.share.session.timeout.ms"}, takes: atLeast(1), doc: "Silence after which a member of a share group is removed."},
	{name: "streams.heartbeat.interval.ms", since: k41, kind: typeInt, value: "5000", broker: []string{"group.streams.heartbeat.interval.ms"}, takes: atLeast(1), doc: "Heartbeat interval of the members of a streams group."},
	{name: "streams.num.standby.replicas", since: k41, kind: typeInt, value: "0", broker: []string{"group.streams.num.standby.replicas"}, takes: atLeast(0), doc: "Standby replicas of each task."},
	{name: "streams.session.timeout.ms", since: k41, kind: typeInt, value: "45000", broker: []string{"group.streams.session.timeout.ms"}, takes: atLeast(1), doc: "Silence after which a member of a streams group is removed."},
}

// metricsConfigs is every config of a client metrics subscription, by name
// (KIP-714, ClientMetricsConfigs).
var metricsConfigs = []config{
	{name: "interval.ms", kind: typeInt, value: "300000", doc: "Time between two pushes of a client's metrics."},
	{name: "match", kind: typeList, value: "", doc: "Which clients, as selector=pattern."},
	{name: "metrics", kind: typeList, value: "", doc: "Prefixes of the names of the metrics that are asked for."},
}

// Bounds of interval.ms, in milliseconds.
const (
	minMetricsInterval = 100
	maxMetricsInterval = 3_600_000
)

// GroupInt is the number that a config of a group has: what was set for it, or
// the brokers' group.* config. The name must be one of Kafka's group configs
// that are numbers.
func (i *Image) GroupInt(group, name string) int {
	n, _ := strconv.Atoi(i.groupValue(i.groups[group], name)) // groupValue is checked
	return n
}

func (i *Image) groupValue(own map[string]string, name string) string {
	c, ok := newest.find(groupConfigs, name)
	if !ok {
		panic("metadata: no group config " + name)
	}
	return i.effective(c, own, "")
}

// checkGroupConfigs is Kafka's GroupConfig.validate: each value for itself, then
// within the brokers' limits, then with each other.
func (i *Image) checkGroupConfigs(configs map[string]string) error {
	for _, name := range sortedKeys(configs) {
		c, known := i.release.find(groupConfigs, name)
		if !known {
			return fail(kerr.InvalidConfig, "Unknown group config name: %s", name)
		}
		if err := c.check(configs[name]); err != nil {
			return fail(kerr.InvalidConfig, "%s", err)
		}
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(i.groupValue(configs, name))
		return n
	}
	for _, name := range []string{
		"consumer.heartbeat.interval.ms", "consumer.session.timeout.ms", "share.heartbeat.interval.ms", "share.session.timeout.ms",
		"share.record.lock.duration.ms", "streams.heartbeat.interval.ms", "streams.session.timeout.ms",
	} {
		if _, known := i.release.find(groupConfigs, name); !known {
			continue
		}
		kind, rest, _ := strings.Cut(name, ".")
		low, high := "group."+kind+".min."+rest, "group."+kind+".max."+rest
		if number(name) < i.brokerInt(low) {
			return fail(kerr.InvalidConfig, "%s must be greater than or equal to %s", name, low)
		}
		if number(name) > i.brokerInt(high) {
			return fail(kerr.InvalidConfig, "%s must be less than or equal to %s", name, high)
		}
	}
	if _, known := i.release.find(groupConfigs, "streams.num.standby.replicas"); known && number("streams.num.standby.replicas") > i.brokerInt("group.streams.max.standby.replicas") {
		return fail(kerr.InvalidConfig, "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas")
	}
	for _, kind := range []string{"consumer", "share", "streams"} {
		session, heartbeat := kind+".session.timeout.ms", kind+".heartbeat.interval.ms"
		if number(session) <= number(heartbeat) {
			return fail(kerr.InvalidConfig, "%s must be greater than %s", session, heartbeat)
		}
	}
	return nil
}

// clientSelectors is what a subscription may match clients by.
var clientSelectors = map[string]bool{
	"client_id": true, "client_instance_id": true, "client_software_name": true,
	"client_software_version": true, "client_source_address": true, "client_source_port": true,
}

// checkMetricsConfigs is Kafka's ClientMetricsConfigs.validate.
func checkMetricsConfigs(configs map[string]string) error {
	for _, name := range sortedKeys(configs) {
		c, known := newest.find(metricsConfigs, name)
		if !known {
			return fail(kerr.InvalidRequest, "Unknown client metrics configuration: %s", name)
		}
		if err := c.check(configs[name]); err != nil {
			return fail(kerr.InvalidConfig, "%s", err)
		}
	}
	if v, ok := configs["interval.ms"]; ok {
		if n, _ := strconv.Atoi(strings.TrimSpace(v)); n < minMetricsInterval || n > maxMetricsInterval {
			return fail(kerr.InvalidRequest, "Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", n)
		}
	}
	for _, item := range items(configs["match"]) {
		selector, pattern, ok := strings.Cut(item, "=")
		if _, err := regexp.Compile(strings.TrimSpace(pattern)); err != nil || !ok || strings.Contains(pattern, "=") || pattern == "" || !clientSelectors[strings.TrimSpace(selector)] {
			return fail(kerr.InvalidConfig, "Illegal client matching pattern: %s", item)
		}
	}
	return nil
}
