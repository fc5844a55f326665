package iam

import (
	"context"
	"net/http"
	"slices"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
)

// provider finds a provider by ARN.
func (t *tx) provider(arn string) (*provider, error) {
	name, err := t.providerName(arn)
	if err != nil {
		return nil, err
	}
	p, err := find[provider](t, providers, name)
	if err == nil && p == nil {
		err = noSuchProvider(arn)
	}
	return p, err
}

func editProvider[T any](ctx context.Context, s *Service, c model.Caller, arn string, fn func(p *provider) error) (*T, error) {
	return change(ctx, s, c, func(t *tx) (*T, error) {
		p, err := t.provider(arn)
		if err != nil {
			return nil, err
		}
		if err := fn(p); err != nil {
			return nil, err
		}
		return new(T), put(t, providers, p)
	})
}

// CreateOpenIDConnectProvider lets an issuer's tokens in. Without thumbprints it
// keeps that of the authority which the issuer shows now.
// aws:iam CreateOpenIDConnectProvider
func (s *Service) CreateOpenIDConnectProvider(ctx context.Context, c model.Caller, in *shape.CreateOpenIDConnectProviderRequest) (*shape.CreateOpenIDConnectProviderResponse, error) {
	if in.ContextProvider != nil || in.IdentityCenterInstanceArn != nil {
		return nil, invalidInput("Millrace does not implement providers of IAM Identity Center")
	}
	name, err := providerOf(*in.Url)
	if err != nil {
		return nil, err
	}
	thumbprints := in.ThumbprintList
	if len(thumbprints) == 0 {
		one, err := s.issuers.Thumbprint(ctx, *in.Url)
		if err != nil {
			return nil, fail(http.StatusBadRequest, "OpenIdIdpCommunicationError", "Unable to connect to the identity provider %s", *in.Url)
		}
		thumbprints = []string{one}
	}
	return change(ctx, s, c, func(t *tx) (*shape.CreateOpenIDConnectProviderResponse, error) {
		h, err := t.begin(providers, name, nil, parsedTags(in.Tags))
		if err != nil {
			return nil, err
		}
		p := &provider{head: h}
		if err := p.addClients(in.ClientIDList...); err != nil {
			return nil, err
		}
		if err := p.setThumbprints(thumbprints); err != nil {
			return nil, err
		}
		return &shape.CreateOpenIDConnectProviderResponse{OpenIDConnectProviderArn: ptr(t.arn(providers, &p.head)), Tags: rendered(p.Tags)}, put(t, providers, p)
	})
}

// GetOpenIDConnectProvider describes a provider.
// aws:iam GetOpenIDConnectProvider
func (s *Service) GetOpenIDConnectProvider(ctx context.Context, c model.Caller, in *shape.GetOpenIDConnectProviderRequest) (*shape.GetOpenIDConnectProviderResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetOpenIDConnectProviderResponse, error) {
		p, err := t.provider(*in.OpenIDConnectProviderArn)
		if err != nil {
			return nil, err
		}
		return &shape.GetOpenIDConnectProviderResponse{
			ClientIDList: append([]string{}, p.ClientIDs...), CreateDate: model.NewTime(p.Created), Tags: rendered(p.Tags),
			ThumbprintList: append([]string{}, p.Thumbprints...), Url: &p.Name,
		}, nil
	})
}

// ListOpenIDConnectProviders lists the account's providers.
// aws:iam ListOpenIDConnectProviders
func (s *Service) ListOpenIDConnectProviders(ctx context.Context, c model.Caller, _ *shape.ListOpenIDConnectProvidersRequest) (*shape.ListOpenIDConnectProvidersResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListOpenIDConnectProvidersResponse, error) {
		all, err := list[provider](t, providers)
		out := &shape.ListOpenIDConnectProvidersResponse{OpenIDConnectProviderList: []shape.OpenIDConnectProviderListEntry{}}
		for _, p := range all {
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, shape.OpenIDConnectProviderListEntry{Arn: ptr(t.arn(providers, &p.head))})
		}
		return out, err
	})
}

// DeleteOpenIDConnectProvider shuts an issuer out. One that is not there is no
// error; sessions that its tokens made go on. aws:iam DeleteOpenIDConnectProvider
func (s *Service) DeleteOpenIDConnectProvider(ctx context.Context, c model.Caller, in *shape.DeleteOpenIDConnectProviderRequest) (*shape.DeleteOpenIDConnectProviderResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.DeleteOpenIDConnectProviderResponse, error) {
		name, err := t.providerName(*in.OpenIDConnectProviderArn)
		if err != nil {
			return nil, err
		}
		p, err := find[provider](t, providers, name)
		if err != nil || p == nil {
			return &shape.DeleteOpenIDConnectProviderResponse{}, err
		}
		return &shape.DeleteOpenIDConnectProviderResponse{}, t.remove(providers, name)
	})
}

// AddClientIDToOpenIDConnectProvider takes tokens for one more audience.
// aws:iam AddClientIDToOpenIDConnectProvider
func (s *Service) AddClientIDToOpenIDConnectProvider(ctx context.Context, c model.Caller, in *shape.AddClientIDToOpenIDConnectProviderRequest) (*shape.AddClientIDToOpenIDConnectProviderResponse, error) {
	return editProvider[shape.AddClientIDToOpenIDConnectProviderResponse](ctx, s, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		return p.addClients(*in.ClientID)
	})
}

// RemoveClientIDFromOpenIDConnectProvider takes them no more; an audience that
// is not there is no error. aws:iam RemoveClientIDFromOpenIDConnectProvider
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, c model.Caller, in *shape.RemoveClientIDFromOpenIDConnectProviderRequest) (*shape.RemoveClientIDFromOpenIDConnectProviderResponse, error) {
	return editProvider[shape.RemoveClientIDFromOpenIDConnectProviderResponse](ctx, s, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == *in.ClientID })
		return nil
	})
}

// UpdateOpenIDConnectProviderThumbprint replaces the whole list.
// aws:iam UpdateOpenIDConnectProviderThumbprint
func (s *Service) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, c model.Caller, in *shape.UpdateOpenIDConnectProviderThumbprintRequest) (*shape.UpdateOpenIDConnectProviderThumbprintResponse, error) {
	return editProvider[shape.UpdateOpenIDConnectProviderThumbprintResponse](ctx, s, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		return p.setThumbprints(in.ThumbprintList)
	})
}

// TagOpenIDConnectProvider sets tags. aws:iam TagOpenIDConnectProvider
func (s *Service) TagOpenIDConnectProvider(ctx context.Context, c model.Caller, in *shape.TagOpenIDConnectProviderRequest) (*shape.TagOpenIDConnectProviderResponse, error) {
	return editProvider[shape.TagOpenIDConnectProviderResponse](ctx, s, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		return p.setTags(parsedTags(in.Tags))
	})
}

// UntagOpenIDConnectProvider removes tags. aws:iam UntagOpenIDConnectProvider
func (s *Service) UntagOpenIDConnectProvider(ctx context.Context, c model.Caller, in *shape.UntagOpenIDConnectProviderRequest) (*shape.UntagOpenIDConnectProviderResponse, error) {
	return editProvider[shape.UntagOpenIDConnectProviderResponse](ctx, s, c, *in.OpenIDConnectProviderArn, func(p *provider) error {
		p.untag(in.TagKeys)
		return nil
	})
}

// ListOpenIDConnectProviderTags lists a provider's tags, which are one page.
// aws:iam ListOpenIDConnectProviderTags
func (s *Service) ListOpenIDConnectProviderTags(ctx context.Context, c model.Caller, in *shape.ListOpenIDConnectProviderTagsRequest) (*shape.ListOpenIDConnectProviderTagsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListOpenIDConnectProviderTagsResponse, error) {
		p, err := t.provider(*in.OpenIDConnectProviderArn)
		if err != nil {
			return nil, err
		}
		return &shape.ListOpenIDConnectProviderTagsResponse{IsTruncated: ptr(false), Tags: allTags(p.Tags)}, nil
	})
}
