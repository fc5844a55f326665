//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestBrokerFaults stops, starts and fences the brokers of a running server
// from the command line, and restarts the server, under a producer.
//
// Works: `millrace broker`: brokers stop, start and are fenced; producers go on with the others
func TestBrokerFaults(t *testing.T) {
	i := start(t)
	c := i.cluster("faulty")
	c.topic("t", 6)
	producer := c.franz("iam", kgo.DefaultProduceTopic("t"))
	var want []string
	send := func(stage string) {
		t.Helper()
		for _, v := range numbered(stage, 30) {
			if err := producer.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr(); err != nil {
				t.Fatalf("%s: %v", v, err)
			}
			want = append(want, v)
		}
	}
	states := func(want string) {
		t.Helper()
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(i.cli("", "broker", "list")), "\n")[1:] {
			got = append(got, strings.Fields(line)[1])
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("the brokers are %s, want %s", s, want)
		}
	}
	send("all")
	i.cli("", "broker", "stop", "1", "--cluster", "faulty")
	states("STOPPED RUNNING RUNNING")
	send("without-1")
	i.cli("", "broker", "start", "1")
	i.cli("", "broker", "fence", "2")
	states("RUNNING FENCED RUNNING")
	send("fenced-2")
	i.cli("", "broker", "unfence", "2")
	i.cli("", "broker", "stop", "3")
	send("without-3")
	i.kill()
	i.run()
	i.cli("", "wait", "--cluster", "faulty")
	states("RUNNING RUNNING RUNNING") // a stop does not outlive the process
	send("after-a-kill")
	consumer := c.franz("iam", kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	same(t, "records", drain(t, consumer, len(want)), want)
	if _, words, err := i.exec("", binary(t), "broker", "stop", "4", "--data-dir", i.dir); err == nil || !strings.Contains(words, "no such broker") {
		t.Errorf("a broker that is not there: %v, %s", err, words)
	}
}
