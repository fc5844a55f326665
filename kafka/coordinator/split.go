package coordinator

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// part is the share of a request that concerns one group.
type part struct {
	group string
	msg   kmsg.Request
}

// parts is a request by groups, and how their answers become one.
type parts struct {
	requests []part
	merge    func(replies []any, errs []error) kmsg.Response
}

// split takes a request apart by group. Only DescribeGroups, DeleteGroups and
// OffsetFetch can name several.
func split(msg kmsg.Request) parts {
	switch r := msg.(type) {
	case *kmsg.DescribeGroupsRequest:
		return splitDescribe(r)
	case *kmsg.DeleteGroupsRequest:
		return splitDelete(r)
	case *kmsg.OffsetFetchRequest:
		if r.Version >= 8 {
			return splitFetch(r)
		}
	}
	return parts{
		requests: []part{{groupOf(msg), msg}},
		merge: func(replies []any, errs []error) kmsg.Response {
			if errs[0] != nil {
				return refuse(msg, codeOf(errs[0]))
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
	}
	panic("coordinator: a request that is not of groups")
}

// refuse answers a request of one group with an error.
func refuse(msg kmsg.Request, code int16) kmsg.Response {
	resp := msg.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.JoinGroupResponse:
		r.ErrorCode, r.Generation = code, -1
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

// refuseFetch: version 1 has the error at the partitions only.
func refuseFetch(req *kmsg.OffsetFetchRequest, resp *kmsg.OffsetFetchResponse, code int16) {
	resp.ErrorCode = code
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

func splitDescribe(r *kmsg.DescribeGroupsRequest) parts {
	out := parts{}
	for _, id := range r.Groups {
		one := *r
		one.Groups = []string{id}
		out.requests = append(out.requests, part{id, &one})
	}
	out.merge = func(replies []any, errs []error) kmsg.Response {
		resp := r.ResponseKind().(*kmsg.DescribeGroupsResponse)
		resp.Groups = []kmsg.DescribeGroupsResponseGroup{}
		for i, id := range r.Groups {
			if errs[i] != nil {
				g := kmsg.NewDescribeGroupsResponseGroup()
				g.Group, g.ErrorCode = id, codeOf(errs[i])
				resp.Groups = append(resp.Groups, g)
				continue
			}
			resp.Groups = append(resp.Groups, replies[i].(*kmsg.DescribeGroupsResponse).Groups...)
		}
		return resp
	}
	return out
}

func splitDelete(r *kmsg.DeleteGroupsRequest) parts {
	out := parts{}
	for _, id := range r.Groups {
		one := *r
		one.Groups = []string{id}
		out.requests = append(out.requests, part{id, &one})
	}
	out.merge = func(replies []any, errs []error) kmsg.Response {
		resp := r.ResponseKind().(*kmsg.DeleteGroupsResponse)
		resp.Groups = []kmsg.DeleteGroupsResponseGroup{}
		for i, id := range r.Groups {
			if errs[i] != nil {
				resp.Groups = append(resp.Groups, kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: codeOf(errs[i])})
				continue
			}
			resp.Groups = append(resp.Groups, replies[i].(*kmsg.DeleteGroupsResponse).Groups...)
		}
		return resp
	}
	return out
}

func splitFetch(r *kmsg.OffsetFetchRequest) parts {
	out := parts{}
	for _, g := range r.Groups {
		one := *r
		one.Groups = []kmsg.OffsetFetchRequestGroup{g}
		out.requests = append(out.requests, part{g.Group, &one})
	}
	out.merge = func(replies []any, errs []error) kmsg.Response {
		resp := r.ResponseKind().(*kmsg.OffsetFetchResponse)
		resp.Groups = []kmsg.OffsetFetchResponseGroup{}
		for i, g := range r.Groups {
			if errs[i] != nil {
				rg := kmsg.NewOffsetFetchResponseGroup()
				rg.Group, rg.ErrorCode = g.Group, codeOf(errs[i])
				resp.Groups = append(resp.Groups, rg)
				continue
			}
			resp.Groups = append(resp.Groups, replies[i].(*kmsg.OffsetFetchResponse).Groups...)
		}
		return resp
	}
	return out
}
