package queue

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// writer commits the changes of many callers in one transaction. While one is synced to the disk the next callers gather. So a single
// caller waits for one sync, and many callers share one.
type writer struct {
	db   *bbolt.DB
	note func(error) // is told how each commit went; not of changes that failed by themselves

	mu      sync.Mutex
	waiting []*write   // for the next commit; guarded by mu
	busy    bool       // a goroutine commits; guarded by mu
	closed  bool       // guarded by mu
	idle    *sync.Cond // not busy any more
}

type write struct {
	change func(*bbolt.Tx) error // may run more than once
	then   func()                // runs when the change is on disk, in the order of the changes; may be nil
	err    error                 // valid when done is closed
	done   chan struct{}
}

const mostWrites = 256 // in one transaction

func newWriter(db *bbolt.DB, note func(error)) *writer {
	w := &writer{db: db, note: note}
	w.idle = sync.NewCond(&w.mu)
	return w
}

// do runs change in a transaction and returns when it is on disk, and then has run. When ctx ends first do returns its error. Then the change
// is not made, unless its commit has begun already.
func (w *writer) do(ctx context.Context, change func(*bbolt.Tx) error, then func()) error {
	op := &write{change: change, then: then, done: make(chan struct{})}
	if !w.begin(op) {
		return ErrClosed
	}
	select {
	case <-op.done:
		return op.err
	case <-ctx.Done():
		w.withdraw(op)
		return ctx.Err()
	}
}

// later is do for a change that nobody waits for and whose loss does no harm.
func (w *writer) later(change func(*bbolt.Tx) error) {
	w.begin(&write{change: change, done: make(chan struct{})})
}

// begin queues a change. It returns false if the writer is closed.
func (w *writer) begin(op *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.waiting = append(w.waiting, op)
	if !w.busy {
		w.busy = true
		go w.run()
	}
	return true
}

func (w *writer) withdraw(op *write) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.waiting, op); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
}

// run commits until nobody waits. close waits for it.
func (w *writer) run() {
	for {
		runtime.Gosched() // lets other callers join; with none there this takes no time
		w.mu.Lock()
		n := min(len(w.waiting), mostWrites)
		if n == 0 {
			w.busy = false
			w.idle.Broadcast()
			w.mu.Unlock()
			return
		}
		batch := slices.Clone(w.waiting[:n])
		w.waiting = slices.Delete(w.waiting, 0, n)
		w.mu.Unlock()
		w.commit(batch)
	}
}

// commit makes all changes, or those that can be made.
func (w *writer) commit(batch []*write) {
	err := w.update(batch)
	for _, op := range batch {
		op.err = err
		if err != nil && len(batch) > 1 { // one failing change must not fail the others
			op.err = w.update([]*write{op})
		}
		if op.err == nil && op.then != nil {
			op.then()
		}
		close(op.done)
	}
}

func (w *writer) update(batch []*write) error {
	changed := false
	err := w.db.Update(func(tx *bbolt.Tx) error {
		for _, op := range batch {
			if err := safely(op.change, tx); err != nil {
				return err
			}
		}
		changed = true
		return nil
	})
	if changed || err == nil {
		w.note(err)
	}
	return err
}

// safely makes a panic of a change an error of its caller.
func safely(change func(*bbolt.Tx) error, tx *bbolt.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return change(tx)
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
