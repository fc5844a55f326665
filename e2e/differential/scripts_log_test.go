//go:build e2e

package differential

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// filled is a topic of three partitions; the first has five batches of two
// records at growing times.
func (s *session) filled(name string, configs ...string) place {
	p := s.place(name, 3, configs...)
	c := s.conn("filler")
	for i := range int64(5) {
		put(c, "fill "+name, s.last(0), p, good(then+i*1000, "a", "b").bytes(), good(then, "c").bytes())
	}
	return p
}

var logScripts = []script{
	{"fetch", func(s *session) {
		c := s.conn("c")
		p := s.filled(s.name("t"))
		for _, v := range s.versions(1) {
			for _, offset := range []int64{-2, -1, 0, 1, 2, 9, 10, 11, 1 << 40} {
				ask[*kmsg.FetchResponse](c, step("from %d", offset), fetch(v, p, offset))
			}
			for why, f := range sorted(map[string]func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition){
				"max bytes 0":       func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.MaxBytes = 0 },
				"max bytes 1":       func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.MaxBytes = 1 },
				"max bytes 200":     func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.MaxBytes = 200 },
				"partition max 0":   func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = 0 },
				"partition max 1":   func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = 1 },
				"partition max 200": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = 200 },
				"partition max -1":  func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = -1 },
				"max bytes -1":      func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.MaxBytes = -1 },
				"min bytes 0":       func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.MinBytes = 0 },
				"min bytes of a GB": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					r.MinBytes, r.MaxWaitMillis = 1<<30, 20
				},
				"max wait -1":     func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.MaxWaitMillis = -1 },
				"leader epoch 0":  func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 0 },
				"leader epoch 1":  func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 1 },
				"leader epoch -2": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = -2 },
				"last epoch 0":    func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.LastFetchedEpoch = 0 },
				"last epoch 5": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					p.LastFetchedEpoch, p.CurrentLeaderEpoch = 5, 0
				},
				"last epoch 0 at 99": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					p.LastFetchedEpoch, p.FetchOffset, p.CurrentLeaderEpoch = 0, 99, 0
				},
				"log start 5":   func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.LogStartOffset = 5 },
				"isolation 1":   func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.IsolationLevel = 1 },
				"a rack":        func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.Rack = "nowhere" },
				"partition -1":  func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = -1 },
				"partition 3":   func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = 3 },
				"no topics":     func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.Topics = nil },
				"no partitions": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.Topics[0].Partitions = nil },
				"a topic twice": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					r.Topics = append(r.Topics, r.Topics[0])
				},
				"a partition twice": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					r.Topics[0].Partitions = append(r.Topics[0].Partitions, *p)
				},
				"consumer replica -2": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					r.ReplicaID, r.ReplicaState.ID = -2, -2
				},
				"a topic not there": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					r.Topics[0].Topic, r.Topics[0].TopicID = "missing", [16]byte{15: 9}
				},
				"a zero id, empty name": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) {
					r.Topics[0].Topic, r.Topics[0].TopicID = "", [16]byte{}
				},
				"an invalid name": func(r *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { r.Topics[0].Topic = "in valid" },
			}) {
				req := fetch(v, p, 0)
				part := req.Topics[0].Partitions[0]
				f(req, &part)
				if len(req.Topics) > 0 && len(req.Topics[0].Partitions) > 0 {
					req.Topics[0].Partitions[0] = part
				}
				ask[*kmsg.FetchResponse](c, why, req)
			}
			three := fetch(v, p, 0)
			for i := range int32(2) {
				part := three.Topics[0].Partitions[0]
				part.Partition = i + 1
				three.Topics[0].Partitions = append(three.Topics[0].Partitions, part)
			}
			ask[*kmsg.FetchResponse](c, "three partitions", three)
			three.MaxBytes = 250
			ask[*kmsg.FetchResponse](c, "three partitions, max bytes 250", three)
		}
	}},
	{"fetch sessions", func(s *session) {
		for _, v := range s.versions(1) {
			if v < 7 {
				continue
			}
			c := s.conn(step("v%d", v))
			p := s.filled(s.name(step("v%d", v)))
			q := s.place(s.name(step("v%d-empty", v)), 1)
			req := fetch(v, p, 0)
			req.SessionEpoch = 0
			part := req.Topics[0].Partitions[0]
			part.Partition = 2
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, part)
			req.Topics = append(req.Topics, fetch(v, q, 0).Topics[0])
			req.MaxWaitMillis = 0
			r := ask[*kmsg.FetchResponse](c, "opens a session", req)
			next := func(step string, epoch int32, f func(r *kmsg.FetchRequest)) *kmsg.FetchResponse {
				n := fetch(v, p, 0)
				n.Topics, n.SessionID, n.SessionEpoch = nil, r.SessionID, epoch
				if f != nil {
					f(n)
				}
				return ask[*kmsg.FetchResponse](c, step, n)
			}
			next("an epoch too high", 5, nil)
			next("goes on", 1, nil)
			next("the same epoch again", 1, nil)
			next("goes on again", 2, func(r *kmsg.FetchRequest) { r.Topics = fetch(v, p, 10).Topics })
			next("nothing new", 3, nil)
			put(c, "a record", s.last(0), q, good(then, "new").bytes())
			next("a new record", 4, nil)
			next("the new record again", 5, func(r *kmsg.FetchRequest) { r.Topics = fetch(v, q, 1).Topics })
			next("forgets", 6, func(r *kmsg.FetchRequest) {
				r.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: q.name, TopicID: q.id, Partitions: []int32{0}}}
			})
			next("forgets what is not in it", 7, func(r *kmsg.FetchRequest) {
				r.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: q.name, TopicID: q.id, Partitions: []int32{0, 7}}}
			})
			next("adds a topic that is not there", 8, func(r *kmsg.FetchRequest) { r.Topics = fetch(v, place{"missing", [16]byte{15: 9}}, 0).Topics })
			next("errors come again", 9, nil)
			next("an offset out of range", 10, func(r *kmsg.FetchRequest) { r.Topics = fetch(v, p, 99).Topics })
			next("that comes again", 11, nil)
			next("forgets them", 12, func(r *kmsg.FetchRequest) {
				r.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "missing", TopicID: [16]byte{15: 9}, Partitions: []int32{0}}, {Topic: p.name, TopicID: p.id, Partitions: []int32{0}}}
			})
			next("closes it", -1, nil)
			next("after it was closed", 13, nil)
			next("an unknown session", 1, func(r *kmsg.FetchRequest) { r.SessionID = 12345 })
			next("an unknown session is closed", -1, func(r *kmsg.FetchRequest) { r.SessionID = 12345 })
			next("an unknown session begins anew", 0, func(r *kmsg.FetchRequest) { r.SessionID, r.Topics = 12345, fetch(v, p, 0).Topics })
			next("no session with an epoch", 3, func(r *kmsg.FetchRequest) { r.SessionID = 0 })
			next("a negative epoch", -2, nil)
			next("an empty session", 0, func(r *kmsg.FetchRequest) { r.SessionID = 0 })
		}
	}},
	{"list offsets", func(s *session) {
		c := s.conn("c")
		p := s.filled(s.name("t"))
		e := s.place(s.name("empty"), 1)
		for _, v := range s.versions(2) {
			list := func(p place, partition int32, at int64, epoch int32) *kmsg.ListOffsetsRequest {
				req := in(v, kmsg.NewPtrListOffsetsRequest())
				req.ReplicaID, req.TimeoutMillis = -1, limit
				part := kmsg.NewListOffsetsRequestTopicPartition()
				part.Partition, part.Timestamp, part.CurrentLeaderEpoch = partition, at, epoch
				req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: p.name, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
				return req
			}
			for _, at := range []int64{-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, then - 1, then, then + 1, then + 1000, then + 4000, then + 4001, 1 << 60} {
				ask[*kmsg.ListOffsetsResponse](c, step("at %d", at), list(p, 0, at, -1))
				ask[*kmsg.ListOffsetsResponse](c, step("empty at %d", at), list(e, 0, at, -1))
				req := list(p, 0, at, -1)
				req.IsolationLevel = 1
				ask[*kmsg.ListOffsetsResponse](c, step("committed at %d", at), req)
			}
			for _, epoch := range []int32{0, 1, -2} {
				ask[*kmsg.ListOffsetsResponse](c, step("leader epoch %d", epoch), list(p, 0, -1, epoch))
			}
			ask[*kmsg.ListOffsetsResponse](c, "partition 7", list(p, 7, -1, -1))
			ask[*kmsg.ListOffsetsResponse](c, "partition -1", list(p, -1, -1, -1))
			ask[*kmsg.ListOffsetsResponse](c, "a topic that is not there", list(place{name: "missing"}, 0, -1, -1))
			ask[*kmsg.ListOffsetsResponse](c, "an invalid topic", list(place{name: "in valid"}, 0, -1, -1))
			req := list(p, 0, -1, -1)
			req.Topics = nil
			ask[*kmsg.ListOffsetsResponse](c, "no topics", req)
			for _, replica := range []int32{-2, -3, 7} {
				req = list(p, 0, -1, -1)
				req.ReplicaID = replica
				ask[*kmsg.ListOffsetsResponse](c, step("replica %d", replica), req)
			}
		}
	}},
	{"list offsets of producers' times", func(s *session) {
		c := s.conn("c")
		v := s.last(0)
		for why, sets := range sorted(map[string][][]byte{
			"falling": {good(then+5000, "a", "b").bytes(), good(then, "c").bytes(), good(then+1000, "d").bytes()},
			"equal":   {good(then, "a", "b").bytes(), good(then, "c").bytes()},
			"without": {good(-1, "a").bytes(), good(-1, "b").bytes()},
			"gzip":    {good(then, "a", "b").change(func(b *batch) { b.attributes, b.records = 1, gzipped(b.records) }).bytes()},
			"within": {good(then).change(func(b *batch) {
				b.records = record{key: []byte("k"), time: 5}.append(nil)
				b.records = record{key: []byte("k"), time: 9, offset: 1}.append(b.records)
				b.records = record{key: []byte("k"), time: 2, offset: 2}.append(b.records)
				b.count, b.delta, b.max = 3, 2, then+9
			}).bytes()},
		}) {
			p := s.place(s.name(why), 1)
			for _, set := range sets {
				put(c, why, v, p, set)
			}
			for _, at := range []int64{-1, -2, -3, 0, then, then + 3, then + 6, then + 10, then + 1000, then + 2000, then + 5000, then + 5001} {
				req := in(s.last(2), kmsg.NewPtrListOffsetsRequest())
				part := kmsg.NewListOffsetsRequestTopicPartition()
				part.Timestamp = at
				req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: p.name, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
				ask[*kmsg.ListOffsetsResponse](c, step("%s at %d", why, at), req)
			}
		}
	}},
	{"offset for leader epoch", func(s *session) {
		c := s.conn("c")
		p := s.filled(s.name("t"))
		for _, v := range s.versions(23) {
			for _, epoch := range []int32{-2, -1, 0, 1, 9} {
				for _, current := range []int32{-2, -1, 0, 1} {
					req := in(v, kmsg.NewPtrOffsetForLeaderEpochRequest())
					req.ReplicaID = -1
					part := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
					part.LeaderEpoch, part.CurrentLeaderEpoch = epoch, current
					other := part
					other.Partition = 9
					req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{
						{Topic: p.name, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{part, other}},
						{Topic: "missing", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{part}},
					}
					ask[*kmsg.OffsetForLeaderEpochResponse](c, step("epoch %d, current %d", epoch, current), req)
				}
			}
			req := in(v, kmsg.NewPtrOffsetForLeaderEpochRequest())
			req.ReplicaID = -2
			ask[*kmsg.OffsetForLeaderEpochResponse](c, "no topics", req)
		}
	}},
	{"delete records", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(21) {
			p := s.filled(s.name(step("v%d", v)))
			compacted := s.place(s.name(step("compacted-v%d", v)), 1, "cleanup.policy", "compact")
			send := func(step string, p place, partition int32, offset int64) {
				req := in(v, kmsg.NewPtrDeleteRecordsRequest())
				req.TimeoutMillis = limit
				req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: p.name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}}}}
				ask[*kmsg.DeleteRecordsResponse](c, step, req)
			}
			send("to 3", p, 0, 3)
			send("to 2", p, 0, 2)
			send("to 99", p, 0, 99)
			send("to -2", p, 0, -2)
			for _, offset := range []int64{0, 2, 3, 4} {
				ask[*kmsg.FetchResponse](c, step("fetch %d", offset), fetch(s.last(1), p, offset))
			}
			send("to the end", p, 0, -1)
			send("of partition 9", p, 9, 0)
			send("of a missing topic", place{name: "missing"}, 0, 0)
			send("of an invalid topic", place{name: "in valid"}, 0, 0)
			send("of a compacted topic", compacted, 0, 0)
			send("of an empty partition", p, 2, 0)
			send("of an empty partition to its end", p, 2, -1)
			req := in(v, kmsg.NewPtrDeleteRecordsRequest())
			ask[*kmsg.DeleteRecordsResponse](c, "nothing", req)
			req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: p.name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 1, Offset: 1}}}}
			ask[*kmsg.DeleteRecordsResponse](c, "a timeout of 0", req)
		}
	}},
	{"what no client sends", func(s *session) {
		c := s.conn("c")
		p := s.filled(s.name("t"))
		produced := produce(s.last(0), p, good(then, "a").bytes())
		produced.Topics = append(produced.Topics, produced.Topics[0])
		ask[*kmsg.ProduceResponse](c, "a topic twice", produced)
		produced = produce(s.last(0), p, good(then, "a").bytes(), good(then, "b").bytes())
		produced.Topics[0].Partitions[1].Partition = 0
		ask[*kmsg.ProduceResponse](c, "a partition twice", produced)
		put(c, "no partitions", s.last(0), p)
		deleted := in(s.last(21), kmsg.NewPtrDeleteRecordsRequest())
		deleted.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: p.name}}
		ask[*kmsg.DeleteRecordsResponse](c, "no partitions", deleted)
		deleted.Topics[0].Partitions = []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 1, Offset: 1}}
		deleted.Topics = append(deleted.Topics, deleted.Topics[0])
		ask[*kmsg.DeleteRecordsResponse](c, "a topic twice", deleted)
		list := in(s.last(2), kmsg.NewPtrListOffsetsRequest())
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Timestamp = -1
		list.ReplicaID, list.Topics = -1, []kmsg.ListOffsetsRequestTopic{{Topic: p.name, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part, part}}}
		ask[*kmsg.ListOffsetsResponse](c, "a partition twice", list)
		list.Topics[0].Partitions = nil
		ask[*kmsg.ListOffsetsResponse](c, "no partitions", list)
		for _, level := range []int8{-1, 2} {
			odd := fetch(s.last(1), p, 0)
			odd.IsolationLevel = level
			ask[*kmsg.FetchResponse](c, step("isolation level %d", level), odd)
		}
	}},
	{"log directories", func(s *session) {
		c := s.conn("c")
		p := s.filled(s.name("t"))
		for _, v := range s.versions(35) {
			req := in(v, kmsg.NewPtrDescribeLogDirsRequest())
			req.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: p.name, Partitions: []int32{0, 1, 2, 9}}, {Topic: "missing", Partitions: []int32{0}}}
			ask[*kmsg.DescribeLogDirsResponse](c, "of a topic", req)
			req.Topics = slices.Concat(req.Topics, req.Topics)
			ask[*kmsg.DescribeLogDirsResponse](c, "twice", req)
			req.Topics = []kmsg.DescribeLogDirsRequestTopic{}
			ask[*kmsg.DescribeLogDirsResponse](c, "of nothing", req)
		}
		for _, v := range s.versions(34) {
			req := in(v, kmsg.NewPtrAlterReplicaLogDirsRequest())
			ask[*kmsg.AlterReplicaLogDirsResponse](c, "nothing", req)
			for _, dir := range []string{"", "relative", "/not/there"} {
				req.Dirs = []kmsg.AlterReplicaLogDirsRequestDir{{Dir: dir, Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: p.name, Partitions: []int32{0, 9}}, {Topic: "missing", Partitions: []int32{0}}}}}
				ask[*kmsg.AlterReplicaLogDirsResponse](c, step("to %q", dir), req)
			}
		}
	}},
}
