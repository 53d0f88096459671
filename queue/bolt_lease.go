package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// Lease implements Queue.
func (q *Bolt) Lease(ctx context.Context) (*Lease, error) {
	for {
		lane, err := q.awake.take(ctx, q.stop)
		if err != nil {
			return nil, err
		}
		if err := q.disk.await(ctx, q.stop); err != nil {
			q.awake.put(lane)
			return nil, err
		}
		if l, err := q.claim(lane); l != nil || err != nil {
			return l, err
		}
	}
}

// claim leases a lane with its first item that is not finished. It returns nil if there is none.
func (q *Bolt) claim(name string) (l *Lease, err error) {
	var known []queued // finished with another item
	err = q.db.View(func(tx *bbolt.Tx) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		in := q.lanes[name]
		if in == nil {
			return nil
		}
		for len(in.items) > 0 && q.ledger.SeenTx(tx, name, in.items[0].ID) {
			known = append(known, in.items[0])
			in.items = in.items[1:]
		}
		if len(in.items) == 0 {
			q.survived(name, in)
			delete(q.lanes, name)
			return nil
		}
		l = q.lease(tx, in)
		return nil
	})
	for _, it := range known { // not while reading: the writer may wait for all readers
		q.writes.later(func(tx *bbolt.Tx) error { return leave(tx, it.Item, Duplicate) })
	}
	if err != nil {
		return nil, fmt.Errorf("queue: leasing a lane: %w", err)
	}
	if l != nil && l.Crashes > 0 && !q.countCrash(l) {
		return nil, nil
	}
	return l, nil
}

// countCrash writes down that the process may die of this lease, and reports whether it could.
func (q *Bolt) countCrash(l *Lease) bool {
	in := l.entry.(handle).lane
	err := q.writes.do(context.Background(), func(tx *bbolt.Tx) error {
		return tx.Bucket(crashesBucket).Put([]byte(l.Lane), binary.BigEndian.AppendUint64(nil, uint64(l.Crashes)))
	}, nil)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		q.failed(l, in)
		return false
	}
	in.counted = true
	return true
}

// handle is what a Lease of Bolt carries.
type handle struct {
	lane    *lane
	retried bool // the item was a dead letter
}

// lease begins an attempt at a lane's first item. The caller holds mu.
func (q *Bolt) lease(tx *bbolt.Tx, in *lane) *Lease {
	it := in.items[0].Item
	pinned, _ := q.remembered(tx, pinsBucket, []byte(it.Lane))
	mark, retried := q.remembered(tx, pinsBucket, itemKey(it))
	if retried {
		in.tries = max(in.tries, 1)
		if pinned == nil && mark[0] == '+' {
			pinned = mark[1:]
		}
	}
	in.state = leased
	in.tries++
	if in.since.IsZero() {
		in.since = time.Now()
	}
	l := &Lease{
		Item: it, Pinned: pinned, Attempt: in.tries, Abandoned: !in.cut.IsZero(), Cut: in.cut, Crashes: in.crashes, Since: in.since,
		store: q, entry: handle{in, retried},
	}
	in.cut, in.lease = time.Time{}, l
	if memo, ok := q.remembered(tx, memosBucket, []byte(it.Lane)); ok && len(memo) > 0 {
		l.Memo = memo
	}
	return l
}

// mine returns the lane of a lease that has not ended. The caller holds mu.
func (q *Bolt) mine(l *Lease) (*lane, error) {
	h, ok := l.entry.(handle)
	if !ok || h.lane.state != leased || h.lane.lease != l {
		return nil, ErrLost
	}
	return h.lane, nil
}

// A lease in a file cannot be taken over while the process runs.
func (q *Bolt) until(*Lease) time.Time { return time.Now().Add(time.Hour) }

func (q *Bolt) keep(ctx context.Context, l *Lease, pinned []byte) error {
	q.mu.Lock()
	_, err := q.mine(l)
	q.mu.Unlock()
	if err != nil {
		return err
	}
	err = q.writes.do(ctx, func(tx *bbolt.Tx) error { return q.remember(tx, pinsBucket, []byte(l.Lane), pinned) }, nil)
	if err != nil {
		return fmt.Errorf("queue: pinning a result: %w", err)
	}
	return nil
}

func (q *Bolt) done(_ context.Context, l *Lease, o Outcome) error {
	return q.finish(l, o, func(tx *bbolt.Tx) error {
		if o.Unsettled || l.Pinned == nil {
			return nil
		}
		return tx.Bucket(pinsBucket).Delete([]byte(l.Lane))
	})
}

func (q *Bolt) bury(_ context.Context, l *Lease, reason string, o Outcome) error {
	o.Fate = SetAside
	return q.finish(l, o, func(tx *bbolt.Tx) error {
		for _, copy := range q.copies(l) {
			if err := leave(tx, copy, Duplicate); err != nil {
				return err
			}
		}
		return putDead(tx, storedDead{
			Lane: l.Lane, Member: member(l.Item), Value: queued{Item: l.Item}.encode(), Reason: reason, Attempts: l.Attempt,
			At: q.opts.Now().UnixMilli(), Pinned: l.Pinned,
		})
	})
}

// copies returns the other items of a lease's lane that have the ID of its item. They came by other ways.
func (q *Bolt) copies(l *Lease) (copies []Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	in, err := q.mine(l)
	if err != nil {
		return nil
	}
	for _, it := range in.items {
		if it.ID == l.ID && !same(it.Item, l.Item) {
			copies = append(copies, it.Item)
		}
	}
	return copies
}

// finish applies an outcome together with change, removes the lease's item, and goes on to the lane's next. It waits for the disk as long as
// that takes, since nobody can tell what became of a commit that has begun.
func (q *Bolt) finish(l *Lease, o Outcome, change func(*bbolt.Tx) error) error {
	q.mu.Lock()
	in, err := q.mine(l)
	if err != nil {
		q.mu.Unlock()
		return err
	}
	counted := in.counted
	q.mu.Unlock()
	err = q.writes.do(context.Background(), func(tx *bbolt.Tx) error {
		if err := q.record(tx, l.Lane, o); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		if l.entry.(handle).retried {
			if err := tx.Bucket(pinsBucket).Delete(itemKey(l.Item)); err != nil {
				return err
			}
		}
		if counted {
			if err := tx.Bucket(crashesBucket).Delete([]byte(l.Lane)); err != nil {
				return err
			}
		}
		return leave(tx, l.Item, o.Fate)
	}, func() { q.finished(l, in, o) })
	if err != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.failed(l, in)
		return fmt.Errorf("queue: finishing an item: %w", err)
	}
	return nil
}

func (q *Bolt) record(tx *bbolt.Tx, lane string, o Outcome) error {
	if err := q.ledger.AddTx(tx, lane, o.Finished...); err != nil {
		return err
	}
	if o.Memo == nil {
		return nil
	}
	return q.remember(tx, memosBucket, []byte(lane), o.Memo)
}

// finished ends a lease whose outcome is on disk.
func (q *Bolt) finished(l *Lease, in *lane, o Outcome) {
	q.mu.Lock()
	defer q.mu.Unlock()
	in.items = slices.DeleteFunc(in.items, func(it queued) bool { return same(it.Item, l.Item) || o.Fate == SetAside && it.ID == l.ID })
	if o.Unsettled {
		in.cut = l.Cut
	} else {
		in.tries, in.since = 0, time.Time{}
	}
	in.lease, in.counted = nil, false
	q.survived(l.Lane, in)
	if len(in.items) == 0 {
		delete(q.lanes, l.Lane)
		return
	}
	q.ready(l.Lane, in)
}

// failed ends a lease whose outcome could not be written. The item is still there, and its attempt counts as abandoned. Since the next one
// may fail as well, it waits, longer each time. The caller holds mu.
func (q *Bolt) failed(l *Lease, in *lane) {
	const first, most = 100 * time.Millisecond, 30 * time.Second
	in.cut = time.Now()
	in.failures++
	q.wait(l.Lane, in, min(first<<min(in.failures-1, 16), most), "")
}

func (q *Bolt) pause(_ context.Context, l *Lease, p Pause) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	in, err := q.mine(l)
	if err != nil {
		return err
	}
	if p.Untouched || p.Unsettled {
		in.cut = l.Cut
	}
	if p.Untouched {
		if in.tries--; in.tries == 0 {
			in.since = time.Time{}
		}
	}
	if in.counted {
		in.counted = false
		q.writes.later(func(tx *bbolt.Tx) error { return tx.Bucket(crashesBucket).Delete([]byte(l.Lane)) })
	}
	q.survived(l.Lane, in)
	if p.After <= 0 && p.Topic == "" {
		q.ready(l.Lane, in)
	} else {
		q.wait(l.Lane, in, p.After, p.Topic)
	}
	return nil
}
