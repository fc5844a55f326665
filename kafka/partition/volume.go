package partition

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// volume is what one broker holds: the bytes of every partition that it has a
// replica of, as if each replica had a copy of its own.
type volume struct {
	broker int32
	used   atomic.Int64
	limit  atomic.Int64 // 0: none
	full   atomic.Bool  // refused something since it last had room; for the log
}

// VolumeFullError is that a batch would not fit on the volume of a broker with a
// replica. It is KAFKA_STORAGE_ERROR to clients, which try again.
type VolumeFullError struct{ Broker int32 }

// Error is also what clients are told.
func (e *VolumeFullError) Error() string {
	return fmt.Sprintf("The volume of broker %d is full.", e.Broker)
}

// Unwrap is the code.
func (e *VolumeFullError) Unwrap() error { return kerr.KafkaStorageError }

// SetVolume says how many bytes a broker may hold; 0 is no limit. It acts at
// once: clients' batches beyond are refused, what is there stays.
func (s *Set) SetVolume(broker int32, bytes int64) { s.volume(broker).limit.Store(bytes) }

// Volume is how many bytes a broker holds, and may hold (0: no limit).
func (s *Set) Volume(broker int32) (used, limit int64) {
	v := s.volume(broker)
	return v.used.Load(), v.limit.Load()
}

// volume finds or makes a broker's; there are as many as there ever were brokers.
func (s *Set) volume(broker int32) *volume {
	s.volumesMu.Lock()
	defer s.volumesMu.Unlock()
	v := s.volumes[broker]
	if v == nil {
		v = &volume{broker: broker}
		s.volumes[broker] = v
	}
	return v
}

func (s *Set) volumesOf(replicas []int32) []*volume {
	all := make([]*volume, len(replicas))
	for i, id := range replicas {
		all[i] = s.volume(id)
	}
	return all
}

// take counts n bytes on the volume of every replica. With limited, which a
// client's records are, it counts nothing when one of them has no room.
func (p *Partition) take(l *leadership, n int64, limited bool) error {
	for i, v := range l.volumes {
		used, limit := v.used.Add(n), v.limit.Load()
		if !limited {
			continue
		}
		if limit > 0 && used > limit {
			for _, taken := range l.volumes[:i+1] {
				taken.used.Add(-n)
			}
			if v.full.CompareAndSwap(false, true) {
				p.set.cfg.Log.Warn("the volume is full; records are refused until there is room", "broker", v.broker, "used", used-n, "limit", limit)
			}
			return &VolumeFullError{v.broker}
		}
		if v.full.Load() && v.full.CompareAndSwap(true, false) {
			p.set.cfg.Log.Info("the volume has room again", "broker", v.broker, "used", used, "limit", limit)
		}
	}
	p.counted.Add(n)
	return nil
}

// give takes back what take counted.
func (p *Partition) give(l *leadership, n int64) {
	p.counted.Add(-n)
	for _, v := range l.volumes {
		v.used.Add(-n)
	}
}

// count counts the log's size as it is now on the volumes of the next
// leadership's replicas. Called with order held for writing, so that no append
// is half counted.
func (p *Partition) count(next *leadership) {
	if before := p.current.Load(); before != nil {
		p.give(before, p.counted.Load())
	}
	size := int64(0)
	if p.log != nil && len(next.volumes) > 0 {
		size = p.log.Size()
	}
	_ = p.take(next, size, false) // nothing refuses what is there
}

// shrunk counts again after the log has lost segments.
func (p *Partition) shrunk() {
	p.order.Lock()
	defer p.order.Unlock()
	if l := p.current.Load(); l != nil {
		p.count(l)
	}
}

// Limited reports whether partitions have limits of their own for what clients
// read.
func (s *Set) Limited() bool { return s.cfg.Out > 0 }

// SetIn changes how many bytes a second clients may write to a partition, at
// once; 0 is no limit.
func (s *Set) SetIn(bytes float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in = bytes
	for _, p := range s.byID {
		p.in.Set(bytes)
	}
}

// Sent counts bytes that a client is sent, or with less than 0 was not sent
// after all, and answers how long it is to be silent.
func (p *Partition) Sent(bytes int, now time.Time) time.Duration {
	return p.out.Record(float64(bytes), now)
}
