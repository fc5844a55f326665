package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/vfs"
)

// bound is a plaintext listener on a free port.
func bound(t *testing.T, name string) cluster.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return cluster.Listener{Name: name, Net: ln, Host: "127.0.0.1", Port: int32(ln.Addr().(*net.TCPAddr).Port), Authorizer: listener.AllowAll{}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestBrokersComeAndGo: a fourth broker is registered and can be given
// partitions; it leaves only when it has none, and what it had of internal
// topics is with the others.
func TestBrokersComeAndGo(t *testing.T) {
	fs := vfs.NewMemory()
	r := open(t, fs, nil)
	l := bound(t, "CLIENT")
	must(t, r.c.AddBroker(t.Context(), cluster.Broker{ID: 4, Rack: "az1", Listeners: []cluster.Listener{l}}))
	adm := kadm.NewClient(r.client(t))
	r.assigned(t, "t", nil, 1, 2, 3)
	var move kadm.AlterPartitionAssignmentsReq
	move.Assign("t", 0, []int32{4, 2, 3})
	if out, err := adm.AlterPartitionAssignments(t.Context(), move); err != nil || out.Error() != nil {
		t.Fatal(err, out.Error())
	}
	cl := r.client(t, kgo.DefaultProduceTopic("t"), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(t, cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr())
	if f := cl.PollFetches(t.Context()); f.NumRecords() != 1 { // __consumer_offsets is there from now on
		t.Fatal(f.Err())
	}
	must(t, cl.CommitUncommittedOffsets(t.Context()))

	var held *metadata.HeldError
	if err := r.c.RemoveBrokers(t.Context(), 4); !errors.As(err, &held) || held.Topic != "t" {
		t.Errorf("a broker that holds a partition: %v", err)
	}
	move = kadm.AlterPartitionAssignmentsReq{}
	move.Assign("t", 0, []int32{1, 2, 3})
	if out, err := adm.AlterPartitionAssignments(t.Context(), move); err != nil || out.Error() != nil {
		t.Fatal(err, out.Error())
	}
	wait(t, r, func(i *metadata.Image) bool {
		return i.Replicas()[4].OfClients == 0
	})
	must(t, r.c.RemoveBrokers(t.Context(), 4))
	must(t, r.c.RemoveBrokers(t.Context(), 4)) // gone already
	if err := r.c.RemoveBrokers(t.Context(), 1, 2, 3); !errors.Is(err, cluster.ErrNeeded) {
		t.Errorf("all brokers were removed: %v", err)
	}
	if conn, err := net.Dial("tcp", l.Net.Addr().String()); err == nil {
		conn.Close()
		t.Error("a removed broker accepts connections")
	}
	for _, topic := range []string{"t", "__consumer_offsets"} {
		for i, p := range r.c.Image().Topic(topic).Partitions {
			if slices.Contains(p.Replicas, 4) || len(p.Replicas) != 3 || len(p.ISR) != 3 {
				t.Errorf("%s-%d: %+v", topic, i, p)
			}
		}
	}
	offsets, err := kadm.NewClient(r.client(t)).FetchOffsets(t.Context(), "g")
	if o, ok := offsets.Lookup("t", 0); err != nil || !ok || o.At != 1 {
		t.Errorf("the group's offset: %+v, %v", o, err)
	}
}

// TestTheControllerGoes: Express brokers take the place of all others, the
// controller among them. What was acknowledged before stays, what comes after is
// taken, and both are there when the cluster opens without the brokers that went.
func TestTheControllerGoes(t *testing.T) {
	fs := vfs.NewMemory()
	r := open(t, fs, nil)
	r.assigned(t, "t", nil, 1, 2, 3)
	cl := r.client(t, kgo.DefaultProduceTopic("t"))
	must(t, cl.ProduceSync(t.Context(), kgo.StringRecord("before")).FirstErr())
	express := func(id int32) cluster.Broker {
		return cluster.Broker{ID: id, Rack: fmt.Sprint("az", id-3), Listeners: []cluster.Listener{bound(t, "CLIENT")}, Express: true}
	}
	var seeds []string
	for id := int32(4); id <= 6; id++ {
		b := express(id)
		seeds = append(seeds, b.Listeners[0].Net.Addr().String())
		must(t, r.c.AddBroker(t.Context(), b))
	}
	adm := kadm.NewClient(r.client(t, kgo.SeedBrokers(seeds...)))
	made, err := adm.CreateTopic(t.Context(), 1, 1, nil, "new")
	if err != nil || made.ReplicationFactor != 3 {
		t.Fatalf("a topic of a mixed cluster: %+v, %v", made, err)
	}
	var move kadm.AlterPartitionAssignmentsReq
	move.Assign("t", 0, []int32{4, 5, 6})
	if out, err := adm.AlterPartitionAssignments(t.Context(), move); err != nil || out.Error() != nil {
		t.Fatal(err, out.Error())
	}
	wait(t, r, func(i *metadata.Image) bool { return i.Replicas()[1].All+i.Replicas()[2].All+i.Replicas()[3].All == 0 })
	must(t, r.c.RemoveBrokers(t.Context(), 1, 2, 3))
	if got := r.c.Image().Controller(); got != 4 {
		t.Errorf("the controller is %d", got)
	}
	late := r.client(t, kgo.SeedBrokers(seeds...), kgo.DefaultProduceTopic("t"))
	must(t, late.ProduceSync(t.Context(), kgo.StringRecord("after")).FirstErr())
	r.close(t)
	again := open(t, fs, func(cfg *cluster.Config) {
		for i := range cfg.Brokers {
			cfg.Brokers[i].ID, cfg.Brokers[i].Express = int32(4+i), true
		}
	})
	reader := again.client(t, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for read := 0; read < 2; {
		f := reader.PollFetches(t.Context())
		must(t, f.Err())
		read += f.NumRecords()
	}
}

// wait waits until the cluster's image is right.
func wait(t *testing.T, r *running, right func(*metadata.Image) bool) {
	t.Helper()
	for !right(r.c.Image()) {
		if t.Context().Err() != nil {
			t.Fatal("it does not come")
		}
		must(t, r.c.FenceBroker(t.Context(), 3)) // a round through the metadata
		must(t, r.c.UnfenceBroker(t.Context(), 3))
	}
}

// TestABrokerGoneWhileClosed: a cluster that opens without a broker has moved
// what that one held of internal topics.
func TestABrokerGoneWhileClosed(t *testing.T) {
	fs := vfs.NewMemory()
	fourth := func(c *cluster.Config) {
		c.Brokers = append(c.Brokers, cluster.Broker{ID: 4, Rack: "az1", Listeners: []cluster.Listener{bound(t, "CLIENT")}})
	}
	r := open(t, fs, fourth)
	cl := r.client(t, kgo.ConsumerGroup("g"))
	adm := kadm.NewClient(cl)
	r.assigned(t, "t", nil, 1, 2, 3)
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 2, -1)
	must(t, adm.CommitAllOffsets(t.Context(), "g", offsets)) // makes __consumer_offsets
	if r.c.Image().Replicas()[4].All == 0 {
		t.Fatal("broker 4 holds nothing of __consumer_offsets")
	}
	cl.Close()
	r.close(t)
	r = open(t, fs, nil)
	all := r.c.Image().Replicas()
	if all[4].All != 0 || len(r.c.Image().Brokers) != 3 {
		t.Errorf("what the brokers hold: %v", all)
	}
}

// TestListenersOpenAndClose: a listener more, one less, and the clients of the
// others stay connected.
func TestListenersOpenAndClose(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	stays, err := net.Dial("tcp", r.seeds[0])
	must(t, err)
	defer stays.Close()
	l := bound(t, "CLIENT_SECOND")
	must(t, r.c.SetListeners(t.Context(), 1, []cluster.Listener{l}, nil))
	at, err := kgo.NewClient(kgo.SeedBrokers(l.Net.Addr().String()))
	must(t, err)
	defer at.Close()
	brokers, err := kadm.NewClient(at).ListBrokers(t.Context())
	if err != nil || len(brokers) != 1 || brokers[0].Port != l.Port {
		t.Errorf("through the new listener: %v, %v", brokers, err)
	}
	must(t, r.c.SetListeners(t.Context(), 1, nil, []string{"CLIENT_SECOND"}))
	if conn, err := net.Dial("tcp", l.Net.Addr().String()); err == nil {
		conn.Close()
		t.Error("a closed listener accepts connections")
	}
	if _, ok := r.c.Image().Broker(1).Listeners["CLIENT_SECOND"]; ok {
		t.Error("the metadata tells of a closed listener")
	}
	req := kmsg.NewPtrApiVersionsRequest()
	frame := req.AppendTo([]byte{0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 7, 255, 255})
	frame[3] = byte(len(frame) - 4)
	_, err = stays.Write(frame)
	must(t, err)
	if _, err := stays.Read(make([]byte, 8)); err != nil {
		t.Errorf("a connection to another listener: %v", err)
	}
}

// TestSoftwareOfOneBroker: a broker that starts again has another
// server.properties and another version; the others do not.
func TestSoftwareOfOneBroker(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.KafkaVersion = "3.9.x.kraft" })
	told := func(broker int32) string {
		adm := kadm.NewClient(r.client(t))
		configs, err := adm.DescribeBrokerConfigs(t.Context(), broker)
		must(t, err)
		value := ""
		for _, c := range configs[0].Configs {
			if c.Key == "num.io.threads" {
				value = c.MaybeValue() + " " + c.Source.String()
			}
		}
		versions, err := adm.ApiVersions(t.Context())
		must(t, err)
		v := versions[broker]
		_, newest, _ := v.KeyVersions(0) // of Produce
		return value + " produce " + strconv.Itoa(int(newest))
	}
	old := told(1)
	must(t, r.c.RestartBroker(t.Context(), 1, cluster.Software{KafkaVersion: "4.1.x.kraft", Static: map[string]string{"num.io.threads": "16"}}))
	expect(t, "broker 1", told(1), "16 STATIC_BROKER_CONFIG produce 13")
	expect(t, "broker 2", told(2), old)
	must(t, r.c.Reconfigure(t.Context(), 2, map[string]string{"num.io.threads": "4"}))
	expect(t, "broker 2, configured while it runs", fmt.Sprint(told(2)), "4 STATIC_BROKER_CONFIG produce "+old[len(old)-2:])
	before := r.c.Image().Level("metadata.version")
	must(t, r.c.SetFeatures(context.Background(), "4.1.x.kraft"))
	if now := r.c.Image().Level("metadata.version"); now <= before {
		t.Errorf("metadata.version was %d and is %d", before, now)
	}
}
