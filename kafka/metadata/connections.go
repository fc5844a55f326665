package metadata

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/kafka/quota"
)

// The configs of connections that a listener may have apart from its broker
// (SocketServer.ListenerReconfigurableConfigs).
const (
	maxConnections    = "max.connections"
	maxConnectionRate = "max.connection.creation.rate"

	listenerPrefix = "listener.name."
)

// listenerLimit is the config of connections that a name sets for one listener.
func listenerLimit(name string) (config string, ok bool) {
	rest, ok := strings.CutPrefix(name, listenerPrefix)
	_, config, _ = strings.Cut(rest, ".")
	return config, ok && (config == maxConnections || config == maxConnectionRate)
}

func limitsListener(name string) bool { _, ok := listenerLimit(name); return ok }

// ConnectionRules are the limits of a broker's connections, as they are for one of
// its listeners. most is of a listener that nobody has set one for; 0 is none. A
// listener of a group has its own limit, and all of them together have the
// largest of theirs.
func (i *Image) ConnectionRules(broker int32, listener string, most int, group ...string) *quota.ConnectionRules {
	id := strconv.Itoa(int(broker))
	number := func(name string) int {
		n, _ := strconv.Atoi(i.brokerValueOn(name, id)) // it is checked
		return n
	}
	r := &quota.ConnectionRules{
		Most: number(maxConnections), Rate: float64(number(maxConnectionRate)),
		PerIP: number("max.connections.per.ip"), PerIPOf: map[netip.Addr]int{},
		Listener: quota.Door{Most: math.MaxInt, Rate: math.Inf(1)}, Group: quota.Group{Listeners: group},
	}
	own := func(listener, config string) (int, bool) {
		n, err := strconv.Atoi(i.dynamic[id][listenerPrefix+strings.ToLower(listener)+"."+config])
		return n, err == nil
	}
	mostOf := func(listener string) int {
		n, ok := own(listener, maxConnections)
		switch {
		case ok:
			return n
		case most > 0:
			return most
		}
		return math.MaxInt
	}
	r.Listener.Most = mostOf(listener)
	for _, name := range group {
		r.Group.Most = max(r.Group.Most, mostOf(name))
	}
	if n, ok := own(listener, maxConnectionRate); ok {
		r.Listener.Rate = float64(n)
	}
	for _, item := range strings.Split(i.brokerValueOn("max.connections.per.ip.overrides", id), ",") {
		at := strings.LastIndex(item, ":")
		if at < 0 {
			continue
		}
		ip, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(item[:at]), "[]"))
		n, bad := strconv.Atoi(strings.TrimSpace(item[at+1:]))
		if err == nil && bad == nil {
			r.PerIPOf[ip.Unmap()] = n
		}
	}
	return r
}

// IdleMax is connections.max.idle.ms of a broker: how long its connections may be
// silent. Negative is for ever.
func (i *Image) IdleMax(broker int32) time.Duration {
	n, _ := strconv.ParseInt(i.brokerValueOn("connections.max.idle.ms", strconv.Itoa(int(broker))), 10, 64) // it is checked
	return milliseconds(n, -1)
}

// RequestBytes is socket.request.max.bytes of a broker.
func (i *Image) RequestBytes(broker int32) int {
	n, _ := strconv.Atoi(i.brokerValueOn("socket.request.max.bytes", strconv.Itoa(int(broker)))) // it is checked
	return n
}
