package broker

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// loggerGroups is the name of Kafka's logger of group coordinators.
const loggerGroups = "kafka.coordinator.group.GroupCoordinator"

// sayGroup writes into the broker's log what a request did to a group: once for
// each rebalance and for each member that leaves, never for heartbeats.
func (b *Broker) sayGroup(req kmsg.Request, resp kmsg.Response) {
	if b.cfg.Journal == nil {
		return
	}
	text := ""
	switch resp := resp.(type) {
	case *kmsg.JoinGroupResponse:
		if resp.ErrorCode == 0 && resp.MemberID == resp.LeaderID { // one member of each generation
			text = fmt.Sprintf("Stabilized group %s generation %d with %d members", req.(*kmsg.JoinGroupRequest).Group, resp.Generation, len(resp.Members))
		}
	case *kmsg.LeaveGroupResponse:
		r := req.(*kmsg.LeaveGroupRequest)
		if resp.ErrorCode == 0 && r.MemberID != "" {
			text = fmt.Sprintf("Member %s has left group %s through explicit LeaveGroup", r.MemberID, r.Group)
		} else if resp.ErrorCode == 0 {
			text = fmt.Sprintf("%d members have left group %s through explicit LeaveGroup", len(resp.Members), r.Group)
		}
	case *kmsg.ConsumerGroupHeartbeatResponse:
		switch r := req.(*kmsg.ConsumerGroupHeartbeatRequest); {
		case resp.ErrorCode != 0:
		case r.MemberEpoch == 0 && resp.MemberID != nil:
			text = fmt.Sprintf("[GroupId %s] Member %s joined the consumer group at epoch %d", r.Group, *resp.MemberID, resp.MemberEpoch)
		case r.MemberEpoch < 0:
			text = fmt.Sprintf("[GroupId %s] Member %s left the consumer group", r.Group, r.MemberID)
		}
	}
	if text != "" {
		b.cfg.Journal.Info(fmt.Sprintf("[GroupCoordinator %d]: %s", b.cfg.ID, text), "broker", b.cfg.ID, "logger", loggerGroups)
	}
}
