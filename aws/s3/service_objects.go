package s3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"

	"github.com/millrace/millrace/aws/s3/blobs"
	"github.com/millrace/millrace/store"
)

// copyBuffer is the bytes of a content that stand in memory.
const copyBuffer = 64 << 10

// Expected is what the content of a write must be; its zero value asks nothing.
type Expected struct {
	MD5       []byte
	Algorithm string
	Value     func() string // the checksum in base64, asked once the content was read; nil or "": not told
}

// hashes are those that are needed: MD5, and the checksum's.
func (e Expected) hashes() []hash.Hash {
	if e.Algorithm == "" {
		return []hash.Hash{md5.New()}
	}
	return []hash.Hash{md5.New(), newHash(e.Algorithm)}
}

// verify is the checksum of a content that was read, if it is what is expected.
func (e Expected) verify(sums []hash.Hash) (Checksum, error) {
	if e.MD5 != nil && string(e.MD5) != string(sums[0].Sum(nil)) {
		return Checksum{}, fault("BadDigest", http.StatusBadRequest, "The Content-MD5 you specified did not match what we received.")
	}
	if e.Algorithm == "" {
		return Checksum{}, nil
	}
	out := Checksum{Algorithm: e.Algorithm, Value: base64.StdEncoding.EncodeToString(sums[1].Sum(nil))}
	if e.Value != nil && e.Value() != "" && e.Value() != out.Value {
		return Checksum{}, fault("BadDigest", http.StatusBadRequest, "The %s you specified did not match the calculated checksum.", e.Algorithm)
	}
	return out, nil
}

// Check checks a content that stands in memory.
func (e Expected) Check(data []byte) error {
	sums := e.hashes()
	for _, h := range sums {
		h.Write(data)
	}
	_, err := e.verify(sums)
	return err
}

// PutInput is an object to put.
type PutInput struct {
	Bucket, Key string
	Body        io.Reader
	Attributes  Attributes
	Expected    Expected
	Conditions  Conditions
}

// content is what was written of a body.
type content struct {
	w        *blobs.Writer
	md5      []byte
	checksum Checksum
}

// receive writes a body into a blob, synced, and checks what is expected of it.
func (s *Service) receive(body io.Reader, e Expected) (c content, err error) {
	if c.w, err = s.cfg.Blobs.Create(); err != nil {
		return c, full(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(full(err), c.w.Drop())
		}
	}()
	sums := e.hashes()
	writers := []io.Writer{c.w}
	for _, h := range sums {
		writers = append(writers, h)
	}
	limited := &limitedReader{body, MaxPut}
	if _, err := io.CopyBuffer(io.MultiWriter(writers...), limited, make([]byte, copyBuffer)); err != nil {
		return c, err
	}
	c.md5 = sums[0].Sum(nil)
	if c.checksum, err = e.verify(sums); err != nil {
		return c, err
	}
	return c, c.w.Sync()
}

// full says it when the disk has no room.
func full(err error) error {
	if errors.Is(err, blobs.ErrFull) {
		return fault("ServiceUnavailable", http.StatusServiceUnavailable, "The disk of the server has less than %d bytes left.", blobs.Reserve)
	}
	return err
}

// limitedReader fails when there is more than left.
type limitedReader struct {
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge()
	}
	return n, err
}

// commit runs the transaction that remembers a received content. The blob stays
// when it is in doubt whether the transaction took place.
func (s *Service) commit(ctx context.Context, c content, fn func(tx *store.Tx) error) error {
	refused := true
	err := s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		err := fn(tx)
		if err == nil {
			err = tx.Put(blobKey(c.w.ID()), nil)
		}
		refused = err != nil
		return err
	})
	if err != nil && refused {
		return errors.Join(err, c.w.Drop())
	}
	return errors.Join(err, c.w.Keep())
}

// PutObject puts an object in place of one that may be there.
// aws:s3 PutObject
func (s *Service) PutObject(ctx context.Context, in PutInput) (o Object, err error) {
	if err := errors.Join(checkKey(in.Key), in.Attributes.check()); err != nil {
		return o, err
	}
	if err := s.mayPut(ctx, in); err != nil {
		return o, err
	}
	c, err := s.receive(in.Body, in.Expected)
	if err != nil {
		return o, err
	}
	o = Object{
		Attributes: in.Attributes, Key: in.Key, Size: c.w.Size(), ETag: hex.EncodeToString(c.md5), Modified: s.now(), Checksum: c.checksum, Blob: c.w.ID(),
	}
	var old dropped
	err = s.commit(ctx, c, func(tx *store.Tx) error {
		b, err := findBucket(tx, in.Bucket)
		if err != nil {
			return err
		}
		if old, err = s.replace(tx, b, in.Key, in.Conditions); err != nil {
			return err
		}
		return store.PutJSON(tx, objectPrefix(b.ID)+in.Key, o)
	})
	if err == nil {
		s.drop(ctx, old)
	}
	return o, err
}

// mayPut refuses before a body is read what would be refused after it.
func (s *Service) mayPut(ctx context.Context, in PutInput) error {
	return s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, in.Bucket)
		if err != nil {
			return err
		}
		have, err := findObject(tx, b, in.Key)
		return errors.Join(err, in.Conditions.check(have))
	})
}

// dropped is what a transaction left to be removed.
type dropped struct {
	blobs   []string
	garbage []string
}

// replace forgets the content of the object that is there.
func (s *Service) replace(tx *store.Tx, b Bucket, key string, when Conditions) (d dropped, err error) {
	have, err := findObject(tx, b, key)
	if err != nil {
		return d, err
	}
	if err := when.check(have); err != nil || have == nil {
		return d, err
	}
	if have.Segments == "" {
		return dropped{blobs: []string{have.Blob}}, tx.Delete(blobKey(have.Blob))
	}
	return dropped{garbage: []string{have.Segments}}, store.PutJSON(tx, garbageKey(have.Segments), garbage{Segments: have.Segments})
}

// drop removes what a committed transaction left. What cannot be removed now is
// found by Sweep.
func (s *Service) drop(ctx context.Context, d dropped) {
	ctx = context.WithoutCancel(ctx)
	for _, id := range d.blobs {
		_ = s.cfg.Blobs.Remove(id) // Sweep tries again
	}
	for _, id := range d.garbage {
		_ = s.collect(ctx, id) // Sweep tries again
	}
}

// collect removes the blobs of a garbage document, then the document.
func (s *Service) collect(ctx context.Context, id string) error {
	var g garbage
	var ids, documents []string
	err := s.cfg.Index.View(ctx, func(tx *store.Tx) (err error) {
		var ok bool
		if g, ok, err = store.GetJSON[garbage](tx, garbageKey(id)); err != nil || !ok {
			return err
		}
		ids, documents, err = g.list(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, blob := range ids {
		documents = append(documents, blobKey(blob))
		if err := s.cfg.Blobs.Remove(blob); err != nil {
			return err
		}
	}
	if g.Segments != "" {
		documents = append(documents, segmentsKey(g.Segments))
	}
	documents = append(documents, garbageKey(id))
	for len(documents) > 0 {
		n := min(len(documents), store.MaxKeys)
		err := s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
			for _, key := range documents[:n] {
				if err := tx.Delete(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		documents = documents[n:]
	}
	return nil
}

// list is the blobs of a garbage document, and the documents of parts.
func (g *garbage) list(tx *store.Tx) (ids, documents []string, err error) {
	of := func(id string) []segment {
		if id == "" || err != nil {
			return nil
		}
		var list []segment
		list, _, err = store.GetJSON[[]segment](tx, segmentsKey(id))
		return list
	}
	for _, seg := range of(g.Segments) {
		ids = append(ids, seg.Blob)
	}
	if g.Upload == "" || err != nil {
		return ids, nil, err
	}
	used := map[string]bool{}
	for _, seg := range of(g.But) {
		used[seg.Blob] = true
	}
	parts, partsErr := listParts(tx, g.Upload)
	for _, p := range parts {
		documents = append(documents, partKey(g.Upload, p.Number))
		if !used[p.Blob] {
			ids = append(ids, p.Blob)
		}
	}
	return ids, documents, errors.Join(err, partsErr)
}

// Object answers an object; NoSuchKey when there is none.
// aws:s3 HeadObject
func (s *Service) Object(ctx context.Context, bucket, key string) (o Object, err error) {
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err != nil {
			return err
		}
		have, err := findObject(tx, b, key)
		if err == nil && have == nil {
			err = NoSuchKey()
		}
		if err == nil {
			o = *have
		}
		return err
	})
	return o, err
}

// DeleteObjects removes objects; those that are not there are no error.
// aws:s3 DeleteObject, DeleteObjects
func (s *Service) DeleteObjects(ctx context.Context, bucket string, keys ...string) error {
	const each = 30 // objects in one transaction: two documents each
	for len(keys) > 0 {
		n := min(len(keys), each)
		var old dropped
		err := s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
			old = dropped{}
			b, err := findBucket(tx, bucket)
			if err != nil {
				return err
			}
			for _, key := range keys[:n] {
				d, err := s.replace(tx, b, key, Conditions{})
				if err != nil {
					return err
				}
				old.blobs, old.garbage = append(old.blobs, d.blobs...), append(old.garbage, d.garbage...)
				if err := tx.Delete(objectPrefix(b.ID) + key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.drop(ctx, old)
		keys = keys[n:]
	}
	return nil
}

// List answers one page of a bucket's objects. aws:s3 ListObjectsV2
func (s *Service) List(ctx context.Context, bucket string, q ListQuery) (out Listing, err error) {
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err == nil {
			out, err = list(tx, objectPrefix(b.ID), q)
		}
		return err
	})
	return out, err
}

// SetObjectTags replaces an object's tags. aws:s3 PutObjectTagging
func (s *Service) SetObjectTags(ctx context.Context, bucket, key string, tags map[string]string) error {
	if err := checkTags(tags, maxTags); err != nil {
		return err
	}
	return s.cfg.Index.Update(ctx, func(tx *store.Tx) error {
		b, err := findBucket(tx, bucket)
		if err != nil {
			return err
		}
		o, err := findObject(tx, b, key)
		if err != nil {
			return err
		}
		if o == nil {
			return NoSuchKey()
		}
		o.Tags = tags
		return store.PutJSON(tx, objectPrefix(b.ID)+key, o)
	})
}

// segments is the blobs of an object.
func (s *Service) segments(ctx context.Context, o Object) (list []segment, err error) {
	if o.Segments == "" {
		return []segment{{o.Blob, o.Size}}, nil
	}
	err = s.cfg.Index.View(ctx, func(tx *store.Tx) (err error) {
		list, _, err = store.GetJSON[[]segment](tx, segmentsKey(o.Segments))
		return err
	})
	return list, err
}

// PartRange is where part n of an object is, from 1; ok is false when there is
// none.
func (s *Service) PartRange(ctx context.Context, o Object, n int) (offset, length int64, ok bool, err error) {
	list, err := s.segments(ctx, o)
	for i, seg := range list {
		if i == n-1 {
			return offset, seg.Size, true, err
		}
		offset += seg.Size
	}
	return 0, 0, false, err
}

// Open reads length bytes of an object's content from offset on. When the object
// is replaced meanwhile, the rest of one in parts may be missing: then reading
// fails.
func (s *Service) Open(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error) {
	list, err := s.segments(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &reader{s: s, list: list, skip: offset, left: length}
	if err := r.next(); err != nil { // so that what is missing is known before the answer begins
		return nil, err
	}
	return r, nil
}

// reader reads an object's blobs behind each other.
type reader struct {
	s    *Service
	list []segment // not opened yet
	skip int64     // of them
	left int64
	now  *blobs.Reader
}

// next opens the next blob.
func (r *reader) next() error {
	if r.now != nil {
		r.now.Close()
		r.now = nil
	}
	for len(r.list) > 0 && r.left > 0 {
		seg := r.list[0]
		r.list = r.list[1:]
		if r.skip >= seg.Size {
			r.skip -= seg.Size
			continue
		}
		n := min(seg.Size-r.skip, r.left)
		in, err := r.s.cfg.Blobs.Open(seg.Blob, r.skip, n)
		if err != nil {
			return err
		}
		r.now, r.skip = in, 0
		return nil
	}
	return nil
}

func (r *reader) Read(p []byte) (int, error) {
	for r.now != nil {
		n, err := r.now.Read(p)
		r.left -= int64(n)
		if n > 0 || err != io.EOF {
			return n, ignoreEOF(err)
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	if r.left > 0 {
		return 0, fmt.Errorf("an object's content is %d bytes short", r.left)
	}
	return 0, io.EOF
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func (r *reader) Close() error {
	if r.now == nil {
		return nil
	}
	return r.now.Close()
}
