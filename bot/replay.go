package bot

import (
	"slices"
	"strings"
	"time"

	"giosgbot/playbook"
)

// what happened in a line of a chat.
type what int

const (
	other    what = iota
	said          // the visitor wrote
	pressed       // the visitor pressed a button
	human         // a user other than the bot wrote
	ownWords      // the bot wrote
	ownJoin
	ownLeave
	otherJoin // of another user
	otherLeave
)

// line is a message of a chat, in the bot's view.
type line struct {
	id      string
	at      time.Time
	what    what
	text    string
	value   string
	who     string // who joined or left
	unknown bool   // the words can no longer be read (encrypted or purged)
}

// reply is an answer that is owed for a line, or the greeting.
type reply struct {
	line  line // zero for the greeting
	in    playbook.Input
	plan  playbook.Plan
	rest  []playbook.Action // what is left to do of the plan
	owed  bool              // false: answered before, it is here only to account for the bot's words
	later bool              // not planned yet: what comes before it has an open outcome
}

// story is a chat that was read again: its state after all its lines, and what the bot still owes.
type story struct {
	state   playbook.State
	replies []*reply
	greeted time.Time // when the greeting was said; zero: not yet, or there is none
	left    bool      // the bot joined and then left
	joined  bool
}

// decider says what to do about an input, as playbook.Playbook.Next does.
type decider func(playbook.State, playbook.Input) playbook.Plan

// replay reads a chat's lines as if living through them, and finds out what was answered.
//
// The bot's own words are accounted for: each is the next thing to be said of some reply, so it is taken off that reply. Words
// that fit none (the playbook was another then) count as the answer to the oldest line that has none. known is what a memo says,
// nil without one: then lines that were seen have their answers among the bot's words too; with one, those up to known.Said are
// taken off already. justJoined says that the bot has joined in this turn.
func replay(next decider, about playbook.Input, lines []line, known *memo, seen map[string]bool, justJoined bool) story {
	var s story
	join := -1
	for i, l := range lines {
		switch l.what {
		case ownJoin:
			join, s.joined, s.left = i, true, false
		case ownLeave:
			s.left = s.joined
		}
	}
	if justJoined {
		if !s.joined || s.left {
			join = len(lines) // the line of this join is late
		}
		s.joined, s.left = true, false
	}
	if known != nil {
		s.state = known.State
		if known.Greeted > 0 {
			s.greeted = time.UnixMilli(known.Greeted)
		}
	}
	greets := false
	if known == nil || justJoined {
		in := about
		in.Kind, in.At = playbook.Joined, joinedAt(lines, join)
		plan := next(s.state, in)
		s.state = plan.State
		s.replies = append(s.replies, &reply{in: in, plan: plan, rest: plan.Actions, owed: true})
		greets = slices.ContainsFunc(plan.Actions, isSay)
		if known == nil && greets {
			if i := slices.IndexFunc(lines, func(l line) bool { return l.what == ownWords }); i >= 0 {
				s.greeted = lines[i].at
			}
		}
	}
	accounted := -1
	if known != nil {
		accounted = lastSaid(lines, known.Said)
	}
	for i, l := range lines {
		switch l.what {
		case said, pressed:
			if seen[l.id] && known != nil {
				continue
			}
			in := heard(about, l)
			in.Early = l.at.Before(s.greeted) || greets && s.greeted.IsZero()
			r := &reply{line: l, in: in, owed: !seen[l.id]}
			if s.undecided() {
				r.later = true
			} else {
				r.plan = next(s.state, in)
				r.rest, s.state = r.plan.Actions, r.plan.State
			}
			s.replies = append(s.replies, r)
		case human:
			if i > join && !(seen[l.id] && known != nil) {
				in := about
				in.Kind, in.ID, in.Text, in.At = playbook.HumanSaid, l.id, l.text, l.at
				s.state = next(s.state, in).State
			}
			for _, r := range s.replies {
				if r.line.id != "" { // a colleague has answered
					r.rest, r.later = nil, false
				}
			}
		case ownWords:
			if i > accounted {
				s.account(next, l)
			}
		}
	}
	return s
}

func joinedAt(lines []line, join int) time.Time {
	switch {
	case join >= 0 && join < len(lines):
		return lines[join].at
	case len(lines) > 0:
		return lines[len(lines)-1].at
	}
	return time.Time{}
}

func isSay(a playbook.Action) bool {
	_, ok := a.(playbook.Say)
	return ok
}

// heard is a visitor's line as the playbook's input.
func heard(about playbook.Input, l line) playbook.Input {
	in := about
	in.Kind = playbook.Said
	if l.what == pressed {
		in.Kind = playbook.Pressed
	}
	in.ID, in.Text, in.Value, in.At = l.id, l.text, l.value, l.at
	return in
}

// lastSaid is the index of the last line whose words are accounted for; -1 if none is.
func lastSaid(lines []line, m mark) int {
	if m == (mark{}) {
		return -1
	}
	last := -1
	for i, l := range lines {
		if l.id == m.ID {
			return i
		}
		if l.at.UnixMilli() <= m.At {
			last = i
		}
	}
	return last
}

// undecided tells whether a hand-over is open, so that what comes after cannot be planned yet.
func (s *story) undecided() bool {
	return slices.ContainsFunc(s.replies, func(r *reply) bool {
		return r.later || slices.ContainsFunc(r.rest, func(a playbook.Action) bool {
			_, open := a.(playbook.HandOver)
			return open
		})
	})
}

// account takes the bot's words off the reply that they belong to.
func (s *story) account(next decider, l line) {
	for _, r := range s.replies {
		rest, outcomes, ok := takeOff(r.rest, l)
		if !ok {
			continue
		}
		r.rest = rest
		for _, found := range outcomes {
			in := r.in
			in.Kind, in.Found = playbook.Outcome, found
			s.state = next(s.state, in).State
		}
		if len(outcomes) > 0 {
			s.planLater(next)
		}
		return
	}
	for _, r := range s.replies {
		if r.later || slices.ContainsFunc(r.rest, isSay) {
			r.rest, r.later = nil, false
			return
		}
	}
}

// planLater plans the replies that waited for an outcome, up to the next open one.
func (s *story) planLater(next decider) {
	for _, r := range s.replies {
		if !r.later {
			continue
		}
		r.later = false
		if s.undecided() {
			r.later = true
			return
		}
		r.plan = next(s.state, r.in)
		r.rest, s.state = r.plan.Actions, r.plan.State
	}
}

// invite is the middle of a hand-over to a team that was found.
type invite struct {
	playbook.Action
	team string
}

// found is what a hand-over becomes when its team is there.
func found(h playbook.HandOver) []playbook.Action {
	return slices.Concat(h.Before, []playbook.Action{invite{team: h.Team}}, h.After)
}

// takeOff removes words that were said from the actions that are left. Actions before them that leave no words were done, since
// they come first. ok is false if the words are not the next to be said. outcomes are those of the hand-overs that the words decide.
func takeOff(rest []playbook.Action, l line) (left []playbook.Action, outcomes []bool, ok bool) {
	for i, a := range rest {
		switch a := a.(type) {
		case playbook.Say:
			if l.unknown || same(a.Text, l.text) {
				return rest[i+1:], nil, true
			}
			return nil, nil, false
		case playbook.HandOver:
			if left, _, ok := takeOff(found(a), l); ok {
				return slices.Concat(left, rest[i+1:]), []bool{true}, true
			}
			if left, more, ok := takeOff(a.Nobody, l); ok {
				return slices.Concat(left, rest[i+1:]), append([]bool{false}, more...), true
			}
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// same compares what was planned with what the platform holds, which may have changed white space.
func same(a, b string) bool {
	return a == b || slices.Equal(strings.Fields(a), strings.Fields(b))
}
