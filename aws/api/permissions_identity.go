package api

import (
	"context"
	"maps"
	"reflect"
	"strings"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
)

// oidcPermissions is the rows of iam about OpenID Connect providers: "Actions,
// resources, and condition keys for AWS IAM".
func oidcPermissions() map[string]permission {
	out := map[string]permission{
		"CreateOpenIDConnectProvider": {on: newProvider, tags: "iam:TagOpenIDConnectProvider"}, "ListOpenIDConnectProviders": everywhere,
	}
	for _, name := range []string{
		"AddClientIDToOpenIDConnectProvider", "DeleteOpenIDConnectProvider", "GetOpenIDConnectProvider", "ListOpenIDConnectProviderTags",
		"RemoveClientIDFromOpenIDConnectProvider", "TagOpenIDConnectProvider", "UntagOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint",
	} {
		out[name] = permission{on: knownProvider}
	}
	return out
}

// newProvider is the provider that a URL is to be.
func newProvider(ctx context.Context, a *asked) (string, map[string]string, error) {
	return a.identity.Described(ctx, a.caller, "oidc-provider", strings.TrimPrefix(*text(a.req, "Url"), "https://"), "")
}

// knownProvider is the provider of an ARN, with its tags when it is the
// caller's.
func knownProvider(ctx context.Context, a *asked) (string, map[string]string, error) {
	arn := *text(a.req, "OpenIDConnectProviderArn")
	name, own := strings.CutPrefix(arn, "arn:"+a.caller.Partition()+":iam::"+a.caller.Account+":oidc-provider/")
	if !own {
		return arn, nil, nil
	}
	return a.identity.Described(ctx, a.caller, "oidc-provider", name, "")
}

// aboutKey adds to a question what a use of a KMS key says, or a grant that is
// to be made or retired: "AWS KMS condition keys".
func aboutKey(q *iam.Question, req model.Request) {
	q.Context = maps.Clone(q.Context) // a call asks for two keys
	set := func(key string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			q.Context[key] = values
		}
	}
	set("kms:calleraccount", q.Caller.Account)
	switch in := req.(type) {
	case *kms.CreateGrantRequest:
		set("kms:grantoperations", in.Operations...)
		set("kms:granteeprincipal", ofText(in.GranteePrincipal)+ofText(in.GranteeServicePrincipal))
		set("kms:retiringprincipal", ofText(in.RetiringPrincipal)+ofText(in.RetiringServicePrincipal))
		set("kms:grantisforawsresource", "false")
		if c := in.Constraints; c != nil && c.EncryptionContextEquals != nil {
			q.Encryption = c.EncryptionContextEquals
			set("kms:grantconstrainttype", "EncryptionContextEquals")
		} else if c != nil && c.EncryptionContextSubset != nil {
			q.Encryption = c.EncryptionContextSubset
			set("kms:grantconstrainttype", "EncryptionContextSubset")
		}
		return
	case *kms.RetireGrantRequest:
		q.Grant = ofText(in.GrantToken)
		if q.Grant == "" {
			q.Grant = ofText(in.GrantId)
		}
		return
	}
	if alias := text(req, "KeyId"); alias != nil && strings.HasPrefix(*alias, "alias/") {
		set("kms:requestalias", *alias)
	}
	member := map[string]string{"kms:ReEncryptFrom": "SourceEncryptionContext", "kms:ReEncryptTo": "DestinationEncryptionContext"}[q.Action]
	if member == "" {
		member = "EncryptionContext"
	}
	if f := reflect.Indirect(reflect.ValueOf(req)).FieldByName(member); f.IsValid() {
		q.Encryption, _ = f.Interface().(map[string]string)
	}
}

// ofText is a text, empty when it is absent.
func ofText(v *string) string {
	if v == nil {
		return ""
	}
	return *v
}
