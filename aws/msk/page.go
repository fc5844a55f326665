package msk

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

const (
	defaultPage = 100 // results of a list call that names no maxResults
	maxToken    = 1024
)

// pageToken makes the opaque token that continues a list after `last`. It is
// bound to the query, which must tell every member that changes the answer.
func pageToken(query []string, last string) string {
	return base64.RawURLEncoding.EncodeToString(append(queryMark(query), last...))
}

const markBytes = 12

func queryMark(query []string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(query, "\x00")))
	return sum[:markBytes]
}

// readToken answers where a list goes on; an empty token begins it.
func readToken(query []string, token string) (last string, err error) {
	if token == "" {
		return "", nil
	}
	raw, decodeErr := base64.RawURLEncoding.DecodeString(token)
	if len(token) > maxToken || decodeErr != nil || len(raw) <= markBytes || string(raw[:markBytes]) != string(queryMark(query)) {
		return "", badRequest("nextToken", "The nextToken is not valid for this request.") // UNVERIFIED wording
	}
	return string(raw[markBytes:]), nil
}

// page cuts a list that is held whole and sorted by key: what follows `last`, at most n.
func page[T any](all []T, key func(T) string, query []string, token string, n int) (items []T, next string, err error) {
	last, err := readToken(query, token)
	if err != nil {
		return nil, "", err
	}
	from := 0
	for last != "" && from < len(all) && key(all[from]) <= last {
		from++
	}
	items = all[from:min(from+n, len(all))]
	if from+n < len(all) {
		next = pageToken(query, key(items[len(items)-1]))
	}
	return items, next, nil
}
