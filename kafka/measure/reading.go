package measure

import "time"

// Reading is what a cluster looks like at a moment. It is the reader's own, but
// for Counts, which go on counting.
type Reading struct {
	At         time.Time
	Controller int32 // the broker that is it; -1: none
	Brokers    []BrokerReading
	Partitions []Partition // by topic and index
	Topics     int         // internal ones included
	Unled      int         // partitions without a leader
	Unbalanced int         // partitions that another than their first replica leads
}

// BrokerReading is one broker.
type BrokerReading struct {
	ID      int32
	Running bool // it serves, and is not fenced
	Express bool // it is one of MSK's Express brokers
	Started time.Time
	Counts  *Broker // since then

	Leads, Holds    int  // partitions that it leads, and that it has a replica of
	UnderReplicated int  // partitions that it leads with fewer in sync than replicas
	UnderMinISR     int  // and with fewer than min.insync.replicas
	AtMinISR        int  // and with no more than that
	HoldsUsers      bool // it has a replica of a client's topic
	Offline         int  // replicas that it holds and cannot serve: their log directory has failed
	LogBytes        int64
	VolumeBytes     int64 // that LogBytes may become; 0: no limit
}

// Partition is one partition of the cluster.
type Partition struct {
	Topic    string
	Index    int32
	Internal bool
	Leader   int32
	Replicas []int32 // not to be changed
	InSync   int
	MinISR   int

	Start, End, HighWatermark int64
	Bytes                     int64
	Segments                  int
}

// GroupOffset is how far a group has read one partition.
type GroupOffset struct {
	Group, Topic string
	Partition    int32
	Coordinator  int32 // the broker that keeps the group
	Settled      bool  // the group is Stable or Empty
	Committed    int64
	End          int64 // the partition's high watermark
}

// Lag is how many records are left to read.
func (o GroupOffset) Lag() int64 { return max(0, o.End-o.Committed) }
