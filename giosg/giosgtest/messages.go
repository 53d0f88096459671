package giosgtest

import "time"

// message is one entry of a chat. It never changes once it is in the chat, but for its buttons' pressed marks.
type message struct {
	id          string
	kind        string // type
	chat        *Chat
	at          time.Time
	sender      *User // nil for the visitor, and for rules
	byRule      bool
	text        *string
	encrypted   string
	attachments []Attachment
	template    *string
	answers     *press
	pressed     map[*Action]bool
}

// press is a visitor's click on a button.
type press struct {
	message    *message
	attachment *Attachment
	action     *Action
}

func (m *message) byVisitor() bool { return m.sender == nil && !m.byRule }

// Attachment is a generic attachment of a message.
type Attachment struct {
	ID           string   `json:"id"`
	Title        *string  `json:"title"`
	TitleLinkURL *string  `json:"title_link_url"`
	Text         *string  `json:"text"`
	ImageURL     *string  `json:"image_url"`
	ImageLinkURL *string  `json:"image_link_url"`
	LinkTarget   *string  `json:"link_target"`
	Actions      []Action `json:"actions"`
}

// Action is a button of an attachment.
type Action struct {
	ID                         string  `json:"id"`
	Text                       *string `json:"text"`
	Type                       string  `json:"type"`
	LinkTarget                 *string `json:"link_target"`
	Value                      *string `json:"value"`
	Style                      *string `json:"style"`
	IsDisabledOnSelection      bool    `json:"is_disabled_on_selection"`
	IsDisabledOnVisitorMessage bool    `json:"is_disabled_on_visitor_message"`
}

// Line is one entry of a chat's transcript.
type Line struct {
	ID            string       `json:"id"`
	ChatID        string       `json:"chat_id"`
	At            time.Time    `json:"at"`
	Who           string       `json:"who"` // visitor, bot, human or rule
	SenderID      string       `json:"sender_id"`
	Name          string       `json:"name"`
	Type          string       `json:"type"` // msg, action, join, leave, autosuggest, ...
	Text          string       `json:"text"`
	Attachments   []Attachment `json:"attachments,omitempty"`
	ResponseTo    string       `json:"response_to,omitempty"` // of an action: the message that held the button
	ResponseValue string       `json:"response_value,omitempty"`
}

func (u *User) who() string {
	if u.IsBot {
		return "bot"
	}
	return "human"
}

func (m *message) line() Line {
	l := Line{ID: m.id, ChatID: m.chat.ID, At: m.at, Type: m.kind, Attachments: m.attachments}
	switch {
	case m.byRule:
		l.Who = "rule"
	case m.sender == nil:
		l.Who, l.SenderID = "visitor", m.chat.VisitorID
	default:
		l.Who, l.SenderID, l.Name = m.sender.who(), m.sender.ID, m.sender.publicName()
	}
	if m.text != nil {
		l.Text = *m.text
	}
	if a := m.answers; a != nil {
		l.ResponseTo = a.message.id
		if a.action.Value != nil {
			l.ResponseValue = *a.action.Value
		}
		if l.Text == "" && a.action.Text != nil {
			l.Text = *a.action.Text
		}
	}
	return l
}

// Lines is the whole transcript, oldest first, joins and leaves included.
func (c *Chat) Lines() []Line {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	out := make([]Line, len(c.messages))
	for i, m := range c.messages {
		out[i] = m.line()
	}
	return out
}

// Said is what a side has said: the texts of the chat's msg and autosuggest lines by who (visitor, bot, human; empty means anyone).
func (c *Chat) Said(who string) []string {
	var out []string
	for _, l := range c.Lines() {
		if (l.Type == "msg" || l.Type == "autosuggest") && (who == "" || l.Who == who) {
			out = append(out, l.Text)
		}
	}
	return out
}

// Line returns the line with this message id.
func (c *Chat) Line(id string) (Line, bool) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if m := c.messageLocked(id); m != nil {
		return m.line(), true
	}
	return Line{}, false
}

func (c *Chat) messageLocked(id string) *message {
	for i := len(c.messages) - 1; i >= 0; i-- {
		if c.messages[i].id == id {
			return c.messages[i]
		}
	}
	return nil
}
