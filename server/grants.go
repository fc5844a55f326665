package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/policy"
)

// completeKey adds a key's facts to a question. A grant of the key that gives
// what is asked stands beside its policy as a statement of it: a deny anywhere
// still counts, and other accounts still need a policy of their own.
func (a apiAuthorizer) completeKey(ctx context.Context, q *iam.Question) error {
	f, ok, err := a.kms.Facts(ctx, q.Caller, q.Resource)
	if err != nil || !ok {
		return err
	}
	q.Resource, q.Tags, q.Guarded = f.ARN, f.Tags, true
	if q.Policy, err = resourcePolicy(f.Policy); err != nil {
		return err
	}
	use := kms.Use{Action: q.Action, Encryption: q.Encryption, Operations: q.Context["kms:grantoperations"], Grant: q.Grant}
	use.Equals = slices.Contains(q.Context["kms:grantconstrainttype"], "EncryptionContextEquals")
	for _, g := range f.Grants {
		if principals := g.Gives(use); len(principals) > 0 {
			if q.Policy, err = withGrant(q.Policy, g.ID, q.Action, principals); err != nil {
				return err
			}
		}
	}
	return nil
}

// completeGrant finds the key of a grant that is named by its token.
func (a apiAuthorizer) completeGrant(ctx context.Context, q *iam.Question) error {
	arn, ok, err := a.kms.GrantedKey(ctx, q.Caller, q.Grant)
	if err != nil || !ok {
		return err
	}
	q.Resource = arn
	return a.completeKey(ctx, q)
}

// withGrant is a key's policy with a statement that a grant stands for.
func withGrant(to *policy.Named, id, action string, principals []string) (*policy.Named, error) {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Sid": "grant" + id, "Effect": "Allow", "Principal": map[string]any{"AWS": principals}, "Action": action, "Resource": "*",
	}})
	if err != nil {
		return nil, err
	}
	added, err := policy.Parse(policy.Resource, text)
	if err != nil {
		return nil, fmt.Errorf("the grant %s: %w", id, err)
	}
	out := *to.Document
	out.Statements = slices.Concat(to.Statements, added.Statements)
	return &policy.Named{Name: to.Name, Document: &out}, nil
}
