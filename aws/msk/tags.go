package msk

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of tags, in characters. (aws:kafka TagResource)
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagShape = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_./=+@:-]*$`)

// checkTags checks a whole set of tags; UNVERIFIED wordings.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return badRequest("tags", "A resource can have at most %d tags.", maxTags)
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		v := tags[k]
		switch n := utf8.RuneCountInString(k); {
		case n == 0 || n > maxTagKey || !tagShape.MatchString(k):
			return badRequest("tags", "The tag key '%s' is not valid: it has 1 to %d letters, digits, spaces and _ . : / = + - @.", k, maxTagKey)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return badRequest("tags", "The tag key '%s' is not valid: keys that begin with aws: are reserved.", k)
		case utf8.RuneCountInString(v) > maxTagValue || !tagShape.MatchString(v):
			return badRequest("tags", "The value of the tag '%s' is not valid: it has at most %d letters, digits, spaces and _ . : / = + - @.", k, maxTagValue)
		}
	}
	return nil
}
