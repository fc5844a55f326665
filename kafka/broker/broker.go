// Package broker is the edge of the embedded brokers: one handler per Kafka
// API key, one file per handler, named by the key's number.
//
// A handler gets a decoded, authorized request from kafka/listener, makes one
// call down (kafka/partition, kafka/metadata's machine, kafka/coordinator) and
// renders the answer. What must keep the order of a connection happens before
// the handler returns; everything that waits happens in the Answer. Handlers
// decide nothing about topics, groups or permissions, and keep nothing that a
// restart would miss.
package broker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/loggers"
	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/statemachine"
)

// Config is what one logical broker works on. The parts are shared by all
// brokers of its cluster.
type Config struct {
	ID         int32
	Image      func() *metadata.Image
	Metadata   *statemachine.Machine
	Partitions *partition.Set
	Groups     *coordinator.Groups
	// MetadataLog tells how far the cluster's metadata log reaches.
	MetadataLog func() partition.Offsets
	// Parted tells when a fenced broker left the controller.
	Parted func(broker int32) (Parted, bool)
	LogDir LogDir
	// Transactions also gives producer ids to idempotent producers.
	Transactions *coordinator.Transactions
	NewID        func() [16]byte // fresh random topic ids
	// What a batch may have and a Fetch may ask for, in bytes; beyond it is an
	// INVALID_REQUEST. 0: no limit of its own.
	BatchBytes, FetchBytes int
	Measure                *measure.Broker // what the broker counts; nil: one of its own
	Log                    *slog.Logger
	Journal                *slog.Logger     // the broker's log for its users; nil: none
	Loggers                *loggers.Loggers // the broker's; nil: its own
}

// Broker is one logical broker. It implements listener.Backend; its methods
// may be called concurrently.
type Broker struct {
	cfg      Config
	sessions sessions
	fetches  sync.Pool // of *fetch
	blocks   sync.Pool // of *[blockBytes]byte: of their memory
}

// New returns the broker.
func New(cfg Config) *Broker {
	if cfg.Measure == nil {
		cfg.Measure = new(measure.Broker)
	}
	if cfg.Loggers == nil {
		cfg.Loggers = loggers.New()
	}
	b := &Broker{cfg: cfg}
	b.blocks.New = func() any { return new([blockBytes]byte) }
	b.fetches.New = func() any {
		f := new(fetch)
		f.room = func(bytes int) []byte { return f.memory.take(&b.blocks, bytes) }
		return f
	}
	return b
}

var _ listener.Backend = (*Broker)(nil)

type handler func(*Broker, context.Context, *listener.Request) listener.Answer

// handlers is the table of what is served; kafka/listener answers SaslHandshake,
// ApiVersions and SaslAuthenticate itself.
var handlers = map[int16]handler{
	0:  (*Broker).produce,
	1:  (*Broker).fetch,
	2:  (*Broker).listOffsets,
	3:  (*Broker).metadata,
	8:  (*Broker).group,
	9:  (*Broker).group,
	10: (*Broker).findCoordinator,
	11: (*Broker).group,
	12: (*Broker).group,
	13: (*Broker).group,
	14: (*Broker).group,
	15: (*Broker).group,
	16: (*Broker).group,
	19: (*Broker).createTopics,
	20: (*Broker).deleteTopics,
	21: (*Broker).deleteRecords,
	22: (*Broker).initProducerID,
	23: (*Broker).offsetForLeaderEpoch,
	24: (*Broker).addPartitionsToTxn,
	25: (*Broker).addOffsetsToTxn,
	26: (*Broker).endTxn,
	27: (*Broker).writeTxnMarkers,
	28: (*Broker).txnOffsetCommit,
	29: (*Broker).describeACLs,
	30: (*Broker).createACLs,
	31: (*Broker).deleteACLs,
	32: (*Broker).describeConfigs,
	33: (*Broker).alterConfigs,
	34: (*Broker).alterReplicaLogDirs,
	35: (*Broker).describeLogDirs,
	37: (*Broker).createPartitions,
	38: (*Broker).delegationTokens,
	39: (*Broker).delegationTokens,
	40: (*Broker).delegationTokens,
	41: (*Broker).delegationTokens,
	42: (*Broker).group,
	43: (*Broker).electLeaders,
	44: (*Broker).incrementalAlterConfigs,
	45: (*Broker).alterPartitionReassignments,
	46: (*Broker).listPartitionReassignments,
	47: (*Broker).group,
	48: (*Broker).describeClientQuotas,
	49: (*Broker).alterClientQuotas,
	50: (*Broker).describeUserSCRAMCredentials,
	51: (*Broker).alterUserSCRAMCredentials,
	55: (*Broker).describeQuorum,
	57: (*Broker).updateFeatures,
	60: (*Broker).describeCluster,
	61: (*Broker).describeProducers,
	64: (*Broker).unregisterBroker,
	65: (*Broker).describeTransactions,
	66: (*Broker).listTransactions,
	68: (*Broker).consumerGroupHeartbeat,
	69: (*Broker).consumerGroupDescribe,
	74: (*Broker).listConfigResources,
	75: (*Broker).describeTopicPartitions,
	80: (*Broker).addRaftVoter,
	81: (*Broker).removeRaftVoter,
}

// Keys lists the API keys that Handle serves.
func (b *Broker) Keys() []int16 { return Keys() }

// Keys lists the API keys that every embedded broker serves.
func Keys() []int16 {
	keys := make([]int16, 0, len(handlers))
	for k := range handlers {
		keys = append(keys, k)
	}
	return keys
}

// Handle runs the synchronous part of a request and returns its answer.
func (b *Broker) Handle(ctx context.Context, r *listener.Request) listener.Answer {
	return handlers[r.Header.Key](b, ctx, r)
}

// TopicName resolves a topic id for the authorization of requests that name
// topics by id.
func (b *Broker) TopicName(id [16]byte) (string, bool) {
	t := b.cfg.Image().TopicByID(id)
	if t == nil {
		return "", false
	}
	return t.Name, true
}

// now is an answer that is ready.
func now(resp kmsg.Response) listener.Answer {
	return func(context.Context) kmsg.Response { return resp }
}

// code maps an error to Kafka's code. An error that is not Kafka's is logged
// and answered as UNKNOWN_SERVER_ERROR.
func (b *Broker) code(doing string, err error) int16 {
	var k *kerr.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &k):
		return k.Code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return kerr.RequestTimedOut.Code
	}
	b.cfg.Log.Error(doing, "broker", b.cfg.ID, "error", err)
	return kerr.UnknownServerError.Code
}

// message is the text that goes with a code, or nil.
func message(err error) *string {
	if err == nil {
		return nil
	}
	var k *kerr.Error
	if errors.As(err, &k) {
		return &k.Description
	}
	text := "The server experienced an unexpected error when processing the request."
	return &text
}

// decide hands a request to the metadata machine and renders its reply; failed
// makes the response for a machine that could not answer.
func (b *Broker) decide(req any, failed func(code int16) kmsg.Response) listener.Answer {
	call := b.cfg.Metadata.Do(req)
	return func(ctx context.Context) kmsg.Response {
		v, err := call.Wait(ctx)
		if err != nil {
			return failed(b.code("metadata decision", err))
		}
		return v.(kmsg.Response)
	}
}

// decideWithin is decide for requests that say how long they wait: then the
// answer is REQUEST_TIMED_OUT, and what was asked for may still come true, as
// in Kafka.
func (b *Broker) decideWithin(req any, timeoutMS int32, failed func(code int16) kmsg.Response) listener.Answer {
	answer := b.decide(req, failed)
	return func(ctx context.Context) kmsg.Response {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(max(0, timeoutMS))*time.Millisecond)
		defer cancel()
		return answer(ctx)
	}
}
