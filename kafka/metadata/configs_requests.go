package metadata

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// DescribeConfigs answers for topics and brokers.
func (i *Image) DescribeConfigs(req *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for n := range req.Resources {
		r := &req.Resources[n]
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
		if err := i.describe(req, r, &out); err != nil {
			out.ErrorCode, out.ErrorMessage = wire(err)
		}
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

func (i *Image) describe(req *kmsg.DescribeConfigsRequest, r *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) error {
	switch r.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		t := i.Topic(r.ResourceName)
		if err := ValidateTopicName(r.ResourceName); err != nil {
			return err
		}
		if t == nil {
			return fail(kerr.UnknownTopicOrPartition, "This server does not host this topic-partition.")
		}
		for _, c := range topicConfigs {
			if r.ConfigNames == nil || slices.Contains(r.ConfigNames, c.name) {
				out.Configs = append(out.Configs, describeConfig(c, i.topicEntries(c, t), req, false))
			}
		}
	case kmsg.ConfigResourceTypeBroker:
		if err := i.checkBroker(r.ResourceName); err != nil {
			return err
		}
		for _, c := range brokerConfigs {
			entries := i.brokerEntries(c.name, r.ResourceName)
			if r.ConfigNames != nil && !slices.Contains(r.ConfigNames, c.name) {
				continue
			}
			if r.ResourceName == "" { // the cluster's defaults: only what was set
				entries = slices.DeleteFunc(entries, func(e entry) bool { return e.source != dynamicDefaultBroker })
				if len(entries) == 0 {
					continue
				}
			}
			out.Configs = append(out.Configs, describeConfig(c, entries, req, c.static))
		}
	default:
		return fail(kerr.InvalidRequest, "Unsupported resource type: %d", r.ResourceType)
	}
	return nil
}

// describeConfig renders a config whose winning value is the first entry; no
// entry at all is a config without a value.
func describeConfig(c config, entries []entry, req *kmsg.DescribeConfigsRequest, readOnly bool) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.ConfigType, out.ReadOnly = c.name, kmsg.ConfigType(c.kind), readOnly
	out.Source = kmsg.ConfigSource(defaultConfig)
	out.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if len(entries) > 0 {
		out.Value, out.Source = kmsg.StringPtr(entries[0].value), kmsg.ConfigSource(entries[0].source)
	}
	if !req.IncludeSynonyms {
		return out
	}
	for _, e := range entries {
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Value, s.Source = e.name, kmsg.StringPtr(e.raw), kmsg.ConfigSource(e.source)
		out.ConfigSynonyms = append(out.ConfigSynonyms, s)
	}
	return out
}

// checkBroker says whether a broker resource's name is a broker's id, or "" for
// the defaults of all.
func (i *Image) checkBroker(name string) error {
	if name == "" {
		return nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return fail(kerr.InvalidRequest, "Broker id must be an integer, but it is: %s", name)
	}
	if i.Broker(int32(id)) == nil {
		return fail(kerr.BrokerNotAvailable, "Broker %d is not registered.", id)
	}
	return nil
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

func (d *decision) incrementalAlterConfigs(req *kmsg.IncrementalAlterConfigsRequest) *kmsg.IncrementalAlterConfigsResponse {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for i := range req.Resources {
		r := &req.Resources[i]
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		changes := make([]alteration, len(r.Configs))
		for j, c := range r.Configs {
			changes[j] = alteration{int8(c.Op), c.Name, c.Value}
		}
		out.ErrorCode, out.ErrorMessage = wire(d.alter(r.ResourceType, r.ResourceName, changes, false, req.ValidateOnly))
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// alterConfigs replaces everything that was set.
func (d *decision) alterConfigs(req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	for i := range req.Resources {
		r := &req.Resources[i]
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		changes := make([]alteration, len(r.Configs))
		for j, c := range r.Configs {
			changes[j] = alteration{opSet, c.Name, c.Value}
		}
		out.ErrorCode, out.ErrorMessage = wire(d.alter(r.ResourceType, r.ResourceName, changes, true, req.ValidateOnly))
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

func (d *decision) alter(kind kmsg.ConfigResourceType, name string, changes []alteration, replace, validateOnly bool) error {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return d.alterTopic(name, changes, replace, validateOnly)
	case kmsg.ConfigResourceTypeBroker:
		return d.alterBroker(name, changes, replace, validateOnly)
	}
	return fail(kerr.InvalidRequest, "Unsupported resource type: %d", kind)
}

func (d *decision) alterTopic(name string, changes []alteration, replace, validateOnly bool) error {
	if err := ValidateTopicName(name); err != nil {
		return err
	}
	t := d.image.Topic(name)
	switch {
	case t == nil:
		return fail(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
	case t.Internal:
		return fail(kerr.PolicyViolation, "Topic '%s' belongs to the cluster and cannot be changed.", name)
	}
	inherited := func(key string) string {
		c, ok := find(topicConfigs, key)
		if !ok {
			return ""
		}
		return d.image.topicEntry(c, t).value
	}
	after, err := changed(t.Configs, changes, replace, topicConfigs, inherited)
	if err != nil {
		return err
	}
	before := t.Configs
	if before == nil {
		before = map[string]string{}
	}
	if err := d.checkTopicConfigs(before, after); err != nil {
		return err
	}
	if !validateOnly && !maps.Equal(before, after) {
		altered := *t
		altered.Configs = after
		d.setTopic(&altered)
	}
	return nil
}

func (d *decision) alterBroker(name string, changes []alteration, replace, validateOnly bool) error {
	if d.core.p.Serverless {
		return fail(kerr.InvalidRequest, "Broker configs of a serverless cluster cannot be changed.")
	}
	if err := d.image.checkBroker(name); err != nil {
		return err
	}
	inherited := func(key string) string {
		if e := d.image.brokerEntries(key, name); len(e) > 0 {
			return e[0].value
		}
		return ""
	}
	after, err := changed(d.image.dynamic[name], changes, replace, brokerConfigs, inherited)
	if err != nil {
		return err
	}
	for _, key := range sortedKeys(after) {
		c, known := find(brokerConfigs, key)
		switch {
		case !known:
			return fail(kerr.InvalidConfig, "Unknown broker config name: %s", key)
		case c.static:
			return fail(kerr.InvalidRequest, "Cannot update these configs dynamically: Set(%s)", key)
		}
		if err := c.check(after[key]); err != nil {
			return fail(kerr.InvalidRequest, "%s", err)
		}
	}
	switch {
	case validateOnly || maps.Equal(after, d.image.dynamic[name]):
	case len(after) == 0:
		d.remove(configPrefix + name)
	default:
		d.add(configPrefix+name, configEvent{Format: eventFormat, Configs: after})
	}
	return nil
}

// changed is the configs after the changes.
func changed(before map[string]string, changes []alteration, replace bool, table []config, inherited func(string) string) (map[string]string, error) {
	after := maps.Clone(before)
	if after == nil || replace {
		after = make(map[string]string)
	}
	seen := make(map[string]bool)
	for _, c := range changes {
		if seen[c.name] {
			return nil, fail(kerr.InvalidRequest, "Error due to duplicate config keys: %s", c.name)
		}
		seen[c.name] = true
		if c.op == opDelete {
			delete(after, c.name)
			continue
		}
		if c.value == nil {
			return nil, fail(kerr.InvalidRequest, "Null value not supported for: %s", c.name)
		}
		if c.op == opSet {
			after[c.name] = *c.value
			continue
		}
		def, _ := find(table, c.name)
		if def.kind != typeList {
			return nil, fail(kerr.InvalidConfig, "Can't APPEND or SUBTRACT key %s because its type is not LIST.", c.name)
		}
		if c.op != opAppend && c.op != opSubtract {
			return nil, fail(kerr.InvalidRequest, "Unknown operation %d for key %s.", c.op, c.name)
		}
		current, set := after[c.name]
		if !set {
			current = inherited(c.name)
		}
		after[c.name] = listChange(current, *c.value, c.op)
	}
	return after, nil
}

func listChange(current, items string, op int8) string {
	var list []string
	if current != "" {
		list = strings.Split(current, ",")
	}
	for _, item := range strings.Split(items, ",") {
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
