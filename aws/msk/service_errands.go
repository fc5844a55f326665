package msk

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/store"
)

// An errand is what an assessment or a topic reassignment asks of a running
// cluster, over the Kafka Admin protocol. Whoever does errands keeps nothing: the
// documents say what is to be done, and the cluster how much of it is left.

// Errand is one assessment or topic reassignment under way.
type Errand struct {
	ARN     string // of it
	Cluster string // ARN
	Scan    bool   // an assessment: ReportScan is awaited
	Moves   Moves  // otherwise
}

// Moves is what a topic reassignment is to do.
type Moves struct {
	Include, Exclude []string // patterns of topics' names, see Pattern
	Targets          []int32  // brokers that all replicas of these topics are to be on
	Stop             bool     // what is on its way is to go back, and ReportMoves is to say so
	NotBefore        time.Time
}

const errandPrefix = "-/-/msk/errand/"

// Parts of errands' keys.
const (
	assessmentErrand   = "assessment"
	reassignmentErrand = "topic-reassignment"
)

var uuidShape = regexp.MustCompile(`^[0-9a-f-]{36}$`)

func (c *cluster) errandKey(kind, id string) string {
	return errandPrefix + c.Account + "/" + c.Region + "/" + c.Name + "/" + kind + "/" + id
}

// putErrand writes what is to be done, and wakes those who watch; or takes it off.
func putErrand(tx *store.Tx, c cluster, kind, id string, open bool) error {
	key := c.errandKey(kind, id)
	if open {
		return tx.Put(key, []byte(c.id()))
	}
	return tx.Delete(key)
}

// WatchErrands answers a channel that receives after Errands may have changed;
// notifications coalesce. cancel ends it.
func (s *Service) WatchErrands() (changed <-chan struct{}, cancel func()) {
	return s.cfg.Store.Watch(errandPrefix)
}

// Errands answers what is under way in clusters that serve, by account, region and
// cluster. The answer is not one snapshot.
func (s *Service) Errands(ctx context.Context) (all []Errand, err error) {
	for after := ""; ; {
		n := 0
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
			found, err := tx.List(errandPrefix, after, wantedPage)
			n = len(found)
			for _, kv := range found {
				after = kv.Key
				e, ok, err := readErrand(tx, kv)
				if err != nil {
					return err
				}
				if ok {
					all = append(all, e)
				}
			}
			return err
		})
		if err != nil || n < wantedPage {
			return all, err
		}
	}
}

// readErrand reads what a key of the list stands for; ok is false while its
// cluster does not serve.
func readErrand(tx *store.Tx, kv store.KV) (e Errand, ok bool, err error) {
	at := strings.Split(strings.TrimPrefix(kv.Key, errandPrefix), "/") // account, region, name, kind, uuid
	c, ok, err := store.GetJSON[cluster](tx, documentKey(at[0], at[1], at[2]))
	if err != nil || !ok || c.id() != string(kv.Value) || decideBootstrap(c) != nil {
		return e, false, err
	}
	e.Cluster = c.ARN
	if at[3] == assessmentErrand {
		e.ARN, e.Scan = c.assessmentARN(at[4]), true
		return e, true, nil
	}
	r, ok, err := store.GetJSON[reassignment](tx, c.reassignmentPrefix()+at[4])
	if err != nil || !ok {
		return e, false, err
	}
	e.ARN = r.ARN
	e.Moves = Moves{Include: r.Include, Exclude: r.Exclude, Stop: r.Status == movesStopping}
	if r.Each > 0 && r.Status == moving {
		e.Moves.NotBefore = r.Updated.Add(r.Each)
	}
	for _, b := range c.brokersOf(r.Target) {
		e.Moves.Targets = append(e.Moves.Targets, b.ID)
	}
	return e, true, nil
}

// ReportScan says what was seen of a cluster for an assessment, which is complete
// then. An assessment that is gone, or has ended, does not change.
func (s *Service) ReportScan(ctx context.Context, e Errand, seen Scan) error {
	quotas, err := s.quotas(ctx, callerOf(e.Cluster))
	if err != nil {
		return err
	}
	return s.reportAssessment(ctx, e, func(tx *store.Tx, c cluster, a *assessment) error {
		f := changeFacts{scan: &seen, quotas: quotas}
		if err := f.read(tx, callerOf(e.Cluster), c, change{}); err != nil {
			return err
		}
		a.complete(assess(c, a.Target, f), s.cfg.Now().UTC().Truncate(time.Millisecond))
		return nil
	})
}

// ReportScanFailed says why a cluster could not be looked at for an assessment.
func (s *Service) ReportScanFailed(ctx context.Context, e Errand, message string) error {
	return s.reportAssessment(ctx, e, func(_ *store.Tx, _ cluster, a *assessment) error {
		a.Status, a.Message, a.Ended = assessmentFailed, message, s.cfg.Now().UTC().Truncate(time.Millisecond)
		return nil
	})
}

// callerOf is the owner of a cluster.
func callerOf(clusterARN string) model.Caller {
	at, _ := parseARN(clusterARN)
	return model.Caller{Account: at.account, Region: at.region}
}

// gone reports whether an error says that something is not there any more.
func isGone(err error) bool {
	e, ok := errors.AsType[*model.Error](err)
	return ok && e.Code == model.NotFound("", "").Code
}

func (s *Service) reportAssessment(ctx context.Context, e Errand, change func(*store.Tx, cluster, *assessment) error) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, a, err := findAssessment(tx, callerOf(e.Cluster), &e.Cluster, &e.ARN)
		if isGone(err) || err == nil && a.Status != assessing {
			return nil
		}
		if err != nil {
			return err
		}
		if err := change(tx, c, &a); err != nil {
			return err
		}
		return putAssessment(tx, c, a)
	})
}

// ReportMoves says how far a topic reassignment is. It is complete when every
// topic is, and stopped when nothing is on its way any more and it was to stop.
func (s *Service) ReportMoves(ctx context.Context, e Errand, p Progress) error {
	return s.reportReassignment(ctx, e, func(r *reassignment, at time.Time) bool {
		before := *r
		r.Progress = p
		switch {
		case e.Moves.Stop:
			r.Status = movesStopped
		case p.CompletedTopics == p.Topics && r.Status != movesStopping:
			r.Status = moved
		case r.Status == movesPending:
			r.Status = moving
		}
		return r.Status != before.Status || r.Progress != before.Progress
	})
}

// ReportMovesFailed says why a topic reassignment cannot go on.
func (s *Service) ReportMovesFailed(ctx context.Context, e Errand, code, message string) error {
	return s.reportReassignment(ctx, e, func(r *reassignment, _ time.Time) bool {
		r.Status, r.ErrorCode, r.ErrorText = movesFailed, code, message
		return true
	})
}

// reportReassignment changes a reassignment that is under way; change answers
// whether there is something new.
func (s *Service) reportReassignment(ctx context.Context, e Errand, change func(*reassignment, time.Time) bool) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, r, err := findReassignment(tx, callerOf(e.Cluster), &e.Cluster, &e.ARN)
		if isGone(err) || err == nil && r.ended() {
			return nil
		}
		at := s.cfg.Now().UTC().Truncate(time.Millisecond)
		if err != nil || !change(&r, at) {
			return err
		}
		r.Updated = at
		return putReassignment(tx, c, r)
	})
}

// beginMoves begins the reassignment of all topics that an operation, which has
// just become complete, is to begin.
func beginMoves(tx *store.Tx, c cluster, pace time.Duration) error {
	o := c.Operation
	have, err := listJSON[reassignment](tx, c.reassignmentPrefix())
	if err != nil {
		return err
	}
	w := wishedMoves{target: c.Provisioned.Mixed.Express, include: []string{allTopics}}
	return addReassignment(tx, c, have, newReassignment(c, w, o.Upgrade.Reassignment, pace, o.Ended))
}

// forgetUpgrades deletes the assessments and reassignments of a cluster that is
// deleted.
func forgetUpgrades(tx *store.Tx, c cluster) error {
	for prefix, kind := range map[string]string{c.assessmentPrefix(): assessmentErrand, c.reassignmentPrefix(): reassignmentErrand} {
		found, err := tx.List(prefix, "", store.MaxList)
		if err != nil {
			return err
		}
		for _, kv := range found {
			key := c.errandKey(kind, strings.TrimPrefix(kv.Key, prefix))
			if _, open := tx.Get(key); open {
				if err := tx.Delete(key); err != nil {
					return err
				}
			}
			if err := tx.Delete(kv.Key); err != nil {
				return err
			}
		}
	}
	return nil
}
