package tidy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// reasons is every third-party module that the product or its tests require
// directly, and why.
var reasons = map[string]string{
	"github.com/aws/aws-msk-iam-sasl-signer-go":  "tests: AWS's own signer of tokens for Go",
	"github.com/aws/aws-sdk-go-v2":               "the command line speaks the public API through the SDK that users have",
	"github.com/aws/aws-sdk-go-v2/credentials":   "the same",
	"github.com/aws/aws-sdk-go-v2/service/kafka": "the same: MSK's operations",
	"github.com/aws/smithy-go/aws-http-auth":     "tests: a signer that is not ours, to check our verifier against",
	"github.com/go-jose/go-jose/v4":              "tokens of identity providers: reads key sets, as golang-jwt does not, and takes named algorithms alone",
	"github.com/goccy/go-yaml":                   "the configuration file, with positions in errors",
	"github.com/klauspost/compress":              "gzip, snappy and zstd of record batches, without cgo",
	"github.com/pavlo-v-chernykh/keystore-go/v4": "reads the JVM's roots from a JKS file for the trust store",
	"github.com/pierrec/lz4/v4":                  "lz4 frames of record batches",
	"github.com/prometheus/client_model":         "the same: what the parser answers",
	"github.com/prometheus/common":               "tests: the parser that Prometheus reads our text with",
	"github.com/spf13/cobra":                     "the command line",
	"github.com/spf13/pflag":                     "cobra's flags, to set them from environment and file",
	"github.com/twmb/franz-go":                   "kgo for the command line, tests and bench; kerr: Kafka's error codes",
	"github.com/twmb/franz-go/pkg/kadm":          "the Kafka Admin protocol for the topic operations, the command line and tests",
	"github.com/twmb/franz-go/pkg/kmsg":          "Kafka's messages, behind kafka/wire's filter",
	"go.etcd.io/bbolt":                           "the control plane's store in one file",
	"golang.org/x/sys":                           "fdatasync and syncfs",
	"golang.org/x/term":                          "whether a terminal is attached",
	"software.sslmate.com/src/go-pkcs12":         "the trust store that Java reads",
}

func TestDependenciesHaveReasons(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) < 2 || strings.Contains(line, "// indirect") || !strings.Contains(fields[0], ".") || !strings.HasPrefix(fields[1], "v") {
			continue
		}
		seen[fields[0]] = true
		if reasons[fields[0]] == "" {
			t.Errorf("%s has no reason in internal/tidy/deps_test.go", fields[0])
		}
	}
	for name := range reasons {
		if !seen[name] {
			t.Errorf("%s has a reason, but is not required any more", name)
		}
	}
}
