package s3

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/aws/policy"
)

// Limits. "Bucket quotas, limitations, and restrictions" and "Amazon S3
// multipart upload limits" of the S3 user guide, but for maxBuckets and
// maxUploads, which are Millrace's.
const (
	MaxPut     = 5 << 30 // bytes of an object that is put as one, and of a part
	MaxObject  = 5 << 40 // bytes
	MaxKeys    = 1000    // of one answer
	MaxParts   = 10000
	minPart    = 5 << 20 // bytes, but for the last part
	maxKey     = 1024    // bytes
	maxMeta    = 2 << 10 // bytes of names and values
	maxBuckets = 1000    // of one account
	maxUploads = 1000    // under way in one bucket
	maxPolicy  = 20 << 10
	maxTags    = 10 // of an object
	maxOfTags  = 50 // of a bucket
)

var bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// CheckBucketName refuses what cannot be the name of a bucket. "General purpose
// bucket naming rules" of the S3 user guide.
func CheckBucketName(name string) error {
	_, ipErr := netip.ParseAddr(name)
	bad := !bucketShape.MatchString(name) || strings.Contains(name, "..") || ipErr == nil
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		bad = bad || strings.HasPrefix(name, prefix)
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3"} {
		bad = bad || strings.HasSuffix(name, suffix)
	}
	if bad {
		return fault("InvalidBucketName", http.StatusBadRequest, "The specified bucket is not valid.")
	}
	return nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return fault("InvalidRequest", http.StatusBadRequest, "Missing object key")
	case len(key) > maxKey:
		return fault("KeyTooLongError", http.StatusBadRequest, "Your key is too long")
	case !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return invalidArgument("The object key is not valid UTF-8")
	}
	return nil
}

func (a *Attributes) check() error {
	n := 0
	for name, value := range a.Meta {
		n += len(name) + len(value)
	}
	if n > maxMeta {
		return fault("MetadataTooLarge", http.StatusBadRequest, "Your metadata headers exceed the maximum allowed metadata size")
	}
	return checkTags(a.Tags, maxTags)
}

var tagShape = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_./=+@:-]*$`)

func checkTags(tags map[string]string, most int) error {
	if len(tags) > most {
		return fault("BadRequest", http.StatusBadRequest, "Object tags cannot be greater than %d", most)
	}
	for key, value := range tags {
		if n := utf8.RuneCountInString(key); n == 0 || n > 128 || !tagShape.MatchString(key) {
			return fault("InvalidTag", http.StatusBadRequest, "The TagKey you have provided is invalid")
		}
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return fault("InvalidTag", http.StatusBadRequest, "System tags cannot be added/updated by requester")
		}
		if utf8.RuneCountInString(value) > 256 || !tagShape.MatchString(value) {
			return fault("InvalidTag", http.StatusBadRequest, "The TagValue you have provided is invalid")
		}
	}
	return nil
}

// parsePolicy parses a bucket's policy.
func parsePolicy(text string) (*policy.Document, error) {
	if len(text) > maxPolicy {
		return nil, fault("PolicyTooLarge", http.StatusBadRequest, "The policy exceeds the maximum allowed document size.")
	}
	d, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil {
		return nil, fault("MalformedPolicy", http.StatusBadRequest, "%s", err)
	}
	return d, nil
}

// decideRegion is the region of a new bucket: the constraint in the request, as
// the region that was signed for allows it. aws:s3 CreateBucket
func decideRegion(signed, constraint string) (string, error) {
	if constraint == "EU" {
		constraint = "eu-west-1"
	}
	switch {
	case signed == "us-east-1" && constraint == "":
		return signed, nil
	case constraint == "us-east-1" && signed == "us-east-1":
		return "", fault("InvalidLocationConstraint", http.StatusBadRequest, "The specified location-constraint is not valid")
	case signed == "us-east-1" || signed == constraint:
		return constraint, nil
	case constraint == "":
		constraint = "unspecified"
	}
	return "", fault("IllegalLocationConstraintException", http.StatusBadRequest,
		"The %s location constraint is incompatible for the region specific endpoint this request was sent to.", constraint)
}

// Conditions are those of a write. aws:s3 PutObject
type Conditions struct{ IfMatch, IfNoneMatch string }

// check judges them on the object that is there; nil for none.
func (c Conditions) check(have *Object) error {
	switch {
	case c.IfNoneMatch != "" && c.IfNoneMatch != "*":
		return fault("NotImplemented", http.StatusNotImplemented, "A header you provided implies functionality that is not implemented")
	case c.IfNoneMatch == "*" && have != nil:
		return preconditionFailed()
	case c.IfMatch != "" && have == nil:
		return NoSuchKey()
	case c.IfMatch != "" && c.IfMatch != "*" && strings.Trim(c.IfMatch, `"`) != have.ETag:
		return preconditionFailed()
	}
	return nil
}

// Named is a part as CompleteMultipartUpload names it.
type Named struct {
	Number   int
	ETag     string
	Checksum string // empty: not told
}

// decideComplete makes the object out of the parts that are there.
// aws:s3 CompleteMultipartUpload
func decideComplete(u *Upload, named []Named, parts map[int]Part) (Object, []segment, error) {
	if len(named) == 0 {
		return Object{}, nil, fault("MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema")
	}
	o := Object{Attributes: u.Attributes, Key: u.Key, Parts: len(named)}
	var list []segment
	sum := md5.New()
	chosen := make([]Part, 0, len(named))
	for i, n := range named {
		if i > 0 && named[i-1].Number >= n.Number {
			return o, nil, fault("InvalidPartOrder", http.StatusBadRequest, "The list of parts was not in ascending order. Parts must be ordered by part number.")
		}
		p, ok := parts[n.Number]
		if !ok || strings.Trim(n.ETag, `"`) != p.ETag || n.Checksum != "" && n.Checksum != p.Checksum.Value {
			return o, nil, fault("InvalidPart", http.StatusBadRequest, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		}
		if p.Size < minPart && i < len(named)-1 {
			return o, nil, fault("EntityTooSmall", http.StatusBadRequest, "Your proposed upload is smaller than the minimum allowed size")
		}
		raw, err := hex.DecodeString(p.ETag)
		if err != nil {
			return o, nil, fmt.Errorf("the stored part %d of %s has the ETag %q", p.Number, u.ID, p.ETag)
		}
		sum.Write(raw)
		o.Size += p.Size
		list = append(list, segment{p.Blob, p.Size})
		chosen = append(chosen, p)
	}
	if o.Size > MaxObject {
		return o, nil, tooLarge()
	}
	o.ETag = fmt.Sprintf("%x-%d", sum.Sum(nil), len(named))
	o.Checksum = join(u.Algorithm, u.Whole, chosen)
	return o, list, nil
}

func tooLarge() error {
	return fault("EntityTooLarge", http.StatusBadRequest, "Your proposed upload exceeds the maximum allowed object size.")
}
