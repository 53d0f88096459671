// Package queue keeps a lane for every chat: the events that were accepted and are not finished yet, in the order of their own time.
// A lane is leased to one worker of the whole fleet at a time. Many lanes are worked on at once.
//
// Both stores keep these promises, and queuetest proves them:
//
//   - Kept: when Put returns nil the item survives a crash of this process (Bolt) or of every process (Redis).
//   - Ordered: a lane's items are leased in the order of Item.At.
//   - Exclusive: a lane is leased to one worker; steps of a worker whose lease has ended are refused with ErrLost.
//   - Once: an item whose ID was finished in its lane is not kept and not leased again.
//   - Resumed: the unfinished work of a dead worker is leased to another within seconds (Redis) or after a restart (Bolt). That lease
//     says so (Attempt, Abandoned), because nobody knows how far the dead worker came.
//   - In doubt: the first lease of a lane after a failover of Redis counts as abandoned, because the last writes may be lost.
//   - Pinned: what Lease.Keep stored is in the next lease of the lane, until the work that it belongs to is settled.
//   - Independent: a lane that waits for a delay or for a topic holds up no other lane.
//   - Counted: what came in = what left + what is in the lanes, at every moment and whatever dies. An item is counted in the same step of
//     the store that takes it in or lets it go.
//
// The package knows no chat platform, makes no decisions and calls nobody.
package queue

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// ErrLost reports that the lease has ended: another worker has the lane, or had it since.
var ErrLost = errors.New("queue: the lease has ended, another worker may have the lane")

// ErrClosed reports that the queue was closed.
var ErrClosed = errors.New("queue: closed")

// ErrNotFound reports that there is no dead letter with this id.
var ErrNotFound = errors.New("queue: no dead letter has this id")

// Item is an event in a lane.
type Item struct {
	Lane string    // the chat; not empty
	ID   string    // identifies the event; an ID that was finished in its lane is not kept again
	Via  string    // the way it came; copies of one ID by different ways are kept side by side until the ID is finished
	At   time.Time // the event's own time, to the millisecond, which orders the lane
	Body []byte    // the event; opaque
	From string    // what brought it, as Put counts it in Stats.In; one of a few names. It is not kept
}

// Outcome is what a turn changed. It takes effect in the same transaction that ends the lease.
type Outcome struct {
	Finished []string // IDs that need no work any more, in this lane
	Memo     []byte   // what to remember of the lane; nil leaves it as it is
	Fate     string   // what became of the item, as Done counts it in Stats.Out; one of a few names

	// Unsettled reports that it is still unknown what an earlier attempt did; it may have worked on another item of the lane. The
	// next item's lease counts as a further attempt then.
	Unsettled bool
}

// Pause describes how long a lane waits before its next attempt.
type Pause struct {
	After     time.Duration // at least this long; zero: at once
	Topic     string        // not empty: until Wake is called with this topic, or until After has passed
	Untouched bool          // this attempt had no effect outside, so it does not count as one
	Unsettled bool          // if an earlier attempt was abandoned, what it did is still not known: the next lease is Abandoned too
}

// Queue is a set of lanes. Its methods are safe for concurrent use.
type Queue interface {
	// Put keeps an item. It returns nil also for an item that is kept or finished already.
	Put(ctx context.Context, it Item) error
	// Lease waits for a lane with work and leases it with its first item. It returns ctx.Err() or ErrClosed if there is none. A lease
	// that was found in the moment when ctx ended is returned all the same.
	Lease(ctx context.Context) (*Lease, error)
	// Wake makes all lanes ready that were paused for topic.
	Wake(ctx context.Context, topic string) error
	// WakeSome is Wake for about so many lanes, whichever.
	WakeSome(ctx context.Context, topic string, most int) error
	// Ping reports whether the store answers and accepts writes. It tries a write, but while all is well only every few seconds, so it
	// may be called often.
	Ping(ctx context.Context) error
	// Stats counts what is in the lanes now.
	Stats(ctx context.Context) (Stats, error)
	// Dead lists dead letters, oldest first, at most limit of them.
	Dead(ctx context.Context, limit int) ([]Dead, error)
	// Revive puts the item of a dead letter back into its lane. Its next lease says that an earlier attempt may have acted. Revive
	// returns ErrNotFound if there is no dead letter with this id.
	Revive(ctx context.Context, id string) error
	// Drop deletes a dead letter. It returns ErrNotFound if there is none with this id.
	Drop(ctx context.Context, id string) error
	// Close gives back the lanes that this process has and ends the queue's own goroutines. It does not close the store.
	Close() error
}

// Stats counts lanes and items. With Redis they are those of the whole fleet.
type Stats struct {
	Ready  int              // lanes that have work and wait for a worker, or are leased
	Paused int              // lanes that wait for a delay or a topic
	Dead   int              // dead letters
	Oldest time.Duration    // how long the lane that has waited longest for a worker has been ready; 0 with none
	In     map[string]int64 // items that came, by Item.From or Revived, since the store was empty
	Out    map[string]int64 // items that left, by Outcome.Fate, SetAside or Duplicate, since the store was empty
}

// Names under which the queue itself counts.
const (
	Revived   = "retry"     // came in by Revive
	SetAside  = "set aside" // became a dead letter
	Duplicate = "duplicate" // left because its ID was kept or finished already; a put that the client had to repeat may be one, too
)

// Came returns how many items came into the lanes.
func (s Stats) Came() int64 { return sum(s.In) }

// Left returns how many of them left the lanes.
func (s Stats) Left() int64 { return sum(s.Out) }

// Items returns how many are in the lanes.
func (s Stats) Items() int64 { return s.Came() - s.Left() }

// Prefixes of the names in Stats.In and Stats.Out, as the stores keep them.
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

// Dead is a dead letter: an item that was given up, with its reason.
type Dead struct {
	ID       string // of the dead letter, for Revive and Drop
	Item     Item
	Reason   string
	Attempts int
	At       time.Time // when the item was given up
}

// Lease is a worker's exclusive hold on a lane, with the item to work on.
//
// It ends with Done, Pause or Bury. A lease that does not end this way expires, and its attempt counts as abandoned.
type Lease struct {
	Item
	Memo      []byte    // as the last Outcome left it; nil if there is none
	Pinned    []byte    // what Keep stored last in this lane and no settled Done has cleared since; nil if there is nothing
	Attempt   int       // 1: no work on this lane is unfinished. More: an earlier attempt may have acted already
	Abandoned bool      // the earlier attempt did not end its lease, so it may even still be acting for a moment
	Cut       time.Time // Abandoned: by when the earlier attempt had lost the lane, by this process's clock
	Crashes   int       // how many attempts in a row did not end their lease, most likely because their process died
	Since     time.Time // when the first of the attempts began

	store store
	entry any // the store's own handle
}

// suspicious is how many crashes in a row make a lane suspicious of causing them.
const suspicious = 2

// store is the store's side of a lease.
type store interface {
	until(l *Lease) time.Time
	keep(ctx context.Context, l *Lease, pinned []byte) error
	done(ctx context.Context, l *Lease, o Outcome) error
	pause(ctx context.Context, l *Lease, p Pause) error
	bury(ctx context.Context, l *Lease, reason string, o Outcome) error
}

// Until returns the time up to which the lane is surely ours. It moves forward by itself while the process runs. A process that was
// frozen finds it in its past, and must not act any more.
func (l *Lease) Until() time.Time { return l.store.until(l) }

// Keep stores bytes with the lane under the lease, in the place of what was stored before: a result that cannot be computed twice and
// that the next attempt must use. It is durable when Keep returns nil. Later leases of the lane have it as Pinned, whichever item comes
// first, until a Done without Outcome.Unsettled clears it, or the store forgets the lane's memo. Pause and Bury leave it.
func (l *Lease) Keep(ctx context.Context, pinned []byte) error {
	if pinned == nil {
		pinned = []byte{}
	}
	if err := l.store.keep(ctx, l, pinned); err != nil {
		return err
	}
	l.Pinned = pinned
	return nil
}

// Done applies an outcome, removes the item from its lane and ends the lease. The item's own ID is finished only if Outcome.Finished
// names it; otherwise a copy that comes later is kept again.
func (l *Lease) Done(ctx context.Context, o Outcome) error { return l.store.done(ctx, l, o) }

// Pause ends the lease; the item stays first in its lane.
func (l *Lease) Pause(ctx context.Context, p Pause) error { return l.store.pause(ctx, l, p) }

// Bury applies an outcome, makes the item a dead letter with a reason and ends the lease. The item's ID is not finished by that, so a
// copy that comes later is worked on; copies that are in the lane leave it. What is pinned stays with the lane, and a copy goes with the dead letter for the case that it is retried.
func (l *Lease) Bury(ctx context.Context, reason string, o Outcome) error {
	return l.store.bury(ctx, l, reason, o)
}

// proof remembers when the store has last accepted a write.
type proof struct{ at atomic.Int64 } // Unix time, ns

// fresh reports whether a write was accepted so recently that it need not be tried again.
func (p *proof) fresh() bool {
	const valid = 2 * time.Second
	age := time.Now().UnixNano() - p.at.Load()
	return age >= 0 && age < int64(valid)
}

// note remembers how a write went.
func (p *proof) note(err error) {
	if err != nil {
		p.at.Store(0)
	} else {
		p.at.Store(time.Now().UnixNano())
	}
}
