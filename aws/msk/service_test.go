package msk_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/store"
)

var caller = model.Caller{Account: "123456789012", Region: "eu-west-1"}

func open(t *testing.T) *msk.Service {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return msk.New(msk.Config{
		Store: st, Random: rand.Reader,
		Now: func() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 123456789, time.UTC) },
		Subnet: func(_ context.Context, _ model.Caller, id string) (msk.Subnet, bool, error) {
			z, ok := strings.CutPrefix(id, "subnet-")
			return msk.Subnet{Zone: "eu-west-1" + z, ZoneID: "euw1-az-" + z, VPC: "vpc-1", Public: true}, ok, nil
		},
		DefaultSecurityGroup: func(_ context.Context, _ model.Caller, vpc string) (string, bool, error) {
			return "sg-of-" + vpc, true, nil
		},
	})
}

func create(t *testing.T, s *msk.Service, c model.Caller, name string) string {
	t.Helper()
	out, err := s.CreateCluster(t.Context(), c, &kafka.CreateClusterRequest{
		ClusterName: new(name), KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(3)),
		BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{
			ClientSubnets: []string{"subnet-a", "subnet-b", "subnet-c"}, InstanceType: new("kafka.m7g.large"),
		},
		ClientAuthentication: &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Iam: &kafka.Iam{Enabled: new(true)}}},
		Tags:                 map[string]string{"team": "data"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ClusterArn
}

func createServerless(t *testing.T, s *msk.Service, name string) string {
	t.Helper()
	out, err := s.CreateClusterV2(t.Context(), caller, &kafka.CreateClusterV2Request{
		ClusterName: new(name),
		Serverless: &kafka.ServerlessRequest{
			VpcConfigs:           []kafka.VpcConfig{{SubnetIds: []string{"subnet-a", "subnet-b"}}},
			ClientAuthentication: &kafka.ServerlessClientAuthentication{Sasl: &kafka.ServerlessSasl{Iam: &kafka.Iam{Enabled: new(true)}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ClusterArn
}

// wants checks the HTTP status and exception of an error.
func wants(t *testing.T, err error, http int, code string) {
	t.Helper()
	if e, ok := errors.AsType[*model.Error](err); !ok || e.HTTP != http || e.Code != code {
		t.Errorf("got %v, want %d %s", err, http, code)
	}
}

func endpoints(s *msk.Service, t *testing.T, arn string) msk.Endpoints {
	t.Helper()
	all, err := s.Wanted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var e msk.Endpoints
	for _, w := range all {
		if w.ARN != arn {
			continue
		}
		for _, b := range w.Brokers {
			at := map[msk.Listener]string{}
			for _, l := range w.Listeners {
				at[l] = fmt.Sprintf("b-%d.example.com:%d", b.ID, 19000+b.ID)
			}
			e.Brokers = append(e.Brokers, msk.BrokerEndpoints{ID: b.ID, Listeners: at})
		}
	}
	return e
}

func TestLifeOfACluster(t *testing.T) {
	s, ctx := open(t), t.Context()
	changed, cancel := s.Watch()
	defer cancel()
	arn := create(t, s, caller, "Orders-1")
	if !regexp.MustCompile(`^arn:aws:kafka:eu-west-1:123456789012:cluster/Orders-1/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-([1-9]|1[0-9]|2[0-5])$`).MatchString(arn) {
		t.Error(arn)
	}
	<-changed
	if err := s.ReportActive(ctx, arn, 0, msk.Endpoints{}); err == nil {
		t.Error("an empty report was taken")
	}
	report := endpoints(s, t, arn)
	if err := s.ReportActive(ctx, arn, 0, report); err != nil {
		t.Fatal(err)
	}
	<-changed
	if err := s.ReportActive(ctx, arn, 0, report); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("a report that says nothing new wakes the fleet")
	default:
	}
	boot, err := s.GetBootstrapBrokers(ctx, caller, &kafka.GetBootstrapBrokersRequest{ClusterArn: &arn})
	if err != nil || *boot.BootstrapBrokerStringSaslIam != "b-1.example.com:19001,b-2.example.com:19002,b-3.example.com:19003" || boot.BootstrapBrokerStringTls != nil {
		t.Errorf("got %+v %v", boot, err)
	}
	d, err := s.DescribeCluster(ctx, caller, &kafka.DescribeClusterRequest{ClusterArn: &arn})
	if err != nil || *d.ClusterInfo.State != "ACTIVE" || d.ClusterInfo.Tags["team"] != "data" || d.ClusterInfo.BrokerNodeGroupInfo.SecurityGroups[0] != "sg-of-vpc-1" {
		t.Errorf("got %+v %v", d, err)
	}
	if _, err := s.DeleteCluster(ctx, caller, &kafka.DeleteClusterRequest{ClusterArn: &arn, CurrentVersion: d.ClusterInfo.CurrentVersion}); err != nil {
		t.Fatal(err)
	}
	<-changed
	if err := s.ReportGone(ctx, arn); err != nil {
		t.Fatal(err)
	}
	_, err = s.DescribeClusterV2(ctx, caller, &kafka.DescribeClusterV2Request{ClusterArn: &arn})
	wants(t, err, 404, "NotFoundException")
	if all, err := s.Wanted(ctx); len(all) > 0 || err != nil {
		t.Errorf("got %v %v", all, err)
	}
	if err := s.ReportActive(ctx, arn, 0, report); err != nil {
		t.Errorf("a late report: %v", err)
	}
	if again := create(t, s, caller, "Orders-1"); again == arn {
		t.Error("a deleted cluster's ARN came again")
	}
}

func TestARNs(t *testing.T) {
	s, ctx := open(t), t.Context()
	arn := create(t, s, caller, "c")
	describe := func(c model.Caller, arn string) error {
		_, err := s.DescribeClusterV2(ctx, c, &kafka.DescribeClusterV2Request{ClusterArn: &arn})
		return err
	}
	if err := describe(caller, arn); err != nil {
		t.Error(err)
	}
	wants(t, describe(caller, "c"), 400, "BadRequestException")
	wants(t, describe(caller, strings.Replace(arn, "cluster/c", "cluster/a/../c", 1)), 400, "BadRequestException")
	wants(t, describe(caller, strings.Replace(arn, "cluster/c/", "cluster/d/", 1)), 404, "NotFoundException")
	elsewhere, stranger := model.Caller{Account: caller.Account, Region: "us-east-1"}, model.Caller{Account: "210987654321", Region: caller.Region}
	wants(t, describe(elsewhere, arn), 404, "NotFoundException")
	if err := describe(stranger, arn); err != nil {
		t.Errorf("another account, whose right is judged before: %v", err)
	}
	for _, other := range []model.Caller{elsewhere, stranger} {
		create(t, s, other, "c") // the name is taken per account and region only
	}
}

func TestListClusters(t *testing.T) {
	s, ctx := open(t), t.Context()
	for _, name := range []string{"b2", "a1", "b1", "b3"} {
		create(t, s, caller, name)
	}
	createServerless(t, s, "b4")
	list := func(prefix, kind, token *string, size int32) (names string, next *string) {
		t.Helper()
		out, err := s.ListClustersV2(ctx, caller, &kafka.ListClustersV2Request{
			ClusterNameFilter: prefix, ClusterTypeFilter: kind, NextToken: token, MaxResults: &size,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range out.ClusterInfoList {
			names += *c.ClusterName + " "
		}
		return names, out.NextToken
	}
	first, token := list(new("b"), nil, nil, 2)
	second, end := list(new("b"), nil, token, 2)
	if first != "b1 b2 " || second != "b3 b4 " || token == nil || end != nil {
		t.Errorf("got %q %v %q %v", first, token, second, end)
	}
	if names, _ := list(nil, new("SERVERLESS"), nil, 100); names != "b4 " {
		t.Errorf("got %q", names)
	}
	v1, err := s.ListClusters(ctx, caller, &kafka.ListClustersRequest{})
	if err != nil || len(v1.ClusterInfoList) != 4 {
		t.Errorf("V1 lists %d clusters, %v", len(v1.ClusterInfoList), err)
	}
	for _, in := range []*kafka.ListClustersV2Request{
		{NextToken: token}, // of another query
		{NextToken: new("x")},
		{ClusterNameFilter: new("b"), NextToken: new(*token + "%")},
		{MaxResults: new(int32(0))},
		{MaxResults: new(int32(101))},
		{ClusterTypeFilter: new("EXPRESS")},
	} {
		_, err := s.ListClustersV2(ctx, caller, in)
		wants(t, err, 400, "BadRequestException")
	}
}

func TestNodesAndVersions(t *testing.T) {
	s, ctx := open(t), t.Context()
	arn := create(t, s, caller, "c")
	var kinds []string
	for token, rounds := (*string)(nil), 0; rounds == 0 || token != nil; rounds++ {
		out, err := s.ListNodes(ctx, caller, &kafka.ListNodesRequest{ClusterArn: &arn, MaxResults: new(int32(4)), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range out.NodeInfoList {
			kinds = append(kinds, *n.NodeType)
		}
		token = out.NextToken
	}
	if got := strings.Join(kinds, " "); got != "CONTROLLER CONTROLLER CONTROLLER BROKER BROKER BROKER" {
		t.Error(got)
	}
	of, err := s.GetCompatibleKafkaVersions(ctx, caller, &kafka.GetCompatibleKafkaVersionsRequest{ClusterArn: &arn})
	if err != nil || len(of.CompatibleKafkaVersions) != 1 || strings.Join(of.CompatibleKafkaVersions[0].TargetVersions, " ") != "4.0.x.kraft 4.1.x.kraft" {
		t.Errorf("got %+v %v", of, err)
	}
	pairs := map[string]string{}
	all, err := s.GetCompatibleKafkaVersions(ctx, caller, &kafka.GetCompatibleKafkaVersionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all.CompatibleKafkaVersions {
		pairs[*p.SourceVersion] = strings.Join(p.TargetVersions, " ")
	}
	for source, want := range map[string]string{
		"4.0.x.kraft": "4.1.x.kraft", "4.1.x.kraft": "", "3.9.x": "3.9.x.kraft", "3.8.x": "3.9.x",
	} {
		if got, ok := pairs[source]; got != want || !ok {
			t.Errorf("%s: got %q", source, got)
		}
	}
	status := map[string]string{}
	versions, err := s.ListKafkaVersions(ctx, caller, &kafka.ListKafkaVersionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions.KafkaVersions {
		status[*v.Version] = *v.Status
	}
	if status["2.8.1"] != "DEPRECATED" || status["3.9.x"] != "ACTIVE" || len(status) != len(pairs) {
		t.Errorf("got %v", status)
	}
	_, err = s.ListNodes(ctx, caller, &kafka.ListNodesRequest{ClusterArn: new(createServerless(t, s, "s"))})
	wants(t, err, 400, "BadRequestException")
}

func TestBrokerDefaults(t *testing.T) {
	for _, c := range []struct {
		azs          int
		version      string
		key, want    string
		zookeeperSet bool
	}{
		{3, "3.9.x", "default.replication.factor", "3", true},
		{2, "3.9.x.kraft", "default.replication.factor", "2", false},
		{2, "3.9.x.kraft", "min.insync.replicas", "1", false},
		{3, "4.1.x.kraft", "log.message.timestamp.difference.max.ms", "", false},
	} {
		d := msk.BrokerDefaults(c.azs, c.version)
		if _, zookeeper := d["zookeeper.set.acl"]; d[c.key] != c.want || zookeeper != c.zookeeperSet {
			t.Errorf("%d zones, %s: got %v", c.azs, c.version, d)
		}
	}
}

func FuzzNextToken(f *testing.F) {
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("not base64!")
	s := msk.New(msk.Config{Now: time.Now})
	f.Fuzz(func(t *testing.T, token string) {
		_, err := s.ListKafkaVersions(t.Context(), caller, &kafka.ListKafkaVersionsRequest{NextToken: &token})
		if _, ok := errors.AsType[*model.Error](err); err != nil && !ok {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzARN(f *testing.F) {
	f.Add("arn:aws:kafka:eu-west-1:123456789012:cluster/c/6b727980-878e-459c-a3aa-b1b8bfc6050c-20")
	f.Add("arn:aws:kafka:eu-west-1:123456789012:cluster/s/6b727980-878e-459c-a3aa-b1b8bfc6050c-s2")
	f.Add("arn:aws:kafka:eu-west-1:123456789012:vpc-connection/210987654321/c/6b727980-878e-459c-a3aa-b1b8bfc6050c")
	f.Add("arn::::")
	st, err := store.Open(filepath.Join(f.TempDir(), "state.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = st.Close() })
	s := msk.New(msk.Config{Store: st})
	f.Fuzz(func(t *testing.T, arn string) {
		_, err := s.DescribeClusterV2(t.Context(), caller, &kafka.DescribeClusterV2Request{ClusterArn: &arn})
		_, private := s.DescribeVpcConnection(t.Context(), caller, &kafka.DescribeVpcConnectionRequest{Arn: &arn})
		_, tags := s.ListTagsForResource(t.Context(), caller, &kafka.ListTagsForResourceRequest{ResourceArn: &arn})
		for _, err := range []error{err, private, tags} {
			if e, ok := errors.AsType[*model.Error](err); !ok || e.HTTP != 400 && e.HTTP != 404 {
				t.Errorf("got %v", err)
			}
		}
	})
}
