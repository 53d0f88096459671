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

// Kind is the kind of an Input.
type Kind string

const (
	// Joined: the bot has just joined the chat and may greet.
	Joined Kind = "joined"
	// Said: a visitor wrote a message.
	Said Kind = "said"
	// Pressed: a visitor pressed a button.
	Pressed Kind = "pressed"
	// HumanSaid: a human colleague wrote in the chat.
	HumanSaid Kind = "human"
	// Outcome: the hand-over of an earlier plan was tried. Input.Found is its result.
	Outcome Kind = "outcome"
)

// Input is something that happened in a chat, with the facts about the chat that Next needs.
type Input struct {
	Kind  Kind
	ID    string    // the message's id; selects one of several texts, so that a second attempt sends the same one
	Text  string    // Said: the visitor's words; Pressed: the button's text, "" if unknown
	Value string    // Pressed: the button's value
	At    time.Time // when it happened; opening hours and {time} depend on it

	Mode     Mode   // how the bot takes part in this chat
	Org      string // organization id
	RoomID   string
	RoomName string // "" if unknown; needed when Playbook.NeedsRoom is true
	Language string // the room's language_code ("fi", "en-US"), "" if unknown

	Early bool // written before the greeting; rules answer it, but not the fallback
	Found bool // Outcome: the team was found and invited
}

// State is the dialog state of a chat between two inputs. The zero value is the state of a new chat. It is small and can be encoded as
// JSON. It depends only on the inputs so far, so a replay of the chat's messages gives the same state.
type State struct {
	Greeted bool     `json:"g,omitempty"` // the bot has joined and sent its greeting, if it has one
	Quiet   bool     `json:"q,omitempty"` // the bot is quiet: only rules with while_quiet answer
	Gone    bool     `json:"x,omitempty"` // the bot has left or ended the chat
	Asked   string   `json:"h,omitempty"` // the rule whose hand-over has no outcome yet, or ""
	Tries   int      `json:"t,omitempty"` // how many teams that hand-over did not find
	Last    string   `json:"l,omitempty"` // the rule that answered last, if a right_after names it
	Facts   []string `json:"f,omitempty"` // rules and buttons that came so far, in order, of those that an after or not_after names
}

// Plan is the reaction to an input. In JSON it leaves out Why.
type Plan struct {
	State   State    // the dialog state after this input
	Actions []Action // in the order to carry them out
	Rule    string   // the name of the rule that answers, "greeting", "fallback", or "" if the bot does not answer
	Why     []Reason // set by Explain only
}

// Action is one of Say, HandOver, Invite, Leave, End and SetOnline.
type Action interface{ action() }

// Say sends one message to the visitor.
type Say struct {
	Text        string // never empty, at most MaxText characters
	Attachments []Attachment
	Template    string // attachment_template; "" leaves it out
}

// HandOver hands the chat over to a team. Look for the team. If it is available, carry out Before, invite the team, and carry out After,
// as Found lists them. If not, carry out Nobody. Then pass the result to Next as an Outcome. The plan for it has no actions, only the
// new state. Only Nobody may contain another HandOver, which is the next team to try. Each HandOver that was tried needs its own Outcome,
// in order.
type HandOver struct {
	Team   string // the team's name; case does not matter
	Humans bool   // the team must have a human online, as far as the API shows it; otherwise any online member is enough
	Before []Action
	After  []Action
	Nobody []Action
}

// Found returns the actions to carry out when the team was found: Before, an Invite and After.
func (h HandOver) Found() []Action {
	return slices.Concat(h.Before, []Action{Invite{Team: h.Team, Humans: h.Humans}}, h.After)
}

// Invite invites the team of a hand-over that was found. Next never returns it; it comes from HandOver.Found only.
type Invite struct {
	Team   string // as in HandOver
	Humans bool   // as in HandOver
}

// Leave makes the bot leave the chat without ending it.
type Leave struct{}

// End ends the chat for everyone.
type End struct{}

// SetOnline sets the bot user's is_online_enabled.
type SetOnline struct{ Online bool }

func (Say) action()       {}
func (HandOver) action()  {}
func (Invite) action()    {}
func (Leave) action()     {}
func (End) action()       {}
func (SetOnline) action() {}

// Attachment is a rich part of a message. Its JSON names are the platform's.
type Attachment struct {
	Title        string   `json:"title,omitempty"`
	TitleLinkURL string   `json:"title_link_url,omitempty"`
	Text         string   `json:"text,omitempty"`
	ImageURL     string   `json:"image_url,omitempty"`
	ImageLinkURL string   `json:"image_link_url,omitempty"`
	LinkTarget   string   `json:"link_target,omitempty"`
	Actions      []Button `json:"actions,omitempty"`
}

// Button is one of the platform's actions: a "button" that sends its value when it is pressed, or a "link_button" whose value is an
// address to open.
type Button struct {
	Text       string `json:"text"`
	Type       string `json:"type"`
	Value      string `json:"value"`
	LinkTarget string `json:"link_target,omitempty"`
	Style      string `json:"style,omitempty"`
	// These two are always sent, because the platform does not document their defaults.
	DisabledOnSelection      bool `json:"is_disabled_on_selection"`
	DisabledOnVisitorMessage bool `json:"is_disabled_on_visitor_message"`
}

// Reason is one step of a decision: what was considered, whether it matched, and why.
type Reason struct {
	Rule    string // a rule's name, "greeting", "fallback", or "" if the reason is about the whole chat
	Matched bool
	Text    string // one sentence without a full stop
}
