package upgrade

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/aws/msk"
)

// world is six brokers in three racks, of which the last three are the targets.
func world(topics map[string][][]int32) kadm.Metadata {
	m := kadm.Metadata{Topics: kadm.TopicDetails{}}
	for id := int32(1); id <= 6; id++ {
		rack := fmt.Sprint("az", (id-1)%3)
		m.Brokers = append(m.Brokers, kadm.BrokerDetail{NodeID: id, Rack: &rack})
	}
	for name, partitions := range topics {
		t := kadm.TopicDetail{Topic: name, Partitions: kadm.PartitionDetails{}}
		for i, replicas := range partitions {
			t.Partitions[int32(i)] = kadm.PartitionDetail{Topic: name, Partition: int32(i), Leader: replicas[0], Replicas: replicas, ISR: replicas}
		}
		m.Topics[name] = t
	}
	return m
}

var targets = []int32{4, 5, 6}

// TestPlan: each replica goes to the broker of its own rack, which leads as many
// partitions as the one before; what has arrived stays, and what does not fit is
// refused.
func TestPlan(t *testing.T) {
	m := world(map[string][][]int32{"t": {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {4, 2, 3}}})
	next, err := plan(m, m.Topics["t"].Partitions.Sorted(), targets)
	want := map[int32][]int32{0: {4, 5, 6}, 1: {5, 6, 4}, 2: {6, 4, 5}, 3: {4, 5, 6}}
	if err != nil || fmt.Sprint(next["t"]) != fmt.Sprint(want) {
		t.Errorf("%v %v, want %v", next["t"], err, want)
	}
	if _, err := plan(m, m.Topics["t"].Partitions.Sorted(), targets[:2]); err == nil {
		t.Error("three replicas fit on two brokers")
	}
}

// TestPlanIsEven: with two brokers in a rack both get as much.
func TestPlanIsEven(t *testing.T) {
	topics := map[string][][]int32{"t": {}}
	for range 8 {
		topics["t"] = append(topics["t"], []int32{1})
	}
	m := world(topics)
	m.Brokers = append(m.Brokers, kadm.BrokerDetail{NodeID: 7, Rack: m.Brokers[0].Rack})
	next, err := plan(m, m.Topics["t"].Partitions.Sorted(), []int32{4, 5, 6, 7})
	count := map[int32]int{}
	for _, replicas := range next["t"] {
		count[replicas[0]]++
	}
	if err != nil || count[4] != 4 || count[7] != 4 {
		t.Errorf("%v %v", count, err)
	}
}

// TestProgress: topics count when all of their partitions have arrived.
func TestProgress(t *testing.T) {
	m := world(map[string][][]int32{"a": {{4, 5, 6}, {6, 5, 4}}, "b": {{4, 5, 6}, {4, 5, 3}}, "c": {{1, 2, 3}}})
	p, left := progress(m.Topics.Sorted(), targets)
	if want := (msk.Progress{Topics: 3, CompletedTopics: 1, Partitions: 5, Moved: 3}); p != want || len(left) != 2 {
		t.Errorf("%+v, %d left, want %+v", p, len(left), want)
	}
}

// TestSelector: whole names, and what is excluded comes after.
func TestSelector(t *testing.T) {
	wanted, err := selector(msk.Moves{Include: []string{"orders.*", "pay|bill"}, Exclude: []string{"orders-old"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range []string{"orders", "orders-1", "orders-old", "my-orders", "pay", "payments", "bill"} {
		if wanted(name) {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, []string{"orders", "orders-1", "pay", "bill"}) {
		t.Errorf("%v", got)
	}
}
