//go:build e2e

package e2e

import (
	"path/filepath"
	"regexp"
	"testing"
)

// TestBoto3Connectivity is testdata/boto3_connectivity.py.
//
// Works: boto3: public access, multi-VPC connectivity and VPC connections of another account, and their errors
func TestBoto3Connectivity(t *testing.T) {
	t.Parallel()
	i := start(t)
	made := i.cli("", "account", "create", "--id", "111122223333")
	key := regexp.MustCompile(`AWS_ACCESS_KEY_ID='?(\w+)`).FindStringSubmatch(made)
	secret := regexp.MustCompile(`AWS_SECRET_ACCESS_KEY='?([\w/+=]+)`).FindStringSubmatch(made)
	if key == nil || secret == nil {
		t.Fatal(made)
	}
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_connectivity.py", key[1], secret[1]))
}
