package coordinator_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// topic is a __consumer_offsets whose partitions are memory logs.
type topic struct {
	partitions int32

	mu      sync.Mutex
	logs    map[int32]*log // guarded by mu
	leaders map[int32]int32
	opened  int
	gate    chan struct{} // a load waits for it, unless nil
	broken  error         // what Open fails with
}

// log fails when told to, as a partition's does when its leadership ends.
type log struct {
	*statemachine.MemoryLog
	topic *topic
	fail  error // guarded by topic.mu
	used  bool  // guarded by topic.mu
	epoch int32
}

func (l *log) Epoch() int32 { return l.epoch }

func (l *log) Append(records []statemachine.Record, now time.Time) (int64, error) {
	l.topic.mu.Lock()
	defer l.topic.mu.Unlock()
	if l.fail != nil {
		err := l.fail
		l.fail = nil
		return 0, err
	}
	l.used = true
	return l.MemoryLog.Append(records, now)
}

func newTopic(partitions int32) *topic {
	t := &topic{partitions: partitions, logs: map[int32]*log{}, leaders: map[int32]int32{}}
	for i := range partitions {
		t.logs[i] = &log{MemoryLog: statemachine.NewMemoryLog(), topic: t}
		t.leaders[i] = 1
	}
	return t
}

func (t *topic) groups() *coordinator.Groups {
	return coordinator.NewGroups(coordinator.Config{Topic: t.topic()})
}

func (t *topic) topic() coordinator.Topic {
	return coordinator.Topic{
		Partitions: func() int32 { return t.partitions },
		Open: func(index int32) (coordinator.Log, error) {
			t.mu.Lock()
			t.opened++
			gate, err := t.gate, t.broken
			t.mu.Unlock()
			if gate != nil {
				<-gate
			}
			if err != nil {
				return nil, err
			}
			return t.logs[index], nil
		},
		Leader: func(index int32) (int32, bool) {
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.leaders[index], t.leaders[index] > 0
		},
		Existing: func() (out []int32) {
			t.mu.Lock()
			defer t.mu.Unlock()
			for i := range t.partitions {
				if t.logs[i].used {
					out = append(out, i)
				}
			}
			return out
		},
	}
}

func (t *topic) set(fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn()
}

func commit(id string, offset int64) *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.Generation = 9, id, -1
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = offset
	r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	return r
}

func fetch(ids ...string) *kmsg.OffsetFetchRequest {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Version = 9
	for _, id := range ids {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = id
		r.Groups = append(r.Groups, g)
	}
	return r
}

func join(id string) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.ProtocolType = 3, id, "", "consumer"
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 10_000, 60_000
	r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	return r
}

func list() *kmsg.ListGroupsRequest {
	r := kmsg.NewPtrListGroupsRequest()
	r.Version = 5
	return r
}

func do(t *testing.T, g *coordinator.Groups, broker int32, msg kmsg.Request) kmsg.Response {
	t.Helper()
	return send(g, broker, msg).Wait(t.Context())
}

func send(g *coordinator.Groups, broker int32, msg kmsg.Request) *coordinator.Pending {
	return g.Do(broker, group.Request{Client: "c", Host: "/127.0.0.1", Msg: msg})
}

// commitCode is how a commit of one offset was answered.
func commitCode(resp kmsg.Response) string {
	return word(resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode)
}

func word(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kerr.TypedErrorForCode(code).Message
}

// offsets is a fetch's answers: an error or the offset of t-0, by group.
func offsets(resp kmsg.Response) string {
	var out []string
	for _, g := range resp.(*kmsg.OffsetFetchResponse).Groups {
		s := word(g.ErrorCode)
		for _, t := range g.Topics {
			s = strconv.Itoa(int(t.Partitions[0].Offset))
		}
		out = append(out, g.Group+"="+s)
	}
	return strings.Join(out, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// The hash codes are what Java's String.hashCode gives.
func TestPartitionFor(t *testing.T) {
	g := coordinator.NewGroups(coordinator.Config{Topic: coordinator.Topic{Partitions: func() int32 { return 1 << 30 }}})
	defer g.Close()
	for id, hash := range map[string]int64{
		"":                    0,
		"a":                   97,
		"hello":               99162322,
		"hello world":         1794106052,
		"Aa":                  2112,
		"BB":                  2112,
		"é":                   233,
		"\U0001F600":          1772899, // two UTF-16 units: 0xD83D*31 + 0xDE00
		"polygenelubricants":  -1 << 31,
		"console-consumer-42": -1, // only has to be in range
	} {
		got := g.PartitionFor(id)
		abs := max(hash, -hash)
		if hash == -1<<31 {
			abs = 0
		}
		if hash != -1 && int64(got) != abs%(1<<30) || got < 0 {
			t.Errorf("PartitionFor(%q) = %d, want %d", id, got, abs%(1<<30))
		}
	}
}

func TestGroupsOfSeveralPartitionsAreAnsweredAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(5)
		g := topic.groups()
		defer g.Close()
		ids := []string{"a", "b", "c", "d", "e", "f", "g"}
		for i, id := range ids {
			want(t, "commit "+id, commitCode(do(t, g, 1, commit(id, int64(i)))), "ok")
		}
		other := g.PartitionFor("c")
		topic.set(func() { topic.leaders[other] = 2 })
		want(t, "fetch", offsets(do(t, g, 1, fetch("g", "c", "a", "none", "a"))), "g=6 c=NOT_COORDINATOR a=0 none=ok a=0")

		describe := kmsg.NewPtrDescribeGroupsRequest()
		describe.Groups = []string{"e", "c"}
		d := do(t, g, 1, describe).(*kmsg.DescribeGroupsResponse)
		want(t, "describe", d.Groups[0].State+" "+word(d.Groups[1].ErrorCode), "Empty NOT_COORDINATOR")

		remove := kmsg.NewPtrDeleteGroupsRequest()
		remove.Groups = []string{"c", "a", "nobody", "a", "c"} // each is answered once
		r := do(t, g, 1, remove).(*kmsg.DeleteGroupsResponse)
		got := ""
		for _, one := range r.Groups {
			got += one.Group + "=" + word(one.ErrorCode) + " "
		}
		if g.PartitionFor("nobody") != other {
			want(t, "delete", got, "c=NOT_COORDINATOR a=ok nobody=GROUP_ID_NOT_FOUND ")
		}
	})
}

func TestListingLoadsWhatTheBrokerLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(4)
		g := topic.groups()
		for _, id := range []string{"a", "b", "c", "d"} { // hash codes 97-100: a partition each
			do(t, g, 1, commit(id, 1))
		}
		g.Close()
		topic.set(func() { topic.leaders[g.PartitionFor("b")] = 2 })
		g = topic.groups() // as after a restart
		defer g.Close()
		for broker, groups := range map[int32]string{1: "a,c,d", 2: "b", 3: ""} {
			var got []string
			resp := do(t, g, broker, list()).(*kmsg.ListGroupsResponse)
			for _, one := range resp.Groups {
				got = append(got, one.Group)
			}
			slices.Sort(got)
			want(t, "list of broker "+strconv.Itoa(int(broker)), strings.Join(got, ","), groups)
		}
	})
}

func TestRequestsWaitForALoadInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(1)
		topic.gate = make(chan struct{})
		g := topic.groups()
		defer g.Close()
		var calls []*coordinator.Pending
		for i := range 100 {
			calls = append(calls, send(g, 1, commit("g", int64(i))))
		}
		read := send(g, 1, fetch("g"))
		time.Sleep(time.Second) // fake time: the load takes a second
		close(topic.gate)
		for _, c := range calls {
			want(t, "commit", commitCode(c.Wait(t.Context())), "ok")
		}
		want(t, "fetch after the commits", offsets(read.Wait(t.Context())), "g=99")
		if topic.opened != 1 {
			t.Errorf("opened %d times, want once", topic.opened)
		}
	})
}

func TestALongLoadIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(1)
		topic.gate = make(chan struct{})
		g := topic.groups()
		defer g.Close()
		began := time.Now()
		want(t, "commit", commitCode(do(t, g, 1, commit("g", 1))), "COORDINATOR_LOAD_IN_PROGRESS")
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("waited %v, want 5 s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want(t, "commit of one that goes", commitCode(send(g, 1, commit("g", 2)).Wait(ctx)), "COORDINATOR_NOT_AVAILABLE")
		var queued []*coordinator.Pending
		for range 1024 - 2 { // the two above still stand in the queue
			queued = append(queued, send(g, 1, fetch("g")))
		}
		want(t, "one too many", offsets(do(t, g, 1, fetch("g"))), "g=COORDINATOR_LOAD_IN_PROGRESS")
		close(topic.gate)
		want(t, "given up requests were not decided", offsets(queued[0].Wait(t.Context())), "g=ok")
	})
}

func TestLeadershipMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(1)
		g := topic.groups()
		defer g.Close()
		want(t, "commit", commitCode(do(t, g, 1, commit("g", 7))), "ok")
		do(t, g, 1, join("live"))
		parked := send(g, 1, join("live")) // waits for the first one to come again
		synctest.Wait()
		topic.set(func() { topic.leaders[0] = 2 })
		want(t, "at the old leader", offsets(do(t, g, 1, fetch("g"))), "g=NOT_COORDINATOR")
		want(t, "at the new leader", offsets(do(t, g, 2, fetch("g"))), "g=7")
		want(t, "parked at the old leader", word(parked.Wait(t.Context()).(*kmsg.JoinGroupResponse).ErrorCode), "NOT_COORDINATOR")
		topic.set(func() { topic.leaders[0] = 0 })
		want(t, "without a leader", offsets(do(t, g, 2, fetch("g"))), "g=COORDINATOR_NOT_AVAILABLE")
	})
}

func TestStopUnloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(1)
		g := topic.groups()
		defer g.Close()
		g.Stop(0) // nothing is loaded
		do(t, g, 1, join("live"))
		second := join("live")
		second.Version = 4 // the id comes first (KIP-394)
		second.MemberID = do(t, g, 1, second).(*kmsg.JoinGroupResponse).MemberID
		parked := send(g, 1, second)
		synctest.Wait()
		g.Stop(0)
		told := parked.Wait(t.Context()).(*kmsg.JoinGroupResponse)
		want(t, "parked", word(told.ErrorCode), "NOT_COORDINATOR")
		want(t, "parked, its id", told.MemberID, second.MemberID)
		want(t, "later", commitCode(do(t, g, 1, commit("g", 1))), "ok")
		if topic.opened != 2 {
			t.Errorf("opened %d times, want twice", topic.opened)
		}
	})
}

func TestAFailedLogIsLoadedAgain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{kerr.NotLeaderForPartition, "NOT_COORDINATOR"},
		{kerr.KafkaStorageError, "NOT_COORDINATOR"},
		{kerr.NotEnoughReplicas, "COORDINATOR_NOT_AVAILABLE"},
		{kerr.MessageTooLarge, "UNKNOWN_SERVER_ERROR"},
		{errors.New("disk gone"), "NOT_COORDINATOR"},
	} {
		synctest.Test(t, func(t *testing.T) {
			topic := newTopic(1)
			g := topic.groups()
			defer g.Close()
			want(t, "commit", commitCode(do(t, g, 1, commit("g", 1))), "ok")
			topic.set(func() { topic.logs[0].fail = c.err })
			want(t, "commit into a failing log", commitCode(do(t, g, 1, commit("g", 2))), c.want)
			synctest.Wait()
			want(t, "after it", offsets(do(t, g, 1, fetch("g"))), "g=1")
			want(t, "commit again", commitCode(do(t, g, 1, commit("g", 3))), "ok")
		})
	}
}

func TestAFailedLoadIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(1)
		topic.broken = kerr.CoordinatorNotAvailable
		g := topic.groups()
		defer g.Close()
		want(t, "while Open fails", commitCode(do(t, g, 1, commit("g", 1))), "COORDINATOR_NOT_AVAILABLE")
		topic.set(func() { topic.broken = nil })
		synctest.Wait()
		want(t, "later", commitCode(do(t, g, 1, commit("g", 1))), "ok")
	})
}

func TestCloseAnswersEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(1)
		g := topic.groups()
		do(t, g, 1, join("live"))
		parked := send(g, 1, join("live"))
		synctest.Wait()
		g.Close()
		resp := parked.Wait(t.Context()).(*kmsg.JoinGroupResponse)
		want(t, "parked", word(resp.ErrorCode), "NOT_COORDINATOR")
		want(t, "later", commitCode(do(t, g, 1, commit("g", 1))), "COORDINATOR_NOT_AVAILABLE")
	})
}

// Every kind of request of one group says in its own way that this is not the
// coordinator.
func TestRefusals(t *testing.T) {
	topic := newTopic(1)
	g := topic.groups()
	defer g.Close()
	sync, beat, leave, remove := kmsg.NewPtrSyncGroupRequest(), kmsg.NewPtrHeartbeatRequest(), kmsg.NewPtrLeaveGroupRequest(), kmsg.NewPtrOffsetDeleteRequest()
	old := kmsg.NewPtrOffsetFetchRequest()
	old.Version, old.Topics = 1, []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{3}}}
	newer := *old
	newer.Version = 2
	known := join("g")
	known.MemberID = "m"
	const code = 16
	j := do(t, g, 2, known).(*kmsg.JoinGroupResponse)
	f, whole := do(t, g, 2, old).(*kmsg.OffsetFetchResponse), do(t, g, 2, &newer).(*kmsg.OffsetFetchResponse)
	for what, ok := range map[string]bool{
		"join":      j.ErrorCode == code && j.MemberID == "" && j.Generation == -1,
		"sync":      do(t, g, 2, sync).(*kmsg.SyncGroupResponse).ErrorCode == code,
		"heartbeat": do(t, g, 2, beat).(*kmsg.HeartbeatResponse).ErrorCode == code,
		"leave":     do(t, g, 2, leave).(*kmsg.LeaveGroupResponse).ErrorCode == code,
		"delete":    do(t, g, 2, remove).(*kmsg.OffsetDeleteResponse).ErrorCode == code,
		"fetch":     f.Topics[0].Partitions[0].ErrorCode == code && f.Topics[0].Partitions[0].Offset == -1,
		"fetch v2":  whole.ErrorCode == code && len(whole.Topics) == 0,
		"commit":    commitCode(do(t, g, 2, commit("g", 1))) == "NOT_COORDINATOR",
	} {
		if !ok {
			t.Errorf("%s is not refused as it should be", what)
		}
	}
}
