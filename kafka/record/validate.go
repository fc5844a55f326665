package record

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Rules are the settings of a topic that bear on what may be produced to it.
// The zero value limits nothing, but forbids zstd.
type Rules struct {
	MaxBytes      int  // max.message.bytes; 0 for no limit
	KeysRequired  bool // the topic is compacted
	LogAppendTime bool // message.timestamp.type
	Now           time.Time
	BeforeMax     time.Duration // message.timestamp.before.max.ms; 0 for no limit
	AfterMax      time.Duration // message.timestamp.after.max.ms; 0 for no limit
	Compression   string        // compression.type: "" and "producer" keep the batch's codec
	Level         Level         // of Compression
	ZstdAllowed   bool          // Produce v7 and later (KIP-110)
	Partition     string        // "topic-0", for texts
	// MaxDecompressed limits, in bytes, what the records decompress to;
	// 0 for the package's MaxDecompressed.
	MaxDecompressed int
}

// RecordError says what is wrong with one record of a refused batch (KIP-467).
type RecordError struct {
	Index   int32
	Message string
}

// Refusal is why a batch may not be appended, with the text that Kafka's
// clients show; other errors have a code alone.
type Refusal struct {
	Code *kerr.Error
	Text string
}

func (r *Refusal) Error() string { return r.Text + ": " + r.Code.Error() }

// Unwrap is the code.
func (r *Refusal) Unwrap() error { return r.Code }

func refuse(code *kerr.Error, format string, args ...any) error {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// maxTextErrors is how many record errors Kafka's text of a refusal names.
const maxTextErrors = 3

// MaxRecordErrors is how many record errors of one batch are reported.
const MaxRecordErrors = 100

// Validate makes all the checks that Kafka makes of a batch that a client
// produced, walking every record, and returns the batch to append: b itself,
// changed in place where its timestamps must be, or a new one if the topic
// wants another codec. On error nothing may be appended; the record errors, if
// any, go into the Produce answer beside it. Errors wrap kerr.CorruptMessage,
// MessageTooLarge, InvalidRecord, InvalidTimestamp or
// UnsupportedCompressionType.
func Validate(b Batch, r Rules) (Batch, []RecordError, error) {
	if r.MaxBytes > 0 && len(b) > r.MaxBytes {
		return nil, nil, errBatchSize(len(b), r.MaxBytes)
	}
	if err := b.Check(); err != nil {
		return nil, nil, err
	}
	if err := checkClientBatch(b, r); err != nil {
		return nil, nil, err
	}
	target, err := targetCodec(b.Codec(), r.Compression)
	if err != nil {
		return nil, nil, err
	}
	v := validation{batch: b, rules: r, nowMS: r.Now.UnixMilli(), maxTS: noTimestamp}
	out := b
	err = b.open(r.MaxDecompressed, func(plain []byte) error {
		if err := v.records(plain); err != nil {
			return err
		}
		if target != b.Codec() {
			out = recompress(b, target, r.Level, plain)
		}
		return nil
	})
	if err != nil {
		return nil, v.errors, err
	}
	switch {
	case r.LogAppendTime:
		out.SetLogAppendTime(v.nowMS)
	case out.LogAppendTime():
		out.setCreateTime(v.maxTS)
	case v.maxTS != out.MaxTimestamp():
		out.setMaxTimestamp(v.maxTS)
	}
	if r.MaxBytes > 0 && len(out) > r.MaxBytes {
		return nil, nil, errBatchSize(len(out), r.MaxBytes)
	}
	return out, nil, nil
}

func errBatchSize(size, limit int) error {
	return fmt.Errorf("the batch has %d bytes, the limit is %d: %w", size, limit, kerr.MessageTooLarge)
}

// checkClientBatch refuses headers that clients may not send.
func checkClientBatch(b Batch, r Rules) error {
	switch {
	case b.BaseOffset() != 0:
		return fmt.Errorf("the base offset should be 0, but is %d: %w", b.BaseOffset(), kerr.InvalidRecord)
	case b.Count() <= 0:
		return fmt.Errorf("the batch states %d records: %w", b.Count(), kerr.InvalidRecord)
	case int64(b.Count()) != int64(b.LastOffsetDelta())+1:
		return fmt.Errorf("the batch states %d records and last offset delta %d: %w", b.Count(), b.LastOffsetDelta(), kerr.InvalidRecord)
	case b.Control():
		return fmt.Errorf("clients are not allowed to write control records: %w", kerr.InvalidRecord)
	case b.ProducerID() >= 0 && b.BaseSequence() < 0:
		return fmt.Errorf("sequence number %d with producer id %d: %w", b.BaseSequence(), b.ProducerID(), kerr.InvalidRecord)
	case b.Codec() > Zstd:
		return fmt.Errorf("records in %v: %w", b.Codec(), kerr.UnsupportedCompressionType)
	case b.Codec() == Zstd && !r.ZstdAllowed:
		return fmt.Errorf("zstd needs Produce version 7 or later: %w", kerr.UnsupportedCompressionType)
	}
	return nil
}

func targetCodec(have Codec, setting string) (Codec, error) {
	if setting == "" || setting == "producer" {
		return have, nil
	}
	c, ok := ParseCodec(setting)
	if !ok {
		return None, fmt.Errorf("compression type %q: %w", setting, kerr.InvalidConfig)
	}
	return c, nil
}

// validation is the state of one walk over a batch.
type validation struct {
	batch  Batch
	rules  Rules
	nowMS  int64
	maxTS  int64
	errors []RecordError
	failed int         // record errors, reported or not
	worst  *kerr.Error // kerr.InvalidTimestamp if one of them is that, else kerr.InvalidRecord
}

func (v *validation) records(plain []byte) error {
	s := v.batch.scan(plain)
	for i := int32(0); s.next(); i++ {
		if s.record.Offset != int64(i) {
			return fmt.Errorf("record %d has offset delta %d: %w", i, s.record.Offset, kerr.InvalidRecord)
		}
		v.maxTS = max(v.maxTS, s.record.Timestamp)
		v.record(i, &s.record)
	}
	if s.err != nil {
		return s.err
	}
	if v.failed == 0 {
		return nil
	}
	if v.worst == kerr.InvalidTimestamp {
		return refuse(v.worst, "One or more records have been rejected due to invalid timestamp")
	}
	var shown []string
	for _, e := range v.errors[:min(len(v.errors), maxTextErrors)] {
		shown = append(shown, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", e.Index, e.Message))
	}
	return refuse(v.worst, "One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
		v.failed, strings.Join(shown, ", "))
}

func (v *validation) record(i int32, r *Record) {
	if v.rules.KeysRequired && r.Key == nil {
		v.reject(i, kerr.InvalidRecord, "Compacted topic cannot accept message without key in topic partition "+v.rules.Partition)
		return
	}
	if v.rules.LogAppendTime || r.Timestamp == noTimestamp {
		return
	}
	tooOld := v.rules.BeforeMax > 0 && r.Timestamp < v.nowMS-v.rules.BeforeMax.Milliseconds()
	tooNew := v.rules.AfterMax > 0 && r.Timestamp > v.nowMS+v.rules.AfterMax.Milliseconds()
	if tooOld || tooNew {
		before, after := int64(math.MaxInt64), int64(math.MaxInt64)-v.nowMS // no limits
		if v.rules.BeforeMax > 0 {
			before = v.rules.BeforeMax.Milliseconds()
		}
		if v.rules.AfterMax > 0 {
			after = v.rules.AfterMax.Milliseconds()
		}
		v.reject(i, kerr.InvalidTimestamp, fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]",
			r.Timestamp, r.Offset, v.nowMS-before, v.nowMS+after))
	}
}

func (v *validation) reject(i int32, code *kerr.Error, message string) {
	v.failed++
	if v.worst == nil || code == kerr.InvalidTimestamp {
		v.worst = code
	}
	if len(v.errors) < MaxRecordErrors {
		v.errors = append(v.errors, RecordError{Index: i, Message: message})
	}
}

// recompress returns a batch with b's header around plain in another codec.
func recompress(b Batch, c Codec, level Level, plain []byte) Batch {
	out := make(Batch, HeaderSize, HeaderSize+len(plain))
	copy(out, b)
	out = compress(out, c, level, plain)
	out.setAttributes(out.attributes()&^codecMask | uint16(c))
	out.seal()
	return out
}
