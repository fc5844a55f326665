package api

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/s3"
)

// keptHeaders are the headers of a put that come back with the object.
var keptHeaders = []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"}

const metaPrefix = "X-Amz-Meta-"

// number reads a parameter that is a number from 0 to most.
func number(text string, absent, most int64) (int64, error) {
	if text == "" {
		if absent == 0 {
			return 0, &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "A number is missing."}
		}
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: fmt.Sprintf("Argument must be an integer between 0 and %d", most)}
	}
	return n, nil
}

// attributes reads what the headers say of an object.
func (c *s3Call) attributes() (a s3.Attributes, err error) {
	a.Headers, a.Meta = map[string]string{}, map[string]string{}
	for _, name := range keptHeaders {
		v := strings.Join(c.r.Header.Values(name), ",")
		if name == "Content-Encoding" {
			v = withoutChunked(v)
		}
		if v != "" {
			a.Headers[strings.ToLower(name)] = v
		}
	}
	if a.Headers["content-type"] == "" {
		a.Headers["content-type"] = "binary/octet-stream"
	}
	for name, values := range c.r.Header {
		if rest, ok := strings.CutPrefix(name, metaPrefix); ok {
			a.Meta[strings.ToLower(rest)] = strings.Join(values, ",")
		}
	}
	a.Tags, err = headerTags(c.r.Header.Get("X-Amz-Tagging"))
	return a, err
}

// withoutChunked takes aws-chunked, which is of the request and not of the
// object, out of a Content-Encoding.
func withoutChunked(v string) string {
	var kept []string
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" && part != "aws-chunked" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ",")
}

func (c *s3Call) writeConditions() s3.Conditions {
	return s3.Conditions{IfMatch: c.r.Header.Get("If-Match"), IfNoneMatch: c.r.Header.Get("If-None-Match")}
}

// aws:s3 PutObject
func (c *s3Call) putObject() error {
	body, err := c.content()
	if err != nil {
		return err
	}
	in := s3.PutInput{Bucket: c.bucket, Key: c.key, Body: body, Conditions: c.writeConditions()}
	if in.Attributes, err = c.attributes(); err != nil {
		return err
	}
	if in.Expected, err = c.expected(body); err != nil {
		return err
	}
	o, err := c.h.cfg.S3.PutObject(c.r.Context(), in)
	if err != nil {
		return err
	}
	c.w.Header().Set("Etag", `"`+o.ETag+`"`)
	c.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	c.showChecksum(o.Checksum)
	return nil
}

func checksumType(s s3.Checksum) string {
	if s.Composite {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

func (c *s3Call) showChecksum(s s3.Checksum) {
	if s.Algorithm != "" {
		c.w.Header().Set("X-Amz-Checksum-"+s.Algorithm, s.Value)
		c.w.Header().Set("X-Amz-Checksum-Type", checksumType(s))
	}
}

// getObject serves HEAD too. aws:s3 GetObject, HeadObject
func (c *s3Call) getObject() error {
	ctx := c.r.Context()
	o, err := c.h.cfg.S3.Object(ctx, c.bucket, c.key)
	if err != nil {
		return err
	}
	c.describe(o)
	if unchanged, err := c.readConditions(o); err != nil || unchanged {
		if unchanged {
			c.begin(http.StatusNotModified)
		}
		return err
	}
	offset, length, part, err := c.rangeOf(o)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	status := http.StatusOK
	if part {
		status = http.StatusPartialContent
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, o.Size))
	} else if strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		c.showChecksum(o.Checksum)
	}
	if c.r.Method == http.MethodHead {
		c.begin(status)
		return nil
	}
	in, err := c.h.cfg.S3.Open(ctx, o, offset, length)
	if err != nil {
		return err
	}
	defer in.Close()
	c.begin(status)
	return c.send(in)
}

// send sends content. When it ends early, so does the connection, since the
// answer's length was told.
func (c *s3Call) send(in io.Reader) error {
	begin, n := time.Now(), int64(0)
	rc := http.NewResponseController(c.w)
	buf := make([]byte, 64<<10)
	for {
		got, err := in.Read(buf)
		_ = rc.SetWriteDeadline(deadline(begin, n)) // without one, the server's own stays
		if _, werr := c.w.Write(buf[:got]); werr != nil {
			return nil // the peer is gone, or too slow
		}
		n += int64(got)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// describe sets the headers that tell of an object.
func (c *s3Call) describe(o s3.Object) {
	h := c.w.Header()
	h.Set("Etag", `"`+o.ETag+`"`)
	h.Set("Last-Modified", httpTime(o.Modified))
	h.Set("Accept-Ranges", "bytes")
	h.Set("X-Amz-Server-Side-Encryption", "AES256")
	for name, value := range o.Headers {
		h.Set(name, value)
	}
	for name, value := range o.Meta {
		h[strings.ToLower(metaPrefix)+name] = []string{value} // clients show names as they come
	}
	if len(o.Tags) > 0 {
		h.Set("X-Amz-Tagging-Count", strconv.Itoa(len(o.Tags)))
	}
	for _, name := range keptHeaders {
		if v := c.query.Get("response-" + strings.ToLower(name)); v != "" && !strings.ContainsAny(v, "\r\n") {
			h.Set(name, v)
		}
	}
}

// readConditions judges the conditions of RFC 9110, in its order.
func (c *s3Call) readConditions(o s3.Object) (unchanged bool, err error) {
	h := c.r.Header
	failed := &model.Error{Code: "PreconditionFailed", HTTP: http.StatusPreconditionFailed, Message: "At least one of the pre-conditions you specified did not hold"}
	modified := o.Modified.Truncate(time.Second)
	since := func(name string) (time.Time, bool) {
		t, err := http.ParseTime(h.Get(name))
		return t, err == nil
	}
	if list := h.Get("If-Match"); list != "" {
		if !names(list, o.ETag) {
			return false, failed
		}
	} else if t, ok := since("If-Unmodified-Since"); ok && modified.After(t) {
		return false, failed
	}
	if list := h.Get("If-None-Match"); list != "" {
		return names(list, o.ETag), nil
	}
	t, ok := since("If-Modified-Since")
	return ok && !modified.After(t), nil
}

// names says whether a list of entity tags has one.
func names(list, etag string) bool {
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.Trim(strings.TrimPrefix(part, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// rangeOf is the part of an object that is asked for. More than one range is the
// whole, as S3 answers.
func (c *s3Call) rangeOf(o s3.Object) (offset, length int64, part bool, err error) {
	if text := c.query.Get("partNumber"); text != "" {
		n, err := number(text, 0, s3.MaxParts)
		if err != nil {
			return 0, 0, false, err
		}
		offset, length, ok, err := c.h.cfg.S3.PartRange(c.r.Context(), o, int(n))
		if err == nil && !ok {
			err = &model.Error{Code: "InvalidPartNumber", HTTP: http.StatusRequestedRangeNotSatisfiable, Message: "The requested partnumber is not satisfiable"}
		}
		if o.Parts > 0 {
			c.w.Header().Set("X-Amz-Mp-Parts-Count", strconv.Itoa(o.Parts))
		}
		return offset, length, o.Parts > 0, err
	}
	text, ok := strings.CutPrefix(c.r.Header.Get("Range"), "bytes=")
	if !ok {
		return 0, o.Size, false, nil
	}
	return parseRange(text, o.Size)
}

// parseRange reads one range of RFC 9110; what is not one is no range.
func parseRange(text string, size int64) (offset, length int64, part bool, err error) {
	first, last, ok := strings.Cut(strings.TrimSpace(text), "-")
	from, err1 := strconv.ParseUint(first, 10, 63)
	to, err2 := strconv.ParseUint(last, 10, 63)
	whole := func() (int64, int64, bool, error) { return 0, size, false, nil }
	switch {
	case !ok || first == "" && err2 != nil || first != "" && err1 != nil || last != "" && err2 != nil:
		return whole()
	case first == "":
		n := min(int64(to), size)
		if n == 0 {
			return 0, 0, false, invalidRange()
		}
		return size - n, n, true, nil
	case last != "" && from > to:
		return whole()
	case int64(from) >= size:
		return 0, 0, false, invalidRange()
	case last == "" || int64(to) >= size:
		return int64(from), size - int64(from), true, nil
	}
	return int64(from), int64(to-from) + 1, true, nil
}

func invalidRange() error {
	return &model.Error{Code: "InvalidRange", HTTP: http.StatusRequestedRangeNotSatisfiable, Message: "The requested range is not satisfiable"}
}

// aws:s3 DeleteObject
func (c *s3Call) deleteObject() error {
	ctx := c.r.Context()
	if want := c.r.Header.Get("If-Match"); want != "" {
		o, err := c.h.cfg.S3.Object(ctx, c.bucket, c.key)
		if err != nil {
			return err
		}
		if !names(want, o.ETag) {
			return &model.Error{Code: "PreconditionFailed", HTTP: http.StatusPreconditionFailed, Message: "At least one of the pre-conditions you specified did not hold"}
		}
	}
	return c.h.cfg.S3.DeleteObjects(ctx, c.bucket, c.key)
}

// deleteObjects asks for each key what DeleteObject asks.
// aws:s3 DeleteObjects
func (c *s3Call) deleteObjects() error {
	var in struct {
		Quiet   bool
		Objects []struct {
			Key       string
			VersionID string `xml:"VersionId"`
		} `xml:"Object"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	if len(in.Objects) == 0 || len(in.Objects) > s3.MaxKeys {
		return malformedXML()
	}
	type deletedXML struct{ Key string }
	type errorXML struct{ Key, Code, Message string }
	var out struct {
		XMLName xml.Name `xml:"DeleteResult"`
		NS      string   `xml:"xmlns,attr"`
		Deleted []deletedXML
		Errors  []errorXML `xml:"Error"`
	}
	out.NS = s3Namespace
	var keys []string
	for _, o := range in.Objects {
		err := c.ask(c.r.Context(), "s3:DeleteObject", c.bucketARN(c.bucket)+"/"+o.Key)
		if err == nil && o.VersionID != "" && o.VersionID != "null" {
			err = &model.Error{Code: "NoSuchVersion", HTTP: http.StatusNotFound, Message: "The specified version does not exist."}
		}
		known := (*model.Error)(nil)
		switch {
		case errors.As(err, &known):
			out.Errors = append(out.Errors, errorXML{o.Key, s3Code(known), known.Message})
		case err != nil:
			return err
		default:
			keys = append(keys, o.Key)
			if !in.Quiet {
				out.Deleted = append(out.Deleted, deletedXML{o.Key})
			}
		}
	}
	if err := c.h.cfg.S3.DeleteObjects(c.r.Context(), c.bucket, keys...); err != nil {
		return err
	}
	return c.answer(out)
}

// source is the object that a copy is made of, after the caller was asked for
// the right to read it.
func (c *s3Call) source() (bucket string, o s3.Object, err error) {
	text := strings.TrimPrefix(c.r.Header.Get("X-Amz-Copy-Source"), "/")
	text, version, _ := strings.Cut(text, "?versionId=")
	text, unescapeErr := url.PathUnescape(text)
	bucket, key, ok := strings.Cut(text, "/")
	if unescapeErr != nil || !ok || key == "" || version != "" && version != "null" {
		return "", o, &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "Invalid copy source object key"}
	}
	ctx := c.r.Context()
	if err := c.ask(ctx, "s3:GetObject", c.bucketARN(bucket)+"/"+key); err != nil {
		return "", o, err
	}
	if o, err = c.h.cfg.S3.Object(ctx, bucket, key); err != nil {
		return "", o, err
	}
	h := c.r.Header
	modified := o.Modified.Truncate(time.Second)
	match, none := h.Get("X-Amz-Copy-Source-If-Match"), h.Get("X-Amz-Copy-Source-If-None-Match")
	failed := match != "" && !names(match, o.ETag) || none != "" && names(none, o.ETag)
	if t, err := http.ParseTime(h.Get("X-Amz-Copy-Source-If-Unmodified-Since")); err == nil && match == "" {
		failed = failed || modified.After(t)
	}
	if t, err := http.ParseTime(h.Get("X-Amz-Copy-Source-If-Modified-Since")); err == nil && none == "" {
		failed = failed || !modified.After(t)
	}
	if failed {
		err = &model.Error{Code: "PreconditionFailed", HTTP: http.StatusPreconditionFailed, Message: "At least one of the pre-conditions you specified did not hold"}
	}
	return bucket, o, err
}

type copyXML struct {
	XMLName      xml.Name
	NS           string `xml:"xmlns,attr"`
	LastModified string
	ETag         string
	Checksums    []checksumXML
	ChecksumType string `xml:",omitempty"`
}

// checksumXML is an element that is named after the algorithm.
type checksumXML struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

func checksumElements(s s3.Checksum) []checksumXML {
	if s.Algorithm == "" {
		return nil
	}
	return []checksumXML{{xml.Name{Local: "Checksum" + s.Algorithm}, s.Value}}
}

// copyObject copies the content, since nothing is shared between objects.
// aws:s3 CopyObject
func (c *s3Call) copyObject() error {
	bucket, from, err := c.source()
	if err != nil {
		return err
	}
	in := s3.PutInput{Bucket: c.bucket, Key: c.key, Conditions: c.writeConditions(), Attributes: from.Attributes}
	given, err := c.attributes()
	if err != nil {
		return err
	}
	switch replace := strings.EqualFold(c.r.Header.Get("X-Amz-Metadata-Directive"), "REPLACE"); {
	case replace:
		in.Attributes.Headers, in.Attributes.Meta = given.Headers, given.Meta
	case bucket == c.bucket && from.Key == c.key:
		return &model.Error{Code: "InvalidRequest", HTTP: http.StatusBadRequest, Message: "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."}
	}
	if strings.EqualFold(c.r.Header.Get("X-Amz-Tagging-Directive"), "REPLACE") {
		in.Attributes.Tags = given.Tags
	}
	if from.Size > s3.MaxPut {
		return &model.Error{Code: "InvalidRequest", HTTP: http.StatusBadRequest, Message: "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"}
	}
	in.Expected.Algorithm = strings.ToUpper(c.r.Header.Get("X-Amz-Checksum-Algorithm"))
	if in.Expected.Algorithm == "" {
		in.Expected.Algorithm = from.Checksum.Algorithm
	}
	if err := knownAlgorithm(in.Expected.Algorithm); err != nil {
		return err
	}
	body, err := c.h.cfg.S3.Open(c.r.Context(), from, 0, from.Size)
	if err != nil {
		return err
	}
	defer body.Close()
	in.Body = body
	c.patient()
	o, err := c.h.cfg.S3.PutObject(c.r.Context(), in)
	if err != nil {
		return err
	}
	c.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	out := copyXML{
		XMLName: xml.Name{Local: "CopyObjectResult"}, NS: s3Namespace, LastModified: o.Modified.Format(s3Time), ETag: `"` + o.ETag + `"`, Checksums: checksumElements(o.Checksum),
	}
	if len(out.Checksums) > 0 {
		out.ChecksumType = checksumType(o.Checksum)
	}
	return c.answer(out)
}

// patient gives a copy of what may be 5 GiB the time that it takes.
func (c *s3Call) patient() {
	rc := http.NewResponseController(c.w)
	until := time.Now().Add(s3CopyTime)
	_, _ = rc.SetReadDeadline(until), rc.SetWriteDeadline(until) // without deadlines, the server's own stay
}

const s3CopyTime = 10 * time.Minute

func knownAlgorithm(name string) error {
	if name == "" {
		return nil
	}
	for _, known := range s3.Algorithms {
		if name == known {
			return nil
		}
	}
	return &model.Error{Code: "InvalidRequest", HTTP: http.StatusBadRequest, Message: "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"}
}

// aws:s3 GetObjectTagging
func (c *s3Call) getObjectTagging() error {
	o, err := c.h.cfg.S3.Object(c.r.Context(), c.bucket, c.key)
	if err != nil {
		return err
	}
	return c.answerTags(o.Tags)
}

// aws:s3 PutObjectTagging
func (c *s3Call) putObjectTagging() error {
	tags, err := c.tagging()
	if err != nil {
		return err
	}
	return c.h.cfg.S3.SetObjectTags(c.r.Context(), c.bucket, c.key, tags)
}

// aws:s3 DeleteObjectTagging
func (c *s3Call) deleteObjectTagging() error {
	return c.h.cfg.S3.SetObjectTags(c.r.Context(), c.bucket, c.key, nil)
}

// aws:s3 GetObjectAttributes
func (c *s3Call) getAttributes() error {
	o, err := c.h.cfg.S3.Object(c.r.Context(), c.bucket, c.key)
	if err != nil {
		return err
	}
	type checksums struct {
		Values       []checksumXML
		ChecksumType string
	}
	type parts struct{ PartsCount int }
	var out struct {
		XMLName      xml.Name `xml:"GetObjectAttributesResponse"`
		NS           string   `xml:"xmlns,attr"`
		ETag         string   `xml:",omitempty"`
		Checksum     *checksums
		ObjectParts  *parts
		StorageClass string `xml:",omitempty"`
		ObjectSize   *int64
	}
	out.NS = s3Namespace
	for name := range strings.SplitSeq(strings.Join(c.r.Header.Values("X-Amz-Object-Attributes"), ","), ",") {
		switch strings.TrimSpace(name) {
		case "ETag":
			out.ETag = o.ETag
		case "Checksum":
			if o.Checksum.Algorithm != "" {
				out.Checksum = &checksums{checksumElements(o.Checksum), checksumType(o.Checksum)}
			}
		case "ObjectParts":
			if o.Parts > 0 {
				out.ObjectParts = &parts{o.Parts}
			}
		case "StorageClass":
			out.StorageClass = "STANDARD"
		case "ObjectSize":
			out.ObjectSize = &o.Size
		default:
			return &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "Invalid attribute name specified."}
		}
	}
	c.w.Header().Set("Last-Modified", httpTime(o.Modified))
	return c.answer(out)
}
