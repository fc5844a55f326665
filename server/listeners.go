package server

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/throttle"
)

// listener makes one of a broker's listeners.
func (o *opening) listener(name string, bound net.Listener, host string) (cluster.Listener, error) {
	kind, ok := listenerKinds[name]
	if !ok {
		return cluster.Listener{}, fmt.Errorf("listener %s is not built", name)
	}
	hosts := o.hosts()
	l := cluster.Listener{
		Name: kind.name, Net: bound, Host: host, Port: int32(portOf(bound)), Mechanisms: kind.mechanisms,
		Hosts: func(h string) bool { return slices.Contains(hosts, h) },
	}
	if kind.tls {
		l.TLS = serverTLS(issuer(o.e.pki, hosts))
	}
	if kind.tls && kind.mechanisms == nil {
		l.TLS = o.access.clientCertificates(l.TLS)
	}
	l.Door = o.firewall.before(o.firewall.allows(rulePorts[name]))
	if kind.vpce {
		inner, outer := o.door.before(name), o.firewall.before(o.door.allows(name, rulePorts[name]))
		l.Door = func(ln net.Listener) net.Listener { return outer(inner(ln)) }
	}
	if kind.iam {
		l.Authorizer = wireAuthorizer{iam: o.e.iam, cluster: o.spec.ARN, facts: o.facts, now: time.Now, log: o.e.log, audit: o.e.audit}
	}
	return l, nil
}

// IAM connections of a broker. (aws:kafka developer guide, quotas; the length of
// the burst is UNVERIFIED)
const (
	iamConnections      = 3000
	iamConnectRate      = 100 // a second
	smallIAMConnectRate = 4   // of kafka.t3.small
	iamBurst            = 5   // seconds' worth
)

// iamLimits is the limits of one broker's listeners for IAM together, or of all
// of a serverless cluster.
func (c Config) iamLimits(instanceType string) (connections int, connects throttle.Rule) {
	connections, rate := c.IAMConnections, c.IAMConnectRate
	if connections == 0 {
		connections = iamConnections
	}
	if rate == 0 {
		rate = iamConnectRate
		if instanceType == "kafka.t3.small" {
			rate = smallIAMConnectRate
		}
	}
	if rate > 0 {
		connects = throttle.Rule{Burst: iamBurst * rate, Every: time.Second / time.Duration(rate)}
	}
	return max(0, connections), connects
}

// clusterID is the Kafka cluster id of a cluster: 22 characters, as Kafka's,
// always the same for the same ARN.
func clusterID(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
