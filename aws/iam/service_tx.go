package iam

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace/store"
)

// Keys of the store: account, "-" for a service without regions, iam, the kind
// and the name in lower case, because names differ by more than case.
const accountIndex = "-/-/iam/account/"

func accountKey(account string) string { return account + "/-/iam/account" }

func accessKeyKey(account, id string) string { return account + "/-/iam/access-key/" + id }

func entityKey(account string, k kind, name string) string {
	return account + "/-/iam/" + k.dir + "/" + strings.ToLower(name)
}

// tx is one operation's transaction in one account.
type tx struct {
	*store.Tx
	s         *Service
	account   string
	partition string
	now       time.Time
}

func (s *Service) tx(st *store.Tx, account, partition string) *tx {
	return &tx{st, s, account, partition, s.now().UTC().Truncate(time.Second)}
}

// fresh draws random bytes.
func (t *tx) fresh(n int) ([]byte, error) {
	random := make([]byte, n)
	if _, err := io.ReadFull(t.s.random, random); err != nil {
		return nil, fmt.Errorf("draw an id: %w", err)
	}
	return random, nil
}

// named is a document with a head.
type named interface{ theHead() *head }

func (h *head) theHead() *head { return h }

// find reads a document by name, nil when there is none.
func find[T any, P interface {
	*T
	named
}](t *tx, k kind, name string) (P, error) {
	doc, ok, err := store.GetJSON[T](t.Tx, entityKey(t.account, k, name))
	if err != nil || !ok || P(&doc).theHead().Name != name {
		return nil, err
	}
	return &doc, nil
}

// get is find for names that must exist.
func get[T any, P interface {
	*T
	named
}](t *tx, k kind, name string) (P, error) {
	doc, err := find[T, P](t, k, name)
	if err == nil && doc == nil {
		err = k.missing(name)
	}
	return doc, err
}

func (t *tx) entity(k kind, name string) (*entity, error) { return get[entity](t, k, name) }

func put(t *tx, k kind, doc named) error {
	return store.PutJSON(t.Tx, entityKey(t.account, k, doc.theHead().Name), doc)
}

func (t *tx) remove(k kind, name string) error { return t.Delete(entityKey(t.account, k, name)) }

// list reads all documents of a kind, by name in lower case.
func list[T any](t *tx, k kind) (out []*T, err error) {
	prefix, after := entityKey(t.account, k, ""), ""
	for {
		found, err := t.List(prefix, after, store.MaxList)
		if err != nil {
			return nil, err
		}
		for _, kv := range found {
			doc, _, err := store.GetJSON[T](t.Tx, kv.Key)
			if err != nil {
				return nil, err
			}
			out, after = append(out, &doc), kv.Key
		}
		if len(found) < store.MaxList {
			return out, nil
		}
	}
}

// begin makes the head of something new, with a name that nobody has.
func (t *tx) begin(k kind, name string, path *string, tags []tag) (head, error) {
	if _, taken := t.Get(entityKey(t.account, k, name)); taken {
		return head{}, k.taken(name)
	}
	all, err := list[struct{}](t, k)
	if err != nil {
		return head{}, err
	}
	if len(all) >= k.limit {
		return head{}, overQuota(k.quota, k.limit)
	}
	random, err := t.fresh(idBytes)
	if err != nil {
		return head{}, err
	}
	h := head{Name: name, Path: "/", ID: newID(k.prefix, random), Created: t.now}
	if path != nil {
		h.Path = *path
	}
	return h, h.setTags(tags)
}

// rename moves a document to another name and path.
func rename(t *tx, k kind, doc named, newName, newPath *string) error {
	h := doc.theHead()
	if newName != nil && *newName != h.Name {
		if !strings.EqualFold(*newName, h.Name) {
			if _, taken := t.Get(entityKey(t.account, k, *newName)); taken {
				return k.taken(*newName)
			}
		}
		if err := t.remove(k, h.Name); err != nil {
			return err
		}
		h.Name = *newName
	}
	if newPath != nil {
		h.Path = *newPath
	}
	return put(t, k, doc)
}

// policy finds a managed policy of the account or of AWS by ARN; nil when there
// is none.
func (t *tx) policy(arn string) (*managed, error) {
	n, ok := parseARN(arn)
	if !ok || n.kind != policies.dir {
		return nil, nil
	}
	if n.account == awsAccount {
		return t.s.awsPolicy(n), nil
	}
	if n.account != t.account {
		return nil, nil
	}
	m, err := find[managed](t, policies, n.name)
	if m != nil && m.Path != n.path {
		return nil, err
	}
	return m, err
}

// attachable is policy for one that is to be attached, or used as a boundary.
func (t *tx) attachable(arn string) error {
	m, err := t.policy(arn)
	if err == nil && m == nil {
		err = noSuchEntity("Policy %s does not exist or is not attachable.", arn)
	}
	return err
}

// ownPolicy is policy for one that is to be changed.
func (t *tx) ownPolicy(arn string) (*managed, error) {
	m, err := t.policy(arn)
	if err == nil && m == nil {
		err = noSuchEntity("Policy %s was not found.", arn)
	}
	if n, _ := parseARN(arn); err == nil && n.account == awsAccount {
		err = accessDenied("Cannot change the policy %s, which AWS owns.", arn)
	}
	return m, err
}

// usages counts how often managed policies are used, by ARN.
func (t *tx) usages() (map[string]usage, error) {
	out := make(map[string]usage)
	for _, k := range []kind{users, groups, roles} {
		all, err := list[entity](t, k)
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			for _, arn := range e.Attached {
				u := out[arn]
				u.attached++
				out[arn] = u
			}
			if e.Boundary != "" {
				u := out[e.Boundary]
				u.boundary++
				out[e.Boundary] = u
			}
		}
	}
	return out, nil
}

func (t *tx) arn(k kind, h *head) string {
	return entityARN(t.partition, t.account, k.dir, h.Path, h.Name)
}
