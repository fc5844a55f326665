package cloudwatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// entry is one metric in a block.
type entry struct {
	id     metricID
	sample Sample
}

const (
	blockFormat = 1
	blockHeader = 1
	idBytes     = 6
)

// How an entry's numbers are written.
const (
	entrySingle  = 1 << iota // one value, once
	entryInteger             // its numbers are whole
	entryFlags   = entrySingle | entryInteger
)

// maxWhole is up to where whole numbers are exact in a float64.
const maxWhole = 1 << 53

var errBlock = errors.New("damaged block")

// appendBlock writes entries, which are sorted by id, in the format of
// docs/formats/cloudwatch.md.
func appendBlock(b []byte, entries []entry) []byte {
	b = append(b, blockFormat)
	for _, e := range entries {
		var id [8]byte
		binary.BigEndian.PutUint64(id[:], uint64(e.id))
		b = append(b, id[8-idBytes:]...)
		s := e.sample
		numbers := []float64{s.Count, s.Sum, s.Min, s.Max}
		flags := byte(0)
		if s == Value(s.Sum) {
			flags, numbers = entrySingle, numbers[1:2]
		}
		if !slices.ContainsFunc(numbers, func(f float64) bool {
			return f != math.Trunc(f) || math.Abs(f) >= maxWhole || f == 0 && math.Signbit(f)
		}) {
			flags |= entryInteger
		}
		b = append(b, flags)
		for _, f := range numbers {
			if flags&entryInteger != 0 {
				b = binary.AppendVarint(b, int64(f))
			} else {
				b = binary.BigEndian.AppendUint64(b, math.Float64bits(f))
			}
		}
	}
	return b
}

// readBlock reads what appendBlock wrote.
func readBlock(b []byte) ([]entry, error) {
	if len(b) < blockHeader || b[0] != blockFormat {
		return nil, fmt.Errorf("%w: no format that is known", errBlock)
	}
	all, b := len(b), b[blockHeader:]
	var out []entry
	for len(b) > 0 {
		if len(b) < idBytes+1 || b[idBytes] > entryFlags {
			return nil, fmt.Errorf("%w at byte %d", errBlock, all-len(b))
		}
		var id [8]byte
		copy(id[8-idBytes:], b)
		flags := b[idBytes]
		e := entry{id: metricID(binary.BigEndian.Uint64(id[:]))}
		n := 4
		if flags&entrySingle != 0 {
			n = 1
		}
		numbers, rest, ok := readNumbers(b[idBytes+1:], n, flags&entryInteger != 0)
		if !ok || len(out) > 0 && out[len(out)-1].id >= e.id {
			return nil, fmt.Errorf("%w at byte %d", errBlock, all-len(b))
		}
		e.sample = Value(numbers[0])
		if n == 4 {
			e.sample = Sample{numbers[0], numbers[1], numbers[2], numbers[3]}
		}
		out, b = append(out, e), rest
	}
	return out, nil
}

func readNumbers(b []byte, n int, whole bool) (out [4]float64, rest []byte, ok bool) {
	for i := range n {
		if whole {
			v, used := binary.Varint(b)
			if used <= 0 {
				return out, nil, false
			}
			out[i], b = float64(v), b[used:]
			continue
		}
		if len(b) < 8 {
			return out, nil, false
		}
		out[i], b = math.Float64frombits(binary.BigEndian.Uint64(b)), b[8:]
	}
	return out, b, true
}

// mergeBlocks adds new entries to a minute's.
func mergeBlocks(have, more []entry) []entry {
	all := make(map[metricID]Sample, len(have)+len(more))
	for _, e := range slices.Concat(have, more) {
		all[e.id] = all[e.id].merge(e.sample)
	}
	out := make([]entry, 0, len(all))
	for id, s := range all {
		out = append(out, entry{id, s})
	}
	slices.SortFunc(out, func(a, b entry) int {
		switch {
		case a.id < b.id:
			return -1
		case a.id > b.id:
			return 1
		}
		return 0
	})
	return out
}
