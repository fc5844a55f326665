//go:build e2e

package e2e

import "testing"

// TestTerraformNetwork shows it.
//
// Works: Terraform: aws_vpc and aws_subnet of IPv4 and IPv6, gateways, route tables and security groups with each kind of rule, changed in place, without drift; what a cluster uses stays
func TestTerraformNetwork(t *testing.T) {
	t.Parallel()
	i := start(t)
	tf := i.terraform("network")
	tf.apply(25, 0, 0)
	if got := tf.output("seen"); got != "10.20.0.0/16 2 us-east-1a true" {
		t.Errorf("the data sources see %q", got)
	}
	i.aws().fails("DependencyViolation", "ec2", "delete-security-group", "--group-id", tf.output("group"))
	i.aws().fails("DependencyViolation", "ec2", "delete-subnet", "--subnet-id", tf.output("subnet"))
	changed := []string{"-var=clients=10.20.0.0/17", "-var=team=risk"}
	tf.apply(0, 20, 0, changed...)
	tf.destroy(25, changed...)
}
