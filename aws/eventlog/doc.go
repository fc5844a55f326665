// Package eventlog keeps timed messages, the events of log streams, in files
// that are only appended to.
//
// aws/logs is its user: it names groups and streams by numbers, and the numbers
// by documents in its store. Each stream has a directory of bounded segment
// files (docs/formats/logs.md). An Append is one frame and is synced before it
// returns; what a crash tears is the last frame, which is cut when the stream is
// next touched. Whole segments go when they expire, when their stream goes, or
// when everything together is over its limit. It knows no clock and no names,
// and it never interprets a message.
package eventlog

import "cmp"

// Limits.
const (
	// MaxBytes is the default of Config.MaxBytes.
	MaxBytes = 4 << 30

	segmentBytes = 1 << 20  // after which a stream goes on in a new segment
	maxFrame     = 2 << 20  // one Append, encoded; so a segment has at most 3 MiB
	maxScan      = 32 << 20 // bytes of segments that one Read looks through
	maxReaders   = 8        // Reads that hold a segment in memory at a time
)

// Event is one message of a stream. Times are milliseconds since 1970.
type Event struct {
	Time     int64 // when it happened, as its writer says
	Ingested int64 // when it was appended
	Stream   uint64
	Seq      uint64 // of its stream, from 0
	Message  string
}

// Size is what an event counts for in batches and pages, in bytes.
// aws:logs PutLogEvents
func (e Event) Size() int { return len(e.Message) + 26 }

// Position is a place in the order of a group's events.
type Position struct {
	Time, Ingested int64
	Stream, Seq    uint64
}

// Position is the event's own.
func (e Event) Position() Position { return Position{e.Time, e.Ingested, e.Stream, e.Seq} }

// Compare orders positions by time, ingestion, stream and sequence.
// aws:logs FilterLogEvents
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Time, q.Time), cmp.Compare(p.Ingested, q.Ingested), cmp.Compare(p.Stream, q.Stream), cmp.Compare(p.Seq, q.Seq))
}
