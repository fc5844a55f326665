package api

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/acmpca"
	"github.com/millrace/millrace/aws/model/ec2"
	"github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/aws/model/sts"
)

// TestRecordedOperations holds the list of operations that are on record when they
// succeed. Whoever serves another one decides, in testdata/recorded.txt, whether
// its name says rightly that it changes something.
func TestRecordedOperations(t *testing.T) {
	const file = "testdata/recorded.txt"
	var got []string
	for service, ops := range map[string][]model.Operation{
		"kafka": kafka.Operations(nil), "sts": sts.Operations(nil), "iam": iam.Operations(nil), "ec2": ec2.Operations(nil), "kms": kms.Operations(nil),
		"secretsmanager": secretsmanager.Operations(nil), "acm-pca": acmpca.Operations(nil), "logs": logs.Operations(nil),
	} {
		for _, op := range ops {
			if name := service + ":" + op.Name; recordable(name) {
				got = append(got, name)
			}
		}
	}
	slices.Sort(got)
	if os.Getenv("MILLRACE_REWRITE") != "" {
		if err := os.WriteFile(file, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(data))
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s is on record, but not in %s", name, file)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not on record any more", name)
		}
	}
}
