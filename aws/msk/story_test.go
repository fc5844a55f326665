package msk

import (
	"encoding/base64"
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
	sets     map[configurationRef]configuration // by revision
	texts    map[configurationRef]string        // of the revisions
	held     map[int32]Held
	vpcs     map[string]vpcConnection // by the story's names
	pace     Pace
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
	w := &world{clusters: map[string]cluster{}, sets: map[configurationRef]configuration{}, texts: map[configurationRef]string{}, held: map[int32]Held{}, vpcs: map[string]vpcConnection{}, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
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
		return pretty(t, describeV2(c))
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
		e, err := decideActive(c, c.Generation, c.everywhere(rest), w.now)
		return w.decided(c, e, err)
	case "failed":
		code, message, _ := strings.Cut(rest, " ")
		return w.decided(c, decideFailed(c, c.Generation, code, message, w.now), nil)
	case "healing":
		return w.decided(c, decideHealing(c), nil)
	case "reboot":
		ch, err := rebootOf(strings.Fields(rest))
		return w.begin(c, ch, err)
	case "update":
		operation, body, _ := strings.Cut(rest, " ")
		ch, err := w.change(t, c, operation, body)
		return w.begin(c, ch, err)
	case "configuration":
		return w.configuration(name, rest)
	case "held":
		return w.hold(t, name+" "+rest)
	case "forget":
		if err := decideForget(w.sets[configurationRef{storyConfiguration(name), 1}], slices.Collect(maps.Values(w.clusters))); err != nil {
			return told(err)
		}
		return "(may be deleted)"
	case "wanted":
		return c.told(w)
	case "realistic":
		w.pace = Realistic
		return "(things last)"
	case "wait":
		d, err := time.ParseDuration(name)
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(d)
		return w.now.Format(time.RFC3339)
	case "operation":
		return pretty(t, c.Operation.renderV1(c))
	case "operationV2":
		return pretty(t, c.Operation.renderV2(c))
	case "tag":
		key, value, _ := strings.Cut(rest, "=")
		tags, err := decideTag(c.Tags, map[string]string{key: value})
		return w.decided(c, retagged{tags}, err)
	case "connect", "connection", "reject", "disconnect":
		return w.vpc(t, verb, name, rest)
	case "untag":
		return w.decided(c, retagged{decideUntag(c.Tags, []string{rest})}, nil)
	}
	t.Fatalf("no verb %q", verb)
	return ""
}

// begin starts an operation.
func (w *world) begin(c cluster, ch change, err error) string {
	if err != nil {
		return told(err)
	}
	w.now = w.now.Add(time.Second)
	ids, err := drawOperationIDs(w, 9)
	if err != nil {
		return told(err)
	}
	f := changeFacts{
		ids: ids, now: w.now, existing: slices.Collect(maps.Values(w.clusters)), zones: storySubnets,
		runs: func(string) bool { return true }, held: w.held, pace: w.pace, quotas: DefaultQuotas(), active: map[string]bool{storyAuthority: true},
	}
	if ch.names != nil {
		if _, ok := w.sets[*ch.names]; !ok {
			return told(errNoConfiguration)
		}
		f.wanted, f.properties = w.sets[*ch.names], propertiesOf([]byte(w.texts[*ch.names]))
	}
	if c.Provisioned != nil && c.Provisioned.Configuration != nil {
		f.configured, f.current = w.sets[*c.Provisioned.Configuration], propertiesOf([]byte(w.texts[*c.Provisioned.Configuration]))
	}
	e, err := decideChange(c, ch, f)
	return w.decided(c, e, err)
}

// change reads the JSON of an update's request; a version that it does not name
// is the cluster's.
func (w *world) change(t *testing.T, c cluster, operation, body string) (change, error) {
	body = "{" + body + "}"
	stamp := &c.CurrentVersion
	var given struct{ CurrentVersion *string }
	if decode(t, body, &given); given.CurrentVersion != nil {
		stamp = given.CurrentVersion
	}
	switch operation {
	case "UpdateBrokerCount":
		in := &kafka.UpdateBrokerCountRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return countChange(in)
	case "UpdateBrokerStorage":
		in := &kafka.UpdateBrokerStorageRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return storageChange(in)
	case "UpdateStorage":
		in := &kafka.UpdateStorageRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return storageChangeV2(in)
	case "UpdateRebalancing":
		in := &kafka.UpdateRebalancingRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return rebalancingChange(in)
	case "UpdateBrokerType":
		in := &kafka.UpdateBrokerTypeRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return typeChange(in)
	case "UpdateClusterConfiguration":
		in := &kafka.UpdateClusterConfigurationRequest{}
		decode(t, body, in)
		in.CurrentVersion, in.ConfigurationInfo = stamp, whole(in.ConfigurationInfo)
		return configurationChange(in)
	case "UpdateClusterKafkaVersion":
		in := &kafka.UpdateClusterKafkaVersionRequest{}
		decode(t, body, in)
		in.CurrentVersion, in.ConfigurationInfo = stamp, whole(in.ConfigurationInfo)
		return versionChange(in)
	case "UpdateMonitoring":
		in := &kafka.UpdateMonitoringRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return monitoringChange(in)
	case "UpdateSecurity":
		in := &kafka.UpdateSecurityRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return securityChange(in)
	case "UpdateConnectivity":
		in := &kafka.UpdateConnectivityRequest{}
		decode(t, body, in)
		in.CurrentVersion = stamp
		return connectivityChange(in)
	}
	t.Fatalf("no operation %q", operation)
	return change{}, nil
}

// whole makes an ARN of a configuration's name.
func whole(in *kafka.ConfigurationInfo) *kafka.ConfigurationInfo {
	if in == nil || in.Arn == nil {
		return in
	}
	return &kafka.ConfigurationInfo{Arn: new(storyConfiguration(*in.Arn)), Revision: in.Revision}
}

func storyConfiguration(name string) string {
	return makeARN("aws", "us-east-1", "123456789012", "configuration/"+name+"/00000000-1111-2222-3333-444444444444-1")
}

// configuration keeps the next revision of a configuration: the text is what
// follows, its lines parted by ";". "versions=a,b" may come first.
func (w *world) configuration(name, text string) string {
	in := &kafka.CreateConfigurationRequest{Name: &name}
	if rest, ok := strings.CutPrefix(text, "versions="); ok {
		names, after, _ := strings.Cut(rest, " ")
		in.KafkaVersions, text = strings.Split(names, ","), after
	}
	text = strings.ReplaceAll(text, ";", "\n")
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	in.ServerProperties = &encoded
	ref := configurationRef{storyConfiguration(name), 1}
	c, r, err := decideConfiguration(place{"aws", "123456789012", "us-east-1"}, in, nil, 100, "00000000-1111-2222-3333-444444444444-1", w.now)
	for _, known := w.sets[ref]; known && err == nil; _, known = w.sets[ref] {
		c, r, err = decideRevision(w.sets[ref], &kafka.UpdateConfigurationRequest{ServerProperties: &encoded}, 50, w.now)
		ref.Revision++
	}
	if err != nil {
		return told(err)
	}
	w.sets[ref], w.texts[ref] = c, string(r.Properties)
	return fmt.Sprintf("%s revision %d", c.ARN, r.Number)
}

// hold says what brokers hold: "broker=all/ofClients ...", and "/outOfSync".
func (w *world) hold(t *testing.T, text string) string {
	w.held = map[int32]Held{}
	for _, word := range strings.Fields(text) {
		var id int32
		var h Held
		if n, err := fmt.Sscanf(word, "%d=%d/%d/%d", &id, &h.Replicas, &h.Clients, &h.OutOfSync); n < 3 {
			t.Fatal(err)
		}
		w.held[id] = h
	}
	return fmt.Sprint(w.held)
}

// told is what fleet is asked for of each broker: what differs from the
// service's defaults.
func (c *cluster) told(w *world) string {
	wanted := c.wanted(func(r *configurationRef) map[string]string {
		if r == nil {
			return nil
		}
		return propertiesOf([]byte(w.texts[*r]))
	})
	text := fmt.Sprintf("generation %d, Kafka %s, %v", wanted.Generation, wanted.KafkaVersion, wanted.Listeners)
	for _, b := range wanted.Brokers {
		defaults := BrokerDefaults(3, b.KafkaVersion)
		own := map[string]string{}
		for name, value := range b.Static {
			if defaults[name] != value {
				own[name] = value
			}
		}
		text += fmt.Sprintf("\nbroker %d in %s boot %d Kafka %s %v", b.ID, b.Subnet, b.Boot, b.KafkaVersion, own)
	}
	return text
}

// everywhere is a report of a host for every broker and listener.
func (c *cluster) everywhere(host string) Endpoints {
	e := Endpoints{Boot: host + ":9098"}
	for _, b := range c.Brokers {
		at := map[Listener]string{}
		for i, l := range []Listener{Plaintext, TLS, SCRAM, IAM, PublicTLS, PublicSCRAM, PublicIAM, VPCTLS, VPCSCRAM, VPCIAM} {
			at[l] = fmt.Sprintf("%s:%d", host, 20000+10*int(b.ID)+i)
		}
		e.Brokers = append(e.Brokers, BrokerEndpoints{b.ID, at})
	}
	return e
}

var storySubnets = map[string]Subnet{
	"subnet-a":  {"us-east-1a", "use1-az1", "vpc-1", true},
	"subnet-b":  {"us-east-1b", "use1-az2", "vpc-1", true},
	"subnet-c":  {"us-east-1c", "use1-az4", "vpc-1", true},
	"subnet-c2": {"us-east-1c", "use1-az4", "vpc-1", false},
	"subnet-v2": {"us-east-1c", "use1-az4", "vpc-2", true},
}

// storyKeys is the KMS keys that there are.
var storyKeys = map[string]*Key{
	"mine":  {ARN: "arn:aws:kms:us-east-1:123456789012:key/mine", Enabled: true},
	"off":   {ARN: "arn:aws:kms:us-east-1:123456789012:key/off"},
	"other": {ARN: "arn:aws:kms:us-east-1:123456789012:key/other", Enabled: true, Managed: true},
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
	wish, err := wishOf(in)
	if err != nil {
		return told(err)
	}
	ids, err := drawIDs(w, wish.brokers)
	if err != nil {
		t.Fatal(err)
	}
	var wanted configuration
	if wish.provisioned != nil && wish.provisioned.Configuration != nil {
		wish.provisioned.Configuration.ARN = storyConfiguration(wish.provisioned.Configuration.ARN)
		known := false
		if wanted, known = w.sets[*wish.provisioned.Configuration]; !known {
			return told(errNoConfiguration)
		}
	}
	f := facts{wanted: wanted, properties: w.propertiesOf(wish.provisioned), pace: w.pace, quotas: DefaultQuotas(), existing: slices.Collect(maps.Values(w.clusters)), subnets: storySubnets, active: map[string]bool{storyAuthority: true}, runs: func(string) bool { return true }}
	if f.managed = managedKeyARN("aws", "us-east-1", "123456789012"); wish.provisioned != nil {
		f.key = storyKeys[wish.provisioned.Key]
	}
	e, err := decideCreate(place{partition: "aws", account: "123456789012", region: "us-east-1"}, wish, f, ids, w.now)
	return w.decided(cluster{}, e, err)
}

// propertiesOf is what the configuration of a wish sets.
func (w *world) propertiesOf(p *provisioned) map[string]string {
	if p == nil || p.Configuration == nil {
		return nil
	}
	return propertiesOf([]byte(w.texts[*p.Configuration]))
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
	if c.Operation != nil {
		text += " " + c.Operation.String()
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
