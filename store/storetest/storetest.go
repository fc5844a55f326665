// Package storetest is the conformance test of a store: what every caller of
// store relies on. Tests of an implementation call Run; it never looks inside.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/store"
)

// Run checks a store. open answers an empty one and closes it at the test's end.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *store.Store)
	}{
		{"a commit is read, an error leaves no trace", commit},
		{"a transaction reads its own writes", ownWrites},
		{"values are copies", copies},
		{"list pages through a prefix in key order", list},
		{"bounds of a transaction", bounds},
		{"a view cannot write", viewWrites},
		{"a watch coalesces and is not lost", watch},
		{"concurrent updates lose nothing", concurrent},
		{"a cancelled context ends the wait", cancelled},
		{"documents", documents},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func update(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *store.Store, keys ...string) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		for _, k := range keys {
			if err := tx.Put(k, []byte("v:"+k)); err != nil {
				return err
			}
		}
		return nil
	})
}

func get(t *testing.T, s *store.Store, key string) (value string, ok bool) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) error {
		var raw []byte
		raw, ok = tx.Get(key)
		value = string(raw)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return value, ok
}

func commit(t *testing.T, s *store.Store) {
	put(t, s, "a")
	stop := errors.New("stop")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.Put("b", nil), tx.Delete("a"), stop)
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want fn's own error", err)
	}
	if v, ok := get(t, s, "a"); v != "v:a" || !ok {
		t.Errorf("a: got %q %v", v, ok)
	}
	if _, ok := get(t, s, "b"); ok {
		t.Error("b was kept although fn failed")
	}
	update(t, s, func(tx *store.Tx) error { return errors.Join(tx.Delete("a"), tx.Delete("absent")) })
	if _, ok := get(t, s, "a"); ok {
		t.Error("a is still there after Delete")
	}
}

func ownWrites(t *testing.T, s *store.Store) {
	put(t, s, "k1", "k2")
	update(t, s, func(tx *store.Tx) error {
		if err := errors.Join(tx.Delete("k1"), tx.Put("k3", nil)); err != nil {
			return err
		}
		if v, ok := tx.Get("k3"); v == nil || len(v) != 0 || !ok {
			t.Errorf("k3: got %v %v, want an empty value", v, ok)
		}
		if got := keys(t, tx, "k", "", 10); got != "k2 k3" {
			t.Errorf("got %s", got)
		}
		return nil
	})
}

func copies(t *testing.T, s *store.Store) {
	value := []byte("before")
	update(t, s, func(tx *store.Tx) error { return tx.Put("k", value) })
	copy(value, "after!")
	var kept []byte
	update(t, s, func(tx *store.Tx) error {
		kept, _ = tx.Get("k")
		copy(kept, "mine!!")
		return nil
	})
	put(t, s, "other")
	if v, _ := get(t, s, "k"); v != "before" || !bytes.Equal(kept, []byte("mine!!")) {
		t.Errorf("got %q and %q", v, kept)
	}
}

func keys(t *testing.T, tx *store.Tx, prefix, after string, limit int) string {
	t.Helper()
	found, err := tx.List(prefix, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, kv := range found {
		names = append(names, kv.Key)
	}
	return strings.Join(names, " ")
}

func list(t *testing.T, s *store.Store) {
	put(t, s, "a/3", "a/1", "b/1", "a/2", "a", "a0")
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"a/", "", 10, "a/1 a/2 a/3"},
		{"a/", "", 2, "a/1 a/2"},
		{"a/", "a/2", 2, "a/3"},
		{"a/", "a/3", 2, ""},
		{"a/", "a/15", 2, "a/2 a/3"},
		{"a/", "A", 1, "a/1"},
		{"a/", "z", 9, ""},
		{"", "", 3, "a a/1 a/2"},
		{"c", "", 3, ""},
	} {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			if got := keys(t, tx, c.prefix, c.after, c.limit); got != c.want {
				t.Errorf("List(%q, %q, %d): got %q, want %q", c.prefix, c.after, c.limit, got, c.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{0, -1, store.MaxList + 1} {
		_ = s.View(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.List("", "", limit); err == nil {
				t.Errorf("limit %d was accepted", limit)
			}
			return nil
		})
	}
}

func bounds(t *testing.T, s *store.Store) {
	many := func(n int) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			for i := range n {
				_ = tx.Put(fmt.Sprint("n", i), nil) // the commit must fail by itself
				_ = tx.Put(fmt.Sprint("n", i), nil)
			}
			return nil
		}
	}
	sized := func(n int) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			_ = tx.Put("k", make([]byte, store.MaxBytes-1))
			return tx.Put("k", make([]byte, n-1))
		}
	}
	for _, c := range []struct {
		name string
		fn   func(tx *store.Tx) error
		ok   bool
	}{
		{"as many keys as allowed", many(store.MaxKeys), true},
		{"one key too many", many(store.MaxKeys + 1), false},
		{"as many bytes as allowed", sized(store.MaxBytes), true},
		{"one byte too many", sized(store.MaxBytes + 1), false},
	} {
		err := s.Update(t.Context(), c.fn)
		if c.ok && err != nil || !c.ok && !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	for _, key := range []string{"", strings.Repeat("k", store.MaxKeyBytes+1)} {
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.Put(key, nil) }); err == nil {
			t.Errorf("a key of %d bytes was accepted", len(key))
		}
	}
}

func viewWrites(t *testing.T, s *store.Store) {
	err := s.View(t.Context(), func(tx *store.Tx) error { return tx.Put("k", nil) })
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("got %v", err)
	}
}

func pending(ch <-chan struct{}) (n int) {
	for {
		select {
		case <-ch:
			n++
		default:
			return n
		}
	}
}

func watch(t *testing.T, s *store.Store) {
	put(t, s, "w/0")
	changed, cancel := s.Watch("w/")
	for _, step := range []struct {
		do   func()
		want int
	}{
		{func() {}, 0},
		{func() { put(t, s, "x/1") }, 0},
		{func() { put(t, s, "w/1"); put(t, s, "w/2") }, 1},
		{func() { update(t, s, func(tx *store.Tx) error { return tx.Delete("w/1") }) }, 1},
		{func() {
			_ = s.Update(t.Context(), func(tx *store.Tx) error { return errors.Join(tx.Put("w/9", nil), errors.New("no")) })
		}, 0},
		{func() { cancel(); cancel(); put(t, s, "w/3") }, 0},
	} {
		step.do()
		if got := pending(changed); got != step.want {
			t.Errorf("got %d notifications, want %d", got, step.want)
		}
	}
}

func concurrent(t *testing.T, s *store.Store) {
	const writers, rounds = 4, 5
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range rounds {
				if err := s.Update(t.Context(), func(tx *store.Tx) error {
					v, _ := tx.Get("count")
					return tx.Put("count", append(v, '.'))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, _ := get(t, s, "count"); len(v) != writers*rounds {
		t.Errorf("got %d, want %d", len(v), writers*rounds)
	}
}

func cancelled(t *testing.T, s *store.Store) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Update(t.Context(), func(*store.Tx) error { close(entered); <-leave; return nil })
	})
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		if err := s.Update(ctx, func(*store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(leave)
	})
	cancel()
	wg.Wait()
}

func documents(t *testing.T, s *store.Store) {
	type doc struct{ Name string }
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(store.PutJSON(tx, "d", doc{"n"}), tx.Put("bad", []byte("{")))
	})
	err := s.View(t.Context(), func(tx *store.Tx) error {
		if d, ok, err := store.GetJSON[doc](tx, "d"); d.Name != "n" || !ok || err != nil {
			t.Errorf("got %v %v %v", d, ok, err)
		}
		if _, ok, err := store.GetJSON[doc](tx, "absent"); ok || err != nil {
			t.Errorf("absent: got %v %v", ok, err)
		}
		if _, _, err := store.GetJSON[doc](tx, "bad"); err == nil || !strings.Contains(err.Error(), `"bad"`) {
			t.Errorf("bad: got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
