package broker

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/metadata"
)

const (
	// sessionRest is how long a session is safe from eviction after its last
	// use, and from a bigger one after its creation: Kafka's
	// min.incremental.fetch.session.eviction.ms.
	sessionRest = 2 * time.Minute
	// maxSessionParts bounds the partitions that all sessions of a broker
	// remember, about 200 bytes each. Kafka has no such bound.
	maxSessionParts = 500_000
	// maxTopicName is Kafka's; a session does not remember a longer one.
	maxTopicName = 249
)

// Epochs of a fetch session (KIP-227).
const (
	firstEpoch = 0  // asks for a new session
	noEpoch    = -1 // wants none, and closes the one it names
)

func nextEpoch(e int32) int32 {
	if e == math.MaxInt32 {
		return 1
	}
	return e + 1
}

// partKey names a partition as Fetch does: by topic name, or since v13 by id.
type partKey struct {
	topic string
	id    [16]byte
	index int32
}

// part is one partition of a fetch: what the client asks and, within a
// session, what it was told last.
type part struct {
	key                 partKey
	name                string // of the topic; "" while its id is not known
	offset              int64
	maxBytes            int32
	leaderEpoch         int32
	lastEpoch           int32
	toldHigh, toldStart int64
}

func newPart(key partKey, in *kmsg.FetchRequestTopicPartition, img *metadata.Image) part {
	p := part{key: key, toldHigh: -1, toldStart: -1}
	p.ask(in)
	p.resolve(img)
	return p
}

// ask takes what the client now asks.
func (p *part) ask(in *kmsg.FetchRequestTopicPartition) {
	p.offset, p.maxBytes, p.leaderEpoch, p.lastEpoch = in.FetchOffset, in.PartitionMaxBytes, max(-1, in.CurrentLeaderEpoch), in.LastFetchedEpoch
}

// resolve finds the name of a topic asked by id. Once known it stays, so that
// another topic of that name is noticed.
func (p *part) resolve(img *metadata.Image) {
	if p.name != "" {
		return
	}
	p.name = p.key.topic
	if t := img.TopicByID(p.key.id); t != nil && p.key.topic == "" {
		p.name = t.Name
	}
}

// keep clones what aliases the request.
func (p *part) keep() {
	p.key.topic = strings.Clone(p.key.topic)
	if p.key.topic != "" {
		p.name = p.key.topic
	}
}

// told decides whether the answer must name the partition: there are records,
// news, or something is wrong. An error forgets what the client knows, so that
// the partition is named again when the error has gone.
func (p *part) told(f *found) (must bool) {
	high, start := f.high(), f.start()
	must = len(f.slice.Records) > 0 || p.toldHigh != high || p.toldStart != start || f.preferred >= 0 || f.slice.Diverging != nil || f.code != 0
	p.toldHigh, p.toldStart = high, start
	if f.code != 0 {
		p.toldHigh = -1
	}
	return must
}

// session is what a broker remembers of one client's fetches; guarded by the
// cache's lock.
type session struct {
	id      int32
	owner   string // the principal that opened it
	byID    bool   // topics are named by id
	epoch   int32  // that the next request must have
	created time.Time
	used    time.Time
	grown   bool // was older than sessionRest when it was last used

	parts  map[partKey]*part
	order  []*part  // partitions with data move to the end, lest others starve
	topics []string // names for the authorizer; nil: to be made again
}

// sessions is a broker's bounded cache of incremental fetch sessions (KIP-227,
// Kafka FetchSessionCache). It keeps only what a client can send again: it is
// lost at a restart. Kafka's privileged sessions are those of followers, which
// an embedded cluster has not.
type sessions struct {
	mu    sync.Mutex
	byID  map[int32]*session // under mu
	parts int                // under mu, at most maxSessionParts
}

// names lists the topics of a session, so that they can be judged again.
func (c *sessions) names(owner string, id int32, img *metadata.Image) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.byID[id]
	if s == nil || s.owner != owner {
		return nil
	}
	if s.topics != nil {
		return s.topics
	}
	names, known := make([]string, 0, 8), true
	for _, p := range s.order {
		if p.resolve(img); p.name == "" {
			known = false
		} else if n := len(names); n == 0 || names[n-1] != p.name {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if known {
		s.topics = names
	}
	return names
}

// fetchContext is what one request fetches, with or without a session.
type fetchContext struct {
	refused *kerr.Error // the session: nothing is fetched
	wants   bool        // a session is to be made
	id      int32       // of the session, 0 for none
	epoch   int32       // that the session has while this request is the last
	parts   []part      // in the order to read them
	origin  []*part     // of an incremental fetch: the session's parts
}

// open finds or ends the session that a request names and says what is to be
// fetched. Somebody else's session does not exist: Kafka asks no more than the
// id, which it gives out at random. The context's lists are made in x's memory.
func (c *sessions) open(x *fetchContext, req *kmsg.FetchRequest, owner string, img *metadata.Image, now time.Time) {
	if req.Version < 7 || req.SessionEpoch == firstEpoch || req.SessionEpoch == noEpoch {
		if req.Version >= 7 && req.SessionID != 0 {
			c.close(req.SessionID, owner)
		}
		x.wants = req.Version >= 7 && req.SessionEpoch == firstEpoch
		x.parts = requested(x.parts, req, img)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.byID[req.SessionID]
	switch {
	case s == nil || s.owner != owner:
		x.refused = kerr.FetchSessionIDNotFound
		return
	case s.epoch != req.SessionEpoch:
		x.refused = kerr.InvalidFetchSessionEpoch
		return
	case s.byID != (req.Version >= 13):
		x.refused = kerr.FetchSessionTopicIDError
		return
	case !c.update(s, req, img):
		x.refused = kerr.FetchSessionIDNotFound // the client begins again, without a session
		return
	case len(s.order) == 0:
		c.remove(s)
		return
	}
	c.touch(s, now)
	s.epoch = nextEpoch(s.epoch)
	x.id, x.epoch = s.id, s.epoch
	for _, p := range s.order {
		p.resolve(img)
		x.parts, x.origin = append(x.parts, *p), append(x.origin, p)
	}
}

// requested lists the partitions of a full request; of one named twice the last
// counts, as in Kafka.
func requested(parts []part, req *kmsg.FetchRequest, img *metadata.Image) []part {
	at := make(map[partKey]int)
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			in := &t.Partitions[j]
			key := partKey{t.Topic, t.TopicID, in.Partition}
			if n, twice := at[key]; twice {
				parts[n].ask(in)
				continue
			}
			at[key] = len(parts)
			parts = append(parts, newPart(key, in, img))
		}
	}
	return parts
}

// update adds, changes and forgets what the request says. It ends the session
// and reports false when that is more than sessions may hold.
func (c *sessions) update(s *session, req *kmsg.FetchRequest, img *metadata.Image) bool {
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			in := &t.Partitions[j]
			key := partKey{t.Topic, t.TopicID, in.Partition}
			if p := s.parts[key]; p != nil {
				p.ask(in)
				continue
			}
			if c.parts >= maxSessionParts || len(t.Topic) > maxTopicName {
				c.remove(s)
				return false
			}
			p := newPart(key, in, img)
			p.keep()
			s.parts[p.key], s.order, s.topics = &p, append(s.order, &p), nil
			c.parts++
		}
	}
	forgotten := false
	for _, t := range req.ForgottenTopics {
		for _, index := range t.Partitions {
			key := partKey{t.Topic, t.TopicID, index}
			if _, ok := s.parts[key]; ok {
				delete(s.parts, key)
				c.parts--
				forgotten = true
			}
		}
	}
	if forgotten {
		s.order = slices.DeleteFunc(s.order, func(p *part) bool { return s.parts[p.key] != p })
		s.topics = nil
	}
	return true
}

func (c *sessions) touch(s *session, now time.Time) {
	s.used, s.grown = now, now.Sub(s.created) > sessionRest
}

// finish makes the session that a full request wants, or tells an incremental
// one which partitions its answer leaves out (found.omit). The error is for the
// whole answer: another request of the session came meanwhile.
func (c *sessions) finish(x *fetchContext, found []found, owner string, byID bool, slots int, now time.Time) (id int32, err error) {
	if !x.wants && x.id == 0 {
		return 0, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.wants {
		return c.create(x.parts, found, owner, byID, slots, now), nil
	}
	s := c.byID[x.id]
	if s == nil || s.epoch != x.epoch {
		return x.id, kerr.InvalidFetchSessionEpoch
	}
	withData := false
	for i, p := range x.origin {
		found[i].omit = !p.told(&found[i])
		withData = withData || len(found[i].slice.Records) > 0
	}
	if withData {
		s.rotate(x.origin, found)
	}
	return x.id, nil
}

// rotate moves the partitions with data behind the others: the next answer may
// have no room for more than its first partitions.
func (s *session) rotate(read []*part, found []found) {
	s.order = s.order[:0]
	for _, with := range []bool{false, true} {
		for i, p := range read {
			if len(found[i].slice.Records) > 0 == with {
				s.order = append(s.order, p)
			}
		}
	}
}

// current tells whether the request is its session's last one.
func (c *sessions) current(x *fetchContext) (id int32, err error) {
	if x.id == 0 {
		return 0, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.byID[x.id]; s == nil || s.epoch != x.epoch {
		return x.id, kerr.InvalidFetchSessionEpoch
	}
	return x.id, nil
}

// create makes a session and returns its id, 0 when there is no room.
func (c *sessions) create(parts []part, found []found, owner string, byID bool, slots int, now time.Time) int32 {
	tooLong := func(p part) bool { return len(p.key.topic) > maxTopicName }
	if len(parts) > maxSessionParts-c.parts || slices.ContainsFunc(parts, tooLong) || !c.room(len(parts), slots, now) {
		return 0
	}
	s := &session{owner: owner, byID: byID, epoch: nextEpoch(firstEpoch), created: now, used: now, parts: make(map[partKey]*part, len(parts))}
	kept := slices.Clone(parts)
	for i := range kept {
		p := &kept[i]
		p.keep()
		p.told(&found[i])
		s.parts[p.key], s.order = p, append(s.order, p)
	}
	for s.id == 0 || c.byID[s.id] != nil {
		s.id = rand.Int32()
	}
	if c.byID == nil {
		c.byID = map[int32]*session{}
	}
	c.byID[s.id] = s
	c.parts += len(kept)
	return s.id
}

// room makes place for a session of that size, by Kafka's rules: one unused for
// long goes; otherwise the smallest of those that have lived for long, when it
// is smaller than the new one. It looks at every slot, which is done once for a
// session of a full cache.
func (c *sessions) room(size, slots int, now time.Time) bool {
	if len(c.byID) < slots {
		return true
	}
	var oldest, smallest *session
	for _, s := range c.byID {
		if oldest == nil || s.used.Before(oldest.used) {
			oldest = s
		}
		if s.grown && (smallest == nil || len(s.order) < len(smallest.order)) {
			smallest = s
		}
	}
	switch {
	case oldest == nil: // no slots at all
		return false
	case now.Sub(oldest.used) > sessionRest:
		c.remove(oldest)
	case smallest != nil && size > len(smallest.order):
		c.remove(smallest)
	default:
		return false
	}
	return true
}

func (c *sessions) close(id int32, owner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.byID[id]; s != nil && s.owner == owner {
		c.remove(s)
	}
}

func (c *sessions) remove(s *session) {
	delete(c.byID, s.id)
	c.parts -= len(s.order)
	s.order, s.parts = nil, nil
}
