package s3

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/aws/s3/blobs"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Every field but Missing is required.
type Config struct {
	Index  *store.Store // of this service alone
	Blobs  *blobs.Store
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader

	// Missing answers a user or role that a policy names and that does not exist,
	// empty for none; nil: they are not looked for.
	Missing func(ctx context.Context, d *policy.Document) (arn string, err error)
}

// Service is the buckets and objects. Its methods may be called concurrently.
// Errors that are for the client are a *model.Error.
type Service struct{ cfg Config }

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg} }

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// newID draws 32 hexadecimal digits.
func (s *Service) newID() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return hex.EncodeToString(b), nil
}

func findBucket(tx *store.Tx, name string) (Bucket, error) {
	b, ok, err := store.GetJSON[Bucket](tx, bucketKey(name))
	if err == nil && !ok {
		err = noSuchBucket()
	}
	return b, err
}

func decodeObject(kv store.KV) (o Object, err error) {
	if err = json.Unmarshal(kv.Value, &o); err != nil {
		err = fmt.Errorf("read the document under %q: %w", kv.Key, err)
	}
	return o, err
}

// findObject answers nil when there is none.
func findObject(tx *store.Tx, b Bucket, key string) (*Object, error) {
	o, ok, err := store.GetJSON[Object](tx, objectPrefix(b.ID)+key)
	if err != nil || !ok {
		return nil, err
	}
	o.Key = key
	return &o, nil
}

// NewBucket is what a new bucket is to be. Only Name is required.
type NewBucket struct {
	Name       string
	Constraint string // its region
	Tags       map[string]string
	Ownership  Ownership
	Grants     []Grant // of its ACL
}

// CreateBucket makes a bucket of the caller's account. aws:s3 CreateBucket
func (s *Service) CreateBucket(ctx context.Context, c model.Caller, n NewBucket) error {
	if err := CheckBucketName(n.Name); err != nil {
		return err
	}
	region, err := decideRegion(c.Region, n.Constraint)
	if err != nil {
		return err
	}
	if err := checkTags(n.Tags, maxOfTags); err != nil {
		return err
	}
	made := Bucket{Name: n.Name, Account: c.Account, Region: region, Created: s.now(), Tags: n.Tags, Grants: n.Grants}
	if err := made.decideOwnership(cmp.Or(n.Ownership, BucketOwnerEnforced)); err != nil {
		return err
	}
	if made.ID, err = s.newID(); err != nil {
		return err
	}
	return s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		have, exists, err := store.GetJSON[Bucket](tx, bucketKey(n.Name))
		switch {
		case err != nil:
			return err
		case exists && have.Account != c.Account:
			return fault("BucketAlreadyExists", http.StatusConflict,
				"The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
		case exists && region == "us-east-1" && have.Region == region:
			return nil // as that region answers, for compatibility
		case exists:
			return fault("BucketAlreadyOwnedByYou", http.StatusConflict, "Your previous request to create the named bucket succeeded and you already own it.")
		}
		if err := roomForBucket(tx, c.Account); err != nil {
			return err
		}
		return store.PutJSON(tx, bucketKey(n.Name), made)
	})
}

func roomForBucket(tx *store.Tx, account string) error {
	n := 0
	err := eachBucket(tx, func(b Bucket) {
		if b.Account == account {
			n++
		}
	})
	if err == nil && n >= maxBuckets {
		err = fault("TooManyBuckets", http.StatusBadRequest, "You have attempted to create more buckets than allowed")
	}
	return err
}

func eachBucket(tx *store.Tx, fn func(b Bucket)) error {
	for after := ""; ; {
		found, err := tx.List(bucketKey(""), after, store.MaxList)
		for _, kv := range found {
			var b Bucket
			if err := json.Unmarshal(kv.Value, &b); err != nil {
				return fmt.Errorf("read the document under %q: %w", kv.Key, err)
			}
			fn(b)
			after = kv.Key
		}
		if err != nil || len(found) < store.MaxList {
			return err
		}
	}
}

// Buckets answers the account's buckets by name. aws:s3 ListBuckets
func (s *Service) Buckets(ctx context.Context, account string) (out []Bucket, err error) {
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		return eachBucket(tx, func(b Bucket) {
			if b.Account == account {
				out = append(out, b)
			}
		})
	})
	return out, err
}

// Bucket answers a bucket, whoever owns it.
func (s *Service) Bucket(ctx context.Context, name string) (b Bucket, err error) {
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		b, err = findBucket(tx, name)
		return err
	})
	return b, err
}

// BucketExists says whether an account has a bucket.
func (s *Service) BucketExists(ctx context.Context, account, bucket string) (bool, error) {
	b, err := s.Bucket(ctx, bucket)
	if errors.As(err, new(*model.Error)) {
		return false, nil
	}
	return b.Account == account, err
}

// DeleteBucket removes a bucket without objects, and its uploads.
// aws:s3 DeleteBucket
func (s *Service) DeleteBucket(ctx context.Context, name string) error {
	empty := func(tx *store.Tx) (Bucket, error) {
		b, err := findBucket(tx, name)
		if err != nil {
			return b, err
		}
		left, err := tx.List(objectPrefix(b.ID), "", 1)
		if err == nil && len(left) > 0 {
			err = fault("BucketNotEmpty", http.StatusConflict, "The bucket you tried to delete is not empty")
		}
		return b, err
	}
	var b Bucket
	var uploads []Upload
	err := s.cfg.Index.View(ctx, func(tx *store.Tx) (err error) {
		if b, err = empty(tx); err == nil {
			uploads, err = listUploads(tx, b)
		}
		return err
	})
	for _, u := range uploads {
		if err == nil {
			err = s.abort(ctx, b, u.ID)
		}
	}
	if err != nil {
		return err
	}
	return s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		b, err := empty(tx)
		if err != nil {
			return err
		}
		if left, err := tx.List(uploadPrefix(b.ID), "", 1); err != nil || len(left) > 0 {
			return errors.Join(err, fault("OperationAborted", http.StatusConflict, "A conflicting conditional operation is currently in progress against this resource. Try again."))
		}
		return tx.Delete(bucketKey(name))
	})
}

func (s *Service) changeBucket(ctx context.Context, name string, change func(b *Bucket) error) error {
	return s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, name)
		if err == nil {
			err = change(&b)
		}
		if err != nil {
			return err
		}
		return store.PutJSON(tx, bucketKey(name), b)
	})
}

// SetBucketTags replaces a bucket's tags; nil removes them.
// aws:s3 PutBucketTagging, DeleteBucketTagging
func (s *Service) SetBucketTags(ctx context.Context, name string, tags map[string]string) error {
	if err := checkTags(tags, maxOfTags); err != nil {
		return err
	}
	return s.changeBucket(ctx, name, func(b *Bucket) error {
		b.Tags = tags
		return nil
	})
}

// checkPolicy refuses a policy that is none, or names somebody who does not exist.
func (s *Service) checkPolicy(ctx context.Context, text string) error {
	d, err := parsePolicy(text)
	if err != nil || s.cfg.Missing == nil {
		return err
	}
	missing, err := s.cfg.Missing(ctx, d)
	if err == nil && missing != "" {
		err = fault("MalformedPolicy", http.StatusBadRequest, "Invalid principal in policy")
	}
	return err
}

// SetBucketPolicy replaces a bucket's policy; empty removes it. ErrPublic is of a
// public one where those are blocked.
// aws:s3 PutBucketPolicy, DeleteBucketPolicy
func (s *Service) SetBucketPolicy(ctx context.Context, name, text string) error {
	if text != "" {
		if err := s.checkPolicy(ctx, text); err != nil {
			return err
		}
	}
	return s.changeBucket(ctx, name, func(b *Bucket) error {
		b.Policy = text
		if b.Blocked().BlockPolicy && b.IsPublic() {
			return ErrPublic
		}
		return nil
	})
}

// Put puts a small object for the service itself into a bucket of an account.
// The error is a *model.Error when the account has no such bucket or the key is
// not valid.
func (s *Service) Put(ctx context.Context, account, bucket, key string, body []byte) error {
	b, err := s.Bucket(ctx, bucket)
	if err != nil {
		return err
	}
	if b.Account != account {
		return fault("AccessDenied", http.StatusForbidden, "Access Denied")
	}
	_, err = s.PutObject(ctx, PutInput{Bucket: bucket, Key: key, Body: strings.NewReader(string(body))})
	return err
}

// Sweep removes what no document names any more: of writes that a crash cut
// off, and of objects in parts that were deleted. server calls it after a start.
func (s *Service) Sweep(ctx context.Context) error {
	var ids []string
	err := s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		found, err := tx.List(garbageKey(""), "", store.MaxList)
		for _, kv := range found {
			ids = append(ids, strings.TrimPrefix(kv.Key, garbageKey("")))
		}
		return err
	})
	for _, id := range ids {
		if err == nil {
			err = s.collect(ctx, id)
		}
	}
	if err != nil {
		return err
	}
	return s.cfg.Blobs.Sweep(func(id string) (known bool, err error) {
		err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
			_, known = tx.Get(blobKey(id))
			return nil
		})
		return known, err
	})
}
