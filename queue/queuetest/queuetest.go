// Package queuetest holds the promises of a queue.Queue. Every store runs them.
package queuetest

import (
	"context"
	"testing"
	"time"

	"giosgbot/queue"
)

// Store is one store under test, which processes open.
type Store interface {
	// Open starts a new process on the store. It may be called again after Kill; a store for many processes allows several.
	Open(t *testing.T) queue.Queue
	// Kill ends a process of Open as SIGKILL would.
	Kill(q queue.Queue)
	// Shared reports whether several processes may be open at once.
	Shared() bool
	// Items counts the items in lanes by what the store itself holds, without asking a queue.
	Items(t *testing.T) int
}

// Freezer is a store whose processes can be frozen, as SIGSTOP would, for longer than a lease.
type Freezer interface {
	Freeze(q queue.Queue)
	Thaw(q queue.Queue)
}

// Repeater is a store whose commands may reach it twice: a client repeats a command when it cannot know whether the first one arrived.
type Repeater interface {
	Repeat(q queue.Queue)
}

// promises are in the order of the package documentation of queue.
var promises = []struct {
	name  string
	prove func(b bench, s Store)
}{
	{"an item comes back as it was put", itemComesBack},
	{"a lane is in the order of its items' own time", orderedByTime},
	{"items of the same time are in the order of their arrival", sameTimeByArrival},
	{"a copy is kept once", copyKeptOnce},
	{"an item that was done without being finished may be put again", doneNotFinished},
	{"copies by different ways are leased until the id is finished", copiesByWay},
	{"finishing ids removes the items that wait with them", finishingOthers},
	{"ids belong to one lane", idsPerLane},
	{"the memo is what the last outcome left", memoOfLastOutcome},

	{"a lane is leased to one worker, many lanes to many", oneWorkerPerLane},
	{"a lease is renewed while the process runs", leaseIsRenewed},
	{"a closed queue hands over at once and leases no more", closedHandsOver},
	{"a lease ends once", leaseEndsOnce},
	{"waiting for a lease ends with the context", leaseEndsWithContext},
	{"a lease that expired unnoticed comes back", expiredComesBack},
	{"a frozen worker is fenced", frozenIsFenced},

	{"a paused lane holds up no other, and comes back with its item", delayHoldsUpNobody},
	{"a pause of nothing is over at once", pauseOfNothing},
	{"a topic wakes the lane that waits for it", topicWakes},
	{"a topic wakes no lane that waits for something else", topicWakesItsOwn},
	{"a new item wakes a lane that waits for a topic, not one that waits for a delay", itemWakes},

	{"an untouched attempt leaves an abandoned lane abandoned", untouchedStaysAbandoned},
	{"an unsettled attempt goes on with the next item", unsettledGoesOn},
	{"what was kept survives a killed process, and its unfinished work is abandoned", keptAfterKill},

	{"crashes in a row are counted until a lease ends", crashesInARow},
	{"lanes that crashed together are not leased together", crashesAlone},

	{"what a lease pinned is in the next lease of its lane", pinnedAfterPause},
	{"an untouched attempt may pin", pinnedByUntouched},
	{"no bytes can be pinned", pinnedNothing},
	{"what was pinned survives killed processes, whichever item comes first", pinnedAfterKill},
	{"a settled outcome clears what was pinned, an unsettled one does not", settledClearsPinned},
	{"a retried dead letter finds what it pinned", pinnedOfDeadLetter},
	{"what an item pinned outlives the item when it is given up", pinnedInEmptyLane},
	{"only the lease of now can pin", pinIsFenced},

	{"dead letters can be listed, dropped and retried", deadLetters},
	{"a retried dead letter may have been acted on", retriedMayHaveActed},
	{"a retried dead letter may have been acted on, also after a killed process", retriedBeforeKill},
	{"stats count lanes and dead letters", statsCount},
	{"dead letters survive a killed process", deadAfterKill},

	{"each item is counted when it comes and when it leaves", countedInAndOut},
	{"a retried item is counted again, a dropped one is not", countedAgain},
	{"the count survives a killed process", countAfterKill},
	{"the count holds at every moment among many", countAmongMany},
	{"the count holds whatever happens in whatever order", countInAnyOrder},
	{"commands that reach the store twice keep the count", countOfRepeated},
}

// Run proves the promises on a store; open makes a fresh, empty one.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := &recorder{Store: open(t)}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			t.Cleanup(cancel)
			p.prove(bench{t, ctx, s.Open(t)}, s)
			bench{t, ctx, s.last}.addsUp(s) // each promise ends with the count
		})
	}
}

// recorder remembers the process that was opened last.
type recorder struct {
	Store
	last queue.Queue
}

func (r *recorder) Open(t *testing.T) queue.Queue {
	t.Helper()
	r.last = r.Store.Open(t)
	return r.last
}

// able returns what a store can do beyond a Store; ok is false if it cannot.
func able[T any](s Store) (can T, ok bool) {
	can, ok = s.(*recorder).Store.(T)
	return can, ok
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func item(lane, id string, at int) queue.Item {
	return queue.Item{Lane: lane, ID: id, At: start.Add(time.Duration(at) * time.Second), Body: []byte("body of " + id)}
}

// bench is a process on the store under test.
type bench struct {
	*testing.T
	ctx context.Context
	q   queue.Queue
}

func (b bench) put(items ...queue.Item) {
	b.Helper()
	for _, it := range items {
		b.ok(b.q.Put(b.ctx, it))
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

// empty checks that no lane has work: a lane that is put afterwards is leased first.
func (b bench) empty() {
	b.Helper()
	b.put(item("barrier", "barrier", 0))
	l := b.lease()
	if l.Lane != "barrier" {
		b.Fatalf("leased %s of lane %s, want nothing", l.ID, l.Lane)
	}
	b.ok(l.Done(b.ctx, queue.Outcome{}))
}

// crash kills the process and starts the next one.
func (b *bench) crash(s Store) {
	b.Helper()
	s.Kill(b.q)
	b.q = s.Open(b.T)
}
