package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/vfs"
)

// newIAMHost starts a server with a cluster of two brokers that have MSK's names
// and listen for IAM alone.
func newIAMHost(t *testing.T) *host {
	h := &host{t: t, cfg: Config{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", BrokerPorts: "9000-9900", BrokerDomain: "amazonaws.com", Region: "us-east-1", AdvertiseHost: "127.0.0.1",
		RebalanceDelay: new(time.Duration), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), FS: vfs.NewMemory(),
	}}
	t.Cleanup(func() { h.kill() })
	h.start(nil)
	h.caller = model.Caller{Account: h.s.root.Account, Region: "us-east-1"}
	out, err := h.s.msk.CreateCluster(t.Context(), h.caller, &kafka.CreateClusterRequest{
		ClusterName: new("c"), KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
		BrokerNodeGroupInfo:  &kafka.BrokerNodeGroupInfo{ClientSubnets: h.s.vpc.SubnetIDs[:2], InstanceType: new("kafka.m5.large")},
		ClientAuthentication: &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Iam: &kafka.Iam{Enabled: new(true)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.arn = *out.ClusterArn
	eventually(t, "a cluster that is ACTIVE", func() bool { return *h.described().State == "ACTIVE" })
	h.seeds = *h.addresses().BootstrapBrokerStringSaslIam
	h.auth = h.signing(h.s.root)
	return h
}

// signing is a client with a credential. It finds every broker on this machine,
// whatever the broker's name, and wants the name in its certificate.
func (h *host) signing(who iam.Credential) []kgo.Opt {
	h.t.Helper()
	data, err := os.ReadFile(h.s.pki.CAFile())
	if err != nil {
		h.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return []kgo.Opt{
		kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			name, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			d := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12}}
			return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		}),
		kgo.SASL(aws.Auth{AccessKey: who.AccessKeyID, SecretKey: who.Secret.Reveal()}.AsManagedStreamingIAMMechanism()),
	}
}

func (h *host) addresses() *kafka.GetBootstrapBrokersResponse {
	h.t.Helper()
	b, err := h.s.msk.GetBootstrapBrokers(h.t.Context(), h.caller, &kafka.GetBootstrapBrokersRequest{ClusterArn: &h.arn})
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// connected starts an update of from where clients may connect.
func (h *host) connected(info *kafka.ConnectivityInfo) *string {
	h.t.Helper()
	out, err := h.s.msk.UpdateConnectivity(h.t.Context(), h.caller, &kafka.UpdateConnectivityRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, ConnectivityInfo: info,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ClusterOperationArn
}

func publicAccess(kind string) *kafka.ConnectivityInfo {
	return &kafka.ConnectivityInfo{PublicAccess: &kafka.PublicAccess{Type: &kind}}
}

// met is who answers at some addresses: the brokers, as Metadata tells them.
func met(t *testing.T, cl *kgo.Client) string {
	t.Helper()
	all, err := kadm.NewClient(cl).ListBrokers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range all {
		name, _, _ := strings.Cut(b.Host, ".")
		names = append(names, fmt.Sprintf("%d=%s:%d", b.NodeID, name, b.Port))
	}
	return strings.Join(names, " ")
}

// TestPublicAccess: brokers open ports of their own for the internet and close
// them again, and clients in the VPC never notice.
func TestPublicAccess(t *testing.T) {
	h := newIAMHost(t)
	stop := h.traffic("t")
	before := met(t, h.client())
	o := h.settled(h.connected(publicAccess("SERVICE_PROVIDED_EIPS")))
	h.expect("opened", *o.OperationType+" "+*o.OperationState, "UPDATE_CONNECTIVITY UPDATE_COMPLETE")
	h.expect("told", *h.described().Provisioned.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type, "SERVICE_PROVIDED_EIPS")
	public := *h.addresses().BootstrapBrokerStringPublicSaslIam
	seeds := strings.Split(public, ",")
	cl := h.client(kgo.SeedBrokers(seeds...), kgo.DefaultProduceTopic("u"))
	var want []string
	for i, at := range seeds {
		name, port, _ := strings.Cut(at, ":")
		if label, _, _ := strings.Cut(name, "."); label != fmt.Sprintf("b-%d-public", i+1) {
			t.Errorf("broker %d is at %s", i+1, at)
		}
		want = append(want, fmt.Sprintf("%d=b-%d-public:%s", i+1, i+1, port))
	}
	h.expect("clients from outside stay outside", met(t, cl), strings.Join(want, " "))
	h.expect("and the others inside", met(t, h.client()), before)
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 2, 2, nil, "u"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Error(err)
	}
	h.expect("closed", *h.settled(h.connected(publicAccess("DISABLED"))).OperationState, "UPDATE_COMPLETE")
	if at := h.addresses().BootstrapBrokerStringPublicSaslIam; at != nil {
		t.Errorf("there are still addresses: %s", *at)
	}
	_, port, _ := strings.Cut(seeds[0], ":")
	if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
	h.settled(h.connected(publicAccess("SERVICE_PROVIDED_EIPS")))
	h.expect("the addresses are kept", *h.addresses().BootstrapBrokerStringPublicSaslIam, public)
	h.kill()
	h.start(nil)
	eventually(t, "brokers that are open after a restart", func() bool {
		return h.client(kgo.SeedBrokers(seeds...)).Ping(t.Context()) == nil
	})
	stop()
}

func TestPublicAccessKilledEverywhere(t *testing.T) {
	killedEverywhereOn(t, newIAMHost, func(h *host) *string {
		return h.connected(publicAccess("SERVICE_PROVIDED_EIPS"))
	}, func(h *host) {
		h.reachable()
		h.seeds = *h.addresses().BootstrapBrokerStringPublicSaslIam
		met(t, h.client())
	})
}
