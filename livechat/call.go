package livechat

import (
	"context"
	"errors"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/queue"
)

// change makes one change on giosg. The call ends before another worker can have the lane: the client sends nothing after that, so a process
// that was frozen meanwhile sends nothing either.
func (c *conversation) change(ctx context.Context, f func(context.Context) error) error {
	return c.again(ctx, func() error { return c.changeOnce(ctx, f) })
}

// changeOnce is change for what must be done now or not at all.
func (c *conversation) changeOnce(ctx context.Context, f func(context.Context) error) error {
	if !time.Now().Before(c.a.Until()) {
		return queue.ErrLost
	}
	err := f(giosg.WithCallTimeout(ctx, c.opts.Write, c.a.Until))
	c.acted = c.acted || !giosg.NoEffect(err)
	return err
}

// again makes a call, and repeats it while giosg defers it and waiting is worthwhile.
func (c *conversation) again(ctx context.Context, call func() error) error {
	for {
		err := call()
		if !c.wait(ctx, err) {
			return err
		}
	}
}

// wait waits until a deferred call may be repeated; see [bot.Attempt].
func (c *conversation) wait(ctx context.Context, err error) bool {
	if !giosg.Deferred(err) || !c.a.Wait(ctx, failure(err)) {
		return false
	}
	c.served = false // that may have changed meanwhile
	return true
}

// fail returns an error of a call in the terms of a turn. It is nil for nil.
func (c *conversation) fail(ctx context.Context, err error) error {
	switch kind := giosg.KindOf(err); {
	case err == nil || converted(err):
		return err
	case kind == giosg.Unauthorized:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		c.opts.Tokens.Refuse(ctx, c.token)
		return c.noToken()
	case kind == giosg.Gone && c.justJoined && c.a.Number < 5:
		return &chat.Error{Fate: chat.Later, Err: err} // giosg does not know yet what it has just accepted
	}
	return failure(err)
}

// converted reports whether an error is in the terms of a turn already.
func converted(err error) bool {
	if _, ok := errors.AsType[*chat.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[*chat.Wait](err)
	return ok
}

// failure returns an error of giosg's client as a [chat.Error]. Other errors, such as those of the queue, stay as they are.
func failure(err error) error {
	if !giosg.IsError(err) {
		return err
	}
	e := &chat.Error{
		Fate: chat.Later, Delay: giosg.RetryAfter(err), Err: err,
		NoEffect: giosg.NoEffect(err), Deferred: giosg.Deferred(err), Unsent: giosg.NotSent(err),
	}
	switch giosg.KindOf(err) {
	case giosg.Gone, giosg.Taken:
		e.Fate = chat.Over
	case giosg.Forbidden, giosg.Refused, giosg.Invalid:
		e.Fate = chat.Refused
	case giosg.Unknown:
		e.Fate = chat.Unknown
	}
	return e
}

// denied reports whether giosg does not let the bot see something.
func denied(err error) bool {
	k := giosg.KindOf(err)
	return k == giosg.Gone || k == giosg.Forbidden
}

// without reports whether the turn can go on without what a call was to bring: giosg does not show it, or has answered oddly in several
// attempts.
func (c *conversation) without(err error) bool {
	return denied(err) || giosg.KindOf(err) == giosg.Refused && c.a.Number > 2
}

func gone(err error) bool { return giosg.KindOf(err) == giosg.Gone }

// Present implements [bot.Chat].
func (c *conversation) Present(ctx context.Context) error {
	// Not with the session that waits in place: others of the bot user may be waiting for this very refresh.
	err := c.fail(ctx, c.again(ctx, func() error { return c.opts.Presence.Ensure(ctx, c.opts.API.As(c.token), c.a.Book.Online()) }))
	if chat.FateOf(err) == chat.Over { // of the bot user's clients, so it says nothing of this chat
		return &chat.Error{Fate: chat.Later, Err: err}
	}
	return err
}
