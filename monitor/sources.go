package monitor

import (
	"strings"

	"github.com/millrace/millrace/kafka/measure"
)

func connections(b *measure.Broker, of func(*measure.Connections) int64) (n int64) {
	for _, c := range b.Listeners() {
		n += of(c)
	}
	return n
}

func open(c *measure.Connections) int64 { return c.Opened.Count() - c.Closed.Count() }

// connections is the open connections of listeners; nil is all of them.
func (c *look) connections(of func(listener string) bool) (n int64) {
	for name, l := range c.b.Counts.Listeners() {
		if of == nil || of(name) {
			n += open(l)
		}
	}
	return n
}

// byAuthentication is the open connections of clients who are authenticated, by
// how; the names are UNVERIFIED.
func (c *look) byAuthentication() map[string]int64 {
	out := make(map[string]int64)
	for name, l := range c.b.Counts.Listeners() {
		how := "PLAINTEXT"
		switch {
		case strings.Contains(name, "IAM"):
			how = "IAM"
		case strings.Contains(name, "SCRAM"):
			how = "SCRAM"
		case strings.Contains(name, "SECURE"):
			how = "TLS"
		}
		out[how] += max(0, open(l)-l.Strangers.Load())
	}
	return out
}

// used is the bytes of the logs that the broker has.
func (c *look) used() float64 { return float64(c.b.LogBytes) }

// diskUsed is the part of the broker's volume, or of the machine's where the
// broker has none, that its logs take.
func (c *look) diskUsed() (float64, bool) {
	volume := c.b.VolumeBytes
	if volume == 0 {
		volume = c.machine.total
	}
	if volume <= 0 {
		return 0, false
	}
	return 100 * c.used() / float64(volume), true
}

func (c *look) rootDisk() (float64, bool) {
	if c.machine.total <= 0 {
		return 0, false
	}
	return 100 * float64(c.machine.total-c.machine.usable) / float64(c.machine.total), true
}

func (c *look) heap() (float64, bool) {
	total := c.machine.memory["MemTotal"]
	if total == 0 {
		return 0, false
	}
	return 100 * c.machine.heap / total, true
}

// traffic is the bytes of records in and out in a minute.
func (c *look) traffic() (float64, bool) {
	all := &c.b.Counts.All
	return c.difference("TrafficBytes", float64(all.BytesIn.Count()+all.BytesOut.Count())), true
}

// syns is the segments with the SYN flag in a minute: the client's and the
// broker's of each connection that came, also of those that were refused.
func (c *look) syns() (float64, bool) {
	came := connections(c.b.Counts, func(l *measure.Connections) int64 { return l.Opened.Count() + l.Refused.Count() })
	return c.difference("TcpConnections", 2*float64(came)), true
}

// storage is the bytes of all partitions, told by the controller for all.
func (c *look) storage() (total float64, ok bool) {
	for i := range c.reading.Partitions {
		total += float64(c.reading.Partitions[i].Bytes)
	}
	return total, c.b.ID == c.reading.Controller
}

func (c *look) tooMany() (float64, bool) {
	return c.difference("IAMTooManyConnections", float64(c.b.Counts.IAMTooMany.Count())), true
}

func cpu(modes ...string) func(*look) (float64, bool) {
	return func(c *look) (v float64, ok bool) {
		for _, mode := range modes {
			v += c.machine.busy[mode]
		}
		return v, c.machine.busy != nil
	}
}

func memory(of func(map[string]float64) float64) func(*look) (float64, bool) {
	return func(c *look) (float64, bool) { return of(c.machine.memory), len(c.machine.memory) > 0 }
}

// network is what the machine's devices count in a minute; the first has no one
// before.
func network(name string) func(*look) (float64, bool) {
	return func(c *look) (float64, bool) {
		if c.machine.before == nil {
			return 0, false
		}
		return max(0, c.machine.counts[name]-c.machine.before[name]), true
	}
}
