package queue

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// writer commits the changes of many callers in one transaction. While one is synced to the disk the next callers gather, and one of them
// commits for all. So a single caller waits for one sync, and many callers share one.
type writer struct {
	db *bbolt.DB

	mu      sync.Mutex
	waiting []*write   // for the next commit; guarded by mu
	busy    bool       // somebody commits, or was told to; guarded by mu
	closed  bool       // guarded by mu
	idle    *sync.Cond // not busy any more
}

type write struct {
	change func(*bbolt.Tx) error
	over   bool          // committed, or failed with err
	err    error         // valid when over
	told   chan struct{} // it is over, or it is this one's turn to commit
}

const mostWrites = 256 // in one transaction

func newWriter(db *bbolt.DB) *writer {
	w := &writer{db: db}
	w.idle = sync.NewCond(&w.mu)
	return w
}

// do runs change in a transaction and returns when it is on disk. change may run more than once.
func (w *writer) do(change func(*bbolt.Tx) error) error {
	op := &write{change: change, told: make(chan struct{}, 1)}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	w.waiting = append(w.waiting, op)
	first := !w.busy
	w.busy = true
	w.mu.Unlock()
	if !first {
		if <-op.told; op.over {
			return op.err
		}
	}
	w.lead()
	return op.err
}

// within is do for a caller who waits no longer than ctx. After that the change may be made or not.
func (w *writer) within(ctx context.Context, change func(*bbolt.Tx) error) error {
	done := make(chan error, 1)
	go func() { done <- w.do(change) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later is do for a change that nobody waits for and whose loss does no harm.
func (w *writer) later(change func(*bbolt.Tx) error) { go func() { _ = w.do(change) }() }

// lead commits for all who wait, including the caller. Then the first of those who came meanwhile does the same.
func (w *writer) lead() {
	runtime.Gosched() // lets other callers join; with none there this takes no time
	w.mu.Lock()
	n := min(len(w.waiting), mostWrites)
	batch := slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	w.mu.Unlock()
	defer func() { // also if a change panics
		for _, op := range batch[1:] {
			op.over = true
			op.told <- struct{}{}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.waiting) > 0 {
			w.waiting[0].told <- struct{}{}
			return
		}
		w.busy = false
		w.idle.Broadcast()
	}()
	w.commit(batch)
}

// commit makes all changes, or those that can be made.
func (w *writer) commit(batch []*write) {
	for _, op := range batch {
		op.err = errors.New("a change beside it panicked")
	}
	err := w.db.Update(func(tx *bbolt.Tx) error {
		for _, op := range batch {
			if err := op.change(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, op := range batch {
		op.err = err
		if err != nil && len(batch) > 1 { // one failing change must not fail the others
			op.err = w.db.Update(op.change)
		}
	}
}

// close waits until all changes that were begun are committed.
func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for w.busy {
		w.idle.Wait()
	}
}
