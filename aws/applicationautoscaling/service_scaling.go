package applicationautoscaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/applicationautoscaling"
	"github.com/millrace/millrace/store"
)

// pageOfAll is how many documents Tick reads in one step.
const pageOfAll = 200

// Tick looks at every target of all accounts once: it takes a reading, ends
// activities and begins what is to grow. It is called once a minute.
func (s *Service) Tick(ctx context.Context) error {
	list, err := s.all(ctx)
	kept := make(map[string]readings, len(list))
	for i := range list {
		t := &list[i]
		if used, ok := s.cfg.Used(ctx, t.Resource); ok {
			kept[t.key()] = s.readings(t).add(used)
		}
	}
	s.mu.Lock()
	s.recent = kept
	s.mu.Unlock()
	for i := range list {
		err = errors.Join(err, s.look(ctx, &list[i]))
	}
	return err
}

func (s *Service) readings(t *target) readings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent[t.key()]
}

// all reads the targets of every account and region.
func (s *Service) all(ctx context.Context) (out []target, err error) {
	places, err := s.cfg.Store.Places(ctx, "application-autoscaling/target/")
	for _, at := range places {
		list, listErr := s.targets(ctx, model.Caller{Account: at.Account, Region: at.Region})
		out, err = append(out, list...), errors.Join(err, listErr)
	}
	return out, err
}

// look does what is to be done about one target.
func (s *Service) look(ctx context.Context, t *target) error {
	c := model.Caller{Account: t.Account, Region: t.Region}
	v, ok, err := s.cfg.Volume(ctx, t.Resource)
	if err != nil {
		return err
	}
	if !ok {
		return s.remove(ctx, c, t.Resource) // the cluster is gone
	}
	if t.Activity != nil {
		status, message := decideEnd(t.Activity, v)
		if status == "" {
			return nil
		}
		return s.end(ctx, c, t.Resource, t.Activity.ID, status, message)
	}
	return s.grow(ctx, c, t, v)
}

// grow begins an activity if the target shall grow. The activity is written
// first, so that none is without a trace; one that a crash cut off has failed.
func (s *Service) grow(ctx context.Context, c model.Caller, seen *target, v Volume) error {
	if _, _, ok := decideGrowth(seen, v, s.readings(seen), s.now()); !ok {
		return nil
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	var a activity
	_, err = s.change(ctx, c, seen.Resource, func(t *target) error {
		now := s.now()
		to, cause, ok := decideGrowth(t, v, s.readings(t), now)
		if !ok {
			return errNothing // it was changed meanwhile
		}
		a = activity{ID: id, Started: now, Status: inProgress, From: v.GiB, To: to, Cause: cause}
		t.Activity, t.Scaled = &a, now
		return nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.cfg.Grow(ctx, seen.Resource, a.To); err != nil {
		message := "The storage could not be updated."
		if e, ok := errors.AsType[*model.Error](err); ok {
			message = e.Message
		}
		return errors.Join(s.end(ctx, c, seen.Resource, a.ID, failed, message), internal(err))
	}
	return nil
}

// errNothing ends a transaction that has nothing to write.
var errNothing = errors.New("nothing is to grow")

// internal is an error that is not the client's to see.
func internal(err error) error {
	if _, ok := errors.AsType[*model.Error](err); ok {
		return nil
	}
	return err
}

// end moves a target's activity to those that are past.
func (s *Service) end(ctx context.Context, c model.Caller, resource, id, status, message string) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		t, ok, err := find(tx, c, resource)
		if err != nil || !ok || t.Activity == nil || t.Activity.ID != id {
			return err // meanwhile
		}
		a := t.Activity
		a.Status, a.Message, a.Ended = status, message, s.now()
		if t.Activity = nil; status == failed {
			t.Retry = a.Ended.Add(retryAfter)
		}
		past, err := tx.List(activityPrefix(c.Account, c.Region)+resource+"/", "", maxActivities)
		if err == nil && len(past) == maxActivities {
			err = tx.Delete(past[0].Key)
		}
		return errors.Join(err, store.PutJSON(tx, t.activityKey(a), a), store.PutJSON(tx, t.key(), t))
	})
}

// past is an activity with what it was about.
type past struct {
	activity
	resource string
}

func (p past) order() string { // newest first
	return fmt.Sprintf("%019d/%s", (1<<62)-p.Started.UnixMilli(), p.ID)
}

// DescribeScalingActivities answers activities, newest first.
func (s *Service) DescribeScalingActivities(ctx context.Context, c model.Caller, in *shape.DescribeScalingActivitiesRequest) (*shape.DescribeScalingActivitiesResponse, error) {
	list, err := s.activities(ctx, c, deref(in.ResourceId))
	if err != nil {
		return nil, err
	}
	if checkScope(in.ServiceNamespace, in.ScalableDimension) != nil {
		list = nil
	}
	slices.SortFunc(list, func(a, b past) int { return strings.Compare(a.order(), b.order()) })
	list, next, err := page(list, past.order, in.NextToken, in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeScalingActivitiesResponse{ScalingActivities: []shape.ScalingActivity{}, NextToken: next}
	for _, a := range list {
		x := shape.ScalingActivity{
			ActivityId: &a.ID, ServiceNamespace: new(namespace), ScalableDimension: new(dimension), ResourceId: &a.resource, Cause: &a.Cause,
			Description: new(fmt.Sprintf("Setting volume size to %d.", a.To)), StartTime: model.NewEpoch(a.Started), EndTime: model.NewEpoch(a.Ended), StatusCode: &a.Status,
		}
		if a.Message != "" {
			x.StatusMessage = &a.Message
		}
		out.ScalingActivities = append(out.ScalingActivities, x)
	}
	return out, nil
}

// activities reads what happened to a resource, or to all of an account and
// region, and what is under way.
func (s *Service) activities(ctx context.Context, c model.Caller, resource string) (out []past, err error) {
	targets, err := s.targets(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if t.Activity != nil && (resource == "" || t.Resource == resource) {
			out = append(out, past{*t.Activity, t.Resource})
		}
	}
	prefix := activityPrefix(c.Account, c.Region)
	if resource != "" {
		prefix += resource + "/"
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for after := ""; ; {
			found, err := tx.List(prefix, after, pageOfAll)
			for _, kv := range found {
				p := past{resource: kv.Key[len(activityPrefix(c.Account, c.Region)):strings.LastIndexByte(kv.Key, '/')]}
				if err := json.Unmarshal(kv.Value, &p.activity); err != nil {
					return fmt.Errorf("read the document under %q: %w", kv.Key, err)
				}
				out, after = append(out, p), kv.Key
			}
			if err != nil || len(found) < pageOfAll {
				return err
			}
		}
	})
	return out, err
}

// Every is how often Tick is called.
const Every = time.Minute
