package msk_test

import (
	"context"
	"crypto/rand"
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

var stranger = model.Caller{Account: "210987654321", Region: "eu-west-1"}

// private is a cluster that other VPCs may reach, on a clock of the test's.
type private struct {
	t   *testing.T
	s   *msk.Service
	st  *store.Store
	now time.Time
	arn string
	may map[string]msk.Quotas // by account, where they are not MSK's
}

func openPrivate(t *testing.T, pace msk.Pace) *private {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	p := &private{t: t, st: st, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	p.s = msk.New(msk.Config{
		Quotas: func(_ context.Context, c model.Caller) (msk.Quotas, error) {
			if may, ok := p.may[c.Account]; ok {
				return may, nil
			}
			return msk.DefaultQuotas(), nil
		},
		Store: st, Random: rand.Reader, Now: func() time.Time { return p.now }, Pace: pace,
		Subnet: func(_ context.Context, c model.Caller, id string) (msk.Subnet, bool, error) {
			z, ok := strings.CutPrefix(id, "subnet-")
			vpc, zone, _ := strings.Cut(z, "-")
			return msk.Subnet{Zone: "eu-west-1" + zone, ZoneID: "euw1-az-" + zone, VPC: "vpc-" + vpc}, ok, nil
		},
	})
	out, err := p.s.CreateCluster(t.Context(), caller, &kafka.CreateClusterRequest{
		ClusterName: new("orders"), KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
		BrokerNodeGroupInfo:  &kafka.BrokerNodeGroupInfo{ClientSubnets: []string{"subnet-1-a", "subnet-1-b"}, InstanceType: new("kafka.m7g.large")},
		ClientAuthentication: &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Iam: &kafka.Iam{Enabled: new(true)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.arn = *out.ClusterArn
	p.later(time.Hour)
	p.report()
	p.turn(true)
	return p
}

func (p *private) later(d time.Duration) { p.now = p.now.Add(d) }

// report says that the cluster runs as its generation asks for.
func (p *private) report() {
	p.t.Helper()
	all, err := p.s.Wanted(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.s.ReportActive(p.t.Context(), p.arn, all[0].Generation, endpoints(p.s, p.t, p.arn)); err != nil {
		p.t.Fatal(err)
	}
}

// turn turns private connectivity on or off for IAM.
func (p *private) turn(on bool) {
	p.t.Helper()
	c, err := p.s.DescribeClusterV2(p.t.Context(), caller, &kafka.DescribeClusterV2Request{ClusterArn: &p.arn})
	if err != nil {
		p.t.Fatal(err)
	}
	_, err = p.s.UpdateConnectivity(p.t.Context(), caller, &kafka.UpdateConnectivityRequest{
		ClusterArn: &p.arn, CurrentVersion: c.ClusterInfo.CurrentVersion, ConnectivityInfo: &kafka.ConnectivityInfo{
			VpcConnectivity: &kafka.VpcConnectivity{ClientAuthentication: &kafka.VpcConnectivityClientAuthentication{
				Sasl: &kafka.VpcConnectivitySasl{Iam: &kafka.VpcConnectivityIam{Enabled: &on}},
			}},
		},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for range 2 {
		p.report()
		p.later(time.Hour)
	}
}

// connect connects a VPC of the stranger's and answers the connection's ARN.
func (p *private) connect(vpc int) (string, error) {
	out, err := p.s.CreateVpcConnection(p.t.Context(), stranger, &kafka.CreateVpcConnectionRequest{
		TargetClusterArn: &p.arn, Authentication: new("SASL_IAM"), VpcId: new(fmt.Sprint("vpc-", vpc)),
		ClientSubnets: []string{fmt.Sprintf("subnet-%d-b", vpc), fmt.Sprintf("subnet-%d-a", vpc)}, SecurityGroups: []string{"sg-1"},
	})
	if err != nil {
		return "", err
	}
	return *out.VpcConnectionArn, nil
}

func (p *private) must(arn string, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	return arn
}

func (p *private) state(arn string) string {
	out, err := p.s.DescribeVpcConnection(p.t.Context(), stranger, &kafka.DescribeVpcConnectionRequest{Arn: &arn})
	if err != nil {
		return err.Error()
	}
	return *out.State
}

// entries is how many connections brokers let clients in by, and from when.
func (p *private) entries() string {
	p.t.Helper()
	all, err := p.s.VPCEntries(p.t.Context(), p.arn)
	if err != nil {
		p.t.Fatal(err)
	}
	text := ""
	for _, e := range all {
		text += fmt.Sprintf("%s of %s in %s, ", e.Listener, e.VPC, e.From.Sub(p.now))
	}
	return text
}

// keys is how many keys there are of connections.
func (p *private) keys() (n int) {
	p.t.Helper()
	err := p.st.View(p.t.Context(), func(tx *store.Tx) error {
		for _, prefix := range []string{stranger.Account + "/eu-west-1/msk/vpc-connection/", caller.Account + "/eu-west-1/msk/client-vpc-connection/"} {
			all, err := tx.List(prefix, "", store.MaxList)
			if err != nil {
				return err
			}
			n += len(all)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// TestVPCConnectionsInTime: states follow from the clock alone, and what is gone
// leaves nothing.
func TestVPCConnectionsInTime(t *testing.T) {
	p := openPrivate(t, msk.Realistic)
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	arn := p.must(p.connect(2))
	expect("at first", p.state(arn)+" "+p.entries(), "CREATING SASL_IAM_VPCE of vpc-2 in 5m0s, ")
	p.later(5 * time.Minute)
	expect("then", p.state(arn)+" "+p.entries(), "AVAILABLE SASL_IAM_VPCE of vpc-2 in 0s, ")
	_, err := p.s.DeleteVpcConnection(t.Context(), stranger, &kafka.DeleteVpcConnectionRequest{Arn: &arn})
	expect("deleted", fmt.Sprint(err, p.state(arn), p.entries()), "<nil>DELETING")
	_, err = p.s.DeleteVpcConnection(t.Context(), stranger, &kafka.DeleteVpcConnectionRequest{Arn: &arn})
	wants(t, err, 400, "BadRequestException")
	p.later(5 * time.Minute)
	_, err = p.s.DeleteVpcConnection(t.Context(), stranger, &kafka.DeleteVpcConnectionRequest{Arn: &arn})
	wants(t, err, 404, "NotFoundException")
	_, err = p.s.TagResource(t.Context(), stranger, &kafka.TagResourceRequest{ResourceArn: &arn, Tags: map[string]string{"a": "b"}})
	wants(t, err, 404, "NotFoundException")
	list, err := p.s.ListVpcConnections(t.Context(), stranger, &kafka.ListVpcConnectionsRequest{})
	if err != nil || len(list.VpcConnections) != 0 {
		t.Errorf("a connection that is gone is listed: %+v %v", list, err)
	}
	p.must(p.connect(3))
	if n := p.keys(); n != 2 {
		t.Errorf("%d keys of one connection", n)
	}
}

// TestVPCConnectionsOutliveClusters: their owner has to delete them, and a
// cluster of the same name has none of them.
func TestVPCConnectionsOutliveClusters(t *testing.T) {
	p := openPrivate(t, nil)
	arn := p.must(p.connect(2))
	if _, err := p.s.DeleteCluster(t.Context(), caller, &kafka.DeleteClusterRequest{ClusterArn: &p.arn}); err != nil {
		t.Fatal(err)
	}
	if err := p.s.ReportGone(t.Context(), p.arn); err != nil {
		t.Fatal(err)
	}
	if got := p.state(arn); got != "INACTIVE" {
		t.Error("without its cluster it is", got)
	}
	if got := p.entries(); got != "" {
		t.Error("a cluster that is gone lets in", got)
	}
	if _, err := p.s.DeleteVpcConnection(t.Context(), stranger, &kafka.DeleteVpcConnectionRequest{Arn: &arn}); err != nil {
		t.Fatal(err)
	}
	if n := p.keys(); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// TestQuotasOfVPCConnections: those to a cluster are of its owner's quota, those
// of an account of its own; both can be raised.
func TestQuotasOfVPCConnections(t *testing.T) {
	p := openPrivate(t, nil)
	ours, theirs := msk.DefaultQuotas(), msk.DefaultQuotas()
	refused := func(vpc int, want string) {
		t.Helper()
		p.may = map[string]msk.Quotas{caller.Account: ours, stranger.Account: theirs}
		_, err := p.connect(vpc)
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("connection of vpc-%d: %s, want %s", vpc, got, want)
		}
	}
	ours.VPCConnections, theirs.VPCConnectionsAccount = 1, 2
	refused(10, "<nil>")
	refused(11, "The cluster can have at most 1 VPC connections.")
	ours.VPCConnections = 3
	refused(11, "<nil>")
	refused(12, "The account can have at most 2 VPC connections.")
	theirs.VPCConnectionsAccount = 3
	refused(12, "<nil>")
}

// TestVPCConnectionsAreBounded: a cluster takes as many as a page holds, and
// lists read on from page to page.
func TestVPCConnectionsAreBounded(t *testing.T) {
	p := openPrivate(t, nil)
	const most = 90
	for vpc := range most {
		p.must(p.connect(10 + vpc))
	}
	_, err := p.connect(200)
	wants(t, err, 400, "BadRequestException")
	seen := map[string]bool{}
	for token := (*string)(nil); ; {
		list, err := p.s.ListVpcConnections(t.Context(), stranger, &kafka.ListVpcConnectionsRequest{MaxResults: new(int32(40)), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list.VpcConnections {
			seen[*v.VpcConnectionArn] = true
		}
		if token = list.NextToken; token == nil {
			break
		}
	}
	if len(seen) != most {
		t.Errorf("%d connections listed, want %d", len(seen), most)
	}
	ours, err := p.s.ListClientVpcConnections(t.Context(), caller, &kafka.ListClientVpcConnectionsRequest{ClusterArn: &p.arn, MaxResults: new(int32(100))})
	if err != nil || len(ours.ClientVpcConnections) != most {
		t.Errorf("%d listed beside the cluster, %v", len(ours.ClientVpcConnections), err)
	}
	p.turn(false)
	for arn := range seen {
		if got := p.state(arn); got != "INACTIVE" {
			t.Errorf("%s is %s", arn, got)
		}
	}
}
