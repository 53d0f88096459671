package giosg_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/giosg"
)

// served is a transport that answers with a status at once. It works in a bubble of testing/synctest.
type served struct {
	status atomic.Int64
	after  atomic.Value // string
	calls  atomic.Int64
	during func()
}

func (s *served) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls.Add(1)
	if s.during != nil {
		s.during()
	}
	h := http.Header{}
	if a, _ := s.after.Load().(string); a != "" {
		h.Set("Retry-After", a)
	}
	return &http.Response{StatusCode: int(s.status.Load()), Header: h, Body: http.NoBody, Request: r}, nil
}

func (s *served) client(t *testing.T, concurrency int) *giosg.Client {
	t.Helper()
	c, err := giosg.New(giosg.Config{BaseURL: "http://giosg.test", Transport: s, Concurrency: concurrency})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func as(c *giosg.Client, user string) *giosg.Session {
	return c.As(giosg.Token{User: giosg.UserID(user), Org: "org", Type: "Bearer", Value: "token", Expires: time.Now().Add(time.Hour)})
}

func TestRetryAfterHoldsForAllCallsOfTheBotUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.status.Store(429)
		s.after.Store("30")
		c := s.client(t, 0)
		if err := as(c, "one").Leave(t.Context(), "chat"); giosg.NotSent(err) || giosg.RetryAfter(err) != 30*time.Second {
			t.Fatalf("the first call: %v", err)
		}
		s.status.Store(204)
		time.Sleep(10 * time.Second)
		err := as(c, "one").Leave(t.Context(), "another")
		if !giosg.NotSent(err) || giosg.KindOf(err) != giosg.Throttled || giosg.RetryAfter(err) != 20*time.Second {
			t.Errorf("a call in the pause: %v", err)
		}
		if err := as(c, "two").Leave(t.Context(), "chat"); err != nil {
			t.Errorf("another bot user: %v", err)
		}
		time.Sleep(20 * time.Second)
		if err := as(c, "one").Leave(t.Context(), "chat"); err != nil {
			t.Errorf("after the pause: %v", err)
		}
		if n := s.calls.Load(); n != 3 {
			t.Errorf("%d calls were made", n)
		}
	})
}

func TestABotUserWhoseCallsFailIsStoppedAndProbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.status.Store(500)
		c := s.client(t, 0)
		var err error
		for range 20 {
			if err = as(c, "one").Leave(t.Context(), "chat"); giosg.NotSent(err) {
				break
			}
		}
		if made := s.calls.Load(); !giosg.NotSent(err) || made > 10 {
			t.Fatalf("after %d failures: %v", made, err)
		}
		if wait := giosg.RetryAfter(err); wait <= 0 || wait > 2*time.Second {
			t.Errorf("retry after %v", wait)
		}
		if err := as(c, "two").Leave(t.Context(), "chat"); giosg.NotSent(err) {
			t.Errorf("another bot user: %v", err)
		}
		before := s.calls.Load()
		time.Sleep(2 * time.Second)
		s.status.Store(204)
		if err := as(c, "one").Leave(t.Context(), "chat"); err != nil {
			t.Errorf("the probe: %v", err)
		}
		for range 5 {
			if err := as(c, "one").Leave(t.Context(), "chat"); err != nil {
				t.Errorf("after the probe: %v", err)
			}
		}
		if n := s.calls.Load() - before; n != 6 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestSomeFailuresStopNobody(t *testing.T) {
	t.Parallel()
	s := &served{}
	c := s.client(t, 0)
	for i := range 200 {
		s.status.Store(204)
		if i%3 == 0 {
			s.status.Store(503)
		}
		if err := as(c, "one").Leave(t.Context(), "chat"); giosg.NotSent(err) {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}

func TestConcurrencyOfABotUserIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		s := &served{during: func() {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second)
			now.Add(-1)
		}}
		s.status.Store(204)
		c := s.client(t, 3)
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				if err := as(c, "one").Leave(t.Context(), giosg.ChatID(fmt.Sprint("chat", i))); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := as(c, "one").Leave(ctx, "chat"); giosg.KindOf(err) != giosg.Canceled {
			t.Errorf("waiting for a slot: %v", err)
		}
		if err := as(c, "two").Leave(t.Context(), "chat"); err != nil {
			t.Errorf("another bot user: %v", err)
		}
		all.Wait()
		if most.Load() > 4 || now.Load() != 0 { // three of one and one of two
			t.Errorf("%d calls at once", most.Load())
		}
		for _, m := range c.Limits() {
			if m.InFlight != 0 || m.Open {
				t.Errorf("left behind: %+v", m)
			}
		}
	})
}

func TestWithRetryRepeatsReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.status.Store(429)
		s.after.Store("2")
		asked := 0
		retrying := as(s.client(t, 0), "one").WithRetry(func(_ context.Context, err error) bool {
			if asked++; !giosg.Deferred(err) || asked > 3 {
				return false
			}
			time.Sleep(giosg.RetryAfter(err))
			return true
		})
		if err := retrying.Leave(t.Context(), "chat"); giosg.NotSent(err) || !giosg.Deferred(err) || asked != 0 {
			t.Errorf("a write, asked about %d times: %v", asked, err)
		}
		if _, err := retrying.Room(t.Context(), "room"); !giosg.Deferred(err) || asked != 4 || s.calls.Load() != 4 {
			t.Errorf("a read, asked about %d times, %d calls: %v", asked, s.calls.Load(), err)
		}
		time.Sleep(2 * time.Second)
		s.status.Store(404)
		asked = 0
		if _, err := retrying.Room(t.Context(), "room"); giosg.KindOf(err) != giosg.Gone || giosg.Deferred(err) || asked != 1 {
			t.Errorf("a room that is gone, asked about %d times: %v", asked, err)
		}
	})
}
