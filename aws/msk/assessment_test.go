package msk

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// ready is a cluster that can be upgraded.
func ready() cluster {
	c := cluster{
		ARN: "arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-2", Name: "c", KafkaVersion: "3.9.x.kraft",
		Provisioned: &provisioned{InstanceType: "kafka.m5.large", Subnets: []string{"a", "b", "c"}},
	}
	for id := int32(1); id <= 3; id++ {
		c.Brokers = append(c.Brokers, broker{ID: id})
	}
	return c
}

func well(name string) ScannedTopic {
	return ScannedTopic{Name: name, Replicas: 3, MinISR: "2", Partitions: 1, Set: []string{"min.insync.replicas", "retention.ms"}}
}

// TestAssess: what is asked of a cluster, one thing at a time; each check has its
// case.
func TestAssess(t *testing.T) {
	type given struct {
		c      *cluster
		f      *changeFacts
		topic  *ScannedTopic
		target string
	}
	cases := map[string]func(*given){
		findsVersion:        func(g *given) { g.c.KafkaVersion = "3.8.x" },
		findsMetadata:       func(g *given) { g.c.KafkaVersion = "3.9.x" },
		findsZones:          func(g *given) { g.c.Provisioned.Subnets = []string{"a"} },
		findsType:           func(g *given) { g.c.Provisioned.InstanceType = "kafka.t3.small" },
		findsProperty:       func(g *given) { g.f.current = map[string]string{"min.insync.replicas": "1", "num.partitions": "2"} },
		findsPartitionCount: func(g *given) { g.f.scan.Replicas = map[int32]int{1: 1001, 2: 10} },
		findsRecommended:    func(g *given) { g.target = "" },
		findsQuota:          func(g *given) { g.f.quotas.BrokersPerAccount = 5 },
		findsReplicas:       func(g *given) { g.topic.Replicas = 1 },
		findsMinISR:         func(g *given) { g.topic.MinISR = "1" },
		findsTopicProperty:  func(g *given) { g.topic.Set = append(g.topic.Set, "segment.bytes", "flush.ms") },
		findsStorageMode:    func(g *given) { g.c.Provisioned.Tiered = true },
		findsTiered:         func(g *given) { g.topic.TieredStorage = true },
		findsOffline:        func(g *given) { g.topic.Offline = 1 },
		findsOutOfSync:      func(g *given) { g.topic.OutOfSync = 2 },
		findsMoving:         func(g *given) { g.topic.Reassigning = 3 },
	}
	if len(cases) != len(checks) {
		t.Errorf("%d cases of %d checks", len(cases), len(checks))
	}
	ids := map[string]string{}
	for name, spoil := range cases {
		g := given{c: new(ready()), topic: new(well("t")), target: "express.m7g.large"}
		g.f = &changeFacts{quotas: DefaultQuotas(), scan: &Scan{Replicas: map[int32]int{1: 10}}}
		g.f.scan.Topics = []ScannedTopic{well("other"), *g.topic}
		if found := assess(*g.c, g.target, *g.f); len(found) != 0 {
			t.Fatalf("a cluster that is ready: %+v", found)
		}
		spoil(&g)
		g.f.scan.Topics = []ScannedTopic{well("other"), *g.topic}
		found := assess(*g.c, g.target, *g.f)
		if len(found) != 1 || found[0].Check != name {
			t.Errorf("%s: %+v", name, found)
			continue
		}
		f := found[0]
		if text := f.message(); strings.Contains(text, "{") || f.Detail != "" && !strings.Contains(text, f.Detail) || f.Resource != "" && !strings.Contains(text, f.Resource) {
			t.Errorf("%s: %+v says %q", name, f, text)
		}
		if k := checks[name]; !slices.Contains(categories, k.category) || !slices.Contains(severities, k.severity) || k.action == "" {
			t.Errorf("%s: %+v", name, k)
		}
		again := f
		again.Detail = "something else"
		if again.id() != f.id() || ids[f.id()] != "" {
			t.Errorf("%s: the id %s is also that of %s, or changes", name, f.id(), ids[f.id()])
		}
		ids[f.id()] = name
	}
}

// TestRecommend: the smallest type that holds the partitions and is no slower.
func TestRecommend(t *testing.T) {
	for _, c := range []struct {
		have string
		most int
		want string
	}{
		{"kafka.m5.large", 10, "express.m7g.large"}, {"kafka.m5.large", 1001, "express.m7g.2xlarge"},
		{"kafka.m5.2xlarge", 10, "express.m7g.2xlarge"}, {"kafka.m5.24xlarge", 10, "express.m7g.16xlarge"}, {"kafka.m5.large", 20_001, ""},
	} {
		of := ready()
		of.Provisioned.InstanceType = c.have
		if got := of.recommend(c.most); got != c.want {
			t.Errorf("%s with %d partitions: %s, want %s", c.have, c.most, got, c.want)
		}
	}
}

// TestFindingsAreBounded: more findings than are kept are counted, and what is
// kept fits into one document.
func TestFindingsAreBounded(t *testing.T) {
	s := Scan{}
	for i := range maxFindings + 5 {
		topic := well(fmt.Sprintf("%0249d", i))
		topic.Set = []string{strings.Repeat("x", 10_000)}
		s.Topics = append(s.Topics, topic)
	}
	a := assessment{}
	a.complete(assess(ready(), "express.m7g.large", changeFacts{quotas: DefaultQuotas(), scan: &s}), time.Unix(1, 0))
	out := a.summary()
	if len(a.Findings) != maxFindings || a.Total != maxFindings+5 || !*out.FindingsCapped || int(out.BySeverity[severityError]) != maxFindings+5 {
		t.Errorf("%d findings kept, %+v", len(a.Findings), out)
	}
	bytes := 0
	for _, f := range a.Findings {
		bytes += len(f.Check) + len(f.Resource) + len(f.Detail) + 50
	}
	if bytes > 900_000 {
		t.Errorf("the findings have %d bytes", bytes)
	}
}

func TestParseBoth(t *testing.T) {
	for in, want := range map[string]string{
		"kafka.m5.large,express.m7g.large":                 "kafka.m5.large express.m7g.large true",
		"express.m7g.large+kafka.m5.large":                 "kafka.m5.large express.m7g.large true",
		"kafka.m7g.4xlarge, express.m7g.xlarge":            "kafka.m7g.4xlarge express.m7g.xlarge true",
		"kafka.m5.large,kafka.m5.large":                    "kafka.m5.large kafka.m5.large false",
		"express.m7g.large,express.m7g.large":              "express.m7g.large express.m7g.large false",
		"kafka.m5.large,express.m5.large":                  "kafka.m5.large express.m5.large false",
		"kafka.m5.large":                                   "  false",
		"kafka.m5.large,express.m7g.large,kafka.m7g.large": "  false",
	} {
		standard, express, ok := parseBoth(in)
		if got := fmt.Sprint(standard, " ", express, " ", ok); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzUpgradeNames: what callers name is read, or refused.
func FuzzUpgradeNames(f *testing.F) {
	f.Add("kafka.m5.large,express.m7g.large")
	f.Add("arn:aws:kafka:us-east-1:123456789012:assessment/c/070e151c-232a-4138-bf46-4d545b626970-2/070e151c-232a-4138-bf46-4d545b626970")
	f.Add("orders.*")
	f.Fuzz(func(t *testing.T, text string) {
		if standard, express, ok := parseBoth(text); ok {
			a, _ := FindInstanceType(standard)
			b, _ := FindInstanceType(express)
			if a.Express() || !b.Express() {
				t.Errorf("%q is %s and %s", text, standard, express)
			}
		}
		c := ready()
		if id, ok := partID(text, c.assessmentARN("")); ok && c.assessmentARN(id) != text {
			t.Errorf("%q has the id %s", text, id)
		}
		if _, err := Pattern(text); err == nil {
			if _, err := regexp.Compile(text); err != nil {
				t.Errorf("%q is taken: %v", text, err)
			}
		}
	})
}
