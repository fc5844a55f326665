package server

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/iam"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/store"
)

// TestTemporaryCredentialsEndOnTheWire: a session ends with its credentials, or
// with its OAUTHBEARER token if that is sooner, and expired ones do not log in.
func TestTemporaryCredentialsEndOnTheWire(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s, err := iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader, Keys: seal.New(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	const region, host = "us-east-1", "b-1.example.com"
	_, root, _ := s.Authenticate(t.Context(), s.Root().AccessKeyID, "", region)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`
	role, name, session := "arn:aws:iam::000000000000:role/app", "app", "one"
	if _, err := s.CreateRole(t.Context(), root, &shape.CreateRoleRequest{RoleName: &name, AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	out, err := s.AssumeRole(t.Context(), root, &sts.AssumeRoleRequest{RoleArn: &role, RoleSessionName: &session})
	if err != nil {
		t.Fatal(err)
	}
	key := sigv4.Key{AccessKeyID: *out.Credentials.AccessKeyId, Secret: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	v := tokenVerifier{iam: s, region: region, now: clock}
	login := func(mechanism string) (sasl.Identity, error) {
		query := sigv4.SignToken(host, "kafka-cluster:Connect", key, region, 15*time.Minute, now)
		return v.VerifyToken(t.Context(), sasl.Token{Mechanism: mechanism, Method: "GET", Host: host, Query: query})
	}
	for mechanism, want := range map[string]time.Duration{"AWS_MSK_IAM": time.Hour, "OAUTHBEARER": 15 * time.Minute} {
		id, err := login(mechanism)
		if err != nil || id.Name != "arn:aws:sts::000000000000:assumed-role/app/one" || !id.Expires.Equal(now.Add(want)) {
			t.Errorf("%s: %+v, %v", mechanism, id, err)
		}
	}
	now = now.Add(50 * time.Minute)
	if id, err := login("OAUTHBEARER"); err != nil || !id.Expires.Equal(now.Add(10*time.Minute)) {
		t.Errorf("a token that outlives its credentials: %v, %v", id.Expires, err)
	}
	now = now.Add(10 * time.Minute)
	var bad *sigv4.Error
	if _, err := login("AWS_MSK_IAM"); !errors.As(err, &bad) || bad.Kind != sigv4.ExpiredToken {
		t.Errorf("expired credentials: %v", err)
	}
}
