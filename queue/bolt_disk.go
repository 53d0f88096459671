package queue

import (
	"context"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// disk knows whether the file can be written. While it cannot, no lane is leased, because what a worker does could not be recorded.
type disk struct {
	proof
	failed chan struct{} // a token: a write has failed

	mu   sync.Mutex
	well chan struct{} // closed when writes succeed again; nil while they do; guarded by mu
}

func newDisk() *disk { return &disk{failed: make(chan struct{}, 1)} }

// note remembers how a commit went.
func (d *disk) note(err error) {
	d.proof.note(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil && d.well == nil:
		d.well = make(chan struct{})
		signal(d.failed)
	case err == nil && d.well != nil:
		close(d.well)
		d.well = nil
	}
}

// wait returns a channel that is closed when the file can be written again; nil if it can.
func (d *disk) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.well
}

// await waits until the file can be written.
func (d *disk) await(ctx context.Context, stop <-chan struct{}) error {
	for well := d.wait(); well != nil; well = d.wait() {
		select {
		case <-well:
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return ErrClosed
		}
	}
	return nil
}

// watchDisk tries to write while writes fail.
func (q *Bolt) watchDisk() {
	const first, most = 100 * time.Millisecond, 5 * time.Second
	for {
		select {
		case <-q.stop:
			return
		case <-q.disk.failed:
		}
		q.opts.Log.Warn("the file cannot be written: no event is worked on until it can")
		for wait := first; ; wait = min(2*wait, most) {
			t := time.NewTimer(wait)
			select {
			case <-q.stop:
				t.Stop()
				return
			case <-t.C:
			}
			if q.disk.wait() == nil {
				break
			}
			ctx, cancel := context.WithTimeout(context.Background(), most)
			_ = q.probe(ctx)
			cancel()
		}
		q.opts.Log.Info("the file can be written again")
	}
}

// probe writes more than most events need, so it fails before a disk has no room for those.
func (q *Bolt) probe(ctx context.Context) error {
	return q.writes.do(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(probeBucket).Put([]byte("probe"), make([]byte, 16<<10))
	}, nil)
}

// Ping implements Queue.
func (q *Bolt) Ping(ctx context.Context) error {
	if q.disk.fresh() {
		return q.db.View(func(*bbolt.Tx) error { return nil })
	}
	return q.probe(ctx)
}
