package group

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/statemachine"
)

// refusal is an error with the words that the consumer protocol sends along.
type refusal struct {
	err     *kerr.Error
	message string
}

func refuse(err *kerr.Error, format string, args ...any) *refusal {
	return &refusal{err, fmt.Sprintf(format, args...)}
}

// draft is a decision about a consumer group: a copy of it that is changed as
// Apply will change the group, and the records that do so. The copy is made
// with the first change.
type draft struct {
	*consumerGroup
	d       *decision
	id      string
	copied  bool
	records []statemachine.Record
	then    []func() // volatile changes and replies, if the decision stands
}

func (d *decision) draft(id string, g *consumerGroup) *draft {
	return &draft{consumerGroup: g, d: d, id: id}
}

func (w *draft) write(r statemachine.Record) {
	if !w.copied {
		w.consumerGroup, w.copied = w.clone(), true
	}
	w.records = append(w.records, r)
}

// tooLarge refuses a change that brings more than a group may hold. Who leaves
// is never refused.
func (w *draft) tooLarge() *refusal {
	if !w.copied {
		return nil
	}
	bytes := 0
	for _, m := range w.members {
		bytes += m.bytes()
	}
	if bytes > maxGroupBytes {
		return refuse(kerr.GroupMaxSizeReached, "The members of the consumer group bring more than it can hold.")
	}
	return nil
}

// finish makes the decision count.
func (w *draft) finish() {
	w.d.records = append(w.d.records, w.records...)
	for _, fn := range w.then {
		fn()
	}
}

func (w *draft) setEpoch(epoch int32) {
	hash := w.topicsHash(w.d.c.topics)
	w.write(epochRecord(w.id, epoch, hash))
	w.epoch, w.hash = epoch, hash
}

func (w *draft) setMetadata(m *consumerMember) {
	w.write(memberRecord(w.id, m))
	w.put(m)
}

func (w *draft) setCurrent(m *consumerMember) {
	w.write(currentRecord(w.id, m))
	w.put(m)
}

func (w *draft) setTarget(member string, a assignment) {
	w.write(targetRecord(w.id, member, a))
	w.target[member] = a
}

func (w *draft) setTargetEpoch(epoch int32) {
	w.write(targetEpochRecord(w.id, epoch))
	w.targetEpoch = epoch
}

func (w *draft) setPattern(pattern string, r resolved) {
	w.write(patternRecord(w.id, pattern, r))
	w.patterns[pattern] = r
}

func (w *draft) erase(kind int16, names ...string) {
	w.write(statemachine.Record{Key: key(kind, append([]string{w.id}, names...)...)})
}

func (w *draft) removePattern(pattern string) {
	w.erase(regularExprKey, pattern)
	delete(w.patterns, pattern)
}

func (w *draft) removeMember(id string) {
	w.erase(currentMemberKey, id)
	w.erase(targetMemberKey, id)
	w.erase(consumerMemberKey, id)
	delete(w.target, id)
	w.remove(id)
}

// removeUnusedPatterns forgets what nobody subscribes to any more.
func (w *draft) removeUnusedPatterns() {
	for _, p := range sortedKeys(w.patterns) {
		if w.wanted[p] == 0 {
			w.removePattern(p)
		}
	}
}

// removeGroup erases everything but the offsets.
func (w *draft) removeGroup() {
	ids := sortedKeys(w.members)
	targets := slices.Sorted(maps.Keys(w.target))
	for _, id := range ids {
		w.erase(currentMemberKey, id)
	}
	for _, id := range targets {
		w.erase(targetMemberKey, id)
	}
	w.erase(targetMetadataKey)
	for _, id := range ids {
		w.erase(consumerMemberKey, id)
	}
	for _, p := range sortedKeys(w.patterns) {
		w.erase(regularExprKey, p)
	}
	w.erase(consumerGroupKey)
}

// assign computes the target assignment of the group's epoch.
func (w *draft) assign() {
	subs := make([]subscriber, 0, len(w.members))
	for _, id := range sortedKeys(w.members) {
		m := w.members[id]
		s := subscriber{id: id, instance: m.instance, has: w.target[id]}
		for _, name := range w.subscribed(m) {
			if t, ok := w.d.c.topics.named(name); ok {
				s.topics = append(s.topics, t)
			}
		}
		subs = append(subs, s)
	}
	next := assignors[w.assignor()](subs)
	for i, s := range subs {
		if old, ok := w.target[s.id]; !ok || !old.equal(next[i]) {
			w.setTarget(s.id, next[i])
		}
	}
	w.setTargetEpoch(w.epoch)
}

// timers is what is volatile of a member: when it is fenced unless something
// comes before. Zero times are not set.
type timers struct {
	session   time.Time
	rebalance time.Time // to give partitions up at epoch
	epoch     int32
	join      time.Time // of classic members: to join again
	sync      time.Time // of classic members: to ask for the assignment
}

// due is the earliest.
func (t *timers) due() (at time.Time) {
	for _, x := range []time.Time{t.session, t.rebalance, t.join, t.sync} {
		if !x.IsZero() && (at.IsZero() || x.Before(at)) {
			at = x
		}
	}
	return at
}

// course is what is volatile of a consumer group.
type consumerCourse struct {
	timers    map[string]*timers // by member id
	checked   *Topics            // that the group's hash was last compared with
	resolving time.Time          // until then somebody resolves the patterns
	created   int64              // Topics.created when they were last resolved
}

// course is a group's volatile part, made when it is first needed.
func (c *Core) course(id string) *consumerCourse {
	v := c.courses[id]
	if v == nil {
		v = &consumerCourse{timers: make(map[string]*timers), created: -1}
		c.courses[id] = v
	}
	return v
}

func (d *decision) timers(group, member string) *timers {
	v := d.c.course(group)
	t := v.timers[member]
	if t == nil {
		t = &timers{}
		v.timers[member] = t
	}
	return t
}

// in sets a timer.
func (d *decision) in(at *time.Time, after time.Duration) {
	*at = d.now.Add(after)
	d.at(*at)
}

func ms(n int32) time.Duration { return time.Duration(n) * time.Millisecond }

// renewConsumer starts a member's session again; own is the group's own timeout,
// or zero.
func (d *decision) renewConsumer(group string, m *consumerMember, own time.Duration) {
	session := cmp.Or(own, d.c.p.ConsumerSession)
	if m.classic != nil {
		session = ms(m.classic.session)
	}
	d.in(&d.timers(group, m.id).session, session)
}

// expireConsumers fences the members whose time has come, and forgets what is
// volatile of members and groups that are gone.
func (d *decision) expireConsumers() {
	for _, id := range sortedKeys(d.c.courses) {
		g, v := d.c.groups[id], d.c.courses[id]
		if g == nil || g.consumer == nil {
			delete(d.c.courses, id)
			continue
		}
		var late []string
		for _, member := range sortedKeys(v.timers) {
			m, t := g.consumer.members[member], v.timers[member]
			if m == nil {
				delete(v.timers, member)
				continue
			}
			if !t.rebalance.IsZero() && (m.epoch != t.epoch || m.state != unrevokedPartitions) {
				t.rebalance = time.Time{}
			}
			if at := t.due(); !at.IsZero() && !d.now.Before(at) {
				late = append(late, member)
			}
		}
		if len(late) > 0 {
			w := d.draft(id, g.consumer)
			w.fence(late...)
			w.finish()
		}
	}
}

// fence takes members out. When only classic members stay, the group becomes a
// classic one.
func (w *draft) fence(ids ...string) {
	if w.downgrades(ids) {
		w.toClassic(ids, true)
		return
	}
	for _, id := range ids {
		w.removeMember(id)
		w.then = append(w.then, func() { delete(w.d.c.course(w.id).timers, id) })
	}
	w.removeUnusedPatterns()
	w.setEpoch(w.epoch + 1)
}
