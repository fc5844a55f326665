package cluster_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/vfs"
)

// TestAuthorizedOperations asks what it may do (KIP-430): Kafka's numbers.
func TestAuthorizedOperations(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.IncludeTopicAuthorizedOperations = 12, true
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("t")}}
	resp, err := req.RequestWith(t.Context(), r.client(t).Broker(1))
	if err != nil || len(resp.Topics) != 1 || resp.Topics[0].AuthorizedOperations != 3576 {
		t.Errorf("topic: %+v, %v", resp, err)
	}
	about := kmsg.NewPtrDescribeClusterRequest()
	about.IncludeClusterAuthorizedOperations = true
	cluster, err := about.RequestWith(t.Context(), r.client(t).Broker(1))
	if err != nil || cluster.ClusterAuthorizedOperations != 8096 {
		t.Errorf("cluster: %+v, %v", cluster, err)
	}
}

// TestNamesBesideIDs: of topics that Metadata is asked for by name and by id, the
// former are left out.
func TestNamesBesideIDs(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("t")}}
	id := r.answer(t, 1, req).(*kmsg.MetadataResponse).Topics[0].TopicID
	req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{TopicID: id}, kmsg.MetadataRequestTopic{Topic: kmsg.StringPtr("missing")})
	if got := r.answer(t, 1, req).(*kmsg.MetadataResponse).Topics; len(got) != 1 || got[0].TopicID != id || *got[0].Topic != "t" {
		t.Errorf("%+v", got)
	}
}

// TestOffsetsOfPartitionsThatAreNotThere: a group never sees them.
func TestOffsetsOfPartitionsThatAreNotThere(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = "g", -1
	here, gone := kmsg.NewOffsetCommitRequestTopicPartition(), kmsg.NewOffsetCommitRequestTopicPartition()
	gone.Partition = 7
	req.Topics = []kmsg.OffsetCommitRequestTopic{
		{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{here, gone}},
		{Topic: "missing", Partitions: []kmsg.OffsetCommitRequestTopicPartition{here}},
	}
	resp, err := req.RequestWith(t.Context(), r.client(t))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int16)
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			got[topic.Topic+string(rune('0'+p.Partition))] = p.ErrorCode
		}
	}
	unknown := kerr.UnknownTopicOrPartition.Code
	if len(got) != 3 || got["t0"] != 0 || got["t7"] != unknown || got["missing0"] != unknown {
		t.Errorf("%v", got)
	}
}
