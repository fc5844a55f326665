package servicequotas

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/servicequotas"
)

func fault(code, format string, args ...any) error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// Statuses of requests.
const (
	approved = "APPROVED"
	denied   = "DENIED"
)

// request is the document of one request for a higher quota. It never changes.
type request struct {
	ID        string    `json:"id"`
	Code      string    `json:"code"`
	Desired   float64   `json:"desired"`
	Status    string    `json:"status"`
	Requester string    `json:"requester"` // ARN
	Created   time.Time `json:"created"`
}

// find is the quota of a service and code. UNVERIFIED wordings
func find(service, code string) (quota, error) {
	if err := checkService(service); err != nil {
		return quota{}, err
	}
	i := slices.IndexFunc(quotas, func(q quota) bool { return q.code == code })
	if i < 0 {
		return quota{}, fault("NoSuchResourceException", "The request failed because the specified quota does not exist.")
	}
	return quotas[i], nil
}

func checkService(service string) error {
	if service != KafkaCode {
		return fault("NoSuchResourceException", "The request failed because the specified service does not exist.")
	}
	return nil
}

// decideIncrease answers the request for a higher quota: granted at once, up to
// what can be enforced, and denied beyond. aws:servicequotas
// RequestServiceQuotaIncrease; UNVERIFIED wording
func decideIncrease(q quota, current, desired float64, id, requester string, now time.Time) (request, error) {
	if !(desired > current) {
		return request{}, fault("IllegalArgumentException", "You must provide a quota value greater than the current quota value.")
	}
	r := request{ID: id, Code: q.code, Desired: desired, Status: approved, Requester: requester, Created: now.UTC().Truncate(time.Millisecond)}
	if desired > q.most || desired != float64(int64(desired)) {
		r.Status = denied
	}
	return r, nil
}

func (q quota) arn(c model.Caller, account string) *string {
	return new(fmt.Sprintf("arn:%s:servicequotas:%s:%s:%s/%s", c.Partition(), c.Region, account, KafkaCode, q.code))
}

// render shows a quota with a value; the defaults are of no account.
func (q quota) render(c model.Caller, account string, value float64) shape.ServiceQuota {
	return shape.ServiceQuota{
		ServiceCode: new(KafkaCode), ServiceName: new(kafkaName), QuotaArn: q.arn(c, account), QuotaCode: new(q.code), QuotaName: new(q.name),
		Value: new(value), Unit: new("None"), Adjustable: new(true), GlobalQuota: new(false), QuotaAppliedAtLevel: new("ACCOUNT"), Description: new(q.about),
	}
}

// render shows a request.
func (r request) render(c model.Caller) shape.RequestedServiceQuotaChange {
	q, _ := find(KafkaCode, r.Code) // quotas are never taken away
	at := model.NewEpoch(r.Created)
	return shape.RequestedServiceQuotaChange{
		Id: new(r.ID), RequestType: new("AutomaticManagement"), ServiceCode: new(KafkaCode), ServiceName: new(kafkaName), QuotaCode: new(q.code), QuotaName: new(q.name),
		DesiredValue: new(r.Desired), Status: new(r.Status), Created: at, LastUpdated: at, Requester: new(fmt.Sprintf("{\"accountId\":%q,\"callerArn\":%q}", c.Account, r.Requester)),
		QuotaArn: q.arn(c, c.Account), GlobalQuota: new(false), Unit: new("None"), QuotaRequestedAtLevel: new("ACCOUNT"),
	}
}
