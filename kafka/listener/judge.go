package listener

import (
	"context"
	"slices"

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

// then is the second half of a row, after the authorizer has refused something.
type then func() outcome

// fewQuestions are asked without memory of their own.
const fewQuestions = 4

// inquiry gathers the questions of one request, asks them all at once, and
// answers from what came back.
type inquiry struct {
	backend Backend
	session *Session
	ops     []Operation
	index   map[Operation]int // of ops, when they are more than a few
	allowed []bool            // nil until the authorizer has answered
	numbers []int             // that named gave out

	fewOps     [fewQuestions]Operation
	fewAllowed [fewQuestions]bool
	fewNumbers [fewQuestions]int
}

// ask adds a question and returns its number for ok.
func (q *inquiry) ask(op Op, resource ResourceType, name string) int {
	o := Operation{op, resource, name}
	if i, ok := q.find(o); ok {
		return i
	}
	n := len(q.ops)
	if n == fewQuestions {
		q.index = make(map[Operation]int)
		for i, o := range q.ops {
			q.index[o] = i
		}
	}
	q.ops = append(q.ops, o)
	if n >= fewQuestions {
		q.index[o] = n
	}
	return n
}

func (q *inquiry) find(o Operation) (number int, ok bool) {
	if q.index != nil {
		number, ok = q.index[o]
		return number, ok
	}
	number = slices.Index(q.ops, o)
	return number, number >= 0
}

// answered tells whether the row is asked the second time: see row.
func (q *inquiry) answered() bool { return q.allowed != nil }

// authorize has the questions answered.
func (q *inquiry) authorize(ctx context.Context, a Authorizer) {
	allowed := append(q.fewAllowed[:0], make([]bool, len(q.ops))...)
	a.Authorize(ctx, q.session, q.ops, allowed)
	q.allowed = allowed
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
	from := len(q.numbers)
	for _, op := range ops {
		q.numbers = append(q.numbers, q.ask(op, resource, name))
	}
	return q.numbers[from:len(q.numbers):len(q.numbers)]
}

// mayRead is Request.MayRead.
func (q *inquiry) mayRead(topic string) (ok, asked bool) {
	n, asked := q.find(Operation{Read, Topic, topic})
	return asked && q.ok(n), asked
}

type verdict struct {
	outcome
	granted []Operation
	denied  []Operation
	inquiry *inquiry
}

// judge authorizes a request. It may shorten msg's lists.
func judge(ctx context.Context, a Authorizer, b Backend, s *Session, msg kmsg.Request) verdict {
	q := &inquiry{backend: b, session: s}
	q.ops, q.numbers = q.fewOps[:0], q.fewNumbers[:0]
	ask := table[msg.Key()].ask
	ask(q, msg)
	if len(q.ops) == 0 {
		return verdict{inquiry: q}
	}
	q.authorize(ctx, a)
	if !slices.Contains(q.allowed, false) {
		return verdict{granted: q.ops, inquiry: q}
	}
	v := verdict{inquiry: q}
	for i, op := range q.ops {
		if q.allowed[i] {
			v.granted = append(v.granted, op)
		} else {
			v.denied = append(v.denied, op)
		}
	}
	v.outcome = ask(q, msg)()
	return v
}

// row is one API key's authorization. Rows marked filter list what there is
// when nothing is named: their handlers ask Request.May about each thing.
//
// ask is called for its questions, and when one of them is refused once more, for
// what it returns then: what is always allowed makes nothing that is not used. A
// question of the second time that was not one of the first is refused.
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
	if !q.answered() {
		for _, item := range items {
			asks(item)
		}
		return nil
	}
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
	if !q.answered() {
		return nil
	}
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
	if !q.answered() {
		return nil
	}
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
