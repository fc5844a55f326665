package cluster_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/vfs"
)

// until asks again until ok is satisfied or the test ends.
func until[T any](t *testing.T, ask func() (T, error), ok func(T) bool) T {
	t.Helper()
	for {
		got, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if ok(got) {
			return got
		}
	}
}

// TestReplicasMove takes a partition to other brokers while it is written and
// brings its leader back by an election.
func TestReplicasMove(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	admin := kadm.NewClient(r.client(t))
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "t", "a", "b")
	partition := func() (kmsg.MetadataResponseTopicPartition, error) { // kadm's answer may be a cached one
		req := kmsg.NewPtrMetadataRequest()
		req.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("t")}}
		resp, err := req.RequestWith(t.Context(), r.client(t).Broker(1))
		if err != nil {
			return kmsg.MetadataResponseTopicPartition{}, err
		}
		return resp.Topics[0].Partitions[0], nil
	}
	had, err := partition()
	if err != nil {
		t.Fatal(err)
	}
	target := slices.DeleteFunc([]int32{1, 2, 3}, func(id int32) bool { return id == had.Leader })
	var req kadm.AlterPartitionAssignmentsReq
	req.Assign("t", 0, target)
	if _, err := admin.AlterPartitionAssignments(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	now := until(t, partition, func(p kmsg.MetadataResponseTopicPartition) bool { return slices.Equal(p.Replicas, target) })
	if now.Leader != target[0] || now.LeaderEpoch != had.LeaderEpoch+1 || len(now.ISR) != 2 {
		t.Errorf("moved from %+v to %+v", had, now)
	}
	r.produce(t, "t", "c")
	left, err := admin.ListPartitionReassignments(t.Context(), nil)
	if err != nil || len(left) != 0 {
		t.Errorf("still under way: %v, %v", left, err)
	}
	req = kadm.AlterPartitionAssignmentsReq{}
	req.CancelAssign("t", 0)
	answers, err := admin.AlterPartitionAssignments(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if err := answers["t"][0].Err; !errors.Is(err, kerr.NoReassignmentInProgress) {
		t.Errorf("cancelling nothing: %v", err)
	}

	slices.Reverse(target)
	req = kadm.AlterPartitionAssignmentsReq{}
	req.Assign("t", 0, target)
	if _, err := admin.AlterPartitionAssignments(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	elected, err := admin.ElectLeaders(t.Context(), kadm.ElectPreferredReplica, kadm.TopicsSet{"t": {0: {}}})
	if err != nil || elected["t"][0].Err != nil {
		t.Fatalf("%+v, %v", elected, err)
	}
	if now, err := partition(); err != nil || now.Leader != target[0] || now.LeaderEpoch != had.LeaderEpoch+2 {
		t.Errorf("elected %+v, %v", now, err)
	}
	r.produce(t, "t", "d")
}
