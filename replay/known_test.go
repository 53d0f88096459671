package replay_test

import (
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// mark is the place of a line that record made.
func mark(i int) replay.Mark {
	return replay.Mark{ID: strconv.Itoa(i), At: replay.Millis(begin.Add(time.Duration(i) * time.Second))}
}

func seen(ids ...int) map[string]bool {
	m := map[string]bool{}
	for _, i := range ids {
		m[strconv.Itoa(i)] = true
	}
	return m
}

// With what the turns before have found, their words are not matched again, and what they have handled is not planned again.
func TestReplayWithAMemo(t *testing.T) {
	t.Parallel()
	greeted := playbook.State{Greeted: true}
	script := []string{"join", "o: Hello.", "o: How can I help?", "v: blah", "o: Sorry?"}
	early := mark(1).At
	for name, c := range map[string]struct {
		script []string
		known  replay.Known
		seen   map[string]bool
		joined bool
		left   [][]string
	}{
		"the same words may be owed again": {
			append(script, "v: bleh"), replay.Known{State: greeted, Said: mark(4), Greeted: early}, seen(3), false, [][]string{{"Sorry?"}}},
		"and may have been said again": {
			append(script, "v: bleh", "o: Sorry?"), replay.Known{State: greeted, Said: mark(4), Greeted: early}, seen(3), false, nil},
		"the mark's line is gone, its time counts": {
			append(script, "v: bleh"), replay.Known{State: greeted, Said: replay.Mark{ID: "gone", At: mark(4).At}, Greeted: early}, seen(3), false, [][]string{{"Sorry?"}}},
		"a mark by its time alone": {
			append(script, "v: bleh"), replay.Known{State: greeted, Said: replay.Mark{At: mark(4).At}, Greeted: early}, seen(3), false, [][]string{{"Sorry?"}}},
		"words up to the mark answer no older message": {
			[]string{"join", "o: Hello.", "o: How can I help?", "v: hours", "v: blah", "o: Sorry?"}, replay.Known{State: greeted, Said: mark(5), Greeted: early}, seen(4), false, [][]string{{"We are here 9–17."}}},
		"nor those up to its time": {
			[]string{"join", "o: Hello.", "o: How can I help?", "v: hours", "v: blah", "o: Sorry?"}, replay.Known{State: greeted, Said: replay.Mark{At: mark(5).At}, Greeted: early}, seen(4), false, [][]string{{"We are here 9–17."}}},
		"words of before the join are no greeting": {
			[]string{"v: price", "o: Let me help.", "v: blah", "join"}, replay.Known{Said: mark(1)}, seen(0), true, [][]string{{"Hello.", "How can I help?"}}},
		"a mark before all": {
			append(script, "v: bleh"), replay.Known{State: greeted, Said: replay.Mark{ID: "gone", At: mark(0).At - 1}, Greeted: early}, seen(), false, [][]string{{"Sorry?"}}},
		"without a mark all words are new": {
			[]string{"join", "v: blah", "o: Sorry?"}, replay.Known{State: greeted}, seen(), false, nil},
		"no greeting again": {
			[]string{"join", "v: hours"}, replay.Known{State: greeted, Greeted: early}, seen(), false, [][]string{{"We are here 9–17."}}},
		"written before the greeting": {
			[]string{"v: blah", "join", "o: Hello.", "o: How can I help?"}, replay.Known{State: greeted, Said: mark(3), Greeted: mark(2).At}, seen(), false, nil},
		"just joined, for the first time": {
			[]string{"v: hours", "join"}, replay.Known{}, seen(), true, [][]string{{"Hello.", "How can I help?"}, {"We are here 9–17."}}},
		"just joined, once more": {
			append(script, "leave", "v: hours", "join"), replay.Known{State: greeted, Said: mark(4), Greeted: early}, seen(3), true, [][]string{{"We are here 9–17."}}},
		"a colleague whose words are known": {
			append(script, "h: Hello", "v: hours"), replay.Known{State: greeted, Said: mark(4), Greeted: early}, seen(3, 5), false, [][]string{{"We are here 9–17."}}},
		"a colleague whose words are not": {
			append(script, "h: Hello", "v: hours"), replay.Known{State: greeted, Said: mark(4), Greeted: early}, seen(3), false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := load(t)
			s := replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: record(c.script...), Known: &c.known, Seen: c.seen, JustJoined: c.joined})
			if got := left(s); !reflect.DeepEqual(got, c.left) || s.Left {
				t.Errorf("left %q (gone: %t), want %q", got, s.Left, c.left)
			}
			if want := c.known.Greeted; want != 0 && replay.Millis(s.Greeted) != want {
				t.Errorf("greeted %v, want %v", s.Greeted, time.UnixMilli(want))
			}
		})
	}
}

// The bot that has just joined greets, whether the record shows its join already or not.
func TestReplayJustJoined(t *testing.T) {
	t.Parallel()
	p := load(t)
	for name, c := range map[string]struct {
		script []string
		says   []string
		at     int // of the greeting, as an index of the script; -1: none
	}{
		"nothing is there":              {nil, []string{"Hello.", "How can I help?"}, -1},
		"the join is there":             {[]string{"v: blah", "join", "v: hours"}, []string{"Hello.", "How can I help?", "We are here 9–17."}, 1},
		"the join is late":              {[]string{"v: blah", "v: hours"}, []string{"Hello.", "How can I help?", "We are here 9–17."}, 1},
		"the join is late, after leave": {[]string{"join", "o: Hello.", "o: How can I help?", "leave", "v: hours"}, []string{"We are here 9–17."}, 4},
		"a colleague before a late one": {[]string{"v: hours", "h: wait", "v: price"}, []string{"Hello.", "How can I help?", "It costs 10 €.", "Delivery is free."}, 2},
		"a colleague after the join":    {[]string{"join", "v: hours", "h: here I am", "v: price"}, []string{"Hello.", "How can I help?"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := record(c.script...)
			s := replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: lines, JustJoined: true})
			got := owedBy(s)
			if !slices.Equal(got.Says, c.says) || got.Left {
				t.Errorf("left to say %q (gone: %t), want %q", got.Says, got.Left, c.says)
			}
			var at time.Time
			if c.at >= 0 {
				at = lines[c.at].At
			}
			if g := s.Replies[0]; g.Line.ID != "" || g.In.Kind != playbook.Joined || !g.In.At.Equal(at) {
				t.Errorf("the greeting is for %+v, want one at %v", g.In, at)
			}
		})
	}
}

// What was written before the greeting gets no fallback; a greeting without words makes nothing early.
func TestReplayEarly(t *testing.T) {
	t.Parallel()
	wordless := loadBook(t, "name: x\nlanguages: [en]\ngreeting: {do: [online]}\nrules: [{name: a, when: {keywords: [a]}, say: A.}]\nfallback: {say: Sorry?}\n")
	s := replay.Replay(replay.Chat{Next: wordless.Next, About: about, Lines: record("v: blah", "join")})
	if s.Replies[1].In.Early || !s.Greeted.IsZero() {
		t.Errorf("early without a greeting: %+v", s)
	}
	s = replay.Replay(replay.Chat{Next: load(t).Next, About: about, Lines: record("v: blah", "join", "o: Hello.", "v: bleh")})
	if !s.Replies[1].In.Early || s.Replies[2].In.Early || !s.Greeted.Equal(begin.Add(2*time.Second)) {
		t.Errorf("early: %t, %t; greeted %v", s.Replies[1].In.Early, s.Replies[2].In.Early, s.Greeted)
	}
}

// A pressed button is an input of its own kind, with its value.
func TestReplayOfAButton(t *testing.T) {
	t.Parallel()
	p := loadBook(t, "name: x\nlanguages: [en]\nrules: [{name: a, when: {button: yes}, say: Good.}]\n")
	lines := record("join", "v: x")
	lines[1].Kind, lines[1].Value, lines[1].Text = replay.Pressed, "yes", "Yes!"
	s := replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: lines})
	if got := owedBy(s); !slices.Equal(got.Says, []string{"Good."}) {
		t.Errorf("left to say %q", got.Says)
	}
	in := replay.Input(about, lines[1])
	if in.Kind != playbook.Pressed || in.Value != "yes" || in.Text != "Yes!" || in.ID != "1" || in.Mode != playbook.Agent {
		t.Errorf("input %+v", in)
	}
	l := replay.FromEvent(chat.Event{Kind: chat.Pressed, ID: "1", At: begin, Text: "Yes!", Value: "yes"})
	if l.Kind != replay.Pressed || l.Value != "yes" {
		t.Errorf("line %+v", l)
	}
}

// A reply that was closed is not open, and one that is only there to claim its words neither.
func TestReplyOpen(t *testing.T) {
	t.Parallel()
	say := []playbook.Action{playbook.Say{Text: "a"}}
	for name, c := range map[string]struct {
		reply replay.Reply
		open  bool
	}{
		"words are left":       {replay.Reply{Owed: true, Rest: say}, true},
		"nothing is left":      {replay.Reply{Owed: true}, false},
		"not planned yet":      {replay.Reply{Owed: true, Later: true}, true},
		"its line was handled": {replay.Reply{Rest: say, Later: true}, false},
	} {
		if got := c.reply.Open(); got != c.open {
			t.Errorf("%s: open %t", name, got)
		}
		c.reply.Close()
		if c.reply.Open() {
			t.Errorf("%s: open after it was closed", name)
		}
	}
}

// The zero time is no time.
func TestMarkOf(t *testing.T) {
	t.Parallel()
	if m := replay.MarkOf(replay.Line{}); m != (replay.Mark{}) {
		t.Errorf("%+v", m)
	}
	if m := replay.MarkOf(replay.Line{ID: "a", At: time.UnixMilli(5)}); m != (replay.Mark{ID: "a", At: 5}) {
		t.Errorf("%+v", m)
	}
}

const otherBook = `
name: another
languages: [en]
greeting: {say: Hello.}
rules:
  - {name: price, when: {keywords: [price]}, say: [Now it is 12 €., Ask for a discount.]}
  - {name: hours, when: {keywords: [hours]}, say: Round the clock.}
`

// A pinned plan is what was decided, whatever the playbook says by now. Its words are struck from it, and from no other reply.
func TestReplayOfPinnedPlans(t *testing.T) {
	t.Parallel()
	say := func(texts ...string) (out []playbook.Action) {
		for _, s := range texts {
			out = append(out, playbook.Say{Text: s})
		}
		return out
	}
	pinned := map[string]playbook.Plan{"2": {Rule: "price", Actions: say("It costs 10 €.", "Delivery is free."), State: playbook.State{Greeted: true, Facts: []string{"pinned"}}}}
	for name, c := range map[string]struct {
		script []string
		pinned map[string]playbook.Plan
		known  *replay.Known
		left   [][]string
	}{
		// This is the loss that pinning mends: A's second message was taken for B's answer.
		"both were said, then B came": {
			[]string{"join", "o: Hello.", "v: price", "o: It costs 10 €.", "o: Delivery is free.", "v: hours"}, pinned, nil,
			[][]string{{"Round the clock."}}},
		"B came between": {
			[]string{"join", "o: Hello.", "v: price", "o: It costs 10 €.", "v: hours", "o: Delivery is free."}, pinned, nil,
			[][]string{{"Round the clock."}}},
		"B came before both": {
			[]string{"join", "o: Hello.", "v: price", "v: hours", "o: It costs 10 €.", "o: Delivery is free."}, pinned, nil,
			[][]string{{"Round the clock."}}},
		"one was said": {
			[]string{"join", "o: Hello.", "v: price", "o: It costs 10 €.", "v: hours"}, pinned, nil,
			[][]string{{"Delivery is free."}, {"Round the clock."}}},
		"none was said": {
			[]string{"join", "o: Hello.", "v: price", "v: hours"}, pinned, nil,
			[][]string{{"It costs 10 €.", "Delivery is free."}, {"Round the clock."}}},
		"with a memo": {
			[]string{"join", "o: Hello.", "v: price", "v: hours", "o: It costs 10 €.", "o: Delivery is free."}, pinned,
			&replay.Known{State: playbook.State{Greeted: true}, Said: mark(1), Greeted: mark(1).At},
			[][]string{{"Round the clock."}}},
		"without the pinned plan B gets nothing": {
			[]string{"join", "o: Hello.", "v: price", "v: hours", "o: It costs 10 €.", "o: Delivery is free."}, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := loadBook(t, otherBook)
			s := replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: record(c.script...), Pinned: c.pinned, Known: c.known})
			if got := left(s); !reflect.DeepEqual(got, c.left) {
				t.Errorf("left %q, want %q", got, c.left)
			}
			if c.pinned != nil && !slices.Contains(s.State.Facts, "pinned") {
				t.Errorf("the state after a pinned plan is lost: %+v", s.State)
			}
		})
	}
}

// A plan that waits for the outcome of a hand-over may be pinned too.
func TestReplayOfAPinnedPlanAfterAHandOver(t *testing.T) {
	t.Parallel()
	p := loadBook(t, handOverBook)
	pinned := map[string]playbook.Plan{"3": {Actions: []playbook.Action{playbook.Say{Text: "Pinned."}}, State: playbook.State{Greeted: true}}}
	s := replay.Replay(replay.Chat{Next: p.Next, About: about, Pinned: pinned,
		Lines: record("join", "o: Hello.", "v: talk", "v: hours", "o: They sleep.")})
	if got := left(s); !reflect.DeepEqual(got, [][]string{{"Pinned."}}) {
		t.Errorf("left %q", got)
	}
}
