package server

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/audit/trail"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/vfs"
)

// AuditDir is the directory of the audit log in the data directory.
const AuditDir = "audit"

// openAudit goes on with the audit log.
func (s *System) openAudit() error {
	dir := filepath.Join(s.cfg.DataDir, AuditDir)
	if err := vfs.MakeDirs(vfs.OS, dir, dirMode); err != nil {
		return fmt.Errorf("make the audit directory: %w", err)
	}
	w, err := audit.Open(vfs.OS, dir, time.Now())
	if err != nil {
		return fmt.Errorf("%w: see 'millrace audit verify'; to go on with a new log, move %s elsewhere and keep it", err, dir)
	}
	cfg := trail.Config{Writer: w, Log: s.cfg.Log}
	if s.cfg.AuditLogGroup != "" {
		s.auditCopy = newAuditCopy(s.cfg.Region, s.cfg.AuditLogGroup, s.cfg.Log)
		cfg.Written = s.auditCopy.put
	}
	s.audit = trail.Start(cfg)
	return nil
}

// refusals puts what a cluster's brokers refuse on record.
func refusals(t *trail.Trail, clusterARN, region string) func(listener.Refusal) {
	if t == nil {
		return nil
	}
	return func(r listener.Refusal) { t.Refused(refusalEvent(r, clusterARN, region)) }
}

// refusalEvent is a refused Kafka request or login as a record. The names of
// IAM's actions stand in it for principals of ACLs too: they are the same
// operations.
func refusalEvent(r listener.Refusal, clusterARN, region string) audit.Event {
	e := audit.Event{
		Identity: refusedIdentity(r), Source: "kafka-cluster.amazonaws.com", Name: r.API, Region: region, UserAgent: r.ClientID,
		Resources: []audit.Resource{{ARN: clusterARN, Type: "AWS::MSK::Cluster"}},
	}
	if parts := strings.SplitN(clusterARN, ":", 6); len(parts) == 6 {
		e.Account = parts[4]
	}
	if r.Remote.IsValid() {
		e.SourceIP = r.Remote.String()
	}
	more := map[string]any{"listener": r.Listener, "broker": r.BrokerID, "clientId": r.ClientID}
	if r.API == "SaslAuthenticate" {
		e.ErrorCode, e.ErrorMessage = "AuthenticationFailed", r.Reason
		more["mechanism"] = r.Mechanism
	} else {
		resource := resourceARN(clusterARN, r.Operation)
		action, known := actionOf(r.Operation)
		if !known {
			action = r.Operation.Op.String()
		}
		e.ErrorCode = "AccessDenied"
		e.ErrorMessage = fmt.Sprintf("%s is not authorized to perform %s on %s", principalName(r), action, resource)
		e.Resources = append(e.Resources, audit.Resource{ARN: resource})
		more["action"], more["operation"], more["resourceType"], more["resource"] = action, r.Operation.Op.String(), r.Operation.Resource.String(), r.Operation.Name
		more["refusedOperations"] = r.Denied
		if r.Reason != "" {
			more["why"] = r.Reason
		}
	}
	e.Additional, _ = json.Marshal(more) // a map of texts and numbers encodes
	return e
}

// recordedActions are the administrative actions of IAM principals that are on
// record when they are done. CloudTrail has all but AlterCluster, which ACLs and
// users are made with, and the two that only describe. (aws:kafka developer
// guide, logging MSK API calls)
var recordedActions = map[string]bool{
	"kafka-cluster:CreateTopic": true, "kafka-cluster:DeleteTopic": true, "kafka-cluster:AlterTopic": true,
	"kafka-cluster:AlterTopicDynamicConfiguration": true, "kafka-cluster:AlterClusterDynamicConfiguration": true, "kafka-cluster:AlterCluster": true,
}

// refuseUnrecordable takes back what would have to be put on record, and cannot.
func (a wireAuthorizer) refuseUnrecordable(ops []listener.Operation, allowed []bool) {
	if a.audit == nil || a.audit.Err() == nil {
		return
	}
	for i, op := range ops {
		action, _ := actionOf(op)
		allowed[i] = allowed[i] && !recordedActions[action]
	}
}

// wireChanges puts on record what IAM principals change by Kafka requests: one event
// for each action on a resource, as CloudTrail does.
func wireChanges(t *trail.Trail, clusterARN, region string) func(context.Context, listener.Change) error {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, c listener.Change) error {
		for _, e := range changeEvents(c, clusterARN, region) {
			if err := t.Commit(context.WithoutCancel(ctx), e); err != nil { // it is done, whether the client waits or not
				return err
			}
		}
		return nil
	}
}

func changeEvents(c listener.Change, clusterARN, region string) (out []audit.Event) {
	w, ok := c.Session.Identity.Handle.(*wireCaller)
	if !ok {
		return nil
	}
	w.mu.Lock()
	caller := w.caller
	w.mu.Unlock()
	account, _ := placeOf(clusterARN)
	for _, op := range c.Operations {
		action, known := actionOf(op)
		if !known || !recordedActions[action] {
			continue
		}
		resource := resourceARN(clusterARN, op)
		e := audit.Event{
			Identity: identityOnWire(caller), Source: "kafka-cluster.amazonaws.com", Name: strings.TrimPrefix(action, "kafka-cluster:"), Region: region,
			UserAgent: caller.UserAgent, Account: account, Resources: []audit.Resource{{ARN: clusterARN, Type: "AWS::MSK::Cluster"}},
		}
		if resource != clusterARN {
			e.Resources = append(e.Resources, audit.Resource{ARN: resource})
		}
		if c.Remote.IsValid() {
			e.SourceIP = c.Remote.String()
		}
		e.Parameters, _ = json.Marshal(map[string]string{"kafkaAPI": c.API, "resourceARN": resource}) // texts encode
		e.Additional, _ = json.Marshal(map[string]any{"listener": c.Listener, "broker": c.BrokerID, "clientId": c.ClientID})
		out = append(out, e)
	}
	return out
}

func identityOnWire(c model.Caller) audit.Identity {
	out := audit.PrincipalOf(c.ARN)
	out.PrincipalID, out.AccessKeyID = c.UserID, c.AccessKeyID
	return out
}

func principalName(r listener.Refusal) string {
	if r.Session == nil {
		return "User:" + r.User
	}
	return r.Session.Identity.String()
}

func refusedIdentity(r listener.Refusal) audit.Identity {
	if r.Session == nil {
		return audit.Identity{Type: "Unknown", UserName: r.User} // claimed
	}
	id := r.Session.Identity
	if w, ok := id.Handle.(*wireCaller); ok {
		w.mu.Lock()
		c := w.caller
		w.mu.Unlock()
		return identityOnWire(c)
	}
	return audit.Identity{Type: "KafkaUser", PrincipalID: id.String(), UserName: id.Name}
}
