//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
)

// TestTerraformStack makes a network, keys, logs, a cluster in it with users,
// policy and connections from another network, and a serverless cluster; then
// changes every setting that AWS changes in place: several at a time, or with
// MILLRACE_EACH_UPDATE each by itself.
//
// Works: Terraform: a whole stack of VPC, security groups, KMS keys, log group, bucket, configuration, cluster, SCRAM users, cluster policy, VPC connection, serverless cluster, storage scaling; every in-place update, without drift
func TestTerraformStack(t *testing.T) {
	t.Parallel()
	i := start(t)
	tf := i.terraform("stack")
	tf.apply(stackSize, 0, 0)
	var vars []string
	var set, added, changed, ended = "", 0, 0, 0
	for n, step := range stackUpdates {
		set, added, changed, ended = set+" "+step.set, added+step.added, changed+step.changed, ended+step.ended
		if os.Getenv("MILLRACE_EACH_UPDATE") == "" && !step.last {
			continue // with those that follow
		}
		for _, v := range strings.Fields(set) {
			vars = append(vars, "-var="+v) // of the same variable's the last is taken
		}
		t.Logf("update %d:%s", n, set)
		tf.apply(added, changed+1, ended, vars...)
		set, added, changed, ended = "", 0, 0, 0
	}
	out, err := i.msk().GetBootstrapBrokers(t.Context(), &kafka.GetBootstrapBrokersInput{ClusterArn: aws.String(tf.output("arn"))})
	if err != nil || len(strings.Split(aws.ToString(out.BootstrapBrokerString), ",")) != 3 {
		t.Errorf("plaintext bootstrap brokers: %+v, %v", out, err)
	}
	tf.destroy(stackSize, vars...)
}

const stackSize = 29 // resources

// stackUpdates are variables to set, and what changes by each beside the cluster,
// which is counted once for all that are set at a time. Of public access and VPC
// connectivity an update takes one.
var stackUpdates = []struct {
	set                   string
	added, changed, ended int
	last                  bool // of those at a time
}{
	{"volume=200", 0, 0, 0, false},
	{"monitoring=PER_TOPIC_PER_BROKER exporters=true", 0, 0, 0, false},
	{"broker_logs=false", 0, 0, 0, false},
	{"team=risk", 0, 2, 0, false},
	{"hours=48", 0, 1, 0, false},
	{"private_link=true", 1, 0, 0, true},
	{"type=kafka.m5.xlarge", 0, 0, 0, false},
	{"kafka_version=3.9.x", 0, 0, 0, false},
	{"brokers=6", 0, 0, 0, false},
	{"private_link=false", 0, 0, 1, true},
	{"public=true", 0, 0, 0, true},
	{"public=false", 0, 0, 0, false},
	{"client_broker=TLS_PLAINTEXT unauthenticated=true", 0, 0, 0, true},
}
