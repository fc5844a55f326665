package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/vfs"
)

// Config is everything that can be set of a server. The zero value with a
// DataDir works.
type Config struct {
	DataDir       string // everything that is kept
	Listen        string // HOST:PORT of the API; default 127.0.0.1:4566
	AdvertiseHost string // the name or address that brokers tell clients; default localhost
	BrokerPorts   string // FIRST-LAST to choose broker ports from; default 20000-29999
	BrokerDomain  string // "" or a domain for MSK-shaped broker names, e.g. amazonaws.com
	Region        string // the region whose default VPC `millrace env` names; default us-east-1

	// VPCNetworks is networks whose clients count as hosts in every VPC for the
	// rules of security groups, as clients on this machine do; nil is the private
	// networks, and none with Secure.
	VPCNetworks []netip.Prefix

	// FS holds the brokers' logs, below DataDir; nil is the operating system's.
	// Everything else is in DataDir itself.
	FS vfs.FS
	// PageCache acknowledges what is written but not yet synced
	// (durability=page-cache): a power cut then loses acknowledged records.
	PageCache bool
	// ForgetProducers drops idempotent producers' state at start: the negative
	// control of the crash tests, never for use.
	ForgetProducers bool
	// SessionMax bounds a SASL session (connections.max.reauth.ms); 0 means 12 hours.
	SessionMax time.Duration
	// IAMConnections is how many IAM connections a broker takes; 0 means MSK's
	// 3000, below 0 no limit of its own.
	IAMConnections int
	// IAMConnectRate is how many IAM logins a second a broker takes, after a
	// burst of five seconds' worth; 0 means MSK's for the broker's instance type,
	// below 0 no limit.
	IAMConnectRate int
	// BytesPerGiB is how many bytes make a GiB of a broker's volume: tests have
	// volumes that fill up. 0 means 2^30.
	BytesPerGiB int64
	// RebalanceDelay is group.initial.rebalance.delay.ms; nil means Kafka's 3 s.
	RebalanceDelay *time.Duration
	// MetricsInterval is how often metrics are recorded for CloudWatch; 0 means a
	// minute. Shorter ones are for tests, and below 0 only System.CollectMetrics
	// records them, but for the first of a cluster.
	MetricsInterval time.Duration
	// Realistic has clusters be made and changed about as slowly as on AWS.
	Realistic bool

	// Secure makes the server fit for a network; nil is for one machine.
	Secure *Secure
	// FallbackEndpoint is the URL of another AWS endpoint, which gets the verified
	// and authorized calls to services that are not served here; "" is none.
	FallbackEndpoint string
	// Audit keeps a record of changes and refusals in AuditDir.
	Audit bool
	// AuditLogGroup is a log group of the root account and Region where each
	// record goes too, made when it is missing; empty: none. It needs Audit.
	AuditLogGroup string

	Version string // what health and status show; a secure server tells nobody
	Log     *slog.Logger
}

const (
	defaultListen    = "127.0.0.1:4566"
	defaultHost      = "localhost"
	defaultPorts     = "20000-29999"
	defaultRegion    = "us-east-1"
	defaultRebalance = 3 * time.Second
)

// complete fills in the defaults and checks every field.
func (c Config) complete() (Config, error) {
	if c.DataDir == "" {
		return c, errors.New("a data directory is needed: set --data-dir or use --ephemeral")
	}
	if c.Secure != nil {
		if err := c.checkSecure(); err != nil {
			return c, err
		}
	}
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	if c.AuditLogGroup != "" && !c.Audit {
		return c, errors.New("--audit-log-group needs --audit")
	}
	set(&c.Listen, defaultListen)
	set(&c.AdvertiseHost, defaultHost)
	set(&c.BrokerPorts, defaultPorts)
	set(&c.Region, defaultRegion)
	if c.RebalanceDelay == nil {
		d := defaultRebalance
		c.RebalanceDelay = &d
	}
	if c.BytesPerGiB == 0 {
		c.BytesPerGiB = 1 << 30
	}
	if c.VPCNetworks == nil && c.Secure == nil {
		c.VPCNetworks = privateNetworks()
	}
	if c.FS == nil {
		c.FS = vfs.OS
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return c, fmt.Errorf("--listen %q is not HOST:PORT: %w", c.Listen, err)
	}
	if strings.ContainsAny(c.AdvertiseHost, ":/ ") && net.ParseIP(c.AdvertiseHost) == nil {
		return c, fmt.Errorf("--advertise %q is not a host name or an address", c.AdvertiseHost)
	}
	if _, err := parsePorts(c.BrokerPorts); err != nil {
		return c, err
	}
	return c, nil
}

// privateNetworks is those of RFC 1918 and RFC 4193: where the clients of a
// container or of a virtual machine come from.
func privateNetworks() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7"),
	}
}

// portRange is an inclusive range of TCP ports.
type portRange struct{ first, last int }

func parsePorts(s string) (portRange, error) {
	first, last, ok := strings.Cut(s, "-")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(last)
	if !ok || errA != nil || errB != nil || a < 1 || b > 65535 || a > b {
		return portRange{}, fmt.Errorf("--broker-ports %q is not FIRST-LAST with 1 <= FIRST <= LAST <= 65535", s)
	}
	return portRange{a, b}, nil
}
