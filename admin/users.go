package admin

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"giosgbot/giosg"
)

// maxUsers bounds the bot users that are remembered; the one silent for longest goes first.
const maxUsers = 2000

// users remembers when each bot user was last heard of. It keeps no token.
type users struct {
	mu    sync.Mutex
	known map[giosg.UserID]*user // guarded by mu
}

type user struct {
	id      giosg.UserID
	org     giosg.OrgID
	webhook time.Time // the last one
}

func newUsers() *users { return &users{known: map[giosg.UserID]*user{}} }

func (us *users) heard(t giosg.Token, now time.Time) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.known[t.User]
	if u == nil {
		if len(us.known) >= maxUsers {
			us.forget()
		}
		u = &user{id: t.User}
		us.known[t.User] = u
	}
	u.webhook = now
	if t.Org != "" {
		u.org = t.Org
	}
}

// forget makes room for one. The caller holds mu.
func (us *users) forget() {
	var oldest *user
	for _, u := range us.known {
		if oldest == nil || u.webhook.Before(oldest.webhook) {
			oldest = u
		}
	}
	delete(us.known, oldest.id)
}

// userStatus is one bot user as the page gets it. Times that are not known are null.
type userStatus struct {
	User      giosg.UserID `json:"user"`
	Org       giosg.OrgID  `json:"org"`
	Webhook   *time.Time   `json:"webhook"`       // the last one that came to this process
	Token     *time.Time   `json:"token_expires"` // null: no valid one
	Presence  *time.Time   `json:"present_until"` // until when no refresh is due
	Paused    *time.Time   `json:"paused_until"`  // giosg asked for it
	Open      bool         `json:"breaker_open"`
	InFlight  int          `json:"calls_under_way"`
	heardLast time.Time
}

// userStatuses puts together what is known of each bot user, the one heard of last first.
func (a *Admin) userStatuses(now time.Time) []userStatus {
	byID := map[giosg.UserID]*userStatus{}
	get := func(id giosg.UserID) *userStatus {
		if byID[id] == nil {
			byID[id] = &userStatus{User: id}
		}
		return byID[id]
	}
	a.users.mu.Lock()
	for _, u := range a.users.known {
		s := get(u.id)
		at := u.webhook
		s.Org, s.Webhook, s.heardLast = u.org, &at, at
	}
	a.users.mu.Unlock()
	for _, t := range a.opts.Tokens() {
		s := get(t.User)
		if t.Org != "" {
			s.Org = t.Org
		}
		if expires := t.Expires; expires.After(now) {
			s.Token = &expires
		}
	}
	for id, until := range a.opts.Presence() {
		get(id).Presence = &until
	}
	for _, g := range a.opts.Manners() {
		s := get(g.User)
		s.Open, s.InFlight = g.Open, g.InFlight
		if until := g.PausedUntil; until.After(now) {
			s.Paused = &until
		}
	}
	out := make([]userStatus, 0, len(byID))
	for _, s := range byID {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b userStatus) int {
		return cmp.Or(b.heardLast.Compare(a.heardLast), cmp.Compare(a.User, b.User))
	})
	return out
}
