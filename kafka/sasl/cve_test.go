package sasl_test

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/kafka/sasl"
)

// The tests of this file are named after weaknesses that other servers had.

func scramOptions(salt []byte) sasl.Options {
	return sasl.Options{Decoy: []byte("decoy"), SCRAM: func(_, user string) (sasl.Credential, bool) {
		return stored(sha512.New, "secret", salt), user == "alice"
	}}
}

// TestCVE2017_12610_NobodyActsForAnotherUser: Kafka let an authenticated client
// name another authorization id.
func TestCVE2017_12610_NobodyActsForAnotherUser(t *testing.T) {
	for gs2, good := range map[string]bool{"n,a=bob,": false, "n,a=alicE,": false, "n,a=alice ,": false, "n,a=alice,": true, "n,,": true} {
		_, _, err := step(t, sasl.ScramSHA512, scramOptions([]byte("salt")), []byte(gs2+"n=alice,r=abc"))
		if (err == nil) != good {
			t.Errorf("%q: %v", gs2, err)
		}
	}
}

// TestCVE2024_56128_TheNonceIsTheServers: Kafka accepted any final nonce that
// ended with the server's.
func TestCVE2024_56128_TheNonceIsTheServers(t *testing.T) {
	salt := []byte("salt-salt-salt-salt-1234")
	for name, nonce := range map[string]func(string) string{
		"a prefix":        func(w string) string { return "abd" + w },
		"only the suffix": func(w string) string { return w[3:] },
		"cut off":         func(w string) string { return w[:len(w)-1] },
		"more":            func(w string) string { return w + "x" },
	} {
		s, err := sasl.NewServer(sasl.ScramSHA512, scramOptions(salt))
		if err != nil {
			t.Fatal(err)
		}
		client := scramClient{sha512.New, "n=alice,r=abc"}
		out, _, err := s.Step(t.Context(), []byte("n,,"+client.bare))
		if err != nil {
			t.Fatal(err)
		}
		whole := strings.TrimPrefix(strings.Split(string(out), ",")[0], "r=")
		if _, id, err := s.Step(t.Context(), []byte(client.final(string(out), nonce(whole), "biws", "secret", salt))); err == nil || id != nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestCVE2021_38153_SecretsAreComparedInConstantTime: Kafka compared passwords
// byte by byte. No comparison of Go's that stops early may stand near a proof, and
// a user who is not there takes the same steps.
func TestCVE2021_38153_SecretsAreComparedInConstantTime(t *testing.T) {
	for _, file := range []string{"scram.go", filepath.Join("..", "..", "aws", "sigv4", "sigv4.go")} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(src), "hmac.Equal(") || strings.Contains(string(src), "bytes.Equal(") || strings.Contains(string(src), "== q.signature") {
			t.Errorf("%s compares secrets in time that tells about them", file)
		}
	}
	var reasons []string
	for _, user := range []string{"alice", "nobody"} {
		s, err := sasl.NewServer(sasl.ScramSHA512, scramOptions([]byte("salt")))
		if err != nil {
			t.Fatal(err)
		}
		client := scramClient{sha512.New, "n=" + user + ",r=abc"}
		out, _, err := s.Step(t.Context(), []byte("n,,"+client.bare))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(out), ",")
		salt, err := base64.StdEncoding.DecodeString(parts[1][2:])
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Step(t.Context(), []byte(client.final(string(out), parts[0][2:], "biws", "wrong", salt)))
		var f *sasl.Failure
		if !errors.As(err, &f) {
			t.Fatal(err)
		}
		reasons = append(reasons, f.Text)
	}
	if reasons[0] != reasons[1] {
		t.Errorf("clients are told who exists: %q", reasons)
	}
}

// TestCVE2026_33557_TokensNeedAVerifier: Kafka's default validator of OAUTHBEARER
// took tokens that nobody had checked.
func TestCVE2026_33557_TokensNeedAVerifier(t *testing.T) {
	for _, mechanism := range []string{sasl.OAuthBearer, sasl.AWSMSKIAM} {
		if s, err := sasl.NewServer(mechanism, sasl.Options{Region: "us-east-1", Hosts: func(string) bool { return true }}); err == nil {
			t.Errorf("%s without a verifier: %T", mechanism, s)
		}
	}
}

// TestCVE2026_33322_NoOtherTokensAreTaken: a JWT, whatever its header claims of
// algorithms, is none of MSK's tokens.
func TestCVE2026_33322_NoOtherTokensAreTaken(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	var seen sasl.Token
	for _, header := range []string{`{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"RS256","jwk":{}}`} {
		jwt := encode([]byte(header)) + "." + encode([]byte(`{"sub":"admin"}`)) + "."
		s, err := sasl.NewServer(sasl.OAuthBearer, options(&seen))
		if err != nil {
			t.Fatal(err)
		}
		// RFC 7628: the reason comes as a challenge, and the failure after it.
		for _, in := range []string{"n,,\x01auth=Bearer " + jwt + "\x01\x01", "\x01"} {
			var id *sasl.Identity
			if _, id, err = s.Step(t.Context(), []byte(in)); id != nil {
				t.Errorf("%s is accepted", header)
			}
		}
		if err == nil {
			t.Errorf("%s does not end in a failure", header)
		}
	}
}

// TestCVE2025_49827_TheHostIsOurs: Conjur asked whichever host a token named who
// its sender is. Here the host is compared, and nobody is asked.
func TestCVE2025_49827_TheHostIsOurs(t *testing.T) {
	for _, host := range []string{"evil.example", brokerHost + ".evil.example", "evil.example/" + brokerHost, brokerHost + ":9098", strings.ToUpper(brokerHost), ""} {
		payload := maps.Clone(iamPayload())
		payload["host"] = host
		in, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		var seen sasl.Token
		if _, id, err := step(t, sasl.AWSMSKIAM, options(&seen), in); err == nil || id != nil {
			t.Errorf("%q is accepted", host)
		}
	}
}
