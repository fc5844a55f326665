package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/kafka/cluster"
)

const bothTypes = "kafka.m5.large,express.m7g.large"

// standard makes a cluster of three Standard brokers of Kafka 3.9 the host's.
func (h *host) standard() {
	h.t.Helper()
	out, err := h.s.msk.CreateClusterV2(h.t.Context(), h.caller, &kafka.CreateClusterV2Request{
		ClusterName: new("s"), Provisioned: &kafka.ProvisionedRequest{
			KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(3)),
			BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{ClientSubnets: h.s.vpc.SubnetIDs[:3], InstanceType: new("kafka.m5.large")},
			EncryptionInfo:      &kafka.EncryptionInfo{EncryptionInTransit: &kafka.EncryptionInTransit{ClientBroker: new("TLS_PLAINTEXT")}},
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.arn = *out.ClusterArn
	h.await(func() bool {
		b, err := h.s.msk.GetBootstrapBrokers(h.t.Context(), h.caller, &kafka.GetBootstrapBrokersRequest{ClusterArn: &h.arn})
		if err != nil || b.BootstrapBrokerString == nil {
			return false
		}
		h.seeds = *b.BootstrapBrokerString
		return true
	})
}

// typed asks for a broker type and answers the operation.
func (h *host) typed(target, mode string) (*string, error) {
	h.t.Helper()
	in := &kafka.UpdateBrokerTypeRequest{ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, TargetInstanceType: &target}
	if mode != "" {
		in.TopicReassignment = &mode
	}
	out, err := h.s.msk.UpdateBrokerType(h.t.Context(), h.caller, in)
	if err != nil {
		return nil, err
	}
	return out.ClusterOperationArn, nil
}

// becomes waits until an UpdateBrokerType is complete.
func (h *host) becomes(target, mode string) *kafka.ClusterOperationInfo {
	h.t.Helper()
	operation, err := h.typed(target, mode)
	if err != nil {
		h.t.Fatal(err)
	}
	o := h.settled(operation)
	if *o.OperationState != "UPDATE_COMPLETE" {
		h.t.Fatalf("%s: %s %+v", target, *o.OperationState, o.ErrorInfo)
	}
	return o
}

// moves begins a topic reassignment.
func (h *host) moves(target string, include ...string) *string {
	h.t.Helper()
	out, err := h.s.msk.StartTopicReassignment(h.t.Context(), h.caller, &kafka.StartTopicReassignmentRequest{
		ClusterArn: &h.arn, TargetInstanceType: &target, TopicsToInclude: include,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.TopicReassignmentOperationArn
}

func (h *host) movesTold(arn *string) *kafka.DescribeTopicReassignmentResponse {
	h.t.Helper()
	out, err := h.s.msk.DescribeTopicReassignment(h.t.Context(), h.caller, &kafka.DescribeTopicReassignmentRequest{ClusterArn: &h.arn, TopicReassignmentOperationArn: arn})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// moved waits until a topic reassignment has a status.
func (h *host) moved(arn *string, status string) *kafka.DescribeTopicReassignmentResponse {
	h.t.Helper()
	h.await(func() bool { return *h.movesTold(arn).Status == status })
	return h.movesTold(arn)
}

// nodesTold is each broker with its kind and type.
func (h *host) nodesTold() string {
	h.t.Helper()
	out, err := h.s.msk.ListNodes(h.t.Context(), h.caller, &kafka.ListNodesRequest{ClusterArn: &h.arn})
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, n := range out.NodeInfoList {
		if b := n.BrokerNodeInfo; b != nil {
			all = append(all, fmt.Sprintf("%v:%s:%s", *b.BrokerId, *b.BrokerNodeType, *n.InstanceType))
		}
	}
	return strings.Join(all, " ")
}

// replicasOf is the brokers that hold replicas of a topic.
func (h *host) replicasOf(topic string) string {
	h.t.Helper()
	meta, err := kadm.NewClient(h.client()).Metadata(h.t.Context(), topic)
	if err != nil {
		h.t.Fatal(err)
	}
	var ids []int32
	for _, p := range meta.Topics[topic].Partitions {
		ids = append(ids, p.Replicas...)
	}
	slices.Sort(ids)
	return fmt.Sprint(slices.Compact(ids))
}

// assessedAs waits for a new assessment's end and answers its findings, each as
// CATEGORY SEVERITY resource.
func (h *host) assessedAs(target string) (found []string, summary *kafka.AssessmentSummary, arn *string) {
	h.t.Helper()
	in := &kafka.CreateAssessmentRequest{ClusterArn: &h.arn, AssessmentType: new("UPDATE_BROKER_TYPE")}
	if target != "" {
		in.AssessmentParameters = &kafka.AssessmentParameters{TargetInstanceType: &target}
	}
	made, err := h.s.msk.CreateAssessment(h.t.Context(), h.caller, in)
	if err != nil {
		h.t.Fatal(err)
	}
	var told *kafka.DescribeAssessmentResponse
	h.await(func() bool {
		told, err = h.s.msk.DescribeAssessment(h.t.Context(), h.caller, &kafka.DescribeAssessmentRequest{ClusterArn: &h.arn, AssessmentArn: made.AssessmentArn})
		if err != nil {
			h.t.Fatal(err)
		}
		return *told.Status != "IN_PROGRESS"
	})
	if *told.Status != "COMPLETE" {
		h.t.Fatalf("the assessment: %s %v", *told.Status, told.StatusMessage)
	}
	out, err := h.s.msk.ListAssessmentFindings(h.t.Context(), h.caller, &kafka.ListAssessmentFindingsRequest{ClusterArn: &h.arn, AssessmentArn: made.AssessmentArn})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range out.Findings {
		resource := ""
		if f.Resource != nil {
			resource = *f.Resource
		}
		found = append(found, strings.TrimSpace(*f.Category+" "+*f.Severity+" "+resource))
	}
	return found, told.Summary, made.AssessmentArn
}

// TestUpgradeToExpress is an upgrade in place: assessed, begun, topics moved while
// clients go on, and completed; the cluster is one of Express brokers then, also
// for a server that starts again.
func TestUpgradeToExpress(t *testing.T) {
	h := newHost(t)
	h.standard()
	h.await(func() bool { return *h.described().State == "ACTIVE" })
	adm := kadm.NewClient(h.client())
	if _, err := adm.CreateTopic(t.Context(), 1, 1, map[string]*string{"segment.bytes": new("1048576")}, "bad"); err != nil {
		t.Fatal(err)
	}
	found, summary, _ := h.assessedAs("express.m7g.large")
	want := []string{"TOPIC_CONFIGURATION ERROR bad", "TOPIC_CONFIGURATION ERROR bad"}
	if !slices.Equal(found, want) || !*summary.HasBlockingFindings || *summary.TotalFindings != 2 || summary.ByCategory["TOPIC_CONFIGURATION"] != 2 {
		t.Errorf("findings %q, %+v", found, summary)
	}
	if _, err := h.typed(bothTypes, ""); err == nil || !strings.Contains(err.Error(), "replication factor 1") {
		t.Errorf("an upgrade with blocking findings: %v", err)
	}
	if _, err := adm.DeleteTopics(t.Context(), "bad"); err != nil {
		t.Fatal(err)
	}
	if found, summary, _ := h.assessedAs(""); !slices.Equal(found, []string{"CAPACITY INFO"}) || *summary.HasBlockingFindings {
		t.Errorf("findings %q, %+v", found, summary)
	}
	stop := h.trafficOf("t", 3)
	if _, err := adm.CreateTopic(t.Context(), 6, 3, nil, "later"); err != nil {
		t.Fatal(err)
	}
	o := h.becomes(bothTypes, "")
	h.expect("the operation", *o.OperationType+" "+*o.SourceClusterInfo.InstanceType+" -> "+*o.TargetClusterInfo.InstanceType+" "+*o.BrokerTypeUpgradeInfo.TopicReassignmentMode,
		"UPDATE_BROKER_TYPE m5.large -> "+bothTypes+" MANUAL")
	h.expect("nodes", h.nodesTold(), "1:STANDARD:m5.large 2:STANDARD:m5.large 3:STANDARD:m5.large 4:EXPRESS:express.m7g.large 5:EXPRESS:express.m7g.large 6:EXPRESS:express.m7g.large")
	h.expect("the cluster's type", *h.described().Provisioned.BrokerNodeGroupInfo.InstanceType, bothTypes)
	h.expect("nothing has moved", h.replicasOf("t")+h.replicasOf("later"), "[1 2 3][1 2 3]")
	if out, err := adm.CreateTopic(t.Context(), 1, 1, nil, "new"); err != nil || out.ReplicationFactor != 3 {
		t.Fatal(out, err)
	}
	h.expect("a new topic", h.replicasOf("new"), "[4 5 6]")
	if _, err := h.typed("express.m7g.large", ""); err == nil || !strings.Contains(err.Error(), "still hold partitions") {
		t.Errorf("completed with topics on Standard brokers: %v", err)
	}
	r := h.moved(h.moves("express.m7g.large", "t"), "COMPLETE")
	h.expect("one topic", fmt.Sprint(*r.TotalTopics, *r.CompletedTopics, *r.TotalPartitions, *r.MigratedPartitions), "1 1 1 1")
	h.expect("one topic has moved", h.replicasOf("t")+h.replicasOf("later"), "[4 5 6][1 2 3]")
	r = h.moved(h.moves("express.m7g.large", ".*"), "COMPLETE")
	h.expect("all topics", fmt.Sprint(*r.TotalTopics == *r.CompletedTopics, *r.TotalPartitions == *r.MigratedPartitions), "true true")
	o = h.becomes("express.m7g.large", "")
	h.expect("completed", *o.SourceClusterInfo.InstanceType+" -> "+*o.TargetClusterInfo.InstanceType, bothTypes+" -> express.m7g.large")
	c := h.described().Provisioned
	h.expect("after", h.nodesTold()+" "+*c.BrokerNodeGroupInfo.InstanceType+" "+*c.Rebalancing.Status, "4:EXPRESS:express.m7g.large 5:EXPRESS:express.m7g.large 6:EXPRESS:express.m7g.large express.m7g.large ACTIVE")
	if c.BrokerNodeGroupInfo.StorageInfo != nil {
		t.Errorf("Express brokers have volumes: %+v", c.BrokerNodeGroupInfo.StorageInfo)
	}
	stop()
	h.endpointPreserved()
	h.kill()
	h.start(nil)
	h.await(func() bool { return *h.described().State == "ACTIVE" && h.s.driver.find(h.arn) != nil })
	h.endpointPreserved()
	out, err := h.s.msk.RebootBroker(t.Context(), h.caller, &kafka.RebootBrokerRequest{ClusterArn: &h.arn, BrokerIds: []string{"4"}})
	if err != nil {
		t.Fatal(err)
	}
	h.settled(out.ClusterOperationArn)
	h.endpointPreserved()
	h.expect("after all", h.replicasOf("later"), "[4 5 6]")
	if _, err := h.typed("kafka.m5.large", ""); err == nil {
		t.Error("Express brokers became Standard brokers")
	}
}

// endpointPreserved connects to each address of the bootstrap string that there
// was before the upgrade, and is told of the brokers that there are.
func (h *host) endpointPreserved() {
	h.t.Helper()
	if now := *h.addresses().BootstrapBrokerString; now == h.seeds {
		h.t.Errorf("the bootstrap string is %s still", now)
	}
	for _, seed := range strings.Split(h.seeds, ",") {
		meta, err := kadm.NewClient(h.client(kgo.SeedBrokers(seed))).BrokerMetadata(h.t.Context())
		if err != nil || !slices.Equal(meta.Brokers.NodeIDs(), []int32{4, 5, 6}) {
			h.t.Errorf("%s tells of brokers %v: %v", seed, meta.Brokers.NodeIDs(), err)
		}
	}
}

// TestUpgradeRolledBack: topics go back to Standard brokers and the Express
// brokers go; what was forbidden meanwhile is allowed again.
func TestUpgradeRolledBack(t *testing.T) {
	h := newHost(t)
	h.standard()
	stop := h.trafficOf("t", 3)
	o := h.becomes("express.m7g.large+kafka.m5.large", "AUTO")
	if o.BrokerTypeUpgradeInfo.TopicReassignmentOperationArn == nil || *o.BrokerTypeUpgradeInfo.TopicReassignmentMode != "AUTO" {
		t.Fatalf("the operation tells %+v", o.BrokerTypeUpgradeInfo)
	}
	h.moved(o.BrokerTypeUpgradeInfo.TopicReassignmentOperationArn, "COMPLETE")
	h.expect("by the service", h.replicasOf("t"), "[4 5 6]")
	if _, err := h.typed("kafka.m5.large", ""); err == nil || !strings.Contains(err.Error(), "Set topicReassignment to MANUAL") {
		t.Errorf("rolled back in AUTO: %v", err)
	}
	h.becomes(bothTypes, "MANUAL")
	_, err := h.s.msk.UpdateBrokerCount(t.Context(), h.caller, &kafka.UpdateBrokerCountRequest{ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, TargetNumberOfBrokerNodes: new(int32(9))})
	if err == nil || !strings.Contains(err.Error(), "both Standard and Express brokers") {
		t.Errorf("brokers were added to a mixed cluster: %v", err)
	}
	h.moved(h.moves("kafka.m5.large", ".*"), "COMPLETE")
	h.expect("back", h.replicasOf("t"), "[1 2 3]")
	h.becomes("kafka.m5.large", "")
	h.expect("nodes", h.nodesTold(), "1:STANDARD:m5.large 2:STANDARD:m5.large 3:STANDARD:m5.large")
	stop()
	if out, err := kadm.NewClient(h.client()).CreateTopic(t.Context(), 1, 2, map[string]*string{"segment.bytes": new("1048576")}, "free"); err != nil || out.ReplicationFactor != 2 {
		t.Errorf("a topic of Standard brokers: %+v %v", out, err)
	}
}

// TestTopicReassignmentStops: while an Express broker does not keep up, what is on
// its way stays on its way, and goes back when the reassignment is stopped.
func TestTopicReassignmentStops(t *testing.T) {
	h := newHost(t)
	h.standard()
	adm := kadm.NewClient(h.client())
	if _, err := adm.CreateTopic(t.Context(), 4, 3, nil, "t"); err != nil {
		t.Fatal(err)
	}
	h.becomes(bothTypes, "")
	if err := h.s.driver.find(h.arn).c.FenceBroker(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	arn := h.moves("express.m7g.large", "t")
	h.await(func() bool {
		var all kadm.TopicsSet
		all.Add("t", 0, 1, 2, 3)
		out, err := adm.ListPartitionReassignments(t.Context(), all)
		return err == nil && len(out.Sorted()) == 4
	})
	r := h.movesTold(arn)
	h.expect("under way", fmt.Sprint(*r.Status, *r.TotalPartitions, *r.MigratedPartitions), "IN_PROGRESS4 0")
	_, err := h.s.msk.StartTopicReassignment(t.Context(), h.caller, &kafka.StartTopicReassignmentRequest{ClusterArn: &h.arn, TargetInstanceType: new("express.m7g.large"), TopicsToInclude: []string{"x"}})
	if err == nil || !strings.Contains(err.Error(), "ConflictException") {
		t.Errorf("a second reassignment: %v", err)
	}
	if _, err := h.typed("kafka.m5.large", ""); err == nil || !strings.Contains(err.Error(), "under way") {
		t.Errorf("rolled back during a reassignment: %v", err)
	}
	out, err := h.s.msk.StopTopicReassignment(t.Context(), h.caller, &kafka.StopTopicReassignmentRequest{ClusterArn: &h.arn, TopicReassignmentOperationArn: arn})
	if err != nil || *out.Status != "STOPPING" {
		t.Fatal(out, err)
	}
	h.moved(arn, "STOPPED")
	h.expect("gone back", h.replicasOf("t"), "[1 2 3]")
	if _, err := h.s.msk.StopTopicReassignment(t.Context(), h.caller, &kafka.StopTopicReassignmentRequest{ClusterArn: &h.arn, TopicReassignmentOperationArn: arn}); err == nil {
		t.Error("a reassignment was stopped twice")
	}
	if err := h.s.driver.find(h.arn).c.UnfenceBroker(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	h.moved(h.moves("express.m7g.large", "t"), "COMPLETE")
	h.expect("moved after all", h.replicasOf("t"), "[4 5 6]")
}

// TestMixedClusterRules: topics of a cluster in the midst of an upgrade are held
// to the rules of Express brokers, and each broker has the limits of its type.
func TestMixedClusterRules(t *testing.T) {
	h := newHost(t)
	h.standard()
	adm := kadm.NewClient(h.client())
	if _, err := adm.CreateTopic(t.Context(), 1, 3, nil, "old"); err != nil {
		t.Fatal(err)
	}
	h.becomes(bothTypes, "")
	altered, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "min.insync.replicas", Value: new("1")}}, "old")
	if code := kadmCode(err, cmp.Or(err, altered[0].Err)); code != kerr.InvalidRequest {
		t.Errorf("an old topic gets min.insync.replicas: %v", code)
	}
	c := h.s.driver.find(h.arn).c
	for id := range c.StorageUsed() {
		err := c.Limit(t.Context(), id, func(l *cluster.Limits) {
			if express := id > 3; (l.Ingress > 0) != express || (l.VolumeBytes > 0) == express {
				t.Errorf("limits of broker %d: %+v", id, *l)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}
