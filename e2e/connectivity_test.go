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
	key, secret := i.otherAccount()
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_connectivity.py", key, secret))
}

// otherAccount makes the account 111122223333 and answers its root's credentials.
func (i *instance) otherAccount() (key, secret string) {
	i.t.Helper()
	made := i.cli("", "account", "create", "--id", "111122223333")
	found := regexp.MustCompile(`(?s)AWS_ACCESS_KEY_ID='?(\w+).*AWS_SECRET_ACCESS_KEY='?([\w/+=]+)`).FindStringSubmatch(made)
	if found == nil {
		i.t.Fatal(made)
	}
	return found[1], found[2]
}
