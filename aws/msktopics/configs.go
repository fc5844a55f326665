package msktopics

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/aws/model"
)

// maxConfigs is how many configs a request may name: more than there are.
const maxConfigs = 200

// parseConfigs reads a request's configs: a JSON map, as Terraform's aws_msk_topic
// sends it, or lines of key=value, both in base64. A value that is null in JSON is
// nil. UNVERIFIED wordings
func parseConfigs(given *string) (map[string]*string, error) {
	if given == nil {
		return nil, nil
	}
	text, err := base64.StdEncoding.DecodeString(*given)
	if err != nil {
		return nil, model.BadRequest("configs", "The configs must be encoded in Base64.")
	}
	read := lines
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("{")) {
		read = object
	}
	configs, err := read(text)
	if err == nil && len(configs) > maxConfigs {
		err = fmt.Errorf("there are more than %d", maxConfigs)
	}
	if err != nil {
		return nil, model.BadRequest("configs", "The configs can't be read: "+err.Error()+".")
	}
	return configs, nil
}

// object reads a JSON map whose values are texts, or numbers and truths as Kafka
// writes them.
func object(text []byte) (map[string]*string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	configs := make(map[string]*string, len(raw))
	for key, value := range raw {
		var s *string
		switch value[0] {
		case '{', '[':
			return nil, fmt.Errorf("the value of %q is not a string", key)
		case '"', 'n': // or null
			if err := json.Unmarshal(value, &s); err != nil {
				return nil, err
			}
		default:
			s = new(string(value))
		}
		configs[key] = s
	}
	return configs, nil
}

// lines reads key=value lines. Empty ones and those that begin with # say
// nothing.
func lines(text []byte) (map[string]*string, error) {
	configs := make(map[string]*string)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" {
			return nil, fmt.Errorf("a line is not of the form key=value")
		}
		configs[key] = &value
	}
	return configs, nil
}

// formatConfigs is what DescribeTopic answers: a JSON map in base64, which is
// what Terraform's aws_msk_topic reads.
func formatConfigs(all []kadm.Config) (*string, error) {
	values := make(map[string]string, len(all))
	for _, c := range all {
		values[c.Key] = c.MaybeValue()
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return new(base64.StdEncoding.EncodeToString(text)), nil
}
