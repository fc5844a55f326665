package acmpca

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model/acmpca"
)

// Object identifiers of names (RFC 4519, RFC 5280 appendix A).
var (
	oidCountry    = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidOrg        = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidUnit       = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidQualifier  = asn1.ObjectIdentifier{2, 5, 4, 46}
	oidState      = asn1.ObjectIdentifier{2, 5, 4, 8}
	oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSerial     = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidLocality   = asn1.ObjectIdentifier{2, 5, 4, 7}
	oidTitle      = asn1.ObjectIdentifier{2, 5, 4, 12}
	oidSurname    = asn1.ObjectIdentifier{2, 5, 4, 4}
	oidGivenName  = asn1.ObjectIdentifier{2, 5, 4, 42}
	oidInitials   = asn1.ObjectIdentifier{2, 5, 4, 43}
	oidPseudonym  = asn1.ObjectIdentifier{2, 5, 4, 65}
	oidGeneration = asn1.ObjectIdentifier{2, 5, 4, 44}
)

// subjectOf encodes a subject: one attribute in each name part, the country
// first and the common name after the places.
func subjectOf(s *acmpca.ASN1Subject) ([]byte, error) {
	var seq pkix.RDNSequence
	for _, part := range []struct {
		oid   asn1.ObjectIdentifier
		value *string
	}{
		{oidCountry, s.Country}, {oidOrg, s.Organization}, {oidUnit, s.OrganizationalUnit}, {oidQualifier, s.DistinguishedNameQualifier},
		{oidState, s.State}, {oidLocality, s.Locality}, {oidCommonName, s.CommonName}, {oidSerial, s.SerialNumber}, {oidTitle, s.Title},
		{oidSurname, s.Surname}, {oidGivenName, s.GivenName}, {oidInitials, s.Initials}, {oidPseudonym, s.Pseudonym},
		{oidGeneration, s.GenerationQualifier},
	} {
		if part.value != nil {
			seq = append(seq, pkix.RelativeDistinguishedNameSET{{Type: part.oid, Value: *part.value}})
		}
	}
	if len(seq) > 0 && len(s.CustomAttributes) > 0 {
		return nil, invalidArgs("CustomAttributes cannot be used with other attributes of a subject.")
	}
	for _, a := range s.CustomAttributes {
		oid, ok := parseOID(deref(a.ObjectIdentifier))
		if !ok {
			return nil, invalidArgs("%s is not an object identifier.", deref(a.ObjectIdentifier))
		}
		seq = append(seq, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: deref(a.Value)}})
	}
	der, err := asn1.Marshal(seq)
	if err != nil {
		return nil, invalidArgs("The subject is not valid.")
	}
	return der, nil
}

func parseOID(text string) (oid asn1.ObjectIdentifier, ok bool) {
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, false
		}
		oid = append(oid, n)
	}
	return oid, len(oid) > 1
}
