package upgrade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/aws/msk"
)

// maxInFlight is how many partitions of a topic reassignment are on their way at a
// time.
const maxInFlight = 50

// move does one step of a topic reassignment: it tells how far it is, and sets the
// next partitions on their way, or stops those that are.
func (u *Upgrader) move(ctx context.Context, e msk.Errand, c *kgo.Client) error {
	wanted, err := selector(e.Moves)
	if err != nil {
		return err
	}
	moving, err := reassignments(ctx, c)
	if err != nil {
		return err
	}
	admin := kadm.NewClient(c)
	meta, err := admin.Metadata(ctx)
	if err != nil {
		return fmt.Errorf("ask for all topics: %w", err)
	}
	var topics []kadm.TopicDetail
	for _, t := range meta.Topics.Sorted() {
		if wanted(t.Topic) {
			topics = append(topics, t)
		}
	}
	if e.Moves.Stop {
		if stop := onTheirWay(topics, moving, e.Moves.Targets); len(stop) > 0 {
			return u.assign(ctx, admin, stop) // the next step sees what came of it
		}
	}
	p, left := progress(topics, e.Moves.Targets)
	if err := u.cfg.Between(); err != nil {
		return err
	}
	if err := u.cfg.Work.ReportMoves(ctx, e, p); err != nil || e.Moves.Stop {
		return err
	}
	waiting := slices.DeleteFunc(slices.Clone(left), func(d kadm.PartitionDetail) bool {
		_, is := moving[d.Topic][d.Partition]
		return is
	})
	flying := len(left) - len(waiting)
	next, err := plan(meta, waiting[:min(len(waiting), max(0, maxInFlight-flying))], e.Moves.Targets)
	if err != nil {
		return err
	}
	return u.assign(ctx, admin, next)
}

// selector says which topics are meant.
func selector(m msk.Moves) (func(string) bool, error) {
	compile := func(texts []string) (all []*regexp.Regexp, err error) {
		for _, text := range texts {
			r, bad := msk.Pattern(text)
			all, err = append(all, r), errors.Join(err, bad)
		}
		return all, err
	}
	include, err := compile(m.Include)
	exclude, bad := compile(m.Exclude)
	matches := func(all []*regexp.Regexp, topic string) bool {
		return slices.ContainsFunc(all, func(r *regexp.Regexp) bool { return r.MatchString(topic) })
	}
	return func(topic string) bool { return matches(include, topic) && !matches(exclude, topic) }, errors.Join(err, bad)
}

// onTheirWay is what cancels the reassignments of topics that bring replicas to
// brokers.
func onTheirWay(topics []kadm.TopicDetail, moving map[string]map[int32][]int32, targets []int32) (stop kadm.AlterPartitionAssignmentsReq) {
	for _, t := range topics {
		for partition, adding := range moving[t.Topic] {
			if slices.ContainsFunc(adding, func(id int32) bool { return slices.Contains(targets, id) }) {
				stop.CancelAssign(t.Topic, partition)
			}
		}
	}
	return stop
}

// reassignments is the replicas that all reassignments under way add, by topic and
// partition. They are asked for before the partitions: what ends in between is not
// taken for what has not begun.
func reassignments(ctx context.Context, c *kgo.Client) (map[string]map[int32][]int32, error) {
	answer, err := kmsg.NewPtrListPartitionReassignmentsRequest().RequestWith(ctx, c) // of no topics: of all
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for reassignments: %w", err)
	}
	all := map[string]map[int32][]int32{}
	for _, t := range answer.Topics {
		all[t.Topic] = map[int32][]int32{}
		for _, p := range t.Partitions {
			all[t.Topic][p.Partition] = p.AddingReplicas
		}
	}
	return all, nil
}

// progress counts what has arrived, and answers what has not.
func progress(topics []kadm.TopicDetail, targets []int32) (p msk.Progress, left []kadm.PartitionDetail) {
	p.Topics = len(topics)
	for _, t := range topics {
		before := len(left)
		for _, d := range t.Partitions.Sorted() {
			p.Partitions++
			if slices.ContainsFunc(d.Replicas, func(id int32) bool { return !slices.Contains(targets, id) }) {
				left = append(left, d)
			} else {
				p.Moved++
			}
		}
		if len(left) == before {
			p.CompletedTopics++
		}
	}
	return p, left
}

// assign sends assignments; that a topic is gone, or has arrived, is no error.
func (u *Upgrader) assign(ctx context.Context, admin *kadm.Client, next kadm.AlterPartitionAssignmentsReq) error {
	if len(next) == 0 {
		return nil
	}
	if err := u.cfg.Between(); err != nil {
		return err
	}
	answers, err := admin.AlterPartitionAssignments(ctx, next)
	if err != nil {
		return fmt.Errorf("reassign partitions: %w", err)
	}
	for _, a := range answers.Sorted() {
		if a.Err != nil && !errors.Is(a.Err, kerr.UnknownTopicOrPartition) && !errors.Is(a.Err, kerr.NoReassignmentInProgress) {
			err = errors.Join(err, fmt.Errorf("reassign %s-%d: %w: %s", a.Topic, a.Partition, a.Err, a.ErrMessage))
		}
	}
	return err
}

// load is what a broker has.
type load struct{ replicas, leaders int }

// plan gives partitions replicas on other brokers: each where another one of the
// same rack was, with the broker that has fewest, while there are such.
func plan(meta kadm.Metadata, partitions []kadm.PartitionDetail, targets []int32) (next kadm.AlterPartitionAssignmentsReq, err error) {
	racks, loads := map[int32]string{}, map[int32]*load{}
	for _, b := range meta.Brokers {
		if b.Rack != nil {
			racks[b.NodeID] = *b.Rack
		}
	}
	for _, id := range targets {
		loads[id] = &load{}
	}
	meta.Topics.EachPartition(func(d kadm.PartitionDetail) {
		for i, id := range d.Replicas {
			if l := loads[id]; l != nil {
				l.add(i)
			}
		}
	})
	for _, d := range partitions {
		replicas := slices.Clone(d.Replicas)
		for i, id := range replicas {
			if loads[id] != nil {
				continue
			}
			free := slices.DeleteFunc(slices.Clone(targets), func(t int32) bool { return slices.Contains(replicas, t) })
			if len(free) == 0 {
				return nil, fmt.Errorf("%s-%d has %d replicas, more than there are brokers for them", d.Topic, d.Partition, len(replicas))
			}
			replicas[i] = slices.MinFunc(free, func(a, b int32) int {
				return cmp.Or(rank(racks[a], racks[id])-rank(racks[b], racks[id]), loads[a].at(i)-loads[b].at(i), int(a-b))
			})
			loads[replicas[i]].add(i)
		}
		next.Assign(d.Topic, d.Partition, replicas)
	}
	return next, nil
}

// add counts a replica at a place of its partition; the first is preferred to lead.
func (l *load) add(place int) {
	l.replicas++
	if place == 0 {
		l.leaders++
	}
}

// at is what counts when a broker is chosen for a place.
func (l *load) at(place int) int {
	if place == 0 {
		return l.leaders
	}
	return l.replicas
}

func rank(rack, wanted string) int {
	if rack == wanted {
		return 0
	}
	return 1
}
