package partition

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/storage"
)

// Config says what a Set works on.
type Config struct {
	Dir             *storage.Dir
	MetadataSegment int64 // bytes of a segment of the metadata log; 0 means 4 MiB

	// In and Out are how many bytes a second clients may write to a partition and
	// read from it, all together; 0 is no limit. SetIn changes In.
	In, Out float64
	// CompactedBytes is how large a compacted partition may be; 0: no limit.
	CompactedBytes int64

	Log *slog.Logger
}

// Set is all partitions of one cluster. Its methods may be called
// concurrently, except that Apply is called by one goroutine at a time.
type Set struct {
	cfg    Config
	image  atomic.Pointer[metadata.Image]
	failed chan struct{} // closed by Fail
	once   sync.Once
	cause  atomic.Pointer[error]

	configured chan struct{} // capacity 1: Run is to look at the configs again
	cleaning   pace          // of all compaction

	mu       sync.RWMutex
	byID     map[id]*Partition // guarded by mu
	metadata *Partition        // the cluster's own, nil before OpenMetadata; guarded by mu
	in       float64           // cfg.In, or what SetIn made of it; guarded by mu

	volumesMu sync.Mutex
	volumes   map[int32]*volume // of brokers; guarded by volumesMu
}

type id struct {
	topic [16]byte
	index int32
}

// New returns an empty set over an open log directory. Apply fills it.
func New(cfg Config) *Set {
	return &Set{cfg: cfg, in: cfg.In, failed: make(chan struct{}), configured: make(chan struct{}, 1), byID: make(map[id]*Partition), volumes: make(map[int32]*volume)}
}

// Apply makes the partitions what the image says: opens logs of new ones, hands
// leadership and settings to the rest, and removes the logs of deleted topics.
// In between it calls show, which makes the image what requests are answered
// by: new partitions are there before anybody can know of them, and who is woken
// because a partition changed hands or is no more answers by the image that says
// so. A log that cannot be opened makes its partition answer
// KAFKA_STORAGE_ERROR; the first such error is returned.
func (s *Set) Apply(img *metadata.Image, show func()) error {
	prev := s.image.Load()
	if prev == nil {
		prev = new(metadata.Image)
	}
	changed := changedTopics(img, prev)
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, c := range changed {
		if !c.again {
			keep(s.applyTopic(img, c.topic, c.known, len(c.topic.Partitions)))
		}
	}
	s.image.Store(img)
	if !prev.SameDefaults(img) {
		s.look()
	}
	show()
	keep(s.removeDeleted(img, prev))
	for _, c := range changed {
		until := c.known
		if c.again { // its name was that of a log that is removed by now
			until = len(c.topic.Partitions)
		}
		keep(s.applyTopic(img, c.topic, 0, until))
	}
	return first
}

// change is a topic that an image has anew or otherwise than the one before.
type change struct {
	topic *metadata.Topic
	known int  // partitions that it had before
	again bool // another topic had its name
}

func changedTopics(img, prev *metadata.Image) (changed []change) {
	same := prev.SameDefaults(img)
	for _, t := range img.Topics() {
		namesake := prev.Topic(t.Name)
		if same && namesake == t {
			continue // images share the topics that did not change
		}
		c := change{topic: t}
		if was := prev.TopicByID(t.ID); was != nil {
			c.known = len(was.Partitions)
		}
		c.again = namesake != nil && namesake.ID != t.ID
		changed = append(changed, c)
	}
	return changed
}

// applyTopic opens what is new of some of a topic's partitions, and hands
// leadership and settings to all of them.
func (s *Set) applyTopic(img *metadata.Image, t *metadata.Topic, from, until int) error {
	var first error
	settingsOn := img.TopicSettingsOn(t)
	for i := from; i < until; i++ {
		settings := settingsOn(t.Partitions[i].Leader)
		p, ok := s.Get(t.ID, int32(i))
		if !ok {
			var err error
			if p, err = s.open(t, int32(i), settings); err != nil && first == nil {
				first = err
			}
		}
		p.lead(newLeadership(t.Partitions[i], settings))
		if !ok {
			s.mu.Lock()
			p.in.Set(s.in)
			s.byID[id{t.ID, int32(i)}] = p
			s.mu.Unlock()
		}
	}
	return first
}

func (s *Set) open(t *metadata.Topic, index int32, settings metadata.TopicSettings) (*Partition, error) {
	name := LogName(t.Name, index)
	p := &Partition{set: s, topic: t.Name, index: index, waiters: make(map[*Waiter]struct{})}
	p.out.Set(s.cfg.Out)
	l, err := s.cfg.Dir.OpenLog(name, t.ID, logConfig(settings))
	if err != nil {
		return p, fmt.Errorf("open log %s: %w", name, err)
	}
	p.log = l
	p.highWatermark.Store(l.DurableOffset())
	l.OnDurable(p.durable)
	return p, nil
}

func (s *Set) removeDeleted(img, prev *metadata.Image) error {
	var first error
	for _, t := range prev.Topics() {
		if img.TopicByID(t.ID) != nil {
			continue
		}
		for i := range t.Partitions {
			key := id{t.ID, int32(i)}
			s.mu.Lock()
			p := s.byID[key]
			delete(s.byID, key)
			s.mu.Unlock()
			if p == nil {
				continue
			}
			p.lead(&leadership{leader: -1, epoch: -1}) // no epoch that anybody waits at
			if err := s.cfg.Dir.Remove(LogName(t.Name, int32(i))); err != nil && first == nil {
				first = fmt.Errorf("remove log of deleted topic %s: %w", t.Name, err)
			}
		}
	}
	return first
}

// LogName is the directory name of a partition's log: "<topic>-<partition>".
func LogName(topic string, index int32) string {
	return topic + "-" + strconv.Itoa(int(index))
}

// Get finds a partition by topic id and index.
func (s *Set) Get(topic [16]byte, index int32) (*Partition, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.byID[id{topic, index}]
	return p, ok
}

// Find finds a partition by topic name and index;
// UNKNOWN_TOPIC_OR_PARTITION when there is none.
func (s *Set) Find(topic string, index int32) (*Partition, error) {
	img := s.image.Load()
	if img == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	t := img.Topic(topic)
	if t == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	p, ok := s.Get(t.ID, index)
	if !ok {
		return nil, kerr.UnknownTopicOrPartition
	}
	return p, nil
}

// Fail marks the log directory as failed: every waiting and every later append
// answers KAFKA_STORAGE_ERROR. Only the first cause is kept.
func (s *Set) Fail(cause error) {
	s.once.Do(func() {
		s.cause.Store(&cause)
		close(s.failed)
		s.cfg.Log.Error("log directory failed; the cluster stops serving it until an operator looks", "cause", cause)
	})
}

// Err is the cause given to Fail, or nil.
func (s *Set) Err() error {
	if c := s.cause.Load(); c != nil {
		return *c
	}
	return nil
}
