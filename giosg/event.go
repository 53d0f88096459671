package giosg

import (
	"errors"
	"strconv"
	"time"
)

// EventKind tells what happened in a chat.
type EventKind string

const (
	// EventPending: the chat waits for someone to take it ("Start chatting reactively" in the guide).
	EventPending EventKind = "pending"
	// EventRouted: the chat was routed to the bot ("Start chatting proactively").
	EventRouted EventKind = "routed"
	// EventSaid: the visitor wrote.
	EventSaid EventKind = "said"
	// EventPressed: the visitor pressed a button.
	EventPressed EventKind = "pressed"
	// EventHuman: a user other than the bot wrote.
	EventHuman EventKind = "human"
	// EventCheck is none of giosg's: a look at a chat in which a visitor may wait whose webhook was lost.
	EventCheck EventKind = "check"
)

// Event is what a bot wants to know of a webhook, without the token. It is kept as JSON.
type Event struct {
	Kind   EventKind `json:"kind"`
	User   UserID    `json:"user"` // the bot user
	Org    OrgID     `json:"org,omitempty"`
	Chat   ChatID    `json:"chat"`
	Room   RoomID    `json:"room,omitempty"`
	Member bool      `json:"member,omitempty"` // it came by the channel of the chats that the bot is a member of
	ID     string    `json:"id"`               // the message's; of a chat, one for each time that it waits or is routed
	At     time.Time `json:"at"`               // giosg's time
	Text   string    `json:"text,omitempty"`
	Value  string    `json:"value,omitempty"` // of the button
	Trace  string    `json:"trace,omitempty"` // the trace that its webhook began, as W3C Trace Context writes it
}

// Lane names the conversation that the event belongs to: one bot user in one chat.
func (e Event) Lane() string { return string(e.User) + "/" + string(e.Chat) }

// Event returns what a webhook tells a bot. ok is false for what is of no interest to one: changes and removals, the bot's own
// messages, joining and leaving and whatever else giosg logs in a chat. An error says what is wrong with the webhook.
func (w Webhook) Event() (e Event, ok bool, err error) {
	ch, err := ParseChannel(w.Channel)
	if err != nil {
		return Event{}, false, err
	}
	if ch.User != w.Auth.User {
		return Event{}, false, errors.New("channel: of another user than app_user_auth.user_id")
	}
	if w.Action != Added {
		return Event{}, false, nil
	}
	e = Event{User: ch.User, Org: w.Auth.Org, Chat: ch.Chat}
	if ch.Kind == PendingChats || ch.Kind == RoutedChats {
		return w.chatEvent(e, ch.Kind)
	}
	m, err := w.Message()
	if err != nil {
		return Event{}, false, err
	}
	if beyond(m.CreatedAt) {
		return Event{}, false, errors.New("resource.created_at: out of range")
	}
	if m.ChatID != ch.Chat {
		return Event{}, false, errors.New("resource.chat_id: another chat than the channel's")
	}
	kind, ok := m.Kind(ch.User)
	if !ok {
		return Event{}, false, nil
	}
	e.Kind, e.Member, e.Room, e.ID, e.At = kind, ch.Kind == ChatMessages, m.RoomID, string(m.ID), m.CreatedAt.Time
	e.Text, e.Value = m.Words(), m.ResponseValue
	return e, true, nil
}

func (w Webhook) chatEvent(e Event, kind ChannelKind) (Event, bool, error) {
	c, err := w.Chat()
	if err != nil {
		return Event{}, false, err
	}
	if beyond(c.CreatedAt) || beyond(c.WaitingStartedAt) {
		return Event{}, false, errors.New("resource.created_at, resource.waiting_started_at: out of range")
	}
	if c.Ended() {
		return Event{}, false, nil
	}
	return e.OfChat(kind, c), true, nil
}

// beyond tells whether a time cannot be kept: JSON has no years below 0 or of five digits, which an offset can bring about.
func beyond(t Time) bool { return t.Year() < 0 || t.Year() > 9999 }

// OfChat completes an event of a user about a chat as a collection holds it; kind is PendingChats or RoutedChats.
func (e Event) OfChat(kind ChannelKind, c Chat) Event {
	e.Chat, e.Room = c.ID, c.RoomID
	e.Kind, e.At = EventRouted, c.CreatedAt.Time
	if kind == PendingChats {
		e.Kind = EventPending
		if !c.WaitingStartedAt.IsZero() {
			e.At = c.WaitingStartedAt.Time
		}
	}
	// A chat may wait again later, which is another event; copies of one webhook are one event.
	e.ID = string(e.Kind) + "@" + strconv.FormatInt(max(e.At.UnixMilli(), 0), 10)
	return e
}

// Kind tells what a message is to a bot user; ok is false if it is nothing ("Handling routed chat messages" in the guide).
func (m Message) Kind(bot UserID) (kind EventKind, ok bool) {
	switch {
	case m.SenderType == SenderVisitor && m.Type == TypeMsg:
		return EventSaid, true
	case m.SenderType == SenderVisitor && m.Type == TypeAction:
		return EventPressed, true
	case m.SenderType == SenderUser && m.Type == TypeMsg && m.SenderID != string(bot):
		return EventHuman, true
	}
	return "", false
}

// Words are what the sender wrote, or the label of the button that was pressed.
func (m Message) Words() string {
	if m.Type != TypeAction {
		return m.Message
	}
	if m.ResponseText != "" {
		return m.ResponseText
	}
	if m.ResponseToAction != nil && m.ResponseToAction.Text != "" {
		return m.ResponseToAction.Text
	}
	return m.Message
}
