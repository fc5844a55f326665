package msk_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/store"
)

// TestClustersStandInANetwork: subnets and security groups must exist, in one
// VPC; a cluster's interfaces are there as long as it is.
func TestClustersStandInANetwork(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := msk.New(msk.Config{
		Store: st, Random: rand.Reader, Now: time.Now,
		Subnet: func(_ context.Context, _ model.Caller, id string) (msk.Subnet, bool, error) {
			return msk.Subnet{Zone: id, ZoneID: id, VPC: "vpc-1"}, id != "subnet-none", nil
		},
		DefaultSecurityGroup: func(context.Context, model.Caller, string) (string, bool, error) { return "sg-default", true, nil },
		SecurityGroupVPC: func(_ context.Context, _ model.Caller, id string) (string, bool, error) {
			return map[string]string{"sg-default": "vpc-1", "sg-1": "vpc-1", "sg-2": "vpc-2"}[id], id != "sg-none", nil
		},
	})
	for _, tc := range []struct{ name, subnet, groups, want string }{
		{"a", "subnet-none", "sg-1", "clientSubnets"},
		{"b", "subnet-b", "sg-none", "securityGroups"},
		{"c", "subnet-b", "sg-2", "securityGroups"},
		{"d", "subnet-b", "sg-1 sg-1", "securityGroups"},
		{"e", "subnet-b", "1 2 3 4 5 6", "securityGroups"},
		{"f", "subnet-b", "sg-1 sg-default", ""},
		{"g", "subnet-b", "", ""},
	} {
		_, err := s.CreateCluster(t.Context(), caller, &kafka.CreateClusterRequest{
			ClusterName: new(tc.name), KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
			BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{
				ClientSubnets: []string{"subnet-a", tc.subnet}, InstanceType: new("kafka.m7g.large"), SecurityGroups: strings.Fields(tc.groups),
			},
		})
		got := ""
		if e, ok := err.(*model.Error); ok {
			got = e.InvalidParameter
		} else if err != nil {
			t.Fatal(err)
		}
		if got != tc.want {
			t.Errorf("subnet %s, groups %q: refused for %q, want %q", tc.subnet, tc.groups, got, tc.want)
		}
	}
	all, err := s.Interfaces(t.Context(), caller)
	if err != nil || len(all) != 4 {
		t.Fatalf("interfaces of two clusters: %+v, %v", all, err)
	}
	seen := map[string]bool{}
	for _, i := range all {
		seen[i.ID+i.Subnet] = true
		if !strings.HasPrefix(i.ID, "eni-0") || len(i.ID) != 21 || i.Groups[len(i.Groups)-1] != "sg-default" {
			t.Errorf("an interface: %+v", i)
		}
	}
	if len(seen) != 4 {
		t.Errorf("interfaces are the same: %+v", all)
	}
	if others, err := s.Interfaces(t.Context(), model.Caller{Account: "111122223333", Region: caller.Region}); err != nil || len(others) != 0 {
		t.Errorf("another account's: %+v, %v", others, err)
	}
}
