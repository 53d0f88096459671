package livechat

import (
	"context"
	"errors"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/queue"
)

// change makes one change on giosg. Its context ends before another worker can have the lane: the client sends nothing after its context's
// deadline, so a process that was frozen meanwhile sends nothing either.
func (c *conversation) change(ctx context.Context, f func(context.Context) error) error {
	return c.again(ctx, func() error { return c.changeOnce(ctx, f) })
}

// changeOnce is change for what must be done now or not at all.
func (c *conversation) changeOnce(ctx context.Context, f func(context.Context) error) error {
	end := time.Now().Add(c.opts.Write)
	if until := c.a.Until(); until.Before(end) {
		end = until
	}
	if !time.Now().Before(end) {
		return queue.ErrLost
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	err := f(ctx)
	c.acted = c.acted || !giosg.Deferred(err)
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
	e := &chat.Error{Fate: chat.Later, Delay: giosg.RetryAfter(err), Err: err, Deferred: giosg.Deferred(err), Unsent: giosg.NotSent(err)}
	switch giosg.KindOf(err) {
	case giosg.Gone, giosg.Taken:
		e.Fate = chat.Over
	case giosg.Forbidden, giosg.Invalid:
		e.Fate = chat.Refused
	case giosg.Unknown:
		e.Fate = chat.Unknown
	case giosg.Throttled, giosg.Temporary, giosg.Canceled:
		e.NoEffect = true
	}
	return e
}

// denied reports whether giosg would refuse the same call later, too.
func denied(err error) bool {
	k := giosg.KindOf(err)
	return k == giosg.Gone || k == giosg.Forbidden || k == giosg.Invalid
}

func gone(err error) bool { return giosg.KindOf(err) == giosg.Gone }

// Present implements [bot.Chat].
func (c *conversation) Present(ctx context.Context) error {
	// Not with the session that waits in place: others of the bot user may be waiting for this very refresh.
	err := c.again(ctx, func() error { return c.opts.Presence.Ensure(ctx, c.opts.API.As(c.token), c.a.Book.Online()) })
	if denied(err) {
		return chat.Hopelessly(err) // it says nothing of this chat
	}
	return c.fail(ctx, err)
}
