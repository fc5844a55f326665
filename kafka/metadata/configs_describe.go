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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// malformed is the text that Kafka puts beside INVALID_REQUEST when it refuses
// a request as a whole.
const malformed = "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."

// DescribeConfigs answers a request that came to the given broker, which knows
// its own configs and loggers, and no other broker's.
func (i *Image) DescribeConfigs(broker int32, own []loggers.Logger, req *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	resp.Resources = []kmsg.DescribeConfigsResponseResource{}
	unknown := slices.ContainsFunc(req.Resources, func(r kmsg.DescribeConfigsRequestResource) bool { return !i.release.knows(r.ResourceType) })
	for n := range req.Resources {
		r := &req.Resources[n]
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
		shown, err := []described(nil), fail(kerr.InvalidRequest, malformed)
		if !unknown {
			shown, err = i.describe(strconv.Itoa(int(broker)), own, r.ResourceType, r.ResourceName)
		}
		if out.ErrorCode, out.ErrorMessage = wire(err); out.ErrorMessage == nil {
			out.ErrorMessage = kmsg.StringPtr("") // as Kafka
		}
		for _, s := range shown {
			if len(r.ConfigNames) == 0 || slices.Contains(r.ConfigNames, s.name) {
				out.Configs = append(out.Configs, s.render(req))
			}
		}
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// described is a config as DescribeConfigs shows it.
type described struct {
	config
	value    string // unsetConfig: null
	source   source
	entries  []entry // synonyms
	readOnly bool
}

// describe lists the configs of a resource; the errors are those of Kafka's
// ConfigHelper.
func (i *Image) describe(broker string, own []loggers.Logger, kind kmsg.ConfigResourceType, name string) ([]described, error) {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		if err := ValidateTopicName(name); err != nil {
			return nil, err
		}
		t := i.Topic(name)
		if t == nil {
			return nil, fail(kerr.UnknownTopicOrPartition, "")
		}
		return i.describeTopic(t, broker), nil
	case kmsg.ConfigResourceTypeBroker:
		if name == "" {
			return i.describeDefaults(), nil
		}
		if err := ownBroker(broker, name, "Broker id must be an integer, but it is: %s", "Unexpected broker id, expected %s or empty string, but received %s"); err != nil {
			return nil, err
		}
		return i.describeBroker(broker), nil
	case kmsg.ConfigResourceTypeBrokerLogger:
		if name == "" {
			return nil, fail(kerr.InvalidRequest, "Broker id must not be empty")
		}
		if err := ownBroker(broker, name, "Broker id must be an integer, but it is: %s", "Unexpected broker id, expected %s but received %s"); err != nil {
			return nil, err
		}
		return describeLoggers(own), nil
	case kmsg.ConfigResourceTypeClientMetrics:
		if name == "" {
			return nil, fail(kerr.InvalidRequest, "Client metrics subscription name must not be empty")
		}
		return i.describeMetrics(name), nil
	}
	if name == "" {
		return nil, fail(kerr.InvalidRequest, "Group name must not be empty")
	}
	return i.describeGroup(name, broker), nil
}

func describeLoggers(own []loggers.Logger) []described {
	out := make([]described, 0, len(own))
	for _, l := range own {
		out = append(out, described{config: config{name: l.Name}, value: loggers.Name(l.Level), source: dynamicLogger})
	}
	return out
}

// ownBroker refuses names of brokers other than the one that was asked.
func ownBroker(broker, name, notANumber, another string) error {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return fail(kerr.InvalidRequest, notANumber, name)
	}
	if strconv.Itoa(int(id)) != broker {
		return fail(kerr.InvalidRequest, another, broker, name)
	}
	return nil
}

func (i *Image) describeTopic(t *Topic, broker string) (out []described) {
	for c := range i.release.of(topicConfigs) {
		if c.update == whenSet {
			continue
		}
		d := described{config: c, source: defaultConfig, entries: i.topicEntries(c, t, broker)}
		if len(d.entries) > 0 {
			d.source = d.entries[0].source
		}
		if d.value = i.effective(c, t.Configs, broker); d.source == dynamicTopic {
			d.value = strings.TrimSpace(d.entries[0].value)
		}
		out = append(out, d)
	}
	return out
}

// describeBroker lists every broker config, and what else is set, whose values
// Kafka does not show.
func (i *Image) describeBroker(broker string) (out []described) {
	names := make(map[string]bool)
	for c := range i.release.of(brokerConfigs) {
		names[c.name] = c.update != whenSet
	}
	for _, set := range []map[string]string{i.staticOf(broker), i.dynamic[""], i.dynamic[broker]} {
		for name := range set {
			names[name] = true
		}
	}
	for _, name := range sortedKeys(names) {
		if names[name] {
			out = append(out, i.describeBrokerConfig(name, i.brokerEntries(name, broker)))
		}
	}
	return out
}

// describeDefaults lists what was set for all brokers, and only that.
func (i *Image) describeDefaults() (out []described) {
	for _, name := range sortedKeys(i.dynamic[""]) {
		entries := slices.DeleteFunc(i.brokerEntries(name, ""), func(e entry) bool { return e.source != dynamicDefaultBroker })
		out = append(out, i.describeBrokerConfig(name, entries))
	}
	return out
}

func (i *Image) describeBrokerConfig(name string, entries []entry) described {
	c, known := i.release.find(brokerConfigs, name)
	if !known {
		c = config{name: name, kind: typeUnknown}
	}
	d := described{config: c, value: unsetConfig, source: defaultConfig, entries: entries, readOnly: c.update == readOnly || c.update == whenSet}
	if len(entries) > 0 {
		d.value, d.source = entries[0].value, entries[0].source
	}
	return d
}

// describeOwn lists configs that inherit nothing: synonyms are only what was set.
func describeOwn(r release, table []config, own map[string]string, from source) (out []described) {
	for c := range r.of(table) {
		d := described{config: c, value: c.value, source: defaultConfig}
		if v, ok := own[c.name]; ok {
			d.value, d.source, d.entries = v, from, []entry{{c.name, v, from}}
		}
		out = append(out, d)
	}
	return out
}

// describeMetrics lists the configs of a subscription; before 4.1 only what was
// set, without types.
func (i *Image) describeMetrics(name string) []described {
	out := describeOwn(i.release, metricsConfigs, i.metrics[name], dynamicMetrics)
	if i.release < k41 {
		out = slices.DeleteFunc(out, func(d described) bool { return d.source == defaultConfig })
		for n := range out {
			out[n].kind = typeUnknown
		}
	}
	return out
}

func (i *Image) describeGroup(name, broker string) []described {
	out := describeOwn(i.release, groupConfigs, i.groups[name], dynamicGroup)
	for n := range out {
		if d := &out[n]; d.source == defaultConfig {
			d.value = i.effective(d.config, nil, broker)
			d.entries = []entry{{d.name, d.value, defaultConfig}}
		}
	}
	return out
}

func (d described) render(req *kmsg.DescribeConfigsRequest) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	hidden := d.sensitive() && d.source != dynamicLogger && d.source != dynamicMetrics
	out.Name, out.ConfigType, out.ReadOnly, out.IsSensitive = d.name, kmsg.ConfigType(d.kind), d.readOnly, hidden
	out.Source = kmsg.ConfigSource(d.source)
	out.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if !hidden && d.value != unsetConfig {
		out.Value = kmsg.StringPtr(d.value)
	}
	if req.IncludeDocumentation {
		out.Documentation = kmsg.StringPtr(d.doc)
	}
	if !req.IncludeSynonyms {
		return out
	}
	for _, e := range d.entries {
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Source = e.name, kmsg.ConfigSource(e.source)
		if !hidden {
			s.Value = kmsg.StringPtr(e.value)
		}
		out.ConfigSynonyms = append(out.ConfigSynonyms, s)
	}
	return out
}

// ListConfigResources lists what has configs (KIP-1142); version 0 lists client
// metrics subscriptions alone (KIP-1000). Groups and subscriptions are those
// that something was set for.
func (i *Image) ListConfigResources(req *kmsg.ListConfigResourcesRequest) *kmsg.ListConfigResourcesResponse {
	resp := req.ResponseKind().(*kmsg.ListConfigResourcesResponse)
	resp.ConfigResources = []kmsg.ListConfigResourcesResponseConfigResource{}
	all := []kmsg.ConfigResourceType{
		kmsg.ConfigResourceTypeGroupConfig, kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeBrokerLogger,
		kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeTopic,
	}
	asked := req.ResourceTypes
	if req.Version < 1 {
		asked = []int8{int8(kmsg.ConfigResourceTypeClientMetrics)}
	}
	for _, t := range asked {
		if !i.release.knows(kmsg.ConfigResourceType(t)) {
			resp.ErrorCode = kerr.UnsupportedVersion.Code
			return resp
		}
	}
	for _, t := range all {
		if len(asked) > 0 && !slices.Contains(asked, int8(t)) {
			continue
		}
		for _, name := range i.resourceNames(t) {
			resp.ConfigResources = append(resp.ConfigResources, kmsg.ListConfigResourcesResponseConfigResource{Name: name, Type: int8(t)})
		}
	}
	return resp
}

func (i *Image) resourceNames(t kmsg.ConfigResourceType) (names []string) {
	switch t {
	case kmsg.ConfigResourceTypeGroupConfig:
		return sortedKeys(i.groups)
	case kmsg.ConfigResourceTypeClientMetrics:
		return sortedKeys(i.metrics)
	case kmsg.ConfigResourceTypeTopic:
		for _, t := range i.sorted {
			names = append(names, t.Name)
		}
		return names
	}
	for _, b := range i.Brokers {
		if !b.Fenced {
			names = append(names, strconv.Itoa(int(b.ID)))
		}
	}
	return names
}
