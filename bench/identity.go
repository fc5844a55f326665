package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/millrace/millrace/aws/sigv4"
)

// manyPolicies is how many managed policies the benchmark's user has: ten of his
// own, which is all that IAM attaches to one user, and the rest by nine groups.
const manyPolicies = 100

// identities are Millrace's IAM listener as root, whom no policy binds, and as a
// user with many policies: what authorization costs is the difference.
func (c *contender) identities(ctx context.Context, env map[string]string) ([]*contender, error) {
	root := aws.Credentials{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"]}
	user, err := makeUser(ctx, env["AWS_ENDPOINT_URL"], root)
	if err != nil {
		return nil, fmt.Errorf("make a user with %d policies: %w", manyPolicies, err)
	}
	pem, err := os.ReadFile(env["MILLRACE_CA_PEM"])
	if err != nil {
		return nil, err
	}
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(pem)
	var out []*contender
	for _, who := range []struct {
		name string
		key  aws.Credentials
	}{{nameMillrace, root}, {fmt.Sprintf("millrace, a user with %d policies", manyPolicies), user}} {
		key := sigv4.Key{AccessKeyID: who.key.AccessKeyID, Secret: who.key.SecretAccessKey}
		out = append(out, &contender{name: who.name, bootstrap: c.iam, cmd: c.cmd, opts: []kgo.Opt{
			kgo.DialTLSConfig(&tls.Config{RootCAs: trust}),
			kgo.SASL(oauth.Oauth(func(context.Context) (oauth.Auth, error) { return oauth.Auth{Token: token(key, time.Now())}, nil })),
		}})
	}
	return out, nil
}

// token is what AWS's signers send over OAUTHBEARER.
func token(key sigv4.Key, now time.Time) string {
	const host = "kafka.us-east-1.amazonaws.com"
	query := sigv4.SignToken(host, "kafka-cluster:Connect", key, "us-east-1", 15*time.Minute, now)
	return base64.RawURLEncoding.EncodeToString([]byte("https://" + host + "/?" + query.Encode()))
}

// makeUser makes a user who may do everything with Kafka by one of many policies.
func makeUser(ctx context.Context, endpoint string, root aws.Credentials) (aws.Credentials, error) {
	call := func(action string, args ...string) (made, error) {
		return iamCall(ctx, endpoint, root, action, args...)
	}
	if _, err := call("CreateUser", "UserName", "bench"); err != nil {
		return aws.Credentials{}, err
	}
	for i := range manyPolicies {
		resource := fmt.Sprintf("arn:aws:kafka:*:*:*/other%d/*", i)
		if i == manyPolicies-1 {
			resource = "*"
		}
		document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"` + resource + `"}]}`
		p, err := call("CreatePolicy", "PolicyName", fmt.Sprint("bench", i), "PolicyDocument", document)
		if err != nil {
			return aws.Credentials{}, err
		}
		if i < 10 {
			_, err = call("AttachUserPolicy", "UserName", "bench", "PolicyArn", p.PolicyARN)
		} else {
			err = attachByGroup(call, i, p.PolicyARN)
		}
		if err != nil {
			return aws.Credentials{}, err
		}
	}
	key, err := call("CreateAccessKey", "UserName", "bench")
	return aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.Secret}, err
}

func attachByGroup(call func(string, ...string) (made, error), i int, arn string) error {
	group := fmt.Sprint("bench", i/10)
	if i%10 == 0 {
		if _, err := call("CreateGroup", "GroupName", group); err != nil {
			return err
		}
		if _, err := call("AddUserToGroup", "GroupName", group, "UserName", "bench"); err != nil {
			return err
		}
	}
	_, err := call("AttachGroupPolicy", "GroupName", group, "PolicyArn", arn)
	return err
}

// made is what the answers of IAM's Create operations have of interest.
type made struct {
	PolicyARN   string `xml:"CreatePolicyResult>Policy>Arn"`
	AccessKeyID string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
	Secret      string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
}

// iamCall makes one call of the query protocol.
func iamCall(ctx context.Context, endpoint string, who aws.Credentials, action string, args ...string) (out made, err error) {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i+1 < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", strings.NewReader(body))
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, who, req, hex.EncodeToString(hash[:]), "iam", "us-east-1", time.Now()); err != nil {
		return out, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, err
	}
	if resp.StatusCode != http.StatusOK {
		return out, fmt.Errorf("%s: %s: %s", action, resp.Status, answer)
	}
	return out, xml.Unmarshal(answer, &out)
}
