package api

import (
	"context"
	"strings"
)

// topicInCluster is the topic that a call names, in the path or the body.
func topicInCluster(_ context.Context, a *asked) (string, map[string]string, error) {
	name, ok := a.in.Segments["topicName"]
	if !ok {
		name = *text(a.req, "TopicName")
	}
	return strings.Replace(a.in.Segments["clusterArn"], ":cluster/", ":topic/", 1) + "/" + name, nil, nil
}

// onTopic is the row of an operation on a topic, which asks for what a Kafka
// client needs for the same: to connect to the cluster, and actions on the topic.
// "Actions, resources, and condition keys for Amazon MSK", and the developer
// guide's topic operations.
func onTopic(actions ...string) permission {
	p := permission{on: topicInCluster, also: []also{{"kafka-cluster:Connect", inPath}}}
	for _, action := range actions {
		p.also = append(p.also, also{"kafka-cluster:" + action, topicInCluster})
	}
	return p
}
