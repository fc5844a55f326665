package cluster_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/vfs"
)

// caller is a plain connection to a broker.
type caller struct {
	t  *testing.T
	nc net.Conn
}

func callerOf(t *testing.T, addr string) *caller {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &caller{t, nc}
}

// ask sends an ApiVersions request.
func (c *caller) ask() {
	c.t.Helper()
	if _, err := c.nc.Write([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 255, 255}); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads an answer: nil, os.ErrDeadlineExceeded for none yet, or how the
// connection ended.
func (c *caller) answer(patience time.Duration) error {
	c.t.Helper()
	if err := c.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c.nc, size[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(c.nc, make([]byte, int(size[2])<<8|int(size[3])))
	return err
}

const (
	aMoment = 50 * time.Millisecond // in which nothing is to happen
	aWhile  = 10 * time.Second      // in which it is
)

func (c *caller) wantAnswer(what string) {
	c.t.Helper()
	if err := c.answer(aWhile); err != nil {
		c.t.Errorf("%s: %v", what, err)
	}
}

func (c *caller) wantNone(what string) {
	c.t.Helper()
	if err := c.answer(aMoment); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("%s: answered, or closed with %v", what, err)
	}
}

func (c *caller) wantClosed(what string) {
	c.t.Helper()
	if err := c.answer(aWhile); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("%s: %v, want a closed connection", what, err)
	}
}

// alterBroker sets a config of one broker, or of all for id 0.
func (r *running) alterBroker(t *testing.T, adm *kadm.Client, id int32, name, value string) error {
	t.Helper()
	var ids []int32
	if id > 0 {
		ids = []int32{id}
	}
	out, err := adm.AlterBrokerConfigs(t.Context(), []kadm.AlterConfig{{Name: name, Value: &value}}, ids...)
	if err != nil {
		return err
	}
	if out[0].Err != nil {
		return errors.Join(out[0].Err, errors.New(out[0].ErrMessage))
	}
	return nil
}

// TestConnectionLimits: beyond max.connections of a listener or of a broker new
// connections wait for a place, and when the limit of a broker is lowered those
// that were silent for longest are closed. What is configured acts at once.
func TestConnectionLimits(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) {
		for i := range c.Brokers {
			c.Brokers[i].Listeners[0].Name = "CLIENT_IAM"
		}
		c.Brokers[0].Limits.IAMConnections = 2
	})
	adm := kadm.NewClient(r.client(t, kgo.SeedBrokers(r.seeds[1]))) // else it connects to broker 1 twice
	set := func(id int32, name, value string) {
		t.Helper()
		if err := r.alterBroker(t, adm, id, name, value); err != nil {
			t.Fatal(err)
		}
	}
	const ofListener = "listener.name.client_iam.max.connections"
	set(1, "log.cleaner.backoff.ms", "15000") // the client is connected to the broker
	first, second := callerOf(t, r.seeds[0]), callerOf(t, r.seeds[0])
	first.ask()
	first.wantAnswer("the second connection of a listener that takes two")
	second.ask()
	second.wantNone("the third")
	set(1, ofListener, "3")
	second.wantAnswer("the third when the limit is three")
	third := callerOf(t, r.seeds[0])
	third.ask()
	third.wantNone("the fourth")
	first.nc.Close()
	third.wantAnswer("the fourth when another has ended")
	set(1, ofListener, "10")

	set(0, "max.connections", "2")
	second.wantClosed("the one that was silent for longest")
	third.ask()
	third.wantAnswer("the one that was not")
	fourth := callerOf(t, r.seeds[0])
	fourth.ask()
	fourth.wantNone("the third connection of a broker that takes two")
	set(1, "max.connections", "3") // a broker's own goes before what all have
	fourth.wantAnswer("the third when the broker takes three")

	set(1, "max.connections", "4")
	set(1, "max.connections.per.ip", "1")
	callerOf(t, r.seeds[0]).wantClosed("one more from this address")
	set(1, "max.connections.per.ip.overrides", "127.0.0.1:4")
	fifth := callerOf(t, r.seeds[0])
	fifth.ask()
	fifth.wantAnswer("one of four from this address")
}

// TestConnectionLimitOfALaterListener: a listener that opens on a running broker has
// its own limit.
func TestConnectionLimitOfALaterListener(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.Brokers[0].Limits.IAMConnections = 1 })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	later := cluster.Listener{
		Name: "CLIENT_IAM_PUBLIC", Net: ln, Host: "127.0.0.1", Port: int32(ln.Addr().(*net.TCPAddr).Port), Authorizer: listener.AllowAll{},
	}
	if err := r.c.SetListeners(t.Context(), 1, []cluster.Listener{later}, nil); err != nil {
		t.Fatal(err)
	}
	first, second := callerOf(t, ln.Addr().String()), callerOf(t, ln.Addr().String())
	first.ask()
	first.wantAnswer("the first connection")
	second.ask()
	second.wantNone("the second of a listener that takes one")
	first.nc.Close()
	second.wantAnswer("the second when the first has ended")
}

// TestConnectionConfigsAreChecked has Kafka's texts.
func TestConnectionConfigsAreChecked(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	adm := kadm.NewClient(r.client(t))
	for _, c := range []struct {
		id          int32
		name, value string
		want        string
	}{
		{1, "listener.name.client.max.connections", "0", "Invalid value org.apache.kafka.common.config.ConfigException: Invalid max.connections 0 for configuration Invalid dynamic configuration"},
		{1, "listener.name.client.max.connection.creation.rate", "-5", "Invalid max.connection.creation.rate -5"},
		{1, "listener.name.client.max.connections", "many", "Invalid value many for configuration max.connections: Not a number of type INT"},
		{0, "listener.name.client.max.connections", "5", "Cannot update these configs at default cluster level, broker id must be specified: Set(listener.name.client.max.connections)"},
		{1, "max.connections", "-1", "Invalid value -1 for configuration max.connections: Value must be at least 0"},
		{1, "max.connections.per.ip", "0", "requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."},
		{1, "connections.max.idle.ms", "1000", "Cannot update these configs dynamically: Set(connections.max.idle.ms)"},
	} {
		err := r.alterBroker(t, adm, c.id, c.name, c.value)
		if !errors.Is(err, kerr.InvalidRequest) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: got %v, want %s", c.name, c.value, err, c.want)
		}
	}
	if err := r.alterBroker(t, adm, 1, "listener.name.client.max.connection.creation.rate", "1000"); err != nil {
		t.Error(err)
	}
}

// TestIdleConnections: connections.max.idle.ms closes what is silent, and counts
// from the last byte either way. socket.request.max.bytes closes on what is too
// large.
func TestIdleConnections(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) {
		c.Static["connections.max.idle.ms"], c.Static["socket.request.max.bytes"] = "300", "1000"
	})
	busy, silent := callerOf(t, r.seeds[0]), callerOf(t, r.seeds[0])
	silent.ask()
	silent.wantAnswer("the first request")
	for began := time.Now(); time.Since(began) < 600*time.Millisecond; {
		busy.ask()
		busy.wantAnswer("a busy connection")
		_ = busy.answer(aMoment) // nothing comes
	}
	silent.wantClosed("a silent connection")
	large := callerOf(t, r.seeds[0])
	if _, err := large.nc.Write([]byte{0, 0, 0x10, 0}); err != nil {
		t.Fatal(err)
	}
	large.wantClosed("a request of 4096 bytes")
}
