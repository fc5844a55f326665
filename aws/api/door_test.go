package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// target is a call in a json protocol.
func (s system) target(t *testing.T, service, operation, body string) (status int, out map[string]any) {
	t.Helper()
	status, text, _ := s.send(t, call{
		service: service, method: "POST", path: "/", body: body, contentType: "application/x-amz-json-1.1",
		keyID: s.root.AccessKeyID, secret: s.root.Secret, at: time.Now(),
		before: func(r *http.Request) { r.Header.Set("X-Amz-Target", operation) },
	})
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err, text)
		}
	}
	return status, out
}

func TestJSONServices(t *testing.T) {
	s := start(t)
	status, made := s.target(t, "kms", "TrentService.CreateKey", "{}")
	meta, _ := made["KeyMetadata"].(map[string]any)
	if created, ok := meta["CreationDate"].(float64); status != http.StatusOK || !ok || time.Since(time.Unix(int64(created), 0)) > time.Minute {
		t.Fatalf("%d %v", status, made)
	}
	id := meta["KeyId"].(string)
	text := base64.StdEncoding.EncodeToString([]byte("canary"))
	_, sealed := s.target(t, "kms", "TrentService.Encrypt", `{"KeyId":"`+id+`","Plaintext":"`+text+`"}`)
	blob, _ := sealed["CiphertextBlob"].(string)
	if _, plain := s.target(t, "kms", "TrentService.Decrypt", `{"CiphertextBlob":"`+blob+`"}`); plain["Plaintext"] != text {
		t.Errorf("decrypted %v", plain)
	}
	if status, out := s.target(t, "kms", "TrentService.DisableKey", `{"KeyId":"`+id+`"}`); status != http.StatusOK || out != nil {
		t.Errorf("an answer without members: %d %v", status, out)
	}
	_, secret := s.target(t, "secretsmanager", "secretsmanager.CreateSecret", `{"Name":"s","SecretString":"v"}`)
	arn, _ := secret["ARN"].(string)
	if _, got := s.target(t, "secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"`+arn+`"}`); got["SecretString"] != "v" {
		t.Errorf("read %v", got)
	}
	if _, keys := s.target(t, "kms", "TrentService.ListAliases", `{}`); !strings.Contains(encoded(keys), "alias/aws/secretsmanager") {
		t.Errorf("the service's own key is not listed: %v", keys)
	}
}

func encoded(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}

func TestErrorsOfJSONServices(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		service, operation, body string
		status                   int
		code, member             string
	}{
		{"kms", "TrentService.DescribeKey", `{"KeyId":"11111111-2222-4333-8444-555555555555"}`, 400, "NotFoundException", "message"},
		{"kms", "TrentService.DescribeKey", `{}`, 400, "ValidationException", "message"},
		{"kms", "TrentService.DescribeKey", `{"KeyId":1}`, 400, "SerializationException", "message"},
		{"kms", "TrentService.DescribeKey", `{"KeyId":"a","KeyId":"b"}`, 400, "SerializationException", "message"},
		{"kms", "TrentService.Sign", `{}`, 501, "NotImplementedException", "message"},
		{"kms", "TrentService.None", `{}`, 400, "UnknownOperationException", "message"},
		{"kms", "secretsmanager.GetSecretValue", `{}`, 400, "UnknownOperationException", "message"},
		{"kms", "", `{}`, 400, "UnknownOperationException", "message"},
		{"secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"none"}`, 400, "ResourceNotFoundException", "Message"},
		{"logs", "Logs_20140328.GetLogEvents", `{"logGroupName":"none","logStreamName":"s"}`, 400, "ResourceNotFoundException", "message"},
		{"logs", "Logs_20140328.CreateLogGroup", `{"logGroupName":"a b"}`, 400, "InvalidParameterException", "message"},
		{"logs", "Logs_20140328.StartQuery", `{}`, 501, "NotImplementedException", "message"},
		{"acm-pca", "ACMPrivateCA.DescribeCertificateAuthority", `{"CertificateAuthorityArn":"arn:aws:acm-pca:us-east-1:000000000000:certificate-authority/11111111-2222-4333-8444-555555555555"}`, 400, "ResourceNotFoundException", "message"},
	} {
		status, out := s.target(t, c.service, c.operation, c.body)
		if message, _ := out[c.member].(string); status != c.status || out["__type"] != c.code || message == "" {
			t.Errorf("%s %s %s: %d %v, want %s", c.service, c.operation, c.body, status, out, c.code)
		}
	}
	status, text, _ := s.send(t, call{
		service: "kms", method: "POST", path: "/", body: "{}", keyID: "AKIDOFNOBODYATALL000", secret: "x", at: time.Now(),
		before: func(r *http.Request) { r.Header.Set("X-Amz-Target", "TrentService.ListKeys") },
	})
	if status != http.StatusBadRequest || !strings.Contains(text, `"__type":"UnrecognizedClientException"`) {
		t.Errorf("an unknown key: %d %s", status, text)
	}
}

// TestRPCCBOR calls acm-pca as newer SDKs do.
func TestRPCCBOR(t *testing.T) {
	s := start(t)
	send := func(path, body string) (int, string) {
		t.Helper()
		status, text, _ := s.send(t, call{
			service: "acm-pca", method: "POST", path: path, body: body, contentType: "application/cbor",
			keyID: s.root.AccessKeyID, secret: s.root.Secret, at: time.Now(),
			before: func(r *http.Request) { r.Header.Set("Smithy-Protocol", "rpc-v2-cbor") },
			after:  func(r *http.Request) { r.Header.Set("Accept", "application/cbor") },
		})
		return status, text
	}
	if status, text := send("/service/ACMPrivateCA/operation/ListCertificateAuthorities", "\xa1jMaxResults\x05"); status != http.StatusOK || text != "\xa1\x76CertificateAuthorities\x80" {
		t.Errorf("%d %q", status, text)
	}
	for path, want := range map[string]string{
		"/service/ACMPrivateCA/operation/None":                       "UnknownOperationException",
		"/service/TrentService/operation/ListCertificateAuthorities": "UnknownOperationException",
		"/": "UnknownOperationException",
		"/service/ACMPrivateCA/operation/DescribeCertificateAuthority": "ValidationException",
		"/service/ACMPrivateCA/operation/GetPolicy":                    "NotImplementedException",
	} {
		if status, text := send(path, "\xbf\xff"); status < 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %q, want %s", path, status, text, want)
		}
	}
	if status, text := send("/service/ACMPrivateCA/operation/ListTags", "\xa1"); status != 400 || !strings.Contains(text, "SerializationException") {
		t.Errorf("half a body: %d %q", status, text)
	}
}
