package broker

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kafka's names of loggers.
const (
	loggerGroups = "org.apache.kafka.coordinator.group.GroupMetadataManager"
	loggerLevels = "kafka.server.ConfigAdminManager" // of levels that were changed
)

// say writes a line into the broker's log.
func (b *Broker) say(logger string, level slog.Level, format string, args ...any) {
	if b.cfg.Journal != nil {
		b.cfg.Journal.Log(context.Background(), level, fmt.Sprintf(format, args...), "broker", b.cfg.ID, "logger", logger)
	}
}

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
		b.say(loggerGroups, slog.LevelInfo, "[GroupCoordinator %d]: %s", b.cfg.ID, text)
	}
}
