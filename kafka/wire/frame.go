// Package wire is the outermost layer of the Kafka protocol: frames, request
// and response headers, the version tables of the Kafka lines, and the filter
// that hostile input meets before it is decoded. The messages themselves are
// franz-go's kmsg types.
//
// kafka/listener calls it for every request, and kafka/gateway and tests for
// answers. It never authenticates, never knows what a message means, and its
// functions keep no state: all are safe for concurrent use.
//
// Errors that a peer caused wrap *kerr.Error: use errors.Is or errors.As. The
// usual answer to them is to close the connection.
package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

//go:generate go run ../../internal/gen/wire -root ../..

// Limits of a frame in bytes, without its size field: Kafka's
// socket.request.max.bytes, and what a peer may send that nobody knows yet.
const (
	MaxFrame           = 100 << 20
	MaxFrameBeforeAuth = 64 << 10
)

const firstRead = 64 << 10 // bytes taken from memory on a frame's mere announcement

// NextKey waits for a frame and is its API key, -1 when the stream ends before.
// r holds six bytes at least.
func NextKey(r *bufio.Reader) int16 {
	head, err := r.Peek(6)
	if err != nil {
		return -1 // ReadFrame says why
	}
	return int16(binary.BigEndian.Uint16(head[4:]))
}

// ReadFrame reads one frame and returns it without its size field, in memory's
// array as far as that goes; nil has it in memory of its own. Memory grows with
// the bytes that arrive, not with the size that is announced. The error is
// io.EOF at the end of the stream between frames, io.ErrUnexpectedEOF inside
// one, and wraps kerr.InvalidRequest for a size above limit or below a header's.
func ReadFrame(r *bufio.Reader, limit int, memory []byte) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(size[:])))
	if n < minHeader || n > limit {
		return nil, fmt.Errorf("frame of %d bytes, the limit is %d: %w", n, limit, kerr.InvalidRequest)
	}
	if first := min(n, firstRead); cap(memory) < first {
		memory = make([]byte, first)
	}
	frame := memory[:min(n, cap(memory))]
	for have := 0; ; {
		if _, err := io.ReadFull(r, frame[have:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if have = len(frame); have == n {
			return frame, nil
		}
		grown := make([]byte, min(n, 4*have))
		copy(grown, frame)
		frame = grown
	}
}

// minHeader is the size of key, version and correlation id.
const minHeader = 8

// Header is a request header. ClientID is "" for a null client id too.
type Header struct {
	Key           int16
	Version       int16
	CorrelationID int32
	ClientID      string
}

// ParseHeader reads the request header (v1, or v2 for flexible versions) off a
// frame; body aliases the frame, the header does not. It knows the keys that
// Check knows, in any version, since even an ApiVersions request of a future
// version must be answered; for other keys the error wraps
// kerr.UnsupportedVersion and h has no ClientID. A broken header wraps
// kerr.InvalidRequest.
func ParseHeader(frame []byte) (h Header, body []byte, err error) {
	if len(frame) < minHeader {
		return h, nil, fmt.Errorf("header of %d bytes: %w", len(frame), kerr.InvalidRequest)
	}
	h.Key = int16(binary.BigEndian.Uint16(frame))
	h.Version = int16(binary.BigEndian.Uint16(frame[2:]))
	h.CorrelationID = int32(binary.BigEndian.Uint32(frame[4:]))
	sc := schemaOf(h.Key)
	if sc == nil {
		return h, nil, fmt.Errorf("API key %d: %w", h.Key, kerr.UnsupportedVersion)
	}
	s := scan{rest: frame[minHeader:]}
	client := s.span(s.length16(true))
	s.flexible = int(h.Version) >= int(sc.flexible) // the client id itself is never compact
	if s.flexible {
		s.tags(nil)
	}
	if s.failure != nil {
		return h, nil, fmt.Errorf("request header of API key %d: %w", h.Key, s.failure)
	}
	h.ClientID = string(client)
	return h, s.rest, nil
}

// Decode checks body and decodes it. The request aliases body: clone what is
// kept. Errors wrap kerr.UnsupportedVersion for a key or version that is not
// served, else kerr.InvalidRequest.
func Decode(key, version int16, body []byte) (kmsg.Request, error) {
	if err := Check(key, version, body); err != nil {
		return nil, err
	}
	req := kmsg.RequestForKey(key)
	if req == nil || version > req.MaxVersion() {
		return nil, fmt.Errorf("API key %d version %d: %w", key, version, kerr.UnsupportedVersion)
	}
	req.SetVersion(version)
	if err := req.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("decode %s version %d: %v: %w", kmsg.NameForKey(key), version, err, kerr.InvalidRequest)
	}
	return req, nil
}

// AppendResponse appends the whole frame of an answer in resp's version: size,
// response header (v1 with its empty tags for flexible versions, but always v0
// for ApiVersions, KIP-511) and body. It first fills in the empty arrays that
// Java's clients need: see fillArrays.
func AppendResponse(dst []byte, correlationID int32, resp kmsg.Response) []byte {
	fillArrays(resp)
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if resp.IsFlexible() && resp.Key() != apiVersionsKey {
		dst = append(dst, 0)
	}
	dst = resp.AppendTo(dst)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

const apiVersionsKey = 18

// fillArrays replaces null arrays where the protocol allows null and Java's
// admin client takes none. kmsg writes a nil slice as null only where the
// protocol is nullable, so these are all there are. Null keeps its meaning in
// the other two nullable arrays: no quota entries on an error, and no list of
// aborted transactions for a reader of uncommitted data.
func fillArrays(resp kmsg.Response) {
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for i := range r.Topics {
			fill(&r.Topics[i].Configs)
		}
	case *kmsg.DescribeTopicPartitionsResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				fill(&p.EligibleLeaderReplicas)
				fill(&p.LastKnownELR)
			}
		}
	}
}

func fill[T any](s *[]T) {
	if *s == nil {
		*s = []T{}
	}
}
