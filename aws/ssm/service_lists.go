package ssm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ssm"
	"github.com/millrace/millrace/store"
)

const (
	defaultPage = 10  // of DescribeParameters and GetParametersByPath, as AWS answers
	historyPage = 50  // of GetParameterHistory
	scanPage    = 200 // documents read in one step
)

func encodeToken(after string) *string {
	return new(base64.URLEncoding.EncodeToString([]byte(after)))
}

func decodeToken(token *string) (string, error) {
	after, err := base64.URLEncoding.DecodeString(deref(token))
	if err != nil {
		return "", fault("InvalidNextToken", "The specified token isn't valid.")
	}
	return string(after), nil
}

// page collects the parameters after a name that keep lets through, most of
// them, and the name to go on after; empty: it is all.
func (s *Service) page(ctx context.Context, c model.Caller, after string, most int, keep func(x view) bool) (out []found, next string, err error) {
	key := ""
	if after != "" {
		key = prefix(c) + after
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for {
			list, err := tx.List(prefix(c), key, scanPage)
			if err != nil {
				return err
			}
			for _, kv := range list {
				key = kv.Key
				f, err := decode(tx, c, kv)
				if err != nil {
					return err
				}
				if !keep(view{f.p, f.v}) {
					continue
				}
				if len(out) == most {
					next = out[most-1].p.Name
					return nil
				}
				out = append(out, f)
			}
			if len(list) < scanPage {
				return nil
			}
		}
	})
	return out, next, err
}

// decode reads a parameter's document and its current version.
func decode(tx *store.Tx, c model.Caller, kv store.KV) (f found, err error) {
	f.p = &parameter{}
	if err := json.Unmarshal(kv.Value, f.p); err != nil {
		return f, fmt.Errorf("read the document under %q: %w", kv.Key, err)
	}
	f.v, err = readVersion(tx, c, f.p.Name, f.p.current())
	return f, err
}

func pageSize(asked *int32, otherwise int) int {
	if asked == nil {
		return otherwise
	}
	return int(*asked)
}

// GetParametersByPath answers the parameters below a path.
func (s *Service) GetParametersByPath(ctx context.Context, c model.Caller, in *ssm.GetParametersByPathRequest) (*ssm.GetParametersByPathResult, error) {
	if err := checkPath(*in.Path); err != nil {
		return nil, err
	}
	if err := checkFilters(in.ParameterFilters, pathKeys, false); err != nil {
		return nil, err
	}
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	list, next, err := s.page(ctx, c, after, pageSize(in.MaxResults, defaultPage), func(x view) bool {
		return below(x.p.Name, *in.Path, deref(in.Recursive)) && x.matches(in.ParameterFilters)
	})
	if err != nil {
		return nil, err
	}
	out := &ssm.GetParametersByPathResult{Parameters: []ssm.Parameter{}}
	for _, f := range list {
		p, err := s.show(ctx, c, f, deref(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, *p)
	}
	if next != "" {
		out.NextToken = encodeToken(next)
	}
	return out, nil
}

// DescribeParameters answers what there is of parameters, without their values.
func (s *Service) DescribeParameters(ctx context.Context, c model.Caller, in *ssm.DescribeParametersRequest) (*ssm.DescribeParametersResult, error) {
	filters := in.ParameterFilters
	for _, f := range in.Filters { // the older form
		filters = append(filters[:len(filters):len(filters)], ssm.ParameterStringFilter{Key: f.Key, Option: new("BeginsWith"), Values: f.Values})
	}
	if err := checkFilters(filters, describeKeys, true); err != nil {
		return nil, err
	}
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	list, next, err := s.page(ctx, c, after, pageSize(in.MaxResults, defaultPage), func(x view) bool {
		return !deref(in.Shared) && x.matches(filters) // nothing is shared
	})
	if err != nil {
		return nil, err
	}
	out := &ssm.DescribeParametersResult{Parameters: []ssm.ParameterMetadata{}}
	for _, f := range list {
		m := ssm.ParameterMetadata{
			ARN: new(arn(c, f.p.Name)), Name: &f.p.Name, Type: &f.v.Type, Version: &f.v.Version, Tier: &f.v.Tier, DataType: new("text"), Policies: []ssm.ParameterInlinePolicy{},
			LastModifiedDate: &model.Epoch{Time: f.v.Modified}, LastModifiedUser: &f.v.User,
		}
		m.Description, m.KeyId, m.AllowedPattern = some(f.v.Description), some(f.v.Key), some(f.v.Pattern)
		out.Parameters = append(out.Parameters, m)
	}
	if next != "" {
		out.NextToken = encodeToken(next)
	}
	return out, nil
}

// some is nil for an empty text.
func some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// GetParameterHistory answers a parameter's versions, oldest first.
func (s *Service) GetParameterHistory(ctx context.Context, c model.Caller, in *ssm.GetParameterHistoryRequest) (*ssm.GetParameterHistoryResult, error) {
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	name, most := parseSelector(c, *in.Name).name, pageSize(in.MaxResults, historyPage)
	var p *parameter
	var list []*version
	next := ""
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		if p, err = s.find(tx, c, name); err != nil {
			return err
		}
		for _, n := range p.Versions {
			if strings.Compare(fmt.Sprintf("%019d", n), after) <= 0 {
				continue
			}
			if len(list) == most {
				next = fmt.Sprintf("%019d", list[most-1].Version)
				return nil
			}
			v, err := readVersion(tx, c, name, n)
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &ssm.GetParameterHistoryResult{Parameters: []ssm.ParameterHistory{}}
	for _, v := range list {
		value, err := s.reveal(ctx, c, name, v, deref(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		h := ssm.ParameterHistory{
			Name: &p.Name, Type: &v.Type, Value: value, Version: &v.Version, Tier: &v.Tier, DataType: new("text"), Labels: p.labelsOf(v.Version), Policies: []ssm.ParameterInlinePolicy{},
			LastModifiedDate: &model.Epoch{Time: v.Modified}, LastModifiedUser: &v.User,
		}
		if h.Labels == nil {
			h.Labels = []string{}
		}
		h.Description, h.KeyId, h.AllowedPattern = some(v.Description), some(v.Key), some(v.Pattern)
		out.Parameters = append(out.Parameters, h)
	}
	if next != "" {
		out.NextToken = encodeToken(next)
	}
	return out, nil
}
