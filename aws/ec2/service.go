package ec2

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Store, Now and Random are required.
type Config struct {
	Store  *store.Store
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader

	// InUse tells the network interfaces that other services have in the subnets
	// of an account and region: what stands there cannot be deleted. nil: none.
	InUse func(ctx context.Context, caller model.Caller) ([]Interface, error)
}

// Interface is a network interface of another service.
type Interface struct {
	ID          string // eni-...
	Subnet      string
	Groups      []string // security groups
	Address     string   // in the subnet; "" where it has none
	Description string
	Requester   string // the service's account or name
}

// Service is EC2's network API over the store. Its methods may be called
// concurrently.
type Service struct {
	cfg Config

	mu       sync.Mutex
	watchers map[chan struct{}]struct{} // guarded by mu; one per Watch not cancelled
}

var _ ec2.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, watchers: map[chan struct{}]struct{}{}}
}

// Subnet is one subnet and where it lies.
type Subnet struct {
	ID, VPC      string
	Zone, ZoneID string // us-east-1a, use1-az1
	CIDR         string
	Public       bool // its route table has a route to an internet gateway
}

// Subnet tells what is known of a subnet of the caller's account and region.
func (s *Service) Subnet(ctx context.Context, c model.Caller, id string) (Subnet, bool, error) {
	n, err := s.view(ctx, c)
	if err != nil {
		return Subnet{}, false, err
	}
	sub, ok := n.find(id).(*subnet)
	if !ok {
		return Subnet{}, false, nil
	}
	return Subnet{
		ID: sub.ID, VPC: sub.VPC, Zone: zoneName(c.Region, sub.Zone), ZoneID: zoneID(c.Region, sub.Zone), CIDR: sub.CIDR, Public: n.public(sub),
	}, true, nil
}

// DefaultSecurityGroup names the default group of a VPC of the caller's account
// and region.
func (s *Service) DefaultSecurityGroup(ctx context.Context, c model.Caller, vpc string) (id string, ok bool, err error) {
	n, err := s.view(ctx, c)
	if err != nil {
		return "", false, err
	}
	g, ok := n.defaultGroup(vpc)
	if !ok {
		return "", false, nil
	}
	return g.ID, true, nil
}

// SecurityGroupVPC names the VPC of a security group of the caller's account
// and region.
func (s *Service) SecurityGroupVPC(ctx context.Context, c model.Caller, id string) (vpc string, ok bool, err error) {
	n, err := s.view(ctx, c)
	if err != nil {
		return "", false, err
	}
	g, ok := n.find(id).(*securityGroup)
	if !ok {
		return "", false, nil
	}
	return g.VPC, true, nil
}

// Tags is the tags of a resource, or rule, of the caller's account and region;
// none for what does not exist.
func (s *Service) Tags(ctx context.Context, c model.Caller, id string) (map[string]string, error) {
	n, err := s.view(ctx, c)
	if err != nil {
		return nil, err
	}
	tags, _, err := n.tagged(id)
	if err != nil {
		return nil, nil
	}
	return *tags, nil
}

// Ingress compiles the inbound rules of an account's security groups as they
// are now. A group that is not there allows nothing.
func (s *Service) Ingress(ctx context.Context, account, region string, groups []string) (Ingress, error) {
	n, err := s.view(ctx, model.Caller{Account: account, Region: region})
	if err != nil {
		return Ingress{}, err
	}
	return compile(n, groups), nil
}

// Watch answers a channel that receives after a change of any network.
// Notifications coalesce, none is lost. cancel ends the watch and may be called
// more than once; the channel is never closed.
func (s *Service) Watch() (changed <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[ch] = struct{}{}
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, ch)
	}
}

func (s *Service) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.watchers {
		select {
		case ch <- struct{}{}:
		default: // one is waiting already and stands for this change too
		}
	}
}

// Keys of the store, below account/region/ec2/: a resource at kind/id, and for
// what an account has deleted of its default VPC an empty document at gone/id.
const gone = "gone"

func prefix(c model.Caller) string { return c.Account + "/" + c.Region + "/ec2/" }

func keyOf(c model.Caller, r resource) string {
	return prefix(c) + string(r.kind()) + "/" + r.base().ID
}

// load reads an account's network.
func (s *Service) load(tx *store.Tx, c model.Caller) (*network, error) {
	n := &network{caller: c, random: s.cfg.Random, now: s.cfg.Now().UTC().Truncate(time.Millisecond), written: map[resource]bool{}}
	at, missing := map[string]int{}, map[string]bool{}
	for i, r := range defaults(c.Account, c.Region) {
		n.things = append(n.things, r)
		at[r.base().ID] = i
	}
	for after := ""; ; {
		found, err := tx.List(prefix(c), after, store.MaxList)
		if err != nil {
			return nil, err
		}
		for _, kv := range found {
			after = kv.Key
			k, id, _ := strings.Cut(strings.TrimPrefix(kv.Key, prefix(c)), "/")
			if k == gone {
				missing[id] = true
				continue
			}
			r, ok := made(kind(k))
			if !ok {
				return nil, fmt.Errorf("the stored document %s is of no known kind", kv.Key)
			}
			if err := json.Unmarshal(kv.Value, r); err != nil {
				return nil, fmt.Errorf("read %s: %w", kv.Key, err)
			}
			if i, ok := at[id]; ok {
				n.things[i] = r
			} else {
				n.things = append(n.things, r)
			}
		}
		if len(found) < store.MaxList {
			break
		}
	}
	n.forget(missing)
	return n, nil
}

// save writes what a decision has changed.
func save(tx *store.Tx, n *network) error {
	own := map[string]bool{}
	for _, r := range defaults(n.caller.Account, n.caller.Region) {
		own[r.base().ID] = true
	}
	for _, r := range n.deleted {
		if err := tx.Delete(keyOf(n.caller, r)); err != nil {
			return err
		}
		if own[r.base().ID] {
			if err := tx.Put(prefix(n.caller)+gone+"/"+r.base().ID, []byte("{}")); err != nil {
				return err
			}
		}
	}
	for r := range n.written {
		if err := store.PutJSON(tx, keyOf(n.caller, r), r); err != nil {
			return err
		}
		if own[r.base().ID] {
			if err := tx.Delete(prefix(n.caller) + gone + "/" + r.base().ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// view reads an account's network as it is now.
func (s *Service) view(ctx context.Context, c model.Caller) (n *network, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err = s.load(tx, c)
		return err
	})
	return n, err
}

// look is view with the interfaces of other services, for those who may see a
// network.
func (s *Service) look(ctx context.Context, c model.Caller, dryRun *bool) (*network, error) {
	if e := noDryRun(dryRun); e != nil {
		return nil, e
	}
	used, err := s.inUse(ctx, c)
	if err != nil {
		return nil, err
	}
	n, err := s.view(ctx, c)
	if err != nil {
		return nil, err
	}
	n.used = used
	return n, nil
}

func (s *Service) inUse(ctx context.Context, c model.Caller) ([]Interface, error) {
	if s.cfg.InUse == nil {
		return nil, nil
	}
	used, err := s.cfg.InUse(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("ask for the interfaces of other services: %w", err)
	}
	return used, nil
}

// change runs a decision about an account's network and writes what it left.
func (s *Service) change(ctx context.Context, c model.Caller, dryRun *bool, decide func(n *network) error) error {
	if e := noDryRun(dryRun); e != nil {
		return e
	}
	used, err := s.inUse(ctx, c)
	if err != nil {
		return err
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		n, err := s.load(tx, c)
		if err != nil {
			return err
		}
		n.used = used
		if err := decide(n); err != nil {
			return err
		}
		return save(tx, n)
	})
	if err == nil {
		s.notify()
	}
	return err
}
