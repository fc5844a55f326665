package ec2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// Limits of tags. aws:ec2 user guide, tag restrictions
const (
	maxTags        = 50
	maxTagKey      = 128 // characters
	maxTagValue    = 256 // characters
	maxTaggedAtOne = 50  // resources of a CreateTags call: AWS takes 1000, a transaction 100 keys
)

// checkedTags is tags in a request.
func checkedTags(in []ec2.Tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range in {
		key, value := text(t.Key), text(t.Value)
		_, twice := out[key]
		switch {
		case key == "":
			return nil, problem("InvalidParameterValue", "Tag key cannot be empty.") // UNVERIFIED wording
		case len([]rune(key)) > maxTagKey:
			return nil, problem("InvalidParameterValue", "Tag key exceeds the maximum length of %d characters", maxTagKey)
		case len([]rune(value)) > maxTagValue:
			return nil, problem("InvalidParameterValue", "Tag value exceeds the maximum length of %d characters", maxTagValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, problem("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case twice:
			return nil, problem("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
		}
		out[key] = value
	}
	if len(out) > maxTags {
		return nil, tooManyTags()
	}
	return out, nil
}

func tooManyTags() *model.Error {
	return problem("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
}

// newTags is the tags that a request makes a resource with.
func newTags(in []ec2.TagSpecification, k kind) (map[string]string, error) {
	var all []ec2.Tag
	for _, spec := range in {
		if text(spec.ResourceType) != string(k) {
			return nil, problem("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", text(spec.ResourceType))
		}
		all = append(all, spec.Tags...)
	}
	return checkedTags(all)
}

// tagShapes shows tags; none are absent and no empty list.
func tagShapes(tags map[string]string) (out []ec2.Tag) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, ec2.Tag{Key: new(key), Value: new(tags[key])})
	}
	return out
}

// tagged finds the tags of a resource, or of a rule within its group, and what
// to put when they change.
func (n *network) tagged(id string) (*map[string]string, resource, error) {
	if r := n.find(id); r != nil {
		return &r.base().Tags, r, nil
	}
	for _, g := range all[securityGroup](n) {
		for i := range g.Rules {
			if g.Rules[i].ID == id {
				return &g.Rules[i].Tags, g, nil
			}
		}
	}
	for k, about := range kinds {
		if strings.HasPrefix(id, about.prefix+"-") {
			return nil, nil, unknown(k, id)
		}
	}
	return nil, nil, problem("InvalidID", "The ID '%s' is not valid", id)
}

// retag changes the tags of resources.
func (s *Service) retag(ctx context.Context, c model.Caller, dryRun *bool, ids []string, change func(map[string]string) error) error {
	if len(ids) > maxTaggedAtOne {
		return problem("InvalidParameterValue", "At most %d resources can be tagged at once.", maxTaggedAtOne)
	}
	return s.change(ctx, c, dryRun, func(n *network) error {
		for _, id := range ids {
			at, owner, err := n.tagged(id)
			if err != nil {
				return err
			}
			tags := maps.Clone(*at)
			if tags == nil {
				tags = map[string]string{}
			}
			if err := change(tags); err != nil {
				return err
			}
			*at = tags
			n.put(owner)
		}
		return nil
	})
}

// CreateTags sets tags of resources. aws:ec2 CreateTags
func (s *Service) CreateTags(ctx context.Context, c model.Caller, in *ec2.CreateTagsRequest) (*ec2.CreateTagsResponse, error) {
	tags, err := checkedTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return &ec2.CreateTagsResponse{}, s.retag(ctx, c, in.DryRun, in.Resources, func(have map[string]string) error {
		maps.Copy(have, tags)
		if len(have) > maxTags {
			return tooManyTags()
		}
		return nil
	})
}

// DeleteTags takes tags away: those of a key, where a value is given only that
// of the value; without tags all of them. aws:ec2 DeleteTags
func (s *Service) DeleteTags(ctx context.Context, c model.Caller, in *ec2.DeleteTagsRequest) (*ec2.DeleteTagsResponse, error) {
	return &ec2.DeleteTagsResponse{}, s.retag(ctx, c, in.DryRun, in.Resources, func(have map[string]string) error {
		if len(in.Tags) == 0 {
			clear(have)
		}
		for _, t := range in.Tags {
			if v, ok := have[text(t.Key)]; ok && (t.Value == nil || *t.Value == v) {
				delete(have, text(t.Key))
			}
		}
		return nil
	})
}

// DescribeTags lists the tags of everything. aws:ec2 DescribeTags
func (s *Service) DescribeTags(ctx context.Context, c model.Caller, in *ec2.DescribeTagsRequest) (*ec2.DescribeTagsResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	attrs := func(id string, k kind, key, value string) attributes {
		return attributes{"resource-id": {id}, "resource-type": {string(k)}, "key": {key}, "value": {value}}
	}
	if _, err := matches(in.Filters, attrs("", "", "", ""), nil); err != nil {
		return nil, err
	}
	out := []ec2.TagDescription{}
	add := func(id string, k kind, tags map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			if ok, _ := matches(in.Filters, attrs(id, k, key, tags[key]), map[string]string{key: tags[key]}); ok { // the filters are known
				out = append(out, ec2.TagDescription{ResourceId: new(id), ResourceType: new(string(k)), Key: new(key), Value: new(tags[key])})
			}
		}
	}
	for _, r := range n.things {
		add(r.base().ID, r.kind(), r.base().Tags)
		if g, ok := r.(*securityGroup); ok {
			for _, rule := range g.Rules {
				add(rule.ID, kindRule, rule.Tags)
			}
		}
	}
	part, next, err := page(out, "", 0, in.MaxResults, in.NextToken)
	return &ec2.DescribeTagsResult{Tags: part, NextToken: next}, err
}
