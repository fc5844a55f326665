package quota

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"
)

var (
	begin  = time.Unix(1_700_000_000, 0)
	window = Window{Samples: 11, Size: time.Second}
)

func at(seconds float64) time.Time {
	return begin.Add(time.Duration(seconds * float64(time.Second)))
}

// TestMostSpecificQuotaWins: each limit is the number of its level, and the
// levels are taken away from the most specific one on.
func TestMostSpecificQuotaWins(t *testing.T) {
	all := []Entity{
		{User: Of("u"), ClientID: Of("c")}, {User: Of("u"), ClientID: Default}, {User: Of("u")},
		{User: Default, ClientID: Of("c")}, {User: Default, ClientID: Default}, {User: Default},
		{ClientID: Of("c")}, {ClientID: Default},
	}
	want := []bucket{
		{user: "u", id: "c"}, {user: "u", id: "c"}, {user: "u"},
		{user: "u", id: "c"}, {user: "u", id: "c"}, {user: "u"},
		{id: "c"}, {id: "c"},
	}
	l := Limits{{User: Of("u"), ClientID: Of("c")}: {ConsumerBytes: 99}}
	for i, e := range all {
		values := map[Key]float64{ProducerBytes: float64(i)}
		if i == 0 {
			values[ConsumerBytes] = 99 // another quota of the same entity
		}
		l[e] = values
	}
	for i, e := range all {
		b, limit, ok := l.find(ProducerBytes, Client{"u", "c"})
		if want[i].key = ProducerBytes; !ok || limit != float64(i) || b != want[i] {
			t.Errorf("level %d: bucket %+v, limit %v", i, b, limit)
		}
		b, limit, ok = l.find(ProducerBytes, Client{User: "u"})
		if next := map[bool]float64{true: 2, false: 5}[i <= 2]; ok != (i <= 5) || ok && (limit != next || b.id != "") {
			t.Errorf("level %d, without a client id: bucket %+v, limit %v, %v", i, b, limit, ok)
		}
		delete(l[e], ProducerBytes)
	}
	if _, _, ok := l.find(ProducerBytes, Client{"u", "c"}); ok {
		t.Error("a limit where none is left")
	}
}

// TestRates are windows computed by hand: the time to be silent is what was
// sent over the limit, less the window.
func TestRates(t *testing.T) {
	type event struct {
		at   float64
		n    float64
		wait string
	}
	for _, c := range []struct {
		name   string
		events []event
	}{
		{"10 s count from the start", []event{{0, 1000, "0s"}, {0, 500, "5s"}, {5, 0, "5s"}}},
		{"the window grows with the current sample", []event{{0, 1500, "5s"}, {1.5, 100, "5.5s"}}},
		{"what is older than 11 s is forgotten", []event{{0, 1500, "5s"}, {10, 0, "5s"}, {11.5, 900, "0s"}}},
		{"a sample that reaches into the window stays whole", []event{{0, 800, "0s"}, {0.9, 800, "5.1s"}, {11.5, 0, "4.5s"}, {11.9, 0, "0s"}}},
		{"a steady client at its limit", []event{{0, 100, "0s"}, {1, 100, "0s"}, {2, 100, "0s"}, {3, 100, "0s"}, {4, 100, "0s"}, {5, 100, "0s"}, {6, 100, "0s"}, {7, 100, "0s"}, {8, 100, "0s"}, {9, 100, "0s"}, {10, 100, "1s"}}},
		{"milliseconds are rounded", []event{{0, 1000.04, "0s"}, {0, 0.02, "1ms"}}},
		{"a wait that the wire can tell", []event{{0, 1e15, longest.String()}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Meters
			r := &Rules{Limits: Limits{{User: Default}: {ProducerBytes: 100}}, Clients: window}
			for i, e := range c.events {
				if got := m.Record(r, ProducerBytes, Client{"u", "c"}, e.n, at(e.at)).String(); got != e.wait {
					t.Errorf("event %d: silent for %s, want %s", i, got, e.wait)
				}
			}
		})
	}
}

func TestWhoSharesAQuota(t *testing.T) {
	var m Meters
	r := &Rules{Clients: window, Limits: Limits{
		{User: Default}:                             {ProducerBytes: 100},
		{User: Of("apart"), ClientID: Default}:      {ProducerBytes: 100},
		{User: Of("free")}:                          {ProducerBytes: 1e12},
		{ClientID: Of("c")}:                         {ConsumerBytes: 100},
		{User: Of("u"), ClientID: Of("percentage")}: {RequestPercent: 1},
	}}
	for _, c := range []struct {
		key  Key
		who  Client
		n    float64
		wait time.Duration
	}{
		{ProducerBytes, Client{"u", "a"}, 1000, 0},
		{ProducerBytes, Client{"u", "b"}, 100, time.Second},           // shares the user's
		{ProducerBytes, Client{"v", "a"}, 1000, 0},                    // another user, its own
		{ProducerBytes, Client{"apart", "a"}, 1000, 0},                // each client its own
		{ProducerBytes, Client{"apart", "b"}, 1000, 0},                //
		{ProducerBytes, Client{"free", "a"}, 1_000_000, 0},            //
		{ConsumerBytes, Client{"u", "c"}, 1000, 0},                    //
		{ConsumerBytes, Client{"v", "c"}, 100, time.Second},           // all users of a client id
		{ConsumerBytes, Client{"v", "d"}, 1e9, 0},                     // no quota
		{RequestPercent, Client{"u", "percentage"}, 500, window.Size}, // never longer than a sample
	} {
		if got := m.Record(r, c.key, c.who, c.n, begin); got != c.wait {
			t.Errorf("%s of %+v: silent for %v, want %v", c.key, c.who, got, c.wait)
		}
	}
	if got := r.Most(ConsumerBytes, Client{"u", "c"}); got != 1000 {
		t.Errorf("an answer may have %d bytes, want 10 s of the limit", got)
	}
	if got := r.Most(ConsumerBytes, Client{"u", "d"}); got != math.MaxInt32 {
		t.Errorf("an answer may have %d bytes without a quota", got)
	}
	m.Add(r, ConsumerBytes, Client{"u", "c"}, -100, begin)
	if got := m.Record(r, ConsumerBytes, Client{"u", "c"}, 0, begin); got != 0 {
		t.Errorf("what was taken back still counts: %v", got)
	}
	r2 := *r
	r2.Limits = r.Limits.Clone()
	r2.Limits[Entity{User: Default}] = map[Key]float64{ProducerBytes: 1}
	if got := m.Record(&r2, ProducerBytes, Client{"u", "a"}, 0, begin); got != 1090*time.Second {
		t.Errorf("a changed quota holds for what was counted: %v", got)
	}
}

// TestMutations: a bucket of 22 tokens that fills by 2 a second (KIP-599).
func TestMutations(t *testing.T) {
	r := &Rules{Limits: Limits{{User: Default}: {Mutations: 2}}, Controller: window}
	who := Client{User: "u"}
	var mutations Meters
	for _, c := range []struct {
		strict bool
		at     float64
		n      float64
		wait   time.Duration
		ok     bool
	}{
		{true, 0, 20, 0, true},
		{true, 0, 12, 0, true}, // the last token lets a large request through
		{true, 0, 1, 5 * time.Second, false},
		{true, 4, 1, time.Second, false},
		{true, 5, 3, 0, true},
		{false, 5, 2, 2500 * time.Millisecond, true}, // not refused, but silenced
		{true, 100, 22, 0, true},                     // never more than a whole window
		{true, 100, 1, 0, true},
		{true, 100, 1, 500 * time.Millisecond, false},
	} {
		if !c.strict && c.wait == 0 {
			t.Fatal("a case that shows nothing")
		}
		wait, ok := mutations.Mutate(r, who, c.n, c.strict, at(c.at))
		if wait != c.wait || ok != c.ok {
			t.Errorf("%+v: silent for %v, %v", c, wait, ok)
		}
	}
}

func TestConnections(t *testing.T) {
	a, b, loud := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("2001:db8::1")
	r := &Rules{Clients: window, Limits: Limits{{IP: Of("2001:db8::1")}: {ConnectionsByIP: 0.1}}}
	doors := &ConnectionRules{Most: 10, Rate: 1, PerIP: 3, PerIPOf: map[netip.Addr]int{b: 1}, Listener: Door{Most: 9, Rate: 100}}
	var c Connections
	for i, step := range []struct {
		ip   netip.Addr
		at   float64
		wait time.Duration
		want Admission
	}{
		{a, 0, 0, Admission{}}, {a, 0, 0, Admission{}}, {a, 0, 0, Admission{}}, {a, 0, 0, Admission{Full: true}},
		{b, 0, 0, Admission{}}, {b, 0, 0, Admission{Full: true}},
		{loud, 0, 0, Admission{}}, {loud, 0, 0, Admission{Close: time.Second}}, {loud, 0, 0, Admission{Close: time.Second}},
		{netip.Addr{}, 0, 0, Admission{}}, {netip.Addr{}, 0, 0, Admission{}}, {netip.Addr{}, 0, 0, Admission{}},
		{netip.Addr{}, 0, time.Second, Admission{}},
	} {
		wait := c.Arrive(window, doors, "X", at(step.at))
		if got := c.Admit(r, doors, "X", step.ip, at(step.at)); got != step.want || wait != step.wait {
			t.Errorf("step %d from %v: %v, %+v, want %v, %+v", i, step.ip, wait, got, step.wait, step.want)
		}
	}
	closed := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	full := c.Admit(r, doors, "X", b, at(20)) // the listener's nine are there
	if full.Left == nil || closed(full.Left) || c.Excess(doors) != nil {
		t.Errorf("a full listener: %+v", full)
	}
	if got := c.Admit(r, doors, "Y", a, at(20)); got != (Admission{Full: true}) {
		t.Errorf("another listener, the same address: %+v", got)
	}
	if got := c.Admit(r, doors, "Y", loud, at(20)); got != (Admission{}) {
		t.Errorf("another listener: %+v", got)
	}
	if got := c.Admit(r, doors, "Y", loud, at(20)); got.Left == nil {
		t.Errorf("a full broker: %+v", got)
	}
	fewer := *doors
	fewer.Most = 9
	if left := c.Excess(&fewer); left == nil || closed(left) {
		t.Error("the limit was lowered: none is too many")
	}
	c.Release("X", a)
	if !closed(full.Left) || c.Excess(&fewer) != nil {
		t.Error("one has ended, and nobody knows")
	}
	if got := c.Admit(r, doors, "X", a, at(30)); got != (Admission{}) {
		t.Errorf("after one ended: %+v", got)
	}
	for _, ip := range []netip.Addr{a, a, a, b, loud, {}, {}, {}, {}} {
		c.Release("X", ip)
	}
	c.Release("Y", loud)
	if len(c.byIP) != 0 || c.open != 0 || c.listeners["X"].open != 0 {
		t.Errorf("some are left: %v, %d", c.byIP, c.open)
	}
}

func TestMetersAreBounded(t *testing.T) {
	r := &Rules{Limits: Limits{{ClientID: Default}: {ProducerBytes: 1}, {ClientID: Of("loud")}: {ProducerBytes: 1}}, Clients: window}
	var m Meters
	m.Record(r, ProducerBytes, Client{ID: "loud"}, 1000, begin)
	for i := range 2 * maxMeters {
		m.Record(r, ProducerBytes, Client{ID: fmt.Sprint(i)}, 1, at(float64(i)/float64(maxMeters)))
	}
	if len(m.meters) > maxMeters {
		t.Errorf("%d meters", len(m.meters))
	}
	m.Record(r, ProducerBytes, Client{ID: "x"}, 1, at(100))
	if len(m.meters) != 1 {
		t.Errorf("%d meters are left after a minute of silence", len(m.meters))
	}
}
