package server

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/millrace/millrace/aws/api"
)

// fallback is the endpoint for services that are not served here; nil without.
func (s *System) fallback() (*api.Fallback, error) {
	if s.cfg.FallbackEndpoint == "" {
		return nil, nil
	}
	f, err := api.NewFallback(s.cfg.FallbackEndpoint, s.root.AccessKeyID)
	if err != nil {
		return nil, fmt.Errorf("--fallback-endpoint: %w", err)
	}
	if s.ownAddress(f.Host()) {
		return nil, errors.New("--fallback-endpoint is this server's own address")
	}
	return f, nil
}

// ownAddress says whether HOST[:PORT] is the API's own address, as far as its names
// tell. What they do not tell, the requests do.
func (s *System) ownAddress(hostPort string) bool {
	u := url.URL{Host: hostPort}
	host, port := u.Hostname(), u.Port()
	listen, ownPort, _ := net.SplitHostPort(s.cfg.Listen)
	if port != ownPort {
		return false
	}
	names := append(s.s3Hosts(), listen)
	if ip := net.ParseIP(listen); ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		names = append(names, "127.0.0.1", "::1", "localhost")
	}
	return slices.Contains(names, host)
}
