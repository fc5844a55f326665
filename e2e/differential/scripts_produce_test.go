//go:build e2e

package differential

import (
	"bytes"
	"compress/gzip"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// then is a time of records that is the same on both sides: recent enough for
// retention, and for segments that are not rolled by time.
var then = time.Now().Add(-48 * time.Hour).Truncate(time.Minute).UnixMilli()

// place is a topic by name and id.
type place struct {
	name string
	id   [16]byte
}

func (s *session) place(name string, partitions int32, configs ...string) place {
	return place{name, s.topic(name, partitions, configs...)}
}

// produce is a request with record sets for partitions 0, 1, ...
func produce(v int16, p place, records ...[]byte) *kmsg.ProduceRequest {
	req := in(v, kmsg.NewPtrProduceRequest())
	req.Acks, req.TimeoutMillis = -1, limit
	t := kmsg.ProduceRequestTopic{Topic: p.name, TopicID: p.id}
	for i, r := range records {
		t.Partitions = append(t.Partitions, kmsg.ProduceRequestTopicPartition{Partition: int32(i), Records: r})
	}
	req.Topics = append(req.Topics, t)
	return req
}

// put produces and expects nothing.
func put(c *conn, step string, v int16, p place, records ...[]byte) *kmsg.ProduceResponse {
	return ask[*kmsg.ProduceResponse](c, step, produce(v, p, records...))
}

// fetch is a request for partition 0 from an offset.
func fetch(v int16, p place, offset int64) *kmsg.FetchRequest {
	req := in(v, kmsg.NewPtrFetchRequest())
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.ReplicaID, req.SessionEpoch = 0, 1, 1<<20, -1, -1
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes, part.CurrentLeaderEpoch, part.LastFetchedEpoch = 0, offset, 1<<20, -1, -1
	req.Topics = append(req.Topics, kmsg.FetchRequestTopic{Topic: p.name, TopicID: p.id, Partitions: []kmsg.FetchRequestTopicPartition{part}})
	return req
}

// read fetches everything of partition 0 in the newest version.
func (s *session) read(c *conn, step string, p place) {
	ask[*kmsg.FetchResponse](c, step, fetch(s.last(1), p, 0))
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// badBatches are record sets, most of them broken, and how.
func badBatches() map[string][]byte {
	one := func(f func(b *batch)) []byte { return good(then, "value").change(f).bytes() }
	two := func(f func(b *batch)) []byte { return good(then, "one", "two").change(f).bytes() }
	rec := func(r ...record) []byte {
		b := good(then)
		for _, r := range r {
			b.records = r.append(b.records)
		}
		b.count, b.delta = int32(len(r)), int32(len(r))-1
		return b.bytes()
	}
	whole := one(func(*batch) {})
	return map[string][]byte{
		"empty": {}, "one byte": {0}, "16 zeros": make([]byte, 16), "61 zeros": make([]byte, 61), "cut": whole[:len(whole)-1], "only a header": whole[:61],
		"two batches": slices.Concat(whole, whole), "a batch and a byte": append(slices.Clone(whole), 1), "a batch and half": slices.Concat(whole, whole[:30]),
		"wrong crc": one(func(b *batch) { b.badCRC = true }), "a length too long": one(func(b *batch) { b.length = 1 }), "a length too short": one(func(b *batch) { b.length = -1 }),
		"a length of 0": one(func(b *batch) { b.length = -49 - int32(len(b.records)) }), "a negative length": one(func(b *batch) { b.length = -1000 }),
		"magic 0": one(func(b *batch) { b.magic = 0 }), "magic 1": one(func(b *batch) { b.magic = 1 }), "magic 3": one(func(b *batch) { b.magic = 3 }), "magic -1": one(func(b *batch) { b.magic = -1 }),
		"codec 5": one(func(b *batch) { b.attributes = 5 }), "codec 7": one(func(b *batch) { b.attributes = 7 }), "gzip that is none": one(func(b *batch) { b.attributes = 1 }),
		"snappy that is none": one(func(b *batch) { b.attributes = 2 }), "lz4 that is none": one(func(b *batch) { b.attributes = 3 }), "zstd that is none": one(func(b *batch) { b.attributes = 4 }),
		"gzip": one(func(b *batch) { b.attributes, b.records = 1, gzipped(b.records) }), "gzip of nothing": one(func(b *batch) { b.attributes, b.records = 1, gzipped(nil) }),
		"gzip with a tail": one(func(b *batch) { b.attributes, b.records = 1, gzipped(append(b.records, 1, 2)) }),
		"log append time":  one(func(b *batch) { b.attributes = 8 }), "transactional without a producer": one(func(b *batch) { b.attributes = 16 }), "control": one(func(b *batch) { b.attributes = 32 }),
		"control and transactional": one(func(b *batch) { b.attributes = 48 }), "a delete horizon": one(func(b *batch) { b.attributes = 64 }), "an unknown attribute": one(func(b *batch) { b.attributes = 128 }),
		"base offset 5": one(func(b *batch) { b.base = 5 }), "base offset -1": one(func(b *batch) { b.base = -1 }), "leader epoch 5": one(func(b *batch) { b.leaderEpoch = 5 }),
		"delta 1 for one": one(func(b *batch) { b.delta = 1 }), "delta -1": one(func(b *batch) { b.delta = -1 }), "delta 0 for two": two(func(b *batch) { b.delta = 0 }), "delta 5 for two": two(func(b *batch) { b.delta = 5 }),
		"count 0": one(func(b *batch) { b.count, b.delta = 0, 0 }), "count 0 and delta -1": one(func(b *batch) { b.count, b.delta = 0, -1 }), "count -1": one(func(b *batch) { b.count = -1 }),
		"count 2 for one": one(func(b *batch) { b.count, b.delta = 2, 1 }), "count 1 for two": two(func(b *batch) { b.count, b.delta = 1, 0 }), "count of billions": one(func(b *batch) { b.count, b.delta = math.MaxInt32, math.MaxInt32-1 }),
		"nothing in it": good(then).change(func(b *batch) { b.delta = -1 }).bytes(), "nothing in it, delta 0": good(then).change(func(b *batch) { b.delta = 0 }).bytes(),
		"max timestamp too high": one(func(b *batch) { b.max++ }), "max timestamp too low": one(func(b *batch) { b.max-- }), "max timestamp -1": one(func(b *batch) { b.max = -1 }),
		"first timestamp -1": one(func(b *batch) { b.first, b.max = -1, -1 }), "first timestamp -2": one(func(b *batch) { b.first, b.max = -2, -2 }), "in the far future": one(func(b *batch) { b.first, b.max = 4e15, 4e15 }),
		"in two days": one(func(b *batch) { b.first, b.max = 4_000_000_000_000, 4_000_000_000_000 }), "in 1970": one(func(b *batch) { b.first, b.max = 1, 1 }),
		"a producer's first": good(then, "v").of(77_000, 0, 0).bytes(), "a producer's second first": good(then, "v").of(77_001, 0, 5).bytes(), "a producer without epoch": good(then, "v").of(77_002, -1, 0).bytes(),
		"a producer without sequence": good(then, "v").of(77_003, 0, -1).bytes(), "sequence without producer": good(then, "v").of(-1, 0, 0).bytes(), "producer -2": good(then, "v").of(-2, 0, 0).bytes(),
		"null key and value": rec(record{}), "empty key and value": rec(record{key: []byte{}, value: []byte{}}), "record attributes": rec(record{attributes: 1, value: []byte("v")}),
		"headers": rec(record{value: []byte("v"), headers: []string{"a", "1", "a", "", "", "x"}}), "a record too long": rec(record{value: []byte("v"), length: 1}), "a record too short": rec(record{value: []byte("v"), length: -1}),
		"offset delta 1 first": rec(record{offset: 1, value: []byte("v")}), "offset delta -1": rec(record{offset: -1, value: []byte("v")}), "offset deltas fall": rec(record{offset: 1, value: []byte("v")}, record{offset: 0, value: []byte("v")}),
		"offset delta twice": rec(record{value: []byte("v")}, record{value: []byte("v")}), "a time delta": rec(record{time: 1, value: []byte("v")}), "a negative time delta": rec(record{time: -1, value: []byte("v")}),
		"a batch with a tail": one(func(b *batch) { b.records = append(b.records, 0) }),
	}
}

var produceScripts = []script{
	{"produce bad batches", func(s *session) {
		c := s.conn("c")
		bad := badBatches()
		for _, v := range s.versions(0) {
			if v > 3 && v != 7 && v < s.last(0)-1 {
				continue // the same rules as its neighbours'
			}
			p := s.place(s.name(step("v%d", v)), int32(len(bad)))
			i := int32(0)
			for why, records := range sorted(bad) {
				req := produce(v, p, records)
				req.Topics[0].Partitions[0].Partition = i
				ask[*kmsg.ProduceResponse](c, why, req)
				back := fetch(s.last(1), p, 0)
				back.Topics[0].Partitions[0].Partition = i
				ask[*kmsg.FetchResponse](c, why+", read back", back)
				i++
			}
		}
	}},
	{"produce", func(s *session) {
		c := s.conn("c")
		p := s.place(s.name("t"), 3)
		for _, v := range s.versions(0) {
			put(c, "one partition", v, p, good(then, "a", "b").bytes())
			put(c, "three partitions", v, p, good(then, "a").bytes(), good(then, "b", "c").bytes(), good(then+1, "d").bytes())
			put(c, "a partition that is not there", v, p, good(then, "a").bytes(), good(then, "b").bytes(), good(then, "c").bytes(), good(then, "d").bytes())
			put(c, "a topic that is not there", v, place{"missing", [16]byte{15: 9}}, good(then, "a").bytes())
			put(c, "an invalid topic", v, place{"in valid", [16]byte{}}, good(then, "a").bytes())
			req := produce(v, p, good(then, "a").bytes())
			req.Topics[0].Partitions[0].Partition = -1
			ask[*kmsg.ProduceResponse](c, "partition -1", req)
			req = produce(v, p)
			req.Topics = nil
			ask[*kmsg.ProduceResponse](c, "no topics", req)
			for _, acks := range []int16{1, 2, -2, 100} {
				req := produce(v, p, good(then, "a").bytes())
				req.Acks = acks
				ask[*kmsg.ProduceResponse](c, step("acks %d", acks), req)
			}
			req = produce(v, p, good(then, "a").bytes())
			req.TimeoutMillis = 0
			ask[*kmsg.ProduceResponse](c, "a timeout of 0", req)
			req.TimeoutMillis = -1
			ask[*kmsg.ProduceResponse](c, "a timeout of -1", req)
			req.TransactionID = pointer("tx")
			ask[*kmsg.ProduceResponse](c, "a transactional id without transactional batches", req)
			// Answered by nothing, and by a closed connection on an error.
			zero := produce(v, p, good(then, "zero").bytes())
			zero.Acks = 0
			quietly(s.conn("zero"), zero)
			s.alive("after acks 0", s.conn("zero"))
			zero = produce(v, place{"missing", [16]byte{15: 9}}, good(then, "zero").bytes())
			zero.Acks = 0
			quietly(s.conn("zero2"), zero)
			s.alive("after acks 0 to a topic that is not there", s.conn("zero2"))
			s.conn("zero2").hangUp()
		}
		put(c, "the last", s.last(0), p, good(then, "last").bytes())
		s.read(c, "all", p)
	}},
	{"produce to topics with configs", func(s *session) {
		c := s.conn("c")
		v := s.last(0)
		for why, configs := range sorted(map[string][]string{
			"small": {"max.message.bytes", "100"}, "logappendtime": {"message.timestamp.type", "LogAppendTime"}, "compact": {"cleanup.policy", "compact"},
			"both": {"cleanup.policy", "compact,delete"}, "gzip": {"compression.type", "gzip"}, "uncompressed": {"compression.type", "uncompressed"},
			"before": {"message.timestamp.before.max.ms", "1000"}, "after": {"message.timestamp.after.max.ms", "1000"}, "minisr": {"min.insync.replicas", "2"}, "diff": {"message.timestamp.difference.max.ms", "1000"},
			"segment": {"segment.bytes", "200"}, "bigsegment": {"segment.bytes", "1048576"},
		}) {
			p := s.place(s.name(why), 1, configs...)
			for what, records := range sorted(map[string][]byte{
				"one": good(then, "v").bytes(), "large": good(then, string(bytes.Repeat([]byte("x"), 300))).bytes(),
				"gzip":    good(then, "v").change(func(b *batch) { b.attributes, b.records = 1, gzipped(b.records) }).bytes(),
				"keyless": good(then).change(func(b *batch) { b.records, b.count, b.delta = record{value: []byte("v")}.append(nil), 1, 0 }).bytes(),
				"keyless second": good(then).change(func(b *batch) {
					b.records = record{offset: 1, value: []byte("v")}.append(record{key: []byte("k"), value: []byte("v")}.append(nil))
					b.count, b.delta = 2, 1
				}).bytes(),
				"tombstone": good(then).change(func(b *batch) { b.records, b.count, b.delta = record{key: []byte("k")}.append(nil), 1, 0 }).bytes(),
				"future":    good(4_000_000_000_000, "v").bytes(), "future second": good(then, "a", "b").change(func(b *batch) {
					b.records = record{offset: 1, time: 2e12, value: []byte("v")}.append(record{key: []byte("k"), value: []byte("v")}.append(nil))
					b.max = then + 2_000_000_000_000
				}).bytes(),
			}) {
				put(c, why+": "+what, v, p, records)
			}
			s.read(c, why+": read", p)
			req := produce(v, p, good(then, "v").bytes())
			req.Acks = 1
			ask[*kmsg.ProduceResponse](c, why+": acks 1", req)
		}
	}},
	{"produce by sequences", func(s *session) {
		c := s.conn("c")
		v := s.last(0)
		id := s.producer(c)
		p := s.place(s.name("t"), 2)
		say := func(why string, epoch int16, sequence int32, values ...string) {
			put(c, why, v, p, good(then, values...).of(id, epoch, sequence).bytes())
		}
		say("starts at 3", 0, 3, "a")
		say("goes on at 4", 0, 4, "b", "c")
		say("again", 0, 4, "b", "c")
		say("a part of it", 0, 4, "b")
		say("more than it", 0, 4, "b", "c", "d")
		say("a gap", 0, 9, "x")
		say("below", 0, 0, "x")
		for i := range 6 {
			say(step("the next %d", i), 0, int32(6+i), "n")
		}
		say("the first of five", 0, 7, "n")
		say("one that is forgotten", 0, 6, "n")
		say("epoch 1 in the middle", 1, 12, "e")
		say("epoch 1 at 0", 1, 0, "e")
		say("epoch 0 after epoch 1", 0, 12, "e")
		say("epoch 5 at 0", 5, 0, "e")
		say("negative epoch", -1, 0, "e")
		put(c, "two batches of one producer", v, p, slices.Concat(good(then, "a").of(id, 5, 1).bytes(), good(then, "a").of(id, 5, 2).bytes()))
		other := s.producer(c)
		put(c, "two producers in a request", v, p, good(then, "a").of(other, 0, 0).bytes(), good(then, "a").of(id, 5, 0).bytes())
		third := s.producer(c)
		put(c, "wraps to the end", v, p, good(then, "a", "b").of(third, 0, math.MaxInt32-1).bytes())
		put(c, "wrapped", v, p, good(then, "a", "b").of(third, 0, 0).bytes())
		put(c, "wraps within", v, p, good(then, "a", "b", "c").of(s.producer(c), 0, math.MaxInt32-1).bytes())
		put(c, "transactional without a transaction", v, p, good(then, "a").of(id, 5, 2).change(func(b *batch) { b.attributes = 16 }).bytes())
		s.read(c, "all", p)
		for _, v := range s.versions(61) {
			req := in(v, kmsg.NewPtrDescribeProducersRequest())
			req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: p.name, Partitions: []int32{0, 1, 2, -1}}, {Topic: "missing", Partitions: []int32{0}}}
			ask[*kmsg.DescribeProducersResponse](c, "producers", req)
			req.Topics = nil
			ask[*kmsg.DescribeProducersResponse](c, "producers of nothing", req)
		}
	}},
	{"producer ids", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(22) {
			for _, timeout := range []int32{1000, 0, -1} {
				req := in(v, kmsg.NewPtrInitProducerIDRequest())
				req.TransactionTimeoutMillis = timeout
				r := ask[*kmsg.InitProducerIDResponse](c, step("fresh, timeout %d", timeout), req)
				req.ProducerID, req.ProducerEpoch = r.ProducerID, r.ProducerEpoch
				ask[*kmsg.InitProducerIDResponse](c, step("with id and epoch, timeout %d", timeout), req)
				req.ProducerEpoch = -1
				ask[*kmsg.InitProducerIDResponse](c, step("with an id, timeout %d", timeout), req)
				req.ProducerID, req.ProducerEpoch = -1, 3
				ask[*kmsg.InitProducerIDResponse](c, step("with an epoch, timeout %d", timeout), req)
				req.TransactionalID = pointer("")
				req.ProducerEpoch = -1
				ask[*kmsg.InitProducerIDResponse](c, step("an empty transactional id, timeout %d", timeout), req)
			}
		}
	}},
}

// hash is a short name for a step, for topics.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for _, c := range []byte(s) {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// quietly sends a request that nobody answers.
func quietly(c *conn, req kmsg.Request) {
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.name))
	_ = c.write(f.AppendRequest(nil, req, c.next))
	c.next++
}

// producer is a fresh producer id.
func (s *session) producer(c *conn) int64 {
	req := in(s.last(22), kmsg.NewPtrInitProducerIDRequest())
	req.TransactionTimeoutMillis = 1000
	return ask[*kmsg.InitProducerIDResponse](c, "a producer id", req).ProducerID
}
