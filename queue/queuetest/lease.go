package queuetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"giosgbot/queue"
)

// oneWorkerPerLane has several workers finish the items of many lanes, and watches who works on what.
func oneWorkerPerLane(b bench, _ Store) {
	const lanes, each = 20, 10
	for i := range each {
		for lane := range lanes {
			b.put(item(fmt.Sprint("lane", lane), fmt.Sprint(each-i), each-i))
		}
	}
	var mu sync.Mutex
	busy, got, left := map[string]bool{}, map[string][]time.Time{}, lanes*each
	work := func(l *queue.Lease) {
		mu.Lock()
		if busy[l.Lane] {
			b.Errorf("two workers in %s", l.Lane)
		}
		busy[l.Lane] = true
		mu.Unlock()
		runtime.Gosched()
		mu.Lock()
		busy[l.Lane] = false
		got[l.Lane] = append(got[l.Lane], l.At)
		mu.Unlock()
	}
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for {
				l, err := b.q.Lease(ctx)
				if err != nil {
					return
				}
				work(l)
				if err := l.Done(b.ctx, queue.Outcome{Finished: []string{l.ID}}); err != nil {
					b.Error(err)
				}
				mu.Lock()
				if left--; left == 0 {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if left != 0 {
		b.Errorf("%d items were not leased", left)
	}
	for lane, times := range got {
		if !slices.IsSortedFunc(times, time.Time.Compare) {
			b.Errorf("%s out of order: %v", lane, times)
		}
	}
}

func leaseIsRenewed(b bench, _ Store) {
	b.put(item("a", "1", 1))
	l := b.lease()
	first := l.Until()
	for !l.Until().After(first) {
		if b.ctx.Err() != nil {
			b.Fatal("the lease is not renewed")
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.done(l)
}

func closedHandsOver(b bench, s Store) {
	b.put(item("a", "1", 1), item("b", "1", 1))
	l := b.lease()
	b.ok(b.q.Close())
	b.ok(b.q.Close())
	if _, err := b.q.Lease(b.ctx); !errors.Is(err, queue.ErrClosed) {
		b.Fatalf("lease of a closed queue: %v", err)
	}
	b.crash(s)
	seen := map[string]*queue.Lease{}
	for range 2 {
		n := b.lease()
		seen[n.Lane] = n
		b.done(n)
	}
	if !seen[l.Lane].Abandoned {
		b.Errorf("work that was unfinished at the end is not abandoned: %+v", seen[l.Lane])
	}
}

func leaseEndsOnce(b bench, _ Store) {
	b.put(item("a", "1", 1), item("a", "2", 2))
	l := b.lease()
	b.done(l)
	next := b.lease()
	b.done(next)
	if err := l.Done(b.ctx, queue.Outcome{}); !errors.Is(err, queue.ErrLost) {
		b.Errorf("done twice: %v", err)
	}
	if err := next.Pause(b.ctx, queue.Pause{}); !errors.Is(err, queue.ErrLost) {
		b.Errorf("paused after done: %v", err)
	}
	b.empty()
}

func leaseEndsWithContext(b bench, _ Store) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if _, err := b.q.Lease(ctx); !errors.Is(err, context.Canceled) {
		b.Fatalf("got %v", err)
	}
}

func expiredComesBack(b bench, s Store) {
	f, can := able[Freezer](s)
	if !can {
		return // a lease of this store does not expire
	}
	b.put(item("a", "1", 1))
	l := b.lease()
	f.Freeze(b.q)
	awaitExpiry(l)
	f.Thaw(b.q)
	// Its worker has given up without telling the queue.
	if l = b.lease(); l.ID != "1" || !l.Abandoned {
		b.Fatalf("came back: %+v", l)
	}
	b.done(l)
}

// awaitExpiry returns when a lease that nobody renews has expired. Only the clock tells.
func awaitExpiry(l *queue.Lease) { time.Sleep(time.Until(l.Until())) }

func frozenIsFenced(old bench, s Store) {
	f, can := able[Freezer](s)
	if !can || !s.Shared() {
		return // a store for one process: nobody else could have taken over
	}
	other := bench{old.T, old.ctx, s.Open(old.T)}
	old.put(item("a", "1", 1), item("a", "2", 2))
	stale := old.lease()
	f.Freeze(old.q)
	l := other.lease()
	if l.ID != "1" || !l.Abandoned || l.Attempt != 2 {
		old.Fatalf("taken over: %+v", l)
	}
	if time.Now().Before(stale.Until()) {
		old.Error("the frozen worker may still believe in its lease")
	}
	f.Thaw(old.q)
	for name, err := range map[string]error{
		"pause": stale.Pause(old.ctx, queue.Pause{After: time.Hour}),
		"bury":  stale.Bury(old.ctx, "stale", queue.Outcome{}),
		"done":  stale.Done(old.ctx, queue.Outcome{Finished: []string{"1", "2"}, Memo: []byte("stale")}),
	} {
		if !errors.Is(err, queue.ErrLost) {
			old.Errorf("a late %s: %v", name, err)
		}
	}
	other.done(l)
	l = other.lease()
	if l.ID != "2" || l.Memo != nil {
		old.Errorf("after the late steps: %s, memo %q", l.ID, l.Memo)
	}
	other.done(l)
	// What was refused is not counted.
	if s := other.addsUp(s); s.Out[queue.SetAside] != 0 || s.Left() != 2 {
		old.Errorf("left: %v", s.Out)
	}
}
