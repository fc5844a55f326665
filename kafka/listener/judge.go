package listener

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kafka's errors for a refused resource.
var (
	errTopic   = kerr.TopicAuthorizationFailed.Code
	errGroup   = kerr.GroupAuthorizationFailed.Code
	errCluster = kerr.ClusterAuthorizationFailed.Code
	errTxn     = kerr.TransactionalIDAuthorizationFailed.Code
)

// outcome is what authorization leaves of a request: whole answers it without
// the backend; otherwise refused resources were cut out of the request, and
// restore puts them back into the response. The zero outcome lets it pass.
type outcome struct {
	whole   kmsg.Response
	restore func(kmsg.Response)
}

// then is the second half of a row, after the authorizer has answered.
type then func() outcome

// inquiry gathers the questions of one request, asks them all at once, and
// answers from what came back.
type inquiry struct {
	backend Backend
	session *Session
	ops     []Operation
	index   map[Operation]int
	allowed []bool
}

// ask adds a question and returns its number for ok.
func (q *inquiry) ask(op Op, resource ResourceType, name string) int {
	o := Operation{op, resource, name}
	if i, ok := q.index[o]; ok {
		return i
	}
	q.ops = append(q.ops, o)
	q.index[o] = len(q.ops) - 1
	return len(q.ops) - 1
}

// ok tells whether all the questions were allowed.
func (q *inquiry) ok(numbers ...int) bool {
	for _, n := range numbers {
		if n >= len(q.allowed) || !q.allowed[n] {
			return false
		}
	}
	return true
}

// topic asks about a topic given by name or by id. An id that nobody knows has
// nothing to protect: the backend answers that it does not exist.
func (q *inquiry) topic(name string, id [16]byte, ops ...Op) []int {
	if name == "" && id != [16]byte{} {
		var ok bool
		if name, ok = q.backend.TopicName(id); !ok {
			return nil
		}
	}
	return q.named(Topic, name, ops...)
}

func (q *inquiry) named(resource ResourceType, name string, ops ...Op) []int {
	numbers := make([]int, len(ops))
	for i, op := range ops {
		numbers[i] = q.ask(op, resource, name)
	}
	return numbers
}

// mayRead is Request.MayRead.
func (q *inquiry) mayRead(topic string) (ok, asked bool) {
	n, asked := q.index[Operation{Read, Topic, topic}]
	return asked && q.ok(n), asked
}

type verdict struct {
	outcome
	granted []Operation
	denied  []Operation
	mayRead func(topic string) (ok, asked bool)
}

// judge authorizes a request. It may shorten msg's lists.
func judge(ctx context.Context, a Authorizer, b Backend, s *Session, msg kmsg.Request) verdict {
	q := &inquiry{backend: b, session: s, index: map[Operation]int{}}
	next := table[msg.Key()].ask(q, msg)
	if len(q.ops) == 0 {
		return verdict{mayRead: q.mayRead}
	}
	q.allowed = a.Authorize(ctx, s, q.ops)
	v := verdict{mayRead: q.mayRead}
	for i, op := range q.ops {
		if q.ok(i) {
			v.granted = append(v.granted, op)
		} else {
			v.denied = append(v.denied, op)
		}
	}
	if len(v.denied) > 0 {
		v.outcome = next()
	}
	return v
}

// row is one API key's authorization. Rows marked filter list what there is
// when nothing is named: their handlers ask Request.May about each thing.
type row struct {
	filter bool
	ask    func(q *inquiry, msg kmsg.Request) then
}

// rule makes a row of a typed function.
func rule[R kmsg.Request](ask func(q *inquiry, req R) then) row {
	return row{ask: func(q *inquiry, msg kmsg.Request) then { return ask(q, msg.(R)) }}
}

func (r row) filtered() row {
	r.filter = true
	return r
}

// each is for requests that are a list, answered item by item: asks are the
// questions of one item, answers the response's list, refused its error.
func each[T, U any, S kmsg.Response](q *inquiry, list *[]T, asks func(T) []int, answers func(S) *[]U, refused func(T) U) then {
	items := *list
	numbers := make([][]int, len(items))
	for i, item := range items {
		numbers[i] = asks(item)
	}
	return func() outcome {
		kept := make([]T, 0, len(items))
		for i, item := range items {
			if q.ok(numbers[i]...) {
				kept = append(kept, item)
			}
		}
		if len(kept) == len(items) {
			return outcome{}
		}
		*list = kept
		return outcome{restore: func(resp kmsg.Response) {
			out := answers(resp.(S))
			*out = merge(q, items, numbers, *out, refused)
		}}
	}
}

// merge puts the refused items' errors between the answers, where the request
// had them. Answers that nobody asked for stay at the end.
func merge[T, U any](q *inquiry, items []T, numbers [][]int, answers []U, refused func(T) U) []U {
	all := make([]U, 0, len(items))
	for i, item := range items {
		if !q.ok(numbers[i]...) {
			all = append(all, refused(item))
		} else if len(answers) > 0 {
			all, answers = append(all, answers[0]), answers[1:]
		}
	}
	return append(all, answers...)
}

// unless answers the whole request when a question was refused, and otherwise
// goes on with what next says.
func unless(q *inquiry, number int, whole func() kmsg.Response, next then) then {
	return func() outcome {
		if !q.ok(number) {
			return outcome{whole: whole()}
		}
		if next == nil {
			return outcome{}
		}
		return next()
	}
}

// without is unless for a request that is about one resource.
func without[S kmsg.Response](q *inquiry, number int, req kmsg.Request, fill func(S)) then {
	return unless(q, number, func() kmsg.Response {
		resp := req.ResponseKind().(S)
		fill(resp)
		return resp
	}, nil)
}

// full applies refused to all items: the answer to a wholly refused list.
func full[T, U any](items []T, refused func(T) U) []U {
	out := make([]U, len(items))
	for i, item := range items {
		out[i] = refused(item)
	}
	return out
}
