package msk_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/store"
)

// small is a service whose accounts may have little, which the test may change,
// and whose brokers hold what the test says.
type small struct {
	*msk.Service
	t    *testing.T
	may  msk.Quotas
	held map[int32]msk.Held
}

func openSmall(t *testing.T) *small {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &small{t: t, may: msk.Quotas{
		BrokersPerCluster: 3, BrokersPerKRaftCluster: 6, BrokersPerAccount: 9, ServerlessClusters: 1, Configurations: 1, Revisions: 2, ScramSecrets: 1,
	}}
	s.Service = msk.New(msk.Config{
		Store: st, Random: rand.Reader, Now: time.Now,
		Subnet: func(_ context.Context, _ model.Caller, id string) (msk.Subnet, bool, error) {
			return msk.Subnet{Zone: id, ZoneID: id, VPC: "vpc-1"}, true, nil
		},
		Secret: func(context.Context, model.Caller, string) (msk.Secret, bool, error) {
			return msk.Secret{UserName: true}, true, nil
		},
		Quotas: func(context.Context, model.Caller) (msk.Quotas, error) { return s.may, nil },
		Held:   func(string) (map[int32]msk.Held, bool) { return s.held, true },
	})
	return s
}

func (s *small) make(name, version string, brokers int32) (arn string, err error) {
	out, err := s.CreateCluster(s.t.Context(), caller, &kafka.CreateClusterRequest{
		ClusterName: &name, KafkaVersion: &version, NumberOfBrokerNodes: &brokers,
		BrokerNodeGroupInfo:  &kafka.BrokerNodeGroupInfo{ClientSubnets: []string{"a", "b", "c"}, InstanceType: new("kafka.m5.large")},
		ClientAuthentication: &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Scram: &kafka.Scram{Enabled: new(true)}}},
	})
	if err != nil {
		return "", err
	}
	return *out.ClusterArn, nil
}

// run has a cluster be what it is to be.
func (s *small) run(arn string) {
	s.t.Helper()
	all, err := s.Wanted(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range all {
		if w.ARN != arn {
			continue
		}
		var e msk.Endpoints
		for _, b := range w.Brokers {
			e.Brokers = append(e.Brokers, msk.BrokerEndpoints{ID: b.ID, Listeners: map[msk.Listener]string{msk.SCRAM: "localhost:9096"}})
		}
		if err := s.ReportActive(s.t.Context(), arn, w.Generation, e); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *small) refused(err error, want string) {
	s.t.Helper()
	if e, ok := errors.AsType[*model.Error](err); !ok || e.HTTP != 400 || !strings.Contains(e.Message, want) {
		s.t.Errorf("got %v, want %s", err, want)
	}
}

func (s *small) fine(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Error(err)
	}
}

// TestQuotasOfBrokers: of a cluster by its metadata, and of an account; an account
// whose quota is raised goes on.
func TestQuotasOfBrokers(t *testing.T) {
	s := openSmall(t)
	_, err := s.make("zk", "3.9.x", 6)
	s.refused(err, "at most 3 broker nodes")
	_, err = s.make("kraft", "3.9.x.kraft", 9)
	s.refused(err, "at most 6 broker nodes")
	_, err = s.make("kraft", "3.9.x.kraft", 6)
	s.fine(err)
	arn, err := s.make("zk", "3.9.x", 3)
	s.fine(err)
	_, err = s.make("more", "3.9.x.kraft", 3)
	s.refused(err, "The account can have at most 9 broker nodes; with this cluster it would have 12.")
	s.run(arn)
	grow := func() error {
		out, err := s.DescribeCluster(t.Context(), caller, &kafka.DescribeClusterRequest{ClusterArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.UpdateBrokerCount(t.Context(), caller, &kafka.UpdateBrokerCountRequest{ClusterArn: &arn, CurrentVersion: out.ClusterInfo.CurrentVersion, TargetNumberOfBrokerNodes: new(int32(6))})
		return err
	}
	s.refused(grow(), "at most 3 broker nodes")
	s.may.BrokersPerCluster = 300
	s.refused(grow(), "The account can have at most 9 broker nodes")
	s.may.BrokersPerAccount = 300
	s.fine(grow())
	_, err = s.make("large", "3.9.x", 150)
	s.fine(err)
}

func TestQuotaOfServerlessClusters(t *testing.T) {
	s := openSmall(t)
	createServerless(t, s.Service, "one")
	two := &kafka.CreateClusterV2Request{ClusterName: new("two"), Serverless: &kafka.ServerlessRequest{
		VpcConfigs:           []kafka.VpcConfig{{SubnetIds: []string{"a", "b"}}},
		ClientAuthentication: &kafka.ServerlessClientAuthentication{Sasl: &kafka.ServerlessSasl{Iam: &kafka.Iam{Enabled: new(true)}}},
	}}
	_, err := s.CreateClusterV2(t.Context(), caller, two)
	s.refused(err, "at most 1 serverless clusters")
	s.may.ServerlessClusters = 2
	_, err = s.CreateClusterV2(t.Context(), caller, two)
	s.fine(err)
}

func TestQuotasOfConfigurations(t *testing.T) {
	s := openSmall(t)
	text := new(base64.StdEncoding.EncodeToString([]byte("num.partitions=3")))
	arn := configuration(t, s.Service, "one", "num.partitions=1")
	_, err := s.CreateConfiguration(t.Context(), caller, &kafka.CreateConfigurationRequest{Name: new("two"), ServerProperties: text})
	s.refused(err, "at most 1 configurations")
	update := func() error {
		_, err := s.UpdateConfiguration(t.Context(), caller, &kafka.UpdateConfigurationRequest{Arn: arn, ServerProperties: text})
		return err
	}
	s.fine(update())
	s.refused(update(), "at most 2 revisions")
	s.may.Configurations, s.may.Revisions = 2, 3
	s.fine(update())
	_, err = s.CreateConfiguration(t.Context(), caller, &kafka.CreateConfigurationRequest{Name: new("two"), ServerProperties: text})
	s.fine(err)
}

// TestQuotasOfSecrets: how many a cluster has, and that brokers which hold too
// much get none.
func TestQuotasOfSecrets(t *testing.T) {
	s := openSmall(t)
	arn, err := s.make("c", "3.9.x.kraft", 3)
	s.fine(err)
	s.run(arn)
	associate := func(n int) (string, error) {
		out, err := s.BatchAssociateScramSecret(t.Context(), caller, &kafka.BatchAssociateScramSecretRequest{ClusterArn: &arn, SecretArnList: []string{secretARN(fmt.Sprint("AmazonMSK_", n))}})
		if err != nil || len(out.UnprocessedScramSecrets) == 0 {
			return "", err
		}
		return *out.UnprocessedScramSecrets[0].ErrorMessage, nil
	}
	s.held = map[int32]msk.Held{1: {Replicas: 1501}}
	_, err = associate(1)
	s.refused(err, "above the recommended limit")
	s.held = map[int32]msk.Held{1: {Replicas: 1500}}
	if told, err := associate(1); told != "" || err != nil {
		t.Errorf("the first secret: %s, %v", told, err)
	}
	if told, err := associate(2); told != "A cluster can have at most 1 associated secrets." || err != nil {
		t.Errorf("beyond the quota: %q, %v", told, err)
	}
	s.may.ScramSecrets = 2
	if told, err := associate(2); told != "" || err != nil {
		t.Errorf("with a raised quota: %s, %v", told, err)
	}
}
