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
	defaultPause = time.Second // after a 429 without Retry-After
)

var (
	errPaused = errors.New("not sent: giosg has throttled this bot user")
	errOpen   = errors.New("not sent: the circuit breaker is open, because most recent calls failed")
)

// NotSent reports whether err means that the call was not made, because giosg
// has throttled the bot user or because its circuit breaker is open.
// [RetryAfter] returns when to try again.
func NotSent(err error) bool { return errors.Is(err, errPaused) || errors.Is(err, errOpen) }

// Deferred reports whether err means that the call should be made again later
// and had no effect: giosg answered 429, or the call was [NotSent].
func Deferred(err error) bool { return KindOf(err) == Throttled || NotSent(err) }

// Limits is the state of the limits on one bot user's calls.
type Limits struct {
	User        UserID
	InFlight    int
	PausedUntil time.Time // until when giosg has throttled the bot user; zero or past: it has not
	Open        bool      // the circuit breaker is open
}

// limiters holds a limiter for each bot user.
type limiters struct {
	slots int
	users sync.Map // UserID → *limiter
}

// limiter bounds the number of concurrent calls of one bot user. It stops them
// while giosg throttles the bot user and, as a circuit breaker, while most of
// them fail.
type limiter struct {
	slots   chan struct{}
	breaker circuitbreaker.CircuitBreaker[any]

	mu     sync.Mutex
	paused time.Time // guarded by mu
}

func (l *limiters) of(u UserID) *limiter {
	if m, ok := l.users.Load(u); ok {
		return m.(*limiter)
	}
	m, _ := l.users.LoadOrStore(u, &limiter{
		slots: make(chan struct{}, l.slots),
		// The breaker opens when 8 of the last 10 calls failed. Occasional failures do not open it.
		breaker: circuitbreaker.NewBuilder[any]().WithFailureThresholdRatio(8, 10).WithSuccessThreshold(1).WithRandomDelay(minOpen, maxOpen).Build(),
	})
	return m.(*limiter)
}

// enter waits for a free slot and takes it. It fails if no call may be made now.
func (l *limiter) enter(ctx context.Context, r *route) error {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return r.fail(Canceled, ctx.Err())
	}
	l.mu.Lock()
	wait := time.Until(l.paused)
	l.mu.Unlock()
	if wait > 0 {
		<-l.slots
		e := r.fail(Throttled, errPaused)
		e.RetryAfter = wait
		return e
	}
	if !l.breaker.TryAcquirePermit() {
		<-l.slots
		e := r.fail(Temporary, errOpen)
		e.RetryAfter = max(l.breaker.RemainingDelay(), 50*time.Millisecond)
		return e
	}
	return nil
}

// leave frees the slot and records the outcome of the call.
func (l *limiter) leave(status int, err error) {
	<-l.slots
	switch kind := KindOf(err); {
	case kind == Throttled:
		wait := RetryAfter(err)
		if wait <= 0 {
			wait = defaultPause
		}
		l.mu.Lock()
		if until := time.Now().Add(wait); until.After(l.paused) {
			l.paused = until
		}
		l.mu.Unlock()
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

// Limits returns the state of every bot user that has made calls.
func (c *Client) Limits() []Limits {
	var out []Limits
	c.limits.users.Range(func(u, v any) bool {
		l := v.(*limiter)
		l.mu.Lock()
		defer l.mu.Unlock()
		out = append(out, Limits{User: u.(UserID), InFlight: len(l.slots), PausedUntil: l.paused, Open: l.breaker.IsOpen()})
		return true
	})
	return out
}
