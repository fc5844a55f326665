package group

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func testTopic(name string, partitions int32) Topic {
	t := Topic{Name: name, Partitions: partitions}
	copy(t.ID[:], name)
	return t
}

func count(a assignment) (n int) {
	for _, list := range a {
		n += len(list)
	}
	return n
}

// checkComplete: every partition of a subscribed topic has one owner, who
// subscribes to it.
func checkComplete(t *testing.T, members []subscriber, out []assignment) {
	t.Helper()
	owner := map[idPartition]int{}
	wanted := map[idPartition]bool{}
	for i, m := range members {
		topics := map[[16]byte]int32{}
		for _, topic := range m.topics {
			topics[topic.ID] = topic.Partitions
			for p := range topic.Partitions {
				wanted[idPartition{topic.ID, p}] = true
			}
		}
		for id, list := range out[i] {
			if !slices.IsSorted(list) {
				t.Errorf("%s: %v is not sorted", m.id, list)
			}
			for _, p := range list {
				if p >= topics[id] {
					t.Errorf("%s has %s-%d and does not subscribe to it", m.id, id, p)
				}
				if _, twice := owner[idPartition{id, p}]; twice {
					t.Errorf("%s-%d has two owners", id, p)
				}
				owner[idPartition{id, p}] = i
			}
		}
	}
	if len(owner) != len(wanted) {
		t.Errorf("%d of %d partitions have an owner", len(owner), len(wanted))
	}
}

// checkLevel: no single partition could move to a member that has two fewer.
func checkLevel(t *testing.T, members []subscriber, out []assignment) {
	t.Helper()
	for from := range members {
		for id := range out[from] {
			for to, m := range members {
				subscribed := slices.ContainsFunc(m.topics, func(x Topic) bool { return x.ID == id })
				if subscribed && count(out[to])+1 < count(out[from]) {
					t.Errorf("%s has %d partitions, one of which could go to %s, who has %d", members[from].id, count(out[from]), m.id, count(out[to]))
					return
				}
			}
		}
	}
}

// TestUniformIsCompleteLevelAndSticky runs random groups through changes.
func TestUniformIsCompleteLevelAndSticky(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		same := seed%2 == 0
		var topics []Topic
		for i := range 1 + rng.IntN(4) {
			topics = append(topics, testTopic(fmt.Sprint("t", i), rng.Int32N(9)))
		}
		var members []subscriber
		add := func() {
			m := subscriber{id: fmt.Sprintf("m%02d", len(members)), topics: topics}
			if !same {
				m.topics = nil
				for _, topic := range topics {
					if rng.IntN(2) == 0 {
						m.topics = append(m.topics, topic)
					}
				}
			}
			members = append(members, m)
		}
		for range 1 + rng.IntN(6) {
			add()
		}
		for round := range 5 {
			out := uniform(members)
			checkComplete(t, members, out)
			checkLevel(t, members, out)
			for i := range members {
				members[i].has = out[i]
			}
			for i, again := range uniform(members) {
				if !again.equal(out[i]) {
					t.Fatalf("seed %d round %d: %s had %v and got %v for no reason", seed, round, members[i].id, out[i], again)
				}
			}
			if rng.IntN(2) == 0 || len(members) == 1 {
				add()
			} else {
				members = slices.Delete(members, 0, 1)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestUniformMovesOnlyWhatItMust: one of ten members leaves, and its partitions
// alone find new owners; one joins, and takes a share.
func TestUniformMovesOnlyWhatItMust(t *testing.T) {
	topic := testTopic("t", 100)
	var members []subscriber
	for i := range 10 {
		members = append(members, subscriber{id: fmt.Sprint("m", i), topics: []Topic{topic}})
	}
	set := func() {
		for i, a := range uniform(members) {
			members[i].has = a
		}
	}
	moved := func() (n int) {
		for i, a := range uniform(members) {
			for _, p := range a[topic.ID] {
				if !members[i].has.has(topic.ID, p) {
					n++
				}
			}
		}
		return n
	}
	set()
	members = slices.Delete(members, 3, 4)
	if n := moved(); n != 10 {
		t.Errorf("%d partitions have a new owner after a leave, want 10", n)
	}
	set()
	members = append(members, subscriber{id: "n", topics: []Topic{topic}})
	if n := moved(); n != 10 {
		t.Errorf("%d partitions have a new owner after a join, want 10", n)
	}
}

func TestRangeGivesRunsOfAllTopicsAlike(t *testing.T) {
	a, b := testTopic("a", 5), testTopic("b", 5)
	members := []subscriber{
		{id: "m1", topics: []Topic{a, b}},
		{id: "m2", topics: []Topic{a, b}, instance: "z"},
		{id: "m3", topics: []Topic{a, b}, instance: "y"},
	}
	out := ranges(members)
	checkComplete(t, members, out)
	want := [][]int32{{4}, {2, 3}, {0, 1}} // static members first, by instance id
	for i := range members {
		if !slices.Equal(out[i][a.ID], want[i]) || !slices.Equal(out[i][b.ID], want[i]) {
			t.Errorf("%s got %v, want %v of both topics", members[i].id, out[i], want[i])
		}
	}
	members[0].topics = []Topic{b}
	out = ranges(members)
	checkComplete(t, members, out)
	if n := len(out[1][a.ID]) + len(out[2][a.ID]); n != 5 {
		t.Errorf("the subscribers of a have %d of its 5 partitions", n)
	}
}
