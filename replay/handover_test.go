package replay_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

const handOverBook = `
name: handed over
languages: [en]
greeting: {say: Hello.}
rules:
  - name: human
    when: {keywords: [human]}
    do:
      hand_over:
        team: Support
        before: A moment.
        after: They are coming.
        nobody:
          say: Support is not there.
          do: {hand_over: {team: Sales, humans: false, after: Sales is coming., nobody: Nobody is there.}}
  - {name: mute, when: {keywords: [mute]}, do: {hand_over: {team: Support, nobody: Too bad.}}}
  - {name: same, when: {keywords: [same]}, do: {hand_over: {team: Support, before: [One moment., I have asked them.], nobody: [One moment., Nobody is there.]}}}
  - {name: talk, when: {keywords: [talk]}, do: {hand_over: {team: Support, keep_talking: true, before: I ask them., nobody: They sleep.}}}
  - {name: hours, when: {keywords: [hours]}, say: Nine to five.}
  - {name: price, when: {keywords: [price], after: hours}, say: [It costs 10 €., Delivery is free.]}
  - {name: hide, when: {keywords: [hide]}, say: I hide., do: [offline]}
  - {name: bye, when: {keywords: [bye]}, say: Goodbye., do: leave}
fallback: {say: Sorry?}
`

func loadBook(t interface{ Fatal(...any) }, text string) *playbook.Playbook {
	p, err := playbook.Load("replayed.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// next names what is left of a reply: "say ...", "find TEAM", "invite TEAM", "leave" and so on; "?" if it is not planned yet.
func next(r *replay.Reply) (out []string) {
	if r.Later {
		return []string{"?"}
	}
	for _, a := range r.Rest {
		switch a := a.(type) {
		case playbook.Say:
			out = append(out, a.Text)
		case playbook.HandOver:
			out = append(out, "find "+a.Team)
		case playbook.Invite:
			out = append(out, "invite "+a.Team)
		case playbook.Leave:
			out = append(out, "leave")
		case playbook.SetOnline:
			out = append(out, "online")
		}
	}
	return out
}

// left names what is left of all replies that are owed, each in a list of its own.
func left(s replay.Story) (out [][]string) {
	for _, r := range s.Replies {
		if !r.Owed {
			continue
		}
		if rest := next(r); len(rest) > 0 {
			out = append(out, rest)
		}
	}
	return out
}

// The bot's words say how a hand-over went, and what follows from it is planned then.
func TestReplayOfHandOvers(t *testing.T) {
	t.Parallel()
	const hello = "o: Hello."
	quiet := func(facts ...string) playbook.State {
		return playbook.State{Greeted: true, Quiet: true, Facts: facts}
	}
	for name, c := range map[string]struct {
		script []string
		left   [][]string
		state  playbook.State
	}{
		"open": {
			[]string{"join", hello, "v: a human"},
			[][]string{{"find Support"}}, playbook.State{Greeted: true, Asked: "human"}},
		"found by the words before": {
			[]string{"join", hello, "v: a human", "o: A moment."},
			[][]string{{"invite Support", "They are coming."}}, quiet()},
		"found by the words after": {
			[]string{"join", hello, "v: a human", "o: A moment.", "o: They are coming."},
			nil, quiet()},
		"nobody by its words": {
			[]string{"join", hello, "v: a human", "o: Support is not there."},
			[][]string{{"find Sales"}}, playbook.State{Greeted: true, Asked: "human", Tries: 1}},
		"the second team found": {
			[]string{"join", hello, "v: a human", "o: Support is not there.", "o: Sales is coming."},
			nil, quiet()},
		"nobody at all": {
			[]string{"join", hello, "v: a human", "o: Support is not there.", "o: Nobody is there."},
			nil, playbook.State{Greeted: true}},
		"the same first words mean that it was found": {
			[]string{"join", hello, "v: same", "o: One moment."},
			[][]string{{"I have asked them.", "invite Support"}}, quiet()},
		"a hand-over that says nothing when it works": {
			[]string{"join", hello, "v: mute"},
			[][]string{{"find Support"}}, playbook.State{Greeted: true, Asked: "mute"}},
		"words of a later answer do not decide it": {
			[]string{"join", hello, "v: mute", "v: hours", "o: Nine to five."},
			[][]string{{"find Support"}}, playbook.State{Greeted: true, Asked: "mute"}},
		"its words when it does not": {
			[]string{"join", hello, "v: mute", "o: Too bad."},
			nil, playbook.State{Greeted: true}},
		"what follows waits for the outcome": {
			[]string{"join", hello, "v: a human", "v: hours", "v: blah"},
			[][]string{{"find Support"}, {"?"}, {"?"}}, playbook.State{Greeted: true, Asked: "human"}},
		"what follows is planned with the outcome": {
			[]string{"join", hello, "v: talk", "v: hours", "o: I ask them."},
			[][]string{{"invite Support"}, {"Nine to five."}}, playbook.State{Greeted: true, Facts: []string{"hours"}}},
		"it may be the next hand-over": {
			[]string{"join", hello, "v: talk", "v: a human", "o: They sleep."},
			[][]string{{"find Support"}}, playbook.State{Greeted: true, Asked: "human"}},
		"a quiet bot owes nothing after": {
			[]string{"join", hello, "v: a human", "v: hours", "o: A moment."},
			[][]string{{"invite Support", "They are coming."}}, quiet()},
		"the outcome is part of the words that cannot be read": {
			[]string{"join", hello, "v: a human", "?"},
			[][]string{{"invite Support", "They are coming."}}, quiet()},
		"words of another playbook close what waits": {
			[]string{"join", hello, "v: a human", "v: hours", "o: Hei."},
			[][]string{{"find Support"}}, playbook.State{Greeted: true, Asked: "human"}},
		"a colleague has answered all": {
			[]string{"join", hello, "v: a human", "v: hours", "h: Here I am"},
			nil, playbook.State{Greeted: true, Quiet: true, Asked: "human"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := loadBook(t, handOverBook)
			s := replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: record(c.script...)})
			if got := left(s); !reflect.DeepEqual(got, c.left) {
				t.Errorf("left %q, want %q", got, c.left)
			}
			got := s.State
			got.Facts = slices.DeleteFunc(slices.Clone(got.Facts), func(f string) bool { return f == "handed_over" })
			if len(got.Facts) == 0 {
				got.Facts = nil
			}
			if !reflect.DeepEqual(got, c.state) {
				t.Errorf("state %+v, want %+v", got, c.state)
			}
		})
	}
}

// Actions that leave no words count as done once words after them are there, and are owed if nothing is after them.
func TestReplayOfActionsWithoutWords(t *testing.T) {
	t.Parallel()
	p := loadBook(t, handOverBook)
	for name, c := range map[string]struct {
		script []string
		left   [][]string
		gone   bool
	}{
		"before its words":    {[]string{"join", "o: Hello.", "v: hide"}, [][]string{{"I hide.", "online"}}, false},
		"after its words":     {[]string{"join", "o: Hello.", "v: hide", "o: I hide."}, [][]string{{"online"}}, false},
		"goodbye":             {[]string{"join", "o: Hello.", "v: bye", "o: Goodbye."}, [][]string{{"leave"}}, true},
		"nothing after it":    {[]string{"join", "o: Hello.", "v: bye", "v: hours"}, [][]string{{"Goodbye.", "leave"}}, true},
		"words of its answer": {[]string{"join", "o: Hello.", "v: bye", "o: Adjö."}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: record(c.script...)})
			if got := left(s); !reflect.DeepEqual(got, c.left) || s.State.Gone != c.gone {
				t.Errorf("left %q, want %q; gone %t", got, c.left, s.State.Gone)
			}
		})
	}
	action := []playbook.Action{playbook.SetOnline{}, playbook.Say{Text: "a"}, playbook.End{}}
	if rest, outcomes, ok := replay.Strike(action, replay.Line{Text: "a"}); !ok || len(rest) != 1 || outcomes != nil {
		t.Errorf("%v %v %t", rest, outcomes, ok)
	}
	if rest, _, ok := replay.Strike(action, replay.Line{Text: "b"}); ok || rest != nil {
		t.Errorf("other words: %v", rest)
	}
	if _, _, ok := replay.Strike(action[2:], replay.Line{Text: "a"}); ok {
		t.Error("words are struck from a reply that has none")
	}
}

// Strike is told what the words mean for each hand-over on the way.
func TestStrikeHandOver(t *testing.T) {
	t.Parallel()
	say := func(s string) playbook.Action { return playbook.Say{Text: s} }
	h := playbook.HandOver{Team: "A", Before: []playbook.Action{say("b")}, After: []playbook.Action{say("a")}, Nobody: []playbook.Action{
		playbook.HandOver{Team: "B", After: []playbook.Action{say("a2")}, Nobody: []playbook.Action{say("n2"), playbook.Leave{}}}}}
	rest := []playbook.Action{h, say("last")}
	for words, want := range map[string]struct {
		left     []playbook.Action
		outcomes []bool
	}{
		"b":  {[]playbook.Action{playbook.Invite{Team: "A"}, say("a"), say("last")}, []bool{true}},
		"a2": {[]playbook.Action{say("last")}, []bool{false, true}},
		"n2": {[]playbook.Action{playbook.Leave{}, say("last")}, []bool{false, false}},
	} {
		left, outcomes, ok := replay.Strike(rest, replay.Line{Text: words})
		if !ok || !reflect.DeepEqual(left, want.left) || !slices.Equal(outcomes, want.outcomes) {
			t.Errorf("%q: %v %v %t", words, left, outcomes, ok)
		}
	}
	for _, words := range []string{"a", "last"} {
		if _, _, ok := replay.Strike(rest, replay.Line{Text: words}); ok {
			t.Errorf("%q was struck", words)
		}
	}
}

// A visitor's event that the record does not show yet is inserted by its time.
func TestWithEvent(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	lines := []replay.Line{{ID: "a", At: at(10)}, {ID: "b", At: at(20)}, {ID: "c", At: at(20)}, {ID: "d", At: at(30)}}
	for name, c := range map[string]struct {
		ev   chat.Event
		want string
	}{
		"is there":                {chat.Event{Kind: chat.Said, ID: "b", At: at(99)}, "abcd"},
		"before all":              {chat.Event{Kind: chat.Said, ID: "x", At: at(1)}, "xabcd"},
		"between":                 {chat.Event{Kind: chat.Pressed, ID: "x", At: at(15)}, "axbcd"},
		"at the same time":        {chat.Event{Kind: chat.Said, ID: "x", At: at(20)}, "abcxd"},
		"after all":               {chat.Event{Kind: chat.Said, ID: "x", At: at(31)}, "abcdx"},
		"at the time of the last": {chat.Event{Kind: chat.Said, ID: "x", At: at(30)}, "abcdx"},
		"a colleague's":           {chat.Event{Kind: chat.Human, ID: "x", At: at(15)}, "abcd"},
		"a check":                 {chat.Event{Kind: chat.Check, ID: "check", At: at(15)}, "abcd"},
		"a pending chat":          {chat.Event{Kind: chat.Pending, ID: "pending@1", At: at(15)}, "abcd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.ev.Text, c.ev.Value = "words", "value"
			got := ""
			for _, l := range replay.WithEvent(slices.Clone(lines), c.ev) {
				got += l.ID
				if l.ID == "x" && (l.Text != "words" || l.Value != "value" || !l.At.Equal(c.ev.At) || l.Kind != replay.FromEvent(c.ev).Kind || !l.FromVisitor()) {
					t.Errorf("inserted %+v", l)
				}
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	if got := replay.WithEvent(nil, chat.Event{Kind: chat.Said, ID: "x"}); len(got) != 1 || got[0].Kind != replay.Said {
		t.Errorf("into nothing: %+v", got)
	}
}
