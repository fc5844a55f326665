package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/s3"
)

const (
	s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	s3Time      = "2006-01-02T15:04:05.000Z"
)

// answer sends a document.
func (c *s3Call) answer(out any) error {
	data, err := xml.Marshal(out)
	if err != nil {
		return err
	}
	return c.text(string(data))
}

func (c *s3Call) text(document string) error {
	c.w.Header().Set("Content-Type", "application/xml")
	c.begin(http.StatusOK)
	_, _ = c.w.Write([]byte(xml.Header + document)) // the peer may be gone
	return nil
}

// canonicalID is the owner id that stands for an account.
func canonicalID(account string) string {
	sum := sha256.Sum256([]byte("canonical user " + account))
	return hex.EncodeToString(sum[:])
}

type ownerXML struct {
	ID          string
	DisplayName string `xml:",omitempty"`
}

// aws:s3 ListBuckets
func (c *s3Call) listBuckets() error {
	type bucketXML struct {
		Name, CreationDate string
		BucketRegion       string
	}
	var out struct {
		XMLName           xml.Name `xml:"ListAllMyBucketsResult"`
		NS                string   `xml:"xmlns,attr"`
		Owner             ownerXML
		Buckets           []bucketXML `xml:"Buckets>Bucket"`
		Prefix            string      `xml:",omitempty"`
		ContinuationToken string      `xml:",omitempty"`
	}
	most, err := number(c.query.Get("max-buckets"), 10000, 10000)
	if err != nil {
		return err
	}
	after, err := decodeToken(c.query.Get("continuation-token"))
	if err != nil {
		return err
	}
	list, err := c.h.cfg.S3.Buckets(c.r.Context(), c.caller.Account)
	if err != nil {
		return err
	}
	out.NS, out.Owner.ID, out.Prefix = s3Namespace, canonicalID(c.caller.Account), c.query.Get("prefix")
	for _, b := range list {
		region := c.query.Get("bucket-region")
		if b.Name <= after || !strings.HasPrefix(b.Name, out.Prefix) || region != "" && region != b.Region {
			continue
		}
		if int64(len(out.Buckets)) == most {
			out.ContinuationToken = encodeToken(out.Buckets[most-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, bucketXML{b.Name, b.Created.Format(s3Time), b.Region})
	}
	return c.answer(out)
}

func encodeToken(after string) string { return base64.URLEncoding.EncodeToString([]byte(after)) }

func decodeToken(token string) (string, error) {
	after, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return "", &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "The continuation token provided is incorrect"}
	}
	return string(after), nil
}

// aws:s3 CreateBucket
func (c *s3Call) createBucket() error {
	var in struct {
		LocationConstraint string
		Tags               []tagXML `xml:"Tags>Tag"`
	}
	data, err := c.document()
	if err != nil {
		return err
	}
	if len(data) > 0 && xml.Unmarshal(data, &in) != nil {
		return malformedXML()
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return err
	}
	n := s3.NewBucket{Name: c.bucket, Constraint: in.LocationConstraint, Tags: tags, Ownership: s3.Ownership(c.r.Header.Get("X-Amz-Object-Ownership"))}
	if canned := c.r.Header.Get("X-Amz-Acl"); canned != "" {
		n.Grants, err = newBucketACL(canned, n.Ownership)
	}
	if err != nil {
		return err
	}
	err = c.h.cfg.S3.CreateBucket(c.r.Context(), c.caller, n)
	c.w.Header().Set("Location", "/"+c.bucket)
	return err
}

// aws:s3 DeleteBucket
func (c *s3Call) deleteBucket() error {
	return c.h.cfg.S3.DeleteBucket(c.r.Context(), c.bucket)
}

// aws:s3 HeadBucket
func (c *s3Call) headBucket() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err == nil {
		c.w.Header().Set("X-Amz-Bucket-Region", b.Region)
		c.w.Header().Set("X-Amz-Access-Point-Alias", "false")
	}
	return err
}

// aws:s3 GetBucketLocation
func (c *s3Call) getBucketLocation() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	region := b.Region
	if region == "us-east-1" {
		region = ""
	}
	return c.text(`<LocationConstraint xmlns="` + s3Namespace + `">` + escaped(region) + "</LocationConstraint>")
}

type tagXML struct{ Key, Value string }

type taggingXML struct {
	XMLName xml.Name `xml:"Tagging"`
	NS      string   `xml:"xmlns,attr,omitempty"`
	Tags    []tagXML `xml:"TagSet>Tag"`
}

func tagMap(list []tagXML) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(list))
	for _, t := range list {
		if _, twice := out[t.Key]; twice {
			return nil, &model.Error{Code: "InvalidTag", HTTP: http.StatusBadRequest, Message: "Cannot provide multiple Tags with the same key"}
		}
		out[t.Key] = t.Value
	}
	return out, nil
}

// headerTags reads the x-amz-tagging header: an encoded query.
func headerTags(header string) (map[string]string, error) {
	values, err := url.ParseQuery(header)
	out := map[string]string{}
	for key, list := range values {
		if len(list) > 1 {
			err = errors.New("twice")
		}
		out[key] = list[0]
	}
	if err != nil {
		return nil, &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func (c *s3Call) tagging() (map[string]string, error) {
	var in taggingXML
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return tagMap(in.Tags)
}

func (c *s3Call) answerTags(tags map[string]string) error {
	out := taggingXML{NS: s3Namespace, Tags: []tagXML{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, tagXML{key, tags[key]})
	}
	if len(out.Tags) == 0 {
		return c.text(`<Tagging xmlns="` + s3Namespace + `"><TagSet></TagSet></Tagging>`)
	}
	return c.answer(out)
}

// aws:s3 GetBucketTagging
func (c *s3Call) getBucketTagging() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	if len(b.Tags) == 0 {
		return &model.Error{Code: "NoSuchTagSet", HTTP: http.StatusNotFound, Message: "The TagSet does not exist"}
	}
	return c.answerTags(b.Tags)
}

// aws:s3 PutBucketTagging
func (c *s3Call) putBucketTagging() error {
	tags, err := c.tagging()
	if err != nil {
		return err
	}
	return c.h.cfg.S3.SetBucketTags(c.r.Context(), c.bucket, tags)
}

// aws:s3 DeleteBucketTagging
func (c *s3Call) deleteBucketTagging() error {
	return c.h.cfg.S3.SetBucketTags(c.r.Context(), c.bucket, nil)
}

// aws:s3 GetBucketPolicy
func (c *s3Call) getBucketPolicy() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	if b.Policy == "" {
		return noBucketPolicy()
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.begin(http.StatusOK)
	_, _ = c.w.Write([]byte(b.Policy)) // the peer may be gone
	return nil
}

func noBucketPolicy() error {
	return &model.Error{Code: "NoSuchBucketPolicy", HTTP: http.StatusNotFound, Message: "The bucket policy does not exist"}
}

// aws:s3 PutBucketPolicy
func (c *s3Call) putBucketPolicy() error {
	data, err := c.document()
	if err != nil {
		return err
	}
	if !json.Valid(data) {
		return &model.Error{Code: "MalformedPolicy", HTTP: http.StatusBadRequest, Message: "Policies must be valid JSON and the first byte must be '{'"}
	}
	return c.publicPolicy(c.h.cfg.S3.SetBucketPolicy(c.r.Context(), c.bucket, string(data)))
}

// aws:s3 DeleteBucketPolicy
func (c *s3Call) deleteBucketPolicy() error {
	return c.h.cfg.S3.SetBucketPolicy(c.r.Context(), c.bucket, "")
}

// contentXML is an object in a list.
type contentXML struct {
	Key               string
	VersionID         string `xml:"VersionId,omitempty"`
	IsLatest          string `xml:",omitempty"`
	LastModified      string
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              int64
	StorageClass      string
	Owner             *ownerXML
}

type prefixXML struct{ Prefix string }

// listXML is the answers of ListObjects, ListObjectsV2 and ListObjectVersions.
type listXML struct {
	XMLName               xml.Name
	NS                    string `xml:"xmlns,attr"`
	Name                  string
	Prefix                string
	Marker                *string
	KeyMarker             *string
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	NextMarker            string `xml:",omitempty"`
	NextKeyMarker         string `xml:",omitempty"`
	NextVersionIDMarker   string `xml:"NextVersionIdMarker,omitempty"`
	KeyCount              *int
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []contentXML
	Versions              []contentXML `xml:"Version"`
	CommonPrefixes        []prefixXML
}

// list reads a page. The encoder is for what it and the caller show of keys.
func (c *s3Call) list(element, after string, owner bool) (out listXML, contents []contentXML, next string, encode func(string) string, err error) {
	encode = func(s string) string { return s }
	switch c.query.Get("encoding-type") {
	case "":
	case "url":
		encode = encodeKey
	default:
		return out, nil, "", encode, &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "Invalid Encoding Method specified in Request"}
	}
	most, err := number(c.query.Get("max-keys"), s3.MaxKeys, 1<<31-1)
	if err != nil {
		return out, nil, "", encode, err
	}
	q := s3.ListQuery{Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), After: after, Max: int(min(most, s3.MaxKeys))}
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return out, nil, "", encode, err
	}
	page, err := c.h.cfg.S3.List(c.r.Context(), c.bucket, q)
	if err != nil {
		return out, nil, "", encode, err
	}
	out = listXML{
		XMLName: xml.Name{Local: element}, NS: s3Namespace, Name: c.bucket, Prefix: encode(q.Prefix), Delimiter: encode(q.Delimiter),
		EncodingType: c.query.Get("encoding-type"), MaxKeys: q.Max, IsTruncated: page.Next != "",
	}
	for _, o := range page.Objects {
		x := contentXML{Key: encode(o.Key), LastModified: o.Modified.Format(s3Time), ETag: `"` + o.ETag + `"`, Size: o.Size, StorageClass: "STANDARD", ChecksumAlgorithm: o.Checksum.Algorithm}
		if x.ChecksumAlgorithm != "" {
			x.ChecksumType = checksumType(o.Checksum)
		}
		if owner {
			x.Owner = &ownerXML{ID: canonicalID(b.Account)}
		}
		contents = append(contents, x)
	}
	for _, p := range page.Prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, prefixXML{encode(p)})
	}
	return out, contents, page.Next, encode, nil
}

// encodeKey is a key of encoding-type=url: its slashes stay.
func encodeKey(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "%2F", "/"), "+", "%20")
}

// aws:s3 ListObjects
func (c *s3Call) listObjects() error {
	marker := c.query.Get("marker")
	out, contents, next, encode, err := c.list("ListBucketResult", marker, true)
	if err != nil {
		return err
	}
	out.Contents, out.Marker = contents, new(encode(marker))
	if out.Delimiter != "" {
		out.NextMarker = encode(next)
	}
	return c.answer(out)
}

// aws:s3 ListObjectsV2
func (c *s3Call) listObjectsV2() error {
	if c.query.Get("list-type") != "2" {
		return &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "Invalid List Type specified in Request"}
	}
	after, err := decodeToken(c.query.Get("continuation-token"))
	if err != nil {
		return err
	}
	start := c.query.Get("start-after")
	if after == "" {
		after = start
	}
	out, contents, next, encode, err := c.list("ListBucketResult", after, c.query.Get("fetch-owner") == "true")
	if err != nil {
		return err
	}
	out.Contents, out.ContinuationToken, out.StartAfter = contents, c.query.Get("continuation-token"), encode(start)
	out.KeyCount = new(len(out.Contents) + len(out.CommonPrefixes))
	if next != "" {
		out.NextContinuationToken = encodeToken(next)
	}
	return c.answer(out)
}

// listVersions lists the one version of each object, whose id is null as in a
// bucket that never had versions. aws:s3 ListObjectVersions
func (c *s3Call) listVersions() error {
	marker := c.query.Get("key-marker")
	out, contents, next, encode, err := c.list("ListVersionsResult", marker, true)
	if err != nil {
		return err
	}
	for i := range contents {
		contents[i].VersionID, contents[i].IsLatest = "null", "true"
	}
	out.Versions, out.KeyMarker = contents, new(encode(marker))
	if next != "" {
		out.NextKeyMarker, out.NextVersionIDMarker = encode(next), "null"
	}
	return c.answer(out)
}

func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
