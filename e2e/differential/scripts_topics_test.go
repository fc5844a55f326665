//go:build e2e

package differential

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// newTopic is a topic of a CreateTopics request.
func newTopic(name string, partitions int32, replication int16, configs ...string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replication
	t.Configs, t.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicConfig{}, []kmsg.CreateTopicsRequestTopicReplicaAssignment{}
	for i := 0; i < len(configs); i += 2 {
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: &configs[i+1]})
	}
	return t
}

// assigned is a topic with replicas of its partitions: the partition and its
// brokers.
func assigned(name string, partitions int32, replication int16, replicas ...[]int32) kmsg.CreateTopicsRequestTopic {
	t := newTopic(name, partitions, replication)
	for _, r := range replicas {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: r[0], Replicas: r[1:]})
	}
	return t
}

func create(v int16, topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := in(v, kmsg.NewPtrCreateTopicsRequest())
	req.TimeoutMillis, req.Topics = limit, topics
	if topics == nil {
		req.Topics = []kmsg.CreateTopicsRequestTopic{}
	}
	return req
}

// badTopics are topics that cannot be created, and why.
func badTopics(s *session) map[string]kmsg.CreateTopicsRequestTopic {
	n := s.name("x")
	return map[string]kmsg.CreateTopicsRequestTopic{
		"an empty name": newTopic("", 1, 1), "a dot": newTopic(".", 1, 1), "two dots": newTopic("..", 1, 1),
		"a blank": newTopic("a b", 1, 1), "a slash": newTopic("a/b", 1, 1), "an umlaut": newTopic("ü", 1, 1),
		"249 letters": newTopic(strings.Repeat("a", 250), 1, 1), "internal": newTopic("__cluster_metadata", 1, 1),
		"no partitions": newTopic(n, 0, 1), "-1 partitions": newTopic(n, -1, 1), "-2 partitions": newTopic(n, -2, 1),
		"no replicas": newTopic(n, 1, 0), "-2 replicas": newTopic(n, 1, -2), "2 replicas": newTopic(n, 1, 2), "100 replicas": newTopic(n, 3, 100),
		"an unknown config": newTopic(n, 1, 1, "no.such.config", "1"), "an empty config": newTopic(n, 1, 1, "", "1"),
		"a word for a number": newTopic(n, 1, 1, "retention.ms", "soon"), "a number below its range": newTopic(n, 1, 1, "retention.ms", "-2"),
		"segment.bytes of 1": newTopic(n, 1, 1, "segment.bytes", "1"), "an unknown policy": newTopic(n, 1, 1, "cleanup.policy", "burn"),
		"an empty policy": newTopic(n, 1, 1, "cleanup.policy", ""), "a policy twice": newTopic(n, 1, 1, "cleanup.policy", "delete,delete"),
		"an unknown codec": newTopic(n, 1, 1, "compression.type", "rar"), "a level": newTopic(n, 1, 1, "compression.gzip.level", "99"),
		"a word for a boolean": newTopic(n, 1, 1, "preallocate", "perhaps"), "an unknown timestamp type": newTopic(n, 1, 1, "message.timestamp.type", "Never"),
		"min.insync.replicas of 0": newTopic(n, 1, 1, "min.insync.replicas", "0"), "a ratio of 2": newTopic(n, 1, 1, "min.cleanable.dirty.ratio", "2"),
		"a ratio of NaN":               newTopic(n, 1, 1, "min.cleanable.dirty.ratio", "x"),
		"a list of throttled replicas": newTopic(n, 1, 1, "leader.replication.throttled.replicas", "1-2"),
		"a config twice":               newTopic(n, 1, 1, "retention.ms", "1", "retention.ms", "2"),
		"remote storage":               newTopic(n, 1, 1, "remote.storage.enable", "true"), "local retention": newTopic(n, 1, 1, "local.retention.ms", "99", "retention.ms", "50"),
		"max lag below min":        newTopic(n, 1, 1, "min.compaction.lag.ms", "100", "max.compaction.lag.ms", "50"),
		"a message.format.version": newTopic(n, 1, 1, "message.format.version", "9.9"),
		"an int that is a long":    newTopic(n, 1, 1, "segment.bytes", "99999999999"), "max.message.bytes of -1": newTopic(n, 1, 1, "max.message.bytes", "-1"),
		"assignments and counts": assigned(n, 1, 1, []int32{0, 1}), "assignments and partitions": assigned(n, 1, -1, []int32{0, 1}),
		"assignments and replicas": assigned(n, -1, 1, []int32{0, 1}), "assigned to nobody": assigned(n, -1, -1, []int32{0}),
		"assigned to an unknown broker": assigned(n, -1, -1, []int32{0, 7}), "assigned twice": assigned(n, -1, -1, []int32{0, 1}, []int32{0, 1}),
		"assigned to one broker twice": assigned(n, -1, -1, []int32{0, 1, 1}), "assigned with a gap": assigned(n, -1, -1, []int32{0, 1}, []int32{2, 1}),
		"assigned without 0": assigned(n, -1, -1, []int32{1, 1}), "assigned below 0": assigned(n, -1, -1, []int32{-1, 1}),
		"assigned to differently many": assigned(n, -1, -1, []int32{0, 1}, []int32{1, 1, 7}),
	}
}

var topicScripts = []script{
	{"create bad topics", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(19) {
			for why, t := range sorted(badTopics(s)) {
				for _, only := range []bool{true, false} {
					if only && v == 0 {
						continue
					}
					req := create(v, t)
					req.ValidateOnly = only
					if !only && why == "-1 partitions" && v >= 4 {
						continue // that is the default number
					}
					ask[*kmsg.CreateTopicsResponse](c, step("%s, only validated %t", why, only), req)
				}
			}
			ask[*kmsg.CreateTopicsResponse](c, "nothing", create(v))
			n := s.name("twice")
			ask[*kmsg.CreateTopicsResponse](c, "twice in a request", create(v, newTopic(n, 1, 1), newTopic(n, 1, 1)))
			ask[*kmsg.CreateTopicsResponse](c, "twice and another", create(v, newTopic(n, 1, 1), newTopic(n, 1, 1), newTopic("", 1, 1)))
			null := newTopic(s.name("null"), 1, 1, "retention.ms", "1")
			null.Configs[0].Value = nil
			ask[*kmsg.CreateTopicsResponse](c, "a null value", create(v, null))
		}
	}},
	{"create topics", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(19) {
			n := s.name(step("v%d", v))
			req := create(v, newTopic(n, 2, 1, "retention.ms", "1000", "cleanup.policy", "delete"), assigned(n+"-assigned", -1, -1, []int32{0, 1}, []int32{1, 1}))
			if v >= 1 {
				req.ValidateOnly = true
				ask[*kmsg.CreateTopicsResponse](c, "only validated", req)
				req.ValidateOnly = false
			}
			ask[*kmsg.CreateTopicsResponse](c, "created", req)
			ask[*kmsg.CreateTopicsResponse](c, "created again", req)
			if v >= 4 {
				ask[*kmsg.CreateTopicsResponse](c, "with defaults", create(v, newTopic(n+"-default", -1, -1)))
			}
			ask[*kmsg.CreateTopicsResponse](c, "collides", create(v, newTopic(strings.ReplaceAll(n, "-", ".")+"_x", 1, 1)))
			ask[*kmsg.CreateTopicsResponse](c, "collides", create(v, newTopic(strings.ReplaceAll(n, "-", "_")+".x", 1, 1)))
		}
	}},
	{"create partitions", func(s *session) {
		c := s.conn("c")
		n := s.name("t")
		s.topic(n, 2)
		for _, v := range s.versions(37) {
			with := func(name string, count int32, assigned ...[]int32) kmsg.CreatePartitionsRequestTopic {
				t := kmsg.NewCreatePartitionsRequestTopic()
				t.Topic, t.Count = name, count
				for _, r := range assigned {
					t.Assignment = append(t.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: r})
				}
				return t
			}
			for why, t := range sorted(map[string]kmsg.CreatePartitionsRequestTopic{
				"missing": with("missing", 3), "as many": with(n, 2), "fewer": with(n, 1), "0": with(n, 0), "-1": with(n, -1), "an empty name": with("", 3),
				"assigned": with(n, 3, []int32{1}), "assigned too many": with(n, 3, []int32{1}, []int32{1}), "assigned to nobody": with(n, 3, []int32{}),
				"assigned to an unknown broker": with(n, 3, []int32{9}), "assigned twice": with(n, 3, []int32{1, 1}), "assigned too few": with(n, 5, []int32{1}),
				"more": with(n, 3), "very many": with(n, 100_000), "an empty assignment": func() kmsg.CreatePartitionsRequestTopic {
					t := with(n, 3)
					t.Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{}
					return t
				}(),
			}) {
				req := in(v, kmsg.NewPtrCreatePartitionsRequest())
				req.TimeoutMillis, req.ValidateOnly = limit, true
				req.Topics = append(req.Topics, t)
				ask[*kmsg.CreatePartitionsResponse](c, why+", only validated", req)
				req.Topics = append(req.Topics, t)
				ask[*kmsg.CreatePartitionsResponse](c, why+" twice, only validated", req)
			}
			req := in(v, kmsg.NewPtrCreatePartitionsRequest())
			req.TimeoutMillis = limit
			ask[*kmsg.CreatePartitionsResponse](c, "none", req)
			req.Topics = append(req.Topics, with(n, 3+int32(v)))
			ask[*kmsg.CreatePartitionsResponse](c, "more", req)
			ask[*kmsg.CreatePartitionsResponse](c, "more again", req)
		}
	}},
	{"delete topics", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(20) {
			n := s.name(step("v%d", v))
			s.topic(n, 1)
			req := in(v, kmsg.NewPtrDeleteTopicsRequest())
			req.TimeoutMillis = limit
			send := func(step string, names ...string) {
				req.TopicNames, req.Topics = names, nil
				if names == nil {
					req.TopicNames = []string{}
				}
				for _, n := range names {
					req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &n})
				}
				ask[*kmsg.DeleteTopicsResponse](c, step, req)
			}
			send("none")
			send("missing", "missing")
			send("missing twice", "missing", "missing")
			send("an empty name", "")
			send("an invalid name", "in valid")
			send("there and missing", n, "missing")
			send("deleted", n)
			n += "-b"
			s.topic(n, 1)
			send("there twice", n, n)
			send("there", n)
			if v < 6 {
				continue
			}
			n += "-c"
			id := s.topic(n, 1)
			for why, t := range sorted(map[string]kmsg.DeleteTopicsRequestTopic{
				"an unknown id": {TopicID: [16]byte{15: 9}}, "id and name": {TopicID: id, Topic: &n}, "neither": {},
			}) {
				req.Topics = []kmsg.DeleteTopicsRequestTopic{t}
				ask[*kmsg.DeleteTopicsResponse](c, why, req)
				req.Topics = append(req.Topics, t)
				ask[*kmsg.DeleteTopicsResponse](c, why+" twice", req)
			}
			req.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: id}, {Topic: &n}}
			ask[*kmsg.DeleteTopicsResponse](c, "by id and by name", req)
			req.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: id}}
			ask[*kmsg.DeleteTopicsResponse](c, "by id", req)
			ask[*kmsg.DeleteTopicsResponse](c, "by id again", req)
		}
	}},
	{"metadata of topics", func(s *session) {
		c := s.conn("c")
		a, b := s.name("a"), s.name("b")
		id := s.topic(a, 3)
		s.topic(b, 1)
		for _, v := range s.versions(3) {
			for _, flag := range []bool{false, true} {
				req := in(v, kmsg.NewPtrMetadataRequest())
				req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = flag, flag
				req.Topics = []kmsg.MetadataRequestTopic{{Topic: &a}, {Topic: &b}, {Topic: &a}}
				ask[*kmsg.MetadataResponse](c, step("two topics, operations %t", flag), req)
				if v >= 10 {
					req.Topics = []kmsg.MetadataRequestTopic{{TopicID: id}}
					ask[*kmsg.MetadataResponse](c, step("by id, operations %t", flag), req)
				}
			}
		}
	}},
	{"describe topic partitions", func(s *session) {
		c := s.conn("c")
		a, b := s.name("a"), s.name("b")
		s.topic(a, 4)
		s.topic(b, 2)
		for _, v := range s.versions(75) {
			for why, names := range sorted(map[string][]string{
				"both": {b, a}, "twice": {a, a}, "missing": {"missing", a}, "invalid": {"in valid"}, "an empty name": {""},
			}) {
				for _, size := range []int32{2000, 1, 3, 0, -1, 5} {
					req := in(v, kmsg.NewPtrDescribeTopicPartitionsRequest())
					req.ResponsePartitionLimit = size
					for _, n := range names {
						req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: n})
					}
					ask[*kmsg.DescribeTopicPartitionsResponse](c, step("%s, limit %d", why, size), req)
					for _, cursor := range []kmsg.DescribeTopicPartitionsRequestCursor{{Topic: a, Partition: 2}, {Topic: a, Partition: 4}, {Topic: a, Partition: -1}, {Topic: a + "1"}, {Topic: "zzz"}, {Topic: ""}} {
						req.Cursor = &cursor
						ask[*kmsg.DescribeTopicPartitionsResponse](c, step("%s, limit %d, from %s %d", why, size, cursor.Topic, cursor.Partition), req)
					}
				}
			}
		}
	}},
}
