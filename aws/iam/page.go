package iam

import (
	"encoding/base64"
	"strings"
)

// pages of lists: "MaxItems" and "Marker" in the IAM API reference.
const defaultItems = 100

// page is the part of a list that a call asks for. key orders the list, which
// is sorted by it; a marker is the key of the last item of the page before.
type page[T any] struct {
	items     []T
	truncated bool
	marker    *string
}

func paged[T any](all []T, marker *string, maxItems *int32, key func(T) string) (page[T], error) {
	if marker != nil {
		after, err := base64.RawURLEncoding.DecodeString(*marker)
		if err != nil {
			return page[T]{}, validation("Invalid Marker.")
		}
		i := 0
		for i < len(all) && key(all[i]) <= string(after) {
			i++
		}
		all = all[i:]
	}
	limit := defaultItems
	if maxItems != nil {
		limit = int(*maxItems)
	}
	p := page[T]{items: all}
	if len(all) > limit {
		last := base64.RawURLEncoding.EncodeToString([]byte(key(all[limit-1])))
		p.items, p.truncated, p.marker = all[:limit], true, &last
	}
	return p, nil
}

// under keeps what has a path below prefix.
func under[T named](all []T, prefix *string) []T {
	if prefix == nil {
		return all
	}
	var out []T
	for _, item := range all {
		if strings.HasPrefix(item.theHead().Path, *prefix) {
			out = append(out, item)
		}
	}
	return out
}

// order is how lists of documents are sorted.
func order[T named](item T) string { return strings.ToLower(item.theHead().Name) }

func same(s string) string { return s }
