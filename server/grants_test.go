package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"

	"github.com/millrace/millrace/aws/sigv4"
)

// kms calls kms as the root, or as somebody, and answers the error's name.
func (w *cloud) kms(by *aws.Credentials, operation string, in map[string]any, out any) string {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.Endpoint()+"/", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	key := sigv4.Key{AccessKeyID: w.AccessKeyID(), Secret: w.SecretAccessKey()}
	if by != nil {
		key = sigv4.Key{AccessKeyID: by.AccessKeyID, Secret: by.SecretAccessKey, SessionToken: by.SessionToken}
	}
	sigv4.Sign(r, body, key, "kms", w.Region(), time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		if out != nil && json.Unmarshal(answer, out) != nil {
			w.t.Fatalf("%s: %s", operation, answer)
		}
		return ""
	}
	var refused struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(answer, &refused) != nil || refused.Type == "" {
		w.t.Fatalf("%s: %s %s", operation, resp.Status, answer)
	}
	return refused.Type[strings.LastIndexByte(refused.Type, '#')+1:]
}

// TestGrantsGiveRights: a grant alone lets a principal of the key's account use
// the key, as far as it goes and while it stands.
func TestGrantsGiveRights(t *testing.T) {
	w := newCloud(t)
	var made struct{ KeyMetadata struct{ Arn string } }
	w.kms(nil, "CreateKey", map[string]any{}, &made)
	key := made.KeyMetadata.Arn
	const denied = "AccessDeniedException"
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	nothing := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}]}`
	alice, bob := w.user("alice", nothing), w.user("bob", nothing)
	var blob, other struct{ CiphertextBlob string }
	w.kms(nil, "Encrypt", map[string]any{"KeyId": key, "Plaintext": "c2VjcmV0", "EncryptionContext": map[string]string{"team": "a"}}, &blob)
	w.kms(nil, "Encrypt", map[string]any{"KeyId": key, "Plaintext": "c2VjcmV0", "EncryptionContext": map[string]string{"team": "b"}}, &other)
	decrypt := func(by *aws.Credentials, blob, team string) string {
		return w.kms(by, "Decrypt", map[string]any{"CiphertextBlob": blob, "EncryptionContext": map[string]string{"team": team}}, nil)
	}
	expect("before", decrypt(&alice, blob.CiphertextBlob, "a"), denied)
	var grant struct{ GrantToken, GrantId string }
	expect("make it", w.kms(nil, "CreateGrant", map[string]any{
		"KeyId": key, "GranteePrincipal": "arn:aws:iam::000000000000:user/alice", "Operations": []string{"Decrypt", "CreateGrant"}, "RetiringPrincipal": "arn:aws:iam::000000000000:user/bob",
		"Constraints": map[string]any{"EncryptionContextSubset": map[string]string{"team": "a"}},
	}, &grant), "")
	expect("what it gives", decrypt(&alice, blob.CiphertextBlob, "a"), "")
	expect("beyond the constraint", decrypt(&alice, other.CiphertextBlob, "b"), denied)
	expect("to another", decrypt(&bob, blob.CiphertextBlob, "a"), denied)
	expect("another operation", w.kms(&alice, "Encrypt", map[string]any{"KeyId": key, "Plaintext": "eA==", "EncryptionContext": map[string]string{"team": "a"}}, nil), denied)
	give := func(operations []string, constraint map[string]any) string {
		return w.kms(&alice, "CreateGrant", map[string]any{"KeyId": key, "GranteePrincipal": "arn:aws:iam::000000000000:user/bob", "Operations": operations, "Constraints": constraint}, nil)
	}
	expect("given on without the constraint", give([]string{"Decrypt"}, nil), denied)
	expect("more given on", give([]string{"Encrypt"}, map[string]any{"EncryptionContextSubset": map[string]string{"team": "a"}}), denied)
	expect("given on", give([]string{"Decrypt"}, map[string]any{"EncryptionContextSubset": map[string]string{"team": "a"}}), "")
	expect("to bob", decrypt(&bob, blob.CiphertextBlob, "a"), "")
	w.grant("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}`)
	expect("denied all the same", decrypt(&alice, blob.CiphertextBlob, "a"), denied)
	w.grant("alice", nothing)
	expect("retired by the grantee, who may not", w.kms(&alice, "RetireGrant", map[string]any{"GrantToken": grant.GrantToken}, nil), denied)
	expect("retired by who may", w.kms(&bob, "RetireGrant", map[string]any{"GrantToken": grant.GrantToken}, nil), "")
	expect("afterwards", decrypt(&alice, blob.CiphertextBlob, "a"), denied)
	expect("what was given on stays", decrypt(&bob, blob.CiphertextBlob, "a"), "")
}

// TestKeysOfAnotherAccount: both accounts must agree, and then the key's ARN
// works there.
func TestKeysOfAnotherAccount(t *testing.T) {
	w := newCloud(t)
	var made struct{ KeyMetadata struct{ Arn, KeyId string } }
	w.kms(nil, "CreateKey", map[string]any{}, &made)
	key := made.KeyMetadata.Arn
	theirs := w.account("123456789012")
	const denied = "AccessDeniedException"
	use := func() string {
		return w.kms(&theirs, "GenerateDataKey", map[string]any{"KeyId": key, "KeySpec": "AES_256"}, nil)
	}
	if got := use(); got != denied {
		t.Errorf("before: %q", got)
	}
	if got := w.kms(&theirs, "DescribeKey", map[string]any{"KeyId": strings.Replace(key, made.KeyMetadata.KeyId, "00000000-0000-4000-8000-000000000000", 1)}, nil); got != denied {
		t.Errorf("a key that is not there: %q", got)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey*","kms:DescribeKey","kms:DisableKey"],"Resource":"*"}]}`
	if got := w.kms(nil, "PutKeyPolicy", map[string]any{"KeyId": key, "Policy": policy}, nil); got != "" {
		t.Fatal(got)
	}
	if got := use(); got != "" {
		t.Errorf("with the key's policy: %q", got)
	}
	var blob struct{ CiphertextBlob, KeyId string }
	w.kms(nil, "Encrypt", map[string]any{"KeyId": key, "Plaintext": "c2VjcmV0"}, &blob)
	var plain struct{ Plaintext, KeyId string }
	if got := w.kms(&theirs, "Decrypt", map[string]any{"CiphertextBlob": blob.CiphertextBlob}, &plain); got != "" || plain.Plaintext != "c2VjcmV0" || plain.KeyId != key {
		t.Errorf("decrypt: %q %+v", got, plain)
	}
	if got := w.kms(&theirs, "DisableKey", map[string]any{"KeyId": key}, nil); got != "NotFoundException" {
		t.Errorf("another account manages the key: %q", got)
	}
	// A grant lets one principal of the other account in, whose own account must
	// agree too.
	if got := w.kms(nil, "PutKeyPolicy", map[string]any{"KeyId": key, "Policy": policy[:strings.IndexByte(policy, '\n')-1] + "]}"}, nil); got != "" {
		t.Fatal(got)
	}
	if got := use(); got != denied {
		t.Errorf("without the key's policy: %q", got)
	}
	if got := w.kms(nil, "CreateGrant", map[string]any{"KeyId": key, "GranteePrincipal": "arn:aws:iam::123456789012:root", "Operations": []string{"GenerateDataKey"}}, nil); got != "" {
		t.Fatal(got)
	}
	if got := use(); got != "" {
		t.Errorf("with a grant: %q", got)
	}
}

// TestLinkedRoleOfClusters: an account's first cluster makes MSK's role, for
// those who may make it.
func TestLinkedRoleOfClusters(t *testing.T) {
	w := newCloud(t)
	role := func() string {
		var out struct {
			ARN string `xml:"GetRoleResult>Role>Arn"`
		}
		w.form(nil, "iam", &out, "Action=GetRole", "RoleName=AWSServiceRoleForKafka")
		return out.ARN
	}
	if got := role(); got != "arn:aws:iam::000000000000:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka" {
		t.Errorf("the role is %s", got)
	}
	w.form(nil, "iam", nil, "Action=DeleteServiceLinkedRole", "RoleName=AWSServiceRoleForKafka")
	allow := func(actions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":"*"}]}`
	}
	who := w.user("maker", allow(`["kafka:*","ec2:*"]`))
	cfg := w.AWS()
	subnets, err := kafka.NewFromConfig(cfg).DescribeClusterV2(t.Context(), &kafka.DescribeClusterV2Input{ClusterArn: aws.String(w.c.ARN())})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return who, nil })
	create := func() error {
		_, err := kafka.NewFromConfig(cfg).CreateClusterV2(t.Context(), &kafka.CreateClusterV2Input{
			ClusterName: aws.String("second"), Serverless: &types.ServerlessRequest{
				VpcConfigs:           []types.VpcConfig{{SubnetIds: subnets.ClusterInfo.Provisioned.BrokerNodeGroupInfo.ClientSubnets}},
				ClientAuthentication: &types.ServerlessClientAuthentication{Sasl: &types.ServerlessSasl{Iam: &types.Iam{Enabled: aws.Bool(true)}}},
			},
		})
		return err
	}
	if err := create(); err == nil || !strings.Contains(err.Error(), "AccessDeniedException") || !strings.Contains(err.Error(), "iam:CreateServiceLinkedRole") {
		t.Errorf("without the right: %v", err)
	}
	w.grant("maker", allow(`["kafka:*","ec2:*","iam:CreateServiceLinkedRole"]`))
	if err := create(); err != nil {
		t.Errorf("with the right: %v", err)
	}
	if got := role(); !strings.HasSuffix(got, "/AWSServiceRoleForKafka") {
		t.Errorf("the role is %s", got)
	}
}
