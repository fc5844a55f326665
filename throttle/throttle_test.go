package throttle

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

var began = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestFailuresAreSlowedAndForgiven(t *testing.T) {
	f := New(Rule{Burst: 5, Every: 12 * time.Second, Keys: 10})
	now := began
	for i := range 5 {
		if w := f.Wait("a", now); w != 0 {
			t.Fatalf("failure %d must wait %s", i, w)
		}
		f.Failed("a", now)
	}
	if w := f.Wait("a", now); w != 12*time.Second {
		t.Errorf("the sixth waits %s", w)
	}
	f.Failed("a", now) // trying does not make it worse
	if w := f.Wait("a", now.Add(12*time.Second)); w != 0 {
		t.Errorf("after 12 s it waits %s", w)
	}
	if f.Wait("b", now) != 0 {
		t.Error("another key waits")
	}
	now = now.Add(time.Minute)
	tries := 0
	for range 1000 { // a try each 100 ms
		if f.Wait("a", now) == 0 {
			f.Failed("a", now)
			tries++
		}
		now = now.Add(100 * time.Millisecond)
	}
	if tries < 12 || tries > 14 { // 5 at once, and 5 a minute
		t.Errorf("%d tries in 100 s", tries)
	}
	if f.Wait("a", now.Add(-time.Hour)) > 24*time.Second {
		t.Error("a clock that goes back locks out")
	}
}

func TestSources(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := Source(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if Source(netip.Addr{}).IsValid() {
		t.Error("nobody is somebody")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	f := New(Rule{Burst: 1, Every: time.Hour, Keys: 100})
	for i := range 10_000 {
		f.Failed(strconv.Itoa(i)+strings.Repeat("x", 1000), began)
	}
	if f.Len() != 100 {
		t.Errorf("%d keys", f.Len())
	}
	if f.Wait("9999"+strings.Repeat("x", 1000), began) == 0 || f.Wait("1"+strings.Repeat("x", 1000), began) != 0 {
		t.Error("the wrong ones are remembered")
	}
}
