package logs

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/eventlog"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/store"
)

// CreateLogStream makes a stream.
func (s *Service) CreateLogStream(ctx context.Context, c model.Caller, in *logs.CreateLogStreamRequest) (*logs.CreateLogStreamResponse, error) {
	return &logs.CreateLogStreamResponse{}, s.createStream(ctx, c, *in.LogGroupName, *in.LogStreamName)
}

func (s *Service) createStream(ctx context.Context, c model.Caller, groupName, name string) error {
	if len(name) > maxStreamKey {
		return invalid("The name of a log stream has at most %d bytes.", maxStreamKey)
	}
	streamID, err := s.newID()
	if err != nil {
		return err
	}
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		g, err := find(tx, c, groupName)
		if err != nil {
			return err
		}
		if _, taken := tx.Get(g.streamPrefix() + name); taken {
			return fault("ResourceAlreadyExistsException", "The specified log stream already exists")
		}
		if full, err := count(tx, g.streamPrefix(), maxStreams); err != nil || full {
			return orExceeded(err)
		}
		return store.PutJSON(tx, g.streamPrefix()+name, stream{Name: name, ID: streamID, Created: s.now()})
	})
}

// DeleteLogStream deletes a stream with its events.
func (s *Service) DeleteLogStream(ctx context.Context, c model.Caller, in *logs.DeleteLogStreamRequest) (*logs.DeleteLogStreamResponse, error) {
	g, st, err := s.stream(ctx, c, *in.LogGroupName, *in.LogStreamName)
	if err != nil {
		return nil, err
	}
	if err := s.deleteKeys(ctx, []string{g.streamPrefix() + st.Name}); err != nil {
		return nil, err
	}
	if err := s.cfg.Events.DropStream(ctx, uint64(g.ID), uint64(st.ID)); err != nil {
		return nil, err // what is left goes at the next start
	}
	return &logs.DeleteLogStreamResponse{}, nil
}

// streams is the streams of a group whose names begin with a prefix, by name.
func (s *Service) streams(ctx context.Context, g *group, prefix string) (out []stream, err error) {
	err = s.each(ctx, g.streamPrefix()+prefix, "", func(tx *store.Tx, key string) (bool, error) {
		st, _, err := store.GetJSON[stream](tx, key)
		out = append(out, st)
		return false, err
	})
	return out, err
}

// placed is a stream with its place in a list.
type placed struct {
	stream
	sum  eventlog.Summary
	time int64 // that the list is ordered by first; 0 when by name
}

func (p placed) compare(q placed) int {
	return cmp.Or(cmp.Compare(p.time, q.time), cmp.Compare(p.Name, q.Name))
}

// DescribeLogStreams lists the streams of a group by name or by their last
// event.
func (s *Service) DescribeLogStreams(ctx context.Context, c model.Caller, in *logs.DescribeLogStreamsRequest) (*logs.DescribeLogStreamsResponse, error) {
	byTime := deref(in.OrderBy) == "LastEventTime"
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	name, err := one(in.LogGroupName, in.LogGroupIdentifier, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	last, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	g, err := s.read(ctx, c, name)
	if err != nil {
		return nil, err
	}
	all, err := s.placed(ctx, g, deref(in.LogStreamNamePrefix), byTime)
	if err != nil {
		return nil, err
	}
	order := placed.compare
	if deref(in.Descending) {
		order = func(a, b placed) int { return b.compare(a) }
	}
	slices.SortFunc(all, order)
	if last != "" {
		at, err := readPlace(last)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(p placed) bool { return order(p, at) <= 0 })
	}
	limit := groupPage
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	out := &logs.DescribeLogStreamsResponse{LogStreams: []logs.LogStream{}}
	if len(all) > limit {
		all = all[:limit]
		out.NextToken = writeToken(strconv.FormatInt(all[limit-1].time, 10) + "/" + all[limit-1].Name)
	}
	for _, p := range all {
		if p.sum, err = s.cfg.Events.Summary(ctx, uint64(g.ID), uint64(p.ID)); err != nil {
			return nil, err
		}
		out.LogStreams = append(out.LogStreams, renderStream(c, g, p))
	}
	return out, nil
}

func (s *Service) placed(ctx context.Context, g *group, prefix string, byTime bool) ([]placed, error) {
	all, err := s.streams(ctx, g, prefix)
	if err != nil {
		return nil, err
	}
	out := make([]placed, len(all))
	for i, st := range all {
		out[i].stream = st
		if !byTime {
			continue
		}
		sum, err := s.cfg.Events.Summary(ctx, uint64(g.ID), uint64(st.ID))
		if err != nil {
			return nil, err
		}
		out[i].time = sum.Last
	}
	return out, nil
}

func readPlace(at string) (p placed, err error) {
	when, name, ok := strings.Cut(at, "/")
	if p.time, err = strconv.ParseInt(when, 10, 64); err != nil || !ok {
		return p, badToken()
	}
	p.Name = name
	return p, nil
}

func renderStream(c model.Caller, g *group, p placed) logs.LogStream {
	out := logs.LogStream{
		Arn: new(g.arn(c.Partition()) + ":log-stream:" + p.Name), LogStreamName: new(p.Name), CreationTime: new(p.Created.UnixMilli()), StoredBytes: new(int64(0)),
	}
	if p.sum.Count > 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp, out.LastIngestionTime = new(p.sum.First), new(p.sum.Last), new(p.sum.Ingested)
		out.UploadSequenceToken = new(sequenceToken)
	}
	return out
}
