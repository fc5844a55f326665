//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// newModels has AWS's command line read botocore's models, which are newer than
// those that it ships: they have the operations of upgrades.
func (a awsCLI) newModels() {
	a.t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(a.path), "..", "lib", "python*", "site-packages", "botocore", "data"))
	if err != nil || len(found) != 1 {
		a.t.Fatalf("botocore's models: %v %v", found, err)
	}
	a.env["AWS_DATA_PATH"] = found[0]
}

// topicReassignment is one as DescribeTopicReassignment tells it.
type topicReassignment struct {
	Status                              string
	TotalTopics, CompletedTopics        int
	TotalPartitions, MigratedPartitions int
}

// moved moves topics to brokers of a type and waits until they are there.
func (a awsCLI) moved(arn, target string, include ...string) (r topicReassignment) {
	a.t.Helper()
	var made struct{ TopicReassignmentOperationArn string }
	a.kafka(&made, append([]string{"start-topic-reassignment", "--cluster-arn", arn, "--target-instance-type", target, "--topics-to-include"}, include...)...)
	poll(a.t, activeTime, "the topic reassignment", func() bool {
		a.kafka(&r, "describe-topic-reassignment", "--cluster-arn", arn, "--topic-reassignment-operation-arn", made.TopicReassignmentOperationArn)
		return r.Status == "COMPLETE" || r.Status == "FAILED"
	})
	if r.Status != "COMPLETE" || r.CompletedTopics != r.TotalTopics || r.MigratedPartitions != r.TotalPartitions {
		a.t.Errorf("moved to %s: %+v", target, r)
	}
	return r
}

// findings assesses a cluster and answers what is in the way.
func (a awsCLI) findings(arn string) []string {
	a.t.Helper()
	var made struct{ AssessmentArn string }
	a.kafka(&made, "create-assessment", "--cluster-arn", arn, "--assessment-type", "UPDATE_BROKER_TYPE", "--assessment-parameters", "TargetInstanceType=express.m7g.large")
	var told struct {
		Status  string
		Summary struct{ HasBlockingFindings bool }
	}
	of := []string{"--cluster-arn", arn, "--assessment-arn", made.AssessmentArn}
	poll(a.t, activeTime, "the assessment", func() bool {
		a.kafka(&told, append([]string{"describe-assessment"}, of...)...)
		return told.Status != "IN_PROGRESS"
	})
	var list struct {
		Findings []struct{ Category, Severity, Resource string }
	}
	a.kafka(&list, append([]string{"list-assessment-findings"}, of...)...)
	var out []string
	for _, f := range list.Findings {
		out = append(out, f.Category+" "+f.Severity+" "+f.Resource)
	}
	if told.Status != "COMPLETE" || told.Summary.HasBlockingFindings != (len(out) > 0) {
		a.t.Errorf("the assessment: %+v, %q", told, out)
	}
	return out
}

// TestUpgradeToExpress shows it.
//
// Works: AWS CLI: Standard brokers upgraded to Express brokers in place: assessed, begun, topics moved, completed, while a producer and a consumer go on
func TestUpgradeToExpress(t *testing.T) {
	i := start(t)
	a := i.aws()
	a.newModels()
	c := i.clusterOf("upgrades", "3.9.x.kraft")
	stop := c.steady()
	a.kafka(nil, "create-topic", "--cluster-arn", c.arn, "--topic-name", "orders", "--partition-count", "6", "--replication-factor", "2")
	same(t, "findings", a.findings(c.arn), []string{"TOPIC_CONFIGURATION ERROR orders"})
	a.kafka(nil, "delete-topic", "--cluster-arn", c.arn, "--topic-name", "orders")
	a.update(c.arn, "update-broker-type", "--target-instance-type", "kafka.m7g.large,express.m7g.large", "--topic-reassignment", "MANUAL")
	a.nodes(c.arn, "STANDARD STANDARD STANDARD EXPRESS EXPRESS EXPRESS")
	a.refused("still hold partitions", "update-broker-type", "--cluster-arn", c.arn, "--current-version", a.version(c.arn), "--target-instance-type", "express.m7g.large")
	a.moved(c.arn, "express.m7g.large", ".*")
	a.update(c.arn, "update-broker-type", "--target-instance-type", "express.m7g.large")
	a.nodes(c.arn, "EXPRESS EXPRESS EXPRESS")
	if n := stop(); n == 0 {
		t.Error("nothing was produced")
	} else {
		t.Logf("%d records went through", n)
	}
	var boot struct{ BootstrapBrokerString string }
	a.kafka(&boot, "get-bootstrap-brokers", "--cluster-arn", c.arn)
	if len(strings.Split(boot.BootstrapBrokerString, ",")) != 3 {
		t.Errorf("get-bootstrap-brokers: %+v", boot)
	}
}

// nodes looks at the kinds of a cluster's brokers.
func (a awsCLI) nodes(arn, want string) {
	a.t.Helper()
	var list struct {
		NodeInfoList []struct {
			BrokerNodeInfo *struct{ BrokerNodeType string }
		}
	}
	a.kafka(&list, "list-nodes", "--cluster-arn", arn)
	var kinds []string
	for _, n := range list.NodeInfoList {
		if n.BrokerNodeInfo != nil {
			kinds = append(kinds, n.BrokerNodeInfo.BrokerNodeType)
		}
	}
	if got := strings.Join(kinds, " "); got != want {
		a.t.Errorf("kinds of brokers: %s, want %s", got, want)
	}
}
