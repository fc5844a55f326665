package cluster_test

import (
	"context"
	"flag"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/vfs"
)

var (
	churned  = flag.Int("churned", 3000, "topics to make and delete, and offsets to commit")
	cutTimes = flag.Int("metadata-images", 40, "power cuts of a metadata log that is being compacted")
)

// bytesOf is the size of the logs below a directory whose names begin so.
func bytesOf(t *testing.T, disk vfs.FS, prefix string) (bytes int64) {
	t.Helper()
	dirs, err := disk.ReadDir("/cluster")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !strings.HasPrefix(d.Name(), prefix) {
			continue
		}
		files, err := disk.ReadDir(path.Join("/cluster", d.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			var info fs.FileInfo
			if info, err = f.Info(); err == nil { // else compaction took it meanwhile
				bytes += info.Size()
			}
		}
	}
	return bytes
}

// waitSmall waits until logs have become smaller than most.
func waitSmall(t *testing.T, disk vfs.FS, prefix string, most int64) (bytes int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if bytes = bytesOf(t, disk, prefix); bytes < most {
			return bytes
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s takes %d bytes, more than %d", prefix, bytes, most)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestMetadataLogStaysSmall: topics that are made and deleted leave nothing but
// what is written between two compactions, and a start reads no more.
func TestMetadataLogStaysSmall(t *testing.T) {
	disk := vfs.NewMemory()
	const segment, perRequest = 64 << 10, 100
	small := func(c *cluster.Config) { c.MetadataSegment = segment }
	r := open(t, disk, small)
	if err := r.create(t, "kept", 3, map[string]string{"retention.ms": "12345"}); err != nil {
		t.Fatal(err)
	}
	adm := kadm.NewClient(r.client(t))
	names := make([]string, perRequest)
	for n := 0; n < *churned; n += perRequest {
		for i := range names {
			names[i] = "t" + strconv.Itoa(n+i)
		}
		made, err := adm.CreateTopics(t.Context(), 1, -1, nil, names...)
		if err = firstOf(err, made.Error()); err != nil {
			t.Fatal(err)
		}
		gone, err := adm.DeleteTopics(t.Context(), names...)
		if err = firstOf(err, gone.Error()); err != nil {
			t.Fatal(err)
		}
	}
	const most = 4 * segment
	left := waitSmall(t, disk, "__cluster_metadata", most)
	r.close(t)
	began := time.Now()
	r = open(t, disk, small)
	t.Logf("%d topics made and deleted: %d bytes of metadata are left; opened in %v", *churned, left, time.Since(began))
	topics, err := kadm.NewClient(r.client(t)).ListTopics(t.Context())
	if err != nil || !slices.Equal(topics.Names(), []string{"kept"}) || len(topics["kept"].Partitions) != 3 {
		t.Errorf("after %d topics: %v, %v", *churned, topics, err)
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestMetadataLogCompactedOverPowerCuts: whatever a power cut leaves of a log
// that is being compacted, what was answered is there.
func TestMetadataLogCompactedOverPowerCuts(t *testing.T) {
	disk := vfs.NewMemory()
	small := func(c *cluster.Config) { c.MetadataSegment, c.Static["log.cleaner.backoff.ms"] = 3000, "1" }
	r := open(t, disk, small)
	adm := kadm.NewClient(r.client(t))
	want := map[string]string{} // retention.ms of each topic
	change := func(n int) {
		name, value := "t"+strconv.Itoa(n%7), strconv.Itoa(1000+n)
		var err error
		switch _, exists := want[name]; {
		case !exists:
			_, err = adm.CreateTopic(t.Context(), 2, -1, map[string]*string{"retention.ms": &value}, name)
			want[name] = value
		case n%5 == 0:
			_, err = adm.DeleteTopic(t.Context(), name)
			delete(want, name)
		default:
			_, err = adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &value}}, name)
			want[name] = value
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for cut := range *cutTimes {
		for n := range 11 {
			change(cut*11 + n)
		}
		image := disk.Crash(int64(cut))
		promised := maps.Clone(want)
		if cut%2 == 0 {
			change(cut*11 + 11) // the image is of before it
		}
		after := open(t, image, small)
		got := map[string]string{}
		for _, topic := range after.c.Image().Topics() {
			got[topic.Name] = topic.Configs["retention.ms"]
		}
		if !maps.Equal(got, promised) {
			t.Fatalf("cut %d: got %v, want %v", cut, got, promised)
		}
		after.close(t)
	}
	if bytes := waitSmall(t, disk, "__cluster_metadata", 12_000); bytes == 0 {
		t.Error("there is no log")
	}
}

// TestOffsetsLogStaysSmall: what groups commit over and over is compacted.
func TestOffsetsLogStaysSmall(t *testing.T) {
	disk := vfs.NewMemory()
	const segment = 1 << 20
	small := func(c *cluster.Config) {
		c.Static["offsets.topic.segment.bytes"], c.Static["offsets.topic.num.partitions"] = strconv.Itoa(segment), "1"
	}
	r := open(t, disk, small)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t, kgo.RetryTimeout(time.Minute))
	for n := range *churned {
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: "t", At: int64(n), LeaderEpoch: -1, Metadata: strings.Repeat("m", 2000)})
		if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), "g"+strconv.Itoa(n%10), offsets); err != nil {
			t.Fatal(err)
		}
	}
	left := waitSmall(t, disk, "__consumer_offsets", 2*segment+segment/2)
	r.close(t)
	began := time.Now()
	r = open(t, disk, small)
	adm := kadm.NewClient(r.client(t))
	for g := range 10 {
		got, err := adm.FetchOffsets(t.Context(), "g"+strconv.Itoa(g))
		if o, _ := got.Lookup("t", 0); err != nil || int(o.At) != *churned-10+g {
			t.Errorf("group %d: %v, %v", g, o.At, err)
		}
	}
	t.Logf("%d commits: %d bytes of offsets are left; opened and read in %v", *churned, left, time.Since(began))
}

// TestTransactionsLogStaysSmall: so is what transactional ids go through.
func TestTransactionsLogStaysSmall(t *testing.T) {
	disk := vfs.NewMemory()
	const segment = 1 << 20
	small := func(c *cluster.Config) {
		c.Static["transaction.state.log.segment.bytes"], c.Static["transaction.state.log.num.partitions"] = strconv.Itoa(segment), "1"
	}
	r := open(t, disk, small)
	cl := r.client(t)
	var ids [10]int64
	var epoch int16
	for n := range *churned {
		ids[n%10], epoch = initialize(t, cl, strings.Repeat("x", 2000)+strconv.Itoa(n%10))
	}
	left := waitSmall(t, disk, "__transaction_state", 2*segment+segment/2)
	r.close(t)
	r = open(t, disk, small)
	id, next := initialize(t, r.client(t), strings.Repeat("x", 2000)+"9")
	if id != ids[9] || next != epoch+1 {
		t.Errorf("producer %d epoch %d after %d epoch %d", id, next, ids[9], epoch)
	}
	t.Logf("%d transactional ids were begun: %d bytes are left", *churned, left)
}

// TestSegmentsRollByConfig: of an index that is full, and earlier than segment.ms by
// some of the jitter.
func TestSegmentsRollByConfig(t *testing.T) {
	disk := vfs.NewMemory()
	r := open(t, disk, nil)
	adm := kadm.NewClient(r.client(t))
	for name, value := range map[string]string{"log.index.size.max.bytes": "40", "log.roll.jitter.ms": "3600000"} {
		if err := r.alterBroker(t, adm, 0, name, value); err != nil {
			t.Fatal(err)
		}
	}
	hour := map[string]string{"segment.ms": "3600000", "segment.index.bytes": "1000000"}
	for topic, c := range map[string]struct {
		configs  map[string]string
		apart    time.Duration
		segments int
	}{
		"indexed": {map[string]string{"index.interval.bytes": "0"}, 0, 2}, // five entries, and the first batch, which has none
		"jittery": {hour, time.Hour - time.Millisecond, 12},
	} {
		if err := r.create(t, topic, 1, c.configs); err != nil {
			t.Fatal(err)
		}
		cl := r.client(t)
		stamp := time.Now().Add(-24 * time.Hour)
		for range 12 {
			if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Timestamp: stamp}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			stamp = stamp.Add(c.apart)
		}
		files, err := disk.ReadDir("/cluster/" + topic + "-0")
		if err != nil {
			t.Fatal(err)
		}
		segments := 0
		for _, f := range files {
			if strings.HasSuffix(f.Name(), ".log") {
				segments++
			}
		}
		if segments != c.segments {
			t.Errorf("%s has %d segments, want %d", topic, segments, c.segments)
		}
	}
}

// TestCleanerConfigsActAtOnce: a cleaner that would rest for an hour goes to work
// when it is told to.
func TestCleanerConfigsActAtOnce(t *testing.T) {
	disk := vfs.NewMemory()
	r := open(t, disk, func(c *cluster.Config) { c.Static["log.cleaner.backoff.ms"] = "3600000" })
	if err := r.create(t, "c", 1, map[string]string{"cleanup.policy": "compact", "internal.segment.bytes": "1000", "min.cleanable.dirty.ratio": "0"}); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t)
	for range 100 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "c", Key: []byte("k"), Value: make([]byte, 500)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	adm := kadm.NewClient(cl)
	for name, value := range map[string]string{"log.cleaner.io.max.bytes.per.second": "1e9", "log.cleaner.dedupe.buffer.size": "2097152", "log.cleaner.threads": "2"} {
		if err := r.alterBroker(t, adm, 0, name, value); err != nil {
			t.Fatal(err)
		}
	}
	before := bytesOf(t, disk, "c-0")
	if err := r.alterBroker(t, adm, 0, "log.cleaner.backoff.ms", "0"); err != nil {
		t.Fatal(err)
	}
	waitSmall(t, disk, "c-0", before/2)
}
