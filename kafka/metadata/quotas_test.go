package metadata

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/quota"
)

// quotaKinds is the entity types, and some that are none.
var quotaKinds = []string{"user", "client-id", "ip", "group", ""}

// quota user=alice client-id=* producer_byte_rate=100 consumer_byte_rate=remove
// validate: "*" is the default, "" the empty name. The word "twice" sends the
// entity twice, "again" each key twice.
func (s *stage) alterQuotas(args map[string]string, words []string) string {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.ValidateOnly = slices.Contains(words, "validate")
	var in kmsg.AlterClientQuotasRequestEntry
	for _, kind := range quotaKinds {
		if v, ok := args[kind]; ok {
			in.Entity = append(in.Entity, kmsg.AlterClientQuotasRequestEntryEntity{Type: kind, Name: starred(v)})
		}
	}
	for _, key := range sortedKeys(args) {
		if slices.Contains(quotaKinds, key) {
			continue
		}
		op := kmsg.AlterClientQuotasRequestEntryOp{Key: key, Remove: args[key] == "remove"}
		op.Value, _ = strconv.ParseFloat(args[key], 64)
		in.Ops = append(in.Ops, op)
		if slices.Contains(words, "again") {
			in.Ops = append(in.Ops, op)
		}
	}
	req.Entries = append(req.Entries, in)
	if slices.Contains(words, "twice") {
		req.Entries = append(req.Entries, in)
	}
	out := ""
	for _, e := range s.do(req).(*kmsg.AlterClientQuotasResponse).Entries {
		out += said(e.ErrorCode, e.ErrorMessage) + "\n"
	}
	return out
}

// TestAQuotasTypeTwice: the last counts, and the answer names no other.
func TestAQuotasTypeTwice(t *testing.T) {
	c := newCluster(t, 1, false)
	req := kmsg.NewPtrAlterClientQuotasRequest()
	name := func(s string) kmsg.AlterClientQuotasRequestEntryEntity {
		return kmsg.AlterClientQuotasRequestEntryEntity{Type: "user", Name: &s}
	}
	req.Entries = []kmsg.AlterClientQuotasRequestEntry{{
		Entity: []kmsg.AlterClientQuotasRequestEntryEntity{name("alice"), name("bob")},
		Ops:    []kmsg.AlterClientQuotasRequestEntryOp{{Key: "producer_byte_rate", Value: 7}},
	}}
	out := c.do(req).(*kmsg.AlterClientQuotasResponse).Entries
	if len(out) != 1 || out[0].ErrorCode != 0 || len(out[0].Entity) != 1 || *out[0].Entity[0].Name != "bob" {
		t.Errorf("answer %+v", out)
	}
	if got := fmt.Sprint(c.image.quotas); !strings.Contains(got, "bob") || strings.Contains(got, "alice") {
		t.Errorf("quotas %s", got)
	}
}

func starred(v string) *string {
	if v == "*" {
		return nil
	}
	return &v
}

// quotas user=alice client-id=* ip=? strict: "?" is any name.
func (s *stage) describeQuotas(args map[string]string, words []string) string {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Strict = slices.Contains(words, "strict")
	for _, kind := range quotaKinds {
		v, ok := args[kind]
		if !ok {
			continue
		}
		c := kmsg.DescribeClientQuotasRequestComponent{EntityType: kind, Match: starred(v), MatchType: kmsg.QuotasMatchTypeExact}
		switch v {
		case "*":
			c.MatchType = kmsg.QuotasMatchTypeDefault
		case "?":
			c.MatchType, c.Match = kmsg.QuotasMatchTypeAny, nil
		}
		req.Components = append(req.Components, c)
	}
	resp := s.Image().DescribeClientQuotas(req)
	if resp.ErrorCode != 0 {
		return said(resp.ErrorCode, resp.ErrorMessage) + "\n"
	}
	var b strings.Builder
	for _, e := range resp.Entries {
		for _, p := range e.Entity {
			name := "*"
			if p.Name != nil {
				name = *p.Name
			}
			fmt.Fprintf(&b, "%s=%s ", p.Type, name)
		}
		for _, v := range e.Values {
			fmt.Fprintf(&b, " %s=%v", v.Key, v.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestQuotaFiltersThatMakeNoSense cannot be told in a story.
func TestQuotaFiltersThatMakeNoSense(t *testing.T) {
	name := "x"
	for want, c := range map[string]kmsg.DescribeClientQuotasRequestComponent{
		"Request specified MATCH_TYPE_EXACT, but set match string to null.":          {EntityType: "user", MatchType: 0},
		"Request specified MATCH_TYPE_DEFAULT, but also specified a match string.":   {EntityType: "user", MatchType: 1, Match: &name},
		"Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.": {EntityType: "user", MatchType: 2, Match: &name},
		"Unknown match type 7": {EntityType: "user", MatchType: 7},
	} {
		resp := newCluster(t, 1, false).Image().DescribeClientQuotas(&kmsg.DescribeClientQuotasRequest{Components: []kmsg.DescribeClientQuotasRequestComponent{c}})
		if resp.ErrorCode != kerr.InvalidRequest.Code || *resp.ErrorMessage != want || resp.Entries != nil {
			t.Errorf("%+v: %d %v", c, resp.ErrorCode, *resp.ErrorMessage)
		}
	}
}

func TestQuotaValuesThatAreNoNumbers(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if err := checkQuota(quota.Entity{User: quota.Default}, quota.RequestPercent, v); err == nil {
			t.Errorf("%v is taken", v)
		}
	}
}

func TestQuotaRules(t *testing.T) {
	c := New(Params{Static: map[string]string{
		"quota.window.num": "3", "quota.window.size.seconds": "2", "controller.quota.window.num": "5", "max.connection.creation.rate": "7",
		"max.connections.per.ip": "9", "max.connections.per.ip.overrides": "10.0.0.1:1, [2001:db8::1]:2,somehost:3,2001:db8::2:4",
	}})
	r := c.Image().QuotaRules()
	if r.Clients != (quota.Window{Samples: 3, Size: 2 * time.Second}) || r.Controller != (quota.Window{Samples: 5, Size: time.Second}) {
		t.Errorf("%+v", r)
	}
	doors := c.Image().ConnectionRules(1, "CLIENT", 0)
	if doors.Rate != 7 || doors.PerIP != 9 || doors.Most != math.MaxInt32 || doors.Listener.Most != math.MaxInt {
		t.Errorf("%+v", doors)
	}
	for ip, n := range map[string]int{"10.0.0.1": 1, "2001:db8::1": 2, "2001:db8::2": 4} {
		if doors.PerIPOf[netip.MustParseAddr(ip)] != n {
			t.Errorf("%v", doors.PerIPOf)
		}
	}
}
