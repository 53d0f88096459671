package giosg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/giosg"
)

// slow is a transport that answers each call after a time. It works in a bubble
// of testing/synctest.
func slow(d time.Duration) *served {
	s := &served{during: func() { time.Sleep(d) }}
	s.status.Store(201)
	return s
}

// The time that a call waits for its slot does not count.
func TestWaitingForASlotTakesNoneOfTheCallsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := slow(3 * time.Second)
		c := s.client(t, 8)
		until := func() time.Time { return time.Now().Add(30 * time.Second) } // a lease that is renewed
		start := time.Now()
		var all sync.WaitGroup
		for i := range 80 {
			all.Go(func() {
				ctx := giosg.WithCallTimeout(t.Context(), 5*time.Second, until)
				if err := as(c, "one").Leave(ctx, giosg.ChatID(fmt.Sprint("chat", i))); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 30*time.Second || s.calls.Load() != 80 {
			t.Errorf("%d calls took %v", s.calls.Load(), took)
		}
	})
}

func TestCallTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		client, d      time.Duration
		until          time.Duration // after the call has its slot; 0: none
		took           time.Duration
		write, read    giosg.Kind
		sent, deadline bool
	}{
		{"the client's timeout", 5 * time.Second, time.Minute, time.Hour, 5 * time.Second, giosg.Unknown, giosg.Temporary, true, true},
		{"the call's timeout", 5 * time.Second, 2 * time.Second, time.Hour, 2 * time.Second, giosg.Unknown, giosg.Temporary, true, true},
		{"no end", 5 * time.Second, 2 * time.Second, 0, 2 * time.Second, giosg.Unknown, giosg.Temporary, true, true},
		{"the end", 5 * time.Second, 2 * time.Second, time.Second, time.Second, giosg.Unknown, giosg.Canceled, true, true},
		{"the end has come", 5 * time.Second, 2 * time.Second, -time.Nanosecond, 0, giosg.Canceled, giosg.Canceled, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int64
				c, err := giosg.New(giosg.Config{BaseURL: "http://giosg.test", Timeout: tt.client, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.Body != nil {
						io.Copy(io.Discard, r.Body)
					}
					sent.Add(1)
					<-r.Context().Done()
					return nil, r.Context().Err()
				})})
				if err != nil {
					t.Fatal(err)
				}
				var until func() time.Time
				if tt.until != 0 {
					until = func() time.Time { return time.Now().Add(tt.until) }
				}
				ctx := giosg.WithCallTimeout(t.Context(), tt.d, until)
				start := time.Now()
				write := as(c, "one").Leave(ctx, "chat")
				if took := time.Since(start); took != tt.took {
					t.Errorf("the write took %v, want %v", took, tt.took)
				}
				_, read := as(c, "one").Room(ctx, "room")
				wantKind(t, write, tt.write)
				wantKind(t, read, tt.read)
				for _, err := range []error{write, read} {
					if !errors.Is(err, context.DeadlineExceeded) || giosg.NotSent(err) == tt.sent {
						t.Errorf("not sent: %t: %v", giosg.NotSent(err), err)
					}
				}
				if giosg.NoEffect(write) == tt.sent || (sent.Load() == 2) != tt.sent {
					t.Errorf("no effect: %t, %d were sent", giosg.NoEffect(write), sent.Load())
				}
			})
		})
	}
}

// A call whose time ends while it waits for a slot, or that finds its lease over
// when it gets one, is known not to have been sent.
func TestACallThatGetsNoSlotIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := slow(10 * time.Second)
		c, err := giosg.New(giosg.Config{BaseURL: "http://giosg.test", Transport: s, Concurrency: 1, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		first := make(chan error)
		go func() { first <- as(c, "one").Leave(t.Context(), "chat") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = as(c, "one").Send(ctx, "chat", giosg.NewMessage{Message: "x"})
		if giosg.KindOf(err) != giosg.Canceled || !giosg.NotSent(err) || !giosg.NoEffect(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("its time ended: %v", err)
		}
		end := time.Now().Add(5 * time.Second) // before the slot is free
		ctx = giosg.WithCallTimeout(t.Context(), time.Minute, func() time.Time { return end })
		second := make(chan error)
		go func() {
			_, err := as(c, "one").Send(ctx, "chat", giosg.NewMessage{Message: "x"})
			second <- err
		}()
		if err := <-first; err != nil {
			t.Error(err)
		}
		err = <-second
		if giosg.KindOf(err) != giosg.Canceled || !giosg.NotSent(err) || !giosg.NoEffect(err) {
			t.Errorf("its lease ended: %v", err)
		}
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d calls", n)
		}
		for _, l := range c.Limits() {
			if l.InFlight != 0 || l.Open {
				t.Errorf("left behind: %+v", l)
			}
		}
	})
}

func TestNoEffect(t *testing.T) {
	t.Parallel()
	for kind, want := range map[giosg.Kind]bool{
		giosg.OK: false, giosg.Taken: false, giosg.Gone: false, giosg.Forbidden: false, giosg.Unauthorized: false, giosg.Throttled: true,
		giosg.Invalid: true, giosg.Temporary: true, giosg.Unknown: false, giosg.Canceled: true, giosg.Refused: false,
	} {
		if got := giosg.NoEffect(&giosg.Error{Kind: kind}); got != want {
			t.Errorf("%v: %t", kind, got)
		}
	}
	if giosg.NoEffect(nil) || giosg.NoEffect(io.EOF) || giosg.NoEffect(context.Canceled) {
		t.Error("errors of others say nothing about a call")
	}
}

// waker records the calls of Config.OnFree.
type waker struct {
	mu    sync.Mutex // guards users
	users []giosg.UserID
}

func (w *waker) free(u giosg.UserID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users = append(w.users, u)
}

func (w *waker) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.users)
}

func TestNoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w waker
		s := slow(3 * time.Second)
		c, err := giosg.New(giosg.Config{BaseURL: "http://giosg.test", Transport: s, Concurrency: 2, OnFree: w.free})
		if err != nil {
			t.Fatal(err)
		}
		ctx := giosg.NoWait(t.Context())
		if !c.Free("one") {
			t.Error("no slot is free before the first call")
		}
		for range 2 {
			go func() {
				if err := as(c, "one").Leave(ctx, "chat"); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		if c.Free("one") || !c.Free("two") {
			t.Errorf("free: %t and %t", c.Free("one"), c.Free("two"))
		}
		start := time.Now()
		for range 5 {
			err := as(c, "one").Leave(ctx, "chat")
			if !giosg.IsBusy(err) || !giosg.NotSent(err) || !giosg.NoEffect(err) || !giosg.Deferred(err) || giosg.KindOf(err) != giosg.Throttled {
				t.Errorf("all slots are taken: %v", err)
			}
		}
		if time.Since(start) != 0 || s.calls.Load() != 2 || w.count() != 0 {
			t.Errorf("after %v, %d calls, %d woken", time.Since(start), s.calls.Load(), w.count())
		}
		if err := as(c, "two").Leave(ctx, "chat"); giosg.IsBusy(err) {
			t.Errorf("another bot user: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w.count() != 2 { // one for each slot that is free
			t.Errorf("%d woken, want 2", w.count())
		}
		for range 4 { // each call that ends wakes one more, until all that were busy had their turn
			if err := as(c, "one").Leave(ctx, "chat"); err != nil {
				t.Error(err)
			}
		}
		if w.count() != 5 {
			t.Errorf("%d woken, want 5", w.count())
		}
	})
}

// A call that waits gets a slot before those that do not wait are woken.
func TestWaitingCallsComeBeforeNewOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w waker
		s := slow(time.Second)
		c, err := giosg.New(giosg.Config{BaseURL: "http://giosg.test", Transport: s, Concurrency: 1, OnFree: w.free})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := as(c, "one").Leave(t.Context(), "chat"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := as(c, "one").Leave(giosg.NoWait(t.Context()), "chat"); !giosg.IsBusy(err) {
			t.Error(err)
		}
		time.Sleep(2500 * time.Millisecond)
		if w.count() != 0 {
			t.Error("woken although a call waits for the slot")
		}
		all.Wait()
		if w.count() != 1 {
			t.Errorf("%d woken, want 1", w.count())
		}
	})
}

// Under many concurrent calls no wake-up is lost: whoever was busy is woken.
func TestNoWakeUpIsLost(t *testing.T) {
	t.Parallel()
	var w waker
	s := &served{}
	s.status.Store(204)
	c, err := giosg.New(giosg.Config{BaseURL: "http://giosg.test", Transport: s, Concurrency: 2, OnFree: w.free})
	if err != nil {
		t.Fatal(err)
	}
	var busy atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 500 {
				if err := as(c, "one").Leave(giosg.NoWait(t.Context()), "chat"); giosg.IsBusy(err) {
					busy.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for w.count() < int(busy.Load()) { // the rest is woken by further calls
		before := w.count()
		if err := as(c, "one").Leave(t.Context(), "chat"); err != nil {
			t.Fatal(err)
		}
		if w.count() == before {
			t.Fatalf("%d woken of %d", before, busy.Load())
		}
	}
}
