package logs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/eventlog"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Every field is required.
type Config struct {
	Store  *store.Store
	Events *eventlog.Log
	// Key is asked of KMS: whether there is a key by this ARN that can be used.
	Key    func(ctx context.Context, c model.Caller, arn string) (bool, error)
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader
}

// Service is the API over the store and the files. Its methods may be called
// concurrently.
type Service struct{ cfg Config }

var _ logs.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg} }

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

func (s *Service) newID() (id, error) {
	var b [8]byte
	if _, err := io.ReadFull(s.cfg.Random, b[:]); err != nil {
		return 0, fmt.Errorf("draw random bytes: %w", err)
	}
	return id(binary.BigEndian.Uint64(b[:])), nil
}

func find(tx *store.Tx, c model.Caller, name string) (*group, error) {
	g, ok, err := store.GetJSON[group](tx, groupPrefix(c.Account, c.Region)+name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, noGroup()
	}
	return &g, nil
}

// read answers a group.
func (s *Service) read(ctx context.Context, c model.Caller, name string) (g *group, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		g, err = find(tx, c, name)
		return err
	})
	return g, err
}

// change runs a decision about a group and writes what it left.
func (s *Service) change(ctx context.Context, c model.Caller, name string, decide func(g *group) error) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		g, err := find(tx, c, name)
		if err != nil {
			return err
		}
		if err := decide(g); err != nil {
			return err
		}
		return store.PutJSON(tx, g.key(), g)
	})
}

// stream answers a stream and its group.
func (s *Service) stream(ctx context.Context, c model.Caller, groupName, name string) (g *group, st stream, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		if g, err = find(tx, c, groupName); err != nil {
			return err
		}
		var ok bool
		if st, ok, err = store.GetJSON[stream](tx, g.streamPrefix()+name); err == nil && !ok {
			err = noStream()
		}
		return err
	})
	return g, st, err
}

const listPage = 200 // documents read in one transaction

// each calls fn for every document below a prefix, in pages, until it says that
// it has enough.
func (s *Service) each(ctx context.Context, prefix, after string, fn func(tx *store.Tx, key string) (enough bool, err error)) error {
	for {
		n, enough := 0, false
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
			found, err := tx.List(prefix, after, listPage)
			if err != nil {
				return err
			}
			n = len(found)
			for _, kv := range found {
				after = kv.Key
				if enough, err = fn(tx, kv.Key); err != nil || enough {
					return err
				}
			}
			return nil
		})
		if err != nil || enough || n < listPage {
			return err
		}
	}
}

// count says whether there are at least limit documents below a prefix.
func count(tx *store.Tx, prefix string, limit int) (full bool, err error) {
	after := ""
	for n := 0; n < limit; {
		found, err := tx.List(prefix, after, store.MaxList)
		if err != nil || len(found) == 0 {
			return false, err
		}
		n, after = n+len(found), found[len(found)-1].Key
		if n >= limit {
			return true, nil
		}
	}
	return false, nil
}

// GroupExists says whether there is a group.
func (s *Service) GroupExists(ctx context.Context, c model.Caller, name string) (bool, error) {
	_, err := s.read(ctx, c, name)
	if errors.As(err, new(*model.Error)) {
		return false, nil
	}
	return err == nil, err
}

// Tags is the tags of the group that an ARN is of, or of whose stream; ok is
// false when there is none.
func (s *Service) Tags(ctx context.Context, c model.Caller, arn string) (tags map[string]string, ok bool, err error) {
	name := nameOf(arn, c.Account, c.Region)
	name, _, _ = strings.Cut(name, ":")
	g, err := s.read(ctx, c, name)
	if errors.As(err, new(*model.Error)) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return g.Tags, true, nil
}

// Event is one event of Append.
type Event struct {
	Time    time.Time
	Message string
}

// Append adds events to a stream, which it makes when there is none, and returns
// when they are on disk. Events older than the group keeps them are left out, and
// a message is cut at 256 KiB. The error of a group that does not exist is a
// *model.Error. The events must be in the order of their times.
func (s *Service) Append(ctx context.Context, c model.Caller, groupName, name string, events []Event) error {
	g, st, err := s.stream(ctx, c, groupName, name)
	if isNoStream(err) {
		if err = s.createStream(ctx, c, groupName, name); err == nil || code(err) == "ResourceAlreadyExistsException" {
			g, st, err = s.stream(ctx, c, groupName, name)
		}
	}
	if err != nil {
		return err
	}
	now, oldest := s.now(), g.oldest(s.now())
	var part []eventlog.Event
	size := 0
	for _, e := range events {
		next := eventlog.Event{Time: e.Time.UnixMilli(), Message: e.Message[:min(len(e.Message), maxMessage)]}
		if next.Message == "" || next.Time < oldest {
			continue
		}
		if size+next.Size() > maxBatch || len(part) == maxEvents {
			if err := s.cfg.Events.Append(ctx, uint64(g.ID), uint64(st.ID), now.UnixMilli(), part); err != nil {
				return err
			}
			part, size = nil, 0
		}
		part, size = append(part, next), size+next.Size()
	}
	return s.cfg.Events.Append(ctx, uint64(g.ID), uint64(st.ID), now.UnixMilli(), part)
}

// maxMessage bounds a message of Append, in bytes.
const maxMessage = 256 << 10

func code(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Code
	}
	return ""
}

func isNoStream(err error) bool {
	e, ok := errors.AsType[*model.Error](err)
	return ok && e.Message == noStream().(*model.Error).Message
}

// Expire removes events that are older than their groups keep them, of all
// accounts. server calls it from time to time; until then nobody sees them.
func (s *Service) Expire(ctx context.Context) error {
	var all []group
	err := s.each(ctx, "", "", func(tx *store.Tx, key string) (bool, error) {
		if !strings.Contains(key, "/logs/group/") {
			return false, nil
		}
		g, ok, err := store.GetJSON[group](tx, key)
		if ok && g.Retention > 0 {
			all = append(all, g)
		}
		return false, err
	})
	for _, g := range all {
		err = errors.Join(err, s.cfg.Events.Expire(ctx, uint64(g.ID), g.oldest(s.now())))
	}
	return err
}

// Sweep removes what deletions that a crash ended have left: documents of
// streams without their group, and files without their documents. server calls
// it before anybody else calls the service.
func (s *Service) Sweep(ctx context.Context) error {
	groups, streams := map[id]bool{}, map[id]bool{}
	var left []string
	err := s.each(ctx, "", "", func(tx *store.Tx, key string) (bool, error) {
		if !strings.Contains(key, "/logs/group/") {
			return false, nil
		}
		g, ok, err := store.GetJSON[group](tx, key)
		if ok {
			groups[g.ID] = true
		}
		return false, err
	})
	if err != nil {
		return err
	}
	err = s.each(ctx, "", "", func(tx *store.Tx, key string) (bool, error) {
		_, rest, ok := strings.Cut(key, "/logs/stream/")
		if !ok {
			return false, nil
		}
		st, _, err := store.GetJSON[stream](tx, key)
		if of, _, _ := strings.Cut(rest, "/"); groups[parseID(of)] {
			streams[st.ID] = true
		} else {
			left = append(left, key)
		}
		return false, err
	})
	if err != nil {
		return err
	}
	return errors.Join(s.deleteKeys(ctx, left), s.sweepFiles(ctx, groups, streams))
}

func (s *Service) sweepFiles(ctx context.Context, groups, streams map[id]bool) (err error) {
	for g, list := range s.cfg.Events.Groups() {
		if !groups[id(g)] {
			err = errors.Join(err, s.cfg.Events.DropGroup(ctx, g))
			continue
		}
		for _, st := range list {
			if !streams[id(st)] {
				err = errors.Join(err, s.cfg.Events.DropStream(ctx, g, st))
			}
		}
	}
	return err
}

// deleteKeys deletes documents, a bounded number in each transaction.
func (s *Service) deleteKeys(ctx context.Context, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), store.MaxKeys)
		err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			for _, key := range keys[:n] {
				if err := tx.Delete(key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
