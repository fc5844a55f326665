package listener

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/record"
)

// denies refuses operations on names that begin with "no", and those listed.
type denies []Operation

func (d denies) Authorize(_ context.Context, _ *Session, ops []Operation, allowed []bool) {
	for i, op := range ops {
		allowed[i] = !strings.HasPrefix(op.Name, "no") && !slices.Contains(d, op)
	}
}

// echo answers every item of a request without an error.
type echo struct{ called bool }

func (*echo) Keys() []int16 { return slices.Sorted(maps.Keys(table)) }

func (*echo) TopicName(id [16]byte) (string, bool) {
	name, ok := map[byte]string{1: "yes", 2: "no"}[id[0]]
	return name, ok
}

// FetchTopics knows one session, number 7.
func (*echo) FetchTopics(_ *Session, req *kmsg.FetchRequest) []string {
	if req.SessionID == 7 {
		return []string{"yes", "no"}
	}
	return nil
}

func (e *echo) Handle(_ context.Context, r *Request) Answer {
	e.called = true
	resp := r.Msg.ResponseKind()
	answerAll(reflect.ValueOf(r.Msg).Elem(), reflect.ValueOf(resp).Elem())
	if f, ok := resp.(*kmsg.FetchResponse); ok {
		e.fetch(r, f)
	}
	return func(context.Context) kmsg.Response { return resp }
}

// fetch answers a Fetch by what MayRead says of its topics and its session's.
func (e *echo) fetch(r *Request, resp *kmsg.FetchResponse) {
	for _, name := range e.FetchTopics(nil, r.Msg.(*kmsg.FetchRequest)) {
		resp.Topics = append(resp.Topics, kmsg.FetchResponseTopic{Topic: name, Partitions: make([]kmsg.FetchResponseTopicPartition, 1)})
	}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		name := t.Topic
		if name == "" {
			name, _ = e.TopicName(t.TopicID)
		}
		if ok, asked := r.MayRead(name); asked && !ok {
			t.Partitions[0].ErrorCode = errTopic
		}
	}
}

// answerAll makes one response item per item of the request's first list that
// the response has too, with the fields of the same names.
func answerAll(in, out reflect.Value) {
	for i := range out.NumField() {
		name, field := out.Type().Field(i).Name, out.Field(i)
		from := in.FieldByName(map[string]string{"Coordinators": "CoordinatorKeys", "TransactionStates": "TransactionalIDs"}[name])
		if !from.IsValid() {
			from = in.FieldByName(name)
		}
		if name == "Topics" && in.Type().Name() == "DeleteTopicsRequest" && in.FieldByName("TopicNames").Len() > 0 {
			from = in.FieldByName("TopicNames")
		}
		if field.Kind() != reflect.Slice || !from.IsValid() || from.Kind() != reflect.Slice || field.Type().Elem().Kind() != reflect.Struct {
			continue
		}
		for j := range from.Len() {
			item, src := reflect.New(field.Type().Elem()).Elem(), from.Index(j)
			copyNamed(src, item)
			field.Set(reflect.Append(field, item))
		}
	}
}

func copyNamed(src, dst reflect.Value) {
	for _, name := range []string{"Topic", "TopicID", "Group", "ResourceName", "ResourceType", "Partition", "Key", "TransactionalID"} {
		to := dst.FieldByName(name)
		if !to.IsValid() {
			continue
		}
		from := src
		if src.Kind() == reflect.Struct {
			from = src.FieldByName(name)
		}
		if !from.IsValid() {
			continue
		}
		switch {
		case from.Type() == to.Type():
			to.Set(from)
		case to.Kind() == reflect.Pointer && from.Kind() == reflect.String:
			s := from.String()
			to.Set(reflect.ValueOf(&s))
		}
	}
	if src.Kind() == reflect.Struct {
		answerAll(src, dst)
	}
}

// show renders every name and its error code, in order.
func show(v reflect.Value) string {
	var b strings.Builder
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Struct:
			for _, name := range []string{"Topic", "TopicID", "Group", "ResourceName", "Key", "User", "TransactionalID"} {
				f := reflect.Indirect(v.FieldByName(name))
				if f.IsValid() && !f.IsZero() {
					if name == "TopicID" {
						fmt.Fprintf(&b, "#%d ", f.Index(0).Uint())
					} else {
						fmt.Fprintf(&b, "%v ", f.Interface())
					}
				}
			}
			if f := v.FieldByName("ErrorCode"); f.IsValid() {
				fmt.Fprintf(&b, "%d ", f.Int())
			}
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					if k := v.Field(i).Kind(); k == reflect.Slice && v.Field(i).Type().Elem().Kind() == reflect.Struct {
						walk(v.Field(i))
					}
				}
			}
		}
	}
	walk(v)
	return strings.TrimSpace(b.String())
}

func name(s string) *string { return &s }

func batch(transactional bool, producer int64) []byte {
	b := record.NewBuilder(record.BuilderOptions{ProducerID: producer, Transactional: transactional})
	b.Add(0, nil, []byte("v"))
	return b.Batch()
}

func writeMarkers() kmsg.Request {
	return &kmsg.WriteTxnMarkersRequest{Version: 1, Markers: []kmsg.WriteTxnMarkersRequestMarker{{
		Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "yes", Partitions: []int32{1}}},
	}}}
}

func txnCommit(id, group string) kmsg.Request {
	p := []kmsg.TxnOffsetCommitRequestTopicPartition{{}}
	return &kmsg.TxnOffsetCommitRequest{Version: 3, TransactionalID: id, Group: group, Topics: []kmsg.TxnOffsetCommitRequestTopic{
		{Topic: "yes", Partitions: p}, {Topic: "no", Partitions: p},
	}}
}

// TestDenialsAreAnsweredForThatResourceOnly is the golden table: a request for
// things allowed and refused, and the answer's names and error codes.
func TestDenialsAreAnsweredForThatResourceOnly(t *testing.T) {
	cluster := func(op Op) denies { return denies{{op, Cluster, ""}} }
	id := func(b byte) [16]byte { return [16]byte{b} }
	produce := func(topic string, txn *string, records []byte) *kmsg.ProduceRequest {
		return &kmsg.ProduceRequest{Version: 9, Acks: -1, TransactionID: txn, Topics: []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 3, Records: records}}}}}
	}
	fetch := func(replica int32) *kmsg.FetchRequest {
		p := []kmsg.FetchRequestTopicPartition{{Partition: 3}}
		r := kmsg.NewPtrFetchRequest()
		r.Version, r.ReplicaID = 13, replica
		r.Topics = []kmsg.FetchRequestTopic{{TopicID: id(2), Partitions: p}, {TopicID: id(1), Partitions: p}, {TopicID: id(9), Partitions: p}}
		return r
	}
	seenKeys := map[int16]bool{}
	both := []string{"no1", "yes", "no2"}
	for i, c := range []struct {
		req  kmsg.Request
		deny denies
		want string
	}{
		{produce("no", nil, batch(false, -1)), nil, "no 29"},
		{produce("yes", nil, batch(false, -1)), nil, "yes 0"},
		{produce("yes", nil, batch(false, 7)), cluster(IdempotentWrite), "yes 31"},
		{produce("yes", nil, batch(false, -1)), cluster(IdempotentWrite), "yes 0"},
		{produce("yes", name("no"), batch(true, 7)), nil, "yes 53"},
		{produce("yes", nil, batch(true, 7)), denies{{Write, TransactionalID, ""}}, "yes 53"},
		{fetch(-1), nil, "0 #2 29 #1 0 #9 0"},
		{fetch(1), cluster(ClusterAction), "0 #2 29 #1 29 #9 29"},
		{&kmsg.FetchRequest{Version: 12, ReplicaID: -1, ReplicaState: kmsg.NewFetchRequestReplicaState(), SessionID: 7, SessionEpoch: 1}, nil, "0 yes 0 no 29"},
		{&kmsg.ListOffsetsRequest{Version: 5, Topics: []kmsg.ListOffsetsRequestTopic{
			{Topic: "no", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{}}}, {Topic: "yes", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{}}}}}, nil, "no 29 yes 0"},
		{&kmsg.MetadataRequest{Version: 12, Topics: []kmsg.MetadataRequestTopic{{Topic: name("no")}, {Topic: name("yes")}, {TopicID: id(2)}, {TopicID: id(1)}}}, nil, "0 no 29 yes 0 #2 29 #1 0"},
		{&kmsg.MetadataRequest{Version: 0, Topics: []kmsg.MetadataRequestTopic{{Topic: name("no")}}}, nil, "0 no 29"},
		{&kmsg.OffsetCommitRequest{Version: 8, Group: "g", Topics: []kmsg.OffsetCommitRequestTopic{
			{Topic: "yes", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{}}}, {Topic: "no", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{}}}}}, nil, "yes 0 no 29"},
		{&kmsg.OffsetCommitRequest{Version: 8, Group: "no", Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "yes", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{}}}}}, nil, "yes 30"},
		{&kmsg.OffsetFetchRequest{Version: 5, Group: "no", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: "yes", Partitions: []int32{1}}}}, nil, "30"},
		{&kmsg.OffsetFetchRequest{Version: 1, Group: "no", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: "yes", Partitions: []int32{1}}}}, nil, "30 yes 30"},
		{&kmsg.OffsetFetchRequest{Version: 5, Group: "g", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: "no", Partitions: []int32{1}}, {Topic: "yes"}}}, nil, "0 no 29 yes"},
		{&kmsg.OffsetFetchRequest{Version: 8, Groups: []kmsg.OffsetFetchRequestGroup{
			{Group: "no", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "yes"}}},
			{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "yes"}, {Topic: "no", Partitions: []int32{1}}}}}}, nil, "0 no 30 g 0 yes no 29"},
		{&kmsg.FindCoordinatorRequest{Version: 4, CoordinatorKeys: both}, nil, "0 no1 30 yes 0 no2 30"},
		{&kmsg.FindCoordinatorRequest{Version: 4, CoordinatorType: 1, CoordinatorKeys: both}, nil, "0 no1 53 yes 0 no2 53"},
		{&kmsg.FindCoordinatorRequest{Version: 3, CoordinatorKey: "no"}, nil, "30"},
		{&kmsg.JoinGroupRequest{Version: 5, Group: "no"}, nil, "30"},
		{&kmsg.HeartbeatRequest{Version: 3, Group: "no"}, nil, "30"},
		{&kmsg.LeaveGroupRequest{Version: 3, Group: "no"}, nil, "30"},
		{&kmsg.SyncGroupRequest{Version: 3, Group: "no"}, nil, "30"},
		{&kmsg.DescribeGroupsRequest{Version: 5, Groups: both}, nil, "no1 30 yes 0 no2 30"},
		{&kmsg.ListGroupsRequest{Version: 4}, cluster(Describe), "0"},
		{&kmsg.CreateTopicsRequest{Version: 7, Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "yes"}, {Topic: "no"}}}, nil, "yes 0 no 29"},
		{&kmsg.DeleteTopicsRequest{Version: 6, Topics: []kmsg.DeleteTopicsRequestTopic{{TopicID: id(2)}, {Topic: name("no")}, {Topic: name("yes")}}}, nil, "#2 29 no 29 yes 0"},
		{&kmsg.DeleteTopicsRequest{Version: 5, TopicNames: both}, nil, "no1 29 yes 0 no2 29"},
		{&kmsg.DeleteRecordsRequest{Version: 2, Topics: []kmsg.DeleteRecordsRequestTopic{{Topic: "no", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{}}}, {Topic: "yes"}}}, nil, "no 29 yes"},
		{&kmsg.InitProducerIDRequest{Version: 4}, cluster(IdempotentWrite), "31"},
		{&kmsg.InitProducerIDRequest{Version: 4, TransactionalID: name("no")}, nil, "53"},
		{&kmsg.OffsetForLeaderEpochRequest{Version: 3, Topics: []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "no", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{}}}, {Topic: "yes"}}}, nil, "no 29 yes"},
		{&kmsg.AddPartitionsToTxnRequest{Version: 3, TransactionalID: "no", Topics: []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "yes", Partitions: []int32{1}}}}, nil, "0 yes 53"},
		{&kmsg.AddPartitionsToTxnRequest{Version: 3, TransactionalID: "t", Topics: []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "yes", Partitions: []int32{1}}, {Topic: "no", Partitions: []int32{1}}}}, nil, "0 yes 55 no 29"},
		{&kmsg.AddPartitionsToTxnRequest{Version: 5}, cluster(ClusterAction), "31"},
		{&kmsg.AddOffsetsToTxnRequest{Version: 3, TransactionalID: "no", Group: "no"}, nil, "53"},
		{&kmsg.AddOffsetsToTxnRequest{Version: 3, TransactionalID: "t", Group: "no"}, nil, "30"},
		{&kmsg.EndTxnRequest{Version: 5, TransactionalID: "no"}, nil, "53"},
		{writeMarkers(), cluster(Alter), "yes 0"},
		{writeMarkers(), cluster(ClusterAction), "yes 0"},
		{writeMarkers(), append(cluster(Alter), cluster(ClusterAction)...), "yes 31"},
		{txnCommit("no", "g"), nil, "yes 53 no 53"},
		{txnCommit("t", "no"), nil, "yes 30 no 30"},
		{txnCommit("t", "g"), nil, "yes 0 no 29"},
		{&kmsg.DescribeTransactionsRequest{TransactionalIDs: both}, nil, "no1 53 yes 0 no2 53"},
		{&kmsg.ListTransactionsRequest{Version: 2}, nil, "0"},
		{&kmsg.DescribeConfigsRequest{Version: 4, Resources: []kmsg.DescribeConfigsRequestResource{{ResourceType: 2, ResourceName: "no"}, {ResourceType: 2, ResourceName: "yes"}, {ResourceType: 4, ResourceName: "1"}}}, cluster(DescribeConfigs), "no 29 yes 0 1 31"},
		{&kmsg.AlterConfigsRequest{Version: 2, Resources: []kmsg.AlterConfigsRequestResource{{ResourceType: 2, ResourceName: "no"}, {ResourceType: 2, ResourceName: "yes"}}}, nil, "no 29 yes 0"},
		{&kmsg.IncrementalAlterConfigsRequest{Version: 1, Resources: []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: 2, ResourceName: "yes"}, {ResourceType: 4, ResourceName: "1"}}}, cluster(AlterConfigs), "yes 0 1 31"},
		{&kmsg.CreatePartitionsRequest{Version: 3, Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: "no"}, {Topic: "yes"}}}, nil, "no 29 yes 0"},
		{&kmsg.DeleteGroupsRequest{Version: 2, Groups: both}, nil, "no1 30 yes 0 no2 30"},
		{&kmsg.ListPartitionReassignmentsRequest{}, cluster(Describe), "31"},
		{&kmsg.AlterPartitionAssignmentsRequest{Topics: []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "yes", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{}}}}}, cluster(Alter), "0 yes 31"},
		{&kmsg.ElectLeadersRequest{Version: 2, Topics: []kmsg.ElectLeadersRequestTopic{{Topic: "yes", Partitions: []int32{1}}}}, cluster(Alter), "31 yes 31"},
		{&kmsg.AlterReplicaLogDirsRequest{Version: 2, Dirs: []kmsg.AlterReplicaLogDirsRequestDir{{Dir: "/d", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "yes", Partitions: []int32{1}}}}}}, cluster(Alter), "yes 31"},
		{&kmsg.DescribeLogDirsRequest{Version: 4}, cluster(Describe), "31"},
		{&kmsg.DescribeACLsRequest{Version: 3}, cluster(Describe), "31"},
		{&kmsg.CreateACLsRequest{Version: 3, Creations: make([]kmsg.CreateACLsRequestCreation, 2)}, cluster(Alter), "31 31"},
		{&kmsg.DeleteACLsRequest{Version: 3, Filters: make([]kmsg.DeleteACLsRequestFilter, 1)}, cluster(Alter), "31"},
		{&kmsg.DescribeQuorumRequest{Version: 2}, cluster(Describe), "31"},
		{&kmsg.UpdateFeaturesRequest{Version: 1}, cluster(Alter), "31"},
		{&kmsg.ListConfigResourcesRequest{Version: 1}, cluster(DescribeConfigs), "31"},
		{&kmsg.OffsetDeleteRequest{Group: "no"}, nil, "30"},
		{&kmsg.OffsetDeleteRequest{Group: "g", Topics: []kmsg.OffsetDeleteRequestTopic{{Topic: "no", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}, {Topic: "yes"}}}, nil, "0 no 29 yes"},
		{&kmsg.DescribeClientQuotasRequest{Version: 1}, cluster(DescribeConfigs), "31"},
		{&kmsg.AlterClientQuotasRequest{Version: 1, Entries: make([]kmsg.AlterClientQuotasRequestEntry, 2)}, cluster(AlterConfigs), "31 31"},
		{&kmsg.DescribeUserSCRAMCredentialsRequest{}, cluster(Describe), "31"},
		{&kmsg.AlterUserSCRAMCredentialsRequest{Deletions: []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "alice"}}}, cluster(Alter), "alice 31"},
		{&kmsg.DescribeClusterRequest{}, cluster(Describe), "0"},
		{&kmsg.CreateDelegationTokenRequest{Version: 3}, cluster(Alter), "0"},
		{&kmsg.RenewDelegationTokenRequest{Version: 2}, cluster(Alter), "0"},
		{&kmsg.ExpireDelegationTokenRequest{Version: 2}, cluster(Alter), "0"},
		{&kmsg.DescribeDelegationTokenRequest{Version: 3}, cluster(Describe), "0"},
		{&kmsg.UnregisterBrokerRequest{}, cluster(Alter), "31"},
		{&kmsg.AddRaftVoterRequest{}, cluster(Alter), "31"},
		{&kmsg.RemoveRaftVoterRequest{}, cluster(Alter), "31"},
		{&kmsg.DescribeProducersRequest{Topics: []kmsg.DescribeProducersRequestTopic{{Topic: "no", Partitions: []int32{1}}, {Topic: "yes"}}}, nil, "no 29 yes"},
		{&kmsg.ConsumerGroupHeartbeatRequest{Version: 1, Group: "no", SubscribedTopicNames: []string{"no"}}, nil, "30"},
		{&kmsg.ConsumerGroupHeartbeatRequest{Version: 1, Group: "g", SubscribedTopicNames: []string{"yes", "no"}}, nil, "29"},
		{&kmsg.ConsumerGroupHeartbeatRequest{Version: 1, Group: "g", SubscribedTopicNames: []string{"yes"}}, nil, "0"},
		{&kmsg.ConsumerGroupDescribeRequest{Version: 1, Groups: both}, nil, "no1 30 yes 0 no2 30"},
		{&kmsg.DescribeTopicPartitionsRequest{Topics: []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "no"}, {Topic: "yes"}}}, nil, "no 29 yes 0"},
		{&kmsg.DescribeTopicPartitionsRequest{Topics: []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "no"}}}, nil, "no 29"},
	} {
		l := New(Config{Backend: &echo{}, Authorizer: c.deny, Line: line(t)})
		conn := &conn{l: l, session: &Session{}}
		resp := conn.authorized(t.Context(), header(c.req), c.req, nil)(t.Context())
		if got := show(reflect.ValueOf(resp)); got != c.want {
			t.Errorf("%d %T v%d: got %q, want %q", i, c.req, c.req.GetVersion(), got, c.want)
		}
		seenKeys[c.req.Key()] = true
		l.Close()
	}
	for key := range table {
		if !seenKeys[key] {
			t.Errorf("no denial is tested for key %d", key)
		}
	}
}

func TestEveryKeyToServeHasARow(t *testing.T) {
	for _, key := range []int16{0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 55, 57, 60, 61, 64, 65, 66, 68, 69, 74, 75, 80, 81} {
		if _, ok := table[key]; !ok {
			t.Errorf("key %d has no row", key)
		}
	}
}

func TestUnacknowledgedDenialClosesTheConnection(t *testing.T) {
	req := &kmsg.ProduceRequest{Version: 9, Acks: 0, Topics: []kmsg.ProduceRequestTopic{{Topic: "no"}, {Topic: "yes"}}}
	b := &echo{}
	v := judge(t.Context(), denies{}, b, &Session{}, req)
	if v.whole != CloseConnection || b.called {
		t.Errorf("%+v", v)
	}
}

func TestCreateTopicsHidesConfigurations(t *testing.T) {
	req := &kmsg.CreateTopicsRequest{Version: 7, Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "yes"}}}
	v := judge(t.Context(), denies{{DescribeConfigs, Topic, "yes"}}, &echo{}, &Session{}, req)
	resp := &kmsg.CreateTopicsResponse{Topics: []kmsg.CreateTopicsResponseTopic{{Topic: "yes", NumPartitions: 3, Configs: make([]kmsg.CreateTopicsResponseTopicConfig, 2)}}}
	v.restore(resp)
	if got := resp.Topics[0]; got.ErrorCode != 0 || got.ConfigErrorCode != 29 || got.NumPartitions != -1 || len(got.Configs) != 0 {
		t.Errorf("%+v", got)
	}
}
