package replay_test

import (
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"giosgbot/playbook"
	"giosgbot/replay"
)

// mostWaiting is how many messages of the visitor come at most after a hand-over whose outcome is open.
const mostWaiting = 5

// handler is a bot that works through a chat with hand-overs, whose outcomes it is told. Replay must find its state again.
type handler struct {
	book    *playbook.Playbook
	lines   []replay.Line
	state   playbook.State
	greeted time.Time
	queue   []int // visitor's lines that wait, as indexes
	in      playbook.Input
	rest    []playbook.Action // what is left to do of the answer at hand
	current string            // the id of the line that it answers; "" for the greeting, or none
	handled map[string]bool
	said    replay.Mark
}

func (h *handler) add(kind replay.Kind, text string) replay.Line {
	l := replay.Line{ID: strconv.Itoa(len(h.lines)), At: begin.Add(time.Duration(len(h.lines)) * time.Second), Kind: kind, Text: text}
	h.lines = append(h.lines, l)
	return l
}

func (h *handler) clone() *handler {
	c := *h
	c.lines, c.queue, c.handled = slices.Clone(h.lines), slices.Clone(h.queue), map[string]bool{}
	return &c
}

func (h *handler) plan(in playbook.Input) {
	p := h.book.Next(h.state, in)
	h.in, h.state, h.rest = in, p.State, p.Actions
}

// step does the next thing that leaves words; outcome says whether a team is there. It returns false if there is nothing to do, or
// stops before a hand-over if there is no outcome.
func (h *handler) step(outcome func() bool) bool {
	for {
		if len(h.rest) == 0 {
			if h.current != "" {
				h.handled[h.current] = true
				h.current = ""
			}
			if len(h.queue) == 0 {
				return false
			}
			l := h.lines[h.queue[0]]
			h.queue, h.current = h.queue[1:], l.ID
			in := replay.Input(about, l)
			in.Early = l.At.Before(h.greeted)
			h.plan(in)
			continue
		}
		switch a := h.rest[0].(type) {
		case playbook.HandOver:
			if outcome == nil {
				return false
			}
			in, branch := h.in, a.Nobody
			if in.Kind, in.Found = playbook.Outcome, outcome(); in.Found {
				branch = a.Found()
			}
			h.state = h.book.Next(h.state, in).State
			h.rest = slices.Concat(branch, h.rest[1:])
			continue
		case playbook.Say:
			l := h.add(replay.Own, a.Text)
			if h.greeted.IsZero() {
				h.greeted = l.At
			}
			h.said, h.rest = replay.MarkOf(l), h.rest[1:]
			return true
		}
		h.rest = h.rest[1:]
	}
}

// owed is what the bot would still say, up to the next hand-over, how many messages wait for that, and the state then.
func (h *handler) owed() (says []string, waiting int, state playbook.State) {
	c := h.clone()
	n := len(c.lines)
	for c.step(nil) {
	}
	for _, l := range c.lines[n:] {
		says = append(says, l.Text)
	}
	if len(c.rest) > 0 {
		says = append(says, "find "+c.rest[0].(playbook.HandOver).Team)
	}
	return says, len(c.queue), c.state
}

// open reports whether the outcome of a hand-over is open.
func (h *handler) open() bool {
	c := h.clone()
	for c.step(nil) {
	}
	return len(c.rest) > 0
}

// found is what replay found, in the same form as owed.
func found(s replay.Story) (says []string, waiting int) {
	for _, r := range s.Replies {
		if !r.Owed {
			continue
		}
		for _, a := range next(r) {
			switch {
			case a == "?":
				waiting++
			case a != "leave" && a != "online" && len(a) > 0 && !slices.Contains([]string{"invite Support", "invite Sales"}, a):
				says = append(says, a)
			}
		}
	}
	if i := slices.IndexFunc(says, func(s string) bool { return s == "find Support" || s == "find Sales" }); i >= 0 {
		says = says[:i+1]
	}
	return says, waiting
}

// A bot that is killed anywhere, also in the middle of a hand-over, finds the state that it was in and what it still owes.
func TestReplayFindsHandOvers(t *testing.T) {
	t.Parallel()
	p := loadBook(t, handOverBook)
	words := []string{"a human", "talk", "hours", "price", "blah", "hide", "hours price"}
	rapid.Check(t, func(t *rapid.T) {
		h := &handler{book: p, handled: map[string]bool{}}
		h.add(replay.OwnJoin, "")
		in := about
		in.Kind, in.At = playbook.Joined, h.lines[0].At
		h.plan(in)
		var known *replay.Known
		checkpoint := map[string]bool{}
		for range rapid.IntRange(0, 30).Draw(t, "length") {
			if rapid.Bool().Draw(t, "the visitor's turn") {
				if _, waiting, _ := h.owed(); h.open() && waiting >= mostWaiting {
					continue
				}
				h.queue = append(h.queue, len(h.lines))
				h.add(replay.Said, rapid.SampledFrom(words).Draw(t, "words"))
				continue
			}
			h.step(func() bool { return rapid.Bool().Draw(t, "the team is there") })
			if h.current == "" && len(h.rest) == 0 && !h.greeted.IsZero() && rapid.Bool().Draw(t, "memo") {
				known = &replay.Known{State: h.state, Said: h.said, Greeted: replay.Millis(h.greeted)}
				checkpoint = map[string]bool{}
				for id := range h.handled {
					checkpoint[id] = true
				}
			}
		}
		wantSays, wantWaiting, wantState := h.owed()
		check := func(how string, known *replay.Known, seen map[string]bool) {
			s := replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: h.lines, Known: known, Seen: seen})
			says, waiting := found(s)
			if !slices.Equal(says, wantSays) || waiting != wantWaiting || !reflect.DeepEqual(s.State, wantState) {
				t.Fatalf("%s: left to say %q, %d wait, state %+v; want %q, %d, %+v; lines %s",
					how, says, waiting, s.State, wantSays, wantWaiting, wantState, script(h.lines))
			}
		}
		check("from the lines alone", nil, nil)
		check("with the handled messages", nil, h.handled)
		if known != nil {
			check("with a memo", known, checkpoint)
		}
	})
}
