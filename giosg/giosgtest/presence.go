package giosgtest

import "time"

// client is a user client: presence with an expiry.
type client struct {
	id       string
	expires  time.Time
	lifetime int64 // seconds, as last written
	created  time.Time
	updated  time.Time
}

// Present reports whether the user is present now.
func (u *User) Present() bool {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	return u.presentAt(u.p.nowLocked())
}

// Online reports whether the user is online: present, and is_online_enabled.
func (u *User) Online() bool {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	return u.onlineAt(u.p.nowLocked())
}

// Lapses returns how often the presence of the user expired because no client was refreshed in time.
func (u *User) Lapses() int {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	u.noteLapse(u.p.nowLocked())
	return u.lapses
}

// Clients returns the number of the user's clients, also expired ones.
func (u *User) Clients() int {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	return len(u.clients)
}

// MakePresent gives the user a client with this lifetime, as if it had made one over the API.
func (u *User) MakePresent(life time.Duration) {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	u.addClientLocked(int64(life / time.Second))
	u.p.ringLocked(nil)
}

func (u *User) addClientLocked(seconds int64) *client {
	now := u.p.nowLocked()
	before := u.stateLocked()
	cl := &client{id: u.p.uuidLocked(), created: now}
	u.clients = append(u.clients, cl)
	u.refreshLocked(cl, seconds, now)
	u.changedLocked(before)
	return cl
}

func (u *User) refreshLocked(cl *client, seconds int64, now time.Time) {
	u.noteLapse(now)
	cl.lifetime, cl.updated = seconds, now
	cl.expires = now.Add(time.Duration(seconds) * time.Second)
	u.countPresence(now)
}

func (u *User) dropClientLocked(cl *client, now time.Time) {
	u.noteLapse(now)
	for i, other := range u.clients {
		if other == cl {
			u.clients = append(u.clients[:i:i], u.clients[i+1:]...)
			break
		}
	}
	u.countPresence(now)
}

// noteLapse counts an expiry that has not been counted yet.
func (u *User) noteLapse(now time.Time) {
	if !u.presentUntil.IsZero() && !now.Before(u.presentUntil) {
		u.lapses++
		u.presentUntil = time.Time{}
	}
}

func (u *User) countPresence(now time.Time) {
	u.presentUntil = time.Time{}
	for _, cl := range u.clients {
		if cl.expires.After(now) && cl.expires.After(u.presentUntil) {
			u.presentUntil = cl.expires
		}
	}
}

func (u *User) presentAt(now time.Time) bool { return u.steady || now.Before(u.presentUntil) }

func (u *User) onlineAt(now time.Time) bool { return u.onlineEnabled && u.presentAt(now) }

// userState is what others can see of a user's presence.
type userState struct{ enabled, online, present bool }

func (u *User) stateLocked() userState {
	now := u.p.nowLocked()
	return userState{u.onlineEnabled, u.onlineAt(now), u.presentAt(now)}
}

func (u *User) changedLocked(before userState) {
	after := u.stateLocked()
	if after == before {
		return
	}
	u.updated = u.p.nowLocked()
	changes := map[string]any{"id": u.ID, "updated_at": stamp(u.updated)}
	if after.enabled != before.enabled {
		changes["is_online_enabled"] = after.enabled
	}
	if after.online != before.online {
		changes["is_online"] = after.online
	}
	if after.present != before.present {
		changes["is_present"] = after.present
	}
	for _, b := range u.org.bots {
		u.p.emitLocked(b, nil, "/api/v5/orgs/"+u.org.ID+"/users", changed, u.ID, func() any { return changes })
	}
}

type online struct{ any, humans, present bool }

func (p *Platform) onlineLocked(users []*User, now time.Time) (o online) {
	for _, u := range users {
		o.present = o.present || u.presentAt(now)
		if u.onlineAt(now) {
			o.any = true
			o.humans = o.humans || !u.IsBot
		}
	}
	return o
}
