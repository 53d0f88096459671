package bot

import (
	"context"
	"reflect"
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
	member := t.memo.Role == aside || t.ev.Member
	if len(plan.Actions) > 0 && !member {
		if reason, err := t.chat.unserved(ctx); reason != "" || err != nil {
			return t.ignoreOr(reason, err)
		}
	}
	// Most messages are answered by no rule, whatever was before, and cost no call.
	if !t.memo.Whole && (len(plan.Actions) > 0 || !reflect.DeepEqual(plan.State, t.memo.State) || t.book.MaySpeak(in)) {
		if err := t.recollect(ctx, member); err != nil {
			return err
		}
		plan = t.next(t.memo.State, in)
	}
	if len(plan.Actions) == 0 {
		t.memo.State = plan.State
		t.report.Plan, t.report.Result = &plan, "silent"
		return nil
	}
	if err := t.chat.present(ctx); err != nil {
		return err
	}
	if !member {
		if reason, err := t.chat.sitIn(ctx); reason != "" || err != nil {
			return t.ignoreOr(reason, err)
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

// recollect finds the state again from the chat's lines.
func (t *turn) recollect(ctx context.Context, member bool) error {
	lines, err := t.chat.readAside(ctx, member)
	if err != nil {
		return err
	}
	t.report.Looked = true
	t.memo.State, t.memo.Whole = t.relive(lines)
	if t.lease.Memo == nil {
		t.letBe(lines)
	}
	return nil
}

// relive is what replay is for a chat that others serve: it finds the state before the event at hand. A rule that matched need not have
// spoken, since nobody served the chat then; it counts if its words stand in the chat and fit no newer message. whole is false if later messages may have been
// answered too, as this one comes late: what is remembered after it is then not all that was.
func (t *turn) relive(lines []line) (s playbook.State, whole bool) {
	accounted := map[string]bool{}
	past := false
	for i, l := range lines {
		switch {
		case l.what != said && l.what != pressed:
			continue
		case l.id == t.ev.ID:
			past = true
			continue
		case past || l.at.After(t.ev.At):
			return s, !slices.ContainsFunc(lines[i:], func(l line) bool { return l.what == ownWords })
		}
		in := heard(t.about(), l)
		plan := t.book.Next(s, in)
		rest, spoke := plan.Actions, len(plan.Actions) == 0
		var outcomes []bool
		for j, w := range lines[i+1:] {
			if w.what != ownWords || accounted[w.id] {
				continue
			}
			if left, more, ok := takeOff(rest, w); ok && !t.fitsAny(s, lines[i+1:i+1+j], w) {
				rest, spoke, outcomes = left, true, append(outcomes, more...)
				accounted[w.id] = true
			}
		}
		if !spoke {
			continue
		}
		s = plan.State
		for _, found := range outcomes {
			in.Kind, in.Found = playbook.Outcome, found
			s = t.book.Next(s, in).State
		}
	}
	return s, true
}

// fitsAny tells whether the bot's words can be the answer to one of the visitor's lines.
func (t *turn) fitsAny(s playbook.State, lines []line, words line) bool {
	return slices.ContainsFunc(lines, func(l line) bool {
		if l.what != said && l.what != pressed {
			return false
		}
		_, _, ok := takeOff(t.book.Next(s, heard(t.about(), l)).Actions, words)
		return ok
	})
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
