package bot

import (
	"context"
	"slices"
	"time"

	"giosgbot/playbook"
)

// sidekick speaks in a chat that others serve, if a rule matches.
func (t *turn) sidekick(ctx context.Context) error {
	if !t.book.Has(playbook.Sidekick) {
		return t.ignore("the chat is not the bot's")
	}
	if err := t.chat.room(ctx); err != nil {
		return err
	}
	t.memo.Mode = playbook.Sidekick
	in := heard(t.about(), eventLine(t.ev))
	plan := t.next(t.memo.State, in)
	if len(plan.Actions) == 0 {
		t.memo.State = plan.State
		t.report.Plan, t.report.Result = &plan, "silent"
		return nil
	}
	if err := t.chat.present(ctx); err != nil {
		return err
	}
	if t.memo.Role != aside && !t.ev.Member {
		if reason, err := t.chat.sitIn(ctx); reason != "" || err != nil {
			if err != nil {
				return err
			}
			return t.ignore(reason)
		}
	}
	t.memo.Role = aside
	r := &reply{line: eventLine(t.ev), in: in, plan: plan, rest: plan.Actions, owed: true}
	if t.lease.Attempt > 1 || t.lease.Memo == nil { // of which nobody may know any more
		if err := t.takeOffSaid(ctx, r); err != nil {
			return err
		}
	}
	t.memo.State = plan.State
	if err := t.carryOut(ctx, r); err != nil {
		return err
	}
	t.settled(r)
	return nil
}

// letBe is for a sidekick that remembers nothing: what the visitor wrote before its own last words was dealt with.
func (t *turn) letBe(lines []line) {
	var older []string
	for _, l := range lines {
		switch {
		case (l.what == said || l.what == pressed) && l.id != t.ev.ID:
			older = append(older, l.id)
		case l.what == ownWords:
			t.finished = append(t.finished, older...)
			older = nil
		}
	}
}

// takeOffSaid finds what an earlier attempt of a sidekick said already.
func (t *turn) takeOffSaid(ctx context.Context, r *reply) error {
	known := t.memo.Own
	for again := false; ; again = true {
		lines, err := t.chat.read(ctx)
		if err != nil {
			return err
		}
		t.report.Looked = true
		if t.lease.Memo == nil && !again {
			t.letBe(lines)
		}
		rest := r.plan.Actions
		t.memo.Own = known
		for _, l := range lines {
			if l.what != ownWords || l.at.Before(t.ev.At) || slices.Contains(known, l.id) {
				continue
			}
			if left, _, ok := takeOff(rest, l); ok {
				rest = left
				t.memo.own(l.id)
			}
		}
		r.rest = rest
		wait := t.Settle - time.Since(t.lease.Cut)
		if len(rest) == 0 || again || !t.lease.Abandoned || wait <= 0 {
			return nil
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}
