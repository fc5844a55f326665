package record_test

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
)

// The golden batches were written by Apache Kafka's own client library 4.3.1:
// see testdata/Golden.java.
//
//go:embed testdata/*.bin
var golden embed.FS

var codecs = map[string]record.Codec{
	"none": record.None, "gzip": record.Gzip, "snappy": record.Snappy, "lz4": record.LZ4, "zstd": record.Zstd,
}

func goldenBatch(t testing.TB, name string) record.Batch {
	t.Helper()
	b, err := golden.ReadFile("testdata/" + name + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// all clones the records of b.
func all(t testing.TB, b record.Batch) []record.Record {
	t.Helper()
	var out []record.Record
	err := b.Walk(0, func(r *record.Record) error {
		c := *r
		c.Key, c.Value, c.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), nil
		for _, h := range r.Headers {
			c.Headers = append(c.Headers, record.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
		}
		out = append(out, c)
		return nil
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return out
}

// goldenRecords is what Golden.java wrote.
func goldenRecords() []record.Record {
	out := make([]record.Record, 50)
	for i := range out {
		r := &out[i]
		r.Offset, r.Timestamp = int64(i), 1700000000000+int64(i%10)
		if i%5 != 0 {
			r.Key = fmt.Appendf(nil, "key-%d", i)
		}
		if i%7 != 0 {
			r.Value = fmt.Appendf(nil, "value-%d-%s", i, strings.Repeat("x", i))
		}
		if i%3 != 0 {
			r.Headers = []record.Header{{Key: "n", Value: fmt.Append(nil, i)}, {Key: "null"}}
		}
	}
	return out
}

func equalRecords(a, b []record.Record) bool {
	same := func(x, y []byte) bool { return bytes.Equal(x, y) && (x == nil) == (y == nil) }
	return slices.EqualFunc(a, b, func(x, y record.Record) bool {
		return x.Offset == y.Offset && x.Timestamp == y.Timestamp && same(x.Key, y.Key) && same(x.Value, y.Value) &&
			slices.EqualFunc(x.Headers, y.Headers, func(g, h record.Header) bool { return g.Key == h.Key && same(g.Value, h.Value) })
	})
}

func TestGoldenBatchesOfJava(t *testing.T) {
	for name, codec := range codecs {
		b := goldenBatch(t, name)
		if err := b.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b.Codec() != codec || b.ProducerID() != 4242 || b.ProducerEpoch() != 3 || b.BaseSequence() != 17 || b.LastSequence() != 66 ||
			b.Count() != 50 || b.LastOffset() != 49 || b.MaxTimestamp() != 1700000000009 || b.Transactional() || b.Control() || b.LogAppendTime() {
			t.Errorf("%s: header %x", name, b[:record.HeaderSize])
		}
		if got := all(t, b); !equalRecords(got, goldenRecords()) {
			t.Errorf("%s: records differ: %v", name, got)
		}
		if _, _, err := record.Validate(b, record.Rules{ZstdAllowed: true, MaxBytes: 1 << 20}); err != nil {
			t.Errorf("%s: validate: %v", name, err)
		}
	}
}

func TestBuilderWritesWhatJavaWrites(t *testing.T) {
	for name, codec := range codecs {
		bl := record.NewBuilder(record.BuilderOptions{Codec: codec, ProducerID: 4242, ProducerEpoch: 3, BaseSequence: 17})
		for _, r := range goldenRecords() {
			bl.Add(r.Timestamp, r.Key, r.Value, r.Headers...)
		}
		b := bl.Batch()
		if err := b.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := all(t, b); !equalRecords(got, goldenRecords()) {
			t.Errorf("%s: records differ", name)
		}
		want := goldenBatch(t, name)
		want.SetLeaderEpoch(-1)
		if codec == record.None && !bytes.Equal(b, want) {
			t.Errorf("uncompressed batch is not Java's byte for byte:\n%x\n%x", b[:80], want[:80])
		}
		if codec == record.Snappy && !bytes.HasPrefix(b.Records(), want.Records()[:16]) {
			t.Errorf("snappy framing %x, Java writes %x", b.Records()[:16], want.Records()[:16])
		}
	}
	if record.NewBuilder(record.BuilderOptions{}).Batch() != nil {
		t.Error("a batch of nothing")
	}
}

func build(o record.BuilderOptions, n int, ts int64) record.Batch {
	bl := record.NewBuilder(o)
	for i := range n {
		bl.Add(ts, fmt.Append(nil, i), bytes.Repeat([]byte{byte(i)}, 100))
	}
	return bl.Batch()
}

func TestProducerOptions(t *testing.T) {
	for _, c := range []struct {
		o    record.BuilderOptions
		want int64
	}{
		{record.BuilderOptions{}, -1},
		{record.BuilderOptions{ProducerID: -1}, -1},
		{record.BuilderOptions{Idempotent: true}, 0},
		{record.BuilderOptions{Control: true, Transactional: true}, 0},
		{record.BuilderOptions{ProducerID: 9}, 9},
	} {
		if b := build(c.o, 1, 0); b.ProducerID() != c.want {
			t.Errorf("%+v: producer %d, want %d", c.o, b.ProducerID(), c.want)
		}
	}
	b := build(record.BuilderOptions{ProducerID: 1, BaseSequence: math.MaxInt32 - 1}, 4, 0)
	if b.LastSequence() != 1 {
		t.Errorf("sequence after 2^31-1: %d", b.LastSequence())
	}
}

func TestSplitAndStamp(t *testing.T) {
	one, two := build(record.BuilderOptions{}, 2, 5), build(record.BuilderOptions{Codec: record.LZ4}, 3, 6)
	buf := slices.Concat(one, two)
	b, rest, err := record.Split(buf)
	if err != nil || !bytes.Equal(b, one) || !bytes.Equal(rest, two) {
		t.Fatalf("split: %d %d %v", len(b), len(rest), err)
	}
	b.SetBaseOffset(100)
	b.SetLeaderEpoch(7)
	if err := b.Check(); err != nil || b.LastOffset() != 101 || b.LeaderEpoch() != 7 {
		t.Errorf("stamped: %v", err)
	}
	b.SetLogAppendTime(99)
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	if r := all(t, b); r[0].Timestamp != 99 || r[1].Offset != 101 {
		t.Errorf("records %v", r)
	}
	for _, cut := range []int{0, 11, 60, len(two) - 1} {
		if _, _, err := record.Split(two[:cut]); !errors.Is(err, kerr.InvalidRecord) {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
}

// reseal makes the CRC fit after a test changed the bytes.
func reseal(b record.Batch) record.Batch {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func TestCheckRefusesDamage(t *testing.T) {
	good := build(record.BuilderOptions{}, 3, 5)
	for name, c := range map[string]struct {
		change func(b record.Batch) record.Batch
		want   *kerr.Error
	}{
		"flipped bit":      {func(b record.Batch) record.Batch { b[70] ^= 1; return b }, kerr.CorruptMessage},
		"trailing byte":    {func(b record.Batch) record.Batch { return append(b, 0) }, kerr.CorruptMessage},
		"magic 1":          {func(b record.Batch) record.Batch { b[16] = 1; return b }, kerr.InvalidRecord},
		"magic 3":          {func(b record.Batch) record.Batch { b[16] = 3; return b }, kerr.CorruptMessage},
		"too many records": {func(b record.Batch) record.Batch { b[60] = 4; return reseal(b) }, kerr.InvalidRecord},
		"negative delta":   {func(b record.Batch) record.Batch { b[23] = 0xff; return reseal(b) }, kerr.InvalidRecord},
		"huge count": {func(b record.Batch) record.Batch {
			b[23], b[57] = 0x7f, 0x7f
			return reseal(b)
		}, kerr.InvalidRecord},
	} {
		if err := c.change(slices.Clone(good)).Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestSnappyRawAndXerial(t *testing.T) {
	plain := goldenBatch(t, "none")
	for _, raw := range [][]byte{s2.EncodeSnappy(nil, plain.Records()), goldenBatch(t, "snappy").Records()} {
		b := slices.Concat(plain[:record.HeaderSize], raw)
		b[22] = byte(record.Snappy)
		if got := all(t, reseal(b)); !equalRecords(got, goldenRecords()) {
			t.Errorf("snappy records %x... differ", raw[:8])
		}
	}
}

func TestDecompressionBombs(t *testing.T) {
	for name, codec := range codecs {
		if codec == record.None {
			continue
		}
		bl := record.NewBuilder(record.BuilderOptions{Codec: codec})
		bl.Add(1, nil, make([]byte, 12<<20))
		b := bl.Batch()
		limit := 0
		if codec == record.Snappy { // its best is about 21:1
			limit = 8 << 20
		}
		if err := b.Walk(limit, func(*record.Record) error { return nil }); !errors.Is(err, kerr.MessageTooLarge) && len(b)*100 < 12<<20 {
			t.Errorf("%s: 12 MiB from %d bytes: %v", name, len(b), err)
		}
		if err := b.Walk(1<<20, func(*record.Record) error { return nil }); !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("%s: limit of 1 MiB: %v", name, err)
		}
	}
	// A frame that declares a window of 128 MiB and holds 10 bytes costs nothing.
	enc, err := zstd.NewWriter(nil, zstd.WithWindowSize(128<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	frame := enc.EncodeAll(make([]byte, 3<<20), nil)
	b := slices.Concat(build(record.BuilderOptions{}, 1, 1)[:record.HeaderSize], frame)
	b[22] = byte(record.Zstd)
	if err := record.Batch(reseal(b)).Walk(0, func(*record.Record) error { return nil }); !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("zeros are no record: %v", err)
	}
}

func TestWalkAllocatesNothingPerRecord(t *testing.T) {
	bl := record.NewBuilder(record.BuilderOptions{})
	for range 1000 {
		bl.Add(1, []byte("k"), []byte("v"), record.Header{Key: "trace", Value: []byte("1")}, record.Header{Key: "span"})
	}
	b := bl.Batch()
	n := testing.AllocsPerRun(20, func() {
		if err := b.Walk(0, func(*record.Record) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
	if n > 8 {
		t.Errorf("%v allocations for 1000 records", n)
	}
}

func TestValidate(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	nowMS := now.UnixMilli()
	plain := func(change func(b record.Batch)) record.Batch {
		b := build(record.BuilderOptions{}, 3, nowMS)
		if change != nil {
			change(b)
			reseal(b)
		}
		return b
	}
	keyless := record.NewBuilder(record.BuilderOptions{Codec: record.Gzip})
	keyless.Add(nowMS, []byte("k"), nil)
	keyless.Add(nowMS, nil, []byte("v"))
	for name, c := range map[string]struct {
		b     record.Batch
		r     record.Rules
		want  error
		index []int32
	}{
		"good":             {b: plain(nil)},
		"corrupt":          {b: func() record.Batch { b := plain(nil); b[65] ^= 1; return b }(), want: kerr.CorruptMessage},
		"too large":        {b: plain(nil), r: record.Rules{MaxBytes: 100}, want: kerr.MessageTooLarge},
		"base offset":      {b: plain(func(b record.Batch) { b.SetBaseOffset(1) }), want: kerr.InvalidRecord},
		"control":          {b: build(record.BuilderOptions{Control: true}, 1, nowMS), want: kerr.InvalidRecord},
		"no sequence":      {b: build(record.BuilderOptions{ProducerID: 5, BaseSequence: -1}, 1, nowMS), want: kerr.InvalidRecord},
		"delta and count":  {b: plain(func(b record.Batch) { b[26] = 9 }), want: kerr.InvalidRecord},
		"no records":       {b: plain(func(b record.Batch) { b[60] = 0 }), want: kerr.InvalidRecord},
		"fewer records":    {b: plain(func(b record.Batch) { b[60], b[26] = 2, 1 }), want: kerr.InvalidRecord},
		"zstd":             {b: build(record.BuilderOptions{Codec: record.Zstd}, 1, nowMS), want: kerr.UnsupportedCompressionType},
		"unknown codec":    {b: plain(func(b record.Batch) { b[22] = 6 }), want: kerr.UnsupportedCompressionType},
		"not gzip":         {b: plain(func(b record.Batch) { b[22] = 1 }), want: kerr.CorruptMessage},
		"not lz4":          {b: plain(func(b record.Batch) { b[22] = 3 }), want: kerr.CorruptMessage},
		"key required":     {b: keyless.Batch(), r: record.Rules{KeysRequired: true}, want: kerr.InvalidRecord, index: []int32{1}},
		"too old":          {b: build(record.BuilderOptions{}, 2, nowMS-60_001), r: record.Rules{BeforeMax: time.Minute}, want: kerr.InvalidTimestamp, index: []int32{0, 1}},
		"too new":          {b: build(record.BuilderOptions{}, 1, nowMS+60_001), r: record.Rules{AfterMax: time.Minute}, want: kerr.InvalidTimestamp, index: []int32{0}},
		"just in time":     {b: build(record.BuilderOptions{}, 1, nowMS+60_000), r: record.Rules{AfterMax: time.Minute, BeforeMax: time.Minute}},
		"append time sent": {b: plain(func(b record.Batch) { b[22] |= 8 })},
	} {
		c.r.Now = now
		got, errs, err := record.Validate(c.b, c.r)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
			continue
		}
		var index []int32
		for _, e := range errs {
			index = append(index, e.Index)
		}
		if !slices.Equal(index, c.index) {
			t.Errorf("%s: record errors %v, want %v", name, index, c.index)
		}
		if err == nil {
			if err := got.Check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestValidateRewrites(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for _, from := range codecs {
		for name, to := range codecs {
			if name == "none" {
				name = "uncompressed"
			}
			b := build(record.BuilderOptions{Codec: from}, 30, 5)
			want := all(t, b)
			got, _, err := record.Validate(b, record.Rules{Compression: name, Now: now, ZstdAllowed: true})
			if err != nil || got.Check() != nil || got.Codec() != to || !equalRecords(all(t, got), want) {
				t.Errorf("%v to %v: codec %v, %v", from, to, got.Codec(), err)
			}
		}
	}
	b := build(record.BuilderOptions{Codec: record.LZ4}, 2, 5)
	b, _, err := record.Validate(b, record.Rules{LogAppendTime: true, Now: now})
	if err != nil || b.Check() != nil || all(t, b)[1].Timestamp != now.UnixMilli() {
		t.Errorf("append time: %v", err)
	}
	wrong := build(record.BuilderOptions{}, 2, 5)
	wrong[42] = 77 // the maximum timestamp that the client claims
	got, _, err := record.Validate(reseal(wrong), record.Rules{Now: now})
	if err != nil || got.MaxTimestamp() != 5 || got.Check() != nil {
		t.Errorf("claimed maximum timestamp kept: %d %v", got.MaxTimestamp(), err)
	}
}

func FuzzBatch(f *testing.F) {
	for name := range codecs {
		b := goldenBatch(f, name)
		f.Add([]byte(b))
		f.Add([]byte(b[:70]))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := record.Batch(bytes.Clone(data))
		sound := b.Check() == nil
		if len(b) >= record.HeaderSize { // beyond the CRC, where the parsers are
			_ = b.Walk(1<<20, func(*record.Record) error { return nil })
			b = reseal(b)
		}
		got, _, err := record.Validate(b, record.Rules{Compression: "lz4", ZstdAllowed: true, KeysRequired: sound, MaxDecompressed: 1 << 20})
		if err != nil {
			return
		}
		if err := got.Check(); err != nil {
			t.Fatalf("validated batch: %v", err)
		}
		n := int32(0)
		if err := got.Walk(0, func(*record.Record) error { n++; return nil }); err != nil || n != got.Count() {
			t.Fatalf("validated batch: %d records of %d, %v", n, got.Count(), err)
		}
	})
}

func BenchmarkValidate(b *testing.B) { // what does strict checking cost per codec?
	for name, codec := range codecs {
		batch := build(record.BuilderOptions{Codec: codec}, 1000, 5)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(1000 * 108)
			for b.Loop() {
				if _, _, err := record.Validate(batch, record.Rules{ZstdAllowed: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
