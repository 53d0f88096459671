package sandbox

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"giosgbot/giosg/giosgtest"
)

// snapshot is all that a page needs at the start.
type snapshot struct {
	Org        string          `json:"org"`
	Rooms      []roomView      `json:"rooms"`
	Humans     []humanView     `json:"humans"`
	Teams      []string        `json:"teams"`
	BotUser    string          `json:"bot_user"`
	Chats      []chatView      `json:"chats"`
	Lines      []lineView      `json:"lines"`
	Calls      []callView      `json:"calls"`
	Deliveries []deliveryView  `json:"deliveries"`
	Turns      []turnView      `json:"turns"`
	Bot        botState        `json:"bot"`
	Switches   map[string]bool `json:"switches"`
	Book       bookView        `json:"book"`
	Examples   []example       `json:"examples"`
	Done       []string        `json:"done"`

	numbers map[string]int
}

type lineView = giosgtest.Line

// chatView is a chat's state and the number of its visitor.
type chatView struct {
	giosgtest.ChatState
	N       int      `json:"n"`
	Invited []string `json:"invited"` // names of teams
}

// callView is one API call of the bot.
type callView struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Short  string    `json:"short"` // the path with names in place of ids
	Query  string    `json:"query,omitempty"`
	Body   string    `json:"body,omitempty"`
	ChatID string    `json:"chat_id"`
	Status int       `json:"status"`
	Fault  string    `json:"fault,omitempty"`
	Effect bool      `json:"effect"`
	Took   int64     `json:"took_us"`
}

func newCallView(c giosgtest.Call) callView {
	return callView{
		Seq: c.Seq, At: c.At, Method: c.Method, Path: c.Path, Short: c.Pattern, Query: c.Query, Body: clip(c.Body),
		ChatID: c.ChatID, Status: c.Status, Fault: c.Fault, Effect: c.Effect, Took: c.Took.Microseconds(),
	}
}

// deliveryView is one attempt to deliver a webhook to the bot.
type deliveryView struct {
	Event      int64     `json:"event"` // the same for all copies and attempts
	At         time.Time `json:"at"`
	Channel    string    `json:"channel"`
	Action     string    `json:"action"`
	ResourceID string    `json:"resource_id"`
	ChatID     string    `json:"chat_id"`
	Copy       int       `json:"copy"`
	Attempt    int       `json:"attempt"`
	Status     int       `json:"status"`
	Err        string    `json:"err,omitempty"`
	GaveUp     bool      `json:"gave_up,omitempty"`
	Took       int64     `json:"took_us"`
	Sender     string    `json:"sender,omitempty"` // of a message: visitor, user, rule
	Type       string    `json:"type,omitempty"`
	Text       string    `json:"text,omitempty"`
}

func (v deliveryView) ok() bool { return v.Status >= 200 && v.Status < 300 }

func newDeliveryView(d giosgtest.Delivery) deliveryView {
	v := deliveryView{
		Event: d.Event.Seq, At: d.At, Channel: d.Event.Channel, Action: d.Event.Action, ResourceID: d.Event.ResourceID, ChatID: d.Event.ChatID,
		Copy: d.Copy, Attempt: d.Attempt, Status: d.Status, Err: d.Err, GaveUp: d.GaveUp, Took: d.Took.Microseconds(),
	}
	var m struct {
		Sender string `json:"sender_type"`
		Type   string `json:"type"`
		Text   string `json:"message"`
	}
	if b, err := json.Marshal(d.Event.Resource); err == nil && json.Unmarshal(b, &m) == nil && m.Sender != "" {
		v.Sender, v.Type, v.Text = m.Sender, m.Type, clip(m.Text)
	}
	return v
}

// clip shortens a text that is only shown.
func clip(s string) string {
	const most = 1200
	if len(s) <= most {
		return s
	}
	n := most
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func (s *Sandbox) chatView(st giosgtest.ChatState, n int) chatView {
	v := chatView{ChatState: st, N: n, Invited: []string{}}
	for _, in := range st.Invitations {
		if name := s.world.team(in.InvitedTeamID); name != "" {
			v.Invited = append(v.Invited, name)
		}
	}
	return v
}

// fill completes a snapshot with what the platform knows.
func (s *Sandbox) fill(snap *snapshot) {
	w := s.world
	snap.Org, snap.Rooms, snap.Humans, snap.Teams, snap.BotUser = w.org.Name, w.roomViews(), w.humanViews(), w.teamNames(), w.bot.ID
	snap.Switches, snap.Book, snap.Examples = s.trouble.view(), s.books.view(), s.books.all
	snap.Chats, snap.Lines = []chatView{}, []lineView{}
	for _, c := range w.org.Chats() {
		if n, numbered := snap.numbers[c.ID]; numbered { // else the stream will bring it
			snap.Chats = append(snap.Chats, s.chatView(c.State(), n))
			snap.Lines = append(snap.Lines, c.Lines()...)
		}
	}
}

// follow passes on what happens on the platform until the feed ends.
func (s *Sandbox) follow(feed *giosgtest.Feed) {
	defer close(s.feed)
	missed := 0
	for it := range feed.C {
		switch {
		case it.Line != nil:
			s.live.addLine(*it.Line)
		case it.Call != nil:
			s.live.addCall(newCallView(*it.Call))
		case it.Delivery != nil:
			s.live.addDelivery(newDeliveryView(*it.Delivery))
		case it.Chat != nil:
			s.live.publish("chat", s.chatView(*it.Chat, s.live.number(it.Chat.ID)))
		}
		if n := feed.Missed(); n != missed {
			missed = n
			s.live.dropAll()
		}
	}
}
