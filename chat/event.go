// Package chat has the words that webhook endpoints, turns and platforms share: what happened in a chat, what a failed call means to a
// turn, and how the bot stands to a chat. It decides nothing and calls nobody.
package chat

import (
	"strings"
	"time"
)

// Kind says what happened in a chat.
type Kind string

const (
	// Pending: the chat waits for somebody to take it.
	Pending Kind = "pending"
	// Routed: the chat was routed to the bot; the visitor may not have written yet.
	Routed Kind = "routed"
	// Said: the visitor wrote.
	Said Kind = "said"
	// Pressed: the visitor pressed a button.
	Pressed Kind = "pressed"
	// Human: a user other than the bot wrote.
	Human Kind = "human"
	// Check comes from a sweep, not from a platform: a visitor may wait in this chat, because a webhook was lost.
	Check Kind = "check"
)

// Platform names the system that a chat lives in.
type Platform string

// Giosg is the platform of an event that names none, so that events stored by earlier versions can be read.
const Giosg Platform = ""

// Event is one thing that happened in a chat. It is stored as JSON and holds no token.
type Event struct {
	Platform Platform  `json:"platform,omitempty"`
	Kind     Kind      `json:"kind"`
	User     string    `json:"user"` // the bot user
	Org      string    `json:"org,omitempty"`
	Chat     string    `json:"chat"`
	Room     string    `json:"room,omitempty"`
	Member   bool      `json:"member,omitempty"` // the platform says that the bot is a member of the chat
	ID       string    `json:"id"`               // the message's; for Pending and Routed one for each time that the chat waits or is routed
	At       time.Time `json:"at"`               // by the platform's clock
	Text     string    `json:"text,omitempty"`
	Value    string    `json:"value,omitempty"` // the pressed button's
	Trace    string    `json:"trace,omitempty"` // the trace that the webhook began, as a W3C traceparent
}

// Lane names the queue of the chat's unfinished events: one bot user in one chat.
func (e Event) Lane() string { return e.User + "/" + e.Chat }

// LaneParts returns the bot user and the chat of a lane that [Event.Lane] has named. It is for events that can no longer be read.
func LaneParts(lane string) (user, chat string) {
	user, chat, _ = strings.Cut(lane, "/")
	return user, chat
}

// FromVisitor reports whether the visitor wrote or pressed a button.
func (e Event) FromVisitor() bool { return e.Kind == Said || e.Kind == Pressed }
