package msk

import (
	"fmt"
	"strings"
	"testing"
)

// bootstrapped is the strings of a cluster whose brokers are six in three zones, as label:port of
// MSK, by the field of GetBootstrapBrokers.
func bootstrapped(s security, reach connectivity) map[string]string {
	ports := map[Listener]string{
		Plaintext: "b-%d:9092", TLS: "b-%d:9094", SCRAM: "b-%d:9096", IAM: "b-%d:9098",
		PublicTLS: "b-%d-public:9194", PublicSCRAM: "b-%d-public:9196", PublicIAM: "b-%d-public:9198",
		VPCTLS: "b-%d.tls:14001", VPCSCRAM: "b-%d.scram:14001", VPCIAM: "b-%d.iam:14001",
	}
	c := cluster{Provisioned: &provisioned{security: s, Connectivity: reach}, Endpoints: &Endpoints{}, State: Active}
	for id := int32(1); id <= 6; id++ {
		c.Brokers = append(c.Brokers, broker{ID: id, Zone: string('a' + rune((id-1)%3))})
		e := BrokerEndpoints{ID: id, Listeners: map[Listener]string{}}
		for l, shape := range ports {
			e.Listeners[l] = fmt.Sprintf(shape, id)
		}
		c.Endpoints.Brokers = append(c.Endpoints.Brokers, e)
	}
	r := bootstrapResponse(c)
	out := map[string]string{}
	for name, told := range map[string]*string{
		"": r.BootstrapBrokerString, "Tls": r.BootstrapBrokerStringTls, "SaslScram": r.BootstrapBrokerStringSaslScram, "SaslIam": r.BootstrapBrokerStringSaslIam,
		"PublicTls": r.BootstrapBrokerStringPublicTls, "PublicSaslScram": r.BootstrapBrokerStringPublicSaslScram, "PublicSaslIam": r.BootstrapBrokerStringPublicSaslIam,
		"VpcConnectivityTls": r.BootstrapBrokerStringVpcConnectivityTls, "VpcConnectivitySaslScram": r.BootstrapBrokerStringVpcConnectivitySaslScram,
		"VpcConnectivitySaslIam": r.BootstrapBrokerStringVpcConnectivitySaslIam, "Ipv6": r.BootstrapBrokerStringIpv6,
	} {
		if told != nil {
			out[name] = *told
		}
	}
	return out
}

// TestBootstrapStrings: those that the cluster's settings promise, of at most
// three brokers, one of a zone, the same in all; the others are absent.
func TestBootstrapStrings(t *testing.T) {
	for name, c := range map[string]struct {
		security
		reach connectivity
		want  string
	}{
		"plaintext alone":           {security{Unauthenticated: true, ClientBroker: "PLAINTEXT"}, connectivity{}, " b-1:9092,b-2:9092,b-3:9092"},
		"TLS alone":                 {security{Unauthenticated: true, ClientBroker: "TLS"}, connectivity{}, "Tls b-1:9094,b-2:9094,b-3:9094"},
		"both":                      {security{Unauthenticated: true, ClientBroker: "TLS_PLAINTEXT"}, connectivity{}, " b-1:9092,b-2:9092,b-3:9092;Tls b-1:9094,b-2:9094,b-3:9094"},
		"IAM has no Tls":            {security{IAM: true, ClientBroker: "TLS"}, connectivity{}, "SaslIam b-1:9098,b-2:9098,b-3:9098"},
		"SCRAM has no Tls":          {security{SCRAM: true, ClientBroker: "TLS"}, connectivity{}, "SaslScram b-1:9096,b-2:9096,b-3:9096"},
		"certificates have":         {security{TLSAuth: true, ClientBroker: "TLS"}, connectivity{}, "Tls b-1:9094,b-2:9094,b-3:9094"},
		"certificates, public":      {security{TLSAuth: true, ClientBroker: "TLS"}, connectivity{Public: true}, "Tls b-1:9094,b-2:9094,b-3:9094;PublicTls b-1-public:9194,b-2-public:9194,b-3-public:9194"},
		"IAM and unauthenticated":   {security{IAM: true, Unauthenticated: true, ClientBroker: "TLS"}, connectivity{}, "Tls b-1:9094,b-2:9094,b-3:9094;SaslIam b-1:9098,b-2:9098,b-3:9098"},
		"IAM and SCRAM, public":     {security{IAM: true, SCRAM: true, ClientBroker: "TLS"}, connectivity{Public: true}, "SaslScram b-1:9096,b-2:9096,b-3:9096;SaslIam b-1:9098,b-2:9098,b-3:9098;PublicSaslScram b-1-public:9196,b-2-public:9196,b-3-public:9196;PublicSaslIam b-1-public:9198,b-2-public:9198,b-3-public:9198"},
		"other VPCs, by one scheme": {security{IAM: true, SCRAM: true, ClientBroker: "TLS"}, connectivity{VPC: schemes{IAM: 1}}, "SaslScram b-1:9096,b-2:9096,b-3:9096;SaslIam b-1:9098,b-2:9098,b-3:9098;VpcConnectivitySaslIam b-1.iam:14001,b-2.iam:14001,b-3.iam:14001"},
	} {
		got := bootstrapped(c.security, c.reach)
		for _, field := range strings.Split(c.want, ";") {
			field, want, _ := strings.Cut(field, " ")
			if got[field] != want {
				t.Errorf("%s: %q is %q, want %q", name, field, got[field], want)
			}
			delete(got, field)
		}
		if len(got) > 0 {
			t.Errorf("%s: there are also %v", name, got)
		}
	}
}
