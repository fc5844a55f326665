package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// Metadata, v0-13.
//
//	v0  an empty list means all topics; from v1 null does. Replicas that are
//	    offline are left out
//	v4  allow_auto_topic_creation: obeyed when auto.create.topics.enable is on
//	v10 topic ids; v12 ask by id
//
// All-topics answers hold what the caller may describe and no internal names
// it may not.
func (b *Broker) metadata(ctx context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.MetadataRequest)
	create := b.autoCreate(r, req)
	return func(ctx context.Context) kmsg.Response {
		if create != nil {
			create(ctx)
		}
		img := b.cfg.Image()
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		if refuseByID(req, resp) {
			return resp
		}
		resp.ClusterID, resp.ControllerID = &img.ClusterID, img.Controller()
		for _, n := range nodesOn(img, r.Session.Listener) {
			resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: n.id, Host: n.host, Port: n.port, Rack: n.rack})
		}
		resp.Topics = describedTopics(img, r, req)
		return resp
	}
}

// refuseByID refuses what the schema of v10 and v11 allows but these versions
// do not serve, topics by id, as Kafka does: every topic gets the error.
func refuseByID(req *kmsg.MetadataRequest, resp *kmsg.MetadataResponse) bool {
	if req.Version > 11 || !slices.ContainsFunc(req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.Topic == nil || t.TopicID != [16]byte{} }) {
		return false
	}
	for _, t := range req.Topics {
		out := kmsg.NewMetadataResponseTopic()
		out.ErrorCode, out.Topic, out.TopicID = kerr.InvalidRequest.Code, t.Topic, t.TopicID
		if t.Topic == nil {
			out.Topic = kmsg.StringPtr("")
		}
		resp.Topics = append(resp.Topics, out)
	}
	return true
}

func describedTopics(img *metadata.Image, r *listener.Request, req *kmsg.MetadataRequest) []kmsg.MetadataResponseTopic {
	topics := []kmsg.MetadataResponseTopic{}
	if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
		for _, t := range img.Topics() {
			if r.May(describeTopic(t.Name)) {
				topics = append(topics, metadataTopic(img, t, req))
			}
		}
		return topics
	}
	named := make(map[string]bool, len(req.Topics))
	byID := slices.ContainsFunc(req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.TopicID != [16]byte{} })
	for i := range req.Topics {
		t := &req.Topics[i]
		if byID && t.TopicID == [16]byte{} {
			continue // names beside ids are left out, as in Kafka
		}
		if t.Topic != nil && t.TopicID == [16]byte{} {
			if named[*t.Topic] {
				continue // answered once
			}
			named[*t.Topic] = true
		}
		topics = append(topics, namedTopic(img, req, t))
	}
	return topics
}

func describeTopic(name string) listener.Operation {
	return listener.Operation{Op: listener.Describe, Resource: listener.Topic, Name: name}
}

func namedTopic(img *metadata.Image, req *kmsg.MetadataRequest, in *kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.Partitions = in.Topic, in.TopicID, []kmsg.MetadataResponseTopicPartition{}
	if in.Topic == nil || in.TopicID != [16]byte{} { // the id counts
		t := img.TopicByID(in.TopicID)
		if t == nil {
			out.ErrorCode, out.Topic = kerr.UnknownTopicID.Code, nil
			return out
		}
		return metadataTopic(img, t, req)
	}
	if t := img.Topic(*in.Topic); t != nil {
		return metadataTopic(img, t, req)
	}
	out.ErrorCode = kerr.UnknownTopicOrPartition.Code
	if metadata.ValidateTopicName(*in.Topic) != nil {
		out.ErrorCode = kerr.InvalidTopicException.Code
	}
	return out
}

func metadataTopic(img *metadata.Image, t *metadata.Topic, req *kmsg.MetadataRequest) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, t.Internal
	out.AuthorizedOperations = -2147483648
	for i, p := range t.Partitions {
		m := kmsg.NewMetadataResponseTopicPartition()
		m.Partition, m.Leader, m.LeaderEpoch = int32(i), p.Leader, p.LeaderEpoch
		m.Replicas, m.ISR, m.OfflineReplicas = p.Replicas, p.ISR, offline(img, p.Replicas)
		if req.Version == 0 {
			onlyAlive(&m)
		}
		if p.Leader < 0 {
			m.ErrorCode = kerr.LeaderNotAvailable.Code
		}
		out.Partitions = append(out.Partitions, m)
	}
	return out
}

// onlyAlive takes the replicas that are offline out of an answer that cannot tell
// them apart, which is an error of the partition.
func onlyAlive(p *kmsg.MetadataResponseTopicPartition) {
	all := len(p.Replicas) + len(p.ISR)
	gone := func(id int32) bool { return slices.Contains(p.OfflineReplicas, id) }
	p.Replicas = slices.DeleteFunc(slices.Clone(p.Replicas), gone)
	if p.ISR = slices.DeleteFunc(slices.Clone(p.ISR), gone); len(p.Replicas)+len(p.ISR) < all {
		p.ErrorCode = kerr.ReplicaNotAvailable.Code
	}
}

// offline lists the replicas on fenced brokers.
func offline(img *metadata.Image, replicas []int32) []int32 {
	out := []int32{}
	for _, id := range replicas {
		if br := img.Broker(id); br == nil || br.Fenced {
			out = append(out, id)
		}
	}
	return out
}

// autoCreate asks for the missing named topics when the request and the
// cluster's auto.create.topics.enable allow it, and returns what waits for it.
func (b *Broker) autoCreate(r *listener.Request, req *kmsg.MetadataRequest) func(context.Context) {
	img := b.cfg.Image()
	if !(req.AllowAutoTopicCreation || req.Version < 4) || !img.AutoCreateTopics() {
		return nil
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	for _, t := range req.Topics {
		if t.Topic == nil || img.Topic(*t.Topic) != nil || metadata.ValidateTopicName(*t.Topic) != nil || metadataInternal(*t.Topic) {
			continue
		}
		if !r.May(listener.Operation{Op: listener.Create, Resource: listener.Topic, Name: *t.Topic}) {
			continue // it stays unknown to the caller
		}
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = *t.Topic, -1, -1
		if r.Mutate(img.PartitionsToCreate(&topic)) != nil {
			continue
		}
		create.Topics = append(create.Topics, topic)
	}
	if len(create.Topics) == 0 {
		return nil
	}
	call := b.cfg.Metadata.Do(metadata.CreateTopics{Req: create, IDs: b.freshIDs(len(create.Topics))})
	return func(ctx context.Context) { _, _ = call.Wait(ctx) } // the answer shows what exists
}

func (b *Broker) freshIDs(n int) [][16]byte {
	ids := make([][16]byte, n)
	for i := range ids {
		ids[i] = b.cfg.NewID()
	}
	return ids
}
