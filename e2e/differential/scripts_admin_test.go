//go:build e2e

package differential

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func described(v int16, kind kmsg.ConfigResourceType, name string, names ...string) *kmsg.DescribeConfigsRequest {
	req := in(v, kmsg.NewPtrDescribeConfigsRequest())
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: names}}
	return req
}

// change is a config of a request to alter it; op is of KIP-339.
type change struct {
	op    kmsg.IncrementalAlterConfigOp
	name  string
	value *string
}

func incremental(v int16, kind kmsg.ConfigResourceType, name string, changes ...change) *kmsg.IncrementalAlterConfigsRequest {
	req := in(v, kmsg.NewPtrIncrementalAlterConfigsRequest())
	r := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kind, ResourceName: name}
	for _, c := range changes {
		r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: c.name, Op: c.op, Value: c.value})
	}
	req.Resources = append(req.Resources, r)
	return req
}

func altered(v int16, kind kmsg.ConfigResourceType, name string, configs ...string) *kmsg.AlterConfigsRequest {
	req := in(v, kmsg.NewPtrAlterConfigsRequest())
	r := kmsg.AlterConfigsRequestResource{ResourceType: kind, ResourceName: name}
	for i := 0; i < len(configs); i += 2 {
		r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: configs[i], Value: &configs[i+1]})
	}
	req.Resources = append(req.Resources, r)
	return req
}

const (
	ofTopic  = kmsg.ConfigResourceType(2)
	ofBroker = kmsg.ConfigResourceType(4)
)

// kinds are the types of resources of configs, known and unknown.
var kinds = map[string]kmsg.ConfigResourceType{"unknown": 0, "any": 1, "a topic": 2, "a group by its old number": 3, "a broker": 4, "a logger": 8, "client metrics": 16, "a group": 32, "none there is": 99}

var configScripts = []script{
	{"describe configs", func(s *session) {
		c := s.conn("c")
		n := s.name("t")
		s.topic(n, 1, "retention.ms", "1000", "cleanup.policy", "compact,delete")
		for _, v := range s.versions(32) {
			for _, synonyms := range []bool{false, true} {
				for _, docs := range []bool{false, true} {
					req := described(v, ofTopic, n)
					req.IncludeSynonyms, req.IncludeDocumentation = synonyms, docs && !synonyms
					ask[*kmsg.DescribeConfigsResponse](c, step("a topic, synonyms %t, documentation %t", synonyms, docs), req)
				}
			}
			req := described(v, ofTopic, n, "retention.ms", "no.such.config", "retention.ms", "")
			ask[*kmsg.DescribeConfigsResponse](c, "some of a topic", req)
			req = described(v, ofTopic, n)
			req.Resources[0].ConfigNames = []string{}
			ask[*kmsg.DescribeConfigsResponse](c, "none of a topic", req)
			req = described(v, ofTopic, n, "retention.ms")
			req.Resources = append(req.Resources, req.Resources[0])
			ask[*kmsg.DescribeConfigsResponse](c, "a topic twice", req)
			for why, kind := range sorted(kinds) {
				for _, name := range []string{"", "missing", "in valid", "1", "2", "-1"} {
					if kind == ofBroker && (name == "1" || name == "") {
						continue // see the brokers' own script
					}
					ask[*kmsg.DescribeConfigsResponse](c, step("%s %q", why, name), described(v, kind, name))
				}
			}
			ask[*kmsg.DescribeConfigsResponse](c, "nothing", in(v, kmsg.NewPtrDescribeConfigsRequest()))
		}
	}},
	{"describe a broker's configs", func(s *session) {
		c := s.conn("c")
		for _, synonyms := range []bool{false, true} {
			for _, name := range []string{"1", ""} {
				req := described(s.last(32), ofBroker, name)
				req.IncludeSynonyms = synonyms
				ask[*kmsg.DescribeConfigsResponse](c, step("broker %q, synonyms %t", name, synonyms), req)
			}
		}
		req := described(s.last(32), ofBroker, "1", "num.io.threads", "log.retention.ms", "no.such")
		req.IncludeSynonyms = true
		ask[*kmsg.DescribeConfigsResponse](c, "some", req)
	}},
	{"alter configs incrementally", func(s *session) {
		c := s.conn("c")
		n := s.name("t")
		s.topic(n, 1, "retention.ms", "1000")
		for _, v := range s.versions(44) {
			for why, changes := range sorted(map[string][]change{
				"set": {{0, "retention.ms", pointer("2000")}}, "set a bad value": {{0, "retention.ms", pointer("x")}}, "set null": {{0, "retention.ms", nil}}, "set an unknown": {{0, "no.such", pointer("1")}},
				"set an empty name": {{0, "", pointer("1")}}, "delete": {{1, "retention.ms", nil}}, "delete with a value": {{1, "retention.ms", pointer("5")}}, "delete what is not set": {{1, "segment.ms", nil}},
				"delete an unknown": {{1, "no.such", nil}}, "append": {{2, "cleanup.policy", pointer("compact")}}, "append twice": {{2, "cleanup.policy", pointer("compact")}, {2, "cleanup.policy", pointer("delete")}},
				"append to a number": {{2, "retention.ms", pointer("1")}}, "append null": {{2, "cleanup.policy", nil}}, "subtract": {{3, "cleanup.policy", pointer("compact")}},
				"subtract what is not there": {{3, "cleanup.policy", pointer("other")}}, "subtract everything": {{3, "cleanup.policy", pointer("compact,delete")}}, "subtract from a number": {{3, "retention.ms", pointer("1")}},
				"twice": {{0, "retention.ms", pointer("1")}, {0, "retention.ms", pointer("2")}}, "good and bad": {{0, "retention.ms", pointer("1")}, {0, "segment.ms", pointer("x")}},
				"nothing": {}, "blanks": {{0, "retention.ms", pointer(" 77 ")}}, "an empty value": {{0, "cleanup.policy", pointer("")}},
				"min.insync.replicas": {{0, "min.insync.replicas", pointer("9")}}, "throttled": {{0, "leader.replication.throttled.replicas", pointer("0:1")}}, "throttled badly": {{0, "leader.replication.throttled.replicas", pointer("0-1")}},
				"local retention too long": {{0, "local.retention.ms", pointer("999999999999")}},
			}) {
				for _, only := range []bool{true, false} {
					req := incremental(v, ofTopic, n, changes...)
					req.ValidateOnly = only
					ask[*kmsg.IncrementalAlterConfigsResponse](c, step("%s, only validated %t", why, only), req)
				}
				until(c, why+": then", described(s.last(32), ofTopic, n, "retention.ms", "cleanup.policy", "segment.ms"), steady[*kmsg.DescribeConfigsResponse]())
			}
			for why, kind := range sorted(kinds) {
				for _, name := range []string{"", "missing", "in valid", "7", "-1"} {
					if kind == ofBroker && name == "" {
						continue
					}
					ask[*kmsg.IncrementalAlterConfigsResponse](c, step("%s %q", why, name), incremental(v, kind, name, change{0, "retention.ms", pointer("1")}))
				}
			}
			req := incremental(v, ofTopic, n, change{0, "retention.ms", pointer("5")})
			req.Resources = append(req.Resources, req.Resources[0])
			ask[*kmsg.IncrementalAlterConfigsResponse](c, "a topic twice", req)
			ask[*kmsg.IncrementalAlterConfigsResponse](c, "no resources", in(v, kmsg.NewPtrIncrementalAlterConfigsRequest()))
		}
	}},
	{"alter configs", func(s *session) {
		c := s.conn("c")
		n := s.name("t")
		s.topic(n, 1, "retention.ms", "1000", "segment.ms", "5000")
		for _, v := range s.versions(33) {
			for why, configs := range sorted(map[string][]string{
				"one": {"retention.ms", "2000"}, "none": {}, "bad": {"retention.ms", "x"}, "unknown": {"no.such", "1"}, "twice": {"retention.ms", "1", "retention.ms", "2"}, "an empty name": {"", "1"},
			}) {
				for _, only := range []bool{true, false} {
					req := altered(v, ofTopic, n, configs...)
					req.ValidateOnly = only
					ask[*kmsg.AlterConfigsResponse](c, step("%s, only validated %t", why, only), req)
				}
				until(c, why+": then", described(s.last(32), ofTopic, n, "retention.ms", "segment.ms"), steady[*kmsg.DescribeConfigsResponse]())
			}
			for why, kind := range sorted(kinds) {
				for _, name := range []string{"missing", "in valid", "7", "-1"} {
					ask[*kmsg.AlterConfigsResponse](c, step("%s %q", why, name), altered(v, kind, name, "retention.ms", "1"))
				}
			}
			req := altered(v, ofTopic, n, "retention.ms", "1")
			req.Resources[0].Configs[0].Value = nil
			ask[*kmsg.AlterConfigsResponse](c, "null", req)
			ask[*kmsg.AlterConfigsResponse](c, "no resources", in(v, kmsg.NewPtrAlterConfigsRequest()))
		}
	}},
	{"alter a broker's configs", func(s *session) {
		c := s.conn("c")
		v := s.last(44)
		for _, name := range []string{"1", ""} {
			for why, changes := range sorted(map[string][]change{
				"io threads": {{0, "num.io.threads", pointer("7")}}, "too many": {{0, "num.io.threads", pointer("999")}}, "read only": {{0, "broker.id", pointer("5")}}, "unknown": {{0, "no.such", pointer("5")}},
				"retention": {{0, "log.retention.ms", pointer("99999")}}, "segment": {{0, "log.segment.bytes", pointer("5")}}, "a listener": {{0, "listeners", pointer("CLIENT://x:1")}},
				"cleaner threads": {{0, "log.cleaner.threads", pointer("2")}}, "min isr": {{0, "min.insync.replicas", pointer("1")}}, "deleted": {{1, "num.io.threads", nil}},
				"unclean": {{0, "unclean.leader.election.enable", pointer("false")}}, "bad": {{0, "log.retention.ms", pointer("x")}}, "throttle": {{0, "leader.replication.throttled.rate", pointer("1000000")}},
			}) {
				req := incremental(v, ofBroker, name, changes...)
				req.ValidateOnly = true
				ask[*kmsg.IncrementalAlterConfigsResponse](c, step("broker %q: %s, only validated", name, why), req)
			}
			ask[*kmsg.IncrementalAlterConfigsResponse](c, step("broker %q: set", name), incremental(v, ofBroker, name, change{0, "log.cleaner.backoff.ms", pointer("16000")}))
			req := described(s.last(32), ofBroker, "1", "log.cleaner.backoff.ms")
			req.IncludeSynonyms = true
			until(c, step("broker %q: then", name), req, func(r *kmsg.DescribeConfigsResponse) bool { return valueOf(r) == "16000" })
			ask[*kmsg.IncrementalAlterConfigsResponse](c, step("broker %q: deleted", name), incremental(v, ofBroker, name, change{1, "log.cleaner.backoff.ms", nil}))
			until(c, step("broker %q: then it is the default", name), req, func(r *kmsg.DescribeConfigsResponse) bool { return valueOf(r) == "15000" })
		}
	}},
	{"list config resources", func(s *session) {
		for _, v := range s.versions(74) {
			ask[*kmsg.ListConfigResourcesResponse](s.conn("c"), "of any type", func() kmsg.Request {
				r := in(v, kmsg.NewPtrListConfigResourcesRequest())
				if v > 0 {
					r.ResourceTypes = []int8{4, 8, 16, 32}
				}
				return r
			}())
			if v == 0 {
				continue
			}
			for why, kind := range sorted(kinds) {
				if kind == ofTopic {
					continue // all the scripts' topics
				}
				req := in(v, kmsg.NewPtrListConfigResourcesRequest())
				req.ResourceTypes = []int8{int8(kind)}
				ask[*kmsg.ListConfigResourcesResponse](s.conn("c"), "type "+why, req)
			}
		}
	}},
	{"configs of groups and metrics", func(s *session) {
		c := s.conn("c")
		v := s.last(44)
		for why, f := range sorted(map[string]struct {
			kind    kmsg.ConfigResourceType
			changes []change
		}{
			"group": {32, []change{{0, "consumer.session.timeout.ms", pointer("46000")}}}, "group too short": {32, []change{{0, "consumer.session.timeout.ms", pointer("1")}}}, "group unknown": {32, []change{{0, "no.such", pointer("1")}}},
			"metrics": {16, []change{{0, "interval.ms", pointer("5000")}, {0, "metrics", pointer("a.b")}}}, "metrics bad": {16, []change{{0, "interval.ms", pointer("5")}}}, "metrics unknown": {16, []change{{0, "no.such", pointer("5")}}},
			"metrics match": {16, []change{{0, "match", pointer("client_id=a")}}}, "metrics bad match": {16, []change{{0, "match", pointer("nonsense")}}},
		}) {
			n := s.name(step("r%x", hash(why)))
			ask[*kmsg.IncrementalAlterConfigsResponse](c, why, incremental(v, f.kind, n, f.changes...))
			until(c, why+": then", described(s.last(32), f.kind, n), steady[*kmsg.DescribeConfigsResponse]())
			var back []change
			for _, ch := range f.changes {
				back = append(back, change{1, ch.name, nil})
			}
			ask[*kmsg.IncrementalAlterConfigsResponse](c, why+": deleted", incremental(v, f.kind, n, back...))
		}
	}},
}

func valueOf(r *kmsg.DescribeConfigsResponse) string {
	if len(r.Resources) == 1 && len(r.Resources[0].Configs) == 1 && r.Resources[0].Configs[0].Value != nil {
		return *r.Resources[0].Configs[0].Value
	}
	return ""
}

var adminScripts = []script{
	{"acls", func(s *session) {
		c := s.conn("c")
		filter := func(v int16) *kmsg.DescribeACLsRequest {
			req := in(v, kmsg.NewPtrDescribeACLsRequest())
			req.ResourceType, req.ResourcePatternType, req.Operation, req.PermissionType = 1, 1, 1, 1
			if v == 0 {
				req.ResourcePatternType = 3
			}
			return req
		}
		for _, v := range s.versions(30) {
			for why, f := range sorted(map[string]func(r *kmsg.CreateACLsRequestCreation){
				"good": func(r *kmsg.CreateACLsRequestCreation) {}, "prefixed": func(r *kmsg.CreateACLsRequestCreation) { r.ResourcePatternType = 4 }, "match": func(r *kmsg.CreateACLsRequestCreation) { r.ResourcePatternType = 2 },
				"any pattern": func(r *kmsg.CreateACLsRequestCreation) { r.ResourcePatternType = 1 }, "unknown pattern": func(r *kmsg.CreateACLsRequestCreation) { r.ResourcePatternType = 9 },
				"any type": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType = 1 }, "unknown type": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType = 0 }, "type 99": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType = 99 },
				"any operation": func(r *kmsg.CreateACLsRequestCreation) { r.Operation = 1 }, "unknown operation": func(r *kmsg.CreateACLsRequestCreation) { r.Operation = 0 }, "all": func(r *kmsg.CreateACLsRequestCreation) { r.Operation = 2 },
				"an operation that does not fit": func(r *kmsg.CreateACLsRequestCreation) { r.Operation = 9 }, "any permission": func(r *kmsg.CreateACLsRequestCreation) { r.PermissionType = 1 }, "unknown permission": func(r *kmsg.CreateACLsRequestCreation) { r.PermissionType = 0 },
				"deny": func(r *kmsg.CreateACLsRequestCreation) { r.PermissionType = 2 }, "no principal": func(r *kmsg.CreateACLsRequestCreation) { r.Principal = "" }, "a bare principal": func(r *kmsg.CreateACLsRequestCreation) { r.Principal = "bob" },
				"any principal": func(r *kmsg.CreateACLsRequestCreation) { r.Principal = "User:*" }, "no name": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceName = "" }, "no host": func(r *kmsg.CreateACLsRequestCreation) { r.Host = "" }, "a host": func(r *kmsg.CreateACLsRequestCreation) { r.Host = "10.0.0.1" },
				"cluster": func(r *kmsg.CreateACLsRequestCreation) {
					r.ResourceType, r.ResourceName, r.Operation = 4, "kafka-cluster", 5
				}, "another cluster": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType, r.ResourceName, r.Operation = 4, "other", 5 },
				"group": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType = 3 }, "transactional id": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType = 5 }, "delegation token": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType, r.Operation = 6, 8 }, "user": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceType, r.Operation = 7, 13 },
				"a wildcard": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceName = "*" }, "a prefixed wildcard": func(r *kmsg.CreateACLsRequestCreation) { r.ResourceName, r.ResourcePatternType = "*", 4 },
			}) {
				a := kmsg.CreateACLsRequestCreation{ResourceType: 2, ResourceName: "acl-topic", ResourcePatternType: 3, Principal: "User:bob", Host: "*", Operation: 3, PermissionType: 3}
				f(&a)
				req := in(v, kmsg.NewPtrCreateACLsRequest())
				req.Creations = append(req.Creations, a)
				ask[*kmsg.CreateACLsResponse](c, why, req)
				req.Creations = append(req.Creations, a)
				ask[*kmsg.CreateACLsResponse](c, why+" twice", req)
			}
			ask[*kmsg.CreateACLsResponse](c, "none", in(v, kmsg.NewPtrCreateACLsRequest()))
		}
		all := filter(s.last(29))
		until(c, "all", all, steady[*kmsg.DescribeACLsResponse]())
		for _, v := range s.versions(29) {
			for why, f := range sorted(map[string]func(r *kmsg.DescribeACLsRequest){
				"everything": func(r *kmsg.DescribeACLsRequest) {}, "literal": func(r *kmsg.DescribeACLsRequest) { r.ResourcePatternType = 3 }, "prefixed": func(r *kmsg.DescribeACLsRequest) { r.ResourcePatternType = 4 },
				"match": func(r *kmsg.DescribeACLsRequest) {
					r.ResourcePatternType, r.ResourceName, r.ResourceType = 2, pointer("acl-topic-more"), 2
				}, "a name": func(r *kmsg.DescribeACLsRequest) { r.ResourceName = pointer("acl-topic") },
				"an empty name": func(r *kmsg.DescribeACLsRequest) { r.ResourceName = pointer("") }, "a principal": func(r *kmsg.DescribeACLsRequest) { r.Principal = pointer("User:bob") }, "a bare principal": func(r *kmsg.DescribeACLsRequest) { r.Principal = pointer("bob") },
				"a host": func(r *kmsg.DescribeACLsRequest) { r.Host = pointer("10.0.0.1") }, "read": func(r *kmsg.DescribeACLsRequest) { r.Operation = 3 }, "deny": func(r *kmsg.DescribeACLsRequest) { r.PermissionType = 2 }, "groups": func(r *kmsg.DescribeACLsRequest) { r.ResourceType = 3 },
				"unknown type": func(r *kmsg.DescribeACLsRequest) { r.ResourceType = 0 }, "unknown pattern": func(r *kmsg.DescribeACLsRequest) { r.ResourcePatternType = 0 }, "unknown operation": func(r *kmsg.DescribeACLsRequest) { r.Operation = 0 }, "unknown permission": func(r *kmsg.DescribeACLsRequest) { r.PermissionType = 0 },
				"type 99": func(r *kmsg.DescribeACLsRequest) { r.ResourceType = 99 }, "nothing": func(r *kmsg.DescribeACLsRequest) { r.ResourceName = pointer("nothing") },
			}) {
				req := filter(v)
				f(req)
				ask[*kmsg.DescribeACLsResponse](c, "describe "+why, req)
			}
		}
		for _, v := range s.versions(31) {
			for why, f := range sorted(map[string]func(r *kmsg.DeleteACLsRequestFilter){
				"nothing": func(r *kmsg.DeleteACLsRequestFilter) { r.ResourceName = pointer("nothing") }, "unknown type": func(r *kmsg.DeleteACLsRequestFilter) { r.ResourceType = 0 }, "denied": func(r *kmsg.DeleteACLsRequestFilter) { r.PermissionType = 2 },
				"of groups": func(r *kmsg.DeleteACLsRequestFilter) { r.ResourceType = 3 }, "unknown operation": func(r *kmsg.DeleteACLsRequestFilter) { r.Operation = 0 },
			}) {
				d := kmsg.DeleteACLsRequestFilter{ResourceType: 1, ResourcePatternType: 1, Operation: 1, PermissionType: 1}
				if v == 0 {
					d.ResourcePatternType = 3
				}
				f(&d)
				req := in(v, kmsg.NewPtrDeleteACLsRequest())
				req.Filters = []kmsg.DeleteACLsRequestFilter{d}
				ask[*kmsg.DeleteACLsResponse](c, "delete "+why, req)
				req.Filters = append(req.Filters, d)
				ask[*kmsg.DeleteACLsResponse](c, "delete twice "+why, req)
			}
		}
		req := in(s.last(31), kmsg.NewPtrDeleteACLsRequest())
		ask[*kmsg.DeleteACLsResponse](c, "delete by no filter", req)
		req.Filters = []kmsg.DeleteACLsRequestFilter{{ResourceType: 1, ResourcePatternType: 1, Operation: 1, PermissionType: 1}}
		ask[*kmsg.DeleteACLsResponse](c, "delete the rest", req)
	}},
	{"scram users", func(s *session) {
		c := s.conn("c")
		v, long := s.last(51), strings.Repeat("x", 64)
		up := func(name string, mechanism int8, iterations int32, salt, password string) kmsg.AlterUserSCRAMCredentialsRequestUpsertion {
			return kmsg.AlterUserSCRAMCredentialsRequestUpsertion{Name: name, Mechanism: mechanism, Iterations: iterations, Salt: []byte(salt), SaltedPassword: []byte(password)}
		}
		for why, u := range sorted(map[string]kmsg.AlterUserSCRAMCredentialsRequestUpsertion{
			"good": up("bob", 2, 4096, "salt", long), "another mechanism": up("bob", 1, 4096, "salt", long[:32]), "an unknown mechanism": up("bob", 9, 4096, "salt", "password"), "mechanism 0": up("bob", 0, 4096, "salt", "password"),
			"few iterations": up("bob", 2, 4095, "salt", long), "many iterations": up("bob", 2, 16385, "salt", long), "no name": up("", 2, 4096, "salt", long), "no salt": up("bob", 2, 4096, "", long), "no password": up("bob", 2, 4096, "salt", ""),
		}) {
			req := in(v, kmsg.NewPtrAlterUserSCRAMCredentialsRequest())
			req.Upsertions = []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{u}
			ask[*kmsg.AlterUserSCRAMCredentialsResponse](c, why, req)
			req.Upsertions = append(req.Upsertions, u)
			ask[*kmsg.AlterUserSCRAMCredentialsResponse](c, why+" twice", req)
			req.Upsertions, req.Deletions = req.Upsertions[:1], []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: u.Name, Mechanism: u.Mechanism}}
			ask[*kmsg.AlterUserSCRAMCredentialsResponse](c, why+" and deleted", req)
		}
		for why, names := range sorted(map[string][]string{"all": nil, "none": {}, "bob": {"bob"}, "missing": {"missing", "bob"}, "twice": {"bob", "bob"}, "no name": {""}}) {
			req := in(s.last(50), kmsg.NewPtrDescribeUserSCRAMCredentialsRequest())
			if names != nil {
				req.Users = []kmsg.DescribeUserSCRAMCredentialsRequestUser{}
			}
			for _, n := range names {
				req.Users = append(req.Users, kmsg.DescribeUserSCRAMCredentialsRequestUser{Name: n})
			}
			until(c, "describe "+why, req, steady[*kmsg.DescribeUserSCRAMCredentialsResponse]())
		}
		for why, d := range sorted(map[string]kmsg.AlterUserSCRAMCredentialsRequestDeletion{"missing": {Name: "missing", Mechanism: 1}, "no name": {Mechanism: 1}, "bob": {Name: "bob", Mechanism: 2}, "unknown mechanism": {Name: "bob", Mechanism: 9}, "bob 1": {Name: "bob", Mechanism: 1}}) {
			req := in(v, kmsg.NewPtrAlterUserSCRAMCredentialsRequest())
			req.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{d}
			ask[*kmsg.AlterUserSCRAMCredentialsResponse](c, "delete "+why, req)
		}
		ask[*kmsg.AlterUserSCRAMCredentialsResponse](c, "nothing", in(v, kmsg.NewPtrAlterUserSCRAMCredentialsRequest()))
	}},
	{"quotas", func(s *session) {
		c := s.conn("c")
		type entity = kmsg.AlterClientQuotasRequestEntryEntity
		type op = kmsg.AlterClientQuotasRequestEntryOp
		user, client, ip := pointer("quota-user"), pointer("quota-client"), pointer("10.0.0.1")
		rate := op{Key: "producer_byte_rate", Value: 1e9}
		for _, v := range s.versions(49) {
			for why, e := range sorted(map[string]kmsg.AlterClientQuotasRequestEntry{
				"user": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{rate}}, "default user": {Entity: []entity{{Type: "user"}}, Ops: []op{{Key: "consumer_byte_rate", Value: 1e9}}}, "client": {Entity: []entity{{Type: "client-id", Name: client}}, Ops: []op{rate}},
				"both": {Entity: []entity{{Type: "user", Name: user}, {Type: "client-id", Name: client}}, Ops: []op{rate, {Key: "request_percentage", Value: 200}}}, "ip": {Entity: []entity{{Type: "ip", Name: ip}}, Ops: []op{{Key: "connection_creation_rate", Value: 1000}}},
				"a bad ip": {Entity: []entity{{Type: "ip", Name: pointer("no.such.host.invalid")}}, Ops: []op{{Key: "connection_creation_rate", Value: 1000}}}, "ip and user": {Entity: []entity{{Type: "ip", Name: ip}, {Type: "user", Name: user}}, Ops: []op{rate}},
				"an unknown type": {Entity: []entity{{Type: "group", Name: user}}, Ops: []op{rate}}, "no entity": {Ops: []op{rate}}, "an empty name": {Entity: []entity{{Type: "user", Name: pointer("")}}, Ops: []op{rate}}, "an empty type": {Entity: []entity{{Name: user}}, Ops: []op{rate}},
				"a type twice": {Entity: []entity{{Type: "user", Name: user}, {Type: "user", Name: client}}, Ops: []op{rate}}, "an unknown key": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "no_such", Value: 1}}},
				"an ip's key": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "connection_creation_rate", Value: 1}}}, "a user's key": {Entity: []entity{{Type: "ip", Name: ip}}, Ops: []op{rate}}, "zero": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "producer_byte_rate"}}},
				"negative": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "producer_byte_rate", Value: -1}}}, "a fraction": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "producer_byte_rate", Value: 1.5}}}, "a fraction of a percentage": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "request_percentage", Value: 150.5}}},
				"huge": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "producer_byte_rate", Value: 1e300}}}, "a key twice": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{rate, {Key: "producer_byte_rate", Remove: true}}}, "no ops": {Entity: []entity{{Type: "user", Name: user}}},
				"removed": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "controller_mutation_rate", Remove: true}}}, "mutations": {Entity: []entity{{Type: "user", Name: user}}, Ops: []op{{Key: "controller_mutation_rate", Value: 100000}}},
			}) {
				for _, only := range []bool{true, false} {
					req := in(v, kmsg.NewPtrAlterClientQuotasRequest())
					req.Entries, req.ValidateOnly = []kmsg.AlterClientQuotasRequestEntry{e}, only
					ask[*kmsg.AlterClientQuotasResponse](c, step("%s, only validated %t", why, only), req)
				}
			}
			ask[*kmsg.AlterClientQuotasResponse](c, "nothing", in(v, kmsg.NewPtrAlterClientQuotasRequest()))
		}
		for _, v := range s.versions(48) {
			type component = kmsg.DescribeClientQuotasRequestComponent
			for why, cs := range sorted(map[string][]component{
				"all": nil, "users": {{EntityType: "user", MatchType: 2}}, "a user": {{EntityType: "user", Match: user}}, "the default user": {{EntityType: "user", MatchType: 1}}, "ips": {{EntityType: "ip", MatchType: 2}},
				"users and clients": {{EntityType: "user", MatchType: 2}, {EntityType: "client-id", MatchType: 2}}, "an unknown type": {{EntityType: "group", MatchType: 2}}, "a type twice": {{EntityType: "user", MatchType: 2}, {EntityType: "user", MatchType: 1}},
				"an unknown match": {{EntityType: "user", MatchType: 9}}, "an empty type": {{MatchType: 2}}, "exact null": {{EntityType: "user"}}, "missing": {{EntityType: "user", Match: pointer("missing")}}, "any with a name": {{EntityType: "user", MatchType: 2, Match: user}},
				"ips and users": {{EntityType: "ip", MatchType: 2}, {EntityType: "user", MatchType: 2}},
			}) {
				for _, strict := range []bool{false, true} {
					req := in(v, kmsg.NewPtrDescribeClientQuotasRequest())
					req.Components, req.Strict = cs, strict
					until(c, step("describe %s, strict %t", why, strict), req, steady[*kmsg.DescribeClientQuotasResponse]())
				}
			}
		}
		last := s.last(49)
		for _, e := range [][]entity{{{Type: "user", Name: user}}, {{Type: "user"}}, {{Type: "client-id", Name: client}}, {{Type: "user", Name: user}, {Type: "client-id", Name: client}}, {{Type: "ip", Name: ip}}} {
			req := in(last, kmsg.NewPtrAlterClientQuotasRequest())
			entry := kmsg.AlterClientQuotasRequestEntry{Entity: e}
			for _, k := range []string{"producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"} {
				if e[0].Type == "ip" {
					k = "connection_creation_rate"
				}
				entry.Ops = append(entry.Ops, op{Key: k, Remove: true})
				if e[0].Type == "ip" {
					break
				}
			}
			req.Entries = append(req.Entries, entry)
			ask[*kmsg.AlterClientQuotasResponse](c, "removed at last", req)
		}
	}},
	{"reassignments and elections", func(s *session) {
		c := s.conn("c")
		n := s.name("t")
		s.topic(n, 2)
		for _, v := range s.versions(45) {
			for why, replicas := range sorted(map[string][]int32{"the same": {1}, "nobody": {}, "cancelled": nil, "unknown": {7}, "twice": {1, 1}, "negative": {-1}, "more": {1, 2}}) {
				for _, topic := range []string{n, "missing", ""} {
					for _, partition := range []int32{0, 9, -1} {
						for _, allow := range []bool{true, false} {
							if !allow && v == 0 {
								continue
							}
							req := in(v, kmsg.NewPtrAlterPartitionAssignmentsRequest())
							req.TimeoutMillis, req.AllowReplicationFactorChange = limit, allow
							req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: partition, Replicas: replicas}}}}
							ask[*kmsg.AlterPartitionAssignmentsResponse](c, step("%s, topic %q partition %d, factor may change %t", why, strings.TrimPrefix(topic, s.prefix), partition, allow), req)
						}
					}
				}
			}
			ask[*kmsg.AlterPartitionAssignmentsResponse](c, "nothing", in(v, kmsg.NewPtrAlterPartitionAssignmentsRequest()))
		}
		for _, v := range s.versions(46) {
			req := in(v, kmsg.NewPtrListPartitionReassignmentsRequest())
			req.TimeoutMillis = limit
			ask[*kmsg.ListPartitionReassignmentsResponse](c, "all reassignments", req)
			req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: n, Partitions: []int32{0, 9}}, {Topic: "missing", Partitions: []int32{0}}}
			ask[*kmsg.ListPartitionReassignmentsResponse](c, "some reassignments", req)
			req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{}
			ask[*kmsg.ListPartitionReassignmentsResponse](c, "no reassignments", req)
		}
		for _, v := range s.versions(43) {
			for _, kind := range []int8{0, 1, 2, -1} {
				req := in(v, kmsg.NewPtrElectLeadersRequest())
				req.ElectionType, req.TimeoutMillis = kind, limit
				req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: n, Partitions: []int32{0, 1, 9}}, {Topic: "missing", Partitions: []int32{0}}}
				ask[*kmsg.ElectLeadersResponse](c, step("type %d", kind), req)
				req.Topics = append(req.Topics, req.Topics[0])
				ask[*kmsg.ElectLeadersResponse](c, step("type %d, twice", kind), req)
				req.Topics = []kmsg.ElectLeadersRequestTopic{}
				ask[*kmsg.ElectLeadersResponse](c, step("type %d, nothing", kind), req)
				req.Topics = nil
				ask[*kmsg.ElectLeadersResponse](c, step("type %d, everything", kind), req)
			}
		}
	}},
	// Before kraft.version is changed, which Kafka does also when it is only to be
	// validated.
	{"raft voters", func(s *session) {
		c := s.conn("c")
		ask[*kmsg.MetadataResponse](c, "the cluster's id", metadataOf(s.last(3)))
		for _, cluster := range []*string{nil, pointer("another")} {
			for _, voter := range []int32{1, 2, -1} {
				for _, v := range s.versions(80) {
					req := in(v, kmsg.NewPtrAddRaftVoterRequest())
					req.ClusterID, req.VoterID, req.VoterDirectoryID, req.TimeoutMillis = cluster, voter, [16]byte{1, 2, 3}, limit
					req.Listeners = []kmsg.AddRaftVoterRequestListener{{Name: "CONTROLLER", Host: "localhost", Port: 1}}
					ask[*kmsg.AddRaftVoterResponse](c, step("add voter %d, its cluster is said: %t", voter, cluster != nil), req)
					req.Listeners = nil
					ask[*kmsg.AddRaftVoterResponse](c, step("add voter %d without listeners, its cluster is said: %t", voter, cluster != nil), req)
				}
				for _, v := range s.versions(81) {
					req := in(v, kmsg.NewPtrRemoveRaftVoterRequest())
					req.ClusterID, req.VoterID, req.VoterDirectoryID = cluster, voter, [16]byte{1, 2, 3}
					ask[*kmsg.RemoveRaftVoterResponse](c, step("remove voter %d, its cluster is said: %t", voter, cluster != nil), req)
				}
			}
		}
	}},
	{"quorum and features", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(55) {
			req := in(v, kmsg.NewPtrDescribeQuorumRequest())
			req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: 0}}}}
			r := quiet[*kmsg.DescribeQuorumResponse](c, req)
			for i := range r.Topics {
				for j := range r.Topics[i].Partitions {
					p := &r.Topics[i].Partitions[j]
					p.HighWatermark, p.LeaderEpoch = 0, 0
					for k := range p.CurrentVoters {
						p.CurrentVoters[k].LogEndOffset = 0
					}
				}
			}
			s.log = append(s.log, &exchange{step: "the quorum without offsets", request: copyOf(req), outcome: answered, answer: r, exact: true})
			req.Topics[0].Topic = "other"
			ask[*kmsg.DescribeQuorumResponse](c, "another topic", req)
			req.Topics[0].Topic, req.Topics[0].Partitions[0].Partition = "__cluster_metadata", 1
			ask[*kmsg.DescribeQuorumResponse](c, "another partition", req)
			req.Topics = nil
			ask[*kmsg.DescribeQuorumResponse](c, "nothing", req)
		}
		for _, v := range s.versions(57) {
			for why, u := range sorted(map[string]kmsg.UpdateFeaturesRequestFeatureUpdate{
				"unknown": {Feature: "no.such", MaxVersionLevel: 1, UpgradeType: 1}, "no name": {MaxVersionLevel: 1, UpgradeType: 1}, "too high": {Feature: "metadata.version", MaxVersionLevel: 999, UpgradeType: 1}, "zero": {Feature: "metadata.version", UpgradeType: 1},
				"downgrade": {Feature: "metadata.version", MaxVersionLevel: 8, UpgradeType: 1}, "downgrade allowed": {Feature: "metadata.version", MaxVersionLevel: 8, UpgradeType: 2, AllowDowngrade: true}, "a bad type": {Feature: "metadata.version", MaxVersionLevel: 8, UpgradeType: 9},
				"groups off": {Feature: "group.version", UpgradeType: 1}, "transactions 1": {Feature: "transaction.version", MaxVersionLevel: 1, UpgradeType: 2, AllowDowngrade: true}, "kraft": {Feature: "kraft.version", MaxVersionLevel: 1, UpgradeType: 1},
			}) {
				if v == 0 && strings.HasPrefix(why, "transactions") {
					continue // there is no way to only validate it
				}
				req := in(v, kmsg.NewPtrUpdateFeaturesRequest())
				req.TimeoutMillis, req.ValidateOnly, req.FeatureUpdates = limit, true, []kmsg.UpdateFeaturesRequestFeatureUpdate{u}
				ask[*kmsg.UpdateFeaturesResponse](c, why, req)
				req.FeatureUpdates = append(req.FeatureUpdates, u)
				ask[*kmsg.UpdateFeaturesResponse](c, why+" twice", req)
			}
			ask[*kmsg.UpdateFeaturesResponse](c, "none", in(v, kmsg.NewPtrUpdateFeaturesRequest()))
		}
	}},
	{"unregister a broker", func(s *session) {
		for _, v := range s.versions(64) {
			for _, id := range []int32{77, -1} {
				req := in(v, kmsg.NewPtrUnregisterBrokerRequest())
				req.BrokerID = id
				ask[*kmsg.UnregisterBrokerResponse](s.conn("c"), step("broker %d", id), req)
			}
		}
	}},
	{"delegation tokens", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(38) {
			ask[*kmsg.CreateDelegationTokenResponse](c, "create", in(v, kmsg.NewPtrCreateDelegationTokenRequest()))
		}
		for _, v := range s.versions(39) {
			ask[*kmsg.RenewDelegationTokenResponse](c, "renew", in(v, kmsg.NewPtrRenewDelegationTokenRequest()))
		}
		for _, v := range s.versions(40) {
			ask[*kmsg.ExpireDelegationTokenResponse](c, "expire", in(v, kmsg.NewPtrExpireDelegationTokenRequest()))
		}
		for _, v := range s.versions(41) {
			ask[*kmsg.DescribeDelegationTokenResponse](c, "describe", in(v, kmsg.NewPtrDescribeDelegationTokenRequest()))
		}
	}},
	{"sasl on a plaintext listener", func(s *session) {
		for _, v := range s.versions(17) {
			req := in(v, kmsg.NewPtrSASLHandshakeRequest())
			for _, m := range []string{"PLAIN", ""} {
				req.Mechanism = m
				ask[*kmsg.SASLHandshakeResponse](s.conn("c"), step("mechanism %q", m), req)
			}
		}
		for _, v := range s.versions(36) {
			ask[*kmsg.SASLAuthenticateResponse](s.conn("c"), "authenticate", in(v, kmsg.NewPtrSASLAuthenticateRequest()))
		}
	}},
	{"telemetry", func(s *session) {
		c := s.conn("c")
		for _, v := range s.versions(71) {
			ask[*kmsg.GetTelemetrySubscriptionsResponse](c, "subscriptions", in(v, kmsg.NewPtrGetTelemetrySubscriptionsRequest()))
		}
	}},
}

// steady asks until an answer has come three times.
func steady[R kmsg.Response]() func(R) bool {
	var last string
	same := 0
	return func(r R) bool {
		now := string(r.AppendTo(nil))
		if now == last {
			same++
		} else {
			same = 0
		}
		last = now
		return same >= 3
	}
}
