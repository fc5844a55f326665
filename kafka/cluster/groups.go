package cluster

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/kafka/broker"
	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/wire"
)

// groupVersion is the feature that consumer groups of KIP-848 come with.
const groupVersion = "group.version"

// consumerGroupKeys are served on lines that have the feature alone: brokers
// before it list them and refuse them.
var consumerGroupKeys = []int16{68, 69}

// served is what of a line the brokers serve.
func served(line wire.Line) wire.Line {
	keys := slices.Concat(broker.Keys(), saslAndVersions)
	if !slices.ContainsFunc(line.Features, func(f wire.Feature) bool { return f.Name == groupVersion }) {
		keys = slices.DeleteFunc(keys, func(k int16) bool { return slices.Contains(consumerGroupKeys, k) })
	}
	return line.Cut(keys, groupVersion, transactionVersion)
}

// groupTopics keeps the topics of an image as groups see them. Its methods may
// be called concurrently.
type groupTopics struct {
	mu     sync.Mutex
	image  *metadata.Image // guarded by mu
	topics *group.Topics   // of image; guarded by mu
}

// of is the topics of the image now.
func (g *groupTopics) of(now func() *metadata.Image) *group.Topics {
	g.mu.Lock()
	defer g.mu.Unlock()
	img := now() // under the lock, so that later topics are of later images
	if g.image == img {
		return g.topics
	}
	list := make([]group.Topic, 0, len(img.Topics()))
	for _, t := range img.Topics() {
		list = append(list, group.Topic{Name: t.Name, ID: t.ID, Partitions: int32(len(t.Partitions))})
	}
	g.image, g.topics = img, group.NewTopics(g.topics, list)
	return g.topics
}

// forgetOffsets removes the offsets of topics that an image does not have any
// more.
func (c *Cluster) forgetOffsets(prev, next *metadata.Image) {
	if gone := deleted(prev.Topics(), next.Topics()); len(gone) > 0 {
		c.groups.DeleteTopics(gone)
	}
}

// deleted names the topics of prev that are not in next, or that are others of
// the same name there. Both are sorted by name, and share what is the same.
func deleted(prev, next []*metadata.Topic) (gone []string) {
	for _, t := range prev {
		for len(next) > 0 && next[0].Name < t.Name {
			next = next[1:]
		}
		if len(next) == 0 || next[0] != t && (next[0].Name != t.Name || next[0].ID != t.ID) {
			gone = append(gone, t.Name)
		}
	}
	return gone
}

// newCoordinator is the line whose groups the coordinator of KIP-848 keeps.
const newCoordinator = 400

// groupParams is the configs of groups in the brokers' server.properties. What
// is not a number is left to its default; the metadata shows the same.
func groupParams(static func(name string) string, initialDelay time.Duration, release int) group.Params {
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(static(name)))
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	if static("group.initial.rebalance.delay.ms") != "" {
		initialDelay = time.Duration(number("group.initial.rebalance.delay.ms")) * time.Millisecond
	}
	ms := func(name string) time.Duration { return time.Duration(number(name)) * time.Millisecond }
	return group.Params{
		InitialRebalanceDelay: initialDelay,
		MinSession:            ms("group.min.session.timeout.ms"),
		MaxSession:            ms("group.max.session.timeout.ms"),
		MaxSize:               number("group.max.size"),
		MaxMetadata:           number("offset.metadata.max.bytes"),
		OffsetsRetention:      time.Duration(number("offsets.retention.minutes")) * time.Minute,
		ConsumerSession:       ms("group.consumer.session.timeout.ms"), // until the first heartbeat, which has the group's own
		ConsumerMaxSize:       number("group.consumer.max.size"),
		PatternRefresh:        ms("group.consumer.regex.refresh.interval.ms"),
		Migration:             group.Migration(strings.ToLower(strings.TrimSpace(static("group.consumer.migration.policy")))),
		OldCoordinator:        release < newCoordinator,
	}
}
