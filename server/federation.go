package server

import (
	"context"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/oidc"
	"github.com/millrace/millrace/aws/policy"
)

// issuers asks identity providers for their keys. On a server of one machine a
// provider may be on this machine; on a network's that would let whoever may
// make a provider ask the machine's own services.
func (s *System) issuers() *oidc.Fetcher {
	return oidc.NewFetcher(oidc.Config{Loopback: s.cfg.Secure == nil})
}

// linkedRole is what msk asks of iam: an account's first cluster makes the
// service's role, with the right of who makes the cluster. (aws:kafka developer
// guide, service-linked roles)
func (s *System) linkedRole(ctx context.Context, c model.Caller) error {
	const service = "kafka.amazonaws.com"
	arn, there, err := s.iam.LinkedRoleOf(ctx, c, service)
	if err != nil || there {
		return err
	}
	if c.ARN != "" { // else it is the server itself
		q := iam.Question{Caller: c, Action: "iam:CreateServiceLinkedRole", Resource: arn, Context: policy.Map{"iam:awsservicename": {service}}}
		if err := s.authorizer().Authorize(ctx, &q); err != nil {
			return err
		}
	}
	return s.iam.EnsureLinkedRole(ctx, c, service)
}
