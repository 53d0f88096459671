package replay

import (
	"slices"

	"giosgbot/chat"
	"giosgbot/playbook"
)

// Aside is a chat that others serve, with the event that a sidekick works on.
type Aside struct {
	Next  Decider
	About playbook.Input
	Lines []Line
	Event chat.Event
}

// State finds the state of the dialog before the event.
//
// A rule that matched need not have spoken, because a sidekick is silent while nobody serves the chat. So a rule counts if its words are in
// the record and fit no newer message. whole is false if later messages may have been answered too, because the event comes late: a state
// that is kept after it would lack them.
func (a Aside) State() (s playbook.State, whole bool) {
	matched := map[string]bool{}
	past := false
	for i, l := range a.Lines {
		switch {
		case !l.FromVisitor():
			continue
		case l.ID == a.Event.ID:
			past = true
			continue
		case past || l.At.After(a.Event.At):
			return s, !slices.ContainsFunc(a.Lines[i:], func(l Line) bool { return l.Kind == Own })
		}
		s, _ = a.after(s, i, matched)
	}
	return s, true
}

// after returns the state after the visitor's line at i, and whether its answer is in the record. It marks the words of the answer as matched.
// The event comes first: words that fit it are its answer, also if they fit a newer line.
func (a Aside) after(s playbook.State, i int, matched map[string]bool) (_ playbook.State, answered bool) {
	in := Input(a.About, a.Lines[i])
	plan := a.Next(s, in)
	rest := plan.Actions
	var outcomes []bool
	later := a.Lines[i+1:]
	for j, w := range later {
		if w.Kind != Own || matched[w.ID] {
			continue
		}
		if left, more, ok := Strike(rest, w); ok && (a.Lines[i].ID == a.Event.ID || !a.fitsAny(s, later[:j], w)) {
			rest, answered, outcomes = left, true, append(outcomes, more...)
			matched[w.ID] = true
		}
	}
	if !answered && len(plan.Actions) > 0 {
		return s, false
	}
	s = plan.State
	for _, found := range outcomes {
		in.Kind, in.Found = playbook.Outcome, found
		s = a.Next(s, in).State
	}
	return s, answered
}

// fitsAny reports whether the bot's words can be the answer to one of the visitor's lines.
func (a Aside) fitsAny(s playbook.State, lines []Line, words Line) bool {
	return slices.ContainsFunc(lines, func(l Line) bool {
		if !l.FromVisitor() {
			return false
		}
		_, _, ok := Strike(a.Next(s, Input(a.About, l)).Actions, words)
		return ok
	})
}

// Answered returns the ids of the visitor's lines, without the event's, that a sidekick counts as handled if it remembers nothing: those before
// the event, if the bot has spoken since, and those after it whose answer is in the record.
func (a Aside) Answered() (ids []string) {
	lastOwn := -1
	for i, l := range a.Lines {
		if l.Kind == Own {
			lastOwn = i
		}
	}
	var s playbook.State
	matched := map[string]bool{}
	past := false
	for i, l := range a.Lines[:lastOwn+1] {
		if !l.FromVisitor() {
			continue
		}
		var answered bool
		s, answered = a.after(s, i, matched)
		if l.ID == a.Event.ID {
			past = true
		} else if answered || !past && !l.At.After(a.Event.At) {
			ids = append(ids, l.ID)
		}
	}
	return ids
}
