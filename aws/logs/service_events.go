package logs

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/eventlog"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/logs"
)

// PutLogEvents adds a batch of events to a stream and returns when they are on
// disk.
func (s *Service) PutLogEvents(ctx context.Context, c model.Caller, in *logs.PutLogEventsRequest) (*logs.PutLogEventsResponse, error) {
	g, st, err := s.stream(ctx, c, *in.LogGroupName, *in.LogStreamName)
	if err != nil {
		return nil, err
	}
	b, err := decideBatch(g, in.LogEvents, s.now())
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Events.Append(ctx, uint64(g.ID), uint64(st.ID), s.now().UnixMilli(), b.events); err != nil {
		return nil, err
	}
	out := &logs.PutLogEventsResponse{NextSequenceToken: new(sequenceToken), RejectedLogEventsInfo: b.rejected}
	if in.Entity != nil { // entities are not kept, and this is how AWS says so of some groups
		out.RejectedEntityInfo = &logs.RejectedEntityInfo{ErrorType: new("UnsupportedLogGroupType")}
	}
	return out, nil
}

// GetLogEvents reads one stream forward or backward. The last page of a
// direction has the token that was asked with.
func (s *Service) GetLogEvents(ctx context.Context, c model.Caller, in *logs.GetLogEventsRequest) (*logs.GetLogEventsResponse, error) {
	name, err := one(in.LogGroupName, in.LogGroupIdentifier, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	g, st, err := s.stream(ctx, c, name, *in.LogStreamName)
	if err != nil {
		return nil, err
	}
	q := eventlog.Query{
		Group: uint64(g.ID), Streams: []uint64{uint64(st.ID)}, From: max(deref(in.StartTime), g.oldest(s.now())), To: math.MaxInt64,
		Backward: !deref(in.StartFromHead), Limit: pageSize(in.Limit), Bytes: maxPage,
	}
	if in.EndTime != nil {
		q.To = *in.EndTime
	}
	if in.NextToken != nil {
		if err := resume(&q, *in.NextToken); err != nil {
			return nil, err
		}
	}
	return s.get(ctx, q)
}

// Directions of a token of GetLogEvents.
const (
	forward  = "f/"
	backward = "b/"
)

// resume goes on where a token says: "f/POSITION" or "b/POSITION".
func resume(q *eventlog.Query, token string) error {
	q.Backward = strings.HasPrefix(token, backward)
	if !q.Backward && !strings.HasPrefix(token, forward) {
		return badToken()
	}
	at, err := readPosition(token[2:])
	q.After = &at
	return err
}

// get answers a page in the order of times, with a token for each direction.
func (s *Service) get(ctx context.Context, q eventlog.Query) (*logs.GetLogEventsResponse, error) {
	page, err := s.cfg.Events.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	var first, last eventlog.Position // an empty stream's: before everything
	switch {
	case page.More != nil && len(page.Events) == 0:
		first, last = *page.More, *page.More
	case q.After != nil:
		first, last = *q.After, *q.After
	}
	if q.Backward {
		slices.Reverse(page.Events)
	}
	out := &logs.GetLogEventsResponse{Events: make([]logs.OutputLogEvent, len(page.Events))}
	for i, e := range page.Events {
		out.Events[i] = logs.OutputLogEvent{Timestamp: new(e.Time), IngestionTime: new(e.Ingested), Message: new(e.Message)}
		if i == 0 {
			first = e.Position()
		}
		last = e.Position()
	}
	out.NextForwardToken, out.NextBackwardToken = new(forward+writePosition(last)), new(backward+writePosition(first))
	return out, nil
}

func pageSize(limit *int32) int {
	if limit == nil {
		return maxEvents
	}
	return int(*limit)
}

// FilterLogEvents reads the events of many streams that match a pattern.
func (s *Service) FilterLogEvents(ctx context.Context, c model.Caller, in *logs.FilterLogEventsRequest) (*logs.FilterLogEventsResponse, error) {
	match, err := compile(deref(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	name, err := one(in.LogGroupName, in.LogGroupIdentifier, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	g, err := s.read(ctx, c, name)
	if err != nil {
		return nil, err
	}
	streams, err := s.chosen(ctx, g, in)
	if err != nil {
		return nil, err
	}
	q := eventlog.Query{
		Group: uint64(g.ID), From: max(deref(in.StartTime), g.oldest(s.now())), To: math.MaxInt64,
		Backward: in.StartFromHead != nil && !*in.StartFromHead, Limit: pageSize(in.Limit), Bytes: maxPage, Match: match,
	}
	names := make(map[uint64]string, len(streams))
	for _, st := range streams {
		q.Streams, names[uint64(st.ID)] = append(q.Streams, uint64(st.ID)), st.Name
	}
	if in.EndTime != nil && *in.EndTime < math.MaxInt64 {
		q.To = *in.EndTime + 1
	}
	if token, err := readToken(in.NextToken); err != nil {
		return nil, err
	} else if token != "" {
		at, err := readPosition(token)
		if err != nil {
			return nil, err
		}
		q.After = &at
	}
	page, err := s.cfg.Events.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &logs.FilterLogEventsResponse{Events: make([]logs.FilteredLogEvent, len(page.Events)), SearchedLogStreams: []logs.SearchedLogStream{}}
	for i, e := range page.Events {
		out.Events[i] = logs.FilteredLogEvent{
			EventId: new(eventID(e)), IngestionTime: new(e.Ingested), LogStreamName: new(names[e.Stream]), Message: new(e.Message), Timestamp: new(e.Time),
		}
	}
	if page.More != nil {
		out.NextToken = writeToken(writePosition(*page.More))
	}
	return out, nil
}

// chosen is the streams that a request asks for.
func (s *Service) chosen(ctx context.Context, g *group, in *logs.FilterLogEventsRequest) ([]stream, error) {
	if in.LogStreamNames != nil && in.LogStreamNamePrefix != nil {
		return nil, invalid("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
	}
	all, err := s.streams(ctx, g, deref(in.LogStreamNamePrefix))
	if err != nil || in.LogStreamNames == nil {
		return all, err
	}
	var out []stream
	for _, name := range in.LogStreamNames {
		i := slices.IndexFunc(all, func(st stream) bool { return st.Name == name })
		if i < 0 {
			return nil, noStream()
		}
		if !slices.ContainsFunc(out, func(st stream) bool { return st.Name == name }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}
