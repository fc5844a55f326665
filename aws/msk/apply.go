package msk

import "time"

// event is a decision about one cluster. Its meaning never changes.
type event interface{ apply(c *cluster) }

type created struct{ c cluster }

type activated struct {
	endpoints Endpoints
	at        time.Time
}

type failed struct{ code, message string }

type healingStarted struct{}

type deletionStarted struct{}

type gone struct{}

type retagged struct{ tags map[string]string }

func (e created) apply(c *cluster) { *c = e.c }

func (e activated) apply(c *cluster) {
	c.State, c.StateCode, c.StateMessage = Active, "", ""
	c.seen(e.endpoints, e.at)
}

func (e failed) apply(c *cluster) {
	c.State, c.StateCode, c.StateMessage = Failed, e.code, e.message
}

func (healingStarted) apply(c *cluster) { c.State = Healing }

func (deletionStarted) apply(c *cluster) {
	c.State, c.StateCode, c.StateMessage = Deleting, "", ""
}

// apply of gone leaves a state that no document has: there is none any more.
func (gone) apply(c *cluster) { c.State = removed }

func (e retagged) apply(c *cluster) { c.Tags = e.tags }
