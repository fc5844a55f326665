package server

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/vfs"
)

// iamOnly is a cluster that IAM principals alone get into.
func iamOnly(*guarded) *kafka.ClientAuthentication {
	return &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Iam: &kafka.Iam{Enabled: new(true)}}}
}

// TestKafkaChangesOnRecord: what an IAM principal changes over Kafka is on
// record when it is answered, one event for each action; what it reads is not.
func TestKafkaChangesOnRecord(t *testing.T) {
	g := startGuarded(t, iamOnly)
	t.Setenv("AWS_REGION", "us-east-1") // the mechanism reads it for brokers whose names are not AWS's
	auth := saslaws.Auth{AccessKey: g.root.AccessKeyID, SecretKey: g.root.Secret.Reveal(), UserAgent: "changer"}
	client := g.client(*g.bootstrap().BootstrapBrokerStringSaslIam, kgo.DialTLSConfig(g.tls()), kgo.SASL(auth.AsManagedStreamingIAMMechanism()), kgo.ClientID("app"))
	admin := kadm.NewClient(client)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if got, err := admin.CreateTopics(ctx, 1, 1, nil, "a", "b"); err != nil || got.Error() != nil {
		t.Fatal(got.Error(), err)
	}
	if got, err := admin.CreatePartitions(ctx, 1, "a"); err != nil || got.Error() != nil {
		t.Fatal(got.Error(), err)
	}
	if got, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "retention.ms", Value: new("1000000")}}, "a"); err != nil || got[0].Err != nil {
		t.Fatal(got, err)
	}
	if _, err := admin.DescribeTopicConfigs(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if got, err := admin.DeleteTopics(ctx, "b"); err != nil || got.Error() != nil {
		t.Fatal(got.Error(), err)
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "a", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var got []string
	_, err := audit.Verify(vfs.OS, filepath.Join(g.cfg.DataDir, AuditDir), audit.Options{Each: func(line []byte) error {
		var e struct {
			EventName, EventSource, UserAgent, ErrorCode string
			RequestParameters                            struct{ KafkaAPI, ResourceARN string }
			UserIdentity                                 struct{ Arn string }
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if e.EventSource == "kafka-cluster.amazonaws.com" {
			_, resource, _ := strings.Cut(e.RequestParameters.ResourceARN, "000000000000:")
			got = append(got, strings.Join([]string{e.EventName, e.RequestParameters.KafkaAPI, resource[:strings.IndexByte(resource, '/')] + resource[strings.LastIndexByte(resource, '/'):], e.ErrorCode}, " "))
			if e.UserIdentity.Arn != "arn:aws:iam::000000000000:root" || !strings.Contains(e.UserAgent, "changer") {
				t.Errorf("it was %+v", e)
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{
		"AlterTopic CreatePartitions topic/a ", "AlterTopicDynamicConfiguration IncrementalAlterConfigs topic/a ",
		"CreateTopic CreateTopics topic/a ", "CreateTopic CreateTopics topic/b ", "DeleteTopic DeleteTopics topic/b ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("on record: %q", got)
	}
	// What cannot be put on record is not answered; records pass.
	if err := g.audit.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopics(ctx, 1, 1, nil, "c"); err == nil {
		t.Error("a change that is not on record was answered")
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "a", Value: []byte("x")}).FirstErr(); errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("records do not pass: %v", err)
	}
}
