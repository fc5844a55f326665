package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Codec is the compression of a batch's records, as its attributes number it.
type Codec int8

// The codecs of Kafka.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// Limits of what one batch may decompress to. Against compression bombs the
// result is also limited to maxRatio times the compressed size, where that is
// more than minDecompressed.
const (
	MaxDecompressed = 64 << 20
	minDecompressed = 4 << 20
	maxRatio        = 100

	maxPooledBuffer = 1 << 20   // greater scratch buffers are left to the collector
	maxZstdWindow   = 128 << 20 // the window of zstd level 22; DecodeAll never allocates it
	firstBuffer     = 16 << 10
	xerialBlock     = 32 << 10 // uncompressed bytes per block, as snappy-java writes
)

var codecNames = [...]string{"uncompressed", "gzip", "snappy", "lz4", "zstd"}

// String is the codec's name in Kafka's compression.type setting.
func (c Codec) String() string {
	if c < 0 || int(c) >= len(codecNames) {
		return fmt.Sprintf("codec %d", int8(c))
	}
	return codecNames[c]
}

// ParseCodec reads a value of compression.type other than "producer"; "none"
// is accepted for "uncompressed".
func ParseCodec(name string) (Codec, bool) {
	if name == "none" {
		return None, true
	}
	for i, n := range codecNames {
		if n == name {
			return Codec(i), true
		}
	}
	return None, false
}

// Scratch memory that outlives a call: nothing in it is ever read again.
var (
	buffers      = sync.Pool{New: func() any { return new([]byte) }}
	gzipReaders  = sync.Pool{New: func() any { return new(gzip.Reader) }}
	lz4Readers   = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	zstdDecoders = sync.Pool{New: newZstdDecoder}

	gzipWriters  [gzip.BestCompression + 1]sync.Pool      // by level, 0 is the default
	lz4Writers   [len(lz4Levels)]sync.Pool                // by the index in lz4Levels
	zstdEncoders [zstd.SpeedBestCompression + 1]sync.Pool // by the encoder's own level
)

// lz4Levels are the encoder's: 0 is the fast one, the others search longer.
var lz4Levels = [...]lz4.CompressionLevel{lz4.Fast, lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7, lz4.Level8, lz4.Level9}

// Level is how hard a codec tries, as compression.gzip.level and its like say it
// (KIP-390). 0 is Kafka's default of each codec, as is -1 of gzip.
type Level int

// Kafka's levels that are not in order: 9 of LZ4 is the default, and fast.
const (
	lz4Default  = 9
	zstdDefault = 3
)

// from takes a writer from the pool of a level, or a new one.
func from[T any](p *sync.Pool, fresh func() T) T {
	if w, ok := p.Get().(T); ok {
		return w
	}
	return fresh()
}

func newGzipWriter(level int) *gzip.Writer {
	if level == 0 {
		level = gzip.DefaultCompression
	}
	w, err := gzip.NewWriterLevel(nil, level)
	must(err)
	return w
}

func newLZ4Writer(level lz4.CompressionLevel) *lz4.Writer {
	w := lz4.NewWriter(nil)
	must(w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1), lz4.CompressionLevelOption(level)))
	return w
}

func newZstdDecoder() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(MaxDecompressed))
	must(err)
	return d
}

func newZstdEncoder(level zstd.EncoderLevel) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20), zstd.WithEncoderLevel(level))
	must(err)
	return e
}

// must guards calls whose arguments are constants or memory, which cannot fail.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("record: impossible codec error: %v", err))
	}
}

// decompressionLimit is how far n compressed bytes may expand.
func decompressionLimit(n, maxDecompressed int) int {
	if maxDecompressed <= 0 || maxDecompressed > MaxDecompressed {
		maxDecompressed = MaxDecompressed
	}
	return min(maxDecompressed, max(minDecompressed, n*maxRatio))
}

func errTooLarge(limit int) error {
	return fmt.Errorf("records decompress to more than %d bytes: %w", limit, kerr.MessageTooLarge)
}

func errCompressed(c Codec, err error) error {
	return fmt.Errorf("decompress %v records: %v: %w", c, err, kerr.CorruptMessage)
}

// decompress appends the decompressed src to dst[:0] and returns it; on error
// too it returns a buffer worth keeping.
func decompress(dst []byte, c Codec, src []byte, limit int) ([]byte, error) {
	dst = dst[:0]
	switch c {
	case Gzip:
		r := gzipReaders.Get().(*gzip.Reader)
		defer gzipReaders.Put(r)
		if err := r.Reset(bytes.NewReader(src)); err != nil {
			return dst, errCompressed(c, err)
		}
		return readLimited(dst, r, c, limit)
	case LZ4:
		r := lz4Readers.Get().(*lz4.Reader)
		defer lz4Readers.Put(r)
		r.Reset(bytes.NewReader(src))
		return readLimited(dst, r, c, limit)
	case Snappy:
		if bytes.HasPrefix(src, xerialMagic) {
			return decodeXerial(dst, src, limit)
		}
		return decodeSnappy(dst, src, limit)
	case Zstd:
		return decodeZstd(dst, src, limit)
	}
	return dst, fmt.Errorf("records in %v: %w", c, kerr.UnsupportedCompressionType)
}

// readLimited grows dst only as bytes arrive.
func readLimited(dst []byte, r io.Reader, c Codec, limit int) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, make([]byte, max(firstBuffer, len(dst)))...)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst) > limit {
			return dst, errTooLarge(limit)
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, errCompressed(c, err)
		}
	}
}

// decodeZstd decodes into buffers of growing capacity, so that memory
// follows the bytes present, not the window or content size that they declare.
func decodeZstd(dst, src []byte, limit int) ([]byte, error) {
	d := zstdDecoders.Get().(*zstd.Decoder)
	defer zstdDecoders.Put(d)
	size := min(limit, max(firstBuffer, 4*len(src)))
	var h zstd.Header
	if err := h.Decode(src); err == nil && h.HasFCS {
		if h.FrameContentSize > uint64(limit) {
			return dst, errTooLarge(limit)
		}
		size = max(size, min(int(h.FrameContentSize), 32*len(src)))
	}
	for {
		if cap(dst) < size {
			dst = make([]byte, 0, size)
		}
		out, err := d.DecodeAll(src, dst[:0:min(cap(dst), limit)])
		switch {
		case err == nil:
			return out, nil
		case !errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return dst, errCompressed(Zstd, err)
		case cap(dst) >= limit:
			return dst, errTooLarge(limit)
		}
		size = min(limit, 4*cap(dst))
	}
}

// maxSnappyRatio is above what the format can reach: a copy of 64 bytes takes 2 to 3.
const maxSnappyRatio = 64

func decodeSnappy(dst, src []byte, limit int) ([]byte, error) {
	n, err := s2.DecodedLen(src)
	if err != nil || n > maxSnappyRatio*len(src) {
		return dst, errCompressed(Snappy, s2.ErrCorrupt)
	}
	if n > limit-len(dst) {
		return dst, errTooLarge(limit)
	}
	start := len(dst)
	if cap(dst)-start < n {
		dst = append(make([]byte, 0, max(start+n, 2*start)), dst...)
	}
	if _, err := s2.Decode(dst[start:start+n], src); err != nil {
		return dst, errCompressed(Snappy, err)
	}
	return dst[:start+n], nil
}

// The framing of snappy-java, which Java clients write: a header of 16 bytes
// (magic, version 1, compatible with 1), then blocks with a 4 byte length.
var (
	xerialMagic  = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}
	xerialHeader = append(xerialMagic[:8:8], 0, 0, 0, 1, 0, 0, 0, 1)
)

func decodeXerial(dst, src []byte, limit int) ([]byte, error) {
	for len(src) > 0 {
		if bytes.HasPrefix(src, xerialMagic) { // also in the middle: streams may be concatenated
			if len(src) < len(xerialHeader) {
				return dst, errCompressed(Snappy, io.ErrUnexpectedEOF)
			}
			src = src[len(xerialHeader):]
			continue
		}
		if len(src) < 4 {
			return dst, errCompressed(Snappy, io.ErrUnexpectedEOF)
		}
		n := uint64(binary.BigEndian.Uint32(src))
		src = src[4:]
		if n > uint64(len(src)) {
			return dst, errCompressed(Snappy, io.ErrUnexpectedEOF)
		}
		var err error
		if dst, err = decodeSnappy(dst, src[:n], limit); err != nil {
			return dst, err
		}
		src = src[n:]
	}
	return dst, nil
}

// compress appends src, compressed as Java clients can read it, to dst.
func compress(dst []byte, c Codec, level Level, src []byte) []byte {
	switch c {
	case Gzip:
		out, n := bytes.NewBuffer(dst), min(max(0, int(level)), gzip.BestCompression)
		w := from(&gzipWriters[n], func() *gzip.Writer { return newGzipWriter(n) })
		defer gzipWriters[n].Put(w)
		w.Reset(out)
		writeAll(w, src)
		return out.Bytes()
	case LZ4:
		out, n := bytes.NewBuffer(dst), min(max(0, int(level)), len(lz4Levels)-1)
		if level == lz4Default {
			n = 0
		}
		w := from(&lz4Writers[n], func() *lz4.Writer { return newLZ4Writer(lz4Levels[n]) })
		defer lz4Writers[n].Put(w)
		w.Reset(out)
		writeAll(w, src)
		return out.Bytes()
	case Snappy:
		return encodeXerial(dst, src)
	case Zstd:
		if level == 0 {
			level = zstdDefault
		}
		n := zstd.EncoderLevelFromZstd(int(level))
		e := from(&zstdEncoders[n], func() *zstd.Encoder { return newZstdEncoder(n) })
		defer zstdEncoders[n].Put(e)
		return e.EncodeAll(src, dst)
	}
	return append(dst, src...)
}

func writeAll(w io.WriteCloser, src []byte) {
	_, err := w.Write(src)
	must(err)
	must(w.Close())
}

func encodeXerial(dst, src []byte) []byte {
	dst = append(dst, xerialHeader...)
	var block []byte
	for len(src) > 0 {
		n := min(len(src), xerialBlock)
		block = s2.EncodeSnappy(block[:cap(block)], src[:n])
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(block)))
		dst = append(dst, block...)
		src = src[n:]
	}
	return dst
}
