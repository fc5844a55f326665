package msk

import (
	"context"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// Key is what msk needs to know of a KMS key.
type Key struct {
	ARN     string
	Enabled bool
	Managed bool // an AWS service's own
}

// managedAlias names the service's own KMS key.
const managedAlias = "alias/aws/kafka"

// keyOf reads the key that a request names; "" is the service's own.
func keyOf(in *kafka.EncryptionInfo) string {
	if in == nil || in.EncryptionAtRest == nil {
		return ""
	}
	return deref(in.EncryptionAtRest.DataVolumeKMSKeyId)
}

// lookUpKey finds the key of a wish, and makes the service's own at its first use.
func (s *Service) lookUpKey(ctx context.Context, caller model.Caller, id string) (*Key, error) {
	if s.cfg.Key == nil {
		return nil, nil
	}
	if id == "" {
		id = managedAlias
	}
	k, ok, err := s.cfg.Key(ctx, caller, id)
	if err != nil || !ok {
		return nil, err
	}
	return &k, nil
}

// checkKey wants a key that can be used; UNVERIFIED wordings. That it is
// symmetric and of the cluster's region, KMS has seen to: there are no others.
// aws:kafka CreateCluster, encryptionAtRest
func checkKey(id string, k *Key, managed string) error {
	const parameter = "dataVolumeKMSKeyId"
	switch {
	case id == "" || id == managed:
		return nil
	case k == nil:
		return badRequest(parameter, "The KMS key '%s' does not exist.", id)
	case k.Managed && k.ARN != managed:
		return badRequest(parameter, "The KMS key '%s' is the AWS managed key of another service.", id)
	case !k.Enabled:
		return badRequest(parameter, "The KMS key '%s' is not enabled.", id)
	}
	return nil
}

// keyARN is the KMS key that answers show for the cluster's volumes. Brokers start
// only while it can be used; what they write is not encrypted with it.
func (c *cluster) keyARN() string {
	if c.Provisioned != nil && c.Provisioned.Key != "" {
		return c.Provisioned.Key
	}
	return managedKeyARN(c.partition(), c.Region, c.Account)
}

// keepsKey says whether a request for another key names the one that there is,
// by its ARN or its id.
func (c *cluster) keepsKey(id string) bool {
	arn := c.keyARN()
	return id == "" || id == arn || strings.HasSuffix(arn, ":key/"+id)
}
