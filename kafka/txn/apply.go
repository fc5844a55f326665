package txn

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Versions of Kafka's records in __transaction_state.
const (
	keyVersion      = 0
	fixedVersion    = 0 // of values
	flexibleVersion = 1 // with transaction.version 1: previous and next producer ids, the client's version
)

func key(id string) []byte {
	k := kmsg.NewTxnMetadataKey()
	k.Version, k.TransactionalID = keyVersion, id
	return k.AppendTo(nil)
}

// record is a transaction as it is kept.
func (c *Core) record(t *transaction) statemachine.Record {
	v := kmsg.NewTxnMetadataValue()
	v.Version = fixedVersion
	if c.p.Version >= V1 {
		v.Version = flexibleVersion
	}
	v.ProducerID, v.PreviousProducerID, v.NextProducerID = t.producerID, t.previousID, t.nextID
	v.ProducerEpoch, v.TimeoutMillis = t.epoch, int32(t.timeout.Milliseconds())
	v.State, v.ClientTransactionVersion = kmsg.TransactionState(t.state), t.version
	v.LastUpdateTimestamp, v.StartTimestamp = t.updated.UnixMilli(), millis(t.started)
	if t.state != empty { // Kafka writes null for Empty
		v.Topics = []kmsg.TxnMetadataValueTopic{}
	}
	for _, tp := range t.sorted() {
		if n := len(v.Topics); n == 0 || v.Topics[n-1].Topic != tp.Topic {
			v.Topics = append(v.Topics, kmsg.TxnMetadataValueTopic{Topic: tp.Topic})
		}
		last := &v.Topics[len(v.Topics)-1]
		last.Partitions = append(last.Partitions, tp.Partition)
	}
	return statemachine.Record{Key: key(t.id), Value: v.AppendTo(nil)}
}

// millis is a time in milliseconds, -1 for never.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

// Apply changes the state by one record. What it cannot read it ignores: another
// version of Kafka may have written it.
func (c *Core) Apply(r statemachine.Record, _ time.Time) {
	var k kmsg.TxnMetadataKey
	if len(r.Key) < 2 || r.Key[0] != 0 || r.Key[1] != keyVersion || k.ReadFrom(r.Key) != nil {
		return
	}
	if r.Value == nil {
		delete(c.ids, k.TransactionalID)
		return
	}
	var v kmsg.TxnMetadataValue
	if v.ReadFrom(r.Value) != nil || v.Version < fixedVersion || v.Version > flexibleVersion || v.State < 0 || state(v.State) > completeAbort {
		return
	}
	t := c.ids[k.TransactionalID]
	if t == nil {
		t = &transaction{id: strings.Clone(k.TransactionalID), lastEpoch: -1, previousID: -1}
		c.ids[t.id] = t
	}
	t.apply(&v)
	if c.loaded && t.state.prepared() {
		c.endings = append(c.endings, t.ending())
	}
}

func (t *transaction) apply(v *kmsg.TxnMetadataValue) {
	t.producerID, t.epoch = v.ProducerID, v.ProducerEpoch
	t.nextID = -1
	if v.Version >= flexibleVersion {
		t.previousID, t.nextID, t.version = v.PreviousProducerID, v.NextProducerID, v.ClientTransactionVersion
	}
	t.timeout, t.state = time.Duration(v.TimeoutMillis)*time.Millisecond, state(v.State)
	t.updated, t.started = time.UnixMilli(v.LastUpdateTimestamp), time.Time{}
	if v.StartTimestamp >= 0 {
		t.started = time.UnixMilli(v.StartTimestamp)
	}
	t.partitions = make(map[TopicPartition]struct{})
	for _, topic := range v.Topics {
		name := strings.Clone(topic.Topic)
		for _, p := range topic.Partitions {
			t.partitions[TopicPartition{name, p}] = struct{}{}
		}
	}
}
