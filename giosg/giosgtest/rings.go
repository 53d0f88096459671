package giosgtest

import (
	"io"
	"log"
)

// quiet swallows what net/http says about connections that were cut on purpose.
var quiet = log.New(io.Discard, "", 0)

// ring remembers the last keep values, with O(1) work for each.
type ring[T any] struct {
	keep int
	all  []T
}

func (r *ring[T]) add(v T) {
	if r.keep <= 0 {
		return
	}
	if len(r.all) >= 2*r.keep {
		n := copy(r.all, r.all[len(r.all)-r.keep:])
		clear(r.all[n:])
		r.all = r.all[:n]
	}
	r.all = append(r.all, v)
}

// last are the remembered values, oldest first. The slice is the ring's own.
func (r *ring[T]) last() []T {
	if len(r.all) > r.keep && r.keep > 0 {
		return r.all[len(r.all)-r.keep:]
	}
	return r.all
}

func (r *ring[T]) reset() { r.all = nil }
