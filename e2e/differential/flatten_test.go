//go:build e2e

package differential

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// symbols are the names of what a side chose freely.
type symbols struct {
	start time.Time
	names map[string]string // kind + value -> symbol
	count map[string]int
	words []string // pairs for a replacer of texts: value, symbol
}

// newSymbols knows what is at the addresses of brokers 1, 2, ...
func newSymbols(brokers []string) *symbols {
	s := &symbols{start: time.Now(), names: make(map[string]string), count: make(map[string]int)}
	for i, address := range brokers {
		_, port, _ := net.SplitHostPort(address)
		name := fmt.Sprintf("<port of %d>", i+1)
		s.names["port\x00"+port] = name
		s.words = append(s.words, port, name)
	}
	return s
}

// of is the symbol of a value, a new one if it is new. said are the forms in
// which the value may stand in texts.
func (s *symbols) of(kind, value string, said ...string) string {
	key := kind + "\x00" + value
	name, ok := s.names[key]
	if !ok {
		s.count[kind]++
		name = fmt.Sprintf("<%s %d>", kind, s.count[kind])
		s.names[key] = name
		for _, w := range said {
			s.words = append(s.words, w, name)
		}
	}
	return name
}

var (
	uuidText   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	uuidBase64 = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
	timeText   = regexp.MustCompile(`\b1[0-9]{12}\b|-92233[0-9]{14}`)
	producerID = regexp.MustCompile(`(?i)(producer ?id:? ?=?)(\d+)`)
	object     = regexp.MustCompile(`@[0-9a-f]{6,8}\b`)
)

// text is a text with the symbols of what it names.
func (s *symbols) text(v string) string {
	v = strings.NewReplacer(s.words...).Replace(v)
	v = uuidText.ReplaceAllStringFunc(v, func(id string) string { return s.of("uuid", id) })
	v = timeText.ReplaceAllString(v, "<time>")
	v = producerID.ReplaceAllStringFunc(v, func(m string) string {
		p := producerID.FindStringSubmatch(m)
		return p[1] + s.of("producer", p[2])
	})
	return object.ReplaceAllString(v, "@<object>")
}

// field is one value of an answer.
type field struct{ path, value string }

// flat is an answer as fields in order of their paths.
func (s *symbols) flat(resp any) []field {
	var out []field
	s.walk(reflect.ValueOf(resp).Elem(), "", "", &out)
	return out
}

const (
	tagsType = "Tags"    // kmsg's type of fields that nobody knows
	element  = "present" // value of an array's element, before its fields
)

func (s *symbols) walk(v reflect.Value, path, name string, out *[]field) {
	add := func(value string) { *out = append(*out, field{path, value}) }
	switch v.Kind() {
	case reflect.Struct:
		s.nameTopic(v)
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Type.Name() == tagsType || f.Name == "Version" && path == "" {
				continue
			}
			s.walk(v.Field(i), join(path, f.Name), f.Name, out)
		}
	case reflect.Pointer:
		if v.IsNil() {
			add("null")
			return
		}
		s.walk(v.Elem(), path, name, out)
	case reflect.Slice:
		s.slice(v, path, name, out)
	case reflect.Array:
		add(s.id(v.Bytes()))
	case reflect.String:
		add(strconv.Quote(s.named(name, v.String())))
	case reflect.Bool:
		add(strconv.FormatBool(v.Bool()))
	case reflect.Float64:
		add(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	default:
		if v.CanInt() {
			add(s.number(name, v.Int()))
		} else {
			add(s.number(name, int64(v.Uint())))
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (s *symbols) slice(v reflect.Value, path, name string, out *[]field) {
	if v.IsNil() {
		*out = append(*out, field{path, "null"})
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if name == "RecordBatches" || name == "Records" {
			*out = append(*out, field{path, fmt.Sprintf("%d bytes", v.Len())})
			s.batches(v.Bytes(), path, out)
			return
		}
		*out = append(*out, field{path, hex.EncodeToString(v.Bytes())})
		return
	}
	*out = append(*out, field{path, fmt.Sprintf("%d elements", v.Len())})
	if v.Type().Elem().Kind() != reflect.Struct {
		if name == "Partitions" || name == "ISR" { // in the order of a hash
			v = reflect.ValueOf(slices.Sorted(slices.Values(v.Interface().([]int32))))
		}
		if name == "SubscribedTopics" {
			v = reflect.ValueOf(slices.Sorted(slices.Values(v.Interface().([]string))))
		}
		for i := range v.Len() {
			s.walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), name, out)
		}
		return
	}
	keys := make([]string, v.Len())
	order := make([]int, v.Len())
	for i := range keys {
		keys[i], order[i] = s.key(v.Index(i)), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	seen := make(map[string]int)
	for _, i := range order {
		k := keys[i]
		if seen[k]++; seen[k] > 1 {
			k += "#" + strconv.Itoa(seen[k])
		}
		at := path + "[" + k + "]"
		*out = append(*out, field{at, element})
		s.walk(v.Index(i), at, name, out)
	}
}

// identifying are the fields that tell an array's elements apart, in the order
// in which they are tried. Brokers answer most arrays in the order of a hash.
var identifying = []string{
	"Topic", "Name", "GroupID", "Group", "ResourceType", "ResourceName", "Partition", "Key", "ConfigName", "User", "Mechanism",
	"ApiKey", "NodeID", "BrokerID", "ReplicaID", "InstanceID", "ClientID", "TransactionalID", "Dir", "Principal", "Host", "Operation",
	"PermissionType", "EntityType", "EntityName", "Type", "Match", "Offset", "TopicID", "ProducerID", "MemberID", "PrincipalType",
	"PrincipalName", "PatternType", "ResourcePatternType", "Source", "FirstOffset", "ErrorCode", "ErrorMessage",
}

func (s *symbols) key(v reflect.Value) string {
	s.nameTopic(v)
	var parts []string
	limit := 3
	if v.FieldByName("Principal").IsValid() {
		limit = len(identifying) // ACLs differ in any field
	}
	for _, name := range identifying {
		f := v.FieldByName(name)
		if !f.IsValid() || f.Kind() == reflect.Slice || f.Kind() == reflect.Struct {
			continue
		}
		var fields []field
		s.walk(f, "", name, &fields)
		if value := strings.Trim(fields[0].value, `"`); value != "null" && value != "<id 0>" {
			parts = append(parts, value)
		}
		if len(parts) == limit || len(parts) == 1 && (name == "Partition" || name == "Topic" || name == "ApiKey" || name == "NodeID" || name == "Mechanism") {
			break
		}
	}
	if entity := v.FieldByName("Entity"); entity.IsValid() { // of quotas
		for i := range entity.Len() {
			parts = append(parts, s.key(entity.Index(i)))
		}
		slices.Sort(parts)
	}
	return strings.Join(parts, " ")
}

// nameTopic gives a topic's id the topic's name.
func (s *symbols) nameTopic(v reflect.Value) {
	id, name := v.FieldByName("TopicID"), v.FieldByName("Topic")
	if !name.IsValid() {
		name = v.FieldByName("TopicName")
	}
	if !id.IsValid() || id.Kind() != reflect.Array || !name.IsValid() || id.IsZero() {
		return
	}
	if name.Kind() == reflect.Pointer {
		name = name.Elem()
	}
	if name.IsValid() && name.String() != "" {
		b := id.Bytes()
		key := "id\x00" + string(b)
		if _, ok := s.names[key]; !ok {
			s.count["of "+name.String()]++
			symbol := "<id of " + name.String() + ">"
			if n := s.count["of "+name.String()]; n > 1 {
				symbol = fmt.Sprintf("<id %d of %s>", n, name)
			}
			s.names[key] = symbol
			s.words = append(s.words, base64.RawURLEncoding.EncodeToString(b), symbol)
		}
	}
}

func (s *symbols) id(b []byte) string {
	zero := true
	for _, x := range b {
		zero = zero && x == 0
	}
	if zero {
		return "<id 0>"
	}
	if given := strings.TrimRight(string(b), "\x00"); len(given) < 8 {
		return "<id given by the script>"
	}
	return s.of("id", string(b), base64.RawURLEncoding.EncodeToString(b))
}

// named is a string by the meaning of its field.
func (s *symbols) named(name, v string) string {
	switch {
	case name == "ClusterID" && v != "":
		return s.of("cluster", v, v)
	case (name == "Dir" || name == "LogDir") && v != "":
		return s.of("directory", v, v)
	case uuidBase64.MatchString(v):
		return s.of("id", v, v)
	}
	return s.text(v)
}

func (s *symbols) number(name string, v int64) string {
	switch {
	case name == "ErrorCode":
		if v == 0 {
			return "0"
		}
		if e := kerr.TypedErrorForCode(int16(v)); e != nil {
			return strconv.FormatInt(v, 10) + " " + e.Message
		}
	case name == "ControllerID" && v > 0:
		return "<any broker>"
	case name == "Port" && v > 0:
		return s.of("port", strconv.FormatInt(v, 10), strconv.FormatInt(v, 10))
	case name == "ProducerID" && v >= 0:
		return s.of("producer", strconv.FormatInt(v, 10))
	case name == "SessionID" && v != 0:
		return s.of("session", strconv.FormatInt(v, 10))
	case s.now(v):
		return "<time>"
	case name == "TotalBytes" || name == "UsableBytes":
		return fmt.Sprintf("positive: %t", v > 0)
	}
	return strconv.FormatInt(v, 10)
}

// now tells a time in milliseconds that belongs to this run.
func (s *symbols) now(v int64) bool {
	d := time.UnixMilli(v).Sub(s.start)
	return -time.Hour < d && d < time.Hour
}
