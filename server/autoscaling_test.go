package server

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	autoscaling "github.com/millrace/millrace/aws/applicationautoscaling"
	shape "github.com/millrace/millrace/aws/model/applicationautoscaling"
)

// TestStorageOfAClusterGrows runs the scaling of a real cluster, told that its
// storage is full: the cluster's own operation makes it larger.
func TestStorageOfAClusterGrows(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	client := h.client()
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 2, nil, "filling"); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "filling", Value: make([]byte, 10_000)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if used, ok := h.s.storageUsed(ctx, h.arn); !ok || used <= 0 || used > 1 {
		t.Errorf("%v percent of the storage is used, %v", used, ok)
	}
	before, ok, err := h.s.msk.Volume(ctx, h.arn)
	if err != nil || !ok {
		t.Fatal(err)
	}
	scaling := autoscaling.New(autoscaling.Config{
		Store: h.s.store, Now: time.Now, Random: rand.Reader, Used: func(context.Context, string) (float64, bool) { return 99, true }, Grow: h.s.msk.GrowVolumes,
		Volume: func(ctx context.Context, cluster string) (autoscaling.Volume, bool, error) {
			v, ok, err := h.s.msk.Volume(ctx, cluster)
			return autoscaling.Volume(v), ok, err
		},
	})
	if _, err := scaling.RegisterScalableTarget(ctx, h.caller, &shape.RegisterScalableTargetRequest{
		ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: &h.arn, MinCapacity: new(int32(1)), MaxCapacity: new(int32(16384)),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := scaling.PutScalingPolicy(ctx, h.caller, &shape.PutScalingPolicyRequest{
		ServiceNamespace: new("kafka"), ScalableDimension: new("kafka:broker-storage:VolumeSize"), ResourceId: &h.arn, PolicyName: new("p"), PolicyType: new("TargetTrackingScaling"),
		TargetTrackingScalingPolicyConfiguration: &shape.TargetTrackingScalingPolicyConfiguration{
			TargetValue: new(50.0), PredefinedMetricSpecification: &shape.PredefinedMetricSpecification{PredefinedMetricType: new("KafkaBrokerStorageUtilization")},
		},
	}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := scaling.Tick(ctx); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the storage to grow", func() bool {
		v, _, err := h.s.msk.Volume(ctx, h.arn)
		return err == nil && v.Idle && v.GiB > before.GiB
	})
	if err := scaling.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	out, err := scaling.DescribeScalingActivities(ctx, h.caller, &shape.DescribeScalingActivitiesRequest{ServiceNamespace: new("kafka")})
	if err != nil || len(out.ScalingActivities) != 1 || *out.ScalingActivities[0].StatusCode != "Successful" {
		t.Errorf("the activities are %+v, %v", out, err)
	}
}
