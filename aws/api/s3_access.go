package api

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/s3"
)

// logDelivery is the group of S3 that ACLs can name.
const logDelivery = "http://acs.amazonaws.com/groups/s3/LogDelivery"

// accessOperations are the rows of who may reach a bucket and its objects, beside
// its policy.
func accessOperations() []s3Operation {
	const get, put, del = http.MethodGet, http.MethodPut, http.MethodDelete
	return []s3Operation{
		{name: "GetBucketAcl", method: get, level: ofBucket, sub: "acl", action: "GetBucketAcl", serve: (*s3Call).getBucketACL},
		{name: "PutBucketAcl", method: put, level: ofBucket, sub: "acl", action: "PutBucketAcl", status: 200, serve: (*s3Call).putBucketACL},
		{name: "GetBucketOwnershipControls", method: get, level: ofBucket, sub: "ownershipControls", action: "GetBucketOwnershipControls", serve: (*s3Call).getOwnership},
		{name: "PutBucketOwnershipControls", method: put, level: ofBucket, sub: "ownershipControls", action: "PutBucketOwnershipControls", status: 200, serve: (*s3Call).putOwnership},
		{name: "DeleteBucketOwnershipControls", method: del, level: ofBucket, sub: "ownershipControls", action: "PutBucketOwnershipControls", status: 204, serve: (*s3Call).deleteOwnership},
		{name: "GetPublicAccessBlock", method: get, level: ofBucket, sub: "publicAccessBlock", action: "GetBucketPublicAccessBlock", serve: (*s3Call).getPublicAccess},
		{name: "PutPublicAccessBlock", method: put, level: ofBucket, sub: "publicAccessBlock", action: "PutBucketPublicAccessBlock", status: 200, serve: (*s3Call).putPublicAccess},
		{name: "DeletePublicAccessBlock", method: del, level: ofBucket, sub: "publicAccessBlock", action: "PutBucketPublicAccessBlock", status: 204, serve: (*s3Call).deletePublicAccess},
		{name: "GetBucketPolicyStatus", method: get, level: ofBucket, sub: "policyStatus", action: "GetBucketPolicyStatus", serve: (*s3Call).getPolicyStatus},
		{name: "GetObjectAcl", method: get, level: ofObject, sub: "acl", action: "GetObjectAcl", hides: true, serve: (*s3Call).getObjectACL},
		{name: "PutObjectAcl", method: put, level: ofObject, sub: "acl", action: "PutObjectAcl", hides: true, status: 200, serve: (*s3Call).putObjectACL},
	}
}

// aclXML is the document of an ACL.
type aclXML struct {
	XMLName xml.Name   `xml:"AccessControlPolicy"`
	NS      string     `xml:"xmlns,attr,omitempty"`
	Owner   ownerXML   `xml:"Owner"`
	Grants  []grantXML `xml:"AccessControlList>Grant"`
}

type grantXML struct {
	Grantee struct {
		Instance string `xml:"xmlns:xsi,attr,omitempty"`
		Type     string `xml:"xsi:type,attr,omitempty"`
		ID       string `xml:",omitempty"`
		URI      string `xml:",omitempty"`
		Email    string `xml:"EmailAddress,omitempty"`
	}
	Permission string
}

// answerACL shows grants of an account's bucket.
func (c *s3Call) answerACL(account string, grants []s3.Grant) error {
	out := aclXML{NS: s3Namespace, Owner: ownerXML{ID: canonicalID(account)}}
	for _, g := range grants {
		x := grantXML{Permission: g.Permission}
		x.Grantee.Instance = "http://www.w3.org/2001/XMLSchema-instance"
		if g.To == s3.LogDelivery {
			x.Grantee.Type, x.Grantee.URI = "Group", logDelivery
		} else {
			x.Grantee.Type, x.Grantee.ID = "CanonicalUser", out.Owner.ID
		}
		out.Grants = append(out.Grants, x)
	}
	return c.answer(out)
}

// aws:s3 GetBucketAcl
func (c *s3Call) getBucketACL() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	return c.answerACL(b.Account, b.ACL())
}

// getObjectACL is the one ACL of objects: all to the owner.
// aws:s3 GetObjectAcl
func (c *s3Call) getObjectACL() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err == nil {
		_, err = c.h.cfg.S3.Object(c.r.Context(), c.bucket, c.key)
	}
	if err != nil {
		return err
	}
	return c.answerACL(b.Account, []s3.Grant{{To: s3.Owner, Permission: "FULL_CONTROL"}})
}

// grants reads the ACL of a call about a bucket: a canned one in its header, or
// the document. None is all to the owner.
func (c *s3Call) grants(b s3.Bucket) ([]s3.Grant, error) {
	if canned := c.r.Header.Get("X-Amz-Acl"); canned != "" {
		return cannedACL(canned, b)
	}
	var in aclXML
	if err := c.read(&in); err != nil {
		return nil, err
	}
	owner := canonicalID(b.Account)
	if in.Owner.ID != "" && in.Owner.ID != owner {
		return nil, accessDenied()
	}
	var out []s3.Grant
	for _, g := range in.Grants {
		switch {
		case g.Grantee.ID == owner:
			out = append(out, s3.Grant{To: s3.Owner, Permission: g.Permission})
		case g.Grantee.URI == logDelivery:
			out = append(out, s3.Grant{To: s3.LogDelivery, Permission: g.Permission})
		default:
			return nil, publicOrOther(g.Grantee.URI != "", b, "a grant to "+g.Grantee.ID+g.Grantee.URI+g.Grantee.Email)
		}
	}
	return out, nil
}

// Canned ACLs that give all to the owner, and those that let in everybody, or
// everybody with an account.
var (
	ownACLs    = []string{"private", "bucket-owner-read", "bucket-owner-full-control"}
	publicACLs = []string{"public-read", "public-read-write", "authenticated-read"}
)

// cannedACL is the grants of a canned ACL of a bucket. "Canned ACL" of the S3
// user guide; those for objects are ignored.
func cannedACL(name string, b s3.Bucket) ([]s3.Grant, error) {
	switch {
	case slices.Contains(ownACLs, name):
		return nil, nil
	case name == "log-delivery-write":
		return []s3.Grant{{To: s3.Owner, Permission: "FULL_CONTROL"}, {To: s3.LogDelivery, Permission: "WRITE"}, {To: s3.LogDelivery, Permission: "READ_ACP"}}, nil
	case name == "aws-exec-read", slices.Contains(publicACLs, name):
		return nil, publicOrOther(name != "aws-exec-read", b, "the ACL "+name)
	}
	return nil, &model.Error{Code: "InvalidArgument", HTTP: http.StatusBadRequest, Message: "The canned ACL is not valid"} // UNVERIFIED
}

// newBucketACL is cannedACL of a bucket that is to be made. aws:s3 CreateBucket
func newBucketACL(name string, o s3.Ownership) ([]s3.Grant, error) {
	switch public := slices.Contains(publicACLs, name); {
	case public && (o == "" || o == s3.BucketOwnerEnforced):
		return nil, &model.Error{Code: "InvalidBucketAclWithObjectOwnership", HTTP: http.StatusBadRequest, Message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"}
	case public:
		return nil, &model.Error{Code: "InvalidBucketAclWithBlockPublicAccessError", HTTP: http.StatusBadRequest, Message: "Bucket cannot have public ACLs set with BlockPublicAccess enabled"}
	}
	return cannedACL(name, s3.Bucket{Ownership: o})
}

// publicOrOther refuses an ACL that would let in somebody else: by the bucket's
// own settings, or because it would do nothing here.
func publicOrOther(public bool, b s3.Bucket, what string) error {
	switch {
	case !b.UsesACLs():
		return s3.NoACLs()
	case public && b.Blocked().BlockACLs:
		return accessDenied()
	}
	return notImplemented("millrace does not implement %.200s of S3: give rights with policies", what)
}

// aws:s3 PutBucketAcl
func (c *s3Call) putBucketACL() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	if !b.UsesACLs() {
		return s3.NoACLs()
	}
	grants, err := c.grants(b)
	if err != nil {
		return err
	}
	return c.h.cfg.S3.SetACL(c.r.Context(), c.bucket, grants)
}

// putObjectACL takes the ACL that every object has.
// aws:s3 PutObjectAcl
func (c *s3Call) putObjectACL() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err == nil {
		_, err = c.h.cfg.S3.Object(c.r.Context(), c.bucket, c.key)
	}
	if err != nil {
		return err
	}
	if !b.UsesACLs() {
		return s3.NoACLs()
	}
	grants, err := c.grants(b)
	if err == nil && (len(grants) > 1 || len(grants) == 1 && grants[0] != s3.Grant{To: s3.Owner, Permission: "FULL_CONTROL"}) {
		err = notImplemented("millrace does not implement ACLs of objects of S3: give rights with policies")
	}
	return err
}

// objectACL refuses the ACL in the headers of a write that the object would not
// have. "Troubleshooting" of object ownership in the S3 user guide: without ACLs
// only bucket-owner-full-control may be named.
func (c *s3Call) objectACL(ctx context.Context) error {
	canned := c.r.Header.Get("X-Amz-Acl")
	if canned == "" || canned == "bucket-owner-full-control" || c.op.action != "PutObject" {
		return nil
	}
	b, err := c.h.cfg.S3.Bucket(ctx, c.bucket)
	if err != nil {
		return err
	}
	if !b.UsesACLs() {
		return s3.NoACLs()
	}
	_, err = cannedACL(canned, b)
	return err
}

type ownershipXML struct {
	XMLName xml.Name                                 `xml:"OwnershipControls"`
	NS      string                                   `xml:"xmlns,attr,omitempty"`
	Rules   []struct{ ObjectOwnership s3.Ownership } `xml:"Rule"`
}

// aws:s3 GetBucketOwnershipControls
func (c *s3Call) getOwnership() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	o, err := b.Controls()
	if err != nil {
		return err
	}
	return c.answer(ownershipXML{NS: s3Namespace, Rules: []struct{ ObjectOwnership s3.Ownership }{{o}}})
}

// aws:s3 PutBucketOwnershipControls
func (c *s3Call) putOwnership() error {
	var in ownershipXML
	if err := c.read(&in); err != nil {
		return err
	}
	if len(in.Rules) != 1 {
		return malformedXML()
	}
	return c.h.cfg.S3.SetOwnership(c.r.Context(), c.bucket, in.Rules[0].ObjectOwnership)
}

// aws:s3 DeleteBucketOwnershipControls
func (c *s3Call) deleteOwnership() error {
	return c.h.cfg.S3.RemoveOwnership(c.r.Context(), c.bucket)
}

type publicAccessXML struct {
	XMLName     xml.Name `xml:"PublicAccessBlockConfiguration"`
	NS          string   `xml:"xmlns,attr,omitempty"`
	BlockACLs   bool     `xml:"BlockPublicAcls"`
	IgnoreACLs  bool     `xml:"IgnorePublicAcls"`
	BlockPolicy bool     `xml:"BlockPublicPolicy"`
	Restrict    bool     `xml:"RestrictPublicBuckets"`
}

// aws:s3 GetPublicAccessBlock
func (c *s3Call) getPublicAccess() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	a := b.Blocked()
	if a.Removed {
		return &model.Error{Code: "NoSuchPublicAccessBlockConfiguration", HTTP: http.StatusNotFound, Message: "The public access block configuration was not found"}
	}
	return c.answer(publicAccessXML{NS: s3Namespace, BlockACLs: a.BlockACLs, IgnoreACLs: a.IgnoreACLs, BlockPolicy: a.BlockPolicy, Restrict: a.RestrictOwner})
}

// aws:s3 PutPublicAccessBlock
func (c *s3Call) putPublicAccess() error {
	var in publicAccessXML
	if err := c.read(&in); err != nil {
		return err
	}
	return c.h.cfg.S3.SetPublicAccess(c.r.Context(), c.bucket, s3.PublicAccess{
		BlockACLs: in.BlockACLs, IgnoreACLs: in.IgnoreACLs, BlockPolicy: in.BlockPolicy, RestrictOwner: in.Restrict,
	})
}

// aws:s3 DeletePublicAccessBlock
func (c *s3Call) deletePublicAccess() error {
	return c.h.cfg.S3.SetPublicAccess(c.r.Context(), c.bucket, s3.PublicAccess{Removed: true})
}

// aws:s3 GetBucketPolicyStatus
func (c *s3Call) getPolicyStatus() error {
	b, err := c.h.cfg.S3.Bucket(c.r.Context(), c.bucket)
	if err != nil {
		return err
	}
	if b.Policy == "" {
		return noBucketPolicy()
	}
	return c.text(fmt.Sprintf(`<PolicyStatus xmlns="%s"><IsPublic>%t</IsPublic></PolicyStatus>`, s3Namespace, b.IsPublic()))
}

// publicPolicy is what AWS says of a policy that the bucket's settings block.
func (c *s3Call) publicPolicy(err error) error {
	if !errors.Is(err, s3.ErrPublic) {
		return err
	}
	return &model.Error{Code: "AccessDenied", HTTP: http.StatusForbidden, Message: fmt.Sprintf("User: %s is not authorized to perform: s3:PutBucketPolicy on resource: %q because %s.",
		c.caller.ARN, c.bucketARN(c.bucket), err)}
}
