package bot

import (
	"context"
	"errors"
	"time"

	"giosgbot/chat"
	"giosgbot/queue"
)

// end closes the lease of a turn as its error says.
func (t *turn) end(ctx context.Context, err error) {
	t.delayed = mostDelays // what remains to be done has little time, so it waits for nothing
	// A turn whose time is over must still be able to end its lease.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := t.close(ctx, err); errors.Is(err, queue.ErrLost) {
		t.report.Result, t.report.Reason = Lost, "another worker has the lane"
		t.log.Warn("the lease has expired; another worker has the lane")
	} else if err != nil {
		t.report.Result, t.report.Reason = Later, "the end of the turn was not stored: "+err.Error()
		t.log.Warn("the end of the turn was not stored, so the event will be tried again", "err", err)
	}
}

func (t *turn) close(ctx context.Context, err error) error {
	if err == nil {
		return t.done(ctx)
	}
	if errors.Is(err, queue.ErrLost) { // or it is about to expire, and can be given back
		t.report.Result = Later
		return t.lease.Pause(ctx, queue.Pause{Untouched: !t.acted(), After: t.opts.Settle})
	}
	t.report.Reason = err.Error()
	if w, is := errors.AsType[*chat.Wait](err); is {
		return t.park(ctx, w)
	}
	switch chat.FateOf(err) {
	case chat.Hopeless:
		return t.giveUp(ctx)
	case chat.Over, chat.Refused:
		return t.refused(ctx)
	}
	return t.later(ctx, err)
}

func (t *turn) done(ctx context.Context) error {
	if t.report.Result == "" {
		t.report.Result = Silent
		if t.report.Said > 0 {
			t.report.Result = Answered
		}
	}
	t.log.Debug("turn done", "result", t.report.Result, "reason", t.report.Reason, "rule", t.report.Rule)
	return t.lease.Done(ctx, t.outcome())
}

// acted reports whether the turn has changed anything outside, or may have.
func (t *turn) acted() bool { return t.chat != nil && t.chat.Acted() }

// later leaves the event to another attempt, unless it was tried for long enough.
func (t *turn) later(ctx context.Context, err error) error {
	if t.lease.Attempt >= 10 && time.Since(t.lease.Since) > t.opts.GiveUp {
		return t.giveUp(ctx)
	}
	f := chat.Failure(err)
	pause := queue.Pause{After: max(backoff(t.lease.Attempt), f.Delay)}
	switch {
	case f.Unsent: // no attempt was made
		pause = queue.Pause{After: retryAt(f), Untouched: !t.acted()}
	case f.Fate == chat.Unknown:
		pause.After = max(pause.After, t.opts.Settle) // the next attempt must find in the record what was sent
	}
	t.report.Result = Later
	t.log.Warn("will try again", "err", err, "after", pause.After.String())
	return t.lease.Pause(ctx, pause)
}

// park leaves the event in its lane until what it waits for has come.
func (t *turn) park(ctx context.Context, w *chat.Wait) error {
	t.report.Result = Waiting
	if time.Since(t.ev.At) > t.opts.Forget {
		t.report.Reason = w.Reason + ", for " + t.opts.Forget.String() + "; " + w.Hint
		return t.giveUp(ctx)
	}
	t.log.Info("waiting", "for", w.Topic, "reason", w.Reason)
	err := t.lease.Pause(ctx, queue.Pause{After: time.Minute, Topic: w.Topic, Untouched: !t.acted()})
	if err != nil || !w.Came(ctx) {
		return err
	}
	return t.opts.Queue.Wake(ctx, w.Topic)
}

// refused ends a turn whose call the platform turned down: quietly if the chat is over, otherwise as a dead letter for a person to see.
func (t *turn) refused(ctx context.Context) error {
	over, err := t.chat.Over(ctx)
	if err != nil && chat.FateOf(err) != chat.Refused {
		return t.close(ctx, err)
	}
	if !over {
		return t.giveUp(ctx)
	}
	const reason = "the chat is over or no longer the bot's"
	t.memo.Role = chat.Left
	t.report.Result, t.report.Reason = Over, reason
	t.log.Info(reason)
	t.finish(t.ev.ID)
	return t.lease.Done(ctx, t.outcome())
}

// giveUp makes the event a dead letter.
func (t *turn) giveUp(ctx context.Context) error {
	t.report.Result = SetAside
	t.log.Error("event given up", "reason", t.report.Reason)
	o := queue.Outcome{Finished: t.finished, Unsettled: t.lease.Attempt > 1}
	if t.acted() {
		o.Memo = t.memo.bytes()
	}
	return t.lease.Bury(ctx, t.report.Reason, o)
}
