package metadata

import (
	"bytes"
	"crypto/sha512"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// cluster is a core driven as the state machine drives it, with its log.
type cluster struct {
	*Core
	log []statemachine.Record
	ids byte
	at  time.Duration // since the beginning
}

func newCluster(t *testing.T, brokers int, serverless bool) *cluster {
	t.Helper()
	c := &cluster{Core: New(params(serverless))}
	var list []Broker
	for i := range brokers {
		list = append(list, Broker{ID: int32(i + 1), Rack: fmt.Sprintf("az%d", i%3+1), Listeners: map[string]Endpoint{"CLIENT": {"h", int32(9000 + i)}}})
	}
	c.do(RegisterBrokers{Brokers: list})
	return c
}

func params(serverless bool) Params {
	return Params{ClusterID: "c", ControllerID: 1, Serverless: serverless, Static: map[string]string{
		"min.insync.replicas": "2", "default.replication.factor": "3", "log.retention.hours": "24",
	}}
}

func (c *cluster) do(req any) any {
	return c.take(c.Decide(c.now(), 1, req)).Replies[0].Value
}

func (c *cluster) now() time.Time { return time.UnixMilli(0).Add(c.at) }

func (c *cluster) take(d statemachine.Decision) statemachine.Decision {
	for _, r := range d.Records {
		c.Apply(r, c.now())
	}
	c.log = append(c.log, d.Records...)
	return d
}

// pass lets time go by; what becomes due is done.
func (c *cluster) pass(d time.Duration) {
	until := c.at + d
	for due := c.Deadline(); !due.IsZero() && due.Sub(time.UnixMilli(0)) <= until; due = c.Deadline() {
		c.at = max(c.at, due.Sub(time.UnixMilli(0)))
		c.take(c.Expire(c.now()))
	}
	c.at = until
}

func (c *cluster) create(name string, partitions int32, replicas int16, configs ...string) kmsg.CreateTopicsResponseTopic {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	in := kmsg.NewCreateTopicsRequestTopic()
	in.Topic, in.NumPartitions, in.ReplicationFactor = name, partitions, replicas
	for i := 0; i+1 < len(configs); i += 2 {
		in.Configs = append(in.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: &configs[i+1]})
	}
	req.Topics = append(req.Topics, in)
	c.ids++
	return c.do(CreateTopics{Req: req, IDs: [][16]byte{{c.ids}}}).(*kmsg.CreateTopicsResponse).Topics[0]
}

func (c *cluster) alter(kind kmsg.ConfigResourceType, name string, op kmsg.IncrementalAlterConfigOp, key, value string) kmsg.IncrementalAlterConfigsResponseResource {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kind, name
	r.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Op: op, Value: &value}}
	req.Resources = append(req.Resources, r)
	return c.do(req).(*kmsg.IncrementalAlterConfigsResponse).Resources[0]
}

func said(code int16, text *string) string {
	s := "ok"
	if code != 0 {
		s = kerr.TypedErrorForCode(code).Message
	}
	if text != nil {
		s += ": " + *text
	}
	return s
}

func TestCreateTopics(t *testing.T) {
	c := newCluster(t, 3, false)
	c.create("there", 1, 3)
	for _, tc := range []struct {
		name       string
		partitions int32
		replicas   int16
		configs    []string
		want       string
	}{
		{"a.b", 6, 3, nil, "ok"},
		{"a_b", 1, 1, nil, "INVALID_TOPIC_EXCEPTION: Topic 'a_b' collides with existing topic: a.b"},
		{"there", 1, 3, nil, "TOPIC_ALREADY_EXISTS: Topic 'there' already exists."},
		{"", 1, 1, nil, "INVALID_TOPIC_EXCEPTION: Topic name is invalid: the empty string is not allowed"},
		{"..", 1, 1, nil, "INVALID_TOPIC_EXCEPTION: Topic name is invalid: '..' is not allowed"},
		{"sp ace", 1, 1, nil, "INVALID_TOPIC_EXCEPTION: Topic name is invalid: 'sp ace' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"},
		{strings.Repeat("x", 249), 1, 1, nil, "ok"},
		{"r4", 1, 4, nil, "INVALID_REPLICATION_FACTOR: Unable to replicate the partition 4 time(s): The target replication factor of 4 cannot be reached because only 3 broker(s) are registered."},
		{"r0", 1, 0, nil, "INVALID_REPLICATION_FACTOR: Replication factor must be larger than 0, or -1 to use the default value."},
		{"p0", 0, 1, nil, "INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value."},
		{"c1", 1, 1, []string{"retention.ms", "soon"}, "INVALID_CONFIG: Invalid value soon for configuration retention.ms: Not a number of type LONG"},
		{"c2", 1, 1, []string{"nothing.known", "1"}, "INVALID_CONFIG: Unknown topic config name: nothing.known"},
		{"__consumer_offsets", 1, 1, nil, "INVALID_REQUEST: Creation of internal topic __consumer_offsets is prohibited."},
	} {
		got := c.create(tc.name, tc.partitions, tc.replicas, tc.configs...)
		if s := said(got.ErrorCode, got.ErrorMessage); s != tc.want {
			t.Errorf("create %.20q: %s\nwant %s", tc.name, s, tc.want)
		}
	}
	if got := c.create("defaults", -1, -1); got.NumPartitions != 1 || got.ReplicationFactor != 3 {
		t.Errorf("defaults: %d partitions, %d replicas; want 1 and 3", got.NumPartitions, got.ReplicationFactor)
	}
}

// TestPartitionsAssignedByHand: Kafka looks for one that is named twice before it
// looks for gaps.
func TestPartitionsAssignedByHand(t *testing.T) {
	c := newCluster(t, 3, false)
	for want, partitions := range map[string][]int32{
		"INVALID_REPLICA_ASSIGNMENT: Found multiple manual partition assignments for partition 0": {0, 0},
		"INVALID_REPLICA_ASSIGNMENT: partitions should be a consecutive 0-based integer sequence": {0, 2},
		"INVALID_REPLICA_ASSIGNMENT: Found multiple manual partition assignments for partition 7": {7, 7},
		"ok": {1, 0},
	} {
		req := kmsg.NewPtrCreateTopicsRequest()
		in := kmsg.NewCreateTopicsRequestTopic()
		in.Topic, in.NumPartitions, in.ReplicationFactor = "t", -1, -1
		for _, p := range partitions {
			in.ReplicaAssignment = append(in.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: p, Replicas: []int32{1, 2}})
		}
		req.Topics, req.ValidateOnly = []kmsg.CreateTopicsRequestTopic{in}, true
		out := c.do(CreateTopics{Req: req, IDs: [][16]byte{{1}}}).(*kmsg.CreateTopicsResponse).Topics[0]
		if got := said(out.ErrorCode, out.ErrorMessage); got != want {
			t.Errorf("partitions %d: %s, want %s", partitions, got, want)
		}
	}
}

func TestPlacementSpreadsOverZones(t *testing.T) {
	for _, brokers := range []int{3, 6, 9, 15} {
		c := newCluster(t, brokers, false)
		c.create("t", 90, 3)
		leaders := make(map[int32]int)
		for i, p := range c.Image().Topic("t").Partitions {
			leaders[p.Leader]++
			zones := make(map[string]bool)
			for _, id := range p.Replicas {
				zones[c.Image().Broker(id).Rack] = true
			}
			if len(zones) != 3 || p.Leader != p.Replicas[0] || !slices.Equal(p.ISR, p.Replicas) {
				t.Errorf("%d brokers, partition %d: %+v over %d zones", brokers, i, p, len(zones))
			}
		}
		for id, n := range leaders {
			if n != 90/brokers {
				t.Errorf("%d brokers: broker %d leads %d of 90", brokers, id, n)
			}
		}
	}
}

func TestGrowAndDelete(t *testing.T) {
	c := newCluster(t, 3, false)
	c.create("t", 2, 3)
	grow := func(count int32) string {
		req := kmsg.NewPtrCreatePartitionsRequest()
		in := kmsg.NewCreatePartitionsRequestTopic()
		in.Topic, in.Count = "t", count
		req.Topics = append(req.Topics, in)
		out := c.do(req).(*kmsg.CreatePartitionsResponse).Topics[0]
		return said(out.ErrorCode, out.ErrorMessage)
	}
	for count, want := range map[int32]string{
		1: "INVALID_PARTITIONS: The topic t currently has 2 partition(s); 1 would not be an increase.",
		2: "INVALID_PARTITIONS: Topic already has 2 partition(s).",
	} {
		if got := grow(count); got != want {
			t.Errorf("grow to %d: %s", count, got)
		}
	}
	before := c.Image().Topic("t").Partitions
	if got := grow(5); got != "ok" || len(c.Image().Topic("t").Partitions) != 5 || !reflect.DeepEqual(before, c.Image().Topic("t").Partitions[:2]) {
		t.Errorf("grow to 5: %s, %+v", got, c.Image().Topic("t").Partitions)
	}
	remove := func(r kmsg.DeleteTopicsRequestTopic) string {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.Topics = 6, []kmsg.DeleteTopicsRequestTopic{r}
		out := c.do(req).(*kmsg.DeleteTopicsResponse).Topics[0]
		return said(out.ErrorCode, nil)
	}
	if got := remove(kmsg.DeleteTopicsRequestTopic{TopicID: [16]byte{99}}); got != "UNKNOWN_TOPIC_ID" {
		t.Errorf("delete an unknown id: %s", got)
	}
	if got := remove(kmsg.DeleteTopicsRequestTopic{TopicID: c.Image().Topic("t").ID}); got != "ok" || c.Image().Topic("t") != nil {
		t.Errorf("delete by id: %s", got)
	}
}

func TestConfigsAndTheirSources(t *testing.T) {
	c := newCluster(t, 3, false)
	c.create("t", 1, 3, "max.message.bytes", "2000")
	describe := func(kind kmsg.ConfigResourceType, name, key string) string {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.Version, req.IncludeSynonyms = 4, true
		req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: []string{key}}}
		r := c.Image().DescribeConfigs(1, nil, req).Resources[0]
		if len(r.Configs) != 1 {
			return said(r.ErrorCode, r.ErrorMessage)
		}
		s := fmt.Sprintf("%s %v", *r.Configs[0].Value, r.Configs[0].Source)
		for _, syn := range r.Configs[0].ConfigSynonyms {
			s += fmt.Sprintf(" | %s=%s %v", syn.Name, *syn.Value, syn.Source)
		}
		return s
	}
	topic, broker := kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	for _, tc := range []struct {
		kind            kmsg.ConfigResourceType
		name, key, want string
	}{
		{topic, "t", "max.message.bytes", "2000 DYNAMIC_TOPIC_CONFIG | max.message.bytes=2000 DYNAMIC_TOPIC_CONFIG | message.max.bytes=1048588 DEFAULT_CONFIG"},
		{topic, "t", "min.insync.replicas", "2 STATIC_BROKER_CONFIG | min.insync.replicas=2 STATIC_BROKER_CONFIG | min.insync.replicas=1 DEFAULT_CONFIG"},
		{topic, "t", "retention.ms", "86400000 DEFAULT_CONFIG"}, // as Kafka: a synonym counts only after the first, log.retention.ms
		{topic, "none", "retention.ms", "UNKNOWN_TOPIC_OR_PARTITION: "},
		{broker, "1", "num.partitions", "1 DEFAULT_CONFIG | num.partitions=1 DEFAULT_CONFIG"},
		{broker, "9", "num.partitions", "INVALID_REQUEST: Unexpected broker id, expected 1 or empty string, but received 9"},
	} {
		if got := describe(tc.kind, tc.name, tc.key); got != tc.want {
			t.Errorf("%s of %s: %s\nwant %s", tc.key, tc.name, got, tc.want)
		}
	}
	for _, tc := range []struct {
		kind             kmsg.ConfigResourceType
		name             string
		op               kmsg.IncrementalAlterConfigOp
		key, value, want string
	}{
		{topic, "t", kmsg.IncrementalAlterConfigOpSet, "retention.ms", "5000", "ok"},
		{topic, "t", kmsg.IncrementalAlterConfigOpSet, "min.insync.replicas", "0", "INVALID_CONFIG: Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"},
		{topic, "t", kmsg.IncrementalAlterConfigOpAppend, "retention.ms", "1", "INVALID_CONFIG: Can't APPEND to key retention.ms because its type is not LIST."},
		{topic, "none", kmsg.IncrementalAlterConfigOpSet, "retention.ms", "1", "UNKNOWN_TOPIC_OR_PARTITION: The topic 'none' does not exist."},
		{broker, "", kmsg.IncrementalAlterConfigOpSet, "message.max.bytes", "3000", "ok"},
		{broker, "1", kmsg.IncrementalAlterConfigOpSet, "num.partitions", "3", "INVALID_REQUEST: Cannot update these configs dynamically: Set(num.partitions)"},
	} {
		got := c.alter(tc.kind, tc.name, tc.op, tc.key, tc.value)
		if s := said(got.ErrorCode, got.ErrorMessage); s != tc.want {
			t.Errorf("alter %s of %q: %s\nwant %s", tc.key, tc.name, s, tc.want)
		}
	}
	if s := c.Image().TopicSettings(c.Image().Topic("t")); s.RetentionAge != 5*time.Second || s.MaxMessageBytes != 2000 || s.MinInsyncReplicas != 2 || !s.Delete || s.Compact {
		t.Errorf("settings %+v", s)
	}
	c.alter(topic, "t", kmsg.IncrementalAlterConfigOpDelete, "max.message.bytes", "")
	if s := c.Image().TopicSettings(c.Image().Topic("t")); s.MaxMessageBytes != 3000 {
		t.Errorf("after the topic's own value is gone: %d, want the brokers' 3000", s.MaxMessageBytes)
	}
}

func TestServerlessRules(t *testing.T) {
	c := newCluster(t, 3, true)
	for _, tc := range []struct{ got, want string }{
		{said(c.create("a", 1, 3, "retention.ms", "-1").ErrorCode, nil), "ok"},
		{said(c.create("b", 1, 3, "segment.bytes", "1000").ErrorCode, nil), "INVALID_REQUEST"},
		{said(c.create("c", 1, 3, "max.message.bytes", "8388609").ErrorCode, nil), "INVALID_REQUEST"},
		{said(c.create("d", 2400, 3).ErrorCode, nil), "INVALID_REQUEST"},
		{said(c.alter(kmsg.ConfigResourceTypeTopic, "a", kmsg.IncrementalAlterConfigOpSet, "cleanup.policy", "delete").ErrorCode, nil), "INVALID_REQUEST"},
		{said(c.alter(kmsg.ConfigResourceTypeBroker, "1", kmsg.IncrementalAlterConfigOpSet, "message.max.bytes", "1").ErrorCode, nil), "INVALID_REQUEST"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %s, want %s", tc.got, tc.want)
		}
	}
}

func TestScramUsers(t *testing.T) {
	c := newCluster(t, 1, false)
	alter := func(iterations int32, password []byte) string {
		req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
		u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
		u.Name, u.Mechanism, u.Iterations, u.Salt, u.SaltedPassword = "alice", 2, iterations, []byte("salt"), password
		req.Upsertions = append(req.Upsertions, u)
		out := c.do(req).(*kmsg.AlterUserSCRAMCredentialsResponse).Results[0]
		return said(out.ErrorCode, out.ErrorMessage)
	}
	if got := alter(100, make([]byte, sha512.Size)); got != "UNACCEPTABLE_CREDENTIAL: Too few iterations" {
		t.Error(got)
	}
	if got := alter(4096, make([]byte, sha512.Size)); got != "ok" {
		t.Error(got)
	}
	cred, ok := c.Image().ScramCredential("SCRAM-SHA-512", "alice")
	if !ok || len(cred.StoredKey) != sha512.Size || cred.Iterations != 4096 {
		t.Errorf("credential %+v, %v", cred, ok)
	}
	for _, r := range c.log {
		if bytes.Contains(r.Value, make([]byte, 16)) {
			t.Error("the salted password is in the log")
		}
	}
}

// TestReplayEqualsLive is the promise of a log: folded again it is the state.
func TestReplayEqualsLive(t *testing.T) {
	c := newCluster(t, 6, false)
	for i := range 20 {
		c.create(fmt.Sprintf("t%d", i), int32(i%4+1), 3)
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames = []string{"t3", "t7"}
	c.do(req)
	c.alter(kmsg.ConfigResourceTypeBroker, "", kmsg.IncrementalAlterConfigOpSet, "log.retention.ms", "1000")
	c.do(CreateInternalTopic{Name: "__consumer_offsets", ID: [16]byte{200}})
	first := c.do(AllocateProducerIDs{Count: 1000}).(int64)
	if second := c.do(AllocateProducerIDs{Count: 1000}).(int64); second != first+1000 {
		t.Errorf("blocks begin at %d and %d", first, second)
	}
	again := New(params(false))
	for _, r := range c.log {
		again.Apply(r, time.UnixMilli(0))
	}
	if !reflect.DeepEqual(again.Image(), c.Image()) || again.nextProducerID != c.nextProducerID {
		t.Error("the replayed state differs from the live one")
	}
}

// FuzzApply: no event makes the core panic, nor what is asked of it after.
func FuzzApply(f *testing.F) {
	f.Add([]byte("topic/t"), []byte(`{"v":1,"id":"00000000000000000000000000000001","partitions":[]}`))
	f.Add([]byte("topic/t"), []byte(`{"v":1,"id":"00000000000000000000000000000001","partitions":[{"leader":9,"replicas":[9,9],"isr":null}],"configs":{"segment.bytes":"x"}}`))
	f.Add([]byte("brokers"), []byte(`{"v":1,"brokers":[{"id":1},{"id":1},{"id":-1}]}`))
	f.Add([]byte("broker-config/"), []byte(`{"v":1,"configs":{"num.partitions":"-7"}}`))
	f.Add([]byte("producer-ids"), []byte(`{"v":1,"next":-1}`))
	f.Add([]byte("scram-user/x"), []byte(`{"v":2}`))
	f.Add([]byte("topic/t"), []byte(`{"v":1,"id":"00000000000000000000000000000001","partitions":[{"leader":1,"replicas":[2,1],"isr":[1],"adding":[2,7],"removing":[1]}]}`))
	f.Add([]byte(`acl/{"type":-2,"pattern":9,"name":"","principal":"x"}`), []byte(`{"v":1}`))
	f.Add([]byte("features"), []byte(`{"v":1,"levels":{"metadata.version":-3}}`))
	f.Add([]byte("group-config/g"), []byte(`{"v":1,"configs":{"consumer.session.timeout.ms":"x"}}`))
	f.Add([]byte(`client-quota/user="a"`), []byte(`{"v":1,"entity":[{"type":"user","name":"b"},{"type":"ip"}],"quotas":{"x":-1}}`))
	f.Add([]byte(`client-quota/ip`), []byte(`{"v":1,"entity":[{"type":"ip","name":"::ffff:1.2.3.4"}],"quotas":null}`))
	f.Fuzz(func(_ *testing.T, key, value []byte) {
		c := &cluster{Core: New(Params{})}
		c.do(RegisterBrokers{Brokers: []Broker{{ID: 1, Rack: "a"}, {ID: 2, Rack: "b"}}})
		c.Apply(statemachine.Record{Key: key, Value: value}, time.Time{})
		c.Image().Allowed(Access{Principal: "User:a", Type: kmsg.ACLResourceTypeTopic, Name: "t", Operation: kmsg.ACLOperationRead})
		c.Image().DescribeACLs(kmsg.NewPtrDescribeACLsRequest())
		c.Image().GroupInt("g", "consumer.session.timeout.ms")
		c.Image().FinalizedFeatures()
		c.Image().DescribeClientQuotas(kmsg.NewPtrDescribeClientQuotasRequest())
		c.Image().QuotaRules()
		for _, t := range c.Image().Topics() {
			c.Image().TopicSettings(t)
			c.pass(0)
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: t.Name}}
			c.Image().DescribeConfigs(1, nil, req)
			grow := kmsg.NewPtrCreatePartitionsRequest()
			grow.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: t.Name, Count: int32(len(t.Partitions) + 1)}}
			c.do(grow)
		}
		c.create("another", -1, -1)
		c.do(FenceBroker{ID: 1})
		c.do(kmsg.NewPtrElectLeadersRequest())
		c.do(AllocateProducerIDs{Count: 1})
		c.Snapshot()
	})
}
