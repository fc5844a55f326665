package metadata

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories print into testdata")

// TestStories runs testdata/*.story. A command's output follows it after
// "----": the reply, then the keys of the events ("-" before a removed one).
// After every command a replay of the log and one of the snapshot must give
// the same state.
func TestStories(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.story")
	if len(files) == 0 {
		t.Fatal("no stories")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, string(in))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(in) {
				t.Errorf("%s differs (run with -rewrite and read the diff):\n%s", file, got)
			}
		})
	}
}

func tell(t *testing.T, story string) string {
	var out strings.Builder
	s := &stage{t: t, cluster: &cluster{Core: New(Params{ClusterID: "c"})}}
	inOutput := false
	for _, line := range strings.Split(strings.TrimRight(story, "\n"), "\n") {
		switch {
		case line == "----":
			inOutput = true
		case line == "":
			inOutput = false
			out.WriteString("\n")
		case inOutput:
		case strings.HasPrefix(line, "#"):
			fmt.Fprintln(&out, line)
		default:
			fmt.Fprintf(&out, "%s\n----\n%s", line, s.run(line))
			s.checkReplays()
		}
	}
	return out.String()
}

// stage is a cluster that commands act on.
type stage struct {
	*cluster
	t *testing.T
}

// run does a command: verb, key=value words and plain words.
func (s *stage) run(line string) string {
	fields := strings.Fields(line)
	args, words := map[string]string{}, []string{}
	for _, w := range fields[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			args[k] = v
		} else {
			words = append(words, w)
		}
	}
	began := len(s.log)
	var out string
	switch fields[0] {
	case "params": // params serverless key=value...: another cluster
		s.cluster = &cluster{Core: New(Params{ClusterID: "c", Static: args, Serverless: slices.Contains(words, "serverless")})}
		return "ok\n"
	case "show":
		return s.show(words)
	case "brokers":
		out = s.brokers(words)
	case "fence":
		out = replied(s.do(FenceBroker{ID: number(words[0])}))
	case "unfence":
		out = replied(s.do(UnfenceBroker{ID: number(words[0])}))
	case "internal":
		s.ids++
		s.do(CreateInternalTopic{Name: words[0], ID: [16]byte{1: s.ids}})
	case "create":
		out = s.createTopic(words[0], args)
	case "delete":
		out = s.deleteTopics(words)
	case "grow":
		out = s.growTopic(words[0], args)
	case "elect":
		out = s.elect(words)
	case "pass": // pass 299s
		d, err := time.ParseDuration(words[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.pass(d)
	case "reassign":
		out = s.reassign(words, args)
	case "reassignments":
		out = s.reassignments()
	case "quota":
		out = s.alterQuotas(args, words)
	case "quotas":
		out = s.describeQuotas(args, words)
	case "ids":
		out = fmt.Sprintln("first", s.do(AllocateProducerIDs{Count: int64(number(words[0]))}))
	default:
		out = s.access(fields[0], words, args)
	}
	for _, r := range s.log[began:] {
		if r.Value == nil {
			out += "event -" + string(r.Key) + "\n"
		} else {
			out += "event " + string(r.Key) + "\n"
		}
	}
	if out == "" {
		return "(nothing)\n"
	}
	return out
}

func replied(v any) string {
	if err, ok := v.(error); ok {
		return err.Error() + "\n"
	}
	return "ok\n"
}

func number(s string) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return int32(n)
}

func numbers(list string) (out []int32) {
	for _, s := range strings.Split(list, ",") {
		out = append(out, number(s))
	}
	return out
}

// brokers 1@az1 2@az2
// brokers 1@az1 2@az2,express
func (s *stage) brokers(words []string) string {
	var list []Broker
	for _, w := range words {
		id, rack, _ := strings.Cut(w, "@")
		rack, kind, _ := strings.Cut(rack, ",")
		list = append(list, Broker{ID: number(id), Rack: rack, Express: kind == "express", Listeners: map[string]Endpoint{"CLIENT": {"h", 9000 + number(id)}}})
	}
	s.do(RegisterBrokers{Brokers: list})
	return ""
}

// create t partitions=2 rf=3 validate=1 by-hand=1,2/2,3 some.config=value
func (s *stage) createTopic(name string, args map[string]string) string {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	in := kmsg.NewCreateTopicsRequestTopic()
	in.Topic, in.NumPartitions, in.ReplicationFactor = name, -1, -1
	for _, k := range sortedKeys(args) {
		v := args[k]
		switch k {
		case "partitions":
			in.NumPartitions = number(v)
		case "rf":
			in.ReplicationFactor = int16(number(v))
		case "validate":
			req.ValidateOnly = true
		case "by-hand":
			for p, list := range strings.Split(v, "/") {
				in.ReplicaAssignment = append(in.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(p), Replicas: numbers(list)})
			}
		default:
			in.Configs = append(in.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: k, Value: &v})
		}
	}
	req.Topics = append(req.Topics, in)
	s.ids++
	out := s.do(CreateTopics{Req: req, IDs: [][16]byte{{1: s.ids}}}).(*kmsg.CreateTopicsResponse).Topics[0]
	return fmt.Sprintf("%s partitions=%d rf=%d\n", said(out.ErrorCode, out.ErrorMessage), out.NumPartitions, out.ReplicationFactor)
}

// delete t1 id:00..01 names several, by name or id
func (s *stage) deleteTopics(words []string) (out string) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	for _, w := range words {
		in := kmsg.NewDeleteTopicsRequestTopic()
		if id, ok := strings.CutPrefix(w, "id:"); ok {
			raw, _ := hex.DecodeString(id)
			copy(in.TopicID[:], raw)
		} else {
			in.Topic = kmsg.StringPtr(w)
		}
		req.Topics = append(req.Topics, in)
	}
	for i, r := range s.do(req).(*kmsg.DeleteTopicsResponse).Topics {
		out += words[i] + " " + said(r.ErrorCode, r.ErrorMessage) + "\n"
	}
	return out
}

// grow t to=5 by-hand=1,2/2,3 validate=1
func (s *stage) growTopic(name string, args map[string]string) string {
	req := kmsg.NewPtrCreatePartitionsRequest()
	_, req.ValidateOnly = args["validate"]
	in := kmsg.NewCreatePartitionsRequestTopic()
	in.Topic, in.Count = name, number(args["to"])
	if v, ok := args["by-hand"]; ok {
		for _, list := range strings.Split(v, "/") {
			in.Assignment = append(in.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: numbers(list)})
		}
	}
	req.Topics = append(req.Topics, in)
	r := s.do(req).(*kmsg.CreatePartitionsResponse).Topics[0]
	return said(r.ErrorCode, r.ErrorMessage) + "\n"
}

// elect preferred|unclean all, or: elect preferred t 0 1
func (s *stage) elect(words []string) (out string) {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version = 2
	if words[0] == "unclean" {
		req.ElectionType = electUnclean
	}
	if words[1] != "all" {
		in := kmsg.NewElectLeadersRequestTopic()
		in.Topic = words[1]
		for _, w := range words[2:] {
			in.Partitions = append(in.Partitions, number(w))
		}
		req.Topics = append(req.Topics, in)
	}
	for _, t := range s.do(req).(*kmsg.ElectLeadersResponse).Topics {
		for _, p := range t.Partitions {
			out += fmt.Sprintf("%s-%d %s\n", t.Topic, p.Partition, said(p.ErrorCode, p.ErrorMessage))
		}
	}
	return out
}

// reassign t 0=2,3 1=cancel fixed
func (s *stage) reassign(words []string, args map[string]string) (out string) {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Version, req.AllowReplicationFactorChange = 1, !slices.Contains(words, "fixed")
	in := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	in.Topic = words[0]
	for _, k := range sortedKeys(args) {
		p := kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: number(k)}
		switch args[k] {
		case "cancel":
		case "none":
			p.Replicas = []int32{}
		default:
			p.Replicas = numbers(args[k])
		}
		in.Partitions = append(in.Partitions, p)
	}
	req.Topics = append(req.Topics, in)
	for _, p := range s.do(req).(*kmsg.AlterPartitionAssignmentsResponse).Topics[0].Partitions {
		out += fmt.Sprintf("%s-%d %s\n", words[0], p.Partition, said(p.ErrorCode, p.ErrorMessage))
	}
	return out
}

// reassignments lists what is under way.
func (s *stage) reassignments() (out string) {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	for _, t := range s.Image().ListPartitionReassignments(req).Topics {
		for _, p := range t.Partitions {
			out += fmt.Sprintf("%s-%d replicas=%v adding=%v removing=%v\n", t.Topic, p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas)
		}
	}
	return out
}

// show prints brokers that are fenced and the partitions of the topics named;
// "configs" after a topic prints those too.
func (s *stage) show(words []string) (out string) {
	img := s.Image()
	for _, b := range img.Brokers {
		if b.Fenced {
			out += fmt.Sprintf("broker %d fenced\n", b.ID)
		}
	}
	for _, name := range words {
		t := img.Topic(name)
		if t == nil {
			out += name + " is not there\n"
			continue
		}
		for i, p := range t.Partitions {
			if i == 9 {
				out += fmt.Sprintf("... %d partitions\n", len(t.Partitions))
				break
			}
			out += fmt.Sprintf("%s-%d leader=%d epoch=%d/%d replicas=%v isr=%v", name, i, p.Leader, p.LeaderEpoch, p.PartitionEpoch, p.Replicas, p.ISR)
			if p.Reassigning() {
				out += fmt.Sprintf(" adding=%v removing=%v", p.Adding, p.Removing)
			}
			out += "\n"
		}
		for _, k := range sortedKeys(t.Configs) {
			out += fmt.Sprintf("%s %s=%s\n", name, k, t.Configs[k])
		}
	}
	if out == "" {
		return "(nothing)\n"
	}
	return out
}

func (s *stage) checkReplays() {
	s.t.Helper()
	for name, log := range map[string][]statemachine.Record{"log": s.log, "snapshot": s.Snapshot()} {
		again := New(s.p)
		for _, r := range log {
			again.Apply(r, time.UnixMilli(0))
		}
		if !reflect.DeepEqual(again.Image(), s.Image()) || again.nextProducerID != s.nextProducerID {
			s.t.Fatalf("replayed from the %s the state differs from the live one", name)
		}
	}
}

// TestImagesNeverChange holds every image while the state moves on.
func TestImagesNeverChange(t *testing.T) {
	c := newCluster(t, 3, false)
	type held struct {
		image *Image
		print string
	}
	var all []held
	step := func(req any) {
		c.do(req)
		all = append(all, held{c.Image(), print(c.Image())})
	}
	for i := range 5 {
		c.create(fmt.Sprint("t", i), 2, 3)
		step(FenceBroker{ID: int32(i%3 + 1)})
		step(UnfenceBroker{ID: int32(i%3 + 1)})
	}
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.TopicNames = []string{"t0", "t3"}
	step(del)
	c.alter(kmsg.ConfigResourceTypeBroker, "", kmsg.IncrementalAlterConfigOpSet, "message.max.bytes", "3000")
	for i, h := range all {
		if got := print(h.image); got != h.print {
			t.Errorf("image %d changed:\n%s\nwas\n%s", i, got, h.print)
		}
	}
}

func print(i *Image) string {
	s := fmt.Sprintln(i.Brokers, i.dynamic, len(i.topics), len(i.byID), len(i.users))
	for _, t := range i.Topics() {
		s += fmt.Sprintln(*t, i.Topic(t.Name) == t, i.TopicByID(t.ID) == t)
	}
	return s
}

// TestBadServerProperties: nobody checks server.properties, so a value that a
// config does not take counts as not set.
func TestBadServerProperties(t *testing.T) {
	c := &cluster{Core: New(Params{Static: map[string]string{
		"num.partitions": "0", "default.replication.factor": "many", "log.segment.bytes": "1 GB", "min.insync.replicas": " 2 ",
	}})}
	c.do(RegisterBrokers{Brokers: []Broker{{ID: 1}, {ID: 2}}})
	if got := c.create("t", -1, -1); got.ErrorCode != 0 || got.NumPartitions != 1 || got.ReplicationFactor != 1 {
		t.Errorf("created with %+v", got)
	}
	c.create("u", 1, 2)
	if s := c.Image().TopicSettings(c.Image().Topic("u")); s.SegmentBytes != 1<<30 || s.MinInsyncReplicas != 2 {
		t.Errorf("settings %+v", s)
	}
}

// TestPlacementOfUnevenZones: racks of their own while there are enough.
func TestPlacementOfUnevenZones(t *testing.T) {
	for name, racks := range map[string][]string{
		"2+1+1": {"a", "a", "b", "c"}, "3+1+1": {"a", "a", "a", "b", "c"}, "1+4+2": {"a", "b", "b", "b", "b", "c", "c"}, "none": {"", "", "", ""},
	} {
		c := &cluster{Core: New(Params{})}
		var list []Broker
		zones := map[string]bool{}
		for i, r := range racks {
			list = append(list, Broker{ID: int32(i + 1), Rack: r})
			zones[r] = true
		}
		c.do(RegisterBrokers{Brokers: list})
		c.create("t", int32(20*len(racks)), 3)
		leaders := map[int32]int{}
		for i, p := range c.Image().Topic("t").Partitions {
			leaders[p.Leader]++
			used, ids := map[string]bool{}, map[int32]bool{}
			for _, id := range p.Replicas {
				used[c.Image().Broker(id).Rack], ids[id] = true, true
			}
			if len(ids) != 3 || len(used) != min(3, len(zones)) {
				t.Errorf("%s: partition %d on %v", name, i, p.Replicas)
			}
		}
		for id, n := range leaders {
			if n != 20 {
				t.Errorf("%s: broker %d leads %d partitions, want 20", name, id, n)
			}
		}
	}
}

func TestScramUsersTwiceInARequest(t *testing.T) {
	c := newCluster(t, 1, false)
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	for range 2 {
		u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
		u.Name, u.Mechanism, u.Iterations, u.Salt, u.SaltedPassword = "alice", 1, 4096, []byte("salt"), make([]byte, 32)
		req.Upsertions = append(req.Upsertions, u)
	}
	out := c.do(req).(*kmsg.AlterUserSCRAMCredentialsResponse).Results
	if len(out) != 1 || out[0].ErrorCode != kerr.DuplicateResource.Code {
		t.Errorf("answered %+v", out)
	}
	if _, there := c.Image().ScramCredential("SCRAM-SHA-256", "alice"); there {
		t.Error("a refused credential was written")
	}
}
