package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/listener"
)

// group hands the keys of consumer groups (OffsetCommit 8, OffsetFetch 9,
// JoinGroup 11, Heartbeat 12, LeaveGroup 13, SyncGroup 14, DescribeGroups 15,
// ListGroups 16, DeleteGroups 42, OffsetDelete 47) to the coordinator.
func (b *Broker) group(_ context.Context, r *listener.Request) listener.Answer {
	if resp := b.refuseGroup(r.Msg); resp != nil {
		return now(resp)
	}
	missing := b.cutMissing(r.Msg)
	p := b.toGroup(r)
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx)
		b.sayGroup(r.Msg, resp)
		switch resp := resp.(type) {
		case *kmsg.OffsetCommitResponse, *kmsg.OffsetDeleteResponse:
			missing.answer(resp)
		case *kmsg.ListGroupsResponse:
			filterGroups(r, resp)
		case *kmsg.OffsetFetchResponse:
			filterOffsets(r, resp)
		}
		return resp
	}
}

func (b *Broker) toGroup(r *listener.Request) *coordinator.Pending {
	return b.cfg.Groups.Do(b.cfg.ID, b.groupRequest(r))
}

func (b *Broker) groupRequest(r *listener.Request) group.Request {
	return group.Request{
		Client: r.Header.ClientID,
		Host:   "/" + r.Session.RemoteAddr.String(),
		Msg:    r.Msg,
	}
}

// filterGroups keeps the groups that the caller may describe; DESCRIBE on the
// cluster shows them all.
func filterGroups(r *listener.Request, list *kmsg.ListGroupsResponse) {
	if r.May(listener.Operation{Op: listener.Describe, Resource: listener.Cluster}) {
		return
	}
	kept := list.Groups[:0]
	for _, g := range list.Groups {
		if r.May(listener.Operation{Op: listener.Describe, Resource: listener.Group, Name: g.Group}) {
			kept = append(kept, g)
		}
	}
	list.Groups = kept
}

// filterOffsets keeps, of fetches for all topics of a group, the topics that
// the caller may describe.
func filterOffsets(r *listener.Request, resp *kmsg.OffsetFetchResponse) {
	req := r.Msg.(*kmsg.OffsetFetchRequest)
	if req.Version < 8 && req.Topics == nil {
		resp.Topics = slices.DeleteFunc(resp.Topics, func(t kmsg.OffsetFetchResponseTopic) bool { return !r.May(describeTopic(t.Topic)) })
	}
	for i := range resp.Groups {
		if i < len(req.Groups) && req.Groups[i].Topics == nil {
			g := &resp.Groups[i]
			g.Topics = slices.DeleteFunc(g.Topics, func(t kmsg.OffsetFetchResponseGroupTopic) bool { return !r.May(describeTopic(t.Topic)) })
		}
	}
}
