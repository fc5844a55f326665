package cluster_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
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
	r.seeds = r.seeds[:1]
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

// TestLogDirectories: each broker shows the replicas it has and the size of their
// log; there is one directory, which no replica can leave.
func TestLogDirectories(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kafka")
	r := open(t, vfs.OS, func(c *cluster.Config) { c.Dir = path })
	admin := kadm.NewClient(r.client(t))
	if _, err := admin.CreateTopic(t.Context(), 1, 2, nil, "t"); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "t", "a", "b")
	all, err := admin.DescribeAllLogDirs(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	holders := 0
	for id, dirs := range all {
		d, ok := dirs[path]
		if !ok || d.Err != nil || len(dirs) != 1 {
			t.Errorf("broker %d shows %+v", id, dirs)
		}
		if p, ok := d.Topics.Lookup("t", 0); ok {
			holders++
			if p.Size <= 0 || p.OffsetLag != 0 || p.IsFuture {
				t.Errorf("broker %d shows %+v", id, p)
			}
		}
	}
	if len(all) != 3 || holders != 2 {
		t.Errorf("%d brokers of %d hold the partition", holders, len(all))
	}
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Topics = []kmsg.DescribeLogDirsRequestTopic{}
	dirs, err := req.RequestWith(t.Context(), r.client(t).Broker(1))
	if err != nil || len(dirs.Dirs) != 1 || dirs.Dirs[0].TotalBytes < dirs.Dirs[0].UsableBytes || dirs.Dirs[0].UsableBytes <= 0 || len(dirs.Dirs[0].Topics) != 0 {
		t.Errorf("%+v, %v", dirs, err)
	}

	codes := map[int16]int{}
	for _, dir := range []string{path, "/elsewhere"} {
		move := kmsg.NewPtrAlterReplicaLogDirsRequest()
		move.Dirs = append(move.Dirs, kmsg.AlterReplicaLogDirsRequestDir{Dir: dir, Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "t", Partitions: []int32{0, 7}}}})
		for id := range int32(3) {
			moved, err := move.RequestWith(t.Context(), r.client(t).Broker(int(id+1)))
			if err != nil {
				t.Fatal(err)
			}
			for _, topic := range moved.Topics {
				for _, p := range topic.Partitions {
					codes[p.ErrorCode]++
				}
			}
		}
	}
	want := map[int16]int{0: 2, kerr.ReplicaNotAvailable.Code: 1, kerr.UnknownTopicOrPartition.Code: 3, kerr.LogDirNotFound.Code: 6}
	if !maps.Equal(codes, want) {
		t.Errorf("moving answers %v, want %v", codes, want)
	}
}

func TestQuorumAndCluster(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	ask := func(topic string) *kmsg.DescribeQuorumResponse {
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: topic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
		resp, err := req.RequestWith(t.Context(), r.client(t).Broker(2))
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := ask("__cluster_metadata")
	p := resp.Topics[0].Partitions[0]
	if p.LeaderID != 1 || p.LeaderEpoch < 1 || p.HighWatermark < 2 || len(p.CurrentVoters) != 1 || len(p.Observers) != 2 ||
		p.CurrentVoters[0].LogEndOffset < p.HighWatermark || len(resp.Nodes) != 1 || resp.Nodes[0].Listeners[0].Name != "CLIENT" {
		t.Errorf("%+v", resp)
	}
	if resp := ask("t"); resp.Topics[0].Partitions[0].ErrorCode != kerr.UnknownTopicOrPartition.Code || len(resp.Nodes) != 0 {
		t.Errorf("%+v", resp)
	}
	for kind, want := range map[int8]int16{1: 0, 2: kerr.MismatchedEndpointType.Code, 3: kerr.UnsupportedEndpointType.Code} {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.EndpointType, req.IncludeFencedBrokers = kind, true
		resp, err := req.RequestWith(t.Context(), r.client(t).Broker(1))
		if err != nil || resp.ErrorCode != want || want == 0 && len(resp.Brokers) != 3 || want != 0 && resp.ControllerID != -1 {
			t.Errorf("endpoint type %d: %+v, %v", kind, resp, err)
		}
	}
}

// TestFeatureLevels changes a level and finds it in ApiVersions, also after the
// cluster was opened anew.
func TestFeatureLevels(t *testing.T) {
	disk := vfs.NewMemory()
	r := open(t, disk, nil)
	level := func() (got int16, epoch int64) {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "test", "1"
		resp, err := req.RequestWith(t.Context(), r.client(t).Broker(3))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range resp.FinalizedFeatures {
			if f.Name == "metadata.version" {
				got = f.MaxVersionLevel
			}
		}
		return got, resp.FinalizedFeaturesEpoch
	}
	if got, epoch := level(); got != 27 || epoch != 0 {
		t.Errorf("at first level %d, epoch %d", got, epoch)
	}
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "metadata.version", MaxVersionLevel: 25, UpgradeType: 2}}
	if resp, err := req.RequestWith(t.Context(), r.client(t)); err != nil || resp.ErrorCode != 0 {
		t.Fatalf("%+v, %v", resp, err)
	}
	r.close(t)
	r = open(t, disk, nil)
	if got, epoch := level(); got != 25 || epoch != 1 {
		t.Errorf("later level %d, epoch %d", got, epoch)
	}
}

// TestDynamicConfigsAct sets configs of brokers, for all and for one, and sees
// them at once in what topics inherit.
func TestDynamicConfigsAct(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.Brokers = c.Brokers[:1]; c.Static["default.replication.factor"] = "1" })
	r.seeds = r.seeds[:1]
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t)
	admin := kadm.NewClient(cl)
	alter := func(brokers []int32, key, value string) error {
		resp, err := admin.AlterBrokerConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, brokers...)
		if err != nil {
			return err
		}
		return resp[0].Err
	}
	produce := func(size int) error {
		p := r.client(t, kgo.DefaultProduceTopic("t"), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordRetries(0))
		return p.ProduceSync(t.Context(), kgo.StringRecord(strings.Repeat("x", size))).FirstErr()
	}
	if err := alter(nil, "message.max.bytes", "500"); err != nil {
		t.Fatal(err)
	}
	if err := produce(600); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("600 bytes under message.max.bytes=500: %v", err)
	}
	if err := alter([]int32{1}, "message.max.bytes", "2000"); err != nil {
		t.Fatal(err)
	}
	if err := produce(600); err != nil {
		t.Errorf("under the broker's own 2000: %v", err)
	}
	if err := alter([]int32{1}, "node.id", "7"); !errors.Is(err, kerr.InvalidRequest) {
		t.Errorf("node.id: %v", err)
	}
	configs, err := admin.DescribeBrokerConfigs(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == "message.max.bytes" && (c.MaybeValue() != "2000" || len(c.Synonyms) != 3 || c.Source != kmsg.ConfigSourceDynamicBrokerConfig) {
			t.Errorf("%+v", c)
		}
	}

	groups := kmsg.NewPtrIncrementalAlterConfigsRequest()
	for kind, name := range map[kmsg.ConfigResourceType]string{kmsg.ConfigResourceTypeGroupConfig: "g", kmsg.ConfigResourceTypeClientMetrics: "m"} {
		key := map[kmsg.ConfigResourceType]string{kmsg.ConfigResourceTypeGroupConfig: "consumer.session.timeout.ms", kmsg.ConfigResourceTypeClientMetrics: "interval.ms"}[kind]
		groups.Resources = append(groups.Resources, kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kind, ResourceName: name,
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Value: kmsg.StringPtr("50000")}}})
	}
	if resp, err := groups.RequestWith(t.Context(), cl.Broker(1)); err != nil || resp.Resources[0].ErrorCode != 0 || resp.Resources[1].ErrorCode != 0 {
		t.Fatalf("%+v, %v", resp, err)
	}
	if err := alterGroup(t, cl, "g", "consumer.heartbeat.interval.ms", "7000"); err != nil {
		t.Fatal(err)
	}
	if n := r.c.Image().GroupInt("g", "consumer.session.timeout.ms"); n != 50000 {
		t.Errorf("the group has %d", n)
	}
	join := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	join.Group, join.MemberID, join.RebalanceTimeoutMillis = "g", "AAAAAAAAAAAAAAAAAAAAAA", 5000
	join.SubscribedTopicNames, join.Topics = []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	joined, err := join.RequestWith(t.Context(), cl)
	if err != nil || joined.ErrorCode != 0 || joined.HeartbeatIntervalMillis != 7000 {
		t.Errorf("a member of the group: %+v, %v", joined, err)
	}
	list, err := kmsg.NewPtrListConfigResourcesRequest().RequestWith(t.Context(), cl.Broker(1))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range list.ConfigResources {
		names = append(names, fmt.Sprint(c.Type, c.Name))
	}
	if got := strings.Join(names, " "); got != "32g 16m 81 41 2__consumer_offsets 2t" {
		t.Errorf("listed %s", got)
	}
}

func alterGroup(t *testing.T, cl *kgo.Client, group, key, value string) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: group,
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Value: &value}}}}
	resp, err := req.RequestWith(t.Context(), cl.Broker(1))
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Resources[0].ErrorCode)
}
