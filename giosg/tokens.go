package giosg

import (
	"crypto/sha256"
	"sync"
	"time"
)

// DefaultMargin is how long before its expiry a token is no longer returned.
const DefaultMargin = 5 * time.Second

// Tokens keeps the newest token of each bot user in memory until it expires. The
// guide asks bots to use the tokens that come with webhooks and to store none. The
// zero value is ready for use. Tokens is safe for concurrent use and shows no
// token when printed.
type Tokens struct {
	Now    func() time.Time // time.Now if nil
	Margin time.Duration    // DefaultMargin if 0, none if negative

	mu      sync.Mutex // guards what follows
	held    map[UserID]sealed
	refused map[[sha256.Size]byte]time.Time // hash of a refused value → when to forget it
	swept   time.Time
}

// NewTokens returns an empty Tokens with the given clock; nil means time.Now.
func NewTokens(now func() time.Time) *Tokens { return &Tokens{Now: now} }

// Put keeps a token, unless a newer one of the same user is held, the token is
// about to expire, or giosg has refused its value. It reports whether the user
// had no valid token before and has one now.
func (ts *Tokens) Put(t Token) (first bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := ts.now()
	ts.sweep(now)
	if !ts.valid(&t, now) {
		return false
	}
	if until, ok := ts.refused[hash(t.Value)]; ok && now.Before(until) {
		return false
	}
	if old := ts.peek(t.User); old != nil && ts.valid(old, now) {
		if t.Expires.After(old.Expires) && t.Value != old.Value { // the same value again does not extend its life
			ts.held[t.User] = seal(t)
		}
		return false
	}
	if ts.held == nil {
		ts.held = make(map[UserID]sealed)
	}
	ts.held[t.User] = seal(t)
	return true
}

// Get returns the user's token, if it is valid for longer than the margin.
func (ts *Tokens) Get(u UserID) (Token, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.peek(u)
	if t == nil {
		return Token{}, false
	}
	if !ts.valid(t, ts.now()) {
		delete(ts.held, u)
		return Token{}, false
	}
	return *t, true
}

// Refuse removes a token that giosg answered with 401. Put does not accept the same
// value again before it has expired. A newer token stays.
func (ts *Tokens) Refuse(t Token) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := ts.now()
	ts.sweep(now)
	until := t.Expires
	if old := ts.peek(t.User); old != nil && old.Value == t.Value {
		if old.Expires.After(until) {
			until = old.Expires
		}
		delete(ts.held, t.User)
	}
	if end := now.Add(defaultTokenLife); until.Before(end) {
		until = end // a copy of the webhook may bring the token again, with a later expiry
	}
	if ts.refused == nil {
		ts.refused = make(map[[sha256.Size]byte]time.Time)
	}
	ts.refused[hash(t.Value)] = until
}

// All returns the valid token of each user, in no particular order.
func (ts *Tokens) All() []Token {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	now := ts.now()
	all := make([]Token, 0, len(ts.held))
	for _, t := range ts.held {
		if t := t(); ts.valid(t, now) {
			all = append(all, *t)
		}
	}
	return all
}

func (ts *Tokens) now() time.Time {
	if ts.Now == nil {
		return time.Now()
	}
	return ts.Now()
}

func (ts *Tokens) peek(u UserID) *Token {
	if t := ts.held[u]; t != nil {
		return t()
	}
	return nil
}

func (ts *Tokens) valid(t *Token, now time.Time) bool {
	margin := ts.Margin
	if margin == 0 {
		margin = DefaultMargin
	}
	return t.Value != "" && t.Expires.Sub(now) > max(margin, 0)
}

const sweepEvery = 30 * time.Second

// sweep removes what has expired, at most every sweepEvery.
func (ts *Tokens) sweep(now time.Time) {
	if d := now.Sub(ts.swept); d >= 0 && d < sweepEvery {
		return
	}
	ts.swept = now
	for u, t := range ts.held {
		if !ts.valid(t(), now) {
			delete(ts.held, u)
		}
	}
	for h, until := range ts.refused {
		if !now.Before(until) {
			delete(ts.refused, h)
		}
	}
}

func hash(s Secret) [sha256.Size]byte { return sha256.Sum256([]byte(s.Reveal())) }
