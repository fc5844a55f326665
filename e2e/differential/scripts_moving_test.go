//go:build e2e

package differential

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var movingScripts = []script{
	{"replicas that move", func(s *session) {
		p := s.spread(s.name("t"), nil, []int32{1, 2}, []int32{2, 3})
		s.putTo(1, "filled", p, 0, "a")
		for _, m := range []struct {
			what     string
			replicas []int32
		}{
			{"add one", []int32{1, 2, 3}}, {"another order", []int32{3, 2, 1}}, {"remove a follower", []int32{3, 1}}, {"remove the leader", []int32{3}},
			{"the same", []int32{3}}, {"replace all", []int32{1, 2}}, {"replace the leader", []int32{3, 2}}, {"grow and shrink", []int32{1, 2}}, {"swap", []int32{2, 1}},
		} {
			s.reassign(m.what, p.name, moved(0, m.replicas...))
			for _, b := range everyBroker {
				await(s.at(b, "admin"), m.what, metadataOf(s.last(3), p.name), func(r *kmsg.MetadataResponse) bool {
					i := slices.IndexFunc(r.Topics[0].Partitions, func(p kmsg.MetadataResponseTopicPartition) bool { return p.Partition == 0 })
					part := r.Topics[0].Partitions[i]
					return len(part.Replicas) == len(m.replicas) && len(part.ISR) == len(m.replicas)
				})
			}
			s.seenBy([]int32{1}, m.what, p.name)
			s.seenBy([]int32{3}, m.what, p.name)
		}
		c := s.at(2, "c")
		for _, v := range s.versions(45) {
			for why, move := range sorted(map[string]kmsg.AlterPartitionAssignmentsRequestTopicPartition{
				"an unknown broker": moved(0, 1, 4), "a broker twice": moved(0, 1, 1), "nobody": {Replicas: []int32{}}, "cancelled": {}, "an unknown partition": moved(7, 1, 2), "negative": moved(0, -1, 2),
			}) {
				ask[*kmsg.AlterPartitionAssignmentsResponse](c, why, reassignment(v, p.name, move, moved(1, 2, 3)))
			}
			if v > 0 {
				req := reassignment(v, p.name, moved(0, 1, 2, 3), moved(1, 3))
				req.AllowReplicationFactorChange = false
				ask[*kmsg.AlterPartitionAssignmentsResponse](c, "another factor", req)
			}
		}
		for _, v := range s.versions(46) {
			req := in(v, kmsg.NewPtrListPartitionReassignmentsRequest())
			req.TimeoutMillis = limit
			req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: p.name, Partitions: []int32{0, 1, 2}}}
			ask[*kmsg.ListPartitionReassignmentsResponse](c, "nothing moves", req)
		}
	}},
	{"elections", func(s *session) {
		p := s.spread(s.name("t"), nil, []int32{1, 2, 3}, []int32{2, 3, 1}, []int32{3, 1, 2})
		for _, v := range s.versions(43) {
			s.reassign(step("v%d: another order", v), p.name, moved(0, 2, 1, 3), moved(1, 3, 2, 1))
			for _, b := range everyBroker {
				s.led(b, p.name, 1, 2, 3)
			}
			for _, kind := range []int8{1, 0, 0} {
				req := in(v, kmsg.NewPtrElectLeadersRequest())
				req.ElectionType, req.TimeoutMillis = kind, limit
				req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: p.name, Partitions: []int32{0, 1, 2, 3}}}
				ask[*kmsg.ElectLeadersResponse](s.at(3, "c"), step("type %d", kind), req)
			}
			for _, b := range everyBroker {
				s.led(b, p.name, 2, 3, 3)
			}
			s.everywhere(step("v%d: elected", v), p.name)
			s.reassign(step("v%d: back", v), p.name, moved(0, 1, 2, 3), moved(1, 2, 3, 1))
			req := in(v, kmsg.NewPtrElectLeadersRequest())
			req.TimeoutMillis = limit
			ask[*kmsg.ElectLeadersResponse](s.at(2, "c"), "everything", req)
			for _, b := range everyBroker {
				s.led(b, p.name, 1, 2, 3)
			}
		}
	}},
}
