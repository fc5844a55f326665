package acmpca

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/acmpca"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Every field is required.
type Config struct {
	Store  *store.Store
	Ring   *seal.Ring // seals private keys
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader
}

// Service is the API over the store. Its methods may be called concurrently.
type Service struct{ cfg Config }

var _ acmpca.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg} }

var idShape = regexp.MustCompile(`^[0-9a-f-]{36}$`)

func arnPrefix(c model.Caller) string {
	return strings.Join([]string{"arn", c.Partition(), "acm-pca", c.Region, c.Account, "certificate-authority/"}, ":")
}

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// find reads the authority that an ARN names.
func (s *Service) find(tx *store.Tx, c model.Caller, arn string) (*authority, error) {
	id, ok := strings.CutPrefix(arn, arnPrefix(c))
	if !ok || !idShape.MatchString(id) {
		if strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":acm-pca:") {
			return nil, notFound(arn) // of another account or region
		}
		return nil, fault("InvalidArnException", "%.200s is not the ARN of a certificate authority.", arn)
	}
	a, ok, err := store.GetJSON[authority](tx, authorityPrefix(c.Account, c.Region)+id)
	if err == nil && (!ok || a.gone(s.cfg.Now())) {
		err = notFound(arn)
	}
	return &a, err
}

// read answers the authority that an ARN names.
func (s *Service) read(ctx context.Context, c model.Caller, arn *string) (a *authority, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		a, err = s.find(tx, c, deref(arn))
		return err
	})
	return a, err
}

// change runs a decision about an authority and writes what it left.
func (s *Service) change(ctx context.Context, c model.Caller, arn *string, decide func(tx *store.Tx, a *authority) error) (a *authority, err error) {
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if a, err = s.find(tx, c, deref(arn)); err != nil {
			return err
		}
		if err := decide(tx, a); err != nil {
			return err
		}
		return store.PutJSON(tx, a.at(), a)
	})
	return a, err
}

// readAll answers every authority of an account and region that is not gone.
func (s *Service) readAll(tx *store.Tx, account, region string) (all []*authority, err error) {
	found, err := tx.List(authorityPrefix(account, region), "", maxAuthorities+1)
	for _, kv := range found {
		a, _, err := store.GetJSON[authority](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		if !a.gone(s.cfg.Now()) {
			all = append(all, &a)
		}
	}
	return all, err
}

// seal encrypts a private key for its authority.
func (s *Service) seal(a *authority, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	a.Key, err = s.cfg.Ring.Seal(a.at(), der)
	return err
}

// key opens an authority's private key.
func (s *Service) key(a *authority) (crypto.Signer, error) {
	der, err := s.cfg.Ring.Open(a.at(), a.Key)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("the private key of %s cannot be read", a.ARN)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the private key of %s cannot sign", a.ARN)
	}
	return signer, nil
}

// csr is the request for the authority's own certificate.
func (s *Service) csr(a *authority) ([]byte, error) {
	key, err := s.key(a)
	if err != nil {
		return nil, err
	}
	subject, err := subjectOf(a.Config.Subject)
	if err != nil {
		return nil, err
	}
	algorithm, err := signatureFor(deref(a.Config.SigningAlgorithm), deref(a.Config.KeyAlgorithm))
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificateRequest(s.cfg.Random, &x509.CertificateRequest{RawSubject: subject, SignatureAlgorithm: algorithm}, key)
}

const serialBytes = 16

// serial draws a positive serial number of 128 bits.
func (s *Service) serial() (*big.Int, error) {
	b := make([]byte, serialBytes)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40 // always as long, never negative
	return new(big.Int).SetBytes(b), nil
}

// IssueCertificate signs a request.
func (s *Service) IssueCertificate(ctx context.Context, c model.Caller, in *acmpca.IssueCertificateRequest) (*acmpca.IssueCertificateResponse, error) {
	if in.ApiPassthrough != nil {
		return nil, invalidArgs("millrace does not implement ApiPassthrough.")
	}
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	token := ""
	if in.IdempotencyToken != nil {
		sum := sha256.Sum256([]byte(*in.IdempotencyToken))
		token = hex.EncodeToString(sum[:])
	}
	if serial, err := s.issuedBefore(ctx, a, token); err != nil || serial != "" {
		return &acmpca.IssueCertificateResponse{CertificateArn: new(a.ARN + "/certificate/" + serial)}, err
	}
	der, serial, err := s.issue(a, in)
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, c, in.CertificateAuthorityArn, func(tx *store.Tx, a *authority) error {
		a.Issued++
		if token != "" {
			if err := store.PutJSON(tx, a.tokenKey(token), issuedOnce{serial, s.now()}); err != nil {
				return err
			}
		}
		return store.PutJSON(tx, a.certificateKey(serial), certificate{DER: der, Issued: s.now()})
	})
	if err != nil {
		return nil, err
	}
	return &acmpca.IssueCertificateResponse{CertificateArn: new(a.ARN + "/certificate/" + serial)}, nil
}

// issuedBefore finds what a call with this token made a short time ago.
func (s *Service) issuedBefore(ctx context.Context, a *authority, token string) (serial string, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		once, ok, err := store.GetJSON[issuedOnce](tx, a.tokenKey(token))
		if ok && s.now().Before(once.At.Add(tokenLife)) {
			serial = once.Serial
		}
		return err
	})
	return serial, err
}

// issue makes the certificate that a call asks for.
func (s *Service) issue(a *authority, in *acmpca.IssueCertificateRequest) (der []byte, serial string, err error) {
	now := s.now()
	name, t, err := templateOf(in.TemplateArn)
	if err != nil {
		return nil, "", err
	}
	csr, err := parseCSR(in.Csr)
	if err != nil {
		return nil, "", err
	}
	self, err := a.mayIssue(name, now)
	if err != nil {
		return nil, "", err
	}
	o := order{csr: csr, template: t, notBefore: now.Add(-backdated)}
	if o.algorithm, err = signatureFor(deref(in.SigningAlgorithm), deref(a.Config.KeyAlgorithm)); err != nil {
		return nil, "", err
	}
	if o.notAfter, err = until(in.Validity, now); err != nil {
		return nil, "", err
	}
	if in.ValidityNotBefore != nil {
		if deref(in.ValidityNotBefore.Type) != "ABSOLUTE" {
			return nil, "", invalidArgs("ValidityNotBefore must be ABSOLUTE.")
		}
		o.notBefore = time.Unix(deref(in.ValidityNotBefore.Value), 0).UTC()
	}
	if o.serial, err = s.serial(); err != nil {
		return nil, "", err
	}
	key, err := s.key(a)
	if err != nil {
		return nil, "", err
	}
	var issuer *x509.Certificate
	if self {
		own, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !own.Equal(csr.PublicKey) {
			return nil, "", invalidArgs("A root certificate is issued for the CSR of its own certificate authority.")
		}
	} else {
		if issuer, err = x509.ParseCertificate(a.Certificate); err != nil {
			return nil, "", fmt.Errorf("the certificate of %s cannot be read", a.ARN)
		}
		if o.notAfter.After(issuer.NotAfter) {
			return nil, "", fault("ValidationException", "The certificate validity specified exceeds the certificate authority validity.")
		}
	}
	if der, err = o.sign(issuer, key, s.cfg.Random); err != nil {
		return nil, "", invalidArgs("The certificate cannot be issued as requested.")
	}
	return der, o.serial.Text(16), nil
}

// GetCertificate answers a certificate and the chain to its root.
func (s *Service) GetCertificate(ctx context.Context, c model.Caller, in *acmpca.GetCertificateRequest) (*acmpca.GetCertificateResponse, error) {
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	serial, ok := strings.CutPrefix(deref(in.CertificateArn), a.ARN+"/certificate/")
	if !ok {
		return nil, notFound(deref(in.CertificateArn))
	}
	var found certificate
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		found, ok, err = store.GetJSON[certificate](tx, a.certificateKey(serial))
		return err
	})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(*in.CertificateArn)
	}
	out := &acmpca.GetCertificateResponse{Certificate: new(certificatePEM(found.DER))}
	if parsed, err := x509.ParseCertificate(found.DER); err == nil && a.Certificate != nil && parsed.Subject.String() != parsed.Issuer.String() {
		out.CertificateChain = new(certificatePEM(append([][]byte{a.Certificate}, a.Chain...)...))
	}
	return out, nil
}

// RevokeCertificate marks a certificate as revoked. Nothing publishes that;
// MSK's brokers would not ask.
func (s *Service) RevokeCertificate(ctx context.Context, c model.Caller, in *acmpca.RevokeCertificateRequest) (*acmpca.RevokeCertificateResponse, error) {
	serial := strings.ToLower(strings.TrimLeft(strings.ReplaceAll(deref(in.CertificateSerial), ":", ""), "0"))
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(tx *store.Tx, a *authority) error {
		found, ok, err := store.GetJSON[certificate](tx, a.certificateKey(serial))
		switch {
		case err != nil:
			return err
		case !ok:
			return fault("ResourceNotFoundException", "Certificate with serial %s was not found.", deref(in.CertificateSerial))
		case a.status(s.cfg.Now()) != Active:
			return invalidState("The certificate authority %s is in the state %s.", a.ARN, a.status(s.cfg.Now()))
		case !found.Revoked.IsZero():
			return fault("RequestAlreadyProcessedException", "The certificate is revoked already.")
		}
		found.Revoked, found.Reason = s.now(), deref(in.RevocationReason)
		return store.PutJSON(tx, a.certificateKey(serial), found)
	})
	return &acmpca.RevokeCertificateResponse{}, err
}

// Facts is what others must know of an authority: its judge, and MSK.
type Facts struct {
	ARN, Account string
	Status       Status
	Certificate  *x509.Certificate // nil before there is one
	Tags         map[string]string
}

// Facts tells of the authority that an ARN names; ok is false when there is
// none.
func (s *Service) Facts(ctx context.Context, c model.Caller, arn string) (f Facts, ok bool, err error) {
	a, err := s.read(ctx, c, &arn)
	if _, is := err.(*model.Error); is {
		return f, false, nil
	}
	if err != nil {
		return f, false, err
	}
	f = Facts{ARN: a.ARN, Account: a.Account, Status: a.status(s.cfg.Now()), Tags: a.Tags}
	if a.Certificate != nil {
		if f.Certificate, err = x509.ParseCertificate(a.Certificate); err != nil {
			return f, false, fmt.Errorf("the certificate of %s cannot be read", a.ARN)
		}
	}
	return f, true, nil
}

// Watch answers a channel that receives after an authority of an account and
// region may have changed; notifications coalesce. cancel ends it.
func (s *Service) Watch(account, region string) (changed <-chan struct{}, cancel func()) {
	return s.cfg.Store.Watch(authorityPrefix(account, region))
}

func requestPEM(der []byte) string {
	return strings.TrimSuffix(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), "\n")
}
