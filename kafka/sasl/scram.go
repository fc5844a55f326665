package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

const (
	decoyIterations = 4096
	maxName         = 1024 // bytes of a user name or nonce
)

// scramServer is SCRAM over stored keys (RFC 5802), written here because
// published servers refuse the repeated nonce that finish accepts.
type scramServer struct {
	mechanism string
	o         Options
	hash      func() hash.Hash

	step        int
	user        string
	known       bool
	cred        Credential
	gs2         string
	clientNonce string
	nonce       string // client's and server's
	authMessage string // up to the client's final message
}

func newScram(mechanism string, o Options) *scramServer {
	s := &scramServer{mechanism: mechanism, o: o, hash: sha256.New}
	if mechanism == ScramSHA512 {
		s.hash = sha512.New
	}
	return s
}

func (s *scramServer) Step(_ context.Context, in []byte) ([]byte, *Identity, error) {
	s.step++
	if len(in) > maxMessage {
		return nil, nil, s.fail("message over 16 KiB")
	}
	switch s.step {
	case 1:
		out, err := s.first(string(in))
		if err != nil {
			return nil, nil, s.fail(err.Error())
		}
		return []byte(out), nil, nil
	case 2:
		out, err := s.finish(string(in))
		if err != nil {
			return nil, nil, s.fail(fmt.Sprintf("user %.80q: %v", s.user, err))
		}
		return []byte(out), &Identity{Type: "User", Name: s.user}, nil
	}
	return nil, nil, s.fail("message after the end")
}

// fail is Kafka's text, the same whatever was wrong.
func (s *scramServer) fail(reason string) error {
	return &Failure{
		Text:   "Authentication failed during authentication due to invalid credentials with SASL mechanism " + s.mechanism,
		Reason: reason, User: s.user,
	}
}

// first answers gs2-header "n=" user ",r=" nonce [extensions].
func (s *scramServer) first(in string) (string, error) {
	parts := strings.SplitN(in, ",", 3)
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" {
		return "", errors.New("malformed first message, or channel binding")
	}
	bare := parts[2]
	s.gs2 = in[:len(in)-len(bare)]
	fields := strings.Split(bare, ",")
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "n=") || !strings.HasPrefix(fields[1], "r=") {
		return "", errors.New("malformed first message")
	}
	if len(fields) > 2 {
		return "", errors.New("extensions are not served: delegation tokens do not exist here")
	}
	user, err := saslName(fields[0][2:])
	if err != nil {
		return "", err
	}
	if authzid, has := strings.CutPrefix(parts[1], "a="); parts[1] != "" && (!has || authzid != fields[0][2:]) {
		return "", errors.New("authorization id is not the user")
	}
	s.user, s.clientNonce = user, fields[1][2:]
	if !validNonce(s.clientNonce) {
		return "", errors.New("malformed nonce")
	}
	s.lookup()
	s.nonce = s.clientNonce + rand.Text()
	out := fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, base64.StdEncoding.EncodeToString(s.cred.Salt), s.cred.Iterations)
	s.authMessage = bare + "," + out
	return out, nil
}

// lookup finds the credential, or makes one up that no proof fits, whose salt is
// the same at every try, so that user names cannot be guessed.
func (s *scramServer) lookup() {
	if s.cred, s.known = s.o.SCRAM(s.mechanism, s.user); s.known {
		// Nothing shows that a user is locked, or that he exists.
		s.known = s.o.Locked == nil || !s.o.Locked(s.user)
		return
	}
	decoy := s.o.Decoy
	if decoy == nil {
		decoy = []byte(rand.Text())
	}
	salt := s.mac(decoy, s.mechanism+"\x00"+s.user)
	key := []byte(rand.Text() + rand.Text() + rand.Text())
	s.cred = Credential{Salt: salt[:24], StoredKey: key[:s.hash().Size()], ServerKey: key[:s.hash().Size()], Iterations: decoyIterations}
}

// finish answers "c=" gs2 ",r=" nonce [extensions] ",p=" proof.
func (s *scramServer) finish(in string) (string, error) {
	i := strings.LastIndex(in, ",p=")
	if i < 0 {
		return "", errors.New("malformed final message")
	}
	withoutProof := in[:i]
	fields := strings.Split(withoutProof, ",")
	proof, err := base64.StdEncoding.DecodeString(in[i+3:])
	if err != nil || len(fields) != 2 || len(proof) != s.hash().Size() {
		return "", errors.New("malformed final message")
	}
	// Java's client sends that of "n,," whatever it sent first.
	if fields[0] != "c="+base64.StdEncoding.EncodeToString([]byte(s.gs2)) && fields[0] != "c=biws" {
		return "", errors.New("channel binding differs")
	}
	// librdkafka before 2.6.1 sends its own nonce before the whole nonce once
	// more. That is still fresh and signed, so it is accepted as Kafka 3.9 does;
	// any other prefix is not.
	if fields[1] != "r="+s.nonce && fields[1] != "r="+s.clientNonce+s.nonce {
		return "", errors.New("nonce differs")
	}
	message := s.authMessage + "," + withoutProof
	key := s.mac(s.cred.StoredKey, message)
	for i := range key {
		key[i] ^= proof[i]
	}
	h := s.hash()
	h.Write(key)
	if !hmac.Equal(h.Sum(nil), s.cred.StoredKey) || !s.known {
		return "", errors.New("wrong password or unknown user, known=" + strconv.FormatBool(s.known))
	}
	return "v=" + base64.StdEncoding.EncodeToString(s.mac(s.cred.ServerKey, message)), nil
}

func (s *scramServer) mac(key []byte, text string) []byte {
	h := hmac.New(s.hash, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// saslName decodes =2C and =3D.
func saslName(in string) (string, error) {
	if in == "" || len(in) > maxName {
		return "", errors.New("malformed user name")
	}
	out := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(in)
	if strings.Count(in, "=") != strings.Count(in, "=2C")+strings.Count(in, "=3D") {
		return "", errors.New("malformed user name")
	}
	return out, nil
}

func validNonce(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7e })
}
