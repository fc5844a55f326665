package group_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/kafka/group"
)

// BenchmarkConsumerGroup asks what a large group costs its coordinator: join is
// the last of 1000 members of 10 000 partitions, which computes a new target;
// beat is a heartbeat of one that has nothing to do.
func BenchmarkConsumerGroup(b *testing.B) {
	setup := func() *lab {
		l := newLab(group.Params{})
		l.setTopics("t:10000")
		for i := range 999 {
			l.do(request("hb", args{"member": fmt.Sprint("m", i)}))
			l.out.Reset()
			l.log, l.replies = nil, nil
		}
		return l
	}
	b.Run("join", func(b *testing.B) {
		l := setup()
		for b.Loop() {
			l.do(request("hb", args{"member": "last"}))
			l.do(request("hb", args{"member": "last", "epoch": "-1"}))
			l.out.Reset()
			l.log, l.replies = nil, nil
		}
	})
	b.Run("beat", func(b *testing.B) {
		l := setup()
		for b.Loop() {
			l.do(request("hb", args{"member": "m998", "epoch": "999"}))
			l.out.Reset()
			l.log, l.replies = nil, nil
		}
	})
}
