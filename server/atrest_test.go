package server

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/msk"
)

// awaitState waits until the cluster of an ARN has a state; "" is that it is gone.
func (h *host) awaitState(arn, want string) {
	h.t.Helper()
	changed, cancel := h.s.msk.Watch()
	defer cancel()
	for late := time.After(30 * time.Second); ; {
		state := ""
		out, err := h.s.msk.DescribeClusterV2(h.t.Context(), h.caller, &kafka.DescribeClusterV2Request{ClusterArn: &arn})
		if err == nil {
			state = *out.ClusterInfo.State
		}
		if state == want {
			return
		}
		select {
		case <-changed:
		case <-late:
			h.t.Fatalf("the cluster is %q, want %q (%v)", state, want, err)
		}
	}
}

// keyed makes a cluster whose volumes have a key.
func (h *host) keyed(c model.Caller, name, key string) (arn string, err error) {
	out, err := h.s.msk.CreateCluster(h.t.Context(), c, &kafka.CreateClusterRequest{
		ClusterName: &name, KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
		BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{ClientSubnets: h.s.vpc.SubnetIDs[:2], InstanceType: new("kafka.m5.large")},
		EncryptionInfo:      &kafka.EncryptionInfo{EncryptionAtRest: &kafka.EncryptionAtRest{DataVolumeKMSKeyId: &key}},
	})
	if err != nil {
		return "", err
	}
	return *out.ClusterArn, nil
}

func (h *host) grants(key string) []kms.GrantListEntry {
	h.t.Helper()
	out, err := h.s.kms.ListGrants(h.t.Context(), h.caller, &kms.ListGrantsRequest{KeyId: &key})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Grants
}

// TestTheKeyOfVolumes: a customer's key must be usable when brokers start, is not
// asked for while they run, and is granted to MSK as long as the cluster is there.
func TestTheKeyOfVolumes(t *testing.T) {
	h := newHost(t) // whose cluster has the service's own key
	if d, err := h.s.kms.DescribeKey(t.Context(), h.caller, &kms.DescribeKeyRequest{KeyId: h.described().Provisioned.EncryptionInfo.EncryptionAtRest.DataVolumeKMSKeyId}); err != nil || *d.KeyMetadata.KeyManager != "AWS" {
		t.Errorf("the key of the first cluster: %+v, %v", d, err)
	}
	made, err := h.s.kms.CreateKey(t.Context(), rootOf(t, h.s), &kms.CreateKeyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	key := *made.KeyMetadata.Arn
	bob := bobIn(t, h.s, rootOf(t, h.s), `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kafka:*","kms:DescribeKey"],"Resource":"*"}}`)
	if _, err := h.keyed(bob, "bobs", key); !denies(err, "kms:CreateGrant") {
		t.Errorf("bob, who may not give the key away: %v", err)
	}
	arn, err := h.keyed(rootOf(t, h.s), "keyed", *made.KeyMetadata.KeyId)
	if err != nil {
		t.Fatal(err)
	}
	h.awaitState(arn, "ACTIVE")
	out, err := h.s.msk.DescribeCluster(t.Context(), h.caller, &kafka.DescribeClusterRequest{ClusterArn: &arn})
	if err != nil || *out.ClusterInfo.EncryptionInfo.EncryptionAtRest.DataVolumeKMSKeyId != key {
		t.Errorf("the cluster's key is shown as %+v, %v", out, err)
	}
	if g := h.grants(key); len(g) != 1 || *g[0].GranteePrincipal != "kafka.amazonaws.com" || *g[0].Name != arn || *g[0].Constraints.SourceArn != arn {
		t.Errorf("the key's grants are %+v", g)
	}

	if _, err := h.s.kms.DisableKey(t.Context(), rootOf(t, h.s), &kms.DisableKeyRequest{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.keyed(rootOf(t, h.s), "another", key); err == nil || !strings.Contains(err.Error(), "is not enabled") {
		t.Errorf("a cluster with a disabled key: %v", err)
	}
	h.failsToChange(arn)
	reboot, err := h.s.msk.RebootBroker(t.Context(), h.caller, &kafka.RebootBrokerRequest{ClusterArn: &arn, BrokerIds: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	if o := h.settled(reboot.ClusterOperationArn); *o.OperationState != "REBOOT_FAILED" || *o.ErrorInfo.ErrorCode != "DisabledException" {
		t.Errorf("a broker starts without its key: %s, %+v", *o.OperationState, o.ErrorInfo)
	}
	h.awaitState(arn, "ACTIVE") // its brokers have never stopped
	h.kill()
	h.start(nil)
	h.awaitState(arn, "HEALING")
	if _, err := h.s.kms.EnableKey(t.Context(), rootOf(t, h.s), &kms.EnableKeyRequest{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	h.awaitState(arn, "ACTIVE")
	if g := h.grants(key); len(g) != 1 {
		t.Errorf("the key's grants are %+v after a restart", g)
	}
	if _, err := h.s.msk.DeleteCluster(t.Context(), h.caller, &kafka.DeleteClusterRequest{ClusterArn: &arn}); err != nil {
		t.Fatal(err)
	}
	h.awaitState(arn, "")
	if g := h.grants(key); len(g) != 0 {
		t.Errorf("the key's grants are %+v when the cluster is gone", g)
	}
}

// failsToChange updates a cluster whose key is disabled: nothing is left of that,
// so that a second update comes as far as the first.
func (h *host) failsToChange(arn string) {
	h.t.Helper()
	describe := func() *kafka.ClusterInfo {
		out, err := h.s.msk.DescribeCluster(h.t.Context(), h.caller, &kafka.DescribeClusterRequest{ClusterArn: &arn})
		if err != nil {
			h.t.Fatal(err)
		}
		return out.ClusterInfo
	}
	generation := func() int64 {
		all, err := h.s.msk.Wanted(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		return all[slices.IndexFunc(all, func(w msk.Wanted) bool { return w.ARN == arn })].Generation
	}
	for range 2 {
		was, began := describe(), generation()
		o, err := h.s.msk.UpdateBrokerType(h.t.Context(), h.caller, &kafka.UpdateBrokerTypeRequest{ClusterArn: &arn, CurrentVersion: was.CurrentVersion, TargetInstanceType: new("kafka.m5.xlarge")})
		if err != nil {
			h.t.Fatal(err)
		}
		if o := h.settled(o.ClusterOperationArn); *o.OperationState != "UPDATE_FAILED" || *o.ErrorInfo.ErrorCode != "DisabledException" {
			h.t.Errorf("brokers have another type without their key: %s, %+v", *o.OperationState, o.ErrorInfo)
		}
		if n := generation() - began; n != 4 {
			h.t.Errorf("the update came to an end after %d generations: its begin, the cluster's type, the first broker, the way back", n)
		}
		is := describe()
		if *is.State != "ACTIVE" || is.ActiveOperationArn != nil || *is.CurrentVersion != *was.CurrentVersion || *is.BrokerNodeGroupInfo.InstanceType != "kafka.m5.large" {
			h.t.Errorf("after an update that failed the cluster is %s at %s, of %s", *is.State, *is.CurrentVersion, *is.BrokerNodeGroupInfo.InstanceType)
		}
	}
}

func denies(err error, action string) bool {
	refused, ok := errors.AsType[*model.Error](err)
	return ok && refused.Code == "AccessDeniedException" && strings.Contains(refused.Message, action)
}
