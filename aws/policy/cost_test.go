package policy_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/aws/policy"
)

// usual is what a producer's role has: a few policies in the manner of MSK's
// guide, of which one is about the request.
func usual(t testing.TB, policies int) (*policy.Policies, *policy.Request) {
	t.Helper()
	p := &policy.Policies{}
	for i := range policies {
		d, err := policy.Parse(policy.Identity, fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:DescribeCluster"],"Resource":"arn:aws:kafka:us-east-1:111122223333:cluster/demo%[1]d/*"},
			{"Effect":"Allow","Action":["kafka-cluster:*Topic*","kafka-cluster:WriteData","kafka-cluster:ReadData"],"Resource":"arn:aws:kafka:us-east-1:111122223333:topic/demo%[1]d/*"},
			{"Effect":"Allow","Action":["kafka-cluster:AlterGroup","kafka-cluster:DescribeGroup"],"Resource":"arn:aws:kafka:us-east-1:111122223333:group/demo%[1]d/*"}]}`, i))
		if err != nil {
			t.Fatal(err)
		}
		p.Identity = append(p.Identity, policy.Named{Name: "p", Document: d})
	}
	return p, &policy.Request{
		Principal: policy.Principal{Account: account, ARN: session, RoleARN: role}, Owner: account, Context: policy.None,
		Action: "kafka-cluster:WriteData", Resource: fmt.Sprintf("arn:aws:kafka:us-east-1:111122223333:topic/demo%d/uuid/orders", policies-1),
	}
}

// TestDecideAllocatesNothing keeps the hot path free of garbage.
func TestDecideAllocatesNothing(t *testing.T) {
	p, r := usual(t, 5)
	if !p.Decide(r).Allowed {
		t.Fatal("not allowed")
	}
	if n := testing.AllocsPerRun(100, func() { p.Decide(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkDecide asks how long a decision takes with a usual set of policies,
// and with many.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{3, 10, 100} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			p, r := usual(b, n)
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(r)
			}
		})
	}
}
