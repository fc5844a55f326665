package metadata

import (
	"iter"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// release is a line of Kafka's as a number, major and minor: 309 is 3.9.
type release int

// Lines in which configs came, went or changed their defaults.
const (
	k28 release = 208
	k34 release = 304
	k35 release = 305
	k36 release = 306
	k37 release = 307
	k38 release = 308
	k39 release = 309
	k40 release = 400
	k41 release = 401

	newest = k41
)

// has reports whether a config is one of the line's.
func (r release) has(c config) bool { return c.since <= r && (c.last == 0 || r <= c.last) }

// find is the line's config of a name, in a table sorted by name.
func (r release) find(table []config, name string) (config, bool) {
	i, _ := slices.BinarySearchFunc(table, name, func(c config, name string) int { return strings.Compare(c.name, name) })
	for ; i < len(table) && table[i].name == name; i++ {
		if r.has(table[i]) {
			return table[i], true
		}
	}
	return config{}, false
}

// of yields the line's configs, by name.
func (r release) of(table []config) iter.Seq[config] {
	return func(yield func(config) bool) {
		for _, c := range table {
			if r.has(c) && !yield(c) {
				return
			}
		}
	}
}

// knows reports whether the line has configs of a kind of resource.
func (r release) knows(kind kmsg.ConfigResourceType) bool {
	switch kind {
	case kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
		return true
	case kmsg.ConfigResourceTypeClientMetrics: // KIP-714
		return r >= k37
	case kmsg.ConfigResourceTypeGroupConfig: // KIP-848
		return r >= k40
	}
	return false
}
