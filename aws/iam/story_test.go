package iam_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/policy"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories answer into testdata")

// story is a world whose people have names.
type story struct {
	*world
	t       *testing.T
	callers map[string]model.Caller
	keys    map[string]*string           // of users
	own     map[string]*policy.Named     // policies of resources, by their names
	tags    map[string]map[string]string // of resources, by their names
}

// TestStories runs testdata/*.story: blocks of a verb, "----" and the answer,
// parted by empty lines; "#" begins a comment. Policies are written as
// "allow ACTIONS on RESOURCES [if OPERATOR KEY=VALUE]; deny ...", resources as
// cluster, topic/NAME, group/NAME or *.
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
	w := newWorld(t)
	s := &story{w, t, map[string]model.Caller{"root": w.root()}, map[string]*string{}, map[string]*policy.Named{}, map[string]map[string]string{}}
	var out []string
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		input, want, asks := strings.Cut(block, "----")
		if !asks {
			out = append(out, block)
			continue
		}
		got := s.run(strings.TrimSpace(input))
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

// run does the verb of each line that is no comment, and answers the last.
func (s *story) run(input string) (answer string) {
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			answer = s.verb(strings.Fields(line))
		}
	}
	return answer
}

// told is what a verb without an answer of its own says.
func told(_ any, err error) string {
	var e *model.Error
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &e):
		return e.Code + ": " + e.Message
	}
	return "error: " + err.Error()
}

func (s *story) verb(f []string) string {
	ctx, root, rest := s.t.Context(), s.callers["root"], strings.Join(f[min(len(f), 2):], " ")
	name := &f[1]
	switch f[0] {
	case "user": // NAME [POLICY]
		var key *shape.AccessKey
		s.callers[*name], key = s.user(*name, "")
		if s.keys[*name] = key.AccessKeyId; rest != "" {
			s.grant(*name, s.document(rest))
		}
		return "done"
	case "policy": // USER POLICY
		return told(s.PutUserPolicy(ctx, root, &shape.PutUserPolicyRequest{UserName: name, PolicyName: p("own"), PolicyDocument: p(s.document(rest))}))
	case "rolepolicy": // ROLE POLICY
		return told(s.PutRolePolicy(ctx, root, &shape.PutRolePolicyRequest{RoleName: name, PolicyName: p("own"), PolicyDocument: p(s.document(rest))}))
	case "boundary": // USER POLICY
		made, err := s.CreatePolicy(ctx, root, &shape.CreatePolicyRequest{PolicyName: p("limit-of-" + *name), PolicyDocument: p(s.document(rest))})
		if err != nil {
			return told(nil, err)
		}
		return told(s.PutUserPermissionsBoundary(ctx, root, &shape.PutUserPermissionsBoundaryRequest{UserName: name, PermissionsBoundary: made.Policy.Arn}))
	case "group": // NAME USER POLICY
		if _, err := s.CreateGroup(ctx, root, &shape.CreateGroupRequest{GroupName: name}); err != nil {
			return told(nil, err)
		}
		if _, err := s.AddUserToGroup(ctx, root, &shape.AddUserToGroupRequest{GroupName: name, UserName: &f[2]}); err != nil {
			return told(nil, err)
		}
		return told(s.PutGroupPolicy(ctx, root, &shape.PutGroupPolicyRequest{GroupName: name, PolicyName: p("own"), PolicyDocument: p(s.document(strings.Join(f[3:], " ")))}))
	case "role": // NAME PRINCIPAL
		return told(s.CreateRole(ctx, root, &shape.CreateRoleRequest{RoleName: name, AssumeRolePolicyDocument: p(trust(f[2]))}))
	case "assume": // SESSION WHO ROLE [POLICY]
		return s.assumes(f)
	case "key": // USER Active|Inactive
		return told(s.UpdateAccessKey(ctx, root, &shape.UpdateAccessKeyRequest{UserName: name, AccessKeyId: s.keys[*name], Status: &f[2]}))
	case "own": // RESOURCE a policy that lets PRINCIPAL do ACTIONS
		doc, err := policy.Parse(policy.Resource, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+f[2]+`"},"Action":`+quote(strings.ReplaceAll(f[3], ",", " "))+`,"Resource":"*"}]}`))
		s.own[*name] = &policy.Named{Name: "policy of " + *name, Document: doc}
		return told(nil, err)
	case "tag": // RESOURCE KEY=VALUE
		key, value, _ := strings.Cut(rest, "=")
		s.tags[*name] = map[string]string{key: value}
		return "done"
	case "pass": // DURATION
		d, err := time.ParseDuration(*name)
		s.now = s.now.Add(d)
		return told(nil, err)
	case "delete-role":
		if _, err := s.DeleteRolePolicy(ctx, root, &shape.DeleteRolePolicyRequest{RoleName: name, PolicyName: p("own")}); err != nil {
			return told(nil, err)
		}
		return told(s.DeleteRole(ctx, root, &shape.DeleteRoleRequest{RoleName: name}))
	case "account":
		c, err := s.CreateAccount(ctx, *name)
		if err == nil {
			s.callers[*name] = s.as(c.AccessKeyID, "")
		}
		return told(nil, err)
	case "ask": // WHO ACTION RESOURCE
		return s.asked(f[1], f[2], f[3])
	case "explain": // ARN ACTION RESOURCE
		out, err := s.Explain(ctx, *name, s.question(model.Caller{}, f[2], f[3]))
		if err != nil {
			return told(nil, err)
		}
		return strings.Join(append([]string{out.Why}, out.Steps...), "\n  ")
	}
	s.t.Fatalf("no verb %q", f[0])
	return ""
}

func (s *story) assumes(f []string) string {
	in := &sts.AssumeRoleRequest{RoleArn: p("arn:aws:iam::000000000000:role/" + f[3]), RoleSessionName: &f[1]}
	if len(f) > 4 {
		in.Policy = p(s.document(strings.Join(f[4:], " ")))
	}
	out, err := s.AssumeRole(s.t.Context(), s.callers[f[2]], in)
	if err != nil {
		return told(nil, err)
	}
	s.callers[f[1]] = s.as(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
	return s.callers[f[1]].ARN
}

func resourceOf(name string) string {
	kind, rest, _ := strings.Cut(name, "/")
	if name == "*" || strings.HasPrefix(name, "arn:") {
		return name
	}
	return of(kind, rest)
}

func (s *story) question(c model.Caller, action, resource string) iam.Question {
	return iam.Question{Caller: c, Action: action, Resource: resourceOf(resource), Tags: s.tags[resource], Policy: s.own[resource]}
}

func (s *story) asked(who, action, resource string) string {
	q := s.question(s.callers[who], action, resource)
	v, err := s.Decide(s.t.Context(), &q)
	if err != nil {
		return told(nil, err)
	}
	if v.Allowed {
		return "allowed: " + v.Why()
	}
	return "denied: " + v.Why()
}

// document reads a policy in the stories' own words.
func (s *story) document(words string) string {
	var list []map[string]any
	for part := range strings.SplitSeq(words, ";") {
		f := strings.Fields(part)
		var resources []string
		for r := range strings.SplitSeq(f[3], ",") {
			resources = append(resources, resourceOf(r))
		}
		one := map[string]any{"Effect": map[string]string{"allow": "Allow", "deny": "Deny"}[f[0]], "Action": strings.Split(f[1], ","), "Resource": resources}
		if len(f) > 4 {
			key, value, _ := strings.Cut(f[6], "=")
			one["Condition"] = map[string]any{f[5]: map[string]string{key: value}}
		}
		list = append(list, one)
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": list})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
