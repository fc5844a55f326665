package secretsmanager

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/aws/policy"
)

// Limits. (aws:secretsmanager user guide, quotas)
const (
	maxName        = 512
	maxTags        = 50
	maxTagKey      = 128 // characters
	maxTagValue    = 256
	maxValue       = 64 << 10 // bytes
	maxStages      = 20       // of one secret
	maxDeprecated  = 75       // versions without a stage; the oldest go
	maxPolicyBytes = 20 << 10
	minWindow      = 7 // days
	maxWindow      = 30
	day            = 24 * time.Hour
)

var (
	nameShape  = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]+$`)
	tokenShape = regexp.MustCompile(`^[A-Za-z0-9_.-]{32,64}$`)
	tagShape   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_./=+@:-]*$`)
)

// gone says that a secret's time has come.
func (s *secret) gone(now time.Time) bool { return !s.Deletion.IsZero() && !now.Before(s.Deletion) }

// live refuses a secret that is marked for deletion.
func (s *secret) live() error {
	if !s.Deletion.IsZero() {
		return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return nil
}

func (s *secret) version(id string) *version {
	for i := range s.Versions {
		if s.Versions[i].ID == id {
			return &s.Versions[i]
		}
	}
	return nil
}

func (s *secret) staged(stage string) *version {
	for i := range s.Versions {
		if slices.Contains(s.Versions[i].Stages, stage) {
			return &s.Versions[i]
		}
	}
	return nil
}

// pick finds the version that a request names.
// aws:secretsmanager GetSecretValue
func (s *secret) pick(id, stage string) (*version, error) {
	if id == "" {
		if stage == "" {
			stage = current
		}
		if v := s.staged(stage); v != nil {
			return v, nil
		}
		return nil, fault("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
	}
	v := s.version(id)
	switch {
	case v == nil || len(v.Stages) == 0 && stage != "":
		return nil, fault("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	case stage != "" && !slices.Contains(v.Stages, stage):
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return v, nil
}

// move gives a stage to a version and takes it from the one that had it; the
// version that AWSCURRENT leaves becomes AWSPREVIOUS.
func (s *secret) move(stage, id string) {
	before := s.staged(stage)
	if before != nil && before.ID == id {
		return
	}
	if before != nil {
		before.drop(stage)
	}
	to := s.version(id)
	to.Stages = append(to.Stages, stage)
	slices.Sort(to.Stages)
	if stage == current && before != nil {
		s.move(previous, before.ID)
	}
}

func (v *version) drop(stage string) {
	v.Stages = slices.DeleteFunc(v.Stages, func(s string) bool { return s == stage })
}

// decideVersion adds a version with its stages and answers the ids of versions
// that go for it. aws:secretsmanager PutSecretValue
func decideVersion(s *secret, v version, stages []string, now time.Time) (dropped []string, err error) {
	if len(stages) == 0 || len(s.Versions) == 0 && !slices.Contains(stages, current) {
		stages = append(stages[:len(stages):len(stages)], current)
	}
	v.Stages, v.Created = nil, now
	s.Versions = append(s.Versions, v)
	for _, stage := range stages {
		s.move(stage, v.ID)
	}
	total, old := 0, 0
	for _, v := range s.Versions {
		total += len(v.Stages)
		if len(v.Stages) == 0 {
			old++
		}
	}
	if total > maxStages {
		return nil, fault("LimitExceededException", "A secret can have at most %d staging labels.", maxStages)
	}
	s.Versions = slices.DeleteFunc(s.Versions, func(v version) bool {
		drop := len(v.Stages) == 0 && old > maxDeprecated
		if drop {
			old--
			dropped = append(dropped, v.ID)
		}
		return drop
	})
	s.Changed = now
	return dropped, nil
}

// decideStage moves a stage between versions.
// aws:secretsmanager UpdateSecretVersionStage
func decideStage(s *secret, stage, from, to string, now time.Time) error {
	if err := s.live(); err != nil {
		return err
	}
	holder := s.staged(stage)
	switch {
	case from != "" && s.version(from) == nil || to != "" && s.version(to) == nil:
		return fault("ResourceNotFoundException", "Secrets Manager can't find the specified secret version.")
	case from != "" && (holder == nil || holder.ID != from):
		return invalidParameter("The staging label %s is currently not attached to version %s.", stage, from)
	case to != "" && holder != nil && holder.ID != to && from != holder.ID:
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, holder.ID)
	case to == "" && stage == current:
		return invalidParameter("You can't remove the staging label AWSCURRENT without moving it to another version.")
	case to == "":
		holder.drop(stage)
	default:
		s.move(stage, to)
	}
	s.Changed = now
	return nil
}

// decideDelete marks a secret. aws:secretsmanager DeleteSecret
func decideDelete(s *secret, days *int64, now time.Time) error {
	if err := s.live(); err != nil {
		return err
	}
	window := int64(maxWindow)
	if days != nil {
		window = *days
	}
	if window < minWindow || window > maxWindow {
		return invalidParameter("The RecoveryWindowInDays value must be between %d and %d days (inclusive).", minWindow, maxWindow)
	}
	s.Deleted, s.Deletion = now, now.Add(time.Duration(window)*day)
	return nil
}

// mergeTags adds tags to those that a secret has.
func mergeTags(have map[string]string, add []secretsmanager.Tag) (map[string]string, error) {
	out := maps.Clone(have)
	if out == nil {
		out = map[string]string{}
	}
	for _, t := range add {
		name, v := deref(t.Key), deref(t.Value)
		switch n := utf8.RuneCountInString(name); {
		case n == 0 || n > maxTagKey || !tagShape.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "aws:"):
			return nil, invalidParameter("The tag key '%s' is not valid.", name)
		case utf8.RuneCountInString(v) > maxTagValue || !tagShape.MatchString(v):
			return nil, invalidParameter("The value of the tag '%s' is not valid.", name)
		}
		out[name] = v
	}
	if len(out) > maxTags {
		return nil, fault("LimitExceededException", "A secret can have at most %d tags.", maxTags)
	}
	return out, nil
}

func tagList(tags map[string]string) []secretsmanager.Tag {
	out := []secretsmanager.Tag{}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, secretsmanager.Tag{Key: new(name), Value: new(tags[name])})
	}
	return out
}

// parsePolicy parses a resource policy.
func parsePolicy(text string) (*policy.Document, error) {
	if len(text) > maxPolicyBytes {
		return nil, invalidParameter("The resource policy has %d bytes, at most %d are allowed.", len(text), maxPolicyBytes)
	}
	d, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil {
		return nil, fault("MalformedPolicyDocumentException", "This resource policy contains a syntax error: %s", err)
	}
	return d, nil
}
