package record_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
)

var atGolden = time.UnixMilli(1700000000000)

// TestMarkersAreKafkas compares with what Kafka's own library writes.
func TestMarkersAreKafkas(t *testing.T) {
	for name, m := range map[string]record.Marker{
		"commit": {Commit: true, CoordinatorEpoch: 77}, "abort": {CoordinatorEpoch: 77},
	} {
		want := goldenBatch(t, name)
		b := record.MarkerBatch(4242, 3, m, atGolden)
		if !bytes.Equal(b, want) {
			t.Errorf("%s: got %x, want %x", name, b, want)
		}
		if got, err := want.Marker(); err != nil || got != m {
			t.Errorf("%s: read back %+v, %v", name, got, err)
		}
		if err := b.Check(); err != nil || !b.Control() || !b.Transactional() || b.BaseSequence() != -1 {
			t.Errorf("%s: %v, control %v, transactional %v, sequence %d", name, err, b.Control(), b.Transactional(), b.BaseSequence())
		}
		if _, _, err := record.Validate(b, record.Rules{Now: atGolden}); !errors.Is(err, kerr.InvalidRecord) {
			t.Errorf("%s from a client: %v, want %v", name, err, kerr.InvalidRecord)
		}
		if got := testing.AllocsPerRun(10, func() { _, _ = b.Marker() }); got > 0 {
			t.Errorf("%s: reading allocates %v times", name, got)
		}
	}
}

// TestNoMarkers are batches that end no transaction.
func TestNoMarkers(t *testing.T) {
	control := func(key, value []byte) record.Batch {
		b := record.NewBuilder(record.BuilderOptions{ProducerID: 1, BaseSequence: -1, Control: true})
		b.Add(0, key, value)
		return b.Batch()
	}
	value := make([]byte, 6)
	for name, b := range map[string]record.Batch{
		"data":            goldenBatch(t, "none"),
		"a header only":   goldenBatch(t, "abort")[:record.HeaderSize],
		"a leader change": control([]byte{0, 0, 0, 2}, value),
		"no key":          control(nil, value),
		"a short value":   control([]byte{0, 0, 0, 1}, value[:5]),
		"nothing":         nil,
	} {
		if m, err := b.Marker(); !errors.Is(err, kerr.InvalidRecord) {
			t.Errorf("%s: %+v, %v; want %v", name, m, err, kerr.InvalidRecord)
		}
	}
	later := control([]byte{0, 9, 0, 1, 5, 5}, append([]byte{0, 9, 0, 0, 0, 7}, 1, 2, 3))
	if m, err := later.Marker(); err != nil || m != (record.Marker{Commit: true, CoordinatorEpoch: 7}) {
		t.Errorf("a later version with more fields: %+v, %v", m, err)
	}
}

func FuzzMarker(f *testing.F) {
	f.Add([]byte(goldenBatch(f, "commit")))
	f.Add([]byte(goldenBatch(f, "abort")))
	f.Add([]byte(goldenBatch(f, "abort"))[:70])
	f.Add([]byte(goldenBatch(f, "none")))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := record.Batch(data)
		m, err := b.Marker()
		if err == nil && !b.Control() {
			t.Errorf("a marker %+v in a batch of data", m)
		}
		if err != nil && !errors.Is(err, kerr.InvalidRecord) {
			t.Errorf("%v is not %v", err, kerr.InvalidRecord)
		}
	})
}
