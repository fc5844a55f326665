package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// delegationTokens refuses CreateDelegationToken 38, v1-3, RenewDelegationToken
// 39, v1-2, ExpireDelegationToken 40, v1-2, and DescribeDelegationToken 41, v1-3,
// as a broker of Kafka does that has no delegation.token.secret.key, which MSK's
// have not: whoever is nobody in particular may not ask at all (KIP-48).
func (b *Broker) delegationTokens(_ context.Context, r *listener.Request) listener.Answer {
	code := kerr.DelegationTokenAuthDisabled.Code
	if r.Session.Identity.Name == listener.Anonymous {
		code = kerr.DelegationTokenRequestNotAllowed.Code
	}
	resp := r.Msg.ResponseKind()
	switch resp := resp.(type) {
	case *kmsg.CreateDelegationTokenResponse:
		req := r.Msg.(*kmsg.CreateDelegationTokenRequest)
		resp.ErrorCode, resp.IssueTimestamp, resp.ExpiryTimestamp, resp.MaxTimestamp = code, -1, -1, -1
		resp.TokenRequesterPrincipalType, resp.TokenRequesterPrincipalName = r.Session.Identity.Type, r.Session.Identity.Name
		resp.PrincipalType, resp.PrincipalName = r.Session.Identity.Type, r.Session.Identity.Name
		if owner := req.OwnerPrincipalName; owner != nil && *owner != "" && req.OwnerPrincipalType != nil {
			resp.PrincipalType, resp.PrincipalName = *req.OwnerPrincipalType, *owner
		}
	case *kmsg.RenewDelegationTokenResponse:
		resp.ErrorCode, resp.ExpiryTimestamp = code, -1
	case *kmsg.ExpireDelegationTokenResponse:
		resp.ErrorCode, resp.ExpiryTimestamp = code, -1
	case *kmsg.DescribeDelegationTokenResponse:
		resp.ErrorCode = code
	}
	return now(resp)
}
