package queuetest

import (
	"giosgbot/queue"
)

func untouchedStaysAbandoned(b bench, s Store) {
	b.put(item("a", "1", 1))
	b.lease()
	b.crash(s)
	l := b.lease()
	if !l.Abandoned || l.Attempt != 2 {
		b.Fatalf("attempt %d, abandoned %t", l.Attempt, l.Abandoned)
	}
	b.ok(l.Pause(b.ctx, queue.Pause{Untouched: true}))
	if l = b.lease(); !l.Abandoned || l.Attempt != 2 {
		b.Fatalf("afterwards: attempt %d, abandoned %t", l.Attempt, l.Abandoned)
	}
}

func unsettledGoesOn(b bench, s Store) {
	b.put(item("a", "2", 2))
	b.lease()
	b.crash(s)
	b.put(item("a", "1", 1), item("a", "3", 3))
	for _, want := range []struct {
		id        string
		attempt   int
		unsettled bool
	}{{"1", 2, true}, {"2", 3, false}, {"3", 1, false}} {
		l := b.lease()
		if l.ID != want.id || l.Attempt != want.attempt || l.Abandoned != (want.attempt > 1) {
			b.Fatalf("leased %s, attempt %d, abandoned %t; want %+v", l.ID, l.Attempt, l.Abandoned, want)
		}
		b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{l.ID}, Unsettled: want.unsettled}))
	}
}

func keptAfterKill(b bench, s Store) {
	b.put(item("a", "1", 1), item("a", "2", 2), item("b", "1", 1), item("c", "1", 1))
	first := b.lease()
	b.ok(first.Done(b.ctx, queue.Outcome{Finished: []string{first.ID}, Memo: []byte("memo")}))
	inHand := map[string]bool{}
	for range 2 {
		l := b.lease()
		inHand[l.Lane+l.ID] = true
	}
	b.crash(s)
	left := map[string]string{}
	for range 3 {
		l := b.lease()
		left[l.Lane+l.ID] = string(l.Memo)
		if inHand[l.Lane+l.ID] && (!l.Abandoned || l.Attempt < 2) {
			b.Errorf("%s of lane %s: attempt %d, abandoned %t", l.ID, l.Lane, l.Attempt, l.Abandoned)
		}
		if l.Lane == first.Lane && string(l.Memo) != "memo" {
			b.Errorf("memo of %s: %q", l.Lane, l.Memo)
		}
		b.done(l)
	}
	if _, again := left[first.Lane+first.ID]; again || len(left) != 3 {
		b.Errorf("left: %v, first %s%s", left, first.Lane, first.ID)
	}
	b.empty()
}
