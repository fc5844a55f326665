package logs

import (
	"context"
	"maps"
	"unicode/utf8"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// tagged is the group that an ARN of a request is of.
func tagged(c model.Caller, arn *string) (string, error) {
	return one(nil, arn, c.Account, c.Region)
}

func (s *Service) tag(ctx context.Context, c model.Caller, name string, tags map[string]string) error {
	return s.change(ctx, c, name, func(g *group) (err error) {
		g.Tags, err = mergeTags(g.Tags, tags)
		return err
	})
}

func (s *Service) untag(ctx context.Context, c model.Caller, name string, keys []string) error {
	return s.change(ctx, c, name, func(g *group) error {
		for _, key := range keys {
			delete(g.Tags, key)
		}
		return nil
	})
}

func (s *Service) tags(ctx context.Context, c model.Caller, name string) (map[string]string, error) {
	g, err := s.read(ctx, c, name)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	maps.Copy(out, g.Tags)
	return out, nil
}

// TagResource adds tags to a group.
func (s *Service) TagResource(ctx context.Context, c model.Caller, in *logs.TagResourceRequest) (*logs.TagResourceResponse, error) {
	name, err := tagged(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &logs.TagResourceResponse{}, s.tag(ctx, c, name, in.Tags)
}

// UntagResource takes tags from a group.
func (s *Service) UntagResource(ctx context.Context, c model.Caller, in *logs.UntagResourceRequest) (*logs.UntagResourceResponse, error) {
	name, err := tagged(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &logs.UntagResourceResponse{}, s.untag(ctx, c, name, in.TagKeys)
}

// ListTagsForResource lists a group's tags.
func (s *Service) ListTagsForResource(ctx context.Context, c model.Caller, in *logs.ListTagsForResourceRequest) (*logs.ListTagsForResourceResponse, error) {
	name, err := tagged(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := s.tags(ctx, c, name)
	if err != nil {
		return nil, err
	}
	return &logs.ListTagsForResourceResponse{Tags: tags}, nil
}

// TagLogGroup is TagResource by the group's name.
func (s *Service) TagLogGroup(ctx context.Context, c model.Caller, in *logs.TagLogGroupRequest) (*logs.TagLogGroupResponse, error) {
	return &logs.TagLogGroupResponse{}, s.tag(ctx, c, *in.LogGroupName, in.Tags)
}

// UntagLogGroup is UntagResource by the group's name.
func (s *Service) UntagLogGroup(ctx context.Context, c model.Caller, in *logs.UntagLogGroupRequest) (*logs.UntagLogGroupResponse, error) {
	return &logs.UntagLogGroupResponse{}, s.untag(ctx, c, *in.LogGroupName, in.Tags)
}

// ListTagsLogGroup is ListTagsForResource by the group's name.
func (s *Service) ListTagsLogGroup(ctx context.Context, c model.Caller, in *logs.ListTagsLogGroupRequest) (*logs.ListTagsLogGroupResponse, error) {
	tags, err := s.tags(ctx, c, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &logs.ListTagsLogGroupResponse{Tags: tags}, nil
}

// ofGroup refuses resource policies that are one group's own.
func ofGroup(arn, revision, scope *string) error {
	if arn != nil || revision != nil || deref(scope) == "RESOURCE" {
		return invalid("millrace does not implement resource policies of a single log group, only those of the account.")
	}
	return nil
}

// PutResourcePolicy makes or replaces a policy of the account that lets services
// of AWS write to its groups.
func (s *Service) PutResourcePolicy(ctx context.Context, c model.Caller, in *logs.PutResourcePolicyRequest) (*logs.PutResourcePolicyResponse, error) {
	if err := ofGroup(in.ResourceArn, in.ExpectedRevisionId, nil); err != nil {
		return nil, err
	}
	p := resourcePolicy{Name: deref(in.PolicyName), Policy: deref(in.PolicyDocument), Updated: s.now()}
	switch {
	case p.Name == "" || len(p.Name) > maxStreamKey:
		return nil, invalid("Policy name can not be empty or longer than %d bytes.", maxStreamKey)
	case p.Policy == "" || utf8.RuneCountInString(p.Policy) > maxPolicy:
		return nil, invalid("The policy document must have 1 to %d characters.", maxPolicy)
	}
	if _, err := policy.Parse(policy.Resource, []byte(p.Policy)); err != nil {
		return nil, invalid("Invalid policy document: %s", err)
	}
	prefix := policyPrefix(c.Account, c.Region)
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if _, there := tx.Get(prefix + p.Name); !there {
			if full, err := count(tx, prefix, maxPolicies); err != nil || full {
				return orExceeded(err)
			}
		}
		return store.PutJSON(tx, prefix+p.Name, p)
	})
	if err != nil {
		return nil, err
	}
	return &logs.PutResourcePolicyResponse{ResourcePolicy: new(renderPolicy(p))}, nil
}

func renderPolicy(p resourcePolicy) logs.ResourcePolicy {
	return logs.ResourcePolicy{PolicyName: new(p.Name), PolicyDocument: new(p.Policy), LastUpdatedTime: new(p.Updated.UnixMilli()), PolicyScope: new("ACCOUNT")}
}

// DescribeResourcePolicies lists the account's policies by name.
func (s *Service) DescribeResourcePolicies(ctx context.Context, c model.Caller, in *logs.DescribeResourcePoliciesRequest) (*logs.DescribeResourcePoliciesResponse, error) {
	if err := ofGroup(in.ResourceArn, nil, in.PolicyScope); err != nil {
		return nil, err
	}
	prefix, limit := policyPrefix(c.Account, c.Region), groupPage
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	last, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	if last != "" {
		last = prefix + last
	}
	out := &logs.DescribeResourcePoliciesResponse{ResourcePolicies: []logs.ResourcePolicy{}}
	err = s.each(ctx, prefix, last, func(tx *store.Tx, key string) (bool, error) {
		if len(out.ResourcePolicies) == limit {
			out.NextToken = writeToken(*out.ResourcePolicies[limit-1].PolicyName)
			return true, nil
		}
		p, _, err := store.GetJSON[resourcePolicy](tx, key)
		out.ResourcePolicies = append(out.ResourcePolicies, renderPolicy(p))
		return false, err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteResourcePolicy deletes a policy of the account.
func (s *Service) DeleteResourcePolicy(ctx context.Context, c model.Caller, in *logs.DeleteResourcePolicyRequest) (*logs.DeleteResourcePolicyResponse, error) {
	if err := ofGroup(in.ResourceArn, in.ExpectedRevisionId, nil); err != nil {
		return nil, err
	}
	key := policyPrefix(c.Account, c.Region) + deref(in.PolicyName)
	return &logs.DeleteResourcePolicyResponse{}, s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if _, there := tx.Get(key); !there {
			return fault("ResourceNotFoundException", "Policy with name [%s] does not exist.", deref(in.PolicyName))
		}
		return tx.Delete(key)
	})
}
