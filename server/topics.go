package server

import (
	"context"
	"errors"
	"net"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/msktopics"
)

// kafkaAPI is all of MSK's operations: those of clusters, and those of topics.
type kafkaAPI struct {
	*msk.Service
	*msktopics.Topics
}

var _ kafka.Service = kafkaAPI{}

func (s *System) kafkaAPI() kafkaAPI {
	return kafkaAPI{s.msk, msktopics.New(msktopics.Config{Clusters: s.msk, Dial: s.dialCluster, MayDescribe: s.mayDescribe})}
}

// dialCluster connects the control plane to a broker of a running cluster.
func (s *System) dialCluster(ctx context.Context, clusterARN, address string) (net.Conn, error) {
	r := s.driver.find(clusterARN)
	if r == nil {
		return nil, net.ErrClosed
	}
	return r.c.Dial(ctx, address)
}

// mayDescribe asks iam what a Kafka client would be asked for.
func (s *System) mayDescribe(ctx context.Context, c model.Caller, topicARN string) (bool, error) {
	err := s.authorizer().Authorize(ctx, &iam.Question{Caller: c, Action: "kafka-cluster:DescribeTopic", Resource: topicARN})
	if refused := (*model.Error)(nil); errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, err
}
