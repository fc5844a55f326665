//go:build e2e

package differential

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// epochs are leader epochs that clients may say: none, two of the past, the
// current and the next.
var epochs = []int32{-1, 0, 1, 2, 3}

var followerScripts = []script{
	{"brokers that do not lead", func(s *session) {
		p := s.spread(s.name("t"), nil, []int32{1, 2})
		s.putTo(1, "the first", p, 0, "a", "b")
		s.exchanged("to 2", p, 2, 1)
		s.putTo(2, "the second", p, 0, "c")
		s.exchanged("back to 1", p, 1, 2)
		s.putTo(1, "the third", p, 0, "d")
		s.level(p, 0, 1, 2)
		s.everywhere("at the third epoch", p.name)
		for _, b := range everyBroker { // leads, follows, has nothing
			c := s.at(b, "c")
			if b > 1 {
				s.refusedWrites(c, step("broker %d", b), p)
			}
			for _, epoch := range epochs {
				what := step("broker %d, leader epoch %d", b, epoch)
				s.fetchedAt(c, what, s.versions(1), p, epoch)
				s.listedAt(c, what, s.versions(2), p, epoch)
				s.endsAt(c, what, s.versions(23), p, epoch)
			}
			for _, v := range s.versions(61) {
				req := in(v, kmsg.NewPtrDescribeProducersRequest())
				req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: p.name, Partitions: []int32{0}}}
				ask[*kmsg.DescribeProducersResponse](c, step("broker %d", b), req)
			}
		}
	}},
	{"reading from a follower", func(s *session) {
		p := s.spread(s.name("t"), nil, []int32{1, 2}, []int32{1, 3})
		for i := range int32(2) {
			s.putTo(1, "filled", p, i, "a", "b")
			s.putTo(1, "filled", p, i, "c")
		}
		s.level(p, 0, 1, 2)
		s.level(p, 1, 1, 3)
		for partition, rack := range []string{"zone-b", "zone-c"} { // the leader sends readers to those of whom it has heard
			req := fetch(s.last(1), p, 3)
			req.Rack, req.Topics[0].Partitions[0].Partition = rack, int32(partition)
			await(s.at(1, "c"), "has a follower for "+rack, req, func(r *kmsg.FetchResponse) bool { return r.Topics[0].Partitions[0].PreferredReadReplica > 0 })
		}
		for _, v := range s.versions(1) {
			for _, b := range everyBroker {
				for _, rack := range []string{"", "zone-a", "zone-b", "zone-c", "nowhere"} {
					if v < 11 && rack != "" {
						continue
					}
					for _, offset := range []int64{-1, 0, 2, 3, 4} {
						req := fetch(v, p, offset)
						req.Rack = rack
						second := req.Topics[0].Partitions[0]
						second.Partition = 1
						req.Topics[0].Partitions = append(req.Topics[0].Partitions, second)
						ask[*kmsg.FetchResponse](s.at(b, "c"), step("broker %d, rack %q, from %d", b, rack, offset), req)
					}
				}
			}
		}
	}},
}

// exchanged makes the second replica of a partition of two the first one, which
// leads from then on.
func (s *session) exchanged(step string, p place, replicas ...int32) {
	s.reassign(step, p.name, moved(0, replicas...))
	for _, b := range everyBroker {
		s.led(b, p.name, replicas[1])
	}
	s.elect(step+": elected", 0, p.name, 0)
	for _, b := range everyBroker {
		s.led(b, p.name, replicas[0])
	}
}

// level waits until the brokers that have a partition, the leader first, have
// the same high watermark for readers. Kafka tells followers with the answer to
// their next fetch.
func (s *session) level(p place, partition int32, leader int32, followers ...int32) {
	end := in(s.last(2), kmsg.NewPtrListOffsetsRequest())
	part := kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp = partition, -1
	end.ReplicaID, end.Topics = -1, []kmsg.ListOffsetsRequestTopic{{Topic: p.name, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
	for _, b := range followers {
		req := fetch(s.last(1), p, 0)
		req.Topics[0].Partitions[0].Partition = partition
		await(s.at(b, "admin"), step("as far as %d", leader), req, func(r *kmsg.FetchResponse) bool {
			at := quiet[*kmsg.ListOffsetsResponse](s.at(leader, "admin"), end).Topics[0].Partitions[0]
			got := r.Topics[0].Partitions[0]
			return at.ErrorCode == 0 && got.ErrorCode == 0 && got.HighWatermark == at.Offset
		})
	}
}

// refusedWrites are requests that only a leader takes.
func (s *session) refusedWrites(c *conn, what string, p place) {
	for _, v := range s.versions(0) {
		for _, acks := range []int16{-1, 1} {
			req := produce(v, p, good(then, "x").bytes())
			req.Acks = acks
			ask[*kmsg.ProduceResponse](c, step("%s, acks %d", what, acks), req)
		}
		req := produce(v, p, good(then, "x").bytes(), good(then, "y").bytes())
		ask[*kmsg.ProduceResponse](c, what+", and a partition that is not there", req)
	}
	for _, v := range s.versions(21) {
		req := in(v, kmsg.NewPtrDeleteRecordsRequest())
		req.TimeoutMillis = limit
		req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: p.name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: 1}}}}
		ask[*kmsg.DeleteRecordsResponse](c, what, req)
	}
}

func (s *session) fetchedAt(c *conn, what string, versions []int16, p place, epoch int32) {
	for _, v := range versions {
		for _, last := range []int32{-1, 0, 1, 2} {
			if last >= 0 && (v < 12 || epoch == -1) {
				continue
			}
			for _, offset := range []int64{0, 2, 3, 4, 9} {
				req := fetch(v, p, offset)
				part := &req.Topics[0].Partitions[0]
				part.CurrentLeaderEpoch, part.LastFetchedEpoch = epoch, last
				ask[*kmsg.FetchResponse](c, step("%s: from %d after epoch %d", what, offset, last), req)
			}
		}
	}
}

func (s *session) listedAt(c *conn, what string, versions []int16, p place, epoch int32) {
	for _, v := range versions {
		for _, at := range []int64{-1, -2, -3, then} {
			for _, replica := range []int32{-1, -2} {
				req := in(v, kmsg.NewPtrListOffsetsRequest())
				req.ReplicaID, req.TimeoutMillis = replica, limit
				part := kmsg.NewListOffsetsRequestTopicPartition()
				part.Timestamp, part.CurrentLeaderEpoch = at, epoch
				req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: p.name, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
				ask[*kmsg.ListOffsetsResponse](c, step("%s: at %d, replica %d", what, at, replica), req)
			}
		}
	}
}

func (s *session) endsAt(c *conn, what string, versions []int16, p place, epoch int32) {
	for _, v := range versions {
		for _, of := range epochs {
			req := in(v, kmsg.NewPtrOffsetForLeaderEpochRequest())
			req.ReplicaID = -1
			part := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			part.LeaderEpoch, part.CurrentLeaderEpoch = of, epoch
			req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: p.name, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{part}}}
			ask[*kmsg.OffsetForLeaderEpochResponse](c, step("%s: the end of epoch %d", what, of), req)
		}
	}
}
