package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/sasl"
)

// The tests of this file are named after weaknesses that other servers had.

// asked is what a request asks of the authorizer.
func asked(t *testing.T, msg kmsg.Request) []Operation {
	t.Helper()
	var ops []Operation
	judge(t.Context(), recorder{&ops}, &echo{}, &Session{}, msg)
	return ops
}

type recorder struct{ ops *[]Operation }

func (r recorder) Authorize(_ context.Context, _ *Session, ops []Operation, _ []bool) {
	if len(*r.ops) == 0 { // what was refused is asked once more
		*r.ops = append(*r.ops, ops...)
	}
}

// TestCVE2018_1288_FollowersFetchIsNoClients: any Kafka client could fetch as if
// it were a replica.
func TestCVE2018_1288_FollowersFetchIsNoClients(t *testing.T) {
	topics := []kmsg.FetchRequestTopic{{Topic: "yes", Partitions: make([]kmsg.FetchRequestTopicPartition, 1)}}
	for _, req := range []*kmsg.FetchRequest{
		{Version: 11, ReplicaID: 1, Topics: topics}, {Version: 15, ReplicaID: -1, ReplicaState: kmsg.FetchRequestReplicaState{ID: 2}, Topics: topics},
	} {
		if got := asked(t, req); !slices.Equal(got, []Operation{{ClusterAction, Cluster, ""}}) {
			t.Errorf("asks %v", got)
		}
	}
	if got := asked(t, &kmsg.WriteTxnMarkersRequest{Version: 1}); !slices.Contains(got, Operation{ClusterAction, Cluster, ""}) && !slices.Contains(got, Operation{Alter, Cluster, ""}) {
		t.Errorf("markers ask %v", got)
	}
}

// TestCVE2018_17196_IdempotentProduceNeedsItsRight: a client of Kafka could write
// idempotent and transactional batches without their rights by leaving the fact
// out of the request around them.
func TestCVE2018_17196_IdempotentProduceNeedsItsRight(t *testing.T) {
	for name, c := range map[string]struct {
		options record.BuilderOptions
		want    Operation
	}{
		"idempotent":    {record.BuilderOptions{ProducerID: 7}, Operation{IdempotentWrite, Cluster, ""}},
		"transactional": {record.BuilderOptions{ProducerID: 7, Transactional: true}, Operation{Write, TransactionalID, ""}},
	} {
		b := record.NewBuilder(c.options)
		b.Add(1, nil, []byte("v"))
		req := &kmsg.ProduceRequest{Version: 9, Acks: -1, Topics: []kmsg.ProduceRequestTopic{
			{Topic: "yes", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: b.Batch()}}},
		}}
		got := asked(t, req)
		if !slices.Contains(got, c.want) || !slices.Contains(got, Operation{Write, Topic, "yes"}) {
			t.Errorf("%s: asks %v", name, got)
		}
		v := judge(t.Context(), denies{c.want}, &echo{}, &Session{}, req)
		if v.whole == nil {
			t.Errorf("%s: a batch passes without its right", name)
		}
	}
}

// TestCVE2026_41115_DescribingGroupsIsDescribe: not Read, which members have.
func TestCVE2026_41115_DescribingGroupsIsDescribe(t *testing.T) {
	for _, req := range []kmsg.Request{&kmsg.ConsumerGroupDescribeRequest{Version: 1, Groups: []string{"g"}}, &kmsg.DescribeGroupsRequest{Version: 5, Groups: []string{"g"}}} {
		if got := asked(t, req); !slices.Equal(got, []Operation{{Describe, Group, "g"}}) {
			t.Errorf("%T asks %v", req, got)
		}
	}
}

// TestCVE2026_33413_EveryKeyIsAuthorized: peers left an operation out of their
// authorizer. Every served key asks something, or is on this list with its reason.
func TestCVE2026_33413_EveryKeyIsAuthorized(t *testing.T) {
	free := map[int16]string{
		38: "nobody has tokens", 39: "nobody has tokens", 40: "nobody has tokens", 41: "nobody has tokens",
		60: "Kafka answers DescribeCluster to everybody (KIP-700)",
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		req := kmsg.RequestForKey(key)
		req.SetVersion(min(req.MaxVersion(), table0Version(key)))
		fill(reflect.ValueOf(req).Elem())
		if got := asked(t, req); len(got) == 0 && !table[key].filter && free[key] == "" {
			t.Errorf("key %d (%s) asks nothing", key, kmsg.NameForKey(key))
		}
	}
}

// table0Version is the newest version whose lists fill makes.
func table0Version(key int16) int16 {
	if key == 20 { // DeleteTopics by name
		return 5
	}
	return 127
}

// TestCVE2026_33343_BatchedRequestsAreJudgedOneByOne: etcd did not look into
// operations inside of others.
func TestCVE2026_33343_BatchedRequestsAreJudgedOneByOne(t *testing.T) {
	for _, c := range []struct {
		req  kmsg.Request
		want []Operation
	}{
		{&kmsg.OffsetFetchRequest{Version: 8, Groups: []kmsg.OffsetFetchRequestGroup{{Group: "a"}, {Group: "b"}}}, []Operation{{Describe, Group, "a"}, {Describe, Group, "b"}}},
		{&kmsg.FindCoordinatorRequest{Version: 4, CoordinatorKeys: []string{"a", "b"}}, []Operation{{Describe, Group, "a"}, {Describe, Group, "b"}}},
		{&kmsg.DescribeConfigsRequest{Version: 4, Resources: []kmsg.DescribeConfigsRequestResource{{ResourceType: 2, ResourceName: "a"}, {ResourceType: 4, ResourceName: "1"}}},
			[]Operation{{DescribeConfigs, Topic, "a"}, {DescribeConfigs, Cluster, ""}}},
		{&kmsg.TxnOffsetCommitRequest{Version: 3, TransactionalID: "x", Group: "g", Topics: []kmsg.TxnOffsetCommitRequestTopic{{Topic: "t"}, {Topic: "u"}}},
			[]Operation{{Write, TransactionalID, "x"}, {Read, Group, "g"}, {Read, Topic, "t"}, {Read, Topic, "u"}}},
	} {
		got := asked(t, c.req)
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%T: %v is not asked, but %v", c.req, want, got)
			}
		}
	}
}

// fill puts one element into every list of a request.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		if v.CanSet() && v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0))
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString("name")
		}
	}
}

// TestCVE2026_111073_TelemetryIsNotServed: PushTelemetry, whose compressed
// metrics Kafka inflated without a limit.
func TestCVE2026_111073_TelemetryIsNotServed(t *testing.T) {
	l := New(Config{Backend: &backend{}, Authorizer: AllowAll{}, Line: line(t)})
	defer l.Close()
	for _, key := range []int16{71, 72} {
		if _, ok := l.line.Range(key); ok {
			t.Errorf("key %d is advertised", key)
		}
	}
}

// TestCVE2022_34917_StrangersGetNoMemory: Kafka took what an unauthenticated
// client announced from its memory.
func TestCVE2022_34917_StrangersGetNoMemory(t *testing.T) {
	_, addr := serve(t, Config{Mechanisms: []string{sasl.ScramSHA512}, SCRAM: scramCredential})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const strangers = 50
	for i := range strangers {
		p := dial(t, addr)
		size := uint32(64 << 10)
		if i%2 == 0 {
			size = 100 << 20 // allowed to clients that are known
		}
		if _, err := p.nc.Write(binary.BigEndian.AppendUint32(nil, size)); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			p.closed()
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / strangers; got > 256<<10 {
		t.Errorf("a stranger's announcement costs %d bytes", got)
	}
}

// TestCVE2026_58253_NothingIsServedBeforeAuthentication: of all keys, before,
// within and after a failed exchange.
func TestCVE2026_58253_NothingIsServedBeforeAuthentication(t *testing.T) {
	b := &backend{}
	b.handle = func(r *Request) Answer {
		t.Errorf("%T reaches the backend", r.Msg)
		return b.echo.Handle(t.Context(), r)
	}
	_, addr := serve(t, Config{Backend: b, Mechanisms: []string{sasl.ScramSHA512}, SCRAM: scramCredential})
	for _, key := range slices.Sorted(maps.Keys(table)) {
		for _, within := range []bool{false, true} {
			p := dial(t, addr)
			if within {
				p.call(&kmsg.SASLHandshakeRequest{Version: 1, Mechanism: sasl.ScramSHA512})
			}
			req := kmsg.RequestForKey(key)
			rg, _ := line(t).Range(key)
			req.SetVersion(rg.Max)
			p.send(req)
			p.closed()
			p.nc.Close()
		}
	}
}

// TestCVE2026_73500_HandshakesEnd: a peer that is silent within the TLS handshake
// is closed in time.
func TestCVE2026_73500_HandshakesEnd(t *testing.T) {
	cert, _ := selfSigned(t, pkix.Name{CommonName: "broker"})
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Backend: &backend{}, Authorizer: AllowAll{}, Line: line(t), TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
		defer l.Close()
		for _, sends := range [][]byte{nil, {0x16, 3, 1, 2, 0}} {
			client, server := net.Pipe()
			l.admit(server)
			began := time.Now()
			if sends != nil {
				if _, err := client.Write(sends); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := io.ReadAll(client); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > tlsTimeout {
				t.Errorf("closed after %s", took)
			}
			synctest.Wait()
			if l.Counts().Open != 0 || l.gauge.Strangers.Load() != 0 {
				t.Errorf("%+v, %d strangers", l.Counts(), l.gauge.Strangers.Load())
			}
		}
	})
}

// TestCVE2026_35554_BuffersAreNotReusedInFlight: Kafka's producer gave a buffer
// back while a request still held it. Answers of many connections at once keep
// their own content.
func TestCVE2026_35554_BuffersAreNotReusedInFlight(t *testing.T) {
	b := &backend{}
	b.handle = func(r *Request) Answer {
		name := r.Msg.(*kmsg.FindCoordinatorRequest).CoordinatorKey
		return func(context.Context) kmsg.Response {
			resp := kmsg.NewPtrFindCoordinatorResponse()
			resp.Version, resp.Host = r.Header.Version, name
			return resp
		}
	}
	_, addr := serve(t, Config{Backend: b})
	done := make(chan error, 8)
	for c := range 8 {
		p := dial(t, addr)
		go func() {
			for i := range 50 {
				name := string(bytes.Repeat([]byte{byte('a' + c)}, 1+i*37))
				p.n++
				if _, err := p.nc.Write(kmsg.NewRequestFormatter().AppendRequest(nil, &kmsg.FindCoordinatorRequest{Version: 2, CoordinatorKey: name}, p.n)); err != nil {
					done <- err
					return
				}
			}
			for i := range 50 {
				resp := &kmsg.FindCoordinatorResponse{Version: 2}
				if _, err := p.receive(resp); err != nil || len(resp.Host) != 1+i*37 || resp.Host[0] != byte('a'+c) || resp.Host[len(resp.Host)-1] != byte('a'+c) {
					done <- fmt.Errorf("answer %d of %d: %.20q, %v", i, c, resp.Host, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestCVE2026_33248_SubjectsAreWhole: NATS compared parts of a certificate's
// subject. Nobody becomes another principal by what he puts into one of its parts,
// by their order or by their number.
func TestCVE2026_33248_SubjectsAreWhole(t *testing.T) {
	const victim = "User:CN=app,OU=Team,O=Org"
	hostile := []pkix.Name{
		{CommonName: "app,OU=Team,O=Org"}, {CommonName: "app", OrganizationalUnit: []string{"Team,O=Org"}}, {CommonName: "app", Organization: []string{"Org", "Other"}, OrganizationalUnit: []string{"Team"}},
		{CommonName: "app", Organization: []string{"Team"}, OrganizationalUnit: []string{"Org"}}, {CommonName: "App", Organization: []string{"Org"}, OrganizationalUnit: []string{"Team"}},
		{CommonName: "app ", Organization: []string{"Org"}, OrganizationalUnit: []string{"Team"}}, {CommonName: "app+OU=Team", Organization: []string{"Org"}}, {CommonName: "app\\,OU=Team", Organization: []string{"Org"}},
		{CommonName: "app\x00", Organization: []string{"Org"}, OrganizationalUnit: []string{"Team"}}, {CommonName: "ANONYMOUS"},
	}
	names := append([]pkix.Name{{CommonName: "app", Organization: []string{"Org"}, OrganizationalUnit: []string{"Team"}}}, hostile...)
	serverCert, serverPool := selfSigned(t, pkix.Name{CommonName: "broker"})
	trusted := x509.NewCertPool()
	certs := make([]tls.Certificate, len(names))
	for i, name := range names {
		certs[i], _ = selfSigned(t, name)
		leaf, err := x509.ParseCertificate(certs[i].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		trusted.AddCert(leaf)
	}
	who := make(chan string, 1)
	b := &backend{}
	b.handle = func(r *Request) Answer {
		who <- r.Session.Identity.String()
		return b.echo.Handle(t.Context(), r)
	}
	_, addr := serve(t, Config{Backend: b, TLS: &tls.Config{Certificates: []tls.Certificate{serverCert}, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert}})
	for i, cert := range certs {
		p := dial(t, addr)
		p.nc = tls.Client(p.nc, &tls.Config{RootCAs: serverPool, ServerName: "127.0.0.1", GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }})
		p.r.Reset(p.nc)
		p.call(&kmsg.ListGroupsRequest{Version: 4})
		if got := <-who; (got == victim) != (i == 0) || got == "User:ANONYMOUS" {
			t.Errorf("the subject %q is %s", names[i], got)
		}
	}
}
