package metadata

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	maxTopicName = 249
	// maxPartitions bounds one topic; Kafka bounds one request to 10 000 too.
	maxPartitions = 10_000
	// serverlessPartitions is MSK Serverless's limit of a cluster.
	serverlessPartitions = 2400
	serverlessCompacted  = 120 // of those, of compacted topics
)

// failure is a refusal of one part of a request: Kafka's code and text.
type failure struct {
	code *kerr.Error
	text string
}

func (f *failure) Error() string {
	if f.text == "" {
		return f.code.Message
	}
	return f.code.Message + ": " + f.text
}

func (f *failure) Unwrap() error { return f.code }

func fail(code *kerr.Error, format string, args ...any) error {
	return &failure{code, fmt.Sprintf(format, args...)}
}

// wire is the code and text of a decision's error; a failure without a text has
// none on the wire.
func wire(err error) (code int16, text *string) {
	var f *failure
	if !errors.As(err, &f) {
		return 0, nil
	}
	if f.text == "" {
		return f.code.Code, nil
	}
	return f.code.Code, &f.text
}

// ValidateTopicName says whether a name is legal (Kafka's Topic.validate):
// INVALID_TOPIC_EXCEPTION with Kafka's text.
func ValidateTopicName(name string) error {
	switch {
	case name == "":
		return fail(kerr.InvalidTopicException, "Topic name is invalid: the empty string is not allowed")
	case name == "." || name == "..":
		return fail(kerr.InvalidTopicException, "Topic name is invalid: '%s' is not allowed", name)
	case len(name) > maxTopicName:
		return fail(kerr.InvalidTopicException, "Topic name is invalid: the length of '%s' is longer than the max allowed length %d", name, maxTopicName)
	case strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}):
		return fail(kerr.InvalidTopicException, "Topic name is invalid: '%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name)
	}
	return nil
}

// collision finds a topic whose name differs only in '.' and '_', which metrics
// could not tell apart.
func (i *Image) collision(name string) string {
	if !strings.ContainsAny(name, "._") {
		return ""
	}
	same := func(s string) string { return strings.ReplaceAll(s, ".", "_") }
	for _, t := range i.sorted {
		if t.Name != name && same(t.Name) == same(name) {
			return t.Name
		}
	}
	return ""
}

func (d *decision) createTopics(r CreateTopics) *kmsg.CreateTopicsResponse {
	resp := r.Req.ResponseKind().(*kmsg.CreateTopicsResponse)
	seen := make(map[string]int)
	for i := range r.Req.Topics {
		seen[r.Req.Topics[i].Topic]++
	}
	for i := range r.Req.Topics {
		in := &r.Req.Topics[i]
		if seen[in.Topic] == 0 {
			continue // a duplicate is answered once
		}
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.NumPartitions, out.ReplicationFactor = in.Topic, -1, -1
		var t *Topic
		err := fail(kerr.InvalidRequest, "Duplicate topic name.")
		if seen[in.Topic] == 1 {
			t, err = d.newTopic(in, r.IDs[i])
		}
		seen[in.Topic] = 0
		if err != nil {
			out.ErrorCode, out.ErrorMessage = wire(err)
			resp.Topics = append(resp.Topics, out)
			continue
		}
		d.describeCreated(t, &out)
		if !r.Req.ValidateOnly {
			d.setTopic(t)
		}
		out.TopicID = t.ID // of a topic that is only validated too
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (d *decision) describeCreated(t *Topic, out *kmsg.CreateTopicsResponseTopic) {
	out.NumPartitions, out.ReplicationFactor = int32(len(t.Partitions)), int16(len(t.Partitions[0].Replicas))
	for _, c := range d.image.describeTopic(t, "") {
		rc := kmsg.NewCreateTopicsResponseTopicConfig()
		rc.Name, rc.Value, rc.Source = c.name, &c.value, int8(c.source)
		out.Configs = append(out.Configs, rc)
	}
}

// newTopic checks a creation in Kafka's order and places the partitions.
func (d *decision) newTopic(in *kmsg.CreateTopicsRequestTopic, id [16]byte) (*Topic, error) {
	if err := ValidateTopicName(in.Topic); err != nil {
		return nil, err
	}
	if d.image.Topic(in.Topic) != nil {
		return nil, fail(kerr.TopicAlreadyExists, "Topic '%s' already exists.", in.Topic)
	}
	if other := d.image.collision(in.Topic); other != "" {
		return nil, fail(kerr.InvalidTopicException, "Topic '%s' collides with existing topic: %s", in.Topic, other)
	}
	if in.Topic == groupsTopic || in.Topic == transactionsTopic || in.Topic == clusterTopic {
		return nil, fail(kerr.InvalidRequest, "Creation of internal topic %s is prohibited.", in.Topic)
	}
	configs := make(map[string]string, len(in.Configs))
	for _, c := range in.Configs {
		if c.Value == nil {
			return nil, fail(kerr.InvalidConfig, "Null value not supported for topic configs: %s", c.Name)
		}
		configs[c.Name] = *c.Value
	}
	t := &Topic{Name: in.Topic, ID: id, Configs: configs}
	if err := d.checkTopicConfigs(nil, configs); err != nil {
		return nil, err
	}
	if err := d.place(in, t); err != nil {
		return nil, err
	}
	return t, d.checkServerless(t, 0)
}

// Names of the topics that the cluster keeps for itself.
const (
	groupsTopic       = "__consumer_offsets"
	transactionsTopic = "__transaction_state"
	clusterTopic      = "__cluster_metadata"
)

// checkServerless refuses what goes beyond MSK Serverless's partitions.
func (d *decision) checkServerless(t *Topic, had int) error {
	if !d.core.p.Serverless {
		return nil
	}
	compacts := func(t *Topic) bool { return strings.Contains(t.Configs["cleanup.policy"], "compact") }
	total, compacted := len(t.Partitions)-had, 0
	if compacts(t) {
		compacted = total
	}
	for _, other := range d.image.sorted {
		if other.Internal {
			continue
		}
		total += len(other.Partitions)
		if compacts(other) {
			compacted += len(other.Partitions)
		}
	}
	if total > serverlessPartitions {
		return fail(kerr.InvalidRequest, "The cluster would have %d partitions, the limit of a serverless cluster is %d.", total, serverlessPartitions)
	}
	if compacted > serverlessCompacted {
		return fail(kerr.InvalidRequest, "The cluster would have %d partitions of compacted topics, the limit of a serverless cluster is %d.", compacted, serverlessCompacted)
	}
	return nil
}

// place fills in the partitions, as assigned by hand or striped over the brokers.
func (d *decision) place(in *kmsg.CreateTopicsRequestTopic, t *Topic) error {
	if len(in.ReplicaAssignment) > 0 {
		return d.placeByHand(in, t)
	}
	replicas := int(in.ReplicationFactor)
	switch {
	case in.ReplicationFactor < -1 || in.ReplicationFactor == 0:
		return fail(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case in.NumPartitions < -1 || in.NumPartitions == 0:
		return fail(kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	case in.NumPartitions > maxPartitions:
		return fail(kerr.InvalidPartitions, "Number of partitions %d is larger than the limit of %d.", in.NumPartitions, maxPartitions)
	}
	if in.ReplicationFactor == -1 {
		replicas = d.image.brokerInt("default.replication.factor")
	}
	if d.image.express() {
		replicas = expressReplicas
	}
	count := int(in.NumPartitions)
	if in.NumPartitions == -1 {
		count = d.image.brokerInt("num.partitions")
	}
	assignments, err := d.image.stripe(d.image.kin(true), t.ID, 0, count, replicas)
	if err != nil {
		return err
	}
	t.Partitions = d.image.newPartitions(assignments)
	return nil
}

func (d *decision) placeByHand(in *kmsg.CreateTopicsRequestTopic, t *Topic) error {
	if in.ReplicationFactor != -1 {
		return fail(kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	}
	if in.NumPartitions != -1 {
		return fail(kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	given := make(map[int32][]int32, len(in.ReplicaAssignment))
	for _, a := range in.ReplicaAssignment {
		if _, twice := given[a.Partition]; twice {
			return fail(kerr.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		if err := d.image.checkReplicas(int(a.Partition), a.Replicas, len(in.ReplicaAssignment[0].Replicas)); err != nil {
			return err
		}
		given[a.Partition] = slices.Clone(a.Replicas)
	}
	assignments := make([][]int32, len(given))
	for p := range assignments {
		replicas, ok := given[int32(p)]
		if !ok {
			return fail(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
		assignments[p] = replicas
	}
	t.Partitions = d.image.newPartitions(assignments)
	return nil
}

// internalPrefix begins the names of the broker configs of one of the cluster's
// own topics.
func internalPrefix(topic string) string {
	if topic == groupsTopic {
		return "offsets.topic."
	}
	return "transaction.state.log."
}

// InternalPartitions is how many partitions one of the cluster's own topics
// (__consumer_offsets, __transaction_state) has, or will have when it is made.
func (i *Image) InternalPartitions(name string) int32 {
	if t := i.Topic(name); t != nil {
		return int32(len(t.Partitions))
	}
	return int32(i.brokerInt(internalPrefix(name) + "num.partitions"))
}

// createInternalTopic makes one of the cluster's own topics as its broker
// configs say.
func (d *decision) createInternalTopic(r CreateInternalTopic) {
	prefix := internalPrefix(r.Name)
	configs := map[string]string{"cleanup.policy": "compact"}
	switch r.Name {
	case groupsTopic:
		configs["compression.type"] = "producer"
	case transactionsTopic:
		configs["compression.type"] = "uncompressed"
		configs["min.insync.replicas"] = d.image.brokerValue(prefix + "min.isr")
		configs["unclean.leader.election.enable"] = "false"
	default:
		return
	}
	if d.image.Topic(r.Name) != nil {
		return
	}
	configs["segment.bytes"] = d.image.brokerValue(prefix + "segment.bytes")
	home := d.image.kin(true)
	replicas := min(len(home), d.image.brokerInt(prefix+"replication.factor"))
	assignments, err := d.image.stripe(home, r.ID, 0, d.image.brokerInt(prefix+"num.partitions"), replicas)
	if err != nil {
		return // no broker is alive: whoever asks tries again
	}
	d.setTopic(&Topic{Name: r.Name, ID: r.ID, Internal: true, Partitions: d.image.newPartitions(assignments), Configs: configs})
}

func (d *decision) deleteTopics(r *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsResponse {
	resp := r.ResponseKind().(*kmsg.DeleteTopicsResponse)
	topics := slices.Clone(r.Topics)
	for i := range r.TopicNames { // before version 6
		topics = append(topics, kmsg.DeleteTopicsRequestTopic{Topic: &r.TopicNames[i]})
	}
	twice := d.deletedTwice(topics)
	for _, t := range topics {
		out := kmsg.NewDeleteTopicsResponseTopic()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		var err error
		switch {
		case t.Topic == nil && t.TopicID == [16]byte{}:
			err = fail(kerr.InvalidRequest, "Neither topic name nor id were specified.")
		case t.Topic != nil && t.TopicID != [16]byte{}:
			err = fail(kerr.InvalidRequest, "You may not specify both topic name and topic id.")
		default:
			key := deleteKey(t)
			if text, ok := twice[key]; ok {
				if text == "" {
					continue // a duplicate is answered once
				}
				twice[key] = ""
				err = fail(kerr.InvalidRequest, "%s", text)
				d.completeDeleted(&out)
			} else {
				err = d.deleteTopic(&out)
			}
		}
		out.ErrorCode, out.ErrorMessage = wire(err)
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// deleteKey is what a deletion names.
func deleteKey(t kmsg.DeleteTopicsRequestTopic) string {
	if t.Topic != nil {
		return "name " + *t.Topic
	}
	return "id " + string(t.TopicID[:])
}

// deletedTwice finds what is named more than once, with Kafka's text for it. A
// topic by name and by id is answered once, by its id.
func (d *decision) deletedTwice(topics []kmsg.DeleteTopicsRequestTopic) map[string]string {
	seen, twice := make(map[string]bool), make(map[string]string)
	for _, t := range topics {
		key := deleteKey(t)
		if seen[key] && t.Topic != nil {
			twice[key] = "Duplicate topic name."
		} else if seen[key] {
			twice[key] = "Duplicate topic id."
		}
		seen[key] = true
	}
	for _, t := range topics {
		if t.Topic == nil || t.TopicID != [16]byte{} {
			continue
		}
		found := d.image.Topic(*t.Topic)
		if found == nil {
			continue
		}
		if id := deleteKey(kmsg.DeleteTopicsRequestTopic{TopicID: found.ID}); seen[id] {
			twice[id], twice[deleteKey(t)] = "The provided topic name maps to an ID that was already supplied.", ""
		}
	}
	return twice
}

// completeDeleted adds the name of a topic that is named by its id.
func (d *decision) completeDeleted(out *kmsg.DeleteTopicsResponseTopic) {
	if t := d.image.TopicByID(out.TopicID); out.Topic == nil && t != nil {
		out.Topic = &t.Name
	}
}

// deleteTopic deletes the topic that out names and completes its name and id.
func (d *decision) deleteTopic(out *kmsg.DeleteTopicsResponseTopic) error {
	t, missing := d.image.TopicByID(out.TopicID), fail(kerr.UnknownTopicID, "This server does not host this topic ID.")
	if out.Topic != nil {
		t, missing = d.image.Topic(*out.Topic), fail(kerr.UnknownTopicOrPartition, "This server does not host this topic-partition.")
	}
	switch {
	case d.image.brokerValue("delete.topic.enable") == "false":
		return fail(kerr.TopicDeletionDisabled, "Topic deletion is disabled.")
	case t == nil:
		return missing
	case t.Internal:
		return fail(kerr.PolicyViolation, "Topic '%s' belongs to the cluster and cannot be deleted.", t.Name)
	}
	out.Topic, out.TopicID = &t.Name, t.ID
	d.remove(topicPrefix + t.Name)
	return nil
}

func (d *decision) createPartitions(r *kmsg.CreatePartitionsRequest) *kmsg.CreatePartitionsResponse {
	resp := r.ResponseKind().(*kmsg.CreatePartitionsResponse)
	seen := make(map[string]int)
	for i := range r.Topics {
		seen[r.Topics[i].Topic]++
	}
	for i := range r.Topics {
		in := &r.Topics[i]
		if seen[in.Topic] == 0 {
			continue // a duplicate is answered once
		}
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = in.Topic
		t, err := (*Topic)(nil), fail(kerr.InvalidRequest, "Duplicate topic name.")
		if seen[in.Topic] == 1 {
			t, err = d.grownTopic(in)
		}
		seen[in.Topic] = 0
		out.ErrorCode, out.ErrorMessage = wire(err)
		if err == nil && !r.ValidateOnly {
			d.setTopic(t)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (d *decision) grownTopic(in *kmsg.CreatePartitionsRequestTopic) (*Topic, error) {
	t := d.image.Topic(in.Topic)
	if t == nil {
		return nil, fail(kerr.UnknownTopicOrPartition, "")
	}
	had, want := len(t.Partitions), int(in.Count)
	switch {
	case t.Internal:
		return nil, fail(kerr.PolicyViolation, "Topic '%s' belongs to the cluster and cannot be changed.", t.Name)
	case want == had:
		return nil, fail(kerr.InvalidPartitions, "Topic already has %d partition(s).", had)
	case want < had:
		return nil, fail(kerr.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, had, want)
	case want > maxPartitions:
		return nil, fail(kerr.InvalidPartitions, "Number of partitions %d is larger than the limit of %d.", want, maxPartitions)
	}
	replicas := len(t.Partitions[0].Replicas)
	assignments, err := d.image.stripe(d.image.kin(d.image.isExpress(t)), t.ID, had, want-had, replicas)
	if in.Assignment != nil {
		assignments, err = nil, nil
		if len(in.Assignment) != want-had {
			return nil, fail(kerr.InvalidReplicaAssignment, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", want-had, len(in.Assignment))
		}
		for n, a := range in.Assignment {
			if err := d.image.checkReplicas(had+n, a.Replicas, replicas); err != nil {
				return nil, err
			}
			assignments = append(assignments, slices.Clone(a.Replicas))
		}
	}
	if err != nil {
		return nil, err
	}
	grown := *t
	grown.Configs = maps.Clone(t.Configs)
	grown.Partitions = append(slices.Clone(t.Partitions), d.image.newPartitions(assignments)...)
	return &grown, d.checkServerless(&grown, had)
}
