package broker

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/partition"
)

// unremarkable are the errors that Kafka does not count as failed requests: they
// belong to a client's day (ReplicaManager.appendToLocalLog, readFromLog).
var unremarkable = []int16{
	kerr.UnknownTopicOrPartition.Code, kerr.UnknownTopicID.Code, kerr.InconsistentTopicID.Code, kerr.NotLeaderForPartition.Code,
	kerr.UnknownLeaderEpoch.Code, kerr.FencedLeaderEpoch.Code, kerr.OffsetOutOfRange.Code, kerr.MessageTooLarge.Code,
	kerr.RecordListTooLarge.Code, kerr.CorruptMessage.Code, kerr.KafkaStorageError.Code,
}

// countProduced counts what one partition of a Produce became.
func (b *Broker) countProduced(topic string, bytes int, a partition.Append, err error) {
	all, t := &b.cfg.Measure.All, b.cfg.Measure.Topic(topic)
	all.ProduceRequests.Add(1)
	t.ProduceRequests.Add(1)
	if err == nil {
		records := a.Last - a.Base + 1
		all.BytesIn.Add(int64(bytes))
		t.BytesIn.Add(int64(bytes))
		all.MessagesIn.Add(records)
		t.MessagesIn.Add(records)
		return
	}
	if errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) {
		all.BytesRejected.Add(int64(bytes))
		t.BytesRejected.Add(int64(bytes))
	}
	if known := (*kerr.Error)(nil); !errors.As(err, &known) || !slices.Contains(unremarkable, known.Code) {
		all.FailedProduce.Add(1)
		t.FailedProduce.Add(1)
	}
}

// count counts what every topic of a Fetch is answered.
func (f *fetch) count() {
	all := &f.b.cfg.Measure.All
	for i := 0; i < len(f.parts); {
		name := f.parts[i].name
		var asked, failed, bytes int64
		for ; i < len(f.parts) && f.parts[i].name == name; i++ {
			got := &f.found[i]
			if got.p == nil {
				continue
			}
			asked++
			bytes += int64(len(got.slice.Records))
			if got.code != 0 && !slices.Contains(unremarkable, got.code) {
				failed++
			}
		}
		if asked == 0 {
			continue
		}
		t := f.b.cfg.Measure.Topic(name)
		all.FetchRequests.Add(asked)
		t.FetchRequests.Add(asked)
		if bytes > 0 {
			all.BytesOut.Add(bytes)
			t.BytesOut.Add(bytes)
		}
		if failed > 0 {
			all.FailedFetch.Add(failed)
			t.FailedFetch.Add(failed)
		}
	}
}

// forget lets go of records that are not sent after all, or not yet.
func (f *fetch) forget() {
	for i := range f.found {
		f.found[i].slice.Records = nil
	}
	f.memory.release(&f.b.blocks)
}
