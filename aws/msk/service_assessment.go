package msk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/store"
)

const (
	assessmentsPage = 25 // results of a call that names no maxResults (aws:kafka ListAssessments)
	findingsPage    = 100
	movesPage       = 50
)

// assessmentARN names an assessment of a cluster. UNVERIFIED form
func (c *cluster) assessmentARN(id string) string {
	return strings.Replace(c.ARN, ":cluster/", ":assessment/", 1) + "/" + id
}

func (c *cluster) assessmentPrefix() string {
	return c.Account + "/" + c.Region + "/msk/assessment/" + c.Name + "/" + c.id() + "/"
}

// CreateAssessment begins to find out whether a cluster's brokers can become
// Express brokers. UNVERIFIED wordings
func (s *Service) CreateAssessment(ctx context.Context, caller model.Caller, in *kafka.CreateAssessmentRequest) (*kafka.CreateAssessmentResponse, error) {
	d := drawer{random: s.cfg.Random}
	id := d.uuid()
	if d.err != nil {
		return nil, fmt.Errorf("draw fresh ids: %w", d.err)
	}
	a := assessment{ID: id, Type: deref(in.AssessmentType), Tags: in.Tags, Status: assessing, Created: s.cfg.Now().UTC().Truncate(time.Millisecond)}
	if in.AssessmentParameters != nil {
		a.Target = deref(in.AssessmentParameters.TargetInstanceType)
	}
	if t, ok := FindInstanceType(a.Target); a.Target != "" && (!ok || !t.Express()) {
		return nil, badRequest("targetInstanceType", "The target instance type '%s' is not a type of Express brokers.", a.Target)
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", deref(in.ClusterArn))
		if err != nil {
			return err
		}
		have, err := listJSON[assessment](tx, c.assessmentPrefix())
		if err != nil {
			return err
		}
		if err := mayAssess(c, have); err != nil {
			return err
		}
		a.ARN = c.assessmentARN(id)
		return putAssessment(tx, c, a)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.CreateAssessmentResponse{
		AssessmentArn: &a.ARN, AssessmentType: &a.Type, ClusterArn: in.ClusterArn, CreationTime: model.NewTime(a.Created), Status: &a.Status,
	}, nil
}

// mayAssess says whether one more assessment of a cluster may begin. UNVERIFIED
// wordings
func mayAssess(c cluster, have []assessment) error {
	switch {
	case c.Serverless != nil:
		return badRequest("clusterArn", "This operation cannot be performed on serverless clusters.")
	case c.State != Active:
		return badRequest("clusterArn", "You can't assess cluster in %s state.", c.State)
	case c.Provisioned.express() || c.Provisioned.Mixed != nil:
		return badRequest("clusterArn", "The cluster has Express brokers already.")
	}
	if i := slices.IndexFunc(have, func(a assessment) bool { return a.Status == assessing }); i >= 0 {
		return conflict("clusterArn", "The assessment "+have[i].ARN+" is in progress.")
	}
	if len(have) >= maxAssessments {
		return badRequest("clusterArn", "The cluster has %d assessments, the limit. Delete one first.", len(have))
	}
	return nil
}

// listJSON reads all documents under a prefix, of which limits keep the number
// below one page.
func listJSON[T any](tx *store.Tx, prefix string) ([]T, error) {
	found, err := tx.List(prefix, "", store.MaxList)
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(found))
	for _, kv := range found {
		v, _, err := store.GetJSON[T](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// putAssessment writes an assessment, and what is to be done for it.
func putAssessment(tx *store.Tx, c cluster, a assessment) error {
	if err := putErrand(tx, c, assessmentErrand, a.ID, a.Status == assessing); err != nil {
		return err
	}
	return store.PutJSON(tx, c.assessmentPrefix()+a.ID, a)
}

// partID is the uuid of something of a cluster, from its ARN.
func partID(arn, like string) (id string, ok bool) {
	id, ok = strings.CutPrefix(arn, like[:strings.LastIndexByte(like, '/')+1])
	return id, ok && uuidShape.MatchString(id)
}

// assessedCluster is the ARN of the cluster whose assessment an ARN names.
func assessedCluster(arn string) (cluster string, ok bool) {
	at := strings.LastIndexByte(arn, '/')
	if len(arn) > maxARNBytes || at < 0 || !strings.Contains(arn, ":assessment/") {
		return "", false
	}
	return strings.Replace(arn[:at], ":assessment/", ":cluster/", 1), true
}

// findAssessment reads an assessment and its cluster.
func findAssessment(tx *store.Tx, caller model.Caller, clusterARN, arn *string) (c cluster, a assessment, err error) {
	if c, err = find(tx, caller, "clusterArn", deref(clusterARN)); err != nil {
		return c, a, err
	}
	id, ok := partID(deref(arn), c.assessmentARN(""))
	if ok {
		a, ok, err = store.GetJSON[assessment](tx, c.assessmentPrefix()+id)
	}
	if err == nil && !ok {
		err = notFound("assessmentArn")
	}
	return c, a, err
}

// readAssessment answers an assessment.
func (s *Service) readAssessment(ctx context.Context, caller model.Caller, clusterARN, arn *string) (a assessment, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		_, a, err = findAssessment(tx, caller, clusterARN, arn)
		return err
	})
	return a, err
}

// DescribeAssessment shows an assessment.
func (s *Service) DescribeAssessment(ctx context.Context, caller model.Caller, in *kafka.DescribeAssessmentRequest) (*kafka.DescribeAssessmentResponse, error) {
	a, err := s.readAssessment(ctx, caller, in.ClusterArn, in.AssessmentArn)
	if err != nil {
		return nil, err
	}
	out := &kafka.DescribeAssessmentResponse{
		AssessmentArn: &a.ARN, AssessmentType: &a.Type, ClusterArn: in.ClusterArn, CreationTime: model.NewTime(a.Created),
		Status: &a.Status, StatusMessage: given(a.Message), Summary: a.summary(), Tags: tagsOf(a.Tags),
	}
	if a.Target != "" {
		out.AssessmentParameters = &kafka.AssessmentParameters{TargetInstanceType: &a.Target}
	}
	if !a.Ended.IsZero() {
		out.CompletionTime = model.NewTime(a.Ended)
	}
	return out, nil
}

// summary counts findings, of every category and severity.
func (a *assessment) summary() *kafka.AssessmentSummary {
	if a.Status != assessed {
		return nil
	}
	count := func(names []string) map[string]int32 {
		out := map[string]int32{}
		for _, n := range names {
			out[n] = int32(a.Counts[n])
		}
		return out
	}
	return &kafka.AssessmentSummary{
		ByCategory: count(categories), BySeverity: count(severities), FindingsCapped: new(a.Total > len(a.Findings)),
		HasBlockingFindings: new(a.Errors > 0), TotalFindings: new(int32(a.Total)),
	}
}

// ListAssessments lists a cluster's assessments, the latest first. UNVERIFIED
// order
func (s *Service) ListAssessments(ctx context.Context, caller model.Caller, in *kafka.ListAssessmentsRequest) (*kafka.ListAssessmentsResponse, error) {
	if t := deref(in.AssessmentType); t != "" && t != updateBrokerType {
		return nil, badRequest("assessmentType", "Unsupported assessmentType [%s]. Valid values: [%s]", t, updateBrokerType)
	}
	var all []assessment
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", deref(in.ClusterArn))
		if err == nil {
			all, err = listJSON[assessment](tx, c.assessmentPrefix())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b assessment) int { return b.Created.Compare(a.Created) })
	query := []string{"ListAssessments", deref(in.ClusterArn), deref(in.AssessmentType)}
	found, next, err := page(number(all), position, query, deref(in.NextToken), int(or(in.MaxResults, assessmentsPage)))
	if err != nil {
		return nil, err
	}
	out := &kafka.ListAssessmentsResponse{Assessments: []kafka.AssessmentInfo{}, NextToken: given(next)}
	for _, a := range values(found) {
		out.Assessments = append(out.Assessments, kafka.AssessmentInfo{
			AssessmentArn: new(a.ARN), AssessmentType: new(a.Type), ClusterArn: in.ClusterArn, CreationTime: model.NewTime(a.Created), Status: new(a.Status), Tags: tagsOf(a.Tags),
		})
	}
	return out, nil
}

// ListAssessmentFindings lists what an assessment that is complete has found.
func (s *Service) ListAssessmentFindings(ctx context.Context, caller model.Caller, in *kafka.ListAssessmentFindingsRequest) (*kafka.ListAssessmentFindingsResponse, error) {
	category, severity := deref(in.Category), deref(in.Severity)
	for _, f := range []struct {
		parameter, value string
		valid            []string
	}{{"category", category, categories}, {"severity", severity, severities}} {
		if f.value != "" && !slices.Contains(f.valid, f.value) {
			return nil, badRequest(f.parameter, "Unsupported %s [%s]. Valid values: [%s]", f.parameter, f.value, strings.Join(f.valid, ", "))
		}
	}
	a, err := s.readAssessment(ctx, caller, in.ClusterArn, in.AssessmentArn)
	if err == nil && a.Status != assessed {
		err = conflict("assessmentArn", "The assessment has the status "+a.Status+". Its findings are there once it is "+assessed+".")
	}
	if err != nil {
		return nil, err
	}
	kept := slices.DeleteFunc(a.Findings, func(f finding) bool {
		k := checks[f.Check]
		return category != "" && k.category != category || severity != "" && k.severity != severity
	})
	query := []string{"ListAssessmentFindings", a.ARN, category, severity}
	found, next, err := page(number(kept), position, query, deref(in.NextToken), int(or(in.MaxResults, findingsPage)))
	if err != nil {
		return nil, err
	}
	out := &kafka.ListAssessmentFindingsResponse{Findings: []kafka.AssessmentFinding{}, NextToken: given(next)}
	for _, f := range values(found) {
		out.Findings = append(out.Findings, f.render())
	}
	return out, nil
}

func (f finding) render() kafka.AssessmentFinding {
	k := checks[f.Check]
	return kafka.AssessmentFinding{
		Category: new(k.category), FindingId: new(f.id()), Message: new(f.message()), Resource: given(f.Resource), Severity: new(k.severity),
		Remediation: &kafka.FindingRemediation{Action: new(k.action), DocumentationUrl: new(guide + k.page)},
	}
}

// DeleteAssessment forgets an assessment that has ended, and its findings.
func (s *Service) DeleteAssessment(ctx context.Context, caller model.Caller, in *kafka.DeleteAssessmentRequest) (*kafka.DeleteAssessmentResponse, error) {
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, a, err := findAssessment(tx, caller, in.ClusterArn, in.AssessmentArn)
		if err == nil && a.Status == assessing {
			err = conflict("assessmentArn", "The assessment is in progress.")
		}
		if err != nil {
			return err
		}
		return tx.Delete(c.assessmentPrefix() + a.ID)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.DeleteAssessmentResponse{AssessmentArn: in.AssessmentArn, Status: new(assessmentGoes)}, nil
}
