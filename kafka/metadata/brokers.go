package metadata

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// ChangeBrokers changes which brokers there are while they run: brokers of Set
// take the place of those with their ids, fenced if those are, or are new;
// brokers of Remove are gone, and replicas of internal topics that they held
// are with others. The reply is nil, or a *HeldError that nothing was changed.
type ChangeBrokers struct {
	Set      []Broker
	Remove   []int32
	Features []Feature // what the brokers support from now on; nil is as before
	Release  int       // line of Kafka whose configs they have from now on; 0 is as before
}

// HeldError says that a broker cannot be removed since it holds a partition
// that only clients may move.
type HeldError struct {
	Broker    int32
	Topic     string
	Partition int32
}

// Error names the partition.
func (e *HeldError) Error() string {
	return fmt.Sprintf("broker %d holds a replica of %s-%d", e.Broker, e.Topic, e.Partition)
}

func (d *decision) changeBrokers(r ChangeBrokers) error {
	gone := func(id int32) bool { return slices.Contains(r.Remove, id) }
	if err := d.image.held(gone, false); err != nil {
		return err
	}
	brokers := slices.Clone(d.image.Brokers)
	for _, b := range r.Set {
		at := slices.IndexFunc(brokers, func(o Broker) bool { return o.ID == b.ID })
		if at < 0 {
			brokers = append(brokers, b)
			continue
		}
		b.Fenced = brokers[at].Fenced
		brokers[at] = b
	}
	d.registerBrokers(brokers, r.Features, release(r.Release))
	if len(r.Remove) == 0 {
		return nil
	}
	d.evacuate(gone)
	if err := d.image.held(gone, true); err != nil { // too few others are alive
		d.records, d.image = nil, d.core.image
		return err
	}
	d.registerBrokers(slices.DeleteFunc(brokers, func(b Broker) bool { return gone(b.ID) }), nil, 0)
	return nil
}

// changed is a reply: no error is nil, and not an error that is nil.
func changed(err error) any {
	if err == nil {
		return nil
	}
	return err
}

// held finds a replica on a broker that is to go.
func (i *Image) held(gone func(int32) bool, internal bool) error {
	for _, t := range i.sorted {
		if t.Internal != internal {
			continue
		}
		for n, p := range t.Partitions {
			if at := slices.IndexFunc(p.Replicas, gone); at >= 0 {
				return &HeldError{p.Replicas[at], t.Name, int32(n)}
			}
		}
	}
	return nil
}

// evacuate moves the replicas of internal topics from brokers that are to go.
func (d *decision) evacuate(gone func(int32) bool) {
	for _, t := range slices.Clone(d.image.sorted) { // setPartitions writes to sorted
		if !t.Internal {
			continue
		}
		var next []Partition
		for n, p := range t.Partitions {
			if !slices.ContainsFunc(p.Replicas, gone) {
				continue
			}
			moved := p
			target := d.image.elsewhere(p.Replicas, n, gone)
			moved.Removing = slices.Sorted(slices.Values(without(p.Replicas, target)))
			moved.Adding = slices.Sorted(slices.Values(without(target, p.Replicas)))
			moved.Replicas = slices.Concat(target, moved.Removing)
			moved.complete()
			if moved, changed := d.image.reassigned(p, moved, false); changed {
				if next == nil {
					next = slices.Clone(t.Partitions)
				}
				next[n] = moved
			}
		}
		d.setPartitions(t, next)
	}
	for d.image.advances() { // each time, some reassignment ends
		d.advance()
	}
}

// elsewhere is the replicas of a partition with others in the place of those
// that are to go, in racks of their own while there are enough.
func (i *Image) elsewhere(replicas []int32, partition int, gone func(int32) bool) (target []int32) {
	others := only(i.byRack(), func(id int32) bool { return i.alive(id) && !gone(id) && !slices.Contains(replicas, id) })
	racks := map[string]bool{}
	for _, id := range without(replicas, only(replicas, gone)) {
		if b := i.Broker(id); b != nil {
			racks[b.Rack] = true
		}
	}
	for _, id := range replicas {
		if !gone(id) {
			target = append(target, id)
			continue
		}
		if len(others) == 0 {
			continue // fewer replicas rather than none at all
		}
		start := partition % len(others)
		turned := slices.Concat(others[start:], others[:start])
		pick := max(0, slices.IndexFunc(turned, func(id int32) bool { return !racks[i.Broker(id).Rack] }))
		racks[i.Broker(turned[pick]).Rack] = true
		target = append(target, turned[pick])
		others = without(others, turned[pick:pick+1])
	}
	return target
}

// staticOf is the server.properties of a broker, or of the controller, which
// what all brokers share is read from, when the name is empty.
func (i *Image) staticOf(broker string) map[string]string {
	id := i.ControllerID
	if n, err := strconv.ParseInt(broker, 10, 32); err == nil {
		id = int32(n)
	}
	if b := i.Broker(id); b != nil && b.Static != nil {
		return b.Static
	}
	return i.static
}

// withOwnStatic lists the brokers whose server.properties are not those that all
// share: while a change goes through a cluster broker by broker.
func (i *Image) withOwnStatic() (ids []int32) {
	shared := i.staticOf("")
	for _, b := range i.Brokers {
		if b.Static != nil && !maps.Equal(b.Static, shared) {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// StaticValue is a value in the server.properties that all brokers share, "" if
// it is not there.
func (i *Image) StaticValue(name string) string { return i.staticOf("")[name] }

// Release is the line of Kafka whose configs the brokers have, 309 for 3.9.
func (i *Image) Release() int { return int(i.release) }

// Holding is how many replicas a broker holds.
type Holding struct {
	All       int
	OfClients int // of topics that are not internal
	OutOfSync int // not in the ISR
}

// Replicas counts the replicas of every broker, by id.
func (i *Image) Replicas() map[int32]Holding {
	all := map[int32]Holding{}
	for _, b := range i.Brokers {
		all[b.ID] = Holding{}
	}
	for _, t := range i.sorted {
		for _, p := range t.Partitions {
			for _, id := range p.Replicas {
				h := all[id]
				h.All++
				if !t.Internal {
					h.OfClients++
				}
				if !slices.Contains(p.ISR, id) {
					h.OutOfSync++
				}
				all[id] = h
			}
		}
	}
	return all
}
