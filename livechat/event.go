// Package livechat is giosg's side of a turn: it turns webhooks and messages into events and record lines, and reads and acts in giosg's
// chats.
package livechat

import (
	"errors"
	"strconv"

	"giosgbot/chat"
	"giosgbot/giosg"
)

// Event returns the event that a webhook reports. ok is false if the bot has no use for it: changes and removals, the bot's own
// messages, joins and leaves, and whatever else giosg logs in a chat. An error says what is wrong with the webhook.
func Event(w giosg.Webhook) (e chat.Event, ok bool, err error) {
	ch := w.Channel
	if ch.User != w.Auth.User {
		return chat.Event{}, false, errors.New("channel: of another user than app_user_auth.user_id")
	}
	if w.Action != giosg.Added {
		return chat.Event{}, false, nil
	}
	e = chat.Event{User: string(ch.User), Org: string(w.Auth.Org), Chat: string(ch.Chat)}
	if ch.Kind == giosg.PendingChats || ch.Kind == giosg.RoutedChats {
		return chatEvent(w, e, ch.Kind)
	}
	m, err := w.Message()
	if err != nil {
		return chat.Event{}, false, err
	}
	if beyond(m.CreatedAt) {
		return chat.Event{}, false, errors.New("resource.created_at: out of range")
	}
	if m.ChatID != ch.Chat {
		return chat.Event{}, false, errors.New("resource.chat_id: another chat than the channel's")
	}
	kind, ok := Kind(m, ch.User)
	if !ok {
		return chat.Event{}, false, nil
	}
	e.Kind, e.Member, e.Room, e.ID, e.At = kind, ch.Kind == giosg.ChatMessages, string(m.RoomID), string(m.ID), m.CreatedAt.Time
	e.Text, e.Value = m.Words(), m.ResponseValue
	return e, true, nil
}

func chatEvent(w giosg.Webhook, e chat.Event, kind giosg.ChannelKind) (chat.Event, bool, error) {
	c, err := w.Chat()
	if err != nil {
		return chat.Event{}, false, err
	}
	if beyond(c.CreatedAt) || beyond(c.WaitingStartedAt) {
		return chat.Event{}, false, errors.New("resource.created_at, resource.waiting_started_at: out of range")
	}
	if c.Ended() {
		return chat.Event{}, false, nil
	}
	return chatAs(e, kind, c), true, nil
}

// beyond reports whether a time cannot be stored: JSON has no years below 0 or of five digits, which an offset can bring about.
func beyond(t giosg.Time) bool { return t.Year() < 0 || t.Year() > 9999 }

// chatAs completes an event about a chat of one of giosg's collections; kind is PendingChats or RoutedChats.
func chatAs(e chat.Event, kind giosg.ChannelKind, c giosg.Chat) chat.Event {
	e.Chat, e.Room = string(c.ID), string(c.RoomID)
	e.Kind, e.At = chat.Routed, c.CreatedAt.Time
	if kind == giosg.PendingChats {
		e.Kind = chat.Pending
		if !c.WaitingStartedAt.IsZero() {
			e.At = c.WaitingStartedAt.Time
		}
	}
	// A chat may wait again later, which is another event; copies of one webhook are one event.
	e.ID = string(e.Kind) + "@" + strconv.FormatInt(max(e.At.UnixMilli(), 0), 10)
	return e
}

// Kind returns what a message means to a bot user; ok is false if it means nothing ("Handling routed chat messages" in giosg's guide).
func Kind(m giosg.Message, bot giosg.UserID) (kind chat.Kind, ok bool) {
	switch {
	case m.SenderType == giosg.SenderVisitor && m.Type == giosg.TypeMsg:
		return chat.Said, true
	case m.SenderType == giosg.SenderVisitor && m.Type == giosg.TypeAction:
		return chat.Pressed, true
	case m.SenderType == giosg.SenderUser && m.Type == giosg.TypeMsg && m.SenderID != string(bot):
		return chat.Human, true
	}
	return "", false
}
