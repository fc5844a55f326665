package kms

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/policy"
)

// Limits. (aws:kms developer guide, quotas)
const (
	maxTags        = 50
	maxTagKey      = 128 // characters
	maxTagValue    = 256
	maxPolicyBytes = 32 << 10
	maxDescription = 8192
	maxMaterials   = 100 // of one key: it rotates no more after so many
	minWindow      = 7   // days
	maxWindow      = 30
	defaultPeriod  = 365 // days between rotations
	minPeriod      = 90
	maxPeriod      = 2560
	day            = 24 * time.Hour
)

// usable says whether a key may encrypt and decrypt.
func (k *key) usable() error {
	switch k.State {
	case Disabled:
		return fault("DisabledException", "%s is disabled.", k.ARN)
	case PendingDeletion:
		return pending(k)
	}
	return nil
}

func pending(k *key) error {
	return fault("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
}

// gone says that a key's time to be deleted has come.
func (k *key) gone(now time.Time) bool { return k.State == PendingDeletion && !now.Before(k.Deletion) }

// changeable says whether a key's settings may be changed: not while it is about
// to be deleted, and not those of AWS's own keys.
func (k *key) changeable() error {
	if err := k.owned(); err != nil {
		return err
	}
	if k.State == PendingDeletion {
		return pending(k)
	}
	return nil
}

// owned refuses what only customers' keys allow. UNVERIFIED wording
func (k *key) owned() error {
	if k.Managed != "" {
		return fault("AccessDeniedException", "The operation is not allowed on the AWS managed key %s.", k.ARN)
	}
	return nil
}

// decideSchedule marks a key for deletion. aws:kms ScheduleKeyDeletion
func decideSchedule(k *key, days int32, now time.Time) error {
	if err := k.changeable(); err != nil {
		return err
	}
	if days < minWindow || days > maxWindow {
		return validation("1 validation error detected: Value '%d' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value between %d and %d", days, minWindow, maxWindow)
	}
	k.State, k.Window, k.Deletion = PendingDeletion, days, now.Add(time.Duration(days)*day)
	return nil
}

// decideCancel leaves the key disabled, as AWS does. aws:kms CancelKeyDeletion
func decideCancel(k *key) error {
	if k.State != PendingDeletion {
		return fault("KMSInvalidStateException", "%s is not pending deletion.", k.ARN)
	}
	k.State, k.Window, k.Deletion = Disabled, 0, time.Time{}
	return nil
}

// decideRotation turns the rotation on. aws:kms EnableKeyRotation
func decideRotation(k *key, days *int32, now time.Time) error {
	if err := k.changeable(); err != nil {
		return err
	}
	if err := k.usable(); err != nil {
		return err
	}
	period := int32(defaultPeriod)
	if k.Rotation > 0 {
		period = k.Rotation
	}
	if days != nil {
		period = *days
	}
	if period < minPeriod || period > maxPeriod {
		return validation("The rotation period must be between %d and %d days.", minPeriod, maxPeriod)
	}
	k.Rotation, k.Next = period, now.Add(time.Duration(period)*day)
	return nil
}

// due says that a key needs new material.
func (k *key) due(now time.Time) bool {
	return k.Rotation > 0 && !now.Before(k.Next) && len(k.Material) < maxMaterials
}

// parsePolicy parses a key policy.
func parsePolicy(text string) (*policy.Document, error) {
	if len(text) > maxPolicyBytes {
		return nil, fault("LimitExceededException", "The key policy has %d bytes, at most %d are allowed.", len(text), maxPolicyBytes)
	}
	d, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil {
		return nil, fault("MalformedPolicyDocumentException", "%s", err)
	}
	return d, nil
}

// checkLockout refuses a policy that would keep the caller from changing it
// again, unless that is what the caller wants. aws:kms PutKeyPolicy
func checkLockout(c model.Caller, arn, text string, bypass *bool) error {
	if deref(bypass) {
		return nil
	}
	d, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil {
		return fault("MalformedPolicyDocumentException", "%s", err)
	}
	all := policy.Policies{Resource: &policy.Named{Name: policyOf, Document: d}, Guarded: true}
	verdict := all.Decide(&policy.Request{
		Principal: policy.Principal{Account: c.Account, ARN: c.ARN, RoleARN: roleOf(c.ARN)}, Action: "kms:PutKeyPolicy", Resource: arn, Owner: c.Account,
	})
	if verdict.Reason == policy.NoResourceAllow || verdict.Reason == policy.ExplicitDeny {
		return fault("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

// roleOf is the role of a session's ARN; paths of roles are not in it.
func roleOf(arn string) string {
	before, session, ok := strings.Cut(arn, ":assumed-role/")
	if !ok {
		return ""
	}
	role, _, _ := strings.Cut(session, "/")
	return strings.Replace(before, ":sts:", ":iam:", 1) + ":role/" + role
}

// defaultPolicy lets the account's own policies decide.
// aws:kms developer guide, default key policy
func defaultPolicy(partition, account string) string {
	text, err := json.Marshal(map[string]any{
		"Version": "2012-10-17", "Id": "key-default-1",
		"Statement": []any{map[string]any{
			"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
			"Principal": map[string]string{"AWS": "arn:" + partition + ":iam::" + account + ":root"},
		}},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

var tagShape = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_./=+@:-]*$`)

// mergeTags adds tags to those that a key has.
func mergeTags(have map[string]string, add []kms.Tag) (map[string]string, error) {
	out := maps.Clone(have)
	if out == nil {
		out = map[string]string{}
	}
	for _, t := range add {
		name, value := deref(t.TagKey), deref(t.TagValue)
		switch n := utf8.RuneCountInString(name); {
		case n == 0 || n > maxTagKey || !tagShape.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "aws:"):
			return nil, fault("TagException", "The tag key '%s' is not valid.", name)
		case utf8.RuneCountInString(value) > maxTagValue || !tagShape.MatchString(value):
			return nil, fault("TagException", "The value of the tag '%s' is not valid.", name)
		}
		out[name] = value
	}
	if len(out) > maxTags {
		return nil, fault("TagException", "A key can have at most %d tags.", maxTags)
	}
	return out, nil
}
