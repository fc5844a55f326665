package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/aws/s3/blobs"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
	"github.com/millrace/millrace/vfs"
)

// S3Dir is the directory of buckets and objects in the data directory.
const S3Dir = "s3"

// openS3 opens the index and the blobs of the buckets.
func (s *System) openS3(keys *seal.Ring) error {
	dir := filepath.Join(s.cfg.DataDir, S3Dir)
	if err := vfs.MakeDirs(vfs.OS, dir, dirMode); err != nil {
		return fmt.Errorf("make the directory of buckets: %w", err)
	}
	contents, err := blobs.Open(vfs.OS, filepath.Join(dir, "blobs"), keys, rand.Reader)
	if err != nil {
		return err
	}
	if s.s3Index, err = store.Open(filepath.Join(dir, "index.db")); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil { // the store syncs its file, not the file's name
		return err
	}
	s.s3 = s3.New(s3.Config{Index: s.s3Index, Blobs: contents, Now: time.Now, Random: rand.Reader, Missing: s.iam.MissingPrincipal})
	return nil
}

// sweepS3 removes what a crash left of objects.
func (s *System) sweepS3(ctx context.Context) {
	if err := s.s3.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Log.Error("remove what a crash left of objects", "error", err)
	}
}

// s3Hosts are the endpoint's names, below which are those of buckets.
func (s *System) s3Hosts() []string {
	hosts := []string{"localhost", s.cfg.AdvertiseHost}
	if s.cfg.Secure != nil {
		hosts = append(hosts, s.cfg.Secure.Names...)
	}
	return hosts
}
