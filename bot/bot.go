// Package bot is the turn: it takes the next event of a chat's lane, asks the playbook what to do, and does it, once. It knows no
// platform: chats are behind the interfaces [Platform] and [Chat].
//
// Promises:
//
//   - Every visitor message that calls for an answer gets one, in the order of the messages. An attempt that follows another one reads the
//     record first and finds there what the other has said (package replay).
//   - A plan of several actions, and the outcome of a hand-over, are decided once, whatever happens in between (pins.go).
//   - A worker whose lease has expired sends nothing.
//   - Each kind of trouble has its own end: a chat that is over ends quietly, a missing token parks the lane, a failing platform is tried
//     again with back-off, and what is hopeless becomes a dead letter with its reason (end.go).
//
// It chooses no words (package playbook) and stores nothing (packages queue and dedupe).
package bot

import (
	"context"
	"errors"
	"sync"
	"time"

	"giosgbot/queue"
)

// Bot works through the lanes.
type Bot struct {
	opts    Options
	waiters *waiters
	gates   *gates
}

// New returns a bot; Run starts it.
func New(o Options) *Bot {
	o.setDefaults()
	return &Bot{opts: o, waiters: newWaiters(o.Workers / 2), gates: &gates{most: o.PerUser, total: o.Workers / 2, users: map[string]*gate{}}}
}

// Run works until ctx ends and the running turns are over, or their grace is. It runs once.
func (b *Bot) Run(ctx context.Context) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		close(b.waiters.stop)
		time.AfterFunc(b.opts.Grace, stop)
	})()
	var workers sync.WaitGroup
	for range b.opts.Workers {
		workers.Go(func() {
			for b.workOnce(ctx, working) {
			}
		})
	}
	workers.Wait()
	for _, l := range b.gates.drain() {
		b.giveBack(working, l)
	}
	return nil
}

// workOnce leases a lane and takes its turn. It returns false when there is no more work to take: ctx has ended, or the queue is closed.
func (b *Bot) workOnce(ctx, working context.Context) bool {
	l, err := b.opts.Queue.Lease(ctx)
	if l != nil && ctx.Err() != nil {
		b.giveBack(working, l)
	}
	if errors.Is(err, queue.ErrClosed) || ctx.Err() != nil {
		return false
	}
	if err != nil {
		b.opts.Log.Error("no lane can be leased", "err", err)
		return sleep(ctx, time.Second) == nil
	}
	b.pass(working, l)
	return true
}

// giveBack returns a lane to the queue on which no work has begun.
func (b *Bot) giveBack(ctx context.Context, l *queue.Lease) {
	if err := l.Pause(ctx, queue.Pause{Untouched: true}); err != nil {
		b.opts.Log.Warn("a lane was not given back; another worker takes it when the lease expires", "lane", l.Lane, "err", err)
	}
}

// work takes one turn at a lease's event, and ends the lease.
func (b *Bot) work(ctx context.Context, l *queue.Lease) {
	start := time.Now()
	t := &turn{
		opts: &b.opts, waiters: b.waiters, lease: l, memo: recall(l.Memo), pins: readPins(l.Pinned),
		log: b.opts.Log.With("lane", l.Lane, "event", l.ID),
	}
	err := t.guard(func() error { return t.attempt(ctx) })
	t.end(ctx, err)
	t.report.Lane, t.report.Attempt, t.report.Event = l.Lane, l.Attempt, t.ev
	t.report.Took = time.Since(start)
	if !t.ev.At.IsZero() {
		t.report.Waited = start.Sub(t.ev.At)
	}
	if t.endTrace != nil {
		t.endTrace(string(t.report.Result), t.report.Reason)
	}
	if b.opts.Observe != nil {
		b.opts.Observe(t.report)
	}
}

// pass takes a lease through the gate of its bot user: its turn, and those that waited for its end.
func (b *Bot) pass(ctx context.Context, l *queue.Lease) {
	run, park := b.gates.enter(l)
	if park > 0 {
		b.park(ctx, l, park)
	}
	for run && l != nil {
		b.work(ctx, l)
		next, wake := b.gates.leave(l)
		b.wake(ctx, userOf(l), wake)
		l = next
	}
}

// park gives a lane back to the queue until turns of its bot user have ended, but not for longer than most.
func (b *Bot) park(ctx context.Context, l *queue.Lease, most time.Duration) {
	err := l.Pause(ctx, queue.Pause{Topic: gateTopic(userOf(l)), After: most, Untouched: true})
	if err != nil {
		b.opts.Log.Warn("a lane was not given back; another worker takes it when the lease expires", "lane", l.Lane, "err", err)
	}
	b.wake(ctx, userOf(l), b.gates.afterPark(userOf(l)))
}

func (b *Bot) wake(ctx context.Context, user string, n int) {
	if n == 0 {
		return
	}
	if err := b.opts.Queue.WakeSome(ctx, gateTopic(user), n); err != nil {
		b.gates.unwoken(user, n)
		b.opts.Log.Warn("parked lanes were not woken; they come back by themselves", "user", user, "err", err)
	}
}
