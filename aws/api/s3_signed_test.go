package api_test

import (
	"encoding/base64"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/sigv4"
)

// iamCall calls iam as the root.
func (s *bucketSystem) iamCall(out any, fields ...string) {
	s.t.Helper()
	sys := system{url: s.url, root: key{s.key.AccessKeyID, s.key.Secret}, iam: s.iam}
	sys.form(s.t, sys.admin(), "iam", out, fields...)
}

// user makes a user with a policy and answers its key.
func (s *bucketSystem) user(name, policy string) sigv4.Key {
	s.t.Helper()
	s.iamCall(&struct{}{}, "Action=CreateUser", "UserName="+name)
	s.iamCall(&struct{}{}, "Action=PutUserPolicy", "UserName="+name, "PolicyName=p", "PolicyDocument="+policy)
	var made keyAnswer
	s.iamCall(&made, "Action=CreateAccessKey", "UserName="+name)
	return sigv4.Key{AccessKeyID: made.Key.AccessKeyID, Secret: made.Key.Secret}
}

func TestPoliciesOfBuckets(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/logs", "")
	s.ok("PUT", "/logs/a/1", "one")
	s.ok("PUT", "/logs/b/1", "two")
	reader := s.user("reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/a/*"},
		{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/a/*"},{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::logs/a/*"}]}`)
	lister := s.user("lister", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::logs","Condition":{"StringLike":{"s3:prefix":"a/*"}}}}`)
	for _, c := range []struct {
		by                   sigv4.Key
		method, target, body string
		headers              []string
		want                 int
	}{
		{reader, "GET", "/logs/a/1", "", nil, 200}, {reader, "HEAD", "/logs/a/1", "", nil, 200}, {reader, "GET", "/logs/b/1", "", nil, 403},
		{reader, "GET", "/logs/a/none", "", nil, 403}, // what is not there is shown to who may list
		{reader, "GET", "/logs/a/../b/1", "", nil, 403},
		{reader, "GET", "/logs", "", nil, 403}, {reader, "GET", "/logs?list-type=2&prefix=a/", "", nil, 403}, {reader, "GET", "/", "", nil, 403},
		{reader, "PUT", "/logs/a/2", "x", nil, 200}, {reader, "PUT", "/logs/c", "x", nil, 403}, {reader, "POST", "/logs/c?uploads", "", nil, 403},
		{reader, "PUT", "/logs/a/3", "", []string{"X-Amz-Copy-Source: /logs/b/1"}, 403}, {reader, "PUT", "/logs/a/3", "", []string{"X-Amz-Copy-Source: /logs/a/1"}, 200},
		{reader, "PUT", "/logs/a/4", "x", []string{"X-Amz-Tagging: a=b"}, 403}, {reader, "GET", "/logs/a/1?tagging", "", nil, 403},
		{reader, "DELETE", "/logs/b/1", "", nil, 403}, {reader, "DELETE", "/logs", "", nil, 403}, {reader, "PUT", "/logs?policy", "{}", nil, 403}, {reader, "PUT", "/new", "", nil, 403},
		{lister, "GET", "/logs?list-type=2&prefix=a/", "", nil, 200}, {lister, "GET", "/logs?list-type=2&prefix=b/", "", nil, 403}, {lister, "GET", "/logs?list-type=2", "", nil, 403},
		{lister, "GET", "/logs?versions&prefix=a/", "", nil, 403}, {lister, "GET", "/logs/a/1", "", nil, 403},
	} {
		if a := s.as(c.by, c.method, c.target, c.body, c.headers...); a.status != c.want || c.want == 403 && c.method != "HEAD" && !strings.Contains(a.body, "<Code>AccessDenied</Code>") {
			t.Errorf("%s %s %v: %d %s; want %d", c.method, c.target, c.headers, a.status, a.body, c.want)
		}
	}
	a := s.as(reader, "POST", "/logs?delete", "<Delete><Object><Key>a/2</Key></Object><Object><Key>b/1</Key></Object></Delete>")
	if !strings.Contains(a.body, "<Deleted><Key>a/2</Key></Deleted>") || !strings.Contains(a.body, "<Error><Key>b/1</Key><Code>AccessDenied</Code>") {
		t.Errorf("DeleteObjects of what is allowed and what is not: %s", a.body)
	}
	s.ok("GET", "/logs/b/1", "")
}

func TestSignaturesOfObjects(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/b00", "")
	s.ok("PUT", "/b00/k", "old")
	send := func(change func(r *http.Request), body string) answer {
		r, err := http.NewRequest("PUT", s.url+"/b00/k", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		sigv4.Sign(r, []byte("new"), s.key, "s3", "us-east-1", time.Now())
		change(r)
		return s.send(r)
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		body   string
		status int
		code   string
	}{
		"other body":   {func(*http.Request) {}, "neu", 400, "XAmzContentSHA256Mismatch"},
		"other path":   {func(r *http.Request) { r.URL.Path = "/b00/other" }, "new", 403, "SignatureDoesNotMatch"},
		"other method": {func(r *http.Request) { r.Method = "POST" }, "new", 403, "SignatureDoesNotMatch"},
		"other query":  {func(r *http.Request) { r.URL.RawQuery = "tagging" }, "new", 403, "SignatureDoesNotMatch"},
		"more headers": {func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "b") }, "new", 400, "AuthorizationHeaderMalformed"},
		"no signature": {func(r *http.Request) { r.Header.Del("Authorization"); r.Host = "b00.s3.localhost" }, "new", 403, "AccessDenied"},
		"unknown key": {func(r *http.Request) {
			sigv4.Sign(r, []byte("new"), sigv4.Key{AccessKeyID: "AKIAXXXXXXXXXXXXXXXX", Secret: "x"}, "s3", "us-east-1", time.Now())
		}, "new", 403, "InvalidAccessKeyId"},
		"other secret": {func(r *http.Request) {
			sigv4.Sign(r, []byte("new"), sigv4.Key{AccessKeyID: s.key.AccessKeyID, Secret: "x"}, "s3", "us-east-1", time.Now())
		}, "new", 403, "SignatureDoesNotMatch"},
		"late": {func(r *http.Request) {
			sigv4.Sign(r, []byte("new"), s.key, "s3", "us-east-1", time.Now().Add(-16*time.Minute))
		}, "new", 403, "RequestTimeTooSkewed"},
		"other MD5":     {func(r *http.Request) { r.Header.Set("Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA==") }, "new", 400, "BadDigest"},
		"malformed MD5": {func(r *http.Request) { r.Header.Set("Content-Md5", "x") }, "new", 400, "InvalidDigest"},
	} {
		if a := send(c.change, c.body); a.status != c.status || !strings.Contains(a.body, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: %d %s; want %d %s", name, a.status, a.body, c.status, c.code)
		}
	}
	if a := s.ok("GET", "/b00/k", ""); a.body != "old" {
		t.Errorf("a refused write left %q", a.body)
	}
	if n := s.files(); n != 1 {
		t.Errorf("refused writes left %d blobs", n)
	}
}

func TestChunkedBodiesWithTrailers(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/b00", "")
	const text = "hello, world"
	var sum [4]byte
	for i := range sum {
		sum[i] = byte(crc32.ChecksumIEEE([]byte(text)) >> (24 - 8*i))
	}
	right := base64.StdEncoding.EncodeToString(sum[:])
	put := func(body, length string) answer {
		r, err := http.NewRequest("PUT", s.url+"/b00/k", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Encoding", "aws-chunked")
		r.Header.Set("X-Amz-Decoded-Content-Length", length)
		r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
		sigv4.SignS3(r, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", s.key, "us-east-1", time.Now())
		return s.send(r)
	}
	body := func(sum string) string {
		return "5\r\nhello\r\n7\r\n, world\r\n0\r\nx-amz-checksum-crc32:" + sum + "\r\n\r\n"
	}
	if a := put(body(right), "12"); a.status != 200 || a.header.Get("X-Amz-Checksum-Crc32") != right {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	for name, a := range map[string]answer{
		"checksum": put(body("AAAAAA=="), "12"), "length": put(body(right), "11"), "more": put(body(right), "13"), "no length": put(body(right), ""), "end": put("5\r\nhello\r\n", "12"),
	} {
		if a.status != 400 && a.status != 411 {
			t.Errorf("another %s: %d %s", name, a.status, a.body)
		}
	}
	a := s.ok("GET", "/b00/k", "", "X-Amz-Checksum-Mode: ENABLED")
	if a.body != text || a.header.Get("Content-Encoding") != "" || a.header.Get("X-Amz-Checksum-Crc32") != right {
		t.Errorf("got %q %v", a.body, a.header)
	}
}

func TestNoObjectInLogsOrInTheClear(t *testing.T) {
	s := startBuckets(t)
	const canary = "correct horse battery staple"
	s.ok("PUT", "/b00", "")
	s.ok("PUT", "/b00/k", canary, "X-Amz-Meta-A: b")
	s.do("PUT", "/b00/k", canary, "Content-Md5: AAAAAAAAAAAAAAAAAAAAAA==")
	s.do("PUT", "/none/k", canary)
	s.ok("GET", "/b00/k", "")
	if log := s.log.String(); strings.Contains(log, "horse") || strings.Contains(log, s.key.Secret) {
		t.Errorf("the log is %s", log)
	}
	dirs, err := s.disk.ReadDir("/blobs")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		files, _ := s.disk.ReadDir("/blobs/" + d.Name())
		for _, f := range files {
			in, err := s.disk.OpenFile("/blobs/"+d.Name()+"/"+f.Name(), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(io.NewSectionReader(in, 0, 1<<20))
			if err != nil || strings.Contains(string(data), "horse") {
				t.Errorf("a blob is %q, %v", data, err)
			}
		}
	}
}
