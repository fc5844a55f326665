package applicationautoscaling

import (
	"fmt"
	"slices"
	"strings"
	"time"

	shape "github.com/millrace/millrace/aws/model/applicationautoscaling"
)

// Limits. "Automatic scaling for Amazon MSK clusters" of the MSK developer
// guide, and "Quotas for Application Auto Scaling".
const (
	minTarget     = 10 // percent
	maxTarget     = 80
	maxVolume     = 16384 // GiB
	minStep       = 10    // GiB; or stepPercent of the volume, whichever is more
	stepPercent   = 10
	apart         = 6 * time.Hour // between growths, manual ones included
	window        = 5             // minutes whose average counts
	retryAfter    = 10 * time.Minute
	maxTargets    = 500 // of an account and region
	maxTags       = 50
	maxActivities = 50 // of a cluster that are kept
)

// checkScope refuses what is not scaled here. The enumerations of the model let
// other services through.
func checkScope(ns, dim *string) error {
	if deref(ns) != namespace || dim != nil && *dim != dimension {
		return invalid("millrace scales %s of the service namespace %s alone, not %s of %s", dimension, namespace, deref(dim), deref(ns))
	}
	return nil
}

// decideTarget is the target that a registration makes of what there is.
// aws:application-autoscaling RegisterScalableTarget; UNVERIFIED wordings
func decideTarget(t *target, exists bool, in *shape.RegisterScalableTargetRequest) error {
	if !exists && (in.MinCapacity == nil || in.MaxCapacity == nil) {
		return invalid("Both MinCapacity and MaxCapacity are required when a scalable target is registered")
	}
	if in.MinCapacity != nil {
		t.Min = *in.MinCapacity
	}
	if in.MaxCapacity != nil {
		t.Max = *in.MaxCapacity
	}
	switch {
	case t.Min < 1:
		return invalid("Minimum capacity cannot be less than 1")
	case t.Max < t.Min:
		return invalid("Maximum capacity cannot be less than minimum capacity")
	case t.Max > maxVolume:
		return invalid("Maximum capacity cannot be more than %d", maxVolume)
	case exists && len(in.Tags) > 0:
		return invalid("Scalable target with ARN %s already exists: use TagResource for its tags", t.arn())
	}
	if in.RoleARN != nil {
		t.Role = *in.RoleARN
	}
	if h := in.SuspendedState; h != nil {
		for from, to := range map[*bool]*bool{h.DynamicScalingInSuspended: &t.Held.In, h.DynamicScalingOutSuspended: &t.Held.Out, h.ScheduledScalingSuspended: &t.Held.Scheduled} {
			if from != nil {
				*to = *from
			}
		}
	}
	if !exists {
		t.Tags = in.Tags
	}
	return checkTags(t.Tags)
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fault("TooManyTagsException", "A scalable target can have at most %d tags", maxTags)
	}
	for key := range tags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return invalid("The tag key %s is reserved", key)
		}
	}
	return nil
}

// decidePolicy is the policy that a request makes of the one there is.
// aws:application-autoscaling PutScalingPolicy; UNVERIFIED wordings
func decidePolicy(before *policy, in *shape.PutScalingPolicyRequest) (*policy, error) {
	c := in.TargetTrackingScalingPolicyConfiguration
	switch {
	case deref(in.PolicyType) != tracking && (in.PolicyType != nil || before == nil):
		return nil, invalid("Policy type %s is not supported for service namespace %s: only %s is", deref(in.PolicyType), namespace, tracking)
	case c == nil:
		return nil, invalid("TargetTrackingScalingPolicyConfiguration is required for policy type %s", tracking)
	case c.CustomizedMetricSpecification != nil, c.PredefinedMetricSpecification == nil, deref(c.PredefinedMetricSpecification.PredefinedMetricType) != metric:
		return nil, invalid("The predefined metric %s is the only one for %s", metric, dimension)
	case c.PredefinedMetricSpecification.ResourceLabel != nil:
		return nil, invalid("ResourceLabel is not valid for the predefined metric %s", metric)
	case *c.TargetValue < minTarget || *c.TargetValue > maxTarget:
		return nil, invalid("Target value must be between %d and %d for the predefined metric %s", minTarget, maxTarget, metric)
	case deref(c.ScaleOutCooldown) < 0 || deref(c.ScaleInCooldown) < 0:
		return nil, invalid("A cooldown cannot be negative")
	case before != nil && before.Name != *in.PolicyName:
		return nil, invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
	}
	p := policy{Name: *in.PolicyName, Value: *c.TargetValue, Cooldown: c.ScaleOutCooldown, InAfter: c.ScaleInCooldown, NoIn: c.DisableScaleIn}
	if before != nil {
		p.ID, p.Created = before.ID, before.Created
	}
	return &p, nil
}

// Volume is what is known of a cluster's storage.
type Volume struct {
	GiB     int32     // of each broker
	Changed time.Time // when it was last made larger
	Idle    bool      // the cluster is ACTIVE: nothing changes it
}

// readings are the utilizations of the last minutes, the newest last.
type readings []float64

// add keeps the newest.
func (r readings) add(v float64) readings {
	return append(slices.Clone(r[max(0, len(r)-window+1):]), v)
}

func (r readings) average() float64 {
	sum := 0.0
	for _, v := range r {
		sum += v
	}
	return sum / float64(len(r))
}

// decideGrowth is the volume that a target shall grow to; ok is false when it
// stays as it is. msk developer guide: storage grows by the larger of 10 GiB and
// 10 %, at least six hours after the last time, and never shrinks.
func decideGrowth(t *target, v Volume, r readings, now time.Time) (to int32, cause string, ok bool) {
	p := t.Policy
	switch {
	case p == nil, t.Held.Out, t.Activity != nil, !v.Idle, len(r) < window:
		return 0, "", false
	case r.average() <= p.Value, v.GiB >= t.Max:
		return 0, "", false
	case now.Before(t.Retry), now.Before(v.Changed.Add(apart)), now.Before(t.Scaled.Add(time.Duration(deref(p.Cooldown)) * time.Second)):
		return 0, "", false
	}
	step := max(minStep, (v.GiB*stepPercent+99)/100)
	return min(v.GiB+step, t.Max), fmt.Sprintf("the average of %s over %d minutes was %.1f percent, above the target of %g percent of policy %s", metric, window, r.average(), p.Value, p.Name), true
}

// decideEnd is how an activity ended, as the volume shows; empty while it has
// not.
func decideEnd(a *activity, v Volume) (status, message string) {
	switch {
	case v.GiB >= a.To:
		return successful, fmt.Sprintf("Successfully set volume size to %d.", a.To)
	case v.Idle:
		return failed, "The update of the storage did not take place."
	}
	return "", ""
}
