package msk_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/store"
)

// withSecrets is a service that knows some secrets, and an active cluster with
// SCRAM.
func withSecrets(t *testing.T) (s *msk.Service, arn string) {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s = msk.New(msk.Config{
		Store: st, Random: rand.Reader, Now: time.Now,
		Subnet: func(_ context.Context, _ model.Caller, id string) (msk.Subnet, bool, error) {
			return msk.Subnet{Zone: id, ZoneID: id, VPC: "vpc-1"}, true, nil
		},
		Secret: func(_ context.Context, _ model.Caller, arn string) (msk.Secret, bool, error) {
			return msk.Secret{ManagedKey: strings.Contains(arn, "managed"), UserName: !strings.Contains(arn, "shape")}, !strings.Contains(arn, "none"), nil
		},
	})
	out, err := s.CreateCluster(t.Context(), caller, &kafka.CreateClusterRequest{
		ClusterName: new("c"), KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
		BrokerNodeGroupInfo:  &kafka.BrokerNodeGroupInfo{ClientSubnets: []string{"a", "b"}, InstanceType: new("kafka.m7g.large")},
		ClientAuthentication: &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Scram: &kafka.Scram{Enabled: new(true)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, *out.ClusterArn
}

func activate(t *testing.T, s *msk.Service, arn string) {
	t.Helper()
	var e msk.Endpoints
	for id := range int32(2) {
		e.Brokers = append(e.Brokers, msk.BrokerEndpoints{ID: id + 1, Listeners: map[msk.Listener]string{msk.SCRAM: "localhost:9096"}})
	}
	if err := s.ReportActive(t.Context(), arn, 0, e); err != nil {
		t.Fatal(err)
	}
}

func secretARN(name string) string {
	return "arn:aws:secretsmanager:" + caller.Region + ":" + caller.Account + ":secret:" + name + "-AbCdEf"
}

func TestScramSecrets(t *testing.T) {
	s, arn := withSecrets(t)
	associate := func(arns ...string) (map[string]string, error) {
		out, err := s.BatchAssociateScramSecret(t.Context(), caller, &kafka.BatchAssociateScramSecretRequest{ClusterArn: &arn, SecretArnList: arns})
		if err != nil {
			return nil, err
		}
		refused := map[string]string{}
		for _, u := range out.UnprocessedScramSecrets {
			refused[*u.SecretArn] = *u.ErrorCode + ": " + *u.ErrorMessage
		}
		return refused, nil
	}
	list := func() []string {
		t.Helper()
		out, err := s.ListScramSecrets(t.Context(), caller, &kafka.ListScramSecretsRequest{ClusterArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		return out.SecretArnList
	}
	good := secretARN("AmazonMSK_a")
	_, err := associate(good)
	wants(t, err, 400, "BadRequestException") // CREATING
	activate(t, s, arn)
	elsewhere := strings.Replace(good, caller.Region, "us-east-1", 1)
	for _, bad := range [][]string{{good, good}, {good, elsewhere}, {"arn"}} {
		_, err := associate(bad...)
		wants(t, err, 400, "BadRequestException")
	}
	if refused, err := associate(good); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	refused, err := associate(good, secretARN("b"), secretARN("AmazonMSK_none"), secretARN("AmazonMSK_managed"), secretARN("AmazonMSK_shape"))
	if err != nil || len(refused) != 5 || !slices.Equal(list(), []string{good}) {
		t.Errorf("%d refused, %v; associated %v", len(refused), err, list())
	}
	for of, want := range map[string]string{
		secretARN("b"):              "InvalidSecretArn: The provided secret arn cannot be used with Amazon MSK. Secret names must have the prefix 'AmazonMSK_'",
		secretARN("AmazonMSK_none"): "InvalidSecretArn: Amazon MSK wasn't able to access the provided secret.",
	} {
		if refused[of] != want {
			t.Errorf("%s: %s", of, refused[of])
		}
	}
	out, err := s.BatchDisassociateScramSecret(t.Context(), caller, &kafka.BatchDisassociateScramSecretRequest{ClusterArn: &arn, SecretArnList: []string{good, secretARN("AmazonMSK_x")}})
	if err != nil || len(out.UnprocessedScramSecrets) != 1 || len(list()) != 0 {
		t.Errorf("%+v, %v; associated %v", out, err, list())
	}
}

func TestAThousandScramSecrets(t *testing.T) {
	s, arn := withSecrets(t)
	activate(t, s, arn)
	for i := 0; i <= 1000; i += 10 {
		in := &kafka.BatchAssociateScramSecretRequest{ClusterArn: &arn}
		for j := range 10 {
			in.SecretArnList = append(in.SecretArnList, secretARN(fmt.Sprintf("AmazonMSK_%04d", i+j)))
		}
		out, err := s.BatchAssociateScramSecret(t.Context(), caller, in)
		if err != nil || (len(out.UnprocessedScramSecrets) > 0) != (i == 1000) {
			t.Fatal(i, out, err)
		}
	}
	var all []string
	in := &kafka.ListScramSecretsRequest{ClusterArn: &arn, MaxResults: new(int32(90))}
	for {
		out, err := s.ListScramSecrets(t.Context(), caller, in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out.SecretArnList...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(all) != 1000 || !slices.IsSorted(all) {
		t.Errorf("%d secrets are listed", len(all))
	}
	if _, err := s.DeleteCluster(t.Context(), caller, &kafka.DeleteClusterRequest{ClusterArn: &arn}); err != nil {
		t.Fatal(err)
	}
	if err := s.ReportGone(t.Context(), arn); err != nil {
		t.Fatal(err)
	}
	if left, err := s.ScramSecrets(t.Context(), arn); err != nil || len(left) != 0 {
		t.Errorf("%d secrets of a cluster that is gone, %v", len(left), err)
	}
}

func TestClusterPolicy(t *testing.T) {
	s, arn := withSecrets(t)
	get := func() (*kafka.GetClusterPolicyResponse, error) {
		return s.GetClusterPolicy(t.Context(), caller, &kafka.GetClusterPolicyRequest{ClusterArn: &arn})
	}
	_, err := get()
	wants(t, err, 404, "NotFoundException")
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"kafka:GetBootstrapBrokers","Resource":"` + arn + `"}]}`
	put := func(text string, version *string) (*kafka.PutClusterPolicyResponse, error) {
		return s.PutClusterPolicy(t.Context(), caller, &kafka.PutClusterPolicyRequest{ClusterArn: &arn, Policy: &text, CurrentVersion: version})
	}
	made, err := put(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if made, err = put(text, made.CurrentVersion); err != nil {
		t.Fatal(err)
	}
	if got, err := get(); err != nil || *got.Policy != text || *got.CurrentVersion != *made.CurrentVersion {
		t.Error(got, err)
	}
	for _, c := range []struct {
		text    string
		version *string
	}{{text, new("KOLD")}, {text, nil}, {"{}", made.CurrentVersion}, {strings.Replace(text, "}]", "}"+strings.Repeat(" ", 20<<10)+"]", 1), made.CurrentVersion}} {
		_, err := put(c.text, c.version)
		wants(t, err, 400, "BadRequestException")
	}
	if f, ok, err := s.Facts(t.Context(), arn); err != nil || !ok || f.Policy != text || f.Account != caller.Account {
		t.Error(f, ok, err)
	}
	drop := &kafka.DeleteClusterPolicyRequest{ClusterArn: &arn}
	if _, err := s.DeleteClusterPolicy(t.Context(), caller, drop); err != nil {
		t.Fatal(err)
	}
	_, err = s.DeleteClusterPolicy(t.Context(), caller, drop)
	wants(t, err, 404, "NotFoundException")
}
