package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"strconv"
)

// Reflected polynomials. CRC-64/NVME is that of the NVM Express NVM Command Set
// specification.
const nvmePolynomial = 0x9a6c9329ac4bc9b5

// Algorithms are the checksums that objects may have.
var Algorithms = []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}

// newHash is the hash of an algorithm; nil for one that is not known.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "CRC64NVME":
		return crc64.New(crc64.MakeTable(nvmePolynomial))
	case "SHA1":
		return sha1.New()
	case "SHA256":
		return sha256.New()
	}
	return nil
}

// join is the checksum of an object in parts: of the whole, which CRCs can be
// put together to, or of the parts' checksums. "Checking object integrity" of
// the S3 user guide.
func join(algorithm string, whole bool, parts []Part) Checksum {
	if algorithm == "" {
		return Checksum{}
	}
	if !whole {
		h := newHash(algorithm)
		for _, p := range parts {
			raw, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
			if err != nil || p.Checksum.Algorithm != algorithm {
				return Checksum{}
			}
			h.Write(raw)
		}
		return Checksum{algorithm, base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts)), true}
	}
	var polynomial, crc uint64
	size := 4
	switch algorithm {
	case "CRC32":
		polynomial = crc32.IEEE
	case "CRC32C":
		polynomial = crc32.Castagnoli
	case "CRC64NVME":
		polynomial, size = nvmePolynomial, 8
	default:
		return Checksum{}
	}
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
		if err != nil || p.Checksum.Algorithm != algorithm || len(raw) != size {
			return Checksum{}
		}
		crc = combine(polynomial, crc, number(raw), p.Size)
	}
	var out [8]byte
	binary.BigEndian.PutUint64(out[:], crc)
	return Checksum{algorithm, base64.StdEncoding.EncodeToString(out[8-size:]), false}
}

// number reads 4 or 8 bytes.
func number(raw []byte) uint64 {
	if len(raw) == 4 {
		return uint64(binary.BigEndian.Uint32(raw))
	}
	return binary.BigEndian.Uint64(raw)
}

// matrix is a linear map over GF(2): the image of each bit.
type matrix [64]uint64

func (m *matrix) times(v uint64) (out uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			out ^= m[i]
		}
	}
	return out
}

func (m *matrix) square() (out matrix) {
	for i := range m {
		out[i] = m.times(m[i])
	}
	return out
}

// combine is the CRC of a and b behind each other, from those of each and b's
// length: a's CRC is taken through as many zero bytes, by squaring the map that
// takes it through one bit. A reflected CRC of 32 bits fits: its upper bits stay
// zero.
func combine(polynomial, a, b uint64, length int64) uint64 {
	var step matrix
	step[0] = polynomial
	for i := 1; i < len(step); i++ {
		step[i] = 1 << (i - 1)
	}
	for range 3 { // one bit to one byte
		step = step.square()
	}
	for ; length > 0; length >>= 1 {
		if length&1 != 0 {
			a = step.times(a)
		}
		step = step.square()
	}
	return a ^ b
}
