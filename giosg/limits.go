package giosg

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// DefaultConcurrency is the number of calls of one bot user that may run at the
// same time.
const DefaultConcurrency = 8

const (
	minOpen      = 500 * time.Millisecond // bounds of the random delay before an open circuit breaker lets a probe through
	maxOpen      = 1500 * time.Millisecond
	defaultPause = time.Second      // after a 429 without Retry-After
	maxPause     = time.Minute      // after a 429, whatever its Retry-After; then a probe is made
	maxPauses    = 15 * time.Minute // after several probes that got a 429
	probeTime    = time.Second      // when to try again while a probe is in flight
)

// notSentError is the cause of a call that was not made.
type notSentError struct {
	text  string
	cause error // may be nil
}

func (e *notSentError) Error() string {
	if e.cause == nil {
		return "not sent: " + e.text
	}
	return "not sent: " + e.text + ": " + e.cause.Error()
}

func (e *notSentError) Unwrap() error { return e.cause }

var (
	errPaused = &notSentError{text: "giosg has throttled this bot user"}
	errProbe  = &notSentError{text: "giosg has throttled this bot user, and another call tests whether it still does"}
	errOpen   = &notSentError{text: "the circuit breaker is open, because most recent calls failed"}
	errBusy   = &notSentError{text: "all slots of this bot user are taken"}
)

// NotSent reports whether err means that the call was not made: the bot user is
// throttled, its circuit breaker is open, no slot was free ([IsBusy]), or the
// call's time ended before it had a slot. [RetryAfter] returns when to try again.
func NotSent(err error) bool {
	_, is := errors.AsType[*notSentError](err)
	return is
}

// Deferred reports whether err means that the call should be made again later
// and had no effect: giosg answered 429, or the call was [NotSent].
func Deferred(err error) bool { return KindOf(err) == Throttled || NotSent(err) }

// NoEffect reports whether err is the error of a call that had no effect for
// certain. A write with this error can be repeated without a read before it.
func NoEffect(err error) bool {
	e, is := errors.AsType[*Error](err)
	if !is {
		return false
	}
	return e.Kind == Throttled || e.Kind == Temporary || e.Kind == Canceled || e.Kind == Invalid
}

// Limits is the state of the limits on one bot user's calls.
type Limits struct {
	User           UserID
	InFlight       int
	PausedUntil    time.Time // no call is made before; zero or past: not paused
	ThrottledUntil time.Time // until when giosg asked to wait, if that is too long: after PausedUntil one call at a time tests it; zero: no
	Open           bool      // the circuit breaker is open
}

// limiters holds a limiter for each bot user.
type limiters struct {
	slots  int
	onFree func(UserID) // may be nil
	users  sync.Map     // UserID → *limiter
}

// limiter bounds the number of concurrent calls of one bot user. It stops them
// while giosg throttles the bot user and, as a circuit breaker, while most of
// them fail.
type limiter struct {
	user    UserID
	onFree  func(UserID)
	slots   chan struct{}
	breaker circuitbreaker.CircuitBreaker[any]

	mu        sync.Mutex // guards what follows
	paused    time.Time
	throttled time.Time // if not zero: calls are probes, one at a time
	probing   bool      // a probe is in flight
	refused   int       // probes in a row that got a 429
	busy      int       // callers that got errBusy and were not woken yet
}

func (l *limiters) of(u UserID) *limiter {
	if m, ok := l.users.Load(u); ok {
		return m.(*limiter)
	}
	m, _ := l.users.LoadOrStore(u, &limiter{
		user: u, onFree: l.onFree,
		slots: make(chan struct{}, l.slots),
		// The breaker opens when 8 of the last 10 calls failed. Occasional failures do not open it.
		breaker: circuitbreaker.NewBuilder[any]().WithFailureThresholdRatio(8, 10).WithSuccessThreshold(1).WithRandomDelay(minOpen, maxOpen).Build(),
	})
	return m.(*limiter)
}

// enter waits for a free slot and takes it. It fails if no call may be made now.
// probe must be passed to leave.
func (l *limiter) enter(ctx context.Context, r *route) (probe bool, err error) {
	if err := l.acquire(ctx, r); err != nil {
		return false, err
	}
	if probe, err = l.admit(r); err != nil {
		l.release()
	}
	return probe, err
}

// acquire takes a slot.
func (l *limiter) acquire(ctx context.Context, r *route) error {
	if ctx.Value(noWaitKey{}) != nil {
		if !l.tryAcquire() {
			return r.fail(Throttled, errBusy)
		}
		return nil
	}
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return r.fail(Canceled, &notSentError{"no slot was free in time", ctx.Err()})
	}
}

// tryAcquire takes a slot if one is free. Otherwise it counts the caller as busy.
func (l *limiter) tryAcquire() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select { // again: a slot that becomes free later is seen by release, which takes the lock after it has freed it
	case l.slots <- struct{}{}:
		return true
	default:
		l.busy++
		return false
	}
}

// release frees a slot and, unless a waiting call took it, wakes one caller that
// was busy.
func (l *limiter) release() {
	<-l.slots
	l.mu.Lock()
	wake := l.busy > 0 && len(l.slots) < cap(l.slots)
	if wake {
		l.busy--
	}
	l.mu.Unlock()
	if wake && l.onFree != nil {
		l.onFree(l.user)
	}
}

// admit checks whether a call may be made now.
func (l *limiter) admit(r *route) (probe bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := time.Until(l.paused); wait > 0 {
		return false, r.retryLater(Throttled, errPaused, wait)
	}
	if !l.throttled.IsZero() && l.probing {
		return false, r.retryLater(Throttled, errProbe, probeTime)
	}
	if !l.breaker.TryAcquirePermit() {
		return false, r.retryLater(Temporary, errOpen, max(l.breaker.RemainingDelay(), 50*time.Millisecond))
	}
	l.probing = !l.throttled.IsZero()
	return l.probing, nil
}

// retryLater returns an error with a RetryAfter.
func (r *route) retryLater(kind Kind, cause error, wait time.Duration) *Error {
	e := r.fail(kind, cause)
	e.RetryAfter = wait
	return e
}

// leave frees the slot and records the outcome of the call. It limits the
// error's RetryAfter.
func (l *limiter) leave(probe bool, status int, err error) {
	l.record(status, err)
	l.pause(probe, status, err)
	l.release()
}

// record tells the circuit breaker.
func (l *limiter) record(status int, err error) {
	switch kind := KindOf(err); {
	case kind == Throttled:
		l.breaker.RecordSuccess() // giosg works
	case status >= 500, status == 0 && (kind == Temporary || kind == Unknown):
		l.breaker.RecordFailure()
	case kind == Canceled:
		if !l.breaker.IsClosed() { // a canceled probe does not show that giosg works
			l.breaker.RecordFailure()
		}
	default:
		l.breaker.RecordSuccess()
	}
}

// pause pauses the bot user after a 429, for as long as giosg asked. But there
// is a limit: a mistaken Retry-After must not stop the bot user for a day. After
// a pause that the limit has shortened, calls are made one at a time until giosg
// accepts one. Each of them that gets another 429 doubles the limit.
func (l *limiter) pause(probe bool, status int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if probe {
		l.probing = false
	}
	e, _ := errors.AsType[*Error](err)
	if KindOf(err) != Throttled {
		if e != nil {
			e.RetryAfter = min(e.RetryAfter, maxPause)
		}
		if probe && status != 0 && status < 500 {
			l.throttled, l.refused = time.Time{}, 0
		}
		return
	}
	asked, limit := e.RetryAfter, maxPause
	if asked <= 0 {
		asked = defaultPause
	}
	if probe {
		l.refused = min(l.refused+1, 10)
		limit = min(maxPause<<l.refused, maxPauses)
	}
	now := time.Now()
	wait := min(asked, limit)
	if until := now.Add(wait); until.After(l.paused) || probe {
		l.paused, l.throttled = until, time.Time{}
		if asked > limit {
			l.throttled = now.Add(asked)
		} else {
			l.refused = 0
		}
	}
	e.RetryAfter = min(e.RetryAfter, wait)
}

// Limits returns the state of every bot user that has made calls.
func (c *Client) Limits() []Limits {
	var out []Limits
	c.limits.users.Range(func(u, v any) bool {
		l := v.(*limiter)
		l.mu.Lock()
		defer l.mu.Unlock()
		out = append(out, Limits{User: u.(UserID), InFlight: len(l.slots), PausedUntil: l.paused, ThrottledUntil: l.throttled, Open: l.breaker.IsOpen()})
		return true
	})
	return out
}
