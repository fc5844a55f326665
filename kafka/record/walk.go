package record

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Record is one record of a batch. A nil Key or Value is null. What Walk hands
// out aliases the batch or scratch memory: it is gone when the callback
// returns, so clone what is kept.
type Record struct {
	Offset    int64
	Timestamp int64 // milliseconds since 1970, -1 for none
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Header is one header of a record. A nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// Walk calls fn for every record in order, and returns fn's error if it gives
// one. Compressed records are first decompressed into scratch memory, to at
// most maxDecompressed bytes (0: MaxDecompressed) and never to more than 100
// times their size where that is over 4 MiB. Nothing is allocated per record
// of an uncompressed batch. Walk does not verify the CRC: see Check.
//
// Errors wrap kerr.CorruptMessage (broken compression), kerr.MessageTooLarge
// (beyond the limit), kerr.UnsupportedCompressionType or kerr.InvalidRecord
// (records that do not parse, or are more or fewer than the header says).
func (b Batch) Walk(maxDecompressed int, fn func(*Record) error) error {
	return b.open(maxDecompressed, func(plain []byte) error {
		s := scanner{batch: b, rest: plain, keepHeaders: true}
		for s.next() {
			if err := fn(&s.record); err != nil {
				return err
			}
		}
		return s.err
	})
}

// open hands the decompressed records to fn; they are gone after it returns.
func (b Batch) open(maxDecompressed int, fn func(plain []byte) error) error {
	if len(b) < HeaderSize {
		return fmt.Errorf("%d bytes are less than a batch header: %w", len(b), kerr.CorruptMessage)
	}
	if b.Codec() == None {
		return fn(b.Records())
	}
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= maxPooledBuffer {
			buffers.Put(buf)
		}
	}()
	plain, err := decompress(*buf, b.Codec(), b.Records(), decompressionLimit(len(b.Records()), maxDecompressed))
	*buf = plain
	if err != nil {
		return err
	}
	return fn(plain)
}

// scanner parses the records of one batch. next must be called until it says
// false; err then tells whether that was the proper end.
type scanner struct {
	batch       Batch
	rest        []byte
	keepHeaders bool
	record      Record
	index       int32
	err         error
}

func (s *scanner) next() bool {
	if s.index >= s.batch.Count() {
		if len(s.rest) > 0 {
			s.fail("%d bytes follow the last record", len(s.rest))
		}
		return false
	}
	size := s.length()
	if s.err != nil {
		return false
	}
	if size < minRecordSize-1 || size > len(s.rest) {
		s.fail("size %d with %d bytes left", size, len(s.rest))
		return false
	}
	after := s.rest[size:]
	s.rest = s.rest[1:size] // skips the record's attributes, which are unused
	s.body()
	if s.err == nil && len(s.rest) > 0 {
		s.fail("%d bytes more than its fields", len(s.rest))
	}
	s.rest = after
	s.index++
	return s.err == nil
}

func (s *scanner) body() {
	ts := s.varint()
	delta := s.length()
	s.record.Offset = s.batch.BaseOffset() + int64(delta)
	s.record.Timestamp = s.batch.BaseTimestamp() + ts
	if s.batch.LogAppendTime() {
		s.record.Timestamp = s.batch.MaxTimestamp()
	}
	s.record.Key = s.bytes()
	s.record.Value = s.bytes()
	n := s.length()
	if s.err == nil && (n < 0 || n > len(s.rest)/2) {
		s.fail("%d headers in %d bytes", n, len(s.rest))
	}
	old := s.record.Headers
	s.record.Headers = old[:0]
	for i := 0; i < n && s.err == nil; i++ {
		s.header(old, i)
	}
}

// header parses one header. A key that the previous record had in the same
// place is reused, so that the usual batch costs one string per key.
func (s *scanner) header(old []Header, i int) {
	key := s.bytes()
	value := s.bytes()
	if s.err != nil {
		return
	}
	if key == nil {
		s.fail("null header key")
		return
	}
	if !s.keepHeaders {
		return
	}
	h := Header{Value: value}
	if i < len(old) && old[i].Key == string(key) {
		h.Key = old[i].Key
	} else {
		h.Key = string(key)
	}
	s.record.Headers = append(s.record.Headers, h)
}

// bytes reads a length and that many bytes; length -1 is nil.
func (s *scanner) bytes() []byte {
	n := s.length()
	if s.err != nil || n == -1 {
		return nil
	}
	if n < 0 || n > len(s.rest) {
		s.fail("field of %d bytes with %d left", n, len(s.rest))
		return nil
	}
	v := s.rest[:n:n]
	s.rest = s.rest[n:]
	return v
}

// length reads a varint of at most 32 bits.
func (s *scanner) length() int {
	v := s.varint()
	if v < math.MinInt32 || v > math.MaxInt32 {
		s.fail("32 bit field holds %d", v)
		return 0
	}
	return int(v)
}

func (s *scanner) varint() int64 {
	if s.err != nil {
		return 0
	}
	v, n := binary.Varint(s.rest)
	if n <= 0 {
		s.fail("broken varint")
		return 0
	}
	s.rest = s.rest[n:]
	return v
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("record %d of batch: %s: %w", s.index, fmt.Sprintf(format, args...), kerr.InvalidRecord)
	}
}
