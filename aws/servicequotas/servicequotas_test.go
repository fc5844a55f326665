package servicequotas_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/servicequotas"
	"github.com/millrace/millrace/aws/servicequotas"
	"github.com/millrace/millrace/store"
)

var (
	caller = model.Caller{Account: "123456789012", Region: "eu-west-1", ARN: "arn:aws:iam::123456789012:user/ops"}
	began  = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
)

func open(t *testing.T) *servicequotas.Service {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	now := began
	return servicequotas.New(servicequotas.Config{Store: st, Random: rand.Reader, Now: func() time.Time { now = now.Add(time.Second); return now }})
}

func code(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Code
	}
	return ""
}

func increase(t *testing.T, s *servicequotas.Service, c model.Caller, quota string, to float64) (*shape.RequestedServiceQuotaChange, error) {
	t.Helper()
	out, err := s.RequestServiceQuotaIncrease(t.Context(), c, &shape.RequestServiceQuotaIncreaseRequest{ServiceCode: new("kafka"), QuotaCode: &quota, DesiredValue: &to})
	if err != nil {
		return nil, err
	}
	return out.RequestedQuota, nil
}

// TestIncrease: a quota is raised at once, for one account and region, never
// lowered, and denied beyond what can be.
func TestIncrease(t *testing.T) {
	s, ctx := open(t), t.Context()
	value := func(c model.Caller) float64 {
		out, err := s.GetServiceQuota(ctx, c, &shape.GetServiceQuotaRequest{ServiceCode: new("kafka"), QuotaCode: new(servicequotas.BrokersPerAccount)})
		if err != nil {
			t.Fatal(err)
		}
		return *out.Quota.Value
	}
	for _, to := range []float64{0, 89, 90} {
		if _, err := increase(t, s, caller, servicequotas.BrokersPerAccount, to); code(err) != "IllegalArgumentException" {
			t.Errorf("to %v: %v", to, err)
		}
	}
	r, err := increase(t, s, caller, servicequotas.BrokersPerAccount, 120)
	if err != nil || *r.Status != "APPROVED" || *r.QuotaArn != "arn:aws:servicequotas:eu-west-1:123456789012:kafka/L-EDD31C36" {
		t.Fatalf("%+v, %v", r, err)
	}
	if denied, err := increase(t, s, caller, servicequotas.BrokersPerAccount, 1_000_000); err != nil || *denied.Status != "DENIED" {
		t.Errorf("beyond what can be: %+v, %v", denied, err)
	}
	elsewhere, other := caller, caller
	elsewhere.Region, other.Account = "us-east-1", "210987654321"
	if a, b, c := value(caller), value(elsewhere), value(other); a != 120 || b != 90 || c != 90 {
		t.Errorf("raised to %v, elsewhere %v, another account's %v", a, b, c)
	}
	all, err := s.Values(ctx, caller.Account, caller.Region)
	if err != nil || all[servicequotas.BrokersPerAccount] != 120 || all[servicequotas.Revisions] != 50 {
		t.Errorf("%v, %v", all, err)
	}
	told, err := s.GetRequestedServiceQuotaChange(ctx, caller, &shape.GetRequestedServiceQuotaChangeRequest{RequestId: r.Id})
	if err != nil || *told.RequestedQuota.DesiredValue != 120 {
		t.Errorf("%+v, %v", told, err)
	}
	if _, err := s.GetRequestedServiceQuotaChange(ctx, other, &shape.GetRequestedServiceQuotaChangeRequest{RequestId: r.Id}); code(err) != "NoSuchResourceException" {
		t.Errorf("another account's request: %v", err)
	}
	history, err := s.ListRequestedServiceQuotaChangeHistory(ctx, caller, &shape.ListRequestedServiceQuotaChangeHistoryRequest{})
	if err != nil || len(history.RequestedQuotas) != 2 || *history.RequestedQuotas[0].Status != "DENIED" {
		t.Errorf("%+v, %v", history, err)
	}
	byQuota, err := s.ListRequestedServiceQuotaChangeHistoryByQuota(ctx, caller, &shape.ListRequestedServiceQuotaChangeHistoryByQuotaRequest{
		ServiceCode: new("kafka"), QuotaCode: new(servicequotas.BrokersPerAccount), Status: new("APPROVED"),
	})
	if err != nil || len(byQuota.RequestedQuotas) != 1 {
		t.Errorf("%+v, %v", byQuota, err)
	}
}

func TestLists(t *testing.T) {
	s, ctx := open(t), t.Context()
	if _, err := increase(t, s, caller, servicequotas.Configurations, 200); err != nil {
		t.Fatal(err)
	}
	var token *string
	raised := 0
	for pages := 0; ; pages++ {
		out, err := s.ListServiceQuotas(ctx, caller, &shape.ListServiceQuotasRequest{ServiceCode: new("kafka"), MaxResults: new(int32(2)), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range out.Quotas {
			d, err := s.GetAWSDefaultServiceQuota(ctx, caller, &shape.GetAWSDefaultServiceQuotaRequest{ServiceCode: q.ServiceCode, QuotaCode: q.QuotaCode})
			if err != nil {
				t.Fatal(err)
			}
			if *d.Quota.Value != *q.Value {
				raised++
			}
		}
		if token = out.NextToken; token == nil {
			if pages != 4 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
	}
	if raised != 1 {
		t.Errorf("%d quotas differ from the defaults", raised)
	}
	if out, err := s.ListAWSDefaultServiceQuotas(ctx, caller, &shape.ListAWSDefaultServiceQuotasRequest{ServiceCode: new("kafka")}); err != nil || len(out.Quotas) != 9 {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := s.ListServices(ctx, caller, &shape.ListServicesRequest{}); err != nil || len(out.Services) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	_, one := s.ListServiceQuotas(ctx, caller, &shape.ListServiceQuotasRequest{ServiceCode: new("sqs")})
	_, two := s.GetServiceQuota(ctx, caller, &shape.GetServiceQuotaRequest{ServiceCode: new("kafka"), QuotaCode: new("L-1")})
	_, three := s.ListServiceQuotas(ctx, caller, &shape.ListServiceQuotasRequest{ServiceCode: new("kafka"), NextToken: new("x")})
	if code(one) != "NoSuchResourceException" || code(two) != "NoSuchResourceException" || code(three) != "InvalidPaginationTokenException" {
		t.Errorf("%v, %v, %v", one, two, three)
	}
}

// TestRequestsAreBounded: the oldest is forgotten, what was raised stays.
func TestRequestsAreBounded(t *testing.T) {
	s := open(t)
	for i := range 110 {
		if _, err := increase(t, s, caller, servicequotas.Configurations, float64(101+i)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.ListRequestedServiceQuotaChangeHistory(t.Context(), caller, &shape.ListRequestedServiceQuotaChangeHistoryRequest{})
	if err != nil || len(out.RequestedQuotas) != 100 || *out.RequestedQuotas[0].DesiredValue != 210 || *out.RequestedQuotas[99].DesiredValue != 111 {
		t.Errorf("%d requests, %v", len(out.RequestedQuotas), err)
	}
}
