package txn_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
	"github.com/millrace/millrace/kafka/txn"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories print into testdata")

// TestStories runs testdata/*.story. A command's output follows it after
// "----": the records written, the markers that are to be written, and the
// reply. After every command a replay of the log must give the same state.
func TestStories(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.story")
	if len(files) == 0 {
		t.Fatal("no stories")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, string(in))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(in) {
				t.Errorf("%s differs (run with -rewrite and read the diff):\n%s", file, got)
			}
		})
	}
}

// lab drives a core as a statemachine.Machine does, with a clock of its own, and
// keeps its log.
type lab struct {
	params txn.Params
	core   *txn.Core
	now    time.Time
	log    []logged
	fresh  int64
	out    strings.Builder
}

type logged struct {
	statemachine.Record
	at time.Time
}

var began = time.UnixMilli(1_700_000_000_000)

func newLab(p txn.Params) *lab {
	l := &lab{params: p, core: txn.New(p), now: began, fresh: 1000}
	l.core.Loaded(l.now)
	return l
}

func tell(t *testing.T, story string) string {
	var out strings.Builder
	l := newLab(txn.Params{Version: txn.V2})
	inOutput := false
	for line := range strings.SplitSeq(strings.TrimRight(story, "\n"), "\n") {
		switch {
		case line == "----":
			inOutput = true
		case line == "":
			inOutput = false
			out.WriteString("\n")
		case inOutput:
		case strings.HasPrefix(line, "#"):
			fmt.Fprintln(&out, line)
		default:
			fmt.Fprintf(&out, "%s\n----\n", line)
			l = l.command(t, line)
			if l.out.Len() == 0 {
				l.out.WriteString("(nothing)\n")
			}
			out.WriteString(l.out.String())
			l.out.Reset()
			l.checkReplay(t)
		}
	}
	return out.String()
}

type args map[string]string

func (a args) num(key string, otherwise int) int {
	if a[key] == "" {
		return otherwise
	}
	n, err := strconv.Atoi(a[key])
	if err != nil {
		panic(err)
	}
	return n
}

func (a args) ms(key string, otherwise time.Duration) time.Duration {
	if a[key] == "" {
		return otherwise
	}
	d, err := time.ParseDuration(a[key])
	if err != nil {
		panic(err)
	}
	return d
}

func (a args) partitions() (out []txn.TopicPartition) {
	for _, item := range strings.Split(cmp.Or(a["of"], "t-0"), ",") {
		topic, p, _ := strings.Cut(item, "-")
		n, err := strconv.Atoi(p)
		if err != nil {
			panic(err)
		}
		out = append(out, txn.TopicPartition{Topic: topic, Partition: int32(n)})
	}
	return out
}

func (l *lab) command(t *testing.T, line string) *lab {
	words := strings.Fields(line)
	a := args{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		a[k] = v
	}
	id := cmp.Or(a["id"], "a")
	if id == "-" {
		id = ""
	}
	switch words[0] {
	case "params":
		l = newLab(txn.Params{Version: int16(a.num("version", 2))})
	case "exhaust": // a new lab, with an id whose epochs are used up
		l = newLab(txn.Params{Version: int16(a.num("version", 2))})
		l.fresh = 2000
		k, v := kmsg.NewTxnMetadataKey(), kmsg.NewTxnMetadataValue()
		k.TransactionalID, v.Version, v.TimeoutMillis, v.StartTimestamp, v.LastUpdateTimestamp = id, 1, 60_000, -1, l.now.UnixMilli()
		v.ProducerID, v.PreviousProducerID, v.ProducerEpoch = int64(a.num("pid", 0)), int64(a.num("pid", 0)), int16(a.num("epoch", 0))
		l.take(statemachine.Decision{Records: []statemachine.Record{{Key: k.AppendTo(nil), Value: v.AppendTo(nil)}}})
	case "sleep":
		l.sleep(t, a.ms("for", time.Second))
	case "restart":
		l.core = l.replayed()
		l.markers(l.core)
	case "init":
		r := kmsg.NewPtrInitProducerIDRequest()
		r.Version, r.TransactionalID, r.TransactionTimeoutMillis = 5, &id, int32(a.ms("timeout", time.Minute).Milliseconds())
		r.ProducerID, r.ProducerEpoch = int64(a.num("pid", -1)), int16(a.num("epoch", -1))
		l.fresh++
		l.do(txn.Request{Msg: r, FreshID: l.fresh})
	case "add", "verify", "produce":
		r := txn.AddPartitions{TransactionalID: id, ProducerID: int64(a.num("pid", 1001)), Epoch: int16(a.num("epoch", 0)), Partitions: a.partitions()}
		r.VerifyOnly = words[0] == "verify"
		if words[0] == "produce" {
			r.ClientVersion = txn.V2
		}
		l.do(r)
	case "commit", "abort":
		r := kmsg.NewPtrEndTxnRequest()
		r.Version, r.TransactionalID = int16(a.num("v", 5)), id
		r.ProducerID, r.ProducerEpoch, r.Commit = int64(a.num("pid", 1001)), int16(a.num("epoch", 0)), words[0] == "commit"
		l.fresh++
		l.do(txn.Request{Msg: r, FreshID: l.fresh})
	case "written":
		l.do(txn.MarkersWritten{TransactionalID: id, ProducerID: int64(a.num("pid", 1001)), Epoch: int16(a.num("epoch", 0))})
	default:
		l.do(txn.Request{Msg: question(t, words[0], id, a)})
	}
	return l
}

func question(t *testing.T, verb, id string, a args) kmsg.Request {
	switch verb {
	case "describe":
		r := kmsg.NewPtrDescribeTransactionsRequest()
		r.TransactionalIDs = strings.Split(id, ",")
		return r
	case "list":
		r := kmsg.NewPtrListTransactionsRequest()
		r.Version, r.DurationFilterMillis = 2, a.ms("longer", -time.Millisecond).Milliseconds()
		if a["states"] != "" {
			r.StateFilters = strings.Split(a["states"], ",")
		}
		if n := a.num("pid", -1); n >= 0 {
			r.ProducerIDFilters = []int64{int64(n)}
		}
		if p, ok := a["pattern"]; ok {
			r.TransactionalIDPattern = &p
		}
		return r
	}
	t.Fatalf("unknown verb %q", verb)
	return nil
}

func (l *lab) do(req any) {
	d := l.core.Decide(l.now, 1, req)
	l.take(d)
	fmt.Fprintln(&l.out, show(d.Replies[0].Value))
}

func (l *lab) take(d statemachine.Decision) {
	for _, r := range d.Records {
		l.core.Apply(r, l.now)
		l.log = append(l.log, logged{r, l.now})
		fmt.Fprintf(&l.out, "record: %s\n", showRecord(r))
	}
	l.markers(l.core)
}

func (l *lab) markers(c *txn.Core) {
	for _, e := range c.TakeEndings() {
		fmt.Fprintf(&l.out, "markers: %s %d/%d commit=%v %v\n", e.TransactionalID, e.ProducerID, e.Epoch, e.Commit, e.Partitions)
	}
}

// sleep lets time pass, deadline by deadline.
func (l *lab) sleep(t testing.TB, d time.Duration) {
	end := l.now.Add(d)
	for n := 0; ; n++ {
		at := l.core.Deadline()
		if at.After(end) {
			break
		}
		if n > 100_000 {
			t.Fatalf("the deadline does not move: %v", at)
		}
		l.now = at
		l.take(l.core.Expire(l.now))
	}
	l.now = end
}

func (l *lab) replayed() *txn.Core {
	c := txn.New(l.params)
	for _, r := range l.log {
		c.Apply(r.Record, r.at)
	}
	c.Loaded(l.now)
	return c
}

// checkReplay compares what is remembered with what a replay would give.
func (l *lab) checkReplay(t testing.TB) {
	t.Helper()
	ask := func(c *txn.Core, msg kmsg.Request) any {
		return c.Decide(l.now, 1, txn.Request{Msg: msg}).Replies[0].Value
	}
	again := l.replayed()
	list := kmsg.NewPtrListTransactionsRequest()
	list.DurationFilterMillis = -1
	live, replay := ask(l.core, list), ask(again, list)
	if !reflect.DeepEqual(live, replay) {
		t.Fatalf("live %s, replayed %s", show(live), show(replay))
	}
	describe := kmsg.NewPtrDescribeTransactionsRequest()
	for _, s := range live.(*kmsg.ListTransactionsResponse).TransactionStates {
		describe.TransactionalIDs = append(describe.TransactionalIDs, s.TransactionalID)
	}
	if live, replay := ask(l.core, describe), ask(again, describe); !reflect.DeepEqual(live, replay) {
		t.Fatalf("live %s, replayed %s", show(live), show(replay))
	}
}

func name(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kerr.TypedErrorForCode(code).Message
}

func since(ms int64) string {
	if ms < 0 {
		return "never"
	}
	return "+" + time.UnixMilli(ms).Sub(began).String()
}

func showRecord(r statemachine.Record) string {
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(r.Key); err != nil {
		return err.Error()
	}
	if r.Value == nil {
		return k.TransactionalID + " removed"
	}
	var v kmsg.TxnMetadataValue
	if err := v.ReadFrom(r.Value); err != nil {
		return err.Error()
	}
	out := fmt.Sprintf("%s v%d %s %d/%d", k.TransactionalID, v.Version, v.State, v.ProducerID, v.ProducerEpoch)
	if v.Version > 0 {
		out += fmt.Sprintf(" previous=%d next=%d client=%d", v.PreviousProducerID, v.NextProducerID, v.ClientTransactionVersion)
	}
	for _, t := range v.Topics {
		out += fmt.Sprintf(" %s%v", t.Topic, t.Partitions)
	}
	return out + " started " + since(v.StartTimestamp)
}

func show(reply any) string {
	switch r := reply.(type) {
	case nil:
		return "done"
	case []*kerr.Error:
		var out []string
		for _, err := range r {
			if err == nil {
				out = append(out, "ok")
			} else {
				out = append(out, err.Message)
			}
		}
		return strings.Join(out, " ")
	case *kmsg.InitProducerIDResponse:
		return fmt.Sprintf("%s %d/%d", name(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	case *kmsg.EndTxnResponse:
		return fmt.Sprintf("%s %d/%d", name(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	case *kmsg.DescribeTransactionsResponse:
		var out []string
		for _, s := range r.TransactionStates {
			out = append(out, fmt.Sprintf("%s %s %s %d/%d timeout=%dms started %s %v", s.TransactionalID, name(s.ErrorCode), s.State, s.ProducerID, s.ProducerEpoch, s.TimeoutMillis, since(s.StartTimestamp), s.Topics))
		}
		return strings.Join(out, "\n")
	case *kmsg.ListTransactionsResponse:
		out := name(r.ErrorCode)
		for _, s := range r.TransactionStates {
			out += fmt.Sprintf(" %s/%d/%s", s.TransactionalID, s.ProducerID, s.TransactionState)
		}
		if len(r.UnknownStateFilters) > 0 {
			out += fmt.Sprintf(" unknown %v", r.UnknownStateFilters)
		}
		return out
	}
	return fmt.Sprintf("%#v", reply)
}

// FuzzApply: whatever a record holds, it is read or ignored.
func FuzzApply(f *testing.F) {
	l := newLab(txn.Params{Version: txn.V2})
	id := "a"
	r := kmsg.NewPtrInitProducerIDRequest()
	r.TransactionalID, r.TransactionTimeoutMillis = &id, 1000
	l.do(txn.Request{Msg: r, FreshID: 1})
	l.do(txn.AddPartitions{TransactionalID: id, ProducerID: 1, Partitions: []txn.TopicPartition{{Topic: "t"}}})
	for _, r := range l.log {
		f.Add(r.Key, r.Value)
	}
	f.Add([]byte{0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c := txn.New(txn.Params{})
		c.Apply(statemachine.Record{Key: key, Value: value}, began)
		c.Loaded(began)
		c.TakeEndings()
		c.Expire(began.Add(time.Hour))
	})
}
