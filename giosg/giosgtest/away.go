package giosgtest

// GoAway ends the user's presence at once, as closing the console does.
func (u *User) GoAway() {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	before := u.stateLocked()
	u.steady = false
	now := u.p.nowLocked()
	for len(u.clients) > 0 {
		u.dropClientLocked(u.clients[0], now)
	}
	u.changedLocked(before)
	u.p.ringLocked(nil)
}
