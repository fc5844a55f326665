package api

import (
	"context"
	"strings"
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
