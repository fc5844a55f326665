package acmpca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model/acmpca"
)

// generateKey makes a key of an algorithm of the API.
func generateKey(algorithm string, random io.Reader) (crypto.Signer, error) {
	switch algorithm {
	case "EC_prime256v1":
		return ecdsa.GenerateKey(elliptic.P256(), random)
	case "EC_secp384r1":
		return ecdsa.GenerateKey(elliptic.P384(), random)
	case "EC_secp521r1":
		return ecdsa.GenerateKey(elliptic.P521(), random)
	case "RSA_2048":
		return rsa.GenerateKey(random, 2048)
	case "RSA_3072":
		return rsa.GenerateKey(random, 3072)
	case "RSA_4096":
		return rsa.GenerateKey(random, 4096)
	}
	return nil, invalidArgs("millrace does not implement the key algorithm %s.", algorithm)
}

var signatures = map[string]x509.SignatureAlgorithm{
	"SHA256WITHECDSA": x509.ECDSAWithSHA256, "SHA384WITHECDSA": x509.ECDSAWithSHA384, "SHA512WITHECDSA": x509.ECDSAWithSHA512,
	"SHA256WITHRSA": x509.SHA256WithRSA, "SHA384WITHRSA": x509.SHA384WithRSA, "SHA512WITHRSA": x509.SHA512WithRSA,
}

// signatureFor is a signing algorithm, which must fit the authority's key.
func signatureFor(algorithm, keyAlgorithm string) (x509.SignatureAlgorithm, error) {
	out, ok := signatures[algorithm]
	if family, _, _ := strings.Cut(keyAlgorithm, "_"); !ok || strings.HasSuffix(algorithm, "RSA") != (family == "RSA") {
		return 0, invalidArgs("The signing algorithm %s does not fit a key of %s.", algorithm, keyAlgorithm)
	}
	return out, nil
}

// template says what a certificate may be used for.
type template struct {
	ca       bool
	pathLen  int // of a CA: -1 is no limit
	usage    x509.KeyUsage
	extended []x509.ExtKeyUsage
}

const (
	caUsage  = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	endUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment

	rootTemplate = "RootCACertificate/V1"
)

// templates are the ones that take the subject and its alternative names from
// the request alone. (aws:acm-pca user guide, certificate templates)
var templates = map[string]template{
	rootTemplate:                           {ca: true, pathLen: -1, usage: caUsage},
	"SubordinateCACertificate_PathLen0/V1": {ca: true, pathLen: 0, usage: caUsage},
	"SubordinateCACertificate_PathLen1/V1": {ca: true, pathLen: 1, usage: caUsage},
	"SubordinateCACertificate_PathLen2/V1": {ca: true, pathLen: 2, usage: caUsage},
	"SubordinateCACertificate_PathLen3/V1": {ca: true, pathLen: 3, usage: caUsage},
	"EndEntityCertificate/V1":              {usage: endUsage, extended: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}},
	"EndEntityClientAuthCertificate/V1":    {usage: endUsage, extended: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	"EndEntityServerAuthCertificate/V1":    {usage: endUsage, extended: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
	"CodeSigningCertificate/V1":            {usage: x509.KeyUsageDigitalSignature, extended: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}},
	"OCSPSigningCertificate/V1":            {usage: x509.KeyUsageDigitalSignature, extended: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}},
}

const standardTemplate = "EndEntityCertificate/V1"

// templateOf finds a template by its ARN; none is the standard one.
func templateOf(arn *string) (name string, t template, err error) {
	name = standardTemplate
	if arn != nil {
		_, name, _ = strings.Cut(*arn, ":template/")
	}
	t, ok := templates[name]
	if !ok {
		return name, t, invalidArgs("millrace does not implement the certificate template %s.", deref(arn))
	}
	return name, t, nil
}

// parseCSR reads a request and checks that its maker has the key.
func parseCSR(text []byte) (*x509.CertificateRequest, error) {
	block, rest := pem.Decode(text)
	if block == nil || !strings.HasSuffix(block.Type, "CERTIFICATE REQUEST") || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fault("MalformedCSRException", "The CSR is not one PEM certificate request.")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fault("MalformedCSRException", "The CSR cannot be read.")
	}
	if csr.CheckSignature() != nil {
		return nil, fault("MalformedCSRException", "The signature of the CSR is not valid.")
	}
	return csr, nil
}

const (
	day          = 24 * time.Hour
	backdated    = time.Hour // validity begins earlier, for clocks that lag
	endDateForm  = "20060102150405"
	maxValidDays = 100 * 366
)

// until is the end of a validity that begins now.
// aws:acm-pca Validity
func until(v *acmpca.Validity, now time.Time) (time.Time, error) {
	n := deref(v.Value)
	var end time.Time
	switch kind := deref(v.Type); {
	case kind == "ABSOLUTE":
		end = time.Unix(n, 0).UTC()
	case kind == "END_DATE":
		var err error
		if end, err = time.Parse(endDateForm, strconv.FormatInt(n, 10)); err != nil {
			return end, invalidArgs("The validity %d is not a date like YYYYMMDDHHMMSS.", n)
		}
	case n > maxValidDays: // far below what would overflow
		return end, invalidArgs("The validity is too long.")
	case kind == "DAYS":
		end = now.AddDate(0, 0, int(n))
	case kind == "MONTHS":
		end = now.AddDate(0, int(n), 0)
	case kind == "YEARS":
		end = now.AddDate(int(n), 0, 0)
	}
	if !end.After(now) || end.Year() > 9999 {
		return end, invalidArgs("The validity must end in the future.")
	}
	return end, nil
}

// order is a certificate to be issued.
type order struct {
	csr       *x509.CertificateRequest
	template  template
	notBefore time.Time
	notAfter  time.Time
	serial    *big.Int
	algorithm x509.SignatureAlgorithm
}

var oidAlternativeNames = asn1.ObjectIdentifier{2, 5, 29, 17}

// sign makes the certificate; issuer nil is the subject itself.
func (o order) sign(issuer *x509.Certificate, key crypto.Signer, random io.Reader) ([]byte, error) {
	c := &x509.Certificate{
		SerialNumber: o.serial, RawSubject: o.csr.RawSubject, NotBefore: o.notBefore, NotAfter: o.notAfter,
		SignatureAlgorithm: o.algorithm, KeyUsage: o.template.usage, ExtKeyUsage: o.template.extended,
		BasicConstraintsValid: true, IsCA: o.template.ca, SubjectKeyId: keyID(o.csr.RawSubjectPublicKeyInfo),
	}
	if o.template.ca {
		c.MaxPathLen, c.MaxPathLenZero = o.template.pathLen, o.template.pathLen == 0
	}
	for _, e := range o.csr.Extensions {
		if e.Id.Equal(oidAlternativeNames) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: e.Id, Critical: e.Critical, Value: e.Value})
		}
	}
	if issuer == nil {
		issuer = c
	}
	return x509.CreateCertificate(random, c, issuer, o.csr.PublicKey, key)
}

// keyID is the first method of RFC 5280 section 4.2.1.2.
func keyID(spki []byte) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		return nil // it was parsed before
	}
	sum := sha1.Sum(info.Key.Bytes)
	return sum[:]
}

func certificatePEM(der ...[]byte) string {
	var b bytes.Buffer
	for _, d := range der {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: d}) // a Buffer does not fail
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// maxChain bounds a chain in certificates.
const maxChain = 5

// parseCertificates reads the certificates of a PEM text.
func parseCertificates(text []byte) (out []*x509.Certificate, err error) {
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" || len(out) == maxChain {
			return nil, fault("MalformedCertificateException", "The text is not at most %d PEM certificates.", maxChain)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fault("MalformedCertificateException", "A certificate cannot be read.")
		}
		out, text = append(out, c), rest
	}
	return out, nil
}
