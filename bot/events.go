package bot

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/segmentio/encoding/json"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// mostCrashes is how often in a row a process may die in the attempts at an event.
const mostCrashes = 10

// attempt opens the event's chat and does what the event calls for.
func (t *turn) attempt(ctx context.Context) error {
	if err := json.Unmarshal(t.lease.Body, &t.ev); err != nil {
		return chat.Hopelessly(fmt.Errorf("the event cannot be read: %w", err))
	}
	t.log = t.opts.Log.With("chat", t.ev.Chat, "event", t.ev.ID, "kind", t.ev.Kind, "org", t.ev.Org, "attempt", t.lease.Attempt)
	if t.opts.Trace != nil {
		ctx, t.endTrace = t.opts.Trace(ctx, t.ev.Trace, slog.String("chat", t.ev.Chat), slog.String("event", t.ev.ID),
			slog.String("kind", string(t.ev.Kind)), slog.String("org", t.ev.Org), slog.Int("attempt", t.lease.Attempt))
	}
	if n := t.lease.Crashes; n >= mostCrashes {
		return chat.Hopelessly(fmt.Errorf("%d attempts in a row ended with the end of their process", n))
	}
	t.book = t.opts.Playbook().For(t.ev.Org, t.ev.Room)
	if t.ev.Room != "" {
		t.memo.Room = t.ev.Room
	}
	var err error
	t.chat, err = t.opts.Platform.Open(ctx, t.ev, Attempt{
		Number: t.lease.Attempt, Serving: t.memo.Role == chat.Serving, Heard: t.memo.Heard, Book: t.book, Log: t.log,
		Until: t.lease.Until, Wait: t.wait,
	})
	if err != nil {
		return err
	}
	switch t.ev.Kind {
	case chat.Pending:
		return t.pending(ctx)
	case chat.Routed:
		return t.routed(ctx)
	case chat.Human:
		return t.human()
	case chat.Check:
		return t.check(ctx)
	case chat.Said, chat.Pressed:
		return t.visitor(ctx)
	}
	return chat.Hopelessly(fmt.Errorf("no such kind of event: %q", t.ev.Kind))
}

// pending takes a chat that waits, as an agent.
func (t *turn) pending(ctx context.Context) error {
	if !t.book.Has(playbook.Agent) {
		return t.ignore("the playbook does not work as an agent")
	}
	return t.take(ctx, playbook.Agent)
}

// routed takes a chat that nobody serves, as a greeter.
func (t *turn) routed(ctx context.Context) error {
	if !t.book.Has(playbook.Greeter) {
		return t.ignore("the playbook does not work as a greeter")
	}
	return t.take(ctx, playbook.Greeter)
}

// take enters the chat. Then it greets, and answers what the visitor has written so far.
func (t *turn) take(ctx context.Context, mode playbook.Mode) error {
	if err := t.chat.Present(ctx); err != nil {
		return err
	}
	entry, reason, err := t.chat.Enter(ctx, mode)
	switch {
	case err != nil:
		return err
	case entry == chat.Closed:
		return t.ignore(reason)
	case entry == chat.Taken:
		t.memo.Role = chat.Outside
		return t.conclude(Taken, reason)
	}
	t.inside = true
	t.memo.Mode = mode
	return t.settleAll(ctx, true)
}

// human notes that a colleague wrote in a chat that the bot serves.
func (t *turn) human() error {
	if t.memo.Role == chat.Serving {
		in := t.about()
		in.Kind, in.ID, in.Text, in.At = playbook.HumanSaid, t.ev.ID, t.ev.Text, t.ev.At
		t.memo.State = t.plan(t.memo.State, in).State
		t.finish(t.ev.ID)
	}
	t.report.Result = Silent
	return nil
}

// visitor answers what the visitor wrote or pressed.
func (t *turn) visitor(ctx context.Context) error {
	serves := t.book.Has(playbook.Agent) || t.book.Has(playbook.Greeter)
	out := t.memo.Role == chat.Outside || t.memo.Role == chat.Left
	// What the platform says now counts more than the memo, and an unfinished attempt may have joined.
	if serves && (t.memo.Role == chat.Unclear || out && (t.ev.Member || t.lease.Attempt > 1)) {
		if err := t.findRole(ctx); err != nil {
			return err
		}
	}
	switch t.memo.Role {
	case chat.Serving:
		t.inside = true
		if err := t.chat.Present(ctx); err != nil {
			return err
		}
		t.cold = t.cold || t.memo.Doubt || t.wasGivenUp()
		if t.lease.Attempt > 1 || t.cold || t.chat.MustRead() {
			return t.settleAll(ctx, false)
		}
		return t.answer(ctx)
	case chat.Left:
		if replay.Millis(t.ev.At) > t.memo.LeftAt { // before that the bot owed an answer, and owes it again when it comes back
			t.finish(t.ev.ID)
		}
		return t.ignore("the bot has left this chat")
	}
	return t.sidekick(ctx)
}

// check answers a visitor who waits in a chat of the bot's, if there is one. It comes from a sweep.
func (t *turn) check(ctx context.Context) error {
	if t.memo.Role == chat.Unclear || t.memo.Role == chat.Outside {
		if err := t.findRole(ctx); err != nil {
			return err
		}
	}
	if t.memo.Role != chat.Serving {
		return t.ignore("the chat is not the bot's")
	}
	t.inside = true
	t.cold = t.cold || t.memo.Doubt || t.wasGivenUp()
	return t.settleAll(ctx, false)
}

// findRole learns from the record how the bot stands to the chat.
func (t *turn) findRole(ctx context.Context) error {
	lines, err := t.chat.Record(ctx, nil)
	t.inside = t.ev.Member
	if chat.FateOf(err) == chat.Over && (!t.inside || t.lease.Attempt >= oddAttempts) {
		t.memo.Role = chat.Outside
		return nil
	}
	if err != nil {
		return err
	}
	t.memo.Mode = playbook.Agent
	if !t.book.Has(playbook.Agent) {
		t.memo.Mode = playbook.Greeter
	}
	t.cold = true
	t.memo.noteLeave(lines)
	t.memo.Role, err = t.chat.Role(ctx, lines)
	if t.memo.Role == chat.Aside {
		t.finish(t.aside(lines).Answered()...)
	}
	return err
}
