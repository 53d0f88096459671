package queuetest

import (
	"context"
	"fmt"
	"time"

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

func crashesInARow(b bench, s Store) {
	b.put(item("a", "1", 1), item("a", "2", 2))
	for n := range 4 {
		l := b.lease()
		if l.ID != "1" || l.Crashes != n || l.Abandoned != (n > 0) {
			b.Fatalf("after %d crashes: leased %s, crashes %d, abandoned %t", n, l.ID, l.Crashes, l.Abandoned)
		}
		b.crash(s)
	}
	for _, end := range []func(*queue.Lease) error{ // each ends the row
		func(l *queue.Lease) error { return l.Pause(b.ctx, queue.Pause{}) },
		func(l *queue.Lease) error { return l.Pause(b.ctx, queue.Pause{Untouched: true}) },
		func(l *queue.Lease) error {
			return l.Done(b.ctx, queue.Outcome{Finished: []string{"1"}, Unsettled: true})
		},
		func(l *queue.Lease) error { return l.Bury(b.ctx, "it kills", queue.Outcome{}) },
	} {
		l := b.lease()
		if l.Crashes == 0 {
			b.Fatalf("%s: no crashes", l.ID)
		}
		b.ok(end(l))
		b.put(item("a", "3", 3))
		if l = b.lease(); l.Crashes != 0 {
			b.Fatalf("%s: %d crashes after an end", l.ID, l.Crashes)
		}
		b.crash(s)
	}
	if l := b.lease(); l.ID != "3" || l.Crashes != 1 {
		b.Fatalf("leased %s, crashes %d", l.ID, l.Crashes)
	}
}

// crashesAlone has one lane of many whose event kills the process. The lanes that are leased with it must not look like it.
func crashesAlone(b bench, s Store) {
	const lanes = 8
	for i := range lanes {
		b.put(item(fmt.Sprint("lane", i), "1", i))
	}
	for range 3 { // all are leased when the process dies
		seen := map[string]bool{}
		ctx, stop := context.WithTimeout(b.ctx, 3*time.Second)
		for len(seen) < lanes {
			l, err := b.q.Lease(ctx)
			if err != nil {
				break // some are not leased beside others
			}
			seen[l.Lane] = true
		}
		stop()
		b.crash(s)
	}
	thrice := 0
	for range lanes {
		l := b.lease()
		if l.Crashes >= 3 {
			thrice++
		}
		b.done(l)
	}
	if thrice > 1 {
		b.Errorf("%d lanes look as if their event killed the process", thrice)
	}
	b.empty()
}
