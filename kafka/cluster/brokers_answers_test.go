package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/vfs"
)

// answer is what broker at says.
func (r *running) answer(t *testing.T, at int32, req kmsg.Request) kmsg.Response {
	t.Helper()
	resp, err := r.client(t, kgo.SeedBrokers(r.seeds[at-1])).SeedBrokers()[0].Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// oldest is version 0 of Metadata.
type oldest struct{ *kmsg.MetadataRequest }

func (oldest) MaxVersion() int16 { return 0 }

// TestAnswersAboutAStoppedBroker: versions that cannot tell which replicas are
// offline leave them out, and only Metadata makes an error of a leader that is
// not there.
func TestAnswersAboutAStoppedBroker(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "t", nil, 2, 3)
	r.assigned(t, "alone", nil, 2)
	before := time.Now().UnixMilli()
	do(t, r.c.StopBroker, 2)
	old := kmsg.NewPtrMetadataRequest()
	old.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("t")}, {Topic: kmsg.StringPtr("alone")}}
	resp := r.answer(t, 1, oldest{old}).(*kmsg.MetadataResponse)
	for i, want := range []string{"9 leader 3 of [3] in sync [3]", "5 leader -1 of [] in sync []"} {
		p := resp.Topics[i].Partitions[0]
		expect(t, *resp.Topics[i].Topic, fmt.Sprintf("%d leader %d of %d in sync %d", p.ErrorCode, p.Leader, p.Replicas, p.ISR), want)
	}
	pages := kmsg.NewPtrDescribeTopicPartitionsRequest()
	pages.Topics, pages.ResponsePartitionLimit = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "alone"}}, 10
	p := r.answer(t, 1, pages).(*kmsg.DescribeTopicPartitionsResponse).Topics[0].Partitions[0]
	expect(t, "described", fmt.Sprintf("%d leader %d offline %d", p.ErrorCode, p.LeaderID, p.OfflineReplicas), "0 leader -1 offline [2]")

	r.assigned(t, "later", nil, 1)
	quorum := kmsg.NewPtrDescribeQuorumRequest()
	quorum.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	seen := r.answer(t, 3, quorum).(*kmsg.DescribeQuorumResponse).Topics[0].Partitions[0]
	if o := seen.Observers; len(o) != 2 || o[0].ReplicaID != 2 || o[0].LastFetchTimestamp < before || o[0].LogEndOffset >= seen.HighWatermark || o[1].LogEndOffset != seen.HighWatermark {
		t.Errorf("the quorum's observers are %+v below %d", o, seen.HighWatermark)
	}
}

// TestADebuggingConsumerAsksAnyReplica for offsets, others the leader alone.
func TestADebuggingConsumerAsksAnyReplica(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "t", nil, 1, 2)
	r.produce(t, "t", "a", "b")
	notLeader := kerr.NotLeaderForPartition.Code
	for _, c := range []struct {
		broker, replica int32
		code            int16
	}{{1, -1, 0}, {1, -2, 0}, {2, -1, notLeader}, {2, -2, 0}, {3, -2, notLeader}} {
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID = c.replica
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Timestamp = -1
		req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
		p := r.answer(t, c.broker, req).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
		if p.ErrorCode != c.code || p.ErrorCode == 0 && p.Offset != 2 {
			t.Errorf("broker %d, replica %d: %+v", c.broker, c.replica, p)
		}
	}
}
