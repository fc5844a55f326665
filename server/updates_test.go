package server

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model/kafka"
)

// configuration keeps a configuration and answers how to name it.
func (h *host) configuration(name, text string) *kafka.ConfigurationInfo {
	h.t.Helper()
	out, err := h.s.msk.CreateConfiguration(h.t.Context(), h.caller, &kafka.CreateConfigurationRequest{
		Name: &name, ServerProperties: new(base64.StdEncoding.EncodeToString([]byte(text))),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return &kafka.ConfigurationInfo{Arn: out.Arn, Revision: out.LatestRevision.Revision}
}

// configured is a broker config as each broker tells it.
func (h *host) configured(key string) string {
	h.t.Helper()
	adm := kadm.NewClient(h.client())
	all, err := adm.DescribeBrokerConfigs(h.t.Context(), 1, 2)
	if err != nil {
		h.t.Fatal(err)
	}
	var told []string
	for _, b := range all {
		for _, c := range b.Configs {
			if c.Key == key {
				told = append(told, b.Name+"="+c.MaybeValue())
			}
		}
	}
	slices.Sort(told)
	return strings.Join(told, " ")
}

func (h *host) configure(to *kafka.ConfigurationInfo) *string {
	h.t.Helper()
	out, err := h.s.msk.UpdateClusterConfiguration(h.t.Context(), h.caller, &kafka.UpdateClusterConfigurationRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, ConfigurationInfo: to,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ClusterOperationArn
}

func (h *host) expect(what, got, want string) {
	h.t.Helper()
	if got != want {
		h.t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// TestUpdateClusterConfiguration: dynamic settings act at once and drop nobody,
// the others as each broker starts again, and clients go on.
func TestUpdateClusterConfiguration(t *testing.T) {
	h := newHost(t)
	stays, err := net.Dial("tcp", strings.Split(h.seeds, ",")[0])
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	stop := h.traffic("t")
	o := h.settled(h.configure(h.configuration("dynamic", "log.retention.ms=12345678\n")))
	h.expect("dynamic", *o.OperationState+steps(o), "UPDATE_COMPLETE")
	h.expect("log.retention.ms", h.configured("log.retention.ms"), "1=12345678 2=12345678")
	if !open(stays) {
		t.Error("a dynamic setting dropped a connection")
	}
	version := *h.described().CurrentVersion
	o = h.settled(h.configure(h.configuration("static", "num.partitions=7\nlog.retention.ms=87654321\nauto.create.topics.enable=true\n")))
	h.expect("static", *o.OperationState+steps(o), "UPDATE_COMPLETE")
	h.expect("log.retention.ms", h.configured("log.retention.ms"), "1=87654321 2=87654321")
	h.expect("num.partitions", h.configured("num.partitions"), "1=7 2=7")
	if open(stays) {
		t.Error("a broker kept a connection while it started again")
	}
	stop()
	c := h.described()
	if *c.CurrentVersion == version || *c.Provisioned.CurrentBrokerSoftwareInfo.ConfigurationRevision != 1 {
		t.Errorf("after: %+v", c)
	}
	out, err := kadm.NewClient(h.client()).CreateTopic(t.Context(), -1, -1, nil, "seven")
	if err != nil || out.NumPartitions != 7 {
		t.Errorf("a topic has %d partitions: %v", out.NumPartitions, err)
	}
	_, err = h.s.msk.UpdateClusterConfiguration(t.Context(), h.caller, &kafka.UpdateClusterConfigurationRequest{
		ClusterArn: &h.arn, CurrentVersion: &version, ConfigurationInfo: h.configuration("third", ""),
	})
	if err == nil || !strings.Contains(err.Error(), "The version of the cluster isn't current.") {
		t.Errorf("with a version that is past: %v", err)
	}
}

// open reports whether the other side of a connection holds it: it answers a
// question about its versions.
func open(conn net.Conn) bool {
	if _, err := conn.Write([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 255, 255}); err != nil {
		return false
	}
	var size [4]byte
	if n, _ := conn.Read(size[:]); n < len(size) {
		return false
	}
	rest := make([]byte, int(size[2])<<8|int(size[3]))
	for got := 0; got < len(rest); {
		n, err := conn.Read(rest[got:])
		if err != nil {
			return false
		}
		got += n
	}
	return true
}

func TestUpdateClusterConfigurationKilledEverywhere(t *testing.T) {
	killedEverywhere(t, func(h *host) *string {
		return h.configure(h.configuration("static", "num.partitions=7\nlog.retention.ms=87654321\n"))
	}, func(h *host) {
		h.expect("log.retention.ms", h.configured("log.retention.ms"), "1=87654321 2=87654321")
		h.expect("num.partitions", h.configured("num.partitions"), "1=7 2=7")
		h.reachable()
	})
}

// counted starts an update of the number of brokers.
func (h *host) counted(n int32) (*string, error) {
	h.t.Helper()
	out, err := h.s.msk.UpdateBrokerCount(h.t.Context(), h.caller, &kafka.UpdateBrokerCountRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, TargetNumberOfBrokerNodes: &n,
	})
	if err != nil {
		return nil, err
	}
	return out.ClusterOperationArn, nil
}

// brokers is who is there, as clients are told.
func (h *host) brokers() string {
	h.t.Helper()
	all, err := kadm.NewClient(h.client()).ListBrokers(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprint(all.NodeIDs())
}

// TestUpdateBrokerCount: new brokers can be given partitions; those that have
// some cannot be taken out.
func TestUpdateBrokerCount(t *testing.T) {
	h := newHost(t)
	stop := h.traffic("t")
	operation, err := h.counted(4)
	if err != nil {
		t.Fatal(err)
	}
	o := h.settled(operation)
	h.expect("grown", *o.OperationState+" "+fmt.Sprint(o.TargetClusterInfo.BrokerCountUpdateInfo.CreatedBrokerIds), "UPDATE_COMPLETE [3 4]")
	h.expect("brokers", h.brokers(), "[1 2 3 4]")
	h.reassign("t", 3, 4)
	h.await(func() bool { return h.leader("t") == 3 })
	if _, err := h.counted(2); err == nil || !strings.Contains(err.Error(), "The brokers [3, 4] have user partitions.") {
		t.Errorf("brokers with partitions: %v", err)
	}
	h.reassign("t", 1, 2)
	h.await(func() bool {
		held, _ := h.s.driver.held(h.arn)
		return held[3].Clients == 0 && held[4].Clients == 0
	})
	if operation, err = h.counted(2); err != nil {
		t.Fatal(err)
	}
	o = h.settled(operation)
	h.expect("shrunk", *o.OperationState+" "+fmt.Sprint(o.TargetClusterInfo.BrokerCountUpdateInfo.DeletedBrokerIds), "UPDATE_COMPLETE [3 4]")
	h.expect("brokers", h.brokers(), "[1 2]")
	stop()
}

func (h *host) reassign(topic string, replicas ...int32) {
	h.t.Helper()
	var move kadm.AlterPartitionAssignmentsReq
	move.Assign(topic, 0, replicas)
	out, err := kadm.NewClient(h.client()).AlterPartitionAssignments(h.t.Context(), move)
	if err != nil || out.Error() != nil {
		h.t.Fatal(err, out.Error())
	}
}

// await asks until the answer is yes.
func (h *host) await(right func() bool) {
	h.t.Helper()
	for !right() {
		if h.t.Context().Err() != nil {
			h.t.Fatal("it does not come")
		}
	}
}

func TestUpdateBrokerCountKilledEverywhere(t *testing.T) {
	killedEverywhere(t, func(h *host) *string {
		operation, err := h.counted(4)
		if err != nil {
			t.Fatal(err)
		}
		return operation
	}, func(h *host) {
		h.expect("brokers", h.brokers(), "[1 2 3 4]")
		h.reachable()
	})
	killedEverywhere(t, func(h *host) *string {
		operation, err := h.counted(4)
		if err != nil {
			t.Fatal(err)
		}
		between := h.s.driver.askBetween(nil)
		h.settled(operation)
		h.s.driver.askBetween(between)
		h.offset("g", 3)
		if operation, err = h.counted(2); err != nil {
			t.Fatal(err)
		}
		return operation
	}, func(h *host) {
		h.expect("brokers", h.brokers(), "[1 2]")
		offsets, err := kadm.NewClient(h.client()).FetchOffsets(t.Context(), "g")
		if o, ok := offsets.Lookup("none", 0); err != nil || !ok || o.At != 3 {
			t.Errorf("the group's offset: %+v, %v", o, err)
		}
		h.reachable()
	})
}

// offset commits one, which makes __consumer_offsets on all brokers.
func (h *host) offset(group string, at int64) {
	h.t.Helper()
	cl := kadm.NewClient(h.client())
	if _, err := cl.CreateTopic(h.t.Context(), 1, 2, nil, "none"); err != nil {
		h.t.Fatal(err)
	}
	h.reassign("none", 1, 2)
	h.await(func() bool {
		held, _ := h.s.driver.held(h.arn)
		return held[3].Clients == 0 && held[4].Clients == 0
	})
	var offsets kadm.Offsets
	offsets.AddOffset("none", 0, at, -1)
	if err := cl.CommitAllOffsets(h.t.Context(), group, offsets); err != nil {
		h.t.Fatal(err)
	}
}

// secured starts an update of how clients connect.
func (h *host) secured(clientBroker string) *string {
	h.t.Helper()
	out, err := h.s.msk.UpdateSecurity(h.t.Context(), h.caller, &kafka.UpdateSecurityRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion,
		ClientAuthentication: &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Iam: &kafka.Iam{Enabled: new(clientBroker == "TLS_PLAINTEXT")}}},
		EncryptionInfo:       &kafka.EncryptionInfo{EncryptionInTransit: &kafka.EncryptionInTransit{ClientBroker: &clientBroker}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ClusterOperationArn
}

// bootstrap is which connection strings there are.
func (h *host) bootstrap() (names string) {
	h.t.Helper()
	b, err := h.s.msk.GetBootstrapBrokers(h.t.Context(), h.caller, &kafka.GetBootstrapBrokersRequest{ClusterArn: &h.arn})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range []struct {
		name string
		is   *string
	}{{"plaintext", b.BootstrapBrokerString}, {"tls", b.BootstrapBrokerStringTls}, {"iam", b.BootstrapBrokerStringSaslIam}} {
		if s.is == nil {
			continue
		}
		names += s.name + " "
		for address := range strings.SplitSeq(*s.is, ",") {
			if conn, err := net.Dial("tcp", address); err != nil {
				h.t.Errorf("%s: %v", s.name, err)
			} else {
				conn.Close()
			}
		}
	}
	return names
}

// TestUpdateSecurity: a listener opens and closes again, and a client of another
// one never notices.
func TestUpdateSecurity(t *testing.T) {
	h := newHost(t)
	stays, err := net.Dial("tcp", strings.Split(h.seeds, ",")[0])
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	h.expect("before", h.bootstrap(), "plaintext tls ")
	h.expect("opened", *h.settled(h.secured("TLS_PLAINTEXT")).OperationState, "UPDATE_COMPLETE")
	h.expect("after", h.bootstrap(), "plaintext tls iam ")
	h.expect("closed", *h.settled(h.secured("PLAINTEXT")).OperationState, "UPDATE_COMPLETE")
	h.expect("at last", h.bootstrap(), "plaintext ")
	if !open(stays) {
		t.Error("a connection to a listener that stays was dropped")
	}
	h.expect("and back", *h.settled(h.secured("TLS_PLAINTEXT")).OperationState, "UPDATE_COMPLETE")
	h.expect("back", h.bootstrap(), "plaintext tls iam ")
	h.reachable()
}

func TestUpdateSecurityKilledEverywhere(t *testing.T) {
	killedEverywhere(t, func(h *host) *string { return h.secured("TLS_PLAINTEXT") }, func(h *host) {
		h.expect("after", h.bootstrap(), "plaintext tls iam ")
		h.reachable()
	})
}

// advertised is the newest version of ApiVersions' Produce of each broker, and
// the finalized metadata.version.
func (h *host) advertised() string {
	h.t.Helper()
	all, err := kadm.NewClient(h.client()).ApiVersions(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	text := ""
	for _, id := range []int32{1, 2} {
		v := all[id]
		_, newest, _ := v.KeyVersions(0)
		text += fmt.Sprintf("%d=%d ", id, newest)
	}
	return text
}

func (h *host) upgraded(to string) *string {
	h.t.Helper()
	out, err := h.s.msk.UpdateClusterKafkaVersion(h.t.Context(), h.caller, &kafka.UpdateClusterKafkaVersionRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, TargetKafkaVersion: &to,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ClusterOperationArn
}

// TestUpdateClusterKafkaVersion: brokers advertise another version one after
// another, and a producer and a consumer go on.
func TestUpdateClusterKafkaVersion(t *testing.T) {
	h := newHost(t)
	stop := h.traffic("t")
	h.expect("before", h.advertised(), "1=11 2=11 ")
	before := h.s.driver.find(h.arn).c.Image().Level("metadata.version")
	o := h.settled(h.upgraded("4.1.x.kraft"))
	h.expect("upgraded", *o.OperationState+" "+steps(o), "UPDATE_COMPLETE INITIALIZE_UPDATE=COMPLETED UPDATE_APACHE_KAFKA_BINARIES=COMPLETED FINALIZE_UPDATE=COMPLETED")
	h.expect("after", h.advertised(), "1=13 2=13 ")
	if now := h.s.driver.find(h.arn).c.Image().Level("metadata.version"); now <= before {
		t.Errorf("metadata.version was %d and is %d", before, now)
	}
	h.expect("told", *h.described().Provisioned.CurrentBrokerSoftwareInfo.KafkaVersion, "4.1.x.kraft")
	stop()
}

func TestUpdateClusterKafkaVersionKilledEverywhere(t *testing.T) {
	killedEverywhere(t, func(h *host) *string { return h.upgraded("4.0.x.kraft") }, func(h *host) {
		h.expect("after", h.advertised(), "1=12 2=12 ")
		h.reachable()
	})
}

// TestAPartitionWhereABrokerWasToGo: the operation fails and the brokers stay.
func TestAPartitionWhereABrokerWasToGo(t *testing.T) {
	h := newHost(t)
	operation, err := h.counted(4)
	if err != nil {
		t.Fatal(err)
	}
	h.settled(operation)
	placed := false
	h.s.driver.askBetween(func() error { // after the API has looked
		if !placed {
			placed = true
			if _, err := kadm.NewClient(h.client()).CreateTopic(context.Background(), 4, 2, nil, "everywhere"); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if operation, err = h.counted(2); err != nil {
		t.Fatal(err)
	}
	o := h.settled(operation)
	if *o.OperationState != "UPDATE_FAILED" || *o.ErrorInfo.ErrorCode != "UserPartitionsExist" {
		t.Errorf("%s %+v", *o.OperationState, o.ErrorInfo)
	}
	h.expect("state", *h.described().State, "ACTIVE")
	h.expect("brokers", h.brokers(), "[1 2 3 4]")
	cl := h.client(kgo.DefaultProduceTopic("everywhere"))
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Error(err)
	}
}

// TestUpdateSecurityOfWhoMayComeIn: certificates become a duty and clients
// without one are sent away; passwords come into use with their listener.
func TestUpdateSecurityOfWhoMayComeIn(t *testing.T) {
	g := startGuarded(t, func(*guarded) *kafka.ClientAuthentication { return nil })
	h := &host{t: t, s: g.System, caller: g.caller, arn: g.arn}
	update := func(auth *kafka.ClientAuthentication) string {
		t.Helper()
		out, err := g.msk.UpdateSecurity(t.Context(), g.caller, &kafka.UpdateSecurityRequest{
			ClusterArn: &g.arn, CurrentVersion: h.described().CurrentVersion, ClientAuthentication: auth,
		})
		if err != nil {
			t.Fatal(err)
		}
		return *h.settled(out.ClusterOperationArn).OperationState
	}
	trusted := g.authority("trusted")
	app := g.clientCertificate(trusted, pkix.Name{CommonName: "app"})
	if err := g.withCertificate(nil).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	early, err := tls.Dial("tcp", strings.Split(*g.bootstrap().BootstrapBrokerStringTls, ",")[0], g.tls())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if !open(early) {
		t.Fatal("the connection does not answer")
	}
	h.expect("certificates", update(&kafka.ClientAuthentication{
		Tls: &kafka.Tls{CertificateAuthorityArnList: []string{trusted}}, Unauthenticated: &kafka.Unauthenticated{Enabled: new(false)},
	}), "UPDATE_COMPLETE")
	if open(early) {
		t.Error("a client without a certificate was not sent away")
	}
	if err := g.withCertificate(nil).Ping(t.Context()); err == nil {
		t.Error("a client without a certificate was taken")
	}
	if err := g.withCertificate(&app).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = g.msk.UpdateSecurity(t.Context(), g.caller, &kafka.UpdateSecurityRequest{
		ClusterArn: &g.arn, CurrentVersion: h.described().CurrentVersion,
		ClientAuthentication: &kafka.ClientAuthentication{Tls: &kafka.Tls{CertificateAuthorityArnList: []string{trusted[:len(trusted)-4] + "0000"}}},
	})
	if err == nil || !strings.Contains(err.Error(), "certificate authority ARNs provided in the request are invalid") {
		t.Errorf("an authority that is not there: %v", err)
	}
	h.expect("passwords", update(&kafka.ClientAuthentication{Sasl: &kafka.Sasl{Scram: &kafka.Scram{Enabled: new(true)}}}), "UPDATE_COMPLETE")
	secret := g.secret("AmazonMSK_alice", `{"username":"alice","password":"wonderland"}`, g.key)
	_, err = g.msk.BatchAssociateScramSecret(t.Context(), g.caller, &kafka.BatchAssociateScramSecretRequest{ClusterArn: &g.arn, SecretArnList: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a user who may log in", func() bool { return g.asUser("alice", "wonderland").Ping(t.Context()) == nil })
	if err := g.withCertificate(&app).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestADynamicSettingActs: what topics inherit is obeyed at once, with no broker
// started again.
func TestADynamicSettingActs(t *testing.T) {
	h := newHost(t)
	cl := h.client(kgo.DefaultProduceTopic("t"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 2, nil, "t"); err != nil {
		t.Fatal(err)
	}
	large := kgo.StringRecord(strings.Repeat("x", 5000))
	if err := cl.ProduceSync(t.Context(), large).FirstErr(); err != nil {
		t.Fatal(err)
	}
	h.settled(h.configure(h.configuration("small", "message.max.bytes=1000\n")))
	if err := cl.ProduceSync(t.Context(), large).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a record larger than message.max.bytes: %v", err)
	}
}
