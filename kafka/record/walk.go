package record

import (
	"encoding/binary"
	"fmt"

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
		s := b.scan(plain)
		s.keepHeaders = true
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
	count, index         int32
	baseOffset, baseTime int64
	appendTime           bool // baseTime is of every record
	plain                []byte
	at, end              int // of what is to be read of plain; after an error nothing is
	keepHeaders          bool
	record               Record
	err                  error
}

func (b Batch) scan(plain []byte) scanner {
	s := scanner{count: b.Count(), baseOffset: b.BaseOffset(), baseTime: b.BaseTimestamp(), appendTime: b.LogAppendTime(), plain: plain, end: len(plain)}
	if s.appendTime {
		s.baseTime = b.MaxTimestamp()
	}
	return s
}

func (s *scanner) next() bool {
	if s.index >= s.count {
		if s.left() > 0 {
			s.fail("%d bytes follow the last record", s.left())
		}
		return false
	}
	size := s.length()
	if s.err != nil {
		return false
	}
	if size < minRecordSize-1 || size > s.left() {
		s.fail("size %d with %d bytes left", size, s.left())
		return false
	}
	s.end = s.at + size
	s.at++ // skips the record's attributes, which are unused
	s.body()
	if s.left() > 0 {
		s.fail("%d bytes more than its fields", s.left())
	}
	if s.err != nil {
		return false
	}
	s.end = len(s.plain)
	s.index++
	return true
}

// left is how many bytes are to be read: of the record, or of the batch.
func (s *scanner) left() int { return s.end - s.at }

func (s *scanner) body() {
	ts := s.varint()
	delta := s.length()
	s.record.Offset = s.baseOffset + int64(delta)
	s.record.Timestamp = s.baseTime
	if !s.appendTime {
		s.record.Timestamp += ts
	}
	s.record.Key = s.bytes()
	s.record.Value = s.bytes()
	n := s.length()
	if n < 0 || n > s.left()/2 {
		s.fail("%d headers in %d bytes", n, s.left())
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
	if n < 0 || n > s.left() {
		s.fail("field of %d bytes with %d left", n, s.left())
		return nil
	}
	from := s.at
	s.at += n
	return s.plain[from:s.at:s.at]
}

// length reads a varint of at most 32 bits.
func (s *scanner) length() int {
	v := s.varint()
	if int64(int32(v)) != v {
		s.fail("32 bit field holds %d", v)
		return 0
	}
	return int(v)
}

// varint reads a number; most have one or two bytes.
func (s *scanner) varint() int64 {
	p := s.plain[s.at:s.end]
	if len(p) >= 2 {
		if p[0] < 0x80 {
			s.at++
			return int64(p[0]>>1) ^ -int64(p[0]&1)
		}
		if p[1] < 0x80 {
			s.at += 2
			u := uint64(p[0]&0x7f) | uint64(p[1])<<7
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	v, n := binary.Varint(p)
	if n <= 0 {
		s.fail("broken varint")
		return 0
	}
	s.at += n
	return v
}

func (s *scanner) fail(format string, args ...any) {
	s.end = s.at
	if s.err == nil {
		s.err = fmt.Errorf("record %d of batch: %s: %w", s.index, fmt.Sprintf(format, args...), kerr.InvalidRecord)
	}
}
