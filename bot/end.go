package bot

import (
	"context"
	"errors"
	"time"

	"giosgbot/chat"
	"giosgbot/queue"
)

const (
	lastCalls = 3 * time.Second // for calls on the platform after the turn's error
	lastStep  = 3 * time.Second // for the end of the lease
)

// ending ends the lease of a turn.
type ending func(context.Context) error

// end ends the lease as the turn's error says.
func (t *turn) end(ctx context.Context, err error) {
	t.delayed = mostDelays // what remains to be done has little time, so it waits for nothing
	ctx = context.WithoutCancel(ctx)
	var finish ending
	if panicked := t.guard(func() error { finish = t.decide(ctx, err); return nil }); panicked != nil {
		t.report.Reason = panicked.Error()
		finish = t.giveUp()
	}
	// The end of the lease has its own time: it must be stored even if the calls before it took all of theirs.
	ctx, cancel := context.WithTimeout(ctx, lastStep)
	defer cancel()
	if err := t.guard(func() error { return finish(ctx) }); errors.Is(err, queue.ErrLost) {
		t.report.Result, t.report.Reason = Lost, "another worker has the lane"
		t.log.Warn("the lease has expired; another worker has the lane")
	} else if err != nil {
		t.report.Result, t.report.Reason = Later, "the end of the turn was not stored: "+err.Error()
		t.log.Warn("the end of the turn was not stored, so the event will be tried again", "err", err)
	}
}

// decide returns how to end the lease after an error. It calls the platform at most once.
func (t *turn) decide(ctx context.Context, err error) ending {
	if err == nil {
		return t.done()
	}
	t.report.Reason = err.Error()
	if !chat.Denied(err) {
		return t.trouble(err)
	}
	if !t.inside {
		return t.odd(err)
	}
	ctx, cancel := context.WithTimeout(ctx, lastCalls)
	defer cancel()
	over, sure, why := t.chat.Over(ctx)
	switch {
	case why != nil && !chat.Denied(why):
		t.report.Reason = why.Error()
		return t.trouble(why)
	case why == nil && over && (sure || t.lease.Attempt >= oddAttempts):
		return t.over(sure)
	}
	return t.odd(err)
}

// trouble decides after an error that is not a refusal.
func (t *turn) trouble(err error) ending {
	if errors.Is(err, queue.ErrLost) { // or the lease is about to expire, and can be given back
		t.report.Result = Later
		return t.pause(queue.Pause{Untouched: !t.acted(), After: t.opts.Settle})
	}
	if w, is := errors.AsType[*chat.Wait](err); is {
		return t.park(w)
	}
	if chat.FateOf(err) == chat.Hopeless {
		return t.giveUp()
	}
	return t.later(err)
}

func (t *turn) done() ending {
	if t.report.Result == "" {
		t.report.Result = Silent
		if t.report.Said > 0 {
			t.report.Result = Answered
		}
	}
	t.log.Debug("turn done", "result", t.report.Result, "reason", t.report.Reason, "rule", t.report.Rule)
	return func(ctx context.Context) error { return t.lease.Done(ctx, t.outcome()) }
}

func (t *turn) pause(p queue.Pause) ending {
	p.Unsettled = !t.waitedOut
	return func(ctx context.Context) error { return t.lease.Pause(ctx, p) }
}

// acted reports whether the turn has changed anything outside, or may have.
func (t *turn) acted() bool { return t.chat != nil && t.chat.Acted() }

// later leaves the event to another attempt, unless it was tried for long enough.
func (t *turn) later(err error) ending {
	if t.lease.Attempt >= 10 && time.Since(t.lease.Since) > t.opts.GiveUp {
		return t.giveUp()
	}
	f := chat.Failure(err)
	p := queue.Pause{After: max(backoff(t.lease.Attempt, 10*time.Second), f.Delay)}
	switch {
	case f.Unsent: // no attempt was made
		p = queue.Pause{After: retryAt(f), Untouched: !t.acted()}
	case f.Fate == chat.Unknown:
		p.After = max(p.After, t.opts.Settle) // the next attempt must find in the record what was sent
	}
	return t.again(err, p)
}

// odd leaves the event to another attempt after a refusal that may be a passing fault. Each attempt waits longer than the one before.
func (t *turn) odd(err error) ending {
	enough := min(t.opts.GiveUp, oddTime)
	if t.ev.Kind == chat.Check {
		enough = 0 // the next sweep is another chance, and the lane's messages must not wait for it
	}
	if t.lease.Attempt >= oddAttempts && time.Since(t.lease.Since) >= enough {
		return t.giveUp()
	}
	p := queue.Pause{After: max(backoff(t.lease.Attempt, time.Minute), chat.Failure(err).Delay)}
	if t.acted() {
		p.After = max(p.After, t.opts.Settle) // the call may have taken effect all the same
	}
	return t.again(err, p)
}

func (t *turn) again(err error, p queue.Pause) ending {
	t.report.Result = Later
	t.log.Warn("will try again", "err", err, "after", p.After.String())
	return t.pause(p)
}

// park leaves the event in its lane until what it waits for has come.
func (t *turn) park(w *chat.Wait) ending {
	t.report.Result = Waiting
	if time.Since(t.ev.At) > t.opts.Forget {
		t.report.Reason = w.Reason + ", for " + t.opts.Forget.String() + "; " + w.Hint
		return t.giveUp()
	}
	t.log.Info("waiting", "for", w.Topic, "reason", w.Reason)
	parked := t.pause(queue.Pause{After: time.Minute, Topic: w.Topic, Untouched: !t.acted()})
	return func(ctx context.Context) error {
		if err := parked(ctx); err != nil || !w.Came(ctx) {
			return err
		}
		return t.opts.Queue.Wake(ctx, w.Topic)
	}
}

// over ends a turn quietly: the chat has ended, or if that is not sure, the platform does not show it any more. Then a later event may find
// that it does.
func (t *turn) over(sure bool) ending {
	const reason = "the chat is over or no longer the bot's"
	t.memo.Role = chat.Unclear
	if sure {
		t.memo.Role = chat.Left
	}
	t.report.Result, t.report.Reason = Over, reason
	t.log.Info(reason)
	t.finishEvent()
	return func(ctx context.Context) error { return t.lease.Done(ctx, t.outcome()) }
}

// giveUp makes the event a dead letter. A check only ends: the next sweep makes another one.
func (t *turn) giveUp() ending {
	if t.ev.Kind == chat.Check {
		t.report.Result = Ignored
		t.log.Warn("check given up; the next sweep makes another one", "reason", t.report.Reason)
		return func(ctx context.Context) error { return t.lease.Done(ctx, t.outcome()) }
	}
	t.report.Result = SetAside
	t.log.Error("event given up", "reason", t.report.Reason)
	o := queue.Outcome{Finished: t.finished, Unsettled: t.lease.Attempt > 1}
	m := t.memo
	if !t.acted() {
		m = recall(t.lease.Memo)
	}
	m.Doubt = t.acted()
	if t.ev.FromVisitor() {
		m.giveUp(t.ev.ID)
	}
	if t.failing != nil {
		m.giveUp(t.failing.Line.ID)
	}
	if t.acted() || t.ev.FromVisitor() {
		o.Memo = m.bytes()
	}
	return func(ctx context.Context) error { return t.lease.Bury(ctx, t.report.Reason, o) }
}
