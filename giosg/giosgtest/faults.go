package giosgtest

import (
	"slices"
	"sync"
	"time"
)

// Fault is what goes wrong with one API call. The zero value is no fault.
type Fault struct {
	// Delay is a wait before the call is handled, and before any other fault. It ends when the client disconnects.
	Delay time.Duration
	// After lets the call take effect before it fails; otherwise it fails without effect.
	After bool
	// Status replaces the answer's status; 0 leaves the answer as it is. RetryAfter adds the header, rounded up to seconds. Body
	// replaces the error body.
	Status     int
	RetryAfter time.Duration
	Body       string
	// Location adds the header, for redirects.
	Location string
	// Cut closes the connection without an answer. A Go client repeats a GET by itself when a reused connection is closed.
	Cut bool
	// Hang gives no answer until the client disconnects.
	Hang bool
}

func (f Fault) fails() bool { return f.Status != 0 || f.Cut || f.Hang }

func (f Fault) name() string {
	when := " before effect"
	if f.After {
		when = " after effect"
	}
	switch {
	case f.Hang:
		return "hang" + when
	case f.Cut:
		return "cut" + when
	case f.Status != 0:
		return itoa(f.Status) + when
	case f.Delay > 0:
		return "delay"
	}
	return ""
}

// faultBook holds the faults to come.
type faultBook struct {
	mu    sync.Mutex // guards all below, and Rule's counters
	hook  func(Call) Fault
	rules []*Rule
}

// SetFault sets the hook that is asked about every API call; nil removes it. The hook may call any method of the platform. Rules made
// with On go first.
func (p *Platform) SetFault(hook func(Call) Fault) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.hook = hook
}

// Rule chooses calls and makes them fail. Choose first (By, In, InOrg, Where, Skip, Times, For), then set the fault (FailBefore, CutAfter, ...), which
// turns the rule on. The oldest rule that matches a call applies.
type Rule struct {
	p     *Platform
	match []func(Call) bool
	skip  int
	left  int // negative: for ever
	hits  int
	fault Fault
	lasts time.Duration // 0: for ever
	ends  time.Time     // set if lasts is
}

// On begins a rule for calls by method and path pattern, as in Matching.
func (p *Platform) On(method, pattern string) *Rule {
	return &Rule{p: p, left: -1, match: []func(Call) bool{Matching(method, pattern)}}
}

// By chooses calls made with a token of the user.
func (r *Rule) By(u *User) *Rule { return r.Where(func(c Call) bool { return c.TokenUser == u.ID }) }

// In chooses calls with the chat in their path.
func (r *Rule) In(chat *Chat) *Rule { return r.Where(func(c Call) bool { return c.ChatID == chat.ID }) }

// Where chooses calls that match accepts. match must not inject faults.
func (r *Rule) Where(match func(Call) bool) *Rule {
	r.match = append(r.match, match)
	return r
}

// Skip makes the rule ignore the first n chosen calls.
func (r *Rule) Skip(n int) *Rule {
	r.skip = n
	return r
}

// Times ends the rule after n faults.
func (r *Rule) Times(n int) *Rule {
	r.left = n
	return r
}

// FailBefore answers with the status instead of handling the call.
func (r *Rule) FailBefore(status int) *Rule { return r.Do(Fault{Status: status}) }

// FailAfter handles the call and then answers with the status.
func (r *Rule) FailAfter(status int) *Rule { return r.Do(Fault{Status: status, After: true}) }

// CutBefore closes the connection instead of handling the call.
func (r *Rule) CutBefore() *Rule { return r.Do(Fault{Cut: true}) }

// CutAfter handles the call and then closes the connection without an answer.
func (r *Rule) CutAfter() *Rule { return r.Do(Fault{Cut: true, After: true}) }

// HangBefore never handles the call and never answers it. The call ends when the client disconnects.
func (r *Rule) HangBefore() *Rule { return r.Do(Fault{Hang: true}) }

// HangAfter handles the call and never answers it.
func (r *Rule) HangAfter() *Rule { return r.Do(Fault{Hang: true, After: true}) }

// TooMany answers 429 with Retry-After.
func (r *Rule) TooMany(retryAfter time.Duration) *Rule {
	return r.Do(Fault{Status: 429, RetryAfter: retryAfter})
}

// Delay handles the call later.
func (r *Rule) Delay(d time.Duration) *Rule { return r.Do(Fault{Delay: d}) }

// Do turns the rule on with any fault.
func (r *Rule) Do(f Fault) *Rule {
	book := &r.p.faults
	book.mu.Lock()
	defer book.mu.Unlock()
	r.fault = f
	if r.lasts > 0 {
		r.ends = time.Now().Add(r.lasts)
	}
	if !slices.Contains(book.rules, r) {
		book.rules = append(book.rules, r)
	}
	return r
}

// Remove turns the rule off.
func (r *Rule) Remove() {
	book := &r.p.faults
	book.mu.Lock()
	defer book.mu.Unlock()
	book.rules = slices.DeleteFunc(book.rules, func(other *Rule) bool { return other == r })
}

// Hits counts the faults that the rule has caused.
func (r *Rule) Hits() int {
	r.p.faults.mu.Lock()
	defer r.p.faults.mu.Unlock()
	return r.hits
}

// ClearFaults removes the hook and all rules.
func (p *Platform) ClearFaults() {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.hook, p.faults.rules = nil, nil
}

// forCall returns the fault that the rules and the hook have for a call.
func (b *faultBook) forCall(c Call) Fault {
	b.mu.Lock()
	hook := b.hook
	for i, r := range b.rules {
		if !r.fits(c) {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		r.hits++
		if r.left > 0 {
			if r.left--; r.left == 0 {
				b.rules = slices.Delete(slices.Clone(b.rules), i, i+1)
			}
		}
		b.mu.Unlock()
		return r.fault
	}
	b.mu.Unlock()
	if hook == nil {
		return Fault{}
	}
	return hook(c)
}

func (r *Rule) fits(c Call) bool {
	if r.left == 0 || !r.ends.IsZero() && time.Now().After(r.ends) {
		return false
	}
	for _, match := range r.match {
		if !match(c) {
			return false
		}
	}
	return true
}

// chanceLocked returns a random fault, as the platform's Manners say.
func (p *Platform) chanceLocked() (f Fault) {
	m := p.opts.Manners
	if m.LagAPI > 0 {
		f.Delay = time.Duration(p.dice.Int64N(int64(m.LagAPI)))
	}
	all := m.Fail503 + m.Fail500After + m.CutAfter + m.Fail429
	if all <= 0 {
		return f
	}
	roll := p.dice.Float64()
	switch {
	case roll < m.Fail503:
		f.Status = 503
	case roll < m.Fail503+m.Fail500After:
		f.Status, f.After = 500, true
	case roll < m.Fail503+m.Fail500After+m.CutAfter:
		f.Cut, f.After = true, true
	case roll < all:
		f.Status, f.RetryAfter = 429, max(m.RetryAfter, time.Second)
	}
	return f
}
