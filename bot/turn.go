package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/segmentio/encoding/json"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/playbook"
	"giosgbot/queue"
)

// turn is one attempt at one event.
type turn struct {
	*Bot
	lease *queue.Lease
	ev    chat.Event
	chat  *giosgChat
	book  *playbook.Playbook
	memo  memo
	log   *slog.Logger

	finished   []string      // ids that need no work any more
	settledAll bool          // all that the bot owes in the chat is done
	acted      bool          // something was changed on the platform, or may have been
	waited     time.Duration // for calls that giosg put off
	report     Report
	untrace    func(result, reason string) // nil if the turn is not traced
}

func (b *Bot) turn(ctx context.Context, l *queue.Lease) {
	start := time.Now()
	t := &turn{Bot: b, lease: l, memo: recall(l.Memo)}
	err := t.safely(func() error { return t.attempt(ctx) })
	t.end(ctx, err)
	t.report.Lane, t.report.Attempt, t.report.Event = l.Lane, l.Attempt, t.ev
	t.report.Took = time.Since(start)
	if !t.ev.At.IsZero() {
		t.report.Waited = start.Sub(t.ev.At)
	}
	if t.untrace != nil {
		t.untrace(t.report.Result, t.report.Reason)
	}
	if b.Observe != nil {
		b.Observe(t.report)
	}
}

// safely makes a panic of one turn an error of that turn.
func (t *turn) safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.Log.Error("panic in a turn", "lane", t.lease.Lane, "panic", p, "stack", string(debug.Stack()))
			err = &hopeless{fmt.Errorf("panic: %v", p)}
		}
	}()
	return f()
}

func (t *turn) attempt(ctx context.Context) error {
	if err := json.Unmarshal(t.lease.Body, &t.ev); err != nil {
		return &hopeless{fmt.Errorf("the event cannot be read: %w", err)}
	}
	t.log = t.Log.With("chat", t.ev.Chat, "event", t.ev.ID, "kind", t.ev.Kind, "org", t.ev.Org, "attempt", t.lease.Attempt)
	if t.Trace != nil {
		ctx, t.untrace = t.Trace(ctx, t.ev.Trace, slog.String("chat", string(t.ev.Chat)), slog.String("event", t.ev.ID),
			slog.String("kind", string(t.ev.Kind)), slog.String("org", string(t.ev.Org)), slog.Int("attempt", t.lease.Attempt))
	}
	t.book = t.Playbook().For(string(t.ev.Org), string(t.ev.Room))
	if t.ev.Room != "" {
		t.memo.Room = string(t.ev.Room)
	}
	token, ok := t.Tokens.Get(ctx, giosg.UserID(t.ev.User))
	if !ok {
		return errNoToken
	}
	t.chat = &giosgChat{turn: t, s: t.API.As(token).Patient(t.waits), token: token}
	t.outOfOrder()
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
	return &hopeless{fmt.Errorf("no such kind of event: %q", t.ev.Kind)}
}

// pending takes a chat that waits, as an agent.
func (t *turn) pending(ctx context.Context) error {
	if !t.book.Has(playbook.Agent) {
		return t.ignore("the playbook does not work as an agent")
	}
	if t.memo.Role == serving {
		return t.ignore("the bot serves this chat already")
	}
	if err := t.chat.present(ctx); err != nil {
		return err
	}
	err := t.chat.join(ctx, playbook.Agent)
	if giosg.KindOf(err) == giosg.Taken {
		if t.lease.Attempt > 1 { // by an earlier attempt of ours, perhaps
			if in, err := t.chat.member(ctx); err != nil || in {
				return t.joined(ctx, playbook.Agent, err)
			}
		}
		t.memo.Role = outside
		t.done("taken", "another user took the chat")
		return nil
	}
	return t.joined(ctx, playbook.Agent, err)
}

// routed takes a chat that nobody serves, as a greeter.
func (t *turn) routed(ctx context.Context) error {
	if !t.book.Has(playbook.Greeter) {
		return t.ignore("the playbook does not work as a greeter")
	}
	if t.memo.Role == serving {
		return t.ignore("the bot serves this chat already")
	}
	if err := t.chat.present(ctx); err != nil {
		return err
	}
	c, err := t.chat.s.RoutedChat(ctx, giosg.ChatID(t.ev.Chat))
	switch {
	case giosg.KindOf(err) == giosg.Gone:
		return t.ignore("the chat is not routed to the bot any more")
	case err != nil:
		return err
	case c.Ended():
		return t.ignore("the chat is over")
	case c.PresentUserParticipantCount > 0:
		if t.lease.Attempt > 1 { // we, perhaps
			if in, err := t.chat.member(ctx); err != nil || in {
				return t.greet(ctx, err)
			}
		}
		t.memo.Role = outside
		t.done("taken", "another user serves the chat")
		return nil
	}
	return t.greet(ctx, t.chat.join(ctx, playbook.Greeter))
}

// greet goes on when a greeter has joined, unless somebody else was faster: nothing keeps two users from joining a routed chat.
func (t *turn) greet(ctx context.Context, err error) error {
	second := false
	if err == nil {
		err = t.chat.room(ctx) // first, so that the bot speaks right after it has read the chat
	}
	if err == nil {
		if second, err = t.chat.second(ctx); second && err == nil {
			err = t.chat.change(ctx, func(ctx context.Context) error { return t.chat.s.Leave(ctx, giosg.ChatID(t.ev.Chat)) })
		}
	}
	if err == nil && second {
		t.log.Info("left")
		t.memo.Role = outside
		t.done("taken", "another user serves the chat")
		return nil
	}
	return t.joined(ctx, playbook.Greeter, err)
}

// joined greets, and answers what the visitor has written so far.
func (t *turn) joined(ctx context.Context, mode playbook.Mode, err error) error {
	if err != nil {
		return err
	}
	t.memo.Mode = mode
	t.finished = append(t.finished, t.ev.ID)
	return t.catchUp(ctx, true)
}

// human notes that a colleague wrote in a chat that the bot serves.
func (t *turn) human() error {
	if t.memo.Role == serving {
		in := t.about()
		in.Kind, in.ID, in.Text, in.At = playbook.HumanSaid, t.ev.ID, t.ev.Text, t.ev.At
		t.memo.State = t.next(t.memo.State, in).State
		t.finished = append(t.finished, t.ev.ID)
	}
	t.report.Result = "silent"
	return nil
}

// visitor answers what the visitor wrote or pressed.
func (t *turn) visitor(ctx context.Context) error {
	serves := t.book.Has(playbook.Agent) || t.book.Has(playbook.Greeter)
	// An unfinished attempt may have joined, whatever the memo says.
	if serves && (t.memo.Role == unknown || t.memo.Role == outside && (t.ev.Member || t.lease.Attempt > 1)) {
		if err := t.findOut(ctx); err != nil {
			return err
		}
	}
	switch t.memo.Role {
	case serving:
		if err := t.chat.present(ctx); err != nil {
			return err
		}
		if t.lease.Attempt > 1 || t.chat.cold || t.doubtful() {
			return t.catchUp(ctx, false)
		}
		return t.answer(ctx)
	case left:
		t.finished = append(t.finished, t.ev.ID)
		return t.ignore("the bot has left this chat")
	}
	return t.sidekick(ctx)
}

// findOut learns from the chat itself how the bot stands to it.
func (t *turn) findOut(ctx context.Context) error {
	lines, err := t.chat.read(ctx)
	if giosg.KindOf(err) == giosg.Gone {
		t.memo.Role = outside
		return nil
	}
	if err != nil {
		return err
	}
	t.memo.Mode = playbook.Agent
	if !t.book.Has(playbook.Agent) {
		t.memo.Mode = playbook.Greeter
	}
	t.memo.Role, err = t.chat.roleIn(ctx, lines)
	if t.memo.Role == aside {
		t.letBe(lines)
	}
	t.chat.cold = true
	return err
}

// next asks the playbook.
func (t *turn) next(s playbook.State, in playbook.Input) playbook.Plan {
	if t.Explain {
		return t.book.Explain(s, in)
	}
	return t.book.Next(s, in)
}

// about is what every input of this chat has in common.
func (t *turn) about() playbook.Input {
	return playbook.Input{
		ID: string(t.ev.Chat), Mode: t.memo.Mode, Org: string(t.ev.Org),
		RoomID: t.memo.Room, RoomName: t.memo.RoomName, Language: t.memo.Language,
	}
}

func (t *turn) outcome() queue.Outcome {
	// Only a chat that was read and answered as a whole tells what an earlier attempt did, whichever event that worked on.
	o := queue.Outcome{Finished: t.finished, Fate: t.report.Result, Unsettled: t.lease.Attempt > 1 && !t.settledAll}
	// Of a chat that is none of the bot's there is nothing to remember.
	if m := t.memo.bytes(); !bytes.Equal(m, t.lease.Memo) && (t.lease.Memo != nil || t.memo.Role != unknown || t.memo.Whole || !reflect.DeepEqual(t.memo.State, playbook.State{})) {
		o.Memo = m
	}
	return o
}

// ignore ends a turn that has nothing to do. The event is not finished by it: the same message may come by another way, or be found in
// the chat, when it matters.
func (t *turn) ignore(reason string) error {
	t.report.Result, t.report.Reason = "ignored", reason
	return nil
}

// ignoreOr is ignore, unless there is an error.
func (t *turn) ignoreOr(reason string, err error) error {
	if err != nil {
		return err
	}
	return t.ignore(reason)
}

// done ends a turn whose event needs no work any more.
func (t *turn) done(result, reason string) {
	t.finished = append(t.finished, t.ev.ID)
	t.report.Result, t.report.Reason = result, reason
	t.log.Info(reason)
}

// outOfOrder notes that giosg's webhooks overtake each other.
func (t *turn) outOfOrder() {
	if t.memo.Heard > 0 && ms(t.ev.At) < t.memo.Heard && (t.ev.Kind == chat.Said || t.ev.Kind == chat.Pressed) {
		t.disorder.Store(t.ev.User, time.Now().Add(10*time.Minute))
	}
}

// doubtful tells whether there may be older messages that no webhook has told of yet. Then the chat is read before it is answered.
func (t *turn) doubtful() bool {
	until, ok := t.disorder.Load(t.ev.User)
	return ok && time.Now().Before(until.(time.Time))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hopeless is an error that no further attempt can mend.
type hopeless struct{ err error }

func (h *hopeless) Error() string { return h.err.Error() }
func (h *hopeless) Unwrap() error { return h.err }

var errNoToken = errors.New("the bot user has no valid token")
