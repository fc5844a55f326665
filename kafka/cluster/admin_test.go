package cluster_test

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millrace/millrace/kafka/cluster"
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

// TestACLsJudgeScramUsers: a listener without an authorizer of its own obeys the
// cluster's ACLs.
func TestACLsJudgeScramUsers(t *testing.T) {
	var address string
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address = ln.Addr().String()
		c.Brokers = c.Brokers[:1]
		c.Static = map[string]string{"default.replication.factor": "1", "super.users": "User:root", "auto.create.topics.enable": "false"}
		c.Brokers[0].Listeners = append(c.Brokers[0].Listeners, cluster.Listener{
			Name: "CLIENT_SASL_SCRAM", Net: ln, Host: "127.0.0.1", Port: int32(ln.Addr().(*net.TCPAddr).Port), Mechanisms: []string{"SCRAM-SHA-512"},
		})
	})
	admin := kadm.NewClient(r.client(t))
	users := []kadm.UpsertSCRAM{}
	for _, name := range []string{"alice", "root"} {
		users = append(users, kadm.UpsertSCRAM{User: name, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: "secret"})
	}
	if _, err := admin.AlterUserSCRAMs(t.Context(), nil, users); err != nil {
		t.Fatal(err)
	}
	as := func(user string) *kadm.Client {
		cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.SASL(scram.Auth{User: user, Pass: "secret"}.AsSha512Mechanism()), kgo.RetryTimeout(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return kadm.NewClient(cl)
	}
	alice, root := as("alice"), as("root")
	if _, err := alice.CreateTopic(t.Context(), 1, 1, nil, "app-1"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("without an ACL: %v", err)
	}
	rules := kadm.NewACLs().Topics("app-").ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpCreate, kadm.OpDelete, kadm.OpDescribeConfigs).Allow("User:alice").AllowHosts("127.0.0.1")
	created, err := root.CreateACLs(t.Context(), rules)
	if err != nil || len(created) != 3 || created[0].Err != nil {
		t.Fatalf("%+v, %v", created, err)
	}
	if _, err := alice.CreateTopic(t.Context(), 1, 1, nil, "app-1"); err != nil {
		t.Errorf("with one: %v", err)
	}
	if _, err := alice.CreateTopic(t.Context(), 1, 1, nil, "other"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("another name: %v", err)
	}
	all := kadm.NewACLs().AnyResource().Operations(kadm.OpAny).ResourcePatternType(kadm.ACLPatternAny).Allow().AllowHosts().Deny().DenyHosts()
	if list, err := alice.DescribeACLs(t.Context(), all); err != nil || !errors.Is(list[0].Err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("alice lists ACLs: %+v, %v", list, err)
	}
	gone, err := root.DeleteACLs(t.Context(), kadm.NewACLs().Topics("app-").ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpCreate).Allow("User:alice").AllowHosts("127.0.0.1"))
	if err != nil || len(gone) != 1 || len(gone[0].Deleted) != 1 {
		t.Errorf("deleted %+v, %v", gone, err)
	}
	if _, err := alice.CreateTopic(t.Context(), 1, 1, nil, "app-2"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("after the ACL is gone: %v", err)
	}
}
