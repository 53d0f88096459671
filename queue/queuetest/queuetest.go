// Package queuetest holds the promises of a queue.Queue. Every store runs them.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"giosgbot/queue"
)

// Store is one store under test, which processes open.
type Store interface {
	// Open is a new process on the store. It may be called again after Kill; a store for many processes allows several.
	Open(t *testing.T) queue.Queue
	// Kill ends a process of Open as SIGKILL would.
	Kill(q queue.Queue)
	// Shared tells whether several processes may be open at once.
	Shared() bool
	// Items counts the items in lanes by what the store itself holds, whatever a queue says of it.
	Items(t *testing.T) int
}

// Freezer is a store whose processes can be frozen, as SIGSTOP would, for longer than a lease.
type Freezer interface {
	Freeze(q queue.Queue)
	Thaw(q queue.Queue)
}

// Repeater is a store whose commands may reach it twice, as a client's do that cannot know how the first went.
type Repeater interface {
	Repeat(q queue.Queue)
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func item(lane, id string, at int) queue.Item {
	return queue.Item{Lane: lane, ID: id, At: start.Add(time.Duration(at) * time.Second), Body: []byte("body of " + id)}
}

type bench struct {
	*testing.T
	ctx context.Context
	q   queue.Queue
}

func (b bench) put(items ...queue.Item) {
	b.Helper()
	for _, it := range items {
		if err := b.q.Put(b.ctx, it); err != nil {
			b.Fatal(err)
		}
	}
}

func (b bench) lease() *queue.Lease {
	b.Helper()
	l, err := b.q.Lease(b.ctx)
	if err != nil {
		b.Fatalf("no lease: %v", err)
	}
	return l
}

func (b bench) done(l *queue.Lease) {
	b.Helper()
	b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{l.ID}}))
}

func (b bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// empty checks that no lane has work: a lane put afterwards comes first.
func (b bench) empty() {
	b.Helper()
	b.put(item("barrier", "barrier", 0))
	l := b.lease()
	if l.Lane != "barrier" {
		b.Fatalf("leased %s of lane %s, want nothing", l.ID, l.Lane)
	}
	b.ok(l.Done(b.ctx, queue.Outcome{}))
}

// Run proves the promises on a store; open makes a fresh, empty one.
func Run(t *testing.T, open func(t *testing.T) Store) {
	run := func(name string, f func(b bench, s Store)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &recorder{Store: open(t)}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			t.Cleanup(cancel)
			f(bench{t, ctx, s.Open(t)}, s)
			bench{t, ctx, s.last}.addsUp(s) // whatever happened
		})
	}

	run("an item comes back as it was put", func(b bench, _ Store) {
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
	})

	run("a lane is in the order of its items' own time", func(b bench, _ Store) {
		b.put(item("a", "3", 3), item("a", "1", 1), item("a", "2", 2))
		for _, want := range []string{"1", "2", "3"} {
			l := b.lease()
			if l.ID != want {
				b.Fatalf("leased %s, want %s", l.ID, want)
			}
			b.done(l)
		}
	})

	run("a copy is kept once", func(b bench, _ Store) {
		b.put(item("a", "1", 1), item("a", "1", 1))
		b.done(b.lease())
		b.put(item("a", "1", 1))
		b.empty()
	})

	run("an item that was done without being finished may come again", func(b bench, _ Store) {
		b.put(item("a", "1", 1))
		b.ok(b.lease().Done(b.ctx, queue.Outcome{}))
		b.put(item("a", "1", 1))
		b.done(b.lease())
		b.empty()
	})

	run("copies by different ways have their turn until the id is finished", func(b bench, _ Store) {
		one, two, three := item("a", "1", 1), item("a", "1", 1), item("a", "1", 1)
		two.Via, three.Via = "second", "third"
		b.put(one, two, three)
		b.ok(b.lease().Done(b.ctx, queue.Outcome{}))
		b.done(b.lease())
		b.empty()
	})

	run("finishing ids removes the items that wait with them", func(b bench, _ Store) {
		b.put(item("a", "1", 1), item("a", "2", 2), item("a", "3", 3))
		l := b.lease()
		b.ok(l.Done(b.ctx, queue.Outcome{Finished: []string{"1", "2"}}))
		if l = b.lease(); l.ID != "3" {
			b.Fatalf("leased %s, want 3", l.ID)
		}
		b.done(l)
	})

	run("ids of one lane say nothing of another", func(b bench, _ Store) {
		b.put(item("a", "1", 1))
		b.done(b.lease())
		b.put(item("b", "1", 1))
		if l := b.lease(); l.Lane != "b" {
			b.Fatalf("leased %+v", l.Item)
		}
	})

	run("the memo is what the last outcome left", func(b bench, _ Store) {
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
	})

	run("a lane is leased to one worker, many lanes to many", func(b bench, _ Store) {
		const lanes, each = 20, 10
		for i := range each {
			for lane := range lanes {
				b.put(item(fmt.Sprint("lane", lane), fmt.Sprint(each-i), each-i))
			}
		}
		var mu sync.Mutex
		busy, got := map[string]bool{}, map[string][]string{}
		all := make(chan struct{})
		ctx, cancel := context.WithCancel(b.ctx)
		defer cancel()
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for {
					l, err := b.q.Lease(ctx)
					if err != nil {
						return
					}
					mu.Lock()
					if busy[l.Lane] {
						b.Errorf("two workers in %s", l.Lane)
					}
					busy[l.Lane] = true
					got[l.Lane] = append(got[l.Lane], l.ID)
					mu.Unlock()
					mu.Lock()
					busy[l.Lane] = false
					mu.Unlock()
					if err := l.Done(b.ctx, queue.Outcome{Finished: []string{l.ID}}); err != nil {
						b.Error(err)
					}
					mu.Lock()
					n := 0
					for _, ids := range got {
						n += len(ids)
					}
					mu.Unlock()
					if n == lanes*each {
						select {
						case <-all:
						default:
							close(all)
						}
					}
				}
			})
		}
		select {
		case <-all:
		case <-b.ctx.Done():
			b.Error("not all items were leased")
		}
		cancel()
		workers.Wait()
		for lane, ids := range got {
			if !slices.IsSortedFunc(ids, func(a, b string) int {
				var x, y int
				_, _ = fmt.Sscan(a, &x)
				_, _ = fmt.Sscan(b, &y)
				return x - y
			}) {
				b.Errorf("%s out of order: %v", lane, ids)
			}
		}
	})

	run("a lane that waits holds up no other, and comes back with its item", func(b bench, _ Store) {
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
	})

	run("a pause of nothing is at once, an untouched attempt is none", func(b bench, _ Store) {
		b.put(item("a", "1", 1))
		b.ok(b.lease().Pause(b.ctx, queue.Pause{Untouched: true}))
		l := b.lease()
		if l.Attempt != 1 {
			b.Fatalf("attempt %d", l.Attempt)
		}
		b.done(l)
	})

	run("an untouched attempt leaves a cut-off lane cut off", func(b bench, s Store) {
		b.put(item("a", "1", 1))
		b.lease()
		s.Kill(b.q)
		b.q = s.Open(b.T)
		l := b.lease()
		if !l.Abandoned || l.Attempt != 2 {
			b.Fatalf("attempt %d, abandoned %t", l.Attempt, l.Abandoned)
		}
		b.ok(l.Pause(b.ctx, queue.Pause{Untouched: true}))
		if l = b.lease(); !l.Abandoned || l.Attempt != 2 {
			b.Fatalf("afterwards: attempt %d, abandoned %t", l.Attempt, l.Abandoned)
		}
	})

	run("an attempt that is not settled goes on with the next item", func(b bench, s Store) {
		b.put(item("a", "2", 2))
		b.lease()
		s.Kill(b.q)
		b.q = s.Open(b.T)
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
	})

	run("a lane that waits for a topic is woken by it", func(b bench, _ Store) {
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
	})

	run("a topic ends no other waiting than that for it", func(b bench, _ Store) {
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
	})

	run("a new item wakes a lane that waits for a topic, not one that waits for a delay", func(b bench, _ Store) {
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
	})

	run("what is set aside can be listed, dropped, and put back", func(b bench, _ Store) {
		b.put(item("a", "1", 1), item("a", "2", 2), item("b", "1", 3))
		byLane := map[string]int{}
		for range 3 {
			l := b.lease()
			byLane[l.Lane]++
			b.ok(l.Bury(b.ctx, "no use: "+l.Lane+l.ID, queue.Outcome{}))
		}
		b.put(item("a", "1", 1)) // set aside counts as finished
		b.empty()
		got, err := b.q.Dead(b.ctx, 10)
		b.ok(err)
		if len(got) != 3 || byLane["a"] != 2 {
			b.Fatalf("set aside: %+v", got)
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
				b.Errorf("reviving what is gone: %v", err)
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
	})

	run("stats count lanes and what is set aside", func(b bench, _ Store) {
		b.put(item("a", "1", 1), item("b", "1", 1), item("c", "1", 1))
		b.ok(b.lease().Pause(b.ctx, queue.Pause{After: time.Hour}))
		b.ok(b.lease().Bury(b.ctx, "no use", queue.Outcome{}))
		s, err := b.q.Stats(b.ctx)
		b.ok(err)
		if s.Ready != 1 || s.Paused != 1 || s.Dead != 1 || s.Oldest < 0 {
			b.Fatalf("got %+v", s)
		}
	})

	run("a lease's time moves on while the process runs", func(b bench, _ Store) {
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
	})

	run("what was kept survives a killed process, and its unfinished work is cut off", func(b bench, s Store) {
		b.put(item("a", "1", 1), item("a", "2", 2), item("b", "1", 1), item("c", "1", 1))
		first := b.lease()
		b.ok(first.Done(b.ctx, queue.Outcome{Finished: []string{first.ID}, Memo: []byte("memo")}))
		inHand := map[string]bool{}
		for range 2 {
			l := b.lease()
			inHand[l.Lane+l.ID] = true
		}
		s.Kill(b.q)
		b.q = s.Open(b.T)
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
	})

	run("what was set aside survives a killed process", func(b bench, s Store) {
		b.put(item("a", "1", 1))
		b.ok(b.lease().Bury(b.ctx, "no use", queue.Outcome{}))
		s.Kill(b.q)
		b.q = s.Open(b.T)
		got, err := b.q.Dead(b.ctx, 10)
		b.ok(err)
		if len(got) != 1 || got[0].Reason != "no use" {
			b.Fatalf("got %+v", got)
		}
	})

	run("a closed queue hands over at once and leases no more", func(b bench, s Store) {
		b.put(item("a", "1", 1), item("b", "1", 1))
		l := b.lease()
		b.ok(b.q.Close())
		b.ok(b.q.Close())
		if _, err := b.q.Lease(b.ctx); !errors.Is(err, queue.ErrClosed) {
			b.Fatalf("lease of a closed queue: %v", err)
		}
		s.Kill(b.q)
		b.q = s.Open(b.T)
		seen := map[string]*queue.Lease{}
		for range 2 {
			n := b.lease()
			seen[n.Lane] = n
			b.done(n)
		}
		if !seen[l.Lane].Abandoned {
			b.Errorf("work in hand at the end is not cut off: %+v", seen[l.Lane])
		}
	})

	run("a lease ends once", func(b bench, _ Store) {
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
	})

	run("lease ends with its context", func(b bench, _ Store) {
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		if _, err := b.q.Lease(ctx); !errors.Is(err, context.Canceled) {
			b.Fatalf("got %v", err)
		}
	})

	tally(run)

	t.Run("a lease that ran out unnoticed comes back", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		f, can := s.(Freezer)
		if !can {
			return // a lease of this store does not run out
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		b := bench{t, ctx, s.Open(t)}
		b.put(item("a", "1", 1))
		l := b.lease()
		f.Freeze(b.q)
		for time.Now().Before(l.Until()) {
			time.Sleep(10 * time.Millisecond) // nothing tells that time has passed
		}
		f.Thaw(b.q)
		// Its worker has given up without a word.
		if l = b.lease(); l.ID != "1" || !l.Abandoned {
			t.Fatalf("came back: %+v", l)
		}
		b.done(l)
	})

	t.Run("frozen", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		f, can := s.(Freezer)
		if !can || !s.Shared() {
			return // a store for one process: nobody else could have taken over
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		old, other := bench{t, ctx, s.Open(t)}, bench{t, ctx, s.Open(t)}
		old.put(item("a", "1", 1), item("a", "2", 2))
		stale := old.lease()
		f.Freeze(old.q)
		l := other.lease()
		if l.ID != "1" || !l.Abandoned || l.Attempt != 2 {
			t.Fatalf("taken over: %+v", l)
		}
		if time.Now().Before(stale.Until()) {
			t.Error("the frozen worker may still believe in its lease")
		}
		f.Thaw(old.q)
		for name, err := range map[string]error{
			"pause": stale.Pause(ctx, queue.Pause{After: time.Hour}),
			"bury":  stale.Bury(ctx, "stale", queue.Outcome{}),
			"done":  stale.Done(ctx, queue.Outcome{Finished: []string{"1", "2"}, Memo: []byte("stale")}),
		} {
			if !errors.Is(err, queue.ErrLost) {
				t.Errorf("a late %s: %v", name, err)
			}
		}
		other.done(l)
		l = other.lease()
		if l.ID != "2" || l.Memo != nil {
			t.Errorf("after the late steps: %s, memo %q", l.ID, l.Memo)
		}
		other.done(l)
		// What was refused is not counted.
		if s := other.addsUp(s); s.Out[queue.SetAside] != 0 || s.Left() != 2 {
			t.Errorf("left: %v", s.Out)
		}
	})

	t.Run("commands that reach the store twice keep the count", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		r, can := s.(Repeater)
		if !can {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		b := bench{t, ctx, s.Open(t)}
		r.Repeat(b.q)
		b.put(item("a", "1", 1), item("a", "2", 2), item("a", "3", 3), item("b", "1", 1))
		for _, end := range []func(*queue.Lease) error{
			func(l *queue.Lease) error {
				return l.Done(ctx, queue.Outcome{Fate: "answered", Finished: []string{l.ID}})
			},
			func(l *queue.Lease) error { return l.Bury(ctx, "no use", queue.Outcome{}) },
			func(l *queue.Lease) error { return l.Pause(ctx, queue.Pause{}) },
		} {
			if err := end(b.lease()); err != nil && !errors.Is(err, queue.ErrLost) { // the first of the two was kept
				t.Error(err)
			}
			b.addsUp(s)
		}
		dead, err := b.q.Dead(ctx, 10)
		if err != nil || len(dead) != 1 {
			t.Fatal(dead, err)
		}
		if err := b.q.Revive(ctx, dead[0].ID); err != nil && !errors.Is(err, queue.ErrNotFound) {
			t.Error(err)
		}
		if s := b.addsUp(s); s.In[queue.Revived] != 1 || s.Out[queue.SetAside] != 1 || s.Out["answered"] != 1 || s.Items() != 3 {
			t.Errorf("counted %+v", s)
		}
	})
}
