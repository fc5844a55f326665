package logs_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/eventlog"
	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/store"
	"github.com/millrace/millrace/vfs"
)

const aKey = "arn:aws:kms:eu-west-1:123456789012:key/k"

var caller = model.Caller{Account: "123456789012", Region: "eu-west-1", ARN: "arn:aws:iam::123456789012:root"}

type world struct {
	*logs.Service
	t     *testing.T
	store *store.Store
	fs    vfs.FS
	now   time.Time
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, fs: vfs.NewMemory(), now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	var err error
	if w.store, err = store.Open(filepath.Join(t.TempDir(), "state.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.again()
	return w
}

// again opens the service anew, as a restart does.
func (w *world) again() {
	w.t.Helper()
	events, err := eventlog.Open(eventlog.Config{FS: w.fs, Dir: "/logs"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Service = logs.New(logs.Config{
		Store: w.store, Events: events, Now: func() time.Time { return w.now }, Random: rand.Reader,
		Key: func(_ context.Context, _ model.Caller, arn string) (bool, error) { return arn == aKey, nil },
	})
	if err := w.Sweep(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// expect checks an error's code.
func (w *world) expect(err error, want string) {
	w.t.Helper()
	if got := code(err); got != want && (err != nil || want != "") {
		w.t.Errorf("got %v, want %s", err, want)
	}
}

func (w *world) group(name string) {
	w.t.Helper()
	_, err := w.CreateLogGroup(w.t.Context(), caller, &shape.CreateLogGroupRequest{LogGroupName: &name})
	w.expect(err, "")
}

func (w *world) stream(group, name string) error {
	_, err := w.CreateLogStream(w.t.Context(), caller, &shape.CreateLogStreamRequest{LogGroupName: &group, LogStreamName: &name})
	return err
}

// put adds events: pairs of an age and a message.
func (w *world) put(group, stream string, pairs ...any) (*shape.PutLogEventsResponse, error) {
	in := &shape.PutLogEventsRequest{LogGroupName: &group, LogStreamName: &stream}
	for i := 0; i < len(pairs); i += 2 {
		in.LogEvents = append(in.LogEvents, shape.InputLogEvent{
			Timestamp: new(w.now.Add(-pairs[i].(time.Duration)).UnixMilli()), Message: new(pairs[i+1].(string)),
		})
	}
	return w.PutLogEvents(w.t.Context(), caller, in)
}

// filter answers the messages that match.
func (w *world) filter(group, pattern string) (out []string) {
	w.t.Helper()
	in := &shape.FilterLogEventsRequest{LogGroupName: &group, FilterPattern: &pattern, Limit: new(int32(2))}
	ids := map[string]bool{}
	for {
		page, err := w.FilterLogEvents(w.t.Context(), caller, in)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range page.Events {
			if out = append(out, *e.Message); ids[*e.EventId] || len(*e.EventId) != 56 {
				w.t.Errorf("event id %s", *e.EventId)
			}
			ids[*e.EventId] = true
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return out
		}
	}
}

func TestGroups(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	for i := range 60 {
		w.group(fmt.Sprintf("/msk/%02d", i))
	}
	_, err := w.CreateLogGroup(ctx, caller, &shape.CreateLogGroupRequest{LogGroupName: new("/msk/00")})
	w.expect(err, "ResourceAlreadyExistsException")
	var names []string
	in := &shape.DescribeLogGroupsRequest{LogGroupNamePrefix: new("/msk")}
	for pages := 1; ; pages++ {
		out, err := w.DescribeLogGroups(ctx, caller, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range out.LogGroups {
			names = append(names, *g.LogGroupName)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			if pages != 2 || len(names) != 60 || !slices.IsSorted(names) {
				t.Errorf("%d names in %d pages", len(names), pages)
			}
			break
		}
	}
	found, err := w.DescribeLogGroups(ctx, caller, &shape.DescribeLogGroupsRequest{LogGroupNamePattern: new("k/07")})
	if err != nil || len(found.LogGroups) != 1 || *found.LogGroups[0].Arn != "arn:aws:logs:eu-west-1:123456789012:log-group:/msk/07:*" {
		t.Errorf("%+v, %v", found, err)
	}
	for region, want := range map[string]int{"eu-west-1": 50, "us-east-1": 0} {
		if all, err := w.DescribeLogGroups(ctx, model.Caller{Account: caller.Account, Region: region}, &shape.DescribeLogGroupsRequest{}); err != nil || len(all.LogGroups) != want {
			t.Errorf("%s: %d groups, %v", region, len(all.LogGroups), err)
		}
	}
	_, err = w.PutRetentionPolicy(ctx, caller, &shape.PutRetentionPolicyRequest{LogGroupName: new("/msk/00"), RetentionInDays: new(int32(2))})
	w.expect(err, "InvalidParameterException")
	_, err = w.AssociateKmsKey(ctx, caller, &shape.AssociateKmsKeyRequest{LogGroupName: new("/msk/00"), KmsKeyId: new("alias/none")})
	w.expect(err, "InvalidParameterException")
	_, err = w.AssociateKmsKey(ctx, caller, &shape.AssociateKmsKeyRequest{ResourceIdentifier: new("arn:aws:logs:eu-west-1:123456789012:log-group:/msk/00"), KmsKeyId: new(aKey)})
	w.expect(err, "")
	shown := func() shape.LogGroup {
		t.Helper()
		out, err := w.DescribeLogGroups(ctx, caller, &shape.DescribeLogGroupsRequest{LogGroupIdentifiers: []string{"/msk/00"}})
		if err != nil || len(out.LogGroups) != 1 {
			t.Fatal(out, err)
		}
		return out.LogGroups[0]
	}
	_, err = w.PutRetentionPolicy(ctx, caller, &shape.PutRetentionPolicyRequest{LogGroupName: new("/msk/00"), RetentionInDays: new(int32(14))})
	w.expect(err, "")
	if g := shown(); g.RetentionInDays == nil || *g.RetentionInDays != 14 || g.KmsKeyId == nil || *g.KmsKeyId != aKey {
		t.Errorf("%+v", g)
	}
	_, err = w.DeleteRetentionPolicy(ctx, caller, &shape.DeleteRetentionPolicyRequest{LogGroupName: new("/msk/00")})
	w.expect(err, "")
	_, err = w.DisassociateKmsKey(ctx, caller, &shape.DisassociateKmsKeyRequest{LogGroupName: new("/msk/00")})
	w.expect(err, "")
	if g := shown(); g.RetentionInDays != nil || g.KmsKeyId != nil {
		t.Errorf("%+v", g)
	}
	_, err = w.PutLogGroupDeletionProtection(ctx, caller, &shape.PutLogGroupDeletionProtectionRequest{LogGroupIdentifier: new("/msk/00"), DeletionProtectionEnabled: new(true)})
	w.expect(err, "")
	_, err = w.DeleteLogGroup(ctx, caller, &shape.DeleteLogGroupRequest{LogGroupName: new("/msk/00")})
	w.expect(err, "ValidationException")
	_, err = w.DeleteLogGroup(ctx, caller, &shape.DeleteLogGroupRequest{LogGroupName: new("/msk/none")})
	w.expect(err, "ResourceNotFoundException")
}

func TestTagsAndPolicies(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	w.group("g")
	arn := new("arn:aws:logs:eu-west-1:123456789012:log-group:g")
	_, err := w.TagResource(ctx, caller, &shape.TagResourceRequest{ResourceArn: arn, Tags: map[string]string{"a": "1", "b": "2"}})
	w.expect(err, "")
	_, err = w.UntagLogGroup(ctx, caller, &shape.UntagLogGroupRequest{LogGroupName: new("g"), Tags: []string{"a"}})
	w.expect(err, "")
	tags, err := w.ListTagsForResource(ctx, caller, &shape.ListTagsForResourceRequest{ResourceArn: arn})
	if err != nil || len(tags.Tags) != 1 || tags.Tags["b"] != "2" {
		t.Errorf("%+v, %v", tags, err)
	}
	_, err = w.UntagResource(ctx, caller, &shape.UntagResourceRequest{ResourceArn: arn, TagKeys: []string{"b"}})
	w.expect(err, "")
	if old, err := w.ListTagsLogGroup(ctx, caller, &shape.ListTagsLogGroupRequest{LogGroupName: new("g")}); err != nil || len(old.Tags) != 0 {
		t.Errorf("%+v, %v", old, err)
	}
	_, err = w.ListTagsForResource(ctx, caller, &shape.ListTagsForResourceRequest{ResourceArn: new("arn:aws:logs:eu-west-1:999999999999:log-group:g")})
	w.expect(err, "ResourceNotFoundException")
	_, err = w.TagLogGroup(ctx, caller, &shape.TagLogGroupRequest{LogGroupName: new("g"), Tags: map[string]string{"aws:x": "1"}})
	w.expect(err, "InvalidParameterException")
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"*"}]}`
	for i := range 11 {
		_, err = w.PutResourcePolicy(ctx, caller, &shape.PutResourcePolicyRequest{PolicyName: new(fmt.Sprint("p", i)), PolicyDocument: &document})
		w.expect(err, map[bool]string{i == 10: "LimitExceededException"}[true])
	}
	_, err = w.PutResourcePolicy(ctx, caller, &shape.PutResourcePolicyRequest{PolicyName: new("p1"), PolicyDocument: new("{")})
	w.expect(err, "InvalidParameterException")
	_, err = w.DeleteResourcePolicy(ctx, caller, &shape.DeleteResourcePolicyRequest{PolicyName: new("p1")})
	w.expect(err, "")
	_, err = w.DeleteResourcePolicy(ctx, caller, &shape.DeleteResourcePolicyRequest{PolicyName: new("p1")})
	w.expect(err, "ResourceNotFoundException")
	list, err := w.DescribeResourcePolicies(ctx, caller, &shape.DescribeResourcePoliciesRequest{})
	if err != nil || len(list.ResourcePolicies) != 9 || *list.ResourcePolicies[0].PolicyDocument != document {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestPutLogEvents(t *testing.T) {
	w := open(t)
	w.group("g")
	w.expect(w.stream("none", "s"), "ResourceNotFoundException")
	w.expect(w.stream("g", "s"), "")
	w.expect(w.stream("g", "s"), "ResourceAlreadyExistsException")
	for _, c := range []struct {
		want  string
		pairs []any
	}{
		{"chronological order", []any{time.Second, "a", time.Minute, "b"}},
		{"Upload too large: 1048577 bytes", []any{time.Second, strings.Repeat("x", 1<<20-25)}},
		{"more than 24 hours", []any{25 * time.Hour, "a", time.Second, "b"}},
	} {
		if _, err := w.put("g", "s", c.pairs...); err == nil || code(err) != "InvalidParameterException" || !strings.Contains(err.Error(), strings.TrimPrefix(c.want, "more than ")) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
	_, err := w.put("g", "none", time.Second, "a")
	w.expect(err, "ResourceNotFoundException")
	_, err = w.PutRetentionPolicy(t.Context(), caller, &shape.PutRetentionPolicyRequest{LogGroupName: new("g"), RetentionInDays: new(int32(7))})
	w.expect(err, "")
	const days = 24 * time.Hour
	out, err := w.put("g", "s", 20*days, "too old", 15*days, "too old", 8*days, "expired", time.Hour, "a", time.Minute, "b", -3*time.Hour, "too new", -4*time.Hour, "too new")
	if err != nil {
		t.Fatal(err)
	}
	if r := out.RejectedLogEventsInfo; r == nil || *r.TooOldLogEventEndIndex != 2 || *r.ExpiredLogEventEndIndex != 3 || *r.TooNewLogEventStartIndex != 5 {
		t.Errorf("rejected: %+v", r)
	}
	if got := w.filter("g", ""); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("kept %q", got)
	}
	w.now = w.now.Add(7*days - 30*time.Minute)
	if got := w.filter("g", ""); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after a's time %q", got)
	}
	w.now = w.now.Add(days)
	if err := w.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := w.DescribeLogStreams(t.Context(), caller, &shape.DescribeLogStreamsRequest{LogGroupName: new("g")})
	if err != nil || len(found.LogStreams) != 1 || found.LogStreams[0].LastEventTimestamp != nil {
		t.Errorf("after Expire: %+v, %v", found, err)
	}
}

// TestGetLogEvents walks a stream in both directions until a token repeats.
func TestGetLogEvents(t *testing.T) {
	w := open(t)
	w.group("g")
	w.expect(w.stream("g", "s"), "")
	get := func(in shape.GetLogEventsRequest) *shape.GetLogEventsResponse {
		t.Helper()
		in.LogGroupName, in.LogStreamName = new("g"), new("s")
		out, err := w.GetLogEvents(t.Context(), caller, &in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := get(shape.GetLogEventsRequest{})
	for i := range 10 {
		_, err := w.put("g", "s", time.Duration(20-i)*time.Second, fmt.Sprint(i))
		w.expect(err, "")
	}
	w.again()
	if next := get(shape.GetLogEventsRequest{NextToken: first.NextForwardToken}); len(next.Events) != 10 {
		t.Errorf("the token of an empty stream leads to %d events", len(next.Events))
	}
	last := get(shape.GetLogEventsRequest{Limit: new(int32(3))})
	if len(last.Events) != 3 || *last.Events[0].Message != "7" || *last.Events[2].Message != "9" {
		t.Errorf("the newest page: %+v", last.Events)
	}
	walk := func(token *string, back bool) (out []string) {
		for {
			page := get(shape.GetLogEventsRequest{Limit: new(int32(4)), NextToken: token, StartFromHead: new(!back)})
			next := page.NextForwardToken
			var part []string
			for _, e := range page.Events {
				part = append(part, *e.Message)
			}
			if back {
				next = page.NextBackwardToken
				out = append(part, out...)
			} else {
				out = append(out, part...)
			}
			if token != nil && *next == *token {
				return out
			}
			token = next
		}
	}
	all := strings.Fields("0 1 2 3 4 5 6 7 8 9")
	if got := walk(nil, false); !slices.Equal(got, all) {
		t.Errorf("forward %v", got)
	}
	if got := walk(nil, true); !slices.Equal(got, all) {
		t.Errorf("backward %v", got)
	}
	if got := walk(last.NextBackwardToken, true); !slices.Equal(got, all[:7]) {
		t.Errorf("before the newest page %v", got)
	}
	in := shape.GetLogEventsRequest{StartTime: new(w.now.Add(-18 * time.Second).UnixMilli()), EndTime: new(w.now.Add(-15 * time.Second).UnixMilli())}
	if got := get(in).Events; len(got) != 3 { // the end is not in
		t.Errorf("a range has %d events", len(got))
	}
	_, err := w.GetLogEvents(t.Context(), caller, &shape.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("s"), NextToken: new("f/x")})
	w.expect(err, "InvalidParameterException")
}

func TestStreams(t *testing.T) {
	w := open(t)
	w.group("g")
	for i, name := range []string{"c", "a", "b"} {
		w.expect(w.stream("g", name), "")
		_, err := w.put("g", name, time.Duration(i)*time.Minute, name)
		w.expect(err, "")
	}
	list := func(in shape.DescribeLogStreamsRequest) (out string) {
		t.Helper()
		in.LogGroupIdentifier, in.Limit = new("arn:aws:logs:eu-west-1:123456789012:log-group:g:*"), new(int32(2))
		for {
			page, err := w.DescribeLogStreams(t.Context(), caller, &in)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page.LogStreams {
				out += *s.LogStreamName
			}
			if in.NextToken = page.NextToken; in.NextToken == nil {
				return out
			}
		}
	}
	if got := list(shape.DescribeLogStreamsRequest{}) + " " + list(shape.DescribeLogStreamsRequest{OrderBy: new("LastEventTime")}) + " " +
		list(shape.DescribeLogStreamsRequest{OrderBy: new("LastEventTime"), Descending: new(true)}); got != "abc bac cab" {
		t.Errorf("listed %s", got)
	}
	_, err := w.FilterLogEvents(t.Context(), caller, &shape.FilterLogEventsRequest{LogGroupName: new("g"), LogStreamNames: []string{"a", "none"}})
	w.expect(err, "ResourceNotFoundException")
	one, err := w.FilterLogEvents(t.Context(), caller, &shape.FilterLogEventsRequest{LogGroupName: new("g"), LogStreamNames: []string{"a", "b"}, StartFromHead: new(false)})
	if err != nil || len(one.Events) != 2 || *one.Events[0].LogStreamName != "a" {
		t.Errorf("newest first: %+v, %v", one, err)
	}
	_, err = w.DeleteLogStream(t.Context(), caller, &shape.DeleteLogStreamRequest{LogGroupName: new("g"), LogStreamName: new("a")})
	w.expect(err, "")
	w.expect(w.stream("g", "a"), "")
	if got := w.filter("g", ""); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("after a stream was deleted and made again: %q", got)
	}
}

// TestAppend: what the server itself writes makes its stream, and outlives its
// group only in tests.
func TestAppend(t *testing.T) {
	w := open(t)
	events := []logs.Event{{Time: w.now.Add(-time.Second), Message: "one"}, {Time: w.now, Message: strings.Repeat("é", 1<<20)}}
	w.expect(w.Append(t.Context(), caller, "g", "s", events), "ResourceNotFoundException")
	w.group("g")
	w.expect(w.Append(t.Context(), caller, "g", "s", events), "")
	if got := w.filter("g", ""); len(got) != 2 || got[0] != "one" || len(got[1]) != 256<<10 {
		t.Errorf("%d events", len(got))
	}
	if ok, err := w.GroupExists(t.Context(), caller, "g"); !ok || err != nil {
		t.Error(ok, err)
	}
	_, err := w.DeleteLogGroup(t.Context(), caller, &shape.DeleteLogGroupRequest{LogGroupName: new("g")})
	w.expect(err, "")
	if ok, err := w.GroupExists(t.Context(), caller, "g"); ok || err != nil {
		t.Error(ok, err)
	}
	w.group("g")
	if got := w.filter("g", ""); len(got) != 0 {
		t.Errorf("a new group has the events of the old one: %d", len(got))
	}
}

// TestSweep: files and streams whose group went go at the next start.
func TestSweep(t *testing.T) {
	w := open(t)
	w.group("g")
	w.expect(w.Append(t.Context(), caller, "g", "s", []logs.Event{{Time: w.now, Message: "m"}}), "")
	err := w.store.Update(t.Context(), func(tx *store.Tx) error { return tx.Delete("123456789012/eu-west-1/logs/group/g") }) // as a crash leaves it
	w.expect(err, "")
	w.again()
	if left, err := w.fs.ReadDir("/logs"); err != nil || len(left) != 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
	err = w.store.View(t.Context(), func(tx *store.Tx) error {
		left, err := tx.List("", "", 10)
		if len(left) > 0 {
			t.Errorf("documents are left: %s", left[0].Key)
		}
		return err
	})
	w.expect(err, "")
}

func TestPatterns(t *testing.T) {
	w := open(t)
	w.group("g")
	w.expect(w.stream("g", "s"), "")
	for i, m := range []string{
		"[ERROR 400] bad request", "[ERROR 500] server error", "[WARN] a b", `{"n":5,"s":"abc","ok":true,"none":null,"list":[{"x":1},{"x":2}]}`, `{"n":6.5,"s":"xyz"}`, "{not json",
	} {
		_, err := w.put("g", "s", time.Duration(60-i)*time.Second, m)
		w.expect(err, "")
	}
	for pattern, want := range map[string]string{
		`ERROR`: "01", `ERROR 400`: "0", `"bad request"`: "0", `?400 ?WARN`: "02", `ERROR -400`: "1", `-ERROR`: "2345", `%E[A-Z]+R 5%`: "1", `?nothing ERROR`: "01",
		`{ $.n = 5 }`: "3", `{ $.n != 5 }`: "4", `{ $.n > 5 }`: "4", `{$.n >= 5 && $.s = "a*"}`: "3", `{ ($.n = 5) || ($.s = xyz) }`: "34",
		`{ $.ok IS TRUE }`: "3", `{ $.none IS NULL }`: "3", `{ $.ok NOT EXISTS }`: "4", `{ $.list[1].x = 2 }`: "3", `{ $.list[*].x = 1 }`: "3", `{ $.list[0].x = 2 }`: "",
		`{ $['s'] = %^x% }`: "4", `{ $.s = * }`: "34",
	} {
		got := ""
		for _, m := range w.filter("g", pattern) {
			got += map[string]string{"[ERROR 4": "0", "[ERROR 5": "1", "[WARN] a": "2", `{"n":5,"`: "3", `{"n":6.5`: "4", "{not jso": "5"}[m[:8]]
		}
		if got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	for _, pattern := range []string{`{ $.n }`, `{ n = 5 }`, `{ $.n = }`, `{ $.s > "a" }`, `{ $.n = 5`, `[ip, user]`, `"open`, `a=b`, `%(%`, `-`, "{" + strings.Repeat("(", 100) + "}"} {
		_, err := w.FilterLogEvents(t.Context(), caller, &shape.FilterLogEventsRequest{LogGroupName: new("g"), FilterPattern: &pattern})
		w.expect(err, "InvalidParameterException")
	}
}
