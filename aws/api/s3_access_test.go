package api_test

import (
	"strings"
	"testing"
)

const (
	ownershipOf = "<OwnershipControls><Rule><ObjectOwnership>%</ObjectOwnership></Rule></OwnershipControls>"
	allBlocked  = "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>"
)

func owned(by string) string { return strings.ReplaceAll(ownershipOf, "%", by) }

// says sends a request whose answer must have the text in it.
func (s *bucketSystem) says(want, method, target string) {
	s.t.Helper()
	if a := s.ok(method, target, ""); !strings.Contains(a.body, want) {
		s.t.Errorf("%s %s: %s; want %s", method, target, a.body, want)
	}
}

func TestACLsOfBuckets(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/logs", "", "X-Amz-Acl: private")
	s.says("<ObjectOwnership>BucketOwnerEnforced<", "GET", "/logs?ownershipControls")
	for _, acl := range []string{"private", "bucket-owner-full-control", "log-delivery-write", "public-read"} {
		s.fails(400, "AccessControlListNotSupported", "PUT", "/logs?acl", "", "X-Amz-Acl: "+acl)
	}
	s.ok("PUT", "/logs/k", "x", "X-Amz-Acl: bucket-owner-full-control")
	s.fails(400, "AccessControlListNotSupported", "PUT", "/logs/k", "x", "X-Amz-Acl: private")
	s.fails(400, "AccessControlListNotSupported", "PUT", "/logs/k?acl", "", "X-Amz-Acl: private")

	s.ok("PUT", "/logs?ownershipControls", owned("BucketOwnerPreferred"))
	s.says("<ObjectOwnership>BucketOwnerPreferred<", "GET", "/logs?ownershipControls")
	s.ok("PUT", "/logs?acl", "", "X-Amz-Acl: private")
	s.says("<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>", "GET", "/logs?acl")
	s.ok("PUT", "/logs/k", "x", "X-Amz-Acl: private")
	s.ok("PUT", "/logs/k?acl", "", "X-Amz-Acl: private")
	s.fails(501, "NotImplemented", "PUT", "/logs/k", "x", "X-Amz-Acl: aws-exec-read")
	s.fails(403, "AccessDenied", "PUT", "/logs/k", "x", "X-Amz-Acl: public-read")
	s.fails(403, "AccessDenied", "PUT", "/logs?acl", "", "X-Amz-Acl: public-read")
	s.fails(400, "InvalidArgument", "PUT", "/logs?acl", "", "X-Amz-Acl: everybody")

	s.ok("PUT", "/logs?acl", "", "X-Amz-Acl: log-delivery-write")
	shown := s.ok("GET", "/logs?acl", "").body
	if strings.Count(shown, "<Grant>") != 3 || !strings.Contains(shown, "/groups/s3/LogDelivery</URI></Grantee><Permission>WRITE<") {
		t.Errorf("the ACL is %s", shown)
	}
	s.ok("PUT", "/logs?acl", shown)
	if again := s.ok("GET", "/logs?acl", "").body; again != shown {
		t.Errorf("what was shown, set again, is %s", again)
	}
	s.fails(400, "MalformedACLError", "PUT", "/logs?acl", strings.Replace(shown, ">READ_ACP<", ">READ_ALL<", 1))
	s.fails(403, "AccessDenied", "PUT", "/logs?acl", strings.Replace(shown, "s3/LogDelivery", "global/AllUsers", 1))
	s.fails(403, "AccessDenied", "PUT", "/logs?acl", strings.Replace(shown, "<Owner><ID>", "<Owner><ID>0", 1))
	s.fails(400, "InvalidBucketAclWithObjectOwnership", "PUT", "/logs?ownershipControls", owned("BucketOwnerEnforced"))
	s.ok("DELETE", "/logs?ownershipControls", "")
	s.fails(404, "OwnershipControlsNotFoundError", "GET", "/logs?ownershipControls", "")
	s.ok("PUT", "/logs?acl", "", "X-Amz-Acl: private")
	s.fails(400, "MalformedXML", "PUT", "/logs?ownershipControls", owned("Mine"))
	s.ok("PUT", "/logs?ownershipControls", owned("BucketOwnerEnforced"))

	s.ok("PUT", "/shared", "", "X-Amz-Object-Ownership: ObjectWriter", "X-Amz-Acl: log-delivery-write")
	s.says("LogDelivery", "GET", "/shared?acl")
	s.fails(400, "InvalidBucketAclWithObjectOwnership", "PUT", "/other", "", "X-Amz-Acl: public-read")
	s.fails(400, "InvalidBucketAclWithBlockPublicAccessError", "PUT", "/other", "", "X-Amz-Acl: public-read", "X-Amz-Object-Ownership: ObjectWriter")
	s.fails(501, "NotImplemented", "PUT", "/other", "", `X-Amz-Grant-Read: id="1"`)
}

func TestPublicAccessToBuckets(t *testing.T) {
	s := startBuckets(t)
	s.ok("PUT", "/logs", "")
	s.says(allBlocked, "GET", "/logs?publicAccessBlock")
	public := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*"}}`
	s.fails(403, "AccessDenied", "PUT", "/logs?policy", public)
	s.fails(404, "NoSuchBucketPolicy", "GET", "/logs?policyStatus", "")
	s.ok("PUT", "/logs?policy", strings.Replace(public, `"Action"`, `"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}},"Action"`, 1))
	s.says("<IsPublic>false<", "GET", "/logs?policyStatus")

	s.ok("PUT", "/logs?publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>")
	s.says("<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false<", "GET", "/logs?publicAccessBlock")
	s.ok("PUT", "/logs?policy", public)
	s.says("<IsPublic>true<", "GET", "/logs?policyStatus")
	s.ok("DELETE", "/logs?publicAccessBlock", "")
	s.fails(404, "NoSuchPublicAccessBlockConfiguration", "GET", "/logs?publicAccessBlock", "")
	s.ok("PUT", "/logs?ownershipControls", owned("ObjectWriter"))
	s.fails(501, "NotImplemented", "PUT", "/logs?acl", "", "X-Amz-Acl: public-read")
	s.fails(404, "NoSuchBucket", "GET", "/none?publicAccessBlock", "")
}
