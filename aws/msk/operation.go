package msk

import (
	"maps"
	"slices"
	"time"
)

// OperationState is a cluster operation's state as the API names it.
type OperationState string

// The states of operations.
const (
	pending          OperationState = "PENDING"
	updateInProgress OperationState = "UPDATE_IN_PROGRESS"
	updateComplete   OperationState = "UPDATE_COMPLETE"
	updateFailed     OperationState = "UPDATE_FAILED"
	rebootInProgress OperationState = "REBOOT_IN_PROGRESS"
	rebootComplete   OperationState = "REBOOT_COMPLETE"
	rebootFailed     OperationState = "REBOOT_FAILED" // UNVERIFIED
)

// Types of operations.
const (
	rebootNode          = "REBOOT_NODE"
	increaseBrokerCount = "INCREASE_BROKER_COUNT"
	decreaseBrokerCount = "DECREASE_BROKER_COUNT"
	updateVolume        = "UPDATE_BROKER_EBS_VOLUME"
	updateStorageMode   = "UPDATE_STORAGE_MODE" // UNVERIFIED
	updateType          = "UPDATE_BROKER_TYPE"
	updateConfiguration = "UPDATE_CLUSTER_CONFIGURATION"
	updateVersion       = "UPDATE_CLUSTER_KAFKA_VERSION"
	updateMonitoring    = "UPDATE_CLUSTER_MONITORING"
	updateSecurity      = "UPDATE_SECURITY"
	updateConnectivity  = "UPDATE_CONNECTIVITY"
	createVPC           = "CREATE_VPC_CONNECTION" // UNVERIFIED, as the next
	deleteVPC           = "DELETE_VPC_CONNECTION"
	updateRebalancing   = "UPDATE_REBALANCING" // UNVERIFIED
)

// operation is a change of a cluster under way or past. The cluster's document
// holds the latest; a document of its own holds each (docs/formats/msk.md).
//
// It is a list of acts. An act changes what fleet is asked for, under a new
// generation of the cluster; fleet's report that the cluster runs as that
// generation says ends the act and begins the next. So whatever is killed, and
// when, what is left to do is in the document.
type operation struct {
	ARN         string         `json:"arn"`
	ID          string         `json:"id"`
	Type        string         `json:"type"`
	State       OperationState `json:"state"`
	Request     string         `json:"request"` // clientRequestId
	Created     time.Time      `json:"created"`
	Ended       time.Time      `json:"ended,omitzero"`
	Source      settings       `json:"source,omitzero"` // what the target changes, as it was
	Target      settings       `json:"target,omitzero"`
	Acts        []act          `json:"acts"`
	Done        int            `json:"done"`              // acts that have ended
	Each        time.Duration  `json:"each,omitempty"`    // how long an act lasts at least
	Due         time.Time      `json:"due,omitzero"`      // the act under way does not end before
	NextVersion string         `json:"nextVersion"`       // the cluster's version token once it is complete
	Removed     []broker       `json:"removed,omitempty"` // brokers that the operation takes out
	Added       []broker       `json:"added,omitempty"`   // brokers that it brings
	VPC         *vpcMade       `json:"vpc,omitempty"`     // the connection that was made or deleted
	Upgrade     *upgradeInfo   `json:"upgrade,omitempty"` // of one that begins or steers an upgrade to Express brokers
	ErrorCode   string         `json:"errorCode,omitempty"`
	ErrorText   string         `json:"errorText,omitempty"`
}

// ended reports whether an operation is past.
func (o *operation) ended() bool { return !o.Ended.IsZero() }

// act is one change of what fleet is asked for.
type act struct {
	Step   string  `json:"step,omitempty"` // as clients see it, of an update of the version; several acts may be one step
	Kind   actKind `json:"kind"`
	Broker int32   `json:"broker,omitempty"` // of restart
}

type actKind string

// What an act does.
const (
	look     actKind = "look"     // nothing: the cluster must run as it is
	restart  actKind = "restart"  // one broker stops and starts with what the target says of brokers
	live     actKind = "live"     // the part of the configuration that needs no restart, on all brokers
	adopt    actKind = "adopt"    // the configuration as a whole, of which no part needs a restart
	put      actKind = "put"      // the other settings of the target
	grow     actKind = "grow"     // the operation's new brokers
	shrink   actKind = "shrink"   // the brokers that it takes out
	finalize actKind = "finalize" // the Kafka version is the cluster's, and its features
)

// Steps as clients see them, of UPDATE_CLUSTER_KAFKA_VERSION alone. (aws:kafka
// developer guide, whose answers of DescribeClusterOperation have none of others)
const (
	stepInitialize = "INITIALIZE_UPDATE"
	stepBinaries   = "UPDATE_APACHE_KAFKA_BINARIES"
	stepFinalize   = "FINALIZE_UPDATE"
)

// Statuses of steps.
const (
	stepPending    = "PENDING"
	stepInProgress = "IN_PROGRESS"
	stepCompleted  = "COMPLETED"
	stepFailed     = "FAILED"
)

// step is what clients see of the acts of one name.
type step struct{ name, status string }

// steps is the acts as clients see them, in order.
func (o *operation) steps() (all []step) {
	for i, a := range o.Acts {
		status := stepPending
		switch {
		case i < o.Done:
			status = stepCompleted
		case i == o.Done && (o.State == updateFailed || o.State == rebootFailed):
			status = stepFailed
		case i == o.Done && o.State != pending:
			status = stepInProgress
		}
		if n := len(all); n > 0 && all[n-1].name == a.Step {
			if all[n-1].status == stepCompleted {
				all[n-1].status = status // the act under way comes before those that wait
			}
			continue
		}
		all = append(all, step{a.Step, status})
	}
	return all
}

// settings is what of a cluster an operation changes; the zero value of a member
// says that it does not.
type settings struct {
	Brokers       int               `json:"brokers,omitempty"`
	VolumeGiB     int32             `json:"volumeGiB,omitempty"`
	Throughput    *throughput       `json:"throughput,omitempty"`
	StorageMode   string            `json:"storageMode,omitempty"`
	Rebalancing   string            `json:"rebalancing,omitempty"`
	InstanceType  string            `json:"instanceType,omitempty"`
	Kinds         *kinds            `json:"kinds,omitempty"` // of the brokers
	KafkaVersion  string            `json:"kafkaVersion,omitempty"`
	Configuration *configurationRef `json:"configuration,omitempty"` // of a source, nil too for the service's defaults
	Monitoring    *monitoring       `json:"monitoring,omitempty"`
	Security      *security         `json:"security,omitempty"`
	Connectivity  *connectivity     `json:"connectivity,omitempty"`
	ZooKeeper     *bool             `json:"zooKeeper,omitempty"` // open to clients
}

// put gives a cluster the settings that are of it as a whole.
func (s settings) put(c *cluster) {
	p := *c.Provisioned
	if s.VolumeGiB != 0 {
		p.VolumeGiB = s.VolumeGiB
	}
	if s.Throughput != nil {
		p.Throughput = s.Throughput
	}
	if s.StorageMode != "" {
		p.Tiered = s.StorageMode == tieredStorage
	}
	if s.Rebalancing != "" {
		p.Rebalancing = s.Rebalancing
	}
	if s.InstanceType != "" {
		p.InstanceType = s.InstanceType
	}
	if s.Kinds != nil {
		s.Kinds.put(&p)
	}
	if m := s.Monitoring; m != nil {
		m.put(&p)
	}
	if s.Security != nil {
		p.security = *s.Security
	}
	if s.Connectivity != nil {
		p.Connectivity = *s.Connectivity
	}
	if s.ZooKeeper != nil {
		p.ZooKeeperClosed = !*s.ZooKeeper
	}
	c.Provisioned = &p
}

// started begins an operation.
type started struct {
	state State
	o     operation
}

// progressed ends the act under way, because fleet has seen it done.
type progressed struct {
	endpoints Endpoints
	at        time.Time
}

// broken ends an operation that cannot be done, and takes back what it did.
type broken struct {
	code, message string
	at            time.Time
}

func (e started) apply(c *cluster) {
	o := e.o
	c.State, c.Operation = e.state, &o
	c.Generation++
}

func (e progressed) apply(c *cluster) {
	c.seen(e.endpoints, e.at)
	o := *c.Operation
	c.Operation = &o
	if o.State == pending {
		o.State = updateInProgress
		if o.Type == rebootNode {
			o.State = rebootInProgress
		}
	} else {
		o.Done++
	}
	o.Due = e.at.Add(o.Each)
	if o.Done < len(o.Acts) {
		c.act(o.Acts[o.Done], o, e.at)
		return
	}
	o.State, o.Ended = updateComplete, e.at
	if o.Type == rebootNode {
		o.State = rebootComplete
	} else {
		c.CurrentVersion = o.NextVersion
	}
	c.State = Active
}

func (e broken) apply(c *cluster) {
	o := *c.Operation
	begun := o.State != pending
	o.State, o.Ended, o.ErrorCode, o.ErrorText = updateFailed, e.at, e.code, e.message
	if o.Type == rebootNode {
		o.State = rebootFailed
	}
	c.Operation, c.State = &o, Active
	c.Generation++
	if begun && o.Type != rebootNode {
		c.takeBack(o)
	}
}

// act does one act on the document.
func (c *cluster) act(a act, o operation, at time.Time) {
	c.Generation++
	c.Brokers = slices.Clone(c.Brokers)
	switch a.Kind {
	case restart:
		for i := range c.Brokers {
			if c.Brokers[i].ID == a.Broker {
				c.Brokers[i].restart(o.Target)
			}
		}
	case live:
		c.configure(o.Target.Configuration)
	case adopt:
		c.configure(o.Target.Configuration)
		for i := range c.Brokers {
			c.Brokers[i].Configuration = o.Target.Configuration
		}
	case put:
		o.Target.put(c)
		if o.Target.VolumeGiB != 0 {
			c.Provisioned.VolumeChanged = at
		}
	case grow:
		c.Brokers = append(c.Brokers, o.Added...)
	case shrink:
		c.Brokers = slices.DeleteFunc(c.Brokers, func(b broker) bool { return o.removes(b.ID) })
		c.replace(o)
	case finalize:
		c.KafkaVersion = o.Target.KafkaVersion
		for i := range c.Brokers {
			c.Brokers[i].KafkaVersion = ""
		}
		if o.Target.Configuration != nil {
			c.configure(o.Target.Configuration)
		}
	}
}

func (c *cluster) configure(r *configurationRef) {
	p := *c.Provisioned
	p.Configuration = r
	c.Provisioned = &p
}

// restart has a broker start again with what the settings say of brokers.
func (b *broker) restart(s settings) {
	b.Boot++
	if s.KafkaVersion != "" {
		b.KafkaVersion = s.KafkaVersion
	}
	if s.Configuration != nil {
		b.Configuration = s.Configuration
	}
}

func (o *operation) removes(id int32) bool {
	return slices.ContainsFunc(o.Removed, func(b broker) bool { return b.ID == id })
}

// takeBack undoes the acts of an operation that failed. Brokers that have
// started with the target start again with what they had.
func (c *cluster) takeBack(o operation) {
	c.Brokers = slices.Clone(c.Brokers)
	for _, b := range o.Removed {
		if !slices.ContainsFunc(c.Brokers, func(have broker) bool { return have.ID == b.ID }) {
			c.Brokers = append(c.Brokers, b)
		}
	}
	slices.SortFunc(c.Brokers, func(a, b broker) int { return int(a.ID - b.ID) })
	c.Brokers = slices.DeleteFunc(c.Brokers, func(b broker) bool {
		return slices.ContainsFunc(o.Added, func(added broker) bool { return added.ID == b.ID })
	})
	c.replaceNone(o)
	o.Source.put(c)
	if o.Source.KafkaVersion != "" {
		c.KafkaVersion = o.Source.KafkaVersion
	}
	if o.Target.Configuration != nil {
		c.configure(o.Source.Configuration)
	}
	restarted := map[int32]bool{}
	for _, a := range o.Acts[:min(o.Done+1, len(o.Acts))] {
		if a.Kind == restart {
			restarted[a.Broker] = true
		}
	}
	for i := range c.Brokers {
		b := &c.Brokers[i]
		b.KafkaVersion = ""
		if o.Target.Configuration != nil {
			b.Configuration = o.Source.Configuration
		}
		if restarted[b.ID] {
			b.Boot++
		}
	}
}

// seen takes over what a report says of where clients connect.
func (c *cluster) seen(e Endpoints, at time.Time) {
	kept := Endpoints{Boot: e.Boot}
	for _, b := range e.Brokers {
		kept.Brokers = append(kept.Brokers, BrokerEndpoints{b.ID, maps.Clone(b.Listeners)})
	}
	c.Endpoints, c.Brokers = &kept, slices.Clone(c.Brokers)
	for i := range c.Brokers {
		if c.Brokers[i].Added.IsZero() {
			c.Brokers[i].Added = at
		}
	}
}

// lasts reports whether what is under way is to last longer than it takes.
func (c *cluster) lasts(now time.Time) bool {
	return c.State == Creating && now.Before(c.Due) || c.busy() && now.Before(c.Operation.Due)
}

// busy reports whether an operation is under way.
func (c *cluster) busy() bool { return c.Operation != nil && !c.Operation.ended() }
