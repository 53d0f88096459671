package giosg

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// DefaultConcurrency is how many calls one bot user makes at once.
const DefaultConcurrency = 8

const (
	restless     = 500 * time.Millisecond // the shortest and the longest rest of a breaker that has opened
	rested       = 1500 * time.Millisecond
	defaultPause = time.Second // after a 429 that does not say for how long
)

var (
	errPaused = errors.New("not called: giosg asked this bot user to wait")
	errOpen   = errors.New("not called: giosg has failed too often just now")
)

// Refrained tells whether an error means that no call was made, out of politeness: giosg asked to wait, or fails all the time.
// [RetryAfter] says when to come again.
func Refrained(err error) bool { return errors.Is(err, errPaused) || errors.Is(err, errOpen) }

// PutOff tells whether an error means that giosg wants the call later and that it surely had no effect: a 429, or [Refrained].
func PutOff(err error) bool { return KindOf(err) == Throttled || Refrained(err) }

// Manners is the state of one bot user's calls.
type Manners struct {
	User        UserID
	InFlight    int
	PausedUntil time.Time // zero or past: not paused
	Open        bool      // the circuit breaker is open
}

// polite bounds each bot user's calls, lets all of them wait when giosg says so, and stops them while giosg fails.
type polite struct {
	most  int
	users sync.Map // UserID → *manners
}

type manners struct {
	slots   chan struct{}
	breaker circuitbreaker.CircuitBreaker[any]

	mu     sync.Mutex
	paused time.Time // guarded by mu
}

func (p *polite) of(u UserID) *manners {
	if m, ok := p.users.Load(u); ok {
		return m.(*manners)
	}
	m, _ := p.users.LoadOrStore(u, &manners{
		slots: make(chan struct{}, p.most),
		// Eight failures in ten: a call now and then that fails is no reason to stop.
		breaker: circuitbreaker.NewBuilder[any]().WithFailureThresholdRatio(8, 10).WithSuccessThreshold(1).WithRandomDelay(restless, rested).Build(),
	})
	return m.(*manners)
}

// enter waits for a place. Its error says why no call may be made now.
func (m *manners) enter(ctx context.Context, r *route) error {
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return r.fail(Canceled, ctx.Err())
	}
	m.mu.Lock()
	wait := time.Until(m.paused)
	m.mu.Unlock()
	if wait > 0 {
		<-m.slots
		e := r.fail(Throttled, errPaused)
		e.RetryAfter = wait
		return e
	}
	if !m.breaker.TryAcquirePermit() {
		<-m.slots
		e := r.fail(Temporary, errOpen)
		e.RetryAfter = max(m.breaker.RemainingDelay(), 50*time.Millisecond)
		return e
	}
	return nil
}

// leave gives the place back and learns from what giosg answered.
func (m *manners) leave(status int, err error) {
	<-m.slots
	switch kind := KindOf(err); {
	case kind == Throttled:
		wait := RetryAfter(err)
		if wait <= 0 {
			wait = defaultPause
		}
		m.mu.Lock()
		if until := time.Now().Add(wait); until.After(m.paused) {
			m.paused = until
		}
		m.mu.Unlock()
		m.breaker.RecordSuccess() // giosg is well
	case status >= 500, status == 0 && (kind == Temporary || kind == Unknown):
		m.breaker.RecordFailure()
	case kind == Canceled:
		if !m.breaker.IsClosed() { // a probe that was given up has proved nothing
			m.breaker.RecordFailure()
		}
	default:
		m.breaker.RecordSuccess()
	}
}

// Manners lists the state of every bot user that has made calls.
func (c *Client) Manners() []Manners {
	var out []Manners
	c.polite.users.Range(func(u, v any) bool {
		m := v.(*manners)
		m.mu.Lock()
		defer m.mu.Unlock()
		out = append(out, Manners{User: u.(UserID), InFlight: len(m.slots), PausedUntil: m.paused, Open: m.breaker.IsOpen()})
		return true
	})
	return out
}
