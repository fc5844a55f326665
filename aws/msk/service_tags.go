package msk

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/store"
)

// ListTagsForResource shows the tags of a cluster, a VPC connection or an
// assessment.
func (s *Service) ListTagsForResource(ctx context.Context, caller model.Caller, in *kafka.ListTagsForResourceRequest) (*kafka.ListTagsForResourceResponse, error) {
	const parameter = "resourceArn"
	var tags map[string]string
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		if _, ok := parseVPCARN(deref(in.ResourceArn)); ok {
			v, _, err := s.findVPC(tx, caller, parameter, *in.ResourceArn)
			tags = v.Tags
			return err
		}
		if of, ok := assessedCluster(deref(in.ResourceArn)); ok {
			_, a, err := findAssessment(tx, caller, &of, in.ResourceArn)
			tags = a.Tags
			return aboutResource(err)
		}
		c, err := find(tx, caller, parameter, deref(in.ResourceArn))
		tags = c.Tags
		return err
	})
	if err != nil {
		return nil, err
	}
	return &kafka.ListTagsForResourceResponse{Tags: tagsOf(tags)}, nil
}

// aboutResource is an error about an assessment, of calls that know it by the
// member resourceArn.
func aboutResource(err error) error {
	if isGone(err) {
		return notFound("resourceArn")
	}
	return err
}

// retag runs a decision about the tags of a cluster, a VPC connection or an
// assessment.
func (s *Service) retag(ctx context.Context, caller model.Caller, arn string, decide func(have map[string]string) (map[string]string, error)) error {
	const parameter = "resourceArn"
	if _, ok := parseVPCARN(arn); ok {
		return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			v, _, err := s.findVPC(tx, caller, parameter, arn)
			if err != nil {
				return err
			}
			if v.Tags, err = decide(v.Tags); err != nil {
				return err
			}
			return putVPC(tx, v, s.cfg.Now())
		})
	}
	if of, ok := assessedCluster(arn); ok {
		return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			c, a, err := findAssessment(tx, caller, &of, &arn)
			if err != nil {
				return aboutResource(err)
			}
			if a.Tags, err = decide(a.Tags); err != nil {
				return err
			}
			return putAssessment(tx, c, a)
		})
	}
	return s.change(ctx, caller, parameter, arn, func(c cluster) (event, error) {
		tags, err := decide(c.Tags)
		return retagged{tags}, err
	})
}

// TagResource adds or replaces tags of a cluster, a VPC connection or an assessment.
func (s *Service) TagResource(ctx context.Context, caller model.Caller, in *kafka.TagResourceRequest) (*kafka.TagResourceResponse, error) {
	err := s.retag(ctx, caller, deref(in.ResourceArn), func(have map[string]string) (map[string]string, error) { return decideTag(have, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &kafka.TagResourceResponse{}, nil
}

// UntagResource drops tags of a cluster, a VPC connection or an assessment.
func (s *Service) UntagResource(ctx context.Context, caller model.Caller, in *kafka.UntagResourceRequest) (*kafka.UntagResourceResponse, error) {
	err := s.retag(ctx, caller, deref(in.ResourceArn), func(have map[string]string) (map[string]string, error) {
		return decideUntag(have, in.TagKeys), nil
	})
	if err != nil {
		return nil, err
	}
	return &kafka.UntagResourceResponse{}, nil
}
