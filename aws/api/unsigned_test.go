package api_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/millrace/millrace/aws/oidc/oidctest"
	"github.com/millrace/millrace/vfs"
)

// webAnswer is an answer of AssumeRoleWithWebIdentity.
type webAnswer struct {
	Credentials temporary `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	ARN         string    `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>Arn"`
	Audience    string    `xml:"AssumeRoleWithWebIdentityResult>Audience"`
	Provider    string    `xml:"AssumeRoleWithWebIdentityResult>Provider"`
	Subject     string    `xml:"AssumeRoleWithWebIdentityResult>SubjectFromWebIdentityToken"`
	Source      string    `xml:"AssumeRoleWithWebIdentityResult>SourceIdentity"`
}

// web calls AssumeRoleWithWebIdentity without a signature.
func (s system) web(t *testing.T, out *webAnswer, role, token string, fields ...string) (status int, body string) {
	t.Helper()
	form := url.Values{"Version": {"2011-06-15"}, "Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {role}, "RoleSessionName": {"pod"}, "WebIdentityToken": {token}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Set(name, value)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, data)
		}
		if err := xml.Unmarshal(data, out); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, string(data)
}

// federation is a system with an issuer and a role for one of its subjects.
type federation struct {
	system
	issuer *oidctest.Issuer
	arn    string // of the provider
	role   string
}

func federated(t *testing.T, s system) federation {
	t.Helper()
	f := federation{system: s, issuer: oidctest.New(t), role: "arn:aws:iam::000000000000:role/app"}
	var made struct {
		ARN string `xml:"CreateOpenIDConnectProviderResult>OpenIDConnectProviderArn"`
	}
	s.form(t, s.admin(), "iam", &made, "Action=CreateOpenIDConnectProvider", "Url="+f.issuer.URL, "ClientIDList.member.1=millrace", "ThumbprintList.member.1="+strings.ToUpper(f.issuer.Thumbprint), "Tags.member.1.Key=team", "Tags.member.1.Value=a")
	name := strings.TrimPrefix(f.issuer.URL, "https://")
	if f.arn = made.ARN; f.arn != "arn:aws:iam::000000000000:oidc-provider/"+name {
		t.Fatalf("the provider is %s", f.arn)
	}
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + f.arn + `"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"],
		"Condition":{"StringEquals":{"` + name + `:aud":"millrace"},"StringLike":{"` + name + `:sub":"system:serviceaccount:apps:*"}}}]}`
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=CreateRole", "RoleName=app", "AssumeRolePolicyDocument="+document)
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=PutRolePolicy", "RoleName=app", "PolicyName=own", `PolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kafka:ListClustersV2","Resource":"*"},
		{"Effect":"Allow","Action":"kafka:ListClusters","Resource":"*","Condition":{"StringEquals":{"`+name+`:sub":"system:serviceaccount:apps:orders","aws:FederatedProvider":"`+f.arn+`"}}}]}`)
	return f
}

func (f federation) token(t *testing.T, change func(claims map[string]any)) string {
	t.Helper()
	claims := f.issuer.Claims("millrace", "system:serviceaccount:apps:orders")
	if change != nil {
		change(claims)
	}
	return f.issuer.Sign(t, jose.RS256, claims)
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	f := federated(t, start(t))
	var got webAnswer
	f.web(t, &got, f.role, f.token(t, nil))
	if got.ARN != "arn:aws:sts::000000000000:assumed-role/app/pod" || got.Audience != "millrace" || got.Provider != f.arn || got.Subject != "system:serviceaccount:apps:orders" {
		t.Errorf("%+v", got)
	}
	list := func(who temporary, path string) int {
		status, _, _ := f.send(t, call{service: "kafka", method: "GET", path: path, keyID: who.AccessKeyID, secret: who.Secret, at: time.Now(), before: func(r *http.Request) {
			r.Header.Set("X-Amz-Security-Token", who.Token)
		}})
		return status
	}
	if v2, v1 := list(got.Credentials, "/api/v2/clusters"), list(got.Credentials, "/v1/clusters"); v2 != http.StatusOK || v1 != http.StatusOK {
		t.Errorf("the session lists clusters: %d, %d", v2, v1)
	}
	// Another subject of the pattern, an audience of several, tags and a source
	// identity in the token, and a policy that narrows.
	var other webAnswer
	f.web(t, &other, f.role, f.token(t, func(c map[string]any) {
		c["sub"], c["aud"] = "system:serviceaccount:apps:other", []string{"else", "millrace"}
		c["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string][]string{"team": {"x"}}}
		c["https://aws.amazon.com/source_identity"] = "me"
	}), "DurationSeconds=900", `Policy={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka:ListClusters","Resource":"*"}]}`)
	if v2, v1 := list(other.Credentials, "/api/v2/clusters"), list(other.Credentials, "/v1/clusters"); v2 != http.StatusForbidden || v1 != http.StatusForbidden || other.Source != "me" {
		t.Errorf("the narrowed session of another lists clusters: %d, %d; %+v", v2, v1, other)
	}
	// An unknown thumbprint ends it, and a taken-back client.
	f.form(t, f.admin(), "iam", &struct{}{}, "Action=RemoveClientIDFromOpenIDConnectProvider", "OpenIDConnectProviderArn="+f.arn, "ClientID=millrace")
	f.refuses(t, "InvalidIdentityToken", "Incorrect token audience", f.role, f.token(t, nil))
	f.form(t, f.admin(), "iam", &struct{}{}, "Action=AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn="+f.arn, "ClientID=millrace")
	f.form(t, f.admin(), "iam", &struct{}{}, "Action=UpdateOpenIDConnectProviderThumbprint", "OpenIDConnectProviderArn="+f.arn, "ThumbprintList.member.1="+strings.Repeat("0", 40))
	f.refuses(t, "InvalidIdentityToken", "certificate doesn&#39;t match configured thumbprint", f.role, f.token(t, nil))
	f.form(t, f.admin(), "iam", &struct{}{}, "Action=DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn="+f.arn)
	f.refuses(t, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+f.issuer.URL, f.role, f.token(t, nil))
	if status := list(got.Credentials, "/api/v2/clusters"); status != http.StatusOK {
		t.Errorf("the session of a deleted provider: %d", status)
	}
}

// refuses expects an error.
func (f federation) refuses(t *testing.T, code, message, role, token string, fields ...string) {
	t.Helper()
	status, body := f.web(t, nil, role, token, fields...)
	want := http.StatusBadRequest
	if code == "AccessDenied" {
		want = http.StatusForbidden
	}
	if status != want || !strings.Contains(body, "<Code>"+code+"</Code>") || !strings.Contains(body, message) {
		t.Errorf("%d %s, want %s: %s", status, body, code, message)
	}
}

func TestRefusedWebIdentities(t *testing.T) {
	f := federated(t, start(t))
	good := f.token(t, nil)
	stranger := oidctest.New(t)
	hour := int64(3600)
	now := time.Now().Unix()
	for name, test := range map[string]struct {
		change        func(c map[string]any)
		code, message string
	}{
		"another subject":     {func(c map[string]any) { c["sub"] = "system:serviceaccount:other:orders" }, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"another audience":    {func(c map[string]any) { c["aud"] = "else" }, "InvalidIdentityToken", "Incorrect token audience"},
		"authorized to other": {func(c map[string]any) { c["azp"] = "else" }, "InvalidIdentityToken", "Incorrect token audience"},
		"no audience":         {func(c map[string]any) { delete(c, "aud") }, "InvalidIdentityToken", "Missing a required claim: aud"},
		"another issuer":      {func(c map[string]any) { c["iss"] = stranger.URL }, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + stranger.URL},
		"an issuer of HTTP":   {func(c map[string]any) { c["iss"] = "http://example.com" }, "InvalidIdentityToken", "https"},
		"expired":             {func(c map[string]any) { c["exp"] = now - hour }, "ExpiredTokenException", "must be before the expiration date/time"},
		"not yet":             {func(c map[string]any) { c["nbf"] = now + hour }, "InvalidIdentityToken", "not valid yet"},
		"of the future":       {func(c map[string]any) { c["iat"] = now + hour }, "InvalidIdentityToken", "not valid yet"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { f.refuses(t, test.code, test.message, f.role, f.token(t, test.change)) })
	}
	forged := stranger.Sign(t, jose.RS256, f.issuer.Claims("millrace", "system:serviceaccount:apps:orders"))
	f.refuses(t, "InvalidIdentityToken", "", f.role, forged)
	f.refuses(t, "InvalidIdentityToken", "not a valid JWT", f.role, "a.b.c")
	f.refuses(t, "AccessDenied", "", f.role+"-that-is-not", good)
	f.refuses(t, "InvalidIdentityToken", "No OpenIDConnect provider", "arn:aws:iam::123456789012:role/app", good)
	f.refuses(t, "ValidationError", "Request ARN is invalid", "arn:aws:iam::000000000000:user/alice", good)
	f.refuses(t, "ValidationError", "exceeds the MaxSessionDuration", f.role, good, "DurationSeconds=3601")
	f.refuses(t, "ValidationError", "ProviderId", f.role, good, "ProviderId=www.amazon.com")
	// A role that trusts accounts lets no token in, nor one without its tags.
	f.form(t, f.admin(), "iam", &struct{}{}, "Action=CreateRole", "RoleName=ours", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:*"}]}`)
	f.refuses(t, "AccessDenied", "", "arn:aws:iam::000000000000:role/ours", good)
	f.form(t, f.admin(), "iam", &struct{}{}, "Action=CreateRole", "RoleName=plain", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"`+f.arn+`"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`)
	plain := "arn:aws:iam::000000000000:role/plain"
	f.web(t, new(webAnswer), plain, good)
	f.refuses(t, "AccessDenied", "sts:TagSession", plain, f.token(t, func(c map[string]any) {
		c["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string][]string{"team": {"x"}}}
	}))
	f.refuses(t, "AccessDenied", "sts:SetSourceIdentity", plain, f.token(t, func(c map[string]any) { c["https://aws.amazon.com/source_identity"] = "me" }))
	// And other operations ask for a signature as ever.
	for _, form := range []string{"Action=GetCallerIdentity&Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "Action=AssumeRoleWithSAML&Version=2011-06-15"} {
		resp, err := http.Post(f.url, "application/x-www-form-urlencoded", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusNotImplemented {
			t.Errorf("%s: %s", form, resp.Status)
		}
	}
}

// TestWebIdentitiesAreThrottled: who is refused too often is told so, and a good
// token passes all the same.
func TestWebIdentitiesAreThrottled(t *testing.T) {
	f := federated(t, start(t))
	for n := 0; ; n++ {
		_, body := f.web(t, nil, f.role, "a.b.c")
		if strings.Contains(body, "<Code>Throttling</Code>") {
			break
		}
		if n == 200 {
			t.Fatal("nobody is throttled")
		}
	}
	f.web(t, new(webAnswer), f.role, f.token(t, nil))
}

func TestWebIdentitiesOnRecord(t *testing.T) {
	fsys := vfs.NewMemory()
	s, tr := onRecord(t, fsys)
	var text bytes.Buffer
	srv := httptest.NewServer(s.logging(slog.New(slog.NewTextHandler(&text, nil))))
	defer srv.Close()
	s.url = srv.URL
	f := federated(t, s)
	token := f.token(t, nil)
	var got webAnswer
	f.web(t, &got, f.role, token)
	refusedToken := f.token(t, func(c map[string]any) { c["sub"] = "nobody" })
	f.web(t, nil, f.role, refusedToken)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	list, all := recordsOf(t, fsys)
	var seen []string
	for _, r := range list {
		if r.EventName == "AssumeRoleWithWebIdentity" {
			seen = append(seen, strings.Join([]string{r.UserIdentity.Type, r.ErrorCode, r.RecipientAccountID}, " "))
		}
	}
	if len(seen) != 2 || seen[0] != "WebIdentityUser  000000000000" || !strings.HasPrefix(seen[1], "Unknown AccessDenied") {
		t.Errorf("on record: %q", seen)
	}
	if !strings.Contains(all, `"principalId":"`+f.arn+`:millrace:system:serviceaccount:apps:orders"`) {
		t.Error("the record does not say who it was")
	}
	for _, secret := range []string{token, refusedToken, token[strings.LastIndexByte(token, '.')+1:], got.Credentials.Secret, got.Credentials.Token} {
		if strings.Contains(all, secret) || strings.Contains(text.String(), secret) {
			t.Errorf("%.20s... is on record or in the log", secret)
		}
	}
}

func TestProviders(t *testing.T) {
	s := start(t)
	f := federated(t, s)
	iamCall := func(want string, fields ...string) string {
		t.Helper()
		status, body := s.form(t, s.admin(), "iam", nil, fields...)
		if want == "" && status != http.StatusOK || want != "" && !strings.Contains(body, "<Code>"+want+"</Code>") {
			t.Errorf("%s: %d %s, want %q", fields, status, body, want)
		}
		return body
	}
	arn := "OpenIDConnectProviderArn=" + f.arn
	body := iamCall("", "Action=GetOpenIDConnectProvider", arn)
	for _, part := range []string{"<Url>" + strings.TrimPrefix(f.issuer.URL, "https://") + "</Url>", "<member>millrace</member>", "<member>" + f.issuer.Thumbprint + "</member>", "<Value>a</Value>"} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}
	iamCall("EntityAlreadyExists", "Action=CreateOpenIDConnectProvider", "Url="+f.issuer.URL, "ThumbprintList.member.1="+f.issuer.Thumbprint)
	for _, bad := range []string{"http://example.com", "https://example.com?x=1", "https://u:p@example.com", "https:///x", "example.com/xyz"} {
		iamCall("InvalidInput", "Action=CreateOpenIDConnectProvider", "Url="+bad, "ThumbprintList.member.1="+f.issuer.Thumbprint)
	}
	iamCall("InvalidInput", "Action=CreateOpenIDConnectProvider", "Url=https://example.com", "ThumbprintList.member.1="+strings.Repeat("x", 40))
	iamCall("OpenIdIdpCommunicationError", "Action=CreateOpenIDConnectProvider", "Url=https://127.0.0.1:1")
	second := oidctest.New(t) // without a thumbprint its own is looked up
	iamCall("", "Action=CreateOpenIDConnectProvider", "Url="+second.URL+"/")
	slashed := "arn:aws:iam::000000000000:oidc-provider/" + strings.TrimPrefix(second.URL, "https://") + "/"
	if body := iamCall("", "Action=GetOpenIDConnectProvider", "OpenIDConnectProviderArn="+slashed); !strings.Contains(body, second.Thumbprint) {
		t.Errorf("the second: %s", body)
	}
	if body := iamCall("", "Action=ListOpenIDConnectProviders"); strings.Count(body, "<Arn>") != 2 {
		t.Errorf("all: %s", body)
	}
	iamCall("", "Action=TagOpenIDConnectProvider", arn, "Tags.member.1.Key=env", "Tags.member.1.Value=dev")
	iamCall("", "Action=UntagOpenIDConnectProvider", arn, "TagKeys.member.1=team")
	if body := iamCall("", "Action=ListOpenIDConnectProviderTags", arn); !strings.Contains(body, "<Key>env</Key>") || strings.Contains(body, "team") {
		t.Errorf("tags: %s", body)
	}
	iamCall("NoSuchEntity", "Action=GetOpenIDConnectProvider", arn+"-not")
	iamCall("AccessDenied", "Action=GetOpenIDConnectProvider", strings.Replace(arn, "000000000000", "123456789012", 1))
	iamCall("InvalidInput", "Action=GetOpenIDConnectProvider", "OpenIDConnectProviderArn=arn:aws:iam::000000000000:user/alice")
	iamCall("", "Action=DeleteOpenIDConnectProvider", arn)
	iamCall("", "Action=DeleteOpenIDConnectProvider", arn)
}
