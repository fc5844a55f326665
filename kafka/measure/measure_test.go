package measure_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/kafka/measure"
)

func TestTopicsAreFoundAndForgotten(t *testing.T) {
	var b measure.Broker
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 200 {
				b.Topic(fmt.Sprint(i)).BytesIn.Add(1)
			}
		})
	}
	all.Wait()
	topics := b.Topics(func(string) bool { return true })
	if len(topics) != 200 {
		t.Fatalf("%d topics", len(topics))
	}
	for name, topic := range topics {
		if topic.BytesIn.Count() != 4 || b.Topic(name) != topic {
			t.Fatalf("topic %s: %d", name, topic.BytesIn.Count())
		}
	}
	b.Tick(time.Now(), func(name string) bool { return name != "7" })
	if n := b.Topic("7").BytesIn.Count(); n != 0 {
		t.Fatalf("a topic that was made anew has %d already", n)
	}
	if b.Topic("8") != topics["8"] {
		t.Fatal("another topic was forgotten too")
	}
}

func TestFindingATopicCostsNoMemory(t *testing.T) {
	var b measure.Broker
	b.Topic("a")
	b.Topic("a")
	if n := testing.AllocsPerRun(100, func() { b.Topic("a").MessagesIn.Add(1) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestRequestTimes(t *testing.T) {
	var b measure.Broker
	at := time.Now()
	step := func(ms int) time.Time { at = at.Add(time.Duration(ms) * time.Millisecond); return at }
	b.Request(1).Done(measure.Times{Read: step(0), Judged: step(1), Handled: step(2), Taken: step(3), Ready: step(4), Sent: step(5)})
	apis := b.Requests()
	if len(apis) != 2 || apis[0].Name != "Fetch" || apis[1].Name != "FetchConsumer" {
		t.Fatalf("%+v", apis)
	}
	want := map[string]int64{"RequestQueueTimeMs": 1, "LocalTimeMs": 2, "ResponseQueueTimeMs": 3, "RemoteTimeMs": 4, "ResponseSendTimeMs": 5, "TotalTimeMs": 15}
	for _, h := range apis[0].Requests.Histograms() {
		n, sum := h.Histogram.Totals()
		if ms, timed := want[h.Name]; timed && (n != 1 || sum != ms*1000) {
			t.Errorf("%s: %d values, %d us", h.Name, n, sum)
		}
	}
}

func BenchmarkTopic(b *testing.B) {
	var broker measure.Broker
	broker.Topic("a")
	broker.Topic("a")
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			broker.Topic("a")
		}
	})
}
