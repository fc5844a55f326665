package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// What a segment is made of: docs/formats/logs.md.
const (
	magic      = "MRLG"
	version    = 1
	headerSize = 16 // magic, version, three zeros, first sequence
	frameSize  = 8  // length and checksum before a frame's payload

	kindBatch  = 1
	kindFooter = 2

	batchSize  = 1 + 8 + 4         // kind, ingestion, count
	eventSize  = 8 + 4             // time, length of the message
	footerSize = 1 + 4 + 8 + 8 + 8 // kind, count, first and last time, last ingestion
	footerFull = frameSize + footerSize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn is a frame that does not end or whose checksum is another.
var errTorn = errors.New("a torn frame")

// segment is what is known of one file. Times are of its events.
type segment struct {
	first    uint64 // sequence of its first event
	count    uint32
	min, max int64
	ingested int64 // of the last batch
	size     int64 // bytes of it that are whole
	sealed   bool  // it has its footer
}

// add counts a batch.
func (g *segment) add(ingested int64, events []Event) {
	for _, e := range events {
		if g.count == 0 {
			g.min, g.max = math.MaxInt64, math.MinInt64
		}
		g.min, g.max = min(g.min, e.Time), max(g.max, e.Time)
		g.count++
	}
	g.ingested = ingested
}

func header(first uint64) []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = append(b, version, 0, 0, 0)
	return binary.BigEndian.AppendUint64(b, first)
}

func checkHeader(b []byte, first uint64) error {
	switch {
	case len(b) < headerSize || string(b[:4]) != magic || b[5]|b[6]|b[7] != 0:
		return errors.New("not a segment of events")
	case b[4] != version:
		return fmt.Errorf("format %d is not known to this version of millrace, which reads format %d", b[4], version)
	case binary.BigEndian.Uint64(b[8:]) != first:
		return errors.New("the name is another segment's")
	}
	return nil
}

func frame(payload []byte) []byte {
	b := make([]byte, 0, frameSize+len(payload))
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	return append(b, payload...)
}

// batch is the frame of one Append.
func batch(ingested int64, events []Event) []byte {
	b := []byte{kindBatch}
	b = binary.BigEndian.AppendUint64(b, uint64(ingested))
	b = binary.BigEndian.AppendUint32(b, uint32(len(events)))
	for _, e := range events {
		b = binary.BigEndian.AppendUint64(b, uint64(e.Time))
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.Message)))
		b = append(b, e.Message...)
	}
	return frame(b)
}

// footer is the frame that ends a segment.
func (g *segment) footer() []byte {
	b := []byte{kindFooter}
	b = binary.BigEndian.AppendUint32(b, g.count)
	for _, v := range []int64{g.min, g.max, g.ingested} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return frame(b)
}

// payloadAt is the payload of the frame that begins at an offset.
func payloadAt(data []byte, at int) ([]byte, error) {
	if len(data)-at < frameSize {
		return nil, errTorn
	}
	n := binary.BigEndian.Uint32(data[at:])
	if n == 0 || n > maxFrame || int(n) > len(data)-at-frameSize {
		return nil, errTorn
	}
	payload := data[at+frameSize:][:n]
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(data[at+4:]) {
		return nil, errTorn
	}
	return payload, nil
}

// readFooter reads the frame at the end of a sealed segment.
func readFooter(end []byte, first uint64, size int64) (segment, error) {
	p, err := payloadAt(end, 0)
	if err != nil || len(p) != footerSize || p[0] != kindFooter {
		return segment{}, errors.New("the segment has no footer")
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(p[5+8*i:])) }
	return segment{first: first, count: binary.BigEndian.Uint32(p[1:]), min: at(0), max: at(1), ingested: at(2), size: size, sealed: true}, nil
}

// scan goes through a segment's frames and calls each for the events of every
// batch; each may be nil. It answers what it found up to the first frame that is
// torn, with errTorn for that, and another error for what no writer wrote.
func scan(data []byte, first, stream uint64, each func([]Event)) (segment, error) {
	g := segment{first: first}
	if err := checkHeader(data, first); err != nil {
		return g, err
	}
	g.size = headerSize
	for int(g.size) < len(data) {
		p, err := payloadAt(data, int(g.size))
		if err != nil {
			return g, err
		}
		switch {
		case g.sealed:
			return g, fmt.Errorf("offset %d: a frame after the footer", g.size)
		case p[0] == kindFooter && len(p) == footerSize:
			g.sealed = true
		case p[0] == kindBatch:
			events, err := decodeBatch(p, first+uint64(g.count), stream)
			if err != nil {
				return g, fmt.Errorf("offset %d: %w", g.size, err)
			}
			g.add(events[0].Ingested, events)
			if each != nil {
				each(events)
			}
		default:
			return g, fmt.Errorf("offset %d: a frame of kind %d", g.size, p[0])
		}
		g.size += int64(frameSize + len(p))
	}
	return g, nil
}

// decodeBatch reads the events of a batch, at least one. Their messages share the
// batch's memory.
func decodeBatch(p []byte, seq, stream uint64) ([]Event, error) {
	wrong := errors.New("a batch whose lengths do not fit")
	if len(p) < batchSize {
		return nil, wrong
	}
	ingested, n := int64(binary.BigEndian.Uint64(p[1:])), int(binary.BigEndian.Uint32(p[9:]))
	p = p[batchSize:]
	if n == 0 || n > len(p)/eventSize {
		return nil, wrong
	}
	events, text := make([]Event, n), string(p)
	for i := range events {
		if len(p) < eventSize {
			return nil, wrong
		}
		size := int(binary.BigEndian.Uint32(p[8:]))
		if size > len(p)-eventSize {
			return nil, wrong
		}
		events[i] = Event{int64(binary.BigEndian.Uint64(p)), ingested, stream, seq + uint64(i), text[eventSize:][:size]}
		p, text = p[eventSize+size:], text[eventSize+size:]
	}
	if len(p) > 0 {
		return nil, wrong
	}
	return events, nil
}
