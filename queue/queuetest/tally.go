package queuetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"

	"giosgbot/queue"
)

// addsUp checks that what came in = what left + what the store holds.
func (b bench) addsUp(s Store) queue.Stats {
	b.Helper()
	for {
		before, err := b.q.Stats(b.ctx)
		b.ok(err)
		items := s.Items(b.T)
		after, err := b.q.Stats(b.ctx)
		b.ok(err)
		if !maps.Equal(before.In, after.In) || !maps.Equal(before.Out, after.Out) {
			continue // something changed meanwhile
		}
		if before.Items() != int64(items) {
			b.Fatalf("%d came in (%v), %d left (%v), and %d are there", before.Came(), before.In, before.Left(), before.Out, items)
		}
		return before
	}
}

// from returns an item with what brought it.
func from(it queue.Item, from string) queue.Item {
	it.From = from
	return it
}

// as is the outcome of a lease that finishes its item with a fate.
func as(l *queue.Lease, fate string) queue.Outcome {
	return queue.Outcome{Fate: fate, Finished: []string{l.ID}}
}

func countedInAndOut(b bench, s Store) {
	second := from(item("a", "1", 1), "webhook")
	second.Via = "second"
	b.put(from(item("a", "1", 1), "webhook"), from(item("a", "1", 1), "webhook"), second, from(item("a", "2", 2), "catch-up"))
	if got := b.addsUp(s); got.Items() != 3 || got.In["webhook"] != 3 || got.In["catch-up"] != 1 || got.Out[queue.Duplicate] != 1 {
		b.Fatalf("after the puts: %+v", got)
	}
	l := b.lease()
	b.ok(l.Pause(b.ctx, queue.Pause{}))
	l = b.lease()
	b.ok(l.Done(b.ctx, as(l, "answered"))) // and the copy with it
	l = b.lease()
	b.ok(l.Done(b.ctx, queue.Outcome{Fate: "ignored"})) // not finished: it may be put again
	b.put(from(item("a", "2", 2), "webhook"), from(item("a", "1", 1), "webhook"))
	l = b.lease()
	b.ok(l.Bury(b.ctx, "no use", queue.Outcome{Fate: "not counted: it became a dead letter"}))
	b.empty() // which is one in and out
	got := b.addsUp(s)
	if want := map[string]int64{"webhook": 5, "catch-up": 1, "": 1}; !maps.Equal(got.In, want) {
		b.Errorf("in %v, want %v", got.In, want)
	}
	if want := map[string]int64{"answered": 1, "ignored": 1, queue.SetAside: 1, queue.Duplicate: 3, "": 1}; !maps.Equal(got.Out, want) {
		b.Errorf("out %v, want %v", got.Out, want)
	}
}

func countedAgain(b bench, s Store) {
	b.put(item("a", "1", 1), item("a", "2", 2))
	for range 2 {
		b.ok(b.lease().Bury(b.ctx, "no use", queue.Outcome{}))
	}
	dead, err := b.q.Dead(b.ctx, 10)
	b.ok(err)
	b.ok(b.q.Revive(b.ctx, dead[0].ID))
	b.ok(b.q.Drop(b.ctx, dead[1].ID))
	if err := b.q.Revive(b.ctx, dead[0].ID); !errors.Is(err, queue.ErrNotFound) {
		b.Fatal(err)
	}
	if got := b.addsUp(s); got.Items() != 1 || got.In[queue.Revived] != 1 || got.Out[queue.SetAside] != 2 {
		b.Errorf("counted %+v", got)
	}
}

func countAfterKill(b bench, s Store) {
	b.put(from(item("a", "1", 1), "webhook"), from(item("b", "1", 1), "webhook"), from(item("c", "1", 1), "webhook"))
	l := b.lease()
	b.ok(l.Done(b.ctx, as(l, "answered")))
	b.lease()
	before := b.addsUp(s)
	b.crash(s)
	if after := b.addsUp(s); !maps.Equal(before.In, after.In) || !maps.Equal(before.Out, after.Out) || after.Items() != 2 {
		b.Errorf("before %v, %v; after %v, %v", before.In, before.Out, after.In, after.Out)
	}
}

func countAmongMany(b bench, s Store) {
	const lanes, each = 8, 20
	var all sync.WaitGroup
	for lane := range lanes {
		all.Go(func() {
			for i := range each {
				it := item(fmt.Sprint("lane", lane), fmt.Sprint(i), i)
				for range 1 + i%2 {
					if err := b.q.Put(b.ctx, it); err != nil {
						b.Error(err)
					}
				}
			}
		})
		all.Go(func() {
			for range each {
				l, err := b.q.Lease(b.ctx)
				if err == nil {
					err = l.Done(b.ctx, as(l, "answered"))
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	over := make(chan struct{})
	go func() {
		all.Wait()
		close(over)
	}()
	for busy := true; busy; {
		select {
		case <-over:
			busy = false
		default:
		}
		got, err := b.q.Stats(b.ctx)
		b.ok(err)
		if got.Items() < 0 || got.Items() > lanes*each {
			b.Fatalf("%d items: %+v", got.Items(), got)
		}
	}
	if got := b.addsUp(s); got.Items() != 0 || got.Out["answered"] != lanes*each || got.Out[queue.Duplicate] != lanes*each/2 {
		b.Errorf("counted %+v", got)
	}
}

func countInAnyOrder(b bench, s Store) {
	dice := rand.New(rand.NewPCG(1, 2))
	for n := range 120 {
		lane := fmt.Sprint("lane", dice.IntN(3))
		b.put(from(item(lane, fmt.Sprint(n), n), "webhook"))
		for range dice.IntN(3) { // copies, of what is there and of what is gone
			it := from(item(lane, fmt.Sprint(dice.IntN(n+1)), n), "catch-up")
			if dice.IntN(2) == 0 {
				it.Via = "second"
			}
			b.put(it)
		}
		b.addsUp(s)
		l := b.lease()
		switch dice.IntN(7) {
		case 0:
			b.ok(l.Pause(b.ctx, queue.Pause{Untouched: dice.IntN(2) == 0}))
		case 1:
			b.ok(l.Done(b.ctx, queue.Outcome{Fate: "ignored"}))
		case 2:
			b.ok(l.Bury(b.ctx, "no use", queue.Outcome{Finished: []string{fmt.Sprint(n)}}))
		default:
			b.ok(l.Done(b.ctx, queue.Outcome{Fate: "answered", Finished: []string{l.ID, fmt.Sprint(dice.IntN(n + 1))}, Unsettled: dice.IntN(2) == 0}))
		}
		b.addsUp(s)
		if n%40 == 39 {
			b.lease() // and never heard of again
			b.crash(s)
			b.addsUp(s)
		}
		if dead, err := b.q.Dead(b.ctx, 2); err == nil && len(dead) == 2 {
			b.ok(b.q.Revive(b.ctx, dead[0].ID))
			b.ok(b.q.Drop(b.ctx, dead[1].ID))
			b.addsUp(s)
		}
	}
}

func countOfRepeated(b bench, s Store) {
	r, can := able[Repeater](s)
	if !can {
		return
	}
	r.Repeat(b.q)
	b.put(item("a", "1", 1), item("a", "2", 2), item("a", "3", 3), item("b", "1", 1))
	for _, end := range []func(*queue.Lease) error{
		func(l *queue.Lease) error { return l.Done(b.ctx, as(l, "answered")) },
		func(l *queue.Lease) error { return l.Bury(b.ctx, "no use", queue.Outcome{}) },
		func(l *queue.Lease) error { return l.Pause(b.ctx, queue.Pause{}) },
	} {
		if err := end(b.lease()); err != nil && !errors.Is(err, queue.ErrLost) { // the first of the two was kept
			b.Error(err)
		}
		b.addsUp(s)
	}
	dead, err := b.q.Dead(b.ctx, 10)
	if err != nil || len(dead) != 1 {
		b.Fatal(dead, err)
	}
	if err := b.q.Revive(b.ctx, dead[0].ID); err != nil && !errors.Is(err, queue.ErrNotFound) {
		b.Error(err)
	}
	if s := b.addsUp(s); s.In[queue.Revived] != 1 || s.Out[queue.SetAside] != 1 || s.Out["answered"] != 1 || s.Items() != 3 {
		b.Errorf("counted %+v", s)
	}
}
