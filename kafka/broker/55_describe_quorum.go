package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// metadataLog is the name of the log that the quorum keeps.
const metadataLog = "__cluster_metadata"

// Parted is when a broker left the controller, and how far it had read the
// metadata log.
type Parted struct {
	At  time.Time
	End int64
}

// observed is how long a broker that reads no more is told of (Raft's
// LeaderState.OBSERVER_SESSION_TIMEOUT_MS).
const observed = 5 * time.Minute

// DescribeQuorum, v0-2 (KIP-595; v1: KIP-836, v2: KIP-853). The controller is
// the quorum's only voter; the other live brokers observe its log and have read
// all of it, since they share it.
func (b *Broker) describeQuorum(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DescribeQuorumRequest)
	return func(context.Context) kmsg.Response {
		none := ""
		resp := req.ResponseKind().(*kmsg.DescribeQuorumResponse)
		resp.ErrorMessage, resp.Topics, resp.Nodes = &none, []kmsg.DescribeQuorumResponseTopic{}, []kmsg.DescribeQuorumResponseNode{}
		known := len(req.Topics) == 1 && req.Topics[0].Topic == metadataLog &&
			len(req.Topics[0].Partitions) == 1 && req.Topics[0].Partitions[0].Partition == 0
		for _, t := range req.Topics {
			out := kmsg.NewDescribeQuorumResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				if known {
					out.Partitions = append(out.Partitions, b.quorum())
				} else {
					out.Partitions = append(out.Partitions, noQuorum(p.Partition))
				}
			}
			resp.Topics = append(resp.Topics, out)
		}
		if known {
			resp.Nodes = b.quorumNodes(r.Session.Listener)
		}
		return resp
	}
}

// quorumNodes is where clients of a listener reach the controller: the broker
// that it is part of.
func (b *Broker) quorumNodes(listenerName string) []kmsg.DescribeQuorumResponseNode {
	img, nodes := b.cfg.Image(), []kmsg.DescribeQuorumResponseNode{}
	br := img.Broker(img.ControllerID)
	if br == nil {
		return nodes
	}
	if n, ok := endpointOn(br, listenerName); ok {
		nodes = append(nodes, kmsg.DescribeQuorumResponseNode{NodeID: n.id, Listeners: []kmsg.DescribeQuorumResponseNodeListener{
			{Name: listenerName, Host: n.host, Port: uint16(n.port)},
		}})
	}
	return nodes
}

// noQuorum answers for a partition that no quorum keeps, and, as Kafka does,
// for all of a request that asks for more than the one that does.
func noQuorum(index int32) kmsg.DescribeQuorumResponseTopicPartition {
	p := kmsg.NewDescribeQuorumResponseTopicPartition()
	p.Partition, p.ErrorCode = index, kerr.UnknownTopicOrPartition.Code
	p.ErrorMessage = kmsg.StringPtr("This server does not host this topic-partition.")
	p.CurrentVoters = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}
	p.Observers = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}
	return p
}

func (b *Broker) quorum() kmsg.DescribeQuorumResponseTopicPartition {
	img, log, now := b.cfg.Image(), b.cfg.MetadataLog(), time.Now()
	replica := func(id int32, seen Parted) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
		s := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		s.ReplicaID, s.LogEndOffset, s.LastFetchTimestamp, s.LastCaughtUpTimestamp = id, seen.End, seen.At.UnixMilli(), seen.At.UnixMilli()
		return s
	}
	p := kmsg.NewDescribeQuorumResponseTopicPartition()
	p.ErrorMessage = kmsg.StringPtr("")
	p.LeaderID, p.LeaderEpoch, p.HighWatermark = img.ControllerID, log.LeaderEpoch, log.HighWatermark
	p.CurrentVoters = append(p.CurrentVoters, replica(img.ControllerID, Parted{now, log.End}))
	p.Observers = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}
	for _, br := range img.Brokers {
		seen, ok := Parted{now, log.End}, true
		if br.Fenced {
			seen, ok = b.cfg.Parted(br.ID)
		}
		if br.ID != img.ControllerID && ok && now.Sub(seen.At) < observed {
			p.Observers = append(p.Observers, replica(br.ID, seen))
		}
	}
	return p
}
