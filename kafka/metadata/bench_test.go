package metadata

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/kafka/statemachine"
)

// BenchmarkReplay: how long does a cluster with 10 000 topics need to open?
func BenchmarkReplay(b *testing.B) {
	var events []statemachine.Record
	for i := range 10_000 {
		events = append(events, statemachine.Record{
			Key:   fmt.Appendf(nil, "topic/t%d", i),
			Value: fmt.Appendf(nil, `{"v":1,"id":"%032x","partitions":[{"leader":1,"replicas":[1,2,3],"isr":[1,2,3]}]}`, i+1),
		})
	}
	for b.Loop() {
		again := New(Params{})
		for _, r := range events {
			again.Apply(r, time.Time{})
		}
	}
}
