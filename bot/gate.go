package bot

import (
	"math/rand/v2"
	"sync"
	"time"

	"giosgbot/chat"
	"giosgbot/queue"
)

// gates bound how many turns of one bot user run at the same time, so that a slow platform or a crowd of one organization leaves workers to
// the others. A few more lanes wait here, leased, to follow at once; the rest are parked in the queue.
type gates struct {
	most  int // running turns of each bot user, and lanes that wait here; 0: no bound
	total int // running turns of all bot users that are limited to their share of it

	mu    sync.Mutex
	users map[string]*gate // of bot users that have a turn running; guarded by mu
}

type gate struct {
	running int
	waiting []*queue.Lease
	parked  int // lanes that were parked here and may still be
}

// share is how many turns a bot user may have running now. The more bot users there are, the less each gets, so that one that comes next finds
// a free worker. The caller holds mu.
func (g *gates) share() int { return max(1, min(g.most, g.total/max(1, len(g.users)))) }

// gateTopic is what the parked lanes of a bot user wait for.
func gateTopic(user string) string { return "turn:" + user }

// parkTime returns when a parked lane comes back though nobody has woken it, because the process that counted it has ended, or its call to the
// queue has failed. The visitor waits for that long, so it is short. It grows with the number of parked lanes, so that they do not all come
// back again and again while there is no room for them.
func parkTime(parked int) time.Duration {
	d := min(2*time.Second+time.Duration(parked)*20*time.Millisecond, 30*time.Second)
	return d + rand.N(d/2)
}

func userOf(l *queue.Lease) string {
	user, _ := chat.LaneParts(l.Lane)
	return user
}

// enter reports what to do with a lease: run it now, park it for a while, or neither, because it waits here.
func (g *gates) enter(l *queue.Lease) (run bool, park time.Duration) {
	if g.most <= 0 {
		return true, 0
	}
	user := userOf(l)
	g.mu.Lock()
	defer g.mu.Unlock()
	u := g.users[user]
	switch {
	case u == nil:
		g.users[user] = &gate{running: 1}
		return true, 0
	case u.running < g.share():
		u.running++
		return true, 0
	case len(u.waiting) < g.most:
		u.waiting = append(u.waiting, l)
		return false, 0
	}
	u.parked++
	return false, parkTime(u.parked)
}

// leave ends a turn of a lease's bot user. It returns the next lease to run, and how many parked lanes to wake.
func (g *gates) leave(l *queue.Lease) (next *queue.Lease, wake int) {
	if g.most <= 0 {
		return nil, 0
	}
	user := userOf(l)
	g.mu.Lock()
	defer g.mu.Unlock()
	u := g.users[user]
	if len(u.waiting) > 0 && u.running <= g.share() {
		next, u.waiting = u.waiting[0], u.waiting[1:]
	} else {
		u.running--
	}
	wake = u.missing(g.most)
	if u.running == 0 && u.parked == 0 {
		delete(g.users, user)
	}
	return next, wake
}

// missing returns how many parked lanes to wake so that a turn that ends has a successor, and counts them as woken.
func (u *gate) missing(most int) int {
	if u.parked == 0 || len(u.waiting) > most/2 {
		return 0
	}
	n := min(u.parked, most-len(u.waiting))
	u.parked -= n
	return n
}

// afterPark returns how many parked lanes to wake because turns have ended while the lane was being parked.
func (g *gates) afterPark(user string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	u := g.users[user]
	if u == nil {
		return 0
	}
	n := u.missing(g.most)
	if u.running == 0 && u.parked == 0 {
		delete(g.users, user)
	}
	return n
}

// unwoken counts lanes as parked again that could not be woken, so that the next turn that ends wakes them.
func (g *gates) unwoken(user string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if u := g.users[user]; u != nil {
		u.parked += n
	}
}

// drain returns all leases that wait here.
func (g *gates) drain() (all []*queue.Lease) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, u := range g.users {
		all = append(all, u.waiting...)
		u.waiting = nil
	}
	return all
}
