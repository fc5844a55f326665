package metadata

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/loggers"
)

const (
	// maxConfigValue is the longest value in bytes, as in Kafka.
	maxConfigValue = 32767
	// maxConfigs bounds the configs that are set for one resource; brokers take
	// keys that nobody knows.
	maxConfigs = 1000
	// maxConfigured bounds the groups, and the client metrics subscriptions, that
	// have configs.
	maxConfigured = 10_000
)

// AtBroker is an IncrementalAlterConfigs or AlterConfigs request that came to a
// broker: configs of single brokers are only changed through the broker itself.
type AtBroker struct {
	ID  int32
	Req kmsg.Request
}

// Operations of IncrementalAlterConfigs.
const (
	opSet      = 0
	opDelete   = 1
	opAppend   = 2
	opSubtract = 3
)

// alteration is one key's change in either of the two requests.
type alteration struct {
	op    int8
	name  string
	value *string
}

// resource names what is altered.
type resource struct {
	kind kmsg.ConfigResourceType
	name string
}

// change is what a request asks of one resource.
type change struct {
	resource
	broker       string // that was asked, "" when nobody knows
	keys         []alteration
	replace      bool // AlterConfigs: what is not named is unset
	validateOnly bool
}

func (d *decision) incrementalAlterConfigs(broker string, req *kmsg.IncrementalAlterConfigsRequest) *kmsg.IncrementalAlterConfigsResponse {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	seen := make(map[resource]int)
	for _, r := range req.Resources {
		seen[resource{r.ResourceType, r.ResourceName}]++
	}
	for _, r := range req.Resources {
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		c := change{resource: resource{r.ResourceType, r.ResourceName}, broker: broker, validateOnly: req.ValidateOnly}
		for _, k := range r.Configs {
			c.keys = append(c.keys, alteration{int8(k.Op), k.Name, k.Value})
		}
		out.ErrorCode, out.ErrorMessage = wire(d.alter(c, seen[c.resource]))
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// alterConfigs replaces everything that was set.
func (d *decision) alterConfigs(broker string, req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	seen := make(map[resource]int)
	for _, r := range req.Resources {
		seen[resource{r.ResourceType, r.ResourceName}]++
	}
	for _, r := range req.Resources {
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		c := change{resource: resource{r.ResourceType, r.ResourceName}, broker: broker, replace: true, validateOnly: req.ValidateOnly}
		for _, k := range r.Configs {
			c.keys = append(c.keys, alteration{opSet, k.Name, k.Value})
		}
		out.ErrorCode, out.ErrorMessage = wire(d.alter(c, seen[c.resource]))
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// alter checks in the order of Kafka's ConfigAdminManager.preprocess and then of
// its controller.
func (d *decision) alter(c change, times int) error {
	if times > 1 {
		return fail(kerr.InvalidRequest, "Each resource must appear at most once.")
	}
	names, nulls := make(map[string]bool), []string(nil)
	for _, k := range c.keys {
		if names[k.name] {
			return fail(kerr.InvalidRequest, "Error due to duplicate config keys")
		}
		names[k.name] = true
		if k.value == nil && k.op != opDelete {
			nulls = append(nulls, k.name)
		}
	}
	if len(nulls) > 0 {
		return fail(kerr.InvalidRequest, "Null value not supported for : %s", strings.Join(nulls, ", "))
	}
	switch c.kind {
	case kmsg.ConfigResourceTypeTopic:
		return d.alterTopic(c)
	case kmsg.ConfigResourceTypeBroker:
		return d.alterBroker(c)
	case kmsg.ConfigResourceTypeGroupConfig:
		if d.image.release.knows(c.kind) {
			return d.alterGroup(c)
		}
	case kmsg.ConfigResourceTypeClientMetrics:
		if d.image.release.knows(c.kind) {
			return d.alterMetrics(c)
		}
	case kmsg.ConfigResourceTypeBrokerLogger:
		if !c.replace {
			return alterLogger(c)
		}
	}
	return fail(kerr.InvalidRequest, "Unknown resource type %d", int8(c.kind))
}

func (d *decision) alterTopic(c change) error {
	if c.name == "" {
		return fail(kerr.InvalidRequest, "Default topic resources are not allowed.")
	}
	if err := ValidateTopicName(c.name); err != nil {
		return err
	}
	t := d.image.Topic(c.name)
	before, after := map[string]string{}, map[string]string(nil)
	if t != nil && t.Configs != nil {
		before = t.Configs
	}
	after, err := c.applied(before, d.image.release, topicConfigs)
	if err != nil {
		return err
	}
	if err := d.checkTopicConfigs(before, after); err != nil {
		return err
	}
	switch {
	case t == nil:
		return fail(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", c.name)
	case t.Internal:
		return fail(kerr.PolicyViolation, "Topic '%s' belongs to the cluster and cannot be changed.", c.name)
	case c.validateOnly || maps.Equal(before, after):
		return nil
	}
	altered := *t
	altered.Configs = after
	d.setTopic(&altered)
	d.settleAfter(before, after)
	return nil
}

// settleAfter elects unclean leaders at once when they became allowed.
func (d *decision) settleAfter(before, after map[string]string) {
	const name = "unclean.leader.election.enable"
	if before[name] != after[name] {
		d.settle()
	}
}

// checkTopicConfigs checks the configs that a topic would have; before is what
// it has, nil at creation.
func (d *decision) checkTopicConfigs(before, after map[string]string) error {
	for _, name := range sortedKeys(after) {
		if _, known := d.image.release.find(topicConfigs, name); !known {
			return fail(kerr.InvalidConfig, "Unknown topic config name: %s", name)
		}
	}
	for _, name := range sortedKeys(after) {
		value := after[name]
		c, _ := d.image.release.find(topicConfigs, name)
		if err := d.checkServerlessConfig(name, value, before); err != nil {
			return err
		}
		if err := d.checkExpressTopic(name, value, before); err != nil {
			return err
		}
		if err := c.check(value); err != nil {
			return fail(kerr.InvalidConfig, "%s", err)
		}
	}
	lag := func(name string) int64 {
		c, _ := d.image.release.find(topicConfigs, name)
		n, _ := strconv.ParseInt(d.image.effective(c, after, ""), 10, 64) // effective is checked
		return n
	}
	if low, high := lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms"); low > high {
		return fail(kerr.InvalidConfig, "conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", low, high)
	}
	return d.checkRemoteStorage(before, after)
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

func (d *decision) alterGroup(c change) error {
	if c.name == "" {
		return fail(kerr.InvalidRequest, "Default group resources are not allowed.")
	}
	after, err := c.applied(d.image.groups[c.name], d.image.release, groupConfigs)
	if err != nil {
		return err
	}
	if err := d.image.checkGroupConfigs(after); err != nil {
		return err
	}
	return d.setConfigs(c, groupPrefix, d.image.groups, after)
}

func (d *decision) alterMetrics(c change) error {
	if c.name == "" {
		return fail(kerr.InvalidRequest, "Subscription name can't be empty")
	}
	after, err := c.applied(d.image.metrics[c.name], d.image.release, nil) // Kafka's schema does not know them: no lists
	if err != nil {
		return err
	}
	if err := checkMetricsConfigs(after); err != nil {
		return err
	}
	return d.setConfigs(c, metricsPrefix, d.image.metrics, after)
}

// setConfigs writes the configs of a resource that lives by them alone.
func (d *decision) setConfigs(c change, prefix string, all map[string]map[string]string, after map[string]string) error {
	before, known := all[c.name]
	switch {
	case !known && len(after) > 0 && len(all) >= maxConfigured:
		return fail(kerr.PolicyViolation, "The cluster has configs of %d such resources already, which is the limit.", maxConfigured)
	case c.validateOnly || maps.Equal(after, before):
	case len(after) == 0:
		d.remove(prefix + c.name)
	default:
		d.add(prefix+c.name, configEvent{Format: eventFormat, Configs: after})
	}
	return nil
}

// alterLogger checks as Kafka's RuntimeLoggerManager. Levels are of the broker's
// process, which changes them: they are no metadata.
func alterLogger(c change) error {
	if c.broker != "" {
		if err := ownBroker(c.broker, c.name, "Node id must be an integer, but it is: %s", "Unexpected node id. Expected %s, but received %s"); err != nil {
			return err
		}
	}
	for _, k := range c.keys {
		switch {
		case k.op == opAppend || k.op == opSubtract:
			return fail(kerr.InvalidRequest, "%s operation is not allowed for the BROKER_LOGGER resource", opNames[k.op])
		case k.op != opSet && k.op != opDelete:
			return fail(kerr.InvalidRequest, "Unknown operation type %d is not allowed for the BROKER_LOGGER resource", k.op)
		case !loggers.Exists(k.name):
			return fail(kerr.InvalidConfig, "Logger %s does not exist!", k.name)
		case k.op == opDelete && k.name == loggers.Root:
			return fail(kerr.InvalidRequest, "Removing the log level of the root logger is not allowed")
		case k.op == opDelete:
			continue
		}
		if _, ok := loggers.ParseLevel(*k.value); !ok {
			return fail(kerr.InvalidConfig, "Cannot set the log level of %s to %s as it is not a supported log level. Valid log levels are %s", k.name, *k.value, strings.Join(loggers.Levels(), ", "))
		}
	}
	return nil
}

var opNames = [...]string{opSet: "SET", opDelete: "DELETE", opAppend: "APPEND", opSubtract: "SUBTRACT"}

// applied is the configs after the changes (ConfigurationControlManager).
func (c change) applied(before map[string]string, r release, table []config) (map[string]string, error) {
	after := maps.Clone(before)
	if after == nil || c.replace {
		after = make(map[string]string)
	}
	for _, k := range c.keys {
		switch k.op {
		case opDelete:
			delete(after, k.name)
			continue
		case opSet:
			after[k.name] = *k.value
		case opAppend, opSubtract:
			def, _ := r.find(table, k.name)
			if def.kind != typeList {
				return nil, c.notAList(k, def)
			}
			current, set := after[k.name]
			if !set {
				current = strings.TrimSuffix(def.value, unsetConfig)
			}
			after[k.name] = listChange(current, *k.value, k.op)
		default:
			return nil, fail(kerr.InvalidRequest, "Unknown operations type %d", k.op)
		}
		if len(after[k.name]) > maxConfigValue {
			return nil, fail(kerr.InvalidConfig, "The configuration value cannot be added because it exceeds the maximum value size of %d bytes.", maxConfigValue)
		}
	}
	if len(after) > maxConfigs {
		return nil, fail(kerr.PolicyViolation, "More than %d configs cannot be set for one resource.", maxConfigs)
	}
	return after, nil
}

func (c change) notAList(k alteration, def config) error {
	switch {
	case c.kind != kmsg.ConfigResourceTypeBroker:
		return fail(kerr.InvalidConfig, "Can't %s to key %s because its type is not LIST.", opNames[k.op], k.name)
	case def.name == "":
		return fail(kerr.InvalidConfig, "Unknown config name: %s", k.name)
	}
	return fail(kerr.InvalidConfig, "Config value %s is not allowed for config key: %s", strings.ToLower(opNames[k.op]), k.name)
}

func listChange(current, change string, op int8) string {
	var list []string
	for _, item := range strings.Split(current, ",") {
		if item != "" {
			list = append(list, item)
		}
	}
	for _, item := range strings.Split(change, ",") {
		i := slices.Index(list, item)
		switch {
		case op == opAppend && i < 0:
			list = append(list, item)
		case op == opSubtract && i >= 0:
			list = slices.Delete(list, i, i+1)
		}
	}
	return strings.Join(list, ",")
}
