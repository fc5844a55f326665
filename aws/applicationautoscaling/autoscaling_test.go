package applicationautoscaling_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	autoscaling "github.com/millrace/millrace/aws/applicationautoscaling"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/applicationautoscaling"
	"github.com/millrace/millrace/store"
)

const cluster = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/4c1b0e4e-0000-4000-8000-000000000000-1"

var caller = model.Caller{Account: "000000000000", Region: "us-east-1", ARN: "arn:aws:iam::000000000000:root"}

// world is a service with one cluster, whose storage and time the test drives.
type world struct {
	*autoscaling.Service
	t      *testing.T
	st     *store.Store
	now    time.Time
	volume autoscaling.Volume
	gone   bool
	used   float64
	grown  []int32
	refuse error
}

func start(t *testing.T) *world {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w := &world{t: t, st: st, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), volume: autoscaling.Volume{GiB: 100, Idle: true}}
	w.open()
	return w
}

// open makes the service anew, as a start of the process does.
func (w *world) open() {
	w.Service = autoscaling.New(autoscaling.Config{
		Store: w.st, Now: func() time.Time { return w.now }, Random: rand.Reader,
		Volume: func(_ context.Context, arn string) (autoscaling.Volume, bool, error) {
			return w.volume, arn == cluster && !w.gone, nil
		},
		Used: func(context.Context, string) (float64, bool) { return w.used, true },
		Grow: func(_ context.Context, _ string, gib int32) error {
			if w.refuse == nil {
				w.grown, w.volume.Idle = append(w.grown, gib), false
			}
			return w.refuse
		},
	})
}

// minutes lets time pass with a look each minute.
func (w *world) minutes(n int) {
	w.t.Helper()
	for range n {
		w.now = w.now.Add(autoscaling.Every)
		if err := w.Tick(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// done ends the cluster's operation.
func (w *world) done(gib int32) {
	w.volume = autoscaling.Volume{GiB: gib, Changed: w.now, Idle: true}
}

func (w *world) register(low, high int32) {
	w.t.Helper()
	_, err := w.RegisterScalableTarget(w.t.Context(), caller, &shape.RegisterScalableTargetRequest{
		ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: new(cluster), MinCapacity: &low, MaxCapacity: &high,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func policy(target float64) *shape.PutScalingPolicyRequest {
	return &shape.PutScalingPolicyRequest{
		ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: new(cluster), PolicyName: new("storage"), PolicyType: new("TargetTrackingScaling"),
		TargetTrackingScalingPolicyConfiguration: &shape.TargetTrackingScalingPolicyConfiguration{
			TargetValue: &target, PredefinedMetricSpecification: &shape.PredefinedMetricSpecification{PredefinedMetricType: new("KafkaBrokerStorageUtilization")},
		},
	}
}

func (w *world) activities() []shape.ScalingActivity {
	w.t.Helper()
	out, err := w.DescribeScalingActivities(w.t.Context(), caller, &shape.DescribeScalingActivitiesRequest{ServiceNamespace: new("kafka"), ResourceId: new(cluster)})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.ScalingActivities
}

func (w *world) expectGrown(want ...int32) {
	w.t.Helper()
	if len(w.grown) != len(want) || len(want) > 0 && w.grown[len(want)-1] != want[len(want)-1] {
		w.t.Fatalf("at %s storage has grown to %v, want %v", w.now.Format(time.TimeOnly), w.grown, want)
	}
}

func TestStorageGrows(t *testing.T) {
	w := start(t)
	w.register(1, 300)
	if _, err := w.PutScalingPolicy(t.Context(), caller, policy(60)); err != nil {
		t.Fatal(err)
	}
	w.used = 60
	w.minutes(30)
	w.expectGrown() // not above the target
	w.used = 10
	w.minutes(5)
	w.used = 90
	w.minutes(3)
	w.expectGrown() // a peak is no average
	w.minutes(1)
	w.expectGrown(110)
	if a := w.activities(); len(a) != 1 || *a[0].StatusCode != "InProgress" || a[0].EndTime != nil {
		t.Errorf("the activities are %+v", a)
	}
	w.minutes(10)
	w.expectGrown(110) // under way
	w.done(110)
	w.minutes(1)
	if a := w.activities(); *a[0].StatusCode != "Successful" || *a[0].StatusMessage != "Successfully set volume size to 110." || a[0].EndTime == nil {
		t.Errorf("the activities are %+v", a)
	}
	w.minutes(5*60 + 50)
	w.expectGrown(110) // six hours
	w.minutes(10)
	w.expectGrown(110, 121) // 10 percent, rounded up
	w.done(121)
	w.used = 10
	w.minutes(24 * 60)
	w.expectGrown(110, 121) // never shrinks
	w.volume.GiB, w.used = 290, 99
	w.minutes(10)
	w.expectGrown(110, 121, 300) // the maximum
	w.done(300)
	w.minutes(24 * 60)
	w.expectGrown(110, 121, 300)
	if a := w.activities(); len(a) != 3 || *a[0].Description != "Setting volume size to 300." {
		t.Errorf("the activities are %+v", a)
	}
}

func TestStorageThatDoesNotGrow(t *testing.T) {
	w := start(t)
	w.register(1, 300)
	if _, err := w.PutScalingPolicy(t.Context(), caller, policy(60)); err != nil {
		t.Fatal(err)
	}
	w.used = 90
	suspend := func(out bool) {
		_, err := w.RegisterScalableTarget(t.Context(), caller, &shape.RegisterScalableTargetRequest{
			ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: new(cluster),
			SuspendedState: &shape.SuspendedState{DynamicScalingOutSuspended: &out},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	suspend(true)
	w.minutes(20)
	w.expectGrown()
	suspend(false)
	w.volume.Changed = w.now // by hand
	w.minutes(5 * 60)
	w.expectGrown()
	w.volume.Changed = time.Time{}
	w.refuse = &model.Error{Code: "BadRequestException", HTTP: 400, Message: "not now"}
	w.minutes(10)
	if a := w.activities(); len(a) != 1 || *a[0].StatusCode != "Failed" || *a[0].StatusMessage != "not now" {
		t.Errorf("the activities are %+v", a)
	}
	w.refuse = nil
	w.minutes(10)
	w.expectGrown(110)
	w.volume.Idle = true // the operation failed, or the process died before it began
	w.open()
	w.minutes(1)
	if a := w.activities(); len(a) != 2 || *a[0].StatusCode != "Failed" {
		t.Errorf("the activities are %+v", a)
	}
	w.gone = true
	w.minutes(1)
	out, err := w.DescribeScalableTargets(t.Context(), caller, &shape.DescribeScalableTargetsRequest{ServiceNamespace: new("kafka")})
	if err != nil || len(out.ScalableTargets) != 0 {
		t.Errorf("the target of a cluster that is gone: %+v %v", out, err)
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Code
	}
	return "none"
}

func TestTargetsAndPolicies(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	register := shape.RegisterScalableTargetRequest{
		ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: new(cluster), MinCapacity: new(int32(1)), MaxCapacity: new(int32(20)),
		Tags: map[string]string{"a": "b"},
	}
	for name, change := range map[string]func(*shape.RegisterScalableTargetRequest){
		"namespace": func(r *shape.RegisterScalableTargetRequest) { r.ServiceNamespace = new("ecs") },
		"cluster":   func(r *shape.RegisterScalableTargetRequest) { r.ResourceId = new(cluster + "x") },
		"maximum":   func(r *shape.RegisterScalableTargetRequest) { r.MaxCapacity = new(int32(0)) },
		"too much":  func(r *shape.RegisterScalableTargetRequest) { r.MaxCapacity = new(int32(16385)) },
		"minimum":   func(r *shape.RegisterScalableTargetRequest) { r.MinCapacity = nil },
	} {
		r := register
		change(&r)
		if _, err := w.RegisterScalableTarget(ctx, caller, &r); code(err) != "ValidationException" {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, err := w.PutScalingPolicy(ctx, caller, policy(50)); code(err) != "ObjectNotFoundException" {
		t.Errorf("a policy without a target: %v", err)
	}
	made, err := w.RegisterScalableTarget(ctx, caller, &register)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*shape.PutScalingPolicyRequest){
		"type":   func(p *shape.PutScalingPolicyRequest) { p.PolicyType = new("StepScaling") },
		"target": func(p *shape.PutScalingPolicyRequest) { *p.TargetTrackingScalingPolicyConfiguration.TargetValue = 81 },
		"metric": func(p *shape.PutScalingPolicyRequest) {
			p.TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification = nil
		},
	} {
		p := policy(50)
		change(p)
		if _, err := w.PutScalingPolicy(ctx, caller, p); code(err) != "ValidationException" {
			t.Errorf("another %s: %v", name, err)
		}
	}
	first, err := w.PutScalingPolicy(ctx, caller, policy(50))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.PutScalingPolicy(ctx, caller, policy(55)); err != nil || *again.PolicyARN != *first.PolicyARN {
		t.Errorf("%v, %v", again, err)
	}
	second := policy(50)
	second.PolicyName = new("another")
	if _, err := w.PutScalingPolicy(ctx, caller, second); code(err) != "ValidationException" {
		t.Errorf("a second policy for one metric: %v", err)
	}
	list, err := w.DescribeScalingPolicies(ctx, caller, &shape.DescribeScalingPoliciesRequest{ServiceNamespace: new("kafka"), PolicyNames: []string{"storage"}})
	if err != nil || len(list.ScalingPolicies) != 1 || *list.ScalingPolicies[0].TargetTrackingScalingPolicyConfiguration.TargetValue != 55 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := w.TagResource(ctx, caller, &shape.TagResourceRequest{ResourceARN: made.ScalableTargetARN, Tags: map[string]string{"c": "d"}}); err != nil {
		t.Error(err)
	}
	if _, err := w.UntagResource(ctx, caller, &shape.UntagResourceRequest{ResourceARN: made.ScalableTargetARN, TagKeys: []string{"a"}}); err != nil {
		t.Error(err)
	}
	tags, err := w.ListTagsForResource(ctx, caller, &shape.ListTagsForResourceRequest{ResourceARN: made.ScalableTargetARN})
	if err != nil || len(tags.Tags) != 1 || tags.Tags["c"] != "d" {
		t.Errorf("%v, %v", tags, err)
	}
	gone := &shape.DeleteScalingPolicyRequest{ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: new(cluster), PolicyName: new("storage")}
	if _, err := w.DeleteScalingPolicy(ctx, caller, gone); err != nil {
		t.Error(err)
	}
	if _, err := w.DeleteScalingPolicy(ctx, caller, gone); code(err) != "ObjectNotFoundException" {
		t.Error(err)
	}
	deregister := &shape.DeregisterScalableTargetRequest{ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: new(cluster)}
	if _, err := w.DeregisterScalableTarget(ctx, caller, deregister); err != nil {
		t.Error(err)
	}
	if _, err := w.DeregisterScalableTarget(ctx, caller, deregister); code(err) != "ObjectNotFoundException" {
		t.Error(err)
	}
}
