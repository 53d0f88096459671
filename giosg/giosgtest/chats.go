package giosgtest

import (
	"errors"
	"time"
)

// Chat is a chat of a visitor. Its methods Say, Press and so on do what the visitor would do.
type Chat struct {
	ID        string
	VisitorID string

	p              *Platform
	room           *Room
	org            *Org
	created        time.Time
	updated        time.Time
	ended          time.Time
	waitingStarted time.Time
	autosuggested  bool
	waiting        bool // is_waiting: the visitor's first message has no answer
	pending        bool // among the pending chats
	routed         []*User
	members        []*member // the visitor first
	messages       []*message
	invitations    []Invitation
	counts         struct{ visitor, user int } // messages of type msg
	firstVisitor   time.Time
	firstUser      time.Time
	firstSaid      time.Time
	lastSaid       time.Time
	lastAt         time.Time
	bell           bell
}

// member is a member of a chat, also one that has left.
type member struct {
	user          *User // nil for the visitor
	created       time.Time
	updated       time.Time
	participating bool
	composing     string
	messages      int
}

var (
	// ErrEnded is returned by methods that need a chat which has not ended.
	ErrEnded = errors.New("the chat has ended")
	// ErrNotPending is returned by Take for a chat that is not pending.
	ErrNotPending = errors.New("the chat is not pending")
	// ErrNotMember is returned by methods that need a membership.
	ErrNotMember = errors.New("not a member of the chat")
	// ErrNoButton is returned by Press if no enabled button has the value.
	ErrNoButton = errors.New("no enabled button with this value")
)

// OpenChat lets a new visitor open a chat in the room, without writing anything.
func (r *Room) OpenChat() *Chat {
	r.org.p.mu.Lock()
	defer r.org.p.mu.Unlock()
	return r.openLocked(nil, "")
}

// AutosuggestChat opens a chat for a new visitor with an autosuggest message in the name of a user, who does not become a member.
func (r *Room) AutosuggestChat(from *User, text string) *Chat {
	r.org.p.mu.Lock()
	defer r.org.p.mu.Unlock()
	return r.openLocked(from, text)
}

func (r *Room) openLocked(from *User, text string) *Chat {
	p := r.org.p
	now := p.nowLocked()
	c := &Chat{ID: p.uuidLocked(), VisitorID: p.visitorIDLocked(), p: p, room: r, org: r.org,
		created: now, updated: now, lastAt: now, autosuggested: from != nil, routed: r.usersLocked()}
	c.members = []*member{{created: now, updated: now, participating: true, composing: "idle"}}
	p.chats[c.ID] = c
	seq := p.nextLocked()
	c.org.owned.add(seq, c)
	for _, u := range c.routed {
		u.routed.add(seq, c)
	}
	c.emitChatLocked(added, routedChats, ownedChats)
	if from != nil {
		c.addLocked(&message{kind: "autosuggest", sender: from, text: &text})
	}
	c.ringLocked()
	return c
}

// stampLocked returns the time for the next change of the chat.
func (c *Chat) stampLocked() time.Time {
	at := c.p.nowLocked()
	if !c.p.opts.SameMillisecond && !at.After(c.lastAt) {
		at = c.lastAt.Add(time.Millisecond)
	}
	if at.After(c.lastAt) {
		c.lastAt = at
	}
	return at
}

// addLocked appends a message and updates the chat.
func (c *Chat) addLocked(m *message) *message {
	before := c.beforeLocked()
	m.id, m.at, m.chat = c.p.uuidLocked(), c.stampLocked(), c
	c.messages = append(c.messages, m)
	c.updated = m.at
	queued := false
	if m.kind == "msg" {
		queued = c.countLocked(m)
	}
	c.emitMessageLocked(m)
	if queued {
		c.queueLocked()
	}
	c.chatChangedLocked(before)
	c.feedLineLocked(m)
	return m
}

// countLocked updates the counters and reports whether the chat must become pending.
func (c *Chat) countLocked(m *message) (queue bool) {
	if c.firstSaid.IsZero() {
		c.firstSaid = m.at
	}
	c.lastSaid = m.at
	if by := c.memberLocked(m.sender); by != nil {
		by.messages++
	}
	if !m.byVisitor() {
		c.counts.user++
		c.waiting = false
		if c.firstUser.IsZero() {
			c.firstUser = m.at
		}
		return false
	}
	c.counts.visitor++
	if c.firstVisitor.IsZero() {
		c.firstVisitor = m.at
	}
	if c.counts.visitor > 1 || c.heldLocked(nil) {
		return false
	}
	c.waiting, c.waitingStarted = true, m.at
	return true
}

// queueLocked makes the chat pending.
func (c *Chat) queueLocked() {
	if c.pending {
		return
	}
	c.pending = true
	seq := c.p.nextLocked()
	for _, u := range c.routed {
		u.pending.add(seq, c)
	}
	c.emitChatLocked(added, pendingChats)
}

func (c *Chat) unqueueLocked() {
	if !c.pending {
		return
	}
	c.pending = false
	for _, u := range c.routed {
		u.pending.remove(c)
	}
	c.emitChatLocked(removed, pendingChats)
}

// heldLocked reports whether a present user other than except participates.
func (c *Chat) heldLocked(except *User) bool {
	now := c.p.nowLocked()
	for _, m := range c.members {
		if m.user != nil && m.user != except && m.participating && m.user.presentAt(now) {
			return true
		}
	}
	return false
}

func (c *Chat) memberLocked(u *User) *member {
	for _, m := range c.members {
		if m.user == u {
			return m
		}
	}
	return nil
}

// joinLocked creates or changes a membership. A participating user who is present takes the chat. With others it stays pending.
func (c *Chat) joinLocked(u *User, participating bool, composing string) (m *member, isNew bool) {
	before := c.beforeLocked()
	m = c.memberLocked(u)
	was := m != nil && m.participating
	at := c.stampLocked()
	if m == nil {
		isNew = true
		m = &member{user: u, created: at}
		c.members = append(c.members, m)
		seq := c.p.nextLocked()
		u.member.add(seq, c)
		if c.ended.IsZero() {
			u.open.add(seq, c)
		}
	}
	memberBefore := *m
	m.updated, m.participating, m.composing = at, participating, composing
	c.updated = at
	if isNew {
		c.emitMemberLocked(added, m, nil)
		c.emitChatToLocked(added, u)
	} else if memberBefore.participating != participating || memberBefore.composing != composing {
		c.emitMemberLocked(changed, m, &memberBefore)
	}
	switch {
	case participating && !was:
		c.addLocked(&message{kind: "join", sender: u})
	case !participating && was:
		c.addLocked(&message{kind: "leave", sender: u})
	}
	if participating {
		c.waiting = false
		if u.presentAt(c.p.nowLocked()) {
			c.unqueueLocked()
		}
	} else if was && c.p.opts.RequeueOnLeave && c.ended.IsZero() && !c.waitingStarted.IsZero() && !c.heldLocked(nil) {
		c.waiting = true
		c.queueLocked()
	}
	c.chatChangedLocked(before)
	c.ringLocked()
	return m, isNew
}

func (c *Chat) endLocked() {
	if !c.ended.IsZero() {
		return
	}
	before := c.beforeLocked()
	at := c.stampLocked()
	c.ended, c.updated, c.waiting = at, at, false
	c.unqueueLocked()
	for _, m := range c.members {
		if m.user != nil {
			m.user.open.remove(c)
		}
	}
	c.chatChangedLocked(before)
	c.ringLocked()
}

// Invitation is what a user asked for with POST outgoing_chat_invitations.
type Invitation struct {
	ID            string    `json:"id"`
	ChatID        string    `json:"chat_id"`
	ByUserID      string    `json:"by_user_id"`
	InvitedTeamID string    `json:"invited_team_id"`
	InvitedUserID string    `json:"invited_user_id"`
	At            time.Time `json:"at"`
}

// ChatState is the state of a chat, for tests.
type ChatState struct {
	ID            string       `json:"id"`
	OrgID         string       `json:"org_id"`
	RoomID        string       `json:"room_id"`
	VisitorID     string       `json:"visitor_id"`
	Autosuggested bool         `json:"autosuggested"`
	Pending       bool         `json:"pending"`
	Waiting       bool         `json:"waiting"`
	Ended         bool         `json:"ended"`
	Lines         int          `json:"lines"`
	Members       []Member     `json:"members"`
	Invitations   []Invitation `json:"invitations"`
}

// Member is a member of a chat, for tests.
type Member struct {
	ID            string `json:"id"`
	Who           string `json:"who"` // visitor, bot or human
	Name          string `json:"name"`
	Participating bool   `json:"participating"`
	Present       bool   `json:"present"`
	Composing     string `json:"composing"`
	Messages      int    `json:"messages"`
}

// State returns the chat's current state.
func (c *Chat) State() ChatState {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.stateLocked()
}

func (c *Chat) stateLocked() ChatState {
	now := c.p.nowLocked()
	s := ChatState{ID: c.ID, OrgID: c.org.ID, RoomID: c.room.ID, VisitorID: c.VisitorID, Autosuggested: c.autosuggested,
		Pending: c.pending, Waiting: c.waiting, Ended: !c.ended.IsZero(), Lines: len(c.messages),
		Invitations: append([]Invitation{}, c.invitations...)}
	for _, m := range c.members {
		v := Member{ID: c.VisitorID, Who: "visitor", Participating: m.participating, Present: c.ended.IsZero(),
			Composing: m.composing, Messages: m.messages}
		if m.user != nil {
			v.ID, v.Who, v.Name, v.Present = m.user.ID, m.user.who(), m.user.Name, m.user.presentAt(now)
		}
		s.Members = append(s.Members, v)
	}
	return s
}

// Member returns the user's membership and whether there is one.
func (s ChatState) Member(u *User) (Member, bool) {
	for _, m := range s.Members {
		if m.ID == u.ID {
			return m, true
		}
	}
	return Member{}, false
}
