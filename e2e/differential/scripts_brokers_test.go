//go:build e2e

package differential

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// everyBroker is the ids of three brokers.
var everyBroker = []int32{1, 2, 3}

var brokerScripts = []script{
	{"the cluster", func(s *session) {
		s.settle(0, "__consumer_offsets")
		s.settle(1, "__transaction_state")
		s.everywhere("three brokers", "__consumer_offsets", "__transaction_state")
		for _, b := range everyBroker {
			for _, v := range s.versions(10) {
				for _, kind := range []int8{0, 1} {
					req := in(v, kmsg.NewPtrFindCoordinatorRequest())
					req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, "a", []string{"a", "b", "c", "d"}
					ask[*kmsg.FindCoordinatorResponse](s.at(b, "c"), step("broker %d: coordinators of type %d", b, kind), req)
				}
			}
		}
	}},
	{"topics on three", func(s *session) {
		c := s.conn("c")
		n := s.name("x")
		for _, v := range s.versions(19) {
			for why, t := range sorted(map[string]kmsg.CreateTopicsRequestTopic{
				"4 replicas": newTopic(n, 1, 4), "0 replicas": newTopic(n, 1, 0), "3 replicas": newTopic(n, 4, 3), "the default": newTopic(n, -1, -1),
				"assigned": assigned(n, -1, -1, []int32{0, 1, 2}, []int32{1, 2, 3}), "an unknown broker": assigned(n, -1, -1, []int32{0, 1, 4}), "a broker twice": assigned(n, -1, -1, []int32{0, 1, 1}),
				"of two sizes": assigned(n, -1, -1, []int32{0, 1, 2}, []int32{1, 3}), "with a gap": assigned(n, -1, -1, []int32{0, 1, 2}, []int32{2, 1, 3}), "from 1 on": assigned(n, -1, -1, []int32{1, 1, 2}),
				"a partition twice": assigned(n, -1, -1, []int32{0, 1, 2}, []int32{0, 2, 3}), "nobody": assigned(n, -1, -1, []int32{0}), "assigned with a factor": assigned(n, -1, 2, []int32{0, 1, 2}),
				"assigned with a count": assigned(n, 1, -1, []int32{0, 1, 2}), "a negative broker": assigned(n, -1, -1, []int32{0, -1, 2}),
			}) {
				req := create(v, t)
				req.ValidateOnly = true
				ask[*kmsg.CreateTopicsResponse](c, why, req)
			}
		}
		p := s.spread(s.name("t"), nil, []int32{1, 2}, []int32{2, 3})
		for _, v := range s.versions(37) {
			for why, a := range sorted(map[string][][]int32{
				"two more": {{3, 1}, {1, 3}}, "too few": {{3, 1}}, "too many": {{3, 1}, {1, 2}, {2, 3}}, "another factor": {{3}, {1}}, "three replicas": {{1, 2, 3}, {1, 2, 3}}, "an unknown broker": {{3, 4}, {1, 2}},
				"a broker twice": {{3, 3}, {1, 2}}, "nobody": {{}, {}}, "of two sizes": {{3, 1}, {1}}, "none": nil,
			}) {
				req := in(v, kmsg.NewPtrCreatePartitionsRequest())
				req.TimeoutMillis, req.ValidateOnly = limit, true
				t := kmsg.CreatePartitionsRequestTopic{Topic: p.name, Count: 4}
				for _, r := range a {
					t.Assignment = append(t.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: r})
				}
				req.Topics = []kmsg.CreatePartitionsRequestTopic{t}
				ask[*kmsg.CreatePartitionsResponse](c, why, req)
			}
		}
		req := in(s.last(37), kmsg.NewPtrCreatePartitionsRequest())
		req.TimeoutMillis = limit
		req.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: p.name, Count: 3, Assignment: []kmsg.CreatePartitionsRequestTopicAssignment{{Replicas: []int32{3, 1}}}}}
		ask[*kmsg.CreatePartitionsResponse](c, "one more", req)
		for _, b := range everyBroker {
			s.led(b, p.name, 1, 2, 3)
		}
		s.everywhere("assigned by hand", p.name)
		s.placed()
	}},
	{"configs of three brokers", func(s *session) {
		for _, b := range []int32{1, 2} {
			c := s.at(b, "c")
			for _, v := range s.versions(32) {
				for _, name := range []string{"", "1", "2", "3", "4"} {
					ask[*kmsg.DescribeConfigsResponse](c, step("broker %d about %q", b, name), described(v, ofBroker, name, "log.cleaner.backoff.ms", "broker.rack"))
				}
			}
			// Only the broker that is meant takes it.
			for _, name := range []string{"1", "2", "4"} {
				ask[*kmsg.IncrementalAlterConfigsResponse](c, step("broker %d: set for %s", b, name), incremental(s.last(44), ofBroker, name, change{0, "log.cleaner.backoff.ms", pointer("16000")}))
				ask[*kmsg.IncrementalAlterConfigsResponse](c, step("broker %d: set what is read only for %s", b, name), incremental(s.last(44), ofBroker, name, change{0, "broker.rack", pointer("x")}))
			}
			ask[*kmsg.IncrementalAlterConfigsResponse](c, step("broker %d: set for all", b), incremental(s.last(44), ofBroker, "", change{0, "log.cleaner.backoff.ms", pointer("17000")}))
			s.backoff(step("set at broker %d", b), "17000", b, "16000")
			for _, name := range []string{"", "1", "2"} {
				ask[*kmsg.IncrementalAlterConfigsResponse](c, step("broker %d: delete for %q", b, name), incremental(s.last(44), ofBroker, name, change{1, "log.cleaner.backoff.ms", nil}))
			}
			s.backoff(step("deleted at broker %d", b), "15000", b, "15000")
		}
	}},
	{"quotas seen from three", func(s *session) {
		type entity = kmsg.AlterClientQuotasRequestEntryEntity
		user := s.name("user")
		for _, b := range []int32{1, 2} {
			for _, remove := range []bool{false, true} {
				req := in(s.last(49), kmsg.NewPtrAlterClientQuotasRequest())
				req.Entries = []kmsg.AlterClientQuotasRequestEntry{{Entity: []entity{{Type: "user", Name: &user}}, Ops: []kmsg.AlterClientQuotasRequestEntryOp{{Key: "producer_byte_rate", Value: 1e9, Remove: remove}}}}
				ask[*kmsg.AlterClientQuotasResponse](s.at(b, "c"), step("broker %d: removed %t", b, remove), req)
				for _, at := range everyBroker {
					list := in(s.last(48), kmsg.NewPtrDescribeClientQuotasRequest())
					list.Components = []kmsg.DescribeClientQuotasRequestComponent{{EntityType: "user", MatchType: 2}}
					until(s.at(at, "c"), step("altered at %d, removed %t: seen by %d", b, remove, at), list, func(r *kmsg.DescribeClientQuotasResponse) bool {
						return len(r.Entries) > 0 != remove
					})
				}
			}
		}
	}},
	{"log directories of three", func(s *session) {
		p := s.spread(s.name("t"), nil, []int32{1, 2}, []int32{2, 3}, []int32{3, 1})
		for i := range int32(3) {
			s.putTo(i+1, "filled", p, i, "a")
		}
		for _, b := range everyBroker {
			for _, v := range s.versions(35) {
				req := in(v, kmsg.NewPtrDescribeLogDirsRequest())
				req.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: p.name, Partitions: []int32{0, 1, 2}}}
				r := await(s.at(b, "c"), "followers have all", req, copied)
				for i := range r.Dirs {
					r.Dirs[i].Dir = "the log directory" // the brokers of Millrace share one
				}
				s.log = append(s.log, &exchange{step: step("of broker %d", b), request: req, outcome: answered, answer: r, exact: true})
			}
		}
	}},
}

// copied tells whether no replica is behind.
func copied(r *kmsg.DescribeLogDirsResponse) bool {
	for _, d := range r.Dirs {
		for _, t := range d.Topics {
			if slices.ContainsFunc(t.Partitions, func(p kmsg.DescribeLogDirsResponseDirTopicPartition) bool { return p.Size == 0 || p.OffsetLag > 0 }) {
				return false
			}
		}
	}
	return true
}

// settle makes an internal topic and puts its replicas, which a broker chooses
// at random, where scripts know them: partition p is led by broker p+1, at epoch
// 2, since there is a broker between that is neither its leader nor p+1.
func (s *session) settle(kind int8, topic string) {
	find := in(s.last(10), kmsg.NewPtrFindCoordinatorRequest())
	find.CoordinatorType, find.CoordinatorKey, find.CoordinatorKeys = kind, "a", []string{"a"}
	await(s.conn("admin"), topic+" is there", find, func(r *kmsg.FindCoordinatorResponse) bool {
		return r.ErrorCode == 0 && (len(r.Coordinators) == 0 || r.Coordinators[0].ErrorCode == 0)
	})
	r := await(s.conn("admin"), topic+" is known", metadataOf(s.last(3), topic), func(r *kmsg.MetadataResponse) bool {
		return len(r.Topics) == 1 && len(r.Topics[0].Partitions) == 3
	})
	between := make([]int32, 3)
	for _, p := range r.Topics[0].Partitions {
		for _, b := range everyBroker {
			if b != p.Leader && b != p.Partition+1 {
				between[p.Partition] = b
			}
		}
	}
	s.unseen(func() {
		for _, leaders := range [][]int32{between, everyBroker} {
			var moves []kmsg.AlterPartitionAssignmentsRequestTopicPartition
			for p, leader := range leaders {
				moves = append(moves, moved(int32(p), from(leader)...))
			}
			s.reassign("", topic, moves...)
			s.home(topic, leaders...)
		}
	})
}

// barrier waits until brokers know all that was decided before: what they are
// told comes in order.
func (s *session) barrier(brokers ...int32) {
	s.barriers++
	type entity = kmsg.AlterClientQuotasRequestEntryEntity
	user, value := "barrier", float64(s.barriers)
	req := in(s.last(49), kmsg.NewPtrAlterClientQuotasRequest())
	req.Entries = []kmsg.AlterClientQuotasRequestEntry{{Entity: []entity{{Type: "user", Name: &user}}, Ops: []kmsg.AlterClientQuotasRequestEntryOp{{Key: "consumer_byte_rate", Value: value}}}}
	list := in(s.last(48), kmsg.NewPtrDescribeClientQuotasRequest())
	list.Components = []kmsg.DescribeClientQuotasRequestComponent{{EntityType: "user", Match: &user}}
	quiet[*kmsg.AlterClientQuotasResponse](s.at(brokers[0], "admin"), req)
	for _, b := range brokers {
		await(s.at(b, "admin"), "a barrier", list, func(r *kmsg.DescribeClientQuotasResponse) bool {
			return len(r.Entries) == 1 && r.Entries[0].Values[0].Value == value
		})
	}
	req.Entries[0].Ops[0].Remove = true
	quiet[*kmsg.AlterClientQuotasResponse](s.at(brokers[0], "admin"), req)
}

// home elects the preferred leaders of a topic's partitions, which are those
// given.
func (s *session) home(topic string, leaders ...int32) {
	s.unseen(func() { s.elect("", 0, topic, 0, 1, 2) })
	for _, b := range everyBroker {
		s.led(b, topic, leaders...)
	}
}

// unseen runs a part of a script that is not compared.
func (s *session) unseen(f func()) {
	had := len(s.log)
	f()
	s.log = s.log[:had]
}

// from is the three brokers, beginning with one.
func from(first int32) []int32 {
	return slices.Concat(everyBroker[first-1:], everyBroker[:first-1])
}

func moved(partition int32, replicas ...int32) kmsg.AlterPartitionAssignmentsRequestTopicPartition {
	return kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: partition, Replicas: replicas}
}

func reassignment(v int16, topic string, moves ...kmsg.AlterPartitionAssignmentsRequestTopicPartition) *kmsg.AlterPartitionAssignmentsRequest {
	req := in(v, kmsg.NewPtrAlterPartitionAssignmentsRequest())
	req.TimeoutMillis, req.AllowReplicationFactorChange = limit, true
	req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: moves}}
	return req
}

// reassign moves partitions and waits until they have moved.
func (s *session) reassign(step, topic string, moves ...kmsg.AlterPartitionAssignmentsRequestTopicPartition) {
	ask[*kmsg.AlterPartitionAssignmentsResponse](s.conn("admin"), step, reassignment(s.last(45), topic, moves...))
	list := in(s.last(46), kmsg.NewPtrListPartitionReassignmentsRequest())
	list.TimeoutMillis = limit
	until(s.conn("admin"), step+": ended", list, func(r *kmsg.ListPartitionReassignmentsResponse) bool { return len(r.Topics) == 0 })
}

func (s *session) elect(step string, kind int8, topic string, partitions ...int32) {
	req := in(s.last(43), kmsg.NewPtrElectLeadersRequest())
	req.ElectionType, req.TimeoutMillis = kind, limit
	req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: topic, Partitions: partitions}}
	ask[*kmsg.ElectLeadersResponse](s.conn("admin"), step, req)
}

// spread is a topic with the replicas of each partition, all of whose leaders
// answer.
func (s *session) spread(name string, configs []string, replicas ...[]int32) place {
	t := newTopic(name, -1, -1, configs...)
	var leaders []int32
	for p, r := range replicas {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(p), Replicas: r})
		leaders = append(leaders, r[0])
	}
	created := ask[*kmsg.CreateTopicsResponse](s.conn("admin"), "create "+name, create(s.last(19), t))
	if len(created.Topics) != 1 || created.Topics[0].ErrorCode != 0 {
		panic("no topic " + name)
	}
	for _, b := range everyBroker {
		s.led(b, name, leaders...)
	}
	return place{name, created.Topics[0].TopicID}
}

// led waits until a broker knows the leaders of the partitions 0, 1, ... with
// all replicas in sync that are alive, and those that it leads answer.
func (s *session) led(broker int32, topic string, leaders ...int32) {
	c, list := s.at(broker, "admin"), in(s.last(2), kmsg.NewPtrListOffsetsRequest())
	list.ReplicaID, list.Topics = -1, []kmsg.ListOffsetsRequestTopic{{Topic: topic}}
	for p, leader := range leaders {
		if leader == broker {
			part := kmsg.NewListOffsetsRequestTopicPartition()
			part.Partition, part.Timestamp = int32(p), -1
			list.Topics[0].Partitions = append(list.Topics[0].Partitions, part)
		}
	}
	await(c, step("leaders %d of %s", leaders, topic), metadataOf(s.last(3), topic), func(r *kmsg.MetadataResponse) bool { return leads(r, leaders) })
	await(c, "leads "+topic, list, func(r *kmsg.ListOffsetsResponse) bool {
		return !slices.ContainsFunc(r.Topics, func(t kmsg.ListOffsetsResponseTopic) bool {
			return slices.ContainsFunc(t.Partitions, func(p kmsg.ListOffsetsResponseTopicPartition) bool { return p.ErrorCode != 0 })
		})
	})
}

func leads(r *kmsg.MetadataResponse, leaders []int32) bool {
	if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != len(leaders) {
		return false
	}
	for _, p := range r.Topics[0].Partitions {
		if p.Leader != leaders[p.Partition] || p.Leader >= 0 && len(p.ISR)+len(p.OfflineReplicas) != len(p.Replicas) {
			return false
		}
	}
	return true
}

// putTo produces records to a broker's partition.
func (s *session) putTo(broker int32, step string, p place, partition int32, values ...string) {
	req := produce(s.last(0), p, good(then, values...).bytes())
	req.Topics[0].Partitions[0].Partition = partition
	ask[*kmsg.ProduceResponse](s.at(broker, "producer"), step, req)
}

func metadataOf(v int16, topics ...string) *kmsg.MetadataRequest {
	req := in(v, kmsg.NewPtrMetadataRequest())
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, t := range topics {
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &t})
	}
	return req
}

// everywhere compares what each of some brokers, or of all, says of the cluster
// and of topics.
func (s *session) everywhere(what string, topics ...string) { s.seenBy(everyBroker, what, topics...) }

func (s *session) seenBy(brokers []int32, what string, topics ...string) {
	for _, b := range brokers {
		c, what := s.at(b, "viewer"), step("%s: seen by broker %d", what, b)
		for _, v := range s.versions(3) {
			ask[*kmsg.MetadataResponse](c, what, metadataOf(v, topics...))
		}
		if s.has(75, 0) && len(topics) > 0 {
			req := in(0, kmsg.NewPtrDescribeTopicPartitionsRequest())
			for _, t := range topics {
				req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: t})
			}
			req.ResponsePartitionLimit = 100
			ask[*kmsg.DescribeTopicPartitionsResponse](c, what, req)
		}
		for _, v := range s.versions(60) {
			for _, fenced := range []bool{false, true} {
				req := in(v, kmsg.NewPtrDescribeClusterRequest())
				req.EndpointType, req.IncludeFencedBrokers = 1, fenced
				ask[*kmsg.DescribeClusterResponse](c, step("%s, fenced too %t", what, fenced), req)
			}
		}
		s.quorum(c, what)
	}
}

// quorum compares what a broker says of the quorum but for offsets, which differ
// with what is in the log.
func (s *session) quorum(c *conn, what string) {
	for _, v := range s.versions(55) {
		req := in(v, kmsg.NewPtrDescribeQuorumRequest())
		req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: 0}}}}
		r := quiet[*kmsg.DescribeQuorumResponse](c, req)
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				p.HighWatermark, p.LeaderEpoch = 0, 0
				for _, states := range [][]kmsg.DescribeQuorumResponseTopicPartitionReplicaState{p.CurrentVoters, p.Observers} {
					for k := range states {
						states[k].LogEndOffset = 0
					}
				}
			}
		}
		s.log = append(s.log, &exchange{step: what + ": the quorum", request: copyOf(req), outcome: answered, answer: r, exact: true})
	}
}

// backoff waits until each broker has a log.cleaner.backoff.ms, and one its own.
func (s *session) backoff(what, value string, one int32, own string) {
	for _, b := range everyBroker {
		for _, name := range []string{"", step("%d", b)} {
			want := value
			if b == one {
				want = own
			}
			if name == "" && value != "15000" {
				want = value
			} else if name == "" {
				want = "" // none is set
			}
			req := described(s.last(32), ofBroker, name, "log.cleaner.backoff.ms")
			req.IncludeSynonyms = true
			until(s.at(b, "c"), step("%s: broker %d about %q", what, b, name), req, func(r *kmsg.DescribeConfigsResponse) bool { return valueOf(r) == want })
		}
	}
}

// placed compares properties of what brokers choose at random: on how many
// brokers, which is racks, the replicas of a new topic are, and how many lead.
func (s *session) placed() {
	c := s.conn("admin")
	for _, f := range []struct {
		partitions int32
		replicas   int16
	}{{6, 1}, {6, 2}, {7, 3}, {9, 2}} {
		n := s.name(step("placed-%d-%d", f.partitions, f.replicas))
		quiet[*kmsg.CreateTopicsResponse](c, create(s.last(19), newTopic(n, f.partitions, f.replicas)))
		r, began := quiet[*kmsg.MetadataResponse](c, metadataOf(s.last(3), n)), time.Now()
		for len(r.Topics[0].Partitions) != int(f.partitions) && time.Since(began) < answerTime {
			pause()
			r = quiet[*kmsg.MetadataResponse](c, metadataOf(s.last(3), n))
		}
		led := make(map[int32]int)
		for _, p := range r.Topics[0].Partitions {
			led[p.Leader]++
			s.note(n+": brokers with a replica", len(slices.Compact(slices.Sorted(slices.Values(p.Replicas)))))
			s.note(n+": replicas in sync", len(p.ISR))
		}
		s.note(n+": brokers that lead", len(led))
	}
}
