package sigv4_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/millrace/millrace/aws/sigv4"
)

// The examples of "Signature Calculations for the Authorization Header:
// Transferring Payload in Multiple Chunks" of the S3 API reference.
const (
	chunkKeyID  = "AKIAIOSFODNN7EXAMPLE"
	chunkSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var (
	chunkTime   = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	chunkFirst  = strings.Repeat("a", 65536)
	chunkSecond = strings.Repeat("a", 1024)
)

func chunkedRequest(form, signature, more string) *http.Request {
	r, _ := http.NewRequest("PUT", "https://s3.amazonaws.com/examplebucket/chunkObject.txt", nil)
	signed := "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
	if more == "" {
		r.ContentLength = 66824
		signed = strings.Replace(signed, "host", "content-length;host", 1)
	} else {
		r.Header.Set("X-Amz-Trailer", more)
		signed += ";x-amz-trailer"
	}
	for name, value := range map[string]string{
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY", "X-Amz-Content-Sha256": form, "Content-Encoding": "aws-chunked",
		"X-Amz-Decoded-Content-Length": "66560",
	} {
		r.Header.Set(name, value)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+chunkKeyID+"/20130524/us-east-1/s3/aws4_request,SignedHeaders="+signed+",Signature="+signature)
	return r
}

func chunk(data, signature string) string {
	return fmt.Sprintf("%x;chunk-signature=%s\r\n%s\r\n", len(data), signature, data)
}

func signedChunks() (*http.Request, string) {
	return chunkedRequest("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", ""),
		chunk(chunkFirst, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648") +
			chunk(chunkSecond, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497") +
			chunk("", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
}

func signedTrailer() (*http.Request, string) {
	end := chunk("", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992")
	return chunkedRequest("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e", "x-amz-checksum-crc32c"),
		chunk(chunkFirst, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2") +
			chunk(chunkSecond, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7") +
			strings.TrimSuffix(end, "\r\n") +
			"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
}

// readS3 reads a body as a server does.
func readS3(r *http.Request, body io.Reader, length int64) (string, http.Header, error) {
	q, err := sigv4.Parse(r)
	if err != nil {
		return "", nil, err
	}
	b, err := q.VerifyS3(chunkSecret, chunkTime)
	if err != nil {
		return "", nil, err
	}
	in := b.Reader(body, length)
	data, err := io.ReadAll(in)
	return string(data), in.Trailer, err
}

func TestChunkedBodiesOfTheDocumentation(t *testing.T) {
	for name, make := range map[string]func() (*http.Request, string){"chunks": signedChunks, "trailer": signedTrailer} {
		r, body := make()
		for _, in := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body))} {
			got, trailer, err := readS3(r, in, 66560)
			if err != nil || got != chunkFirst+chunkSecond {
				t.Fatalf("%s: %d bytes, %v", name, len(got), err)
			}
			if name == "trailer" && trailer.Get("x-amz-checksum-crc32c") != "sOO8/Q==" {
				t.Errorf("the trailer is %v", trailer)
			}
		}
	}
}

func TestChunkedBodiesThatWereChanged(t *testing.T) {
	for name, make := range map[string]func() (*http.Request, string){"chunks": signedChunks, "trailer": signedTrailer} {
		_, body := make()
		places := []int{0, 3, 6, 30, 84, 85, 86, 87, 90, 40000, 65600, 65622, 65623, 65624, 65630, 65700, 66700}
		for i := len(body) - 300; i < len(body); i++ {
			places = append(places, i)
		}
		for _, i := range places {
			for _, flip := range []byte{1, 32, 128} {
				changed := []byte(body)
				changed[i] ^= flip
				r, _ := make()
				if got, _, err := readS3(r, bytes.NewReader(changed), 66560); err == nil && !sameWords(string(changed), body) {
					t.Errorf("%s: a body with byte %d changed to %q was taken, as %d bytes", name, i, changed[i], len(got))
				}
			}
		}
		for n := range 400 {
			r, _ := make()
			if _, _, err := readS3(r, strings.NewReader(body[:len(body)-1-n]), 66560); err == nil {
				t.Errorf("%s: a body that lacks its last %d bytes was taken", name, n+1)
			}
		}
		for _, more := range []string{"x", "\r\n", chunk("", strings.Repeat("0", 64))} {
			r, _ := make()
			if _, _, err := readS3(r, strings.NewReader(body+more), 66560); err == nil {
				t.Errorf("%s: a body with %q behind it was taken", name, more)
			}
		}
		for _, length := range []int64{0, 66559, 66561} {
			r, _ := make()
			if _, _, err := readS3(r, strings.NewReader(body), length); err == nil {
				t.Errorf("%s: a body of other than %d bytes was taken", name, length)
			}
		}
	}
}

// sameWords holds for changes that are none: the case of a header's name, and of
// a chunk's size.
func sameWords(a, b string) bool { return strings.EqualFold(a, b) }

func TestPlainBodiesOfS3(t *testing.T) {
	const text = "Welcome to Amazon S3."
	key := sigv4.Key{AccessKeyID: chunkKeyID, Secret: chunkSecret}
	for _, c := range []struct {
		body   string
		length int64
		want   sigv4.Kind
	}{
		{text, 21, 0}, {text[:20], 21, sigv4.BrokenBody}, {text[:20], 20, sigv4.OtherBody}, {"w" + text[1:], 21, sigv4.OtherBody}, {"", 0, sigv4.OtherBody},
	} {
		r, _ := http.NewRequest("PUT", "http://h/b/k", nil)
		sigv4.Sign(r, []byte(text), key, "s3", "us-east-1", chunkTime)
		_, _, err := readS3(r, strings.NewReader(c.body), c.length)
		if got := kindOf(err); got != c.want || (err == nil) != (c.want == 0) {
			t.Errorf("%q of %d: %v, want %v", c.body, c.length, err, c.want)
		}
	}
	for _, form := range []string{"", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "x", strings.Repeat("A", 64)} {
		r := chunkedRequest(form, strings.Repeat("0", 64), "")
		if _, _, err := readS3(r, strings.NewReader(""), 0); kindOf(err) != sigv4.Incomplete {
			t.Errorf("x-amz-content-sha256 %q: %v", form, err)
		}
	}
	r, body := signedChunks()
	r.Header.Set("X-Amz-Decoded-Content-Length", "66561")
	if _, _, err := readS3(r, strings.NewReader(body), 66560); kindOf(err) != sigv4.Mismatch {
		t.Errorf("a changed header: %v", err)
	}
}

func FuzzChunkedBody(f *testing.F) {
	_, signed := signedChunks()
	_, trailer := signedTrailer()
	f.Add([]byte(signed[:100]), uint8(0), int64(10))
	f.Add([]byte(trailer[len(trailer)-500:]), uint8(1), int64(1024))
	f.Add([]byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"), uint8(2), int64(5))
	f.Add([]byte("0\r\n\r\n"), uint8(2), int64(0))
	f.Add([]byte("fffffffffffffffff\r\n"), uint8(2), int64(1<<40))
	f.Fuzz(func(t *testing.T, body []byte, form uint8, length int64) {
		forms := []string{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
		r, _ := http.NewRequest("PUT", "http://h/b/k", nil)
		r.Header.Set("X-Amz-Content-Sha256", forms[int(form)%len(forms)])
		b := verifiedBody(t, r)
		if length < 0 || length > 1<<41 {
			return
		}
		in := b.Reader(bytes.NewReader(body), length)
		got, err := io.ReadAll(in)
		if int64(len(got)) > length || len(got) > len(body) {
			t.Fatalf("%d bytes of content out of %d, %d were announced", len(got), len(body), length)
		}
		if err == nil && int64(len(got)) != length {
			t.Fatalf("%d bytes of content were taken for %d", len(got), length)
		}
		if err == nil && int(form)%len(forms) != 2 {
			t.Fatal("a body without good signatures was taken")
		}
	})
}

// verifiedBody is the body of a request that is signed as its headers say.
func verifiedBody(t *testing.T, r *http.Request) *sigv4.S3Body {
	t.Helper()
	form := r.Header.Get("X-Amz-Content-Sha256")
	sigv4.SignS3(r, form, sigv4.Key{AccessKeyID: chunkKeyID, Secret: chunkSecret}, "us-east-1", chunkTime)
	q, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := q.VerifyS3(chunkSecret, chunkTime)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
