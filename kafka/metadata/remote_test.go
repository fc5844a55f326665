package metadata

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestRemoteStorage: what tiered topics may be where brokers have tiered
// storage, and that topics stay tiered.
func TestRemoteStorage(t *testing.T) {
	for _, line := range []release{k36, k39, k41} {
		c := &cluster{Core: New(Params{Release: int(line), Static: map[string]string{"remote.log.storage.system.enable": "true"}})}
		c.do(RegisterBrokers{Brokers: []Broker{{ID: 1}}})
		c.create("t", 1, 1)
		set := func(name, value, want string) {
			t.Helper()
			got := c.alter(kmsg.ConfigResourceTypeTopic, "t", kmsg.IncrementalAlterConfigOpSet, name, value)
			text := fmt.Sprint(got.ErrorCode)
			if got.ErrorMessage != nil {
				text += " " + *got.ErrorMessage
			}
			if !strings.Contains(text, want) || want == "0" && text != want {
				t.Errorf("%d: %s=%s: %s, want %s", line, name, value, text, want)
			}
		}
		set("cleanup.policy", "compact", "0")
		set("remote.storage.enable", "true", "40 Remote log storage")
		set("cleanup.policy", "delete", "0")
		set("remote.storage.enable", "true", "0")
		set("cleanup.policy", "compact,delete", "40 Remote log storage")
		set("retention.ms", "1000", "0")
		set("local.retention.ms", "1001", "40 Invalid value 1001 for configuration local.retention.ms: Value must not be more than property: retention.ms value.")
		set("local.retention.ms", "-1", "40 Invalid value -1 for configuration local.retention.ms: Value must not be -1 as retention.ms value is set as 1000.")
		set("local.retention.ms", "1000", "0")
		set("local.retention.bytes", "5", "0")
		set("retention.bytes", "4", "40 Invalid value 5 for configuration local.retention.bytes: Value must not be more than")
		if line < k39 {
			set("remote.storage.enable", "false", "40 Disabling remote storage feature on the topic level is not supported.")
			continue
		}
		set("remote.storage.enable", "false", "40 It is invalid to disable remote storage without deleting remote data.")
		set("remote.log.delete.on.disable", "true", "0")
		set("remote.storage.enable", "false", "0")
	}
}
