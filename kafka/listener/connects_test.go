package listener

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/throttle"
)

// TestTooManyConnects: logins with IAM come at a rate, to all listeners of a
// broker together; others, and re-authentication, do not count.
func TestTooManyConnects(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	cfg := Config{
		Backend: &backend{}, Mechanisms: []string{sasl.AWSMSKIAM, sasl.ScramSHA512}, Now: func() time.Time { return now },
		Quotas: &Quotas{IAM: throttle.New(throttle.Rule{Burst: 2, Every: time.Second, Keys: 1})},
	}
	l, _ := serve(t, cfg)
	public, _ := serve(t, cfg)
	for i, want := range []bool{true, true, false, false} {
		at := l
		if i%2 == 1 {
			at = public
		}
		if got := at.mayConnect(sasl.AWSMSKIAM); got != want {
			t.Errorf("login %d: %v", i, got)
		}
	}
	c := &conn{l: l, auth: auth{mechanism: sasl.OAuthBearer}}
	_, _, err := c.step(t.Context(), nil)
	if f, ok := errors.AsType[*sasl.Failure](err); !ok || !strings.HasSuffix(f.Text, "]: Too many connects") {
		t.Errorf("answered %v", err)
	}
	if !l.mayConnect(sasl.ScramSHA512) {
		t.Error("SCRAM is counted")
	}
	now = now.Add(time.Second)
	if !l.mayConnect(sasl.OAuthBearer) || l.mayConnect(sasl.OAuthBearer) {
		t.Error("one more a second")
	}
}
