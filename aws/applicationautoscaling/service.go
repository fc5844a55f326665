package applicationautoscaling

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/applicationautoscaling"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Every field is required.
type Config struct {
	Store  *store.Store
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader

	// Volume tells of a cluster's storage; ok is false for one that does not
	// exist or has no volumes.
	Volume func(ctx context.Context, cluster string) (v Volume, ok bool, err error)
	// Used is how full a cluster's storage is on average over its brokers, in
	// percent; ok is false while that is not known.
	Used func(ctx context.Context, cluster string) (percent float64, ok bool)
	// Grow begins to make a cluster's storage larger.
	Grow func(ctx context.Context, cluster string, gib int32) error
}

// Service is the API over the store, and the scaling. Its methods may be called
// concurrently; Tick by one goroutine.
type Service struct {
	cfg Config

	mu     sync.Mutex
	recent map[string]readings // guarded by mu; by the target's key
}

var _ shape.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg, recent: map[string]readings{}} }

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// newID draws an id in the form of a UUID.
func (s *Service) newID() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	id := hex.EncodeToString(b)
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-"), nil
}

func find(tx *store.Tx, c model.Caller, resource string) (t target, ok bool, err error) {
	return store.GetJSON[target](tx, targetPrefix(c.Account, c.Region)+resource)
}

func (s *Service) change(ctx context.Context, c model.Caller, resource string, decide func(t *target) error) (t target, err error) {
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		var ok bool
		if t, ok, err = find(tx, c, resource); err != nil {
			return err
		}
		if !ok {
			return noTarget(resource)
		}
		if err := decide(&t); err != nil {
			return err
		}
		return store.PutJSON(tx, t.key(), t)
	})
	return t, err
}

// RegisterScalableTarget makes a target, or changes one.
func (s *Service) RegisterScalableTarget(ctx context.Context, c model.Caller, in *shape.RegisterScalableTargetRequest) (*shape.RegisterScalableTargetResponse, error) {
	if err := checkScope(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	if _, ok, err := s.cfg.Volume(ctx, *in.ResourceId); err != nil {
		return nil, err
	} else if place := strings.SplitN(*in.ResourceId, ":", 6); !ok || len(place) != 6 || place[3] != c.Region || place[4] != c.Account {
		return nil, invalid("The cluster %.200s doesn't exist, or its storage cannot be scaled", *in.ResourceId) // UNVERIFIED wording
	}
	id, err := s.newID()
	if err != nil {
		return nil, err
	}
	var t target
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		var exists bool
		if t, exists, err = find(tx, c, *in.ResourceId); err != nil {
			return err
		}
		if !exists {
			t = target{
				ID: strings.ReplaceAll(id, "-", ""), Account: c.Account, Region: c.Region, Resource: *in.ResourceId, Role: linkedRole(c.Account, c.Region), Created: s.now(),
			}
			have, err := tx.List(targetPrefix(c.Account, c.Region), "", maxTargets)
			if err != nil {
				return err
			}
			if len(have) == maxTargets {
				return fault("LimitExceededException", "There are %d scalable targets already", maxTargets)
			}
		}
		if err := decideTarget(&t, exists, in); err != nil {
			return err
		}
		return store.PutJSON(tx, t.key(), t)
	})
	if err != nil {
		return nil, err
	}
	return &shape.RegisterScalableTargetResponse{ScalableTargetARN: new(t.arn())}, nil
}

// DeregisterScalableTarget removes a target with its policy.
func (s *Service) DeregisterScalableTarget(ctx context.Context, c model.Caller, in *shape.DeregisterScalableTargetRequest) (*shape.DeregisterScalableTargetResponse, error) {
	if err := checkScope(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	return &shape.DeregisterScalableTargetResponse{}, s.remove(ctx, c, *in.ResourceId)
}

// remove forgets a target and what happened to it.
func (s *Service) remove(ctx context.Context, c model.Caller, resource string) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		t, ok, err := find(tx, c, resource)
		if err != nil {
			return err
		}
		if !ok {
			return noTarget(resource)
		}
		past, err := tx.List(activityPrefix(c.Account, c.Region)+resource+"/", "", maxActivities+1)
		for _, kv := range past {
			err = errors.Join(err, tx.Delete(kv.Key))
		}
		return errors.Join(err, tx.Delete(t.key()))
	})
}

// PutScalingPolicy makes a target's policy, or changes it.
func (s *Service) PutScalingPolicy(ctx context.Context, c model.Caller, in *shape.PutScalingPolicyRequest) (*shape.PutScalingPolicyResponse, error) {
	if err := checkScope(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	id, err := s.newID()
	if err != nil {
		return nil, err
	}
	t, err := s.change(ctx, c, *in.ResourceId, func(t *target) error {
		p, err := decidePolicy(t.Policy, in)
		if err != nil {
			return err
		}
		if p.ID == "" {
			p.ID, p.Created = id, s.now()
		}
		t.Policy = p
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &shape.PutScalingPolicyResponse{PolicyARN: new(t.policyARN()), Alarms: []shape.Alarm{}}, nil
}

// DeleteScalingPolicy removes a target's policy.
func (s *Service) DeleteScalingPolicy(ctx context.Context, c model.Caller, in *shape.DeleteScalingPolicyRequest) (*shape.DeleteScalingPolicyResponse, error) {
	if err := checkScope(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	_, err := s.change(ctx, c, *in.ResourceId, func(t *target) error {
		if t.Policy == nil || t.Policy.Name != *in.PolicyName {
			return fault("ObjectNotFoundException", "No scaling policy found for service namespace: %s, resource ID: %s, scalable dimension: %s: %s", namespace, *in.ResourceId, dimension, *in.PolicyName)
		}
		t.Policy = nil
		return nil
	})
	return &shape.DeleteScalingPolicyResponse{}, err
}

// targets reads the targets of an account and region, maxTargets at most.
func (s *Service) targets(ctx context.Context, c model.Caller) (out []target, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		found, err := tx.List(targetPrefix(c.Account, c.Region), "", maxTargets)
		for _, kv := range found {
			var t target
			if err := json.Unmarshal(kv.Value, &t); err != nil {
				return fmt.Errorf("read the document under %q: %w", kv.Key, err)
			}
			out = append(out, t)
		}
		return err
	})
	return out, err
}

// page cuts one page out of a list whose keys are in order.
func page[T any](list []T, key func(T) string, token *string, most *int32, otherwise int32) ([]T, *string, error) {
	after, err := base64.URLEncoding.DecodeString(deref(token))
	if err != nil {
		return nil, nil, fault("InvalidNextTokenException", "The next token supplied is invalid")
	}
	n := otherwise
	if most != nil {
		n = *most
	}
	if n < 1 || n > 50 {
		return nil, nil, invalid("MaxResults must be between 1 and 50")
	}
	if len(after) > 0 {
		list = slices.DeleteFunc(list, func(v T) bool { return key(v) <= string(after) })
	}
	if len(list) <= int(n) {
		return list, nil, nil
	}
	list = list[:n]
	return list, new(base64.URLEncoding.EncodeToString([]byte(key(list[n-1])))), nil
}

// DescribeScalableTargets answers targets.
func (s *Service) DescribeScalableTargets(ctx context.Context, c model.Caller, in *shape.DescribeScalableTargetsRequest) (*shape.DescribeScalableTargetsResponse, error) {
	list, err := s.targets(ctx, c)
	if err != nil {
		return nil, err
	}
	none := checkScope(in.ServiceNamespace, in.ScalableDimension) != nil
	list = slices.DeleteFunc(list, func(t target) bool {
		return none || len(in.ResourceIds) > 0 && !slices.Contains(in.ResourceIds, t.Resource)
	})
	list, next, err := page(list, func(t target) string { return t.Resource }, in.NextToken, in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeScalableTargetsResponse{ScalableTargets: []shape.ScalableTarget{}, NextToken: next}
	for _, t := range list {
		out.ScalableTargets = append(out.ScalableTargets, shape.ScalableTarget{
			ServiceNamespace: new(namespace), ScalableDimension: new(dimension), ResourceId: &t.Resource, MinCapacity: &t.Min, MaxCapacity: &t.Max,
			RoleARN: &t.Role, CreationTime: model.NewEpoch(t.Created), ScalableTargetARN: new(t.arn()),
			SuspendedState: &shape.SuspendedState{DynamicScalingInSuspended: &t.Held.In, DynamicScalingOutSuspended: &t.Held.Out, ScheduledScalingSuspended: &t.Held.Scheduled},
		})
	}
	return out, nil
}

// DescribeScalingPolicies answers policies.
func (s *Service) DescribeScalingPolicies(ctx context.Context, c model.Caller, in *shape.DescribeScalingPoliciesRequest) (*shape.DescribeScalingPoliciesResponse, error) {
	list, err := s.targets(ctx, c)
	if err != nil {
		return nil, err
	}
	none := checkScope(in.ServiceNamespace, in.ScalableDimension) != nil
	list = slices.DeleteFunc(list, func(t target) bool {
		return none || t.Policy == nil || in.ResourceId != nil && *in.ResourceId != t.Resource || len(in.PolicyNames) > 0 && !slices.Contains(in.PolicyNames, t.Policy.Name)
	})
	list, next, err := page(list, func(t target) string { return t.Resource }, in.NextToken, in.MaxResults, 10)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeScalingPoliciesResponse{ScalingPolicies: []shape.ScalingPolicy{}, NextToken: next}
	for _, t := range list {
		p := t.Policy
		out.ScalingPolicies = append(out.ScalingPolicies, shape.ScalingPolicy{
			PolicyARN: new(t.policyARN()), PolicyName: &p.Name, PolicyType: new(tracking), ServiceNamespace: new(namespace), ScalableDimension: new(dimension),
			ResourceId: &t.Resource, CreationTime: model.NewEpoch(p.Created), Alarms: []shape.Alarm{},
			TargetTrackingScalingPolicyConfiguration: &shape.TargetTrackingScalingPolicyConfiguration{
				TargetValue: &p.Value, ScaleOutCooldown: p.Cooldown, ScaleInCooldown: p.InAfter, DisableScaleIn: new(deref(p.NoIn)),
				PredefinedMetricSpecification: &shape.PredefinedMetricSpecification{PredefinedMetricType: new(metric)},
			},
		})
	}
	return out, nil
}

// byARN finds the target that a tag operation names, of the caller's.
func (s *Service) byARN(ctx context.Context, c model.Caller, arn string) (target, error) {
	list, err := s.targets(ctx, c)
	for _, t := range list {
		if t.arn() == arn {
			return t, nil
		}
	}
	if err == nil {
		err = fault("ResourceNotFoundException", "The specified resource doesn't exist: %s", arn)
	}
	return target{}, err
}

// ListTagsForResource answers a target's tags.
func (s *Service) ListTagsForResource(ctx context.Context, c model.Caller, in *shape.ListTagsForResourceRequest) (*shape.ListTagsForResourceResponse, error) {
	t, err := s.byARN(ctx, c, *in.ResourceARN)
	if t.Tags == nil {
		t.Tags = map[string]string{}
	}
	return &shape.ListTagsForResourceResponse{Tags: t.Tags}, err
}

// TagResource adds tags to a target.
func (s *Service) TagResource(ctx context.Context, c model.Caller, in *shape.TagResourceRequest) (*shape.TagResourceResponse, error) {
	t, err := s.byARN(ctx, c, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, c, t.Resource, func(t *target) error {
		tags := maps.Clone(t.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, in.Tags)
		t.Tags = tags
		return checkTags(tags)
	})
	return &shape.TagResourceResponse{}, err
}

// UntagResource takes tags from a target.
func (s *Service) UntagResource(ctx context.Context, c model.Caller, in *shape.UntagResourceRequest) (*shape.UntagResourceResponse, error) {
	t, err := s.byARN(ctx, c, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, c, t.Resource, func(t *target) error {
		for _, key := range in.TagKeys {
			delete(t.Tags, key)
		}
		return nil
	})
	return &shape.UntagResourceResponse{}, err
}
