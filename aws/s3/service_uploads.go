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
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/store"
)

// listUploads answers a bucket's uploads by key and age.
func listUploads(tx *store.Tx, b Bucket) (out []Upload, err error) {
	found, err := tx.List(uploadPrefix(b.ID), "", maxUploads)
	for _, kv := range found {
		var u Upload
		if err := json.Unmarshal(kv.Value, &u); err != nil {
			return nil, fmt.Errorf("read the document under %q: %w", kv.Key, err)
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b Upload) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return out, err
}

// listParts answers an upload's parts in order.
func listParts(tx *store.Tx, uploadID string) (out []Part, err error) {
	for after := ""; ; {
		found, err := tx.List(partPrefix(uploadID), after, store.MaxList)
		for _, kv := range found {
			var p Part
			if err := json.Unmarshal(kv.Value, &p); err != nil {
				return nil, fmt.Errorf("read the document under %q: %w", kv.Key, err)
			}
			if p.Number, err = strconv.Atoi(strings.TrimPrefix(kv.Key, partPrefix(uploadID))); err != nil {
				return nil, fmt.Errorf("the key %q names no part", kv.Key)
			}
			out = append(out, p)
			after = kv.Key
		}
		if err != nil || len(found) < store.MaxList {
			return out, err
		}
	}
}

func findUpload(tx *store.Tx, b Bucket, key, id string) (u Upload, err error) {
	if len(id) != 32 {
		return u, noSuchUpload()
	}
	u, ok, err := store.GetJSON[Upload](tx, uploadPrefix(b.ID)+id)
	if err == nil && (!ok || u.Key != key) {
		err = noSuchUpload()
	}
	return u, err
}

// Begin begins a multipart upload; ID and Created of u are set.
// aws:s3 CreateMultipartUpload
func (s *Service) Begin(ctx context.Context, bucket string, u Upload) (Upload, error) {
	if err := errors.Join(checkKey(u.Key), u.check()); err != nil {
		return u, err
	}
	id, err := s.newID()
	if err != nil {
		return u, err
	}
	u.ID, u.Created = id, s.now()
	return u, s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err != nil {
			return err
		}
		have, err := tx.List(uploadPrefix(b.ID), "", maxUploads)
		if err == nil && len(have) == maxUploads {
			err = fault("SlowDown", http.StatusServiceUnavailable, "The bucket has %d multipart uploads under way: complete or abort some.", maxUploads)
		}
		return errors.Join(err, store.PutJSON(tx, uploadPrefix(b.ID)+id, u))
	})
}

// Upload answers an upload under way.
func (s *Service) Upload(ctx context.Context, bucket, key, id string) (u Upload, err error) {
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err == nil {
			u, err = findUpload(tx, b, key, id)
		}
		return err
	})
	return u, err
}

// PutPart receives a part in place of one that may be there. aws:s3 UploadPart
func (s *Service) PutPart(ctx context.Context, bucket, key, id string, number int, body io.Reader, e Expected) (p Part, err error) {
	if number < 1 || number > MaxParts {
		return p, invalidArgument("Part number must be an integer between 1 and %d, inclusive", MaxParts)
	}
	u, err := s.Upload(ctx, bucket, key, id)
	if err != nil {
		return p, err
	}
	if e.Algorithm == "" {
		e.Algorithm = u.Algorithm
	}
	c, err := s.receive(body, e)
	if err != nil {
		return p, err
	}
	p = Part{Number: number, Size: c.w.Size(), ETag: hex.EncodeToString(c.md5), Modified: s.now(), Checksum: c.checksum, Blob: c.w.ID()}
	var old dropped
	err = s.commit(ctx, c, func(tx *store.Tx) error {
		old = dropped{}
		b, err := findBucket(tx, bucket)
		if err != nil {
			return err
		}
		if _, err := findUpload(tx, b, key, id); err != nil {
			return err
		}
		before, had, err := store.GetJSON[Part](tx, partKey(id, number))
		if err == nil && had {
			old.blobs = []string{before.Blob}
			err = tx.Delete(blobKey(before.Blob))
		}
		return errors.Join(err, store.PutJSON(tx, partKey(id, number), p))
	})
	if err == nil {
		s.drop(ctx, old)
	}
	return p, err
}

// Complete makes the object out of its parts. aws:s3 CompleteMultipartUpload
func (s *Service) Complete(ctx context.Context, bucket, key, id string, named []Named, want string, when Conditions) (o Object, err error) {
	segmentsID, err := s.newID()
	if err != nil {
		return o, err
	}
	var old dropped
	err = s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err != nil {
			return err
		}
		u, err := findUpload(tx, b, key, id)
		if err != nil {
			return err
		}
		var list []segment
		if o, list, err = complete(tx, &u, named); err != nil {
			return err
		}
		if want != "" && want != o.Checksum.Value {
			return fault("BadDigest", http.StatusBadRequest, "The %s you specified did not match the calculated checksum.", u.Algorithm)
		}
		if old, err = s.replace(tx, b, key, when); err != nil {
			return err
		}
		o.Segments, o.Modified = segmentsID, s.now()
		old.garbage = append(old.garbage, id)
		return errors.Join(
			store.PutJSON(tx, objectPrefix(b.ID)+key, o), store.PutJSON(tx, segmentsKey(segmentsID), list),
			tx.Delete(uploadPrefix(b.ID)+id), store.PutJSON(tx, garbageKey(id), garbage{Upload: id, But: segmentsID}))
	})
	if err == nil {
		s.drop(ctx, old)
	}
	return o, err
}

func complete(tx *store.Tx, u *Upload, named []Named) (Object, []segment, error) {
	parts, err := listParts(tx, u.ID)
	if err != nil {
		return Object{}, nil, err
	}
	by := make(map[int]Part, len(parts))
	for _, p := range parts {
		by[p.Number] = p
	}
	return decideComplete(u, named, by)
}

// Abort forgets an upload and its parts. aws:s3 AbortMultipartUpload
func (s *Service) Abort(ctx context.Context, bucket, key, id string) error {
	b, err := s.Bucket(ctx, bucket)
	if err != nil {
		return err
	}
	if _, err := s.Upload(ctx, bucket, key, id); err != nil {
		return err
	}
	return s.abort(ctx, b, id)
}

func (s *Service) abort(ctx context.Context, b Bucket, id string) error {
	err := s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		if _, ok := tx.Get(uploadPrefix(b.ID) + id); !ok {
			return nil // meanwhile
		}
		return errors.Join(tx.Delete(uploadPrefix(b.ID)+id), store.PutJSON(tx, garbageKey(id), garbage{Upload: id}))
	})
	if err == nil {
		s.drop(ctx, dropped{garbage: []string{id}})
	}
	return err
}

// Uploads answers a bucket's uploads under way, by key and age.
// aws:s3 ListMultipartUploads
func (s *Service) Uploads(ctx context.Context, bucket string) (out []Upload, err error) {
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err == nil {
			out, err = listUploads(tx, b)
		}
		return err
	})
	return out, err
}

// Parts answers an upload's parts, by number. aws:s3 ListParts
func (s *Service) Parts(ctx context.Context, bucket, key, id string) (out []Part, err error) {
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err != nil {
			return err
		}
		if _, err = findUpload(tx, b, key, id); err == nil {
			out, err = listParts(tx, id)
		}
		return err
	})
	return out, err
}
