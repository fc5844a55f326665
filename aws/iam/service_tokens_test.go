package iam

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	one, other := newTokens(make([]byte, 32)), newTokens([]byte(strings.Repeat("x", 32)))
	s := &session{Account: AccountID, AccessKeyID: "ASIAA", Issued: time.Unix(1, 0).UTC(), Expires: time.Unix(2, 0).UTC(), Role: "r", Policies: []string{"{}"}, Tags: []tag{{"a", "b"}}}
	text, err := one.seal(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := one.open("ASIAA", text); !reflect.DeepEqual(got, s) {
		t.Errorf("opened %+v", got)
	}
	if again, err := one.seal(s); err != nil || again == text {
		t.Errorf("two tokens are the same (%v)", err)
	}
	if other.open("ASIAA", text) != nil || one.open("ASIAB", text) != nil || one.open("ASIAA", text+strings.Repeat("A", maxToken)) != nil {
		t.Error("it opens with another key, for another access key, or at any length")
	}
	if one.secretOf("ASIAA") == one.secretOf("ASIAB") || one.secretOf("ASIAA") == other.secretOf("ASIAA") || len(one.secretOf("ASIAA").Reveal()) != 40 {
		t.Error("secrets are not one for each access key")
	}
}

func FuzzOpenToken(f *testing.F) {
	tokens := newTokens(make([]byte, 32))
	text, err := tokens.seal(&session{Account: AccountID, AccessKeyID: "ASIAA"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Add(text[:30])
	f.Fuzz(func(t *testing.T, token string) {
		if got := tokens.open("ASIAA", token); got != nil && !reflect.DeepEqual(got, &session{Account: AccountID, AccessKeyID: "ASIAA"}) {
			t.Fatalf("a forged token opens: %q", token)
		}
	})
}

func FuzzKeyID(f *testing.F) {
	f.Add("AKIAIOSFODNN7EXAMPLE", []byte("0123456789"))
	f.Add("", []byte("0123456789"))
	f.Fuzz(func(t *testing.T, id string, random []byte) {
		if account, ok := accountOfKey(id); ok && !accountPattern.MatchString(account) {
			t.Fatalf("%q is of the account %q", id, account)
		}
		if len(random) < idBytes {
			return
		}
		for _, account := range []string{AccountID, "111122223333", "999999999999"} {
			made := newKeyID(longTermPrefix, account, random)
			if got, ok := accountOfKey(made); !ok || got != account {
				t.Fatalf("%s of %s is read as of %s", made, account, got)
			}
		}
	})
}

// TestKeyIDOfAWS reads the account of an access key id as AWS makes them.
func TestKeyIDOfAWS(t *testing.T) {
	if got, ok := accountOfKey("ASIAQNZGKIQY56JQ7WML"); !ok || got != "029608264753" {
		t.Errorf("got %s %v", got, ok)
	}
}
