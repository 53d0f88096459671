package queue

import (
	"context"
	"runtime"
	"sync"

	"go.etcd.io/bbolt"
)

// writer commits changes of many callers in one transaction: while one is being synced to the disk the next callers gather.
// So a lone caller waits for one sync, and a crowd shares it.
type writer struct {
	db   *bbolt.DB
	ops  chan *write
	stop chan struct{}
	loop sync.WaitGroup
}

type write struct {
	change func(*bbolt.Tx) error
	err    chan error
}

func newWriter(db *bbolt.DB) *writer {
	w := &writer{db: db, ops: make(chan *write, 1024), stop: make(chan struct{})}
	w.loop.Go(w.run)
	return w
}

// do runs change in a transaction and returns when it is on disk. change may run more than once.
func (w *writer) do(change func(*bbolt.Tx) error) error {
	return w.within(context.Background(), change)
}

// within is do for a caller who does not wait longer than ctx; then nobody tells whether the change was made.
func (w *writer) within(ctx context.Context, change func(*bbolt.Tx) error) error {
	op := &write{change: change, err: make(chan error, 1)}
	select {
	case w.ops <- op:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stop:
		return ErrClosed
	}
	select {
	case err := <-op.err:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stop:
		w.loop.Wait()
		select {
		case err := <-op.err:
			return err
		default:
			return ErrClosed
		}
	}
}

// later is do for a change whose loss does no harm; nobody waits for it.
func (w *writer) later(change func(*bbolt.Tx) error) {
	select {
	case w.ops <- &write{change: change, err: make(chan error, 1)}:
	case <-w.stop:
	}
}

func (w *writer) run() {
	for {
		select {
		case op := <-w.ops:
			w.commit(op)
		case <-w.stop:
			for {
				select {
				case op := <-w.ops:
					w.commit(op)
				default:
					return
				}
			}
		}
	}
}

func (w *writer) commit(first *write) {
	batch := []*write{first}
	for yielded := false; len(batch) < 256; {
		select {
		case op := <-w.ops:
			batch, yielded = append(batch, op), false
			continue
		default:
		}
		if yielded {
			break
		}
		runtime.Gosched() // whoever is about to hand something over may do so; with nobody there this takes no time
		yielded = true
	}
	err := w.db.Update(func(tx *bbolt.Tx) error {
		for _, op := range batch {
			if err := op.change(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && len(batch) > 1 { // one bad change must not fail the others
		for _, op := range batch {
			op.err <- w.db.Update(op.change)
		}
		return
	}
	for _, op := range batch {
		op.err <- err
	}
}

// close commits what was handed over before it.
func (w *writer) close() {
	close(w.stop)
	w.loop.Wait()
}
