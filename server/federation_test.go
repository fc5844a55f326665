package server_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/aws/oidc/oidctest"
)

// TestWebIdentityOnTheWire: the token of an identity provider is exchanged for
// credentials that write, as long as the role lets its subject in and may write.
func TestWebIdentityOnTheWire(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	issuer := oidctest.New(t)
	name := strings.TrimPrefix(issuer.URL, "https://")
	arn := "arn:aws:iam::000000000000:oidc-provider/" + name
	w.form(nil, "iam", nil, "Action=CreateOpenIDConnectProvider", "Url="+issuer.URL, "ClientIDList.member.1=sts.amazonaws.com") // the thumbprint is looked up
	w.form(nil, "iam", nil, "Action=CreateRole", "RoleName=pod", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"`+arn+`"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+name+`:sub":"system:serviceaccount:apps:orders","`+name+`:aud":"sts.amazonaws.com"}}}]}`)
	w.form(nil, "iam", nil, "Action=PutRolePolicy", "RoleName=pod", "PolicyName=p", "PolicyDocument="+may(writes))
	token := issuer.Sign(t, jose.RS256, issuer.Claims("sts.amazonaws.com", "system:serviceaccount:apps:orders"))
	resp, err := http.PostForm(w.Endpoint(), url.Values{
		"Version": {"2011-06-15"}, "Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {"arn:aws:iam::000000000000:role/pod"}, "RoleSessionName": {"orders-1"}, "WebIdentityToken": {token},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %v", resp.Status, answer, err)
	}
	var out struct {
		Credentials credentials `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	if err := xml.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	client := w.client(out.Credentials.aws())
	if err := produce(ctx, client, "by a pod"); err != nil {
		t.Error(err)
	}
	w.form(nil, "iam", nil, "Action=PutRolePolicy", "RoleName=pod", "PolicyName=p", "PolicyDocument="+may(reads))
	if err := produce(ctx, client, "no more"); !errors.Is(err, kerr.TopicAuthorizationFailed) && !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("when the role may only read: %v", err)
	}
	if value, err := fetch(ctx, w.client(out.Credentials.aws(), consume())); value != "by a pod" {
		t.Errorf("it reads %q, %v", value, err)
	}
}
