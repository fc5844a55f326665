package cluster_test

import (
	"context"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
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

// TestWhatTheClustersOwnerDoes is refused to Kafka's clients: tokens, other
// voters and fewer brokers.
func TestWhatTheClustersOwnerDoes(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	create := kmsg.NewPtrCreateDelegationTokenRequest()
	create.OwnerPrincipalType, create.OwnerPrincipalName = kmsg.StringPtr("User"), kmsg.StringPtr("bob")
	if got := r.answer(t, 1, create).(*kmsg.CreateDelegationTokenResponse); got.ErrorCode != kerr.DelegationTokenRequestNotAllowed.Code || got.PrincipalName != "bob" || got.TokenRequesterPrincipalName != "ANONYMOUS" {
		t.Errorf("an anonymous client's token: %+v", got)
	}
	inside := r.client(t, kgo.SeedBrokers("inside:0"), kgo.Dialer(func(ctx context.Context, _, address string) (net.Conn, error) { return r.c.Dial(ctx, address) }))
	resp, err := kmsg.NewPtrDescribeDelegationTokenRequest().RequestWith(t.Context(), inside)
	if err != nil || resp.ErrorCode != kerr.DelegationTokenAuthDisabled.Code {
		t.Errorf("somebody's tokens: %+v, %v", resp, err)
	}
	for id, want := range map[int32]int16{2: kerr.PolicyViolation.Code, 77: kerr.BrokerIDNotRegistered.Code} {
		req := kmsg.NewPtrUnregisterBrokerRequest()
		req.BrokerID = id
		if got := r.answer(t, 1, req).(*kmsg.UnregisterBrokerResponse); got.ErrorCode != want {
			t.Errorf("unregister broker %d: %+v", id, got)
		}
	}
	remove := kmsg.NewPtrRemoveRaftVoterRequest()
	for id, want := range map[int32]int16{1: kerr.UnsupportedVersion.Code, -1: kerr.InvalidRequest.Code} {
		remove.VoterID = id
		if got := r.answer(t, 1, remove).(*kmsg.RemoveRaftVoterResponse); got.ErrorCode != want {
			t.Errorf("remove voter %d: %+v", id, got)
		}
	}
	remove.ClusterID = kmsg.StringPtr("another")
	if got := r.answer(t, 1, remove).(*kmsg.RemoveRaftVoterResponse); got.ErrorCode != kerr.InconsistentClusterID.Code {
		t.Errorf("remove a voter of another cluster: %+v", got)
	}
	if got := r.answer(t, 1, kmsg.NewPtrAddRaftVoterRequest()).(*kmsg.AddRaftVoterResponse); got.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("add a voter without listeners: %+v", got)
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
