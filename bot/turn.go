package bot

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/queue"
	"giosgbot/replay"
)

// turn is one attempt at one event.
type turn struct {
	opts    *Options
	waiters *waiters
	lease   *queue.Lease
	ev      chat.Event
	chat    Chat // nil until the platform has opened it
	book    *playbook.Playbook
	memo    memo
	pins    pins
	log     *slog.Logger

	inside     bool          // the bot is a member of the chat, so a refusal may mean that the chat is over
	cold       bool          // the memo does not tell what was answered, so the record must
	finished   []string      // ids that need no work any more
	waitedOut  bool          // an abandoned attempt before this one can take effect no more
	settledAll bool          // the record was read, and all that the bot owes in it is done
	delayed    time.Duration // how long the turn has waited in place
	failing    *replay.Reply // the reply that is being carried out, or that failed
	report     Report
	endTrace   func(result, reason string)
}

// plan asks the playbook.
func (t *turn) plan(s playbook.State, in playbook.Input) playbook.Plan {
	if t.opts.Explain {
		return t.book.Explain(s, in)
	}
	return t.book.Next(s, in)
}

// about is what all inputs of this chat have in common.
func (t *turn) about() playbook.Input {
	return playbook.Input{
		ID: t.ev.Chat, Mode: t.memo.Mode, Org: t.ev.Org,
		RoomID: t.memo.Room, RoomName: t.memo.RoomName, Language: t.memo.Language,
	}
}

// lookUpRoom finds what the playbook wants to know of the room, once in a chat.
func (t *turn) lookUpRoom(ctx context.Context) error {
	if t.memo.RoomKnown || t.memo.Room == "" || !t.book.NeedsRoom() {
		return nil
	}
	a, ok, err := t.chat.About(ctx, t.memo.Room)
	if err != nil {
		return err
	}
	t.memo.RoomKnown, t.memo.Language, t.memo.RoomName = ok, a.Language, a.RoomName
	return nil
}

// finish notes ids that need no work any more.
func (t *turn) finish(ids ...string) {
	for _, id := range ids {
		if id != "" && !slices.Contains(t.finished, id) {
			t.finished = append(t.finished, id)
		}
	}
}

// finishEvent notes that a message needs no work any more. Events of other kinds may be repeated under the same id, and mean something new.
func (t *turn) finishEvent() {
	if t.ev.FromVisitor() || t.ev.Kind == chat.Human {
		t.finish(t.ev.ID)
	}
}

// wasGivenUp reports whether the event was a dead letter before. Then an attempt may have answered a part of it, long ago.
func (t *turn) wasGivenUp() bool {
	return slices.Contains(t.memo.GivenUp, t.ev.ID) || t.ev.Kind == chat.Check && len(t.memo.GivenUp) > 0
}

// greeting is the id of the line that the greeting answers.
const greeting = ""

// hasOwnReply reports whether a reply is what the event is there for.
func (t *turn) hasOwnReply(r *replay.Reply) bool {
	switch t.ev.Kind {
	case chat.Check:
		return true
	case chat.Pending, chat.Routed:
		return r.Line.ID == greeting
	}
	return r.Line.ID == t.ev.ID
}

// ignore ends a turn that has nothing to do. It does not finish the event: the same message may come by another way, or be found in the
// record, when the bot has a use for it.
func (t *turn) ignore(reason string) error {
	t.report.Result, t.report.Reason = Ignored, reason
	return nil
}

// conclude ends a turn whose event needs no work any more.
func (t *turn) conclude(r Result, reason string) error {
	t.finishEvent()
	t.report.Result, t.report.Reason = r, reason
	t.log.Info(reason)
	return nil
}

// outcome is what the end of the turn makes true.
func (t *turn) outcome() queue.Outcome {
	// Only a record that was read and answered as a whole tells what an earlier attempt did, whichever event that worked on.
	o := queue.Outcome{Finished: t.finished, Fate: string(t.report.Result), Unsettled: t.lease.Attempt > 1 && !t.settledAll}
	if m := t.memo.bytes(); !bytes.Equal(m, t.lease.Memo) && (t.lease.Memo != nil || !t.memo.empty()) {
		o.Memo = m
	}
	return o
}

// wait waits until a deferred call may be made again; see [Attempt].
func (t *turn) wait(ctx context.Context, err error) bool {
	f := chat.Failure(err)
	if !f.Deferred {
		return false
	}
	delay := retryAt(f)
	if delay > mostDelay || t.delayed+delay > mostDelays {
		return false
	}
	t.delayed += delay
	t.log.Debug("waiting to repeat a call", "err", err, "after", delay.String())
	return t.waiters.sleep(ctx, delay)
}

// settled notes that a reply is complete.
func (t *turn) settled(r *replay.Reply) {
	t.report.Plan = &r.Plan
	if r.Line.ID != "" {
		t.finish(r.Line.ID)
		t.memo.answered(r.Line.ID)
		t.memo.Heard = max(t.memo.Heard, replay.Millis(r.Line.At))
	}
	if r.Plan.Rule != "" {
		t.report.Rule = r.Plan.Rule
	}
}

// settle waits until what an attempt that was cut short had sent has taken effect. It returns false if there was no need to wait.
func (t *turn) settle(ctx context.Context) (waited bool, err error) {
	wait := t.opts.Settle - time.Since(t.lease.Cut)
	waited = t.lease.Abandoned && wait > 0
	if waited {
		err = sleep(ctx, wait)
	}
	t.waitedOut = err == nil
	return waited, err
}

// guard makes a panic an error of this turn.
func (t *turn) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.log.Error("panic in a turn", "panic", p, "stack", string(debug.Stack()))
			err = chat.Hopelessly(fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}
