package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"
)

// victimVariable has the test's program be a server over the directory that it
// names instead, which kills itself at a point that it is told.
const victimVariable = "MILLRACE_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimVariable); dir != "" {
		if err := runVictim(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ports, claim, err := claimPorts()
	if err == nil {
		err = os.Setenv(portsVariable, ports)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	claim.Close()
	os.Exit(code)
}

// runVictim serves, says "ready" when it has come to every cluster once, and for
// each line with a number says "armed" and sends itself SIGKILL when it comes to
// that point.
func runVictim(dir string) error {
	s, err := New(Config{
		DataDir: dir, Listen: "127.0.0.1:0", AdvertiseHost: "127.0.0.1", BrokerPorts: os.Getenv(portsVariable), RebalanceDelay: new(time.Duration),
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	clusters, err := s.msk.Wanted(context.Background())
	if err != nil {
		return err
	}
	var left atomic.Int64
	first := make(chan struct{}, len(clusters))
	s.driver.askBetween(func() error {
		select {
		case first <- struct{}{}:
		default:
		}
		if left.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	})
	go func() {
		<-s.Began()
		for range clusters {
			<-first
		}
		fmt.Println("ready")
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			n, err := strconv.ParseInt(in.Text(), 10, 64)
			if err != nil {
				return
			}
			left.Store(n)
			fmt.Println("armed")
		}
	}()
	return s.Run(context.Background())
}

// portsVariable tells tests, and the victims that they start, where their brokers
// may listen.
const portsVariable = "MILLRACE_TEST_PORTS"

// claimPorts finds a range of ports for this process alone. Clusters keep their
// ports from one server to the next, and between the two a test in another
// process could take them. The range is claimed as long as the listener is open.
// It is none that systems choose from for themselves.
func claimPorts() (ports string, claim net.Listener, err error) {
	const each = 200
	for first := 10_000; first < 20_000; first += each {
		if claim, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", first)); err == nil {
			return fmt.Sprintf("%d-%d", first+1, first+each-1), claim, nil
		}
	}
	return "", nil, err
}

// victim is a server in a process of its own.
type victim struct {
	t     *testing.T
	dir   string
	cmd   *exec.Cmd
	in    io.Writer
	out   *bufio.Scanner
	words strings.Builder // its log
	env   map[string]string
	msk   *kafka.Client
	ended chan struct{} // closed when the process is gone
}

func startVictim(t *testing.T, dir string) *victim {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{t: t, dir: dir, cmd: exec.Command(program), ended: make(chan struct{})}
	v.cmd.Env = append(os.Environ(), victimVariable+"="+dir)
	v.cmd.Stderr = &v.words
	out, w := io.Pipe()
	v.cmd.Stdout, v.out = w, bufio.NewScanner(out)
	if v.in, err = v.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(v.ended)
		_ = v.cmd.Wait() // it is killed
		w.Close()
	}()
	t.Cleanup(v.kill)
	v.says("ready")
	data, err := os.ReadFile(filepath.Join(dir, EnvironmentFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v.env); err != nil {
		t.Fatal(err)
	}
	v.msk = kafka.New(kafka.Options{
		Region: v.env["AWS_REGION"], BaseEndpoint: aws.String(v.env["AWS_ENDPOINT_URL"]), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: v.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: v.env["AWS_SECRET_ACCESS_KEY"]}, nil
		}),
	})
	return v
}

func (v *victim) says(word string) {
	v.t.Helper()
	if !v.out.Scan() || v.out.Text() != word {
		v.kill()
		v.t.Fatalf("the server says %q, want %q:\n%s", v.out.Text(), word, v.words.String())
	}
}

// arm has the process end at its n-th point from now.
func (v *victim) arm(n int) {
	v.t.Helper()
	if _, err := fmt.Fprintln(v.in, n); err != nil {
		v.t.Fatal(err)
	}
	v.says("armed")
}

// kill ends the process and waits for that.
func (v *victim) kill() {
	_ = v.cmd.Process.Kill() // it may be gone
	<-v.ended
}

func (v *victim) dead() bool {
	select {
	case <-v.ended:
		return true
	default:
		return false
	}
}

// until waits until done says so or the process is gone.
func (v *victim) until(what string, done func() bool) {
	v.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-v.ended:
			return
		case <-late:
			v.kill()
			v.t.Fatalf("%s: not within 30 s:\n%s", what, v.words.String())
		}
	}
}

// clusters are all clusters by name.
func (v *victim) clusters() (map[string]types.Cluster, error) {
	out, err := v.msk.ListClustersV2(v.t.Context(), &kafka.ListClustersV2Input{})
	if err != nil {
		return nil, err
	}
	all := map[string]types.Cluster{}
	for _, c := range out.ClusterInfoList {
		all[*c.ClusterName] = c
	}
	return all, nil
}

// settled waits until every cluster is ACTIVE or gone and no operation is under
// way, and answers the clusters. It answers nil when the process ended before.
func (v *victim) settled() map[string]types.Cluster {
	v.t.Helper()
	var all map[string]types.Cluster
	v.until("every cluster ACTIVE", func() (done bool) {
		var err error
		if all, err = v.clusters(); err != nil {
			return false
		}
		for _, c := range all {
			if c.State != types.ClusterStateActive || c.ActiveOperationArn != nil {
				return false
			}
		}
		return true
	})
	if v.dead() {
		return nil
	}
	return all
}

// The clusters that changes are made to: most to one of anybody's, whose clients
// need no encryption.
const (
	closedKind  = "closed"  // whoever connects has a credential of IAM
	expressKind = "express" // of Express brokers
)

// create makes a cluster of two zones, or of three for Express brokers.
func (v *victim) create(kind, name string, brokers int32) error {
	in := &kafka.CreateClusterInput{
		ClusterName: &name, KafkaVersion: aws.String("3.9.x.kraft"), NumberOfBrokerNodes: &brokers,
		BrokerNodeGroupInfo: &types.BrokerNodeGroupInfo{
			ClientSubnets: strings.Split(v.env["MILLRACE_SUBNETS"], ",")[:2], InstanceType: aws.String("kafka.m5.4xlarge"),
			StorageInfo: &types.StorageInfo{EbsStorageInfo: &types.EBSStorageInfo{VolumeSize: aws.Int32(100)}},
		},
		EncryptionInfo: &types.EncryptionInfo{EncryptionInTransit: &types.EncryptionInTransit{ClientBroker: types.ClientBrokerTlsPlaintext}},
	}
	switch kind {
	case closedKind:
		in.EncryptionInfo.EncryptionInTransit.ClientBroker = types.ClientBrokerTls
		in.ClientAuthentication = &types.ClientAuthentication{Sasl: &types.Sasl{Iam: &types.Iam{Enabled: aws.Bool(true)}}}
	case standardKind, mixedKind, movedKind:
		in.NumberOfBrokerNodes = aws.Int32(3)
		in.BrokerNodeGroupInfo.ClientSubnets, in.BrokerNodeGroupInfo.InstanceType = strings.Split(v.env["MILLRACE_SUBNETS"], ",")[:3], aws.String("kafka.m5.large")
	case expressKind:
		in.NumberOfBrokerNodes = aws.Int32(3)
		in.BrokerNodeGroupInfo = &types.BrokerNodeGroupInfo{
			ClientSubnets: strings.Split(v.env["MILLRACE_SUBNETS"], ",")[:3], InstanceType: aws.String("express.m7g.large"),
		}
	}
	_, err := v.msk.CreateCluster(v.t.Context(), in)
	return err
}

// client is one of a cluster: over IAM where nobody comes in without.
func (v *victim) client(c types.Cluster, opts ...kgo.Opt) *kgo.Client {
	v.t.Helper()
	out, err := v.msk.GetBootstrapBrokers(v.t.Context(), &kafka.GetBootstrapBrokersInput{ClusterArn: c.ClusterArn})
	if err != nil {
		v.t.Fatal(err)
	}
	seeds := aws.ToString(out.BootstrapBrokerString)
	if seeds == "" {
		seeds = aws.ToString(out.BootstrapBrokerStringSaslIam)
		pem, err := os.ReadFile(v.env["MILLRACE_CA_PEM"])
		if err != nil {
			v.t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		v.t.Setenv("AWS_REGION", v.env["AWS_REGION"]) // franz-go reads IAM's region there alone
		auth := saslaws.Auth{AccessKey: v.env["AWS_ACCESS_KEY_ID"], SecretKey: v.env["AWS_SECRET_ACCESS_KEY"]}
		opts = append(opts, kgo.SASL(auth.AsManagedStreamingIAMMechanism()), kgo.DialTLSConfig(&tls.Config{RootCAs: pool}))
	}
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(strings.Split(seeds, ",")...))...)
	if err != nil {
		v.t.Fatal(err)
	}
	return cl
}

// nothingOrphaned compares what is on disk with the clusters that there are, and
// has each take and give a record.
func (v *victim) nothingOrphaned(all map[string]types.Cluster) {
	v.t.Helper()
	entries, err := os.ReadDir(filepath.Join(v.dir, "clusters"))
	if err != nil {
		v.t.Fatal(err)
	}
	var have, want []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	for _, c := range all {
		want = append(want, (*c.ClusterArn)[strings.LastIndexByte(*c.ClusterArn, '/')+1:])
	}
	slices.Sort(want)
	if !slices.Equal(have, want) {
		v.t.Errorf("directories %v of clusters %v", have, want)
	}
	for _, c := range all {
		v.works(c)
	}
}

// works produces one record more and reads all from the first, which stand in
// the order of their numbers.
func (v *victim) works(c types.Cluster) {
	v.t.Helper()
	within, cancel := context.WithTimeout(v.t.Context(), 20*time.Second)
	defer cancel()
	cl := v.client(c, kgo.DefaultProduceTopic("t"), kgo.ProducerLinger(0),
		kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(10*time.Millisecond))
	defer cl.Close()
	adm := kadm.NewClient(cl)
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "t", -1, -1
	topic.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Replicas: []int32{1, 2}}} // other brokers may go
	if len(c.Provisioned.BrokerNodeGroupInfo.ClientSubnets) == 3 {                                        // Express brokers, or brokers that may become some
		topic.ReplicaAssignment[0].Replicas = []int32{1, 2, 3} // three, always
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = append(create.Topics, topic)
	if made, err := create.RequestWith(within, cl); err != nil {
		v.t.Fatal(err)
	} else if err := kerr.ErrorForCode(made.Topics[0].ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		v.t.Fatal(err)
	}
	meta, err := adm.Metadata(within)
	if err != nil {
		v.t.Fatal(err)
	}
	if got := int32(len(meta.Brokers)); got != *c.Provisioned.NumberOfBrokerNodes {
		v.t.Errorf("%s has %d brokers, shows %d", *c.ClusterName, got, *c.Provisioned.NumberOfBrokerNodes)
	}
	ends, err := adm.ListEndOffsets(within, "t")
	if err != nil {
		v.t.Fatal(err)
	}
	n, _ := ends.Lookup("t", 0)
	if err := cl.ProduceSync(within, kgo.StringRecord(fmt.Sprint(n.Offset))).FirstErr(); err != nil {
		v.t.Fatal(err)
	}
	for got := int64(0); got <= n.Offset; {
		f := cl.PollFetches(within)
		if err := within.Err(); err != nil {
			v.t.Fatalf("consumed %d of %d records", got, n.Offset+1)
		}
		f.EachRecord(func(r *kgo.Record) {
			if string(r.Value) != fmt.Sprint(got) {
				v.t.Errorf("record %d is %s", got, r.Value)
			}
			got++
		})
	}
}

// change is one kind of operation.
type change struct {
	name  string
	on    string // the kind of cluster; "" is the usual one
	begin func(v *victim, c types.Cluster) error
	check func(c types.Cluster) error // after it; nil: only that all is well
}

func showing(what string, get func(c types.Cluster) any, want any) func(types.Cluster) error {
	return func(c types.Cluster) error {
		if got := get(c); got != want {
			return fmt.Errorf("%s is %v, want %v", what, got, want)
		}
		return nil
	}
}

// changes are the kinds of operations that clusters go through.
func changes() []change {
	counted := func(n int32) change {
		return change{fmt.Sprint("UpdateBrokerCount ", n), "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateBrokerCount(v.t.Context(), &kafka.UpdateBrokerCountInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, TargetNumberOfBrokerNodes: &n,
			})
			return err
		}, showing("brokers", func(c types.Cluster) any { return *c.Provisioned.NumberOfBrokerNodes }, n)}
	}
	return []change{
		{"CreateCluster", "", func(v *victim, _ types.Cluster) error { return v.create("", "another", 2) }, nil},
		{"DeleteCluster", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.DeleteCluster(v.t.Context(), &kafka.DeleteClusterInput{ClusterArn: c.ClusterArn})
			return err
		}, nil},
		{"RebootBroker", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.RebootBroker(v.t.Context(), &kafka.RebootBrokerInput{ClusterArn: c.ClusterArn, BrokerIds: []string{"2"}})
			return err
		}, nil},
		{"UpdateClusterConfiguration", "", configureVictim, showing("configuration's revision", func(c types.Cluster) any {
			return aws.ToInt64(c.Provisioned.CurrentBrokerSoftwareInfo.ConfigurationRevision)
		}, int64(1))},
		counted(6), counted(2),
		{"UpdateBrokerStorage", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateBrokerStorage(v.t.Context(), &kafka.UpdateBrokerStorageInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion,
				TargetBrokerEBSVolumeInfo: []types.BrokerEBSVolumeInfo{{KafkaBrokerNodeId: aws.String("All"), VolumeSizeGB: aws.Int32(300)}},
			})
			return err
		}, showing("volume", func(c types.Cluster) any {
			return *c.Provisioned.BrokerNodeGroupInfo.StorageInfo.EbsStorageInfo.VolumeSize
		}, int32(300))},
		{"UpdateStorage", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateStorage(v.t.Context(), &kafka.UpdateStorageInput{ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, VolumeSizeGB: aws.Int32(300)})
			return err
		}, showing("volume", func(c types.Cluster) any {
			return *c.Provisioned.BrokerNodeGroupInfo.StorageInfo.EbsStorageInfo.VolumeSize
		}, int32(300))},
		{"UpdateStorage of throughput", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateStorage(v.t.Context(), &kafka.UpdateStorageInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion,
				ProvisionedThroughput: &types.ProvisionedThroughput{Enabled: aws.Bool(true), VolumeThroughput: aws.Int32(500)},
			})
			return err
		}, showing("throughput", func(c types.Cluster) any {
			return *c.Provisioned.BrokerNodeGroupInfo.StorageInfo.EbsStorageInfo.ProvisionedThroughput.VolumeThroughput
		}, int32(500))},
		{"UpdateStorage of the mode", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateStorage(v.t.Context(), &kafka.UpdateStorageInput{ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, StorageMode: types.StorageModeTiered})
			return err
		}, showing("storage mode", func(c types.Cluster) any { return c.Provisioned.StorageMode }, types.StorageModeTiered)},
		{"UpdateBrokerType", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateBrokerType(v.t.Context(), &kafka.UpdateBrokerTypeInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, TargetInstanceType: aws.String("kafka.m5.xlarge"),
			})
			return err
		}, showing("type", func(c types.Cluster) any { return *c.Provisioned.BrokerNodeGroupInfo.InstanceType }, "kafka.m5.xlarge")},
		{"UpdateClusterKafkaVersion", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateClusterKafkaVersion(v.t.Context(), &kafka.UpdateClusterKafkaVersionInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, TargetKafkaVersion: aws.String("4.0.x.kraft"),
			})
			return err
		}, showing("version", func(c types.Cluster) any { return *c.Provisioned.CurrentBrokerSoftwareInfo.KafkaVersion }, "4.0.x.kraft")},
		{"UpdateMonitoring", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateMonitoring(v.t.Context(), &kafka.UpdateMonitoringInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, EnhancedMonitoring: types.EnhancedMonitoringPerBroker,
			})
			return err
		}, showing("monitoring", func(c types.Cluster) any { return c.Provisioned.EnhancedMonitoring }, types.EnhancedMonitoringPerBroker)},
		{"UpdateSecurity", "", func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateSecurity(v.t.Context(), &kafka.UpdateSecurityInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, ClientAuthentication: &types.ClientAuthentication{
					Sasl:            &types.Sasl{Iam: &types.Iam{Enabled: aws.Bool(true)}, Scram: &types.Scram{Enabled: aws.Bool(true)}},
					Unauthenticated: &types.Unauthenticated{Enabled: aws.Bool(true)},
				},
			})
			return err
		}, showing("SCRAM", func(c types.Cluster) any { return *c.Provisioned.ClientAuthentication.Sasl.Scram.Enabled }, true)},
		{"UpdateConnectivity", closedKind, func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateConnectivity(v.t.Context(), &kafka.UpdateConnectivityInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, ConnectivityInfo: &types.ConnectivityInfo{
					PublicAccess: &types.PublicAccess{Type: aws.String("SERVICE_PROVIDED_EIPS")},
				},
			})
			return err
		}, showing("public access", func(c types.Cluster) any {
			return *c.Provisioned.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type
		}, "SERVICE_PROVIDED_EIPS")},
		{"UpdateConnectivity of other VPCs", closedKind, func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateConnectivity(v.t.Context(), &kafka.UpdateConnectivityInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, ConnectivityInfo: &types.ConnectivityInfo{
					VpcConnectivity: &types.VpcConnectivity{ClientAuthentication: &types.VpcConnectivityClientAuthentication{
						Sasl: &types.VpcConnectivitySasl{Iam: &types.VpcConnectivityIam{Enabled: aws.Bool(true)}},
					}},
				},
			})
			return err
		}, showing("VPC connectivity", func(c types.Cluster) any {
			return *c.Provisioned.BrokerNodeGroupInfo.ConnectivityInfo.VpcConnectivity.ClientAuthentication.Sasl.Iam.Enabled
		}, true)},
		{"UpdateRebalancing", expressKind, func(v *victim, c types.Cluster) error {
			_, err := v.msk.UpdateRebalancing(v.t.Context(), &kafka.UpdateRebalancingInput{
				ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion, Rebalancing: &types.Rebalancing{Status: types.RebalancingStatusPaused},
			})
			return err
		}, showing("rebalancing", func(c types.Cluster) any { return c.Provisioned.Rebalancing.Status }, types.RebalancingStatusPaused)},
	}
}

func configureVictim(v *victim, c types.Cluster) error {
	found, err := v.msk.ListConfigurations(v.t.Context(), &kafka.ListConfigurationsInput{})
	if err != nil {
		return err
	}
	_, err = v.msk.UpdateClusterConfiguration(v.t.Context(), &kafka.UpdateClusterConfigurationInput{
		ClusterArn: c.ClusterArn, CurrentVersion: c.CurrentVersion,
		ConfigurationInfo: &types.ConfigurationInfo{Arn: found.Configurations[0].Arn, Revision: aws.Int64(1)},
	})
	return err
}

// killBase is a data directory with a cluster of four brokers, or three for
// Express, a record in it and a configuration.
func killBase(t *testing.T, kind string) string {
	dir := filepath.Join(t.TempDir(), "base")
	v := startVictim(t, dir)
	if err := v.create(kind, "c", 4); err != nil {
		t.Fatal(err)
	}
	if _, err := v.msk.CreateConfiguration(t.Context(), &kafka.CreateConfigurationInput{
		Name: aws.String("static"), ServerProperties: []byte("num.io.threads=12\n"),
	}); err != nil {
		t.Fatal(err)
	}
	all := v.settled()
	v.nothingOrphaned(all)
	v.upgradeTo(kind, all["c"])
	v.kill()
	return dir
}

// killedAt does a change in a server that is killed at its n-th point, starts
// the server again and looks at what has become of it. It reports whether there
// was such a point.
func killedAt(t *testing.T, base string, ch change, n int) bool {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strconv.Itoa(n))
	if out, err := exec.Command("cp", "-a", base, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	v := startVictim(t, dir)
	c := v.settled()["c"]
	v.arm(n)
	err := ch.begin(v, c)
	v.settled()
	v.errandsDone(c)
	killed := v.dead()
	if err != nil && !killed {
		t.Fatal(err)
	}
	if killed {
		v = startVictim(t, dir)
	}
	all := v.settled()
	v.errandsDone(c)
	if all == nil {
		t.Fatalf("the server ended:\n%s", v.words.String())
	}
	names := slices.Sorted(maps.Keys(all))
	want := map[string]string{"CreateCluster": "another c", "DeleteCluster": ""}
	if w, ok := want[ch.name]; ok && strings.Join(names, " ") != w || !ok && strings.Join(names, " ") != "c" {
		t.Errorf("killed at %d: clusters %v", n, names)
	}
	if ch.check != nil {
		if err := errors.Join(ch.check(all["c"]), v.complete(all["c"], ch)); err != nil {
			t.Errorf("killed at %d: %v", n, err)
		}
	}
	v.nothingOrphaned(all)
	v.kill()
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
	return killed
}

// complete says whether the cluster's operations ended well.
func (v *victim) complete(c types.Cluster, ch change) error {
	out, err := v.msk.ListClusterOperations(v.t.Context(), &kafka.ListClusterOperationsInput{ClusterArn: c.ClusterArn})
	if err != nil {
		return err
	}
	if got := len(out.ClusterOperationInfoList); got != ch.operations() {
		return fmt.Errorf("%d operations, want %d", got, ch.operations())
	}
	for _, o := range out.ClusterOperationInfoList {
		if got := *o.OperationState; !strings.HasSuffix(got, "_COMPLETE") {
			return fmt.Errorf("the operation is %s", got)
		}
	}
	return nil
}

// TestKilledAtEachPoint sends SIGKILL to a server at each point of each kind of
// operation: between any two changes of what runs, and before a change is told.
// After a start every cluster is ACTIVE, the operation has ended, every record is
// there and nothing is left over.
//
// Works: a server killed (kill -9) at each step of each kind of cluster operation comes back, goes on and leaves nothing over
func TestKilledAtEachPoint(t *testing.T) {
	bases := map[string]string{}
	for _, kind := range []string{"", closedKind, expressKind, standardKind, mixedKind, movedKind} {
		bases[kind] = killBase(t, kind)
	}
	for _, ch := range append(changes(), upgrades()...) {
		t.Run(ch.name, func(t *testing.T) {
			n := 1
			for killedAt(t, bases[ch.on], ch, n) {
				n++
			}
			if n == 1 {
				t.Error("there is no point to be killed at")
			}
			t.Logf("killed at %d points", n-1)
		})
	}
}
