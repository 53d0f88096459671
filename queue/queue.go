// Package queue keeps a lane for every chat: the events that were accepted and are not finished yet, in the order of
// their own time. One worker at a time, in the whole fleet, has a lane in hand; many lanes are worked on at once.
//
// Promises, kept by both stores and proved by queuetest:
//
//   - Kept: when Put returns nil the item survives a crash of this process (Bolt) or of every process (Redis).
//   - Ordered: a lane's items are leased in the order of Item.At.
//   - Alone: a lane is leased to one worker; steps of a worker that lost its lease are refused with ErrLost.
//   - Once: an item whose ID was finished in its lane is not kept and not leased again.
//   - Carried on: what a dead worker had in hand is leased to another within seconds (Redis) or after a restart (Bolt),
//     and that lease says so (Attempt, Abandoned), because nobody knows how far the dead worker came.
//   - Unhurried: a lane that waits, for a delay or for a topic, holds up no other.
//   - Counted: what came in = what left + what is in the lanes, at every moment and whatever dies, because an item is counted in the
//     same step of the store that takes it in or lets it go.
//
// The package knows nothing of giosg, decides nothing and calls nobody.
package queue

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// ErrLost says that the lease is no longer ours: another worker has the lane, or had it since.
var ErrLost = errors.New("queue: the lease is lost, another worker has the lane")

// ErrClosed says that the queue was closed.
var ErrClosed = errors.New("queue: closed")

// Item is an event in a lane.
type Item struct {
	Lane string    // the chat; not empty
	ID   string    // what the event is about; an ID that was finished in its lane is not kept again
	Via  string    // the way it came; copies of one ID by different ways are kept side by side until the ID is finished
	At   time.Time // the event's own time (milliseconds count), which orders the lane
	Body []byte    // the event; opaque
	From string    // what brought it, as Put counts it in Stats.In; a few names only. It is not kept
}

// Outcome is what a step of work changed: it becomes true in one transaction with the step.
type Outcome struct {
	Finished []string // IDs that need no work any more, in this lane
	Memo     []byte   // what to remember of the lane; nil leaves it as it is
	Fate     string   // what became of the item, as Done counts it in Stats.Out; a few names only

	// Unsettled says that what an earlier attempt did is not known yet, as it may have worked on another item of the lane: the
	// next item's lease counts as a further attempt, too.
	Unsettled bool
}

// Pause says how long a lane waits before its next attempt.
type Pause struct {
	After     time.Duration // at least this long; zero: at once
	Topic     string        // not empty: until Wake is called with this topic, or until After has passed
	Untouched bool          // this attempt did nothing outside, so all is as it was before it
}

// Queue is a set of lanes. Its methods are safe for concurrent use.
type Queue interface {
	// Put keeps an item. It returns nil also for an item that is kept or finished already.
	Put(ctx context.Context, it Item) error
	// Lease waits for a lane with work and takes its first item. It returns ctx.Err() or ErrClosed when there will be none; a lease
	// that was found in the moment when ctx ended is returned all the same.
	Lease(ctx context.Context) (*Lease, error)
	// Wake ends the waiting of all lanes that were paused for topic.
	Wake(ctx context.Context, topic string) error
	// Ping tells whether the store answers and keeps what it is given. It tries that out, but not more often than every few seconds
	// while all is well, so that anybody may ask.
	Ping(ctx context.Context) error
	// Stats counts what is in the lanes now.
	Stats(ctx context.Context) (Stats, error)
	// Dead lists the items that were set aside, oldest first, at most limit of them.
	Dead(ctx context.Context, limit int) ([]Dead, error)
	// Revive puts an item that was set aside back into its lane. ErrNotFound if there is none of this id.
	Revive(ctx context.Context, id string) error
	// Drop forgets an item that was set aside. ErrNotFound if there is none of this id.
	Drop(ctx context.Context, id string) error
	// Close hands over what is in hand and ends the queue's own goroutines. It does not close the store beneath.
	Close() error
}

// proof is when the store has last shown that it keeps what it is given.
type proof struct{ at atomic.Int64 } // Unix time, ns

// still tells whether that is recent enough to be believed.
func (p *proof) still() bool {
	const rest = 2 * time.Second
	age := time.Now().UnixNano() - p.at.Load()
	return age >= 0 && age < int64(rest)
}

// note remembers how a write went.
func (p *proof) note(err error) {
	if err != nil {
		p.at.Store(0)
	} else {
		p.at.Store(time.Now().UnixNano())
	}
}

// ErrNotFound says that no item of this id was set aside.
var ErrNotFound = errors.New("queue: nothing of this id was set aside")

// Stats counts lanes and items. With Redis they are those of the whole fleet.
type Stats struct {
	Ready  int              // lanes that have work and wait for a worker, or are in a worker's hands
	Paused int              // lanes that wait for a delay or a topic
	Dead   int              // items set aside
	Oldest time.Duration    // how long the lane that has waited longest for a worker has been ready; 0 with none
	In     map[string]int64 // items that came, by Item.From or Revived, since the store was empty
	Out    map[string]int64 // items that left, by Outcome.Fate, SetAside or Duplicate, since the store was empty
}

// What the queue itself counts.
const (
	Revived   = "retry"     // came in by Revive
	SetAside  = "set aside" // left by Bury
	Duplicate = "duplicate" // left because its ID was kept or finished already; a put that the client had to repeat may be one, too
)

// Came is how many items came into the lanes.
func (s Stats) Came() int64 { return sum(s.In) }

// Left is how many of them left the lanes.
func (s Stats) Left() int64 { return sum(s.Out) }

// Items is how many are in the lanes.
func (s Stats) Items() int64 { return s.Came() - s.Left() }

// The names of Stats.In and Stats.Out, as the stores keep them.
const cameIn, leftBy = "in:", "out:"

// count adds what a store has counted under a name.
func (s Stats) count(name string, n int64) {
	if from, in := strings.CutPrefix(name, cameIn); in {
		s.In[from] += n
	} else if fate, out := strings.CutPrefix(name, leftBy); out {
		s.Out[fate] += n
	}
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// Dead is an item that was set aside.
type Dead struct {
	ID       string // of the entry, for Revive and Drop
	Item     Item
	Reason   string
	Attempts int
	At       time.Time // when it was set aside
}

// Lease is a lane in a worker's hands, with the item to work on.
//
// It ends with Done, Pause or Bury; a lease that is simply forgotten ends by itself and counts as abandoned.
type Lease struct {
	Item
	Memo      []byte    // as the last Outcome left it; nil if there is none
	Attempt   int       // 1: no work on this lane is unfinished. More: an earlier attempt may have acted already
	Abandoned bool      // the earlier attempt was cut off in the middle, so it may even still be acting for a moment
	Cut       time.Time // Abandoned: by when the earlier attempt had lost the lane, by this process's clock
	Since     time.Time // when the first of the attempts began

	held  holder
	entry any // the store's own handle
}

// holder is the store's side of a lease.
type holder interface {
	until(l *Lease) time.Time
	done(ctx context.Context, l *Lease, o Outcome) error
	pause(ctx context.Context, l *Lease, p Pause) error
	bury(ctx context.Context, l *Lease, reason string, o Outcome) error
}

// Until is the time up to which the lane is surely ours. It moves forward by itself while the process runs; one that was
// frozen finds it in its past, and must not act any more.
func (l *Lease) Until() time.Time { return l.held.until(l) }

// Done makes an outcome true, removes the item from its lane and ends the lease. The item's own ID is finished only if
// Outcome.Finished names it: without, a copy that comes later is kept again.
func (l *Lease) Done(ctx context.Context, o Outcome) error { return l.held.done(ctx, l, o) }

// Pause ends the lease; the item stays first in its lane.
func (l *Lease) Pause(ctx context.Context, p Pause) error { return l.held.pause(ctx, l, p) }

// Bury makes an outcome true, sets the item aside with a reason and ends the lease. Its ID counts as finished.
func (l *Lease) Bury(ctx context.Context, reason string, o Outcome) error {
	return l.held.bury(ctx, l, reason, o)
}
