package msk

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// assessment is the document of one assessment: whether a cluster's brokers can
// become Express brokers. (aws:kafka CreateAssessment)
type assessment struct {
	ARN      string            `json:"arn"`
	ID       string            `json:"id"`
	Type     string            `json:"type"`
	Target   string            `json:"target,omitempty"` // Express type to judge by; "" recommends one
	Tags     map[string]string `json:"tags,omitempty"`
	Status   string            `json:"status"`
	Created  time.Time         `json:"created"`
	Ended    time.Time         `json:"ended,omitzero"`
	Message  string            `json:"message,omitempty"` // of one that failed
	Findings []finding         `json:"findings,omitempty"`
	Total    int               `json:"total,omitempty"` // findings, with those beyond maxFindings
	Errors   int               `json:"errors,omitempty"`
	Counts   map[string]int    `json:"counts,omitempty"` // of all findings, by category and by severity
}

// Statuses of assessments.
const (
	assessing        = "IN_PROGRESS"
	assessed         = "COMPLETE"
	assessmentFailed = "FAILED"
	assessmentGoes   = "DELETING"
)

const updateBrokerType = "UPDATE_BROKER_TYPE" // the only assessmentType

const (
	maxAssessments = 20   // of a cluster; UNVERIFIED
	maxFindings    = 1000 // kept of an assessment; UNVERIFIED
)

// finding is something of a cluster that is not as Express brokers ask for.
type finding struct {
	Check    string `json:"check"`              // of checks
	Resource string `json:"resource,omitempty"` // topic or property; "" is the cluster
	Detail   string `json:"detail,omitempty"`   // what was found
}

// Scan is what was seen of a running cluster's topics.
type Scan struct {
	Topics   []ScannedTopic
	Replicas map[int32]int // that each broker holds
}

// ScannedTopic is one topic of a Scan.
type ScannedTopic struct {
	Name          string
	Internal      bool // of the cluster itself
	Replicas      int  // of the partition that has the fewest, or the most where that is not 3
	MinISR        string
	Set           []string // names of configs that the topic itself has
	Partitions    int
	Offline       int // partitions that nobody leads
	OutOfSync     int // partitions with fewer replicas in the ISR than they have
	Reassigning   int // partitions
	TieredStorage bool
}

// maxDetail bounds a finding's detail, in bytes: as many findings as are kept are
// one document.
const maxDetail = 256

func newFinding(check, resource, detail string) finding {
	if len(detail) > maxDetail {
		detail = detail[:maxDetail] + "..."
	}
	return finding{check, resource, strings.ToValidUTF8(detail, "")}
}

// expressCopies and expressMinISR are what topics of Express brokers have.
const (
	expressCopies = 3
	expressMinISR = "2"
)

// assess is what keeps the brokers of a cluster from becoming Express brokers of a
// type, or with "" of any: the cluster's first, then those of topics by name.
// f.scan must be there.
func assess(c cluster, target string, f changeFacts) (all []finding) {
	add := func(check, resource, format string, args ...any) {
		all = append(all, newFinding(check, resource, fmt.Sprintf(format, args...)))
	}
	p := c.Provisioned
	if version, _, _ := strings.Cut(c.KafkaVersion, ".kraft"); version != upgradeVersion {
		add(findsVersion, "", "%s", c.KafkaVersion)
	} else if !kraft(c.KafkaVersion) {
		add(findsMetadata, "", "%s", c.KafkaVersion)
	}
	if n := len(p.Subnets); n != expressZones {
		add(findsZones, "", "%d", n)
	}
	if p.Tiered {
		add(findsStorageMode, "", "%s", tieredStorage)
	}
	if p.InstanceType == smallType {
		add(findsType, "", "%s", p.InstanceType)
	}
	others := slices.DeleteFunc(slices.Clone(f.existing), func(o cluster) bool { return o.ARN == c.ARN })
	if err := checkBrokerCount(wish{kafkaVersion: c.KafkaVersion, brokers: 2 * len(c.Brokers), provisioned: p}, others, f.quotas); err != nil {
		add(findsQuota, "", "%s", wordsOf(err))
	}
	for _, name := range slices.Sorted(maps.Keys(f.current)) {
		if !slices.Contains(expressProperties, name) {
			add(findsProperty, name, "%s", f.current[name])
		}
	}
	most := 0
	for _, n := range f.scan.Replicas {
		most = max(most, n)
	}
	if t, ok := FindInstanceType(target); ok && most > t.Recommended {
		add(findsPartitionCount, "", "%d of at most %d for %s", most, t.Recommended, target)
	} else if name := c.recommend(most); !ok && name != "" {
		add(findsRecommended, "", "%s", name)
	} else if !ok {
		add(findsPartitionCount, "", "%d, more than any type takes", most)
	}
	for _, t := range f.scan.Topics {
		all = append(all, t.assess()...)
	}
	return all
}

// upgradeVersion is the Kafka version whose clusters can be upgraded, without what
// says that it is KRaft's. (aws:kafka developer guide, initiate the in-place
// upgrade)
const upgradeVersion = "3.9.x"

// assess is what is to be done about one topic. What the cluster's own topics have
// set is the service's affair.
func (t ScannedTopic) assess() (all []finding) {
	add := func(check string, detail any) { all = append(all, newFinding(check, t.Name, fmt.Sprint(detail))) }
	if t.Replicas != expressCopies {
		add(findsReplicas, t.Replicas)
	}
	if t.MinISR != expressMinISR && !t.Internal {
		add(findsMinISR, t.MinISR)
	}
	refused := slices.DeleteFunc(slices.Clone(t.Set), func(name string) bool {
		return slices.Contains(expressTopicProperties, name) || name == "min.insync.replicas"
	})
	if len(refused) > 0 && !t.Internal {
		slices.Sort(refused)
		add(findsTopicProperty, strings.Join(refused, ", "))
	}
	if t.TieredStorage {
		add(findsTiered, "")
	}
	if t.Offline > 0 {
		add(findsOffline, t.Offline)
	}
	if t.OutOfSync > 0 {
		add(findsOutOfSync, t.OutOfSync)
	}
	if t.Reassigning > 0 {
		add(findsMoving, t.Reassigning)
	}
	return all
}

// expressTopicProperties is what topics of Express brokers may set. (aws:kafka
// developer guide, Express broker configurations)
var expressTopicProperties = []string{
	"cleanup.policy", "compression.type", "delete.retention.ms", "max.compaction.lag.ms", "max.message.bytes",
	"message.timestamp.after.max.ms", "message.timestamp.before.max.ms", "message.timestamp.type", "min.compaction.lag.ms",
	"retention.bytes", "retention.ms",
}

// id is the same for the same problem of the same resource, in every assessment
// and every cluster.
func (f finding) id() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{checks[f.Check].category, f.Resource, f.Check}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (f finding) message() string {
	return strings.NewReplacer("{resource}", f.Resource, "{detail}", f.Detail).Replace(checks[f.Check].message)
}

// complete takes what an assessment has found.
func (a *assessment) complete(found []finding, at time.Time) {
	a.Status, a.Ended, a.Total, a.Counts = assessed, at, len(found), map[string]int{}
	for _, f := range found {
		k := checks[f.Check]
		a.Counts[k.category]++
		a.Counts[k.severity]++
	}
	a.Errors, a.Findings = a.Counts[severityError], found[:min(len(found), maxFindings)]
}
