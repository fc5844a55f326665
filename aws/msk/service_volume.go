package msk

import (
	"context"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/store"
)

// Volume is what is known of the storage of a provisioned cluster.
type Volume struct {
	GiB     int32     // of each broker
	Changed time.Time // when an operation last made it larger; zero: never
	Idle    bool      // the cluster is ACTIVE, and not in the midst of an upgrade to Express brokers
}

// Volume tells of the storage of the cluster that an ARN names; ok is false when
// there is none, or it has no volumes: it is serverless, or its
// brokers are express ones.
func (s *Service) Volume(ctx context.Context, clusterARN string) (v Volume, ok bool, err error) {
	at, known := parseARN(clusterARN)
	if !known {
		return v, false, nil
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, found, err := store.GetJSON[cluster](tx, documentKey(at.account, at.region, at.name))
		if err != nil || !found || c.ARN != clusterARN || c.Provisioned == nil || c.Provisioned.express() {
			return err
		}
		v, ok = Volume{c.Provisioned.VolumeGiB, c.Provisioned.VolumeChanged, c.State == Active && c.Provisioned.Mixed == nil}, true
		return nil
	})
	return v, ok, err
}

// GrowVolumes begins the operation that UpdateBrokerStorage begins, for
// automatic scaling, whose steps are smaller than those that clients may take.
func (s *Service) GrowVolumes(ctx context.Context, clusterARN string, gib int32) error {
	at, ok := parseARN(clusterARN)
	if !ok {
		return badRequest("clusterArn", "Invalid cluster ARN.")
	}
	_, err := s.begin(ctx, model.Caller{Account: at.account, Region: at.region}, clusterARN, volumeGrowth(gib))
	return err
}
