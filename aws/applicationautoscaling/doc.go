// Package applicationautoscaling keeps scalable targets and their policies, and
// decides when the storage of MSK's brokers grows: the one thing that is scaled
// here.
//
// aws/api calls it through the generated service interface, and server calls
// Tick once a minute. It owns the documents in store. decide.go is pure; the
// service files know the store, the clock and randomness, and what they ask of
// clusters goes through Config, which server supplies from aws/msk. What was
// measured in the last minutes stands in memory alone: after a start it takes
// as many minutes until storage may grow.
//
// Keys: docs/formats/applicationautoscaling.md.
package applicationautoscaling

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/aws/model"
)

// What is scaled. "Automatic scaling for Amazon MSK clusters" of the MSK
// developer guide.
const (
	namespace = "kafka"
	dimension = "kafka:broker-storage:VolumeSize"
	metric    = "KafkaBrokerStorageUtilization"
	tracking  = "TargetTrackingScaling"
)

// target is the document of a scalable target.
type target struct {
	ID       string            `json:"id"`
	Account  string            `json:"account"`
	Region   string            `json:"region"`
	Resource string            `json:"resource"` // the cluster's ARN
	Min      int32             `json:"min"`      // GiB
	Max      int32             `json:"max"`
	Role     string            `json:"role"`
	Created  time.Time         `json:"created"`
	Held     suspension        `json:"held,omitzero"`
	Tags     map[string]string `json:"tags,omitempty"`
	Policy   *policy           `json:"policy,omitempty"`
	Scaled   time.Time         `json:"scaled,omitzero"`    // when storage last began to grow
	Retry    time.Time         `json:"retry,omitzero"`     // not before, after a failure
	Activity *activity         `json:"activity,omitempty"` // that has not ended
}

// suspension is what is suspended of a target.
type suspension struct {
	In        bool `json:"in,omitempty"`
	Out       bool `json:"out,omitempty"`
	Scheduled bool `json:"scheduled,omitempty"`
}

// policy is the one policy that a target may have: there is one metric to track.
type policy struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Value    float64   `json:"value"` // percent
	Cooldown *int32    `json:"cooldown,omitempty"`
	InAfter  *int32    `json:"inAfter,omitempty"` // kept and shown: storage never shrinks
	NoIn     *bool     `json:"noIn,omitempty"`
	Created  time.Time `json:"created"`
}

// activity is one growth.
type activity struct {
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Status  string    `json:"status"`
	From    int32     `json:"from"` // GiB
	To      int32     `json:"to"`
	Cause   string    `json:"cause"`
	Message string    `json:"message,omitempty"`
}

// Statuses of activities.
const (
	inProgress = "InProgress"
	successful = "Successful"
	failed     = "Failed"
)

func targetPrefix(account, region string) string {
	return account + "/" + region + "/application-autoscaling/target/"
}

func (t *target) key() string { return targetPrefix(t.Account, t.Region) + t.Resource }

func activityPrefix(account, region string) string {
	return account + "/" + region + "/application-autoscaling/activity/"
}

// activityKey orders a cluster's activities by time.
func (t *target) activityKey(a *activity) string {
	return fmt.Sprintf("%s%s/%019d", activityPrefix(t.Account, t.Region), t.Resource, a.Started.UnixMilli())
}

func partition(region string) string { return model.Caller{Region: region}.Partition() }

func (t *target) arn() string {
	return fmt.Sprintf("arn:%s:application-autoscaling:%s:%s:scalable-target/%s", partition(t.Region), t.Region, t.Account, t.ID)
}

func (t *target) policyARN() string {
	return fmt.Sprintf("arn:%s:autoscaling:%s:%s:scalingPolicy:%s:resource/%s/%s:policyName/%s", partition(t.Region), t.Region, t.Account, t.Policy.ID, namespace, t.Resource, t.Policy.Name)
}

// linkedRole is the role that the service has for it in every account.
func linkedRole(account, region string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/aws-service-role/kafka.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_KafkaCluster", partition(region), account)
}

func fault(code, format string, args ...any) error {
	return &model.Error{Code: code, HTTP: 400, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return fault("ValidationException", format, args...) }

func noTarget(resource string) error {
	return fault("ObjectNotFoundException", "No scalable target registered for service namespace: %s, resource ID: %s, scalable dimension: %s", namespace, resource, dimension)
}

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
