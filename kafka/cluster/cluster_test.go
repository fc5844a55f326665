package cluster_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/vfs"
)

// running is a three-broker cluster that a real client has open.
type running struct {
	c     *cluster.Cluster
	seeds []string
}

func open(t *testing.T, fs vfs.FS, change func(*cluster.Config)) *running {
	t.Helper()
	r := &running{}
	cfg := cluster.Config{
		Dir: "/cluster", FS: fs, ClusterID: "a-cluster", KafkaVersion: "4.1.x.kraft", Region: "us-east-1",
		Static: map[string]string{"min.insync.replicas": "2", "default.replication.factor": "3", "auto.create.topics.enable": "false",
			"log.retention.check.interval.ms": "10", "log.cleaner.backoff.ms": "10"},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for id := int32(1); id <= 3; id++ {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r.seeds = append(r.seeds, ln.Addr().String())
		cfg.Brokers = append(cfg.Brokers, cluster.Broker{ID: id, Rack: "az" + strconv.Itoa(int(id)), Listeners: []cluster.Listener{{
			Name: "CLIENT", Net: ln, Host: "127.0.0.1", Port: int32(ln.Addr().(*net.TCPAddr).Port), Authorizer: listener.AllowAll{},
		}}})
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if r.c, err = cluster.Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.c != nil {
			r.c.Close()
		}
	})
	return r
}

func (r *running) close(t *testing.T) {
	t.Helper()
	if err := r.c.Close(); err != nil {
		t.Error(err)
	}
	r.c = nil
}

func (r *running) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.seeds...), kgo.RetryTimeout(10 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func (r *running) create(t *testing.T, topic string, partitions int32, configs map[string]string) error {
	t.Helper()
	set := make(map[string]*string)
	for k, v := range configs {
		set[k] = &v
	}
	_, err := kadm.NewClient(r.client(t)).CreateTopic(t.Context(), partitions, -1, set, topic)
	return err
}

func (r *running) produce(t *testing.T, topic string, values ...string) {
	t.Helper()
	cl := r.client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i, v := range values {
		rec := kgo.StringRecord(v)
		rec.Timestamp = time.UnixMilli(time.Now().UnixMilli()/1000*1000 + int64(i))
		if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecordsTopicsAndOffsetsOutliveAClose(t *testing.T) {
	disk := vfs.NewMemory()
	r := open(t, disk, nil)
	if err := r.create(t, "t", 1, map[string]string{"retention.ms": "86400000"}); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "t", "a", "b", "c")
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 2, -1)
	if err := kadm.NewClient(r.client(t)).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	r.close(t)

	r = open(t, disk, nil)
	cl := r.client(t, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	got := ""
	for len(got) < 3 {
		f := cl.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(rec *kgo.Record) { got += string(rec.Value) })
	}
	admin := kadm.NewClient(cl)
	back, err := admin.FetchOffsets(t.Context(), "g")
	if o, ok := back.Lookup("t", 0); err != nil || !ok || o.At != 2 || got != "abc" {
		t.Errorf("records %q, committed %+v, %v; want abc and 2", got, o, err)
	}
	configs, err := admin.DescribeTopicConfigs(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == "retention.ms" && c.MaybeValue() != "86400000" {
			t.Errorf("retention.ms is %s", c.MaybeValue())
		}
	}
}

func TestPositions(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "t", "a", "b", "c", "d")
	admin := kadm.NewClient(r.client(t))
	second := time.Now().UnixMilli() / 1000 * 1000
	at := func(list kadm.ListedOffsets, err error) int64 {
		t.Helper()
		o, ok := list.Lookup("t", 0)
		if err != nil || !ok || o.Err != nil {
			t.Fatalf("%+v, %v", o, err)
		}
		return o.Offset
	}
	if got := at(admin.ListEndOffsets(t.Context(), "t")); got != 4 {
		t.Errorf("the end is %d, want 4", got)
	}
	if got := at(admin.ListMaxTimestampOffsets(t.Context(), "t")); got != 3 {
		t.Errorf("the latest record is at %d, want 3", got)
	}
	if got := at(admin.ListOffsetsAfterMilli(t.Context(), second+3_600_000, "t")); got != 4 {
		t.Errorf("a time after all records gives %d, want the end", got)
	}
	var before kadm.Offsets
	before.AddOffset("t", 0, 3, -1)
	if _, err := admin.DeleteRecords(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if got := at(admin.ListStartOffsets(t.Context(), "t")); got != 3 {
		t.Errorf("after DeleteRecords the start is %d, want 3", got)
	}
	before.AddOffset("t", 0, 99, -1)
	deleted, err := admin.DeleteRecords(t.Context(), before)
	if d, ok := deleted.Lookup("t", 0); err == nil && (!ok || !errors.Is(d.Err, kerr.OffsetOutOfRange)) {
		t.Errorf("deleting beyond the end: %+v, %v", d, err)
	}
	cl := r.client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().At(1)}}), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err := cl.PollFetches(t.Context()).Err(); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("fetching below the start: %v", err)
	}
}

func TestRetentionActs(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "old", 1, map[string]string{"retention.ms": "1"}); err != nil {
		t.Fatal(err)
	}
	if err := r.create(t, "large", 1, map[string]string{"internal.segment.bytes": "200", "retention.bytes": "300"}); err != nil {
		t.Fatal(err)
	}
	if err := r.create(t, "timeless", 1, map[string]string{"retention.ms": "1"}); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "old", "a", "b")
	if err := r.client(t).ProduceSync(t.Context(), &kgo.Record{Topic: "timeless", Timestamp: time.UnixMilli(-1)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "large", strings.Split(strings.Repeat("x", 20), "")...)
	admin := kadm.NewClient(r.client(t))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for topic, atLeast := range map[string]int64{"old": 2, "timeless": 1, "large": 10} {
		for {
			starts, err := admin.ListStartOffsets(ctx, topic)
			if err != nil {
				t.Fatalf("retention of %s did not act: %v", topic, err)
			}
			if o, _ := starts.Lookup(topic, 0); o.Offset >= atLeast {
				break
			}
		}
	}
}

// TestCompactionActs writes few keys often to a compacted topic: a consumer from
// the beginning soon sees the last record of each, at its own offset.
//
// Works: log compaction, with tombstones, transactions and delete horizons
func TestCompactionActs(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "c", 1, map[string]string{"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0"}); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t, kgo.DefaultProduceTopic("c"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	const rounds, keys = 30, 4
	for i := range rounds {
		for k := range keys {
			rec := kgo.KeyStringRecord(strconv.Itoa(k), strconv.Itoa(i)+strings.Repeat(".", 20<<10))
			if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("no key")).FirstErr(); !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("a record without a key: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for seen := rounds * keys; seen >= rounds*keys/2; {
		seen = 0
		last := map[string]int64{}
		reader := r.client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"c": {0: kgo.NewOffset().AtStart()}}))
		for at := int64(-1); at < rounds*keys-1; {
			fetches := reader.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatalf("after %d records: %v", seen, err)
			}
			fetches.EachRecord(func(rec *kgo.Record) {
				seen++
				at = rec.Offset
				last[string(rec.Key)] = rec.Offset
			})
		}
		reader.Close()
		for k := range int64(keys) {
			if got := last[strconv.FormatInt(k, 10)]; got != (rounds-1)*keys+k {
				t.Fatalf("the last record of key %d is at %d", k, got)
			}
		}
	}
}

// TestCompressionLevels: what a topic stores with a codec of its own is as small as
// its level makes it (KIP-390), which may be changed for all topics.
func TestCompressionLevels(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	words, text := strings.Fields("what a topic stores with a codec of its own is as small as its level makes it"), strings.Builder{}
	for i, n := 0, 1; i < 10_000; i++ {
		n = n * 48271 % 2147483647
		text.WriteString(words[n%len(words)] + " ")
	}
	stored := func(topic string, configs map[string]string) int64 {
		t.Helper()
		if err := r.create(t, topic, 1, configs); err != nil {
			t.Fatal(err)
		}
		r.produce(t, topic, text.String())
		dirs, err := kadm.NewClient(r.client(t)).DescribeAllLogDirs(t.Context(), kadm.TopicsSet{topic: {0: {}}})
		if err != nil {
			t.Fatal(err)
		}
		return dirs[1].Size()
	}
	fast := stored("fast", map[string]string{"compression.type": "gzip", "compression.gzip.level": "1"})
	small := stored("small", map[string]string{"compression.type": "gzip", "compression.gzip.level": "9"})
	if err := r.alterBroker(t, kadm.NewClient(r.client(t)), 0, "compression.gzip.level", "1"); err != nil {
		t.Fatal(err)
	}
	asAll := stored("all", map[string]string{"compression.type": "gzip"})
	if small >= fast || asAll != fast || small == 0 {
		t.Errorf("%d bytes at level 1, %d at level 9, %d as all brokers have it", fast, small, asAll)
	}
}

func TestRefusals(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, map[string]string{"max.message.bytes": "500"}); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t, kgo.DefaultProduceTopic("t"), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordRetries(0))
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord(strings.Repeat("x", 600))).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a record over max.message.bytes: %v", err)
	}
	missing := r.client(t, kgo.DefaultProduceTopic("nowhere"), kgo.UnknownTopicRetries(0))
	if err := missing.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("a topic that is not there: %v", err)
	}
}

// TestDescribeProducers asks every replica about a producer and about what is
// not there.
func TestDescribeProducers(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "t", "a", "b")
	admin := kadm.NewClient(r.client(t))
	found, err := admin.DescribeProducers(t.Context(), kadm.TopicsSet{"t": {0: {}}})
	if err != nil {
		t.Fatal(err)
	}
	var list []kadm.DescribedProducer
	found.EachProducer(func(p kadm.DescribedProducer) { list = append(list, p) })
	if len(list) != 1 || list[0].Leader < 1 || list[0].LastSequence != 1 || list[0].CoordinatorEpoch != -1 || list[0].CurrentTxnStartOffset != -1 {
		t.Fatalf("producers %+v", list)
	}
	req := kmsg.NewPtrDescribeProducersRequest()
	for _, topic := range []string{"t", "absent", "not/valid"} {
		in := kmsg.NewDescribeProducersRequestTopic()
		in.Topic, in.Partitions = topic, []int32{0, 7}
		req.Topics = append(req.Topics, in)
	}
	for id := range 3 {
		resp, err := req.RequestWith(t.Context(), r.client(t).Broker(id+1))
		if err != nil {
			t.Fatal(err)
		}
		if text := resp.Topics[2].Partitions[0].ErrorMessage; text == nil || *text != "Topic name is invalid: 'not/valid' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'" {
			t.Errorf("broker %d says of an invalid name %q", id+1, *text)
		}
		var codes []int16
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				codes = append(codes, p.ErrorCode)
			}
		}
		if want := []int16{0, 3, 3, 3, 17, 17}; !slices.Equal(codes, want) {
			t.Errorf("broker %d: errors %v, want %v", id+1, codes, want)
		}
	}
	req.Topics = req.Topics[:1]
	for id := range 3 {
		resp, err := req.RequestWith(t.Context(), r.client(t).Broker(id+1))
		if err != nil {
			t.Fatal(err)
		}
		if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 || len(p.ActiveProducers) != 1 {
			t.Errorf("replica %d: %+v", id+1, p)
		}
	}
	offsets, err := admin.ListCommittedOffsets(t.Context(), "t")
	if o, ok := offsets.Lookup("t", 0); err != nil || !ok || o.Offset != 2 {
		t.Errorf("the stable end is %+v, %v; want 2", o, err)
	}
}

// TestReadCommittedGetsAList: null is for those who did not ask.
func TestReadCommittedGetsAList(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "t", "a", "b")
	for level := range int8(2) {
		for id := range 3 {
			req := kmsg.NewPtrFetchRequest()
			req.Version, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = 12, 1<<20, level, -1
			in, part := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
			part.PartitionMaxBytes = 1 << 20
			in.Topic, in.Partitions = "t", append(in.Partitions, part)
			req.Topics = append(req.Topics, in)
			resp, err := req.RequestWith(t.Context(), r.client(t, kgo.MaxVersions(kversion.V3_0_0())).Broker(id+1))
			if err != nil {
				t.Fatal(err)
			}
			p := resp.Topics[0].Partitions[0]
			if p.ErrorCode == 0 && ((p.AbortedTransactions == nil) != (level == 0) || p.LastStableOffset != 2 || len(p.RecordBatches) == 0) {
				t.Errorf("level %d: %+v", level, p)
			}
		}
	}
}

func TestAcks(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 3, nil); err != nil {
		t.Fatal(err)
	}
	for _, acks := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
		opts := []kgo.Opt{kgo.DefaultProduceTopic("t"), kgo.RequiredAcks(acks)}
		if acks != kgo.AllISRAcks() {
			opts = append(opts, kgo.DisableIdempotentWrite())
		}
		cl := r.client(t, opts...)
		for range 10 {
			if err := cl.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
				t.Errorf("acks %v: %v", acks, err)
			}
		}
	}
	cl := r.client(t, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for n := 0; n < 30; {
		f := cl.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		n += f.NumRecords()
	}
}

func TestAnOldVersionAdvertisesLess(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.KafkaVersion = "2.8.1" })
	versions, err := kadm.NewClient(r.client(t)).ApiVersions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		if _, has := v.KeyMaxVersion(75); has {
			t.Error("a 2.8.1 broker advertises DescribeTopicPartitions")
		}
		if high, _ := v.KeyMaxVersion(1); high != 12 {
			t.Errorf("a 2.8.1 broker advertises Fetch up to %d, want 12", high)
		}
	}
}

func TestServerlessTopicRules(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.Serverless = true })
	if err := r.create(t, "t", 1, map[string]string{"segment.bytes": "1000"}); !errors.Is(err, kerr.InvalidRequest) {
		t.Errorf("a config that serverless does not have: %v", err)
	}
	if err := r.create(t, "t", 1, map[string]string{"retention.ms": "-1"}); err != nil {
		t.Errorf("a config that it has: %v", err)
	}
}

// TestInternalTopicsAsConfigured: coordinators live on as many partitions as the
// brokers' configs give their topics, also after a restart with other configs.
func TestInternalTopicsAsConfigured(t *testing.T) {
	disk := vfs.NewMemory()
	few := func(n string) func(*cluster.Config) {
		return func(c *cluster.Config) {
			c.Static["offsets.topic.num.partitions"], c.Static["transaction.state.log.num.partitions"] = n, n
		}
	}
	r := open(t, disk, few("3"))
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"3", "7"} {
		for i := range 8 {
			cl := r.client(t, kgo.TransactionalID("tx"+strconv.Itoa(i)), kgo.DefaultProduceTopic("t"))
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := cl.ProduceSync(t.Context(), kgo.StringRecord(n)).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
				t.Fatal(err)
			}
			var offsets kadm.Offsets
			offsets.Add(kadm.Offset{Topic: "t", At: int64(i), LeaderEpoch: -1})
			if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), "g"+strconv.Itoa(i), offsets); err != nil {
				t.Fatal(err)
			}
		}
		r.close(t)
		r = open(t, disk, few("7"))
	}
	admin := kadm.NewClient(r.client(t))
	topics, err := admin.ListTopicsWithInternal(t.Context(), "__consumer_offsets", "__transaction_state")
	if err != nil || len(topics["__consumer_offsets"].Partitions) != 3 || len(topics["__transaction_state"].Partitions) != 3 {
		t.Errorf("internal topics: %v, %v", topics, err)
	}
	for i := range 8 {
		got, err := admin.FetchOffsets(t.Context(), "g"+strconv.Itoa(i))
		if o, _ := got.Lookup("t", 0); err != nil || o.At != int64(i) {
			t.Errorf("group %d: %v, %v", i, o.At, err)
		}
	}
}
