package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
)

// fetch is one request being served. Its lists are used again by the next.
type fetch struct {
	fetchContext
	b     *Broker
	req   *kmsg.FetchRequest
	r     *listener.Request
	owner string

	img      *metadata.Image // of the last read
	rack     string          // of the client, when replicas are picked by it
	maxBytes int             // of the whole answer
	minBytes int
	found    []found       // of each part
	size     int           // bytes of records found
	spent    time.Duration // on reading
	gone     bool          // a partition that was read before is no more
	watched  []*partition.Partition
	memory   memory                 // that records are read to
	room     func(bytes int) []byte // of memory
}

// found is what one partition gave.
type found struct {
	p         *partition.Partition // nil: not to be read, see code
	meta      *metadata.Partition
	slice     partition.Slice
	code      int16
	preferred int32 // the replica to read from instead, or -1
	logSize   int64 // of the log when it was read, -1 when that tells nothing
	omit      bool  // the session's client knows it all
}

func (f *found) high() int64 {
	if f.code != 0 {
		return -1
	}
	return f.slice.HighWatermark
}

func (f *found) stable() int64 {
	if f.code != 0 {
		return -1
	}
	return f.slice.LastStable
}

func (f *found) start() int64 {
	if f.code != 0 {
		return -1
	}
	return f.slice.Start
}

// maxKeptParts is the largest fetch whose memory is used again.
const maxKeptParts = 10_000

// release gives the fetch's memory back, records that were answered included.
func (f *fetch) release() {
	b, parts, origin, found, watched := f.b, f.parts, f.origin, f.found, f.watched
	f.memory.release(&b.blocks)
	if cap(parts) > maxKeptParts {
		return
	}
	clear(parts)
	clear(origin)
	clear(found)
	clear(watched)
	*f = fetch{found: found[:0], watched: watched[:0], memory: f.memory, room: f.room}
	f.parts, f.origin = parts[:0], origin[:0]
	b.fetches.Put(f)
}

// run reads until there is enough, and parks in between, without what was read.
// It is registered once with each partition, and looks at lengths alone until a
// read is worth it.
func (f *fetch) run(ctx context.Context) {
	wait := min(time.Duration(f.req.MaxWaitMillis)*time.Millisecond, maxFetchWait)
	if f.read() || wait <= 0 {
		return
	}
	w := partition.NewWaiter()
	f.watch(w)
	defer f.unwatch(w)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for !f.ready() || !f.read() {
		f.forget()
		select {
		case <-w.C:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		f.read()
		return
	}
}

func (f *fetch) watch(w *partition.Waiter) {
	for i := range f.found {
		if p := f.found[i].p; p != nil {
			p.Watch(w)
			f.watched = append(f.watched, p)
		}
	}
}

func (f *fetch) unwatch(w *partition.Waiter) {
	for _, p := range f.watched {
		p.Unwatch(w)
	}
}

// committed reports whether the client reads only what is decided.
func (f *fetch) committed() bool { return f.req.IsolationLevel == 1 }

// ready tells whether another read may find enough, or an error, by what can be
// seen without reading.
func (f *fetch) ready() bool {
	if f.b.cfg.Image() != f.img {
		return true
	}
	size := f.size
	for i := range f.found {
		got := &f.found[i]
		if got.p == nil {
			continue
		}
		o := got.p.Offsets()
		if o.LeaderEpoch != got.slice.LeaderEpoch {
			return true
		}
		if o.Limit(f.committed()) == got.slice.Limit(f.committed()) {
			continue
		}
		if f.minBytes <= 1 || got.logSize < 0 {
			return true
		}
		size += int(min(max(got.p.Size()-got.logSize, 1), int64(f.parts[i].maxBytes)))
	}
	return size >= f.minBytes
}

// read reads every partition and reports whether the answer can go: min.bytes
// are there, or something is wrong that a read noticed. Partitions that are
// unknown or refused from the start make nobody hurry, as in Kafka. What went
// wrong because of a newer image is read again by that one, so that the answer
// and its hints are of one image.
func (f *fetch) read() (enough bool) {
	began := time.Now()
	defer func() { f.spent += time.Since(began) }()
	for {
		enough, failed := f.readAll()
		if !failed || f.b.cfg.Image() == f.img {
			return enough
		}
	}
}

// readAll reads every partition once, by the image of now.
func (f *fetch) readAll() (enough, failed bool) {
	if img := f.b.cfg.Image(); img != f.img {
		f.img = img
		f.resolve()
	}
	f.memory.release(&f.b.blocks)
	f.size = 0
	readable, hurry := 0, f.gone
	for i := range f.parts {
		got := &f.found[i]
		if got.p == nil {
			continue
		}
		readable++
		f.readPart(&f.parts[i], got)
		f.size += len(got.slice.Records)
		failed = failed || got.code != 0
		hurry = hurry || got.slice.Diverging != nil || got.preferred >= 0
	}
	return hurry || failed || readable == 0 || f.size >= f.minBytes, failed
}

// resolve finds the partitions in a new image, and the settings that rule a
// fetch.
func (f *fetch) resolve() {
	f.maxBytes = max(0, min(int(f.req.MaxBytes), f.img.FetchMaxBytes(), f.r.FetchRoom()))
	f.minBytes = min(int(f.req.MinBytes), f.maxBytes)
	f.rack = ""
	if f.req.Version >= 11 && f.img.RackAwareReads() {
		f.rack = f.req.Rack
	}
	before := f.found
	f.found = f.found[:0]
	var topic *metadata.Topic
	var code int16
	for i := range f.parts {
		in := &f.parts[i]
		if i == 0 || in.name != f.parts[i-1].name || in.key.id != f.parts[i-1].key.id {
			topic, code = f.topic(in)
		}
		got := found{code: code, preferred: -1}
		if topic != nil {
			got.find(f.b.cfg.Partitions, topic, in.key)
		}
		if i < len(before) && before[i].p != nil && before[i].p != got.p {
			f.gone = true
		}
		f.found = append(f.found, got) // over before[i]
	}
}

// topic finds a partition's topic, or nil and what to say of it.
func (f *fetch) topic(in *part) (*metadata.Topic, int16) {
	ok, asked := f.r.MayRead(in.name)
	switch {
	case in.name == "" && f.req.Version >= 13:
		return nil, kerr.UnknownTopicID.Code
	case !asked: // became known after the caller's rights were judged
		return nil, kerr.UnknownTopicOrPartition.Code
	case !ok:
		return nil, kerr.TopicAuthorizationFailed.Code
	}
	t := f.img.Topic(in.name)
	if t == nil {
		return nil, kerr.UnknownTopicOrPartition.Code
	}
	return t, 0
}

// find looks the partition up. A topic that was made anew under the name that a
// session knows is not the session's.
func (f *found) find(set *partition.Set, t *metadata.Topic, key partKey) {
	p, ok := set.Get(t.ID, key.index)
	switch {
	case !ok || int(key.index) >= len(t.Partitions):
		f.code = kerr.UnknownTopicOrPartition.Code
	case key.topic == "" && key.id != t.ID:
		f.code = kerr.InconsistentTopicID.Code
	default:
		f.p, f.meta = p, &t.Partitions[key.index]
	}
}

// readPart reads one partition within what is left of the answer; the first
// with data gives one batch at least (KIP-74).
func (f *fetch) readPart(in *part, got *found) {
	got.code, got.preferred, got.logSize = 0, f.elsewhere(in, got), -1
	r := partition.Read{
		Broker: f.b.cfg.ID, ClientEpoch: in.leaderEpoch, LeaderOnly: f.req.Version < 11,
		Offset: in.offset, LastEpoch: in.lastEpoch, MaxBytes: min(int(in.maxBytes), f.maxBytes-f.size), AtLeastOne: f.size == 0,
		Committed: f.committed(), Room: f.room,
	}
	if got.preferred >= 0 { // the client reads there: here are no records (KIP-392)
		r.LastEpoch, r.MaxBytes, r.AtLeastOne = -1, 0, false
	}
	if f.minBytes > 1 {
		got.logSize = got.p.Size()
	}
	var err error
	if got.slice, err = got.p.Fetch(r); err != nil {
		got.slice.Records, got.slice.Aborted, got.slice.Diverging, got.preferred = nil, nil, nil, -1
		got.code = f.code(err)
		return
	}
	if got.slice.End != got.slice.Limit(f.committed()) {
		got.logSize = -1 // some of it may not be read yet
	}
	if f.req.Version < 10 && got.p.Compression() == "zstd" { // KIP-110
		got.slice.Records, got.code = nil, kerr.UnsupportedCompressionType.Code
	}
}

// elsewhere is the replica that the client should read the partition from, or
// -1 for this one. Followers are at the leader's end, since they share its log.
func (f *fetch) elsewhere(in *part, got *found) int32 {
	if f.rack == "" || got.meta.Leader != f.b.cfg.ID {
		return -1
	}
	if o := got.p.Offsets(); in.offset < o.Start || in.offset > o.End {
		return -1
	}
	return preferredReplica(f.img, got.meta, f.rack, f.r.Session.Listener)
}

func (f *fetch) code(err error) int16 {
	code := f.b.code("fetch", err)
	if code == kerr.KafkaStorageError.Code && f.req.Version <= 5 {
		return kerr.NotLeaderForPartition.Code // which such clients know, as in Kafka
	}
	return code
}
