package group_test

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// transaction decides what brokers and the transaction coordinator ask. What
// "verify" gets goes along with the commits after it.
func (l *lab) transaction(verb string, a args) {
	l.ticket++
	pid, epoch := int64(a.num("pid", 1)), int16(a.num("epoch", 0))
	var req any = group.Verify{ProducerID: pid, Epoch: epoch}
	if verb == "end" {
		_, commit := a["commit"]
		req = group.EndTransaction{ProducerID: pid, Epoch: epoch, CoordinatorEpoch: int32(a.num("coordinator", 0)), Commit: commit}
	}
	l.take(l.core.Decide(l.now, l.ticket, req), l.ticket)
}

func (l *lab) showOther(reply any) string {
	switch v := reply.(type) {
	case group.Verification:
		l.verification = v
		return fmt.Sprintf("verify needed=%v", v.Needed)
	case *kerr.Error:
		if v == nil {
			return "end ok"
		}
		return "end " + v.Message
	}
	return fmt.Sprintf("%#v", reply)
}

func showTransaction(t *statemachine.Transaction) string {
	switch {
	case t == nil:
		return ""
	case t.Marker == nil:
		return fmt.Sprintf(" of %d/%d", t.ProducerID, t.Epoch)
	}
	return fmt.Sprintf(" of %d/%d commit=%v coordinator=%d", t.ProducerID, t.Epoch, t.Marker.Commit, t.Marker.CoordinatorEpoch)
}

func txnCommitRequest(g string, a args) kmsg.Request {
	plain := offsetRequest("commit", g, a).(*kmsg.OffsetCommitRequest)
	r := kmsg.NewPtrTxnOffsetCommitRequest()
	r.Version, r.TransactionalID, r.Group = int16(a.num("v", 4)), "txn", g
	r.ProducerID, r.ProducerEpoch = int64(a.num("pid", 1)), int16(a.num("epoch", 0))
	r.MemberID, r.InstanceID, r.Generation = plain.MemberID, plain.InstanceID, plain.Generation
	for _, t := range plain.Topics {
		topic := kmsg.TxnOffsetCommitRequestTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, kmsg.TxnOffsetCommitRequestTopicPartition{Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata})
		}
		r.Topics = append(r.Topics, topic)
	}
	return r
}
