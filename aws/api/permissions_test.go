package api

import (
	"testing"
)

// TestEveryOperationHasItsPermission fails for an operation that is served
// without a row that says what it asks of callers, and for a row without one.
func TestEveryOperationHasItsPermission(t *testing.T) {
	h := New(Config{}).(*handler)
	for name, s := range h.services {
		if name == "millrace" {
			continue
		}
		served := make(map[string]bool)
		for _, op := range s.operations {
			served[op.Name] = true
			if _, ok := permissionOf(name, op.Name); !ok {
				t.Errorf("%s:%s has no row in the table of permissions", name, op.Name)
			}
		}
		for op := range permissions[name] {
			if !served[op] {
				t.Errorf("%s:%s has a row and is not served", name, op)
			}
		}
	}
	if _, ok := permissionOf("kafka", "Nonsense"); ok {
		t.Error("an operation without a row may be called")
	}
}
