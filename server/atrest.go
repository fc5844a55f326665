package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/fleet"
)

// grantee is who a cluster's key is given to.
const grantee = "kafka.amazonaws.com"

// grantOperations is what the grant allows. UNVERIFIED list
var grantOperations = []string{"CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext"}

// atRestKey is what msk asks of kms. A caller who gives a customer's key to a
// cluster must be allowed to. (service authorization reference, CreateCluster)
func (s *System) atRestKey(ctx context.Context, c model.Caller, id string) (msk.Key, bool, error) {
	f, ok, err := s.kms.Facts(ctx, c, id)
	if err != nil || !ok {
		return msk.Key{}, false, err
	}
	for _, action := range []string{"kms:DescribeKey", "kms:CreateGrant"} {
		if f.Managed {
			break
		}
		q := iam.Question{Caller: c, Action: action, Resource: f.ARN, Context: policy.Map{
			"kms:viaservice": {"kafka." + c.Region + ".amazonaws.com"}, "kms:grantisforawsresource": {"true"},
		}}
		if err := s.authorizer().Authorize(ctx, &q); err != nil {
			return msk.Key{}, false, err
		}
	}
	return msk.Key{ARN: f.ARN, Enabled: f.State == kms.Enabled, Managed: f.Managed}, true, nil
}

// useKey makes sure that a cluster's brokers may start: as a volume of AWS's
// block store, which needs its key when it is attached and not while it is. The
// grant that it makes is the same each time.
func (e *embedded) useKey(ctx context.Context, s fleet.Spec) error {
	if s.Key == "" {
		return nil
	}
	_, err := e.kms.CreateGrant(ctx, itself(s.Account, s.Region), &shape.CreateGrantRequest{
		KeyId: &s.Key, Name: &s.ARN, GranteeServicePrincipal: new(grantee), RetiringServicePrincipal: new(grantee), Operations: grantOperations,
		Constraints: &shape.GrantConstraints{SourceArn: &s.ARN},
	})
	if refused := (*model.Error)(nil); errors.As(err, &refused) {
		text := fmt.Sprintf("The KMS key %s of the cluster's volumes cannot be used: %s", s.Key, refused.Message)
		return errors.Join(err, &fleet.PermanentError{Code: refused.Code, Message: text})
	}
	return err
}

// releaseKey takes back what useKey gave for a cluster, whose document is still
// there.
func (e *embedded) releaseKey(ctx context.Context, arn string) error {
	f, _, err := e.msk.Facts(ctx, arn)
	if err != nil || f.Key == "" {
		return err
	}
	account, region := placeOf(arn)
	return e.kms.RevokeGrantsOf(ctx, itself(account, region), f.Key, arn)
}
