package admin

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// UserState is what this process knows of one bot user now. Times that are not known are zero.
type UserState struct {
	User          string
	Org           string
	TokenExpires  time.Time // of a valid token
	PresentUntil  time.Time // until then the platform need not be told again that the bot user is present
	PausedUntil   time.Time // until then its API calls wait, because the platform throttles them
	BreakerOpen   bool      // its API calls fail at once, because too many have failed
	CallsInFlight int
}

// maxUsers bounds how many bot users are remembered. The one whose last webhook is oldest is forgotten first.
const maxUsers = 2000

// users remembers the last webhook of each bot user.
type users struct {
	mu    sync.Mutex
	known map[string]*user // guarded by mu
}

type user struct {
	id      string
	org     string
	webhook time.Time
}

func newUsers() *users { return &users{known: map[string]*user{}} }

func (us *users) seen(id, org string, now time.Time) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.known[id]
	if u == nil {
		if len(us.known) >= maxUsers {
			us.forgetLocked()
		}
		u = &user{id: id}
		us.known[id] = u
	}
	u.webhook = now
	if org != "" {
		u.org = org
	}
}

// forgetLocked makes room for one bot user. The caller holds mu.
func (us *users) forgetLocked() {
	var oldest *user
	for _, u := range us.known {
		if oldest == nil || u.webhook.Before(oldest.webhook) {
			oldest = u
		}
	}
	delete(us.known, oldest.id)
}

// all returns copies.
func (us *users) all() []user {
	us.mu.Lock()
	defer us.mu.Unlock()
	out := make([]user, 0, len(us.known))
	for _, u := range us.known {
		out = append(out, *u)
	}
	return out
}

// userStatus is one bot user as the page gets it. Times that are not known are null.
type userStatus struct {
	User     string     `json:"user"`
	Org      string     `json:"org"`
	Webhook  *time.Time `json:"webhook"`       // the last one that this process received
	Token    *time.Time `json:"token_expires"` // null without a valid token
	Presence *time.Time `json:"present_until"`
	Paused   *time.Time `json:"paused_until"` // null if calls are not throttled now
	Open     bool       `json:"breaker_open"`
	InFlight int        `json:"calls_under_way"`
	lastSeen time.Time
}

// userStatuses returns the known bot users, the one with the newest webhook first.
func (a *Admin) userStatuses(now time.Time) []userStatus {
	byID := map[string]*userStatus{}
	for _, u := range a.users.all() {
		byID[u.id] = &userStatus{User: u.id, Org: u.org, Webhook: &u.webhook, lastSeen: u.webhook}
	}
	for _, u := range a.opts.Users() {
		s := byID[u.User]
		if s == nil {
			s = &userStatus{User: u.User}
			byID[u.User] = s
		}
		s.Org = cmp.Or(u.Org, s.Org)
		s.Token, s.Paused = future(u.TokenExpires, now), future(u.PausedUntil, now)
		if !u.PresentUntil.IsZero() {
			s.Presence = &u.PresentUntil
		}
		s.Open, s.InFlight = u.BreakerOpen, u.CallsInFlight
	}
	out := make([]userStatus, 0, len(byID))
	for _, s := range byID {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b userStatus) int {
		return cmp.Or(b.lastSeen.Compare(a.lastSeen), cmp.Compare(a.User, b.User))
	})
	return out
}

// future returns nil for a moment that has passed.
func future(t, now time.Time) *time.Time {
	if !t.After(now) {
		return nil
	}
	return &t
}
