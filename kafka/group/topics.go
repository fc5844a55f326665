package group

import (
	"maps"
	"slices"
)

// Topic is what groups need to know of a topic.
type Topic struct {
	Name       string
	ID         [16]byte
	Partitions int32
}

// Topics is the topics of one metadata image. It never changes and may be read
// concurrently. A nil Topics has none.
type Topics struct {
	byName  map[string]Topic
	byID    map[[16]byte]string
	version int64 // grows with every image
	created int64 // grows with every image that has a topic which the one before had not
}

// NewTopics makes the topics of an image that follows before, which may be nil,
// and is returned when they are the same.
func NewTopics(before *Topics, list []Topic) *Topics {
	if before.same(list) {
		return before
	}
	t := &Topics{byName: make(map[string]Topic, len(list)), byID: make(map[[16]byte]string, len(list))}
	for _, topic := range list {
		t.byName[topic.Name], t.byID[topic.ID] = topic, topic.Name
	}
	if before != nil {
		t.version, t.created = before.version+1, before.created
	}
	for _, topic := range list {
		if before == nil || before.byName[topic.Name].ID != topic.ID {
			t.created++
			break
		}
	}
	return t
}

func (t *Topics) same(list []Topic) bool {
	if t == nil || len(list) != len(t.byName) {
		return false
	}
	for _, topic := range list {
		if t.byName[topic.Name] != topic {
			return false
		}
	}
	return true
}

// Has reports whether there is a topic of that name.
func (t *Topics) Has(name string) bool {
	_, ok := t.named(name)
	return ok
}

func (t *Topics) named(name string) (Topic, bool) {
	if t == nil {
		return Topic{}, false
	}
	topic, ok := t.byName[name]
	return topic, ok
}

func (t *Topics) name(id [16]byte) (string, bool) {
	if t == nil {
		return "", false
	}
	name, ok := t.byID[id]
	return name, ok
}

// names is all names, sorted.
func (t *Topics) names() []string {
	if t == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.byName))
}
