package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/millracetest"
)

// TestMigrationToKRaft: a cluster leaves ZooKeeper with its records and topics,
// and its brokers then say what brokers with KRaft say.
func TestMigrationToKRaft(t *testing.T) {
	m := millracetest.Start(t)
	w := &cloud{m, m.Cluster("zoo", millracetest.KafkaVersion("3.9.x")), t}
	w.c.CreateTopic("t", 1, "retention.ms", "3600000")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	root := aws.Credentials{AccessKeyID: m.AccessKeyID(), SecretAccessKey: m.SecretAccessKey()}
	if err := produce(ctx, w.client(root), "kept"); err != nil {
		t.Fatal(err)
	}
	a := w.topics(nil)
	if s := w.software(a); !strings.HasPrefix(aws.ToString(s.ZookeeperConnectString), "z-1.zoo.") || !strings.HasSuffix(aws.ToString(s.ZookeeperConnectStringTls), ":2182") {
		t.Errorf("ZooKeeper is at %v and %v", s.ZookeeperConnectString, s.ZookeeperConnectStringTls)
	}
	_, err := a.UpdateConnectivity(ctx, &kafka.UpdateConnectivityInput{ClusterArn: &a.arn, CurrentVersion: w.stamp(a), ZookeeperAccess: &types.ZookeeperAccess{Enabled: aws.Bool(false)}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.UpdateClusterKafkaVersion(ctx, &kafka.UpdateClusterKafkaVersionInput{ClusterArn: &a.arn, CurrentVersion: w.stamp(a), TargetKafkaVersion: aws.String("3.9.x.kraft")})
	if err != nil {
		t.Fatal(err)
	}
	w.stamp(a)
	done, err := a.DescribeClusterOperation(ctx, &kafka.DescribeClusterOperationInput{ClusterOperationArn: out.ClusterOperationArn})
	if err != nil || *done.ClusterOperationInfo.OperationState != "UPDATE_COMPLETE" {
		t.Fatalf("the migration: %+v, %v", done, err)
	}
	if s := w.software(a); *s.CurrentBrokerSoftwareInfo.KafkaVersion != "3.9.x.kraft" || s.ZookeeperConnectString != nil {
		t.Errorf("after the migration: %+v", s)
	}
	if value, err := fetch(ctx, w.client(root, consume())); value != "kept" {
		t.Errorf("read %q, %v", value, err)
	}
	if got := a.configs("t", "retention.ms"); !strings.HasSuffix(got, "retention.ms=3600000") {
		t.Errorf("the topic is %s", got)
	}
	versions, err := kadm.NewClient(w.client(root)).ApiVersions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, broker := range versions {
		if _, _, knows := broker.KeyVersions(55); !knows { // DescribeQuorum
			t.Errorf("broker %d is as with ZooKeeper", broker.NodeID)
		}
	}
}

// software is the cluster as DescribeClusterV2 tells it.
func (w *cloud) software(a topicAPI) *types.Provisioned {
	w.t.Helper()
	out, err := a.DescribeClusterV2(w.t.Context(), &kafka.DescribeClusterV2Input{ClusterArn: &a.arn})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.ClusterInfo.Provisioned
}

// stamp is the version token of the cluster once it is ACTIVE.
func (w *cloud) stamp(a topicAPI) *string {
	w.t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for late := time.After(30 * time.Second); ; {
		out, err := a.DescribeClusterV2(w.t.Context(), &kafka.DescribeClusterV2Input{ClusterArn: &a.arn})
		if err != nil {
			w.t.Fatal(err)
		}
		if out.ClusterInfo.State == types.ClusterStateActive {
			return out.ClusterInfo.CurrentVersion
		}
		select {
		case <-poll.C:
		case <-late:
			w.t.Fatalf("the cluster stays %s", out.ClusterInfo.State)
		}
	}
}
