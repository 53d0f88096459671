package giosg

import (
	"context"
	"errors"
	"time"
)

// Each bot user has [Config.Concurrency] slots, and each call needs one. A call
// waits for its slot for as long as its context lasts. That wait is no part of
// the call's time: [Config.Timeout] and [WithCallTimeout] count from when the
// call has its slot.

type (
	noWaitKey      struct{}
	callTimeoutKey struct{}
)

type callTimeout struct {
	d     time.Duration
	until func() time.Time // may be nil
}

// WithCallTimeout returns a context for calls that must end d after they got
// their slot, and before until(), for example the expiry of a lease. until is
// called when the call has its slot, so the end may move while the call waits; it
// may be nil. A call that gets its slot too late is not made ([NotSent]).
//
// The context's own deadline also limits the wait for a slot. To have only the
// call limited, set none.
func WithCallTimeout(ctx context.Context, d time.Duration, until func() time.Time) context.Context {
	return context.WithValue(ctx, callTimeoutKey{}, callTimeout{d, until})
}

// NoWait returns a context for calls that do not wait for a slot: if none is
// free, they fail at once with an error for which [IsBusy] is true.
func NoWait(ctx context.Context) context.Context {
	return context.WithValue(ctx, noWaitKey{}, true)
}

// IsBusy reports whether err means that a call with a [NoWait] context found no
// free slot. The call was not made. For each such error [Config.OnFree] is called
// once. Between the error and the moment when the caller is ready to be woken a
// slot can become free; so the caller asks [Client.Free] then.
func IsBusy(err error) bool { return errors.Is(err, errBusy) }

// Free reports whether the bot user has a free slot.
func (c *Client) Free(u UserID) bool {
	l, ok := c.limits.users.Load(u)
	return !ok || len(l.(*limiter).slots) < cap(l.(*limiter).slots)
}

// timed returns the contexts of a call that has its slot: outer ends when the
// caller wants it to, and inner also when the call has taken too long. cancel
// must be called, also with an error.
func (c *Client) timed(ctx context.Context, r *route) (outer, inner context.Context, cancel func(), err error) {
	timeout, stop := c.timeout, context.CancelFunc(func() {})
	if t, ok := ctx.Value(callTimeoutKey{}).(callTimeout); ok {
		timeout = min(timeout, t.d)
		if t.until != nil {
			ctx, stop = context.WithDeadline(ctx, t.until())
		}
	}
	if err := late(ctx); err != nil {
		return ctx, ctx, stop, r.fail(Canceled, &notSentError{"its time ended before it had a slot", err})
	}
	inner, cancelInner := context.WithTimeout(ctx, timeout)
	return ctx, inner, func() { cancelInner(); stop() }, nil
}
