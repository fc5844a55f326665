package ec2

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// Service serves the EC2 operations that show the default network. Its methods
// may be called concurrently.
type Service struct{}

var _ ec2.Service = (*Service)(nil)

// New returns the service.
func New() *Service { return &Service{} }

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
// values. Nothing has tags here. A filter that the service does not know is an
// error, as on AWS.
func matches(filters []ec2.Filter, a attributes) (bool, *model.Error) {
	all := true
	for _, f := range filters {
		if f.Name == nil {
			return false, problem("MissingParameter", "The request must contain the parameter Filter.Name")
		}
		have, known := a[*f.Name]
		if !known && *f.Name != "tag-key" && !strings.HasPrefix(*f.Name, "tag:") {
			return false, problem("InvalidParameterValue", "The filter '%s' is invalid", *f.Name)
		}
		all = all && slices.ContainsFunc(f.Values, func(want string) bool {
			return slices.ContainsFunc(have, func(v string) bool { return wildcard(want, v) })
		})
	}
	return all, nil
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

// checkIDs says whether every id asked for exists.
func checkIDs(ids, exist []string, code, kind string) *model.Error {
	for _, id := range ids {
		if !slices.Contains(exist, id) {
			return problem(code, "The %s ID '%s' does not exist", kind, id)
		}
	}
	return nil
}

func wanted(ids []string, id string) bool { return len(ids) == 0 || slices.Contains(ids, id) }
