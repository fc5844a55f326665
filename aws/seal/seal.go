// Package seal encrypts what must not be read from the disk: secrets of access
// keys, values of secrets, private keys. Every document has a data key of its
// own; the data keys are wrapped by a key-encryption key that stands in a file
// beside the store, so that a copy of the store alone says nothing.
//
// Cores over the store seal a secret under the key of its document, which the
// cipher authenticates: a sealed secret that is moved to another document does
// not open. It keeps no state but the key ring, writes no file but that of
// Load, and never logs.
//
// The bytes are described in docs/formats/seal.md.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrUnknownKey says that what is sealed needs a key that the ring lacks:
	// the key file is another installation's, or was lost.
	ErrUnknownKey = errors.New("sealed with a key that the key file does not hold")
	// ErrDamaged says that sealed bytes were changed, or belong to another name.
	ErrDamaged = errors.New("sealed bytes are damaged or belong to another document")
)

// Sizes, in bytes.
const (
	keyBytes   = 32 // AES-256
	idBytes    = 8
	nonceBytes = 12
	tagBytes   = 16

	// MaxPlaintext is the longest that Seal takes.
	MaxPlaintext = 1 << 20
	// Overhead is how much longer sealed bytes are than the plain ones.
	Overhead = 1 + idBytes + nonceBytes + keyBytes + tagBytes + nonceBytes + tagBytes
)

const (
	version  = 1
	fileHead = "millrace-key-1"
	maxKeys  = 16      // in one file
	maxFile  = 4 << 10 // bytes of the file
)

// Ring is a set of key-encryption keys: the first seals, all of them open. It
// is immutable and may be used concurrently.
type Ring struct {
	keys []key
}

type key struct {
	id     [idBytes]byte
	secret [keyBytes]byte
	wrap   cipher.AEAD // of data keys
}

// New is a ring of one key, kept nowhere: for tests and for what is gone with
// the process.
func New() *Ring {
	var secret [keyBytes]byte
	rand.Read(secret[:])
	return &Ring{keys: []key{newKey(secret)}}
}

func newKey(secret [keyBytes]byte) key {
	k := key{secret: secret, wrap: newGCM(secret[:])}
	sum := sha256.Sum256(append([]byte("millrace key id"), secret[:]...))
	copy(k.id[:], sum[:])
	return k
}

// newGCM cannot fail for a key of 32 bytes.
func newGCM(secret []byte) cipher.AEAD {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// Load reads the ring from its file. When the file is missing it makes one of
// mode 0600 with a fresh key, synced before Load returns; made says so. A file
// that others may read is refused.
func Load(file string) (r *Ring, made bool, err error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		r = New()
		return r, true, r.write(file)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, false, fmt.Errorf("the key file %s may be read by others (mode %04o): chmod 600 it", file, info.Mode().Perm())
	}
	if info.Size() > maxFile {
		return nil, false, fmt.Errorf("the key file %s has %d bytes, at most %d are allowed", file, info.Size(), maxFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, false, fmt.Errorf("read the key file: %w", err)
	}
	if r, err = parse(data); err != nil {
		return nil, false, fmt.Errorf("the key file %s: %w", file, err)
	}
	return r, false, nil
}

// parse reads the text of a key file.
func parse(data []byte) (*Ring, error) {
	lines := strings.Fields(string(data))
	if len(lines) < 2 || lines[0] != fileHead || len(lines) > 1+maxKeys {
		return nil, fmt.Errorf("it is not a %s file with 1 to %d keys", fileHead, maxKeys)
	}
	r := &Ring{}
	for _, line := range lines[1:] {
		raw, err := hex.DecodeString(line)
		if err != nil || len(raw) != keyBytes {
			return nil, errors.New("a key is not 64 hexadecimal digits")
		}
		r.keys = append(r.keys, newKey([keyBytes]byte(raw)))
	}
	return r, nil
}

func (r *Ring) text() []byte {
	lines := []string{fileHead}
	for i := range r.keys {
		lines = append(lines, hex.EncodeToString(r.keys[i].secret[:]))
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// write makes the file appear whole or not at all.
func (r *Ring) write(file string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the key file: %w", err)
		}
	}()
	tmp := file + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(r.text())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Rotated is the ring with a fresh key before the others: it seals with the
// new one and still opens what the old ones sealed.
func (r *Ring) Rotated() (*Ring, error) {
	if len(r.keys) == maxKeys {
		return nil, fmt.Errorf("a key ring has at most %d keys", maxKeys)
	}
	return &Ring{keys: append(New().keys, r.keys...)}, nil
}

// Seal encrypts a document's secret; name is the key of the document in the
// store, under which alone it opens again. Two calls never answer the same.
func (r *Ring) Seal(name string, plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, fmt.Errorf("seal %q: %d bytes, at most %d are allowed", name, len(plaintext), MaxPlaintext)
	}
	var data [keyBytes]byte
	var nonces [2 * nonceBytes]byte
	rand.Read(data[:])
	rand.Read(nonces[:])
	k := &r.keys[0]
	aad := []byte(name)
	out := make([]byte, 0, len(plaintext)+Overhead)
	out = append(out, version)
	out = append(out, k.id[:]...)
	out = append(out, nonces[:nonceBytes]...)
	out = k.wrap.Seal(out, nonces[:nonceBytes], data[:], aad)
	out = append(out, nonces[nonceBytes:]...)
	return newGCM(data[:]).Seal(out, nonces[nonceBytes:], plaintext, aad), nil
}

// Open decrypts what Seal made for the same name. The error is ErrUnknownKey or
// ErrDamaged, with the name.
func (r *Ring) Open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, fmt.Errorf("open %q: %w", name, ErrDamaged)
	}
	k := r.find([idBytes]byte(sealed[1 : 1+idBytes]))
	if k == nil {
		return nil, fmt.Errorf("open %q: %w", name, ErrUnknownKey)
	}
	rest, aad := sealed[1+idBytes:], []byte(name)
	nonce, wrapped, rest := rest[:nonceBytes], rest[nonceBytes:nonceBytes+keyBytes+tagBytes], rest[nonceBytes+keyBytes+tagBytes:]
	data, err := k.wrap.Open(nil, nonce, wrapped, aad)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, ErrDamaged)
	}
	plain, err := newGCM(data).Open(nil, rest[:nonceBytes], rest[nonceBytes:], aad)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, ErrDamaged)
	}
	return plain, nil
}

func (r *Ring) find(id [idBytes]byte) *key {
	for i := range r.keys {
		if r.keys[i].id == id {
			return &r.keys[i]
		}
	}
	return nil
}

// Key derives a key of 32 bytes for a purpose from the oldest key of the ring,
// so that it survives rotation: for authenticating what clients keep, such as
// session tokens.
func (r *Ring) Key(purpose string) []byte {
	oldest := &r.keys[len(r.keys)-1]
	out, err := hkdf.Key(sha256.New, oldest.secret[:], nil, "millrace "+purpose, keyBytes)
	if err != nil {
		panic(err) // cannot fail for this length
	}
	return out
}
