package coordinator

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// part is the share of a request that concerns one partition.
type part struct {
	partition int32
	msg       kmsg.Request
}

// parts is a request by partitions, and how their answers become one.
type parts struct {
	requests []part
	merge    func(replies []any, errs []error) kmsg.Response
}

// split takes a request apart by the partitions of its groups. Only
// DescribeGroups, ConsumerGroupDescribe, DeleteGroups and OffsetFetch can name
// several.
func split(msg kmsg.Request, partition func(group string) int32) parts {
	switch r := msg.(type) {
	case *kmsg.DescribeGroupsRequest:
		return splitDescribe(r, partition)
	case *kmsg.ConsumerGroupDescribeRequest:
		return splitConsumerDescribe(r, partition)
	case *kmsg.DeleteGroupsRequest:
		return splitDelete(r, partition)
	case *kmsg.OffsetFetchRequest:
		if r.Version >= 8 {
			return splitFetch(r, partition)
		}
	}
	return parts{
		requests: []part{{partition(groupOf(msg)), msg}},
		merge: func(replies []any, errs []error) kmsg.Response {
			if errs[0] != nil {
				return refuse(msg, errs[0])
			}
			return replies[0].(kmsg.Response)
		},
	}
}

func groupOf(msg kmsg.Request) string {
	switch r := msg.(type) {
	case *kmsg.JoinGroupRequest:
		return r.Group
	case *kmsg.SyncGroupRequest:
		return r.Group
	case *kmsg.HeartbeatRequest:
		return r.Group
	case *kmsg.LeaveGroupRequest:
		return r.Group
	case *kmsg.OffsetCommitRequest:
		return r.Group
	case *kmsg.OffsetFetchRequest:
		return r.Group
	case *kmsg.OffsetDeleteRequest:
		return r.Group
	case *kmsg.TxnOffsetCommitRequest:
		return r.Group
	case *kmsg.ConsumerGroupHeartbeatRequest:
		return r.Group
	}
	panic("coordinator: a request that is not of groups")
}

// refuse answers a request of one group with an error. A member that was waiting
// in its group is told its id.
func refuse(msg kmsg.Request, err error) kmsg.Response {
	resp, code := msg.ResponseKind(), codeOf(err)
	switch r := resp.(type) {
	case *kmsg.JoinGroupResponse:
		r.ErrorCode, r.Generation = code, -1
		if errors.Is(err, statemachine.ErrStopped) {
			r.MemberID = msg.(*kmsg.JoinGroupRequest).MemberID
		}
		r.Members = []kmsg.JoinGroupResponseMember{}
		if r.Version < 7 {
			r.Protocol = kmsg.StringPtr("")
		}
	case *kmsg.SyncGroupResponse:
		r.ErrorCode, r.MemberAssignment = code, []byte{}
	case *kmsg.HeartbeatResponse:
		r.ErrorCode = code
	case *kmsg.LeaveGroupResponse:
		r.ErrorCode = code
	case *kmsg.OffsetDeleteResponse:
		r.ErrorCode = code
	case *kmsg.TxnOffsetCommitResponse:
		for _, t := range msg.(*kmsg.TxnOffsetCommitRequest).Topics {
			out := kmsg.NewTxnOffsetCommitResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				out.Partitions = append(out.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
			}
			r.Topics = append(r.Topics, out)
		}
	case *kmsg.ConsumerGroupHeartbeatResponse:
		r.ErrorCode = code
	case *kmsg.OffsetFetchResponse:
		refuseFetch(msg.(*kmsg.OffsetFetchRequest), r, code)
	case *kmsg.OffsetCommitResponse:
		for _, t := range msg.(*kmsg.OffsetCommitRequest).Topics {
			out := kmsg.NewOffsetCommitResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				out.Partitions = append(out.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
			}
			r.Topics = append(r.Topics, out)
		}
	}
	return resp
}

// refuseFetch: version 1 has the error at the partitions, later ones have no
// partitions then.
func refuseFetch(req *kmsg.OffsetFetchRequest, resp *kmsg.OffsetFetchResponse, code int16) {
	if resp.ErrorCode = code; req.Version > 1 {
		return
	}
	for _, t := range req.Topics {
		out := kmsg.NewOffsetFetchResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata, rp.ErrorCode = p, -1, -1, kmsg.StringPtr(""), code
			out.Partitions = append(out.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, out)
	}
}

// several is a request that asks G of each of its groups and is answered R for
// each, in the same order.
type several[G, R any] struct {
	asked    []G
	name     func(G) string
	request  func([]G) kmsg.Request // the request with these groups only
	answers  func(reply any) []R
	refused  func(G, int16) R
	response func([]R) kmsg.Response
}

func (s several[G, R]) split(partition func(group string) int32) parts {
	var order []int32
	positions := make(map[int32][]int) // in asked, by partition
	for i, a := range s.asked {
		index := partition(s.name(a))
		if positions[index] == nil {
			order = append(order, index)
		}
		positions[index] = append(positions[index], i)
	}
	out := parts{}
	for _, index := range order {
		var share []G
		for _, i := range positions[index] {
			share = append(share, s.asked[i])
		}
		out.requests = append(out.requests, part{index, s.request(share)})
	}
	out.merge = func(replies []any, errs []error) kmsg.Response {
		all := make([]R, len(s.asked))
		for n, index := range order {
			for k, i := range positions[index] {
				if errs[n] != nil {
					all[i] = s.refused(s.asked[i], codeOf(errs[n]))
				} else {
					all[i] = s.answers(replies[n])[k]
				}
			}
		}
		return s.response(all)
	}
	return out
}

func itself(s string) string { return s }

func splitDescribe(r *kmsg.DescribeGroupsRequest, partition func(string) int32) parts {
	return several[string, kmsg.DescribeGroupsResponseGroup]{
		asked: r.Groups, name: itself,
		request: func(share []string) kmsg.Request {
			one := *r
			one.Groups = share
			return &one
		},
		answers: func(reply any) []kmsg.DescribeGroupsResponseGroup {
			return reply.(*kmsg.DescribeGroupsResponse).Groups
		},
		refused: func(id string, code int16) kmsg.DescribeGroupsResponseGroup {
			g := kmsg.NewDescribeGroupsResponseGroup()
			g.Group, g.ErrorCode, g.Members = id, code, []kmsg.DescribeGroupsResponseGroupMember{}
			return g
		},
		response: func(all []kmsg.DescribeGroupsResponseGroup) kmsg.Response {
			resp := r.ResponseKind().(*kmsg.DescribeGroupsResponse)
			resp.Groups = all
			return resp
		},
	}.split(partition)
}

func splitConsumerDescribe(r *kmsg.ConsumerGroupDescribeRequest, partition func(string) int32) parts {
	return several[string, kmsg.ConsumerGroupDescribeResponseGroup]{
		asked: r.Groups, name: itself,
		request: func(share []string) kmsg.Request {
			one := *r
			one.Groups = share
			return &one
		},
		answers: func(reply any) []kmsg.ConsumerGroupDescribeResponseGroup {
			return reply.(*kmsg.ConsumerGroupDescribeResponse).Groups
		},
		refused: func(id string, code int16) kmsg.ConsumerGroupDescribeResponseGroup {
			g := kmsg.NewConsumerGroupDescribeResponseGroup()
			g.Group, g.ErrorCode, g.Members = id, code, []kmsg.ConsumerGroupDescribeResponseGroupMember{}
			return g
		},
		response: func(all []kmsg.ConsumerGroupDescribeResponseGroup) kmsg.Response {
			resp := r.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
			resp.Groups = all
			return resp
		},
	}.split(partition)
}

func splitDelete(r *kmsg.DeleteGroupsRequest, partition func(string) int32) parts {
	var once []string // a group that is named twice is answered once
	named := make(map[string]bool, len(r.Groups))
	for _, id := range r.Groups {
		if !named[id] {
			once = append(once, id)
		}
		named[id] = true
	}
	return several[string, kmsg.DeleteGroupsResponseGroup]{
		asked: once, name: itself,
		request: func(share []string) kmsg.Request {
			one := *r
			one.Groups = share
			return &one
		},
		answers: func(reply any) []kmsg.DeleteGroupsResponseGroup { return reply.(*kmsg.DeleteGroupsResponse).Groups },
		refused: func(id string, code int16) kmsg.DeleteGroupsResponseGroup {
			return kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: code}
		},
		response: func(all []kmsg.DeleteGroupsResponseGroup) kmsg.Response {
			resp := r.ResponseKind().(*kmsg.DeleteGroupsResponse)
			resp.Groups = all
			return resp
		},
	}.split(partition)
}

func splitFetch(r *kmsg.OffsetFetchRequest, partition func(string) int32) parts {
	return several[kmsg.OffsetFetchRequestGroup, kmsg.OffsetFetchResponseGroup]{
		asked: r.Groups, name: func(g kmsg.OffsetFetchRequestGroup) string { return g.Group },
		request: func(share []kmsg.OffsetFetchRequestGroup) kmsg.Request {
			one := *r
			one.Groups = share
			return &one
		},
		answers: func(reply any) []kmsg.OffsetFetchResponseGroup { return reply.(*kmsg.OffsetFetchResponse).Groups },
		refused: func(asked kmsg.OffsetFetchRequestGroup, code int16) kmsg.OffsetFetchResponseGroup {
			g := kmsg.NewOffsetFetchResponseGroup()
			g.Group, g.ErrorCode = asked.Group, code
			return g
		},
		response: func(all []kmsg.OffsetFetchResponseGroup) kmsg.Response {
			resp := r.ResponseKind().(*kmsg.OffsetFetchResponse)
			resp.Groups = all
			return resp
		},
	}.split(partition)
}
