package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A ciphertext is: format, the key's id, its account, which of its materials,
// nonce, and what AES-256-GCM made (docs/formats/kms.md). Format 1, which is
// read, has no account.
const (
	oldFormat     = 1
	blobFormat    = 2
	idBytes       = 16
	accountBytes  = 6 // twelve digits as a number
	materialBytes = 32
	nonceBytes    = 12
	tagBytes      = 16
	oldHead       = 1 + idBytes + 2 + nonceBytes
	blobHead      = oldHead + accountBytes
	maxAccount    = 999_999_999_999
)

// blob is a ciphertext taken apart.
type blob struct {
	id       string // of the key
	account  string // of the key; empty: the caller's
	material int    // index into its materials
	nonce    []byte
	sealed   []byte
}

// parseBlob takes a ciphertext apart; it says nothing of who made it.
func parseBlob(b []byte) (out blob, ok bool) {
	if len(b) < oldHead+tagBytes || b[0] == blobFormat && len(b) < blobHead+tagBytes {
		return blob{}, false
	}
	out.id = formatID(b[1 : 1+idBytes])
	rest := b[1+idBytes:]
	switch b[0] {
	case blobFormat:
		n := uint64(binary.BigEndian.Uint16(rest))<<32 | uint64(binary.BigEndian.Uint32(rest[2:]))
		if n > maxAccount {
			return blob{}, false
		}
		out.account, rest = fmt.Sprintf("%012d", n), rest[accountBytes:]
	case oldFormat:
	default:
		return blob{}, false
	}
	out.material, out.nonce, out.sealed = int(binary.BigEndian.Uint16(rest)), rest[2:2+nonceBytes], rest[2+nonceBytes:]
	return out, true
}

func formatID(raw []byte) string {
	id := hex.EncodeToString(raw)
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}

// appendBlob encrypts under a key's material; id is the key's, a UUID, and
// account its account's twelve digits.
func appendBlob(id, account string, index int, material, nonce, plaintext []byte, context map[string]string, arn string) []byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(raw) != idBytes {
		panic("kms: the id " + id + " is no UUID")
	}
	n, err := strconv.ParseUint(account, 10, 64)
	if err != nil || n > maxAccount {
		panic("kms: the account " + account + " is not twelve digits")
	}
	out := append([]byte{blobFormat}, raw...)
	out = binary.BigEndian.AppendUint16(out, uint16(n>>32))
	out = binary.BigEndian.AppendUint32(out, uint32(n))
	out = binary.BigEndian.AppendUint16(out, uint16(index))
	out = append(out, nonce...)
	return newGCM(material).Seal(out, nonce, plaintext, authenticated(arn, context))
}

// open decrypts; ok is false for another context, key or changed bytes.
func (b blob) open(material []byte, context map[string]string, arn string) (plaintext []byte, ok bool) {
	plaintext, err := newGCM(material).Open(nil, b.nonce, b.sealed, authenticated(arn, context))
	return plaintext, err == nil
}

// authenticated is what a ciphertext is bound to beside its bytes: the key and
// the encryption context, in one order and with lengths, so that no two
// contexts are written alike.
func authenticated(arn string, context map[string]string) []byte {
	var out []byte
	add := func(s string) {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	add(arn)
	for _, name := range slices.Sorted(maps.Keys(context)) {
		add(name)
		add(context[name])
	}
	return out
}

// newGCM cannot fail for a key of 32 bytes.
func newGCM(material []byte) cipher.AEAD {
	block, err := aes.NewCipher(material)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}
