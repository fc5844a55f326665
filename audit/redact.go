package audit

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Hidden stands in a record where a secret was.
const Hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// secretNames are parts of member names whose values are secrets, in lower case
// and without separators.
var secretNames = []string{
	"secret", "password", "passphrase", "token", "privatekey", "plaintext", "credential",
	"saslpassword", "authorization", "signature", "jaasconfig",
}

// publicEnds are ends of names that look secret and are not: they name one.
var publicEnds = []string{"arn", "arns", "arnlist", "id", "ids", "name", "versionid", "description", "type", "nexttoken"}

// SecretName says whether a member's value is a secret by its name, for who shows
// values otherwise than in a record.
func SecretName(name string) bool { return secretName(name) }

// secretName says whether the value of a member must not be shown. It errs on
// the side of hiding.
func secretName(name string) bool {
	name = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
	for _, end := range publicEnds {
		if strings.HasSuffix(name, end) {
			return false
		}
	}
	for _, part := range secretNames {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// maxDepth bounds the nesting of what Redact reads.
const maxDepth = 64

// Redact is a JSON document with the values of secret members replaced by
// Hidden, whatever they hold. What is no JSON object is left out: nil.
func Redact(document []byte) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var v map[string]any
	if len(document) == 0 || d.Decode(&v) != nil || v == nil {
		return nil
	}
	out, err := json.Marshal(redact(v, 0))
	if err != nil {
		return nil
	}
	return out
}

func redact(v any, depth int) any {
	if depth == maxDepth {
		return Hidden
	}
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if secretName(name) && inner != nil {
				v[name] = Hidden
			} else {
				v[name] = redact(inner, depth+1)
			}
		}
	case []any:
		for i := range v {
			v[i] = redact(v[i], depth+1)
		}
	}
	return v
}
