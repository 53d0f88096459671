package bot

import (
	"cmp"
	"context"
	"slices"
	"time"

	"giosgbot/chat"
	"giosgbot/replay"
)

// settleAll reads the record and does all that the bot still owes in the chat.
func (t *turn) settleAll(ctx context.Context, justJoined bool) error {
	if err := t.lookUpRoom(ctx); err != nil {
		return err
	}
	s, err := t.read(ctx, justJoined)
	if err != nil {
		return err
	}
	if s.Left {
		return t.afterLeaving(s)
	}
	t.leaveGivenUp(s.Replies)
	if t.ev.Kind == chat.Check {
		if err := t.dropOld(ctx, s.Replies); err != nil {
			return err
		}
	}
	t.memo.Role, t.memo.State = chat.Serving, s.State
	if !s.Greeted.IsZero() {
		t.memo.Greeted = replay.Millis(s.Greeted)
	}
	// The memo is kept only when all is done: an attempt that is cut short here leaves the next one the memo that says where to begin.
	for _, r := range s.Replies {
		if err := t.complete(ctx, r); err != nil {
			return err
		}
	}
	t.settledAll = true
	t.finishEvent() // it may have been answered before, and so not be among the replies
	return nil
}

// afterLeaving ends the turn in a chat that the bot has left. What was said completely before is handled.
func (t *turn) afterLeaving(s replay.Story) error {
	for _, r := range s.Replies {
		if r.Owed && !r.Later && !r.HasWords() {
			t.settled(r)
		}
	}
	t.memo.Role = chat.Left
	return t.ignore("the bot has left this chat")
}

// complete does what is left of a reply that is owed.
func (t *turn) complete(ctx context.Context, r *replay.Reply) error {
	if !r.Owed {
		return nil
	}
	if r.Later {
		r.Plan = t.pins.plan(r, t.memo.State, t.plan)
		r.Rest, t.memo.State = r.Plan.Actions, r.Plan.State
	}
	if err := t.carryOut(ctx, r); err != nil {
		return err
	}
	t.settled(r)
	return nil
}

// leaveGivenUp closes the replies to messages that became dead letters, unless the event is there for them: what failed for one message
// must not fail for those after it.
func (t *turn) leaveGivenUp(replies []*replay.Reply) {
	for _, r := range replies {
		if !t.hasOwnReply(r) && slices.Contains(t.memo.GivenUp, r.Line.ID) {
			r.Close()
			r.Owed = false
		}
	}
}

// dropOld closes the replies that a sweep found too late, and makes the bot present if any remain.
func (t *turn) dropOld(ctx context.Context, replies []*replay.Reply) error {
	for _, r := range replies {
		if at := r.In.At; r.Open() && !at.IsZero() && time.Since(at) > t.opts.MaxAge {
			r.Close()
			r.Owed = !slices.Contains(t.memo.GivenUp, r.Line.ID) // the dead letter can still be retried
		}
	}
	if !slices.ContainsFunc(replies, (*replay.Reply).Open) {
		return nil
	}
	return t.chat.Present(ctx)
}

// read replays the record. If a reply is open after an attempt that was cut short, it waits until what that one sent is in the record,
// and reads once more.
func (t *turn) read(ctx context.Context, justJoined bool) (replay.Story, error) {
	before, cold := t.memo, t.cold
	s, err := t.replay(ctx, justJoined)
	if err != nil || !slices.ContainsFunc(s.Replies, (*replay.Reply).Open) {
		return s, err
	}
	waited, err := t.settle(ctx)
	if err != nil || !waited {
		return s, err
	}
	t.memo, t.cold = before, cold // the first reading has moved memo.Said
	return t.replay(ctx, justJoined)
}

// replay reads the record once and finds what is owed.
func (t *turn) replay(ctx context.Context, justJoined bool) (replay.Story, error) {
	covered := t.covered()
	lines, seen, err := t.lines(ctx, covered)
	trusted := err == nil && t.trusts(lines, seen)
	if err == nil && !trusted && !covered.IsZero() {
		lines, seen, err = t.lines(ctx, time.Time{})
	}
	if err != nil {
		return replay.Story{}, err
	}
	c := replay.Chat{Next: t.plan, About: t.about(), Lines: lines, Seen: seen, Pinned: t.pins, JustJoined: justJoined}
	if trusted {
		c.Known = t.memo.known()
	}
	s := replay.Replay(c)
	// From here on all of the bot's words in the record belong to known replies.
	for _, l := range lines {
		if l.Kind == replay.Own {
			t.memo.Said = replay.MarkOf(l)
		}
	}
	t.memo.noteLeave(lines)
	t.cold, t.memo.Blind, t.memo.Doubt = false, false, false
	return s, nil
}

// covered returns when the newest line was written that the memo covers for sure; zero if the memo does not tell.
func (t *turn) covered() time.Time {
	if !t.remembers() || t.memo.Said.At == 0 || t.memo.Heard == 0 {
		return time.Time{}
	}
	return time.UnixMilli(min(t.memo.Said.At, t.memo.Heard, replay.Millis(t.ev.At)))
}

// lines reads the record, with the event, and finds which lines are handled. It reads back to a part that is older than covered and in which
// every line is handled, because a webhook may have been lost or late; all of the record if covered is zero.
func (t *turn) lines(ctx context.Context, covered time.Time) ([]replay.Line, map[string]bool, error) {
	var failed error
	enough := func(part []replay.Line) bool {
		seen, err := t.seen(ctx, part)
		if err != nil {
			failed = err
			return true
		}
		return part[0].At.Before(covered) && !slices.ContainsFunc(part, func(l replay.Line) bool { return l.FromVisitor() && !seen[l.ID] })
	}
	if covered.IsZero() {
		enough = nil
	}
	lines, err := t.chat.Record(ctx, enough)
	if err = cmp.Or(err, failed); err != nil {
		return nil, nil, err
	}
	t.report.Looked = true
	lines = replay.WithEvent(lines, t.ev)
	seen, err := t.seen(ctx, lines)
	return lines, seen, err
}

// seen reports which lines are handled.
func (t *turn) seen(ctx context.Context, lines []replay.Line) (map[string]bool, error) {
	var ids []string
	for _, l := range lines {
		if l.FromVisitor() || l.Kind == replay.Human {
			ids = append(ids, l.ID)
		}
	}
	handled, err := t.opts.Handled.Seen(ctx, t.lease.Lane, ids...)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, id := range ids {
		seen[id] = handled[i]
	}
	return seen, nil
}

// remembers reports whether the memo says how far the chat was answered.
func (t *turn) remembers() bool {
	return !t.cold && !t.memo.Blind && (t.memo.Role == chat.Serving || t.memo.Role == chat.Left)
}

// trusts reports whether the memo says which of the bot's words belong to known replies.
func (t *turn) trusts(lines []replay.Line, seen map[string]bool) bool {
	if !t.remembers() {
		return false
	}
	// The store has lost its data since it gave out the memo, if the newest line that was handled is not among the handled ones.
	return !slices.ContainsFunc(lines, func(l replay.Line) bool {
		return l.FromVisitor() && replay.Millis(l.At) == t.memo.Heard && !seen[l.ID]
	})
}
