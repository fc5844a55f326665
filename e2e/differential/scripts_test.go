//go:build e2e

package differential

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// scripts are all scripts, in the order in which they run: those that look at
// the whole cluster come before those that fill it.
func scripts() []script {
	return slices.Concat(versionScripts, clusterScripts, topicScripts, configScripts, adminScripts, groupScripts, consumerScripts, transactionScripts, produceScripts, logScripts, generatedScripts)
}

// limit is the timeout that requests carry, in milliseconds.
const limit = 10_000

// name is a name of the script's own.
func (s *session) name(n string) string { return s.prefix + "-" + n }

// topic creates a topic, waits until it can be used, and returns its id. configs
// are names and values in turn.
func (s *session) topic(name string, partitions int32, configs ...string) [16]byte {
	c := s.conn("admin")
	req := in(s.last(19), kmsg.NewPtrCreateTopicsRequest())
	req.TimeoutMillis = limit
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 1
	for i := 0; i < len(configs); i += 2 {
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: &configs[i+1]})
	}
	req.Topics = append(req.Topics, t)
	created := ask[*kmsg.CreateTopicsResponse](c, "create "+name, req)
	if len(created.Topics) != 1 || created.Topics[0].ErrorCode != 0 {
		return [16]byte{}
	}
	s.ready(name, partitions)
	meta := in(s.last(3), kmsg.NewPtrMetadataRequest())
	meta.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	r := ask[*kmsg.MetadataResponse](c, "metadata of "+name, meta)
	if len(r.Topics) == 0 {
		return [16]byte{}
	}
	return r.Topics[0].TopicID
}

// ready waits until the leader of every partition answers.
func (s *session) ready(name string, partitions int32) {
	req := in(s.last(2), kmsg.NewPtrListOffsetsRequest())
	req.ReplicaID = -1
	t := kmsg.ListOffsetsRequestTopic{Topic: name}
	for p := range partitions {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p, -2
		t.Partitions = append(t.Partitions, part)
	}
	req.Topics = append(req.Topics, t)
	had := len(s.log)
	until(s.conn("admin"), "", req, func(r *kmsg.ListOffsetsResponse) bool {
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return false
				}
			}
		}
		return len(r.Topics) > 0
	})
	s.log = s.log[:had]
}

// raw is a request of any key, version and body.
type raw struct {
	kmsg.Request // of the key, or of another one
	key, version int16
	flexible     bool
	body         []byte
}

func (r *raw) Key() int16                  { return r.key }
func (r *raw) GetVersion() int16           { return r.version }
func (r *raw) IsFlexible() bool            { return r.flexible }
func (r *raw) AppendTo(b []byte) []byte    { return append(b, r.body...) }
func (r *raw) ResponseKind() kmsg.Response { return r.Request.ResponseKind() }
func (r *raw) String() string              { return fmt.Sprintf("key %d version %d: % x", r.key, r.version, r.body) }
func rawly(of kmsg.Request, v int16) *raw {
	return &raw{Request: of, key: of.Key(), version: v, flexible: of.IsFlexible()}
}
func (r *raw) with(body ...byte) *raw { r.body = body; return r }
func pointer[T any](v T) *T           { return &v }

// askRaw sends a raw request, whether the side serves it or not.
func askRaw(c *conn, step string, r *raw) kmsg.Response { return c.sendAny(step, r).wait() }

func step(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// sorted is a map in the order of its keys, the same on both sides.
func sorted[T any](m map[string]T) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
