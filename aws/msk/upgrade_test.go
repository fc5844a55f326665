package msk_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/store"
)

// upgrader is a service with a cluster that can be upgraded, and what its brokers
// would tell.
type upgrader struct {
	*msk.Service
	t    *testing.T
	arn  string
	now  time.Time
	scan msk.Scan
	held map[int32]msk.Held
}

func newUpgrader(t *testing.T) *upgrader {
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	u := &upgrader{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), held: map[int32]msk.Held{}}
	u.Service = msk.New(msk.Config{
		Store: st, Random: rand.Reader, Now: func() time.Time { u.now = u.now.Add(time.Second); return u.now },
		Subnet: func(_ context.Context, _ model.Caller, id string) (msk.Subnet, bool, error) {
			z, ok := strings.CutPrefix(id, "subnet-")
			return msk.Subnet{Zone: "eu-west-1" + z, ZoneID: "euw1-az-" + z, VPC: "vpc-1"}, ok, nil
		},
		Held: func(string) (map[int32]msk.Held, bool) { return u.held, true },
		Scan: func(context.Context, string) (msk.Scan, error) { return u.scan, nil },
	})
	u.arn = create(t, u.Service, caller, "c")
	u.settle()
	return u
}

// settle reports what is wanted until nothing is left to do.
func (u *upgrader) settle() {
	u.t.Helper()
	for range 10 {
		all, err := u.Wanted(u.t.Context())
		if err != nil {
			u.t.Fatal(err)
		}
		if err := u.ReportActive(u.t.Context(), u.arn, all[0].Generation, endpoints(u.Service, u.t, u.arn)); err != nil {
			u.t.Fatal(err)
		}
	}
}

func (u *upgrader) typed(target, mode string) error {
	u.t.Helper()
	c, err := u.DescribeClusterV2(u.t.Context(), caller, &kafka.DescribeClusterV2Request{ClusterArn: &u.arn})
	if err != nil {
		u.t.Fatal(err)
	}
	in := &kafka.UpdateBrokerTypeRequest{ClusterArn: &u.arn, CurrentVersion: c.ClusterInfo.CurrentVersion, TargetInstanceType: &target}
	if mode != "" {
		in.TopicReassignment = &mode
	}
	_, err = u.UpdateBrokerType(u.t.Context(), caller, in)
	return err
}

// errand is the one thing that is under way.
func (u *upgrader) errand() msk.Errand {
	u.t.Helper()
	all, err := u.Errands(u.t.Context())
	if err != nil || len(all) != 1 {
		u.t.Fatalf("%d errands, %v", len(all), err)
	}
	return all[0]
}

func (u *upgrader) assess() (*kafka.CreateAssessmentResponse, error) {
	return u.CreateAssessment(u.t.Context(), caller, &kafka.CreateAssessmentRequest{
		ClusterArn: &u.arn, AssessmentType: new("UPDATE_BROKER_TYPE"), Tags: map[string]string{"team": "data"},
		AssessmentParameters: &kafka.AssessmentParameters{TargetInstanceType: new("express.m7g.large")},
	})
}

func (u *upgrader) findings(arn *string, category, severity, token *string, size int32) (*kafka.ListAssessmentFindingsResponse, error) {
	return u.ListAssessmentFindings(u.t.Context(), caller, &kafka.ListAssessmentFindingsRequest{
		ClusterArn: &u.arn, AssessmentArn: arn, Category: category, Severity: severity, NextToken: token, MaxResults: &size,
	})
}

// TestAssessments is the life of assessments: one at a time, findings once it is
// complete, pages and filters, and room for so many.
func TestAssessments(t *testing.T) {
	u, ctx := newUpgrader(t), t.Context()
	made, err := u.assess()
	if err != nil || *made.Status != "IN_PROGRESS" || !strings.Contains(*made.AssessmentArn, ":assessment/c/") {
		t.Fatal(made, err)
	}
	_, err = u.assess()
	wants(t, err, 409, "ConflictException")
	_, err = u.findings(made.AssessmentArn, nil, nil, nil, 100)
	wants(t, err, 409, "ConflictException")
	_, err = u.DeleteAssessment(ctx, caller, &kafka.DeleteAssessmentRequest{ClusterArn: &u.arn, AssessmentArn: made.AssessmentArn})
	wants(t, err, 409, "ConflictException")
	e := u.errand()
	if !e.Scan || e.Cluster != u.arn || e.ARN != *made.AssessmentArn {
		t.Errorf("%+v", e)
	}
	var seen msk.Scan
	for i := range 5 {
		seen.Topics = append(seen.Topics, msk.ScannedTopic{Name: fmt.Sprint("t", i), Replicas: 1, MinISR: "2", OutOfSync: 1})
	}
	if err := errors.Join(u.ReportScan(ctx, e, seen), u.ReportScan(ctx, e, msk.Scan{})); err != nil { // the second says nothing
		t.Fatal(err)
	}
	told, err := u.DescribeAssessment(ctx, caller, &kafka.DescribeAssessmentRequest{ClusterArn: &u.arn, AssessmentArn: made.AssessmentArn})
	if err != nil || *told.Status != "COMPLETE" || *told.Summary.TotalFindings != 10 || told.Summary.ByCategory["HEALTH"] != 5 || told.Summary.ByCategory["CAPACITY"] != 0 ||
		told.Summary.BySeverity["ERROR"] != 10 || !*told.Summary.HasBlockingFindings || *told.Summary.FindingsCapped || told.CompletionTime == nil || told.Tags["team"] != "data" || *told.AssessmentParameters.TargetInstanceType != "express.m7g.large" {
		t.Errorf("%+v %+v %v", told, told.Summary, err)
	}
	u.pages(made.AssessmentArn)
	for i := range 19 {
		if _, err := u.assess(); err != nil {
			t.Fatal(i, err)
		}
		if err := u.ReportScanFailed(ctx, u.errand(), "it is tired"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = u.assess()
	wants(t, err, 400, "BadRequestException")
	list, err := u.ListAssessments(ctx, caller, &kafka.ListAssessmentsRequest{ClusterArn: &u.arn, MaxResults: new(int32(15))})
	if err != nil || len(list.Assessments) != 15 || *list.Assessments[0].Status != "FAILED" {
		t.Fatal(list, err)
	}
	failed, err := u.DescribeAssessment(ctx, caller, &kafka.DescribeAssessmentRequest{ClusterArn: &u.arn, AssessmentArn: list.Assessments[0].AssessmentArn})
	if err != nil || *failed.StatusMessage != "it is tired" || failed.Summary != nil || failed.CompletionTime == nil {
		t.Errorf("%+v %v", failed, err)
	}
	list, err = u.ListAssessments(ctx, caller, &kafka.ListAssessmentsRequest{ClusterArn: &u.arn, MaxResults: new(int32(15)), NextToken: list.NextToken})
	if err != nil || len(list.Assessments) != 5 || list.NextToken != nil || *list.Assessments[4].AssessmentArn != *made.AssessmentArn {
		t.Error(list, err)
	}
	_, err = u.TagResource(ctx, caller, &kafka.TagResourceRequest{ResourceArn: made.AssessmentArn, Tags: map[string]string{"seen": "yes"}})
	tags, listErr := u.ListTagsForResource(ctx, caller, &kafka.ListTagsForResourceRequest{ResourceArn: made.AssessmentArn})
	if err := errors.Join(err, listErr); err != nil || fmt.Sprint(tags.Tags) != "map[seen:yes team:data]" {
		t.Error(tags, err)
	}
	gone, err := u.DeleteAssessment(ctx, caller, &kafka.DeleteAssessmentRequest{ClusterArn: &u.arn, AssessmentArn: made.AssessmentArn})
	if err != nil || *gone.Status != "DELETING" {
		t.Error(gone, err)
	}
	_, err = u.DescribeAssessment(ctx, caller, &kafka.DescribeAssessmentRequest{ClusterArn: &u.arn, AssessmentArn: made.AssessmentArn})
	wants(t, err, 404, "NotFoundException")
	_, err = u.ListTagsForResource(ctx, caller, &kafka.ListTagsForResourceRequest{ResourceArn: made.AssessmentArn})
	wants(t, err, 404, "NotFoundException")
	if _, err := u.assess(); err != nil {
		t.Error("a slot is free, and: ", err)
	}
}

// pages reads the ten findings of an assessment in every way.
func (u *upgrader) pages(arn *string) {
	t := u.t
	first, err := u.findings(arn, nil, nil, nil, 6)
	if err != nil || len(first.Findings) != 6 || first.NextToken == nil {
		t.Fatal(first, err)
	}
	second, err := u.findings(arn, nil, nil, first.NextToken, 6)
	if err != nil || len(second.Findings) != 4 || second.NextToken != nil {
		t.Fatal(second, err)
	}
	_, err = u.findings(arn, new("HEALTH"), nil, first.NextToken, 6)
	wants(t, err, 400, "BadRequestException")
	if f, err := u.findings(arn, new("HEALTH"), new("ERROR"), nil, 100); err != nil || len(f.Findings) != 5 || *f.Findings[0].Resource != "t0" || *f.Findings[0].Remediation.Action == "" {
		t.Error(f, err)
	}
	if f, err := u.findings(arn, nil, new("INFO"), nil, 100); err != nil || f.Findings == nil || len(f.Findings) != 0 {
		t.Error(f, err)
	}
	for _, bad := range [][2]*string{{new("WEATHER"), nil}, {nil, new("FATAL")}} {
		_, err = u.findings(arn, bad[0], bad[1], nil, 100)
		wants(t, err, 400, "BadRequestException")
	}
}

func (u *upgrader) moves(target, token string, include []string, exclude ...string) (*kafka.StartTopicReassignmentResponse, error) {
	in := &kafka.StartTopicReassignmentRequest{ClusterArn: &u.arn, TargetInstanceType: &target, TopicsToInclude: include, TopicsToExclude: exclude}
	if token != "" {
		in.ClientToken = &token
	}
	return u.StartTopicReassignment(u.t.Context(), caller, in)
}

// TestTopicReassignments is what is asked of requests, and the life of what they
// begin.
func TestTopicReassignments(t *testing.T) {
	u, ctx := newUpgrader(t), t.Context()
	all := []string{".*"}
	_, err := u.moves("express.m7g.large", "", all)
	wants(t, err, 400, "BadRequestException") // it has no Express brokers
	if err := u.typed("kafka.m7g.large,express.m7g.large", ""); err != nil {
		t.Fatal(err)
	}
	u.settle()
	for name, bad := range map[string]func() error{
		"no pattern": func() error { _, err := u.moves("express.m7g.large", "", []string{}); return err },
		"eleven patterns": func() error {
			_, err := u.moves("express.m7g.large", "", strings.Split("a b c d e f g h i j k", " "))
			return err
		},
		"no expression": func() error { _, err := u.moves("express.m7g.large", "", all, "("); return err },
		"another type":  func() error { _, err := u.moves("express.m7g.xlarge", "", all); return err },
	} {
		if e, ok := errors.AsType[*model.Error](bad()); !ok || e.Code != "BadRequestException" {
			t.Errorf("%s: %v", name, e)
		}
	}
	made, err := u.moves("express.m7g.large", "token", all, "secret.*")
	if err != nil || *made.Status != "PENDING" || !strings.Contains(*made.TopicReassignmentOperationArn, ":topic-reassignment/c/") {
		t.Fatal(made, err)
	}
	again, err := u.moves("express.m7g.large", "token", all, "secret.*")
	if err != nil || *again.TopicReassignmentOperationArn != *made.TopicReassignmentOperationArn {
		t.Errorf("the same token: %v %v", again, err)
	}
	_, err = u.moves("express.m7g.large", "token", []string{"a"})
	wants(t, err, 400, "BadRequestException")
	_, err = u.moves("express.m7g.large", "other", all)
	wants(t, err, 409, "ConflictException")
	e := u.errand()
	if fmt.Sprint(e.Moves) != fmt.Sprint(msk.Moves{Include: all, Exclude: []string{"secret.*"}, Targets: []int32{4, 5, 6}}) {
		t.Errorf("%+v", e.Moves)
	}
	if err := u.ReportMoves(ctx, e, msk.Progress{Topics: 2, CompletedTopics: 1, Partitions: 10, Moved: 6}); err != nil {
		t.Fatal(err)
	}
	told := u.told(made.TopicReassignmentOperationArn)
	if *told.Status != "IN_PROGRESS" || *told.TotalTopics != 2 || *told.CompletedTopics != 1 || *told.TotalPartitions != 10 || *told.MigratedPartitions != 6 || told.TopicsToExclude[0] != "secret.*" {
		t.Errorf("%+v", told)
	}
	if err := u.ReportMoves(ctx, e, msk.Progress{Topics: 2, CompletedTopics: 2, Partitions: 10, Moved: 10}); err != nil {
		t.Fatal(err)
	}
	if told = u.told(made.TopicReassignmentOperationArn); *told.Status != "COMPLETE" || told.ErrorInfo != nil {
		t.Errorf("%+v", told)
	}
	_, err = u.StopTopicReassignment(ctx, caller, &kafka.StopTopicReassignmentRequest{ClusterArn: &u.arn, TopicReassignmentOperationArn: made.TopicReassignmentOperationArn})
	wants(t, err, 400, "BadRequestException")
	u.now = u.now.Add(25 * time.Hour) // the token is forgotten
	second, err := u.moves("kafka.m7g.large", "token", all)
	if err != nil || *second.TopicReassignmentOperationArn == *made.TopicReassignmentOperationArn {
		t.Fatal(second, err)
	}
	if err := u.ReportMovesFailed(ctx, u.errand(), "Broken", "it is"); err != nil {
		t.Fatal(err)
	}
	if told = u.told(second.TopicReassignmentOperationArn); *told.Status != "FAILED" || *told.ErrorInfo.ErrorCode != "Broken" {
		t.Errorf("%+v", told)
	}
	u.listed()
}

func (u *upgrader) told(arn *string) *kafka.DescribeTopicReassignmentResponse {
	u.t.Helper()
	out, err := u.DescribeTopicReassignment(u.t.Context(), caller, &kafka.DescribeTopicReassignmentRequest{ClusterArn: &u.arn, TopicReassignmentOperationArn: arn})
	if err != nil {
		u.t.Fatal(err)
	}
	return out
}

// listed lists two reassignments in every way, and begins more than are kept.
func (u *upgrader) listed() {
	t, ctx := u.t, u.t.Context()
	list := func(filter, token *string, size int32) (*kafka.ListTopicReassignmentsResponse, error) {
		return u.ListTopicReassignments(ctx, caller, &kafka.ListTopicReassignmentsRequest{ClusterArn: &u.arn, StatusFilter: filter, NextToken: token, MaxResults: &size})
	}
	if out, err := list(nil, nil, 100); err != nil || len(out.Reassignments) != 2 || *out.Reassignments[0].Status != "FAILED" {
		t.Error(out, err)
	}
	if out, err := list(new("COMPLETE"), nil, 100); err != nil || len(out.Reassignments) != 1 || *out.Reassignments[0].Status != "COMPLETE" {
		t.Error(out, err)
	}
	first, err := list(new("COMPLETE,FAILED"), nil, 1)
	if err != nil || len(first.Reassignments) != 1 || first.NextToken == nil {
		t.Fatal(first, err)
	}
	if out, err := list(new("COMPLETE,FAILED"), first.NextToken, 1); err != nil || len(out.Reassignments) != 1 || out.NextToken != nil {
		t.Error(out, err)
	}
	_, err = list(new("LATE"), nil, 1)
	wants(t, err, 400, "BadRequestException")
	for range 62 {
		if _, err := u.moves("kafka.m7g.large", "", []string{".*"}); err != nil {
			t.Fatal(err)
		}
		if err := u.ReportMoves(ctx, u.errand(), msk.Progress{}); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := list(nil, nil, 100); err != nil || len(out.Reassignments) != 60 {
		t.Errorf("%d reassignments are kept: %v", len(out.Reassignments), err)
	}
}

// TestUpgradeRefusals: what may not be asked of a cluster before, in and after an
// upgrade, and that nothing of it is left of a cluster that is deleted.
func TestUpgradeRefusals(t *testing.T) {
	u, ctx := newUpgrader(t), t.Context()
	refused := func(words string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %q", err, words)
		}
	}
	refused("at once", u.typed("express.m7g.large", ""))
	refused("AUTO is valid only", u.typed("kafka.m7g.xlarge", "AUTO"))
	refused("have the type kafka.m7g.large", u.typed("kafka.m5.large,express.m7g.large", ""))
	u.scan.Topics = []msk.ScannedTopic{{Name: "t", Replicas: 2, MinISR: "2"}}
	refused("replication factor 2", u.typed("kafka.m7g.large,express.m7g.large", ""))
	u.scan = msk.Scan{}
	if err := u.typed("kafka.m7g.large,express.m7g.large", "AUTO"); err != nil {
		t.Fatal(err)
	}
	u.settle()
	_, err := u.assess()
	refused("Express brokers already", err)
	refused("Set topicReassignment to MANUAL", u.typed("express.m7g.large", ""))
	refused("Complete the upgrade or roll it back", u.typed("kafka.m7g.large,express.m7g.xlarge", "MANUAL"))
	refused("Specify one of them", u.typed("kafka.m5.large", ""))
	if err := u.ReportMoves(ctx, u.errand(), msk.Progress{Topics: 1, CompletedTopics: 1, Partitions: 1, Moved: 1}); err != nil {
		t.Fatal(err)
	}
	if err := u.typed("kafka.m7g.large,express.m7g.large", "MANUAL"); err != nil {
		t.Fatal(err)
	}
	u.settle()
	refused("already", u.typed("express.m7g.large,kafka.m7g.large", "MANUAL"))
	u.held[2] = msk.Held{Replicas: 1}
	refused("2 (1 partitions)", u.typed("express.m7g.large", ""))
	delete(u.held, 2)
	if _, err := u.moves("express.m7g.large", "", []string{".*"}); err != nil {
		t.Fatal(err)
	}
	refused("under way", u.typed("express.m7g.large", ""))
	if _, err := u.DeleteCluster(ctx, caller, &kafka.DeleteClusterRequest{ClusterArn: &u.arn}); err != nil {
		t.Fatal(err)
	}
	if all, err := u.Errands(ctx); err != nil || len(all) != 0 {
		t.Errorf("errands of a cluster that is deleted: %v %v", all, err)
	}
}

// brokers is what is wanted of each broker, as id:type and the ids that it replaces.
func (u *upgrader) brokers() string {
	u.t.Helper()
	all, err := u.Wanted(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	var out []string
	for _, b := range all[0].Brokers {
		out = append(out, fmt.Sprint(b.ID, strings.TrimSuffix(b.InstanceType, ".m7g.large"), b.Replaces))
	}
	return strings.Join(out, " ")
}

// TestUpgradeCompletes: the Express brokers answer at the addresses of those that
// they replace; a completion that fails leaves both kinds, as they were.
func TestUpgradeCompletes(t *testing.T) {
	u := newUpgrader(t)
	is := func(want string) {
		t.Helper()
		if got := u.brokers(); got != want {
			t.Errorf("brokers %s, want %s", got, want)
		}
	}
	if err := u.typed("kafka.m7g.large,express.m7g.large", ""); err != nil {
		t.Fatal(err)
	}
	u.settle()
	both := "1kafka[] 2kafka[] 3kafka[] 4express[] 5express[] 6express[]"
	is(both)
	report := func(do func(arn string, generation int64) error) {
		t.Helper()
		all, err := u.Wanted(t.Context())
		if err == nil {
			err = do(u.arn, all[0].Generation)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	active := func(arn string, generation int64) error {
		return u.ReportActive(t.Context(), arn, generation, endpoints(u.Service, t, arn))
	}
	if err := u.typed("express.m7g.large", ""); err != nil {
		t.Fatal(err)
	}
	report(active) // it is no longer pending
	is("4express[1] 5express[2] 6express[3]")
	report(active) // the brokers are gone
	report(func(arn string, generation int64) error {
		return u.ReportFailed(t.Context(), arn, generation, "Broken", "it is")
	})
	is(both)
	u.settle()
	if err := u.typed("express.m7g.large", ""); err != nil {
		t.Fatal(err)
	}
	u.settle()
	is("4express[1] 5express[2] 6express[3]")
	if err := u.typed("express.m7g.xlarge", ""); err != nil {
		t.Fatal(err)
	}
	u.settle()
	is("4express.m7g.xlarge[1] 5express.m7g.xlarge[2] 6express.m7g.xlarge[3]")
}
