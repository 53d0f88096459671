// Package replay derives from a chat's record which state the dialog is in and which replies the bot still owes. It is pure: it knows no
// platform, reads nothing and sends nothing.
//
// The bot's own words are matched with what it would have said: each is the next thing to say of some reply, and is struck from it. What
// remains is owed.
package replay

import (
	"slices"
	"strings"
	"time"

	"giosgbot/chat"
	"giosgbot/playbook"
)

// Kind says what a line of the record is.
type Kind int

const (
	// Other is of no interest to a bot.
	Other Kind = iota
	// Said: the visitor wrote.
	Said
	// Pressed: the visitor pressed a button.
	Pressed
	// Human: a user other than the bot wrote.
	Human
	// Own: the bot wrote.
	Own
	// OwnJoin: the bot joined.
	OwnJoin
	// OwnLeave: the bot left.
	OwnLeave
	// Join: another user joined.
	Join
	// Leave: another user left.
	Leave
)

// Line is a message of a chat's record, as the bot sees it.
type Line struct {
	ID         string
	At         time.Time
	Kind       Kind
	Text       string
	Value      string // the pressed button's
	Who        string // the user who joined or left
	Unreadable bool   // the words were encrypted or purged
}

// FromVisitor reports whether the visitor wrote or pressed a button.
func (l Line) FromVisitor() bool { return l.Kind == Said || l.Kind == Pressed }

// FromEvent returns a visitor's event as a line.
func FromEvent(ev chat.Event) Line {
	l := Line{ID: ev.ID, At: ev.At, Kind: Said, Text: ev.Text, Value: ev.Value}
	if ev.Kind == chat.Pressed {
		l.Kind = Pressed
	}
	return l
}

// WithEvent adds a visitor's event to the lines if the platform does not show it yet. It comes after lines of the same time.
func WithEvent(lines []Line, ev chat.Event) []Line {
	if !ev.FromVisitor() || slices.ContainsFunc(lines, func(l Line) bool { return l.ID == ev.ID }) {
		return lines
	}
	i, _ := slices.BinarySearchFunc(lines, ev.At, func(l Line, at time.Time) int {
		if l.At.After(at) {
			return 1
		}
		return -1
	})
	return slices.Insert(lines, i, FromEvent(ev))
}

// Input returns a visitor's line as the playbook's input; about has what all inputs of the chat have in common.
func Input(about playbook.Input, l Line) playbook.Input {
	in := about
	in.Kind = playbook.Said
	if l.Kind == Pressed {
		in.Kind = playbook.Pressed
	}
	in.ID, in.Text, in.Value, in.At = l.ID, l.Text, l.Value, l.At
	return in
}

// Mark is a place in the record: a message and its time in Unix milliseconds.
type Mark struct {
	ID string `json:"id,omitempty"`
	At int64  `json:"at,omitempty"`
}

// MarkOf returns the place of a line.
func MarkOf(l Line) Mark { return Mark{ID: l.ID, At: Millis(l.At)} }

// Millis returns a time in Unix milliseconds; 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// last returns the index of the last line up to the mark; -1 if there is none.
func (m Mark) last(lines []Line) int {
	if m == (Mark{}) {
		return -1
	}
	last := -1
	for i, l := range lines {
		if l.ID == m.ID {
			return i
		}
		if l.At.UnixMilli() <= m.At {
			last = i
		}
	}
	return last
}

// same compares planned words with those in the record. A platform may have changed white space.
func same(a, b string) bool {
	return a == b || slices.Equal(strings.Fields(a), strings.Fields(b))
}
