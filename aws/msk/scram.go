package msk

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/store"
)

// Limits of SCRAM secrets. (aws:kafka developer guide, quotas)
const (
	maxSecretsCall = 10
	secretPrefix   = "AmazonMSK_"
)

// Secret is what msk needs to know of a secret.
type Secret struct {
	Name       string
	ManagedKey bool // encrypted with the service's own key
	UserName   bool // its value names a user and a password
}

// scramSecrets is the document of a cluster's associated secrets.
type scramSecrets struct {
	ARN     string   `json:"arn"`     // of the cluster
	Secrets []string `json:"secrets"` // ARNs, sorted
}

func scramKey(account, region, name string) string {
	return account + "/" + region + "/msk/scram/" + name
}

var secretShape = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):([0-9]{12}):secret:(.+)-[A-Za-z0-9]{6}$`)

// refusal is why a secret was not processed: MSK answers it within a success.
type refusal struct{ code, message string }

const invalidSecret = "InvalidSecretArn"

// checkSecret says why a secret cannot be associated. Of the wordings, that of
// the prefix and that of the access are AWS's; the others are UNVERIFIED.
func checkSecret(c cluster, arn string, s Secret, exists bool) *refusal {
	switch m := secretShape.FindStringSubmatch(arn); { // checkSecrets saw to the ARN
	case !strings.HasPrefix(m[3], secretPrefix):
		return &refusal{invalidSecret, "The provided secret arn cannot be used with Amazon MSK. Secret names must have the prefix 'AmazonMSK_'"}
	case m[2] != c.Account || !exists: // the caller is of another account than the cluster
		return &refusal{invalidSecret, "Amazon MSK wasn't able to access the provided secret."}
	case s.ManagedKey:
		return &refusal{invalidSecret, "The provided secret is encrypted with the default key of Secrets Manager. Use a customer managed key."}
	case !s.UserName:
		return &refusal{invalidSecret, `The value of the provided secret is not a JSON object with "username" and "password".`}
	}
	return nil
}

// decideAssociate adds secrets to those that a cluster has.
// aws:kafka BatchAssociateScramSecret
func decideAssociate(c cluster, have []string, arns []string, refused map[string]*refusal, most int) (secrets []string, unprocessed []kafka.UnprocessedScramSecret, err error) {
	if err := decideScram(c); err != nil {
		return nil, nil, err
	}
	secrets = slices.Clone(have)
	for _, arn := range arns {
		at, there := slices.BinarySearch(secrets, arn)
		r := refused[arn]
		switch {
		case r == nil && there:
			r = &refusal{invalidSecret, "The provided secret is already associated with this cluster."}
		case r == nil && len(secrets) >= most:
			r = &refusal{"LimitExceeded", fmt.Sprintf("A cluster can have at most %d associated secrets.", most)}
		}
		if r != nil {
			unprocessed = append(unprocessed, r.render(arn))
			continue
		}
		secrets = slices.Insert(secrets, at, arn)
	}
	return secrets, unprocessed, nil
}

// decideDisassociate takes secrets from those that a cluster has.
// aws:kafka BatchDisassociateScramSecret
func decideDisassociate(c cluster, have []string, arns []string) (secrets []string, unprocessed []kafka.UnprocessedScramSecret, err error) {
	if err := decideScram(c); err != nil {
		return nil, nil, err
	}
	secrets = slices.Clone(have)
	for _, arn := range arns {
		at, there := slices.BinarySearch(secrets, arn)
		if !there {
			r := &refusal{invalidSecret, "The provided secret is not associated with this cluster."}
			unprocessed = append(unprocessed, r.render(arn))
			continue
		}
		secrets = slices.Delete(secrets, at, at+1)
	}
	return secrets, unprocessed, nil
}

func (r *refusal) render(arn string) kafka.UnprocessedScramSecret {
	return kafka.UnprocessedScramSecret{SecretArn: new(arn), ErrorCode: new(r.code), ErrorMessage: new(r.message)}
}

// checkSecrets checks a call's secrets by themselves, before there need be a
// cluster. aws:kafka BatchAssociateScramSecret; how an ARN of another region is
// answered is UNVERIFIED
func checkSecrets(caller model.Caller, arns []string) error {
	const parameter = "secretArnList"
	if err := checkSize(parameter, len(arns), 1, maxSecretsCall); err != nil {
		return err
	}
	for _, arn := range arns {
		if m := secretShape.FindStringSubmatch(arn); m == nil || m[1] != caller.Region || m[2] != caller.Account {
			return badRequest(parameter, "The provided secret ARN is invalid.")
		}
	}
	return checkDistinct(parameter, arns)
}

// decideScram says whether a cluster takes secrets now; UNVERIFIED wordings.
func decideScram(c cluster) error {
	switch {
	case c.Provisioned == nil || !c.Provisioned.SCRAM:
		return badRequest("clusterArn", "SASL/SCRAM authentication is not enabled on the cluster.")
	case c.State != Active && c.State != Healing:
		return badRequest("clusterArn", "You can't change the secrets of a cluster in %s state.", c.State)
	}
	return nil
}

// BatchAssociateScramSecret makes the users of secrets users of a cluster.
func (s *Service) BatchAssociateScramSecret(ctx context.Context, caller model.Caller, in *kafka.BatchAssociateScramSecretRequest) (*kafka.BatchAssociateScramSecretResponse, error) {
	if err := checkSecrets(caller, in.SecretArnList); err != nil {
		return nil, err
	}
	c, err := s.readProvisioned(ctx, caller, deref(in.ClusterArn))
	if err != nil {
		return nil, err
	}
	refused, err := s.refusals(ctx, caller, c, in.SecretArnList)
	if err != nil {
		return nil, err
	}
	quotas, err := s.quotas(ctx, caller)
	if err != nil {
		return nil, err
	}
	if s.cfg.Held != nil {
		held, _ := s.cfg.Held(c.ARN)
		if err := checkPartitions(held, c.Provisioned.InstanceType); err != nil {
			return nil, err
		}
	}
	left, err := s.changeSecrets(ctx, caller, c.ARN, func(c cluster, have []string) ([]string, []kafka.UnprocessedScramSecret, error) {
		return decideAssociate(c, have, in.SecretArnList, refused, quotas.ScramSecrets)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.BatchAssociateScramSecretResponse{ClusterArn: new(c.ARN), UnprocessedScramSecrets: left}, nil
}

// BatchDisassociateScramSecret takes that back.
func (s *Service) BatchDisassociateScramSecret(ctx context.Context, caller model.Caller, in *kafka.BatchDisassociateScramSecretRequest) (*kafka.BatchDisassociateScramSecretResponse, error) {
	if err := checkSecrets(caller, in.SecretArnList); err != nil {
		return nil, err
	}
	left, err := s.changeSecrets(ctx, caller, deref(in.ClusterArn), func(c cluster, have []string) ([]string, []kafka.UnprocessedScramSecret, error) {
		return decideDisassociate(c, have, in.SecretArnList)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.BatchDisassociateScramSecretResponse{ClusterArn: in.ClusterArn, UnprocessedScramSecrets: left}, nil
}

// refusals asks for every secret of a call what is wrong with it.
func (s *Service) refusals(ctx context.Context, caller model.Caller, c cluster, arns []string) (map[string]*refusal, error) {
	refused := map[string]*refusal{}
	for _, arn := range arns {
		var known Secret
		exists := false
		if s.cfg.Secret != nil {
			var err error
			if known, exists, err = s.cfg.Secret(ctx, caller, arn); err != nil {
				return nil, err
			}
		}
		if r := checkSecret(c, arn, known, exists); r != nil {
			refused[arn] = r
		}
	}
	return refused, nil
}

// changeSecrets runs a decision about a cluster's secrets and writes it.
func (s *Service) changeSecrets(ctx context.Context, caller model.Caller, arn string, decide func(c cluster, have []string) ([]string, []kafka.UnprocessedScramSecret, error)) ([]kafka.UnprocessedScramSecret, error) {
	left := []kafka.UnprocessedScramSecret{}
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", arn)
		if err != nil {
			return err
		}
		key := scramKey(c.Account, c.Region, c.Name)
		doc, _, err := store.GetJSON[scramSecrets](tx, key)
		if err != nil {
			return err
		}
		secrets, unprocessed, err := decide(c, doc.Secrets)
		if err != nil {
			return err
		}
		left = append(left[:0], unprocessed...)
		if slices.Equal(secrets, doc.Secrets) {
			return nil
		}
		return store.PutJSON(tx, key, scramSecrets{c.ARN, secrets})
	})
	return left, err
}

// ListScramSecrets lists a cluster's secrets by ARN.
func (s *Service) ListScramSecrets(ctx context.Context, caller model.Caller, in *kafka.ListScramSecretsRequest) (*kafka.ListScramSecretsResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	c, err := s.readProvisioned(ctx, caller, deref(in.ClusterArn))
	if err != nil {
		return nil, err
	}
	all, err := s.ScramSecrets(ctx, c.ARN)
	if err != nil {
		return nil, err
	}
	items, next, err := page(all, func(arn string) string { return arn }, []string{"ListScramSecrets", c.ARN}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	return &kafka.ListScramSecretsResponse{SecretArnList: append([]string{}, items...), NextToken: given(next)}, nil
}

// ScramSecrets answers the ARNs of the secrets that are associated with a
// cluster, sorted; none for one that is gone.
func (s *Service) ScramSecrets(ctx context.Context, clusterARN string) (arns []string, err error) {
	at, ok := parseARN(clusterARN)
	if !ok {
		return nil, badRequest("clusterArn", "Invalid cluster ARN.")
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		doc, ok, err := store.GetJSON[scramSecrets](tx, scramKey(at.account, at.region, at.name))
		if ok && doc.ARN == clusterARN {
			arns = doc.Secrets
		}
		return err
	})
	return arns, err
}

// WatchScramSecrets answers a channel that receives after the secrets of a
// cluster of the account and region may have changed; notifications coalesce.
// cancel ends it.
func (s *Service) WatchScramSecrets(account, region string) (changed <-chan struct{}, cancel func()) {
	return s.cfg.Store.Watch(scramKey(account, region, ""))
}
