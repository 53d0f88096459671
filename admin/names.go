package admin

import (
	"maps"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// names maps names to values, which are made on first use. Names beyond the limit, and those that are unfit for a label, share the value
// of "other", so that a flood of names cannot fill the memory of the bot or of Prometheus.
type names[T any] struct {
	most  int
	fits  func(name string) bool // may be nil
	make  func(name string) T
	other T

	known atomic.Pointer[map[string]T] // replaced, never changed, so that reading needs no lock
	mu    sync.Mutex                   // guards replacing
}

func newNames[T any](most int, make func(name string) T, first ...string) *names[T] {
	n := &names[T]{most: most, make: make, other: make(other)}
	known := map[string]T{other: n.other}
	for _, name := range first {
		known[name] = make(name)
	}
	n.most += len(known)
	n.known.Store(&known)
	return n
}

const maxName = 100 // bytes

// get returns the value of a name.
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

// all returns the values by name. The caller must not change the map.
func (n *names[T]) all() map[string]T { return *n.known.Load() }
