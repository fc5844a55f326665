// Package msk decides what MSK clusters there are and what is said about them.
//
// It owns the cluster documents in store. aws/api calls it through the
// generated service interface; fleet reads what is wanted and reports what it
// saw. Decisions (create.go, decide.go) are pure: what is known, a request, the
// time and fresh ids in; an event or an error out. apply.go alone writes the
// remembered fields, and service.go alone knows contexts, clocks, randomness and
// the store. It never starts a broker and never dials one.
//
// A change of a running cluster is an operation: acts in an order, each a change
// of what fleet is asked for, the next begun by fleet's report that the last is
// real (operation.go).
//
// Keys: "{account}/{region}/msk/cluster/{name}" holds a document, and the name
// is unique because the key is. "-/-/msk/cluster/{account}/{region}/{name}"
// repeats the document's state: it is the list that fleet walks and watches, so
// that it need not walk everything of every account. "{account}/{region}/msk/scram/{name}"
// and "{account}/{region}/msk/policy/{name}" are the cluster's secrets and policy.
// "{account}/{region}/msk/vpc-connection/{cluster's account}/{cluster}/{uuid}" is a
// VPC connection of the account, and ".../msk/client-vpc-connection/..." lists it
// beside its cluster.
// "{account}/{region}/msk/operation/{name}/{id}/{uuid}" holds an operation of the
// cluster whose ARN ends so; ".../msk/assessment/..." and
// ".../msk/topic-reassignment/..." likewise. "-/-/msk/errand/{account}/{region}/{name}/{kind}/{uuid}"
// is there while one of these two is under way: the list that is walked and
// watched by who does them.
package msk

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model/kafka"
)

// State is a cluster's state as the API names it.
type State string

// The states that are built.
const (
	Creating  State = "CREATING"
	Active    State = "ACTIVE"
	Updating  State = "UPDATING"         // an operation is under way
	Rebooting State = "REBOOTING_BROKER" // likewise
	Healing   State = "HEALING"
	Deleting  State = "DELETING"
	Failed    State = "FAILED"

	removed State = "" // never stored: the document is deleted
)

// Listener is one way for clients to connect.
type Listener string

// The listeners that are built.
const (
	Plaintext Listener = "PLAINTEXT"  // no encryption, no authentication
	TLS       Listener = "TLS"        // encryption, authentication by certificate or none
	SCRAM     Listener = "SASL_SCRAM" // TLS and SASL/SCRAM
	IAM       Listener = "SASL_IAM"   // TLS and AWS_MSK_IAM or OAUTHBEARER

	PublicTLS   Listener = "TLS_PUBLIC" // as those above, from the internet
	PublicSCRAM Listener = "SASL_SCRAM_PUBLIC"
	PublicIAM   Listener = "SASL_IAM_PUBLIC"

	VPCTLS   Listener = "TLS_VPCE" // likewise, from other VPCs
	VPCSCRAM Listener = "SASL_SCRAM_VPCE"
	VPCIAM   Listener = "SASL_IAM_VPCE"
)

// cluster is the document of one cluster. Members may be added; a member never
// changes its meaning (docs/formats/msk.md).
type cluster struct {
	ARN            string            `json:"arn"`
	Account        string            `json:"account"`
	Region         string            `json:"region"`
	Name           string            `json:"name"`
	Names          Names             `json:"names"`
	State          State             `json:"state"`
	StateCode      string            `json:"stateCode,omitempty"`    // only FAILED
	StateMessage   string            `json:"stateMessage,omitempty"` // only FAILED
	CurrentVersion string            `json:"currentVersion"`
	Created        time.Time         `json:"created"`
	Due            time.Time         `json:"due,omitzero"` // not ACTIVE for the first time before
	Tags           map[string]string `json:"tags,omitempty"`
	KafkaVersion   string            `json:"kafkaVersion"`
	Brokers        []broker          `json:"brokers"`
	Endpoints      *Endpoints        `json:"endpoints,omitempty"` // as last reported
	Provisioned    *provisioned      `json:"provisioned,omitempty"`
	Serverless     *serverless       `json:"serverless,omitempty"`
	Generation     int64             `json:"generation,omitempty"` // counts the operations' changes of what fleet is asked for
	Operation      *operation        `json:"operation,omitempty"`  // the latest
}

// Names is what a cluster's host names are made of:
// b-{id}.{Label}.{Random}.c{N}.kafka.{region}.amazonaws.com
// and for serverless boot-{Random}.c{N}.kafka-serverless.{region}.amazonaws.com.
type Names struct {
	Label  string `json:"label"`  // from the cluster's name
	Random string `json:"random"` // 6 of [a-z0-9], or 8 for serverless
	N      int    `json:"n"`      // 1 to 25, also at the end of the ARN
}

type broker struct {
	ID     int32     `json:"id"`
	ARN    string    `json:"arn"`
	Subnet string    `json:"subnet"`
	Zone   string    `json:"zone"`
	ZoneID string    `json:"zoneId"`
	Added  time.Time `json:"added,omitzero"` // when it was first seen running
	Boot   int64     `json:"boot,omitempty"` // how often operations have had it start again

	Express  bool    `json:"express,omitempty"`  // an Express broker, while the cluster has Standard brokers too
	Replaces []int32 `json:"replaces,omitempty"` // brokers that are gone, at whose addresses it is reached too

	KafkaVersion  string            `json:"kafkaVersion,omitempty"`  // while an operation updates it; "" is the cluster's
	Configuration *configurationRef `json:"configuration,omitempty"` // that it has started with; nil is the service's defaults
}

// provisioned is what a provisioned cluster was asked to be, defaults filled in.
type provisioned struct {
	InstanceType       string      `json:"instanceType"`
	Mixed              *mixed      `json:"mixed,omitempty"` // brokers of both kinds; InstanceType is of the Standard brokers then
	Subnets            []string    `json:"subnets"`
	ZoneIDs            []string    `json:"zoneIds"` // in the order of Subnets
	SecurityGroups     []string    `json:"securityGroups,omitempty"`
	VolumeGiB          int32       `json:"volumeGiB"`                  // 0 for Express brokers, which have no limit
	VolumeChanged      time.Time   `json:"volumeChanged,omitzero"`     // by an operation
	ThroughputStated   bool        `json:"throughputStated,omitempty"` // provisionedThroughput {enabled: false}, where throughput says nothing
	Throughput         *throughput `json:"throughput,omitempty"`       // of the volumes; nil: none was provisioned
	Tiered             bool        `json:"tiered,omitempty"`           // storageMode
	Rebalancing        string      `json:"rebalancing,omitempty"`      // status, of Express brokers
	EnhancedMonitoring string      `json:"enhancedMonitoring"`
	Key                string      `json:"key,omitempty"` // ARN of the customer's KMS key; "" is the service's own

	security
	Connectivity    connectivity `json:"connectivity,omitzero"`
	ZooKeeperClosed bool         `json:"zooKeeperClosed,omitempty"` // to clients; by UpdateConnectivity

	Logs          loggingInfo       `json:"logs"`
	Open          openMonitoring    `json:"openMonitoring,omitzero"`
	Configuration *configurationRef `json:"configuration,omitempty"` // nil is the service's defaults
}

// security is how clients connect and authenticate.
type security struct {
	ClientBroker    string `json:"clientBroker"` // TLS, TLS_PLAINTEXT, PLAINTEXT
	InCluster       bool   `json:"inCluster"`
	Unauthenticated bool   `json:"unauthenticated"`
	SCRAM           bool   `json:"scram"`
	IAM             bool   `json:"iam"`

	TLSAuth     bool     `json:"tlsAuth,omitempty"`     // clients may show certificates
	Authorities []string `json:"authorities,omitempty"` // ARNs of who may have signed them

	Stated stated `json:"stated,omitzero"`
}

// stated is which members of clientAuthentication requests had: DescribeCluster
// shows these alone.
type stated struct {
	Any  bool `json:"any,omitempty"` // clientAuthentication itself
	SASL bool `json:"sasl,omitempty"`
	TLS  bool `json:"tls,omitempty"`
}

// note adds the members of another request.
func (s *stated) note(a *kafka.ClientAuthentication) {
	if a != nil {
		s.Any, s.SASL, s.TLS = true, s.SASL || a.Sasl != nil, s.TLS || a.Tls != nil
	}
}

func (s security) equal(o security) bool {
	same := slices.Equal(s.Authorities, o.Authorities)
	s.Authorities, o.Authorities = nil, nil
	s.Stated, o.Stated = stated{}, stated{}
	return same && reflect.DeepEqual(s, o)
}

// openMonitoring says which exporters were asked for.
type openMonitoring struct {
	JMX  bool `json:"jmx,omitempty"`
	Node bool `json:"node,omitempty"`
}

// loggingInfo is where logs go, or would go where a target is not enabled.
type loggingInfo struct {
	CloudWatch     bool   `json:"cloudWatch,omitempty"` // enabled
	LogGroup       string `json:"logGroup,omitempty"`
	Firehose       bool   `json:"firehose,omitempty"` // enabled
	DeliveryStream string `json:"deliveryStream,omitempty"`
	S3             bool   `json:"s3,omitempty"` // enabled
	Bucket         string `json:"bucket,omitempty"`
	Prefix         string `json:"prefix,omitempty"`
}

// monitoring is one of the three things that UpdateMonitoring changes.
type monitoring struct {
	Enhanced string          `json:"enhanced,omitempty"`
	Open     *openMonitoring `json:"open,omitempty"`
	Logs     *loggingInfo    `json:"logs,omitempty"`
}

func (m *monitoring) put(p *provisioned) {
	if m.Enhanced != "" {
		p.EnhancedMonitoring = m.Enhanced
	}
	if m.Open != nil {
		p.Open = *m.Open
	}
	if m.Logs != nil {
		p.Logs = *m.Logs
	}
}

type serverless struct {
	VPCs []vpcConfig `json:"vpcs"`
}

type vpcConfig struct {
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups,omitempty"`
}

// Endpoints is where a running cluster's clients connect, as fleet reports it.
type Endpoints struct {
	Brokers []BrokerEndpoints `json:"brokers"`
	Boot    string            `json:"boot,omitempty"` // host:port, serverless only
}

// BrokerEndpoints is where one broker listens: host:port as advertised.
type BrokerEndpoints struct {
	ID        int32               `json:"id"`
	Listeners map[Listener]string `json:"listeners"`
}

// kind is the cluster's type as the API names it.
func (c *cluster) kind() string {
	if c.Serverless != nil {
		return "SERVERLESS"
	}
	return "PROVISIONED"
}

// listeners answers what clients were promised, in a fixed order.
func (c *cluster) listeners() []Listener {
	p := c.Provisioned
	if p == nil {
		return []Listener{IAM}
	}
	var l []Listener
	if p.Unauthenticated && p.ClientBroker != "TLS" {
		l = append(l, Plaintext)
	}
	if (p.Unauthenticated || p.TLSAuth) && p.ClientBroker != "PLAINTEXT" {
		l = append(l, TLS)
	}
	if p.SCRAM {
		l = append(l, SCRAM)
	}
	if p.IAM {
		l = append(l, IAM)
	}
	return append(l, p.reach()...)
}

// bootstrap answers the connection string of a listener: one broker of each
// zone, at most three, the same brokers for every listener; "" if there is none.
func (c *cluster) bootstrap(l Listener) []string {
	if c.Endpoints == nil || !slices.Contains(c.listeners(), l) {
		return nil
	}
	if c.Serverless != nil {
		return []string{c.Endpoints.Boot}
	}
	var at, zones []string
	for _, b := range c.Brokers {
		i := slices.IndexFunc(c.Endpoints.Brokers, func(e BrokerEndpoints) bool { return e.ID == b.ID })
		if i < 0 || slices.Contains(zones, b.Zone) || len(at) == maxBootstrap {
			continue
		}
		if a := c.Endpoints.Brokers[i].Listeners[l]; a != "" { // an operation may be opening it
			at, zones = append(at, a), append(zones, b.Zone)
		}
	}
	return at
}

const maxBootstrap = 3 // brokers in a bootstrap string

func documentKey(account, region, name string) string { return documentPrefix(account, region) + name }

func documentPrefix(account, region string) string {
	return account + "/" + region + "/msk/cluster/"
}

func listKey(account, region, name string) string {
	return listPrefix + account + "/" + region + "/" + name
}

const listPrefix = "-/-/msk/cluster/"

// operationPrefix is where a cluster's operations are; the ids follow it.
func (c *cluster) operationPrefix() string {
	return c.Account + "/" + c.Region + "/msk/operation/" + c.Name + "/" + c.id() + "/"
}

// id is the last part of the cluster's ARN.
func (c *cluster) id() string { return c.ARN[strings.LastIndexByte(c.ARN, '/')+1:] }
