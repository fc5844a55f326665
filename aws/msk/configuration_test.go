package msk_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
)

func configuration(t *testing.T, s *msk.Service, name, text string) *string {
	t.Helper()
	out, err := s.CreateConfiguration(t.Context(), caller, &kafka.CreateConfigurationRequest{
		Name: &name, Description: new("first"), ServerProperties: new(base64.StdEncoding.EncodeToString([]byte(text))),
	})
	if err != nil {
		t.Fatal(err)
	}
	if *out.State != "ACTIVE" || *out.LatestRevision.Revision != 1 || *out.Name != name {
		t.Errorf("created: %+v", out)
	}
	return out.Arn
}

// says checks a refusal's text.
func says(t *testing.T, err error, code, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), code) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %s %s", err, code, text)
	}
}

func TestConfigurations(t *testing.T) {
	ctx, s := t.Context(), open(t)
	text := "# as it was given\nnum.partitions = 3\nzookeeper.connection.timeout.ms = 1000\n"
	arn := configuration(t, s, "sales", text)
	other := configuration(t, s, "another", "")
	if _, err := s.CreateConfiguration(ctx, caller, &kafka.CreateConfigurationRequest{Name: new("sales"), ServerProperties: new("")}); true {
		says(t, err, "ConflictException", "A resource with this name already exists.")
	}
	if _, err := s.CreateConfiguration(ctx, caller, &kafka.CreateConfigurationRequest{Name: new("x"), ServerProperties: new("a=1")}); true {
		says(t, err, "BadRequestException", "Invalid request body")
	}
	up, err := s.UpdateConfiguration(ctx, caller, &kafka.UpdateConfigurationRequest{
		Arn: arn, Description: new("second"), ServerProperties: new(base64.StdEncoding.EncodeToString([]byte("num.partitions=4"))),
	})
	if err != nil || *up.LatestRevision.Revision != 2 {
		t.Fatal(up, err)
	}
	got, err := s.DescribeConfiguration(ctx, caller, &kafka.DescribeConfigurationRequest{Arn: arn})
	if err != nil || *got.Description != "first" || *got.LatestRevision.Description != "second" || *got.LatestRevision.Revision != 2 {
		t.Errorf("described: %+v, %v", got, err)
	}
	first, err := s.DescribeConfigurationRevision(ctx, caller, &kafka.DescribeConfigurationRevisionRequest{Arn: arn, Revision: new(int64(1))})
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := base64.StdEncoding.DecodeString(*first.ServerProperties); string(raw) != text {
		t.Errorf("the text came back as %q", raw)
	}
	_, err = s.DescribeConfigurationRevision(ctx, caller, &kafka.DescribeConfigurationRevisionRequest{Arn: arn, Revision: new(int64(3))})
	says(t, err, "BadRequestException", "Configuration revision does not exist.")
	revisions, err := s.ListConfigurationRevisions(ctx, caller, &kafka.ListConfigurationRevisionsRequest{Arn: arn, MaxResults: new(int32(1))})
	if err != nil || len(revisions.Revisions) != 1 || revisions.NextToken == nil {
		t.Fatal(revisions, err)
	}
	revisions, err = s.ListConfigurationRevisions(ctx, caller, &kafka.ListConfigurationRevisionsRequest{Arn: arn, NextToken: revisions.NextToken})
	if err != nil || len(revisions.Revisions) != 1 || *revisions.Revisions[0].Revision != 2 {
		t.Error(revisions, err)
	}
	list, err := s.ListConfigurations(ctx, caller, &kafka.ListConfigurationsRequest{})
	if err != nil || len(list.Configurations) != 2 || *list.Configurations[1].Name != "sales" {
		t.Error(list, err)
	}
	if out, err := s.DeleteConfiguration(ctx, caller, &kafka.DeleteConfigurationRequest{Arn: other}); err != nil || *out.State != "DELETING" {
		t.Error(out, err)
	}
	_, err = s.DescribeConfiguration(ctx, caller, &kafka.DescribeConfigurationRequest{Arn: other})
	says(t, err, "BadRequestException", "Configuration ARN does not exist.")
	_, err = s.DescribeConfiguration(ctx, caller, &kafka.DescribeConfigurationRequest{Arn: new("arn:x")})
	says(t, err, "BadRequestException", "Invalid Configuration ARN.")
	_, err = s.DescribeConfiguration(ctx, model.Caller{Account: "999999999999", Region: caller.Region}, &kafka.DescribeConfigurationRequest{Arn: arn})
	says(t, err, "BadRequestException", "Configuration ARN does not exist.")
}

// TestOperationsAreListed: V1 the latest first, V2 by uuid; the oldest of very
// many are forgotten, and all are when the cluster is gone.
func TestOperationsAreListed(t *testing.T) {
	ctx, s := t.Context(), open(t)
	arn := create(t, s, caller, "orders")
	generation := func() int64 {
		all, err := s.Wanted(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Generation
	}
	report := func() {
		if err := s.ReportActive(ctx, arn, generation(), endpoints(s, t, arn)); err != nil {
			t.Fatal(err)
		}
	}
	report()
	var last *string
	for range 93 {
		out, err := s.RebootBroker(ctx, caller, &kafka.RebootBrokerRequest{ClusterArn: &arn, BrokerIds: []string{"1"}})
		if err != nil {
			t.Fatal(err)
		}
		last = out.ClusterOperationArn
		report()
		report()
	}
	v1, err := s.ListClusterOperations(ctx, caller, &kafka.ListClusterOperationsRequest{ClusterArn: &arn})
	if err != nil || len(v1.ClusterOperationInfoList) != 90 || v1.NextToken != nil {
		t.Fatal(fmt.Sprint(len(v1.ClusterOperationInfoList)), err)
	}
	v2, err := s.ListClusterOperationsV2(ctx, caller, &kafka.ListClusterOperationsV2Request{ClusterArn: &arn, MaxResults: new(int32(60))})
	if err != nil || len(v2.ClusterOperationInfoList) != 60 || v2.NextToken == nil {
		t.Fatal(v2, err)
	}
	if a, b := *v2.ClusterOperationInfoList[0].OperationArn, *v2.ClusterOperationInfoList[1].OperationArn; a >= b {
		t.Errorf("%s comes before %s", a, b)
	}
	one, err := s.DescribeClusterOperationV2(ctx, caller, &kafka.DescribeClusterOperationV2Request{ClusterOperationArn: last})
	if err != nil || *one.ClusterOperationInfo.OperationState != "REBOOT_COMPLETE" {
		t.Error(one, err)
	}
	_, err = s.DescribeClusterOperation(ctx, caller, &kafka.DescribeClusterOperationRequest{ClusterOperationArn: new((*last)[:len(*last)-4] + "0000")})
	wants(t, err, 404, "NotFoundException")
	_, err = s.DescribeClusterOperation(ctx, caller, &kafka.DescribeClusterOperationRequest{ClusterOperationArn: &arn})
	wants(t, err, 400, "BadRequestException")
	if _, err := s.DeleteCluster(ctx, caller, &kafka.DeleteClusterRequest{ClusterArn: &arn}); err != nil {
		t.Fatal(err)
	}
	if err := s.ReportGone(ctx, arn); err != nil {
		t.Fatal(err)
	}
	_, err = s.DescribeClusterOperation(ctx, caller, &kafka.DescribeClusterOperationRequest{ClusterOperationArn: last})
	wants(t, err, 404, "NotFoundException")
}

// TestAReportOfThePast: what was asked for before an operation began, or before
// its act, ends nothing.
func TestAReportOfThePast(t *testing.T) {
	ctx, s := t.Context(), open(t)
	arn := create(t, s, caller, "orders")
	if err := s.ReportActive(ctx, arn, 0, endpoints(s, t, arn)); err != nil {
		t.Fatal(err)
	}
	out, err := s.RebootBroker(ctx, caller, &kafka.RebootBrokerRequest{ClusterArn: &arn, BrokerIds: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	for generation := range int64(3) {
		if generation == 1 {
			continue
		}
		if err := s.ReportActive(ctx, arn, generation, endpoints(s, t, arn)); err != nil {
			t.Fatal(err)
		}
		if err := s.ReportFailed(ctx, arn, generation, "Old", "news"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.DescribeClusterOperation(ctx, caller, &kafka.DescribeClusterOperationRequest{ClusterOperationArn: out.ClusterOperationArn})
	if err != nil || *got.ClusterOperationInfo.OperationState != "PENDING" {
		t.Error(got, err)
	}
}
