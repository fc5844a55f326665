package api

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/sigv4"
)

const webIdentity = "AssumeRoleWithWebIdentity"

// unsigned is the operation of a request that needs no signature on AWS, "" for
// others: those of sts that take the token of an identity provider instead.
func unsigned(r *http.Request, body []byte) string {
	for _, name := range []string{webIdentity, "AssumeRoleWithSAML"} {
		if action := "Action=" + name + "&"; strings.Contains("&"+r.URL.RawQuery+"&", "&"+action) || bytes.Contains([]byte("&"+string(body)+"&"), []byte("&"+action)) {
			return name
		}
	}
	return ""
}

// anonymousRegion is the region of calls that name none: sts is the same in all.
const anonymousRegion = "us-east-1"

// serveUnsigned answers a request without a signature, whose body is read. It
// has its place in the gate until it is answered, and what is refused counts
// against its address as a bad signature does.
func (h *handler) serveUnsigned(w http.ResponseWriter, r *http.Request, e *event, body []byte, from netip.Addr, unproven error) {
	s := h.services["sts"]
	name := unsigned(r, body)
	if name != webIdentity {
		e.operation = "sts:" + name
		h.refuse(w, e, s.protocol, h.record(r, e, nil, s.unserved(name)))
		return
	}
	e.service = s.name
	if op, _, err := s.protocol.route(r, s, body); err == nil && op.Name != webIdentity { // it names another first
		h.refuse(w, e, s.protocol, h.record(r, e, nil, h.gate.failed(from, "", unproven, h.cfg.Now())))
		return
	}
	caller := model.Caller{Region: anonymousRegion, SourceIP: sourceIP(r), Secure: r.TLS != nil, UserAgent: r.UserAgent()}
	op, out, err := h.call(r, s, s.protocol, caller, body, e)
	if granted, ok := out.(*sts.AssumeRoleWithWebIdentityResponse); ok && err == nil {
		e.as = webIdentityOf(granted)
		e.who = model.Caller{Account: e.as.AccountID, Region: anonymousRegion}
	} else {
		e.in = nil // strangers do not write their parameters into the record
		err = h.gate.refused(from, err, h.cfg.Now())
	}
	if err = h.record(r, e, out, err); err != nil {
		h.refuse(w, e, s.protocol, err)
		return
	}
	e.status = op.Status
	s.protocol.answer(w, op, out, e.id)
}

// webIdentityOf is who a token proved to be, as CloudTrail writes it.
// (CloudTrail user guide, userIdentity element)
func webIdentityOf(out *sts.AssumeRoleWithWebIdentityResponse) *audit.Identity {
	_, provider, _ := strings.Cut(*out.Provider, ":oidc-provider/")
	id := &audit.Identity{Type: "WebIdentityUser", PrincipalID: strings.Join([]string{*out.Provider, *out.Audience, *out.SubjectFromWebIdentityToken}, ":"), UserName: *out.SubjectFromWebIdentityToken, Provider: provider}
	if parts := strings.SplitN(*out.Provider, ":", 6); len(parts) == 6 {
		id.AccountID = parts[4]
	}
	return id
}

// refused counts an unsigned call that was refused, and makes it the answer of
// an address that was refused too often.
func (g *gate) refused(from netip.Addr, err error, now time.Time) error {
	if !errors.As(err, new(*model.Error)) {
		return err
	}
	over := g.sources.Wait(from.String(), now) > 0
	g.sources.Failed(from.String(), now)
	if over {
		return throttled()
	}
	return err
}

// noSignature says whether a request has none at all.
func noSignature(err error) bool {
	bad := (*sigv4.Error)(nil)
	return errors.As(err, &bad) && bad.Kind == sigv4.Missing
}
