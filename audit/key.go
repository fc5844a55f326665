package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/millrace/millrace/vfs"
)

// The files of the key that signs digests and heads.
const (
	KeyFile       = "key"     // mode 0600
	PublicKeyFile = "key.pub" // to be kept elsewhere too
)

const (
	keyHead     = "millrace-audit-key-1 "
	publicHead  = "millrace-audit-public-key-1 "
	maxKeyBytes = 256
)

// loadKey reads the signing key of a log, or makes it for a new one.
func loadKey(fsys vfs.FS, dir string) (ed25519.PrivateKey, error) {
	name := path.Join(dir, KeyFile)
	data, err := readBounded(fsys, name, maxKeyBytes)
	if missing(err) {
		return makeKey(fsys, dir)
	}
	if err != nil {
		return nil, err
	}
	if info, err := fsys.Stat(name); err == nil && fsys == vfs.OS && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): chmod 600 %s", name, info.Mode().Perm(), name)
	}
	seed, err := parseHex(data, keyHead, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// makeKey writes the public half first: a private one is never without it.
func makeKey(fsys vfs.FS, dir string) (ed25519.PrivateKey, error) {
	files, err := files(fsys, dir)
	if err == nil && len(files) > 0 {
		return nil, fmt.Errorf("%s has records, but no key: put the key back, or move the directory elsewhere and keep it", dir)
	}
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := replace(fsys, path.Join(dir, PublicKeyFile), publicHead+hex.EncodeToString(public)+"\n", 0o644); err != nil {
		return nil, err
	}
	return private, replace(fsys, path.Join(dir, KeyFile), keyHead+hex.EncodeToString(private.Seed())+"\n", 0o600)
}

func parseHex(data []byte, head string, size int) ([]byte, error) {
	text, ok := strings.CutPrefix(string(data), head)
	out, err := hex.DecodeString(strings.TrimSuffix(text, "\n"))
	if !ok || err != nil || len(out) != size || head+hex.EncodeToString(out)+"\n" != string(data) {
		return nil, errors.New("it is no " + strings.TrimSpace(head))
	}
	return out, nil
}

// ParsePublicKey reads the content of a PublicKeyFile.
func ParsePublicKey(data []byte) (ed25519.PublicKey, error) {
	return parseHex(data, publicHead, ed25519.PublicKeySize)
}

// replace writes a file whole: a temporary one, synced and renamed.
func replace(fsys vfs.FS, name, content string, perm fs.FileMode) error {
	f, err := fsys.OpenFile(name+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(content))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = fsys.Rename(name+".tmp", name)
	}
	if err == nil {
		err = fsys.SyncDir(path.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
