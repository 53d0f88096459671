package queuetest

import (
	"giosgbot/queue"
)

func itemComesBack(b bench, _ Store) {
	want := item("a", "1", 0)
	want.Via = "elsewhere"
	b.put(want)
	l := b.lease()
	if l.Lane != "a" || l.ID != "1" || l.Via != "elsewhere" || !l.At.Equal(want.At) || string(l.Body) != "body of 1" {
		b.Fatalf("got %+v", l.Item)
	}
	if l.Attempt != 1 || l.Abandoned || l.Memo != nil {
		b.Fatalf("attempt %d, abandoned %t, memo %q", l.Attempt, l.Abandoned, l.Memo)
	}
	b.done(l)
	b.empty()
}

func orderedByTime(b bench, _ Store) {
	b.put(item("a", "3", 3), item("a", "1", 1), item("a", "2", 2))
	for _, want := range []string{"1", "2", "3"} {
		l := b.lease()
		if l.ID != want {
			b.Fatalf("leased %s, want %s", l.ID, want)
		}
		b.done(l)
	}
}

func copyKeptOnce(b bench, _ Store) {
	b.put(item("a", "1", 1), item("a", "1", 1))
	b.done(b.lease())
	b.put(item("a", "1", 1))
	b.empty()
}

func doneNotFinished(b bench, _ Store) {
	b.put(item("a", "1", 1))
	b.ok(b.lease().Done(b.ctx, queue.Outcome{}))
	b.put(item("a", "1", 1))
	b.done(b.lease())
	b.empty()
}

func copiesByWay(b bench, _ Store) {
	one, two, three := item("a", "1", 1), item("a", "1", 1), item("a", "1", 1)
	two.Via, three.Via = "second", "third"
	b.put(one, two, three)
	b.ok(b.lease().Done(b.ctx, queue.Outcome{}))
	b.done(b.lease())
	b.empty()
}

func finishingOthers(b bench, _ Store) {
	b.put(item("a", "1", 1), item("a", "2", 2), item("a", "3", 3))
	l := b.lease()
	b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{"1", "2"}}))
	if l = b.lease(); l.ID != "3" {
		b.Fatalf("leased %s, want 3", l.ID)
	}
	b.done(l)
}

func idsPerLane(b bench, _ Store) {
	b.put(item("a", "1", 1))
	b.done(b.lease())
	b.put(item("b", "1", 1))
	if l := b.lease(); l.Lane != "b" {
		b.Fatalf("leased %+v", l.Item)
	}
}

func memoOfLastOutcome(b bench, _ Store) {
	b.put(item("a", "1", 1), item("a", "2", 2), item("a", "3", 3))
	l := b.lease()
	b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{"1"}, Memo: []byte("first")}))
	l = b.lease()
	if string(l.Memo) != "first" {
		b.Fatalf("memo %q", l.Memo)
	}
	b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{"2"}}))
	if l = b.lease(); string(l.Memo) != "first" {
		b.Fatalf("memo %q", l.Memo)
	}
}

func sameTimeByArrival(b bench, s Store) {
	ids := []string{"5", "3", "4", "1", "2"}
	for _, id := range ids[:4] {
		b.put(item("a", id, 7))
	}
	if l := b.lease(); l.ID == "5" {
		b.done(l)
	} else {
		b.Fatalf("leased %s", l.ID)
	}
	b.crash(s)
	b.put(item("a", "2", 7), item("a", "9", 8), item("a", "8", 6))
	for _, want := range []queue.Item{
		item("a", "8", 6), item("a", "3", 7), item("a", "4", 7), item("a", "1", 7), item("a", "2", 7), item("a", "9", 8),
	} {
		l := b.lease()
		if l.ID != want.ID || !l.At.Equal(want.At) {
			b.Fatalf("leased %s of %v, want %s of %v", l.ID, l.At, want.ID, want.At)
		}
		if l.ID == "4" {
			b.ok(l.Bury(b.ctx, "no use", queue.Outcome{}))
			dead, err := b.q.Dead(b.ctx, 1)
			b.ok(err)
			if !dead[0].Item.At.Equal(want.At) {
				b.Fatalf("a dead letter of %v", dead[0].Item.At)
			}
			continue
		}
		b.done(l)
	}
}
