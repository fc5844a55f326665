package msk

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// reassignment is the document of one topic reassignment: topics of a cluster with
// brokers of both kinds go to the brokers of one type. (aws:kafka
// StartTopicReassignment)
//
// It says what is to be done, not how far that is: which partitions are still to
// move, the cluster's metadata tell. So whatever is killed, and when, whoever does
// it goes on.
type reassignment struct {
	ARN       string        `json:"arn"`
	ID        string        `json:"id"`
	Token     string        `json:"token,omitempty"` // clientToken
	Target    string        `json:"target"`          // broker type
	Include   []string      `json:"include"`
	Exclude   []string      `json:"exclude,omitempty"`
	Status    string        `json:"status"`
	Created   time.Time     `json:"created"`
	Updated   time.Time     `json:"updated"`
	Progress  Progress      `json:"progress,omitzero"` // as last reported
	Each      time.Duration `json:"each,omitempty"`    // how long a step lasts at least
	ErrorCode string        `json:"errorCode,omitempty"`
	ErrorText string        `json:"errorText,omitempty"`
}

// Statuses of topic reassignments.
const (
	movesPending  = "PENDING"
	moving        = "IN_PROGRESS"
	movesStopping = "STOPPING"
	moved         = "COMPLETE"
	movesFailed   = "FAILED"
	movesStopped  = "STOPPED"
)

var movesStatuses = []string{movesPending, moving, movesStopping, moved, movesFailed, movesStopped}

// Progress is how far a topic reassignment is, as the cluster's metadata say.
type Progress struct {
	Topics          int `json:"topics,omitempty"` // that the patterns match
	CompletedTopics int `json:"completedTopics,omitempty"`
	Partitions      int `json:"partitions,omitempty"` // of those topics
	Moved           int `json:"moved,omitempty"`      // partitions whose replicas are all where they shall be
}

const (
	maxReassignments = 60             // kept of a cluster; of those that have ended the oldest go
	maxPatterns      = 10             // in topicsToInclude, and in topicsToExclude (aws:kafka StartTopicReassignment)
	tokenLife        = 24 * time.Hour // of a clientToken
	allTopics        = ".*"
	changeReassign   = "TOPIC_REASSIGNMENT" // for Pace: no operation, but it lasts
)

func (r *reassignment) ended() bool {
	return r.Status == moved || r.Status == movesFailed || r.Status == movesStopped
}

// reassignmentARN names a reassignment of a cluster. UNVERIFIED form
func (c *cluster) reassignmentARN(id string) string {
	return strings.Replace(c.ARN, ":cluster/", ":topic-reassignment/", 1) + "/" + id
}

// Pattern compiles a pattern of topics' names, which must match all of a name.
// What AWS's engine knows beyond RE2 is refused.
func Pattern(text string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(text); err != nil { // what only the wrapping makes whole
		return nil, err
	}
	return regexp.Compile("^(?:" + text + ")$")
}

// wishedMoves is a request for a reassignment, parsed.
type wishedMoves struct {
	target, token    string
	include, exclude []string
}

// check checks a request by itself. UNVERIFIED wordings
func (w wishedMoves) check() error {
	for _, list := range []struct {
		parameter string
		patterns  []string
		least     int
	}{{"topicsToInclude", w.include, 1}, {"topicsToExclude", w.exclude, 0}} {
		if n := len(list.patterns); n < list.least || n > maxPatterns {
			return badRequest(list.parameter, "Specify %d to %d patterns, not %d.", list.least, maxPatterns, n)
		}
		for _, text := range list.patterns {
			if _, err := Pattern(text); err != nil {
				return badRequest(list.parameter, "The pattern '%s' is not a valid regular expression.", text)
			}
		}
	}
	return nil
}

// same reports whether a reassignment was asked for in these words.
func (w wishedMoves) same(r reassignment) bool {
	return w.target == r.Target && slices.Equal(w.include, r.Include) && slices.Equal(w.exclude, r.Exclude)
}

// decideMoves answers a new reassignment, or the one that was begun with the same
// token. UNVERIFIED wordings
func decideMoves(c cluster, w wishedMoves, have []reassignment, id string, each time.Duration, now time.Time) (r reassignment, isNew bool, err error) {
	if c.Serverless != nil {
		return r, false, badRequest("clusterArn", "This operation cannot be performed on serverless clusters.")
	}
	for _, old := range have {
		if w.token != "" && old.Token == w.token && now.Sub(old.Created) < tokenLife {
			if !w.same(old) {
				return r, false, badRequest("clientToken", "The client token was used with other parameters.")
			}
			return old, false, nil
		}
	}
	switch {
	case c.State != Active:
		return r, false, badRequest("clusterArn", "You can't reassign topics of cluster in %s state.", c.State)
	case c.Provisioned.Mixed == nil:
		return r, false, badRequest("clusterArn", "The cluster does not have both Standard and Express brokers.")
	case len(c.brokersOf(w.target)) == 0:
		return r, false, badRequest("targetInstanceType", "The cluster has no brokers of the type %s.", w.target)
	}
	if i := slices.IndexFunc(have, func(r reassignment) bool { return !r.ended() }); i >= 0 {
		return r, false, conflict("clusterArn", "The topic reassignment "+have[i].ARN+" is under way.")
	}
	return newReassignment(c, w, id, each, now), true, nil
}

func newReassignment(c cluster, w wishedMoves, id string, each time.Duration, now time.Time) reassignment {
	at := now.UTC().Truncate(time.Millisecond)
	return reassignment{
		ARN: c.reassignmentARN(id), ID: id, Token: w.token, Target: w.target, Include: w.include, Exclude: w.exclude,
		Status: movesPending, Created: at, Updated: at, Each: each,
	}
}
