package msk

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories answer into testdata")

// storyAuthority is the one certificate authority that signs.
const storyAuthority = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/active"

// world is what a story's verbs act on: the documents, the time, fresh ids.
type world struct {
	clusters map[string]cluster
	now      time.Time
	drawn    byte
}

// Read is the story's randomness: bytes that count up, so that ids differ.
func (w *world) Read(b []byte) (int, error) {
	for i := range b {
		w.drawn = (w.drawn + 7) % 200
		b[i] = w.drawn
	}
	return len(b), nil
}

// TestStories runs testdata/*.story: blocks of a verb, "----" and the answer,
// parted by empty lines; "#" begins a comment.
func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.story")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".story"), func(t *testing.T) { runStory(t, path) })
	}
}

func runStory(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clusters: map[string]cluster{}, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	var out []string
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		input, want, asks := strings.Cut(block, "----")
		if !asks {
			out = append(out, block)
			continue
		}
		got := w.run(t, strings.TrimSpace(input))
		if !*rewrite && got != strings.TrimSpace(want) {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", input, got, strings.TrimSpace(want))
		}
		out = append(out, strings.TrimSpace(input)+"\n----\n"+got)
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(strings.Join(out, "\n\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// run does one verb: the first word of the last line that is no comment and of
// what follows it.
func (w *world) run(t *testing.T, input string) string {
	for strings.HasPrefix(input, "#") {
		_, input, _ = strings.Cut(input, "\n")
	}
	verb, rest, _ := strings.Cut(input, " ")
	name, rest, _ := strings.Cut(rest, " ")
	c := w.clusters[name]
	switch verb {
	case "create":
		return w.create(t, name, rest)
	case "describe":
		return pretty(t, describeV2(c, "aws"))
	case "nodes":
		return pretty(t, nodes(c))
	case "bootstrap":
		if err := decideBootstrap(c); err != nil {
			return told(err)
		}
		return pretty(t, bootstrapResponse(c))
	case "delete":
		e, err := decideDelete(c, rest)
		return w.decided(c, e, err)
	case "active":
		w.now = w.now.Add(time.Second)
		e, err := decideActive(c, c.everywhere(rest), w.now)
		return w.decided(c, e, err)
	case "failed":
		code, message, _ := strings.Cut(rest, " ")
		return w.decided(c, decideFailed(c, code, message), nil)
	case "healing":
		return w.decided(c, decideHealing(c), nil)
	case "tag":
		key, value, _ := strings.Cut(rest, "=")
		e, err := decideTag(c, map[string]string{key: value})
		return w.decided(c, e, err)
	case "untag":
		return w.decided(c, decideUntag(c, []string{rest}), nil)
	}
	t.Fatalf("no verb %q", verb)
	return ""
}

// everywhere is a report of a host for every broker and listener.
func (c *cluster) everywhere(host string) Endpoints {
	e := Endpoints{Boot: host + ":9098"}
	for _, b := range c.Brokers {
		at := map[Listener]string{}
		for i, l := range []Listener{Plaintext, TLS, SCRAM, IAM} {
			at[l] = fmt.Sprintf("%s:%d", host, 20000+10*int(b.ID)+i)
		}
		e.Brokers = append(e.Brokers, BrokerEndpoints{b.ID, at})
	}
	return e
}

var storySubnets = map[string]Subnet{
	"subnet-a":  {"us-east-1a", "use1-az1", "vpc-1"},
	"subnet-b":  {"us-east-1b", "use1-az2", "vpc-1"},
	"subnet-c":  {"us-east-1c", "use1-az4", "vpc-1"},
	"subnet-c2": {"us-east-1c", "use1-az4", "vpc-1"},
	"subnet-v2": {"us-east-1c", "use1-az4", "vpc-2"},
}

const storyKind = `"brokerNodeGroupInfo":{"clientSubnets":["subnet-a","subnet-b","subnet-c"],"instanceType":"kafka.m5.large"},"kafkaVersion":"3.9.x.kraft","numberOfBrokerNodes":3`

// create reads the members of provisioned over those of storyKind, or a whole
// request if the text begins with "whole".
func (w *world) create(t *testing.T, name, members string) string {
	in := &kafka.CreateClusterV2Request{}
	if whole, ok := strings.CutPrefix(members, "whole "); ok {
		decode(t, whole, in)
	} else {
		in.Provisioned = &kafka.ProvisionedRequest{}
		decode(t, "{"+storyKind+"}", in.Provisioned)
		decode(t, "{"+members+"}", in.Provisioned)
	}
	in.ClusterName = &name
	managed := managedKeyARN("aws", "us-east-1", "123456789012")
	wish, err := wishOf(in, managed)
	if err != nil {
		return told(err)
	}
	ids, err := drawIDs(w, wish.brokers)
	if err != nil {
		t.Fatal(err)
	}
	f := facts{existing: slices.Collect(maps.Values(w.clusters)), subnets: storySubnets, active: map[string]bool{storyAuthority: true}, runs: func(string) bool { return true }}
	e, err := decideCreate(place{partition: "aws", account: "123456789012", region: "us-east-1"}, wish, f, ids, w.now)
	return w.decided(cluster{}, e, err)
}

// decided applies an event and tells what came of it.
func (w *world) decided(c cluster, e event, err error) string {
	if err != nil {
		return told(err)
	}
	if e == nil {
		return "(nothing)"
	}
	e.apply(&c)
	w.clusters[c.Name] = c
	text := fmt.Sprintf("%T: %s is %s", e, c.ARN, c.State)
	if c.StateCode != "" {
		text += fmt.Sprintf(" (%s: %s)", c.StateCode, c.StateMessage)
	}
	if len(c.Tags) > 0 {
		text += fmt.Sprintf(" tags %v", c.Tags)
	}
	return strings.TrimPrefix(text, "msk.") + fmt.Sprintf(", %d brokers, listeners %v", len(c.Brokers), c.listeners())
}

func told(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return fmt.Sprintf("%d %s [%s] %s", e.HTTP, e.Code, e.InvalidParameter, e.Message)
	}
	return "error: " + err.Error()
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func pretty(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
