package msk

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"time"
)

// decideDelete answers the start of a deletion. What AWS answers for a HEALING
// cluster is not known; here it can go, because one whose host cannot serve it
// any more would stay forever. aws:kafka DeleteCluster
func decideDelete(c cluster, currentVersion string) (deletionStarted, error) {
	switch {
	case c.State != Active && c.State != Failed && c.State != Healing:
		return deletionStarted{}, badRequest("", "You can't delete cluster in %s state.", c.State)
	case currentVersion != "" && currentVersion != c.CurrentVersion:
		return deletionStarted{}, badRequest("currentVersion", "The version of the cluster isn't current. Check the current version and try again.")
	}
	return deletionStarted{}, nil
}

// decideBootstrap says whether connection strings may be given out.
// aws:kafka GetBootstrapBrokers; for states but FAILED an UNVERIFIED wording
func decideBootstrap(c cluster) error {
	switch c.State {
	case Active, Healing, Updating, Rebooting:
		return nil
	}
	return badRequest("", "You can't get bootstrap broker nodes for a cluster in %s state.", c.State)
}

// decideTag merges tags into those that a resource has. aws:kafka TagResource
func decideTag(have, add map[string]string) (map[string]string, error) {
	tags := maps.Clone(have)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, add)
	if err := checkTags(add); err != nil {
		return nil, err
	}
	return tags, checkTags(tags)
}

// decideUntag drops tags; a key that is not there is no error.
// aws:kafka UntagResource
func decideUntag(have map[string]string, keys []string) map[string]string {
	tags := maps.Clone(have)
	for _, k := range keys {
		delete(tags, k)
	}
	return tags
}

// decideActive takes a report that every broker runs as the cluster's generation
// asks for. It answers nil when the report changes nothing: said before, or
// overtaken by a deletion or an operation.
func decideActive(c cluster, generation int64, e Endpoints, now time.Time) (event, error) {
	if c.State == Deleting || c.State == Failed || c.Generation != generation {
		return nil, nil
	}
	if err := checkEndpoints(c, e); err != nil {
		return nil, err
	}
	if c.lasts(now) {
		return nil, nil
	}
	if c.busy() {
		return progressed{e, now.UTC().Truncate(time.Millisecond)}, nil
	}
	if c.State == Active && c.Endpoints != nil && c.Endpoints.equal(e) {
		return nil, nil
	}
	return activated{e, now.UTC().Truncate(time.Millisecond)}, nil
}

// checkEndpoints wants an address for every broker and listener promised.
func checkEndpoints(c cluster, e Endpoints) error {
	if c.Serverless != nil {
		_, _, err := net.SplitHostPort(e.Boot)
		return err
	}
	for _, b := range c.Brokers {
		i := slices.IndexFunc(e.Brokers, func(e BrokerEndpoints) bool { return e.ID == b.ID })
		if i < 0 {
			return fmt.Errorf("the report about %s lacks broker %d", c.ARN, b.ID)
		}
		for _, l := range c.listeners() {
			if _, _, err := net.SplitHostPort(e.Brokers[i].Listeners[l]); err != nil {
				return fmt.Errorf("the report about %s, broker %d, listener %s: %w", c.ARN, b.ID, l, err)
			}
		}
	}
	return nil
}

func (e Endpoints) equal(o Endpoints) bool {
	return e.Boot == o.Boot && slices.EqualFunc(e.Brokers, o.Brokers, func(a, b BrokerEndpoints) bool {
		return a.ID == b.ID && maps.Equal(a.Listeners, b.Listeners)
	})
}

// decideFailed takes a report of a failure for good. A cluster that was never
// ACTIVE, or cannot be deleted, is FAILED; one that served clients is HEALING,
// or back where it was before an operation that cannot be done.
func decideFailed(c cluster, generation int64, code, message string, now time.Time) event {
	if c.Generation != generation {
		return nil
	}
	if c.busy() {
		return broken{code, message, now.UTC().Truncate(time.Millisecond)}
	}
	switch c.State {
	case Creating, Deleting:
		return failed{code, message}
	case Active:
		return healingStarted{}
	}
	return nil
}

// decideHealing takes a report that a cluster that ran does not run.
func decideHealing(c cluster) event {
	if c.State == Active {
		return healingStarted{}
	}
	return nil
}
