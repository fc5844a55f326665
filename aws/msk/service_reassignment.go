package msk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/store"
)

func (c *cluster) reassignmentPrefix() string {
	return c.Account + "/" + c.Region + "/msk/topic-reassignment/" + c.Name + "/" + c.id() + "/"
}

// StartTopicReassignment begins to move topics to the brokers of one of a
// cluster's two types.
func (s *Service) StartTopicReassignment(ctx context.Context, caller model.Caller, in *kafka.StartTopicReassignmentRequest) (*kafka.StartTopicReassignmentResponse, error) {
	d := drawer{random: s.cfg.Random}
	id := d.uuid()
	if d.err != nil {
		return nil, fmt.Errorf("draw fresh ids: %w", d.err)
	}
	w := wishedMoves{target: deref(in.TargetInstanceType), token: deref(in.ClientToken), include: in.TopicsToInclude, exclude: in.TopicsToExclude}
	if err := w.check(); err != nil {
		return nil, err
	}
	var r reassignment
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", deref(in.ClusterArn))
		if err != nil {
			return err
		}
		have, err := listJSON[reassignment](tx, c.reassignmentPrefix())
		if err != nil {
			return err
		}
		isNew := false
		if r, isNew, err = decideMoves(c, w, have, id, s.cfg.Pace.of(changeReassign), s.cfg.Now()); err != nil || !isNew {
			return err
		}
		return addReassignment(tx, c, have, r)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.StartTopicReassignmentResponse{ClusterArn: in.ClusterArn, Status: new(movesPending), TopicReassignmentOperationArn: &r.ARN}, nil
}

// addReassignment writes a new reassignment and forgets the oldest ones.
func addReassignment(tx *store.Tx, c cluster, have []reassignment, r reassignment) error {
	slices.SortFunc(have, func(a, b reassignment) int { return b.Created.Compare(a.Created) })
	for _, old := range have[min(len(have), maxReassignments-1):] {
		if err := tx.Delete(c.reassignmentPrefix() + old.ID); err != nil {
			return err
		}
	}
	return putReassignment(tx, c, r)
}

// putReassignment writes a reassignment, and what is to be done for it.
func putReassignment(tx *store.Tx, c cluster, r reassignment) error {
	if err := putErrand(tx, c, reassignmentErrand, r.ID, !r.ended()); err != nil {
		return err
	}
	return store.PutJSON(tx, c.reassignmentPrefix()+r.ID, r)
}

// activeReassignment is the ARN of the reassignment of a cluster that is under
// way; "" if there is none.
func activeReassignment(tx *store.Tx, c cluster) (string, error) {
	all, err := listJSON[reassignment](tx, c.reassignmentPrefix())
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(all, func(r reassignment) bool { return !r.ended() }); i >= 0 {
		return all[i].ARN, nil
	}
	return "", nil
}

func findReassignment(tx *store.Tx, caller model.Caller, clusterARN, arn *string) (c cluster, r reassignment, err error) {
	if c, err = find(tx, caller, "clusterArn", deref(clusterARN)); err != nil {
		return c, r, err
	}
	id, ok := partID(deref(arn), c.reassignmentARN(""))
	if ok {
		r, ok, err = store.GetJSON[reassignment](tx, c.reassignmentPrefix()+id)
	}
	if err == nil && !ok {
		err = notFound("topicReassignmentOperationArn")
	}
	return c, r, err
}

// StopTopicReassignment ends a reassignment: what is on its way goes back, what
// has arrived stays. UNVERIFIED wording
func (s *Service) StopTopicReassignment(ctx context.Context, caller model.Caller, in *kafka.StopTopicReassignmentRequest) (*kafka.StopTopicReassignmentResponse, error) {
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, r, err := findReassignment(tx, caller, in.ClusterArn, in.TopicReassignmentOperationArn)
		switch {
		case err != nil:
			return err
		case r.ended():
			return badRequest("topicReassignmentOperationArn", "The topic reassignment cannot be stopped: it has the status %s.", r.Status)
		case r.Status == movesStopping:
			return nil
		}
		r.Status, r.Updated = movesStopping, s.cfg.Now().UTC().Truncate(time.Millisecond)
		return putReassignment(tx, c, r)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.StopTopicReassignmentResponse{Status: new(movesStopping), TopicReassignmentOperationArn: in.TopicReassignmentOperationArn}, nil
}

// DescribeTopicReassignment shows how far a reassignment is.
func (s *Service) DescribeTopicReassignment(ctx context.Context, caller model.Caller, in *kafka.DescribeTopicReassignmentRequest) (*kafka.DescribeTopicReassignmentResponse, error) {
	var r reassignment
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		_, r, err = findReassignment(tx, caller, in.ClusterArn, in.TopicReassignmentOperationArn)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &kafka.DescribeTopicReassignmentResponse{
		ClusterArn: in.ClusterArn, TopicReassignmentOperationArn: &r.ARN, Status: &r.Status, TargetInstanceType: &r.Target,
		TopicsToInclude: r.Include, TopicsToExclude: r.Exclude, CreationTime: model.NewTime(r.Created), LastUpdateTime: model.NewTime(r.Updated),
		TotalTopics: new(int32(r.Progress.Topics)), CompletedTopics: new(int32(r.Progress.CompletedTopics)),
		TotalPartitions: new(int32(r.Progress.Partitions)), MigratedPartitions: new(int32(r.Progress.Moved)),
	}
	if r.Status == movesFailed {
		out.ErrorInfo = &kafka.ErrorInfo{ErrorCode: &r.ErrorCode, ErrorString: &r.ErrorText}
	}
	return out, nil
}

// ListTopicReassignments lists a cluster's reassignments, the latest first, of the
// statuses that the filter names, parted by commas. UNVERIFIED order and separator
func (s *Service) ListTopicReassignments(ctx context.Context, caller model.Caller, in *kafka.ListTopicReassignmentsRequest) (*kafka.ListTopicReassignmentsResponse, error) {
	var wanted []string
	if in.StatusFilter != nil {
		wanted = strings.Split(*in.StatusFilter, ",")
	}
	for _, status := range wanted {
		if !slices.Contains(movesStatuses, status) {
			return nil, badRequest("statusFilter", "Unsupported status [%s]. Valid values: [%s]", status, strings.Join(movesStatuses, ", "))
		}
	}
	var all []reassignment
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", deref(in.ClusterArn))
		if err == nil {
			all, err = listJSON[reassignment](tx, c.reassignmentPrefix())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r reassignment) bool { return wanted != nil && !slices.Contains(wanted, r.Status) })
	slices.SortStableFunc(all, func(a, b reassignment) int { return b.Created.Compare(a.Created) })
	query := []string{"ListTopicReassignments", deref(in.ClusterArn), deref(in.StatusFilter)}
	found, next, err := page(number(all), position, query, deref(in.NextToken), int(or(in.MaxResults, movesPage)))
	if err != nil {
		return nil, err
	}
	out := &kafka.ListTopicReassignmentsResponse{Reassignments: []kafka.TopicReassignmentInfo{}, NextToken: given(next)}
	for _, r := range values(found) {
		out.Reassignments = append(out.Reassignments, kafka.TopicReassignmentInfo{
			TopicReassignmentOperationArn: new(r.ARN), Status: new(r.Status), TargetInstanceType: new(r.Target), CreationTime: model.NewTime(r.Created),
			TotalTopics: new(int32(r.Progress.Topics)), CompletedTopics: new(int32(r.Progress.CompletedTopics)),
		})
	}
	return out, nil
}
