package playbook

import (
	"slices"
	"time"
)

// Mode is a way to take part in a chat.
type Mode string

const (
	// Agent takes pending chats and answers every visitor message.
	Agent Mode = "agent"
	// Greeter takes routed chats before the visitor has written, and then works as Agent.
	Greeter Mode = "greeter"
	// Sidekick speaks in chats that others serve, and only when a rule matches.
	Sidekick Mode = "sidekick"
)

// Kind is what happened in a chat.
type Kind string

const (
	// Joined: the bot has just joined the chat; it is time to greet.
	Joined Kind = "joined"
	// Said: a visitor wrote a message.
	Said Kind = "said"
	// Pressed: a visitor pressed a button.
	Pressed Kind = "pressed"
	// HumanSaid: a colleague wrote in the chat.
	HumanSaid Kind = "human"
	// Outcome: a hand-over that an earlier plan asked for was tried; Input.Found says how it went.
	Outcome Kind = "outcome"
)

// Input is one thing that happened in a chat, with what is known about the chat.
type Input struct {
	Kind  Kind
	ID    string    // the message's id; picks among variants, so that a second attempt says the same words
	Text  string    // Said: the visitor's words; Pressed: the button's text, "" if unknown
	Value string    // Pressed: the button's value
	At    time.Time // when it happened; opening hours and {time} go by it

	Mode     Mode   // how the bot takes part in this chat
	Org      string // organization id
	RoomID   string
	RoomName string // "" if unknown; wanted when Playbook.NeedsRoom
	Language string // the room's language_code ("fi", "en-US"), "" if unknown

	Early bool // written before the bot's greeting: rules answer it, the fallback does not
	Found bool // Outcome: the team was found and invited
}

// State is what must be remembered of a chat between two inputs. The zero value is a new chat. It is small, survives a round trip
// through JSON unchanged, and depends on nothing but the inputs so far, so it can be had again by replaying the chat's messages.
type State struct {
	Greeted bool     `json:"g,omitempty"` // the bot has joined and said its greeting, if it has one
	Quiet   bool     `json:"q,omitempty"` // a human has the chat: only rules with while_quiet speak
	Gone    bool     `json:"x,omitempty"` // the bot has left or ended the chat
	Asked   string   `json:"h,omitempty"` // the rule whose hand-over has no outcome yet
	Tries   int      `json:"t,omitempty"` // how many teams that hand-over has tried in vain
	Last    string   `json:"l,omitempty"` // the rule that spoke last, if some rule's right_after names it
	Facts   []string `json:"f,omitempty"` // rules and buttons that some after or not_after names, in the order they came
}

// Plan is what to do about an input.
type Plan struct {
	State   State    // the chat's state after this input
	Actions []Action // in the order to carry them out
	Rule    string   // what decided: a rule's name, "greeting", "fallback", or "" when there is nothing to say
	Why     []Reason // filled by Explain only
}

// Action is one of Say, HandOver, Invite, Leave, End and SetOnline.
type Action interface{ action() }

// Say is one message to the visitor.
type Say struct {
	Text        string // never empty, at most MaxText characters
	Attachments []Attachment
	Template    string // attachment_template; "" leaves it out
}

// HandOver asks for a human: look for the team; if it is there, do Before, invite it, do After; if not, do Nobody. Then feed the
// result to Next as an Outcome; its plan has no actions, only the new state. The lists hold the same kinds of actions as a plan, but
// only Nobody may hold another HandOver: one more team to try. Each HandOver tried has an Outcome of its own, in their order.
type HandOver struct {
	Team   string // compared with the names of the organization's teams without regard to case
	Humans bool   // the team must have a human online where the API tells; otherwise any online member will do
	Before []Action
	After  []Action
	Nobody []Action
}

// Found returns the actions of the hand-over when its team was found: Before, the invitation, After.
func (h HandOver) Found() []Action {
	return slices.Concat(h.Before, []Action{Invite{Team: h.Team, Humans: h.Humans}}, h.After)
}

// Invite invites the team of a hand-over. Next never plans it: it stands for the middle of a HandOver whose team was found.
type Invite struct {
	Team   string // as in HandOver
	Humans bool   // as in HandOver
}

// Leave gives up the chat without ending it.
type Leave struct{}

// End ends the chat for everyone.
type End struct{}

// SetOnline switches the bot user's is_online_enabled.
type SetOnline struct{ Online bool }

func (Say) action()       {}
func (HandOver) action()  {}
func (Invite) action()    {}
func (Leave) action()     {}
func (End) action()       {}
func (SetOnline) action() {}

// Attachment is a rich part of a message, in the platform's attribute names.
type Attachment struct {
	Title        string   `json:"title,omitempty"`
	TitleLinkURL string   `json:"title_link_url,omitempty"`
	Text         string   `json:"text,omitempty"`
	ImageURL     string   `json:"image_url,omitempty"`
	ImageLinkURL string   `json:"image_link_url,omitempty"`
	LinkTarget   string   `json:"link_target,omitempty"`
	Actions      []Button `json:"actions,omitempty"`
}

// Button is one of the platform's actions: a "button" that comes back with its value, or a "link_button" whose value is an address.
type Button struct {
	Text       string `json:"text"`
	Type       string `json:"type"`
	Value      string `json:"value"`
	LinkTarget string `json:"link_target,omitempty"`
	Style      string `json:"style,omitempty"`
	// The two below are always sent, because the platform's defaults are not documented.
	DisabledOnSelection      bool `json:"is_disabled_on_selection"`
	DisabledOnVisitorMessage bool `json:"is_disabled_on_visitor_message"`
}

// Reason is a step on the way to a decision: what was looked at, and whether it fitted and why.
type Reason struct {
	Rule    string // a rule's name, "greeting", "fallback", or "" for a remark about the whole chat
	Matched bool
	Text    string // one sentence
}
