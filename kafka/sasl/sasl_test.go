package sasl_test

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/kafka/sasl"
)

type verifier func(sasl.Token) (sasl.Identity, error)

func (v verifier) VerifyToken(_ context.Context, t sasl.Token) (sasl.Identity, error) { return v(t) }

const brokerHost = "b-1.democluster.abc123.c2.kafka.us-east-1.amazonaws.com"

func options(seen *sasl.Token) sasl.Options {
	return sasl.Options{
		Region: "us-east-1", Hosts: func(h string) bool { return h == brokerHost },
		Verifier: verifier(func(t sasl.Token) (sasl.Identity, error) {
			*seen = t
			if t.Query.Get("X-Amz-Signature") == "bad" {
				return sasl.Identity{}, errors.New("mismatch")
			}
			return sasl.Identity{Type: "IAM", Name: "arn:aws:iam::1:user/a"}, nil
		}),
	}
}

func iamPayload() map[string]any {
	return map[string]any{
		"version": "2020_10_22", "host": brokerHost, "user-agent": "ua", "action": "kafka-cluster:Connect",
		"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": "AKID/20250101/us-east-1/kafka-cluster/aws4_request",
		"x-amz-date": "20250101T000000Z", "x-amz-expires": "900", "x-amz-signedheaders": "host", "x-amz-signature": "good",
	}
}

func step(t *testing.T, mechanism string, o sasl.Options, in []byte) ([]byte, *sasl.Identity, error) {
	t.Helper()
	s, err := sasl.NewServer(mechanism, o)
	if err != nil {
		t.Fatal(err)
	}
	return s.Step(t.Context(), in)
}

func TestIAMLogin(t *testing.T) {
	var seen sasl.Token
	payload := iamPayload()
	payload["x-amz-security-token"] = "tok/en=="
	payload["later-key"] = "ignored"
	in, _ := json.Marshal(payload)
	out, id, err := step(t, sasl.AWSMSKIAM, options(&seen), in)
	if err != nil || id == nil || id.String() != "IAM:arn:aws:iam::1:user/a" {
		t.Fatal(id, err)
	}
	var reply map[string]string
	if json.Unmarshal(out, &reply) != nil || reply["version"] != "2020_10_22" || len(reply["request-id"]) != 36 {
		t.Errorf("reply %s", out)
	}
	want := url.Values{"Action": {"kafka-cluster:Connect"}, "X-Amz-Security-Token": {"tok/en=="}, "X-Amz-Signature": {"good"}}
	for k, v := range want {
		if seen.Query.Get(k) != v[0] {
			t.Errorf("%s is %q", k, seen.Query.Get(k))
		}
	}
	if seen.Method != "GET" || seen.Host != brokerHost || len(seen.Query) != 8 {
		t.Errorf("token %+v", seen)
	}
}

func TestIAMRefusals(t *testing.T) {
	change := func(key string, value any) []byte {
		p := iamPayload()
		maps.DeleteFunc(p, func(k string, _ any) bool { return k == key })
		if value != nil {
			p[key] = value
		}
		b, _ := json.Marshal(p)
		return b
	}
	good := string(change("", nil))
	cases := map[string][]byte{
		"version": change("version", "2021"), "no host": change("host", nil), "other host": change("host", "b-2"),
		"action": change("action", "kafka-cluster:*"), "algorithm": change("x-amz-algorithm", "none"),
		"service":    change("x-amz-credential", "AKID/20250101/us-east-1/kafka/aws4_request"),
		"region":     change("x-amz-credential", "AKID/20250101/eu-west-1/kafka-cluster/aws4_request"),
		"terminator": change("x-amz-credential", "AKID/20250101/us-east-1/kafka-cluster/aws5"),
		"day":        change("x-amz-date", "20250102T000000Z"), "no date": change("x-amz-date", nil),
		"expires 0": change("x-amz-expires", "0"), "expires 901": change("x-amz-expires", "901"), "expires number": change("x-amz-expires", 900),
		"signed headers": change("x-amz-signedheaders", "host;x-amz-date"), "no signature": change("x-amz-signature", nil),
		"bad signature": change("x-amz-signature", "bad"), "nested": change("later", map[string]any{"a": "b"}), "null": change("later", []any{nil}),
		"duplicate": []byte(good[:len(good)-1] + `,"host":"` + brokerHost + `"}`), "two objects": []byte(good + good), "trailing": []byte(good + "x"),
		"empty": nil, "array": []byte("[]"), "cut": []byte(good[:len(good)-1]), "huge": change("later", strings.Repeat("x", 17<<10)),
	}
	for name, in := range cases {
		var seen sasl.Token
		_, id, err := step(t, sasl.AWSMSKIAM, options(&seen), in)
		var f *sasl.Failure
		if id != nil || !errors.As(err, &f) || !strings.HasSuffix(f.Text, "]: Access denied") || f.Reason == "" {
			t.Errorf("%s: %v %v", name, id, err)
		}
	}
}

func bearer(u string) []byte {
	return []byte("n,,\x01auth=Bearer " + base64.RawURLEncoding.EncodeToString([]byte(u)) + "\x01\x01")
}

const tokenURL = "https://kafka.us-east-1.amazonaws.com/?Action=kafka-cluster%3AConnect&User-Agent=go&X-Amz-Algorithm=AWS4-HMAC-SHA256" +
	"&X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=good"

func TestOAuthBearer(t *testing.T) {
	var seen sasl.Token
	out, id, err := step(t, sasl.OAuthBearer, options(&seen), bearer(tokenURL))
	if err != nil || id == nil || len(out) != 0 || seen.Query.Has("User-Agent") || seen.UserAgent != "go" {
		t.Fatal(out, id, err, seen)
	}
	if want := time.Date(2025, 1, 1, 0, 15, 0, 0, time.UTC); !id.Expires.Equal(want) {
		t.Errorf("expires %v", id.Expires)
	}
	for name, in := range map[string][]byte{
		"host": bearer(strings.Replace(tokenURL, "kafka.us-east-1", "kafka.eu-west-1", 1)), "http": bearer(strings.Replace(tokenURL, "https", "http", 1)),
		"path": bearer(strings.Replace(tokenURL, "/?", "/x?", 1)), "twice": bearer(tokenURL + "&Action=x"), "other": bearer(tokenURL + "&a=x"),
		"signature": bearer(strings.Replace(tokenURL, "=good", "=bad", 1)), "port": bearer(strings.Replace(tokenURL, ".com/", ".com:443/", 1)),
		"authzid": []byte("n,a=x,\x01auth=Bearer eA\x01\x01"), "none": []byte("n,,\x01\x01\x01"), "empty": nil, "base64": []byte("n,,\x01auth=Bearer !!\x01\x01"),
	} {
		s, _ := sasl.NewServer(sasl.OAuthBearer, options(&seen))
		out, id, err := s.Step(t.Context(), in)
		if id != nil || err != nil || string(out) != `{"status":"invalid_token"}` {
			t.Errorf("%s: %s %v %v", name, out, id, err)
		}
		_, id, err = s.Step(t.Context(), []byte{1})
		var f *sasl.Failure
		if id != nil || !errors.As(err, &f) || !strings.HasSuffix(f.Text, "Access denied") {
			t.Errorf("%s: %v %v", name, id, err)
		}
	}
}

// scramClient is a client as RFC 5802 has it, with the nonce given.
type scramClient struct {
	hash func() hash.Hash
	bare string
}

func (c scramClient) mac(key []byte, text string) []byte {
	h := hmac.New(c.hash, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (c scramClient) final(serverFirst, nonce, channel, password string, salt []byte) string {
	salted, _ := pbkdf2.Key(c.hash, password, salt, 4096, c.hash().Size())
	key := c.mac(salted, "Client Key")
	h := c.hash()
	h.Write(key)
	without := "c=" + channel + ",r=" + nonce
	sig := c.mac(h.Sum(nil), c.bare+","+serverFirst+","+without)
	for i := range sig {
		sig[i] ^= key[i]
	}
	return without + ",p=" + base64.StdEncoding.EncodeToString(sig)
}

func stored(h func() hash.Hash, password string, salt []byte) sasl.Credential {
	c := scramClient{hash: h}
	salted, _ := pbkdf2.Key(h, password, salt, 4096, h().Size())
	d := h()
	d.Write(c.mac(salted, "Client Key"))
	return sasl.Credential{Salt: salt, StoredKey: d.Sum(nil), ServerKey: c.mac(salted, "Server Key"), Iterations: 4096}
}

func TestScram(t *testing.T) {
	salt := []byte("salt-salt-salt-salt-1234")
	for mechanism, h := range map[string]func() hash.Hash{sasl.ScramSHA256: sha256.New, sasl.ScramSHA512: sha512.New} {
		o := sasl.Options{Decoy: []byte("decoy"), SCRAM: func(_, user string) (sasl.Credential, bool) {
			return stored(h, "secret", salt), user == "a,b=c"
		}}
		for name, c := range map[string]struct {
			user, password, channel string
			nonce                   func(client, whole string) string
			good                    bool
		}{
			"good":           {"a=2Cb=3Dc", "secret", "biws", func(_, w string) string { return w }, true},
			"old librdkafka": {"a=2Cb=3Dc", "secret", "biws", func(c, w string) string { return c + w }, true},
			"password":       {"a=2Cb=3Dc", "Secret", "biws", func(_, w string) string { return w }, false},
			"unknown":        {"nobody", "secret", "biws", func(_, w string) string { return w }, false},
			"other nonce":    {"a=2Cb=3Dc", "secret", "biws", func(_, w string) string { return "x" + w }, false},
			"short nonce":    {"a=2Cb=3Dc", "secret", "biws", func(c, _ string) string { return c }, false},
			"channel":        {"a=2Cb=3Dc", "secret", "cD10bHM=", func(_, w string) string { return w }, false},
		} {
			s, _ := sasl.NewServer(mechanism, o)
			client := scramClient{h, "n=" + c.user + ",r=abc"}
			out, _, err := s.Step(t.Context(), []byte("n,,"+client.bare))
			if err != nil {
				t.Fatal(name, err)
			}
			whole := strings.TrimPrefix(strings.Split(string(out), ",")[0], "r=")
			_, id, err := s.Step(t.Context(), []byte(client.final(string(out), c.nonce("abc", whole), c.channel, c.password, salt)))
			if (err == nil) != c.good || (id != nil) != c.good || id != nil && id.String() != "User:a,b=c" {
				t.Errorf("%s %s: %v %v", mechanism, name, id, err)
			}
		}
	}
}

func TestScramSaltOfUnknownUserIsSteady(t *testing.T) {
	o := sasl.Options{Decoy: []byte("decoy"), SCRAM: func(string, string) (sasl.Credential, bool) { return sasl.Credential{}, false }}
	salt := func(user string) string {
		out, _, err := step(t, sasl.ScramSHA512, o, []byte("n,,n="+user+",r=abc"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(out), ",")[1]
	}
	if first, again := salt("x"), salt("x"); first != again || first == salt("y") {
		t.Error("the salt tells that the user is unknown")
	}
}

func TestScramRefusesFirstMessages(t *testing.T) {
	o := sasl.Options{SCRAM: func(string, string) (sasl.Credential, bool) { return sasl.Credential{}, false }}
	for _, in := range []string{"", "n,,", "n,,n=a", "n,,n=,r=x", "n,,n=a,r=", "p=tls,,n=a,r=x", "n,a=b,n=a,r=x", "n,,n=a=2Xb,r=x", "n,,n=a,r=x,tokenauth=true", "n,,n=a,r=x y"} {
		if _, _, err := step(t, sasl.ScramSHA512, o, []byte(in)); err == nil {
			t.Errorf("%q was accepted", in)
		}
	}
}

func TestNothingIsServedUnconfigured(t *testing.T) {
	for _, m := range []string{sasl.AWSMSKIAM, sasl.OAuthBearer, sasl.ScramSHA256, sasl.ScramSHA512, "PLAIN", ""} {
		if _, err := sasl.NewServer(m, sasl.Options{}); err == nil {
			t.Errorf("%q was made from nothing", m)
		}
	}
}

func FuzzStep(f *testing.F) {
	in, _ := json.Marshal(iamPayload())
	f.Add(sasl.AWSMSKIAM, in, []byte{1})
	f.Add(sasl.OAuthBearer, bearer(tokenURL), []byte{1})
	f.Add(sasl.ScramSHA512, []byte("n,,n=a,r=b"), []byte("c=biws,r=b,p=AAAA"))
	f.Fuzz(func(t *testing.T, mechanism string, a, b []byte) {
		s, err := sasl.NewServer(mechanism, sasl.Options{
			Region: "us-east-1", Hosts: func(string) bool { return true },
			Verifier: verifier(func(sasl.Token) (sasl.Identity, error) { return sasl.Identity{}, errors.New("no") }),
			SCRAM:    func(string, string) (sasl.Credential, bool) { return stored(sha512.New, "x", []byte("salt")), true },
		})
		if err != nil {
			return
		}
		for _, in := range [][]byte{a, b} {
			_, id, err := s.Step(t.Context(), in)
			if id != nil {
				t.Fatal("authenticated")
			}
			if err != nil {
				return
			}
		}
	})
}
