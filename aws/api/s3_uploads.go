package api

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/s3"
)

// aws:s3 CreateMultipartUpload
func (c *s3Call) createUpload() error {
	u := s3.Upload{Key: c.key, Algorithm: strings.ToUpper(c.r.Header.Get("X-Amz-Checksum-Algorithm"))}
	var err error
	if u.Attributes, err = c.attributes(); err != nil {
		return err
	}
	if err := knownAlgorithm(u.Algorithm); err != nil {
		return err
	}
	kind := strings.ToUpper(c.r.Header.Get("X-Amz-Checksum-Type"))
	u.Whole = kind == "FULL_OBJECT" || kind == "" && u.Algorithm == "CRC64NVME"
	sha := strings.HasPrefix(u.Algorithm, "SHA")
	if u.Whole && sha || !u.Whole && u.Algorithm == "CRC64NVME" || kind != "" && u.Algorithm == "" {
		return &model.Error{Code: "InvalidRequest", HTTP: http.StatusBadRequest, Message: "The " + kind + " checksum type cannot be used with the " + u.Algorithm + " checksum algorithm."}
	}
	if u, err = c.h.cfg.S3.Begin(c.r.Context(), c.bucket, u); err != nil {
		return err
	}
	if u.Algorithm != "" {
		c.w.Header().Set("X-Amz-Checksum-Algorithm", u.Algorithm)
		c.w.Header().Set("X-Amz-Checksum-Type", checksumType(s3.Checksum{Composite: !u.Whole}))
	}
	c.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	return c.answer(struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		NS       string   `xml:"xmlns,attr"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{NS: s3Namespace, Bucket: c.bucket, Key: c.key, UploadID: u.ID})
}

func (c *s3Call) partNumber() (int, error) {
	n, err := number(c.query.Get("partNumber"), 0, s3.MaxParts)
	return int(n), err
}

// aws:s3 UploadPart
func (c *s3Call) putPart() error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	body, err := c.content()
	if err != nil {
		return err
	}
	expected, err := c.expected(body)
	if err != nil {
		return err
	}
	p, err := c.h.cfg.S3.PutPart(c.r.Context(), c.bucket, c.key, c.query.Get("uploadId"), number, body, expected)
	if err != nil {
		return err
	}
	c.w.Header().Set("Etag", `"`+p.ETag+`"`)
	c.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	if p.Checksum.Algorithm != "" {
		c.w.Header().Set("X-Amz-Checksum-"+p.Checksum.Algorithm, p.Checksum.Value)
	}
	return nil
}

// aws:s3 UploadPartCopy
func (c *s3Call) copyPart() error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	_, from, err := c.source()
	if err != nil {
		return err
	}
	offset, length := int64(0), from.Size
	if text := c.r.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		var part bool
		if offset, length, part, err = parseRange(strings.TrimPrefix(text, "bytes="), from.Size); err != nil || !part {
			return &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"}
		}
	}
	body, err := c.h.cfg.S3.Open(c.r.Context(), from, offset, length)
	if err != nil {
		return err
	}
	defer body.Close()
	c.patient()
	p, err := c.h.cfg.S3.PutPart(c.r.Context(), c.bucket, c.key, c.query.Get("uploadId"), number, body, s3.Expected{})
	if err != nil {
		return err
	}
	return c.answer(copyXML{
		XMLName: xml.Name{Local: "CopyPartResult"}, NS: s3Namespace, LastModified: p.Modified.Format(s3Time), ETag: `"` + p.ETag + `"`, Checksums: checksumElements(p.Checksum),
	})
}

// namedPartXML is a part as CompleteMultipartUpload names it.
type namedPartXML struct {
	PartNumber        int
	ETag              string
	ChecksumCRC32     string
	ChecksumCRC32C    string
	ChecksumCRC64NVME string
	ChecksumSHA1      string
	ChecksumSHA256    string
}

// aws:s3 CompleteMultipartUpload
func (c *s3Call) completeUpload() error {
	var in struct {
		Parts []namedPartXML `xml:"Part"`
	}
	data, err := c.documentUnchecked() // its checksum headers are of the object
	if err != nil {
		return err
	}
	if xml.Unmarshal(data, &in) != nil || len(in.Parts) > s3.MaxParts {
		return malformedXML()
	}
	var named []s3.Named
	for _, p := range in.Parts {
		sum := p.ChecksumCRC32 + p.ChecksumCRC32C + p.ChecksumCRC64NVME + p.ChecksumSHA1 + p.ChecksumSHA256 // one of them
		named = append(named, s3.Named{Number: p.PartNumber, ETag: p.ETag, Checksum: sum})
	}
	want := ""
	for _, algorithm := range s3.Algorithms {
		want += c.r.Header.Get("X-Amz-Checksum-" + algorithm)
	}
	o, err := c.h.cfg.S3.Complete(c.r.Context(), c.bucket, c.key, c.query.Get("uploadId"), named, want, c.writeConditions())
	if err != nil {
		return err
	}
	out := struct {
		XMLName      xml.Name `xml:"CompleteMultipartUploadResult"`
		NS           string   `xml:"xmlns,attr"`
		Location     string
		Bucket       string
		Key          string
		ETag         string
		Checksums    []checksumXML
		ChecksumType string `xml:",omitempty"`
	}{NS: s3Namespace, Location: "http://" + c.r.Host + "/" + c.bucket + "/" + c.key, Bucket: c.bucket, Key: c.key, ETag: `"` + o.ETag + `"`, Checksums: checksumElements(o.Checksum)}
	if o.Checksum.Algorithm != "" {
		out.ChecksumType = checksumType(o.Checksum)
	}
	c.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	return c.answer(out)
}

// aws:s3 AbortMultipartUpload
func (c *s3Call) abortUpload() error {
	return c.h.cfg.S3.Abort(c.r.Context(), c.bucket, c.key, c.query.Get("uploadId"))
}

// aws:s3 ListParts
func (c *s3Call) listParts() error {
	type partXML struct {
		PartNumber   int
		LastModified string
		ETag         string
		Size         int64
		Checksums    []checksumXML
	}
	var out struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		NS                   string   `xml:"xmlns,attr"`
		Bucket               string
		Key                  string
		UploadID             string `xml:"UploadId"`
		StorageClass         string
		PartNumberMarker     int64
		NextPartNumberMarker int `xml:",omitempty"`
		MaxParts             int
		IsTruncated          bool
		ChecksumAlgorithm    string    `xml:",omitempty"`
		Parts                []partXML `xml:"Part"`
	}
	id := c.query.Get("uploadId")
	most, err := number(c.query.Get("max-parts"), s3.MaxKeys, 1<<31-1)
	if err != nil {
		return err
	}
	if marker := c.query.Get("part-number-marker"); marker != "" {
		if out.PartNumberMarker, err = number(marker, 0, 1<<31-1); err != nil {
			return err
		}
	}
	u, err := c.h.cfg.S3.Upload(c.r.Context(), c.bucket, c.key, id)
	if err != nil {
		return err
	}
	parts, err := c.h.cfg.S3.Parts(c.r.Context(), c.bucket, c.key, id)
	if err != nil {
		return err
	}
	out.NS, out.Bucket, out.Key, out.UploadID, out.StorageClass = s3Namespace, c.bucket, c.key, id, "STANDARD"
	out.MaxParts, out.ChecksumAlgorithm = int(min(most, s3.MaxKeys)), u.Algorithm
	for _, p := range parts {
		if int64(p.Number) <= out.PartNumberMarker {
			continue
		}
		if len(out.Parts) == out.MaxParts {
			out.IsTruncated = true
			break
		}
		out.NextPartNumberMarker = p.Number
		out.Parts = append(out.Parts, partXML{p.Number, p.Modified.Format(s3Time), `"` + p.ETag + `"`, p.Size, checksumElements(p.Checksum)})
	}
	return c.answer(out)
}

// aws:s3 ListMultipartUploads
func (c *s3Call) listUploads() error {
	type uploadXML struct {
		Key               string
		UploadID          string `xml:"UploadId"`
		StorageClass      string
		Initiated         string
		ChecksumAlgorithm string `xml:",omitempty"`
	}
	var out struct {
		XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
		NS                 string   `xml:"xmlns,attr"`
		Bucket             string
		KeyMarker          string
		UploadIDMarker     string `xml:"UploadIdMarker"`
		NextKeyMarker      string `xml:",omitempty"`
		NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`
		Prefix             string `xml:",omitempty"`
		EncodingType       string `xml:",omitempty"`
		MaxUploads         int
		IsTruncated        bool
		Uploads            []uploadXML `xml:"Upload"`
	}
	most, err := number(c.query.Get("max-uploads"), s3.MaxKeys, 1<<31-1)
	if err != nil {
		return err
	}
	if c.query.Get("delimiter") != "" {
		return notImplemented("millrace does not implement the delimiter of ListMultipartUploads of S3")
	}
	list, err := c.h.cfg.S3.Uploads(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	encode := func(s string) string { return s }
	if out.EncodingType = c.query.Get("encoding-type"); out.EncodingType != "" {
		encode = encodeKey
	}
	key, id, prefix := c.query.Get("key-marker"), c.query.Get("upload-id-marker"), c.query.Get("prefix")
	out.NS, out.Bucket, out.KeyMarker, out.UploadIDMarker, out.Prefix, out.MaxUploads = s3Namespace, c.bucket, encode(key), id, encode(prefix), int(min(most, s3.MaxKeys))
	passed := id == ""
	for _, u := range list {
		before := u.Key < key || u.Key == key && (key != "" && id == "" || !passed)
		passed = passed || u.ID == id
		if before || !strings.HasPrefix(u.Key, prefix) {
			continue
		}
		if len(out.Uploads) == out.MaxUploads {
			out.IsTruncated = true
			break
		}
		out.NextKeyMarker, out.NextUploadIDMarker = encode(u.Key), u.ID
		out.Uploads = append(out.Uploads, uploadXML{encode(u.Key), u.ID, "STANDARD", u.Created.Format(s3Time), u.Algorithm})
	}
	return c.answer(out)
}
