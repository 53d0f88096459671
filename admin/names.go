package admin

import (
	"maps"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// names holds something for each of a few names. Names beyond the bound, and those that are unfit for a label, share one, "other": so
// no flood of names can fill the memory of the bot or of Prometheus.
type names[T any] struct {
	most  int
	fits  func(name string) bool // may be nil
	make  func(name string) T
	other T

	known atomic.Pointer[map[string]T] // replaced, never changed: reading takes no lock
	mu    sync.Mutex                   // guards replacing
}

func newNames[T any](most int, make func(name string) T, first ...string) *names[T] {
	n := &names[T]{most: most, make: make, other: make("other")}
	known := map[string]T{"other": n.other}
	for _, name := range first {
		known[name] = make(name)
	}
	n.most += len(known)
	n.known.Store(&known)
	return n
}

const maxName = 100 // bytes

// get returns what belongs to a name.
func (n *names[T]) get(name string) T {
	known := *n.known.Load()
	if v, ok := known[name]; ok {
		return v
	}
	if len(known) >= n.most || name == "" || len(name) > maxName || !utf8.ValidString(name) || n.fits != nil && !n.fits(name) {
		return n.other
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known = *n.known.Load()
	if v, ok := known[name]; ok {
		return v
	}
	if len(known) >= n.most {
		return n.other
	}
	more := maps.Clone(known)
	v := n.make(name)
	more[name] = v
	n.known.Store(&more)
	return v
}

// all returns what is known now, by name.
func (n *names[T]) all() map[string]T { return *n.known.Load() }
