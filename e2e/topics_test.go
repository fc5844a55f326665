//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestAWSCommandLineTopics: MSK's topic operations and Kafka's own tools see the
// same topics.
//
// Works: AWS CLI: topics made, described, changed, listed and deleted, as kafka-topics sees them
func TestAWSCommandLineTopics(t *testing.T) {
	t.Parallel()
	i := start(t)
	c, a := i.cluster("orders"), i.aws()
	j := javaTools{cluster: c, set: "tools-4.3.1", class: classes4, config: writeFile(t, "client.properties", clientProperties)}
	at := []string{"--cluster-arn", c.arn, "--topic-name", "payments"}
	base64Of := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

	var said struct{ TopicArn, Status string }
	a.kafka(&said, append([]string{"create-topic", "--partition-count", "3", "--replication-factor", "3", "--configs", base64Of("retention.ms=3600000\ncleanup.policy=delete")}, at...)...)
	if said.Status != "CREATING" || said.TopicArn != strings.Replace(c.arn, ":cluster/", ":topic/", 1)+"/payments" {
		t.Errorf("create-topic: %+v", said)
	}
	j.says(j.run("topics", "--describe", "--topic", "payments"), "PartitionCount: 3", "ReplicationFactor: 3", "retention.ms=3600000")

	j.run("topics", "--create", "--topic", "audit", "--partitions", "1")
	j.run("topics", "--alter", "--topic", "payments", "--partitions", "4")
	a.kafka(nil, append([]string{"update-topic", "--configs", base64Of(`{"retention.ms":"7200000"}`)}, at...)...)
	var topic struct {
		PartitionCount int
		Configs        string
	}
	a.kafka(&topic, append([]string{"describe-topic"}, at...)...)
	configs := map[string]string{}
	text, err := base64.StdEncoding.DecodeString(topic.Configs)
	if err != nil || json.Unmarshal(text, &configs) != nil || topic.PartitionCount != 4 || configs["retention.ms"] != "7200000" {
		t.Errorf("describe-topic: %d partitions, %s, %v", topic.PartitionCount, text, err)
	}
	var list struct{ Topics []struct{ TopicName string } }
	a.kafka(&list, "list-topics", "--cluster-arn", c.arn)
	var names []string
	for _, topic := range list.Topics {
		names = append(names, topic.TopicName)
	}
	if slices.Compare(names, []string{"audit", "payments"}) != 0 {
		t.Errorf("list-topics: %v", names)
	}
	a.kafka(nil, append([]string{"delete-topic"}, at...)...)
	if got := strings.Fields(j.run("topics", "--list")); !slices.Equal(got, []string{"audit"}) {
		t.Errorf("kafka-topics --list: %v", got)
	}
	a.refused("NotFoundException", append([]string{"describe-topic"}, at...)...)
}
