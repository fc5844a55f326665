package msk

import (
	"context"

	"github.com/millrace/millrace/aws/model"
)

// firstWithTopics is the first Kafka version whose topics the API manages.
// (aws:kafka developer guide, topic operations)
const firstWithTopics = "3.6.0"

// ManagesTopics says whether the API manages the topics of the cluster that an
// ARN names: nil, or the error to answer. UNVERIFIED wordings
func (s *Service) ManagesTopics(ctx context.Context, caller model.Caller, arn string) error {
	c, err := s.readProvisioned(ctx, caller, arn)
	if err != nil {
		return err
	}
	switch {
	case !since(c.KafkaVersion, firstWithTopics):
		return badRequest("clusterArn", "Topic operations require Apache Kafka version %s or later. The cluster runs version %s.", firstWithTopics, c.KafkaVersion)
	case c.State != Active:
		return badRequest("clusterArn", "You can't manage topics of cluster in %s state.", c.State)
	}
	return nil
}

// Page cuts a list that is held whole and sorted by key: what follows the page
// that a token ended, at most n. query tells every member that changes the answer.
func Page[T any](all []T, key func(T) string, query []string, token string, n int) (items []T, next string, err error) {
	return page(all, key, query, token, n)
}
