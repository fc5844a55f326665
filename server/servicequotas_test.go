package server

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	shape "github.com/millrace/millrace/aws/model/servicequotas"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/servicequotas"
)

// TestServiceQuotas: what an account has is what msk enforces, and a raised quota
// acts at once and survives a start.
func TestServiceQuotas(t *testing.T) {
	h := newHost(t)
	if got, err := h.s.mskQuotas(t.Context(), h.caller); err != nil || got != msk.DefaultQuotas() {
		t.Errorf("a new account has %+v, msk's defaults are %+v: %v", got, msk.DefaultQuotas(), err)
	}
	arn := h.configuration("c", "num.partitions=1").Arn
	revise := func() error {
		_, err := h.s.msk.UpdateConfiguration(t.Context(), h.caller, &kafka.UpdateConfigurationRequest{Arn: arn, ServerProperties: new("")})
		return err
	}
	for range 49 {
		if err := revise(); err != nil {
			t.Fatal(err)
		}
	}
	if err := revise(); err == nil || !strings.Contains(err.Error(), "at most 50 revisions") {
		t.Errorf("the 51st revision: %v", err)
	}
	_, err := h.s.quotas.RequestServiceQuotaIncrease(t.Context(), h.caller, &shape.RequestServiceQuotaIncreaseRequest{
		ServiceCode: new("kafka"), QuotaCode: new(servicequotas.Revisions), DesiredValue: new(51.0),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.kill()
	h.start(nil)
	if err := revise(); err != nil {
		t.Error(err)
	}
	other := model.Caller{Account: "111122223333", Region: h.caller.Region}
	if got, err := h.s.mskQuotas(t.Context(), other); err != nil || got != msk.DefaultQuotas() {
		t.Errorf("another account has %+v: %v", got, err)
	}
}
