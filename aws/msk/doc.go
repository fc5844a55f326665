// Package msk decides what MSK clusters there are and what is said about them.
//
// It owns the cluster documents in store. aws/api calls it through the
// generated service interface; fleet reads what is wanted and reports what it
// saw. Decisions (create.go, decide.go) are pure: what is known, a request, the
// time and fresh ids in; an event or an error out. apply.go alone writes the
// remembered fields, and service.go alone knows contexts, clocks, randomness and
// the store. It never starts a broker and never dials one.
//
// Keys: "{account}/{region}/msk/cluster/{name}" holds a document, and the name
// is unique because the key is. "-/-/msk/cluster/{account}/{region}/{name}"
// repeats the document's state: it is the list that fleet walks and watches, so
// that it need not walk everything of every account. "{account}/{region}/msk/scram/{name}"
// and "{account}/{region}/msk/policy/{name}" are the cluster's secrets and policy.
package msk

import (
	"slices"
	"time"
)

// State is a cluster's state as the API names it.
type State string

// The states that are built.
const (
	Creating State = "CREATING"
	Active   State = "ACTIVE"
	Healing  State = "HEALING"
	Deleting State = "DELETING"
	Failed   State = "FAILED"

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
	Tags           map[string]string `json:"tags,omitempty"`
	KafkaVersion   string            `json:"kafkaVersion"`
	Brokers        []broker          `json:"brokers"`
	Endpoints      *Endpoints        `json:"endpoints,omitempty"` // as last reported
	Provisioned    *provisioned      `json:"provisioned,omitempty"`
	Serverless     *serverless       `json:"serverless,omitempty"`
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
}

// provisioned is what a provisioned cluster was asked to be, defaults filled in.
type provisioned struct {
	InstanceType       string      `json:"instanceType"`
	Subnets            []string    `json:"subnets"`
	ZoneIDs            []string    `json:"zoneIds"` // in the order of Subnets
	SecurityGroups     []string    `json:"securityGroups,omitempty"`
	VolumeGiB          int32       `json:"volumeGiB"`
	ThroughputStated   bool        `json:"throughputStated,omitempty"` // provisionedThroughput {enabled: false}
	ClientBroker       string      `json:"clientBroker"`               // TLS, TLS_PLAINTEXT, PLAINTEXT
	InCluster          bool        `json:"inCluster"`
	Unauthenticated    bool        `json:"unauthenticated"`
	SCRAM              bool        `json:"scram"`
	IAM                bool        `json:"iam"`
	TLSAuth            bool        `json:"tlsAuth,omitempty"`     // clients may show certificates
	Authorities        []string    `json:"authorities,omitempty"` // ARNs of who may have signed them
	EnhancedMonitoring string      `json:"enhancedMonitoring"`
	Logs               loggingInfo `json:"logs"`
}

// loggingInfo keeps where logs would go while their delivery is disabled.
type loggingInfo struct {
	LogGroup       string `json:"logGroup,omitempty"`
	DeliveryStream string `json:"deliveryStream,omitempty"`
	Bucket         string `json:"bucket,omitempty"`
	Prefix         string `json:"prefix,omitempty"`
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
	return l
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
		at, zones = append(at, c.Endpoints.Brokers[i].Listeners[l]), append(zones, b.Zone)
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
