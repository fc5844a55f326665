package logs

import (
	"encoding/base64"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/aws/eventlog"
	"github.com/millrace/millrace/aws/model/logs"
)

// Limits. (aws:logs user guide, quotas; those of groups and streams are ours:
// AWS has a million groups in a region and any number of streams)
const (
	maxGroups    = 10000 // of one account and region
	maxStreams   = 10000 // of one group
	maxStreamKey = 1024  // bytes of a stream's name
	maxTags      = 50
	maxTagKey    = 128 // characters
	maxTagValue  = 256
	maxPolicies  = 10      // of one account and region
	maxPolicy    = 5120    // characters
	maxBatch     = 1 << 20 // bytes, each event with 26 more
	maxPage      = 1 << 20
	maxEvents    = 10000 // of one batch or page
	maxPast      = 14 * 24 * time.Hour
	maxFuture    = 2 * time.Hour
	maxSpan      = 24 * time.Hour // of one batch
	maxToken     = 2048
	day          = 24 * time.Hour
)

// retentions is the days that events may be kept. aws:logs PutRetentionPolicy
var retentions = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var tagShape = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// arn is the group's ARN without the ":*" that stands for its streams.
func (g *group) arn(partition string) string {
	return strings.Join([]string{"arn", partition, "logs", g.Region, g.Account, "log-group", g.Name}, ":")
}

// nameOf is the group's name in a name or an ARN; empty when it is of another
// account or region.
func nameOf(identifier, account, region string) string {
	if !strings.HasPrefix(identifier, "arn:") {
		return identifier
	}
	parts := strings.SplitN(identifier, ":", 7)
	if len(parts) != 7 || parts[2] != "logs" || parts[3] != region || parts[4] != account || parts[5] != "log-group" {
		return ""
	}
	return strings.TrimSuffix(parts[6], ":*")
}

// one is the group that a request names in one of two ways.
func one(name, identifier *string, account, region string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", invalid("You can't specify both logGroupName and logGroupIdentifier.")
	case name == nil && identifier == nil:
		return "", invalid("You must specify logGroupName or logGroupIdentifier.")
	case name != nil:
		return *name, nil
	}
	if found := nameOf(*identifier, account, region); found != "" {
		return found, nil
	}
	return "", noGroup()
}

// oldest is the time before which events of a group are gone; the lowest number
// when they are kept for ever.
func (g *group) oldest(now time.Time) int64 {
	if g.Retention == 0 {
		return math.MinInt64
	}
	return now.Add(-time.Duration(g.Retention) * day).UnixMilli()
}

func decideRetention(g *group, days int32) error {
	if !slices.Contains(retentions, days) {
		return invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v",
			days, retentions)
	}
	g.Retention = days
	return nil
}

// mergeTags adds tags to those that a group has.
func mergeTags(have, add map[string]string) (map[string]string, error) {
	out := maps.Clone(have)
	if out == nil {
		out = make(map[string]string, len(add))
	}
	for _, key := range slices.Sorted(maps.Keys(add)) {
		switch n := utf8.RuneCountInString(key); {
		case n == 0 || n > maxTagKey || !tagShape.MatchString(key) || strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, invalid("The tag key '%s' is not valid.", key)
		case utf8.RuneCountInString(add[key]) > maxTagValue || !tagShape.MatchString(add[key]):
			return nil, invalid("The value of the tag '%s' is not valid.", key)
		}
		out[key] = add[key]
	}
	if len(out) > maxTags {
		return nil, fault("TooManyTagsException", "A log group can have at most %d tags.", maxTags)
	}
	return out, nil
}

// batch is what of a request's events is taken.
type batch struct {
	events   []eventlog.Event
	rejected *logs.RejectedLogEventsInfo // nil: everything was taken
}

// decideBatch checks a batch and leaves out what is too old or too new.
// aws:logs PutLogEvents
func decideBatch(g *group, in []logs.InputLogEvent, now time.Time) (out batch, err error) {
	size := 0
	for i, e := range in {
		size += eventlog.Event{Message: *e.Message}.Size()
		if i > 0 && *e.Timestamp < *in[i-1].Timestamp {
			return out, invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if size > maxBatch {
		return out, invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatch)
	}
	tooOld, expired, tooNew := now.Add(-maxPast).UnixMilli(), g.oldest(now), now.Add(maxFuture).UnixMilli()
	var r logs.RejectedLogEventsInfo
	for i, e := range in {
		switch at := *e.Timestamp; {
		case at < tooOld:
			r.TooOldLogEventEndIndex = new(int32(i + 1))
		case at < expired:
			r.ExpiredLogEventEndIndex = new(int32(i + 1))
		case at > tooNew:
			r.TooNewLogEventStartIndex = new(int32(i))
		default:
			out.events = append(out.events, eventlog.Event{Time: at, Message: *e.Message})
			continue
		}
		out.rejected = &r
		if r.TooNewLogEventStartIndex != nil {
			break
		}
	}
	if n := len(out.events); n > 0 && out.events[n-1].Time-out.events[0].Time > maxSpan.Milliseconds() {
		return out, invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return out, nil
}

// sequenceToken is what AWS still answers to who puts events; nobody reads it.
const sequenceToken = "49039859616161616161616161616161616161616161616161616161"

// eventID is the id of an event: unique, and in the order of times.
func eventID(e eventlog.Event) string {
	pad := func(s string, n int) string { return strings.Repeat("0", max(0, n-len(s))) + s }
	return pad(strconv.FormatInt(e.Time, 10), 18) + pad(strconv.FormatUint(e.Stream, 10), 20) + pad(strconv.FormatUint(e.Seq, 10), 18)
}

// writePosition is a position in a token.
func writePosition(p eventlog.Position) string {
	return strconv.FormatInt(p.Time, 36) + "." + strconv.FormatInt(p.Ingested, 36) + "." + strconv.FormatUint(p.Stream, 36) + "." + strconv.FormatUint(p.Seq, 36)
}

func readPosition(s string) (p eventlog.Position, err error) {
	parts := strings.Split(s, ".")
	if len(s) > maxToken || len(parts) != 4 {
		return p, badToken()
	}
	var errs [4]error
	p.Time, errs[0] = strconv.ParseInt(parts[0], 36, 64)
	p.Ingested, errs[1] = strconv.ParseInt(parts[1], 36, 64)
	p.Stream, errs[2] = strconv.ParseUint(parts[2], 36, 64)
	p.Seq, errs[3] = strconv.ParseUint(parts[3], 36, 64)
	for _, e := range errs {
		if e != nil {
			return p, badToken()
		}
	}
	return p, nil
}

func badToken() error { return invalid("The specified nextToken is invalid.") }

// writeToken hides a place in a list.
func writeToken(at string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte(at)))
}

func readToken(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	at, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(*token) > maxToken || len(at) == 0 {
		return "", badToken()
	}
	return string(at), nil
}
