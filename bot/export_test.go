package bot

import (
	"time"

	"giosgbot/playbook"
)

// Line is a line of a chat for tests of replay.
type Line struct {
	ID    string
	At    time.Time
	What  string // "said", "pressed", "human", "own", "join", "leave"
	Text  string
	Value string
	Lost  bool // the words can no longer be read
}

// Known is what a memo tells replay.
type Known struct {
	State   playbook.State
	SaidID  string
	SaidAt  time.Time
	Greeted time.Time
}

// Owed is what replay found out.
type Owed struct {
	State   playbook.State
	Says    []string // what is left to be said, up to the first hand-over
	Lines   []string // the lines that are owed an answer or a look
	Greeted time.Time
	Left    bool
}

// Replay is replay for tests.
func Replay(book *playbook.Playbook, about playbook.Input, in []Line, known *Known, seen map[string]bool, justJoined bool) Owed {
	kinds := map[string]what{"said": said, "pressed": pressed, "human": human, "own": ownWords, "join": ownJoin, "leave": ownLeave}
	var lines []line
	for _, l := range in {
		lines = append(lines, line{id: l.ID, at: l.At, what: kinds[l.What], text: l.Text, value: l.Value, unknown: l.Lost})
	}
	var m *memo
	if known != nil {
		m = &memo{Role: serving, State: known.State, Greeted: ms(known.Greeted), Said: mark{known.SaidID, ms(known.SaidAt)}}
	}
	s := replay(book.Next, about, lines, m, seen, justJoined)
	o := Owed{State: s.state, Greeted: s.greeted, Left: s.left}
	open := false
	for _, r := range s.replies {
		if !r.owed {
			continue
		}
		if r.line.id != "" {
			o.Lines = append(o.Lines, r.line.id)
		}
		for _, a := range r.rest {
			if say, ok := a.(playbook.Say); ok && !open {
				o.Says = append(o.Says, say.Text)
			}
			if _, ok := a.(playbook.HandOver); ok {
				open = true
			}
		}
	}
	return o
}
