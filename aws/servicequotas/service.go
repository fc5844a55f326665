package servicequotas

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/servicequotas"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Every field is required.
type Config struct {
	Store  *store.Store
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader
}

// Service is the API over the store. Its methods may be called concurrently.
type Service struct{ cfg Config }

var _ shape.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg} }

func valueKey(account, region, code string) string {
	return account + "/" + region + "/servicequotas/value/" + KafkaCode + "/" + code
}

func requestPrefix(account, region string) string {
	return account + "/" + region + "/servicequotas/request/"
}

// maxRequests is how many requests of an account and region are kept; the oldest
// goes.
const maxRequests = 100

// read answers what an account has of a quota.
func read(tx *store.Tx, account, region string, q quota) (float64, error) {
	raised, ok, err := store.GetJSON[float64](tx, valueKey(account, region, q.code))
	if err != nil || !ok {
		return q.value, err
	}
	return max(raised, q.value), nil
}

// Values answers what an account has of every quota of MSK in a region, by code.
func (s *Service) Values(ctx context.Context, account, region string) (map[string]int, error) {
	all := make(map[string]int, len(quotas))
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for _, q := range quotas {
			v, err := read(tx, account, region, q)
			if err != nil {
				return err
			}
			all[q.code] = int(v)
		}
		return nil
	})
	return all, err
}

// ListServices lists the services that have quotas.
func (s *Service) ListServices(context.Context, model.Caller, *shape.ListServicesRequest) (*shape.ListServicesResponse, error) {
	return &shape.ListServicesResponse{Services: []shape.ServiceInfo{{ServiceCode: new(KafkaCode), ServiceName: new(kafkaName)}}}, nil
}

// GetAWSDefaultServiceQuota shows what everybody has of a quota.
func (s *Service) GetAWSDefaultServiceQuota(_ context.Context, c model.Caller, in *shape.GetAWSDefaultServiceQuotaRequest) (*shape.GetAWSDefaultServiceQuotaResponse, error) {
	q, err := find(deref(in.ServiceCode), deref(in.QuotaCode))
	if err != nil {
		return nil, err
	}
	return &shape.GetAWSDefaultServiceQuotaResponse{Quota: new(q.render(c, "", q.value))}, nil
}

// GetServiceQuota shows what the account has of a quota.
func (s *Service) GetServiceQuota(ctx context.Context, c model.Caller, in *shape.GetServiceQuotaRequest) (*shape.GetServiceQuotaResponse, error) {
	q, err := find(deref(in.ServiceCode), deref(in.QuotaCode))
	if err != nil {
		return nil, err
	}
	values, err := s.Values(ctx, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	return &shape.GetServiceQuotaResponse{Quota: new(q.render(c, c.Account, float64(values[q.code])))}, nil
}

// ListAWSDefaultServiceQuotas shows what everybody has.
func (s *Service) ListAWSDefaultServiceQuotas(_ context.Context, c model.Caller, in *shape.ListAWSDefaultServiceQuotasRequest) (*shape.ListAWSDefaultServiceQuotasResponse, error) {
	if err := checkService(deref(in.ServiceCode)); err != nil {
		return nil, err
	}
	found, next, err := page(quotas, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &shape.ListAWSDefaultServiceQuotasResponse{NextToken: next, Quotas: []shape.ServiceQuota{}}
	for _, q := range found {
		out.Quotas = append(out.Quotas, q.render(c, "", q.value))
	}
	return out, nil
}

// ListServiceQuotas shows what the account has.
func (s *Service) ListServiceQuotas(ctx context.Context, c model.Caller, in *shape.ListServiceQuotasRequest) (*shape.ListServiceQuotasResponse, error) {
	if err := checkService(deref(in.ServiceCode)); err != nil {
		return nil, err
	}
	asked := slices.DeleteFunc(slices.Clone(quotas), func(q quota) bool { return in.QuotaCode != nil && q.code != *in.QuotaCode })
	found, next, err := page(asked, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	values, err := s.Values(ctx, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	out := &shape.ListServiceQuotasResponse{NextToken: next, Quotas: []shape.ServiceQuota{}}
	for _, q := range found {
		out.Quotas = append(out.Quotas, q.render(c, c.Account, float64(values[q.code])))
	}
	return out, nil
}

// RequestServiceQuotaIncrease raises a quota at once, or denies it.
func (s *Service) RequestServiceQuotaIncrease(ctx context.Context, c model.Caller, in *shape.RequestServiceQuotaIncreaseRequest) (*shape.RequestServiceQuotaIncreaseResponse, error) {
	q, err := find(deref(in.ServiceCode), deref(in.QuotaCode))
	if err != nil {
		return nil, err
	}
	if in.ContextId != nil { // UNVERIFIED wording
		return nil, fault("IllegalArgumentException", "The quota %s has no resource-level value.", q.code)
	}
	var id [16]byte
	if _, err := io.ReadFull(s.cfg.Random, id[:]); err != nil {
		return nil, fmt.Errorf("draw a request id: %w", err)
	}
	var r request
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		current, err := read(tx, c.Account, c.Region, q)
		if err != nil {
			return err
		}
		if r, err = decideIncrease(q, current, deref(in.DesiredValue), hex.EncodeToString(id[:]), c.ARN, s.cfg.Now()); err != nil {
			return err
		}
		if err := forgetOldest(tx, c); err != nil {
			return err
		}
		if r.Status == approved {
			if err := store.PutJSON(tx, valueKey(c.Account, c.Region, q.code), r.Desired); err != nil {
				return err
			}
		}
		return store.PutJSON(tx, requestPrefix(c.Account, c.Region)+r.ID, r)
	})
	if err != nil {
		return nil, err
	}
	return &shape.RequestServiceQuotaIncreaseResponse{RequestedQuota: new(r.render(c))}, nil
}

// requests reads what an account has asked for in a region, the latest first.
func requests(tx *store.Tx, c model.Caller) (all []request, err error) {
	found, err := tx.List(requestPrefix(c.Account, c.Region), "", maxRequests)
	if err != nil {
		return nil, err
	}
	for _, kv := range found {
		r, _, err := store.GetJSON[request](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b request) int { return b.Created.Compare(a.Created) })
	return all, nil
}

// forgetOldest makes room for one more request.
func forgetOldest(tx *store.Tx, c model.Caller) error {
	all, err := requests(tx, c)
	if err != nil || len(all) < maxRequests {
		return err
	}
	return tx.Delete(requestPrefix(c.Account, c.Region) + all[len(all)-1].ID)
}

// history reads the requests that are as asked for; nil is any.
func (s *Service) history(ctx context.Context, c model.Caller, code, status *string) (all []request, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		all, err = requests(tx, c)
		return err
	})
	return slices.DeleteFunc(all, func(r request) bool {
		return code != nil && r.Code != *code || status != nil && r.Status != *status
	}), err
}

// GetRequestedServiceQuotaChange shows a request.
func (s *Service) GetRequestedServiceQuotaChange(ctx context.Context, c model.Caller, in *shape.GetRequestedServiceQuotaChangeRequest) (*shape.GetRequestedServiceQuotaChangeResponse, error) {
	all, err := s.history(ctx, c, nil, nil)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(r request) bool { return r.ID == deref(in.RequestId) })
	if i < 0 { // UNVERIFIED wording
		return nil, fault("NoSuchResourceException", "The request failed because the specified request does not exist.")
	}
	return &shape.GetRequestedServiceQuotaChangeResponse{RequestedQuota: new(all[i].render(c))}, nil
}

// ListRequestedServiceQuotaChangeHistory lists requests, the latest first.
func (s *Service) ListRequestedServiceQuotaChangeHistory(ctx context.Context, c model.Caller, in *shape.ListRequestedServiceQuotaChangeHistoryRequest) (*shape.ListRequestedServiceQuotaChangeHistoryResponse, error) {
	if in.ServiceCode != nil {
		if err := checkService(*in.ServiceCode); err != nil {
			return nil, err
		}
	}
	all, next, err := s.listed(ctx, c, nil, in.Status, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &shape.ListRequestedServiceQuotaChangeHistoryResponse{RequestedQuotas: all, NextToken: next}, nil
}

// ListRequestedServiceQuotaChangeHistoryByQuota lists the requests for one quota.
func (s *Service) ListRequestedServiceQuotaChangeHistoryByQuota(ctx context.Context, c model.Caller, in *shape.ListRequestedServiceQuotaChangeHistoryByQuotaRequest) (*shape.ListRequestedServiceQuotaChangeHistoryByQuotaResponse, error) {
	if _, err := find(deref(in.ServiceCode), deref(in.QuotaCode)); err != nil {
		return nil, err
	}
	all, next, err := s.listed(ctx, c, in.QuotaCode, in.Status, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &shape.ListRequestedServiceQuotaChangeHistoryByQuotaResponse{RequestedQuotas: all, NextToken: next}, nil
}

func (s *Service) listed(ctx context.Context, c model.Caller, code, status *string, size *int32, token *string) ([]shape.RequestedServiceQuotaChange, *string, error) {
	all, err := s.history(ctx, c, code, status)
	if err != nil {
		return nil, nil, err
	}
	found, next, err := page(all, size, token)
	if err != nil {
		return nil, nil, err
	}
	out := []shape.RequestedServiceQuotaChange{}
	for _, r := range found {
		out = append(out, r.render(c))
	}
	return out, next, nil
}

const defaultPage = 100 // elements of a list that names no MaxResults

// page cuts a page out of a short list. A token is where it goes on.
func page[T any](all []T, size *int32, token *string) ([]T, *string, error) {
	from := 0
	if token != nil {
		n, err := strconv.Atoi(*token)
		if err != nil || n < 1 || n > len(all) {
			return nil, nil, fault("InvalidPaginationTokenException", "Invalid input was provided for the pagination token.") // UNVERIFIED wording
		}
		from = n
	}
	to := min(len(all), from+defaultPage)
	if size != nil {
		to = min(len(all), from+int(*size))
	}
	if to == len(all) {
		return all[from:to], nil, nil
	}
	return all[from:to], new(strconv.Itoa(to)), nil
}

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
