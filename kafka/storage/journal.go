package storage

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/vfs"
)

const (
	journalFile  = "durable-offsets"
	journalBytes = 1 << 20 // it is rewritten when it grows by as much
	journalEntry = 4 + 2 + 8
)

// journal writes down how far each log was durable: the floor below which
// recovery may not cut. It is written without a sync of its own, one commit
// late, so what it says is always true, if perhaps old. The committer owns it.
type journal struct {
	fs     vfs.FS
	dir    string
	file   vfs.File
	size   int64
	limit  int64 // of size, before the next rewrite
	floors map[string]int64
}

// floorKey names a log and the topic's id, so that a new topic of the same name
// does not inherit a floor.
func floorKey(name string, id [16]byte) string { return name + "\x00" + hex.EncodeToString(id[:]) }

// openJournal reads the floors and begins the file anew with them.
func openJournal(fsys vfs.FS, dir string) (*journal, map[string]int64, error) {
	data, err := vfs.ReadFile(fsys, path.Join(dir, journalFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	j := &journal{fs: fsys, dir: dir, floors: decodeJournal(data)}
	if err := j.rewrite(); err != nil {
		return nil, nil, err
	}
	return j, maps.Clone(j.floors), nil
}

// decodeJournal reads entries up to the first that is torn.
func decodeJournal(data []byte) map[string]int64 {
	floors := make(map[string]int64)
	for len(data) >= journalEntry {
		n := int(binary.BigEndian.Uint16(data[4:]))
		if journalEntry+n > len(data) {
			break
		}
		entry := data[:journalEntry+n]
		if binary.BigEndian.Uint32(entry) != crc32.Checksum(entry[4:], castagnoli) {
			break
		}
		floors[string(entry[14:])] = int64(binary.BigEndian.Uint64(entry[6:]))
		data = data[len(entry):]
	}
	return floors
}

func appendJournal(dst []byte, key string, offset int64) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(key)))
	dst = binary.BigEndian.AppendUint64(dst, uint64(offset))
	dst = append(dst, key...)
	binary.BigEndian.PutUint32(dst[at:], crc32.Checksum(dst[at+4:], castagnoli))
	return dst
}

func (j *journal) rewrite() error {
	var data []byte
	for _, key := range slices.Sorted(maps.Keys(j.floors)) {
		data = appendJournal(data, key, j.floors[key])
	}
	if err := vfs.Replace(j.fs, j.dir, journalFile, data); err != nil {
		return err
	}
	f, err := j.fs.OpenFile(path.Join(j.dir, journalFile), os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	j.close()
	j.file, j.size = f, int64(len(data))
	j.limit = j.size + max(j.size, journalBytes) // so that a rewrite is rare, however many logs there are
	return nil
}

// append writes down what a group made durable.
func (j *journal) append(group []target) error {
	if len(group) == 0 {
		return nil
	}
	var data []byte
	for _, t := range group {
		if t.log.closed.Load() {
			continue // removed meanwhile: its floor is forgotten
		}
		key := floorKey(t.log.name, t.log.id)
		j.floors[key] = t.end
		data = appendJournal(data, key, t.end)
	}
	n, err := j.file.WriteAt(data, j.size)
	if err != nil || n < len(data) {
		if err == nil {
			err = io.ErrShortWrite
		}
		return fmt.Errorf("write %s: %w", journalFile, err)
	}
	if j.size += int64(n); j.size > j.limit {
		return j.rewrite()
	}
	return nil
}

// forget drops the floors of a log, durably: a new log of the same name and id
// must not be held to them.
func (j *journal) forget(name string) error {
	before := len(j.floors)
	maps.DeleteFunc(j.floors, func(key string, _ int64) bool { return strings.HasPrefix(key, name+"\x00") })
	if len(j.floors) == before {
		return nil
	}
	return j.rewrite()
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close() // nothing in it need be durable
	}
}
