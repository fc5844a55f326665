package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of what a provider publishes.
const (
	maxKeysOfKind = 100       // RSA keys, and as many EC keys: "Create an OpenID Connect identity provider"
	maxKeySet     = 512 << 10 // bytes
	maxDiscovery  = 64 << 10  // bytes
	minRSABits    = 2048      // shorter keys are passed over
	maxRSABits    = 8192      // and longer ones, which cost
)

// Keys is a provider's public keys. It is immutable.
type Keys struct{ set jose.JSONWebKeySet }

// ParseKeys reads a key set (RFC 7517 section 5). Keys of kinds that are not
// known here are passed over.
func ParseKeys(data []byte) (*Keys, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(data) > maxKeySet {
		return nil, fmt.Errorf("the key set is larger than %d bytes", maxKeySet)
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("the key set is not JSON: %w", err)
	}
	if len(raw.Keys) > 2*maxKeysOfKind {
		return nil, errTooManyKeys
	}
	out := &Keys{}
	rsaKeys, ecKeys := 0, 0
	for _, one := range raw.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(one) != nil {
			continue
		}
		switch key := k.Key.(type) {
		case *rsa.PublicKey:
			if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
				continue
			}
			rsaKeys++
		case *ecdsa.PublicKey:
			ecKeys++
		default:
			continue
		}
		out.set.Keys = append(out.set.Keys, k)
	}
	if rsaKeys > maxKeysOfKind || ecKeys > maxKeysOfKind {
		return nil, errTooManyKeys
	}
	return out, nil
}

var errTooManyKeys = fmt.Errorf("the key set has more than %d keys of a kind", maxKeysOfKind)

// curves is the curve of each algorithm (RFC 7518 section 3.4).
var curves = map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}

// fits says whether a key is of an algorithm's kind.
func fits(algorithm string, key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS")
	case *ecdsa.PublicKey:
		return curves[algorithm] == key.Curve
	}
	return false
}

// discovery is what a provider says of itself (OpenID Connect Discovery section
// 3), as far as it is asked here.
type discovery struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

// parseDiscovery reads the document of an issuer, which must be about it.
func parseDiscovery(data []byte, issuer string) (keys *url.URL, err error) {
	var d discovery
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("the discovery document is not JSON: %w", err)
	}
	if d.Issuer != issuer {
		return nil, errors.New("the discovery document is about another issuer")
	}
	at, err := url.Parse(d.Keys)
	if err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil {
		return nil, errors.New("the discovery document has no jwks_uri of https")
	}
	return at, nil
}
