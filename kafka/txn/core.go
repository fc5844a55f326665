package txn

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Versions of the feature transaction.version.
const (
	// V0 is Kafka before the feature.
	V0 int16 = 0
	// V1 writes records in the flexible format.
	V1 int16 = 1
	// V2 bumps the epoch with every transaction (KIP-890 part 2).
	V2 int16 = 2
)

// Params are the broker configs of transactions. Zero durations are Kafka's
// defaults.
type Params struct {
	MaxTimeout   time.Duration // transaction.max.timeout.ms: 15 min
	IDExpiration time.Duration // transactional.id.expiration.ms: 7 days
	Version      int16         // the finalized transaction.version
}

// Limits and times that no broker config sets.
const (
	// timeoutInterval is how often transactions are looked at that may have run
	// out of time: transaction.abort.timed.out.transaction.cleanup.interval.ms.
	timeoutInterval = 10 * time.Second
	// expiryInterval is how often unused transactional ids are looked for:
	// transaction.remove.expired.transaction.cleanup.interval.ms.
	expiryInterval = time.Hour
	// maxIDs bounds the transactional ids of a partition.
	maxIDs = 100_000
	// maxName bounds a transactional id: the record's key ends at 32767 bytes.
	maxName = math.MaxInt16
	// maxRecord bounds the record of one transaction, by its partitions: Kafka's
	// message.max.bytes.
	maxRecord = 1048588
	// maxPattern bounds a pattern of ListTransactions.
	maxPattern = 1024
)

func (p Params) complete() Params {
	if p.MaxTimeout == 0 {
		p.MaxTimeout = 15 * time.Minute
	}
	if p.IDExpiration == 0 {
		p.IDExpiration = 7 * 24 * time.Hour
	}
	return p
}

// Request is one client's request: InitProducerId with a transactional id,
// EndTxn, DescribeTransactions or ListTransactions. Its reply is the kmsg
// response, with Kafka's newest errors: who serves older versions translates
// PRODUCER_FENCED. Msg's strings may alias a frame: what is kept is copied.
type Request struct {
	Msg kmsg.Request
	// FreshID is a producer id that was never given to anybody. InitProducerId
	// needs one, and an EndTxn whose epoch is exhausted (Exhausted).
	FreshID int64
	// Unwritable says that the log takes no records at the moment: a request that
	// needs one changes nothing and answers COORDINATOR_NOT_AVAILABLE
	// (TransactionStateManager.appendTransactionToLog).
	Unwritable bool
}

// Exhausted reports whether a producer's epoch is the last that a client may
// use: its next transaction needs another producer id. The one above fences.
func Exhausted(epoch int16) bool { return epoch >= math.MaxInt16-1 }

// AddPartitions adds partitions to the transaction of a transactional id, and
// begins one unless it is open. Its reply is a []*kerr.Error, one for each
// partition in their order, nil where it is part of the transaction.
type AddPartitions struct {
	TransactionalID string
	ProducerID      int64
	Epoch           int16
	Partitions      []TopicPartition
	VerifyOnly      bool  // only say whether they are part of it (KIP-890 part 1)
	ClientVersion   int16 // V2 when a client's Produce or TxnOffsetCommit implies it
	Unwritable      bool  // as of a Request
}

// MarkersWritten reports that every partition of an ending has its marker. The
// reply is nil.
type MarkersWritten struct {
	TransactionalID string
	ProducerID      int64
	Epoch           int16
}

// TopicPartition names a partition that takes part in a transaction.
type TopicPartition struct {
	Topic     string
	Partition int32
}

func compareTP(a, b TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// Ending is a transaction whose end is decided and whose markers are to be
// written.
type Ending struct {
	TransactionalID string
	ProducerID      int64
	Epoch           int16 // of the markers
	Commit          bool
	Partitions      []TopicPartition
}

// Core is the transactional ids of one partition. It is a statemachine.Core.
type Core struct {
	p   Params
	ids map[string]*transaction

	loaded  bool
	endings []Ending // decided and not taken yet
	scan    time.Time
	expiry  time.Time // of the next look for unused ids
}

var _ statemachine.Core = (*Core)(nil)

// New returns a core without transactional ids.
func New(p Params) *Core { return &Core{p: p.complete(), ids: make(map[string]*transaction)} }

// TakeEndings returns the endings decided since the last call, of all there are
// after a replay. Their markers may be written once the records are committed.
func (c *Core) TakeEndings() []Ending {
	out := c.endings
	c.endings = nil
	return out
}

// decision is one request or deadline being decided.
type decision struct {
	c       *Core
	now     time.Time
	records []statemachine.Record
	moved   []moved
	reply   any
}

// moved is what a transactional id keeps of a transition that its record does not
// hold.
type moved struct {
	t          *transaction
	previousID int64
	lastEpoch  int16
}

// move records what a transactional id becomes.
func (d *decision) move(t, next *transaction) {
	d.moved = append(d.moved, moved{t, next.previousID, next.lastEpoch})
	d.records = append(d.records, d.c.record(next))
}

// made is the decision, which stands.
func (d *decision) made() []statemachine.Record {
	for _, m := range d.moved {
		m.t.previousID, m.t.lastEpoch = m.previousID, m.lastEpoch
	}
	return d.records
}

// Decide answers a Request, AddPartitions or MarkersWritten. A request of
// another type is a bug of the caller: it panics.
func (c *Core) Decide(now time.Time, t statemachine.Ticket, req any) statemachine.Decision {
	d := &decision{c: c, now: now}
	switch r := req.(type) {
	case AddPartitions:
		d.reply = d.addPartitions(r)
		if r.Unwritable && len(d.records) > 0 {
			d = &decision{reply: slices.Repeat([]*kerr.Error{kerr.CoordinatorNotAvailable}, len(r.Partitions))}
		}
	case MarkersWritten:
		d.complete(r)
	case Request:
		d.answer(r)
		if r.Unwritable && len(d.records) > 0 {
			d = &decision{reply: unavailable(r.Msg)}
		}
	default:
		panic("txn: a request of an unknown type reached the core")
	}
	return statemachine.Decision{Records: d.made(), Replies: []statemachine.Reply{{To: t, Value: d.reply}}}
}

// answer is the answer to a client.
func (d *decision) answer(r Request) {
	switch m := r.Msg.(type) {
	case *kmsg.InitProducerIDRequest:
		d.reply = d.initProducerID(m, r.FreshID)
	case *kmsg.EndTxnRequest:
		d.reply = d.endTxn(m, r.FreshID)
	case *kmsg.DescribeTransactionsRequest:
		d.reply = d.c.describe(m)
	case *kmsg.ListTransactionsRequest:
		d.reply = d.c.list(d.now, m)
	default:
		panic("txn: a request of an unknown type reached the core")
	}
}

// unavailable is the answer to a request whose record the log does not take.
func unavailable(msg kmsg.Request) kmsg.Response {
	resp := msg.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.InitProducerIDResponse:
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code(kerr.CoordinatorNotAvailable), -1, -1
	case *kmsg.EndTxnResponse:
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code(kerr.CoordinatorNotAvailable), -1, -1
	}
	return resp
}

// Loaded gives the markers of what is in Prepare to the host once more.
func (c *Core) Loaded(now time.Time) {
	c.loaded = true
	for _, id := range slices.Sorted(maps.Keys(c.ids)) {
		if t := c.ids[id]; t.state.prepared() {
			c.endings = append(c.endings, t.ending())
		}
	}
	c.scan, c.expiry = now.Add(timeoutInterval), now.Add(expiryInterval)
}

// Deadline is when Expire wants to be called.
func (c *Core) Deadline() time.Time {
	if c.scan.Before(c.expiry) {
		return c.scan
	}
	return c.expiry
}

// Expire aborts transactions that ran out of time, and forgets transactional
// ids that were not used for long.
func (c *Core) Expire(now time.Time) statemachine.Decision {
	d := &decision{c: c, now: now}
	ids := slices.Sorted(maps.Keys(c.ids))
	if !now.Before(c.scan) {
		c.scan = now.Add(timeoutInterval)
		for _, id := range ids {
			if t := c.ids[id]; t.state == ongoing && t.started.Add(t.timeout).Before(now) {
				d.fence(t)
			}
		}
	}
	if !now.Before(c.expiry) {
		c.expiry = now.Add(expiryInterval)
		for _, id := range ids {
			if t := c.ids[id]; t.state.atRest() && !t.updated.After(now.Add(-c.p.IDExpiration)) {
				d.records = append(d.records, statemachine.Record{Key: key(id)})
			}
		}
	}
	return statemachine.Decision{Records: d.made()}
}

// find is the transaction of an id that belongs to a producer;
// INVALID_PRODUCER_ID_MAPPING when there is none.
func (c *Core) find(id string, producerID int64) (*transaction, *kerr.Error) {
	if id == "" {
		return nil, kerr.InvalidRequest
	}
	t := c.ids[id]
	if t == nil || t.producerID != producerID {
		return nil, kerr.InvalidProducerIDMapping
	}
	return t, nil
}

// code is an error's code, 0 for none.
func code(err *kerr.Error) int16 {
	if err == nil {
		return 0
	}
	return err.Code
}
