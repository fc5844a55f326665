package s3

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/millrace/millrace/aws/policy"
)

// Ownership says who owns objects and whether ACLs are used. "Controlling
// ownership of objects and disabling ACLs for your bucket" of the S3 user guide.
type Ownership string

// The settings of object ownership. All objects here are the bucket owner's, so
// that they differ in whether ACLs can be set.
const (
	BucketOwnerEnforced  Ownership = "BucketOwnerEnforced" // no ACLs; a new bucket's
	BucketOwnerPreferred Ownership = "BucketOwnerPreferred"
	ObjectWriter         Ownership = "ObjectWriter"
	noOwnership          Ownership = "none" // the controls were removed: as ObjectWriter
)

// Grantee is who a Grant is for.
type Grantee string

// Grantees. No member of LogDelivery is here: S3's own access logs are not built.
const (
	Owner       Grantee = "owner"
	LogDelivery Grantee = "LogDelivery"
)

// Grant is one entry of a bucket's ACL.
type Grant struct {
	To         Grantee `json:"to"`
	Permission string  `json:"permission"` // FULL_CONTROL, READ, WRITE, READ_ACP, WRITE_ACP
}

var permissions = []string{"FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"}

const maxGrants = 100 // of an ACL; "Access control list (ACL) overview" of the S3 user guide

// PublicAccess is which public access to a bucket is blocked.
// aws:s3 PutPublicAccessBlock
type PublicAccess struct {
	BlockACLs     bool `json:"blockAcls,omitempty"`
	IgnoreACLs    bool `json:"ignoreAcls,omitempty"`
	BlockPolicy   bool `json:"blockPolicy,omitempty"`   // a public policy is not accepted
	RestrictOwner bool `json:"restrictOwner,omitempty"` // with a public policy, only the owner's account and services are let in
	Removed       bool `json:"removed,omitempty"`       // nothing is blocked, and there is no configuration to show
}

// ErrPublic refuses a public policy where they are blocked.
var ErrPublic = errors.New("public policies are blocked by the BlockPublicPolicy block public access setting")

// ACL answers the grants of a bucket: all to the owner, unless others were set
// and ACLs are used.
func (b Bucket) ACL() []Grant {
	if len(b.Grants) == 0 || !b.UsesACLs() {
		return []Grant{{Owner, "FULL_CONTROL"}}
	}
	return b.Grants
}

// UsesACLs says whether ACLs can be set on a bucket and its objects.
func (b Bucket) UsesACLs() bool { return b.Ownership != "" }

// Controls answers the object ownership of a bucket, and an error when its
// controls were removed. aws:s3 GetBucketOwnershipControls
func (b Bucket) Controls() (Ownership, error) {
	switch b.Ownership {
	case "":
		return BucketOwnerEnforced, nil
	case noOwnership:
		return "", fault("OwnershipControlsNotFoundError", http.StatusNotFound, "The bucket ownership controls were not found")
	}
	return b.Ownership, nil
}

// Blocked answers what is blocked of public access: everything on a new bucket.
func (b Bucket) Blocked() PublicAccess {
	if b.Access == nil {
		return PublicAccess{BlockACLs: true, IgnoreACLs: true, BlockPolicy: true, RestrictOwner: true}
	}
	return *b.Access
}

// ClosedTo says whether the bucket's policy gives nothing to another account,
// because it is public and the bucket is restricted.
func (b Bucket) ClosedTo(account string) bool {
	return account != b.Account && b.Blocked().RestrictOwner && b.IsPublic()
}

// IsPublic says whether the bucket's policy is public.
// aws:s3 GetBucketPolicyStatus
func (b Bucket) IsPublic() bool {
	if b.Policy == "" {
		return false
	}
	d, err := policy.Parse(policy.Resource, []byte(b.Policy))
	return err != nil || d.Public() // it was parsed when it was set
}

// decideOwnership changes the setting of a bucket.
func (b *Bucket) decideOwnership(o Ownership) error {
	switch o {
	case BucketOwnerEnforced:
		if slices.ContainsFunc(b.Grants, func(g Grant) bool { return g != Grant{Owner, "FULL_CONTROL"} }) {
			return fault("InvalidBucketAclWithObjectOwnership", http.StatusBadRequest, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
		}
		b.Ownership = ""
	case BucketOwnerPreferred, ObjectWriter, noOwnership:
		b.Ownership = o
	default:
		return fault("MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema")
	}
	return nil
}

// NoACLs is the error of a call that sets an ACL where none are used.
func NoACLs() error {
	return fault("AccessControlListNotSupported", http.StatusBadRequest, "The bucket does not allow ACLs")
}

// decideACL replaces the grants of a bucket.
func (b *Bucket) decideACL(grants []Grant) error {
	if !b.UsesACLs() {
		return NoACLs()
	}
	if len(grants) > maxGrants {
		return fault("MalformedACLError", http.StatusBadRequest, "The ACL that you provided was not well formed or did not validate against our published schema.")
	}
	for _, g := range grants {
		if !slices.Contains(permissions, g.Permission) {
			return fault("MalformedACLError", http.StatusBadRequest, "The ACL that you provided was not well formed or did not validate against our published schema.")
		}
	}
	b.Grants = grants
	return nil
}

// SetACL replaces the ACL of a bucket; none is all to the owner.
// aws:s3 PutBucketAcl
func (s *Service) SetACL(ctx context.Context, name string, grants []Grant) error {
	return s.changeBucket(ctx, name, func(b *Bucket) error { return b.decideACL(grants) })
}

// SetOwnership changes the object ownership of a bucket.
// aws:s3 PutBucketOwnershipControls
func (s *Service) SetOwnership(ctx context.Context, name string, o Ownership) error {
	return s.changeBucket(ctx, name, func(b *Bucket) error { return b.decideOwnership(o) })
}

// RemoveOwnership removes the ownership controls of a bucket, which then is as
// with ObjectWriter. aws:s3 DeleteBucketOwnershipControls
func (s *Service) RemoveOwnership(ctx context.Context, name string) error {
	return s.SetOwnership(ctx, name, noOwnership)
}

// SetPublicAccess changes what is blocked of public access.
// aws:s3 PutPublicAccessBlock, DeletePublicAccessBlock
func (s *Service) SetPublicAccess(ctx context.Context, name string, a PublicAccess) error {
	return s.changeBucket(ctx, name, func(b *Bucket) error {
		b.Access = &a
		return nil
	})
}
