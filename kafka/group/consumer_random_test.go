package group_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
)

// owner is a client of the consumer protocol: it does what it is told, at its
// own pace.
type owner struct {
	id, instance string
	epoch        int32
	subscribes   []string
	joined, sent bool            // sent: everything has been told once at this epoch
	owns         map[string]bool // "topic-partition"
	classic      bool
	rejoin       bool            // of classic members
	told         map[string]bool // what it was last told to own
}

// owners is a group of them.
type owners struct {
	*lab
	t    *testing.T
	rng  *rand.Rand
	all  []*owner
	next int
}

// TestOwnersNeverShareAPartition lets members join, leave, crash, change their
// subscriptions and lose answers while topics change and coordinators restart.
// At no time may two own the same partition, unless one of them has been fenced
// and does not know it yet; and when everything is quiet, every partition of a
// subscribed topic has an owner and the numbers are even.
func TestOwnersNeverShareAPartition(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 848))
			o := &owners{lab: newLab(group.Params{}), t: t, rng: rng}
			o.setTopics("t:7", "u:3")
			same := seed%2 == 0
			for range 300 {
				o.step(same, seed%3 == 0)
				o.checkReplay(t)
			}
			o.setTopics("t:8", "u:3", "w:2")
			for range 50 { // rounds of heartbeats, longer than the sessions of those who crashed
				for _, m := range o.all {
					o.beat(m, false)
				}
				o.sleep(t, 3*time.Second)
			}
			o.checkConverged(same)
		})
	}
}

func (o *owners) step(same, restarts bool) {
	if len(o.all) < 2 || len(o.all) < 6 && o.rng.IntN(8) == 0 {
		o.join(same)
		return
	}
	m := o.all[o.rng.IntN(len(o.all))]
	switch o.rng.IntN(24) {
	case 0: // leaves
		if m.joined {
			o.heartbeat(m, args{"epoch": "-1"})
		}
		o.drop(m)
	case 1: // crashes
		o.drop(m)
	case 2:
		if !same {
			m.subscribes = o.subscription(same)
			m.sent = false
		}
	case 3:
		o.setTopics(pick(o.rng, "t:7", "t:9", "t:4#2"), pick(o.rng, "u:3", "u:2"), "w:2")
	case 4:
		if restarts {
			o.core = o.replayed()
		}
	case 5, 6:
		o.sleep(o.t, time.Duration(o.rng.IntN(8))*time.Second)
	default:
		o.beat(m, o.rng.IntN(10) == 0)
	}
}

func (o *owners) subscription(same bool) []string {
	if same {
		return []string{"t", "u", "w"}
	}
	return pick(o.rng, []string{"t"}, []string{"u"}, []string{"t", "u"}, []string{"t", "w"})
}

func (o *owners) join(same bool) {
	o.next++
	m := &owner{id: fmt.Sprint("m", o.next), subscribes: o.subscription(same), owns: map[string]bool{}}
	if o.rng.IntN(4) == 0 {
		m.instance = fmt.Sprint("i", o.next)
	}
	o.all = append(o.all, m)
	o.beat(m, false)
}

func (o *owners) drop(m *owner) {
	o.all = slices.DeleteFunc(o.all, func(x *owner) bool { return x == m })
}

// beat sends a heartbeat as a client would, and acts on the answer unless lost.
func (o *owners) beat(m *owner, lost bool) {
	if m.classic {
		o.beatClassic(m, lost)
		return
	}
	for k := range m.owns { // revocation is done by the next heartbeat
		if m.told != nil && !m.told[k] {
			delete(m.owns, k)
			m.sent = false
		}
	}
	a := args{"epoch": fmt.Sprint(m.epoch), "names": join(m.subscribes)}
	if m.sent {
		delete(a, "names")
	} else if m.joined {
		a["rebalance"], a["owned"] = "60s", join(slices.Sorted(maps.Keys(m.owns)))
	}
	resp := o.heartbeat(m, a)
	if lost {
		m.sent = false
		return
	}
	if resp.ErrorCode != 0 { // fenced: it gives everything up
		*m = owner{id: m.id, instance: m.instance, subscribes: m.subscribes, owns: map[string]bool{}}
		return
	}
	m.joined, m.sent, m.epoch = true, true, resp.MemberEpoch
	if resp.Assignment != nil {
		m.told = map[string]bool{}
		for _, t := range resp.Assignment.Topics {
			for _, p := range t.Partitions {
				m.told[fmt.Sprintf("%s-%d", topicKey(t.TopicID), p)] = true
			}
		}
		before := len(m.owns)
		for k := range m.told {
			m.owns[k] = true
		}
		m.sent = len(m.owns) == before
	}
	o.checkOwners()
}

// topicKey is a topic as the harness names it: "t", or "t@2" made again.
func topicKey(id [16]byte) string {
	name := string(id[:])
	for i := range name {
		if name[i] == '#' {
			if name[i+1] != 0 {
				return name[:i] + "@" + name[i+1:i+2]
			}
			return name[:i]
		}
	}
	return name
}

func (o *owners) heartbeat(m *owner, a args) *group.Heartbeat {
	a["member"] = m.id
	if m.instance != "" {
		a["instance"] = m.instance
	}
	return o.do(request("hb", a)).(*group.Heartbeat)
}

func join(list []string) (out string) {
	for i, s := range list {
		if i > 0 {
			out += ","
		}
		out += s
	}
	return out
}

func (o *owners) described() kmsg.ConsumerGroupDescribeResponseGroup {
	r := kmsg.NewPtrConsumerGroupDescribeRequest()
	r.Version, r.Groups = 1, []string{"g"}
	return ask[*kmsg.ConsumerGroupDescribeResponse](o.lab, o.core, r).Groups[0]
}

// checkOwners compares the owners with one another, but for those that the
// coordinator has fenced.
func (o *owners) checkOwners() {
	o.t.Helper()
	live := map[string]bool{}
	for _, m := range o.described().Members {
		live[m.MemberID] = true
	}
	by := map[string]string{}
	for _, m := range o.all {
		if !m.joined || !live[m.id] {
			continue
		}
		for k := range m.owns {
			if other, ok := by[k]; ok {
				o.t.Fatalf("%s and %s both own %s\n%s", other, m.id, k, o.out.String())
			}
			by[k] = m.id
		}
	}
}

func (o *owners) checkConverged(same bool) {
	if len(o.all) == 0 {
		return
	}
	g := o.described()
	if g.State != "Stable" {
		o.t.Errorf("the group is %s after quiet rounds: %s", g.State, o.show(&kmsg.ConsumerGroupDescribeResponse{Groups: []kmsg.ConsumerGroupDescribeResponseGroup{g}}))
	}
	sizes := map[string]int{"t": 8, "u": 3, "w": 2} // the last that were set
	owned := map[string]bool{}
	least, most := 1000, 0
	for _, m := range o.all {
		for k := range m.owns {
			owned[k] = true
		}
		least, most = min(least, len(m.owns)), max(most, len(m.owns))
	}
	for _, m := range o.all {
		for _, topic := range m.subscribes {
			for p := range sizes[topic] {
				if k := fmt.Sprintf("%s-%d", topic, p); !owned[k] {
					o.t.Errorf("nobody owns %s", k)
				}
			}
		}
	}
	if same && most-least > 1 {
		o.t.Errorf("the owners have from %d to %d partitions", least, most)
	}
}

// TestOwnersOfBothProtocolsNeverShareAPartition is the same with members of the
// classic protocol in the group, as in a migration that is rolled out member by
// member, and its end: the members of the consumer protocol leave, and the group
// is a classic one.
func TestOwnersOfBothProtocolsNeverShareAPartition(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			o := &owners{lab: newLab(group.Params{}), t: t, rng: rand.New(rand.NewPCG(seed, 429))}
			o.setTopics("t:5")
			anchor := &owner{id: "anchor", subscribes: []string{"t"}, owns: map[string]bool{}}
			o.all = append(o.all, anchor)
			o.beat(anchor, false)
			for n := range 250 {
				m := o.all[o.rng.IntN(len(o.all))]
				switch k := o.rng.IntN(20); {
				case k == 0 && len(o.all) < 6:
					next := &owner{id: fmt.Sprint("m", n), classic: o.rng.IntN(3) > 0, subscribes: []string{"t"}, owns: map[string]bool{}}
					o.all = append(o.all, next)
					o.beat(next, false)
				case k == 1 && m != anchor:
					o.drop(m) // without a word
				case k == 2:
					o.setTopics(pick(o.rng, "t:5", "t:6", "t:8"))
				case k < 5:
					o.sleep(t, time.Duration(o.rng.IntN(4))*time.Second)
				default:
					o.beat(m, o.rng.IntN(10) == 0)
				}
				o.checkReplay(t)
			}
			o.setTopics("t:8")
			for range 50 {
				for _, m := range o.all {
					o.beat(m, false)
				}
				o.sleep(t, 2*time.Second)
			}
			o.checkConverged(true)
			o.leaveToClassic()
		})
	}
}

// leaveToClassic lets all members of the consumer protocol leave.
func (o *owners) leaveToClassic() {
	classic := 0
	for _, m := range o.all {
		if m.classic {
			classic++
		} else if resp := o.heartbeat(m, args{"epoch": "-1"}); resp.ErrorCode != 0 {
			o.t.Errorf("%s may not leave: %s", m.id, name(resp.ErrorCode))
		}
	}
	kind := ask[*kmsg.ListGroupsResponse](o.lab, o.core, request("list", args{})).Groups[0].GroupType
	if want := map[bool]string{true: "classic", false: "consumer"}[classic > 0]; kind != want {
		o.t.Errorf("with %d classic members left the group is %s", classic, kind)
	}
}

// beatClassic is what a cooperative consumer of the classic protocol does: it
// joins again when it is told to, and when it has given something up.
func (o *owners) beatClassic(m *owner, lost bool) {
	gen := fmt.Sprint(m.epoch)
	if m.joined && !m.rejoin {
		r := o.do(request("heartbeat", args{"member": m.id, "gen": gen})).(*kmsg.HeartbeatResponse)
		switch name(r.ErrorCode) {
		case "ok":
		case "REBALANCE_IN_PROGRESS":
			m.rejoin = true
		default:
			*m = owner{id: m.id, classic: true, subscribes: m.subscribes, owns: map[string]bool{}}
		}
		return
	}
	a := args{"v": "3", "owned": join(slices.Sorted(maps.Keys(m.owns)))}
	if m.joined {
		a["member"] = m.id
	}
	joined := o.do(request("join", a)).(*kmsg.JoinGroupResponse)
	if joined.ErrorCode != 0 || lost {
		m.joined = m.joined && joined.ErrorCode == 0
		m.rejoin = true
		if !m.joined {
			m.owns = map[string]bool{}
		}
		return
	}
	m.id, m.epoch, m.joined, m.rejoin = joined.MemberID, joined.Generation, true, false
	synced := o.do(request("sync", args{"member": m.id, "gen": fmt.Sprint(m.epoch)})).(*kmsg.SyncGroupResponse)
	if synced.ErrorCode != 0 {
		m.rejoin = true
		return
	}
	var assigned kmsg.ConsumerMemberAssignment
	if err := assigned.ReadFrom(synced.MemberAssignment); err != nil {
		o.t.Fatal(err)
	}
	told := map[string]bool{}
	for _, t := range assigned.Topics {
		for _, p := range t.Partitions {
			told[fmt.Sprintf("%s-%d", t.Topic, p)] = true
		}
	}
	for k := range m.owns {
		m.rejoin = m.rejoin || !told[k]
	}
	m.owns = told
	o.checkOwners()
}
