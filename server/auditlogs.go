package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/logs"
)

// maxAuditCopies is how many records wait to be copied; more are left out of the
// copy and counted.
const maxAuditCopies = 1024

// auditCopy puts what was recorded into a log group too, where AWS's tools read
// it. Nobody waits for it: the audit log's files stay the record.
type auditCopy struct {
	caller model.Caller // the root account and the configured region
	group  string
	log    *slog.Logger

	queue   chan audit.Event // capacity maxAuditCopies
	dropped atomic.Int64
	logs    *logs.Service // set by start
	stop    chan struct{} // closed by close
	done    chan struct{} // closed when run has ended; nil: it was not started
	failing string        // of run: the last error, which is told once
}

func newAuditCopy(region, group string, log *slog.Logger) *auditCopy {
	return &auditCopy{
		caller: itself(iam.AccountID, region), group: group, log: log,
		queue: make(chan audit.Event, maxAuditCopies), stop: make(chan struct{}),
	}
}

// put takes records that were written.
func (a *auditCopy) put(events []audit.Event) {
	for _, e := range events {
		select {
		case a.queue <- e:
		default:
			a.dropped.Add(1)
		}
	}
}

// start makes the log group unless it is there, and begins to copy.
func (a *auditCopy) start(ctx context.Context, l *logs.Service) error {
	in := &shape.CreateLogGroupRequest{LogGroupName: &a.group}
	if bad := in.Validate(); bad != nil {
		return fmt.Errorf("--audit-log-group: %w", bad)
	}
	_, err := l.CreateLogGroup(ctx, a.caller, in)
	if e, ok := errors.AsType[*model.Error](err); err != nil && !(ok && e.Code == "ResourceAlreadyExistsException") {
		return fmt.Errorf("--audit-log-group: %w", err)
	}
	a.logs, a.done = l, make(chan struct{})
	go a.run() // close waits for it
	return nil
}

// close copies what waits and ends. Nothing may be put any more.
func (a *auditCopy) close() {
	close(a.stop)
	if a.done != nil {
		<-a.done
	}
}

func (a *auditCopy) run() {
	defer close(a.done)
	for {
		select {
		case e := <-a.queue:
			a.copy(a.batch([]audit.Event{e}))
		case <-a.stop:
			for len(a.queue) > 0 {
				a.copy(a.batch(nil))
			}
			return
		}
	}
}

// batch adds what waits.
func (a *auditCopy) batch(out []audit.Event) []audit.Event {
	for len(out) < maxAuditCopies {
		select {
		case e := <-a.queue:
			out = append(out, e)
		default:
			return out
		}
	}
	return out
}

// copy appends records to the stream that CloudTrail would name so.
func (a *auditCopy) copy(list []audit.Event) {
	ctx, cancel := context.WithTimeout(context.Background(), logTimeout)
	defer cancel()
	events := make([]logs.Event, 0, len(list)+1)
	for _, e := range list {
		if text, err := e.JSON(); err == nil { // it was written so before
			events = append(events, logs.Event{Time: e.Time.Time, Message: string(text)})
		}
	}
	if n := a.dropped.Swap(0); n > 0 {
		events = append(events, logs.Event{Time: time.Now(), Message: fmt.Sprintf(`{"eventType":"AwsServiceEvent","eventName":"RecordsLeftOut","additionalEventData":{"records":%d}}`, n)})
	}
	slices.SortStableFunc(events, func(x, y logs.Event) int { return cmp.Compare(x.Time.UnixMilli(), y.Time.UnixMilli()) })
	stream := a.caller.Account + "_CloudTrail_" + a.caller.Region
	err := a.logs.Append(ctx, a.caller, a.group, stream, events)
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != a.failing {
		a.log.Warn("the audit log is not copied to its log group; its files have everything", "group", a.group, "error", err)
	}
	a.failing = text
}
