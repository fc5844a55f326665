package metadata

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FenceBroker takes a broker out: others lead its partitions and it leaves
// their ISRs. The reply is an error or nil: BROKER_ID_NOT_REGISTERED.
type FenceBroker struct{ ID int32 }

// UnfenceBroker brings a fenced broker back: it joins the ISRs of its
// partitions, and leads those that nobody leads. It gets its other partitions
// back by an election. The reply is as that of FenceBroker.
type UnfenceBroker struct{ ID int32 }

func (d *decision) fence(id int32, fenced bool) error {
	b := d.image.Broker(id)
	switch {
	case b == nil:
		return fail(kerr.BrokerIDNotRegistered, "Broker %d is not registered.", id)
	case b.Fenced == fenced:
		return nil
	}
	brokers := slices.Clone(d.image.Brokers)
	for i := range brokers {
		if brokers[i].ID == id {
			brokers[i].Fenced = fenced
		}
	}
	d.registerBrokers(brokers, nil, 0)
	return nil
}

func (d *decision) registerBrokers(brokers []Broker, supported []Feature, line release) {
	if supported == nil {
		supported = d.image.supported
	}
	d.add(brokersKey, brokersEvent{Format: eventFormat, Brokers: brokers, Features: supported, Release: cmp.Or(line, d.image.release)})
	d.settle()
}

// alive reports whether a broker is registered and not fenced.
func (i *Image) alive(id int32) bool {
	b := i.Broker(id)
	return b != nil && !b.Fenced
}

// settle makes every partition what the brokers that are alive allow.
func (d *decision) settle() {
	for _, t := range slices.Clone(d.image.sorted) { // setTopic writes to sorted
		var next []Partition
		unclean := d.image.uncleanElection(t)
		for i := range t.Partitions {
			p, changed := d.image.settled(t.Partitions[i], unclean)
			if changed && next == nil {
				next = slices.Clone(t.Partitions)
			}
			if changed {
				next[i] = p
			}
		}
		if next != nil {
			settled := *t
			settled.Partitions = next
			d.setTopic(&settled)
		}
	}
}

// settled is a partition without the replicas that are gone and with those
// that came back: a logical broker has caught up at once. The ISR never becomes
// empty, since its last members alone have everything; others may lead
// only by an unclean election. An ISR that shrinks does not raise the leader
// epoch (KAFKA-15021).
func (i *Image) settled(p Partition, unclean bool) (next Partition, changed bool) {
	isr := only(p.ISR, i.alive)
	if len(isr) == 0 {
		isr = slices.Clone(p.ISR)
	}
	leader := p.Leader
	if !i.alive(leader) {
		leader = first(p.Replicas, func(id int32) bool { return i.alive(id) && slices.Contains(isr, id) })
	}
	if leader < 0 && unclean {
		if leader = first(p.Replicas, i.alive); leader >= 0 {
			isr = []int32{leader}
		}
	}
	if leader >= 0 {
		for _, id := range p.Replicas {
			if i.alive(id) && !slices.Contains(isr, id) {
				isr = append(isr, id)
			}
		}
	}
	return p.with(leader, isr)
}

// with is the partition under a leader and with an ISR; the epochs say what
// changed.
func (p Partition) with(leader int32, isr []int32) (next Partition, changed bool) {
	moved := leader != p.Leader
	if !moved && slices.Equal(isr, p.ISR) {
		return p, false
	}
	next = p
	next.Leader, next.ISR = leader, isr
	next.PartitionEpoch++
	if moved {
		next.LeaderEpoch++
	}
	return next, true
}

func only(ids []int32, keep func(int32) bool) []int32 {
	return slices.DeleteFunc(slices.Clone(ids), func(id int32) bool { return !keep(id) })
}

// first finds the first id that is right, or -1.
func first(ids []int32, right func(int32) bool) int32 {
	if i := slices.IndexFunc(ids, right); i >= 0 {
		return ids[i]
	}
	return -1
}

// Election types of ElectLeaders (KIP-460).
const (
	electPreferred = 0
	electUnclean   = 1
)

// electLeaders moves leaders to the preferred replicas, or to any replica where
// nobody leads. A request for all partitions is answered with all topics, and of
// them the partitions that needed an election.
func (d *decision) electLeaders(r *kmsg.ElectLeadersRequest) *kmsg.ElectLeadersResponse {
	resp := r.ResponseKind().(*kmsg.ElectLeadersResponse)
	resp.Topics = []kmsg.ElectLeadersResponseTopic{}
	if kind := int8(r.ElectionType); kind != electPreferred && kind != electUnclean {
		return unknownElection(r, resp)
	}
	topics, all := r.Topics, r.Topics == nil
	if all {
		for _, t := range d.image.sorted {
			in := kmsg.ElectLeadersRequestTopic{Topic: t.Name}
			for i := range t.Partitions {
				in.Partitions = append(in.Partitions, int32(i))
			}
			topics = append(topics, in)
		}
	}
	for i := range topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = topics[i].Topic
		out.Partitions = d.electIn(topics[i], int8(r.ElectionType), all)
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// unknownElection refuses a whole request; before version 1 an answer has no
// error of its own.
func unknownElection(r *kmsg.ElectLeadersRequest, resp *kmsg.ElectLeadersResponse) *kmsg.ElectLeadersResponse {
	if r.Topics != nil && len(r.Topics) == 0 {
		return resp // nothing is elected, in whatever way
	}
	code, text := wire(fail(kerr.InvalidRequest, "Unknown election type %d", int8(r.ElectionType)))
	resp.ErrorCode = code
	for _, t := range r.Topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			out.Partitions = append(out.Partitions, kmsg.ElectLeadersResponseTopicPartition{Partition: p, ErrorCode: code, ErrorMessage: text})
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (d *decision) electIn(in kmsg.ElectLeadersRequestTopic, kind int8, all bool) (results []kmsg.ElectLeadersResponseTopicPartition) {
	results = []kmsg.ElectLeadersResponseTopicPartition{}
	t := d.image.Topic(in.Topic)
	var next []Partition
	if t != nil {
		next = slices.Clone(t.Partitions)
	}
	changed := false
	for _, index := range in.Partitions {
		out := kmsg.NewElectLeadersResponseTopicPartition()
		out.Partition = index
		var err error
		switch {
		case t == nil:
			err = fail(kerr.UnknownTopicOrPartition, "No such topic as %s", in.Topic)
		case index < 0 || int(index) >= len(next):
			err = fail(kerr.UnknownTopicOrPartition, "No such partition as %s-%d", in.Topic, index)
		default:
			next[index], err = d.image.elect(next[index], kind)
			changed = changed || err == nil
		}
		out.ErrorCode, out.ErrorMessage = wire(err)
		if !all || out.ErrorCode != kerr.ElectionNotNeeded.Code {
			results = append(results, out)
		}
	}
	if changed {
		elected := *t
		elected.Partitions = next
		d.setTopic(&elected)
	}
	return results
}

func (i *Image) elect(p Partition, kind int8) (Partition, error) {
	switch kind {
	case electPreferred:
		preferred := p.Replicas[0]
		if p.Leader == preferred {
			return p, fail(kerr.ElectionNotNeeded, "Leader election not needed for topic partition.")
		}
		if !i.alive(preferred) || !slices.Contains(p.ISR, preferred) {
			return p, fail(kerr.PreferredLeaderNotAvailable, "The preferred leader was not available.")
		}
		next, _ := p.with(preferred, p.ISR)
		return next, nil
	case electUnclean:
		if p.Leader >= 0 {
			return p, fail(kerr.ElectionNotNeeded, "Leader election not needed for topic partition.")
		}
		next, changed := i.settled(p, true)
		if !changed {
			return p, fail(kerr.EligibleLeadersNotAvailable, "Eligible topic partition leaders are not available.")
		}
		return next, nil
	}
	panic("metadata: an unknown election type passed the check")
}
