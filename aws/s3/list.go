package s3

import (
	"strings"

	"github.com/millrace/millrace/store"
)

// ListQuery says what to list.
type ListQuery struct {
	Prefix, Delimiter string
	After             string // the last key or common prefix that was listed
	Max               int    // 0 to MaxKeys
}

// Listing is one page: objects and common prefixes, each in order.
type Listing struct {
	Objects  []Object
	Prefixes []string
	Next     string // what to pass as After; empty: it is all
}

// pageFew is how many documents are read at a time where most may be skipped.
const pageFew = 32

// last sorts behind every key that begins with what stands before it: it is not
// UTF-8.
const last = "\xff"

// list reads one page of the objects under a prefix of the index.
func list(tx *store.Tx, base string, q ListQuery) (out Listing, err error) {
	after := skipTo(q)
	for n := 0; n < q.Max; {
		limit := min(q.Max-n, store.MaxList)
		if q.Delimiter != "" {
			limit = min(limit, pageFew)
		}
		found, err := tx.List(base+q.Prefix, after.key(base), limit)
		if err != nil || len(found) == 0 {
			out.Next = ""
			return out, err
		}
		after = place{}
		for _, kv := range found {
			key := strings.TrimPrefix(kv.Key, base)
			if common, ok := q.common(key); ok {
				out.Prefixes = append(out.Prefixes, common)
				out.Next, after = common, place{common + last, true}
				n++
				break // the rest of the page is likely below it
			}
			o, err := decodeObject(kv)
			if err != nil {
				return out, err
			}
			o.Key = key
			out.Objects = append(out.Objects, o)
			out.Next, after = key, place{key, true}
			n++
		}
	}
	if q.Max == 0 {
		return out, nil
	}
	more, err := tx.List(base+q.Prefix, after.key(base), 1)
	if len(more) == 0 {
		out.Next = ""
	}
	return out, err
}

// place is where a listing goes on, if it has begun.
type place struct {
	at    string
	begun bool
}

func (p place) key(base string) string {
	if !p.begun {
		return ""
	}
	return base + p.at
}

// skipTo is the place behind After: behind everything below it, when it is a
// common prefix.
func skipTo(q ListQuery) place {
	if q.After == "" {
		return place{}
	}
	if common, ok := q.common(q.After); ok {
		return place{common + last, true}
	}
	return place{q.After, true}
}

// common is the common prefix that a key is rolled into.
func (q ListQuery) common(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, q.Prefix)
	if !ok || q.Delimiter == "" {
		return "", false
	}
	i := strings.Index(rest, q.Delimiter)
	if i < 0 {
		return "", false
	}
	return q.Prefix + rest[:i+len(q.Delimiter)], true
}
