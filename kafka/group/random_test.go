package group_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// TestReplayEqualsLiveState runs random requests, times and restarts. After
// each the replay of the log must give the state that the live core has, every
// call must be answered at most once, and at the end, once all sessions are
// over, each has been.
func TestReplayEqualsLiveState(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			l := newLab(group.Params{InitialRebalanceDelay: time.Duration(rng.IntN(3)) * time.Second, MaxSize: 4})
			r := &random{lab: l, rng: rng, gen: map[string]int32{}}
			restarts := seed%2 == 1
			for range 250 {
				r.step(t, restarts)
				l.checkReplay(t)
			}
			l.sleep(t, 2*time.Hour)
			l.checkReplay(t)
			r.checkAnswered(t, restarts)
			for _, g := range ask[*kmsg.ListGroupsResponse](l, l.core, kmsg.NewPtrListGroupsRequest()).Groups {
				if g.GroupState != "Empty" {
					t.Errorf("group %s is %s long after all sessions", g.Group, g.GroupState)
				}
			}
		})
	}
}

// random makes requests of a few groups and members, mostly sensible ones.
type random struct {
	*lab
	rng     *rand.Rand
	members []string // ids seen
	gen     map[string]int32
	epoch   int // of transactional producers
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func (r *random) step(t *testing.T, restarts bool) {
	a := args{"group": pick(r.rng, "g", "h"), "gen": fmt.Sprint(r.rng.IntN(12))}
	if len(r.members) > 0 && r.rng.IntN(5) > 0 {
		a["member"] = r.members[max(0, len(r.members)-1-r.rng.IntN(6))]
	}
	if gen, ok := r.gen[a["group"]]; ok && r.rng.IntN(6) > 0 {
		a["gen"] = fmt.Sprint(gen)
	}
	if r.rng.IntN(3) == 0 {
		a["instance"] = pick(r.rng, "i", "j")
	}
	switch r.rng.IntN(21) {
	case 0, 1, 2, 3, 4:
		a["v"] = pick(r.rng, "2", "5", "9")
		a["protocols"] = pick(r.rng, "range", "range", "range,sticky", "sticky,range", "sticky")
		r.do(request("join", a))
	case 5, 6, 7:
		a["assign"] = a["member"] + ":" + pick(r.rng, "x", "y")
		r.do(request("sync", a))
	case 8:
		r.do(request("heartbeat", a))
	case 9:
		delete(a, "instance")
		r.do(request("leave", a))
	case 10, 11:
		a["to"] = pick(r.rng, "t-0:1", "t-0:2,u-1:3", "u-1:4")
		if r.rng.IntN(2) == 0 {
			delete(a, "member")
			delete(a, "instance")
			a["gen"] = "-1"
		}
		r.do(request("commit", a))
	case 12:
		r.do(request(pick(r.rng, "delete", "describe", "fetch"), a))
	case 13:
		a["of"] = "t-0,u-1"
		r.do(request("delete-offsets", a))
	case 14:
		r.sleep(t, time.Duration(r.rng.IntN(12))*time.Second)
	case 16, 17:
		r.consumer(a)
	case 18, 19, 20:
		r.transactional(a)
	case 15:
		if restarts && r.rng.IntN(4) == 0 {
			r.core = r.replayed()
			r.gen = map[string]int32{}
		} else if r.rng.IntN(8) == 0 {
			r.sleep(t, time.Duration(r.rng.IntN(100))*time.Hour)
		}
	}
	r.learn()
}

// transactional commits offsets of one of two producers, with or without a
// verification, or ends its transaction.
func (r *random) transactional(a args) {
	a["pid"], a["epoch"] = pick(r.rng, "1", "2"), fmt.Sprint(r.epoch)
	if r.rng.IntN(3) == 0 {
		if r.rng.IntN(2) == 0 {
			a["commit"] = "1"
		}
		r.transaction("end", a)
		r.epoch += r.rng.IntN(2) // V2 or V1
		return
	}
	if r.rng.IntN(4) > 0 {
		r.transaction("verify", a)
	}
	a["to"] = pick(r.rng, "t-0:1", "t-0:2,u-1:3", "u-1:4")
	if r.rng.IntN(2) == 0 {
		delete(a, "member")
		delete(a, "instance")
		a["gen"] = "-1"
	}
	r.do(txnCommitRequest(a["group"], a))
}

// consumer is a heartbeat of the consumer protocol, which may turn a classic
// group into a consumer group; what ids and epochs it has are also those of
// classic members.
func (r *random) consumer(a args) {
	if r.resolve != nil && r.rng.IntN(3) > 0 {
		r.tell(r.resolve.By(func(string) bool { return r.rng.IntN(4) > 0 }))
		r.resolve = nil
		return
	}
	if a["member"] == "" || r.rng.IntN(6) == 0 {
		a["member"] = pick(r.rng, "x", "y", "z")
		r.members = append(r.members, a["member"])
	}
	a["epoch"] = pick(r.rng, "0", "0", a["gen"], a["gen"], "-1", "-2")
	if a["epoch"] != "0" {
		a["owned"] = pick(r.rng, "", "", "t-0", "t-0,t-1,u-0")
	}
	switch r.rng.IntN(6) {
	case 0:
		a["pattern"] = pick(r.rng, "t.*", "u", "", "(")
	case 1:
		a["names"] = pick(r.rng, "t", "u", "t,u", "")
	case 2:
		r.setTopics(pick(r.rng, "t:2", "t:4", "t:4#2"), pick(r.rng, "u:1", "v:1"))
	}
	r.do(request("hb", a))
}

// learn takes ids and generations from the groups and the answers.
func (r *random) learn() {
	for _, g := range []string{"g", "h"} {
		describe := kmsg.NewPtrDescribeGroupsRequest()
		describe.Groups = []string{g}
		for _, m := range ask[*kmsg.DescribeGroupsResponse](r.lab, r.core, describe).Groups[0].Members {
			r.members = append(r.members, m.MemberID)
		}
		consumers := kmsg.NewPtrConsumerGroupDescribeRequest()
		consumers.Version, consumers.Groups = 1, []string{g}
		for _, m := range ask[*kmsg.ConsumerGroupDescribeResponse](r.lab, r.core, consumers).Groups[0].Members {
			r.members = append(r.members, m.MemberID)
			r.gen[g] = m.MemberEpoch
		}
	}
	for _, got := range r.fresh() {
		if join, ok := got.Value.(*kmsg.JoinGroupResponse); ok {
			if join.MemberID != "" {
				r.members = append(r.members, join.MemberID)
			}
			if join.ErrorCode == 0 {
				r.gen["g"], r.gen["h"] = join.Generation, join.Generation
			}
		}
	}
}

// fresh is the replies since it was called last.
func (r *random) fresh() []statemachine.Reply {
	from := r.seen
	r.seen = len(r.replies)
	return r.replies[from:]
}

func (r *random) checkAnswered(t *testing.T, restarts bool) {
	times := map[statemachine.Ticket]int{}
	for _, reply := range r.replies {
		times[reply.To]++
	}
	for ticket := statemachine.Ticket(1); ticket <= r.ticket; ticket++ {
		if n := times[ticket]; n > 1 || n == 0 && !restarts {
			t.Errorf("request %d has been answered %d times", ticket, n)
		}
	}
}

// FuzzApply feeds records that nobody checked, after one of each kind that is
// valid: Apply must neither fail nor make a state that later panics.
func FuzzApply(f *testing.F) {
	l := newLab(group.Params{})
	l.setTopics("t:4", "u:1")
	for _, msg := range []kmsg.Request{
		request("join", args{"v": "3"}), request("sync", args{"member": "c-1", "assign": "c-1:x"}),
		request("commit", args{"member": "c-1", "gen": "1", "to": "t-0:1"}),
		request("commit", args{"group": "alone", "v": "3", "retention": "1h", "to": "t-0:1"}),
		request("hb", args{"group": "new", "member": "a", "instance": "i", "rack": "r", "assignor": "range"}),
		request("hb", args{"group": "new", "member": "b", "pattern": "u.*", "rebalance": "1s"}),
		request("hb", args{"group": "new", "member": "a", "instance": "i", "epoch": "1", "owned": "t-0,t-1,t-2,t-3"}),
		request("join", args{"group": "new", "v": "3"}),
	} {
		l.do(msg)
	}
	l.tell(l.resolve.By(func(string) bool { return true }))
	for _, r := range l.log {
		f.Add(r.Key, r.Value)
		f.Add(r.Key, []byte(nil))
	}
	f.Add([]byte{0, 2}, []byte{0, 3})
	f.Add([]byte{0, 3, 0, 1, 'g'}, []byte{0, 0})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		lab := newLab(group.Params{})
		lab.names, lab.topics = l.names, l.topics
		lab.log = append(lab.log, l.log...)
		lab.log = append(lab.log, logged{statemachine.Record{Key: key, Value: value}, lab.now})
		of := statemachine.Transaction{ProducerID: 1}
		lab.log = append(lab.log, logged{statemachine.Record{Key: key, Value: value, Transaction: &of}, lab.now})
		lab.core = lab.replayed()
		lab.transaction("end", args{"commit": "1"})
		lab.do(request("join", args{"v": "3"}))
		lab.do(request("list", args{}))
		lab.do(request("describe", args{"group": "g,alone"}))
		lab.do(request("fetch", args{"group": "g,alone"}))
		lab.do(request("describe-consumer", args{"group": "new,g"}))
		lab.do(request("hb", args{"group": "new", "member": "c"}))
		lab.do(request("hb", args{"group": "new", "member": "b", "epoch": "2", "owned": ""}))
		lab.do(request("sync", args{"group": "new", "member": "8", "gen": "3"}))
		lab.do(request("heartbeat", args{"group": "new", "member": "8", "gen": "3"}))
		lab.do(request("hb", args{"group": "g", "member": "c"}))
		for range 3 {
			lab.now = maxTime(lab.now, lab.core.Deadline())
			lab.take(lab.core.Expire(lab.now), 0)
		}
	})
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
