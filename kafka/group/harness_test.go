package group_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// lab drives a core as a statemachine.Machine does, with a clock of its own,
// and keeps its log.
type lab struct {
	params group.Params
	core   *group.Core
	now    time.Time
	log    []logged
	ticket statemachine.Ticket
	out    strings.Builder

	replies []statemachine.Reply
	seen    int // of replies

	verification group.Verification // the last that was asked for
	topics       *group.Topics
	names        map[[16]byte]string // of all topics there have been
	resolve      *group.Resolve      // the last one asked for
	session      time.Duration       // of the consumer group; zero is the default
}

type logged struct {
	statemachine.Record
	at time.Time
}

func newLab(p group.Params) *lab {
	l := &lab{params: p, core: group.New(p), now: time.UnixMilli(1_700_000_000_000)}
	l.core.Loaded(l.now)
	return l
}

// do decides one request and returns its reply, nil while it is parked. Its
// number is the ticket; the member id it may get ends with it.
func (l *lab) do(msg kmsg.Request) kmsg.Response {
	l.ticket++
	mine := l.ticket
	r := group.Request{Client: "c", Host: "/127.0.0.1", FreshID: strconv.Itoa(int(mine)), Msg: msg, Topics: l.topics, Session: l.session, Verification: l.verification}
	return l.take(l.core.Decide(l.now, mine, r), mine)
}

func (l *lab) take(d statemachine.Decision, mine statemachine.Ticket) (own kmsg.Response) {
	for _, r := range d.Records {
		l.core.Apply(r, l.now)
		l.log = append(l.log, logged{r, l.now})
		fmt.Fprintf(&l.out, "record: %s%s\n", l.showRecord(r), showTransaction(r.Transaction))
	}
	l.replies = append(l.replies, d.Replies...)
	for _, r := range d.Replies {
		resp, ok := r.Value.(kmsg.Response)
		if !ok {
			fmt.Fprintf(&l.out, "#%d: %s\n", r.To, l.showOther(r.Value))
			continue
		}
		if r.To == mine {
			own = resp
		}
		if hb, ok := resp.(*group.Heartbeat); ok && hb.Resolve != nil {
			l.resolve = hb.Resolve
		}
		fmt.Fprintf(&l.out, "#%d: %s\n", r.To, l.show(resp))
	}
	return own
}

// sleep lets time pass, deadline by deadline.
func (l *lab) sleep(t testing.TB, d time.Duration) {
	end := l.now.Add(d)
	for n := 0; ; n++ {
		at := l.core.Deadline()
		if at.IsZero() || at.After(end) {
			break
		}
		if n > 100_000 {
			t.Fatalf("the deadline does not move: %v", at)
		}
		if at.After(l.now) {
			l.now = at
		}
		from := l.out.Len()
		l.take(l.core.Expire(l.now), 0)
		if text := l.out.String(); len(text) > from {
			l.out.Reset()
			fmt.Fprintf(&l.out, "%sat +%v\n%s", text[:from], d-end.Sub(l.now), text[from:])
		}
	}
	l.now = end
}

// replayed is a new core over the log.
func (l *lab) replayed() *group.Core {
	c := group.New(l.params)
	for _, r := range l.log {
		c.Apply(r.Record, r.at)
	}
	c.Loaded(l.now)
	return c
}

// ask reads from a core.
func ask[R kmsg.Response](l *lab, c *group.Core, msg kmsg.Request) R {
	d := c.Decide(l.now, 0, group.Request{Msg: msg, Topics: l.topics})
	return d.Replies[0].Value.(R)
}

// checkReplay compares what is remembered with what a replay would give: all
// offsets, and the groups that are not in the course of a rebalance.
func (l *lab) checkReplay(t testing.TB) {
	t.Helper()
	again := l.replayed()
	ids := map[string]bool{}
	for _, c := range []*group.Core{l.core, again} {
		for _, g := range ask[*kmsg.ListGroupsResponse](l, c, kmsg.NewPtrListGroupsRequest()).Groups {
			ids[g.Group] = true
		}
	}
	for id := range ids {
		fetch := kmsg.NewPtrOffsetFetchRequest()
		fetch.Version, fetch.Group, fetch.RequireStable = 7, id, true
		live, replay := ask[*kmsg.OffsetFetchResponse](l, l.core, fetch), ask[*kmsg.OffsetFetchResponse](l, again, fetch)
		if !reflect.DeepEqual(live, replay) {
			t.Fatalf("offsets of %s: live %s, replayed %s", id, l.show(live), l.show(replay))
		}
		describe := kmsg.NewPtrDescribeGroupsRequest()
		describe.Groups = []string{id}
		was, is := ask[*kmsg.DescribeGroupsResponse](l, l.core, describe), ask[*kmsg.DescribeGroupsResponse](l, again, describe)
		g := was.Groups[0]
		unrecorded := g.State == "Empty" && g.ProtocolType == "" && len(live.Topics) == 0
		if (g.State == "Empty" && !unrecorded || g.State == "Stable" || g.State == "Dead") && !reflect.DeepEqual(was, is) {
			t.Fatalf("group %s: live %s, replayed %s", id, l.show(was), l.show(is))
		}
		consumers := kmsg.NewPtrConsumerGroupDescribeRequest()
		consumers.Version, consumers.Groups = 1, []string{id}
		now, then := ask[*kmsg.ConsumerGroupDescribeResponse](l, l.core, consumers), ask[*kmsg.ConsumerGroupDescribeResponse](l, again, consumers)
		if now.Groups[0].ErrorCode != 0 && then.Groups[0].ErrorCode != 0 {
			continue // classic, or not recorded yet
		}
		if !reflect.DeepEqual(now, then) {
			t.Fatalf("group %s: live %s, replayed %s", id, l.show(now), l.show(then))
		}
	}
}

func name(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kerr.TypedErrorForCode(code).Message
}

func str(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func (l *lab) showRecord(r statemachine.Record) string {
	if r.Key == nil {
		return "marker"
	}
	if r.Key[1] > 2 {
		return l.showConsumerRecord(r)
	}
	var ok kmsg.OffsetCommitKey
	if r.Key[1] == 1 && ok.ReadFrom(r.Key) == nil {
		key := fmt.Sprintf("offset %s %s-%d", ok.Group, ok.Topic, ok.Partition)
		var v kmsg.OffsetCommitValue
		if r.Value == nil {
			return key + " removed"
		}
		if err := v.ReadFrom(r.Value); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%s = %d v%d", key, v.Offset, v.Version)
	}
	var gk kmsg.GroupMetadataKey
	if err := gk.ReadFrom(r.Key); err != nil {
		return err.Error()
	}
	if r.Value == nil {
		return "group " + gk.Group + " removed"
	}
	var v kmsg.GroupMetadataValue
	if err := v.ReadFrom(r.Value); err != nil {
		return err.Error()
	}
	out := fmt.Sprintf("group %s gen=%d protocol=%s leader=%s", gk.Group, v.Generation, str(v.Protocol), str(v.Leader))
	for _, m := range v.Members {
		out += fmt.Sprintf(" %s=%s", m.MemberID, showAssignment(m.Assignment))
	}
	return out
}

// show is a response in one line.
func (l *lab) show(resp kmsg.Response) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch r := resp.(type) {
	case *kmsg.JoinGroupResponse:
		if add("join %s member=%s", name(r.ErrorCode), r.MemberID); r.ErrorCode == 0 {
			add("gen=%d leader=%s protocol=%s", r.Generation, r.LeaderID, str(r.Protocol))
			for _, m := range r.Members {
				add("[%s]", m.MemberID)
			}
			if r.SkipAssignment {
				add("skip")
			}
		}
	case *kmsg.SyncGroupResponse:
		add("sync %s %s", name(r.ErrorCode), showAssignment(r.MemberAssignment))
	case *kmsg.HeartbeatResponse:
		add("heartbeat %s", name(r.ErrorCode))
	case *kmsg.LeaveGroupResponse:
		add("leave %s", name(r.ErrorCode))
		for _, m := range r.Members {
			add("%s/%s=%s", m.MemberID, str(m.InstanceID), name(m.ErrorCode))
		}
	case *kmsg.OffsetCommitResponse:
		add("commit")
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add("%s-%d=%s", t.Topic, p.Partition, name(p.ErrorCode))
			}
		}
	case *kmsg.TxnOffsetCommitResponse:
		add("txn-commit")
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add("%s-%d=%s", t.Topic, p.Partition, name(p.ErrorCode))
			}
		}
	case *kmsg.OffsetFetchResponse:
		add("fetch %s", name(r.ErrorCode))
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add("%s-%d=%s", t.Topic, p.Partition, showOffset(p.ErrorCode, p.Offset, p.LeaderEpoch, p.Metadata))
			}
		}
		for _, g := range r.Groups {
			add("%s:%s", g.Group, name(g.ErrorCode))
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					add("%s-%d=%s", t.Topic, p.Partition, showOffset(p.ErrorCode, p.Offset, p.LeaderEpoch, p.Metadata))
				}
			}
		}
	case *kmsg.DescribeGroupsResponse:
		for _, g := range r.Groups {
			add("%q %s %s type=%q protocol=%q", g.Group, name(g.ErrorCode), g.State, g.ProtocolType, g.Protocol)
			for _, m := range g.Members {
				add("%s/%s client=%s host=%s metadata=%d %q", m.MemberID, str(m.InstanceID), m.ClientID, m.ClientHost, len(m.ProtocolMetadata), m.MemberAssignment)
			}
		}
	case *kmsg.ListGroupsResponse:
		add("list %s", name(r.ErrorCode))
		for _, g := range r.Groups {
			add("%s/%s/%s/%s", g.Group, g.ProtocolType, g.GroupState, g.GroupType)
		}
	case *kmsg.DeleteGroupsResponse:
		add("delete")
		for _, g := range r.Groups {
			add("%s=%s", g.Group, name(g.ErrorCode))
		}
	case *group.Heartbeat, *kmsg.ConsumerGroupHeartbeatResponse, *kmsg.ConsumerGroupDescribeResponse:
		return l.showConsumer(resp)
	case *kmsg.OffsetDeleteResponse:
		add("delete-offsets %s", name(r.ErrorCode))
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add("%s-%d=%s", t.Topic, p.Partition, name(p.ErrorCode))
			}
		}
	}
	return strings.Join(out, " ")
}

func showOffset(code int16, offset int64, epoch int32, metadata *string) string {
	if code != 0 {
		return name(code)
	}
	return fmt.Sprintf("%d/%d/%q", offset, epoch, cut(str(metadata)))
}

func cut(s string) string { return s[:min(len(s), 20)] }

// args are a command's key=value words.
type args map[string]string

func (a args) list(key string) []string {
	if a[key] == "" {
		return nil
	}
	return strings.Split(a[key], ",")
}

func (a args) num(key string, otherwise int) int {
	v, ok := a[key]
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		panic(err)
	}
	return n
}

func (a args) ms(key string, otherwise time.Duration) int32 {
	if v, ok := a[key]; ok {
		d, err := time.ParseDuration(v)
		if err != nil {
			panic(err)
		}
		otherwise = d
	}
	return int32(otherwise.Milliseconds())
}

func (a args) opt(key string) *string {
	if v, ok := a[key]; ok {
		return &v
	}
	return nil
}

// subscription is a consumer's metadata.
func subscription(topics ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = topics
	return m.AppendTo(nil)
}

// topicPartitions reads "t-0,t-1,u-0" into topics in order.
func topicPartitions(list []string) (topics []string, parts map[string][]string) {
	parts = map[string][]string{}
	for _, item := range list {
		topic, p, _ := strings.Cut(item, "-")
		if parts[topic] == nil {
			topics = append(topics, topic)
		}
		parts[topic] = append(parts[topic], p)
	}
	return topics, parts
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// request makes a command's request.
func request(verb string, a args) kmsg.Request {
	g := cmp.Or(a["group"], "g")
	if a["group"] == "-" {
		g = ""
	}
	switch verb {
	case "join":
		return joinRequest(g, a)
	case "sync":
		r := kmsg.NewPtrSyncGroupRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID, r.Generation = int16(a.num("v", 5)), g, a["member"], a.opt("instance"), int32(a.num("gen", 1))
		r.Protocol = a.opt("protocol")
		for _, item := range a.list("assign") {
			id, what, _ := strings.Cut(item, ":")
			if strings.Contains(what, "-") { // "a:t-0+t-1": a consumer's assignment
				r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: consumerAssignment(what)})
				continue
			}
			if n, err := strconv.Atoi(what); err == nil {
				what = strings.Repeat("x", n)
			}
			r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: []byte(what)})
		}
		return r
	case "heartbeat":
		r := kmsg.NewPtrHeartbeatRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID, r.Generation = 4, g, a["member"], a.opt("instance"), int32(a.num("gen", 1))
		return r
	case "leave":
		r := kmsg.NewPtrLeaveGroupRequest()
		r.Version, r.Group, r.MemberID = int16(a.num("v", 5)), g, a["member"]
		for _, id := range a.list("member") {
			r.Members = append(r.Members, kmsg.LeaveGroupRequestMember{MemberID: id})
		}
		for _, id := range a.list("instance") {
			r.Members = append(r.Members, kmsg.LeaveGroupRequestMember{InstanceID: &id})
		}
		return r
	}
	return offsetRequest(verb, g, a)
}

func joinRequest(g string, a args) kmsg.Request {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.InstanceID = int16(a.num("v", 9)), g, a["member"], a.opt("instance")
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = a.ms("session", 10*time.Second), a.ms("rebalance", time.Minute)
	r.ProtocolType = "consumer"
	if t, ok := a["type"]; ok {
		r.ProtocolType = t
	}
	names := []string{"range"}
	if _, ok := a["protocols"]; ok {
		names = a.list("protocols")
	}
	meta := subscription(slices.Concat([]string{"t"}, a.list("topics"))...)
	if _, ok := a["owned"]; ok {
		meta = subscriptionOwning(slices.Concat([]string{"t"}, a.list("topics")), a.list("owned"))
	}
	if n := a.num("bytes", 0); n > 0 {
		meta = make([]byte, n)
	}
	for _, n := range names {
		r.Protocols = append(r.Protocols, kmsg.JoinGroupRequestProtocol{Name: n, Metadata: meta})
	}
	return r
}

func offsetRequest(verb, g string, a args) kmsg.Request {
	switch verb {
	case "commit":
		r := kmsg.NewPtrOffsetCommitRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID, r.Generation = int16(a.num("v", 9)), g, a["member"], a.opt("instance"), int32(a.num("gen", -1))
		r.RetentionTimeMillis = -1
		if _, ok := a["retention"]; ok {
			r.RetentionTimeMillis = int64(a.ms("retention", 0))
		}
		topics, parts := topicPartitions(a.list("to"))
		for _, t := range topics {
			rt := kmsg.OffsetCommitRequestTopic{Topic: t}
			for _, item := range parts[t] {
				p, o, _ := strings.Cut(item, ":")
				rp := kmsg.NewOffsetCommitRequestTopicPartition()
				rp.Partition, rp.Offset, rp.LeaderEpoch = int32(atoi(p)), int64(atoi(o)), 3
				rp.Metadata = kmsg.StringPtr(strings.Repeat(cmp.Or(a["char"], "m"), a.num("metadata", 1)))
				rt.Partitions = append(rt.Partitions, rp)
			}
			r.Topics = append(r.Topics, rt)
		}
		return r
	case "fetch":
		return fetchRequest(g, a)
	case "hb":
		return consumerRequest(g, a)
	case "describe-consumer":
		r := kmsg.NewPtrConsumerGroupDescribeRequest()
		r.Version, r.Groups = 1, strings.Split(g, ",")
		return r
	case "describe":
		r := kmsg.NewPtrDescribeGroupsRequest()
		r.Version, r.Groups = int16(a.num("v", 5)), strings.Split(g, ",")
		return r
	case "list":
		r := kmsg.NewPtrListGroupsRequest()
		r.Version, r.StatesFilter, r.TypesFilter = 5, a.list("states"), a.list("types")
		return r
	case "delete":
		r := kmsg.NewPtrDeleteGroupsRequest()
		r.Groups = strings.Split(g, ",")
		return r
	case "delete-offsets":
		r := kmsg.NewPtrOffsetDeleteRequest()
		r.Group = g
		topics, parts := topicPartitions(a.list("of"))
		for _, t := range topics {
			rt := kmsg.OffsetDeleteRequestTopic{Topic: t}
			for _, p := range parts[t] {
				rt.Partitions = append(rt.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: int32(atoi(p))})
			}
			r.Topics = append(r.Topics, rt)
		}
		return r
	}
	return nil
}

func fetchRequest(g string, a args) kmsg.Request {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Version, r.RequireStable = int16(a.num("v", 9)), a["stable"] != ""
	topics, parts := topicPartitions(a.list("of"))
	if r.Version < 8 {
		r.Group = g
		for _, t := range topics {
			rt := kmsg.OffsetFetchRequestTopic{Topic: t}
			for _, p := range parts[t] {
				rt.Partitions = append(rt.Partitions, int32(atoi(p)))
			}
			r.Topics = append(r.Topics, rt)
		}
		return r
	}
	for _, id := range strings.Split(g, ",") {
		rg := kmsg.NewOffsetFetchRequestGroup()
		rg.Group, rg.MemberID, rg.MemberEpoch = id, a.opt("member"), int32(a.num("epoch", -1))
		for _, t := range topics {
			rt := kmsg.OffsetFetchRequestGroupTopic{Topic: t}
			for _, p := range parts[t] {
				rt.Partitions = append(rt.Partitions, int32(atoi(p)))
			}
			rg.Topics = append(rg.Topics, rt)
		}
		r.Groups = append(r.Groups, rg)
	}
	return r
}
