// Package quota is the arithmetic of Kafka's client quotas: which limit holds
// for whom (KIP-13, KIP-546), how fast a client is (windows of samples, and a
// token bucket for what is created and deleted, KIP-599), and how long it is to
// be silent when it is too fast (KIP-219).
//
// kafka/metadata keeps the limits, kafka/listener measures clients against them
// and silences them. The package knows no clock: times are arguments. It keeps
// a bounded number of meters, which are lost at a restart, as Kafka's are.
package quota

import (
	"maps"
	"math"
	"net/netip"
	"time"
)

// Key names a quota as Kafka's tools do.
type Key string

// The quotas. All are rates, a second.
const (
	ProducerBytes   Key = "producer_byte_rate"       // bytes of Produce requests
	ConsumerBytes   Key = "consumer_byte_rate"       // bytes of Fetch answers
	RequestPercent  Key = "request_percentage"       // time of handling requests, of one processor
	Mutations       Key = "controller_mutation_rate" // partitions created and deleted
	ConnectionsByIP Key = "connection_creation_rate" // of an IP address
)

// Name is one part of an Entity: absent (the zero Name), everybody who has no
// quota of their own (Default), or one of that name (Of).
type Name struct {
	kind nameKind
	text string
}

type nameKind uint8

const (
	absent nameKind = iota
	byDefault
	named
)

// Default is everybody who has no quota of their own.
var Default = Name{kind: byDefault}

// Of is a name. Kafka has no quotas for the empty one.
func Of(text string) Name { return Name{named, text} }

// Given tells whether the part is there, IsDefault whether it is Default.
func (n Name) Given() bool { return n.kind != absent }

// IsDefault tells whether the name is Default.
func (n Name) IsDefault() bool { return n.kind == byDefault }

// String is the name, "" for Default.
func (n Name) String() string { return n.text }

// Entity is whom a quota is for: a user, a client id, both, or an IP address.
type Entity struct{ User, ClientID, IP Name }

// Limits is the quotas of a cluster. Nobody changes it while it is used.
type Limits map[Entity]map[Key]float64

// Clone copies the outer map: the inner ones are replaced, never changed.
func (l Limits) Clone() Limits { return maps.Clone(l) }

// Client is who sends a request.
type Client struct{ User, ID string }

// bucket is what is measured together: a client, or all clients of a user or
// with an id when the quota is for them.
type bucket struct {
	key  Key
	user string
	id   string
	ip   netip.Addr
}

// levels are the entities that may set a client's quota, most specific first,
// and what they measure together (Kafka ClientQuotaManager).
var levels = [...]struct {
	user, id   nameKind
	byUser, by bool // the bucket has the user, the client id
}{
	{named, named, true, true},
	{named, byDefault, true, true},
	{named, absent, true, false},
	{byDefault, named, true, true},
	{byDefault, byDefault, true, true},
	{byDefault, absent, true, false},
	{absent, named, false, true},
	{absent, byDefault, false, true},
}

// find is the limit that holds for a client, and the bucket it is for. A client
// without an id has only the quotas of its user.
func (l Limits) find(key Key, c Client) (bucket, float64, bool) {
	for _, level := range levels {
		if c.ID == "" && level.id != absent {
			continue
		}
		e := Entity{User: part(level.user, c.User), ClientID: part(level.id, c.ID)}
		limit, ok := l[e][key]
		if !ok {
			continue
		}
		b := bucket{key: key}
		if level.byUser {
			b.user = c.User
		}
		if level.by {
			b.id = c.ID
		}
		return b, limit, true
	}
	return bucket{}, math.Inf(1), false
}

func part(kind nameKind, text string) Name {
	if kind == named {
		return Of(text)
	}
	return Name{kind: kind}
}

// connections is the limit of an address.
func (l Limits) connections(ip netip.Addr) (float64, bool) {
	for _, name := range [...]Name{Of(ip.String()), Default} {
		if limit, ok := l[Entity{IP: name}][ConnectionsByIP]; ok {
			return limit, true
		}
	}
	return math.Inf(1), false
}

// Window is how a rate is measured: over Samples of a Size each, of which the
// last is being filled (quota.window.num, quota.window.size.seconds).
type Window struct {
	Samples int
	Size    time.Duration
}

// Rules are all limits of a cluster at one moment. They never change.
type Rules struct {
	Limits     Limits
	Clients    Window
	Controller Window
}
