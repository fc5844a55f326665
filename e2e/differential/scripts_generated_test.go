//go:build e2e

package differential

import (
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Environment variables of the generated script: its seed, and how many
// requests it sends.
const (
	seedVariable  = "MILLRACE_SEED"
	countVariable = "MILLRACE_REQUESTS"
)

const generatedRequests = 2000 // in the short form

// generatedKeys are what is asked at random: requests whose answers depend on
// nothing that other connections do, and that leave little behind.
var generatedKeys = []int16{2, 3, 8, 9, 12, 13, 14, 15, 21, 23, 26, 29, 32, 37, 42, 44, 45, 46, 47, 48, 50, 60, 61, 65, 69, 75}

// generator fills requests from small pools of values, good and bad.
type generator struct {
	r      *rand.Rand
	topics []place
	names  []string
}

var generatedScripts = []script{
	{"generated", func(s *session) {
		g := &generator{r: rand.New(rand.NewPCG(uint64(numberOf(seedVariable, 1)), 0))}
		for i := range 2 {
			g.topics = append(g.topics, s.filled(s.name("t"+strconv.Itoa(i))))
			g.names = append(g.names, g.topics[i].name)
		}
		g.names = append(g.names, "missing", "in valid", s.name("group"), "1", "retention.ms", "cleanup.policy")
		s.coordinator(0, s.name("group"))
		s.coordinator(1, s.name("group"))
		s.loaded(g.names)
		for i := range numberOf(countVariable, generatedRequests) {
			key := generatedKeys[g.r.IntN(len(generatedKeys))]
			if _, ok := s.ranges[key]; !ok {
				continue
			}
			versions := s.versions(key)
			req := kmsg.RequestForKey(key)
			req.SetVersion(versions[g.r.IntN(len(versions))])
			g.fill(reflect.ValueOf(req).Elem(), "")
			s.conn("g").send(step("request %d", i), req).wait()
		}
	}},
}

// loaded waits until the transaction coordinators of some ids are: Kafka loads
// them one after another when the first is looked for. Kafka before 3.0 does
// not tell: no requests are generated for it.
func (s *session) loaded(ids []string) {
	req := in(s.last(65), kmsg.NewPtrDescribeTransactionsRequest())
	req.TransactionalIDs = ids
	had := len(s.log)
	until(s.conn("g"), "", req, func(r *kmsg.DescribeTransactionsResponse) bool {
		for _, t := range r.TransactionStates {
			if t.ErrorCode == 14 || t.ErrorCode == 16 {
				return false
			}
		}
		return true
	})
	s.log = s.log[:had]
}

func numberOf(variable string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		return n
	}
	return otherwise
}

// fill gives every field of a request a value, the version excepted.
func (g *generator) fill(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Name != "Version" && f.Type.Name() != tagsType {
				g.fill(v.Field(i), f.Name)
			}
		}
	case reflect.Pointer:
		if g.r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem(), name)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{1, 2, 3}[:g.r.IntN(4)])
			return
		}
		// One element: what is named twice differs by design.
		if n := g.r.IntN(4); n > 0 || name == "Partitions" || name == "Groups" {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			g.fill(v.Index(0), name)
		} else {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
	case reflect.Array:
		if t := g.topics[g.r.IntN(len(g.topics))]; g.r.IntN(2) == 0 {
			v.Set(reflect.ValueOf(t.id))
		}
	case reflect.String:
		v.SetString(g.names[g.r.IntN(len(g.names))])
		if name == "ResourceName" && strings.Contains(v.String(), " ") {
			v.SetString("missing") // Kafka checks the name of a topic after its configs
		}
	case reflect.Bool:
		v.SetBool(g.r.IntN(2) == 0 || name == "ValidateOnly")
	case reflect.Float64:
		v.SetFloat([]float64{-1, 0, 0.5, 1, 1e9}[g.r.IntN(5)])
	default:
		if v.CanInt() {
			v.SetInt(g.number(name))
		}
	}
}

func (g *generator) number(name string) int64 {
	switch {
	case strings.Contains(name, "Timeout"), strings.Contains(name, "Time"):
		return limit
	case name == "ReplicaID":
		return -1
	case name == "Op": // another one is an exception in Kafka's controller, which then starts again
		return int64(g.r.IntN(4))
	case name == "IsolationLevel":
		return int64(g.r.IntN(2))
	case name == "Timestamp":
		return []int64{-2, -1, 0, then, then + 2000}[g.r.IntN(5)]
	}
	return []int64{-1, 0, 1, 2, 3, 7}[g.r.IntN(6)]
}
