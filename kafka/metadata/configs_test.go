package metadata

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var answerLine = regexp.MustCompile(`^([0-9]+) ("[^"]*") (.*) -> (-?[0-9]+) ?(.*)$`)

var operation = regexp.MustCompile(`([0-9]) ([a-z0-9.]+)=`)

// TestAnswersOfKafka holds alterations of configs to what Kafka answered.
func TestAnswersOfKafka(t *testing.T) {
	data, err := os.ReadFile("testdata/configs_kafka_4.1.1.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, 3, false)
	c.create("t", 2, 1)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		m := answerLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("cannot read %q", line)
		}
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.ValidateOnly = true
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		kind, _ := strconv.Atoi(m[1])
		r.ResourceType = kmsg.ConfigResourceType(kind)
		r.ResourceName, _ = strconv.Unquote(m[2])
		at := operation.FindAllStringSubmatchIndex(m[3], -1)
		for i, o := range at {
			end := len(m[3])
			if i+1 < len(at) {
				end = at[i+1][0] - 1
			}
			op, _ := strconv.Atoi(m[3][o[2]:o[3]])
			k := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: m[3][o[4]:o[5]], Op: kmsg.IncrementalAlterConfigOp(op)}
			if value := m[3][o[1]:end]; value != "null" {
				k.Value = &value
			}
			r.Configs = append(r.Configs, k)
		}
		req.Resources = append(req.Resources, r)
		got := c.do(AtBroker{ID: 1, Req: req}).(*kmsg.IncrementalAlterConfigsResponse).Resources[0]
		text := "<nil>"
		if got.ErrorMessage != nil {
			text = *got.ErrorMessage
		}
		if s := strings.TrimSpace(fmt.Sprintf("%d %s", got.ErrorCode, text)); s != m[4]+" "+m[5] {
			t.Errorf("%s %s%s: %s\nKafka: %s %s", m[1], m[2], m[3], s, m[4], m[5])
		}
	}
	if len(c.log) != 2 {
		t.Errorf("validations wrote %d events", len(c.log)-2)
	}
}

// TestDescriptionsOfKafka holds the tables of configs to what the brokers of
// each line of Kafka show.
//
// Works: DescribeConfigs shows the configs and defaults of the cluster's own Kafka line, 2.8 to 4.1
func TestDescriptionsOfKafka(t *testing.T) {
	data, err := os.ReadFile("testdata/describe_kafka.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []release{k28, k34, k35, k36, k37, k38, k39, k40, k41} {
		shown, lines := shownConfigs(t, r), 0
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			parts := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 5)
			if r < lineOf(t, parts[0]) || r > lineOf(t, parts[1]) {
				continue
			}
			lines++
			key, want := parts[2]+"\t"+parts[3], parts[4]
			if got := shown[key]; got != want {
				t.Errorf("%d: %s: shown %q\nKafka %q", r, key, got, want)
			}
			delete(shown, key)
		}
		if lines < 220 {
			t.Errorf("%d: only %d configs are compared", r, lines)
		}
		for key := range shown {
			if !instance[key] {
				t.Errorf("%d: Kafka does not show %s", r, key)
			}
		}
	}
}

// instance is what the brokers that were asked had in their server.properties.
var instance = map[string]bool{
	"2\tmin.insync.replicas": true, "4\tmin.insync.replicas": true, "4\tadvertised.listeners": true, "4\tauthorizer.class.name": true,
	"4\tbroker.id": true, "4\tcontroller.listener.names": true, "4\tcontroller.quorum.bootstrap.servers": true, "4\tcontroller.quorum.voters": true,
	"4\tinter.broker.listener.name": true, "4\tlistener.security.protocol.map": true, "4\tlisteners": true, "4\tlog.dirs": true, "4\tnode.id": true, "4\toffsets.topic.replication.factor": true,
	"4\tprocess.roles": true, "4\ttransaction.state.log.min.isr": true, "4\ttransaction.state.log.replication.factor": true, "4\tzookeeper.connect": true,
}

func lineOf(t *testing.T, version string) release {
	major, minor, _ := strings.Cut(version, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if err != nil || err2 != nil {
		t.Fatalf("%q is no line", version)
	}
	return release(100*a + b)
}

// shownConfigs is what a cluster of a line shows, by resource and name.
func shownConfigs(t *testing.T, line release) map[string]string {
	c := &cluster{Core: New(Params{Release: int(line)})}
	c.do(RegisterBrokers{Brokers: []Broker{{ID: 1}}})
	c.create("t", 1, 1)
	out := map[string]string{}
	for kind, name := range map[kmsg.ConfigResourceType]string{2: "t", 4: "1", 16: "m", 32: "g"} {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.Version, req.IncludeSynonyms, req.IncludeDocumentation = 4, true, true
		req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name}}
		for _, e := range c.Image().DescribeConfigs(1, nil, req).Resources[0].Configs {
			if e.Documentation == nil || *e.Documentation == "" {
				t.Errorf("%s has no documentation", e.Name)
			}
			value, synonyms := "-", []string{}
			if e.Value != nil {
				value = *e.Value
			}
			for _, s := range e.ConfigSynonyms {
				if s.Value == nil {
					s.Value = kmsg.StringPtr("-")
				}
				synonyms = append(synonyms, s.Name+"="+*s.Value)
			}
			out[fmt.Sprintf("%d\t%s", kind, e.Name)] = fmt.Sprintf("%d\t%s\t%v\t%v\t%s", e.ConfigType, value, e.ReadOnly, e.IsSensitive, strings.Join(synonyms, ","))
		}
	}
	return out
}

// TestUncleanElectionActsAtOnce: a partition that nobody may lead gets a leader
// when unclean.leader.election.enable becomes true, for the topic or for all.
func TestUncleanElectionActsAtOnce(t *testing.T) {
	for kind, name := range map[kmsg.ConfigResourceType]string{kmsg.ConfigResourceTypeTopic: "t", kmsg.ConfigResourceTypeBroker: ""} {
		c := newCluster(t, 2, false)
		c.create("t", 1, 2)
		leader := c.Image().Topic("t").Partitions[0].Leader
		other := 3 - leader
		c.do(FenceBroker{ID: other})
		c.do(FenceBroker{ID: leader})
		c.do(UnfenceBroker{ID: other})
		if p := c.Image().Topic("t").Partitions[0]; p.Leader != -1 {
			t.Fatalf("the partition has a leader: %+v", p)
		}
		if got := c.alter(kind, name, kmsg.IncrementalAlterConfigOpSet, "unclean.leader.election.enable", "TRUE"); got.ErrorCode != 0 {
			t.Fatalf("%+v", got)
		}
		if p := c.Image().Topic("t").Partitions[0]; p.Leader != other || len(p.ISR) != 1 || p.ISR[0] != other {
			t.Errorf("%v %q: %+v", kind, name, p)
		}
	}
}
