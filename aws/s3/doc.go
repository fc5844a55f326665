// Package s3 keeps buckets and objects: what MSK delivers logs to and takes
// plugins from, and what stacks around it are made of.
//
// aws/api calls it, after it has judged who may, and server for deliveries by
// the service itself. It owns an index of its own (a store beside the control
// plane's, which a million objects would slow down) and the blobs under it. An
// object is there when the index says so: its blob is synced before, so that a
// crash leaves the old object or the new one. What no document names any more is
// removed by Sweep. Contents never stand in memory as a whole.
//
// access.go but for its calls, decide.go, list.go and checksum.go are pure; the service files know the index,
// the blobs, the clock and randomness. Buckets are known by name alone, over all
// accounts; each has an owner and a region. There is one version of an object, it
// is its bucket's owner's, and there is no caller without a signature.
//
// Keys of the index: docs/formats/s3.md.
package s3

import (
	"fmt"
	"net/http"
	"time"

	"github.com/millrace/millrace/aws/model"
)

// Bucket is a bucket.
type Bucket struct {
	Name    string            `json:"name"`
	ID      string            `json:"id"` // of this bucket alone, not of its name
	Account string            `json:"account"`
	Region  string            `json:"region"`
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitempty"`
	Policy  string            `json:"policy,omitempty"`

	Ownership Ownership     `json:"ownership,omitempty"`    // empty: BucketOwnerEnforced
	Grants    []Grant       `json:"grants,omitempty"`       // of the ACL; none: all to the owner
	Access    *PublicAccess `json:"publicAccess,omitempty"` // nil: a new bucket's, all blocked
}

// Attributes is what a client says of an object when it puts it.
type Attributes struct {
	Headers map[string]string `json:"headers,omitempty"` // content-type, cache-control ... in lower case
	Meta    map[string]string `json:"meta,omitempty"`    // x-amz-meta-*, without that
	Tags    map[string]string `json:"tags,omitempty"`
}

// Object is an object without its content.
type Object struct {
	Attributes
	Key      string    `json:"-"`
	Size     int64     `json:"size"` // bytes
	ETag     string    `json:"etag"` // without quotes
	Modified time.Time `json:"modified"`
	Checksum Checksum  `json:"checksum,omitzero"`
	Blob     string    `json:"blob,omitempty"`     // the content, if it was put as one
	Segments string    `json:"segments,omitempty"` // id of the list of its blobs, if in parts
	Parts    int       `json:"parts,omitempty"`
}

// Checksum is a checksum of an object or a part beside its MD5.
type Checksum struct {
	Algorithm string `json:"algorithm,omitempty"` // CRC32, CRC32C, CRC64NVME, SHA1, SHA256; empty: none
	Value     string `json:"value,omitempty"`     // base64, with -N behind a composite one
	Composite bool   `json:"composite,omitempty"` // of the parts' checksums, not of the whole
}

// segment is one blob of an object in parts.
type segment struct {
	Blob string `json:"b"`
	Size int64  `json:"n"`
}

// Upload is a multipart upload under way.
type Upload struct {
	Attributes
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	Created   time.Time `json:"created"`
	Algorithm string    `json:"algorithm,omitempty"` // of checksums
	Whole     bool      `json:"whole,omitempty"`     // the checksum will be of the whole object
}

// Part is one part of an upload.
type Part struct {
	Number   int       `json:"-"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
	Checksum Checksum  `json:"checksum,omitzero"`
	Blob     string    `json:"blob"`
}

// garbage is blobs that nothing names any more, and documents about them.
type garbage struct {
	Segments string `json:"segments,omitempty"` // the blobs of this list
	Upload   string `json:"upload,omitempty"`   // the parts of this upload
	But      string `json:"but,omitempty"`      // that this list does not have
}

func bucketKey(name string) string          { return "bucket/" + name }
func objectPrefix(bucketID string) string   { return "object/" + bucketID + "/" }
func blobKey(id string) string              { return "blob/" + id }
func segmentsKey(id string) string          { return "segments/" + id }
func garbageKey(id string) string           { return "garbage/" + id }
func uploadPrefix(bucketID string) string   { return "upload/" + bucketID + "/" }
func partPrefix(uploadID string) string     { return "part/" + uploadID + "/" }
func partKey(uploadID string, n int) string { return fmt.Sprintf("%s%05d", partPrefix(uploadID), n) }

// "Error responses" of the S3 API reference.

func fault(code string, status int, format string, args ...any) *model.Error {
	return &model.Error{Code: code, HTTP: status, Message: fmt.Sprintf(format, args...)}
}

func noSuchBucket() error {
	return fault("NoSuchBucket", http.StatusNotFound, "The specified bucket does not exist")
}

// NoSuchKey is the error of an object that does not exist.
func NoSuchKey() error {
	return fault("NoSuchKey", http.StatusNotFound, "The specified key does not exist.")
}

func noSuchUpload() error {
	return fault("NoSuchUpload", http.StatusNotFound, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
}

func invalidArgument(format string, args ...any) error {
	return fault("InvalidArgument", http.StatusBadRequest, format, args...)
}

func preconditionFailed() error {
	return fault("PreconditionFailed", http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}
