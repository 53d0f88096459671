package queuetest

import (
	"errors"
	"time"

	"giosgbot/queue"
)

// pin keeps text with a lease.
func (b bench) pin(l *queue.Lease, text string) {
	b.Helper()
	b.ok(l.Keep(b.ctx, []byte(text)))
}

// wantPinned checks what a lease found pinned; empty means nothing.
func (b bench) wantPinned(l *queue.Lease, text string) {
	b.Helper()
	if string(l.Pinned) != text || (l.Pinned == nil) != (text == "") {
		b.Fatalf("%s of lane %s: pinned %q, want %q", l.ID, l.Lane, l.Pinned, text)
	}
}

func pinnedAfterPause(b bench, _ Store) {
	b.put(item("a", "1", 1), item("b", "1", 1))
	one, two := b.lease(), b.lease()
	for _, l := range []*queue.Lease{one, two} {
		b.wantPinned(l, "")
		if l.Lane == "a" {
			b.pin(l, "first")
			b.pin(l, "second")
			b.wantPinned(l, "second")
		}
	}
	for range 2 {
		b.ok(one.Pause(b.ctx, queue.Pause{}))
		b.ok(two.Pause(b.ctx, queue.Pause{Untouched: true}))
		one, two = b.lease(), b.lease()
		for _, l := range []*queue.Lease{one, two} {
			b.wantPinned(l, map[string]string{"a": "second"}[l.Lane])
		}
	}
	b.done(one)
	b.done(two)
}

func pinnedByUntouched(b bench, _ Store) {
	b.put(item("a", "1", 1))
	l := b.lease()
	b.pin(l, "text")
	b.ok(l.Pause(b.ctx, queue.Pause{Untouched: true, After: time.Millisecond}))
	l = b.lease()
	b.wantPinned(l, "text")
	if l.Attempt != 1 {
		b.Errorf("attempt %d", l.Attempt)
	}
	b.done(l)
}

func pinnedNothing(b bench, _ Store) {
	b.put(item("a", "1", 1))
	l := b.lease()
	b.ok(l.Keep(b.ctx, nil))
	b.ok(l.Pause(b.ctx, queue.Pause{}))
	if l = b.lease(); l.Pinned == nil || len(l.Pinned) != 0 {
		b.Fatalf("pinned %q, want bytes of no length", l.Pinned)
	}
	b.done(l)
}

func pinnedAfterKill(b bench, s Store) {
	b.put(item("a", "2", 2))
	b.pin(b.lease(), "text")
	b.crash(s)
	b.put(item("a", "1", 1)) // comes first now
	for _, id := range []string{"1", "1"} {
		l := b.lease()
		if l.ID != id {
			b.Fatalf("leased %s, want %s", l.ID, id)
		}
		b.wantPinned(l, "text")
		b.crash(s)
	}
	l := b.lease()
	b.wantPinned(l, "text")
	b.done(l)
	b.wantPinned(b.lease(), "")
}

func settledClearsPinned(b bench, _ Store) {
	b.put(item("a", "1", 1), item("a", "2", 2), item("a", "3", 3))
	l := b.lease()
	b.pin(l, "text")
	b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{"1"}, Unsettled: true}))
	l = b.lease()
	b.wantPinned(l, "text")
	b.done(l)
	l = b.lease()
	b.wantPinned(l, "")
	b.pin(l, "last")
	b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{"3"}, Unsettled: true}))
	b.put(item("a", "4", 4)) // the lane was empty meanwhile
	l = b.lease()
	b.wantPinned(l, "last")
	b.done(l)
	b.put(item("a", "5", 5))
	b.wantPinned(b.lease(), "")
}

func pinnedOfDeadLetter(b bench, s Store) {
	b.put(item("a", "1", 1), item("a", "2", 2))
	l := b.lease()
	b.pin(l, "text")
	b.ok(l.Bury(b.ctx, "no use", queue.Outcome{}))
	l = b.lease()
	b.wantPinned(l, "text")
	b.done(l)
	b.crash(s)
	b.retry()
	b.put(item("a", "0", 0)) // comes first, and knows nothing of the dead letter
	l = b.lease()
	b.wantPinned(l, "")
	b.done(l)
	l = b.lease()
	b.wantPinned(l, "text")
	b.done(l)
	b.put(item("a", "3", 3))
	b.wantPinned(b.lease(), "")
}

func pinnedInEmptyLane(b bench, _ Store) {
	b.put(item("a", "1", 1))
	l := b.lease()
	b.pin(l, "text")
	b.ok(l.Bury(b.ctx, "no use", queue.Outcome{}))
	b.put(item("a", "2", 2))
	l = b.lease()
	b.wantPinned(l, "text")
	if l.Attempt != 1 {
		b.Errorf("attempt %d", l.Attempt)
	}
	b.pin(l, "other")
	b.retry()
	b.ok(l.Pause(b.ctx, queue.Pause{}))
	l = b.lease()
	b.wantPinned(l, "other") // what was kept last
	b.done(l)
}

func pinIsFenced(b bench, s Store) {
	refused := func(l *queue.Lease) {
		b.Helper()
		if err := l.Keep(b.ctx, []byte("late")); !errors.Is(err, queue.ErrLost) {
			b.Errorf("a late pin: %v", err)
		}
	}
	b.put(item("a", "1", 1))
	old := b.lease()
	b.ok(old.Pause(b.ctx, queue.Pause{}))
	refused(old)
	l := b.lease()
	refused(old)
	b.wantPinned(l, "")
	if f, can := able[Freezer](s); can && s.Shared() {
		f.Freeze(b.q)
		other := bench{b.T, b.ctx, s.Open(b.T)}
		next := other.lease()
		other.pin(next, "text")
		f.Thaw(b.q)
		refused(l)
		b.ok(next.Pause(b.ctx, queue.Pause{}))
		b.q, l = other.q, other.lease()
		b.wantPinned(l, "text")
	}
	b.done(l)
	refused(l)
}
