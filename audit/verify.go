package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"

	"github.com/millrace/millrace/vfs"
)

// dayFile is the name of a file of records: its day in UTC.
var dayFile = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}\.jsonl$`)

// files are the files of records, oldest first.
func files(fsys vfs.FS, dir string) ([]string, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the audit directory: %w", err)
	}
	var out []string
	for _, e := range entries { // sorted by name, so by day
		if dayFile.MatchString(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Broken is the first thing that is wrong in a log: it was changed by somebody
// else than its server, or damaged.
type Broken struct {
	File     string
	Line     int   // from 1; 0 when it is about the whole file
	Sequence int64 // of the record that should stand there
	Why      string
}

func (b *Broken) Error() string {
	if b.Line == 0 {
		return fmt.Sprintf("%s: record %d: %s", b.File, b.Sequence, b.Why)
	}
	return fmt.Sprintf("%s:%d: record %d: %s", b.File, b.Line, b.Sequence, b.Why)
}

// Report is what Verify has seen of an unbroken log.
type Report struct {
	Records, Digests int64
	First, Last      int64  // sequence numbers; 0 without records
	Hash             string // of the last record
	Unsealed         int64  // records after the head: written when the server was killed
	Torn             bool   // what follows the last record is not whole, for the same reason
}

// Options change what Verify demands. The zero value demands the whole log.
type Options struct {
	// Partial accepts a log whose oldest files were moved elsewhere.
	Partial bool
	// Key is the public key; nil is the one in the directory, which whoever
	// changes records may have changed as well.
	Key ed25519.PublicKey
	// Each is called with every line that was verified, without its newline;
	// an error ends Verify. nil: none is.
	Each func(line []byte) error
}

// Verify reads a log from its first record to its head. The error is a *Broken
// when records are not what was written, and another one when the log cannot be
// read. It may run while a server writes.
func Verify(fsys vfs.FS, dir string, o Options) (Report, error) {
	if o.Key == nil {
		data, err := readBounded(fsys, path.Join(dir, PublicKeyFile), maxKeyBytes)
		if err != nil {
			return Report{}, fmt.Errorf("read the public key: %w", err)
		}
		if o.Key, err = ParsePublicKey(data); err != nil {
			return Report{}, &Broken{File: PublicKeyFile, Why: err.Error()}
		}
	}
	// The head is read first: records may be added meanwhile, never taken away.
	end, err := readHead(fsys, dir, o.Key)
	for tries := 1; err != nil && tries < headTries; tries++ {
		end, err = readHead(fsys, dir, o.Key)
	}
	if err != nil {
		return Report{}, &Broken{File: headFile, Why: err.Error()}
	}
	names, err := files(fsys, dir)
	if err != nil {
		return Report{}, err
	}
	w := &walk{fsys: fsys, dir: dir, options: o, at: position{0, genesis}, end: end}
	for _, name := range names {
		if err := w.file(name); err != nil {
			return w.report, err
		}
	}
	return w.finish()
}

// headTries is how often the head is read: it may be in the middle of being
// written.
const headTries = 3

// walk is a log being read.
type walk struct {
	fsys    vfs.FS
	dir     string
	options Options
	at      position
	end     head
	begun   bool
	tail    string // the last file's name
	size    int64  // of its whole lines
	report  Report
}

func (w *walk) broken(file string, line int, format string, args ...any) error {
	return &Broken{File: file, Line: line, Sequence: w.at.sequence + 1, Why: fmt.Sprintf(format, args...)}
}

// file reads one day.
func (w *walk) file(name string) error {
	if w.report.Torn {
		return w.broken(w.tail, 0, "it is not whole, and %s comes after it", name)
	}
	f, err := w.fsys.OpenFile(path.Join(w.dir, name), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.tail, w.size = name, 0
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, info.Size()), maxLine)
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			if w.report.Torn = len(line) > 0; w.report.Torn && w.end.Closed {
				return w.broken(name, n, "it is not whole, and the log was closed before it")
			}
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		case err != nil:
			err = w.broken(name, n, "it is longer than %d bytes", maxLine)
		default:
			err = w.line(name, n, bytes.TrimSuffix(line, []byte("\n")))
		}
		if errors.As(err, new(*Broken)) && w.at.sequence >= w.end.Sequence && !w.end.Closed {
			w.report.Torn = true // a power cut keeps and loses sectors of what was not synced
			return nil
		}
		if err != nil {
			return err
		}
		w.size += int64(len(line))
	}
}

func (w *walk) line(name string, n int, line []byte) error {
	if !w.begun && w.options.Partial {
		if at, ok := first(line); ok {
			w.at = at
		}
	}
	w.begun = true
	isDigest, err := w.at.next(line, w.options.Key)
	if err != nil {
		return w.broken(name, n, "%v", err)
	}
	if w.report.First == 0 {
		w.report.First = w.at.sequence
	}
	w.report.Records++
	if isDigest {
		w.report.Digests++
	}
	if w.at.sequence == w.end.Sequence && w.at.hash != w.end.Hash {
		w.at.sequence--
		return w.broken(name, n, "the head has another record here")
	}
	if w.options.Each != nil {
		return w.options.Each(line)
	}
	return nil
}

// finish compares the end with the head.
func (w *walk) finish() (Report, error) {
	if w.at.sequence < w.end.Sequence {
		return w.report, w.broken(w.tail, 0, "it is missing: the head says that there are %d records", w.end.Sequence)
	}
	if w.at.sequence > w.end.Sequence && w.end.Closed {
		w.at.sequence = w.end.Sequence
		return w.report, w.broken(w.tail, 0, "the log was closed before it")
	}
	w.report.Last, w.report.Hash, w.report.Unsealed = w.at.sequence, w.at.hash, w.at.sequence-w.end.Sequence
	return w.report, nil
}
