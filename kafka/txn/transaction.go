package txn

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// state is a transaction's state, with Kafka's number.
type state int8

const (
	empty          state = 0 // initialized, no transaction yet
	ongoing        state = 1
	prepareCommit  state = 2 // decided, markers are being written
	prepareAbort   state = 3
	completeCommit state = 4
	completeAbort  state = 5
	dead           state = 6 // Kafka's, in memory only
	epochFence     state = 7 // the same
)

var stateNames = [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"}

func (s state) String() string { return stateNames[s] }

// prepared reports whether the end is decided and not complete.
func (s state) prepared() bool { return s == prepareCommit || s == prepareAbort }

// atRest reports whether nothing is under way.
func (s state) atRest() bool { return s == empty || s == completeCommit || s == completeAbort }

// transaction is a transactional id, and the transaction it has open or had
// last.
type transaction struct {
	id         string
	producerID int64
	nextID     int64 // set with Prepare when the epoch is exhausted (V2); else -1
	epoch      int16
	timeout    time.Duration
	state      state
	partitions map[TopicPartition]struct{}
	started    time.Time // zero: never
	updated    time.Time
	version    int16 // of the client that moved it here
	previousID int64 // the producer id before the last transition; -1 after a restart below V1

	// lastEpoch is what the epoch was bumped from for a client that named it, so
	// that its retry is known; -1 otherwise. Volatile, as in Kafka.
	lastEpoch int16
}

// with returns a copy to be changed into the next state.
func (t *transaction) with(s state, now time.Time) transaction {
	next := *t
	next.state, next.updated, next.previousID = s, now, t.producerID
	next.partitions = maps.Clone(t.partitions)
	return next
}

func (t *transaction) sorted() []TopicPartition {
	return slices.SortedFunc(maps.Keys(t.partitions), compareTP)
}

func (t *transaction) ending() Ending {
	return Ending{
		TransactionalID: t.id, ProducerID: t.producerID, Epoch: t.epoch,
		Commit: t.state == prepareCommit, Partitions: t.sorted(),
	}
}

// has reports whether all partitions are part of the transaction.
func (t *transaction) has(all []TopicPartition) bool {
	for _, tp := range all {
		if _, ok := t.partitions[tp]; !ok {
			return false
		}
	}
	return true
}

func (t *transaction) add(all []TopicPartition) {
	if t.partitions == nil {
		t.partitions = make(map[TopicPartition]struct{}, len(all))
	}
	for _, tp := range all {
		t.partitions[TopicPartition{strings.Clone(tp.Topic), tp.Partition}] = struct{}{}
	}
}
