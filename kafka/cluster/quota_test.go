package cluster_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

// pipes is a listener whose connections are pipes, so that a test has its own
// time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

// addressed is a pipe's end that has an address.
type addressed struct {
	net.Conn
	remote string
}

func (a addressed) RemoteAddr() net.Addr { return addr(a.remote) }

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), ended: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-p.conns:
		return nc, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Addr() net.Addr { return addr("127.0.0.1:9092") }

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

// dial connects from an address.
func (p *pipes) dial(from string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- addressed{server, from}:
		return client, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

// measured is a cluster of one broker that is reached by pipes.
type measured struct {
	t *testing.T
	*running
	pipes *pipes
	admin *kadm.Client
}

// measuring runs a test with a cluster in a time of its own.
func measuring(t *testing.T, fn func(t *testing.T, m *measured)) {
	t.Helper()
	measuringWith(t, func(*cluster.Config) {}, fn)
}

// measuringWith is measuring for another configuration.
func measuringWith(t *testing.T, change func(*cluster.Config), fn func(t *testing.T, m *measured)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &measured{t: t, pipes: newPipes()}
		m.running = open(t, vfs.NewMemory(), func(c *cluster.Config) {
			for _, b := range c.Brokers {
				b.Listeners[0].Net.Close()
			}
			c.Static = map[string]string{"auto.create.topics.enable": "false", "log.retention.check.interval.ms": "3600000", "log.cleaner.backoff.ms": "3600000"}
			c.Brokers = c.Brokers[:1]
			l := &c.Brokers[0].Listeners[0]
			l.Net, l.Host, l.Port = m.pipes, "127.0.0.1", 9092
			change(c)
		})
		m.admin = kadm.NewClient(m.kgo(kgo.ClientID("admin")))
		defer m.admin.Close()
		if err := kadmCreate(m.admin, t, "t"); err != nil {
			t.Fatal(err)
		}
		fn(t, m)
	})
}

func kadmCreate(admin *kadm.Client, t *testing.T, topic string) error {
	_, err := admin.CreateTopic(t.Context(), 1, 1, nil, topic)
	return err
}

func (m *measured) kgo(opts ...kgo.Opt) *kgo.Client {
	m.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers("127.0.0.1:9092"), kgo.RetryTimeout(10 * time.Second),
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) { return m.pipes.dial("10.0.0.1:1000") }),
	}, opts...)...)
	if err != nil {
		m.t.Fatal(err)
	}
	return cl
}

// quota sets a quota of an entity, given as types and names in turns; 0 removes it.
func (m *measured) quota(key string, value float64, entity ...string) {
	m.t.Helper()
	in := kadm.AlterClientQuotaEntry{Ops: []kadm.AlterClientQuotaOp{{Key: key, Value: value, Remove: value == 0}}}
	for i := 0; i < len(entity); i += 2 {
		in.Entity = append(in.Entity, kadm.ClientQuotaEntityComponent{Type: entity[i], Name: &entity[i+1]})
	}
	out, err := m.admin.AlterClientQuotas(m.t.Context(), []kadm.AlterClientQuotaEntry{in})
	if err != nil || out[0].Err != nil {
		m.t.Fatalf("%v, %v", err, out)
	}
}

// plain is a client that does not hold itself back when it is told to.
type plain struct {
	t  *testing.T
	nc net.Conn
	id string
}

func (m *measured) plain(id string) *plain {
	nc, err := m.pipes.dial("10.0.0.2:1000")
	if err != nil {
		m.t.Fatal(err)
	}
	return &plain{m.t, nc, id}
}

// ask sends a request and returns the answer and how long it took.
func (p *plain) ask(req kmsg.Request) (kmsg.Response, time.Duration) {
	p.t.Helper()
	start := time.Now()
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(p.id)).AppendRequest(nil, req, 7)
	if _, err := p.nc.Write(frame); err != nil {
		p.t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(p.nc, size[:]); err != nil {
		p.t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(p.nc, body); err != nil {
		p.t.Fatal(err)
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	body = body[4:]
	if resp.IsFlexible() {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		p.t.Fatal(err)
	}
	return resp, time.Since(start)
}

// produced is a Produce of one batch with a value of n bytes.
func (p *plain) produce(n int) (throttle, took time.Duration) {
	p.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 1000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "t"
	in := kmsg.NewProduceRequestTopicPartition()
	in.Records = plainBatch(n)
	t.Partitions = append(t.Partitions, in)
	req.Topics = append(req.Topics, t)
	resp, took := p.ask(req)
	r := resp.(*kmsg.ProduceResponse)
	if code := r.Topics[0].Partitions[0].ErrorCode; code != 0 {
		p.t.Fatalf("produce: %v", kerr.ErrorForCode(code))
	}
	return time.Duration(r.ThrottleMillis) * time.Millisecond, took
}

// fetch fetches from the start, at most a batch.
func (p *plain) fetch(session, epoch int32) (*kmsg.FetchResponse, time.Duration) {
	p.t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.MinBytes, req.SessionID, req.SessionEpoch = 12, 1, 1, session, epoch
	if epoch <= 0 {
		req.Topics = from("t", [16]byte{}, 0, 0)
	}
	resp, took := p.ask(req)
	return resp.(*kmsg.FetchResponse), took
}

func about(got, want time.Duration) bool { return got >= want && got < want+want/10+time.Second }

// TestProduceQuota: the answer goes out at once with the time to be silent, and
// the next request of the connection waits for that time (KIP-219).
func TestProduceQuota(t *testing.T) {
	measuring(t, func(t *testing.T, m *measured) {
		m.quota("producer_byte_rate", 1000, "client-id", "slow")
		slow, other := m.plain("slow"), m.plain("other")
		throttle, took := slow.produce(20_000) // 20 s at the rate, 10 of which are allowed at once
		if !about(throttle, 10*time.Second) || took != 0 {
			t.Errorf("silent for %v, answered after %v", throttle, took)
		}
		if wait, took := other.produce(20_000); wait != 0 || took != 0 {
			t.Errorf("another client is silent for %v and waited for %v", wait, took)
		}
		if wait, took := slow.produce(10); took != throttle {
			t.Errorf("the next request waited for %v, and then for %v", took, wait)
		}
		m.quota("producer_byte_rate", 1e6, "client-id", "slow")
		fresh := m.plain("slow")
		if wait, _ := fresh.produce(1000); wait != 0 {
			t.Errorf("the old quota holds: silent for %v", wait)
		}
		m.quota("producer_byte_rate", 0, "client-id", "slow")
		if wait, _ := fresh.produce(1_000_000); wait != 0 {
			t.Errorf("a removed quota holds: silent for %v", wait)
		}
	})
}

// TestFetchQuota: over the quota the answer is empty, and the session does not
// take it for one.
func TestFetchQuota(t *testing.T) {
	measuring(t, func(t *testing.T, m *measured) {
		p := m.plain("slow")
		p.produce(12_000)
		m.quota("consumer_byte_rate", 1000, "user", "ANONYMOUS")
		resp, took := p.fetch(0, 0)
		if resp.ThrottleMillis < 2000 || len(resp.Topics) != 0 || resp.SessionID != 0 || took != 0 {
			t.Errorf("the first answer: %d ms, %d topics, session %d, after %v", resp.ThrottleMillis, len(resp.Topics), resp.SessionID, took)
		}
		m.quota("consumer_byte_rate", 2000, "user", "ANONYMOUS")
		wait := time.Duration(resp.ThrottleMillis) * time.Millisecond
		resp, took = p.fetch(0, 0)
		if resp.ThrottleMillis != 0 || took != wait || len(resp.Topics) != 1 || resp.SessionID == 0 {
			t.Fatalf("the second: %d ms, %d topics, session %d, after %v", resp.ThrottleMillis, len(resp.Topics), resp.SessionID, took)
		}
		session := resp.SessionID
		resp, _ = p.fetch(session, 1)
		if resp.ThrottleMillis == 0 || len(resp.Topics) != 0 || resp.SessionID != session || resp.ErrorCode != 0 {
			t.Errorf("over the quota in a session: %d ms, %d topics, error %d", resp.ThrottleMillis, len(resp.Topics), resp.ErrorCode)
		}
		wait = time.Duration(resp.ThrottleMillis) * time.Millisecond
		m.quota("consumer_byte_rate", 1e6, "user", "ANONYMOUS")
		resp, took = p.fetch(session, 2)
		if len(resp.Topics) != 1 || took != wait {
			t.Errorf("after it: %d topics after %v, want %v", len(resp.Topics), took, wait)
		}
	})
}

// TestMutationQuota: since KIP-599 a client is refused, an older one silenced.
func TestMutationQuota(t *testing.T) {
	measuring(t, func(t *testing.T, m *measured) {
		m.quota("controller_mutation_rate", 1, "client-id", "maker") // 11 partitions at once
		p := m.plain("maker")
		create := func(version int16, names ...string) (codes []int16, throttle time.Duration) {
			req := kmsg.NewPtrCreateTopicsRequest()
			req.Version = version
			for _, name := range names {
				in := kmsg.NewCreateTopicsRequestTopic()
				in.Topic, in.NumPartitions, in.ReplicationFactor = name, 6, 1
				req.Topics = append(req.Topics, in)
			}
			got, _ := p.ask(req)
			resp := got.(*kmsg.CreateTopicsResponse)
			for _, t := range resp.Topics {
				codes = append(codes, t.ErrorCode)
			}
			return codes, time.Duration(resp.ThrottleMillis) * time.Millisecond
		}
		codes, wait := create(7, "a", "t", "b", "c")
		if want := []int16{0, kerr.TopicAlreadyExists.Code, 0, kerr.ThrottlingQuotaExceeded.Code}; !slices.Equal(codes, want) || wait != time.Second {
			t.Errorf("three topics of 6 partitions: %v, silent for %v", codes, wait)
		}
		if codes, wait := create(5, "c"); codes[0] != 0 || wait != 6*time.Second { // a token was missing, and one second has passed
			t.Errorf("an older client: %v, silent for %v", codes, wait)
		}
		del := kmsg.NewPtrDeleteTopicsRequest()
		del.Version, del.TopicNames = 5, []string{"nowhere", "a"}
		got, took := p.ask(del)
		resp := got.(*kmsg.DeleteTopicsResponse)
		if took != 6*time.Second || resp.Topics[0].ErrorCode != kerr.UnknownTopicOrPartition.Code || resp.Topics[1].ErrorCode != 0 {
			t.Errorf("delete: %+v after %v", resp.Topics, took)
		}
		grow := kmsg.NewPtrCreatePartitionsRequest()
		grow.Version = 3
		in := kmsg.NewCreatePartitionsRequestTopic()
		in.Topic, in.Count = "b", 7
		grow.Topics = append(grow.Topics, in)
		got, _ = p.ask(grow)
		if resp := got.(*kmsg.CreatePartitionsResponse); resp.Topics[0].ErrorCode != kerr.ThrottlingQuotaExceeded.Code || resp.ThrottleMillis != 6000 {
			t.Errorf("grow: %+v, silent for %d ms", resp.Topics, resp.ThrottleMillis)
		}
	})
}

// TestConnectionQuota: an address that connects too fast is cut off after a
// second, unserved (KIP-612).
func TestConnectionQuota(t *testing.T) {
	measuring(t, func(t *testing.T, m *measured) {
		m.quota("connection_creation_rate", 1, "ip", "10.0.0.2")
		for range 10 {
			m.plain("x").produce(1)
		}
		start := time.Now()
		p := m.plain("x")
		go func() { _, _ = p.nc.Write(make([]byte, 100)) }()
		if _, err := p.nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(start) != time.Second {
			t.Errorf("an 11th connection: %v after %v", err, time.Since(start))
		}
		if _, err := m.admin.ListTopics(t.Context()); err != nil {
			t.Errorf("another address: %v", err)
		}
	})
}

// TestCloseDoesNotWaitForTheSilent: a muted connection ends with its cluster.
func TestCloseDoesNotWaitForTheSilent(t *testing.T) {
	measuring(t, func(t *testing.T, m *measured) {
		m.quota("producer_byte_rate", 1, "client-id", "slow")
		p := m.plain("slow")
		if wait, _ := p.produce(100_000); wait < 24*time.Hour {
			t.Fatalf("silent for %v", wait)
		}
		if _, err := p.nc.Write([]byte{0, 0, 0, 12, 0, 0, 0, 9}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		m.close(t)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("Close took %v", took)
		}
	})
}

// throttles counts what a kgo client is told.
type throttles struct{ longest atomic.Int64 }

func (h *throttles) OnBrokerThrottle(_ kgo.BrokerMetadata, d time.Duration, _ bool) {
	if int64(d) > h.longest.Load() {
		h.longest.Store(int64(d))
	}
}

// TestQuotasWithARealClient: an administrator sets, reads and removes a quota,
// and a producer feels it.
func TestQuotasWithARealClient(t *testing.T) {
	measuring(t, func(t *testing.T, m *measured) {
		m.quota("producer_byte_rate", 2000, "user", "ANONYMOUS", "client-id", "app")
		m.quota("request_percentage", 200.5, "user", "ANONYMOUS")
		described := func(strict bool, want string) {
			t.Helper()
			all, err := m.admin.DescribeClientQuotas(t.Context(), strict, []kadm.DescribeClientQuotaComponent{{Type: "user", MatchName: kmsg.StringPtr("ANONYMOUS")}})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, q := range all {
				got += q.Entity.String()
				for _, v := range q.Values {
					got += " " + v.Key + "=" + strconv.FormatFloat(v.Value, 'g', -1, 64)
				}
				got += ";"
			}
			if got != want {
				t.Errorf("described %q, want %q", got, want)
			}
		}
		described(true, "{user=ANONYMOUS} request_percentage=200.5;")
		described(false, "{user=ANONYMOUS} request_percentage=200.5;{user=ANONYMOUS, client-id=app} producer_byte_rate=2000;")
		hook := &throttles{}
		cl := m.kgo(kgo.ClientID("app"), kgo.DefaultProduceTopic("t"), kgo.WithHooks(hook), kgo.ProducerBatchCompression(kgo.NoCompression()))
		defer cl.Close()
		start := time.Now()
		for range 5 { // 50 s at the rate
			if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: bytes.Repeat([]byte("x"), 20_000)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 30*time.Second || took > 60*time.Second || hook.longest.Load() < int64(5*time.Second) {
			t.Errorf("took %v, silent for %v at most", took, time.Duration(hook.longest.Load()))
		}
		m.quota("producer_byte_rate", 0, "user", "ANONYMOUS", "client-id", "app")
		m.quota("request_percentage", 0, "user", "ANONYMOUS")
		described(false, "")
	})
}

// plainBatch is a batch of one record with a value of n bytes.
func plainBatch(n int) []byte {
	b := record.NewBuilder(record.BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
	b.Add(time.Now().UnixMilli(), nil, make([]byte, n))
	return b.Batch()
}
