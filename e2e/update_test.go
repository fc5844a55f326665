//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const updateTime = time.Minute // of one operation of a cluster

// operated is an operation as the AWS CLI tells it.
type operated struct {
	ClusterOperationInfo struct {
		OperationState, OperationType string
		ErrorInfo                     struct{ ErrorString string }
		OperationSteps                []struct {
			StepName string
			StepInfo struct{ StepStatus string }
		}
	}
}

// update runs an update of a cluster and waits for the end of its operation.
func (a awsCLI) update(arn, operation string, args ...string) {
	a.t.Helper()
	var started struct{ ClusterOperationArn string }
	call := append([]string{operation, "--cluster-arn", arn}, args...)
	if operation != "reboot-broker" {
		call = append(call, "--current-version", a.version(arn))
	}
	a.kafka(&started, call...)
	var o operated
	poll(a.t, updateTime, operation, func() bool {
		a.kafka(&o, "describe-cluster-operation", "--cluster-operation-arn", started.ClusterOperationArn)
		return strings.HasSuffix(o.ClusterOperationInfo.OperationState, "_COMPLETE") || strings.HasSuffix(o.ClusterOperationInfo.OperationState, "_FAILED")
	})
	if !strings.HasSuffix(o.ClusterOperationInfo.OperationState, "_COMPLETE") {
		a.t.Fatalf("%s: %+v", operation, o)
	}
}

func (a awsCLI) version(arn string) string {
	a.t.Helper()
	var d struct {
		ClusterInfo struct{ State, CurrentVersion string }
	}
	a.kafka(&d, "describe-cluster-v2", "--cluster-arn", arn)
	if d.ClusterInfo.State != "ACTIVE" {
		a.t.Errorf("the cluster is %s", d.ClusterInfo.State)
	}
	return d.ClusterInfo.CurrentVersion
}

// steady produces and consumes all the while; stop answers how many records
// there were, and fails the test when one is missing or there twice.
func (c *cluster) steady() (stop func() int) {
	c.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(c.plain, ",")...), kgo.DefaultProduceTopic("steady"),
		kgo.ConsumeTopics("steady"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.ProducerLinger(0))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(cl.Close)
	if _, err := kadm.NewClient(cl).CreateTopic(c.t.Context(), 1, 3, nil, "steady"); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	var sent atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ; ctx.Err() == nil; sent.Add(1) {
			if err := cl.ProduceSync(c.t.Context(), kgo.StringRecord(fmt.Sprint(sent.Load()))).FirstErr(); err != nil {
				c.t.Error("produce:", err)
				return
			}
		}
	}()
	return func() int {
		c.t.Helper()
		cancel()
		<-done
		within, cancel := context.WithTimeout(c.t.Context(), updateTime)
		defer cancel()
		got := 0
		for int64(got) < sent.Load() {
			f := cl.PollFetches(within)
			if within.Err() != nil {
				c.t.Fatalf("consumed %d of %d records", got, sent.Load())
			}
			f.EachRecord(func(r *kgo.Record) {
				if string(r.Value) != fmt.Sprint(got) {
					c.t.Errorf("consumed %s, want %d", r.Value, got)
				}
				got++
			})
		}
		return got
	}
}

// TestUpdates shows it.
//
// Works: AWS CLI: configurations, reboots and every update of a running cluster, while a producer and a consumer go on; kafka-configs shows them
func TestUpdates(t *testing.T) {
	i := start(t)
	c := i.clusterOf("updates", "3.9.x.kraft")
	a := i.aws()
	stop := c.steady()

	var made struct{ Arn string }
	properties := writeFile(t, "server.properties", "# ours\nnum.partitions = 5\nlog.retention.ms=86400000\n")
	a.kafka(&made, "create-configuration", "--name", "ours", "--server-properties", "fileb://"+properties)
	a.refused("ConflictException", "create-configuration", "--name", "ours", "--server-properties", "fileb://"+properties)
	bad := writeFile(t, "bad.properties", "auto.leader.rebalance.enable=true\n")
	a.refused("Key 'auto.leader.rebalance.enable'", "create-configuration", "--name", "bad", "--server-properties", "fileb://"+bad)

	a.update(c.arn, "reboot-broker", "--broker-ids", "2")
	a.update(c.arn, "update-cluster-configuration", "--configuration-info", `{"Arn":"`+made.Arn+`","Revision":1}`)
	a.refused("Configuration is in use", "delete-configuration", "--arn", made.Arn)
	a.update(c.arn, "update-monitoring", "--enhanced-monitoring", "PER_BROKER")
	a.update(c.arn, "update-storage", "--volume-size-gb", "1200")
	a.refused("only once in 6 hours", "update-storage", "--cluster-arn", c.arn, "--volume-size-gb", "1400", "--current-version", a.version(c.arn))
	a.refused("isn't current", "update-storage", "--cluster-arn", c.arn, "--volume-size-gb", "1400", "--current-version", "K3I5EMC1ETRSJG")
	a.update(c.arn, "update-broker-type", "--target-instance-type", "kafka.m5.xlarge")
	a.update(c.arn, "update-broker-count", "--target-number-of-broker-nodes", "6")
	a.update(c.arn, "update-broker-count", "--target-number-of-broker-nodes", "3")
	a.update(c.arn, "update-security", "--client-authentication", `{"Sasl":{"Scram":{"Enabled":false}}}`)
	a.refused("does not include any updates", "update-security", "--cluster-arn", c.arn, "--current-version", a.version(c.arn),
		"--client-authentication", `{"Sasl":{"Scram":{"Enabled":false}}}`)
	a.update(c.arn, "update-cluster-kafka-version", "--target-kafka-version", "4.1.x.kraft")

	if n := stop(); n == 0 {
		t.Error("nothing was produced")
	} else {
		t.Logf("%d records went through", n)
	}
	var d struct {
		ClusterInfo struct {
			State       string
			Provisioned struct {
				NumberOfBrokerNodes       int
				EnhancedMonitoring        string
				CurrentBrokerSoftwareInfo struct {
					KafkaVersion          string
					ConfigurationRevision int
				}
				BrokerNodeGroupInfo struct{ InstanceType string }
			}
		}
	}
	a.kafka(&d, "describe-cluster-v2", "--cluster-arn", c.arn)
	if got, want := fmt.Sprint(d.ClusterInfo), "{ACTIVE {3 PER_BROKER {4.1.x.kraft 1} {kafka.m5.xlarge}}}"; got != want {
		t.Errorf("described: %s, want %s", got, want)
	}
	var list struct {
		ClusterOperationInfoList []struct{ OperationType string }
	}
	a.kafka(&list, "list-cluster-operations-v2", "--cluster-arn", c.arn)
	if len(list.ClusterOperationInfoList) != 9 {
		t.Errorf("list-cluster-operations-v2: %+v", list)
	}
	j := javaTools{cluster: c, set: "tools-4.3.1", class: map[string]string{"configs": toolClasses["kafka-configs"]}, config: writeFile(t, "client.properties", clientProperties)}
	j.says(j.run("configs", "--entity-type", "brokers", "--entity-name", "1", "--describe", "--all"),
		"num.partitions=5 sensitive=false synonyms={STATIC_BROKER_CONFIG:num.partitions=5", "log.retention.ms=86400000")
}

// TestBoto3Updates is configurations and operations in Python:
// testdata/boto3_updates.py.
//
// Works: boto3: configurations, their revisions and errors; operations of both versions
func TestBoto3Updates(t *testing.T) {
	i := start(t)
	c := i.cluster("updates")
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_updates.py", c.arn))
}
