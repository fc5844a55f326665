package api

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/millrace/millrace/aws/model"
)

// setting is a bucket's setting that cannot be set: what is answered for a bucket
// that does not have it.
type setting struct {
	sub, name string // the query parameter; the operation without its verb
	get       string // action
	put       string // action that deleting asks; empty: it cannot be deleted
	xml       string // the answer; empty: the error
	code      string
	message   string
}

// settings are the answers of a new bucket. The pages of the Get operations of
// the S3 API reference.
var settings = []setting{
	{sub: "accelerate", name: "BucketAccelerateConfiguration", get: "GetAccelerateConfiguration", xml: "AccelerateConfiguration"},
	{sub: "cors", name: "BucketCors", get: "GetBucketCORS", put: "PutBucketCORS", code: "NoSuchCORSConfiguration", message: "The CORS configuration does not exist"},
	{sub: "lifecycle", name: "BucketLifecycleConfiguration", get: "GetLifecycleConfiguration", put: "PutLifecycleConfiguration",
		code: "NoSuchLifecycleConfiguration", message: "The lifecycle configuration does not exist"},
	{sub: "logging", name: "BucketLogging", get: "GetBucketLogging", xml: "BucketLoggingStatus"},
	{sub: "notification", name: "BucketNotificationConfiguration", get: "GetBucketNotification", xml: "NotificationConfiguration"},
	{sub: "object-lock", name: "ObjectLockConfiguration", get: "GetBucketObjectLockConfiguration",
		code: "ObjectLockConfigurationNotFoundError", message: "Object Lock configuration does not exist for this bucket"},
	{sub: "replication", name: "BucketReplication", get: "GetReplicationConfiguration", put: "PutReplicationConfiguration",
		code: "ReplicationConfigurationNotFoundError", message: "The replication configuration was not found"},
	{sub: "requestPayment", name: "BucketRequestPayment", get: "GetBucketRequestPayment", xml: "RequestPaymentConfiguration><Payer>BucketOwner</Payer"},
	{sub: "versioning", name: "BucketVersioning", get: "GetBucketVersioning", xml: "VersioningConfiguration"},
	{sub: "website", name: "BucketWebsite", get: "GetBucketWebsite", put: "DeleteBucketWebsite",
		code: "NoSuchWebsiteConfiguration", message: "The specified bucket does not have a website configuration"},
	{sub: "encryption", name: "BucketEncryption", get: "GetEncryptionConfiguration", put: "PutEncryptionConfiguration",
		xml: "ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>" +
			"<BucketKeyEnabled>false</BucketKeyEnabled></Rule"},
}

// settingOperations are the rows of the settings, and of those of them that can
// be set to what they are.
func settingOperations() []s3Operation {
	var out []s3Operation
	for _, s := range settings {
		out = append(out, s3Operation{name: "Get" + s.name, method: http.MethodGet, level: ofBucket, sub: s.sub, action: s.get, serve: func(c *s3Call) error { return c.setting(s) }})
		if s.put != "" {
			name := strings.TrimSuffix("Delete"+s.name, "Configuration")
			out = append(out, s3Operation{name: name, method: http.MethodDelete, level: ofBucket, sub: s.sub, action: s.put, status: http.StatusNoContent, serve: (*s3Call).bucketIsThere})
		}
	}
	return append(out,
		s3Operation{name: "PutBucketEncryption", method: http.MethodPut, level: ofBucket, sub: "encryption", action: "PutEncryptionConfiguration", status: http.StatusOK,
			serve: (*s3Call).putEncryption},
	)
}

func (c *s3Call) bucketIsThere() error {
	_, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	return err
}

func (c *s3Call) setting(s setting) error {
	if err := c.bucketIsThere(); err != nil {
		return err
	}
	if s.xml == "" {
		return &model.Error{Code: s.code, HTTP: http.StatusNotFound, Message: s.message}
	}
	root, rest, _ := strings.Cut(s.xml, ">")
	if rest != "" {
		rest += ">"
	}
	return c.text("<" + root + ` xmlns="` + s3Namespace + `">` + rest + "</" + root + ">")
}

// putEncryption takes what every object has: encryption at rest by the server's
// own keys.
func (c *s3Call) putEncryption() error {
	var in struct {
		Rules []struct {
			Default struct {
				Algorithm string `xml:"SSEAlgorithm"`
			} `xml:"ApplyServerSideEncryptionByDefault"`
		} `xml:"Rule"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	if len(in.Rules) != 1 {
		return malformedXML()
	}
	if a := in.Rules[0].Default.Algorithm; a != "AES256" {
		return notImplemented("millrace does not implement the encryption %.40s of S3 buckets: only AES256", a)
	}
	return c.bucketIsThere()
}

// read decodes a body of XML.
func (c *s3Call) read(into any) error {
	data, err := c.document()
	if err != nil {
		return err
	}
	if xml.Unmarshal(data, into) != nil {
		return malformedXML()
	}
	return nil
}

func malformedXML() error {
	return &model.Error{Code: "MalformedXML", HTTP: http.StatusBadRequest, Message: "The XML you provided was not well-formed or did not validate against our published schema"}
}
