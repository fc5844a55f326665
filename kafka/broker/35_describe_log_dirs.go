package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// LogDir is the one log directory that the brokers of a cluster share.
type LogDir struct {
	Path string // absolute, the same for the cluster's life
	// Space is the size of its file system and what is left of it, in bytes; -1
	// where nobody knows.
	Space func() (total, usable int64)
}

// DescribeLogDirs, v1-4 (KIP-113; v4: KIP-827). The replicas are those that the
// metadata gives this broker; each shows the size of the one log that all
// replicas of a partition share, and has caught up.
func (b *Broker) describeLogDirs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DescribeLogDirsRequest)
	return func(context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DescribeLogDirsResponse)
		dir := kmsg.NewDescribeLogDirsResponseDir()
		dir.Dir, dir.Topics = b.cfg.LogDir.Path, []kmsg.DescribeLogDirsResponseDirTopic{}
		if b.cfg.Partitions.Err() != nil {
			dir.ErrorCode = kerr.KafkaStorageError.Code
		} else {
			dir.TotalBytes, dir.UsableBytes = b.cfg.LogDir.Space()
			dir.Topics = b.logDirTopics(req)
		}
		resp.Dirs = append(resp.Dirs, dir)
		return resp
	}
}

func (b *Broker) logDirTopics(req *kmsg.DescribeLogDirsRequest) []kmsg.DescribeLogDirsResponseDirTopic {
	img, out := b.cfg.Image(), []kmsg.DescribeLogDirsResponseDirTopic{}
	if req.Topics == nil {
		for _, t := range img.Topics() {
			out = b.appendLogDirTopic(out, t, func(int32) bool { return true })
		}
		return out
	}
	asked := make(map[string][]int32)
	for _, t := range req.Topics {
		asked[t.Topic] = append(asked[t.Topic], t.Partitions...)
	}
	for _, t := range img.Topics() {
		if list, ok := asked[t.Name]; ok {
			out = b.appendLogDirTopic(out, t, func(index int32) bool { return slices.Contains(list, index) })
		}
	}
	return out
}

// appendLogDirTopic adds the replicas of a topic that this broker has.
func (b *Broker) appendLogDirTopic(list []kmsg.DescribeLogDirsResponseDirTopic, t *metadata.Topic, want func(int32) bool) []kmsg.DescribeLogDirsResponseDirTopic {
	out := kmsg.NewDescribeLogDirsResponseDirTopic()
	out.Topic = t.Name
	for i, p := range t.Partitions {
		if !slices.Contains(p.Replicas, b.cfg.ID) || !want(int32(i)) {
			continue
		}
		replica := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		replica.Partition = int32(i)
		if part, ok := b.cfg.Partitions.Get(t.ID, int32(i)); ok {
			replica.Size = part.Size()
		}
		out.Partitions = append(out.Partitions, replica)
	}
	if len(out.Partitions) == 0 {
		return list
	}
	return append(list, out)
}
