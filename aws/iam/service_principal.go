package iam

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

// maxHandles bounds the credentials that are remembered; beyond, remembering
// starts over.
const maxHandles = 10_000

// handleKey says which credential was shown, and in which partition.
type handleKey struct {
	accessKeyID, partition string
	token                  [sha256.Size]byte // of the session token; zero: none
}

func keyOf(accessKeyID, sessionToken, partition string) handleKey {
	k := handleKey{accessKeyID: accessKeyID, partition: partition}
	if sessionToken != "" {
		k.token = sha256.Sum256([]byte(sessionToken))
	}
	return k
}

// handle is a credential that was authenticated once. It is model.Caller's
// Handle, and what decisions about its holder are cached in.
type handle struct {
	handleKey
	account string
	session *session // nil for long-term credentials
	current atomic.Pointer[principal]
}

// userName is the user that a handle stands for; empty for roots and roles.
func (h *handle) userName() string {
	if h == nil {
		return ""
	}
	if p := h.current.Load(); p != nil {
		return p.user
	}
	return ""
}

// principal is all that is known of a credential's holder at a revision.
// It is immutable.
type principal struct {
	revision uint64
	gone     string // why it may do nothing any more; empty: it may
	secret   seal.Secret
	expires  time.Time // zero: never
	user     string
	id       string // aws:userid
	who      policy.Principal
	policies policy.Policies
	keys     policy.Map // condition keys about the principal
	timed    bool       // its policies ask for the time
	token    bool       // its credentials are of GetSessionToken
}

// Authenticate finds the secret of an access key and who its holder is in a
// region. ok is false for a key that does not exist or is not in use, and for a
// session token that is not its own. Expired credentials are found; Expires
// says so.
func (s *Service) Authenticate(ctx context.Context, accessKeyID, sessionToken, region string) (c Credential, caller model.Caller, ok bool) {
	h := s.handle(keyOf(accessKeyID, sessionToken, partitionOf(region)), sessionToken)
	if h == nil {
		return Credential{}, model.Caller{}, false
	}
	p, err := s.principal(ctx, h)
	if err != nil || p.gone != "" {
		return Credential{}, model.Caller{}, false
	}
	s.remember(h)
	c = Credential{AccessKeyID: accessKeyID, Secret: p.secret, Account: h.account, Expires: p.expires}
	return c, model.Caller{Account: h.account, Region: region, ARN: p.who.ARN, UserID: p.id, AccessKeyID: accessKeyID, Handle: h}, true
}

// handle finds what a credential stands for, without knowing yet whether it
// exists; nil when it cannot.
func (s *Service) handle(key handleKey, sessionToken string) *handle {
	s.mu.Lock()
	known, root := s.handles[key], s.roots[key.accessKeyID]
	s.mu.Unlock()
	if known != nil {
		return known
	}
	h := &handle{handleKey: key, account: root}
	if root == "" {
		var ok bool
		if h.account, ok = accountOfKey(key.accessKeyID); !ok {
			return nil
		}
	}
	temporary := strings.HasPrefix(key.accessKeyID, temporaryPrefix)
	if temporary != (sessionToken != "") {
		return nil
	}
	if temporary {
		if h.session = s.tokens.open(key.accessKeyID, sessionToken); h.session == nil || h.session.Account != h.account {
			return nil
		}
	}
	return h
}

// remember keeps a handle that was found to be good.
func (s *Service) remember(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handles[h.handleKey] != nil {
		return
	}
	if len(s.handles) >= maxHandles {
		clear(s.handles)
	}
	s.handles[h.handleKey] = h
}

// principal is what is known of a handle's holder now: without a look into the
// store while nothing has changed.
func (s *Service) principal(ctx context.Context, h *handle) (*principal, error) {
	revision := s.revision.Load()
	if p := h.current.Load(); p != nil && p.revision == revision {
		return p, nil
	}
	var p *principal
	err := s.store.View(ctx, func(st *store.Tx) (err error) {
		p, err = s.tx(st, h.account, h.partition).load(h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the policies of %s: %w", h.accessKeyID, err)
	}
	p.revision = revision
	h.current.Store(p)
	return p, nil
}

// load reads everything about a handle's holder.
func (t *tx) load(h *handle) (*principal, error) {
	p := &principal{who: policy.Principal{Account: h.account}, keys: policy.Map{"aws:principalaccount": {h.account}, "aws:principalisawsservice": {"false"}}}
	keyID := h.accessKeyID
	if s := h.session; s != nil {
		p.expires, p.secret = s.Expires, t.s.tokens.secretOf(h.accessKeyID)
		p.keys["aws:tokenissuetime"] = []string{s.Issued.Format(time.RFC3339)}
		p.keys["aws:multifactorauthpresent"] = []string{"false"}
		if s.Role != "" {
			return p, t.loadRole(p, s)
		}
		keyID, p.token = s.Parent, true
	}
	k, err := t.key(keyID)
	if err != nil {
		return nil, err
	}
	if k == nil || !k.Active {
		p.gone = "its access key does not exist or is not active"
		return p, nil
	}
	if h.session == nil {
		secret, err := t.s.keys.Open(accessKeyKey(t.account, k.ID), k.Sealed)
		if err != nil {
			return nil, err
		}
		p.secret = seal.NewSecret(string(secret))
	}
	if k.User == "" {
		p.who.ARN, p.id = rootARN(t.partition, t.account), t.account
		p.describe("Account", p.who.ARN, nil)
		return p, nil
	}
	return p, t.loadUser(p, k.User)
}

func (t *tx) loadUser(p *principal, name string) error {
	u, err := find[entity](t, users, name)
	if err != nil {
		return err
	}
	if u == nil {
		p.gone = "its user does not exist"
		return nil
	}
	p.user, p.id, p.who.ARN = u.Name, u.ID, t.arn(users, &u.head)
	p.describe("User", p.who.ARN, u.Tags)
	p.keys["aws:username"] = []string{u.Name}
	if err := t.grant(p, users, u); err != nil {
		return err
	}
	for _, group := range u.Groups {
		g, err := find[entity](t, groups, group)
		if err != nil || g == nil {
			return fmt.Errorf("read the group %s of the user %s: %w", group, u.Name, err)
		}
		if err := t.grant(p, groups, g); err != nil {
			return err
		}
	}
	return t.limit(p, u, nil)
}

func (t *tx) loadRole(p *principal, s *session) error {
	r, err := find[entity](t, roles, s.Role)
	if err != nil {
		return err
	}
	if r == nil || r.ID != s.RoleID {
		p.gone = "its role does not exist any more"
		return nil
	}
	p.id = r.ID + ":" + s.Name
	p.who.ARN, p.who.RoleARN = sessionARN(t.partition, t.account, r.Name, s.Name), t.arn(roles, &r.head)
	tags := head{Tags: slices.Clone(r.Tags)}
	if err := tags.setTags(s.Tags); err != nil { // a session's tags hide the role's
		return err
	}
	p.describe("AssumedRole", p.who.RoleARN, tags.Tags)
	if s.SourceIdentity != "" {
		p.keys["aws:sourceidentity"] = []string{s.SourceIdentity}
	}
	if s.Federated != nil {
		s.Federated.conditions(p.keys)
	}
	if err := t.grant(p, roles, r); err != nil {
		return err
	}
	return t.limit(p, r, s)
}

// describe fills in the condition keys about the principal.
func (p *principal) describe(kind, arn string, tags []tag) {
	p.keys["aws:principaltype"], p.keys["aws:principalarn"], p.keys["aws:userid"] = []string{kind}, []string{arn}, []string{p.id}
	for _, t := range tags {
		p.keys["aws:principaltag/"+strings.ToLower(t.Key)] = []string{t.Value}
	}
}

// grant adds an entity's policies.
func (t *tx) grant(p *principal, k kind, e *entity) error {
	for _, name := range e.inlineNames() {
		if err := p.add(&p.policies.Identity, strings.Join([]string{k.dir, e.Name, name}, "/"), e.Inline[name]); err != nil {
			return err
		}
	}
	for _, arn := range e.Attached {
		if err := t.addManaged(p, &p.policies.Identity, arn); err != nil {
			return err
		}
	}
	return nil
}

// limit adds an entity's boundary and a session's own policies.
func (t *tx) limit(p *principal, e *entity, s *session) error {
	if e.Boundary != "" {
		var list []policy.Named
		if err := t.addManaged(p, &list, e.Boundary); err != nil {
			return err
		}
		p.policies.Boundary = &list[0]
	}
	if s == nil {
		return nil
	}
	for i, document := range s.Policies {
		if err := p.add(&p.policies.Session, fmt.Sprintf("session/%s/%d", s.Name, i+1), document); err != nil {
			return err
		}
	}
	for _, arn := range s.PolicyARNs {
		if m, err := t.policy(arn); err != nil {
			return err
		} else if m == nil { // deleted since: it allows nothing
			p.policies.Session = append(p.policies.Session, policy.Named{Name: arn, Document: &policy.Document{}})
			continue
		}
		if err := t.addManaged(p, &p.policies.Session, arn); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) addManaged(p *principal, to *[]policy.Named, arn string) error {
	m, err := t.policy(arn)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("the policy %s is attached and missing", arn)
	}
	return p.add(to, arn, m.version(0).Document)
}

// asksTime are the condition keys whose values change while nothing else does.
var asksTime = []string{"aws:currenttime", "aws:epochtime"}

func (p *principal) add(to *[]policy.Named, name, document string) error {
	doc, err := policy.Parse(policy.Identity, []byte(document))
	if err != nil {
		return fmt.Errorf("the policy %s: %w", name, err)
	}
	*to = append(*to, policy.Named{Name: name, Document: doc})
	p.timed = p.timed || timed(doc)
	return nil
}

func timed(doc *policy.Document) bool {
	return slices.ContainsFunc(doc.ContextKeys(), func(key string) bool { return slices.Contains(asksTime, key) })
}
