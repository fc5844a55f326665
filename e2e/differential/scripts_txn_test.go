//go:build e2e

package differential

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactor is a transactional producer.
type transactor struct {
	s        *session
	c        *conn
	id       string
	producer int64
	epoch    int16
}

func (s *session) transactor(id string) *transactor {
	return &transactor{s: s, c: s.conn("producer " + id), id: s.name(id), producer: -1, epoch: -1}
}

func (x *transactor) initRequest(v int16, timeout int32) *kmsg.InitProducerIDRequest {
	req := in(v, kmsg.NewPtrInitProducerIDRequest())
	req.TransactionalID, req.TransactionTimeoutMillis = &x.id, timeout
	req.ProducerID, req.ProducerEpoch = -1, -1
	return req
}

// init gets an id; a transaction that is ending is waited for.
func (x *transactor) init(step string, v int16) {
	r := until(x.c, step, x.initRequest(v, 60_000), func(r *kmsg.InitProducerIDResponse) bool {
		return r.ErrorCode != 51 && r.ErrorCode != 14 && r.ErrorCode != 16
	})
	x.producer, x.epoch = r.ProducerID, r.ProducerEpoch
}

func (x *transactor) addRequest(v int16, p place, partitions ...int32) *kmsg.AddPartitionsToTxnRequest {
	req := in(v, kmsg.NewPtrAddPartitionsToTxnRequest())
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = x.id, x.producer, x.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: p.name, Partitions: partitions}}
	req.Transactions = []kmsg.AddPartitionsToTxnRequestTransaction{{
		TransactionalID: x.id, ProducerID: x.producer, ProducerEpoch: x.epoch,
		Topics: []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: p.name, Partitions: partitions}},
	}}
	return req
}

// add adds partitions; a transaction that is ending is waited for.
func (x *transactor) add(step string, v int16, p place, partitions ...int32) {
	until(x.c, step, x.addRequest(v, p, partitions...), func(r *kmsg.AddPartitionsToTxnResponse) bool {
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 51 {
					return false
				}
			}
		}
		return true
	})
}

func (x *transactor) endRequest(v int16, commit bool) *kmsg.EndTxnRequest {
	req := in(v, kmsg.NewPtrEndTxnRequest())
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = x.id, x.producer, x.epoch, commit
	return req
}

// end ends the transaction. From version 5 on the answer has the epoch of the
// next one.
func (x *transactor) end(step string, v int16, commit bool) {
	r := until(x.c, step, x.endRequest(v, commit), func(r *kmsg.EndTxnResponse) bool { return r.ErrorCode != 51 })
	if v >= 5 && r.ErrorCode == 0 {
		x.producer, x.epoch = r.ProducerID, r.ProducerEpoch
	}
}

func (x *transactor) batch(sequence int32, values ...string) []byte {
	return good(then, values...).of(x.producer, x.epoch, sequence).change(func(b *batch) { b.attributes = 16 }).bytes()
}

func (x *transactor) produceRequest(v int16, p place, sequence int32, values ...string) *kmsg.ProduceRequest {
	req := produce(v, p, x.batch(sequence, values...))
	req.TransactionID = &x.id
	return req
}

func (x *transactor) put(step string, v int16, p place, sequence int32, values ...string) {
	until(x.c, step, x.produceRequest(v, p, sequence, values...), func(r *kmsg.ProduceResponse) bool {
		return len(r.Topics) == 0 || r.Topics[0].Partitions[0].ErrorCode != 51
	})
}

// seen fetches with both isolation levels.
func (s *session) seen(step string, p place) {
	for _, level := range []int8{0, 1} {
		req := fetch(s.last(1), p, 0)
		req.IsolationLevel = level
		ask[*kmsg.FetchResponse](s.conn("reader"), step+[]string{": uncommitted", ": committed"}[level], req)
		list := in(s.last(2), kmsg.NewPtrListOffsetsRequest())
		list.IsolationLevel = level
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Timestamp = -1
		list.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: p.name, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
		ask[*kmsg.ListOffsetsResponse](s.conn("reader"), step+": the end", list)
	}
}

// ended waits until a transaction's markers stand in the log.
func (s *session) ended(x *transactor) {
	req := in(s.last(65), kmsg.NewPtrDescribeTransactionsRequest())
	req.TransactionalIDs = []string{x.id}
	had := len(s.log)
	until(x.c, "", req, func(r *kmsg.DescribeTransactionsResponse) bool {
		return len(r.TransactionStates) == 0 || r.TransactionStates[0].State != "PrepareCommit" && r.TransactionStates[0].State != "PrepareAbort"
	})
	s.log = s.log[:had]
}

func (s *session) describeTransactions(step string, ids ...string) {
	for _, v := range s.versions(65) {
		req := in(v, kmsg.NewPtrDescribeTransactionsRequest())
		req.TransactionalIDs = ids
		ask[*kmsg.DescribeTransactionsResponse](s.conn("describer"), step, req)
	}
}

var transactionScripts = []script{
	{"transactions that are not there", func(s *session) {
		if len(s.versions(24)) == 0 {
			return
		}
		s.coordinator(1, s.name("x"))
		p := s.place(s.name("t"), 2)
		c := s.conn("c")
		for _, id := range []string{s.name("x"), ""} {
			x := s.transactor("x")
			x.id = id
			for _, producer := range []int64{-1, 0, 12345} {
				x.producer, x.epoch = producer, 0
				what := step("id %q, producer %d", id, producer)
				for _, v := range s.versions(24) {
					ask[*kmsg.AddPartitionsToTxnResponse](c, what+": adds", x.addRequest(v, p, 0))
					if v >= 4 {
						req := x.addRequest(v, p, 0)
						req.Transactions[0].VerifyOnly = true
						ask[*kmsg.AddPartitionsToTxnResponse](c, what+": verifies", req)
						req.Transactions = append(req.Transactions, req.Transactions[0])
						ask[*kmsg.AddPartitionsToTxnResponse](c, what+": verifies twice", req)
					}
				}
				for _, v := range s.versions(25) {
					req := in(v, kmsg.NewPtrAddOffsetsToTxnRequest())
					req.TransactionalID, req.ProducerID, req.Group = id, producer, s.name("g")
					ask[*kmsg.AddOffsetsToTxnResponse](c, what+": adds offsets", req)
				}
				for _, v := range s.versions(26) {
					ask[*kmsg.EndTxnResponse](c, what+": commits", x.endRequest(v, true))
					ask[*kmsg.EndTxnResponse](c, what+": aborts", x.endRequest(v, false))
				}
				for _, v := range s.versions(28) {
					ask[*kmsg.TxnOffsetCommitResponse](c, what+": commits offsets", x.offsetsRequest(v, s.name(step("g%d", v)), p, 5))
				}
				for _, v := range s.versions(0) {
					if producer < 0 {
						continue // see what no client sends
					}
					ask[*kmsg.ProduceResponse](c, what+": produces", x.produceRequest(v, p, 0, "v"))
					req := x.produceRequest(v, p, 0, "v")
					req.TransactionID = nil
					ask[*kmsg.ProduceResponse](c, what+": produces without its id", req)
				}
			}
		}
		s.seen("nothing", p)
		s.describeTransactions("missing", "missing", "missing", "")
		s.describeTransactions("none")
		for _, v := range s.versions(66) {
			for _, state := range []string{"Ongoing", "ongoing", "nonsense", ""} {
				req := in(v, kmsg.NewPtrListTransactionsRequest())
				req.StateFilters, req.DurationFilterMillis = []string{state, "PrepareEpochFence"}, -1
				if state == "Ongoing" {
					req.ProducerIDFilters = []int64{1 << 40}
				}
				ask[*kmsg.ListTransactionsResponse](c, step("state %q", state), req)
			}
			for _, pattern := range []string{"", "[", "nothing.*"} {
				req := in(v, kmsg.NewPtrListTransactionsRequest())
				req.TransactionalIDPattern, req.DurationFilterMillis, req.ProducerIDFilters = &pattern, -1, []int64{1 << 40}
				ask[*kmsg.ListTransactionsResponse](c, step("pattern %q", pattern), req)
			}
		}
	}},
	{"transactional producer ids", func(s *session) {
		s.coordinator(1, s.name("x"))
		for _, v := range s.versions(22) {
			x := s.transactor(step("x%d", v))
			for _, timeout := range []int32{0, -1, 900_001} {
				ask[*kmsg.InitProducerIDResponse](x.c, step("timeout %d", timeout), x.initRequest(v, timeout))
			}
			x.init("the first", v)
			x.init("the second", v)
			if v < 3 {
				continue
			}
			again := func(step string, producer int64, epoch int16) {
				req := x.initRequest(v, 60_000)
				req.ProducerID, req.ProducerEpoch = producer, epoch
				ask[*kmsg.InitProducerIDResponse](x.c, step, req)
			}
			again("by id and epoch", x.producer, x.epoch)
			again("once more by the same", x.producer, x.epoch)
			again("by the epoch before that", x.producer, x.epoch-1)
			again("by a future epoch", x.producer, x.epoch+9)
			again("by another id", x.producer+1000, x.epoch)
			again("by an id alone", x.producer, -1)
			again("by an epoch alone", -1, x.epoch)
		}
	}},
	{"transactions", func(s *session) {
		if len(s.versions(24)) == 0 {
			return
		}
		s.coordinator(1, s.name("x"))
		for _, v := range s.versions(26) {
			va, vp := min(3, s.last(24)), min(11, s.last(0))
			p := s.place(s.name(step("t%d", v)), 3)
			x := s.transactor(step("x%d", v))
			x.init("init", s.last(22))
			s.describeTransactions("fresh", x.id)
			ask[*kmsg.EndTxnResponse](x.c, "commits an empty one", x.endRequest(v, true))
			if v >= 5 {
				x.init("init again", s.last(22))
			}
			ask[*kmsg.EndTxnResponse](x.c, "aborts an empty one", x.endRequest(v, false))
			x.init("init after that", s.last(22))
			ask[*kmsg.ProduceResponse](x.c, "produces before it adds", x.produceRequest(vp, p, 0, "too early"))
			ask[*kmsg.AddPartitionsToTxnResponse](x.c, "adds a partition that is not there", x.addRequest(va, p, 0, 9))
			ask[*kmsg.AddPartitionsToTxnResponse](x.c, "adds a missing topic", x.addRequest(va, place{name: "missing"}, 0))
			x.add("adds", va, p, 0, 1)
			x.add("adds again", va, p, 0)
			s.describeTransactions("ongoing", x.id)
			x.put("produces", vp, p, 0, "a", "b")
			x.put("produces on", vp, p, 2, "c")
			put(s.conn("other"), "another produces", s.last(0), p, good(then, "between").bytes())
			s.seen("ongoing", p)
			s.producersOf(p)
			x.wrong(v, va, vp, p)
			x.end("commits", v, true)
			s.ended(x)
			s.describeTransactions("committed", x.id)
			ask[*kmsg.EndTxnResponse](x.c, "commits again", x.endRequest(v, true))
			ask[*kmsg.EndTxnResponse](x.c, "aborts after that", x.endRequest(v, false))
			s.seen("committed", p)
			s.producersOf(p)
			x.init("init to be sure", s.last(22))
			x.add("adds the next", va, p, 0)
			x.put("produces the next", vp, p, 0, "d")
			x.end("aborts", v, false)
			s.ended(x)
			s.describeTransactions("aborted", x.id)
			s.seen("aborted", p)
			x.add("adds a third", va, p, 0)
			x.put("produces a third", vp, p, 0, "e")
			zombie := *x
			x.init("another instance", s.last(22))
			s.ended(x)
			s.seen("fenced", p)
			ask[*kmsg.ProduceResponse](zombie.c, "the zombie produces", zombie.produceRequest(vp, p, 1, "z"))
			ask[*kmsg.AddPartitionsToTxnResponse](zombie.c, "the zombie adds", zombie.addRequest(va, p, 0))
			ask[*kmsg.EndTxnResponse](zombie.c, "the zombie commits", zombie.endRequest(v, true))
			s.producersOf(p)
		}
	}},
	{"transactions of version 2", func(s *session) {
		if !s.has(26, 5) || s.last(0) < 12 {
			return
		}
		s.coordinator(1, s.name("x"))
		p := s.place(s.name("t"), 2)
		x := s.transactor("x")
		vp := s.last(0)
		x.init("init", s.last(22))
		x.end("commits an empty one", 5, true)
		s.ended(x)
		s.describeTransactions("empty", x.id)
		x.put("produces at once", vp, p, 0, "a", "b")
		s.describeTransactions("ongoing", x.id)
		s.seen("ongoing", p)
		before := *x
		x.end("commits", 5, true)
		s.ended(x)
		s.seen("committed", p)
		ask[*kmsg.EndTxnResponse](x.c, "commits again with the old epoch", before.endRequest(5, true))
		ask[*kmsg.EndTxnResponse](x.c, "aborts with the old epoch", before.endRequest(5, false))
		ask[*kmsg.ProduceResponse](x.c, "produces with the old epoch", before.produceRequest(vp, p, 2, "late"))
		x.put("produces with the new epoch", vp, p, 0, "c")
		x.end("aborts", 5, false)
		s.ended(x)
		s.seen("aborted", p)
		x.end("aborts an empty one", 5, false)
		s.ended(x)
		s.describeTransactions("aborted", x.id)
		s.producersOf(p)
	}},
	{"transactional offsets", func(s *session) {
		if len(s.versions(28)) == 0 {
			return
		}
		s.coordinator(1, s.name("x"))
		s.coordinator(0, s.name("g"))
		p := s.place(s.name("t"), 2)
		for _, v := range s.versions(28) {
			g := s.name(step("g%d", v))
			x := s.transactor(step("x%d", v))
			x.init("init", s.last(22))
			for _, commits := range []bool{true, false} {
				ask[*kmsg.TxnOffsetCommitResponse](x.c, "commits offsets before it adds the group", x.offsetsRequest(v, g, p, 5))
				req := in(min(v, s.last(25)), kmsg.NewPtrAddOffsetsToTxnRequest())
				req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = x.id, x.producer, x.epoch, g
				until(x.c, "adds the group", req, func(r *kmsg.AddOffsetsToTxnResponse) bool { return r.ErrorCode != 51 })
				ask[*kmsg.TxnOffsetCommitResponse](x.c, "commits offsets", x.offsetsRequest(v, g, p, 5, 6, 7))
				ask[*kmsg.TxnOffsetCommitResponse](x.c, "commits offsets of a missing topic", x.offsetsRequest(v, g, place{name: "missing"}, 5))
				old := *x
				old.epoch--
				ask[*kmsg.TxnOffsetCommitResponse](x.c, "commits offsets with an old epoch", old.offsetsRequest(v, g, p, 5))
				if v >= 3 {
					with := x.offsetsRequest(v, g, p, 5)
					with.MemberID, with.Generation = "nobody", 3
					ask[*kmsg.TxnOffsetCommitResponse](x.c, "commits offsets as a member", with)
				}
				for _, stable := range []bool{false, true} {
					fetched := offsetsOf(s.last(9), g, p, 0, 1)
					fetched.RequireStable = stable
					ask[*kmsg.OffsetFetchResponse](x.c, step("pending, stable %t", stable), fetched)
				}
				ask[*kmsg.OffsetCommitResponse](x.c, "commits without a transaction meanwhile", commit(s.last(8), g, "", -1, p, 2))
				del := in(s.last(42), kmsg.NewPtrDeleteGroupsRequest())
				del.Groups = []string{g}
				ask[*kmsg.DeleteGroupsResponse](x.c, "deletes the group meanwhile", del)
				x.end(step("ends, commits %t", commits), min(v, s.last(26)), commits)
				s.ended(x)
				ask[*kmsg.OffsetFetchResponse](x.c, step("offsets after commit %t", commits), offsetsOf(s.last(9), g, p, 0, 1))
				x.init("init", s.last(22))
			}
		}
	}},
	{"markers", func(s *session) {
		p := s.place(s.name("t"), 1)
		for _, v := range s.versions(27) {
			for _, epoch := range []int32{0, 5, 3} {
				req := in(v, kmsg.NewPtrWriteTxnMarkersRequest())
				req.Markers = []kmsg.WriteTxnMarkersRequestMarker{{ProducerID: 90_000, ProducerEpoch: 1, Committed: true, CoordinatorEpoch: epoch, Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: p.name, Partitions: []int32{0, 9}}, {Topic: "missing", Partitions: []int32{0}}}}}
				ask[*kmsg.WriteTxnMarkersResponse](s.conn("c"), step("coordinator epoch %d", epoch), req)
			}
			ask[*kmsg.WriteTxnMarkersResponse](s.conn("c"), "no markers", in(v, kmsg.NewPtrWriteTxnMarkersRequest()))
		}
		s.seen("markers", p)
	}},
}

func (s *session) producersOf(p place) {
	for _, v := range s.versions(61) {
		req := in(v, kmsg.NewPtrDescribeProducersRequest())
		req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: p.name, Partitions: []int32{0}}}
		ask[*kmsg.DescribeProducersResponse](s.conn("describer"), "producers", req)
	}
}

func (x *transactor) offsetsRequest(v int16, group string, p place, offsets ...int64) *kmsg.TxnOffsetCommitRequest {
	req := in(v, kmsg.NewPtrTxnOffsetCommitRequest())
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = x.id, group, x.producer, x.epoch, -1
	t := kmsg.TxnOffsetCommitRequestTopic{Topic: p.name, TopicID: p.id}
	for i, o := range offsets {
		part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.Metadata = int32(i), o, pointer("m")
		t.Partitions = append(t.Partitions, part)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// wrong sends what an ongoing transaction must refuse.
func (x *transactor) wrong(v, va, vp int16, p place) {
	for why, y := range sorted(map[string]transactor{
		"the epoch before": {producer: x.producer, epoch: x.epoch - 1}, "the epoch after": {producer: x.producer, epoch: x.epoch + 1}, "another producer": {producer: x.producer + 1000, epoch: x.epoch},
	}) {
		y.s, y.c, y.id = x.s, x.c, x.id
		ask[*kmsg.AddPartitionsToTxnResponse](x.c, "adds by "+why, y.addRequest(va, p, 0))
		ask[*kmsg.ProduceResponse](x.c, "produces by "+why, y.produceRequest(vp, p, 3, "x"))
		ask[*kmsg.EndTxnResponse](x.c, "ends by "+why, y.endRequest(v, true))
	}
	ask[*kmsg.ProduceResponse](x.c, "produces with a gap", x.produceRequest(vp, p, 9, "x"))
	ask[*kmsg.ProduceResponse](x.c, "produces again", x.produceRequest(vp, p, 2, "c"))
	req := produce(vp, p, good(then, "x").of(x.producer, x.epoch, 3).bytes())
	ask[*kmsg.ProduceResponse](x.c, "produces outside the transaction", req)
	three := produce(vp, p, x.batch(3, "x"), x.batch(0, "y"), x.batch(0, "z"))
	three.TransactionID = &x.id
	three.Topics[0].Partitions = three.Topics[0].Partitions[2:]
	ask[*kmsg.ProduceResponse](x.c, "produces to a partition that was not added", three)
}
