//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// awsCLI is AWS's command line on a server.
type awsCLI struct {
	*instance
	path string
}

func (i *instance) aws() awsCLI {
	i.t.Helper()
	bin, err := cache(i.t).Python(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	return awsCLI{i, filepath.Join(bin, "aws")}
}

// kafka runs `aws kafka` and decodes its answer into out.
func (a awsCLI) kafka(out any, args ...string) {
	a.t.Helper()
	text := a.must("", a.path, append([]string{"kafka", "--output", "json"}, args...)...)
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		a.t.Fatalf("aws kafka %s: %v in %s", strings.Join(args, " "), err, text)
	}
}

// refused runs a call that must fail, with AWS's name of the error.
func (a awsCLI) refused(want string, args ...string) {
	a.t.Helper()
	out, words, err := a.exec("", a.path, append([]string{"kafka"}, args...)...)
	if err == nil || !strings.Contains(words, want) {
		a.t.Errorf("aws kafka %s: %v, %s%s; want %s", strings.Join(args, " "), err, out, words, want)
	}
}

// TestAWSCommandLine shows it.
//
// Works: AWS CLI: clusters made, described, tagged, reached and deleted; sts and ec2 answers
func TestAWSCommandLine(t *testing.T) {
	i := start(t)
	a := i.aws()
	var made struct{ ClusterArn, ClusterName, State string }
	nodes := `{"InstanceType":"kafka.m5.large","ClientSubnets":["` + strings.Join(i.subnets(), `","`) + `"]}`
	create := []string{"create-cluster", "--cluster-name", "orders", "--kafka-version", "3.9.x", "--number-of-broker-nodes", "3",
		"--broker-node-group-info", nodes, "--client-authentication", "Sasl={Iam={Enabled=true}}", "--tags", "team=payments,tier=gold"}
	a.kafka(&made, create...)
	if made.State != "CREATING" || !strings.HasPrefix(made.ClusterArn, "arn:aws:kafka:us-east-1:000000000000:cluster/orders/") {
		t.Errorf("create-cluster: %+v", made)
	}
	a.refused("ConflictException", create...)
	i.cli("", "wait", "--cluster", "orders", "--timeout", "30s")

	var described struct {
		ClusterInfo struct {
			State, CurrentVersion string
			NumberOfBrokerNodes   int
			Tags                  map[string]string
		}
	}
	a.kafka(&described, "describe-cluster", "--cluster-arn", made.ClusterArn)
	if got := described.ClusterInfo; got.State != "ACTIVE" || got.NumberOfBrokerNodes != 3 || got.Tags["team"] != "payments" {
		t.Errorf("describe-cluster: %+v", got)
	}
	var boot struct{ BootstrapBrokerString, BootstrapBrokerStringSaslIam string }
	a.kafka(&boot, "get-bootstrap-brokers", "--cluster-arn", made.ClusterArn)
	if len(strings.Split(boot.BootstrapBrokerStringSaslIam, ",")) != 3 || boot.BootstrapBrokerString != "" {
		t.Errorf("get-bootstrap-brokers: %+v", boot)
	}
	var list struct{ NodeInfoList []struct{ NodeType string } }
	a.kafka(&list, "list-nodes", "--cluster-arn", made.ClusterArn)
	if len(list.NodeInfoList) != 3 {
		t.Errorf("list-nodes: %+v", list)
	}
	a.tags(made.ClusterArn)

	unknown := "arn:aws:kafka:us-east-1:000000000000:cluster/nobody/3b8a5e0c-1a6e-4c7d-9d0e-2b0c1d2e3f40-18"
	a.refused("NotFoundException", "describe-cluster-v2", "--cluster-arn", unknown)
	a.refused("NotFoundException", "delete-cluster", "--cluster-arn", unknown)
	a.refused("BadRequestException", "describe-cluster", "--cluster-arn", "orders")
	a.refused("BadRequestException", "create-cluster", "--cluster-name", "x", "--kafka-version", "0.8.0", "--number-of-broker-nodes", "3", "--broker-node-group-info", nodes)
	a.refused("BadRequestException", "create-cluster", "--cluster-name", "x", "--kafka-version", "3.9.x", "--number-of-broker-nodes", "4", "--broker-node-group-info", nodes)

	var deleted struct{ State string }
	a.kafka(&deleted, "delete-cluster", "--cluster-arn", made.ClusterArn)
	if deleted.State != "DELETING" {
		t.Errorf("delete-cluster: %+v", deleted)
	}
	poll(t, activeTime, "the deletion", func() bool {
		_, words, err := i.exec("", a.path, "kafka", "describe-cluster", "--cluster-arn", made.ClusterArn)
		return err != nil && strings.Contains(words, "NotFoundException")
	})
}

// tags tags, lists and untags.
func (a awsCLI) tags(arn string) {
	a.t.Helper()
	a.kafka(nil, "tag-resource", "--resource-arn", arn, "--tags", "env=dev,tier=silver")
	a.kafka(nil, "untag-resource", "--resource-arn", arn, "--tag-keys", "team")
	var got struct{ Tags map[string]string }
	a.kafka(&got, "list-tags-for-resource", "--resource-arn", arn)
	if len(got.Tags) != 2 || got.Tags["env"] != "dev" || got.Tags["tier"] != "silver" {
		a.t.Errorf("tags: %v", got.Tags)
	}
}

// TestAWSCommandLineLists shows it.
//
// Works: AWS CLI: lists with filters and pages
func TestAWSCommandLineLists(t *testing.T) {
	i := start(t)
	a := i.aws()
	var versions struct {
		KafkaVersions []struct{ Version, Status string }
	}
	a.kafka(&versions, "list-kafka-versions")
	if !slices.ContainsFunc(versions.KafkaVersions, func(v struct{ Version, Status string }) bool { return v.Version == "3.9.x" && v.Status == "ACTIVE" }) {
		t.Errorf("list-kafka-versions: %+v", versions)
	}
	c := i.cluster("paged-1")
	i.cluster("paged-2")
	serverless := `{"VpcConfigs":[{"SubnetIds":["` + strings.Join(i.subnets(), `","`) + `"]}],"ClientAuthentication":{"Sasl":{"Iam":{"Enabled":true}}}}`
	a.kafka(nil, "create-cluster-v2", "--cluster-name", "other-less", "--serverless", serverless)
	type names struct {
		ClusterInfoList []struct{ ClusterName, ClusterType string }
		NextToken       string
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"list-clusters-v2"}, []string{"paged-1", "paged-2", "other-less"}},
		{[]string{"list-clusters-v2", "--page-size", "1"}, []string{"paged-1", "paged-2", "other-less"}},
		{[]string{"list-clusters-v2", "--cluster-name-filter", "paged"}, []string{"paged-1", "paged-2"}},
		{[]string{"list-clusters-v2", "--cluster-type-filter", "SERVERLESS"}, []string{"other-less"}},
		{[]string{"list-clusters"}, []string{"paged-1", "paged-2"}},
	} {
		var out names
		a.kafka(&out, c.args...)
		var got []string
		for _, info := range out.ClusterInfoList {
			got = append(got, info.ClusterName)
		}
		same(t, strings.Join(c.args, " "), got, c.want)
	}
	var first names
	a.kafka(&first, "list-clusters-v2", "--max-items", "1")
	if len(first.ClusterInfoList) != 1 || first.NextToken == "" {
		t.Errorf("one item: %+v", first)
	}
	i.cli("", "wait", "--cluster", "other-less", "--timeout", "30s")
	a.refused("BadRequestException", "list-nodes", "--cluster-arn", c.arn, "--next-token", "nonsense")
}

// TestBoto3 is the life of a cluster in Python: testdata/boto3_life.py.
//
// Works: boto3: the life of provisioned and serverless clusters; AWS's error shapes
func TestBoto3(t *testing.T) {
	i := start(t)
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_life.py"))
}

// TestBoto3Calls is every call that is served and every error, as botocore
// names it: testdata/boto3_calls.py.
func TestBoto3Calls(t *testing.T) {
	i := start(t)
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_calls.py"))
}

// TestBoto3EveryOperation is every operation of MSK with its errors and pages,
// each answer held to the public model: testdata/boto3_every.py.
//
// Works: boto3: every operation that is served, answers and errors held to botocore's models
func TestBoto3EveryOperation(t *testing.T) {
	t.Parallel()
	i := start(t)
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_every.py"))
	slow := start(t, "--lifecycle", "realistic")
	t.Log(slow.must("", filepath.Join(bin, "python"), "testdata/boto3_every.py", "busy"))
}

// TestBoto3KeysAndIdentities is what the other services serve and no other test
// calls: testdata/boto3_keys.py.
func TestBoto3KeysAndIdentities(t *testing.T) {
	t.Parallel()
	i := start(t)
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_keys.py"))
}

// TestBoto3Network is the life of a VPC: testdata/boto3_network.py.
//
// Works: boto3: VPCs, subnets, routes, gateways and security groups, answers held to botocore's models
func TestBoto3Network(t *testing.T) {
	t.Parallel()
	i := start(t)
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_network.py"))
}
