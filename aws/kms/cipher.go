package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// A ciphertext is: format, the key's id, which of its materials, nonce, and
// what AES-256-GCM made (docs/formats/kms.md).
const (
	blobFormat    = 1
	idBytes       = 16
	materialBytes = 32
	nonceBytes    = 12
	tagBytes      = 16
	blobHead      = 1 + idBytes + 2 + nonceBytes
)

// blob is a ciphertext taken apart.
type blob struct {
	id       string // of the key
	material int    // index into its materials
	nonce    []byte
	sealed   []byte
}

// parseBlob takes a ciphertext apart; it says nothing of who made it.
func parseBlob(b []byte) (blob, bool) {
	if len(b) < blobHead+tagBytes || b[0] != blobFormat {
		return blob{}, false
	}
	id := hex.EncodeToString(b[1 : 1+idBytes])
	return blob{
		id:       strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-"),
		material: int(binary.BigEndian.Uint16(b[1+idBytes:])),
		nonce:    b[blobHead-nonceBytes : blobHead],
		sealed:   b[blobHead:],
	}, true
}

// appendBlob encrypts under a key's material; id is the key's, a UUID.
func appendBlob(id string, index int, material, nonce, plaintext []byte, context map[string]string, arn string) []byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(raw) != idBytes {
		panic("kms: the id " + id + " is no UUID")
	}
	out := append([]byte{blobFormat}, raw...)
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
