package bot

import (
	"context"
	"errors"
	"time"

	"giosgbot/giosg"
	"giosgbot/queue"
)

// end closes the lease of a turn as its error says.
func (t *turn) end(ctx context.Context, err error) {
	if t.log == nil {
		t.log = t.Log.With("lane", t.lease.Lane, "event", t.lease.ID)
	}
	t.waited = patience // no more of it: what remains to be done has little time
	// Also a turn whose time is over must be able to say so.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := t.close(ctx, err); errors.Is(err, queue.ErrLost) {
		t.report.Result, t.report.Reason = "lost", "another worker has the lane"
		t.log.Warn("lane lost to another worker")
	} else if err != nil {
		t.report.Result, t.report.Reason = "later", "the turn's end was not kept: "+err.Error()
		t.log.Warn("the turn's end was not kept, so it will be looked at again", "err", err)
	}
}

func (t *turn) close(ctx context.Context, err error) error {
	if err == nil {
		if t.report.Result == "" {
			t.report.Result = "silent"
			if t.report.Said > 0 {
				t.report.Result = "answered"
			}
		}
		t.log.Debug("turn done", "result", t.report.Result, "reason", t.report.Reason, "rule", t.report.Rule)
		return t.lease.Done(ctx, t.outcome())
	}
	if errors.Is(err, queue.ErrLost) { // or about to be: then it is given back
		t.report.Result = "later"
		return t.lease.Pause(ctx, queue.Pause{Untouched: !t.acted, After: t.Settle})
	}
	t.report.Reason = err.Error()
	if _, is := errors.AsType[*hopeless](err); is {
		return t.setAside(ctx)
	}
	if errors.Is(err, errNoToken) {
		return t.wait(ctx)
	}
	kind := giosg.KindOf(err)
	if kind == giosg.Unauthorized {
		t.Tokens.Refuse(ctx, t.chat.token)
		return t.wait(ctx)
	}
	if kind == giosg.Gone || kind == giosg.Forbidden || kind == giosg.Invalid || kind == giosg.Taken {
		return t.refused(ctx, err)
	}
	// Temporary, throttled, of unknown fate, or something of our own such as Redis.
	if t.lease.Attempt >= 10 && time.Since(t.lease.Since) > t.GiveUp {
		return t.setAside(ctx)
	}
	pause := queue.Pause{After: max(backoff(t.lease.Attempt), giosg.RetryAfter(err))}
	if giosg.Refrained(err) { // the lane waits with all others of its bot user; they come back a little apart
		pause = queue.Pause{After: comeAgain(err), Untouched: !t.acted}
	} else if kind == giosg.Unknown || kind == giosg.Canceled && t.acted {
		pause.After = max(pause.After, t.Settle) // what was sent must have come to rest before the next attempt looks
	}
	t.report.Result = "later"
	t.log.Warn("will try again", "err", err, "after", pause.After.String())
	return t.lease.Pause(ctx, pause)
}

// wait leaves the event in its lane until a webhook brings a token.
func (t *turn) wait(ctx context.Context) error {
	t.report.Result, t.report.Reason = "waiting", "the bot user has no valid token"
	if time.Since(t.ev.At) > t.Forget {
		t.report.Reason = "no webhook has brought a token of the bot user for " + t.Forget.String() + "; is the app still installed?"
		return t.setAside(ctx)
	}
	t.log.Info("waits for a token", "user", t.ev.User)
	err := t.lease.Pause(ctx, queue.Pause{After: time.Minute, Topic: Topic(giosg.UserID(t.ev.User)), Untouched: !t.acted})
	if err != nil {
		return err
	}
	if _, came := t.Tokens.Get(ctx, giosg.UserID(t.ev.User)); came { // meanwhile
		return t.Queue.Wake(ctx, Topic(giosg.UserID(t.ev.User)))
	}
	return nil
}

// refused ends a turn whose call giosg turned down: quietly if the chat is over, else it is set aside for a person to look at.
func (t *turn) refused(ctx context.Context, err error) error {
	if t.chat.justJoined && giosg.KindOf(err) == giosg.Gone && t.lease.Attempt < 5 {
		// The platform does not know yet what it has just accepted.
		t.report.Result = "later"
		return t.lease.Pause(ctx, queue.Pause{After: backoff(t.lease.Attempt)})
	}
	over, why := t.chat.over(ctx)
	if why != nil && giosg.KindOf(why) != giosg.Forbidden {
		return t.close(ctx, why)
	}
	if over {
		t.memo.Role = left
		t.report.Result, t.report.Reason = "over", "the chat is over or no longer the bot's"
		t.log.Info("the chat is over or no longer the bot's")
		t.finished = append(t.finished, t.ev.ID)
		return t.lease.Done(ctx, t.outcome())
	}
	return t.setAside(ctx)
}

func (t *turn) setAside(ctx context.Context) error {
	t.report.Result = "set aside"
	t.log.Error("event set aside", "reason", t.report.Reason)
	o := queue.Outcome{Finished: t.finished, Unsettled: t.lease.Attempt > 1}
	if t.acted {
		o.Memo = t.memo.bytes()
	}
	return t.lease.Bury(ctx, t.report.Reason, o)
}

// backoff doubles from half a second to ten seconds, with jitter: a visitor waits. What spares a giosg in trouble is the breaker.
func backoff(attempt int) time.Duration {
	return jitter(min(500*time.Millisecond<<min(attempt-1, 10), 10*time.Second))
}
