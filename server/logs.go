package server

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/aws/eventlog"
	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/model"
)

// logEventsDir holds the events of CloudWatch Logs, in the data directory, on
// Config.FS.
const logEventsDir = "logs"

// openLogs makes CloudWatch Logs and finishes deletions that a crash ended.
func (s *System) openLogs(ctx context.Context) error {
	events, err := eventlog.Open(eventlog.Config{
		FS: s.cfg.FS, Dir: filepath.Join(s.cfg.DataDir, logEventsDir),
		Cut: func(file string, bytes int64) {
			s.cfg.Log.Warn("recovery cut the end of a file of log events after an unclean stop", "file", file, "bytes", bytes)
		},
	})
	if err != nil {
		return err
	}
	s.logs = logs.New(logs.Config{Store: s.store, Events: events, Key: s.keyUsable, Now: time.Now, Random: rand.Reader})
	if err := s.logs.Sweep(ctx); err != nil || s.auditCopy == nil {
		return err
	}
	return s.auditCopy.start(ctx, s.logs)
}

// keyUsable is what logs asks of kms.
func (s *System) keyUsable(ctx context.Context, c model.Caller, arn string) (bool, error) {
	f, ok, err := s.kms.Facts(ctx, c, arn)
	return ok && f.ARN == arn, err
}

// bucketExists is what msk asks of s3.
func (s *System) bucketExists(ctx context.Context, c model.Caller, name string) (bool, error) {
	return s.s3.BucketExists(ctx, c.Account, name)
}
