package api

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
)

// here is an ARN of a service in the caller's account and region.
func here(a *asked, service, resource string) string {
	return strings.Join([]string{"arn", a.caller.Partition(), service, a.caller.Region, a.caller.Account, resource}, ":")
}

// kmsKey is the key that a member names: by its ARN, its id or an alias. The
// authorizer finds the key of an alias.
func kmsKey(name string) target {
	return func(_ context.Context, a *asked) (string, map[string]string, error) {
		id := text(a.req, name)
		switch {
		case id == nil:
			return "*", nil, nil
		case strings.HasPrefix(*id, "arn:"):
			return *id, nil, nil
		case strings.HasPrefix(*id, "alias/"):
			return here(a, "kms", *id), nil, nil
		}
		return here(a, "kms", "key/"+*id), nil, nil
	}
}

// kmsKeyOfBlob is the key that made a ciphertext: its id and account follow the
// format number (docs/formats/kms.md).
func kmsKeyOfBlob(_ context.Context, a *asked) (string, map[string]string, error) {
	f := reflect.Indirect(reflect.ValueOf(a.req)).FieldByName("CiphertextBlob")
	if !f.IsValid() {
		return "*", nil, nil
	}
	blob, _ := f.Interface().([]byte)
	if len(blob) < 23 {
		return "*", nil, nil
	}
	account := a.caller.Account
	if blob[0] == 2 {
		account = fmt.Sprintf("%012d", uint64(binary.BigEndian.Uint16(blob[17:]))<<32|uint64(binary.BigEndian.Uint32(blob[19:])))
	}
	id := hex.EncodeToString(blob[1:17])
	key := "key/" + strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	return strings.Join([]string{"arn", a.caller.Partition(), "kms", a.caller.Region, account, key}, ":"), nil, nil
}

func kmsPermissions() map[string]permission {
	key := kmsKey("KeyId")
	out := map[string]permission{
		"CreateKey": {tags: "kms:TagResource"}, "ListKeys": everywhere, "ListAliases": everywhere, "GenerateRandom": everywhere,
		"CreateAlias": {on: kmsKey("AliasName"), also: []also{{"kms:CreateAlias", kmsKey("TargetKeyId")}}},
		"UpdateAlias": {on: kmsKey("AliasName"), also: []also{{"kms:UpdateAlias", kmsKey("TargetKeyId")}}},
		"DeleteAlias": {on: kmsKey("AliasName")},
		"Decrypt":     {on: kmsKeyOfBlob}, "ListRetirableGrants": everywhere, "RetireGrant": {on: key},
		"ReEncrypt": {action: "kms:ReEncryptFrom", on: kmsKeyOfBlob, also: []also{{"kms:ReEncryptTo", kmsKey("DestinationKeyId")}}},
	}
	for _, name := range []string{
		"CancelKeyDeletion", "CreateGrant", "DescribeKey", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey",
		"GenerateDataKeyWithoutPlaintext", "GetKeyPolicy", "GetKeyRotationStatus", "ListGrants", "ListKeyPolicies", "ListResourceTags", "PutKeyPolicy", "RevokeGrant",
		"ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateKeyDescription",
	} {
		out[name] = permission{on: key}
	}
	return out
}

// secret is the secret that a member names, by its ARN or name. The authorizer
// finds the whole ARN.
func secret(name string) target {
	return func(_ context.Context, a *asked) (string, map[string]string, error) {
		id := text(a.req, name)
		switch {
		case id == nil:
			return "*", nil, nil
		case strings.HasPrefix(*id, "arn:"):
			return *id, nil, nil
		}
		return here(a, "secretsmanager", "secret:"+*id), nil, nil
	}
}

func secretsPermissions() map[string]permission {
	out := map[string]permission{
		"CreateSecret":      {on: secret("Name"), tags: "secretsmanager:TagResource"},
		"GetRandomPassword": everywhere, "ListSecrets": everywhere,
	}
	for _, name := range []string{
		"DeleteResourcePolicy", "DeleteSecret", "DescribeSecret", "GetResourcePolicy", "GetSecretValue", "ListSecretVersionIds", "PutResourcePolicy", "PutSecretValue",
		"RestoreSecret", "TagResource", "UntagResource", "UpdateSecret", "UpdateSecretVersionStage", "ValidateResourcePolicy",
	} {
		out[name] = permission{on: secret("SecretId")}
	}
	return out
}

func pcaPermissions() map[string]permission {
	out := map[string]permission{
		"CreateCertificateAuthority": {tags: "acm-pca:TagCertificateAuthority"}, "ListCertificateAuthorities": everywhere,
	}
	for _, name := range []string{
		"CreatePermission", "DeleteCertificateAuthority", "DeletePermission", "DescribeCertificateAuthority", "GetCertificate", "GetCertificateAuthorityCertificate",
		"GetCertificateAuthorityCsr", "ImportCertificateAuthorityCertificate", "IssueCertificate", "ListPermissions", "ListTags", "RestoreCertificateAuthority",
		"RevokeCertificate", "TagCertificateAuthority", "UntagCertificateAuthority", "UpdateCertificateAuthority",
	} {
		out[name] = permission{on: member("CertificateAuthorityArn")}
	}
	return out
}
