package msk

import (
	"context"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/store"
)

// checkLogTargets refuses a log group and a bucket that brokers' logs could not
// go to. UNVERIFIED wordings
func (s *Service) checkLogTargets(ctx context.Context, caller model.Caller, l loggingInfo) error {
	for _, t := range []struct {
		on     bool
		exists func(context.Context, model.Caller, string) (bool, error)
		name   string
		member string
		text   string
	}{
		{l.CloudWatch, s.cfg.LogGroup, l.LogGroup, "logGroup", "The specified CloudWatch log group [%s] does not exist."},
		{l.S3, s.cfg.Bucket, l.Bucket, "bucket", "The specified S3 bucket [%s] does not exist."},
	} {
		if !t.on || t.exists == nil {
			continue
		}
		if ok, err := t.exists(ctx, caller, t.name); err != nil {
			return err
		} else if !ok {
			return badRequest(t.member, t.text, t.name)
		}
	}
	return nil
}

// Logging is where the brokers' logs of a cluster go.
type Logging struct {
	LogGroup string // of CloudWatch Logs; empty: not there
	Bucket   string // of S3; empty: not there
	Prefix   string // of keys in it
	Name     string // of the cluster with its id, as logs are named by it
}

// Logging tells where a cluster's logs go; nowhere when there is no such cluster.
func (s *Service) Logging(ctx context.Context, clusterARN string) (l Logging, err error) {
	at, ok := parseARN(clusterARN)
	if !ok {
		return l, nil
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, found, err := store.GetJSON[cluster](tx, documentKey(at.account, at.region, at.name))
		if !found || err != nil || c.ARN != clusterARN || c.Provisioned == nil {
			return err
		}
		l.Name = c.Name + clusterARN[strings.LastIndexByte(clusterARN, '/'):]
		l.Name = strings.ReplaceAll(l.Name, "/", "-")
		to := c.Provisioned.Logs
		if to.CloudWatch {
			l.LogGroup = to.LogGroup
		}
		if to.S3 {
			l.Bucket, l.Prefix = to.Bucket, to.Prefix
		}
		return nil
	})
	return l, err
}
