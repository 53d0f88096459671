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
		s = a.after(s, i, matched)
	}
	return s, true
}

// after returns the state after the visitor's line at i, if its answer is in the record. It marks the words of the answer as matched.
func (a Aside) after(s playbook.State, i int, matched map[string]bool) playbook.State {
	in := Input(a.About, a.Lines[i])
	plan := a.Next(s, in)
	rest, spoke := plan.Actions, len(plan.Actions) == 0
	var outcomes []bool
	later := a.Lines[i+1:]
	for j, w := range later {
		if w.Kind != Own || matched[w.ID] {
			continue
		}
		if left, more, ok := Strike(rest, w); ok && !a.fitsAny(s, later[:j], w) {
			rest, spoke, outcomes = left, true, append(outcomes, more...)
			matched[w.ID] = true
		}
	}
	if !spoke {
		return s
	}
	s = plan.State
	for _, found := range outcomes {
		in.Kind, in.Found = playbook.Outcome, found
		s = a.Next(s, in).State
	}
	return s
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

// Answered returns the ids of the visitor's lines before the bot's last words, without the event's. A sidekick that remembers nothing
// counts them as handled.
func (a Aside) Answered() (ids []string) {
	var older []string
	for _, l := range a.Lines {
		switch {
		case l.FromVisitor() && l.ID != a.Event.ID:
			older = append(older, l.ID)
		case l.Kind == Own:
			ids = append(ids, older...)
			older = nil
		}
	}
	return ids
}
