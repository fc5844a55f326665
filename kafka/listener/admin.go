package listener

import "github.com/twmb/franz-go/pkg/kmsg"

// The rows of the administrative keys: each is about the cluster as a whole.

func askDescribeACLs(q *inquiry, r *kmsg.DescribeACLsRequest) then {
	return without(q, q.ask(Describe, Cluster, ""), r, func(s *kmsg.DescribeACLsResponse) {
		s.ErrorCode, s.Resources = errCluster, []kmsg.DescribeACLsResponseResource{}
	})
}

func askCreateACLs(q *inquiry, r *kmsg.CreateACLsRequest) then {
	return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.CreateACLsResponse) {
		s.Results = full(r.Creations, func(kmsg.CreateACLsRequestCreation) kmsg.CreateACLsResponseResult {
			return kmsg.CreateACLsResponseResult{ErrorCode: errCluster}
		})
	})
}

func askDeleteACLs(q *inquiry, r *kmsg.DeleteACLsRequest) then {
	return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.DeleteACLsResponse) {
		s.Results = full(r.Filters, func(kmsg.DeleteACLsRequestFilter) kmsg.DeleteACLsResponseResult {
			return kmsg.DeleteACLsResponseResult{ErrorCode: errCluster, MatchingACLs: []kmsg.DeleteACLsResponseResultMatchingACL{}}
		})
	})
}

func askAlterReplicaLogDirs(q *inquiry, r *kmsg.AlterReplicaLogDirsRequest) then {
	return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.AlterReplicaLogDirsResponse) {
		s.Topics = []kmsg.AlterReplicaLogDirsResponseTopic{}
		for _, d := range r.Dirs {
			s.Topics = append(s.Topics, full(d.Topics, func(t kmsg.AlterReplicaLogDirsRequestDirTopic) kmsg.AlterReplicaLogDirsResponseTopic {
				return kmsg.AlterReplicaLogDirsResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p int32) kmsg.AlterReplicaLogDirsResponseTopicPartition {
					return kmsg.AlterReplicaLogDirsResponseTopicPartition{Partition: p, ErrorCode: errCluster}
				})}
			})...)
		}
	})
}

func askDescribeLogDirs(q *inquiry, r *kmsg.DescribeLogDirsRequest) then {
	return without(q, q.ask(Describe, Cluster, ""), r, func(s *kmsg.DescribeLogDirsResponse) {
		s.ErrorCode, s.Dirs = errCluster, []kmsg.DescribeLogDirsResponseDir{}
	})
}

func askElectLeaders(q *inquiry, r *kmsg.ElectLeadersRequest) then {
	return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.ElectLeadersResponse) {
		s.ErrorCode = errCluster
		s.Topics = full(r.Topics, func(t kmsg.ElectLeadersRequestTopic) kmsg.ElectLeadersResponseTopic {
			return kmsg.ElectLeadersResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p int32) kmsg.ElectLeadersResponseTopicPartition {
				return kmsg.ElectLeadersResponseTopicPartition{Partition: p, ErrorCode: errCluster}
			})}
		})
	})
}

func askAlterPartitionReassignments(q *inquiry, r *kmsg.AlterPartitionAssignmentsRequest) then {
	return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.AlterPartitionAssignmentsResponse) {
		s.Topics = full(r.Topics, func(t kmsg.AlterPartitionAssignmentsRequestTopic) kmsg.AlterPartitionAssignmentsResponseTopic {
			return kmsg.AlterPartitionAssignmentsResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p kmsg.AlterPartitionAssignmentsRequestTopicPartition) kmsg.AlterPartitionAssignmentsResponseTopicPartition {
				return kmsg.AlterPartitionAssignmentsResponseTopicPartition{Partition: p.Partition, ErrorCode: errCluster}
			})}
		})
	})
}

func askListPartitionReassignments(q *inquiry, r *kmsg.ListPartitionReassignmentsRequest) then {
	return without(q, q.ask(Describe, Cluster, ""), r, func(s *kmsg.ListPartitionReassignmentsResponse) {
		s.ErrorCode, s.Topics = errCluster, []kmsg.ListPartitionReassignmentsResponseTopic{}
	})
}

func askDescribeQuorum(q *inquiry, r *kmsg.DescribeQuorumRequest) then {
	return without(q, q.ask(Describe, Cluster, ""), r, func(s *kmsg.DescribeQuorumResponse) {
		s.ErrorCode, s.Topics, s.Nodes = errCluster, []kmsg.DescribeQuorumResponseTopic{}, []kmsg.DescribeQuorumResponseNode{}
	})
}

func askUpdateFeatures(q *inquiry, r *kmsg.UpdateFeaturesRequest) then {
	return without(q, q.ask(Alter, Cluster, ""), r, func(s *kmsg.UpdateFeaturesResponse) {
		s.ErrorCode, s.Results = errCluster, []kmsg.UpdateFeaturesResponseResult{}
	})
}

func askListConfigResources(q *inquiry, r *kmsg.ListConfigResourcesRequest) then {
	return without(q, q.ask(DescribeConfigs, Cluster, ""), r, func(s *kmsg.ListConfigResourcesResponse) {
		s.ErrorCode, s.ConfigResources = errCluster, []kmsg.ListConfigResourcesResponseConfigResource{}
	})
}
