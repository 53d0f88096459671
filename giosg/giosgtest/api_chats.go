package giosgtest

import "net/http"

// collectionHandlers answer for one collection of chats: routed_chats, pending_chats, chats or owned_chats.
type collectionHandlers struct{ name string }

// chatLocked returns the chat of the path, or nil if it is not in the collection.
func (in collectionHandlers) chatLocked(q *query) *Chat {
	c := q.p.chats[q.at.chat]
	switch {
	case c == nil:
		return nil
	case in.name == routedChats && !q.user.routed.has(c),
		in.name == pendingChats && !q.user.pending.has(c),
		in.name == userChats && !q.user.member.has(c):
		return nil
	case c.org != q.user.org:
		return nil
	}
	return c
}

func (in collectionHandlers) list(q *query) reply {
	s := &q.user.routed
	switch in.name {
	case pendingChats:
		s = &q.user.pending
	case userChats:
		s = &q.user.member
	case ownedChats:
		s = &q.user.org.owned
	}
	if q.p.opts.IgnoreFilters {
		return q.shelfLocked(s, nil)
	}
	ended, participating := q.values.Get("is_ended"), q.values.Get("is_participating")
	if in.name == userChats && ended == "false" {
		s, ended = &q.user.open, ""
	}
	if ended == "" && participating == "" {
		return q.shelfLocked(s, nil)
	}
	return q.shelfLocked(s, func(c *Chat) bool {
		if ended != "" && (ended == "true") == c.ended.IsZero() {
			return false
		}
		m := c.memberLocked(q.user)
		return participating == "" || (participating == "true") == (m != nil && m.participating)
	})
}

func (in collectionHandlers) get(q *query) reply {
	c := in.chatLocked(q)
	if c == nil {
		return notFound()
	}
	return ok(c.resourceLocked())
}

func (in collectionHandlers) listMembers(q *query) reply {
	c := in.chatLocked(q)
	if c == nil {
		return notFound()
	}
	return q.listLocked(len(c.members), false, func(i int) any { return c.memberResourceLocked(c.members[i]) })
}

func (in collectionHandlers) listMessages(q *query) reply {
	c := in.chatLocked(q)
	if c == nil || in.name == pendingChats || in.name == routedChats && q.p.opts.HideRoutedMessages {
		return notFound()
	}
	n := len(c.messages)
	if lag := q.p.opts.ReadLag; lag > 0 {
		until := q.p.nowLocked().Add(-lag)
		for n > 0 && c.messages[n-1].at.After(until) {
			n--
		}
	}
	newestFirst := q.p.opts.NewestFirst
	if by := q.values.Get("ordering"); by != "" && q.p.opts.Ordering != IgnoreOrdering {
		if q.p.opts.Ordering == RefuseOrdering || by != "created_at" && by != "-created_at" {
			return invalid("ordering", "Invalid ordering.")
		}
		newestFirst = by == "-created_at"
	}
	return q.listLocked(n, newestFirst, func(i int) any { return c.messages[i].resource() })
}

// join creates or changes a membership.
func (in collectionHandlers) join(q *query) reply {
	q.knownLocked("member_id", "is_participating", "composing_status")
	participating, composing, denied := q.membershipLocked()
	if denied != nil {
		return *denied
	}
	c := in.chatLocked(q)
	if c == nil {
		return in.repeatLocked(q)
	}
	if denied := in.memberIDLocked(q); denied != nil {
		return *denied
	}
	if !c.ended.IsZero() {
		return q.endedLocked()
	}
	if participating == nil {
		return invalid("is_participating", "This field is required.")
	}
	if q.p.opts.Exclusive && q.values.Get("exclusive") == "true" && c.heldLocked(q.user) {
		return invalid("non_field_errors", "Another user is participating in the chat.")
	}
	if composing == "" {
		composing = "idle"
	}
	q.presentLocked(*participating)
	m, isNew := c.joinLocked(q.user, *participating, composing)
	answer := ok(c.memberResourceLocked(m))
	if isNew {
		answer.status = http.StatusCreated
	}
	return answer
}

// repeatLocked answers a join of a chat that is not, or no longer, in the collection.
func (in collectionHandlers) repeatLocked(q *query) reply {
	c := q.p.chats[q.at.chat]
	if in.name != pendingChats || !q.p.opts.RepeatTakeOK || c == nil || !c.ended.IsZero() || !q.user.routed.has(c) {
		return notFound()
	}
	m := c.memberLocked(q.user)
	if m == nil || !m.participating {
		return notFound()
	}
	return ok(c.memberResourceLocked(m))
}

// memberIDLocked checks member_id. It is required for the organization's chats, and must be the token's owner.
func (in collectionHandlers) memberIDLocked(q *query) *reply {
	id, denied := words(q.fields, "member_id")
	switch {
	case denied != nil:
		return denied
	case id == nil && in.name == ownedChats:
		no := invalid("member_id", "This field is required.")
		return &no
	case id == nil || *id == q.user.ID:
		return nil
	}
	q.p.violatedLocked(q.call, WrongUser, "token of "+q.user.ID+" for a membership of "+*id)
	no := forbidden()
	return &no
}

// membershipLocked reads the attributes of a membership; participating is nil if it is missing.
func (q *query) membershipLocked() (participating *bool, composing string, denied *reply) {
	value, given, denied := boolean(q.fields, "is_participating")
	if denied != nil {
		return nil, "", denied
	}
	if given {
		participating = &value
	}
	word, denied := choice(q.fields, "composing_status", "idle", "typing", "typed")
	if word != nil {
		composing = *word
	}
	return participating, composing, denied
}

func (q *query) presentLocked(participating bool) {
	if participating && !q.user.presentAt(q.p.nowLocked()) {
		q.p.violatedLocked(q.call, WrongAbsence, "user "+q.user.ID+" is not present")
	}
}

func (q *query) endedLocked() reply {
	return reply{status: q.p.opts.EndedStatus, body: map[string][]string{"non_field_errors": {"The chat has ended."}}}
}

// memberChatLocked returns the chat of the path and the user's membership, or nil if the user is no member.
func (q *query) memberChatLocked() (*Chat, *member) {
	c := q.p.chats[q.at.chat]
	if c == nil || !q.user.member.has(c) {
		return nil, nil
	}
	return c, c.memberLocked(q.user)
}

func listChatMemberships(q *query) reply {
	return q.shownLocked(&q.user.member, nil, func(c *Chat) any { return c.memberResourceLocked(c.memberLocked(q.user)) })
}

func getChatMembership(q *query) reply {
	c, m := q.memberChatLocked()
	if c == nil {
		return notFound()
	}
	return ok(c.memberResourceLocked(m))
}

func patchChatMembership(q *query) reply {
	q.knownLocked("is_participating", "composing_status")
	c, m := q.memberChatLocked()
	if c == nil {
		return notFound()
	}
	participating, composing, denied := q.membershipLocked()
	switch {
	case denied != nil:
		return *denied
	case !c.ended.IsZero():
		return q.endedLocked()
	}
	if participating == nil {
		participating = &m.participating
	}
	if composing == "" {
		composing = m.composing
	}
	q.presentLocked(*participating)
	m, _ = c.joinLocked(q.user, *participating, composing)
	return ok(c.memberResourceLocked(m))
}

func patchChat(q *query) reply {
	q.knownLocked("is_ended")
	c, _ := q.memberChatLocked()
	if c == nil {
		return notFound()
	}
	end, given, denied := boolean(q.fields, "is_ended")
	switch {
	case denied != nil:
		return *denied
	case given && !end && !c.ended.IsZero():
		return q.endedLocked()
	case end:
		c.endLocked()
	}
	return ok(c.resourceLocked())
}

func postMessage(q *query) reply {
	q.knownLocked("message", "type", "attachments", "attachment_template")
	c, _ := q.memberChatLocked()
	if c == nil {
		return notFound()
	}
	text, denied := q.messageTextLocked()
	if denied != nil {
		return *denied
	}
	if _, denied = choice(q.fields, "type", "msg"); denied != nil {
		return *denied
	}
	template, denied := choice(q.fields, "attachment_template", "generic", "interaction", "external")
	if denied != nil {
		return *denied
	}
	attachments, denied := q.attachmentsLocked()
	if denied != nil {
		return *denied
	}
	if !c.ended.IsZero() {
		return q.endedLocked()
	}
	if template == nil && len(attachments) > 0 {
		generic := "generic"
		template = &generic
	}
	m := c.addLocked(&message{kind: "msg", sender: q.user, text: text, attachments: attachments, template: template})
	c.ringLocked()
	return created(m.resource())
}
