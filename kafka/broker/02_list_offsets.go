package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/partition"
)

// ListOffsets, v1-10: by timestamp and the special positions -1 to -5.
// With read_committed the last stable offset is the end (v2, KIP-98).
func (b *Broker) listOffsets(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.ListOffsetsRequest)
	return func(context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for i := range req.Topics {
			t := &req.Topics[i]
			out := kmsg.NewListOffsetsResponseTopic()
			out.Topic = t.Topic
			for j := range t.Partitions {
				out.Partitions = append(out.Partitions, b.lookup(req, t.Topic, &t.Partitions[j]))
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	}
}

// debugging is the replica id of a consumer that may ask any replica.
const debugging = -2

// positions are the special timestamps, by the version that brought them.
var positions = map[int64]int16{partition.Latest: 0, partition.Earliest: 0, partition.MaxTimestamp: 7, partition.EarliestLocal: 8, partition.LatestTiered: 9}

func (b *Broker) lookup(req *kmsg.ListOffsetsRequest, topic string, in *kmsg.ListOffsetsRequestTopicPartition) kmsg.ListOffsetsResponseTopicPartition {
	out := kmsg.NewListOffsetsResponseTopicPartition()
	out.Partition, out.Offset, out.Timestamp, out.LeaderEpoch = in.Partition, -1, -1, -1
	p, _, err := b.find(false, topic, [16]byte{}, in.Partition)
	if since, ok := positions[in.Timestamp]; in.Timestamp < 0 && (!ok || req.Version < since) {
		err = kerr.UnsupportedVersion
	}
	if err == nil {
		found, lookupErr := p.Lookup(partition.Search{
			Broker: b.cfg.ID, ClientEpoch: in.CurrentLeaderEpoch, Timestamp: in.Timestamp, Committed: req.IsolationLevel == 1, Debugging: req.ReplicaID == debugging,
		})
		if err = lookupErr; err == nil {
			out.Offset, out.Timestamp, out.LeaderEpoch = found.Offset, found.Timestamp, found.Epoch
		}
	}
	out.ErrorCode = b.code("list offsets", err)
	return out
}
