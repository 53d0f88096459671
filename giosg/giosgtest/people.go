package giosgtest

// Say lets the visitor write a message.
func (c *Chat) Say(text string) (Line, error) {
	return c.visitorPosts(&message{kind: "msg", text: &text})
}

// SayEncrypted lets the visitor write a message that the platform cannot read any more: message is null, encrypted_message is set.
func (c *Chat) SayEncrypted(ciphertext string) (Line, error) {
	return c.visitorPosts(&message{kind: "msg", encrypted: ciphertext})
}

func (c *Chat) visitorPosts(m *message) (Line, error) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if !c.ended.IsZero() {
		return Line{}, ErrEnded
	}
	c.addLocked(m)
	c.ringLocked()
	return m.line(), nil
}

// Press lets the visitor press the newest enabled button with this value.
func (c *Chat) Press(value string) (Line, error) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if !c.ended.IsZero() {
		return Line{}, ErrEnded
	}
	b := c.buttonLocked(value)
	if b == nil {
		return Line{}, ErrNoButton
	}
	if b.message.pressed == nil {
		b.message.pressed = map[*Action]bool{}
	}
	b.message.pressed[b.action] = true
	m := c.addLocked(&message{kind: "action", answers: b})
	c.ringLocked()
	return m.line(), nil
}

func (c *Chat) buttonLocked(value string) *press {
	spoken := false // the visitor has written since
	for i := len(c.messages) - 1; i >= 0; i-- {
		m := c.messages[i]
		if m.byVisitor() && m.kind == "msg" {
			spoken = true
		}
		for j := range m.attachments {
			a := &m.attachments[j]
			for k := range a.Actions {
				b := &a.Actions[k]
				dead := m.pressed[b] && b.IsDisabledOnSelection || spoken && b.IsDisabledOnVisitorMessage
				if b.Value != nil && *b.Value == value && !dead {
					return &press{message: m, attachment: a, action: b}
				}
			}
		}
	}
	return nil
}

// End ends the chat, as the platform ends idle chats.
func (c *Chat) End() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.endLocked()
}

// Log adds an entry of any type, for example tag_created, system or a type that nobody knows. With a nil user the sender is a rule.
// It works on ended chats, too.
func (c *Chat) Log(kind string, by *User, text string) Line {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	m := c.addLocked(&message{kind: kind, sender: by, byRule: by == nil, text: &text})
	c.ringLocked()
	return m.line()
}

// Take lets the user take a pending chat, as a click in the console does. A user who is absent joins and leaves the chat pending.
func (u *User) Take(c *Chat) error {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	switch {
	case !c.ended.IsZero():
		return ErrEnded
	case !c.pending:
		return ErrNotPending
	}
	c.joinLocked(u, true, "idle")
	return nil
}

// Join lets the user participate in a chat, also if others do.
func (u *User) Join(c *Chat) error { return u.setMembership(c, true) }

// Watch makes the user a member that does not participate.
func (u *User) Watch(c *Chat) error { return u.setMembership(c, false) }

func (u *User) setMembership(c *Chat, participating bool) error {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	if !c.ended.IsZero() {
		return ErrEnded
	}
	c.joinLocked(u, participating, "idle")
	return nil
}

// Leave ends a member's participation. Unlike most methods it works on ended chats, too.
func (u *User) Leave(c *Chat) error {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	if c.memberLocked(u) == nil {
		return ErrNotMember
	}
	c.joinLocked(u, false, "idle")
	return nil
}

// Say lets a member write a message.
func (u *User) Say(c *Chat, text string) (Line, error) {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	switch {
	case !c.ended.IsZero():
		return Line{}, ErrEnded
	case c.memberLocked(u) == nil:
		return Line{}, ErrNotMember
	}
	m := c.addLocked(&message{kind: "msg", sender: u, text: &text})
	c.ringLocked()
	return m.line(), nil
}

// End lets a member end the chat.
func (u *User) End(c *Chat) error {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	if c.memberLocked(u) == nil {
		return ErrNotMember
	}
	c.endLocked()
	return nil
}
