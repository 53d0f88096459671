package giosgtest

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Webhook is one webhook in the bot app's settings. It always subscribes to additions.
type Webhook struct {
	// URL is where to POST; it may carry a query string.
	URL string
	// Pattern is a channel pattern with {user_id}, {organization_id}, and * for exactly one path segment.
	Pattern string
	// Changes and Removals subscribe to those actions as well.
	Changes, Removals bool
}

// The channel patterns that giosg's guide names.
const (
	RoutedChats        = "/api/v5/users/{user_id}/routed_chats"
	PendingChats       = "/api/v5/users/{user_id}/pending_chats"
	RoutedChatMessages = "/api/v5/users/{user_id}/routed_chats/*/messages"
	ChatMessages       = "/api/v5/users/{user_id}/chats/*/messages"
	OwnedChatMessages  = "/api/v5/orgs/{organization_id}/owned_chats/*/messages"
)

type hook struct {
	Webhook
	channel string // the pattern with its placeholders filled in
}

func (b *Bot) setHooksLocked(hooks []Webhook) {
	fill := strings.NewReplacer("{user_id}", b.ID, "{organization_id}", b.org.ID)
	b.hooks = nil
	for _, h := range hooks {
		b.hooks = append(b.hooks, hook{h, strings.TrimSuffix(fill.Replace(h.Pattern), "/")})
	}
}

// Actions of a change.
const (
	added   = "added"
	changed = "changed"
	removed = "removed"
)

// Collections of chats.
const (
	routedChats  = "routed_chats"
	pendingChats = "pending_chats"
	userChats    = "chats"
	ownedChats   = "owned_chats"
)

func (h *hook) wants(action, channel string) bool {
	if action == changed && !h.Changes || action == removed && !h.Removals {
		return false
	}
	return sameSegments(h.channel, channel)
}

// sameSegments matches a channel against a pattern in which * stands for one segment.
func sameSegments(pattern, channel string) bool {
	for {
		want, restPattern, more := strings.Cut(pattern, "/")
		have, restChannel, moreChannel := strings.Cut(channel, "/")
		if more != moreChannel || want != have && (want != "*" || have == "") {
			return false
		}
		if !more {
			return true
		}
		pattern, channel = restPattern, restChannel
	}
}

// emitLocked sends a change to the webhooks of a bot that subscribe to it. It calls resource only if one does.
func (p *Platform) emitLocked(b *Bot, c *Chat, channel, action, resourceID string, resource func() any) {
	var made any
	for i := range b.hooks {
		h := &b.hooks[i]
		if !h.wants(action, channel) {
			continue
		}
		if made == nil && action != removed {
			made = resource()
		}
		e := Event{Seq: p.nextLocked(), At: p.nowLocked(), Channel: channel, Action: action, ResourceID: resourceID,
			UserID: b.ID, OrgID: b.org.ID, URL: h.URL, Resource: made}
		if c != nil {
			e.ChatID = c.ID
		}
		p.dispatchLocked(e)
	}
}

// seesLocked reports whether a bot sees the chat in a collection.
func (c *Chat) seesLocked(b *Bot, collection string) bool {
	switch collection {
	case routedChats:
		return b.routed.has(c)
	case pendingChats:
		return b.routed.has(c) // also asked right after the chat has left the pending ones
	case userChats:
		return b.member.has(c)
	}
	return true
}

func channelOf(b *Bot, collection string) string {
	if collection == ownedChats {
		return "/api/v5/orgs/" + b.org.ID + "/" + ownedChats
	}
	return "/api/v5/users/" + b.ID + "/" + collection
}

// emitChatLocked sends the bots webhooks about a chat that was added to or removed from collections.
func (c *Chat) emitChatLocked(action string, collections ...string) {
	var made *chatResource
	resource := func() any {
		if made == nil {
			made = c.resourceLocked()
		}
		return made
	}
	for _, b := range c.org.bots {
		for _, collection := range collections {
			if len(b.hooks) > 0 && c.seesLocked(b, collection) {
				c.p.emitLocked(b, c, channelOf(b, collection), action, c.ID, resource)
			}
		}
	}
}

// emitChatToLocked sends a bot user the webhook of a chat that is now among its own.
func (c *Chat) emitChatToLocked(action string, u *User) {
	for _, b := range c.org.bots {
		if b.User == u {
			c.p.emitLocked(b, c, channelOf(b, userChats), action, c.ID, func() any { return c.resourceLocked() })
		}
	}
}

// emitMessageLocked sends the bots webhooks about a new message, on every channel on which they see it.
func (c *Chat) emitMessageLocked(m *message) {
	var made *messageResource
	resource := func() any {
		if made == nil {
			made = m.resource()
		}
		return made
	}
	for _, b := range c.org.bots {
		if len(b.hooks) == 0 {
			continue
		}
		for _, collection := range [...]string{routedChats, userChats, ownedChats} {
			if c.seesLocked(b, collection) {
				c.p.emitLocked(b, c, channelOf(b, collection)+"/"+c.ID+"/messages", added, m.id, resource)
			}
		}
	}
}

// emitMemberLocked sends the bots webhooks about a membership. before is the membership before a change.
func (c *Chat) emitMemberLocked(action string, m *member, before *member) {
	resource := func() any {
		after := c.memberResourceLocked(m)
		if before == nil {
			return after
		}
		return difference(c.memberResourceLocked(before), after)
	}
	id := c.memberID(m)
	for _, b := range c.org.bots {
		if len(b.hooks) == 0 {
			continue
		}
		for _, collection := range [...]string{routedChats, userChats, ownedChats} {
			if c.seesLocked(b, collection) {
				c.p.emitLocked(b, c, channelOf(b, collection)+"/"+c.ID+"/memberships", action, id, resource)
			}
		}
		if b.User == m.user {
			c.p.emitLocked(b, c, channelOf(b, "chat_memberships"), action, c.ID, resource)
		}
	}
}

func (c *Chat) memberID(m *member) string {
	if m.user == nil {
		return c.VisitorID
	}
	return m.user.ID
}

// beforeLocked returns the chat before a change, or nil if no webhook subscribes to changes.
func (c *Chat) beforeLocked() *chatResource {
	for _, b := range c.org.bots {
		for i := range b.hooks {
			if b.hooks[i].Changes {
				return c.resourceLocked()
			}
		}
	}
	return nil
}

// chatChangedLocked sends the bots webhooks about the attributes that have changed since before.
func (c *Chat) chatChangedLocked(before *chatResource) {
	if before == nil {
		return
	}
	changes := difference(before, c.resourceLocked())
	if len(changes) == 0 {
		return
	}
	resource := func() any { return changes }
	for _, b := range c.org.bots {
		for _, collection := range [...]string{routedChats, pendingChats, userChats, ownedChats} {
			if collection == pendingChats && !c.pending || !c.seesLocked(b, collection) {
				continue
			}
			c.p.emitLocked(b, c, channelOf(b, collection), changed, c.ID, resource)
		}
	}
}

// difference returns the attributes of after that differ from before.
func difference(before, after any) map[string]any {
	was, is := attributes(before), attributes(after)
	out := map[string]any{}
	for name, value := range is {
		if !reflect.DeepEqual(value, was[name]) {
			out[name] = value
		}
	}
	return out
}

func attributes(resource any) map[string]any {
	var out map[string]any
	text, err := json.Marshal(resource)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic("giosgtest: a resource that is no JSON object: " + err.Error())
	}
	return out
}
