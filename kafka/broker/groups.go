package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/listener"
)

// group hands the keys of consumer groups (OffsetCommit 8, OffsetFetch 9,
// JoinGroup 11, Heartbeat 12, LeaveGroup 13, SyncGroup 14, DescribeGroups 15,
// ListGroups 16, DeleteGroups 42, OffsetDelete 47) to the coordinator.
func (b *Broker) group(_ context.Context, r *listener.Request) listener.Answer {
	p := b.cfg.Groups.Do(b.cfg.ID, group.Request{
		Client: r.Header.ClientID,
		Host:   "/" + r.Session.RemoteAddr.String(),
		Msg:    r.Msg,
	})
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx)
		if list, ok := resp.(*kmsg.ListGroupsResponse); ok {
			filterGroups(r, list)
		}
		return resp
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
