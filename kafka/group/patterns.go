package group

import (
	"errors"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Times of regular expressions: Kafka's batch refresh, and how long the core
// waits for an answer before it asks somebody else.
const (
	patternMinInterval = 10 * time.Second
	resolvePatience    = 10 * time.Second
)

// Resolve asks for the topics that a group's regular expressions match. Which
// topics there are to match depends on what the member who asked may see, so
// the caller answers it: Resolve.By makes the Resolved.
type Resolve struct {
	group    string
	patterns []string
	topics   *Topics
}

// Resolved is the answer to a Resolve, a request to the core. Its reply means
// nothing.
type Resolved struct {
	Group   string
	matched map[string]resolved
}

// By resolves with the topics that may, asked for those that match alone, lets
// through. It may be called by any goroutine.
func (r *Resolve) By(may func(topic string) bool) *Resolved {
	out := &Resolved{Group: r.group, matched: make(map[string]resolved, len(r.patterns))}
	names, visible := r.topics.names(), make(map[string]bool)
	for _, p := range r.patterns {
		re, err := compile(p)
		if err != nil {
			continue // it was valid when it came
		}
		match := resolved{version: r.topics.created}
		for _, name := range names {
			if !re.MatchString(name) {
				continue
			}
			if _, asked := visible[name]; !asked {
				visible[name] = may(name)
			}
			if visible[name] {
				match.topics = append(match.topics, name)
			}
		}
		out.matched[p] = match
	}
	return out
}

// compile makes a regular expression that matches whole names. RE2, as Kafka.
func compile(pattern string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(pattern); err != nil { // "a)(b" would be valid below
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// patternChange is what a heartbeat did to a member's pattern.
type patternChange int

const (
	patternSame     patternChange = iota
	patternChanged                // it is not resolved yet
	patternResolved               // and its topics are known
)

// changePattern checks a member's new pattern, and forgets the old one with its
// last member.
func (w *draft) changePattern(old, m *consumerMember) (patternChange, *refusal) {
	if old.pattern == m.pattern {
		return patternSame, nil
	}
	if old.pattern != "" && w.wanted[old.pattern] == 0 {
		if _, ok := w.patterns[old.pattern]; ok {
			w.removePattern(old.pattern)
		}
	}
	if m.pattern == "" {
		return patternResolved, nil
	}
	if _, ok := w.patterns[m.pattern]; ok {
		return patternResolved, nil
	}
	if _, err := compile(m.pattern); err != nil {
		reason := err.Error()
		if e := (*syntax.Error)(nil); errors.As(err, &e) {
			reason = e.Code.String() // RE2's words, as in Kafka
		}
		return patternSame, refuse(kerr.InvalidRegularExpression, "SubscribedTopicRegex `%s` is not a valid regular expression: %s.", m.pattern, reason)
	}
	return patternChanged, nil
}

// toResolve says whether the group's patterns are to be resolved now: when one
// is new, when there are new topics, and now and then, since what members may
// see changes too.
func (w *draft) toResolve() *Resolve {
	d, v := w.d, w.d.c.course(w.id)
	if len(w.wanted) == 0 || d.c.topics == nil || d.now.Before(v.resolving) {
		return nil
	}
	var last time.Time
	for _, r := range w.patterns {
		if r.at.After(last) {
			last = r.at
		}
	}
	if len(w.patterns) > 0 && !d.now.After(last.Add(patternMinInterval)) {
		return nil
	}
	if len(w.wanted) == len(w.patterns) && v.created >= d.c.topics.created && !d.now.After(last.Add(d.c.p.PatternRefresh)) {
		return nil
	}
	v.resolving = d.now.Add(resolvePatience)
	return &Resolve{group: w.id, patterns: slices.Sorted(maps.Keys(w.wanted)), topics: d.c.topics}
}

// resolved takes the topics that patterns matched.
func (d *decision) resolved(t statemachine.Ticket, r *Resolved) {
	d.replies = append(d.replies, statemachine.Reply{To: t})
	g := d.c.groups[r.Group]
	if g == nil || g.consumer == nil {
		return
	}
	w := d.draft(g.id, g.consumer)
	v := d.c.course(g.id)
	v.resolving = time.Time{}
	changed := false
	for _, p := range sortedKeys(r.matched) {
		if w.wanted[p] == 0 {
			continue
		}
		next := r.matched[p]
		next.at = d.now
		changed = changed || !slices.Equal(w.patterns[p].topics, next.topics)
		w.setPattern(p, next)
		v.created = next.version
	}
	w.refresh(changed)
	w.finish()
}
