package metadata

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/kafka/statemachine"
)

// eventFormat is the format number in every event.
const eventFormat = 1

// Keys of events. Names follow the prefixes.
const (
	brokersKey     = "brokers"
	producerIDsKey = "producer-ids"
	featuresKey    = "features"
	topicPrefix    = "topic/"
	configPrefix   = "broker-config/"
	userPrefix     = "scram-user/"
	aclPrefix      = "acl/"
	groupPrefix    = "group-config/"
	metricsPrefix  = "client-metrics/"
	quotaPrefix    = "client-quota/"
)

type brokersEvent struct {
	Format   int       `json:"v"`
	Brokers  []Broker  `json:"brokers"`
	Features []Feature `json:"features,omitempty"` // what the brokers support
	Release  release   `json:"release,omitempty"`  // whose configs they have
}

type producerIDs struct {
	Format int   `json:"v"`
	Next   int64 `json:"next"`
}

type topicEvent struct {
	Format     int               `json:"v"`
	ID         string            `json:"id"` // 32 hex digits
	Internal   bool              `json:"internal,omitempty"`
	Partitions []Partition       `json:"partitions"`
	Configs    map[string]string `json:"configs,omitempty"`
}

type configEvent struct {
	Format  int               `json:"v"`
	Configs map[string]string `json:"configs"`
}

// add makes an event of a thing's new state and applies it to the scratch image.
func (d *decision) add(key string, event any) {
	value, err := json.Marshal(event)
	if err != nil {
		panic("metadata: event does not encode: " + err.Error()) // maps, numbers and strings always do
	}
	d.record(statemachine.Record{Key: []byte(key), Value: value})
}

// remove makes the event that a thing is gone.
func (d *decision) remove(key string) { d.record(statemachine.Record{Key: []byte(key)}) }

func (d *decision) record(r statemachine.Record) {
	if d.records == nil {
		d.image = d.image.clone()
	}
	d.records = append(d.records, r)
	d.image.apply(r)
}

func (d *decision) setTopic(t *Topic) {
	d.add(topicPrefix+t.Name, topicEvent{
		Format: eventFormat, ID: hex.EncodeToString(t.ID[:]), Internal: t.Internal, Partitions: t.Partitions, Configs: t.Configs,
	})
}

// Apply changes the state by one event. What it cannot read it ignores.
func (c *Core) Apply(r statemachine.Record, at time.Time) {
	if string(r.Key) == producerIDsKey {
		var e producerIDs
		if decode(r.Value, &e) && e.Format == eventFormat && e.Next > c.nextProducerID {
			c.nextProducerID = e.Next
		}
		return
	}
	if c.shown {
		c.image, c.shown = c.image.clone(), false
	}
	c.image.apply(r)
	if name, ok := strings.CutPrefix(string(r.Key), topicPrefix); ok {
		c.noticeImbalance(name, at)
	}
}

func decode(value []byte, into any) bool { return json.Unmarshal(value, into) == nil }

// apply changes an image that nobody else has by one event.
func (i *Image) apply(r statemachine.Record) {
	key := string(r.Key)
	if name, ok := strings.CutPrefix(key, topicPrefix); ok {
		i.applyTopic(name, r.Value)
	} else if name, ok := strings.CutPrefix(key, configPrefix); ok {
		applyConfigs(i.dynamic, name, r.Value)
	} else if name, ok := strings.CutPrefix(key, groupPrefix); ok {
		applyConfigs(i.groups, name, r.Value)
	} else if name, ok := strings.CutPrefix(key, metricsPrefix); ok {
		applyConfigs(i.metrics, name, r.Value)
	} else if name, ok := strings.CutPrefix(key, userPrefix); ok {
		var e scramUser
		if r.Value == nil || decode(r.Value, &e) && e.Format == eventFormat {
			set(i.users, name, e, r.Value == nil)
		}
	} else if text, ok := strings.CutPrefix(key, aclPrefix); ok {
		var e aclEvent
		if r.Value == nil || decode(r.Value, &e) && e.Format == eventFormat {
			i.applyACL(text, r.Value == nil)
		}
	} else if key == featuresKey {
		var e features
		if decode(r.Value, &e) && e.Format == eventFormat {
			i.features = e
		}
	} else if strings.HasPrefix(key, quotaPrefix) {
		i.applyQuotas(key, r.Value)
	} else if key == brokersKey {
		var e brokersEvent
		if decode(r.Value, &e) && e.Format == eventFormat {
			i.Brokers = e.Brokers
			slices.SortFunc(i.Brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
			i.Brokers = slices.CompactFunc(i.Brokers, func(a, b Broker) bool { return a.ID == b.ID })
			if e.Features != nil {
				i.supported = e.Features
			}
			i.release = cmp.Or(e.Release, i.release)
			if len(i.Brokers) > 0 && i.Broker(i.ControllerID) == nil {
				i.ControllerID = i.Brokers[0].ID
			}
			i.apart = i.withOwnStatic()
			i.readAccess()
		}
	}
}

func applyConfigs(all map[string]map[string]string, name string, value []byte) {
	var e configEvent
	if value == nil || decode(value, &e) && e.Format == eventFormat {
		set(all, name, e.Configs, value == nil)
	}
}

func set[V any](m map[string]V, key string, value V, gone bool) {
	if gone {
		delete(m, key)
		return
	}
	m[key] = value
}

func (i *Image) applyTopic(name string, value []byte) {
	if value == nil {
		i.set(name, nil)
		return
	}
	var e topicEvent
	if !decode(value, &e) || e.Format != eventFormat || len(e.Partitions) == 0 {
		return
	}
	for _, p := range e.Partitions {
		if len(p.Replicas) == 0 {
			return
		}
	}
	id, err := hex.DecodeString(e.ID)
	if err != nil || len(id) != 16 {
		return
	}
	i.set(name, &Topic{Name: name, ID: [16]byte(id), Internal: e.Internal, Partitions: e.Partitions, Configs: e.Configs})
}

// Snapshot is the state as events, at most one for each key: a core that
// applies only them is the same.
func (c *Core) Snapshot() []statemachine.Record {
	d := &decision{core: c, image: c.image}
	if c.image.Brokers != nil {
		d.add(brokersKey, brokersEvent{Format: eventFormat, Brokers: c.image.Brokers, Features: c.image.supported, Release: c.image.release})
	}
	for _, t := range c.image.sorted {
		d.setTopic(t)
	}
	d.addConfigs(configPrefix, c.image.dynamic)
	d.addConfigs(groupPrefix, c.image.groups)
	d.addConfigs(metricsPrefix, c.image.metrics)
	for _, name := range sortedKeys(c.image.users) {
		d.add(userPrefix+name, c.image.users[name])
	}
	if c.image.features.Levels != nil {
		d.add(featuresKey, c.image.features)
	}
	for _, p := range c.image.patterns() {
		for _, r := range c.image.acls[p] {
			d.add(newACL(p, r).key(), aclEvent{Format: eventFormat})
		}
	}
	for _, e := range sortedQuotas(c.image.quotas) {
		d.add(quotaKey(e), quotaEvent{Format: eventFormat, Entity: quotaParts(e), Quotas: c.image.quotas[e]})
	}
	if c.nextProducerID > 0 {
		d.add(producerIDsKey, producerIDs{Format: eventFormat, Next: c.nextProducerID})
	}
	return d.records
}

func (d *decision) addConfigs(prefix string, all map[string]map[string]string) {
	for _, name := range sortedKeys(all) {
		d.add(prefix+name, configEvent{Format: eventFormat, Configs: all[name]})
	}
}
