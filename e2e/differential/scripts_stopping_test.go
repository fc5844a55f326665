//go:build e2e

package differential

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// stop stops a broker and waits until the others have heard of it.
func (s *session) stop(broker int32) {
	if err := s.faults.Stop(broker); err != nil {
		panic(err)
	}
	for _, c := range s.conns {
		if c.to == broker && len(c.open) == 0 {
			c.hangUp()
		}
	}
	s.down = append(s.down, broker)
	s.fenced(broker, true)
}

// start starts a broker and waits until all have heard of it.
func (s *session) start(broker int32) {
	if err := s.faults.Start(broker); err != nil {
		panic(err)
	}
	s.down = slices.DeleteFunc(s.down, func(b int32) bool { return b == broker })
	s.fenced(broker, false)
}

// fenced waits until the brokers that run know that one is fenced or not.
func (s *session) fenced(broker int32, fenced bool) {
	for _, b := range everyBroker {
		if slices.Contains(s.down, b) {
			continue
		}
		await(s.at(b, "admin"), step("%d is fenced: %t", broker, fenced), metadataOf(s.last(3)), func(r *kmsg.MetadataResponse) bool {
			return slices.ContainsFunc(r.Brokers, func(n kmsg.MetadataResponseBroker) bool { return n.NodeID == broker }) != fenced
		})
	}
}

// others are the brokers that run while 2 is stopped.
var others = []int32{1, 3}

// shutdown is what the script of brokers that end works with.
type shutdown struct {
	s              *session
	led            place // 2 leads the first two of three partitions, with 3 replicas
	two, alone     place // on 2 and 3; on 2 alone
	moving         place // on 1 and 3
	lost, unclean  place // on 2 and 3, without records; others may lead the second
	group, joining string
	member         *member
	transactor     *transactor
}

// stoppingScripts stop brokers as operators do and start them again: 2, then 3,
// so that 1 is left.
var stoppingScripts = []script{{"brokers end", func(s *session) {
	d := &shutdown{s: s, group: s.at2("group"), joining: s.at2("joining")}
	d.prepare()
	d.leaves()
	for _, b := range others {
		s.led(b, d.led.name, 3, 1, 3)
		s.led(b, d.two.name, 3)
	}
	s.seenBy(others, "2 is stopped", d.led.name, d.two.name, d.alone.name, d.lost.name)
	d.write("2 is stopped", d.led, d.two, d.alone)
	s.level(d.led, 0, 3, 1)
	d.read("2 is stopped", d.led, d.two, d.alone)
	d.coordinate("2 is stopped")
	d.administer()
	d.elect("2 is stopped")
	s.stop(3)
	s.led(1, d.led.name, 1, 1, 1)
	s.seenBy([]int32{1}, "1 is left", d.led.name, d.two.name, d.alone.name, d.lost.name, d.unclean.name)
	d.left("1 is left")
	s.start(2)
	for _, b := range []int32{1, 2} {
		s.led(b, d.led.name, 1, 1, 1)
	}
	s.led(2, d.unclean.name, 2)
	d.elect("2 is back")
	s.barrier(1, 2)
	s.seenBy([]int32{1, 2}, "2 is back", d.led.name, d.two.name, d.alone.name, d.lost.name, d.unclean.name)
	s.start(3)
	for _, b := range everyBroker {
		s.led(b, d.led.name, 2, 2, 1)
		s.led(b, d.two.name, 3)
		s.led(b, d.lost.name, 2)
		s.led(b, d.unclean.name, 2)
	}
	s.everywhere("all are back", d.led.name, d.two.name, d.alone.name, d.lost.name, d.unclean.name, d.moving.name)
	d.write("all are back", d.led, d.alone)
	s.level(d.led, 0, 2, 1, 3)
	d.read("all are back", d.led, d.alone)
	d.coordinate("all are back")
	d.elect("all are back")
	for _, topic := range []string{"__consumer_offsets", "__transaction_state"} {
		s.home(topic, 1, 2, 3)
	}
	for _, b := range everyBroker {
		s.led(b, d.led.name, 2, 2, 3)
	}
	s.everywhere("all lead again", d.led.name, d.two.name, "__consumer_offsets", "__transaction_state")
	d.coordinate("all lead again")
}}}

// leaves stops broker 2 while clients wait for it: a fetch for records, and a
// member for another one that does not join again.
func (d *shutdown) leaves() {
	s := d.s
	m := d.s.groupAt2(d.joining)
	m.c = s.at(2, "another member")
	m.id = ""
	m.took(ask[*kmsg.JoinGroupResponse](m.c, "another member", m.join(s.last(11))))
	joins := m.c.send("another member joins", m.join(s.last(11)))
	req := fetch(s.last(1), d.led, 2)
	req.MaxWaitMillis, req.MinBytes = 60_000, 1<<20
	fetches := s.at(2, "waits").send("a fetch waits", req)
	describe := in(s.last(15), kmsg.NewPtrDescribeGroupsRequest())
	describe.Groups = []string{d.joining}
	await(s.at(2, "admin"), "the member waits", describe, func(r *kmsg.DescribeGroupsResponse) bool { return r.Groups[0].State == "PreparingRebalance" })
	s.stop(2)
	s.atLast(joins)
	s.atLast(fetches)
}

// atLast reads the answer of a broker that has stopped. Kafka may close the
// connection before it has one: then there is nothing to compare.
func (s *session) atLast(p *pending) {
	p.wait()
	p.c.hangUp()
	if p.x.outcome == closed {
		s.log = slices.DeleteFunc(s.log, func(x *exchange) bool { return x == p.x })
	}
}

// left compares what one broker alone, which has no quorum of anything, answers.
func (d *shutdown) left(what string) {
	s, c := d.s, d.s.conn("c")
	for _, p := range []place{d.led, d.two, d.lost} {
		for _, acks := range []int16{1, -1} {
			req := produce(s.last(0), p, good(then, "x").bytes())
			req.Acks = acks
			ask[*kmsg.ProduceResponse](c, step("%s: %s, acks %d", what, p.name, acks), req)
		}
	}
	ask[*kmsg.FetchResponse](c, what, fetch(s.last(1), d.led, 0))
	d.elect(what)
	for _, replication := range []int16{1, 2, 3} {
		req := create(s.last(19), newTopic(s.name("left"), 2, replication))
		req.ValidateOnly = true
		ask[*kmsg.CreateTopicsResponse](c, step("%s: %d replicas", what, replication), req)
	}
	for _, kind := range []int8{0, 1} {
		find := in(s.last(10), kmsg.NewPtrFindCoordinatorRequest())
		find.CoordinatorType, find.CoordinatorKeys = kind, []string{"a", "b", "c", d.group}
		ask[*kmsg.FindCoordinatorResponse](c, step("%s: type %d", what, kind), find)
	}
}

// prepare makes topics, a group and a transaction that broker 2 has a part in.
func (d *shutdown) prepare() {
	s := d.s
	d.led = s.spread(s.name("led"), nil, []int32{2, 3, 1}, []int32{2, 1, 3}, []int32{3, 2, 1})
	d.two = s.spread(s.name("two"), []string{"min.insync.replicas", "2"}, []int32{2, 3})
	d.lost = s.spread(s.name("lost"), nil, []int32{2, 3})
	d.alone = s.spread(s.name("alone"), []string{"min.insync.replicas", "1"}, []int32{2})
	d.unclean = s.spread(s.name("unclean"), []string{"unclean.leader.election.enable", "true"}, []int32{2, 3})
	d.moving = s.spread(s.name("moving"), nil, []int32{1, 3}, []int32{3, 1})
	s.putTo(2, "before", d.led, 0, "a", "b")
	s.putTo(2, "before", d.led, 1, "a")
	s.putTo(2, "before", d.two, 0, "a")
	s.putTo(2, "before", d.alone, 0, "a")
	d.member = s.groupAt2(d.group)
	ask[*kmsg.OffsetCommitResponse](d.member.c, "commits", commit(s.last(8), d.group, d.member.id, d.member.epoch, d.led, 1))
	d.transactor = s.transactor("x")
	d.transactor.c, d.transactor.id = s.at(2, "producer"), s.at2("x")
	d.transactor.init("a producer begins", s.last(22))
	d.transactor.add("a transaction begins", 3, d.led, 0)
	d.transactor.put("a transaction begins", 11, d.led, 0, "in a transaction")
}

// write produces to what 2 led, and to what has lost replicas.
func (d *shutdown) write(what string, places ...place) {
	s := d.s
	for _, b := range others {
		for _, v := range s.some(0, 7, 9) {
			for _, acks := range []int16{1, -1} {
				for _, p := range places {
					req := produce(v, p, good(then, "x").bytes())
					req.Acks = acks
					ask[*kmsg.ProduceResponse](s.at(b, "c"), step("%s: to %d, %s, acks %d", what, b, p.name, acks), req)
				}
			}
		}
	}
}

// read asks the leaders that there were, and those that there are, for what is in
// the log.
func (d *shutdown) read(what string, places ...place) {
	s := d.s
	for _, b := range others {
		for _, p := range places {
			for _, epoch := range []int32{-1, 0, 1, 2} {
				where := step("%s: %d, leader epoch %d, %s", what, b, epoch, p.name)
				s.fetchedAt(s.at(b, "c"), where, s.some(1, 4, 12), p, epoch)
				s.listedAt(s.at(b, "c"), where, s.some(2, 4), p, epoch)
				s.endsAt(s.at(b, "c"), where, s.some(23), p, epoch)
			}
		}
	}
}

// some is those of a key's versions that are named and the newest.
func (s *session) some(key int16, versions ...int16) []int16 {
	return append(slices.DeleteFunc(versions, func(v int16) bool { return v >= s.last(key) }), s.last(key))
}

// coordinate goes on with the group and the transaction at the broker that
// coordinates them now.
func (d *shutdown) coordinate(what string) {
	s := d.s
	find := in(s.last(10), kmsg.NewPtrFindCoordinatorRequest())
	find.CoordinatorKeys = []string{d.group}
	at := until(s.conn("c"), what+": finds the group", find, func(r *kmsg.FindCoordinatorResponse) bool {
		return r.Coordinators[0].ErrorCode == 0
	}).Coordinators[0].NodeID
	if at < 1 {
		panic("nobody coordinates " + d.group)
	}
	d.member.c = s.at(at, "m")
	until(d.member.c, what+": heartbeats", d.member.beatRequest(s.last(12)), func(r *kmsg.HeartbeatResponse) bool {
		return r.ErrorCode != kerr.NotCoordinator.Code && r.ErrorCode != kerr.CoordinatorLoadInProgress.Code
	})
	for _, v := range s.versions(8) {
		ask[*kmsg.OffsetCommitResponse](d.member.c, what+": commits", commit(v, d.group, d.member.id, d.member.epoch, d.led, int64(v)))
	}
	for _, v := range s.versions(9) {
		ask[*kmsg.OffsetFetchResponse](d.member.c, what+": offsets", offsetsOf(v, d.group, d.led, 0, 1))
	}
	find.CoordinatorType, find.CoordinatorKeys = 1, []string{d.transactor.id}
	at = ask[*kmsg.FindCoordinatorResponse](s.conn("c"), what+": finds the transaction", find).Coordinators[0].NodeID
	if at < 1 {
		panic("nobody coordinates " + d.transactor.id)
	}
	x := d.transactor
	x.c = s.at(at, "producer")
	describe := in(s.last(65), kmsg.NewPtrDescribeTransactionsRequest())
	describe.TransactionalIDs = []string{x.id}
	until(x.c, what+": the transaction", describe, func(r *kmsg.DescribeTransactionsResponse) bool {
		code := r.TransactionStates[0].ErrorCode
		return code != kerr.NotCoordinator.Code && code != kerr.CoordinatorLoadInProgress.Code
	})
	x.add(what+": goes on", 3, d.led, 1)
	x.end(what+": ends", 3, true)
	s.ended(x)
}

// administer asks for changes of partitions while 2 is stopped.
func (d *shutdown) administer() {
	s, c := d.s, d.s.at(3, "c")
	n := s.name("new")
	for _, v := range s.versions(19) {
		for why, t := range sorted(map[string]kmsg.CreateTopicsRequestTopic{
			"3 replicas": newTopic(n, 4, 3), "2 replicas": newTopic(n, 4, 2), "only 2": assigned(n, -1, -1, []int32{0, 2}), "2 first": assigned(n, -1, -1, []int32{0, 2, 1}), "a second that only 2 has": assigned(n, -1, -1, []int32{0, 1}, []int32{1, 2}),
		}) {
			req := create(v, t)
			req.ValidateOnly = true
			ask[*kmsg.CreateTopicsResponse](c, "2 is stopped: "+why, req)
		}
	}
	ask[*kmsg.CreateTopicsResponse](c, "2 is stopped: create", create(s.last(19), assigned(n, -1, -1, []int32{0, 2, 1, 3})))
	for _, b := range others {
		s.led(b, n, 1)
	}
	s.seenBy(others, "created without 2", n)
	for _, v := range s.versions(45) {
		ask[*kmsg.AlterPartitionAssignmentsResponse](c, "to 2", reassignment(v, d.moving.name, moved(0, 2, 3), moved(1, 3, 1, 2)))
		for _, b := range others {
			for _, v := range s.versions(46) {
				req := in(v, kmsg.NewPtrListPartitionReassignmentsRequest())
				req.TimeoutMillis = limit
				ask[*kmsg.ListPartitionReassignmentsResponse](s.at(b, "c"), "to 2: under way", req)
			}
		}
		s.barrier(others...)
		s.seenBy([]int32{1}, "moving to 2", d.moving.name)
		ask[*kmsg.AlterPartitionAssignmentsResponse](c, "to another", reassignment(v, d.moving.name, moved(0, 2, 1)))
		s.barrier(others...)
		s.seenBy([]int32{1}, "moving to another", d.moving.name)
		ask[*kmsg.AlterPartitionAssignmentsResponse](c, "cancelled", reassignment(v, d.moving.name, moved(0), moved(1)))
		ask[*kmsg.AlterPartitionAssignmentsResponse](c, "cancelled again", reassignment(v, d.moving.name, moved(0), moved(1)))
		s.barrier(others...)
		s.seenBy([]int32{1}, "moving no more", d.moving.name)
	}
	for _, v := range s.versions(32) {
		ask[*kmsg.DescribeConfigsResponse](c, "the stopped broker's", described(v, ofBroker, "2", "log.cleaner.backoff.ms"))
	}
	for _, v := range s.versions(35) {
		req := in(v, kmsg.NewPtrDescribeLogDirsRequest())
		req.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: d.alone.name, Partitions: []int32{0}}}
		r := quiet[*kmsg.DescribeLogDirsResponse](c, req)
		for i := range r.Dirs {
			r.Dirs[i].Dir = "the log directory"
		}
		s.log = append(s.log, &exchange{step: "a topic on 2", request: req, outcome: answered, answer: r, exact: true})
	}
}

// elect asks for elections of every kind.
func (d *shutdown) elect(what string) {
	s := d.s
	for _, v := range s.versions(43) {
		for _, kind := range []int8{1, 0} {
			for _, p := range []place{d.led, d.lost, d.alone, d.moving} {
				req := in(v, kmsg.NewPtrElectLeadersRequest())
				req.ElectionType, req.TimeoutMillis = kind, limit
				req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: p.name, Partitions: []int32{0, 1, 2}}}
				ask[*kmsg.ElectLeadersResponse](s.conn("c"), step("%s: type %d, %s", what, kind, p.name), req)
			}
		}
	}
}
