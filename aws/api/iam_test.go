package api_test

import (
	"bytes"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/api"
	"github.com/millrace/millrace/vfs"
)

// temporary is a credential as sts answers it.
type temporary struct {
	AccessKeyID string `xml:"AccessKeyId"`
	Secret      string `xml:"SecretAccessKey"`
	Token       string `xml:"SessionToken"`
}

// form calls iam or sts with fields NAME=VALUE and decodes the answer's result
// into out.
func (s system) form(t *testing.T, by temporary, service string, out any, fields ...string) (status int, body string) {
	t.Helper()
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form := url.Values{"Version": {version}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Set(name, value)
	}
	c := call{service: service, method: "POST", path: "/", body: form.Encode(), contentType: "application/x-www-form-urlencoded", keyID: by.AccessKeyID, secret: by.Secret, at: time.Now()}
	if by.Token != "" {
		c.before = func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", by.Token) }
	}
	status, body, _ = s.send(t, c)
	if out != nil {
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", fields[0], status, body)
		}
		if err := xml.Unmarshal([]byte(body), out); err != nil {
			t.Fatal(err)
		}
	}
	return status, body
}

func (s system) admin() temporary { return temporary{s.root.AccessKeyID, s.root.Secret, ""} }

type keyAnswer struct {
	Key temporary `xml:"CreateAccessKeyResult>AccessKey"`
}

type assumeAnswer struct {
	Credentials temporary `xml:"AssumeRoleResult>Credentials"`
	ARN         string    `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
}

const (
	listPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka:ListClustersV2","Resource":"*"}]}`
	trustsAlice = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/team/alice"},"Action":"sts:AssumeRole"}]}`
)

func TestUsersAndRolesOverHTTP(t *testing.T) {
	s := start(t)
	root := s.admin()
	var user struct {
		ARN  string   `xml:"CreateUserResult>User>Arn"`
		Tags []string `xml:"CreateUserResult>User>Tags>member>Key"`
		At   string   `xml:"CreateUserResult>User>CreateDate"`
	}
	s.form(t, root, "iam", &user, "Action=CreateUser", "UserName=alice", "Path=/team/", "Tags.member.1.Key=a", "Tags.member.1.Value=1", "Tags.member.2.Key=b", "Tags.member.2.Value=")
	if user.ARN != "arn:aws:iam::000000000000:user/team/alice" || len(user.Tags) != 2 || len(user.At) != len("2026-11-24T12:00:00Z") {
		t.Errorf("made %+v", user)
	}
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	alice := key.Key
	status, body := s.form(t, alice, "iam", nil, "Action=GetUser")
	if status != http.StatusForbidden || !strings.Contains(body, "<Code>AccessDenied</Code>") || !strings.Contains(body, "User: arn:aws:iam::000000000000:user/team/alice is not authorized to perform: iam:GetUser on resource: arn:aws:iam::000000000000:user/team/alice because no identity-based policy allows the iam:GetUser action") {
		t.Errorf("GetUser without a policy: %d %s", status, body)
	}
	status, body = s.form(t, root, "iam", nil, "Action=PutUserPolicy", "UserName=alice", "PolicyName=list", "PolicyDocument="+listPolicy)
	if status != http.StatusOK || !strings.Contains(body, "<PutUserPolicyResponse") || strings.Contains(body, "Result>") {
		t.Errorf("PutUserPolicy: %d %s", status, body)
	}
	if _, err := s.client(alice.AccessKeyID, alice.Secret).ListClustersV2(t.Context(), nil); err != nil {
		t.Errorf("what the policy allows: %v", err)
	}
	_, err := s.client(alice.AccessKeyID, alice.Secret).ListClusters(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("what the policy does not allow: %v", err)
	}

	s.form(t, root, "iam", &struct{}{}, "Action=CreateRole", "RoleName=reader", "AssumeRolePolicyDocument="+trustsAlice)
	s.form(t, root, "iam", &struct{}{}, "Action=AttachRolePolicy", "RoleName=reader", "PolicyArn=arn:aws:iam::aws:policy/AmazonMSKReadOnlyAccess")
	var got assumeAnswer
	s.form(t, alice, "sts", &got, "Action=AssumeRole", "RoleArn=arn:aws:iam::000000000000:role/reader", "RoleSessionName=one", "PolicyArns.member.1.arn=arn:aws:iam::aws:policy/ReadOnlyAccess")
	if got.ARN != "arn:aws:sts::000000000000:assumed-role/reader/one" {
		t.Errorf("assumed %s", got.ARN)
	}
	status, body = s.form(t, got.Credentials, "sts", nil, "Action=GetCallerIdentity")
	if status != http.StatusOK || !strings.Contains(body, "<Arn>"+got.ARN+"</Arn>") {
		t.Errorf("who: %d %s", status, body)
	}
	stolen := got.Credentials
	stolen.Token = stolen.Token[:len(stolen.Token)-8] + "AAAAAAAA"
	if status, body = s.form(t, stolen, "sts", nil, "Action=GetCallerIdentity"); status != http.StatusForbidden || !strings.Contains(body, "InvalidClientTokenId") {
		t.Errorf("an altered token: %d %s", status, body)
	}
	if status, body = s.form(t, root, "iam", nil, "Action=DeleteUser", "UserName=alice"); status != http.StatusConflict || !strings.Contains(body, "<Code>DeleteConflict</Code>") {
		t.Errorf("DeleteUser: %d %s", status, body)
	}
}

func TestErrorsOfIAMOverHTTP(t *testing.T) {
	s := start(t)
	for _, tc := range []struct {
		status int
		want   string
		fields []string
	}{
		{404, "<Code>NoSuchEntity</Code><Message>The user with name bob cannot be found.</Message>", []string{"Action=GetUser", "UserName=bob"}},
		{404, "<Code>NoSuchEntity</Code><Message>The role with name bob cannot be found.</Message>", []string{"Action=GetRole", "RoleName=bob"}},
		{400, "<Code>ValidationError</Code><Message>1 validation error detected: Value &#39;a b&#39; at &#39;userName&#39; failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+</Message>", []string{"Action=CreateUser", "UserName=a b"}},
		{400, "<Message>1 validation error detected: Value null at &#39;userName&#39; failed to satisfy constraint: Member must not be null</Message>", []string{"Action=CreateUser"}},
		{400, "<Code>ValidationError</Code>", []string{"Action=ListUsers", "MaxItems=many"}},
		{400, "<Code>ValidationError</Code>", []string{"Action=CreateUser", "UserName=a", "Path=team"}},
		{400, "<Code>MalformedPolicyDocument</Code>", []string{"Action=CreatePolicy", "PolicyName=x", "PolicyDocument={}"}},
		{501, "millrace does not implement iam:CreateSAMLProvider yet", []string{"Action=CreateSAMLProvider"}},
		{400, "<Code>InvalidAction</Code>", []string{"Action=Nonsense"}},
		{200, "<SummaryMap><entry><key>AccessKeysPerUserQuota</key><value>2</value></entry>", []string{"Action=GetAccountSummary"}},
		{200, "<Users></Users>", []string{"Action=ListUsers"}},
		{200, "<UserName>root</UserName>", []string{"Action=GetUser"}},
	} {
		status, body := s.form(t, s.admin(), "iam", nil, tc.fields...)
		if status != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%v: %d %s", tc.fields, status, body)
		}
	}
}

// TestTagsDecide: condition keys of tags, in the request and of the resource.
func TestTagsDecide(t *testing.T) {
	s := start(t)
	root := s.admin()
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=mine", "Tags.member.1.Key=owner", "Tags.member.1.Value=alice")
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=theirs", "Tags.member.1.Key=owner", "Tags.member.1.Value=bob")
	s.form(t, root, "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:DeleteUser","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/owner":"${aws:username}"}}},
		{"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/owner":"${aws:username}"},"ForAllValues:StringEquals":{"aws:TagKeys":"owner"}}}]}`)
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	for _, tc := range []struct {
		status int
		fields []string
	}{
		{403, []string{"Action=DeleteUser", "UserName=theirs"}},
		{200, []string{"Action=DeleteUser", "UserName=mine"}},
		{403, []string{"Action=CreateUser", "UserName=x"}},
		{403, []string{"Action=CreateUser", "UserName=x", "Tags.member.1.Key=owner", "Tags.member.1.Value=bob"}},
		{403, []string{"Action=CreateUser", "UserName=x", "Tags.member.1.Key=owner", "Tags.member.1.Value=alice", "Tags.member.2.Key=y", "Tags.member.2.Value=z"}},
		{200, []string{"Action=CreateUser", "UserName=x", "Tags.member.1.Key=owner", "Tags.member.1.Value=alice"}},
	} {
		if status, body := s.form(t, key.Key, "iam", nil, tc.fields...); status != tc.status {
			t.Errorf("%v: %d %s", tc.fields, status, body)
		}
	}
}

// TestPassingARole: an instance profile gives a role to ec2, which the caller
// must be allowed to do.
func TestPassingARole(t *testing.T) {
	s := start(t)
	root := s.admin()
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, root, "iam", &struct{}{}, "Action=CreateRole", "RoleName=strong", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	s.form(t, root, "iam", &struct{}{}, "Action=CreateInstanceProfile", "InstanceProfileName=box")
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	put := func(statements string) {
		s.form(t, root, "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"}`+statements+`]}`)
	}
	add := []string{"Action=AddRoleToInstanceProfile", "InstanceProfileName=box", "RoleName=strong"}
	put("")
	if status, body := s.form(t, key.Key, "iam", nil, add...); status != 403 || !strings.Contains(body, "iam:PassRole on resource: arn:aws:iam::000000000000:role/strong") {
		t.Errorf("without PassRole: %d %s", status, body)
	}
	put(`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"kafka.amazonaws.com"}}}`)
	if status, _ := s.form(t, key.Key, "iam", nil, add...); status != 403 {
		t.Errorf("to another service: %d", status)
	}
	put(`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`)
	if status, body := s.form(t, key.Key, "iam", nil, add...); status != 200 {
		t.Errorf("with PassRole: %d %s", status, body)
	}
}

// TestExplicitDenyOverHTTP checks AWS's words for it.
func TestExplicitDenyOverHTTP(t *testing.T) {
	s := start(t)
	root := s.admin()
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, root, "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"kafka:ListKafkaVersions","Resource":"*"}]}`)
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	_, err := s.client(key.Key.AccessKeyID, key.Key.Secret).ListKafkaVersions(t.Context(), nil)
	want := "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: kafka:ListKafkaVersions on resource: * with an explicit deny in an identity-based policy"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v , want %s", err, want)
	}
	if _, err := s.client(key.Key.AccessKeyID, key.Key.Secret).ListClusters(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestExpiredTokens: each protocol says so in its way, and only to who has the
// secret.
func TestExpiredTokens(t *testing.T) {
	s := start(t)
	var out struct {
		Credentials temporary `xml:"GetSessionTokenResult>Credentials"`
	}
	s.form(t, s.admin(), "sts", &out, "Action=GetSessionToken", "DurationSeconds=900")
	later := time.Now().Add(16 * time.Minute)
	srv := httptest.NewServer(api.New(api.Config{
		Identity: s.iam, Authorizer: s.iam, Kafka: allOfKafka{s.msk, nil}, EC2: s.ec2, STS: s.iam, IAM: s.iam,
		Ready: func() bool { return true }, Version: "test", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return later },
	}))
	defer srv.Close()
	s.url = srv.URL
	for i, want := range []string{"403 ExpiredTokenException", "403 ExpiredToken", "400 RequestExpired"} {
		c := protocols[i].call
		c.keyID, c.secret, c.at = out.Credentials.AccessKeyID, out.Credentials.Secret, later
		c.before = func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", out.Credentials.Token) }
		status, body, errorType := s.send(t, c)
		if got := strconv.Itoa(status) + " " + protocols[i].code(body, errorType); got != want {
			t.Errorf("%s: got %s, want %s: %s", c.service, got, want, body)
		}
		c.secret = "wrong"
		if status, body, errorType := s.send(t, c); strings.Contains(protocols[i].code(body, errorType), "Expired") {
			t.Errorf("%s with a wrong secret: %d %s", c.service, status, body)
		}
	}
}

// TestTheLogSaysWhy: a refused call's line names the policy and statement that
// decided, which the answer does not.
func TestTheLogSaysWhy(t *testing.T) {
	s := start(t)
	root := s.admin()
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, root, "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=limits", `PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoLists","Effect":"Deny","Action":"kafka:List*","Resource":"*"}]}`)
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	var log bytes.Buffer
	srv := httptest.NewUnstartedServer(api.New(api.Config{
		Identity: s.iam, Authorizer: s.iam, Kafka: allOfKafka{s.msk, nil}, EC2: s.ec2, STS: s.iam, IAM: s.iam,
		Ready: func() bool { return true }, Version: "test", Log: slog.New(slog.NewTextHandler(&log, nil)),
	}))
	srv.Start()
	s.url = srv.URL
	_, err := s.client(key.Key.AccessKeyID, key.Key.Secret).ListClusters(t.Context(), nil)
	srv.Close() // the line is written
	if err == nil || strings.Contains(err.Error(), "NoLists") {
		t.Errorf("answered %v", err)
	}
	for _, want := range []string{"caller=arn:aws:iam::000000000000:user/alice", "operation=kafka:ListClusters", `why="identity-based policy user/alice/limits, statement 2 (NoLists): Deny"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in %s", want, log.String())
		}
	}
	if strings.Contains(log.String(), key.Key.Secret) {
		t.Error("the log holds a secret")
	}
}

// TestPathsDecide: what does not exist yet has the path that it is to have, and
// a renaming needs the right on both names.
func TestPathsDecide(t *testing.T) {
	s := start(t)
	root := s.admin()
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=lead")
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=a", "Path=/team/")
	s.form(t, root, "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=lead", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*User"],"Resource":"arn:aws:iam::*:user/team/*"}]}`)
	s.form(t, root, "iam", &struct{}{}, "Action=AttachUserPolicy", "UserName=lead", "PolicyArn=arn:aws:iam::aws:policy/AmazonMSKFullAccess")
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=lead")
	for _, tc := range []struct {
		status int
		fields []string
	}{
		{403, []string{"Action=CreateUser", "UserName=b"}},
		{200, []string{"Action=CreateUser", "UserName=b", "Path=/team/"}},
		{403, []string{"Action=GetUser", "UserName=lead", "Path=/team/"}}, // the path of what exists is its own
		{403, []string{"Action=UpdateUser", "UserName=b", "NewPath=/admin/"}},
		{403, []string{"Action=UpdateUser", "UserName=lead", "NewPath=/team/"}},
		{200, []string{"Action=UpdateUser", "UserName=b", "NewUserName=c", "NewPath=/team/x/"}},
		{200, []string{"Action=UpdateUser", "UserName=c", "NewUserName=d"}},
		{200, []string{"Action=GetUser", "UserName=d"}},
		{200, []string{"Action=CreateServiceLinkedRole", "AWSServiceName=kafka.amazonaws.com"}},
		{403, []string{"Action=CreateServiceLinkedRole", "AWSServiceName=kafkaconnect.amazonaws.com"}},
	} {
		if status, body := s.form(t, key.Key, "iam", nil, tc.fields...); status != tc.status {
			t.Errorf("%v: %d %s, want %d", tc.fields, status, body, tc.status)
		}
	}
}

// TestCredentialsAreNotOnRecord: who made and took credentials is, the secrets
// are not.
func TestCredentialsAreNotOnRecord(t *testing.T) {
	fsys := vfs.NewMemory()
	s, tr := onRecord(t, fsys)
	root := s.admin()
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=alice", "Path=/team/")
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	s.form(t, root, "iam", &struct{}{}, "Action=CreateRole", "RoleName=reader", "AssumeRolePolicyDocument="+trustsAlice)
	var got assumeAnswer
	s.form(t, key.Key, "sts", &got, "Action=AssumeRole", "RoleArn=arn:aws:iam::000000000000:role/reader", "RoleSessionName=one")
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	records, all := recordsOf(t, fsys)
	var names []string
	for _, r := range records {
		names = append(names, r.EventName+" by "+r.UserIdentity.Type)
	}
	if got := strings.Join(names, ", "); got != "CreateUser by Root, CreateAccessKey by Root, CreateRole by Root, AssumeRole by IAMUser" {
		t.Errorf("on record: %s", got)
	}
	for _, secret := range []string{key.Key.Secret, got.Credentials.Secret, got.Credentials.Token} {
		if secret == "" || strings.Contains(all, secret) {
			t.Errorf("a secret of %d characters is on record", len(secret))
		}
	}
	if !strings.Contains(all, key.Key.AccessKeyID) {
		t.Error("the id of the key that was made is not on record")
	}
}
