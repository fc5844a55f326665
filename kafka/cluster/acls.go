package cluster

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// acls judges sessions by the cluster's ACLs: it turns the listener's questions
// into the core's. Everybody may connect, as in Kafka, but a SCRAM user who is
// gone may do nothing more on the connections that are open.
type acls struct {
	image  func() *metadata.Image
	exists func(user string) bool // of a listener with SCRAM alone; nil: not asked
}

var _ listener.Authorizer = acls{}

var aclOperations = map[listener.Op]kmsg.ACLOperation{
	listener.Describe: kmsg.ACLOperationDescribe, listener.Read: kmsg.ACLOperationRead, listener.Write: kmsg.ACLOperationWrite,
	listener.Create: kmsg.ACLOperationCreate, listener.Alter: kmsg.ACLOperationAlter, listener.Delete: kmsg.ACLOperationDelete,
	listener.DescribeConfigs: kmsg.ACLOperationDescribeConfigs, listener.AlterConfigs: kmsg.ACLOperationAlterConfigs,
	listener.IdempotentWrite: kmsg.ACLOperationIdempotentWrite, listener.ClusterAction: kmsg.ACLOperationClusterAction,
}

var aclTypes = map[listener.ResourceType]kmsg.ACLResourceType{
	listener.Topic: kmsg.ACLResourceTypeTopic, listener.Group: kmsg.ACLResourceTypeGroup,
	listener.Cluster: kmsg.ACLResourceTypeCluster, listener.TransactionalID: kmsg.ACLResourceTypeTransactionalId,
}

// Authorize tells of each operation whether the session may do it.
func (a acls) Authorize(_ context.Context, s *listener.Session, ops []listener.Operation, allowed []bool) {
	if a.exists != nil && !a.exists(s.Identity.Name) {
		return
	}
	img := a.image()
	who := metadata.Access{Principal: s.Principal(), Host: s.Host()}
	for i, op := range ops {
		allowed[i] = op.Op == listener.Connect || may(img, who, op)
	}
}

// may asks for an operation, and for what Kafka takes instead: to create a
// topic, Create on the cluster; for idempotent writes, Write on any topic (KIP-679).
func may(img *metadata.Image, a metadata.Access, op listener.Operation) bool {
	a.Operation, a.Type, a.Name = aclOperations[op.Op], aclTypes[op.Resource], op.Name
	if op.Resource == listener.Cluster {
		a.Name = metadata.ClusterName
	}
	if a.Operation == kmsg.ACLOperationUnknown || a.Type == kmsg.ACLResourceTypeUnknown {
		return false
	}
	if img.Allowed(a) {
		return true
	}
	switch {
	case op.Op == listener.Create && op.Resource == listener.Topic:
		a.Type, a.Name = kmsg.ACLResourceTypeCluster, metadata.ClusterName
		return img.Allowed(a)
	case op.Op == listener.IdempotentWrite:
		a.Operation, a.Type = kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTopic
		return img.AllowedSomewhere(a)
	}
	return false
}
