package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/vfs"
)

// Offset checkpoints in Kafka's text format: version, count, and a line
// "topic partition offset" for each log.

func encodeOffsets(offsets map[string]int64) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "0\n%d\n", len(offsets))
	for _, name := range slices.Sorted(maps.Keys(offsets)) {
		topic, index := name, "0"
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			topic, index = name[:i], name[i+1:]
		}
		fmt.Fprintf(&b, "%s %s %d\n", topic, index, offsets[name])
	}
	return []byte(b.String())
}

func readOffsets(fsys vfs.FS, name string) (map[string]int64, error) {
	out := make(map[string]int64)
	data, err := vfs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) < 2 || lines[0] != "0" || lines[1] != strconv.Itoa(len(lines)-2) {
		return nil, fmt.Errorf("%s is not a checkpoint of version 0", name)
	}
	for _, l := range lines[2:] {
		fields := strings.Fields(l)
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: line %q", name, l)
		}
		offset, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: line %q: %w", name, l, err)
		}
		if offset < 0 {
			return nil, fmt.Errorf("%s: line %q has an offset below 0", name, l)
		}
		out[fields[0]+"-"+fields[1]] = offset
	}
	return out, nil
}
