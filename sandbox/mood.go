package sandbox

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"giosgbot/giosg/giosgtest"
)

// The switches of the bad weather.
const (
	duplicate = "duplicate" // every webhook comes three times
	shuffle   = "shuffle"   // webhooks come late and out of order
	down      = "down"      // every API call is answered 503
	throttle  = "throttle"  // about one API call a second, 429 for the rest
	cut       = "cut"       // writes take effect, but their answer never comes; that to the same once more does
	expire    = "expire"    // tokens are refused with 401
)

var switches = []string{duplicate, shuffle, down, throttle, cut, expire}

// mood is how the platform behaves now: which switches are on.
type mood struct {
	platform *giosgtest.Platform

	mu      sync.Mutex
	on      map[string]bool
	credit  float64 // API calls that the throttle lets pass now
	counted time.Time
	written map[string]bool // what was cut already
}

// set turns a switch.
func (m *mood) set(name string, on bool) error {
	if !slices.Contains(switches, name) {
		return fmt.Errorf("there is no switch %q", name)
	}
	m.mu.Lock()
	m.on[name] = on
	view := m.viewLocked()
	m.credit, m.counted, m.written = 2, time.Now(), map[string]bool{}
	m.mu.Unlock()
	m.platform.Configure(func(o *giosgtest.Options) { o.Manners = manners(view) })
	m.platform.SetFault(m.fault)
	return nil
}

func (m *mood) view() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.viewLocked()
}

func (m *mood) viewLocked() map[string]bool {
	all := map[string]bool{}
	for _, name := range switches {
		all[name] = m.on[name]
	}
	return all
}

// manners are polite, with the small lag of a network, but for what is switched on. A bot that is down hears of everything later: the
// waits between attempts add up to minutes.
func manners(on map[string]bool) *giosgtest.Manners {
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
func (m *mood) fault(c giosgtest.Call) giosgtest.Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.on[expire]:
		return giosgtest.Fault{Status: 401}
	case m.on[down]:
		return giosgtest.Fault{Status: 503}
	case m.on[throttle] && !m.passLocked():
		return giosgtest.Fault{Status: 429, RetryAfter: 3 * time.Second}
	case m.on[cut] && c.Method != "GET" && m.newLocked(c):
		return giosgtest.Fault{Cut: true, After: true}
	}
	return giosgtest.Fault{}
}

// newLocked tells whether a write is not one that was cut before: a bot that never gets any answer could learn nothing.
func (m *mood) newLocked(c giosgtest.Call) bool {
	key := c.Method + c.Path + c.Body
	was := m.written[key]
	m.written[key] = true
	return !was
}

// passLocked is a bucket that fills by one call a second and holds three: what a turn needs at least, so that each attempt comes a bit
// further than the one before.
func (m *mood) passLocked() bool {
	now := time.Now()
	m.credit = min(3, m.credit+now.Sub(m.counted).Seconds())
	m.counted = now
	if m.credit < 1 {
		return false
	}
	m.credit--
	return true
}
