package listener

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// bits are Kafka's codes of operations (AclOperation), the bits of authorized
// operations in answers (KIP-430).
var bits = [...]uint{
	Read: 3, Write: 4, Create: 5, Delete: 6, Alter: 7, Describe: 8, ClusterAction: 9, DescribeConfigs: 10, AlterConfigs: 11, IdempotentWrite: 12,
}

// supported are the operations that Kafka knows on a kind of resource
// (AclEntry.supportedOperations).
var supported = map[ResourceType][]Op{
	Topic:   {Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs},
	Group:   {Read, Delete, Describe, DescribeConfigs, AlterConfigs},
	Cluster: {Create, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite},
}

// configuredGroups is the line in which groups got configs (KIP-848).
const configuredGroups = 400

// known are the operations that the cluster's line knows on a kind of resource.
func (l *Listener) known(on ResourceType) []Op {
	if on == Group && l.line.Release() < configuredGroups {
		return supported[on][:3]
	}
	return supported[on]
}

// grantField is a field of an answer that says what the caller may do.
type grantField struct {
	resource ResourceType
	name     string
	field    *int32
}

// grants finds the fields that the request wants filled in.
func grants(msg kmsg.Request, resp kmsg.Response) []grantField {
	var out []grantField
	switch req := msg.(type) {
	case *kmsg.MetadataRequest:
		resp := resp.(*kmsg.MetadataResponse)
		if req.IncludeClusterAuthorizedOperations && resp.ErrorCode == 0 && len(resp.Brokers) > 0 {
			out = append(out, grantField{Cluster, "", &resp.AuthorizedOperations})
		}
		for i := range resp.Topics {
			t := &resp.Topics[i]
			if req.IncludeTopicAuthorizedOperations && t.Topic != nil && t.ErrorCode != errTopic && len(resp.Brokers) > 0 {
				out = append(out, grantField{Topic, *t.Topic, &t.AuthorizedOperations})
			}
		}
	case *kmsg.DescribeClusterRequest:
		resp := resp.(*kmsg.DescribeClusterResponse)
		if req.IncludeClusterAuthorizedOperations && resp.ErrorCode == 0 {
			out = append(out, grantField{Cluster, "", &resp.ClusterAuthorizedOperations})
		}
	case *kmsg.DescribeTopicPartitionsRequest:
		resp := resp.(*kmsg.DescribeTopicPartitionsResponse)
		for i := range resp.Topics {
			t := &resp.Topics[i]
			if t.Topic != nil && t.ErrorCode != errTopic && t.ErrorCode != kerr.InvalidRequest.Code {
				out = append(out, grantField{Topic, *t.Topic, &t.AuthorizedOperations})
			}
		}
	case *kmsg.DescribeGroupsRequest:
		resp := resp.(*kmsg.DescribeGroupsResponse)
		for i := range resp.Groups {
			if g := &resp.Groups[i]; req.IncludeAuthorizedOperations && g.ErrorCode == 0 {
				out = append(out, grantField{Group, g.Group, &g.AuthorizedOperations})
			}
		}
	case *kmsg.ConsumerGroupDescribeRequest:
		resp := resp.(*kmsg.ConsumerGroupDescribeResponse)
		for i := range resp.Groups {
			if g := &resp.Groups[i]; req.IncludeAuthorizedOperations && g.ErrorCode == 0 {
				out = append(out, grantField{Group, g.Group, &g.AuthorizedOperations})
			}
		}
	}
	return out
}

// grant fills in what the caller may do to what an answer names, when the
// request asked for it. It stands before refused resources are put back.
func (c *conn) grant(ctx context.Context, s *Session, msg kmsg.Request, resp kmsg.Response) {
	all := grants(msg, resp)
	if len(all) == 0 {
		return
	}
	var ops []Operation
	for _, g := range all {
		for _, op := range c.l.known(g.resource) {
			ops = append(ops, Operation{op, g.resource, g.name})
		}
	}
	allowed := make([]bool, len(ops))
	c.l.cfg.Authorizer.Authorize(ctx, s, ops, allowed)
	i := 0
	for _, g := range all {
		*g.field = 0
		for _, op := range c.l.known(g.resource) {
			if allowed[i] {
				*g.field |= 1 << bits[op]
			}
			i++
		}
	}
}
