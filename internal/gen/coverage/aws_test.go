package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCallsAreFound: each way to call an operation counts for it, and for no
// other.
func TestCallsAreFound(t *testing.T) {
	services := []awsService{
		{name: "kafka", served: []string{"CreateTopic", "ListTopics", "DescribeClusterV2", "TagResource"}},
		{name: "iam", served: []string{"CreateUser", "ListMFADevices", "ListSSHPublicKeys"}},
		{name: "kms", served: []string{"Encrypt", "TagResource", "ListKeys"}, rest: []string{"Sign"}},
	}
	for name, c := range map[string]struct{ file, text, want string }{
		"types":    {"a_test.go", `package a; import shape "example.com/aws/model/kms"; var _ = shape.EncryptRequest{}`, "kms:Encrypt"},
		"the SDK":  {"a_test.go", `package a; import "github.com/aws/aws-sdk-go-v2/service/kafka"; var _ = kafka.CreateTopicInput{}`, "kafka:CreateTopic"},
		"others":   {"a_test.go", `package a; import "example.com/other/kms"; var _ = kms.EncryptRequest{}`, ""},
		"forms":    {"a_test.go", `package a; func f() { form("iam", "Action=CreateUser"); form("kms", "Action=CreateUser") }`, "iam:CreateUser"},
		"one's":    {"a_test.go", `package a; func f() { call("Action=CreateUser"); call("Action=TagResource"); _ = url.Values{"Action": {"ListSSHPublicKeys"}} }`, "iam:CreateUser iam:ListSSHPublicKeys"},
		"targets":  {"a_test.go", `package a; func f() { send("TrentService.ListKeys") }`, "kms:ListKeys"},
		"verbs":    {"a_test.go", `package a; func f() { a.call(nil, "kms", "tag-resource"); a.kafka(nil, append([]string{"list-topics"}, at...)...) }`, "kafka:ListTopics kms:TagResource"},
		"comments": {"a_test.go", "package a\n\n// f is.\n//\n// Calls: kms:Encrypt, kms:Sign, kms:Nonsense\nfunc f() {}", "kms:Encrypt kms:Sign"},
		"python":   {"a.py", "iam = boto3.client(\"iam\")\niam.list_mfa_devices()\nfor c in (iam.list_ssh_public_keys,): c()\nother.create_user()\nkafka = strict.client(\"kafka\")\nkafka.get_paginator(\"describe_cluster_v2\")", "iam:ListMFADevices iam:ListSSHPublicKeys kafka:DescribeClusterV2"},
	} {
		file := filepath.Join(t.TempDir(), c.file)
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		calls := newCalls(services)
		read := calls.goTest
		if strings.HasSuffix(c.file, ".py") {
			read = calls.python
		}
		if err := read(file); err != nil {
			t.Fatal(err)
		}
		var got []string
		for name := range calls.files {
			got = append(got, name)
		}
		if slices.Sort(got); strings.Join(got, " ") != c.want {
			t.Errorf("%s: found %v, want %s", name, got, c.want)
		}
	}
}
