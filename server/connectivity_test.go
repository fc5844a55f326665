package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awskafka "github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/vfs"
)

// newIAMHost starts a server with a cluster of two brokers that have MSK's names
// and listen for IAM alone.
func newIAMHost(t *testing.T) *host { return newIAMHostOf(t, func(*Config) {}) }

// newIAMHostOf is newIAMHost for another configuration.
func newIAMHostOf(t *testing.T, change func(*Config)) *host {
	h := &host{t: t, cfg: Config{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", BrokerPorts: os.Getenv(portsVariable), BrokerDomain: "amazonaws.com", Region: "us-east-1", AdvertiseHost: "127.0.0.1",
		RebalanceDelay: new(time.Duration), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), FS: vfs.NewMemory(),
	}}
	change(&h.cfg)
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
	pool := h.trust()
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

// trust is who signed the brokers' certificates.
func (h *host) trust() *x509.CertPool {
	h.t.Helper()
	data, err := os.ReadFile(h.s.pki.CAFile())
	if err != nil {
		h.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return pool
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
		name, _, _ := strings.Cut(b.Host, ".c.") // the cluster's label
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

func privately(iam bool) *kafka.ConnectivityInfo {
	return &kafka.ConnectivityInfo{VpcConnectivity: &kafka.VpcConnectivity{ClientAuthentication: &kafka.VpcConnectivityClientAuthentication{
		Sasl: &kafka.VpcConnectivitySasl{Iam: &kafka.VpcConnectivityIam{Enabled: &iam}},
	}}}
}

// api is the API over HTTP, for a credential.
func (h *host) api(who iam.Credential) *awskafka.Client {
	return awskafka.New(awskafka.Options{
		Region: "us-east-1", BaseEndpoint: new("http://" + h.s.Address()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(who.AccessKeyID, who.Secret.Reveal(), ""),
	})
}

// peer is another account that the cluster's policy lets in.
type peer struct {
	*host
	who          iam.Credential
	ours, theirs *awskafka.Client
	vpc          ec2.DefaultVPC
	policy       string // of the cluster
}

func (h *host) peer() *peer {
	h.t.Helper()
	made, err := h.s.iam.CreateAccount(h.t.Context(), "111122223333")
	if err != nil {
		h.t.Fatal(err)
	}
	p := &peer{host: h, who: made, vpc: ec2.DefaultVPCOf("111122223333", "us-east-1")}
	p.ours, p.theirs = h.api(h.s.root), h.api(p.who)
	p.policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},
		"Action":["kafka:CreateVpcConnection","kafka:GetBootstrapBrokers","kafka:DescribeClusterV2","kafka-cluster:*"],
		"Resource":["` + h.arn + `","` + strings.Replace(h.arn, ":cluster/", ":topic/", 1) + `/*"]}]}`
	return p
}

func (p *peer) connect() (*awskafka.CreateVpcConnectionOutput, error) {
	return p.theirs.CreateVpcConnection(p.t.Context(), &awskafka.CreateVpcConnectionInput{
		TargetClusterArn: &p.arn, Authentication: new("SASL_IAM"), VpcId: &p.vpc.ID, ClientSubnets: p.vpc.SubnetIDs[:2],
		SecurityGroups: []string{p.vpc.SecurityGroupID}, Tags: map[string]string{"team": "risk"},
	})
}

func (p *peer) state(arn *string) string {
	out, err := p.theirs.DescribeVpcConnection(p.t.Context(), &awskafka.DescribeVpcConnectionInput{Arn: arn})
	if err != nil {
		return err.Error()
	}
	return string(out.State)
}

// enters reports whether the first of some brokers speaks TLS with a client.
func (h *host) enters(addresses string) bool {
	h.t.Helper()
	conn := h.into(addresses)
	if conn != nil {
		conn.Close()
	}
	return conn != nil
}

func (h *host) into(addresses string, certificates ...tls.Certificate) *tls.Conn {
	h.t.Helper()
	at, _, _ := strings.Cut(addresses, ",")
	name, port, err := net.SplitHostPort(at)
	if err != nil {
		h.t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: h.trust(), ServerName: name, MinVersion: tls.VersionTLS12, Certificates: certificates})
	if err != nil {
		return nil
	}
	return conn
}

// TestVPCConnection: another account's clients come in while it has a connection
// to the cluster, and nobody in the cluster's VPC notices.
func TestVPCConnection(t *testing.T) {
	h := newIAMHost(t)
	stop := h.traffic("t")
	p := h.peer()
	says := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", what, err, want)
		}
	}
	_, err := p.connect()
	says("without a policy", err, "because no resource-based policy allows the kafka:CreateVpcConnection action")
	if _, err := p.ours.PutClusterPolicy(t.Context(), &awskafka.PutClusterPolicyInput{ClusterArn: &h.arn, Policy: &p.policy}); err != nil {
		t.Fatal(err)
	}
	_, err = p.connect()
	says("before it is turned on", err, "Multi-VPC private connectivity is not turned on for SASL_IAM")
	h.expect("turned on", *h.settled(h.connected(privately(true))).OperationState, "UPDATE_COMPLETE")
	boot, err := p.theirs.GetBootstrapBrokers(t.Context(), &awskafka.GetBootstrapBrokersInput{ClusterArn: &h.arn})
	if err != nil {
		t.Fatal(err)
	}
	private := *boot.BootstrapBrokerStringVpcConnectivitySaslIam
	if h.enters(private) {
		t.Error("a client came in without a connection")
	}
	made, err := p.connect()
	if err != nil {
		t.Fatal(err)
	}
	arn := made.VpcConnectionArn
	h.expect("made", string(made.State)+" "+p.state(arn), "CREATING AVAILABLE")
	_, err = p.connect()
	says("a second one", err, "has a connection to the cluster for SASL_IAM authentication already")
	eventually(t, "a way in", func() bool { return h.enters(private) })
	cl := h.client(append(h.signing(p.who), kgo.SeedBrokers(strings.Split(private, ",")...), kgo.DefaultProduceTopic("t3"), kgo.RetryTimeout(10*time.Second))...)
	var want []string
	for i, at := range strings.Split(private, ",") {
		_, port, _ := strings.Cut(at, ":")
		want = append(want, fmt.Sprintf("%d=b-%d.iam:%s", i+1, i+1, port))
	}
	h.expect("private clients stay private", met(t, cl), strings.Join(want, " "))
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 2, 2, nil, "t3"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Error(err)
	}
	p.told(*arn)

	reboot, err := h.s.msk.RebootBroker(t.Context(), h.caller, &kafka.RebootBrokerRequest{ClusterArn: &h.arn, BrokerIds: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	h.settled(reboot.ClusterOperationArn)
	inside := h.into(private)
	if inside == nil {
		t.Fatal("the way in is closed")
	}
	defer inside.Close()
	if _, err := p.ours.RejectClientVpcConnection(t.Context(), &awskafka.RejectClientVpcConnectionInput{ClusterArn: &h.arn, VpcConnectionArn: arn}); err != nil {
		t.Fatal(err)
	}
	if n, err := inside.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a client that was inside was not cut off")
	}
	if h.enters(private) {
		t.Error("a client came in through a rejected connection")
	}
	h.expect("rejected", p.state(arn), "REJECTED")
	if _, err := p.theirs.DeleteVpcConnection(t.Context(), &awskafka.DeleteVpcConnectionInput{Arn: arn}); err != nil {
		t.Error(err)
	}
	if got := p.state(arn); !strings.Contains(got, "NotFoundException") {
		t.Error("deleted:", got)
	}
	if made, err = p.connect(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a way in once more", func() bool { return h.enters(private) })
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Error("over the second connection:", err)
	}
	h.s.driver.find(h.arn).door.close() // slow to hear of what follows
	h.expect("turned off", *h.settled(h.connected(privately(false))).OperationState, "UPDATE_COMPLETE")
	h.expect("of no use", p.state(made.VpcConnectionArn), "INACTIVE")
	h.expect("turned on again", *h.settled(h.connected(privately(true))).OperationState, "UPDATE_COMPLETE")
	h.expect("still of no use", p.state(made.VpcConnectionArn), "INACTIVE")
	if h.enters(private) {
		t.Error("a client came in through an inactive connection")
	}
	stop()
}

// told looks at a connection as both sides are told of it.
func (p *peer) told(arn string) {
	p.t.Helper()
	ctx := p.t.Context()
	theirs, err := p.theirs.ListVpcConnections(ctx, &awskafka.ListVpcConnectionsInput{})
	if err != nil || len(theirs.VpcConnections) != 1 || *theirs.VpcConnections[0].VpcConnectionArn != arn {
		p.t.Errorf("ListVpcConnections: %+v %v", theirs, err)
	}
	ours, err := p.ours.ListClientVpcConnections(ctx, &awskafka.ListClientVpcConnectionsInput{ClusterArn: &p.arn})
	if err != nil || len(ours.ClientVpcConnections) != 1 || *ours.ClientVpcConnections[0].Owner != "111122223333" {
		p.t.Errorf("ListClientVpcConnections: %+v %v", ours, err)
	}
	if _, err := p.theirs.TagResource(ctx, &awskafka.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"more": "yes"}}); err != nil {
		p.t.Error(err)
	}
	if _, err := p.theirs.UntagResource(ctx, &awskafka.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"team"}}); err != nil {
		p.t.Error(err)
	}
	tags, err := p.theirs.ListTagsForResource(ctx, &awskafka.ListTagsForResourceInput{ResourceArn: &arn})
	if err != nil || fmt.Sprint(tags.Tags) != "map[more:yes]" {
		p.t.Errorf("ListTagsForResource: %+v %v", tags, err)
	}
	for what, err := range map[string]error{
		"the cluster's owner describes": second(p.ours.DescribeVpcConnection(ctx, &awskafka.DescribeVpcConnectionInput{Arn: &arn})),
		"the cluster's owner deletes":   second(p.ours.DeleteVpcConnection(ctx, &awskafka.DeleteVpcConnectionInput{Arn: &arn})),
		"the other one rejects": second(p.theirs.RejectClientVpcConnection(ctx, &awskafka.RejectClientVpcConnectionInput{
			ClusterArn: &p.arn, VpcConnectionArn: &arn,
		})),
	} {
		if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
			p.t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestVPCConnectivityKilledEverywhere(t *testing.T) {
	killedEverywhereOn(t, newIAMHost, func(h *host) *string { return h.connected(privately(true)) }, func(h *host) {
		h.reachable()
		p := h.peer()
		if _, err := p.ours.PutClusterPolicy(t.Context(), &awskafka.PutClusterPolicyInput{ClusterArn: &h.arn, Policy: &p.policy}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.connect(); err != nil {
			t.Fatal(err)
		}
		h.seeds, h.auth = *h.addresses().BootstrapBrokerStringVpcConnectivitySaslIam, h.signing(p.who)
		eventually(t, "a way in", func() bool { return h.enters(h.seeds) })
		met(t, h.client())
	})
}

// TestNodesShowEveryName: whoever makes names of the brokers known finds them
// all, also those of brokers that came later.
func TestNodesShowEveryName(t *testing.T) {
	h := newIAMHost(t)
	for _, one := range []*kafka.ConnectivityInfo{publicAccess("SERVICE_PROVIDED_EIPS"), privately(true)} {
		h.settled(h.connected(one))
	}
	grown, err := h.counted(4)
	if err != nil {
		t.Fatal(err)
	}
	h.settled(grown)
	out, err := h.s.msk.ListNodes(t.Context(), h.caller, &kafka.ListNodesRequest{ClusterArn: &h.arn})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range out.NodeInfoList {
		if b := n.BrokerNodeInfo; b != nil {
			for _, host := range b.Endpoints {
				name, _, _ := strings.Cut(host, ".c.")
				names = append(names, name)
			}
		}
	}
	h.expect("names", strings.Join(names, " "), "b-1 b-1-public b-1.iam b-2 b-2-public b-2.iam b-3 b-3-public b-3.iam b-4 b-4-public b-4.iam")
}

// TestPublicAccessBySecretAndCertificate: who comes from elsewhere shows the same
// password or certificate as who comes from the VPC, also after authorities
// change.
func TestPublicAccessBySecretAndCertificate(t *testing.T) {
	var first, second string
	g := startGuarded(t, func(g *guarded) *kafka.ClientAuthentication {
		first, second = g.authority("first"), g.authority("second")
		return &kafka.ClientAuthentication{
			Sasl: &kafka.Sasl{Scram: &kafka.Scram{Enabled: new(true)}}, Tls: &kafka.Tls{CertificateAuthorityArnList: []string{first}},
		}
	})
	h := &host{t: t, s: g.System, caller: g.caller, arn: g.arn}
	secret := g.secret("AmazonMSK_alice", `{"username":"alice","password":"wonderland"}`, g.key)
	if _, err := g.msk.BatchAssociateScramSecret(t.Context(), g.caller, &kafka.BatchAssociateScramSecretRequest{ClusterArn: &g.arn, SecretArnList: []string{secret}}); err != nil {
		t.Fatal(err)
	}
	_, err := h.s.msk.UpdateConnectivity(t.Context(), h.caller, &kafka.UpdateConnectivityRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, ConnectivityInfo: publicAccess("SERVICE_PROVIDED_EIPS"),
	})
	if err == nil || !strings.Contains(err.Error(), "allow.everyone.if.no.acl.found to false") {
		t.Errorf("while everybody is let in without ACLs: %v", err)
	}
	h.settled(h.configure(h.configuration("closed", "allow.everyone.if.no.acl.found=false\n")))
	h.expect("opened", *h.settled(h.connected(publicAccess("SERVICE_PROVIDED_EIPS"))).OperationState, "UPDATE_COMPLETE")
	at := h.addresses()
	by := func(certificate *tls.Certificate) error {
		c := g.tls()
		if certificate != nil {
			c.Certificates = []tls.Certificate{*certificate}
		}
		return g.client(*at.BootstrapBrokerStringPublicTls, kgo.DialTLSConfig(c)).Ping(t.Context())
	}
	old, young := g.clientCertificate(first, pkix.Name{CommonName: "old"}), g.clientCertificate(second, pkix.Name{CommonName: "young"})
	eventually(t, "a login with a password", func() bool {
		return g.client(*at.BootstrapBrokerStringPublicSaslScram, kgo.DialTLSConfig(g.tls()),
			kgo.SASL(scram.Auth{User: "alice", Pass: "wonderland"}.AsSha512Mechanism())).Ping(t.Context()) == nil
	})
	if err := by(&old); err != nil {
		t.Error("with a certificate:", err)
	}
	if by(nil) == nil || by(&young) == nil {
		t.Error("a client with no certificate, or a stranger's, was taken")
	}
	inside := h.into(*at.BootstrapBrokerStringPublicTls, old)
	if inside == nil || !open(inside) {
		t.Fatal("the connection does not answer")
	}
	defer inside.Close()
	out, err := g.msk.UpdateSecurity(t.Context(), g.caller, &kafka.UpdateSecurityRequest{
		ClusterArn: &g.arn, CurrentVersion: h.described().CurrentVersion,
		ClientAuthentication: &kafka.ClientAuthentication{Tls: &kafka.Tls{CertificateAuthorityArnList: []string{second}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.settled(out.ClusterOperationArn)
	if open(inside) {
		t.Error("a client whose authority is gone was not sent away")
	}
	if err := by(&young); err != nil || by(&old) == nil {
		t.Errorf("with a certificate of the authority that came: %v, or one of that which went is taken", err)
	}
}
