package server

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/audit"
)

// TestAuditLogGroup: what the audit log's files have is in the log group too,
// over restarts.
func TestAuditLogGroup(t *testing.T) {
	h := newHost(t)
	h.kill()
	h.cfg.Audit, h.cfg.AuditLogGroup = true, group
	for _, name := range []string{"CreateUser", "DeleteUser"} {
		h.start(nil)
		if err := h.s.audit.Commit(t.Context(), audit.Event{Source: "iam.amazonaws.com", Name: name}); err != nil {
			t.Fatal(err)
		}
		h.kill() // copies what waits
	}
	h.start(nil)
	text := h.logged(`^000000000000_CloudTrail_us-east-1 \{"eventVersion":"1\.11",.*"eventName":"CreateUser"`, `"eventName":"DeleteUser"`)
	if strings.Count(text, "\n") != 2 {
		t.Errorf("there are more:\n%s", text)
	}
}

func TestAuditLogGroupNeedsAudit(t *testing.T) {
	_, err := New(Config{DataDir: t.TempDir(), AuditLogGroup: "g"})
	if err == nil || !strings.Contains(err.Error(), "--audit") {
		t.Errorf("without an audit log: %v", err)
	}
	_, err = New(Config{DataDir: t.TempDir(), Audit: true, AuditLogGroup: "no name"})
	if err == nil || !strings.Contains(err.Error(), "--audit-log-group") {
		t.Errorf("with a name that is none: %v", err)
	}
}
