package server

import "github.com/millrace/millrace/aws/oidc"

// issuers asks identity providers for their keys. On a server of one machine a
// provider may be on this machine; on a network's that would let whoever may
// make a provider ask the machine's own services.
func (s *System) issuers() *oidc.Fetcher {
	return oidc.NewFetcher(oidc.Config{Loopback: s.cfg.Secure == nil})
}
