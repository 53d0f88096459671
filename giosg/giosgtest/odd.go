package giosgtest

import "errors"

// ErrHeld is returned by Requeue on a chat that a present user holds.
var ErrHeld = errors.New("a present user holds the chat")

// Requeue makes a chat wait again that nobody holds: it becomes waiting and pending, as when its last member was removed. fresh sets a new
// waiting_started_at; otherwise the old one stays, unless there was none. The public documentation says neither which of them giosg does
// nor whether it does any of them, so a bot should be tested with both.
func (c *Chat) Requeue(fresh bool) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	switch {
	case !c.ended.IsZero():
		return ErrEnded
	case c.heldLocked(nil):
		return ErrHeld
	}
	before := c.beforeLocked()
	c.waiting = true
	if fresh || c.waitingStarted.IsZero() {
		c.waitingStarted = c.stampLocked()
	}
	c.updated = c.stampLocked()
	c.queueLocked()
	c.chatChangedLocked(before)
	c.ringLocked()
	return nil
}

// Reroute routes the chat once more to the users that it is routed to already. They see it removed from their routed chats and added
// again, with the id and the created_at of before.
func (c *Chat) Reroute() error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if !c.ended.IsZero() {
		return ErrEnded
	}
	c.emitChatLocked(removed, routedChats)
	c.emitChatLocked(added, routedChats)
	c.ringLocked()
	return nil
}
