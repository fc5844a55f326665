package broker

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// AlterReplicaLogDirs, v1-2 (KIP-113): there is one directory, so that a
// replica can only be moved to where it is.
func (b *Broker) alterReplicaLogDirs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AlterReplicaLogDirsRequest)
	resp := req.ResponseKind().(*kmsg.AlterReplicaLogDirsResponse)
	resp.Topics = []kmsg.AlterReplicaLogDirsResponseTopic{}
	codes := make(map[string]map[int32]int16) // a replica named twice goes where it was named last
	for _, dir := range req.Dirs {
		for _, t := range dir.Topics {
			if codes[t.Topic] == nil {
				codes[t.Topic] = make(map[int32]int16)
			}
			for _, index := range t.Partitions {
				codes[t.Topic][index] = b.code("alter replica log dirs", b.checkLogDir(dir.Dir, t.Topic, index))
			}
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(codes)) {
		out := kmsg.NewAlterReplicaLogDirsResponseTopic()
		out.Topic = topic
		for _, index := range slices.Sorted(maps.Keys(codes[topic])) {
			out.Partitions = append(out.Partitions, kmsg.AlterReplicaLogDirsResponseTopicPartition{Partition: index, ErrorCode: codes[topic][index]})
		}
		resp.Topics = append(resp.Topics, out)
	}
	return now(resp)
}

// checkLogDir says whether a replica of this broker may be in a directory, in
// the order of Kafka's ReplicaManager.alterReplicaLogDirs.
func (b *Broker) checkLogDir(dir, topic string, index int32) error {
	t := b.cfg.Image().Topic(topic)
	switch {
	case dir != b.cfg.LogDir.Path:
		return kerr.LogDirNotFound
	case b.cfg.Partitions.Err() != nil:
		return kerr.KafkaStorageError
	case t == nil || index < 0 || int(index) >= len(t.Partitions):
		return kerr.UnknownTopicOrPartition
	case !slices.Contains(t.Partitions[index].Replicas, b.cfg.ID):
		return kerr.ReplicaNotAvailable
	}
	return nil
}
