package listener

import (
	"math"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/quota"
)

// rules are quotas that never change.
func rules(r quota.Rules) *Quotas {
	r.Clients = quota.Window{Samples: 11, Size: time.Second}
	r.Controller = r.Clients
	free := &quota.ConnectionRules{Most: 1000, Rate: 1e9, PerIP: 1000, Listener: quota.Door{Most: math.MaxInt, Rate: 1e9}}
	return &Quotas{
		Rules: func() *quota.Rules { return &r }, Clients: &quota.Meters{}, Mutations: &quota.Meters{}, Connections: &quota.Connections{},
		Doors: func() *quota.ConnectionRules { return free },
	}
}

// TestRequestQuota: time counts for every request, never for longer than a
// second at a time, and SASL and ApiVersions are free (KIP-124).
func TestRequestQuota(t *testing.T) {
	q := rules(quota.Rules{Limits: quota.Limits{{User: quota.Of("ANONYMOUS")}: {quota.RequestPercent: 1e-9}}})
	l, addr := serve(t, Config{Quotas: q})
	for _, req := range []kmsg.Request{
		&kmsg.HeartbeatRequest{Version: 3, Group: "no"}, // refused by the authorizer or not
		&kmsg.MetadataRequest{Version: 9},
		&kmsg.ProduceRequest{Version: 9, Acks: -1},
	} {
		resp := dial(t, addr).call(req)
		if wait, _ := resp.(kmsg.ThrottleResponse).Throttle(); wait != 1000 {
			t.Errorf("%T: silent for %d ms", resp, wait)
		}
	}
	if got := l.Counts().Throttled; got != 3 {
		t.Errorf("%d throttled", got)
	}
	if wait, _ := dial(t, addr).call(&kmsg.ApiVersionsRequest{Version: 2}).(kmsg.ThrottleResponse).Throttle(); wait != 0 {
		t.Errorf("ApiVersions: silent for %d ms", wait)
	}
}

func TestConnectionsOfAnAddress(t *testing.T) {
	q := rules(quota.Rules{})
	r := q.Doors()
	r.PerIP, r.PerIPOf = 1, map[netip.Addr]int{netip.MustParseAddr("127.0.0.1"): 2}
	l, addr := serve(t, Config{Quotas: q})
	first, second := dial(t, addr), dial(t, addr)
	first.call(&kmsg.HeartbeatRequest{Version: 3})
	second.call(&kmsg.HeartbeatRequest{Version: 3})
	dial(t, addr).closed()
	first.nc.Close()
	for l.Counts().Open > 1 { // until the listener has noticed
		runtime.Gosched()
	}
	dial(t, addr).call(&kmsg.HeartbeatRequest{Version: 3})
	if got := l.Counts().Refused; got != 1 {
		t.Errorf("%d refused", got)
	}
}

// BenchmarkCharge is what measuring a request costs: without quotas, and with
// one that holds for it.
func BenchmarkCharge(b *testing.B) {
	for name, limits := range map[string]quota.Limits{"no quotas": nil, "a user's": {{User: quota.Default}: {quota.RequestPercent: 1e9}}} {
		b.Run(name, func(b *testing.B) {
			l := New(Config{Backend: &echo{}, Authorizer: AllowAll{}, Quotas: rules(quota.Rules{Limits: limits})})
			defer l.Close()
			req := &kmsg.HeartbeatRequest{Version: 3}
			c := &conn{l: l, session: &Session{}}
			h := header(req)
			b.ReportAllocs()
			for b.Loop() {
				bill := c.charge(h)
				bill.handled(req, 100)
			}
		})
	}
}
