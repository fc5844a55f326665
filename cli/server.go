package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

type serverConfig struct {
	DataDir, Listen, AdvertiseHost, BrokerPorts, BrokerDomain, Region string
	PageCache, ForgetProducers                                        bool
	SessionMax                                                        time.Duration
	RebalanceDelay                                                    *time.Duration
	Version                                                           string
	Log                                                               *slog.Logger
}

type system interface {
	Run(ctx context.Context) error
	Address() string
	DataDir() string
}

func newServer(serverConfig) (system, error) {
	return nil, errors.New("this build has no server")
}
