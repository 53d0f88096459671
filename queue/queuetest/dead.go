package queuetest

import (
	"errors"
	"time"

	"giosgbot/queue"
)

func deadLetters(b bench, _ Store) {
	b.put(item("a", "1", 1), item("a", "2", 2), item("b", "1", 3))
	byLane := map[string]int{}
	for range 3 {
		l := b.lease()
		byLane[l.Lane]++
		b.ok(l.Bury(b.ctx, "no use: "+l.Lane+l.ID, queue.Outcome{}))
	}
	b.put(item("a", "1", 1)) // a dead letter counts as finished
	b.empty()
	got, err := b.q.Dead(b.ctx, 10)
	b.ok(err)
	if len(got) != 3 || byLane["a"] != 2 {
		b.Fatalf("dead letters: %+v", got)
	}
	for _, d := range got {
		if d.Reason != "no use: "+d.Item.Lane+d.Item.ID || d.Attempts != 1 || string(d.Item.Body) != "body of "+d.Item.ID || d.At.IsZero() {
			b.Errorf("got %+v", d)
		}
		if d.Item.Lane == "a" {
			b.ok(b.q.Revive(b.ctx, d.ID))
		} else {
			b.ok(b.q.Drop(b.ctx, d.ID))
		}
		if err := b.q.Drop(b.ctx, d.ID); !errors.Is(err, queue.ErrNotFound) {
			b.Errorf("dropping twice: %v", err)
		}
		if err := b.q.Revive(b.ctx, d.ID); !errors.Is(err, queue.ErrNotFound) {
			b.Errorf("retrying what is gone: %v", err)
		}
	}
	for range 2 {
		l := b.lease()
		if l.Lane != "a" {
			b.Fatalf("came back: %+v", l.Item)
		}
		b.done(l)
	}
	b.empty()
	if err := b.q.Drop(b.ctx, "no such id"); !errors.Is(err, queue.ErrNotFound) {
		b.Errorf("dropping nothing: %v", err)
	}
}

func statsCount(b bench, _ Store) {
	b.put(item("a", "1", 1), item("b", "1", 1), item("c", "1", 1))
	b.ok(b.lease().Pause(b.ctx, queue.Pause{After: time.Hour}))
	b.ok(b.lease().Bury(b.ctx, "no use", queue.Outcome{}))
	s, err := b.q.Stats(b.ctx)
	b.ok(err)
	if s.Ready != 1 || s.Paused != 1 || s.Dead != 1 || s.Oldest < 0 {
		b.Fatalf("got %+v", s)
	}
}

func deadAfterKill(b bench, s Store) {
	b.put(item("a", "1", 1))
	b.ok(b.lease().Bury(b.ctx, "no use", queue.Outcome{}))
	b.crash(s)
	got, err := b.q.Dead(b.ctx, 10)
	b.ok(err)
	if len(got) != 1 || got[0].Reason != "no use" {
		b.Fatalf("got %+v", got)
	}
}

// retry puts the oldest dead letter back.
func (b bench) retry() {
	b.Helper()
	dead, err := b.q.Dead(b.ctx, 1)
	b.ok(err)
	if len(dead) != 1 {
		b.Fatal("no dead letter")
	}
	b.ok(b.q.Revive(b.ctx, dead[0].ID))
}

func retriedMayHaveActed(b bench, _ Store) {
	b.put(item("a", "2", 2))
	b.ok(b.lease().Bury(b.ctx, "no use", queue.Outcome{}))
	b.retry()
	b.put(item("a", "1", 1), item("a", "3", 3))
	for _, want := range []struct {
		id      string
		attempt int
	}{{"1", 1}, {"2", 2}, {"3", 1}} { // the lane's other items are not affected
		l := b.lease()
		if l.ID != want.id || l.Attempt != want.attempt || l.Abandoned {
			b.Fatalf("leased %s, attempt %d, abandoned %t; want %+v", l.ID, l.Attempt, l.Abandoned, want)
		}
		if l.ID == "2" { // further attempts count on
			b.ok(l.Pause(b.ctx, queue.Pause{}))
			if l = b.lease(); l.Attempt != 3 {
				b.Fatalf("attempt %d after a pause", l.Attempt)
			}
		}
		b.done(l)
	}
}

func retriedBeforeKill(b bench, s Store) {
	b.put(item("a", "2", 2))
	b.ok(b.lease().Bury(b.ctx, "no use", queue.Outcome{}))
	b.retry()
	b.crash(s)
	b.put(item("a", "1", 1))
	b.done(b.lease())
	l := b.lease()
	if l.ID != "2" || l.Attempt < 2 {
		b.Fatalf("leased %s, attempt %d", l.ID, l.Attempt)
	}
	b.done(l)
}
