package replay

import (
	"slices"
	"time"

	"giosgbot/playbook"
)

// Decider says what to do about an input, as [playbook.Playbook.Next] does.
type Decider func(playbook.State, playbook.Input) playbook.Plan

// Chat is what is known of a chat that is to be replayed.
type Chat struct {
	Next   Decider
	About  playbook.Input  // what all inputs of the chat have in common
	Lines  []Line          // the record, oldest first; with Known, from Known.Said on will do
	Known  *Known          // what a turn before this one has left; nil: nothing, so the record alone must tell
	Seen   map[string]bool // ids of lines that are handled
	Pinned map[string]playbook.Plan

	// JustJoined says that the bot joined in this turn. The line of it may be late.
	JustJoined bool
}

// Known is what the turns up to now have found.
type Known struct {
	State   playbook.State
	Said    Mark  // the bot's words up to here belong to replies that are complete
	Greeted int64 // when the greeting was said, in Unix milliseconds; 0: not yet
}

// Reply is what a line calls for, or the greeting.
type Reply struct {
	Line  Line // the zero Line for the greeting
	In    playbook.Input
	Plan  playbook.Plan
	Rest  []playbook.Action // what is left to do of the plan
	Owed  bool              // false: the line is handled, and the reply is here only to claim its words in the record
	Later bool              // not planned yet, because the outcome of a hand-over before it is open
}

// Open reports whether something is left to do.
func (r *Reply) Open() bool { return r.Owed && (r.Later || len(r.Rest) > 0) }

// HasWords reports whether something is left to say, or may be.
func (r *Reply) HasWords() bool {
	return slices.ContainsFunc(r.Rest, isSay) || slices.ContainsFunc(r.Rest, isHandOver)
}

// Close drops what is left to do.
func (r *Reply) Close() { r.Rest, r.Later = nil, false }

// Story is a chat after replay: the state after all its lines, and the replies.
type Story struct {
	State   playbook.State
	Replies []*Reply
	Greeted time.Time // when the greeting was said; zero: not yet, or there is none
	Left    bool      // the bot joined and then left

	chat   Chat
	joined bool
	join   int  // index of the bot's last join; -1: none; len(lines): its line is late
	greets bool // the greeting is among the replies and has words
}

// Replay reads a chat's record from its beginning and finds the state of the dialog and the replies that are owed.
//
// Words of the bot that fit no reply were said by another version of the playbook: they count as the answer to the oldest line that has
// none. Without Known, handled lines have their answers in the record too. With it, words up to Known.Said are not matched again, because
// the same words may rightly be said twice.
func Replay(c Chat) Story {
	s := Story{chat: c}
	s.findJoin()
	if c.Known != nil {
		s.State = c.Known.State
		if c.Known.Greeted > 0 {
			s.Greeted = time.UnixMilli(c.Known.Greeted)
		}
	}
	if c.Known == nil || c.JustJoined {
		s.greet()
	}
	matched := -1
	if c.Known != nil {
		matched = c.Known.Said.last(c.Lines)
	}
	left := false
	for i, l := range c.Lines {
		switch l.Kind {
		case OwnLeave:
			left = true
		case OwnJoin:
			if left && i > matched {
				s.rejoined(l)
			}
			left = false
		case Said, Pressed:
			s.heard(l)
		case Human:
			s.human(l, i > s.join)
		case Own:
			if i > matched {
				s.match(l)
			}
		}
	}
	return s
}

// findJoin finds the bot's last join, and whether it has left since.
func (s *Story) findJoin() {
	s.join = -1
	s.joined = s.chat.Known != nil // the lines may begin later
	for i, l := range s.chat.Lines {
		switch l.Kind {
		case OwnJoin:
			s.join, s.joined, s.Left = i, true, false
		case OwnLeave:
			s.Left = s.joined
		}
	}
	if s.chat.JustJoined {
		if !s.joined || s.Left {
			s.join = len(s.chat.Lines)
		}
		s.joined, s.Left = true, false
	}
}

// greet plans the greeting.
func (s *Story) greet() {
	in := s.chat.About
	in.Kind, in.At = playbook.Joined, s.joinedAt()
	r := &Reply{In: in, Owed: true}
	s.plan(r)
	s.Replies = append(s.Replies, r)
	s.greets = slices.ContainsFunc(r.Plan.Actions, isSay)
	if s.chat.Known == nil && s.greets {
		if i := slices.IndexFunc(s.chat.Lines, func(l Line) bool { return l.Kind == Own }); i >= 0 {
			s.Greeted = s.chat.Lines[i].At
		}
	}
}

// rejoined notes that the bot came back, which lets it speak again.
func (s *Story) rejoined(l Line) {
	in := s.chat.About
	in.Kind, in.At = playbook.Joined, l.At
	s.State = s.chat.Next(s.State, in).State
}

func (s *Story) joinedAt() time.Time {
	lines := s.chat.Lines
	switch {
	case s.join >= 0 && s.join < len(lines):
		return lines[s.join].At
	case len(lines) > 0:
		return lines[len(lines)-1].At
	}
	return time.Time{}
}

// plan decides what to do about a reply's input. A pinned plan was decided before, perhaps by another version of the playbook.
func (s *Story) plan(r *Reply) {
	pinned, ok := s.chat.Pinned[r.Line.ID]
	if ok {
		r.Plan = pinned
	} else {
		r.Plan = s.chat.Next(s.State, r.In)
	}
	r.Rest, s.State = r.Plan.Actions, r.Plan.State
}

// known reports whether a line is handled and its effect is in the state that is known.
func (s *Story) known(l Line) bool { return s.chat.Known != nil && s.chat.Seen[l.ID] }

// heard adds the reply to a visitor's line.
func (s *Story) heard(l Line) {
	if s.known(l) {
		return
	}
	in := Input(s.chat.About, l)
	in.Early = l.At.Before(s.Greeted) || s.greets && s.Greeted.IsZero()
	r := &Reply{Line: l, In: in, Owed: !s.chat.Seen[l.ID]}
	if s.undecided() {
		r.Later = true
	} else {
		s.plan(r)
	}
	s.Replies = append(s.Replies, r)
}

// human notes that a colleague wrote, which answers all lines before.
func (s *Story) human(l Line, afterJoin bool) {
	if afterJoin && !s.known(l) {
		in := s.chat.About
		in.Kind, in.ID, in.Text, in.At = playbook.HumanSaid, l.ID, l.Text, l.At
		s.State = s.chat.Next(s.State, in).State
	}
	for _, r := range s.Replies {
		if r.Line.ID != "" {
			r.Close()
		}
	}
}

// undecided reports whether the outcome of a hand-over is open, so that what follows it cannot be planned yet.
func (s *Story) undecided() bool {
	return slices.ContainsFunc(s.Replies, func(r *Reply) bool { return r.Later || slices.ContainsFunc(r.Rest, isHandOver) })
}

// match strikes the bot's words from the reply that they belong to. Of replies with the same words, those to handled lines come first, because
// they surely were given.
func (s *Story) match(l Line) {
	for _, owed := range []bool{false, true} {
		for _, r := range s.Replies {
			if r.Owed == owed && s.strike(r, l) {
				return
			}
		}
	}
	for _, r := range s.Replies {
		if r.Later || slices.ContainsFunc(r.Rest, isSay) {
			r.Close()
			return
		}
	}
}

// strike removes words from a reply, if they are the next to be said of it.
func (s *Story) strike(r *Reply, l Line) bool {
	rest, outcomes, ok := Strike(r.Rest, l)
	if !ok {
		return false
	}
	r.Rest = rest
	for _, found := range outcomes {
		in := r.In
		in.Kind, in.Found = playbook.Outcome, found
		s.State = s.chat.Next(s.State, in).State
	}
	if len(outcomes) > 0 {
		s.planLater()
	}
	return true
}

// planLater plans the replies that waited for an outcome, up to the next hand-over.
func (s *Story) planLater() {
	for _, r := range s.Replies {
		if r.Later {
			r.Later = false
			s.plan(r)
		}
		if slices.ContainsFunc(r.Rest, isHandOver) {
			return
		}
	}
}
