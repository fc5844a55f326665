package sigv4

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// SkewS3 is S3's Skew.
const SkewS3 = 15 * time.Minute

// The forms of a body that x-amz-content-sha256 announces, besides its hash.
// "Authenticating Requests: Using the Authorization Header" of the S3 API
// reference.
const (
	streamSigned        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamTrailer       = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// Bounds of a body in chunks.
const (
	maxChunkLine    = 4 << 10 // bytes of the line before a chunk, and of a trailer's
	maxTrailers     = 8
	maxChunkDigits  = 10 // hexadecimal, of a chunk's size
	chunkBufferSize = 32 << 10
)

// S3Body is how the body of a request to S3 is checked, as its signed headers
// announce it.
type S3Body struct {
	form     string // x-amz-content-sha256
	key      []byte // that signs chunks
	at       string // the signature's time
	scope    string
	previous string // signature: of the request, then of each chunk
}

// VerifyS3 checks the signature of a request to S3, whose payload hash is the
// one that the request claims, and the time. The body itself is checked by the
// reader of the S3Body.
func (q Request) VerifyS3(secret string, now time.Time) (*S3Body, error) {
	form := q.payload
	switch {
	case form == "" && q.Presigned:
		form = unsignedPayload
	case form == "":
		return nil, incomplete("Missing required header for this request: x-amz-content-sha256")
	case form == unsignedPayload, form == streamSigned, form == streamSignedTrailer, form == streamTrailer, isHexSHA256(form):
	default:
		return nil, incomplete("The value of x-amz-content-sha256 header is invalid.")
	}
	key := signingKey(secret, q.day, q.Region, q.Service)
	good := false
	for i := range q.canonical {
		want := hex.EncodeToString(mac(key, q.stringToSign(i, form)))
		good = hmac.Equal([]byte(want), []byte(q.signature)) || good
	}
	if err := q.checkTime(now, SkewS3); err != nil {
		return nil, err
	}
	if !good {
		return nil, mismatch()
	}
	return &S3Body{form: form, key: key, at: q.Time.Format(timeFormat), scope: q.scope(), previous: q.signature}, nil
}

// VerifyUnknownS3 is VerifyUnknown for S3.
func (q Request) VerifyUnknownS3(now time.Time) error {
	_, _ = q.VerifyS3("0000000000000000000000000000000000000000", now)
	return &Error{UnknownKey, "The AWS Access Key Id you provided does not exist in our records."}
}

// Chunked says that the body is in chunks, so that its length is that of
// x-amz-decoded-content-length.
func (b *S3Body) Chunked() bool { return strings.HasPrefix(b.form, "STREAMING-") }

// Reader reads the content out of a body of length bytes of content. It ends
// with io.EOF only when all of it has come and is what was signed; any other
// end is an *Error of kind OtherBody, BrokenBody or Mismatch, or that of the
// body. What was read before must not be used then. The Trailer is for one
// goroutine, like the reader.
func (b *S3Body) Reader(body io.Reader, length int64) *S3Reader {
	r := &S3Reader{body: *b, left: length, Trailer: http.Header{}}
	switch {
	case b.Chunked():
		r.lines = bufio.NewReaderSize(body, chunkBufferSize)
		r.in = r.lines
	case b.form == unsignedPayload:
		r.in = body
	default:
		r.in, r.sum = body, sha256.New()
	}
	return r
}

// S3Reader is a reader of S3Body.
type S3Reader struct {
	// Trailer is the headers after the content, once it was read to its end.
	Trailer http.Header

	body  S3Body
	in    io.Reader
	lines *bufio.Reader // of a body in chunks
	left  int64         // bytes of content still to come
	sum   hash.Hash     // of the content, or of the chunk; nil: unsigned

	chunk   int64  // bytes left in the chunk
	signed  string // the signature that the chunk claims
	inChunk bool
	err     error // the end
}

func broken(format string, args ...any) error {
	return &Error{BrokenBody, fmt.Sprintf(format, args...)}
}

// errShort is S3's IncompleteBody.
func errShort() error {
	return broken("You did not provide the number of bytes specified by the Content-Length HTTP header")
}

// Read reads content.
func (r *S3Reader) Read(p []byte) (n int, err error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.lines != nil {
		n, err = r.readChunked(p)
	} else {
		n, err = r.readPlain(p)
	}
	r.err = err
	return n, err
}

func (r *S3Reader) readPlain(p []byte) (int, error) {
	if r.left == 0 {
		if r.sum != nil && hex.EncodeToString(r.sum.Sum(nil)) != r.body.form {
			return 0, &Error{OtherBody, "The provided 'x-amz-content-sha256' header does not match what was computed."}
		}
		return 0, io.EOF
	}
	n, err := r.in.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if r.sum != nil {
		r.sum.Write(p[:n])
	}
	if err == io.EOF {
		err = nil
		if r.left > 0 {
			err = errShort()
		}
	}
	return n, err
}

func (r *S3Reader) readChunked(p []byte) (int, error) {
	if !r.inChunk {
		if err := r.begin(); err != nil {
			return 0, err
		}
		if r.chunk == 0 {
			return 0, r.finish()
		}
	}
	n, err := r.in.Read(p[:min(int64(len(p)), r.chunk)])
	r.chunk -= int64(n)
	r.left -= int64(n)
	if r.sum != nil {
		r.sum.Write(p[:n])
	}
	switch {
	case err == io.EOF:
		return n, errShort()
	case err != nil:
		return n, err
	case r.chunk > 0:
		return n, nil
	}
	r.inChunk = false
	if err := r.endOfLine(); err != nil {
		return n, err
	}
	return n, r.verifyChunk()
}

// line reads a line that ends with CR LF, without it.
func (r *S3Reader) line() (string, error) {
	var out []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		if len(out)+len(part) > maxChunkLine {
			return "", broken("A line of the chunked body is longer than %d bytes.", maxChunkLine)
		}
		out = append(out, part...)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF:
			return "", errShort()
		case err != nil:
			return "", err
		}
		text, ok := strings.CutSuffix(string(out), "\r\n")
		if !ok {
			return "", broken("A line of the chunked body does not end with CR LF.")
		}
		return text, nil
	}
}

func (r *S3Reader) endOfLine() error {
	text, err := r.line()
	if err == nil && text != "" {
		err = broken("A chunk is longer than its size.")
	}
	return err
}

// begin reads the line before a chunk.
func (r *S3Reader) begin() error {
	text, err := r.line()
	if err != nil {
		return err
	}
	digits, rest, extended := strings.Cut(text, ";")
	size, err := strconv.ParseUint(digits, 16, 63)
	if err != nil || len(digits) > maxChunkDigits || strings.ContainsAny(digits, "+-_ xX") {
		return broken("The size of a chunk is malformed.")
	}
	if r.body.form != streamTrailer {
		claimed, ok := strings.CutPrefix(rest, "chunk-signature=")
		if !ok || !isHexSHA256(claimed) {
			return broken("A chunk has no signature.")
		}
		r.signed, r.sum = claimed, sha256.New()
	} else if extended {
		return broken("A chunk of an unsigned body has an extension.")
	}
	if int64(size) > r.left {
		return broken("The chunked body has more content than x-amz-decoded-content-length.")
	}
	r.chunk, r.inChunk = int64(size), true
	return nil
}

// verifyChunk checks the signature of the chunk that was read.
func (r *S3Reader) verifyChunk() error {
	if r.body.form == streamTrailer {
		return nil
	}
	text := algorithm + "-PAYLOAD\n" + r.body.at + "\n" + r.body.scope + "\n" + r.body.previous + "\n" + emptyHash + "\n" + hex.EncodeToString(r.sum.Sum(nil))
	return r.verify(text, r.signed)
}

func (r *S3Reader) verify(text, claimed string) error {
	want := hex.EncodeToString(mac(r.body.key, text))
	if !hmac.Equal([]byte(want), []byte(claimed)) {
		return mismatch()
	}
	r.body.previous = want
	return nil
}

// finish checks the last chunk, which is empty, and what follows it.
func (r *S3Reader) finish() error {
	if err := r.verifyChunk(); err != nil {
		return err
	}
	if r.left > 0 {
		return errShort()
	}
	if r.body.form == streamSigned {
		if err := r.endOfLine(); err != nil {
			return err
		}
		return r.nothingMore()
	}
	return r.trailers()
}

// trailers reads the headers after the content.
func (r *S3Reader) trailers() error {
	var signed strings.Builder
	claimed := ""
	for n := 0; ; n++ {
		text, err := r.line()
		if err != nil {
			return err
		}
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if name = strings.ToLower(strings.TrimSpace(name)); !ok || name == "" || n == maxTrailers || claimed != "" || r.Trailer.Get(name) != "" {
			return broken("The trailer of the chunked body is malformed.")
		}
		value = strings.TrimSpace(value)
		if name == "x-amz-trailer-signature" {
			claimed = value
			continue
		}
		r.Trailer.Set(textproto.CanonicalMIMEHeaderKey(name), value)
		signed.WriteString(name + ":" + value + "\n")
	}
	if r.body.form == streamSignedTrailer {
		text := algorithm + "-TRAILER\n" + r.body.at + "\n" + r.body.scope + "\n" + r.body.previous + "\n" + hexSHA256([]byte(signed.String()))
		if err := r.verify(text, claimed); err != nil {
			return err
		}
	} else if claimed != "" {
		return broken("An unsigned body has a signed trailer.")
	}
	return r.nothingMore()
}

// nothingMore ends the content at the end of the body.
func (r *S3Reader) nothingMore() error {
	switch _, err := r.lines.ReadByte(); {
	case err == io.EOF:
		return io.EOF
	case err != nil:
		return err
	}
	return broken("The chunked body goes on after its end.")
}
