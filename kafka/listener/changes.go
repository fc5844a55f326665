package listener

import (
	"context"
	"net/netip"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/wire"
)

// Change is an administrative request that a session was let make.
type Change struct {
	Session    *Session
	Remote     netip.Addr
	Listener   string
	BrokerID   int32
	ClientID   string
	API        string      // Kafka's name of the request
	Operations []Operation // those that change something; what was refused is not among them
}

// administrative are the requests that change topics, configurations, ACLs,
// quotas, users or the cluster; not those that move records and offsets.
var administrative = [...]bool{
	19: true, 20: true, 21: true, // CreateTopics, DeleteTopics, DeleteRecords
	30: true, 31: true, 33: true, 37: true, // CreateAcls, DeleteAcls, AlterConfigs, CreatePartitions
	43: true, 44: true, 45: true, 49: true, // ElectLeaders, IncrementalAlterConfigs, AlterPartitionReassignments, AlterClientQuotas
	51: true, 57: true, 64: true, // AlterUserScramCredentials, UpdateFeatures, UnregisterBroker
}

// changing says whether an operation changes what is not records.
func changing(op Operation) bool {
	switch op.Op {
	case Create, Alter, Delete, AlterConfigs:
		return op.Resource == Topic || op.Resource == Cluster
	}
	return false
}

// recorded has an administrative request told of before it is answered; one that
// cannot be told of is not answered, and the connection ends.
func (c *conn) recorded(h wire.Header, s *Session, granted []Operation, answer Answer) Answer {
	if c.l.cfg.Changed == nil || int(h.Key) >= len(administrative) || !administrative[h.Key] {
		return answer
	}
	change := Change{Session: s, Remote: c.remote, Listener: c.l.cfg.Name, BrokerID: c.l.cfg.BrokerID, ClientID: h.ClientID, API: kmsg.NameForKey(h.Key)}
	for _, op := range granted {
		if changing(op) {
			change.Operations = append(change.Operations, op)
		}
	}
	if len(change.Operations) == 0 {
		return answer
	}
	return func(ctx context.Context) kmsg.Response {
		resp := answer(ctx)
		if resp == nil || resp == CloseConnection {
			return resp
		}
		if err := c.l.cfg.Changed(ctx, change); err != nil {
			c.l.log.warn("an administrative request could not be put on record", "connection", c.id, "principal", s.Identity.String(), "api", change.API, "error", err.Error())
			return CloseConnection
		}
		return resp
	}
}
