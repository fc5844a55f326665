package cluster_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

// leaderOf is a client's broker that leads t-0.
func (r *running) leaderOf(t *testing.T, cl *kgo.Client) *kgo.Broker {
	t.Helper()
	topics, err := kadm.NewClient(cl).ListTopics(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	return cl.Broker(int(topics["t"].Partitions[0].Leader))
}

// initialize begins a producer by hand.
func initialize(t *testing.T, cl *kgo.Client, id string) (producerID int64, epoch int16) {
	t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &id, 20_000
	resp, err := req.RequestWith(t.Context(), cl)
	if err != nil || resp.ErrorCode != 0 {
		t.Fatal(resp, err)
	}
	return resp.ProducerID, resp.ProducerEpoch
}

// produceBatch sends one transactional record to t-0 and returns the error.
func produceBatch(t *testing.T, b *kgo.Broker, version int16, id *string, producerID int64, epoch int16, sequence int32) error {
	t.Helper()
	batch := record.NewBuilder(record.BuilderOptions{ProducerID: producerID, ProducerEpoch: epoch, BaseSequence: sequence, Transactional: true})
	batch.Add(time.Now().UnixMilli(), nil, []byte("hand made"))
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis = id, -1, 10_000
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch.Batch()
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{p}}}
	resp, err := b.Request(t.Context(), upTo{req, version})
	if err != nil {
		t.Fatal(err)
	}
	return kerr.ErrorForCode(resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
}

// upTo keeps a Produce at its version.
type upTo struct {
	*kmsg.ProduceRequest
	version int16
}

func (u upTo) MaxVersion() int16 { return u.version }

// TestNobodyOpensATransactionUnseen is KIP-890: a batch whose transaction the
// coordinator does not know is refused, and what came late cannot hang.
func TestNobodyOpensATransactionUnseen(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t)
	leader := r.leaderOf(t, cl)
	id := "tx"
	producerID, epoch := initialize(t, cl, id)
	for _, c := range []struct {
		what    string
		version int16
		id      *string
		epoch   int16
		want    error
	}{
		{"not added, old client", 10, &id, epoch, kerr.InvalidTxnState},
		{"not added", 11, &id, epoch, kerr.TransactionAbortable},
		{"an epoch from nowhere", 11, &id, epoch + 7, kerr.InvalidProducerEpoch},
		{"somebody else's id", 11, kmsg.StringPtr("other"), epoch, kerr.InvalidProducerIDMapping},
		{"no transactional id", 11, nil, epoch, kerr.TransactionalIDAuthorizationFailed},
		{"added by the request", 12, &id, epoch, nil},
	} {
		if err := produceBatch(t, leader, c.version, c.id, producerID, c.epoch, 0); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.ProducerID, end.ProducerEpoch, end.Commit = id, producerID, epoch, true
	resp, err := end.RequestWith(t.Context(), cl)
	if err != nil || resp.ErrorCode != 0 || resp.ProducerEpoch != epoch+1 {
		t.Fatalf("%+v, %v", resp, err)
	}
	r.quiet(t)
	if err := produceBatch(t, leader, 12, &id, producerID, epoch, 1); !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("a batch that comes after the end: %v", err)
	}
	same(t, "committed", r.readCommitted(t, "t"), "hand made")
}

// TestVerificationIsSwitchedOff is transaction.partition.verification.enable=false:
// brokers take what older clients say of their transactions.
func TestVerificationIsSwitchedOff(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t)
	id := "tx"
	producerID, epoch := initialize(t, cl, id)
	leader := r.leaderOf(t, cl)
	if err := produceBatch(t, leader, 11, &id, producerID, epoch, 0); err == nil {
		t.Error("a batch outside the transaction was taken")
	}
	if err := r.alterBroker(t, kadm.NewClient(cl), 0, "transaction.partition.verification.enable", "false"); err != nil {
		t.Fatal(err)
	}
	if err := produceBatch(t, leader, 11, &id, producerID, epoch, 0); err != nil {
		t.Errorf("without verification: %v", err)
	}
}

func TestTransactionsAreShown(t *testing.T) {
	bothVersions(t, func(t *testing.T, version string) {
		r := openVersion(t, vfs.NewMemory(), version)
		if err := r.create(t, "t", 2, nil); err != nil {
			t.Fatal(err)
		}
		cl := r.producer(t, "tx")
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: 1, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		admin := kadm.NewClient(r.client(t))
		list, err := admin.ListTransactions(t.Context(), nil, []string{"Ongoing"})
		if err != nil || len(list) != 1 || list["tx"].State != "Ongoing" {
			t.Errorf("listed %+v, %v", list, err)
		}
		all, err := admin.DescribeTransactions(t.Context(), "tx", "none")
		tx := all["tx"]
		if err != nil || tx.Err != nil || tx.State != "Ongoing" || tx.TimeoutMillis != 20_000 || !tx.Topics.Lookup("t", 1) || tx.Topics.Lookup("t", 0) {
			t.Errorf("described %+v, %v", tx, err)
		}
		if !errors.Is(all["none"].Err, kerr.TransactionalIDNotFound) {
			t.Errorf("a transaction that is not there: %+v", all["none"])
		}
		if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		r.quiet(t)
	})
}

// TestAnOperatorEndsATransaction: kafka-transactions aborts what hangs in a
// partition by a marker of its own.
func TestAnOperatorEndsATransaction(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	cl := r.client(t)
	id := "tx"
	producerID, epoch := initialize(t, cl, id)
	if err := produceBatch(t, r.leaderOf(t, cl), 12, &id, producerID, epoch, 0); err != nil {
		t.Fatal(err)
	}
	admin := kadm.NewClient(cl)
	stable := func() int64 {
		t.Helper()
		ends, err := admin.ListCommittedOffsets(t.Context(), "t")
		o, _ := ends.Lookup("t", 0)
		if err != nil || o.Err != nil {
			t.Fatal(err, o.Err)
		}
		return o.Offset
	}
	if got := stable(); got != 0 {
		t.Errorf("an open transaction: the stable offset is %d", got)
	}
	topics := kadm.TopicsSet{}
	topics.Add("t", 0)
	resp, err := admin.WriteTxnMarkers(t.Context(), kadm.TxnMarkers{ProducerID: producerID, ProducerEpoch: epoch, Topics: topics})
	if err != nil {
		t.Fatal(err)
	}
	if got := resp[producerID].Topics["t"].Partitions[0].Err; got != nil {
		t.Errorf("the marker: %v", got)
	}
	if got := stable(); got != 2 {
		t.Errorf("after the marker the stable offset is %d, want 2", got)
	}
	same(t, "committed", r.readCommitted(t, "t"))
}

func TestUnstableOffsets(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	cl := r.producer(t, "tx")
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "t"}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := commitOffset(t.Context(), cl, "tx", 7); err != nil {
		t.Fatal(err)
	}
	committed := func(stable bool) (int64, error) {
		t.Helper()
		req := kmsg.NewPtrOffsetFetchRequest()
		req.RequireStable = stable
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = "tx"
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0}}}
		req.Groups = append(req.Groups, g)
		resp, err := req.RequestWith(t.Context(), r.client(t, kgo.RetryTimeout(time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		p := resp.Groups[0].Topics[0].Partitions[0]
		return p.Offset, kerr.ErrorForCode(p.ErrorCode)
	}
	if _, err := committed(true); !errors.Is(err, kerr.UnstableOffsetCommit) {
		t.Errorf("a pending offset: %v", err)
	}
	if at, err := committed(false); at != -1 || err != nil {
		t.Errorf("a pending offset, for who does not mind: %d, %v", at, err)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	r.quiet(t)
	if at, err := committed(true); at != 7 || err != nil {
		t.Errorf("after the commit: %d, %v", at, err)
	}
}

// TestFeatures: clients use transactions V2 where the feature is finalized.
func TestFeatures(t *testing.T) {
	for version, want := range map[string]int16{"4.1.x.kraft": 2, "3.9.x.kraft": 0, "2.8.1": 0} {
		r := openVersion(t, vfs.NewMemory(), version)
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "test", "1"
		resp, err := req.RequestWith(t.Context(), r.client(t))
		if err != nil {
			t.Fatal(err)
		}
		got := int16(0)
		for _, f := range resp.FinalizedFeatures {
			if f.Name == "transaction.version" {
				got = f.MaxVersionLevel
			}
		}
		if got != want {
			t.Errorf("%s finalizes transaction.version %d, want %d", version, got, want)
		}
	}
}
