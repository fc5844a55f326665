package server

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/audit/trail"
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
		out := audit.PrincipalOf(c.ARN)
		out.PrincipalID, out.AccessKeyID = c.UserID, c.AccessKeyID
		return out
	}
	return audit.Identity{Type: "KafkaUser", PrincipalID: id.String(), UserName: id.Name}
}
