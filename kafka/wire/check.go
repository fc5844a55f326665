package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Limits of one request body. A decoded element takes up to some hundred bytes
// of memory, so that these bound what decoding can cost at tens of MiB.
const (
	maxElements    = 1 << 17  // elements of arrays of strings and structs
	maxUnknownTags = 64       // tagged fields that the schema does not know
	maxBody        = 1 << 20  // bytes, for most API keys
	maxLargeBody   = 16 << 20 // bytes, for the keys in largeBodies
	produceKey     = 0        // Produce may fill a frame
)

// largeBodies are the API keys whose honest requests can pass maxBody:
// OffsetCommit, JoinGroup, SyncGroup, CreateTopics, TxnOffsetCommit,
// AlterConfigs, IncrementalAlterConfigs.
var largeBodies = [...]int16{8, 11, 14, 19, 28, 33, 44}

// kind is how a field, or each element of an array, is encoded.
type kind uint8

const (
	fixed1 kind = iota
	fixed2
	fixed4
	fixed8
	fixed16
	text   // a string: 16 bit or compact length
	blob   // bytes: 32 bit or compact length
	object // a struct
)

var fixedSize = [...]int{fixed1: 1, fixed2: 2, fixed4: 4, fixed8: 8, fixed16: 16}

// span is an inclusive range of versions; 127 stands for "and later".
type span struct{ min, max int8 }

var never = span{-1, -1}

func (s span) has(v int8) bool { return s.min <= v && v <= s.max }

// schema is the structure of one request in all its versions.
type schema struct {
	known    bool
	versions span
	flexible int8 // the first flexible version (KIP-482), 127 if none
	fields   []field
}

type field struct {
	kind     kind
	array    bool
	versions span
	nullable span
	tagged   span // versions in which the field is in the tag section
	tag      uint32
	fields   []field // of a struct
}

func schemaOf(key int16) *schema {
	if key < 0 || int(key) >= len(schemas) || !schemas[key].known {
		return nil
	}
	return &schemas[key]
}

// Check tells whether body has the structure of the request, so that decoding
// it costs time and memory in proportion to its bytes: every length, count and
// tag must fit what is there. It runs in linear time and allocates nothing but
// an error. Like Kafka it minds no bytes after the body. The error wraps
// kerr.UnsupportedVersion for a key or version that is not served, else
// kerr.InvalidRequest.
func Check(key, version int16, body []byte) error {
	sc := schemaOf(key)
	if sc == nil || version < int16(sc.versions.min) || version > int16(sc.versions.max) {
		return fmt.Errorf("API key %d version %d: %w", key, version, kerr.UnsupportedVersion)
	}
	if limit := bodyLimit(key); len(body) > limit {
		return fmt.Errorf("API key %d with %d bytes, the limit is %d: %w", key, len(body), limit, kerr.InvalidRequest)
	}
	s := scan{rest: body, version: int8(version), flexible: version >= int16(sc.flexible)}
	s.object(sc.fields)
	if s.failure != nil {
		return fmt.Errorf("API key %d version %d, at byte %d: %w", key, version, len(body)-len(s.rest), s.failure)
	}
	return nil
}

func bodyLimit(key int16) int {
	switch {
	case key == produceKey:
		return MaxFrame
	case slices.Contains(largeBodies[:], key):
		return maxLargeBody
	}
	return maxBody
}

// scan walks over a body. The first failure ends it: from then on every method
// does nothing.
type scan struct {
	rest     []byte
	version  int8
	flexible bool
	elements int
	unknown  int
	failure  error
}

func (s *scan) fail(format string, args ...any) {
	if s.failure == nil {
		s.failure = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), kerr.InvalidRequest)
	}
}

func (s *scan) object(fields []field) {
	for i := range fields {
		f := &fields[i]
		if !f.versions.has(s.version) || f.tagged.has(s.version) {
			continue
		}
		if s.value(f); s.failure != nil {
			return
		}
	}
	if s.flexible {
		s.tags(fields)
	}
}

// value scans a field outside or inside the tag section.
func (s *scan) value(f *field) {
	null := f.nullable.has(s.version)
	switch {
	case f.array:
		s.array(f, null)
	case f.kind == object && null:
		if !s.present() {
			return
		}
		s.object(f.fields)
	default:
		s.single(f, null)
	}
}

func (s *scan) single(f *field, null bool) {
	switch f.kind {
	case text:
		s.span(s.length16(null))
	case blob:
		s.span(s.length32(null))
	case object:
		s.object(f.fields)
	default:
		s.span(fixedSize[f.kind])
	}
}

func (s *scan) array(f *field, null bool) {
	n := s.length32(null)
	if n > len(s.rest) { // every element takes a byte
		s.fail("%d elements in %d bytes", n, len(s.rest))
		return
	}
	if f.kind < text {
		s.span(n * fixedSize[f.kind])
		return
	}
	if s.elements += max(n, 0); s.elements > maxElements {
		s.fail("more than %d elements", maxElements)
		return
	}
	for i := 0; i < n && s.failure == nil; i++ {
		s.single(f, false)
	}
}

// tags scans a tag section. Tags must ascend, as KIP-482 says, so that none
// comes twice.
func (s *scan) tags(fields []field) {
	n := s.uvarint()
	if int64(n) > int64(len(s.rest)/2) {
		s.fail("%d tags in %d bytes", n, len(s.rest))
		return
	}
	for last, i := int64(-1), uint32(0); i < n && s.failure == nil; i++ {
		tag, size := s.uvarint(), s.uvarint()
		if int64(tag) <= last || int64(size) > int64(len(s.rest)) {
			s.fail("tag %d of %d bytes after tag %d with %d bytes left", tag, size, last, len(s.rest))
			return
		}
		last = int64(tag)
		s.tag(fields, tag, int(size))
	}
}

func (s *scan) tag(fields []field, tag uint32, size int) {
	content := s.span(size)
	for i := range fields {
		f := &fields[i]
		if f.tag != tag || f.tagged == never {
			continue
		}
		after, version := s.rest, s.version
		s.rest = content
		if !f.tagged.has(version) { // kmsg decodes a tag that it knows in every version
			s.version = f.tagged.min
		}
		s.value(f)
		s.version = version
		if len(s.rest) > 0 {
			s.fail("%d bytes too many in tag %d", len(s.rest), tag)
		}
		s.rest = after
		return
	}
	if s.unknown++; s.unknown > maxUnknownTags {
		s.fail("more than %d unknown tags", maxUnknownTags)
	}
}

// present reads the byte before a nullable struct.
func (s *scan) present() bool {
	b := s.span(1)
	if s.failure != nil {
		return false
	}
	if b[0] != 1 && b[0] != 0xff {
		s.fail("struct with presence %d", b[0])
	}
	return b[0] == 1
}

// length16 reads a string's length, length32 that of bytes or an array; both
// give -1 for null.
func (s *scan) length16(null bool) int {
	if s.flexible {
		return s.compactLength(null)
	}
	b := s.span(2)
	if s.failure != nil {
		return 0
	}
	return s.length(int(int16(binary.BigEndian.Uint16(b))), null)
}

func (s *scan) length32(null bool) int {
	if s.flexible {
		return s.compactLength(null)
	}
	b := s.span(4)
	if s.failure != nil {
		return 0
	}
	return s.length(int(int32(binary.BigEndian.Uint32(b))), null)
}

func (s *scan) compactLength(null bool) int { return s.length(int(s.uvarint())-1, null) }

func (s *scan) length(n int, null bool) int {
	if s.failure != nil {
		return 0
	}
	if n < -1 || n == -1 && !null || n > math.MaxInt32 {
		s.fail("length %d", n)
		return 0
	}
	return n
}

func (s *scan) uvarint() uint32 {
	if s.failure != nil {
		return 0
	}
	v, n := binary.Uvarint(s.rest[:min(len(s.rest), binary.MaxVarintLen32)])
	if n <= 0 || v > math.MaxUint32 {
		s.fail("broken varint")
		return 0
	}
	s.rest = s.rest[n:]
	return uint32(v)
}

// span takes n bytes; n below 0 takes none.
func (s *scan) span(n int) []byte {
	if s.failure != nil || n < 0 {
		return nil
	}
	if n > len(s.rest) {
		s.fail("%d bytes of %d", n, len(s.rest))
		return nil
	}
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b
}
