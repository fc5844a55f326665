package msk

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model/kafka"
)

// An upgrade of Standard brokers to Express brokers in place is three operations
// UPDATE_BROKER_TYPE: one adds an Express broker for each Standard broker, one
// takes out either kind, and between them topics move (reassignment.go). (aws:kafka
// developer guide, upgrade Standard brokers to Express brokers)

// mixed is what a cluster with brokers of both kinds has beside the Standard type.
type mixed struct {
	Given   string `json:"given"`          // both types, as a request had them
	Express string `json:"express"`        // the type of the Express brokers
	Auto    bool   `json:"auto,omitempty"` // the service moves the topics
}

// kinds is what of a cluster its brokers' kinds decide.
type kinds struct {
	InstanceType     string      `json:"instanceType"` // of Standard brokers while there are some
	Mixed            *mixed      `json:"mixed,omitempty"`
	VolumeGiB        int32       `json:"volumeGiB,omitempty"`
	Throughput       *throughput `json:"throughput,omitempty"`
	ThroughputStated bool        `json:"throughputStated,omitempty"`
	Rebalancing      string      `json:"rebalancing,omitempty"`
}

func (p *provisioned) kinds() kinds {
	return kinds{p.InstanceType, p.Mixed, p.VolumeGiB, p.Throughput, p.ThroughputStated, p.Rebalancing}
}

func (k kinds) put(p *provisioned) {
	p.InstanceType, p.Mixed, p.VolumeGiB, p.Throughput, p.ThroughputStated, p.Rebalancing = k.InstanceType, k.Mixed, k.VolumeGiB, k.Throughput, k.ThroughputStated, k.Rebalancing
}

// shown is the broker type as the API shows it.
func (k kinds) shown() string {
	if k.Mixed != nil {
		return k.Mixed.Given
	}
	return k.InstanceType
}

// typeOf is the type of one broker.
func (c *cluster) typeOf(b broker) string {
	switch p := c.Provisioned; {
	case p == nil:
		return ""
	case p.Mixed != nil && b.Express:
		return p.Mixed.Express
	default:
		return p.InstanceType
	}
}

// brokersOf is the brokers of a type.
func (c *cluster) brokersOf(instanceType string) (all []broker) {
	for _, b := range c.Brokers {
		if c.typeOf(b) == instanceType {
			all = append(all, b)
		}
	}
	return all
}

// bothShape is two broker types in one string. AWS calls it the composite format
// and does not say what stands between the two, so any separator is taken, and
// any order. UNVERIFIED
var bothShape = regexp.MustCompile(`^([a-z0-9.]+)[^a-z0-9.]+([a-z0-9.]+)$`)

// parseBoth reads a composite of a Standard and an Express type.
func parseBoth(s string) (standard, express string, ok bool) {
	m := bothShape.FindStringSubmatch(s)
	if m == nil {
		return "", "", false
	}
	standard, express = m[1], m[2]
	if strings.HasPrefix(standard, expressPrefix) {
		standard, express = express, standard
	}
	a, foundA := FindInstanceType(standard)
	b, foundB := FindInstanceType(express)
	return standard, express, foundA && foundB && !a.Express() && b.Express()
}

// Values of topicReassignment.
const (
	reassignAuto   = "AUTO"
	reassignManual = "MANUAL"
)

// kindChange is a request to begin, to steer, to complete or to roll back an
// upgrade; ok is false for a type that every broker of the cluster's one kind is
// to have. aws:kafka UpdateBrokerType; UNVERIFIED wordings
func kindChange(c cluster, in *kafka.UpdateBrokerTypeRequest, f changeFacts) (p plan, ok bool, err error) {
	target, mode := deref(in.TargetInstanceType), deref(in.TopicReassignment)
	standard, express, both := parseBoth(target)
	switch m := c.Provisioned.Mixed; {
	case both && m == nil:
		p, err = c.beginUpgrade(standard, mixed{target, express, mode == reassignAuto}, f)
	case both:
		p, err = c.steerUpgrade(standard, mixed{target, express, mode == reassignAuto}, f)
	case mode == reassignAuto:
		err = badRequest("topicReassignment", "topicReassignment AUTO is valid only with a target instance type that names a Standard and an Express broker type.")
	case m == nil:
		return plan{}, false, nil
	default:
		p, err = c.endUpgrade(target, f)
	}
	return p, true, err
}

// beginUpgrade adds as many Express brokers as there are Standard brokers.
// UNVERIFIED number
func (c *cluster) beginUpgrade(standard string, m mixed, f changeFacts) (plan, error) {
	if standard != c.Provisioned.InstanceType {
		return plan{}, badRequest("targetInstanceType", "The brokers of the cluster have the type %s, not %s.", c.Provisioned.InstanceType, standard)
	}
	if f.scan == nil {
		return plan{}, badRequest("", "The topics of the cluster cannot be checked now. Try again.")
	}
	var blocking []string
	for _, found := range assess(*c, m.Express, f) {
		if k := checks[found.Check]; k.severity == severityError {
			blocking = append(blocking, found.message())
		}
	}
	if n := len(blocking); n > 0 {
		return plan{}, badRequest("targetInstanceType", "The cluster is not ready for Express brokers (%d findings; CreateAssessment lists all): %s", n, strings.Join(blocking[:min(n, maxBlockingTold)], " "))
	}
	target := c.Provisioned.kinds()
	target.Mixed = &m
	p := plan{
		kind: updateType, source: settings{Kinds: new(c.Provisioned.kinds())}, target: settings{Kinds: &target},
		added: c.moreBrokers(len(c.Brokers), f),
		acts:  []act{{Kind: put}, {Kind: grow}},
	}
	for i := range p.added {
		p.added[i].Express = true
	}
	p.upgrade = m.upgrade(f)
	return p, nil
}

// maxBlockingTold is how many findings a refusal tells.
const maxBlockingTold = 5

// upgrade is what the operation tells of who moves the topics.
func (m mixed) upgrade(f changeFacts) *upgradeInfo {
	if !m.Auto {
		return &upgradeInfo{Mode: reassignManual}
	}
	return &upgradeInfo{Mode: reassignAuto, Reassignment: f.reassignment, Each: f.pace.of(changeReassign)}
}

// steerUpgrade changes who moves the topics of a cluster with brokers of both
// kinds.
func (c *cluster) steerUpgrade(standard string, m mixed, f changeFacts) (plan, error) {
	have := c.Provisioned.Mixed
	switch {
	case standard != c.Provisioned.InstanceType || m.Express != have.Express:
		return plan{}, badRequest("targetInstanceType", "The cluster has brokers of the types %s and %s. Complete the upgrade or roll it back first.", c.Provisioned.InstanceType, have.Express)
	case m.Auto == have.Auto:
		return plan{}, badRequest("topicReassignment", "The cluster has these broker types and this topicReassignment already.")
	case m.Auto && f.reassigning != "":
		return plan{}, badRequest("topicReassignment", "The topic reassignment %s is under way. Wait for it, or stop it.", f.reassigning)
	}
	m.Given = have.Given
	target := c.Provisioned.kinds()
	target.Mixed = &m
	return plan{
		kind: updateType, source: settings{Kinds: new(c.Provisioned.kinds())}, target: settings{Kinds: &target},
		acts: []act{{Kind: put}}, upgrade: m.upgrade(f),
	}, nil
}

// endUpgrade takes out the Standard brokers, which completes an upgrade, or the
// Express brokers, which rolls it back. None of them may hold a partition.
func (c *cluster) endUpgrade(target string, f changeFacts) (plan, error) {
	have, m := c.Provisioned.kinds(), c.Provisioned.Mixed
	after := have
	after.Mixed = nil
	leaving := m.Express
	switch target {
	case m.Express:
		leaving = have.InstanceType
		after = kinds{InstanceType: m.Express, Rebalancing: rebalancingActive}
	case have.InstanceType:
	default:
		return plan{}, badRequest("targetInstanceType", "The cluster has brokers of the types %s and %s. Specify one of them to complete the upgrade or to roll it back.", have.InstanceType, m.Express)
	}
	switch {
	case m.Auto:
		return plan{}, badRequest("topicReassignment", "Set topicReassignment to %s before you complete the upgrade or roll it back.", reassignManual)
	case f.reassigning != "":
		return plan{}, badRequest("targetInstanceType", "The topic reassignment %s is under way. Wait for it, or stop it.", f.reassigning)
	case f.held == nil:
		return plan{}, badRequest("", "What the brokers hold cannot be told now. Try again.")
	}
	gone := c.brokersOf(leaving)
	var full []string
	for _, b := range gone {
		if n := f.held[b.ID].Replicas; n > 0 {
			full = append(full, fmt.Sprintf("%d (%d partitions)", b.ID, n))
		}
	}
	if full != nil {
		return plan{}, badRequest("targetInstanceType", "Brokers of the type %s still hold partitions: %s. Move all topics, including internal topics, to brokers of the type %s first.", leaving, strings.Join(full, ", "), target)
	}
	return plan{
		kind: updateType, source: settings{Kinds: &have}, target: settings{Kinds: &after}, removed: gone,
		acts: []act{{Kind: shrink}, {Kind: put}},
	}, nil
}

// upgradeInfo is what an operation that begins or steers an upgrade tells of its
// topics.
type upgradeInfo struct {
	Mode         string        `json:"mode"`
	Reassignment string        `json:"reassignment,omitempty"` // uuid of the one that begins when the operation is complete
	Each         time.Duration `json:"each,omitempty"`         // how long a step of it lasts at least
}

func (u *upgradeInfo) render(c cluster, o *operation) *kafka.BrokerTypeUpgradeInfo {
	if u == nil {
		return nil
	}
	out := &kafka.BrokerTypeUpgradeInfo{TopicReassignmentMode: new(u.Mode)}
	if u.Reassignment != "" && o.State == updateComplete {
		out.TopicReassignmentOperationArn = new(c.reassignmentARN(u.Reassignment))
	}
	return out
}

// kind is a broker's kind as ListNodes tells it.
func (c *cluster) kindOf(b broker) string {
	if strings.HasPrefix(c.typeOf(b), expressPrefix) {
		return "EXPRESS"
	}
	return "STANDARD"
}

// recommend is the smallest Express type with room for what the brokers hold and
// no less network than they have; "" if there is none.
func (c *cluster) recommend(most int) string {
	have, _ := FindInstanceType(c.Provisioned.InstanceType)
	for _, t := range instanceTypes { // by size
		if t.Express() && t.Recommended >= most && t.Gigabits >= have.Gigabits {
			return t.Name
		}
	}
	return ""
}

// replace has the brokers that stay answer at the addresses of those that go: at
// all that the latter answered at when the upgrade is complete, since the cluster's
// endpoint is preserved, and else at what they had of others. Each goes to a broker
// of its zone.
func (c *cluster) replace(o operation) {
	completes := o.Target.Kinds != nil && strings.HasPrefix(o.Target.Kinds.InstanceType, expressPrefix)
	for _, gone := range o.Removed {
		ids := slices.Clone(gone.Replaces)
		if completes {
			ids = append(ids, gone.ID)
		}
		to := -1
		for i, b := range c.Brokers {
			if b.Subnet == gone.Subnet && (to < 0 || len(b.Replaces) < len(c.Brokers[to].Replaces)) {
				to = i
			}
		}
		if len(ids) > 0 && to >= 0 {
			c.Brokers[to].Replaces = slices.Concat(c.Brokers[to].Replaces, ids)
		}
	}
}

// replaceNone takes replace back; the brokers that were to go are there again.
func (c *cluster) replaceNone(o operation) {
	for i, b := range c.Brokers {
		if o.removes(b.ID) {
			continue
		}
		c.Brokers[i].Replaces = slices.DeleteFunc(slices.Clone(b.Replaces), func(id int32) bool {
			return slices.ContainsFunc(o.Removed, func(r broker) bool { return r.ID == id || slices.Contains(r.Replaces, id) })
		})
	}
}
