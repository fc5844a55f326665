package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
)

// level is what a request's path names.
type level int

const (
	ofService level = iota
	ofBucket
	ofObject
)

// s3Operation is one operation: how it is found, what it asks, and what serves it.
type s3Operation struct {
	name   string
	method string
	level  level
	sub    string // the query parameter that makes it; empty: none of them
	header string // that must be there: x-amz-copy-source
	action string // of the service authorization reference, without s3:
	hides  bool   // an object that is missing is shown only to who may list
	status int    // of an answer without a body
	serve  func(c *s3Call) error
}

// s3Operations is what is served. The rows of a method and level are tried in
// order. "Actions, resources, and condition keys for Amazon S3" of the service
// authorization reference, and the operations' pages of the S3 API reference.
func s3Operations() []s3Operation {
	const get, put, post, del, head = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodHead
	out := []s3Operation{
		{name: "ListBuckets", method: get, level: ofService, action: "ListAllMyBuckets", serve: (*s3Call).listBuckets},

		{name: "GetBucketLocation", method: get, level: ofBucket, sub: "location", action: "GetBucketLocation", serve: (*s3Call).getBucketLocation},
		{name: "GetBucketTagging", method: get, level: ofBucket, sub: "tagging", action: "GetBucketTagging", serve: (*s3Call).getBucketTagging},
		{name: "PutBucketTagging", method: put, level: ofBucket, sub: "tagging", action: "PutBucketTagging", status: 204, serve: (*s3Call).putBucketTagging},
		{name: "DeleteBucketTagging", method: del, level: ofBucket, sub: "tagging", action: "PutBucketTagging", status: 204, serve: (*s3Call).deleteBucketTagging},
		{name: "GetBucketPolicy", method: get, level: ofBucket, sub: "policy", action: "GetBucketPolicy", serve: (*s3Call).getBucketPolicy},
		{name: "PutBucketPolicy", method: put, level: ofBucket, sub: "policy", action: "PutBucketPolicy", status: 204, serve: (*s3Call).putBucketPolicy},
		{name: "DeleteBucketPolicy", method: del, level: ofBucket, sub: "policy", action: "DeleteBucketPolicy", status: 204, serve: (*s3Call).deleteBucketPolicy},
		{name: "DeleteObjects", method: post, level: ofBucket, sub: "delete", action: "", serve: (*s3Call).deleteObjects},
		{name: "ListMultipartUploads", method: get, level: ofBucket, sub: "uploads", action: "ListBucketMultipartUploads", serve: (*s3Call).listUploads},
		{name: "ListObjectVersions", method: get, level: ofBucket, sub: "versions", action: "ListBucketVersions", serve: (*s3Call).listVersions},
		{name: "CreateBucket", method: put, level: ofBucket, action: "CreateBucket", status: 200, serve: (*s3Call).createBucket},
		{name: "DeleteBucket", method: del, level: ofBucket, action: "DeleteBucket", status: 204, serve: (*s3Call).deleteBucket},
		{name: "HeadBucket", method: head, level: ofBucket, action: "ListBucket", status: 200, serve: (*s3Call).headBucket},
		{name: "ListObjectsV2", method: get, level: ofBucket, sub: "list-type", action: "ListBucket", serve: (*s3Call).listObjectsV2},
		{name: "ListObjects", method: get, level: ofBucket, action: "ListBucket", serve: (*s3Call).listObjects},

		{name: "GetObjectTagging", method: get, level: ofObject, sub: "tagging", action: "GetObjectTagging", hides: true, serve: (*s3Call).getObjectTagging},
		{name: "PutObjectTagging", method: put, level: ofObject, sub: "tagging", action: "PutObjectTagging", hides: true, status: 200, serve: (*s3Call).putObjectTagging},
		{name: "DeleteObjectTagging", method: del, level: ofObject, sub: "tagging", action: "DeleteObjectTagging", hides: true, status: 204, serve: (*s3Call).deleteObjectTagging},
		{name: "GetObjectAttributes", method: get, level: ofObject, sub: "attributes", action: "GetObjectAttributes", hides: true, serve: (*s3Call).getAttributes},
		{name: "CreateMultipartUpload", method: post, level: ofObject, sub: "uploads", action: "PutObject", serve: (*s3Call).createUpload},
		{name: "CompleteMultipartUpload", method: post, level: ofObject, sub: "uploadId", action: "PutObject", serve: (*s3Call).completeUpload},
		{name: "ListParts", method: get, level: ofObject, sub: "uploadId", action: "ListMultipartUploadParts", serve: (*s3Call).listParts},
		{name: "AbortMultipartUpload", method: del, level: ofObject, sub: "uploadId", action: "AbortMultipartUpload", status: 204, serve: (*s3Call).abortUpload},
		{name: "UploadPartCopy", method: put, level: ofObject, sub: "uploadId", header: "X-Amz-Copy-Source", action: "PutObject", serve: (*s3Call).copyPart},
		{name: "UploadPart", method: put, level: ofObject, sub: "uploadId", action: "PutObject", status: 200, serve: (*s3Call).putPart},
		{name: "CopyObject", method: put, level: ofObject, header: "X-Amz-Copy-Source", action: "PutObject", serve: (*s3Call).copyObject},
		{name: "PutObject", method: put, level: ofObject, action: "PutObject", status: 200, serve: (*s3Call).putObject},
		{name: "HeadObject", method: head, level: ofObject, action: "GetObject", hides: true, serve: (*s3Call).getObject},
		{name: "GetObject", method: get, level: ofObject, action: "GetObject", hides: true, serve: (*s3Call).getObject},
		{name: "DeleteObject", method: del, level: ofObject, action: "DeleteObject", status: 204, serve: (*s3Call).deleteObject},
	}
	return slices.Concat(settingOperations(), accessOperations(), out)
}

// subresources are the query parameters that make another operation of a
// request. "Amazon S3 API operations" of the S3 API reference.
var subresources = []string{
	"accelerate", "acl", "analytics", "append", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "list-type",
	"location", "logging", "metadataConfiguration", "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
	"publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention", "select", "session", "tagging", "torrent", "uploadId", "uploads",
	"versioning", "versions", "website",
}

// find is the operation that a request is for.
func (c *s3Call) find() (*s3Operation, error) {
	at := ofService
	switch {
	case c.key != "":
		at = ofObject
	case c.bucket != "":
		at = ofBucket
	}
	sub := ""
	for _, name := range subresources {
		if c.query.Has(name) {
			sub = name
		}
	}
	for i := range c.h.s3 {
		o := &c.h.s3[i]
		if o.method == c.r.Method && o.level == at && o.sub == sub && (o.header == "" || c.r.Header.Get(o.header) != "") {
			return o, c.unserved()
		}
	}
	if sub != "" && at != ofService {
		return nil, notImplemented("millrace does not implement %s of the subresource %s of S3", c.r.Method, sub)
	}
	return nil, &model.Error{Code: "MethodNotAllowed", HTTP: http.StatusMethodNotAllowed, Message: "The specified method is not allowed against this resource."}
}

// unserved refuses what changes the meaning of a call and is not served.
func (c *s3Call) unserved() error {
	if v := c.query.Get("versionId"); v != "" && v != "null" {
		return &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "Invalid version id specified"} // no object has one
	}
	for name, values := range c.r.Header {
		lower, value := strings.ToLower(name), strings.Join(values, ",")
		switch {
		case lower == "x-amz-server-side-encryption" && value == "AES256", lower == "x-amz-storage-class" && value == "STANDARD", lower == "x-amz-bypass-governance-retention":
		case strings.HasPrefix(lower, "x-amz-server-side-encryption"), strings.HasPrefix(lower, "x-amz-copy-source-server-side-encryption"), lower == "x-amz-storage-class",
			strings.HasPrefix(lower, "x-amz-object-lock"), strings.HasPrefix(lower, "x-amz-grant-"), lower == "x-amz-website-redirect-location", lower == "x-amz-write-offset-bytes":
			return notImplemented("millrace does not implement the header %s: %.60s of S3", lower, value)
		case lower == "x-amz-bucket-object-lock-enabled" && !strings.EqualFold(value, "false"):
			return notImplemented("millrace does not implement object lock of S3")
		}
	}
	return nil
}

func (c *s3Call) bucketARN(bucket string) string {
	return "arn:" + c.caller.Partition() + ":s3:::" + bucket
}

// authorize asks for what the operation needs; DeleteObjects asks for each key.
func (c *s3Call) authorize(ctx context.Context) error {
	if c.op.action == "" {
		return nil
	}
	resource := "*"
	switch c.op.level {
	case ofBucket:
		resource = c.bucketARN(c.bucket)
	case ofObject:
		resource = c.bucketARN(c.bucket) + "/" + c.key
	}
	if err := c.ask(ctx, "s3:"+c.op.action, resource); err != nil {
		return err
	}
	for _, more := range []struct{ of, header, action string }{
		{"PutObject", "X-Amz-Tagging", "s3:PutObjectTagging"}, {"PutObject", "X-Amz-Acl", "s3:PutObjectAcl"},
		{"CreateBucket", "X-Amz-Acl", "s3:PutBucketAcl"}, {"CreateBucket", "X-Amz-Object-Ownership", "s3:PutBucketOwnershipControls"},
	} {
		given := c.r.Header.Get(more.header)
		if c.op.action != more.of || given == "" || more.of == "CreateBucket" && given == "private" {
			continue // a private ACL asks for nothing more: aws:s3 CreateBucket
		}
		if err := c.ask(ctx, more.action, resource); err != nil {
			return err
		}
	}
	return nil
}

// ask is one question to the authorizer.
func (c *s3Call) ask(ctx context.Context, action, resource string) error {
	return c.h.cfg.Authorizer.Authorize(ctx, &iam.Question{Caller: c.caller, Action: action, Resource: resource, Context: c.conditions(action)})
}

// conditions is the condition keys of a call.
func (c *s3Call) conditions(action string) policy.Map {
	out := policy.Map{"s3:signatureversion": {"AWS4-HMAC-SHA256"}, "s3:authtype": {"REST-HEADER"}}
	if c.signed.Presigned {
		out["s3:authtype"] = []string{"REST-QUERY-STRING"}
	}
	age := max(0, c.h.cfg.Now().Sub(c.signed.Time).Milliseconds())
	out["s3:signatureage"] = []string{strconv.FormatInt(age, 10)}
	for _, name := range []string{"x-amz-content-sha256", "x-amz-server-side-encryption", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-storage-class", "x-amz-acl", "x-amz-object-ownership", "if-none-match", "if-match"} {
		if v := c.r.Header.Get(name); v != "" {
			out["s3:"+name] = []string{v}
		}
	}
	if action == "s3:ListBucket" || action == "s3:ListBucketVersions" {
		for name, key := range map[string]string{"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"} {
			if c.query.Has(name) {
				out[key] = []string{c.query.Get(name)}
			}
		}
	}
	if tags, err := headerTags(c.r.Header.Get("X-Amz-Tagging")); err == nil && len(tags) > 0 {
		for key, value := range tags {
			out["s3:requestobjecttag/"+strings.ToLower(key)] = []string{value}
		}
		out["s3:requestobjecttagkeys"] = slices.Sorted(maps.Keys(tags))
	}
	return out
}
