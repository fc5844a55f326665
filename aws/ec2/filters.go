package ec2

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

func problem(code, format string, args ...any) *model.Error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// noDryRun answers the call that only asks whether it may be made: the
// authorizer has said yes by then.
func noDryRun(dryRun *bool) *model.Error {
	if dryRun == nil || !*dryRun {
		return nil
	}
	return &model.Error{Code: "DryRunOperation", HTTP: http.StatusPreconditionFailed, Message: "Request would have succeeded, but DryRun flag is set."}
}

// attributes is what filters compare with: the values of a thing by the
// filter's name.
type attributes map[string][]string

// matches reports whether a thing passes every filter, each by any of its
// values. A filter that the service does not know is an error, as on AWS.
func matches(filters []ec2.Filter, a attributes, tags map[string]string) (bool, error) {
	passes := true
	for _, f := range filters {
		if f.Name == nil {
			return false, missing("Filter.Name")
		}
		have, known := a[*f.Name]
		if key, ok := strings.CutPrefix(*f.Name, "tag:"); ok {
			known = true
			if v, ok := tags[key]; ok {
				have = []string{v}
			}
		}
		if *f.Name == "tag-key" {
			known, have = true, slices.Collect(maps.Keys(tags))
		}
		if !known {
			return false, problem("InvalidParameterValue", "The filter '%s' is invalid", *f.Name)
		}
		passes = passes && slices.ContainsFunc(f.Values, func(want string) bool {
			return slices.ContainsFunc(have, func(v string) bool { return wildcard(want, v) })
		})
	}
	return passes, nil
}

// wildcard matches a filter's value, where * and ? stand for any characters and
// for one. It takes len(pattern)*len(s) steps at most.
func wildcard(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i] && pattern[p] != '*'):
			p, i = p+1, i+1
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// page cuts a list to MaxResults from NextToken on; ids names the parameter of
// ids, of which asked were given.
func page[T any](all []T, ids string, asked int, maxResults *int32, token *string) (part []T, next *string, err error) {
	if maxResults != nil && asked > 0 {
		return nil, nil, problem("InvalidParameterCombination", "The parameter %s cannot be used with the parameter maxResults", ids)
	}
	from := 0
	if token != nil && *token != "" {
		if from, err = strconv.Atoi(*token); err != nil || from < 0 || from > len(all) {
			return nil, nil, problem("InvalidNextToken", "The token '%s' is invalid", *token)
		}
	}
	to := len(all)
	if maxResults != nil {
		to = min(to, from+int(*maxResults))
	}
	if to < len(all) {
		next = new(strconv.Itoa(to))
	}
	return all[from:to], next, nil
}

func wanted(ids []string, id string) bool { return len(ids) == 0 || slices.Contains(ids, id) }

// view is how a type of resources is described: what filters compare with, and
// its shape. The zero resource must have attributes too.
type view[T, S any] struct {
	kind  kind
	attrs func(*T) attributes
	shape func(*T) S
}

// list describes the resources that ids and filters ask for.
func (v view[T, S]) list(n *network, ids []string, filters []ec2.Filter) ([]S, error) {
	for _, id := range ids {
		if _, err := get[T](n, v.kind, &id); err != nil {
			return nil, err
		}
	}
	if _, err := matches(filters, v.attrs(new(T)), nil); err != nil {
		return nil, err
	}
	out := []S{}
	for _, t := range all[T](n) {
		b := any(t).(resource).base()
		if ok, _ := matches(filters, v.attrs(t), b.Tags); ok && wanted(ids, b.ID) { // the filters are known
			out = append(out, v.shape(t))
		}
	}
	return out, nil
}

func yes(b bool) []string { return []string{strconv.FormatBool(b)} }

func isTrue(b *bool) bool { return b != nil && *b }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
