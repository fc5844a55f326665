package group_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// setTopics makes an image of topics "name:partitions", or "name:partitions#n"
// of one that has been made n times.
func (l *lab) setTopics(specs ...string) {
	if l.names == nil {
		l.names = make(map[[16]byte]string)
	}
	var list []group.Topic
	for _, spec := range specs {
		spec, again, _ := strings.Cut(spec, "#")
		name, partitions, _ := strings.Cut(spec, ":")
		t := group.Topic{Name: name, Partitions: int32(atoi(partitions))}
		copy(t.ID[:], name+"#"+again)
		l.names[t.ID] = name
		list = append(list, t)
	}
	l.topics = group.NewTopics(l.topics, list)
}

// tell decides a request that is not a client's.
func (l *lab) tell(r any) {
	d := l.core.Decide(l.now, 0, r)
	d.Replies = nil
	l.take(d, 0)
}

// topicID is that of setTopics: of "t", or "t@2" for the second one.
func topicID(name string) (id [16]byte) {
	name, again, _ := strings.Cut(name, "@")
	copy(id[:], name+"#"+again)
	return id
}

// consumerRequest is a ConsumerGroupHeartbeat. The first one has everything;
// others have what is given.
func consumerRequest(g string, a args) kmsg.Request {
	r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.MemberEpoch = int16(a.num("v", 1)), g, a["member"], int32(a.num("epoch", 0))
	r.InstanceID, r.RackID, r.ServerAssignor = a.opt("instance"), a.opt("rack"), a.opt("assignor")
	r.SubscribedTopicRegex = a.opt("pattern")
	_, named := a["names"]
	_, owned := a["owned"]
	if named {
		r.SubscribedTopicNames = append([]string{}, a.list("names")...)
	} else if r.MemberEpoch == 0 && r.SubscribedTopicRegex == nil {
		r.SubscribedTopicNames = []string{"t"}
	}
	if r.MemberEpoch == 0 || a["rebalance"] != "" {
		r.RebalanceTimeoutMillis = a.ms("rebalance", 60e9)
	}
	if r.MemberEpoch == 0 || owned {
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	if n := a.num("large", 0); n > 0 {
		r.SubscribedTopicNames = []string{strings.Repeat("x", n)}
	}
	topics, parts := topicPartitions(a.list("owned"))
	for _, t := range topics {
		rt := kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: topicID(t)}
		for _, p := range parts[t] {
			rt.Partitions = append(rt.Partitions, int32(atoi(p)))
		}
		r.Topics = append(r.Topics, rt)
	}
	for _, null := range a.list("null") {
		switch null {
		case "owned":
			r.Topics = nil
		case "names":
			r.SubscribedTopicNames = nil
		case "rebalance":
			r.RebalanceTimeoutMillis = -1
		}
	}
	return r
}

// consumerAssignment is "t-0+t-1" in the consumers' embedded protocol.
func consumerAssignment(s string) []byte {
	out := kmsg.NewConsumerMemberAssignment()
	topics, parts := topicPartitions(strings.Split(s, "+"))
	for _, t := range topics {
		at := kmsg.ConsumerMemberAssignmentTopic{Topic: t}
		for _, p := range parts[t] {
			at.Partitions = append(at.Partitions, int32(atoi(p)))
		}
		out.Topics = append(out.Topics, at)
	}
	return out.AppendTo(nil)
}

// showAssignment shows an assignment that is a consumer's in words.
func showAssignment(b []byte) string {
	var a kmsg.ConsumerMemberAssignment
	if len(b) < 10 || a.ReadFrom(b) != nil {
		return fmt.Sprintf("%q", b)
	}
	var out []string
	for _, t := range a.Topics {
		out = append(out, fmt.Sprintf("%s%v", t.Topic, t.Partitions))
	}
	return "<" + strings.Join(out, " ") + ">"
}

func subscriptionOwning(topics, owned []string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics = 1, topics
	names, parts := topicPartitions(owned)
	for _, t := range names {
		o := kmsg.ConsumerMemberMetadataOwnedPartition{Topic: t}
		for _, p := range parts[t] {
			o.Partitions = append(o.Partitions, int32(atoi(p)))
		}
		m.OwnedPartitions = append(m.OwnedPartitions, o)
	}
	return m.AppendTo(nil)
}

func (l *lab) showConsumer(resp kmsg.Response) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch r := resp.(type) {
	case *group.Heartbeat:
		add("hb %s", name(r.ErrorCode))
		if r.ErrorCode != 0 {
			add("(%s)", str(r.ErrorMessage))
			break
		}
		add("member=%s epoch=%d", str(r.MemberID), r.MemberEpoch)
		if r.Assignment != nil {
			add("assigned=%s", l.showTopics(r.Assignment.Topics))
		}
		if r.Resolve != nil {
			add("resolve!")
		}
	case *kmsg.ConsumerGroupDescribeResponse:
		for _, g := range r.Groups {
			add("%q %s", g.Group, name(g.ErrorCode))
			if g.ErrorCode != 0 {
				add("(%s)", str(g.ErrorMessage))
				continue
			}
			add("%s epoch=%d/%d %s", g.State, g.Epoch, g.AssignmentEpoch, g.AssignorName)
			for _, m := range g.Members {
				add("| %s/%s epoch=%d type=%d", m.MemberID, str(m.InstanceID), m.MemberEpoch, m.MemberType)
				add("%s%v", str(m.SubscribedTopicRegex), m.SubscribedTopics)
				add("%s target %s", showNamed(m.Assignment), showNamed(m.TargetAssignment))
			}
		}
	}
	return strings.Join(out, " ")
}

func showNamed(a kmsg.Assignment) string {
	var out []string
	for _, t := range a.TopicPartitions {
		out = append(out, fmt.Sprintf("%s%v", t.Topic, t.Partitions))
	}
	return "{" + strings.Join(out, " ") + "}"
}

func (l *lab) showTopics(list []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic) string {
	var out []string
	for _, t := range list {
		out = append(out, fmt.Sprintf("%s%v", l.names[t.TopicID], t.Partitions))
	}
	return "{" + strings.Join(out, " ") + "}"
}

// flexible reads the records by Kafka's schemas, beside the core's own decoder.
type flexible struct{ in []byte }

func (f *flexible) take(n int) []byte {
	out := f.in[:n]
	f.in = f.in[n:]
	return out
}

func (f *flexible) int8() int8   { return int8(f.take(1)[0]) }
func (f *flexible) int32() int32 { return int32(binary.BigEndian.Uint32(f.take(4))) }
func (f *flexible) count() int {
	v, n := binary.Uvarint(f.in)
	f.take(n)
	return int(v)
}

func (f *flexible) string() string {
	n := f.count() - 1
	if n < 0 {
		return "null"
	}
	return string(f.take(n))
}

func (f *flexible) strings() (out []string) {
	for range f.count() - 1 {
		out = append(out, f.string())
	}
	return out
}

func (f *flexible) assignment(l *lab) string {
	var out []string
	for range f.count() - 1 {
		id := [16]byte(f.take(16))
		var partitions []int32
		for range f.count() - 1 {
			partitions = append(partitions, f.int32())
		}
		f.count() // no tags
		out = append(out, fmt.Sprintf("%s%v", l.names[id], partitions))
	}
	slices.Sort(out)
	return "{" + strings.Join(out, " ") + "}"
}

func (l *lab) showConsumerRecord(r statemachine.Record) string {
	var names []string
	for k := r.Key[2:]; len(k) > 0; {
		n := int(binary.BigEndian.Uint16(k))
		names, k = append(names, string(k[2:2+n])), k[2+n:]
	}
	kind := map[byte]string{3: "epoch", 5: "member", 6: "target-epoch", 7: "target", 8: "current", 16: "pattern"}[r.Key[1]]
	out := kind + " " + strings.Join(names, " ")
	if r.Value == nil {
		return out + " removed"
	}
	f := &flexible{r.Value}
	f.take(2)
	switch kind {
	case "epoch", "target-epoch":
		return fmt.Sprintf("%s = %d", out, f.int32())
	case "member":
		out += fmt.Sprintf(" instance=%s rack=%s", f.string(), f.string())
		f.string()
		f.string()
		names := f.strings()
		for i := range names {
			names[i] = cut(names[i])
		}
		out += fmt.Sprintf(" names=%v pattern=%s", names, f.string())
		out += fmt.Sprintf(" rebalance=%d assignor=%s", f.int32(), f.string())
		if f.count() == 1 {
			out += " classic"
		}
		return out
	case "target":
		return out + " = " + f.assignment(l)
	case "current":
		out += fmt.Sprintf(" epoch=%d/%d state=%d", f.int32(), f.int32(), f.int8())
		out += " assigned=" + f.assignment(l)
		return out + " revoking=" + f.assignment(l)
	}
	return fmt.Sprintf("%s = %v", out, f.strings())
}
