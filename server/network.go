package server

import (
	"context"
	"maps"
	"strings"

	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/policy"
)

// subnet is what msk asks of ec2.
func (s *System) subnet(ctx context.Context, c model.Caller, id string) (msk.Subnet, bool, error) {
	found, ok, err := s.ec2.Subnet(ctx, c, id)
	return msk.Subnet{Zone: found.Zone, ZoneID: found.ZoneID, VPC: found.VPC, Public: found.Public}, ok, err
}

// interfacesInUse is what ec2 asks of msk: each broker has an interface.
func (s *System) interfacesInUse(ctx context.Context, c model.Caller) ([]ec2.Interface, error) {
	brokers, err := s.msk.Interfaces(ctx, c)
	if err != nil {
		return nil, err
	}
	out := make([]ec2.Interface, len(brokers))
	for i, b := range brokers {
		out[i] = ec2.Interface(b)
	}
	return out, nil
}

// completeNetwork adds the tags of something of ec2 to a question. ec2 has keys
// of its own for them. (service authorization reference, Amazon EC2)
func (a apiAuthorizer) completeNetwork(ctx context.Context, q *iam.Question, resource string) error {
	_, id, _ := strings.Cut(resource, "/")
	tags, err := a.ec2.Tags(ctx, q.Caller, id)
	if err != nil || len(tags) == 0 {
		return err
	}
	q.Tags, q.Context = tags, maps.Clone(q.Context)
	if q.Context == nil {
		q.Context = policy.Map{}
	}
	for key, value := range tags {
		q.Context["ec2:resourcetag/"+strings.ToLower(key)] = []string{value}
	}
	return nil
}
