package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/millrace/millrace/vfs"
)

// The head is a file of two slots, written in turn so that one is always whole:
// 512 bytes are the unit that a disk writes or does not write.
const (
	headFile  = "head"
	slotBytes = 512
)

// head says where the log ends.
type head struct {
	Serial    int64  `json:"serial"` // of this head: the slots are written in turn
	Closed    bool   `json:"closed"` // nothing may come after it
	Sequence  int64  `json:"sequence"`
	Hash      string `json:"hash"`
	Time      string `json:"time"`
	Signature string `json:"signature"`
}

func (h head) text() string {
	return fmt.Sprintf("millrace audit head 1\n%d\n%t\n%d\n%s\n%s\n", h.Serial, h.Closed, h.Sequence, h.Hash, h.Time)
}

func (h head) signed(key ed25519.PrivateKey) head {
	h.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(h.text())))
	return h
}

// slot is the head as its slot holds it, padded.
func (h head) slot() []byte {
	data, err := json.Marshal(h)
	if err != nil || len(data) >= slotBytes {
		panic(fmt.Sprintf("audit: a head of %d bytes, %v", len(data), err))
	}
	return []byte(string(data) + strings.Repeat(" ", slotBytes-len(data)-1) + "\n")
}

// readSlot reads a slot that must be as slot writes it, to the byte.
func readSlot(data []byte, key ed25519.PublicKey) (head, error) {
	var h head
	if err := json.Unmarshal(data, &h); err != nil || len(h.Signature) > 100 || len(h.Hash) > 64 || len(h.Time) > 40 || string(h.slot()) != string(data) {
		return h, errors.New("the head is malformed")
	}
	signature, err := base64.StdEncoding.DecodeString(h.Signature)
	if err != nil || !ed25519.Verify(key, []byte(h.text()), signature) {
		return h, errors.New("the head has a wrong signature")
	}
	return h, nil
}

// readHead is the newer slot. There is none for a log that was never written:
// fs.ErrNotExist.
func readHead(fsys vfs.FS, dir string, key ed25519.PublicKey) (h head, err error) {
	data, err := readBounded(fsys, path.Join(dir, headFile), 2*slotBytes)
	if err != nil {
		return h, err
	}
	if len(data) != 2*slotBytes {
		return h, errors.New("the head is cut off")
	}
	a, err := readSlot(data[:slotBytes], key)
	if err != nil {
		return h, err
	}
	b, err := readSlot(data[slotBytes:], key)
	switch {
	case err != nil:
		return h, err
	case a.Serial%2 != 0 || b.Serial%2 == 0 && b.Serial != 0:
		return h, errors.New("the heads are in wrong slots")
	case b.Serial > a.Serial:
		return b, nil
	}
	return a, nil
}

// readBounded reads a file of at most limit bytes.
func readBounded(fsys vfs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are right", name, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	if n, err := f.ReadAt(data, 0); err != nil && !(errors.Is(err, io.EOF) && n == len(data)) {
		return nil, err
	}
	return data, nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
