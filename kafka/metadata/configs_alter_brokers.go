package metadata

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// alterBroker changes the dynamic configs of one broker, or of all when the name
// is empty.
func (d *decision) alterBroker(c change) error {
	if d.core.p.Serverless {
		return fail(kerr.InvalidRequest, "Broker configs of a serverless cluster cannot be changed.")
	}
	if err := d.checkBrokerName(c); err != nil {
		return err
	}
	before := d.image.dynamic[c.name]
	after, err := c.applied(before, d.image.release, brokerConfigs)
	if err != nil {
		return err
	}
	if err := d.checkExpressBroker(before, after); err != nil {
		return err
	}
	if err := d.image.checkBrokerConfigs(c, before, after); err != nil {
		return err
	}
	switch {
	case c.validateOnly || maps.Equal(after, before):
		return nil
	case len(after) == 0:
		d.remove(configPrefix + c.name)
	default:
		d.add(configPrefix+c.name, configEvent{Format: eventFormat, Configs: after})
	}
	d.settleAfter(before, after)
	return nil
}

func (d *decision) checkBrokerName(c change) error {
	if c.name == "" {
		return nil
	}
	if c.broker != "" {
		return ownBroker(c.broker, c.name, "Node id must be an integer, but it is: %s", "Unexpected broker id, expected %s, but received %s")
	}
	id, err := strconv.ParseInt(c.name, 10, 32)
	if err != nil {
		return fail(kerr.InvalidRequest, "Node id must be an integer, but it is: %s", c.name)
	}
	if d.image.Broker(int32(id)) == nil {
		return fail(kerr.BrokerIDNotRegistered, "No broker with id %d found.", id)
	}
	return nil
}

// checkBrokerConfigs is Kafka's DynamicBrokerConfig.validateConfigs: first which
// configs may be changed at all, then their values, then where they may be set,
// and last what Millrace does not let clients change.
func (i *Image) checkBrokerConfigs(c change, before, after map[string]string) error {
	updates := make(map[update][]string)
	for _, name := range sortedKeys(after) {
		def, known := i.release.find(brokerConfigs, name)
		switch {
		case strings.HasPrefix(name, listenerPrefix):
			updates[perBroker] = append(updates[perBroker], name)
		case known:
			updates[def.update] = append(updates[def.update], name)
		}
	}
	if names := updates[readOnly]; len(names) > 0 {
		return fail(kerr.InvalidRequest, "Cannot update these configs dynamically: Set(%s)", strings.Join(names, ", "))
	}
	if names := updates[perListener]; len(names) > 0 {
		return fail(kerr.InvalidRequest, "These security configs can be dynamically updated only per-listener using the listener prefix: HashSet(%s)", strings.Join(names, ", "))
	}
	for _, name := range sortedKeys(after) {
		def, known := i.release.find(brokerConfigs, name)
		if !known || def.update == perBroker {
			continue
		}
		if err := def.check(after[name]); err != nil {
			return fail(kerr.InvalidRequest, "%s", err)
		}
	}
	names := updates[perBroker]
	if len(names) > 0 && c.name == "" {
		return fail(kerr.InvalidRequest, "Cannot update these configs at default cluster level, broker id must be specified: Set(%s)", strings.Join(names, ", "))
	}
	if err := i.checkBrokerValues(c, before, after); err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return limitsListener(name) })
	if after["metric.reporters"] != before["metric.reporters"] {
		names = append(names, "metric.reporters")
	}
	if len(names) > 0 {
		return fail(kerr.InvalidRequest, "The cluster's owner sets these configs, not its clients: Set(%s)", strings.Join(names, ", "))
	}
	return nil
}

// threadPools is the configs that may at most double or halve in one step
// (DynamicThreadPool).
var threadPools = []string{"num.io.threads", "num.replica.fetchers", "num.recovery.threads.per.data.dir", "background.threads", "num.network.threads"}

// invalidDynamic is what Kafka makes of an error of a reconfigurable part.
const invalidDynamic = "Invalid value org.apache.kafka.common.config.ConfigException: %s for configuration Invalid dynamic configuration"

// checkListenerLimits is ListenerConnectionQuota.validateReconfiguration.
func (i *Image) checkListenerLimits(after map[string]string) error {
	for _, name := range sortedKeys(after) {
		config, ok := listenerLimit(name)
		if !ok {
			continue
		}
		def, _ := i.release.find(brokerConfigs, config)
		def.takes = limit{}
		if err := def.check(after[name]); err != nil {
			return fail(kerr.InvalidRequest, invalidDynamic, err)
		}
		if n, _ := strconv.Atoi(strings.TrimSpace(after[name])); n <= 0 {
			return fail(kerr.InvalidRequest, invalidDynamic, "Invalid "+config+" "+after[name])
		}
	}
	return nil
}

// checkBrokerValues is what Kafka checks once it has the whole configuration:
// KafkaConfig.validateValues and its reconfigurable parts.
func (i *Image) checkBrokerValues(c change, before, after map[string]string) error {
	number := func(name string) (n int64, set bool) {
		v, ok := after[name]
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, ok && err == nil && v != before[name]
	}
	if n, set := number("log.roll.ms"); set && n < 1 {
		return fail(kerr.InvalidRequest, "requirement failed: log.roll.ms must be greater than or equal to 1")
	}
	if n, set := number("log.retention.ms"); set && n == 0 {
		return fail(kerr.InvalidRequest, "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1")
	}
	if v := after["max.connections.per.ip.overrides"]; v != before["max.connections.per.ip.overrides"] {
		for _, item := range items(v) {
			at := strings.LastIndexByte(item, ':')
			if _, err := strconv.ParseUint(strings.TrimSpace(item[at+1:]), 10, 31); at < 1 || err != nil {
				return fail(kerr.InvalidRequest, "Error parsing configuration property 'max.connections.per.ip.overrides': %s is not host:count", item)
			}
		}
	}
	if n, set := number("max.connections.per.ip"); set && n == 0 && len(items(after["max.connections.per.ip.overrides"])) == 0 {
		return fail(kerr.InvalidRequest, "requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.")
	}
	if err := i.checkListenerLimits(after); err != nil {
		return err
	}
	for _, name := range slices.Concat(threadPools, []string{"log.cleaner.threads"}) {
		n, set := number(name)
		have, _ := strconv.ParseInt(i.brokerValueOn(name, c.name), 10, 64) // it is checked
		cleaner := name == "log.cleaner.threads"
		text := ""
		switch {
		case !set || n == have:
		case cleaner && n < 1:
			text = "Log cleaner threads should be at least 1"
		case cleaner && n > have*2:
			text = "Log cleaner threads cannot be increased to more than double the current value " + strconv.FormatInt(have, 10)
		case cleaner && n < have/2:
			text = "Log cleaner threads cannot be reduced to less than half the current value " + strconv.FormatInt(have, 10)
		case n > have*2:
			text = "Dynamic thread count update validation failed for " + name + "=" + strconv.FormatInt(n, 10) + ", value should not be greater than double the current value " + strconv.FormatInt(have, 10)
		case n < have/2:
			text = "Dynamic thread count update validation failed for " + name + "=" + strconv.FormatInt(n, 10) + ", value should be at least half the current value " + strconv.FormatInt(have, 10)
		}
		if text != "" {
			return fail(kerr.InvalidRequest, invalidDynamic, text)
		}
	}
	threads, _ := strconv.ParseInt(i.brokerValueOn("log.cleaner.threads", c.name), 10, 64)
	if n, set := number("log.cleaner.dedupe.buffer.size"); set && threads > 0 && n/threads < 1<<20 {
		return fail(kerr.InvalidRequest, "requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.")
	}
	return nil
}
