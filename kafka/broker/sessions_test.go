package broker

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/metadata"
)

// cache is a session cache with a clock and as many slots as a test wants.
type cache struct {
	sessions
	img   *metadata.Image
	slots int
	at    time.Time
}

func newCache(slots int) *cache {
	return &cache{img: metadata.New(metadata.Params{}).Image(), slots: slots, at: time.Unix(1_000_000, 0)}
}

// ask fetches partitions of topic "t" that have nothing, for a principal.
func (c *cache) ask(owner string, id, epoch int32, partitions ...int32) (session int32, answered int, err error) {
	req := &kmsg.FetchRequest{Version: 12, SessionID: id, SessionEpoch: epoch}
	t := kmsg.FetchRequestTopic{Topic: "t"}
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.FetchRequestTopicPartition{Partition: p})
	}
	req.Topics = append(req.Topics, t)
	return c.fetch(owner, req)
}

func (c *cache) fetch(owner string, req *kmsg.FetchRequest) (session int32, answered int, err error) {
	var x fetchContext
	c.open(&x, req, owner, c.img, c.at)
	if x.refused != nil {
		return 0, 0, x.refused
	}
	got := make([]found, len(x.parts))
	for i := range got {
		got[i].preferred = -1
	}
	session, err = c.finish(&x, got, owner, req.Version >= 13, c.slots, c.at)
	for _, g := range got {
		if !g.omit {
			answered++
		}
	}
	return session, answered, err
}

// open makes a session of n partitions and returns its id.
func (c *cache) begin(t *testing.T, n int) int32 {
	t.Helper()
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	id, answered, err := c.ask("alice", 0, 0, all...)
	if err != nil || answered != n {
		t.Fatalf("%d of %d partitions, %v", answered, n, err)
	}
	return id
}

// lives tells whether a session is still there, without using it.
func (c *cache) lives(id int32) bool { return c.byID[id] != nil }

func TestSessionsAreEvictedByKafkasRules(t *testing.T) {
	t.Run("the oldest after two minutes without use", func(t *testing.T) {
		c := newCache(2)
		used, idle := c.begin(t, 9), c.begin(t, 9)
		c.at = c.at.Add(sessionRest)
		if _, _, err := c.ask("alice", used, 1); err != nil {
			t.Fatal(err)
		}
		if id := c.begin(t, 1); id != 0 {
			t.Error("a session was evicted before its time")
		}
		c.at = c.at.Add(time.Millisecond)
		if id := c.begin(t, 1); id == 0 || c.lives(idle) || !c.lives(used) {
			t.Errorf("new %d, idle lives %v, used lives %v", id, c.lives(idle), c.lives(used))
		}
	})
	t.Run("a smaller one that is older than two minutes", func(t *testing.T) {
		c := newCache(2)
		small, large := c.begin(t, 3), c.begin(t, 5)
		c.at = c.at.Add(sessionRest + time.Millisecond)
		for _, id := range []int32{small, large} {
			if _, _, err := c.ask("alice", id, 1); err != nil {
				t.Fatal(err)
			}
		}
		if id := c.begin(t, 3); id != 0 || !c.lives(small) {
			t.Error("one of the same size was evicted")
		}
		if id := c.begin(t, 4); id == 0 || c.lives(small) || !c.lives(large) {
			t.Errorf("new %d, small lives %v, large lives %v", id, c.lives(small), c.lives(large))
		}
	})
	t.Run("never a young one", func(t *testing.T) {
		c := newCache(1)
		if c.begin(t, 1); c.begin(t, 100) != 0 {
			t.Error("a session that was just made was evicted")
		}
	})
	t.Run("no slots", func(t *testing.T) {
		if newCache(0).begin(t, 1) != 0 {
			t.Error("a session without a slot")
		}
	})
}

func TestASessionBelongsToItsPrincipal(t *testing.T) {
	c := newCache(10)
	id := c.begin(t, 1)
	if _, _, err := c.ask("mallory", id, 1); !errors.Is(err, kerr.FetchSessionIDNotFound) {
		t.Errorf("another principal: %v", err)
	}
	if names := c.names("mallory", id, c.img); names != nil {
		t.Errorf("another principal learns %v", names)
	}
	if _, _, err := c.ask("mallory", id, noEpoch); err != nil || !c.lives(id) {
		t.Errorf("another principal closed it: %v", err)
	}
	if names := c.names("alice", id, c.img); len(names) != 1 || names[0] != "t" {
		t.Errorf("its topics are %v", names)
	}
	if _, _, err := c.ask("alice", id, noEpoch); err != nil || c.lives(id) {
		t.Errorf("its own principal could not close it: %v", err)
	}
}

func TestEpochsOfASession(t *testing.T) {
	c := newCache(10)
	id := c.begin(t, 2)
	c.byID[id].epoch = math.MaxInt32
	if _, answered, err := c.ask("alice", id, math.MaxInt32); err != nil || answered != 0 {
		t.Errorf("%d answered, %v", answered, err)
	}
	if _, _, err := c.ask("alice", id, math.MaxInt32); !errors.Is(err, kerr.InvalidFetchSessionEpoch) {
		t.Errorf("the same request again: %v", err)
	}
	if _, _, err := c.ask("alice", id, 1); err != nil {
		t.Errorf("the epoch wraps to 1: %v", err)
	}
	if again, answered, err := c.ask("alice", id, 0, 0); err != nil || answered != 1 || c.lives(id) || again == id {
		t.Errorf("a full request begins another session: %d answered, %v", answered, err)
	}
}

func TestALaterRequestOfTheSessionWins(t *testing.T) {
	c := newCache(10)
	id := c.begin(t, 2)
	var parked fetchContext
	c.open(&parked, &kmsg.FetchRequest{Version: 12, SessionID: id, SessionEpoch: 1}, "alice", c.img, c.at)
	if _, _, err := c.ask("alice", id, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := c.finish(&parked, make([]found, 2), "alice", false, c.slots, c.at); !errors.Is(err, kerr.InvalidFetchSessionEpoch) {
		t.Errorf("the earlier request: %v", err)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	c := newCache(10)
	id := c.begin(t, 2)
	long := kmsg.FetchRequestTopic{Topic: string(make([]byte, maxTopicName+1)), Partitions: make([]kmsg.FetchRequestTopicPartition, 1)}
	if got, _, err := c.fetch("alice", &kmsg.FetchRequest{Version: 12, Topics: []kmsg.FetchRequestTopic{long}}); err != nil || got != 0 {
		t.Errorf("a session %d with a name that no topic can have, %v", got, err)
	}
	if _, _, err := c.fetch("alice", &kmsg.FetchRequest{Version: 12, SessionID: id, SessionEpoch: 1, Topics: []kmsg.FetchRequestTopic{long}}); !errors.Is(err, kerr.FetchSessionIDNotFound) || c.lives(id) {
		t.Errorf("such a name joined a session: %v", err)
	}
	id = c.begin(t, 2)
	c.parts = maxSessionParts
	if _, _, err := c.ask("alice", id, 1, 7); !errors.Is(err, kerr.FetchSessionIDNotFound) || c.lives(id) {
		t.Errorf("a session grew over the limit: %v", err)
	}
	c.parts = maxSessionParts - 1
	if c.begin(t, 2) != 0 {
		t.Error("a session was made over the limit")
	}
	c.parts = 0
	id = c.begin(t, 3)
	forget := &kmsg.FetchRequest{Version: 12, SessionID: id, SessionEpoch: 1, ForgottenTopics: []kmsg.FetchRequestForgottenTopic{{Topic: "t", Partitions: []int32{0, 1, 9}}}}
	if _, _, err := c.fetch("alice", forget); err != nil || c.parts != 1 {
		t.Errorf("%d partitions are left, %v", c.parts, err)
	}
	forget.SessionEpoch, forget.ForgottenTopics[0].Partitions = 2, []int32{2}
	if got, _, err := c.fetch("alice", forget); err != nil || got != 0 || c.lives(id) || c.parts != 0 {
		t.Errorf("an empty session goes on: %d, %d partitions, %v", got, c.parts, err)
	}
}
