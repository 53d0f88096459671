package queuetest

import (
	"time"

	"giosgbot/queue"
)

func delayHoldsUpNobody(b bench, _ Store) {
	b.put(item("a", "1", 1))
	l := b.lease()
	b.ok(l.Pause(b.ctx, queue.Pause{After: 200 * time.Millisecond}))
	b.empty()
	if l = b.lease(); l.ID != "1" || l.Attempt != 2 || l.Abandoned {
		b.Fatalf("got %s, attempt %d, abandoned %t", l.ID, l.Attempt, l.Abandoned)
	}
	b.done(l)
	b.put(item("a", "2", 2))
	if l = b.lease(); l.Attempt != 1 {
		b.Fatalf("attempt %d of a new item", l.Attempt)
	}
}

func pauseOfNothing(b bench, _ Store) {
	b.put(item("a", "1", 1))
	b.ok(b.lease().Pause(b.ctx, queue.Pause{Untouched: true}))
	l := b.lease()
	if l.Attempt != 1 {
		b.Fatalf("attempt %d", l.Attempt)
	}
	b.done(l)
}

func topicWakes(b bench, _ Store) {
	b.put(item("a", "1", 1), item("b", "1", 1))
	for range 2 {
		l := b.lease()
		b.ok(l.Pause(b.ctx, queue.Pause{After: time.Hour, Topic: "token of " + l.Lane}))
	}
	b.empty()
	b.ok(b.q.Wake(b.ctx, "token of b"))
	l := b.lease()
	if l.Lane != "b" {
		b.Fatalf("woke %s", l.Lane)
	}
	b.done(l)
	b.empty()
}

func topicWakesItsOwn(b bench, _ Store) {
	b.put(item("a", "1", 1))
	b.ok(b.lease().Pause(b.ctx, queue.Pause{After: time.Hour, Topic: "a token"}))
	b.put(item("a", "2", 2)) // wakes it before the topic does
	b.ok(b.lease().Pause(b.ctx, queue.Pause{After: time.Hour}))
	b.ok(b.q.Wake(b.ctx, "a token"))
	stats, err := b.q.Stats(b.ctx)
	b.ok(err)
	if stats.Ready != 0 || stats.Paused != 1 {
		b.Fatalf("%d lanes ready, %d paused", stats.Ready, stats.Paused)
	}
	b.empty()
}

func itemWakes(b bench, _ Store) {
	b.put(item("parked", "1", 1), item("delayed", "1", 1))
	for range 2 {
		l := b.lease()
		p := queue.Pause{After: time.Hour}
		if l.Lane == "parked" {
			p.Topic = "a token"
		}
		b.ok(l.Pause(b.ctx, p))
	}
	b.put(item("parked", "2", 2), item("delayed", "2", 2))
	l := b.lease()
	if l.Lane != "parked" || l.ID != "1" {
		b.Fatalf("leased %s of %s", l.ID, l.Lane)
	}
	b.done(l)
	b.done(b.lease())
	b.empty()
}
