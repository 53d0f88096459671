package giosgtest

import (
	"errors"
	"slices"
	"time"
)

// ErrServed is returned by WaitAgain for a chat that a present user serves.
var ErrServed = errors.New("a present user participates in the chat")

// WaitAgain makes the chat wait again and adds it to the pending chats, as if it had been put back into the queue. If it is pending
// already, it is removed first. waiting_started_at is the current time, or stays as it is if unchanged is true.
func (c *Chat) WaitAgain(unchanged bool) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	switch {
	case !c.ended.IsZero():
		return ErrEnded
	case c.heldLocked(nil):
		return ErrServed
	}
	before := c.beforeLocked()
	c.unqueueLocked()
	at := c.stampLocked()
	if !unchanged || c.waitingStarted.IsZero() {
		c.waitingStarted = at
	}
	c.updated, c.waiting = at, true
	c.queueLocked()
	c.chatChangedLocked(before)
	c.ringLocked()
	return nil
}

// RouteAgain sends the webhooks of a chat added to routed_chats once more, as giosg does for a chat that is routed again to the same users.
func (c *Chat) RouteAgain() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.emitChatLocked(added, routedChats)
	c.ringLocked()
}

// RouteTo routes the chat to these users instead of those before. It is removed from the routed and pending chats of the others.
// Memberships stay.
func (c *Chat) RouteTo(users ...*User) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if !c.ended.IsZero() {
		return ErrEnded
	}
	was := c.routed
	c.routed = slices.Clone(users)
	for _, u := range was {
		if slices.Contains(users, u) {
			continue
		}
		u.routed.remove(c)
		c.emitRoutingLocked(u, routedChats, removed)
		if c.pending {
			u.pending.remove(c)
			c.emitRoutingLocked(u, pendingChats, removed)
		}
	}
	seq := c.p.nextLocked()
	for _, u := range users {
		if slices.Contains(was, u) {
			continue
		}
		u.routed.add(seq, c)
		c.emitRoutingLocked(u, routedChats, added)
		if c.pending {
			u.pending.add(seq, c)
			c.emitRoutingLocked(u, pendingChats, added)
		}
	}
	c.ringLocked()
	return nil
}

// emitRoutingLocked sends the webhook of one user about a chat that was added to or removed from a collection of that user.
func (c *Chat) emitRoutingLocked(u *User, collection, action string) {
	for _, b := range c.org.bots {
		if b.User == u {
			c.p.emitLocked(b, c, channelOf(b, collection), action, c.ID, func() any { return c.resourceLocked() })
		}
	}
}

// Remove ends a user's membership, as a colleague or giosg may do. To the user the chat is then as if the user had never joined.
func (c *Chat) Remove(u *User) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	m := c.memberLocked(u)
	if m == nil || u == nil {
		return ErrNotMember
	}
	if m.participating {
		m.participating = false
		c.addLocked(&message{kind: "leave", sender: u})
	}
	c.emitMemberLocked(removed, m, nil)
	c.members = slices.DeleteFunc(c.members, func(other *member) bool { return other == m })
	u.member.remove(c)
	u.open.remove(c)
	c.ringLocked()
	return nil
}

// SetLatency makes every API call with a token of the organization's users wait for a random time between min and max before it is
// handled. Zero is no wait.
func (o *Org) SetLatency(min, max time.Duration) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	o.latencyMin, o.latencyMax = min, max
}

// latencyLocked returns the wait for the next call of an organization.
func (o *Org) latencyLocked() time.Duration {
	d := o.latencyMin
	if o.latencyMax > o.latencyMin {
		d += time.Duration(o.p.dice.Int64N(int64(o.latencyMax - o.latencyMin)))
	}
	return d
}

// InOrg chooses calls with a token of the organization's users.
func (r *Rule) InOrg(o *Org) *Rule {
	return r.Where(func(c Call) bool { return c.TokenOrg == o.ID })
}

// For ends the rule after a time, which begins when the rule is turned on.
func (r *Rule) For(d time.Duration) *Rule {
	r.lasts = d
	return r
}
