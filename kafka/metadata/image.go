package metadata

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/kafka/quota"
)

// Image is the metadata at one moment. It never changes, and shares with the
// images before it what is the same.
type Image struct {
	ClusterID    string
	ControllerID int32
	Brokers      []Broker // sorted by id

	static  map[string]string            // the brokers' server.properties
	dynamic map[string]map[string]string // by broker id, "" for all brokers
	topics  map[string]*Topic
	byID    map[[16]byte]*Topic
	sorted  []*Topic                     // by name
	groups  map[string]map[string]string // configs of groups
	metrics map[string]map[string]string // and of client metrics subscriptions
	moving  map[string]struct{}          // topics with a reassignment under way
	users   map[string]scramUser
	acls    map[pattern][]rule // the rules sorted
	quotas  quota.Limits

	release   release   // of Params until the brokers have said theirs: which configs there are
	supported []Feature // likewise
	features  features  // an event's: never changed

	apart         []int32         // brokers whose server.properties are not those that all share
	superUsers    map[string]bool // of server.properties
	openByDefault bool            // of server.properties: allow.everyone.if.no.acl.found
}

// Broker is one logical broker.
type Broker struct {
	ID        int32               `json:"id"`
	Rack      string              `json:"rack,omitempty"`
	Listeners map[string]Endpoint `json:"listeners"` // by listener name
	Fenced    bool                `json:"fenced,omitempty"`
	Static    map[string]string   `json:"static,omitempty"`  // its server.properties; nil: those of Params
	Express   bool                `json:"express,omitempty"` // one of MSK's Express brokers
}

// Endpoint is where clients of a listener reach a broker.
type Endpoint struct {
	Host string `json:"host"`
	Port int32  `json:"port"`
}

// Topic is one topic. It is immutable: a changed topic is another Topic.
type Topic struct {
	Name       string
	ID         [16]byte
	Internal   bool
	Partitions []Partition
	Configs    map[string]string // set by clients, nothing inherited
}

// Partition is who leads and who holds one partition.
type Partition struct {
	Leader         int32   `json:"leader"` // -1: nobody
	LeaderEpoch    int32   `json:"leaderEpoch"`
	PartitionEpoch int32   `json:"partitionEpoch"`
	Replicas       []int32 `json:"replicas"` // the preferred leader first
	ISR            []int32 `json:"isr"`
	Adding         []int32 `json:"adding,omitempty"`   // replicas that a reassignment brings
	Removing       []int32 `json:"removing,omitempty"` // replicas that leave when it ends
}

// Topic finds a topic by name, or nil.
func (i *Image) Topic(name string) *Topic { return i.topics[name] }

// TopicByID finds a topic by id, or nil.
func (i *Image) TopicByID(id [16]byte) *Topic { return i.byID[id] }

// Topics lists all topics, sorted by name. The slice is the image's.
func (i *Image) Topics() []*Topic { return i.sorted }

// Broker finds a broker by id, or nil.
func (i *Image) Broker(id int32) *Broker {
	at, ok := slices.BinarySearchFunc(i.Brokers, id, func(b Broker, id int32) int { return cmp.Compare(b.ID, id) })
	if !ok {
		return nil
	}
	return &i.Brokers[at]
}

// Controller is the broker that clients send administrative requests to: the
// controller while it is alive, else another one, since each serves them. As
// Kafka's brokers, who name any live broker (KRaftMetadataCache). -1 when none
// is alive.
func (i *Image) Controller() int32 {
	if i.alive(i.ControllerID) {
		return i.ControllerID
	}
	for _, b := range i.Brokers {
		if !b.Fenced {
			return b.ID
		}
	}
	return -1
}

// AutoCreateTopics is auto.create.topics.enable.
func (i *Image) AutoCreateTopics() bool { return i.brokerValue("auto.create.topics.enable") == "true" }

// FetchMaxBytes is fetch.max.bytes: the most that one answer to Fetch holds.
func (i *Image) FetchMaxBytes() int { return i.brokerInt("fetch.max.bytes") }

// FetchSessionSlots is max.incremental.fetch.session.cache.slots (KIP-227).
func (i *Image) FetchSessionSlots() int {
	return i.brokerInt("max.incremental.fetch.session.cache.slots")
}

// rackAwareSelector is the one replica selector that Kafka ships (KIP-392).
const rackAwareSelector = "org.apache.kafka.common.replica.RackAwareReplicaSelector"

// RackAwareReads reports whether replica.selector.class has leaders send
// consumers to the replicas in their own rack. A class of another name cannot
// be loaded and selects nothing.
func (i *Image) RackAwareReads() bool {
	return i.brokerValue("replica.selector.class") == rackAwareSelector
}

// clone is a copy that may be changed; the topics are shared.
func (i *Image) clone() *Image {
	next := *i
	next.acls, next.groups, next.metrics = maps.Clone(i.acls), maps.Clone(i.groups), maps.Clone(i.metrics)
	next.dynamic, next.users, next.quotas = maps.Clone(i.dynamic), maps.Clone(i.users), i.quotas.Clone()
	next.topics, next.byID = maps.Clone(i.topics), maps.Clone(i.byID)
	next.sorted, next.moving = slices.Clone(i.sorted), maps.Clone(i.moving)
	return &next
}

// set makes t the topic of that name; nil removes it.
func (i *Image) set(name string, t *Topic) {
	if old := i.topics[name]; old != nil {
		delete(i.byID, old.ID)
	}
	at, found := slices.BinarySearchFunc(i.sorted, name, func(t *Topic, name string) int { return strings.Compare(t.Name, name) })
	switch {
	case t == nil && found:
		i.sorted = slices.Delete(i.sorted, at, at+1)
	case t != nil && found:
		i.sorted[at] = t
	case t != nil:
		i.sorted = slices.Insert(i.sorted, at, t)
	}
	delete(i.moving, name)
	if t != nil && t.reassigning() {
		i.moving[name] = struct{}{}
	}
	if t == nil {
		delete(i.topics, name)
	} else {
		i.topics[name], i.byID[t.ID] = t, t
	}
}
