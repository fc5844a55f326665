package audit

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/millrace/millrace/vfs"
)

// digestEvery is after how many records a digest is written at the latest.
const digestEvery = 10_000

// Writer appends to a log. It is used by one goroutine.
type Writer struct {
	fsys vfs.FS
	dir  string
	key  ed25519.PrivateKey
	at   position

	name string // of file
	file vfs.File
	size int64

	head   vfs.File
	serial int64 // of the head
	signed int64 // sequence of the last digest
	err    error // the first failure: nothing is written after it
}

// Open continues the log in a directory that is there, or begins it. After a
// crash it takes away a last line that is not whole, which nobody was answered
// about, and records that it did. A log that is broken is not continued: the
// error is a *Broken.
func Open(fsys vfs.FS, dir string, now time.Time) (*Writer, error) {
	key, err := loadKey(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	w := &Writer{fsys: fsys, dir: dir, key: key, at: position{0, genesis}}
	report, err := w.recover(now)
	if err == nil && (report.Torn || report.Unsealed > 0) {
		err = w.recordRecovery(report, now)
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("audit: %w", err)
	}
	return w, nil
}

// recover finds where the log ends.
func (w *Writer) recover(now time.Time) (Report, error) {
	public := w.key.Public().(ed25519.PublicKey)
	name := path.Join(w.dir, headFile)
	_, err := readHead(w.fsys, w.dir, public)
	if missing(err) {
		if err = w.begin(now); err != nil {
			return Report{}, err
		}
	} else if err != nil {
		return Report{}, &Broken{File: headFile, Why: err.Error()}
	}
	if w.head, err = w.fsys.OpenFile(name, os.O_RDWR, 0); err != nil {
		return Report{}, err
	}
	end, err := readHead(w.fsys, w.dir, public)
	if err != nil {
		return Report{}, err
	}
	names, err := w.tail()
	if err != nil {
		return Report{}, err
	}
	k := &walk{fsys: w.fsys, dir: w.dir, options: Options{Partial: true, Key: public}, at: w.at, end: end}
	for _, name := range names {
		if err := k.file(name); err != nil {
			return Report{}, err
		}
	}
	report, err := k.finish()
	if err != nil {
		return report, err
	}
	w.at, w.serial, w.signed = k.at, end.Serial, end.Sequence
	if k.tail != "" {
		err = w.openFile(k.tail)
	}
	if err == nil && report.Torn {
		err = errors.Join(w.file.Truncate(k.size), w.file.Sync())
	}
	w.size = k.size
	if err == nil && end.Closed {
		err = w.seal(false, now)
	}
	return report, err
}

// tail is the newest files, from the last but one that holds anything: a crash
// may leave an empty one, or one with no whole line.
func (w *Writer) tail() ([]string, error) {
	names, err := files(w.fsys, w.dir)
	if err != nil {
		return nil, err
	}
	filled := 0
	for i := len(names) - 1; i >= 0; i-- {
		info, err := w.fsys.Stat(path.Join(w.dir, names[i]))
		if err != nil {
			return nil, err
		}
		if info.Size() > 0 {
			filled++
		}
		if filled == 2 {
			return names[i:], nil
		}
	}
	return names, nil
}

// begin writes the head of a log without records. That is only right where
// there are none: a head that is gone is not made up.
func (w *Writer) begin(now time.Time) error {
	names, err := files(w.fsys, w.dir)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return &Broken{File: headFile, Why: "it is missing"}
	}
	h := string(head{Sequence: w.at.sequence, Hash: w.at.hash, Time: stampText(now)}.signed(w.key).slot())
	return replace(w.fsys, path.Join(w.dir, headFile), h+h, 0o600)
}

func (w *Writer) recordRecovery(r Report, now time.Time) error {
	data, err := json.Marshal(map[string]any{"unsealedRecords": r.Unsealed, "tornLine": r.Torn})
	if err != nil {
		return err
	}
	return w.Write([]Event{{
		Identity: Identity{Type: "AWSService"}, Time: Stamp{now}, Source: "millrace", Name: "AuditLogRecovered",
		Additional: data, Type: TypeService,
	}}, now)
}

// Write appends events and returns when they are on disk and under the signed
// head. After an error nothing more is written: what is on disk is not known.
func (w *Writer) Write(events []Event, now time.Time) error {
	if w.err != nil {
		return w.err
	}
	w.err = w.write(events, now)
	return w.err
}

func (w *Writer) write(events []Event, now time.Time) error {
	if err := w.rotate(now); err != nil {
		return err
	}
	var buf []byte
	var err error
	for _, e := range events {
		if buf, err = w.at.event(buf, e); err != nil {
			return err
		}
	}
	if w.at.sequence-w.signed >= digestEvery {
		buf = w.at.digest(buf, w.key, now)
		w.signed = w.at.sequence
	}
	return w.append(buf, now)
}

// append writes whole lines, syncs them and seals them.
func (w *Writer) append(lines []byte, now time.Time) error {
	if len(lines) == 0 {
		return nil
	}
	if _, err := w.file.WriteAt(lines, w.size); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	w.size += int64(len(lines))
	if err := w.file.Datasync(); err != nil {
		return fmt.Errorf("sync the audit log: %w", err)
	}
	return w.seal(false, now)
}

// seal writes the head, over the older of the two.
func (w *Writer) seal(closed bool, now time.Time) error {
	w.serial++
	h := head{Serial: w.serial, Closed: closed, Sequence: w.at.sequence, Hash: w.at.hash, Time: stampText(now)}
	if _, err := w.head.WriteAt(h.signed(w.key).slot(), w.serial%2*slotBytes); err != nil {
		return fmt.Errorf("write the head of the audit log: %w", err)
	}
	if err := w.head.Datasync(); err != nil {
		return fmt.Errorf("sync the head of the audit log: %w", err)
	}
	return nil
}

// Digest signs the chain as it is now, unless the last record does.
func (w *Writer) Digest(now time.Time) error {
	if w.err != nil || w.at.sequence == w.signed || w.file == nil {
		return w.err
	}
	w.err = w.append(w.at.digest(nil, w.key, now), now)
	w.signed = w.at.sequence
	return w.err
}

// rotate begins a new day's file. A clock that goes back does not.
func (w *Writer) rotate(now time.Time) error {
	name := now.UTC().Format(time.DateOnly) + ".jsonl"
	if w.file != nil && name <= w.name {
		return nil
	}
	if w.file != nil {
		if err := w.Digest(now); err != nil {
			return err
		}
		if err := w.file.Close(); err != nil {
			return err
		}
		w.file = nil
	}
	if err := w.openFile(name); err != nil {
		return err
	}
	w.size = 0
	return w.fsys.SyncDir(w.dir)
}

func (w *Writer) openFile(name string) (err error) {
	w.name = name
	w.file, err = w.fsys.OpenFile(path.Join(w.dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	return err
}

// Close signs the chain and closes the files.
func (w *Writer) Close(now time.Time) error {
	err := w.Digest(now)
	if err == nil {
		err = w.seal(true, now)
	}
	return errors.Join(err, w.close())
}

func (w *Writer) close() error {
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.Close())
	}
	if w.head != nil {
		errs = append(errs, w.head.Close())
	}
	w.file, w.head, w.err = nil, nil, os.ErrClosed
	return errors.Join(errs...)
}
