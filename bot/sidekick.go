package bot

import (
	"context"
	"reflect"
	"slices"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// sidekick answers in a chat that others serve, if a rule matches.
func (t *turn) sidekick(ctx context.Context) error {
	if !t.book.Has(playbook.Sidekick) {
		return t.ignore("the chat is not the bot's")
	}
	if err := t.lookUpRoom(ctx); err != nil {
		return err
	}
	t.memo.Mode = playbook.Sidekick
	member := t.memo.Role == chat.Aside || t.ev.Member
	t.inside = member
	r, reason, err := t.sidekickReply(ctx, member)
	if err != nil {
		return err
	}
	if reason != "" {
		return t.ignore(reason)
	}
	if len(r.Rest) == 0 {
		t.memo.State = r.Plan.State
		t.report.Plan, t.report.Result = &r.Plan, Silent
		return nil
	}
	if err := t.chat.Present(ctx); err != nil {
		return err
	}
	if !member {
		if reason, err := t.chat.SitIn(ctx); err != nil {
			return err
		} else if reason != "" {
			return t.ignore(reason)
		}
	}
	t.memo.Role, t.inside = chat.Aside, true
	if t.lease.Attempt > 1 || t.lease.Memo == nil || t.wasGivenUp() { // an earlier attempt may have spoken
		if err := t.strikeSaid(ctx, r); err != nil {
			return err
		}
	}
	t.memo.State = r.Plan.State
	if err := t.carryOut(ctx, r); err != nil {
		return err
	}
	t.settled(r)
	return nil
}

// sidekickReply plans the reply to the event. reason says why the bot must be silent.
func (t *turn) sidekickReply(ctx context.Context, member bool) (_ *replay.Reply, reason string, err error) {
	line := replay.FromEvent(t.ev)
	r := &replay.Reply{Line: line, In: replay.Input(t.about(), line), Owed: true}
	r.Plan = t.pins.plan(r, t.memo.State, t.plan)
	if len(r.Plan.Actions) > 0 && !member {
		if reason, err := t.chat.Unserved(ctx); reason != "" || err != nil {
			return nil, reason, err
		}
	}
	// No rule answers most messages, whatever came before, and they cost no call.
	if !t.memo.Whole && (len(r.Plan.Actions) > 0 || !reflect.DeepEqual(r.Plan.State, t.memo.State) || t.book.MaySpeak(r.In)) {
		if err := t.recollect(ctx, member); err != nil {
			return nil, "", err
		}
		r.Plan = t.pins.plan(r, t.memo.State, t.plan)
	}
	r.Rest = r.Plan.Actions
	return r, "", nil
}

// aside is the chat as a sidekick replays it.
func (t *turn) aside(lines []replay.Line) replay.Aside {
	return replay.Aside{Next: t.book.Next, About: t.about(), Lines: lines, Event: t.ev}
}

// recollect finds the dialog state in the record.
func (t *turn) recollect(ctx context.Context, member bool) error {
	lines, err := t.chat.Overheard(ctx, member)
	if err != nil {
		return err
	}
	t.report.Looked = true
	a := t.aside(lines)
	t.memo.State, t.memo.Whole = a.State()
	if t.lease.Memo == nil {
		t.finish(a.Answered()...)
	}
	return nil
}

// strikeSaid removes from a reply what an earlier attempt has said already.
func (t *turn) strikeSaid(ctx context.Context, r *replay.Reply) error {
	known := t.memo.Own
	if t.wasGivenUp() {
		known = nil
	}
	for {
		lines, err := t.chat.Record(ctx, func(part []replay.Line) bool { return part[0].At.Before(t.ev.At) })
		if err != nil {
			return err
		}
		t.report.Looked = true
		seen, err := t.seen(ctx, lines)
		if err != nil {
			return err
		}
		rest := r.Plan.Actions
		t.memo.Own = known
		for _, l := range lines {
			if t.wasGivenUp() && seen[l.ID] && l.At.After(t.ev.At) {
				break // what follows answers this line
			}
			if l.Kind != replay.Own || l.At.Before(t.ev.At) || slices.Contains(known, l.ID) {
				continue
			}
			if left, _, ok := replay.Strike(rest, l); ok {
				rest = left
				t.memo.addOwn(l.ID)
			}
		}
		r.Rest = rest
		if len(rest) == 0 {
			return nil
		}
		if waited, err := t.settle(ctx); err != nil || !waited {
			return err
		}
	}
}
