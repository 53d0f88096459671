package playbook

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Trial is a simulated chat. It passes what visitors and humans do to a playbook, and records what the bot would say and do. Set the
// fields before the first call. They may change between calls.
type Trial struct {
	Playbook *Playbook
	Mode     Mode   // "" means the playbook's first mode
	Org      string // organization id
	RoomID   string
	RoomName string
	Language string          // the room's language_code
	At       time.Time       // zero means a Monday at noon in the playbook's time zone
	Teams    map[string]bool // the teams that a hand-over finds, by folded name
	Reasons  bool            // whether to fill in Plan.Why

	state   State
	n       int
	joined  bool
	early   []Input  // what visitors wrote before the bot joined
	buttons []Button // the buttons that were shown, newest last
}

// Turn is how the bot reacts to one event of a Trial: its plans, and the same as lines of a transcript. There is more than one plan if the
// bot joins a chat in which visitors have already written.
type Turn struct {
	Plans []Plan
	Lines []string
}

// State returns the dialog state of the chat.
func (t *Trial) State() State { return t.state }

func (t *Trial) input(k Kind) Input {
	t.n++
	in := Input{Kind: k, ID: strconv.Itoa(t.n), At: t.At, Mode: t.Mode, Org: t.Org, RoomID: t.RoomID, RoomName: t.RoomName, Language: t.Language}
	if in.Mode == "" {
		in.Mode = Agent
		if modes := t.Playbook.For(t.Org, t.RoomID).modes; len(modes) > 0 {
			in.Mode = modes[0]
		}
	}
	if in.At.IsZero() {
		in.At = time.Date(2026, 1, 5, 12, 0, 0, 0, t.Playbook.zone)
	}
	return in
}

// Joins lets the bot join the chat. It greets, and answers what visitors have written so far.
func (t *Trial) Joins() Turn {
	var turn Turn
	t.joined = true
	t.next(&turn, t.input(Joined))
	for _, in := range t.early {
		in.Early = true
		t.next(&turn, in)
	}
	t.early = nil
	return turn
}

// Says lets a visitor write. If the bot is not a sidekick and has not joined the chat, it answers only after Joins.
func (t *Trial) Says(text string) Turn {
	in := t.input(Said)
	in.Text = text
	return t.heard(in)
}

// Presses lets a visitor press a button that was shown. label is its text or value. ok is false if there is no such button.
func (t *Trial) Presses(label string) (turn Turn, ok bool) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, func(a, b string) bool { return fold(a) == fold(b) }} {
		for i := len(t.buttons) - 1; i >= 0; i-- {
			if b := t.buttons[i]; same(b.Text, label) || same(b.Value, label) {
				in := t.input(Pressed)
				in.Text, in.Value = b.Text, b.Value
				return t.heard(in), true
			}
		}
	}
	return Turn{}, false
}

// HumanSays lets a human colleague write.
func (t *Trial) HumanSays(string) Turn {
	var turn Turn
	t.next(&turn, t.input(HumanSaid))
	return turn
}

func (t *Trial) heard(in Input) Turn {
	var turn Turn
	if !t.joined && in.Mode != Sidekick {
		t.early = append(t.early, in)
		return turn
	}
	t.next(&turn, in)
	return turn
}

func (t *Trial) next(turn *Turn, in Input) {
	plan := t.Playbook.next(t.state, in, nil)
	if t.Reasons {
		plan = t.Playbook.Explain(t.state, in)
	}
	t.state = plan.State
	turn.Plans = append(turn.Plans, plan)
	t.do(turn, in, plan.Actions)
}

func (t *Trial) do(turn *Turn, in Input, actions []Action) {
	line := func(format string, args ...any) { turn.Lines = append(turn.Lines, fmt.Sprintf(format, args...)) }
	for _, a := range actions {
		switch a := a.(type) {
		case Say:
			turn.Lines = append(turn.Lines, lines(a)...)
			for _, att := range a.Attachments {
				t.buttons = append(t.buttons, att.Actions...)
			}
		case Leave:
			t.joined = false
			line("bot leaves")
		case End:
			line("bot ends the chat")
		case SetOnline:
			line("bot goes %s", map[bool]string{true: "online", false: "offline"}[a.Online])
		case HandOver:
			found := t.Teams[fold(a.Team)]
			if found {
				t.do(turn, in, a.Before)
				line("bot hands over to %s", a.Team)
				t.do(turn, in, a.After)
			}
			out := in
			out.Kind, out.Found = Outcome, found
			t.state = t.Playbook.Next(t.state, out).State
			if !found {
				t.do(turn, in, a.Nobody)
			}
		}
	}
}

// lines returns a message as lines of a transcript: its text, and under it its attachments, indented.
func lines(s Say) []string {
	var all []string
	for i, l := range strings.Split(s.Text, "\n") {
		if i == 0 {
			all = append(all, "bot: "+strings.TrimSpace(l))
		} else if l = strings.TrimSpace(l); l != "" {
			all = append(all, "     "+l)
		}
	}
	for _, a := range s.Attachments {
		for _, part := range []string{a.Title, a.Text, a.ImageURL} {
			if part != "" {
				all = append(all, "  | "+strings.Join(strings.Fields(part), " "))
			}
		}
		var row []string
		for _, b := range a.Actions {
			label := "[" + b.Text + "]"
			if b.Type == "link_button" {
				label += "(" + b.Value + ")"
			}
			row = append(row, label)
		}
		if len(row) > 0 {
			all = append(all, "  "+strings.Join(row, " "))
		}
	}
	return all
}
