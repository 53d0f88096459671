package giosg

import (
	"crypto/sha256"
	"sync"
	"time"
)

// DefaultMargin is how long before its end a token is no longer given out.
const DefaultMargin = 5 * time.Second

// Tokens keeps the freshest token of each bot user, in memory and until it
// expires: the guide tells bots to work with the tokens that webhooks bring and
// to store none. The zero value is ready for use; it is safe for concurrent
// use, and shows no token when printed.
type Tokens struct {
	Now    func() time.Time // time.Now if nil
	Margin time.Duration    // DefaultMargin if 0, none if negative

	mu      sync.Mutex // guards what follows
	held    map[UserID]sealed
	refused map[[sha256.Size]byte]time.Time // hash of a value → until when it is refused
	swept   time.Time
}

// NewTokens returns a keeper with a clock of the caller's; nil is time.Now.
func NewTokens(now func() time.Time) *Tokens { return &Tokens{Now: now} }

// Put keeps a token unless a fresher one of the same user is held, it is about
// to expire, or giosg has refused its value. It tells whether the user had no
// valid token before and has one now.
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
		if t.Expires.After(old.Expires) && t.Value != old.Value { // a value seen again lives no longer for it
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

// Get returns the user's token, if there is one that is valid for longer than
// the margin.
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

// Refuse forgets a token that giosg answered with 401, if it is still held, and
// takes the same value again only after its expiry. A fresher token stays.
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
		until = end // a webhook may come twice, and count its seconds anew
	}
	if ts.refused == nil {
		ts.refused = make(map[[sha256.Size]byte]time.Time)
	}
	ts.refused[hash(t.Value)] = until
}

// All returns the valid tokens, one of each user, in no order.
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

// sweep drops what has expired, now and then.
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
