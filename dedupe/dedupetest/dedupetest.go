// Package dedupetest holds the promises of a dedupe.Set. Every store runs them.
package dedupetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"giosgbot/dedupe"
)

// Store is one store under test.
type Store struct {
	Set  dedupe.Set
	Add  func(chat string, ids ...string) error // adds as the queue does
	Pass func(d time.Duration)                  // lets time pass for the store
}

// TTL is the time to live that a Store is opened with.
const TTL = time.Hour

// Run proves the promises on a store; open makes a fresh, empty one.
func Run(t *testing.T, open func(t *testing.T) Store) {
	want := func(t *testing.T, s Store, chat string, ids []string, want ...bool) {
		t.Helper()
		got, err := s.Set.Seen(t.Context(), chat, ids...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("seen %q in %s: %t, want %t", ids, chat, got, want)
		}
	}
	add := func(t *testing.T, s Store, chat string, ids ...string) {
		t.Helper()
		if err := s.Add(chat, ids...); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, f func(t *testing.T, s Store)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}

	run("nothing was seen in a new chat", func(t *testing.T, s Store) {
		want(t, s, "a", []string{"1", "2"}, false, false)
		want(t, s, "a", nil)
	})
	run("what was added was seen, in its chat only", func(t *testing.T, s Store) {
		add(t, s, "a", "1", "3")
		want(t, s, "a", []string{"1", "2", "3"}, true, false, true)
		want(t, s, "b", []string{"1"}, false)
		want(t, s, "", []string{"1"}, false)
	})
	run("adding nothing and adding twice are fine", func(t *testing.T, s Store) {
		add(t, s, "a")
		add(t, s, "a", "1")
		add(t, s, "a", "1", "1")
		want(t, s, "a", []string{"1"}, true)
	})
	run("a silent chat is forgotten, a lively one is not", func(t *testing.T, s Store) {
		add(t, s, "silent", "1")
		add(t, s, "lively", "1")
		s.Pass(TTL * 2 / 3)
		add(t, s, "lively", "2")
		s.Pass(TTL * 2 / 3)
		want(t, s, "silent", []string{"1"}, false)
		want(t, s, "lively", []string{"1", "2"}, true, true)
		add(t, s, "silent", "2")
		want(t, s, "silent", []string{"1", "2"}, false, true)
	})
	run("many add at once", func(t *testing.T, s Store) {
		var all sync.WaitGroup
		ids := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		for _, id := range ids {
			all.Go(func() { add(t, s, "chat", id) })
		}
		all.Wait()
		want(t, s, "chat", ids, true, true, true, true, true, true, true, true)
	})
}
