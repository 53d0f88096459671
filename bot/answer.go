package bot

import (
	"context"
	"slices"
	"time"

	"giosgbot/chat"
	"giosgbot/playbook"
)

// answer is the common case: nothing is in doubt, and the message at hand is the next.
func (t *turn) answer(ctx context.Context) error {
	if err := t.chat.room(ctx); err != nil {
		return err
	}
	in := heard(t.about(), eventLine(t.ev))
	in.Early = ms(t.ev.At) < t.memo.Greeted
	plan := t.next(t.memo.State, in)
	t.memo.State = plan.State
	r := &reply{line: eventLine(t.ev), in: in, plan: plan, rest: plan.Actions, owed: true}
	if err := t.carryOut(ctx, r); err != nil {
		return err
	}
	t.settled(r)
	return nil
}

// catchUp reads the chat and does all that the bot still owes in it.
func (t *turn) catchUp(ctx context.Context, justJoined bool) error {
	if err := t.chat.room(ctx); err != nil {
		return err
	}
	before, cold := t.memo, t.chat.cold
	s, err := t.look(ctx, justJoined)
	if err != nil {
		return err
	}
	if t.lease.Abandoned && slices.ContainsFunc(s.replies, (*reply).open) {
		// What a cut-off attempt sent may still be on its way into the chat: give it the time, and look again.
		if wait := t.Settle - time.Since(t.lease.Cut); wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return err
			}
			t.memo, t.chat.cold = before, cold // the first look has counted the words that it saw as accounted for
			if s, err = t.look(ctx, justJoined); err != nil {
				return err
			}
		}
	}
	if s.left {
		t.memo.Role = left
		return t.ignore("the bot has left this chat")
	}
	checking := t.ev.Kind == chat.Check
	if checking {
		for _, r := range s.replies {
			if r.open() && t.old(r.in.At) {
				r.rest, r.later = nil, false
			}
		}
		if slices.ContainsFunc(s.replies, (*reply).open) {
			if err := t.chat.present(ctx); err != nil {
				return err
			}
		}
	}
	t.memo.Role, t.memo.State = serving, s.state
	if !s.greeted.IsZero() {
		t.memo.Greeted = ms(s.greeted)
	}
	// Nothing is kept before all is done: an attempt that is cut off here leaves the next one the memo that tells it where to begin.
	for _, r := range s.replies {
		if !r.owed {
			continue
		}
		if r.later {
			r.plan = t.next(t.memo.State, r.in)
			r.rest, t.memo.State = r.plan.Actions, r.plan.State
		}
		if err := t.carryOut(ctx, r); err != nil {
			return err
		}
		t.settled(r)
	}
	t.settledAll = true
	if !checking && !slices.Contains(t.finished, t.ev.ID) {
		t.finished = append(t.finished, t.ev.ID) // answered before, and so it is not among the replies
	}
	return nil
}

// open tells whether there is something left to do for a reply.
func (r *reply) open() bool { return r.owed && (r.later || len(r.rest) > 0) }

func (t *turn) look(ctx context.Context, justJoined bool) (story, error) {
	lines, err := t.chat.read(ctx)
	if err != nil {
		return story{}, err
	}
	t.report.Looked = true
	lines = withEvent(lines, t.ev)
	var ids []string
	for _, l := range lines {
		if l.what == said || l.what == pressed || l.what == human {
			ids = append(ids, l.id)
		}
	}
	was, err := t.Handled.Seen(ctx, t.lease.Lane, ids...)
	if err != nil {
		return story{}, err
	}
	seen := map[string]bool{}
	for i, id := range ids {
		seen[id] = was[i]
	}
	known := &t.memo
	forgotten := slices.ContainsFunc(lines, func(l line) bool { // the store has lost its data since it gave us the memo
		return (l.what == said || l.what == pressed) && ms(l.at) == t.memo.Heard && !seen[l.id]
	})
	if forgotten || t.chat.cold || t.memo.Blind || t.memo.Role != serving && t.memo.Role != left {
		known = nil
	}
	s := replay(t.next, t.about(), lines, known, seen, justJoined)
	// From here on all of the bot's words that stand in the chat are accounted for.
	for _, l := range lines {
		if l.what == ownWords {
			t.memo.Said = mark{ID: l.id, At: ms(l.at)}
		}
	}
	t.chat.cold, t.memo.Blind = false, false
	return s, nil
}

// settled notes that a reply is complete.
func (t *turn) settled(r *reply) {
	t.report.Plan = &r.plan
	if r.line.id != "" {
		t.finished = append(t.finished, r.line.id)
		t.memo.Heard = max(t.memo.Heard, ms(r.line.at))
	}
	if r.plan.Rule != "" {
		t.report.Rule = r.plan.Rule
	}
}

// carryOut does what is left of a reply.
func (t *turn) carryOut(ctx context.Context, r *reply) error {
	for len(r.rest) > 0 {
		next := r.rest[1:]
		switch a := r.rest[0].(type) {
		case playbook.HandOver:
			there, err := t.chat.find(ctx, a.Team, a.Humans)
			if err != nil {
				return err
			}
			branch := a.Nobody
			if there {
				branch = found(a)
			}
			next = slices.Concat(branch, next)
			in := r.in
			in.Kind, in.Found = playbook.Outcome, there
			t.memo.State = t.next(t.memo.State, in).State
		default:
			if err := t.chat.do(ctx, a, r); err != nil {
				return err
			}
		}
		r.rest = next
	}
	return nil
}
