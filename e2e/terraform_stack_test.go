//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
)

// TestTerraformStack makes a network, keys, logs, a cluster in it with users,
// policy and connections from another network, and a serverless cluster; then
// changes every setting that AWS changes in place, one after another.
//
// Works: Terraform: a whole stack of VPC, security groups, KMS keys, log group, bucket, configuration, cluster, SCRAM users, cluster policy, VPC connection, serverless cluster, storage scaling; every in-place update, without drift
func TestTerraformStack(t *testing.T) {
	t.Parallel()
	i := start(t)
	tf := i.terraform("stack")
	tf.apply(stackSize, 0, 0)
	var vars []string
	for _, step := range []struct {
		set                   string // variables
		added, changed, ended int
	}{
		{"volume=200", 0, 1, 0},
		{"monitoring=PER_TOPIC_PER_BROKER exporters=true", 0, 1, 0},
		{"broker_logs=false team=risk", 0, 3, 0},
		{"hours=48", 0, 2, 0},
		{"type=kafka.m5.xlarge", 0, 1, 0},
		{"kafka_version=3.9.x", 0, 1, 0},
		{"brokers=6", 0, 1, 0},
		{"public=true", 0, 1, 0},
		{"public=false", 0, 1, 0},
		{"private_link=true", 1, 1, 0},
		{"private_link=false", 0, 1, 1},
		{"client_broker=TLS_PLAINTEXT unauthenticated=true", 0, 1, 0},
	} {
		for _, v := range strings.Fields(step.set) {
			vars = append(vars, "-var="+v) // of the same variable's the last is taken
		}
		tf.apply(step.added, step.changed, step.ended, vars...)
	}
	out, err := i.msk().GetBootstrapBrokers(t.Context(), &kafka.GetBootstrapBrokersInput{ClusterArn: aws.String(tf.output("arn"))})
	if err != nil || len(strings.Split(aws.ToString(out.BootstrapBrokerString), ",")) != 3 {
		t.Errorf("plaintext bootstrap brokers: %+v, %v", out, err)
	}
	tf.destroy(stackSize, vars...)
}

const stackSize = 29 // resources
