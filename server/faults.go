package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/kafka/cluster"
)

// BrokerChange is what can be done to a running logical broker. The values are
// the names of the operations, and IAM's actions under "millrace:".
type BrokerChange string

// The changes: kafka/cluster says what each does.
const (
	StopBroker    BrokerChange = "StopBroker"
	StartBroker   BrokerChange = "StartBroker"
	FenceBroker   BrokerChange = "FenceBroker"
	UnfenceBroker BrokerChange = "UnfenceBroker"
)

// brokerVerbs are the changes by the last segment of their path.
var brokerVerbs = map[string]BrokerChange{"stop": StopBroker, "start": StartBroker, "fence": FenceBroker, "unfence": UnfenceBroker}

// BrokerStatus is one logical broker as it is now.
type BrokerStatus struct {
	ID        int32             `json:"id"`
	State     string            `json:"state"` // RUNNING, FENCED or STOPPED
	Endpoints map[string]string `json:"endpoints"`
}

// ErrNotRunning answers about a cluster that does not run in this process now.
var ErrNotRunning = errors.New("the cluster is not running")

// Brokers lists the brokers of a running cluster by id.
func (s *System) Brokers(clusterARN string) ([]BrokerStatus, error) {
	r := s.driver.find(clusterARN)
	if r == nil {
		return nil, ErrNotRunning
	}
	states := r.c.BrokerStates()
	observed := r.observed.Load()
	out := make([]BrokerStatus, len(observed.Brokers))
	for i, b := range observed.Brokers {
		out[i] = BrokerStatus{ID: b.ID, State: string(states[b.ID]), Endpoints: b.Endpoints}
	}
	return out, nil
}

// ChangeBroker changes a broker of a running cluster and returns when the
// cluster goes by it. What is so already is no error.
func (s *System) ChangeBroker(ctx context.Context, clusterARN string, change BrokerChange, id int32) error {
	r := s.driver.find(clusterARN)
	if r == nil {
		return ErrNotRunning
	}
	do := map[BrokerChange]func(context.Context, int32) error{
		StopBroker: r.c.StopBroker, StartBroker: r.c.StartBroker, FenceBroker: r.c.FenceBroker, UnfenceBroker: r.c.UnfenceBroker,
	}[change]
	if do == nil {
		return fmt.Errorf("there is no change %q of a broker", change)
	}
	return do(ctx, id)
}

// brokersPath is where a cluster's brokers are changed. Callers sign for the
// service "millrace", so that no path of AWS can be meant.
const brokersPath = "/_millrace/v1/clusters/{clusterArn}/brokers"

// operations is Millrace's own service for aws/api: faults of logical brokers.
func (s *System) operations() []model.Operation {
	ops := []model.Operation{{
		Name: "ListBrokers", Method: http.MethodGet, Path: brokersPath, Status: http.StatusOK,
		Decode: decodeBroker,
		Call: func(ctx context.Context, c model.Caller, in model.Request) (any, error) {
			return s.listBrokers(ctx, c, in.(*brokerRequest))
		},
	}}
	for verb, change := range brokerVerbs {
		ops = append(ops, model.Operation{
			Name: string(change), Method: http.MethodPost, Path: brokersPath + "/{brokerId}/" + verb, Status: http.StatusOK,
			Decode: decodeBroker,
			Call: func(ctx context.Context, c model.Caller, in model.Request) (any, error) {
				r := in.(*brokerRequest)
				if err := s.changeBroker(ctx, c, change, r); err != nil {
					return nil, err
				}
				return s.listBrokers(ctx, c, r)
			},
		})
	}
	return ops
}

// brokerRequest is the input of all operations; the broker is not read by
// ListBrokers.
type brokerRequest struct {
	arn string
	id  *string
}

func decodeBroker(in *model.Input) (model.Request, error) {
	return &brokerRequest{arn: *in.Path("clusterArn"), id: in.Path("brokerId")}, nil
}

// Validate checks the broker's id.
func (r *brokerRequest) Validate() *model.Error {
	if r.id == nil {
		return nil
	}
	if _, err := r.broker(); err != nil {
		return model.BadRequest("brokerId", fmt.Sprintf("The broker id %q is not a number.", *r.id))
	}
	return nil
}

func (r *brokerRequest) broker() (int32, error) {
	n, err := strconv.ParseInt(*r.id, 10, 32)
	return int32(n), err
}

// brokerList is the answer of all operations.
type brokerList struct {
	Brokers []BrokerStatus `json:"brokers"`
}

func (s *System) listBrokers(ctx context.Context, c model.Caller, r *brokerRequest) (*brokerList, error) {
	if err := s.mayKnow(ctx, c, r.arn); err != nil {
		return nil, err
	}
	brokers, err := s.Brokers(r.arn)
	if err != nil {
		return nil, faultError(err)
	}
	return &brokerList{brokers}, nil
}

func (s *System) changeBroker(ctx context.Context, c model.Caller, change BrokerChange, r *brokerRequest) error {
	if err := s.mayKnow(ctx, c, r.arn); err != nil {
		return err
	}
	id, err := r.broker()
	if err != nil {
		return err // Validate has seen it
	}
	return faultError(s.ChangeBroker(ctx, r.arn, change, id))
}

// mayKnow lets msk say that a cluster is not the caller's, or not there.
func (s *System) mayKnow(ctx context.Context, c model.Caller, arn string) error {
	_, err := s.msk.DescribeClusterV2(ctx, c, &kafka.DescribeClusterV2Request{ClusterArn: &arn})
	return err
}

// faultError is an error as callers see it.
func faultError(err error) error {
	switch {
	case errors.Is(err, ErrNotRunning):
		return model.Conflict("clusterArn", "The cluster is not ACTIVE.")
	case errors.Is(err, cluster.ErrNoBroker):
		return model.NotFound("brokerId", "The cluster has no such broker.")
	case errors.Is(err, cluster.ErrStopped):
		return model.Conflict("brokerId", "The broker is stopped: it must be started, not unfenced.")
	case errors.Is(err, cluster.ErrPortTaken):
		return model.Conflict("brokerId", "Another process took the broker's port while it was stopped.")
	}
	return err
}
