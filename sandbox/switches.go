package sandbox

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"giosgbot/giosg/giosgtest"
)

// The switches that make trouble.
const (
	duplicate = "duplicate" // every webhook is sent three times
	shuffle   = "shuffle"   // webhooks are late and out of order
	down      = "down"      // every API call gets 503
	throttle  = "throttle"  // one API call a second, the others get 429
	cut       = "cut"       // writes take effect, but their answer is lost the first time
	expire    = "expire"    // every API call gets 401
)

var switches = []string{duplicate, shuffle, down, throttle, cut, expire}

// trouble makes the platform misbehave as the switches say.
type trouble struct {
	platform *giosgtest.Platform

	mu      sync.Mutex
	on      map[string]bool
	credit  float64 // how many API calls the throttle allows now
	counted time.Time
	written map[string]bool // writes whose answer was lost already
}

// set turns a switch.
func (t *trouble) set(name string, on bool) error {
	if !slices.Contains(switches, name) {
		return fmt.Errorf("there is no switch %q", name)
	}
	t.mu.Lock()
	t.on[name] = on
	view := t.viewLocked()
	t.credit, t.counted, t.written = 2, time.Now(), map[string]bool{}
	t.mu.Unlock()
	t.platform.Configure(func(o *giosgtest.Options) { o.Manners = behaviour(view) })
	t.platform.SetFault(t.fault)
	return nil
}

func (t *trouble) view() map[string]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.viewLocked()
}

func (t *trouble) viewLocked() map[string]bool {
	all := map[string]bool{}
	for _, name := range switches {
		all[name] = t.on[name]
	}
	return all
}

// behaviour returns how the platform behaves with some switches on: otherwise well, with the delays of a network. The pauses between its
// attempts to deliver a webhook add up to minutes, so a bot that is killed gets its webhooks later.
func behaviour(on map[string]bool) *giosgtest.Manners {
	m := giosgtest.Polite()
	m.LagMin, m.LagMax, m.LagAPI = 20*time.Millisecond, 60*time.Millisecond, 60*time.Millisecond
	m.Attempts, m.Backoff, m.Timeout = 11, 300*time.Millisecond, 3*time.Second
	if on[duplicate] {
		m.Duplicate, m.Copies = 1, 2
	}
	if on[shuffle] {
		m.InOrder, m.LagMin, m.LagMax = false, 100*time.Millisecond, 2500*time.Millisecond
	}
	return m
}

// fault decides about one API call.
func (t *trouble) fault(c giosgtest.Call) giosgtest.Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.on[expire]:
		return giosgtest.Fault{Status: 401}
	case t.on[down]:
		return giosgtest.Fault{Status: 503}
	case t.on[throttle] && !t.passLocked():
		return giosgtest.Fault{Status: 429, RetryAfter: 3 * time.Second}
	case t.on[cut] && c.Method != "GET" && t.newLocked(c):
		return giosgtest.Fault{Cut: true, After: true}
	}
	return giosgtest.Fault{}
}

// newLocked reports whether a write is new. If no answer ever arrived, the bot could not go on.
func (t *trouble) newLocked(c giosgtest.Call) bool {
	key := c.Method + c.Path + c.Body
	was := t.written[key]
	t.written[key] = true
	return !was
}

// passLocked is a token bucket of three calls that gains one a second. A turn needs about three, so each attempt gets further.
func (t *trouble) passLocked() bool {
	now := time.Now()
	t.credit = min(3, t.credit+now.Sub(t.counted).Seconds())
	t.counted = now
	if t.credit < 1 {
		return false
	}
	t.credit--
	return true
}
