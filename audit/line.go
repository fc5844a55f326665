package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// genesis is the hash that the first record names as the one before it.
const genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// maxLine bounds one line in bytes: three documents and all texts, each of whose
// bytes JSON may write as six.
const maxLine = 512 << 10

// position is a place in the chain: the record that was written last.
type position struct {
	sequence int64
	hash     string // of that record
}

const (
	hashMark   = `,"hash":"`
	digestMark = `"digest":{`
	lineEnd    = len(hashMark) + 64 + len(`"}`)
)

// chain makes the line of a record: inner is its JSON members, without braces.
// It ends with a newline.
func (p *position) chain(dst []byte, inner string) []byte {
	body := fmt.Sprintf(`{"sequence":%d,"previousHash":"%s",%s`, p.sequence+1, p.hash, inner)
	sum := sha256.Sum256([]byte(body))
	p.sequence, p.hash = p.sequence+1, hex.EncodeToString(sum[:])
	return append(append(dst, body...), hashMark+p.hash+"\"}\n"...)
}

// JSON is an event as its line has it, within the bounds of a line.
func (e Event) JSON() ([]byte, error) { return json.Marshal(e.bounded()) }

// event makes the line of an event.
func (p *position) event(dst []byte, e Event) ([]byte, error) {
	data, err := e.JSON()
	if err != nil {
		return dst, fmt.Errorf("encode an audit event: %w", err)
	}
	return p.chain(dst, string(data[1:len(data)-1])), nil
}

// digest makes a line that signs the chain up to the line before it.
func (p *position) digest(dst []byte, key ed25519.PrivateKey, at time.Time) []byte {
	text := digestText(p.sequence+1, p.hash, stampText(at))
	return p.chain(dst, fmt.Sprintf(`%s"time":"%s","signature":"%s"}`, digestMark, stampText(at),
		base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))))
}

func stampText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func digestText(sequence int64, previous, at string) string {
	return fmt.Sprintf("millrace audit digest 1\n%d\n%s\n%s\n", sequence, previous, at)
}

// next checks that a line (without its newline) is the record after p, and moves
// p to it. The error says what is wrong with it.
func (p *position) next(line []byte, key ed25519.PublicKey) (isDigest bool, err error) {
	s := string(line)
	end := len(s) - lineEnd
	if end <= 0 || !strings.HasPrefix(s[end:], hashMark) || !strings.HasSuffix(s, `"}`) {
		return false, errors.New("it does not end with its hash")
	}
	sum := sha256.Sum256([]byte(s[:end]))
	hash := hex.EncodeToString(sum[:])
	if s[end+len(hashMark):len(s)-2] != hash {
		return false, errors.New("its content does not have its hash")
	}
	head := fmt.Sprintf(`{"sequence":%d,"previousHash":"%s",`, p.sequence+1, p.hash)
	inner, ok := strings.CutPrefix(s[:end], head)
	if !ok {
		return false, fmt.Errorf("it does not follow record %d", p.sequence)
	}
	if isDigest = strings.HasPrefix(inner, digestMark); isDigest {
		if err := p.checkDigest(inner, key); err != nil {
			return true, err
		}
	}
	p.sequence, p.hash = p.sequence+1, hash
	return isDigest, nil
}

func (p *position) checkDigest(inner string, key ed25519.PublicKey) error {
	var d struct {
		Digest struct {
			Time      string `json:"time"`
			Signature []byte `json:"signature"`
		} `json:"digest"`
	}
	if err := json.Unmarshal([]byte("{"+inner+"}"), &d); err != nil {
		return fmt.Errorf("its digest is malformed: %w", err)
	}
	if !ed25519.Verify(key, []byte(digestText(p.sequence+1, p.hash, d.Digest.Time)), d.Digest.Signature) {
		return errors.New("its digest has a wrong signature")
	}
	return nil
}

// first reads where a line says it stands, for a log whose beginning is
// elsewhere.
func first(line []byte) (position, bool) {
	rest, ok := strings.CutPrefix(string(line), `{"sequence":`)
	number, rest, ok2 := strings.Cut(rest, `,"previousHash":"`)
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || !ok2 || err != nil || n < 1 || len(rest) < 64 {
		return position{}, false
	}
	return position{n - 1, rest[:64]}, true
}
