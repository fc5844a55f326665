package listener

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/record"
)

// table says what each API key asks, after Kafka's table of operations and
// resources per protocol, and MSK's mapping of it to IAM actions. A key without
// a row is not served.
var table = map[int16]row{
	0:  rule(askProduce),
	1:  rule(askFetch),
	2:  rule(askListOffsets),
	3:  rule(askMetadata).filtered(),
	8:  rule(askOffsetCommit),
	9:  rule(askOffsetFetch).filtered(), // without a topic list
	10: rule(askFindCoordinator),
	11: rule(func(q *inquiry, r *kmsg.JoinGroupRequest) then {
		return without(q, q.ask(Read, Group, r.Group), r, func(s *kmsg.JoinGroupResponse) { s.ErrorCode = errGroup })
	}),
	12: rule(func(q *inquiry, r *kmsg.HeartbeatRequest) then {
		return without(q, q.ask(Read, Group, r.Group), r, func(s *kmsg.HeartbeatResponse) { s.ErrorCode = errGroup })
	}),
	13: rule(func(q *inquiry, r *kmsg.LeaveGroupRequest) then {
		return without(q, q.ask(Read, Group, r.Group), r, func(s *kmsg.LeaveGroupResponse) { s.ErrorCode = errGroup })
	}),
	14: rule(func(q *inquiry, r *kmsg.SyncGroupRequest) then {
		return without(q, q.ask(Read, Group, r.Group), r, func(s *kmsg.SyncGroupResponse) { s.ErrorCode = errGroup })
	}),
	15: rule(askDescribeGroups),
	16: row{filter: true, ask: func(*inquiry, kmsg.Request) then { return nil }}, // Describe on Cluster shows all groups, else Describe on each
	19: rule(askCreateTopics),
	20: rule(askDeleteTopics),
	21: rule(askDeleteRecords),
	22: rule(askInitProducerID),
	23: rule(askOffsetForLeaderEpoch),
	24: rule(askAddPartitionsToTxn),
	25: rule(askAddOffsetsToTxn),
	26: rule(func(q *inquiry, r *kmsg.EndTxnRequest) then {
		return without(q, q.ask(Write, TransactionalID, r.TransactionalID), r, func(s *kmsg.EndTxnResponse) { s.ErrorCode = errTxn })
	}),
	27: rule(askWriteTxnMarkers),
	28: rule(askTxnOffsetCommit),
	29: rule(askDescribeACLs),
	30: rule(askCreateACLs),
	31: rule(askDeleteACLs),
	32: rule(askDescribeConfigs),
	33: rule(askAlterConfigs),
	34: rule(askAlterReplicaLogDirs),
	35: rule(askDescribeLogDirs),
	37: rule(askCreatePartitions),
	38: open, // of one's own tokens
	39: open,
	40: open,
	41: open, // Describe on each token, of which there are none
	42: rule(askDeleteGroups),
	43: rule(askElectLeaders),
	44: rule(askIncrementalAlterConfigs),
	45: rule(askAlterPartitionReassignments),
	46: rule(askListPartitionReassignments),
	47: rule(askOffsetDelete),
	48: rule(func(q *inquiry, r *kmsg.DescribeClientQuotasRequest) then {
		return without(q, q.ask(DescribeConfigs, Cluster, ""), r, func(s *kmsg.DescribeClientQuotasResponse) { s.ErrorCode = errCluster })
	}),
	49: rule(func(q *inquiry, r *kmsg.AlterClientQuotasRequest) then {
		return unless(q, q.ask(AlterConfigs, Cluster, ""), func() kmsg.Response { return RefusedQuotas(r, errCluster) }, nil)
	}),
	50: rule(func(q *inquiry, r *kmsg.DescribeUserSCRAMCredentialsRequest) then {
		return without(q, q.ask(Describe, Cluster, ""), r, func(s *kmsg.DescribeUserSCRAMCredentialsResponse) { s.ErrorCode = errCluster })
	}),
	51: rule(askAlterUserSCRAMCredentials),
	55: rule(askDescribeQuorum),
	57: rule(askUpdateFeatures),
	// Kafka answers DescribeCluster to everybody (KIP-700): the Java admin client
	// asks it before it describes a topic, with rights on the topic alone.
	60: open,
	61: rule(askDescribeProducers),
	64: rule(func(q *inquiry, r *kmsg.UnregisterBrokerRequest) then {
		return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.UnregisterBrokerResponse) { s.ErrorCode = errCluster })
	}),
	65: rule(askDescribeTransactions).filtered(),                                 // the topics of each
	66: row{filter: true, ask: func(*inquiry, kmsg.Request) then { return nil }}, // Describe on each transactional id
	68: rule(askConsumerGroupHeartbeat).filtered(),                               // of regular expressions
	69: rule(askConsumerGroupDescribe).filtered(),                                // of what is assigned
	74: rule(askListConfigResources),
	75: rule(askDescribeTopicPartitions).filtered(),
	80: rule(func(q *inquiry, r *kmsg.AddRaftVoterRequest) then {
		return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.AddRaftVoterResponse) { s.ErrorCode = errCluster })
	}),
	81: rule(func(q *inquiry, r *kmsg.RemoveRaftVoterRequest) then {
		return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.RemoveRaftVoterResponse) { s.ErrorCode = errCluster })
	}),
}

// open is the row of a key that asks for nothing.
var open = row{ask: func(*inquiry, kmsg.Request) then { return nil }}

// askProduce also asks for what a batch says of itself, lest a client pass an
// idempotent or transactional batch off as a plain one (CVE-2018-17196).
func askProduce(q *inquiry, r *kmsg.ProduceRequest) then {
	transactional, idempotent := r.TransactionID != nil, false
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			if len(p.Records) < record.HeaderSize {
				continue // the backend refuses it
			}
			b := record.Batch(p.Records)
			transactional = transactional || b.Transactional()
			idempotent = idempotent || b.ProducerID() >= 0
		}
	}
	next := each(q, &r.Topics, func(t kmsg.ProduceRequestTopic) []int { return q.topic(t.Topic, t.TopicID, Write) },
		func(s *kmsg.ProduceResponse) *[]kmsg.ProduceResponseTopic { return &s.Topics },
		func(t kmsg.ProduceRequestTopic) kmsg.ProduceResponseTopic { return refusedProduce(t, errTopic) })
	number, code := -1, int16(0)
	switch {
	case transactional:
		id := ""
		if r.TransactionID != nil {
			id = *r.TransactionID
		}
		number, code = q.ask(Write, TransactionalID, id), errTxn
	case idempotent:
		number, code = q.ask(IdempotentWrite, Cluster, ""), errCluster
	}
	if !q.answered() {
		return nil
	}
	if number >= 0 {
		next = unless(q, number, func() kmsg.Response { return refusedProduces(r, code) }, next)
	}
	return unacknowledged(r, next)
}

// refusedProduces answers a Produce of which nothing may be written.
func refusedProduces(r *kmsg.ProduceRequest, code int16) kmsg.Response {
	if r.Acks == 0 {
		return CloseConnection // as Kafka: there is no answer to put the error into
	}
	s := r.ResponseKind().(*kmsg.ProduceResponse)
	s.Topics = full(r.Topics, func(t kmsg.ProduceRequestTopic) kmsg.ProduceResponseTopic { return refusedProduce(t, code) })
	return s
}

func refusedProduce(t kmsg.ProduceRequestTopic, code int16) kmsg.ProduceResponseTopic {
	return kmsg.ProduceResponseTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: full(t.Partitions, func(p kmsg.ProduceRequestTopicPartition) kmsg.ProduceResponseTopicPartition {
		out := kmsg.NewProduceResponseTopicPartition()
		out.Partition, out.ErrorCode, out.BaseOffset, out.LogStartOffset = p.Partition, code, -1, -1
		return out
	})}
}

// unacknowledged closes the connection of an acks=0 producer that was refused
// anything, so that it notices.
func unacknowledged(r *kmsg.ProduceRequest, next then) then {
	if r.Acks != 0 {
		return next
	}
	return func() outcome {
		if out := next(); out.whole != nil || out.restore == nil {
			return out
		}
		return outcome{whole: CloseConnection}
	}
}

// askFetch asks for every topic that the request reads, those of its session
// included, on every fetch: rights may have ended since the session began. What
// is refused the backend answers with TOPIC_AUTHORIZATION_FAILED (see
// Request.MayRead), since it alone knows the session's partitions.
func askFetch(q *inquiry, r *kmsg.FetchRequest) then {
	if r.ReplicaID >= 0 || r.ReplicaState.ID >= 0 { // a follower, never a client (CVE-2018-1288)
		return without(q, q.ask(ClusterAction, Cluster, ""), r, func(s *kmsg.FetchResponse) { s.Topics = full(r.Topics, refusedFetch) })
	}
	for i := range r.Topics {
		q.topic(r.Topics[i].Topic, r.Topics[i].TopicID, Read)
	}
	for _, name := range q.backend.FetchTopics(q.session, r) {
		q.ask(Read, Topic, name)
	}
	return func() outcome { return outcome{} }
}

func refusedFetch(t kmsg.FetchRequestTopic) kmsg.FetchResponseTopic {
	return kmsg.FetchResponseTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: full(t.Partitions, func(p kmsg.FetchRequestTopicPartition) kmsg.FetchResponseTopicPartition {
		out := kmsg.NewFetchResponseTopicPartition()
		out.Partition, out.ErrorCode, out.HighWatermark = p.Partition, errTopic, -1
		out.LastStableOffset, out.LogStartOffset, out.RecordBatches = -1, -1, []byte{}
		return out
	})}
}

func askListOffsets(q *inquiry, r *kmsg.ListOffsetsRequest) then {
	return each(q, &r.Topics, func(t kmsg.ListOffsetsRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Describe) },
		func(s *kmsg.ListOffsetsResponse) *[]kmsg.ListOffsetsResponseTopic { return &s.Topics },
		func(t kmsg.ListOffsetsRequestTopic) kmsg.ListOffsetsResponseTopic {
			return kmsg.ListOffsetsResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p kmsg.ListOffsetsRequestTopicPartition) kmsg.ListOffsetsResponseTopicPartition {
				out := kmsg.NewListOffsetsResponseTopicPartition()
				out.Partition, out.ErrorCode, out.OldStyleOffsets = p.Partition, errTopic, []int64{}
				return out
			})}
		})
}

func askOffsetForLeaderEpoch(q *inquiry, r *kmsg.OffsetForLeaderEpochRequest) then {
	return each(q, &r.Topics, func(t kmsg.OffsetForLeaderEpochRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Describe) },
		func(s *kmsg.OffsetForLeaderEpochResponse) *[]kmsg.OffsetForLeaderEpochResponseTopic { return &s.Topics },
		func(t kmsg.OffsetForLeaderEpochRequestTopic) kmsg.OffsetForLeaderEpochResponseTopic {
			return kmsg.OffsetForLeaderEpochResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
				out := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				out.Partition, out.ErrorCode = p.Partition, errTopic
				return out
			})}
		})
}

// askMetadata answers a refused name without telling whether it exists: no id,
// no partitions. A refused id comes back as it was sent, without a name. Whether
// a missing topic may be created is the handler's question to Request.May.
func askMetadata(q *inquiry, r *kmsg.MetadataRequest) then {
	name := func(t kmsg.MetadataRequestTopic) string {
		if t.Topic == nil {
			return ""
		}
		return *t.Topic
	}
	next := each(q, &r.Topics, func(t kmsg.MetadataRequestTopic) []int { return q.topic(name(t), t.TopicID, Describe) },
		func(s *kmsg.MetadataResponse) *[]kmsg.MetadataResponseTopic { return &s.Topics },
		func(t kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
			out := kmsg.NewMetadataResponseTopic()
			out.ErrorCode, out.Topic, out.Partitions = errTopic, t.Topic, []kmsg.MetadataResponseTopicPartition{}
			out.AuthorizedOperations = math.MinInt32
			if t.Topic == nil {
				out.TopicID = t.TopicID
			}
			return out
		})
	return func() outcome {
		out := next()
		if r.Version > 0 || len(r.Topics) > 0 || out.restore == nil {
			return out
		}
		// In version 0 the emptied list asks for all topics: drop what that brings.
		return outcome{restore: func(resp kmsg.Response) {
			resp.(*kmsg.MetadataResponse).Topics = nil
			out.restore(resp)
		}}
	}
}

func askDescribeTopicPartitions(q *inquiry, r *kmsg.DescribeTopicPartitionsRequest) then {
	refused := func(t kmsg.DescribeTopicPartitionsRequestTopic) kmsg.DescribeTopicPartitionsResponseTopic {
		out := kmsg.NewDescribeTopicPartitionsResponseTopic()
		out.ErrorCode, out.Topic, out.AuthorizedOperations = errTopic, &t.Topic, math.MinInt32
		out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
		return out
	}
	named := r.Topics
	next := each(q, &r.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Describe) },
		func(s *kmsg.DescribeTopicPartitionsResponse) *[]kmsg.DescribeTopicPartitionsResponseTopic {
			return &s.Topics
		}, refused)
	return func() outcome {
		out := next()
		if len(r.Topics) > 0 || out.restore == nil {
			return out
		}
		s := r.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse) // an emptied list would ask for all topics
		s.Topics = full(named, refused)
		return outcome{whole: s}
	}
}

// askCreateTopics asks for Create on each topic, never on the cluster as Kafka
// does first: IAM has kafka-cluster:CreateTopic on topics alone, and an ACL on
// the cluster is the ACL authorizer's to honour for any topic.
func askCreateTopics(q *inquiry, r *kmsg.CreateTopicsRequest) then {
	visible := map[string]int{}
	if r.Version >= 5 { // the response shows configurations (KIP-525)
		for _, t := range r.Topics {
			visible[t.Topic] = q.ask(DescribeConfigs, Topic, t.Topic)
		}
	}
	hide := func(t *kmsg.CreateTopicsResponseTopic) {
		t.NumPartitions, t.ReplicationFactor, t.Configs = -1, -1, []kmsg.CreateTopicsResponseTopicConfig{}
	}
	next := each(q, &r.Topics, func(t kmsg.CreateTopicsRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Create) },
		func(s *kmsg.CreateTopicsResponse) *[]kmsg.CreateTopicsResponseTopic { return &s.Topics },
		func(t kmsg.CreateTopicsRequestTopic) kmsg.CreateTopicsResponseTopic {
			out := kmsg.NewCreateTopicsResponseTopic()
			out.Topic, out.ErrorCode = t.Topic, errTopic
			hide(&out)
			return out
		})
	return func() outcome {
		out := next()
		return outcome{restore: func(resp kmsg.Response) {
			s := resp.(*kmsg.CreateTopicsResponse)
			for i := range s.Topics {
				t := &s.Topics[i]
				if n, ok := visible[t.Topic]; ok && t.ErrorCode == 0 && !q.ok(n) {
					t.ConfigErrorCode = errTopic
					hide(t)
				}
			}
			if out.restore != nil {
				out.restore(resp)
			}
		}}
	}
}

func askDeleteTopics(q *inquiry, r *kmsg.DeleteTopicsRequest) then {
	answers := func(s *kmsg.DeleteTopicsResponse) *[]kmsg.DeleteTopicsResponseTopic { return &s.Topics }
	if r.Version < 6 {
		return each(q, &r.TopicNames, func(t string) []int { return q.topic(t, [16]byte{}, Describe, Delete) }, answers,
			func(t string) kmsg.DeleteTopicsResponseTopic {
				return kmsg.DeleteTopicsResponseTopic{Topic: &t, ErrorCode: errTopic}
			})
	}
	return each(q, &r.Topics, func(t kmsg.DeleteTopicsRequestTopic) []int {
		if t.Topic != nil {
			return q.topic(*t.Topic, [16]byte{}, Describe, Delete)
		}
		return q.topic("", t.TopicID, Describe, Delete)
	}, answers, func(t kmsg.DeleteTopicsRequestTopic) kmsg.DeleteTopicsResponseTopic {
		return kmsg.DeleteTopicsResponseTopic{Topic: t.Topic, TopicID: t.TopicID, ErrorCode: errTopic}
	})
}

func askDeleteRecords(q *inquiry, r *kmsg.DeleteRecordsRequest) then {
	return each(q, &r.Topics, func(t kmsg.DeleteRecordsRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Delete) },
		func(s *kmsg.DeleteRecordsResponse) *[]kmsg.DeleteRecordsResponseTopic { return &s.Topics },
		func(t kmsg.DeleteRecordsRequestTopic) kmsg.DeleteRecordsResponseTopic {
			return kmsg.DeleteRecordsResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p kmsg.DeleteRecordsRequestTopicPartition) kmsg.DeleteRecordsResponseTopicPartition {
				return kmsg.DeleteRecordsResponseTopicPartition{Partition: p.Partition, LowWatermark: -1, ErrorCode: errTopic}
			})}
		})
}

func askDescribeProducers(q *inquiry, r *kmsg.DescribeProducersRequest) then {
	return each(q, &r.Topics, func(t kmsg.DescribeProducersRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Read) },
		func(s *kmsg.DescribeProducersResponse) *[]kmsg.DescribeProducersResponseTopic { return &s.Topics },
		func(t kmsg.DescribeProducersRequestTopic) kmsg.DescribeProducersResponseTopic {
			return kmsg.DescribeProducersResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p int32) kmsg.DescribeProducersResponseTopicPartition {
				return kmsg.DescribeProducersResponseTopicPartition{
					Partition: p, ErrorCode: errTopic, ActiveProducers: []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{},
				}
			})}
		})
}

func askCreatePartitions(q *inquiry, r *kmsg.CreatePartitionsRequest) then {
	return each(q, &r.Topics, func(t kmsg.CreatePartitionsRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Alter) },
		func(s *kmsg.CreatePartitionsResponse) *[]kmsg.CreatePartitionsResponseTopic { return &s.Topics },
		func(t kmsg.CreatePartitionsRequestTopic) kmsg.CreatePartitionsResponseTopic {
			return kmsg.CreatePartitionsResponseTopic{Topic: t.Topic, ErrorCode: errTopic}
		})
}

// config asks about a resource of the configuration APIs; the error is that of
// the same resource. Brokers and whatever else there is are the cluster's.
func (q *inquiry) config(op Op, kind kmsg.ConfigResourceType, name string) []int {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return q.named(Topic, name, op)
	case kmsg.ConfigResourceTypeGroupConfig:
		return q.named(Group, name, op)
	}
	return q.named(Cluster, "", op)
}

func configError(kind kmsg.ConfigResourceType) int16 {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return errTopic
	case kmsg.ConfigResourceTypeGroupConfig:
		return errGroup
	}
	return errCluster
}

func askDescribeConfigs(q *inquiry, r *kmsg.DescribeConfigsRequest) then {
	return each(q, &r.Resources, func(c kmsg.DescribeConfigsRequestResource) []int {
		return q.config(DescribeConfigs, c.ResourceType, c.ResourceName)
	}, func(s *kmsg.DescribeConfigsResponse) *[]kmsg.DescribeConfigsResponseResource { return &s.Resources },
		func(c kmsg.DescribeConfigsRequestResource) kmsg.DescribeConfigsResponseResource {
			return kmsg.DescribeConfigsResponseResource{
				ErrorCode: configError(c.ResourceType), ResourceType: c.ResourceType, ResourceName: c.ResourceName,
				Configs: []kmsg.DescribeConfigsResponseResourceConfig{},
			}
		})
}

func askAlterConfigs(q *inquiry, r *kmsg.AlterConfigsRequest) then {
	return each(q, &r.Resources, func(c kmsg.AlterConfigsRequestResource) []int {
		return q.config(AlterConfigs, c.ResourceType, c.ResourceName)
	}, func(s *kmsg.AlterConfigsResponse) *[]kmsg.AlterConfigsResponseResource { return &s.Resources },
		func(c kmsg.AlterConfigsRequestResource) kmsg.AlterConfigsResponseResource {
			return kmsg.AlterConfigsResponseResource{ErrorCode: configError(c.ResourceType), ResourceType: c.ResourceType, ResourceName: c.ResourceName}
		})
}

func askIncrementalAlterConfigs(q *inquiry, r *kmsg.IncrementalAlterConfigsRequest) then {
	return each(q, &r.Resources, func(c kmsg.IncrementalAlterConfigsRequestResource) []int {
		return q.config(AlterConfigs, c.ResourceType, c.ResourceName)
	}, func(s *kmsg.IncrementalAlterConfigsResponse) *[]kmsg.IncrementalAlterConfigsResponseResource {
		return &s.Resources
	}, func(c kmsg.IncrementalAlterConfigsRequestResource) kmsg.IncrementalAlterConfigsResponseResource {
		return kmsg.IncrementalAlterConfigsResponseResource{ErrorCode: configError(c.ResourceType), ResourceType: c.ResourceType, ResourceName: c.ResourceName}
	})
}

// askInitProducerID asks for IdempotentWrite on the cluster alone. Kafka since
// 2.8 is also content with Write on any topic (KIP-679), which IAM does not know:
// there a producer without WriteDataIdempotently gets error 31.
func askInitProducerID(q *inquiry, r *kmsg.InitProducerIDRequest) then {
	refused := func(code int16) func(*kmsg.InitProducerIDResponse) {
		return func(s *kmsg.InitProducerIDResponse) { s.ErrorCode, s.ProducerID, s.ProducerEpoch = code, -1, -1 }
	}
	if r.TransactionalID != nil {
		return without(q, q.ask(Write, TransactionalID, *r.TransactionalID), r, refused(errTxn))
	}
	return without(q, q.ask(IdempotentWrite, Cluster, ""), r, refused(errCluster))
}

func askAlterUserSCRAMCredentials(q *inquiry, r *kmsg.AlterUserSCRAMCredentialsRequest) then {
	return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.AlterUserSCRAMCredentialsResponse) {
		seen := map[string]bool{}
		add := func(user string) {
			if !seen[user] {
				seen[user] = true
				s.Results = append(s.Results, kmsg.AlterUserSCRAMCredentialsResponseResult{User: user, ErrorCode: errCluster})
			}
		}
		for _, d := range r.Deletions {
			add(d.Name)
		}
		for _, u := range r.Upsertions {
			add(u.Name)
		}
	})
}

// RefusedQuotas answers every entry of an AlterClientQuotas with an error.
func RefusedQuotas(r *kmsg.AlterClientQuotasRequest, code int16) *kmsg.AlterClientQuotasResponse {
	s := r.ResponseKind().(*kmsg.AlterClientQuotasResponse)
	s.Entries = full(r.Entries, func(in kmsg.AlterClientQuotasRequestEntry) kmsg.AlterClientQuotasResponseEntry {
		return kmsg.AlterClientQuotasResponseEntry{ErrorCode: code, Entity: full(in.Entity, func(e kmsg.AlterClientQuotasRequestEntryEntity) kmsg.AlterClientQuotasResponseEntryEntity {
			return kmsg.AlterClientQuotasResponseEntryEntity{Type: e.Type, Name: e.Name}
		})}
	})
	return s
}
