package storage

import (
	"fmt"
	"sort"
	"strings"
)

// epochStart says at which offset a leader epoch began.
type epochStart struct {
	epoch int32
	start int64
}

// epochs is the leader epochs of a log, ascending (KIP-101); guarded by the
// log's lock.
type epochs []epochStart

// note records that the batch at offset belongs to epoch.
func (e *epochs) note(epoch int32, offset int64) (changed bool) {
	if n := len(*e); epoch < 0 || n > 0 && (*e)[n-1].epoch >= epoch {
		return false
	}
	*e = append(*e, epochStart{epoch, offset})
	return true
}

// end is the greatest epoch at or below the asked one, and the offset where it
// ended: the start of the next, or the log's end. An epoch below all that are
// known ended where those begin, as Kafka's LeaderEpochFileCache says it; -1, -1
// for -1, for one of the future and for an empty log.
func (e epochs) end(epoch int32, logEnd int64) (int32, int64) {
	i := sort.Search(len(e), func(i int) bool { return e[i].epoch > epoch })
	switch {
	case epoch == -1 || len(e) == 0:
		return -1, -1
	case i == 0:
		return epoch, e[0].start
	case i == len(e):
		if epoch > e[i-1].epoch {
			return -1, -1 // KIP-320: the future is not known
		}
		return e[i-1].epoch, logEnd
	}
	return e[i-1].epoch, e[i].start
}

// at is the epoch of the record at offset, -1 when it is not known.
func (e epochs) at(offset int64) int32 {
	i := sort.Search(len(e), func(i int) bool { return e[i].start > offset })
	if i == 0 {
		return -1
	}
	return e[i-1].epoch
}

// cut forgets what lies outside [start, end).
func (e *epochs) cut(start, end int64) {
	kept := (*e)[:0]
	for i, s := range *e {
		if s.start >= end {
			break
		}
		if i+1 < len(*e) && (*e)[i+1].start <= start {
			continue
		}
		s.start = max(s.start, start)
		kept = append(kept, s)
	}
	*e = kept
}

// encode makes the text of leader-epoch-checkpoint.
func (e epochs) encode() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "0\n%d\n", len(e))
	for _, s := range e {
		fmt.Fprintf(&b, "%d %d\n", s.epoch, s.start)
	}
	return []byte(b.String())
}

func decodeEpochs(data []byte) (epochs, error) {
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) < 2 || lines[0] != "0" {
		return nil, fmt.Errorf("leader epoch checkpoint is not version 0")
	}
	var out epochs
	for _, l := range lines[2:] {
		var s epochStart
		if _, err := fmt.Sscanf(l, "%d %d", &s.epoch, &s.start); err != nil {
			return nil, fmt.Errorf("leader epoch checkpoint line %q: %w", l, err)
		}
		if !out.note(s.epoch, s.start) {
			return nil, fmt.Errorf("leader epoch checkpoint line %q is out of order", l)
		}
	}
	return out, nil
}
