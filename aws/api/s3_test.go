package api_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/api"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/aws/s3/blobs"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/store"
	"github.com/millrace/millrace/vfs"
)

// bucketSystem is a handler with buckets over a real index and blobs in memory.
type bucketSystem struct {
	t    *testing.T
	url  string
	key  sigv4.Key
	s3   *s3.Service
	iam  *iam.Service
	disk *vfs.Memory
	log  *bytes.Buffer
}

func startBuckets(t *testing.T) *bucketSystem {
	t.Helper()
	dir := t.TempDir()
	open := func(name string) *store.Store {
		st, err := store.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		return st
	}
	s := &bucketSystem{t: t, disk: vfs.NewMemory(), log: &bytes.Buffer{}}
	var err error
	if s.iam, err = iam.New(t.Context(), iam.Config{Store: open("state.db"), Random: rand.Reader}); err != nil {
		t.Fatal(err)
	}
	contents, err := blobs.Open(s.disk, "/blobs", seal.New(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.s3 = s3.New(s3.Config{Index: open("index.db"), Blobs: contents, Now: time.Now, Random: rand.Reader})
	s.key = sigv4.Key{AccessKeyID: s.iam.Root().AccessKeyID, Secret: s.iam.Root().Secret.Reveal()}
	srv := httptest.NewServer(api.New(api.Config{
		Identity: s.iam, Authorizer: s.iam, STS: s.iam, IAM: s.iam, S3: s.s3, S3Hosts: []string{"localhost"},
		Ready: func() bool { return true }, Version: "test", Log: slog.New(slog.NewTextHandler(s.log, nil)),
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a signed request: PUT /bucket/key?query, with headers NAME: VALUE.
func (s *bucketSystem) do(method, target, body string, headers ...string) answer {
	return s.as(s.key, method, target, body, headers...)
}

func (s *bucketSystem) as(key sigv4.Key, method, target, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	r.Header.Del("Host")
	sigv4.Sign(r, []byte(body), key, "s3", "us-east-1", time.Now())
	return s.send(r)
}

func (s *bucketSystem) send(r *http.Request) answer {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// ok sends a request that must succeed.
func (s *bucketSystem) ok(method, target, body string, headers ...string) answer {
	s.t.Helper()
	a := s.do(method, target, body, headers...)
	if a.status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, target, a.status, a.body)
	}
	return a
}

// fails sends a request that must fail so.
func (s *bucketSystem) fails(status int, code, method, target, body string, headers ...string) {
	s.t.Helper()
	a := s.do(method, target, body, headers...)
	if a.status != status || !strings.Contains(a.body, "<Code>"+code+"</Code>") {
		s.t.Errorf("%s %s: %d %s; want %d %s", method, target, a.status, a.body, status, code)
	}
}

// files counts the blobs on the disk.
func (s *bucketSystem) files() (n int) {
	dirs, _ := s.disk.ReadDir("/blobs")
	for _, d := range dirs {
		if files, err := s.disk.ReadDir("/blobs/" + d.Name()); err == nil {
			n += len(files)
		}
	}
	return n
}

func TestBucketsAndObjects(t *testing.T) {
	s := startBuckets(t)
	s.fails(404, "NoSuchBucket", "GET", "/logs", "")
	s.fails(404, "NoSuchBucket", "PUT", "/logs/k", "x")
	s.fails(400, "InvalidBucketName", "PUT", "/Logs", "")
	s.ok("PUT", "/logs", "")
	s.ok("PUT", "/logs", "") // us-east-1 says so
	s.ok("PUT", "/west", "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>")
	s.fails(409, "BucketAlreadyOwnedByYou", "PUT", "/west", "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>")
	if a := s.ok("GET", "/west?location", ""); !strings.Contains(a.body, ">eu-west-1<") {
		t.Errorf("the location is %s", a.body)
	}
	if a := s.ok("GET", "/", ""); !strings.Contains(a.body, "<Name>logs</Name>") || !strings.Contains(a.body, "<Name>west</Name>") {
		t.Errorf("the buckets are %s", a.body)
	}

	put := s.ok("PUT", "/logs/a%20key/%C3%A9+%2B", "hello", "Content-Type: text/plain", "X-Amz-Meta-Origin: here", "Cache-Control: no-cache", "X-Amz-Tagging: a=b&c=d%20e")
	if put.header.Get("Etag") != `"5d41402abc4b2a76b9719d911017c592"` {
		t.Errorf("put %v", put.header)
	}
	got := s.ok("GET", "/logs/a%20key/%C3%A9+%2B", "")
	if got.body != "hello" || got.header.Get("Content-Type") != "text/plain" || got.header.Get("X-Amz-Meta-Origin") != "here" || got.header.Get("Cache-Control") != "no-cache" ||
		got.header.Get("X-Amz-Tagging-Count") != "2" || got.header.Get("Content-Length") != "5" {
		t.Errorf("got %q, %v", got.body, got.header)
	}
	if a := s.ok("GET", "/logs?list-type=2&encoding-type=url", ""); !strings.Contains(a.body, "<Key>a%20key/%C3%A9%2B%2B</Key>") {
		t.Errorf("the list is %s", a.body)
	}
	s.fails(409, "BucketNotEmpty", "DELETE", "/logs", "")
	s.ok("PUT", "/logs/a%20key/%C3%A9+%2B", "other")
	if n := s.files(); n != 1 {
		t.Errorf("%d blobs are left after an object was replaced", n)
	}
	s.ok("DELETE", "/logs/a%20key/%C3%A9+%2B", "")
	s.ok("DELETE", "/logs/never", "")
	s.fails(404, "NoSuchKey", "GET", "/logs/a%20key/%C3%A9+%2B", "")
	if a := s.do("HEAD", "/logs/x", ""); a.status != 404 || a.body != "" {
		t.Errorf("HEAD of what is not there: %+v", a)
	}
	s.ok("DELETE", "/logs", "")
	s.fails(404, "NoSuchBucket", "GET", "/logs", "")
	if n := s.files(); n != 0 {
		t.Errorf("%d blobs are left of nothing", n)
	}
}

func TestVirtualHostsOfBuckets(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/", "", "Host: first.localhost:4566")
	s.ok("PUT", "/a/b", "one", "Host: first.s3.localhost")
	s.ok("PUT", "/", "", "Host: dots.in.name.s3.us-east-1.localhost")
	for host, path := range map[string]string{
		"first.localhost": "/a/b", "localhost:4566": "/first/a/b", "s3.localhost": "/first/a/b", "s3.us-east-1.localhost": "/first/a/b", "127.0.0.1": "/first/a/b",
		"first.s3.us-east-1.amazonaws.com": "/a/b", "s3.dualstack.us-east-1.amazonaws.com": "/first/a/b", "[::1]:80": "/first/a/b",
	} {
		if a := s.do("GET", path, "", "Host: "+host); a.body != "one" {
			t.Errorf("%s%s: %d %s", host, path, a.status, a.body)
		}
	}
	if a := s.ok("GET", "/", ""); !strings.Contains(a.body, "<Name>dots.in.name</Name>") {
		t.Errorf("the buckets are %s", a.body)
	}
}

func TestRangesAndConditionsOfObjects(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/b00", "")
	text := "0123456789abcdefghij" + strings.Repeat("x", 100)
	etag := s.ok("PUT", "/b00/k", text).header.Get("Etag")
	for _, c := range []struct{ given, want, is string }{
		{"bytes=0-3", "0123", "bytes 0-3/120"}, {"bytes=15-20", "fghijx", "bytes 15-20/120"}, {"bytes=118-", "xx", "bytes 118-119/120"},
		{"bytes=-2", "xx", "bytes 118-119/120"}, {"bytes=118-500", "xx", "bytes 118-119/120"}, {"bytes=3-1", text, ""}, {"bytes=1-2,4-5", text, ""}, {"lines=1-2", text, ""},
		{"bytes=-500", text, "bytes 0-119/120"},
	} {
		a := s.ok("GET", "/b00/k", "", "Range: "+c.given)
		if a.body != c.want || a.header.Get("Content-Range") != c.is || (a.status == 206) != (c.is != "") {
			t.Errorf("%s: %d %q %q", c.given, a.status, a.body, a.header.Get("Content-Range"))
		}
	}
	s.fails(416, "InvalidRange", "GET", "/b00/k", "", "Range: bytes=120-")
	for _, c := range []struct {
		header string
		want   int
	}{
		{"If-Match: " + etag, 200}, {`If-Match: "x"`, 412}, {"If-None-Match: " + etag, 304}, {`If-None-Match: "x"`, 200}, {"If-None-Match: *", 304},
		{"If-Modified-Since: " + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 304},
		{"If-Unmodified-Since: " + time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 412},
	} {
		if a := s.do("GET", "/b00/k", "", c.header); a.status != c.want {
			t.Errorf("%s: %d, want %d", c.header, a.status, c.want)
		}
	}
	s.fails(412, "PreconditionFailed", "PUT", "/b00/k", "new", "If-None-Match: *")
	s.fails(412, "PreconditionFailed", "PUT", "/b00/k", "new", `If-Match: "x"`)
	s.fails(404, "NoSuchKey", "PUT", "/b00/other", "new", `If-Match: "x"`)
	s.ok("PUT", "/b00/k", "new", "If-Match: "+etag)
	s.ok("PUT", "/b00/other", "new", "If-None-Match: *")
}

// page is what a list says.
type page struct {
	Keys     []string `xml:"Contents>Key"`
	Prefixes []string `xml:"CommonPrefixes>Prefix"`
	Next     string   `xml:"NextContinuationToken"`
	Count    int      `xml:"KeyCount"`
	More     bool     `xml:"IsTruncated"`
}

func TestListsOfObjects(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/b00", "")
	for i := range 60 {
		s.ok("PUT", fmt.Sprintf("/b00/dir%d/%03d", i%3, i), "")
	}
	for _, k := range []string{"a", "dir", "dir0", "dir9/x/y", "z"} {
		s.ok("PUT", "/b00/"+k, "")
	}
	all := func(query string) (keys, prefixes []string, pages int) {
		for token := ""; ; {
			var p page
			a := s.ok("GET", "/b00?list-type=2&"+query+"&continuation-token="+url.QueryEscape(token), "")
			if err := xml.Unmarshal([]byte(a.body), &p); err != nil {
				t.Fatal(err)
			}
			pages++
			keys, prefixes = append(keys, p.Keys...), append(prefixes, p.Prefixes...)
			if p.Count != len(p.Keys)+len(p.Prefixes) || p.More != (p.Next != "") {
				t.Errorf("%s: %+v", query, p)
			}
			if token = p.Next; token == "" {
				return keys, prefixes, pages
			}
		}
	}
	if keys, _, pages := all("max-keys=10"); len(keys) != 65 || pages != 7 {
		t.Errorf("%d keys in %d pages", len(keys), pages)
	}
	for _, most := range []int{1, 2, 3, 7, 1000} {
		keys, prefixes, _ := all("delimiter=/&max-keys=" + strconv.Itoa(most))
		if got := strings.Join(keys, " ") + "; " + strings.Join(prefixes, " "); got != "a dir dir0 z; dir0/ dir1/ dir2/ dir9/" {
			t.Errorf("by %d: %s", most, got)
		}
	}
	if keys, prefixes, _ := all("delimiter=/&prefix=dir9/"); len(keys) != 0 || len(prefixes) != 1 || prefixes[0] != "dir9/x/" {
		t.Errorf("below dir9/: %v %v", keys, prefixes)
	}
	if keys, _, _ := all("prefix=dir1/&start-after=dir1/049"); len(keys) != 3 {
		t.Errorf("after dir1/049: %v", keys)
	}
	a := s.ok("GET", "/b00?marker=dir2/&delimiter=/&max-keys=1", "")
	if !strings.Contains(a.body, "<Prefix>dir9/</Prefix>") || !strings.Contains(a.body, "<NextMarker>dir9/</NextMarker>") {
		t.Errorf("ListObjects: %s", a.body)
	}
	a = s.ok("POST", "/b00?delete", "<Delete><Quiet>true</Quiet>"+strings.Repeat("<Object><Key>none</Key></Object>", 900)+"<Object><Key>a</Key></Object><Object><Key>z</Key></Object></Delete>")
	if strings.Contains(a.body, "<Deleted>") || strings.Contains(a.body, "<Error>") {
		t.Errorf("DeleteObjects: %s", a.body)
	}
	if keys, _, _ := all(""); len(keys) != 63 {
		t.Errorf("%d keys are left", len(keys))
	}
}

func TestUploadsInParts(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/b00", "")
	part := strings.Repeat("0123456789abcdef", 5<<20/16)
	whole := part + part + "end"
	nvme := crc64.MakeTable(0x9a6c9329ac4bc9b5)
	sum64 := func(text string) string {
		return base64.StdEncoding.EncodeToString(binary8(crc64.Checksum([]byte(text), nvme)))
	}
	sum32 := func(text string) string {
		return base64.StdEncoding.EncodeToString(binary8(uint64(crc32.ChecksumIEEE([]byte(text))))[4:])
	}
	if sum64("123456789") != base64.StdEncoding.EncodeToString(binary8(0xae8b14860a799888)) {
		t.Fatal("CRC-64/NVME is not what its specification says")
	}
	for _, c := range []struct {
		algorithm, kind, want string
		sum                   func(string) string
	}{
		{"CRC64NVME", "", sum64(whole), sum64}, {"CRC32", "FULL_OBJECT", sum32(whole), sum32}, {"CRC32", "", "", sum32}, {"", "", "", nil},
	} {
		headers := []string{"Content-Type: text/x"}
		if c.algorithm != "" {
			headers = append(headers, "X-Amz-Checksum-Algorithm: "+c.algorithm)
		}
		if c.kind != "" {
			headers = append(headers, "X-Amz-Checksum-Type: "+c.kind)
		}
		var begun struct{ UploadId string }
		if err := xml.Unmarshal([]byte(s.ok("POST", "/b00/k?uploads", "", headers...).body), &begun); err != nil {
			t.Fatal(err)
		}
		doc := "<CompleteMultipartUpload>"
		for i, text := range []string{part, part, "end"} {
			var more []string
			if c.sum != nil {
				more = []string{"X-Amz-Checksum-" + c.algorithm + ": " + c.sum(text)}
				s.fails(400, "BadDigest", "PUT", fmt.Sprintf("/b00/k?partNumber=%d&uploadId=%s", i+1, begun.UploadId), text, "X-Amz-Checksum-"+c.algorithm+": "+c.sum("x"))
			}
			s.ok("PUT", fmt.Sprintf("/b00/k?partNumber=%d&uploadId=%s", i+1, begun.UploadId), "to be replaced")
			a := s.ok("PUT", fmt.Sprintf("/b00/k?partNumber=%d&uploadId=%s", i+1, begun.UploadId), text, more...)
			doc += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, a.header.Get("Etag"))
		}
		s.ok("PUT", "/b00/k?partNumber=7&uploadId="+begun.UploadId, "not used")
		if a := s.ok("GET", "/b00/k?uploadId="+begun.UploadId, ""); strings.Count(a.body, "<PartNumber>") != 4 {
			t.Errorf("the parts are %s", a.body)
		}
		if a := s.ok("GET", "/b00?uploads", ""); !strings.Contains(a.body, begun.UploadId) {
			t.Errorf("the uploads are %s", a.body)
		}
		s.fails(400, "InvalidPart", "POST", "/b00/k?uploadId="+begun.UploadId, "<CompleteMultipartUpload><Part><PartNumber>9</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>")
		done := s.ok("POST", "/b00/k?uploadId="+begun.UploadId, doc+"</CompleteMultipartUpload>")
		if c.want != "" && !strings.Contains(done.body, "<Checksum"+c.algorithm+">"+c.want+"<") {
			t.Errorf("%s %s: %s; want %s", c.algorithm, c.kind, done.body, c.want)
		}
		s.fails(404, "NoSuchUpload", "POST", "/b00/k?uploadId="+begun.UploadId, doc+"</CompleteMultipartUpload>")
		if got := s.ok("GET", "/b00/k", ""); got.body != whole || got.header.Get("Content-Type") != "text/x" || !strings.HasSuffix(got.header.Get("Etag"), `-3"`) {
			t.Fatalf("%d bytes of %d, %v", len(got.body), len(whole), got.header)
		}
		if got := s.ok("GET", "/b00/k", "", fmt.Sprintf("Range: bytes=%d-%d", 5<<20-3, 10<<20+1)); got.body != whole[5<<20-3:10<<20+2] {
			t.Error("a range over three parts is not what was put")
		}
		if got := s.ok("GET", "/b00/k?partNumber=3", ""); got.body != "end" || got.header.Get("X-Amz-Mp-Parts-Count") != "3" {
			t.Errorf("part 3: %q %v", got.body, got.header)
		}
		if n := s.files(); n != 3 {
			t.Errorf("%d blobs are left for three parts", n)
		}
	}
	s.ok("PUT", "/b00/copy", "", "X-Amz-Copy-Source: /b00/k")
	if got := s.ok("GET", "/b00/copy", ""); got.body != whole {
		t.Error("the copy is not what was copied")
	}
	s.ok("DELETE", "/b00/k", "")
	s.ok("DELETE", "/b00/copy", "")
	if n := s.files(); n != 0 {
		t.Errorf("%d blobs are left of nothing", n)
	}
}

func binary8(n uint64) []byte {
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (56 - 8*i))
	}
	return b[:]
}
