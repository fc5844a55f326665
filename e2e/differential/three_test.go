//go:build e2e

package differential

import (
	"context"
	"slices"
	"testing"

	"github.com/millrace/millrace/e2e/clients"
	"github.com/millrace/millrace/kafka/cluster"
)

// racks are those of the brokers 1, 2 and 3.
var racks = []string{"zone-a", "zone-b", "zone-c"}

// staticOfThree is what both sides have in their server.properties where there
// are three brokers. Few partitions of internal topics let scripts say which
// broker coordinates what.
var staticOfThree = map[string]string{
	"auto.create.topics.enable": "false", "default.replication.factor": "3", "min.insync.replicas": "2", "num.partitions": "1",
	"offsets.topic.num.partitions": "3", "transaction.state.log.num.partitions": "3",
	"replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
}

// TestDifferentialOfThree shows it.
//
// Works: three brokers that lead, follow, stop and come back answer as those of Apache Kafka
func TestDifferentialOfThree(t *testing.T) {
	version, msk := releases(t)
	if version != "4.1.2" && version != "3.9.2" {
		t.Skip("what differs on older lines is told by one broker")
	}
	k := startKafkas(t, version)
	m, c := openMillrace(t, msk, staticOfThree, racks...)
	m.faults = logical{t.Context(), c}
	runScripts(t, version, "accepted_three.txt", scriptsOfThree(), k, m)
}

// startKafkas starts a cluster of three.
func startKafkas(t *testing.T, version string) target {
	t.Helper()
	var each []map[string]string
	for _, rack := range racks {
		own := properties(version, staticOfThree)
		own["broker.rack"] = rack
		each = append(each, own)
	}
	brokers, err := javaClients(t).StartKafkas(t.Context(), "kafka-"+version, t.TempDir(), each, formats[version]...)
	if err != nil {
		t.Fatal(err)
	}
	on := target{faults: jvms{t.Context(), brokers}}
	for _, k := range brokers {
		on.addresses = append(on.addresses, k.Address)
	}
	t.Cleanup(func() {
		for _, k := range brokers {
			k.Kill()
		}
	})
	waitForBrokers(t, on.addresses...)
	return on
}

// jvms are brokers of Apache Kafka.
type jvms struct {
	ctx context.Context
	all []*clients.Kafka
}

func (j jvms) Stop(id int32) error  { return j.all[id-1].Stop() }
func (j jvms) Start(id int32) error { return j.all[id-1].Start(j.ctx) }

// logical are brokers of Millrace.
type logical struct {
	ctx context.Context
	c   *cluster.Cluster
}

func (l logical) Stop(id int32) error  { return l.c.StopBroker(l.ctx, id) }
func (l logical) Start(id int32) error { return l.c.StartBroker(l.ctx, id) }

// scriptsOfThree are the scripts that need three brokers, in the order in which
// they run.
func scriptsOfThree() []script {
	return slices.Concat(brokerScripts, followerScripts, coordinatorScripts, movingScripts, stoppingScripts)
}
