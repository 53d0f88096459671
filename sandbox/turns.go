package sandbox

import (
	"fmt"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/giosg/giosgtest"
	"giosgbot/playbook"
)

// turnView is one turn of the bot, as the page gets it.
type turnView struct {
	N       int          `json:"n"`
	At      time.Time    `json:"at"` // its start
	Kind    string       `json:"event"`
	EventID string       `json:"event_id"`
	ChatID  string       `json:"chat_id"`
	Text    string       `json:"text,omitempty"`
	Value   string       `json:"value,omitempty"`
	Result  bot.Result   `json:"result"`
	Rule    string       `json:"rule,omitempty"`
	Said    int          `json:"said"`
	Reason  string       `json:"reason,omitempty"`
	Attempt int          `json:"attempt"`
	Looked  bool         `json:"looked"`
	Waited  int64        `json:"waited_us"`
	Took    int64        `json:"took_us"`
	Did     []string     `json:"did"`
	Why     []reasonView `json:"why"`
}

type reasonView struct {
	Rule    string `json:"rule"`
	Matched bool   `json:"matched"`
	Text    string `json:"text"`
}

// turn records a turn of the bot.
func (s *Sandbox) turn(r bot.Report) {
	ev := r.Event
	v := turnView{
		At: time.Now().Add(-r.Took), Kind: string(ev.Kind), EventID: ev.ID, ChatID: string(ev.Chat), Text: clip(ev.Text), Value: ev.Value,
		Result: r.Result, Rule: r.Rule, Said: r.Said, Reason: r.Reason, Attempt: r.Attempt, Looked: r.Looked,
		Waited: max(0, r.Waited.Microseconds()), Took: r.Took.Microseconds(), Did: []string{}, Why: []reasonView{},
	}
	language := ""
	if c := s.world.platform.Chat(v.ChatID); c != nil {
		language = c.Room().Language()
		if v.Text == "" && v.Kind != string(chat.Pressed) {
			v.Text = lastWords(c) // a pending chat has no text of its own
		}
		if r.Plan != nil {
			v.Did = actionNames(r.Plan.Actions)
			for _, why := range r.Plan.Why {
				v.Why = append(v.Why, reasonView{why.Rule, why.Matched, why.Text})
			}
		}
	}
	s.live.addTurn(v, language)
}

// lastWords returns the visitor's last message.
func lastWords(chat *giosgtest.Chat) string {
	said := chat.Said("visitor")
	if len(said) == 0 {
		return ""
	}
	return clip(said[len(said)-1])
}

// actionNames describes the actions of a plan.
func actionNames(actions []playbook.Action) []string {
	out := []string{}
	for _, a := range actions {
		switch a := a.(type) {
		case playbook.Say:
			out = append(out, fmt.Sprintf("say %q", a.Text))
		case playbook.HandOver:
			out = append(out, "hand over to "+a.Team)
		case playbook.Leave:
			out = append(out, "leave")
		case playbook.End:
			out = append(out, "end the chat")
		case playbook.SetOnline:
			out = append(out, fmt.Sprintf("set online: %t", a.Online))
		}
	}
	return out
}
