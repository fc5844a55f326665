package server

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/iam"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/store"
)

// TestAuthorizeAllocatesNothing: what a session asks again, of one hundred
// policies, is a look at what it was told.
func TestAuthorizeAllocatesNothing(t *testing.T) {
	a, session, ops := busySession(t)
	allowed := make([]bool, len(ops))
	a.Authorize(t.Context(), session, ops, allowed)
	if n := testing.AllocsPerRun(100, func() { a.Authorize(t.Context(), session, ops, allowed) }); n > 0 || slices.Contains(allowed, false) {
		t.Errorf("%v allocations: %v", n, allowed)
	}
}

// BenchmarkAuthorizeProduce judges what one Produce of a transaction on ten
// topics asks, for a user with one hundred policies: as it is remembered by its
// session, and when every question is new.
func BenchmarkAuthorizeProduce(b *testing.B) {
	a, session, ops := busySession(b)
	w, allowed := session.Identity.Handle.(*wireCaller), make([]bool, len(ops))
	for name, forget := range map[string]bool{"remembered": false, "new": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if forget {
					w.verdicts = nil
				}
				clear(allowed)
				if a.Authorize(b.Context(), session, ops, allowed); slices.Contains(allowed, false) {
					b.Fatalf("%v: %v", ops, allowed)
				}
			}
		})
	}
}

// busySession is a session of a user with one hundred policies, and what it may do.
func busySession(b testing.TB) (wireAuthorizer, *listener.Session, []listener.Operation) {
	st, err := store.Open(filepath.Join(b.TempDir(), "state.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	s, err := iam.New(b.Context(), iam.Config{Store: st, Random: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	const cluster = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/abcd1234-0123-abcd-5678-1234abcd-1"
	keyID := busyUser(b, s)
	_, caller, _ := s.Authenticate(b.Context(), keyID, "", "us-east-1")
	facts := &factsKeeper{}
	facts.current.Store(&clusterFacts{})
	a := wireAuthorizer{iam: s, cluster: cluster, facts: facts, now: time.Now, log: slog.New(slog.DiscardHandler)}
	ops := []listener.Operation{{Op: listener.IdempotentWrite, Resource: listener.Cluster}}
	for i := range 10 {
		ops = append(ops, listener.Operation{Op: listener.Write, Resource: listener.Topic, Name: fmt.Sprintf("topic-%d", i)})
	}
	session := &listener.Session{Identity: sasl.Identity{Handle: &wireCaller{caller: caller}}, RemoteAddr: netip.MustParseAddr("127.0.0.1")}
	return a, session, ops
}

// busyUser makes a user with one hundred policies, of ten groups, and answers
// the id of its key.
func busyUser(b testing.TB, s *iam.Service) string {
	b.Helper()
	ctx, name := b.Context(), "busy"
	_, root, _ := s.Authenticate(ctx, s.Root().AccessKeyID, "", "us-east-1")
	must := func(_ any, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(s.CreateUser(ctx, root, &shape.CreateUserRequest{UserName: &name}))
	for g := range 10 {
		group := fmt.Sprintf("g%d", g)
		must(s.CreateGroup(ctx, root, &shape.CreateGroupRequest{GroupName: &group}))
		must(s.AddUserToGroup(ctx, root, &shape.AddUserToGroupRequest{GroupName: &group, UserName: &name}))
		for i := range 10 {
			own := fmt.Sprintf("p%d", i)
			document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kafka-cluster:WriteDataIdempotently","kafka-cluster:WriteData"],"Resource":["arn:aws:kafka:*:*:topic/orders/*/topic-%d","arn:aws:kafka:*:*:cluster/orders/*%d"]}]}`, 10*g+i, g)
			must(s.PutGroupPolicy(ctx, root, &shape.PutGroupPolicyRequest{GroupName: &group, PolicyName: &own, PolicyDocument: &document}))
		}
	}
	key, err := s.CreateAccessKey(ctx, root, &shape.CreateAccessKeyRequest{UserName: &name})
	must(nil, err)
	return *key.AccessKey.AccessKeyId
}
