package broker

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
)

// find resolves a partition named by topic name or, when byID, by topic id.
func (b *Broker) find(byID bool, name string, id [16]byte, index int32) (*partition.Partition, string, error) {
	img := b.cfg.Image()
	t := img.Topic(name)
	missing := kerr.UnknownTopicOrPartition
	if byID {
		t, missing = img.TopicByID(id), kerr.UnknownTopicID
	}
	if t == nil {
		return nil, name, missing
	}
	p, ok := b.cfg.Partitions.Get(t.ID, index)
	if !ok {
		return nil, t.Name, kerr.UnknownTopicOrPartition
	}
	return p, t.Name, nil
}

// metadataInternal reports whether clients may not write the topic.
func metadataInternal(name string) bool {
	return name == groupsTopic || name == transactionsTopic
}

type node struct {
	id   int32
	host string
	port int32
	rack *string
}

// nodeOn is a live broker as the clients of one listener see it.
func nodeOn(br *metadata.Broker, listenerName string) (node, bool) {
	if br.Fenced {
		return node{}, false
	}
	return endpointOn(br, listenerName)
}

// endpointOn is nodeOn for brokers that may be fenced.
func endpointOn(br *metadata.Broker, listenerName string) (node, bool) {
	e, ok := br.Listeners[listenerName]
	if listenerName == listener.Control {
		e, ok = metadata.Endpoint{Host: listener.Control, Port: br.ID}, true
	}
	if !ok {
		return node{}, false
	}
	n := node{id: br.ID, host: e.Host, port: e.Port}
	if br.Rack != "" {
		n.rack = &br.Rack
	}
	return n, true
}

// nodesOn lists the live brokers as the clients of one listener see them.
func nodesOn(img *metadata.Image, listenerName string) []node {
	var out []node
	for i := range img.Brokers {
		if n, ok := nodeOn(&img.Brokers[i], listenerName); ok {
			out = append(out, n)
		}
	}
	return out
}

// hints collects the leaders that KIP-951 adds to an answer.
type hints struct {
	listener string
	leaders  map[int32]bool
}

func newHints(listenerName string) *hints {
	return &hints{listener: listenerName, leaders: make(map[int32]bool)}
}

// leader is the partition's leader and its epoch, -1 where nobody leads or
// nobody knows the partition.
func (h *hints) leader(img *metadata.Image, name string, id [16]byte, index int32) (leader, epoch int32) {
	t := img.Topic(name)
	if name == "" {
		t = img.TopicByID(id)
	}
	if t == nil || index < 0 || int(index) >= len(t.Partitions) {
		return -1, -1
	}
	p := t.Partitions[index]
	if p.Leader >= 0 {
		h.leaders[p.Leader] = true
	}
	return p.Leader, p.LeaderEpoch
}

func (h *hints) nodes(img *metadata.Image) []node {
	var out []node
	for _, id := range slices.SortedFunc(maps.Keys(h.leaders), cmp.Compare) {
		for _, n := range nodesOn(img, h.listener) {
			if n.id == id {
				out = append(out, n)
			}
		}
	}
	return out
}
