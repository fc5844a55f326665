package metadata

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/quota"
	"github.com/millrace/millrace/kafka/statemachine"
)

// Params are what a cluster is made with and does not change by itself.
type Params struct {
	ClusterID    string
	ControllerID int32             // while it is registered; without it the first broker is the controller
	Static       map[string]string // server.properties of brokers that register without theirs
	Serverless   bool              // the topic rules of MSK Serverless
	Features     []Feature         // what the brokers support until they register
	Release      int               // line of Kafka whose configs the brokers have, 309 for 3.9 (wire.Line.Release), until they register; 0: the newest
}

// Core is the metadata state machine. It is a statemachine.Core.
type Core struct {
	p     Params
	image *Image
	shown bool // somebody has the image: the next event goes into a copy

	nextProducerID int64     // the first that was never given
	balanceAt      time.Time // when leaders move back to preferred replicas; zero while all are there
}

var _ statemachine.Core = (*Core)(nil)

// New returns the metadata of a cluster without brokers and topics.
func New(p Params) *Core {
	if p.Release == 0 {
		p.Release = int(newest)
	}
	i := &Image{
		ClusterID: p.ClusterID, ControllerID: p.ControllerID, static: p.Static,
		dynamic: map[string]map[string]string{}, topics: map[string]*Topic{},
		byID: map[[16]byte]*Topic{}, sorted: []*Topic{},
		moving: map[string]struct{}{}, users: map[string]scramUser{},
		groups: map[string]map[string]string{}, metrics: map[string]map[string]string{},
		acls: map[pattern][]rule{}, quotas: quota.Limits{}, supported: p.Features, release: release(p.Release),
	}
	i.readAccess()
	return &Core{p: p, image: i}
}

// Image is the current picture. It is never changed after it was asked for.
func (c *Core) Image() *Image {
	c.shown = true
	return c.image
}

// RegisterBrokers says which brokers there are and where; those not named are
// gone. Leaders and ISRs follow. The reply is nil.
type RegisterBrokers struct {
	Brokers  []Broker
	Features []Feature // what they support; nil is as before
	Release  int       // line of Kafka whose configs they have; 0 is as before
}

// CreateTopics is a client's request with one fresh random id for each topic.
type CreateTopics struct {
	Req *kmsg.CreateTopicsRequest
	IDs [][16]byte
}

// CreateInternalTopic creates __consumer_offsets or __transaction_state unless
// it exists or no broker is alive. The reply is nil.
type CreateInternalTopic struct {
	Name string
	ID   [16]byte
}

// AllocateProducerIDs asks for Count consecutive producer ids that were never
// given before, at least one. The reply is the first, an int64.
type AllocateProducerIDs struct{ Count int64 }

// decision collects what a request changes. Events are applied to the scratch
// image, so that one request sees its own earlier parts.
type decision struct {
	core    *Core
	image   *Image // the core's until the first event
	records []statemachine.Record
}

// Decide answers one of the request types above, or one of the kmsg requests
// DeleteTopics, CreatePartitions, IncrementalAlterConfigs, AlterConfigs,
// AlterUserScramCredentials, AlterClientQuotas, ElectLeaders,
// AlterPartitionReassignments, CreateAcls, DeleteAcls and UpdateFeatures, whose replies are their kmsg responses.
func (c *Core) Decide(_ time.Time, t statemachine.Ticket, req any) statemachine.Decision {
	d := &decision{core: c, image: c.image}
	var reply any
	switch r := req.(type) {
	case RegisterBrokers:
		d.registerBrokers(r.Brokers, r.Features, release(r.Release))
	case ChangeBrokers:
		reply = changed(d.changeBrokers(r))
	case FenceBroker:
		reply = d.fence(r.ID, true)
	case UnfenceBroker:
		reply = d.fence(r.ID, false)
	case CreateTopics:
		reply = d.createTopics(r)
	case Rebalance:
		reply = d.rebalance()
	case CreateInternalTopic:
		d.createInternalTopic(r)
	case AllocateProducerIDs:
		reply = d.allocateProducerIDs(r.Count)
	case *kmsg.DeleteTopicsRequest:
		reply = d.deleteTopics(r)
	case *kmsg.CreatePartitionsRequest:
		reply = d.createPartitions(r)
	case *kmsg.IncrementalAlterConfigsRequest:
		reply = d.incrementalAlterConfigs("", r)
	case *kmsg.AlterConfigsRequest:
		reply = d.alterConfigs("", r)
	case AtBroker:
		reply = d.alterAt(r)
	case *kmsg.AlterUserSCRAMCredentialsRequest:
		reply = d.alterUserSCRAMCredentials(r)
	case *kmsg.AlterClientQuotasRequest:
		reply = d.alterClientQuotas(r)
	case *kmsg.ElectLeadersRequest:
		reply = d.electLeaders(r)
	case *kmsg.AlterPartitionAssignmentsRequest:
		reply = d.alterReassignments(r)
	case *kmsg.CreateACLsRequest:
		reply = d.createACLs(r)
	case *kmsg.DeleteACLsRequest:
		reply = d.deleteACLs(r)
	case *kmsg.UpdateFeaturesRequest:
		reply = d.updateFeatures(r)
	default:
		panic("metadata: a request of an unknown type reached the core")
	}
	return statemachine.Decision{Records: d.records, Replies: []statemachine.Reply{{To: t, Value: reply}}}
}

// allocateProducerIDs reserves a block (KIP-730). What the asker has not used
// at its end is skipped.
func (d *decision) allocateProducerIDs(count int64) int64 {
	first, count := d.core.nextProducerID, max(1, count)
	d.add(producerIDsKey, producerIDs{Format: eventFormat, Next: first + count})
	return first
}

func (d *decision) alterAt(r AtBroker) any {
	switch req := r.Req.(type) {
	case *kmsg.IncrementalAlterConfigsRequest:
		return d.incrementalAlterConfigs(strconv.Itoa(int(r.ID)), req)
	case *kmsg.AlterConfigsRequest:
		return d.alterConfigs(strconv.Itoa(int(r.ID)), req)
	}
	panic("metadata: a request of an unknown type reached the core")
}
