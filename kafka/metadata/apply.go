package metadata

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"maps"
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
	topicPrefix    = "topic/"
	configPrefix   = "broker-config/"
	userPrefix     = "scram-user/"
)

type brokersEvent struct {
	Format  int      `json:"v"`
	Brokers []Broker `json:"brokers"`
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
	d.records = append(d.records, r)
	d.image = d.image.apply(r)
}

func (d *decision) setTopic(t *Topic) {
	d.add(topicPrefix+t.Name, topicEvent{
		Format: eventFormat, ID: hex.EncodeToString(t.ID[:]), Internal: t.Internal, Partitions: t.Partitions, Configs: t.Configs,
	})
}

// Apply changes the state by one event. What it cannot read it ignores.
func (c *Core) Apply(r statemachine.Record, _ time.Time) {
	if string(r.Key) == producerIDsKey {
		var e producerIDs
		if decode(r.Value, &e) && e.Format == eventFormat && e.Next > c.nextProducerID {
			c.nextProducerID = e.Next
		}
		return
	}
	c.image = c.image.apply(r)
}

func decode(value []byte, into any) bool { return json.Unmarshal(value, into) == nil }

// apply is the fold of one event over an image.
func (i *Image) apply(r statemachine.Record) *Image {
	key := string(r.Key)
	if name, ok := strings.CutPrefix(key, topicPrefix); ok {
		return i.applyTopic(name, r.Value)
	}
	next := *i
	switch {
	case key == brokersKey:
		var e brokersEvent
		if !decode(r.Value, &e) || e.Format != eventFormat {
			return i
		}
		next.Brokers = e.Brokers
		slices.SortFunc(next.Brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
	case strings.HasPrefix(key, configPrefix):
		var e configEvent
		if r.Value != nil && (!decode(r.Value, &e) || e.Format != eventFormat) {
			return i
		}
		next.dynamic = maps.Clone(i.dynamic)
		set(next.dynamic, key[len(configPrefix):], e.Configs, r.Value == nil)
	case strings.HasPrefix(key, userPrefix):
		var e scramUser
		if r.Value != nil && (!decode(r.Value, &e) || e.Format != eventFormat) {
			return i
		}
		next.users = maps.Clone(i.users)
		set(next.users, key[len(userPrefix):], e, r.Value == nil)
	default:
		return i
	}
	return &next
}

func set[V any](m map[string]V, key string, value V, gone bool) {
	if gone {
		delete(m, key)
		return
	}
	m[key] = value
}

func (i *Image) applyTopic(name string, value []byte) *Image {
	if value == nil {
		return i.with(name, nil)
	}
	var e topicEvent
	if !decode(value, &e) || e.Format != eventFormat {
		return i
	}
	id, err := hex.DecodeString(e.ID)
	if err != nil || len(id) != 16 {
		return i
	}
	return i.with(name, &Topic{Name: name, ID: [16]byte(id), Internal: e.Internal, Partitions: e.Partitions, Configs: e.Configs})
}
