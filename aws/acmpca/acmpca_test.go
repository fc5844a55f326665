package acmpca_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/acmpca"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/acmpca"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

var caller = model.Caller{Account: "123456789012", Region: "eu-west-1", ARN: "arn:aws:iam::123456789012:root"}

const templates = "arn:aws:acm-pca:::template/"

type world struct {
	*acmpca.Service
	t    *testing.T
	now  time.Time
	file string
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), file: filepath.Join(t.TempDir(), "state.db")}
	st, err := store.Open(w.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w.Service = acmpca.New(acmpca.Config{Store: st, Ring: seal.New(), Now: func() time.Time { return w.now }, Random: rand.Reader})
	return w
}

func (w *world) create(kind, key, algorithm string) string {
	w.t.Helper()
	out, err := w.CreateCertificateAuthority(w.t.Context(), caller, &shape.CreateCertificateAuthorityRequest{
		CertificateAuthorityType: &kind,
		CertificateAuthorityConfiguration: &shape.CertificateAuthorityConfiguration{
			KeyAlgorithm: &key, SigningAlgorithm: &algorithm, Subject: &shape.ASN1Subject{Country: new("US"), Organization: new("Org"), CommonName: new(kind)},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.CertificateAuthorityArn
}

func (w *world) csr(arn string) []byte {
	w.t.Helper()
	out, err := w.GetCertificateAuthorityCsr(w.t.Context(), caller, &shape.GetCertificateAuthorityCsrRequest{CertificateAuthorityArn: &arn})
	if err != nil {
		w.t.Fatal(err)
	}
	return []byte(*out.Csr)
}

// order is a request to issue for so many days.
func order(arn string, csr []byte, algorithm, template string, days int64) *shape.IssueCertificateRequest {
	in := &shape.IssueCertificateRequest{
		CertificateAuthorityArn: &arn, Csr: csr, SigningAlgorithm: &algorithm, Validity: &shape.Validity{Type: new("DAYS"), Value: &days},
	}
	if template != "" {
		in.TemplateArn = new(templates + template)
	}
	return in
}

func (w *world) issue(in *shape.IssueCertificateRequest) (leaf, chain string) {
	w.t.Helper()
	out, err := w.IssueCertificate(w.t.Context(), caller, in)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := w.GetCertificate(w.t.Context(), caller, &shape.GetCertificateRequest{CertificateAuthorityArn: in.CertificateAuthorityArn, CertificateArn: out.CertificateArn})
	if err != nil {
		w.t.Fatal(err)
	}
	if got.CertificateChain != nil {
		chain = *got.CertificateChain
	}
	return *got.Certificate, chain
}

func (w *world) install(arn, leaf, chain string) error {
	in := &shape.ImportCertificateAuthorityCertificateRequest{CertificateAuthorityArn: &arn, Certificate: []byte(leaf)}
	if chain != "" {
		in.CertificateChain = []byte(chain)
	}
	_, err := w.ImportCertificateAuthorityCertificate(w.t.Context(), caller, in)
	return err
}

func (w *world) root(key, algorithm string) string {
	w.t.Helper()
	arn := w.create("ROOT", key, algorithm)
	leaf, chain := w.issue(order(arn, w.csr(arn), algorithm, "RootCACertificate/V1", 3650))
	if err := w.install(arn, leaf, chain); err != nil {
		w.t.Fatal(err)
	}
	return arn
}

func request(t testing.TB, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, DNSNames: []string{"a.example"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func parse(t *testing.T, text string) []*x509.Certificate {
	t.Helper()
	var out []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return out
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
}

func wants(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*model.Error](err); !ok || e.Code != code || e.HTTP != 400 {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestAChainOfAuthorities(t *testing.T) {
	w := open(t)
	root := w.root("EC_secp384r1", "SHA384WITHECDSA")
	sub := w.create("SUBORDINATE", "RSA_2048", "SHA256WITHRSA")
	_, err := w.IssueCertificate(t.Context(), caller, order(sub, request(t, "early"), "SHA256WITHRSA", "", 10))
	wants(t, err, "InvalidStateException")
	leaf, chain := w.issue(order(root, w.csr(sub), "SHA384WITHECDSA", "SubordinateCACertificate_PathLen0/V1", 1000))
	wants(t, w.install(sub, leaf, ""), "InvalidArgsException")
	if err := w.install(sub, leaf, chain); err != nil {
		t.Fatal(err)
	}
	text, chain := w.issue(order(sub, request(t, "app"), "SHA256WITHRSA", "", 100))
	app, above := parse(t, text)[0], parse(t, chain)
	if len(above) != 2 || app.Subject.String() != "CN=app" || len(app.DNSNames) != 1 || app.IsCA || app.SerialNumber.Sign() <= 0 {
		t.Errorf("%d above %v", len(above), app.Subject)
	}
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(above[1])
	middle.AddCert(above[0])
	if _, err := app.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, CurrentTime: w.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	_, err = w.IssueCertificate(t.Context(), caller, order(sub, request(t, "long"), "SHA256WITHRSA", "", 2000))
	wants(t, err, "ValidationException")
	d, err := w.DescribeCertificateAuthority(t.Context(), caller, &shape.DescribeCertificateAuthorityRequest{CertificateAuthorityArn: &sub})
	if err != nil || *d.CertificateAuthority.Status != "ACTIVE" || *d.CertificateAuthority.Type != "SUBORDINATE" || d.CertificateAuthority.NotAfter == nil {
		t.Error(d, err)
	}
	if data, err := os.ReadFile(w.file); err != nil || bytes.Contains(data, []byte("PRIVATE")) {
		t.Error("the store holds a private key", err)
	}
}

func TestWhatIsNotSigned(t *testing.T) {
	w := open(t)
	root := w.root("EC_prime256v1", "SHA256WITHECDSA")
	csr := request(t, "app")
	forged := bytes.Clone(csr)
	forged[len(forged)/2] ^= 1
	for code, in := range map[string]*shape.IssueCertificateRequest{
		"MalformedCSRException":     order(root, []byte("no request"), "SHA256WITHECDSA", "", 1),
		"InvalidArgsException":      order(root, csr, "SHA256WITHRSA", "", 1),
		"ResourceNotFoundException": order(strings.Replace(root, "123456789012", "210987654321", 1), csr, "SHA256WITHECDSA", "", 1),
		"InvalidArnException":       order("root", csr, "SHA256WITHECDSA", "", 1),
	} {
		_, err := w.IssueCertificate(t.Context(), caller, in)
		wants(t, err, code)
	}
	_, err := w.IssueCertificate(t.Context(), caller, order(root, forged, "SHA256WITHECDSA", "", 1))
	wants(t, err, "MalformedCSRException")
	for _, template := range []string{"RootCACertificate/V1", "Unknown/V1", "EndEntityCertificate_APIPassthrough/V1"} {
		_, err = w.IssueCertificate(t.Context(), caller, order(root, csr, "SHA256WITHECDSA", template, 1))
		wants(t, err, "InvalidArgsException") // of a root: for another's key
	}
	other := w.create("ROOT", "EC_prime256v1", "SHA256WITHECDSA")
	leaf, _ := w.issue(order(other, w.csr(other), "SHA256WITHECDSA", "RootCACertificate/V1", 10))
	wants(t, w.install(root, leaf, ""), "CertificateMismatchException")
	wants(t, w.install(root, "text", ""), "MalformedCertificateException")
}

func TestTokensAndRevocation(t *testing.T) {
	w := open(t)
	root := w.root("EC_prime256v1", "SHA256WITHECDSA")
	in := order(root, request(t, "app"), "SHA256WITHECDSA", "EndEntityClientAuthCertificate/V1", 10)
	in.IdempotencyToken = new("once")
	first, err := w.IssueCertificate(t.Context(), caller, in)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.IssueCertificate(t.Context(), caller, in); err != nil || *again.CertificateArn != *first.CertificateArn {
		t.Error(again, err)
	}
	w.now = w.now.Add(time.Hour)
	if later, err := w.IssueCertificate(t.Context(), caller, in); err != nil || *later.CertificateArn == *first.CertificateArn {
		t.Error(later, err)
	}
	text, _ := w.issue(in)
	serial := parse(t, text)[0].SerialNumber
	revoke := &shape.RevokeCertificateRequest{CertificateAuthorityArn: &root, CertificateSerial: new(colons(serial)), RevocationReason: new("KEY_COMPROMISE")}
	if _, err := w.RevokeCertificate(t.Context(), caller, revoke); err != nil {
		t.Fatal(err)
	}
	_, err = w.RevokeCertificate(t.Context(), caller, revoke)
	wants(t, err, "RequestAlreadyProcessedException")
	revoke.CertificateSerial = new("12:34")
	_, err = w.RevokeCertificate(t.Context(), caller, revoke)
	wants(t, err, "ResourceNotFoundException")
}

func colons(n *big.Int) string {
	var parts []string
	for _, b := range n.Bytes() {
		parts = append(parts, string("0123456789ABCDEF"[b>>4])+string("0123456789ABCDEF"[b&15]))
	}
	return strings.Join(parts, ":")
}

func TestLifeOfAnAuthority(t *testing.T) {
	w := open(t)
	ctx, root := t.Context(), w.root("EC_prime256v1", "SHA256WITHECDSA")
	status := func() string {
		d, err := w.DescribeCertificateAuthority(ctx, caller, &shape.DescribeCertificateAuthorityRequest{CertificateAuthorityArn: &root})
		if err != nil {
			return err.(*model.Error).Code
		}
		return *d.CertificateAuthority.Status
	}
	drop := &shape.DeleteCertificateAuthorityRequest{CertificateAuthorityArn: &root, PermanentDeletionTimeInDays: new(int32(7))}
	_, err := w.DeleteCertificateAuthority(ctx, caller, drop)
	wants(t, err, "InvalidStateException")
	if _, err := w.UpdateCertificateAuthority(ctx, caller, &shape.UpdateCertificateAuthorityRequest{CertificateAuthorityArn: &root, Status: new("DISABLED")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.IssueCertificate(ctx, caller, order(root, request(t, "app"), "SHA256WITHECDSA", "", 1))
	wants(t, err, "InvalidStateException")
	for _, want := range []string{"DISABLED", "DISABLED"} {
		if _, err := w.DeleteCertificateAuthority(ctx, caller, drop); err != nil || status() != "DELETED" {
			t.Fatal(status(), err)
		}
		if _, err := w.RestoreCertificateAuthority(ctx, caller, &shape.RestoreCertificateAuthorityRequest{CertificateAuthorityArn: &root}); err != nil || status() != want {
			t.Fatal(status(), err)
		}
	}
	if _, err := w.DeleteCertificateAuthority(ctx, caller, drop); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.AddDate(0, 0, 7)
	if got := status(); got != "ResourceNotFoundException" {
		t.Error(got)
	}
	_, err = w.CreateCertificateAuthority(ctx, caller, &shape.CreateCertificateAuthorityRequest{
		CertificateAuthorityType:          new("ROOT"),
		CertificateAuthorityConfiguration: &shape.CertificateAuthorityConfiguration{KeyAlgorithm: new("EC_prime256v1"), SigningAlgorithm: new("SHA256WITHECDSA"), Subject: &shape.ASN1Subject{}},
		RevocationConfiguration:           &shape.RevocationConfiguration{OcspConfiguration: &shape.OcspConfiguration{Enabled: new(true)}},
	})
	wants(t, err, "InvalidArgsException")
}

func TestTagsAndPermissions(t *testing.T) {
	w := open(t)
	ctx, root := t.Context(), w.create("ROOT", "EC_prime256v1", "SHA256WITHECDSA")
	if _, err := w.TagCertificateAuthority(ctx, caller, &shape.TagCertificateAuthorityRequest{CertificateAuthorityArn: &root, Tags: []shape.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UntagCertificateAuthority(ctx, caller, &shape.UntagCertificateAuthorityRequest{CertificateAuthorityArn: &root, Tags: []shape.Tag{{Key: new("a"), Value: new("2")}, {Key: new("b")}}}); err != nil {
		t.Fatal(err)
	}
	if tags, err := w.ListTags(ctx, caller, &shape.ListTagsRequest{CertificateAuthorityArn: &root}); err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "a" {
		t.Error(tags, err)
	}
	permit := &shape.CreatePermissionRequest{CertificateAuthorityArn: &root, Principal: new("acm.amazonaws.com"), Actions: []string{"IssueCertificate"}}
	if _, err := w.CreatePermission(ctx, caller, permit); err != nil {
		t.Fatal(err)
	}
	_, err := w.CreatePermission(ctx, caller, permit)
	wants(t, err, "PermissionAlreadyExistsException")
	if list, err := w.ListPermissions(ctx, caller, &shape.ListPermissionsRequest{CertificateAuthorityArn: &root}); err != nil || len(list.Permissions) != 1 {
		t.Error(list, err)
	}
	if list, err := w.ListCertificateAuthorities(ctx, caller, &shape.ListCertificateAuthoritiesRequest{}); err != nil || len(list.CertificateAuthorities) != 1 {
		t.Error(list, err)
	}
}

// FuzzIssue wants every request to be signed or refused for a reason that
// callers are told.
func FuzzIssue(f *testing.F) {
	st, err := store.Open(filepath.Join(f.TempDir(), "state.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = st.Close() })
	s := acmpca.New(acmpca.Config{Store: st, Ring: seal.New(), Now: time.Now, Random: rand.Reader})
	made, err := s.CreateCertificateAuthority(f.Context(), caller, &shape.CreateCertificateAuthorityRequest{
		CertificateAuthorityType:          new("ROOT"),
		CertificateAuthorityConfiguration: &shape.CertificateAuthorityConfiguration{KeyAlgorithm: new("EC_prime256v1"), SigningAlgorithm: new("SHA256WITHECDSA"), Subject: &shape.ASN1Subject{CommonName: new("r")}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request(f, "app"))
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"))
	f.Fuzz(func(t *testing.T, csr []byte) {
		in := order(*made.CertificateAuthorityArn, csr, "SHA256WITHECDSA", "RootCACertificate/V1", 1)
		if _, err := s.IssueCertificate(t.Context(), caller, in); err == nil || !errors.As(err, new(*model.Error)) {
			t.Fatalf("%q: %v", csr, err) // none is the authority's own
		}
	})
}
