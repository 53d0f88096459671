package giosg_test

import (
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/giosg"
)

// A long Retry-After does not stop a bot user for that long: after a minute, one
// call at a time tests whether giosg accepts calls again.
func TestLongPausesAreProbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.status.Store(429)
		s.after.Store("86400")
		c := s.client(t, 8)
		call := func() error { return as(c, "one").Leave(t.Context(), "chat") }
		state := func() giosg.Limits {
			for _, l := range c.Limits() {
				if l.User == "one" {
					return l
				}
			}
			return giosg.Limits{}
		}
		start := time.Now()
		if err := call(); giosg.RetryAfter(err) != time.Minute || giosg.NotSent(err) {
			t.Errorf("the first call: %v", err)
		}
		if l := state(); !l.PausedUntil.Equal(start.Add(time.Minute)) || !l.ThrottledUntil.Equal(start.Add(24*time.Hour)) {
			t.Errorf("%+v", l)
		}
		// Each probe that is refused doubles the pause, up to a limit.
		for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			time.Sleep(wait - time.Second)
			before := s.calls.Load()
			if err := call(); !giosg.NotSent(err) || giosg.RetryAfter(err) != time.Second {
				t.Errorf("a second before the probe: %v", err)
			}
			time.Sleep(time.Second)
			if err := call(); giosg.NotSent(err) || giosg.KindOf(err) != giosg.Throttled {
				t.Errorf("the probe: %v", err)
			}
			if err := call(); !giosg.NotSent(err) {
				t.Errorf("after the probe: %v", err)
			}
			if n := s.calls.Load() - before; n != 1 {
				t.Errorf("%d calls, want one probe", n)
			}
		}
		// While a probe is in flight, no other call is made.
		time.Sleep(15 * time.Minute)
		before := s.calls.Load()
		s.status.Store(204)
		s.during = func() { time.Sleep(time.Second) }
		probe := make(chan error)
		go func() { probe <- call() }()
		synctest.Wait()
		if err := call(); !giosg.NotSent(err) || giosg.RetryAfter(err) <= 0 || giosg.RetryAfter(err) > 2*time.Second {
			t.Errorf("beside the probe: %v", err)
		}
		if err := <-probe; err != nil || s.calls.Load()-before != 1 {
			t.Errorf("the probe: %v, %d calls", err, s.calls.Load()-before)
		}
		// Then all calls are made again.
		for range 3 {
			if err := call(); err != nil {
				t.Error(err)
			}
		}
		if l := state(); !l.ThrottledUntil.IsZero() {
			t.Errorf("%+v", l)
		}
	})
}

// A probe without an answer shows nothing: the next call is a probe, too.
func TestAProbeThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.status.Store(429)
		s.after.Store("3600")
		c := s.client(t, 8)
		call := func() error { return as(c, "one").Leave(t.Context(), "chat") }
		call()
		time.Sleep(time.Minute)
		s.status.Store(503)
		for range 3 {
			if err := call(); giosg.KindOf(err) != giosg.Unknown {
				t.Errorf("%v", err)
			}
		}
		s.during = func() { time.Sleep(time.Second) }
		done := make(chan error)
		go func() { done <- call() }()
		synctest.Wait()
		if err := call(); !giosg.NotSent(err) {
			t.Errorf("beside the probe: %v", err)
		}
		<-done
	})
}

// Calls in flight together that all get 429 count as one.
func TestConcurrent429sDoNotLengthenThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &served{during: func() { time.Sleep(time.Second) }}
		s.status.Store(429)
		s.after.Store("86400")
		c := s.client(t, 8)
		done := make(chan error)
		for range 8 {
			go func() { done <- as(c, "one").Leave(t.Context(), "chat") }()
		}
		for range 8 {
			if err := <-done; giosg.RetryAfter(err) != time.Minute {
				t.Error(err)
			}
		}
		if l := c.Limits()[0]; time.Until(l.PausedUntil) != time.Minute {
			t.Errorf("%+v", l)
		}
	})
}

// A 5xx with a long Retry-After asks callers to wait for a minute at most.
func TestRetryAfterOfFailuresIsBounded(t *testing.T) {
	t.Parallel()
	s := &served{}
	s.status.Store(503)
	s.after.Store("86400")
	if err := as(s.client(t, 0), "one").Leave(t.Context(), "chat"); giosg.RetryAfter(err) != time.Minute {
		t.Error(err)
	}
}
