package replay_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"giosgbot/playbook"
	"giosgbot/replay"
)

const book = `
name: replayed
languages: [en]
greeting:
  say: ["Hello.", "How can I help?"]
rules:
  - name: hours
    when: {keywords: [hours]}
    say: "We are here 9–17."
  - name: price
    when: {keywords: [price]}
    say: ["It costs 10 €.", "Delivery is free."]
  - name: again
    when: {keywords: [again], after: price}
    say: "As I said: 10 €."
  - name: silent
    when: {keywords: [hush]}
    do: [quiet]
fallback:
  say: "Sorry?"
`

func load(t interface{ Fatal(...any) }) *playbook.Playbook {
	p, err := playbook.Load("replayed.yaml", []byte(book))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	about = playbook.Input{Mode: playbook.Agent, Language: "en"}
)

// lines writes a record: "v: words", "o: words" (the bot), "h: words", "join", "leave", "?" (the bot's words, unreadable).
func record(script ...string) (lines []replay.Line) {
	for i, s := range script {
		l := replay.Line{ID: strconv.Itoa(i), At: begin.Add(time.Duration(i) * time.Second)}
		switch {
		case s == "join" || s == "leave":
			l.Kind = map[string]replay.Kind{"join": replay.OwnJoin, "leave": replay.OwnLeave}[s]
		case s == "?":
			l.Kind, l.Unreadable = replay.Own, true
		default:
			l.Kind = map[byte]replay.Kind{'v': replay.Said, 'o': replay.Own, 'h': replay.Human}[s[0]]
			l.Text = s[3:]
		}
		lines = append(lines, l)
	}
	return lines
}

// owed is what a replay found.
type owed struct {
	State playbook.State
	Says  []string // left to say, up to the first hand-over
	Lines []string // ids of the visitor's lines that are owed something
	Left  bool
}

func result(p *playbook.Playbook, lines []replay.Line, known *replay.Known, seen map[string]bool) owed {
	return owedBy(replay.Replay(replay.Chat{Next: p.Next, About: about, Lines: lines, Known: known, Seen: seen}))
}

func owedBy(s replay.Story) owed {
	o := owed{State: s.State, Left: s.Left}
	open := false
	for _, r := range s.Replies {
		if !r.Owed {
			continue
		}
		if r.Line.ID != "" {
			o.Lines = append(o.Lines, r.Line.ID)
		}
		for _, a := range r.Rest {
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

func TestReplayWithoutAMemo(t *testing.T) {
	t.Parallel()
	const hello, help, hours, sorry = "o: Hello.", "o: How can I help?", "o: We are here 9–17.", "o: Sorry?"
	for name, c := range map[string]struct {
		script []string
		seen   []string
		says   []string
		left   bool
	}{
		"nothing but the join":                     {[]string{"join"}, nil, []string{"Hello.", "How can I help?"}, false},
		"half a greeting":                          {[]string{"join", hello}, nil, []string{"How can I help?"}, false},
		"all is said":                              {[]string{"v: hours", "join", hello, help, hours}, nil, nil, false},
		"the answer is missing":                    {[]string{"v: hours", "join", hello, help}, nil, []string{"We are here 9–17."}, false},
		"half an answer":                           {[]string{"join", hello, help, "v: price", "o: It costs 10 €."}, nil, []string{"Delivery is free."}, false},
		"no fallback for what came before":         {[]string{"v: blah", "join"}, nil, []string{"Hello.", "How can I help?"}, false},
		"a fallback for what came after":           {[]string{"join", hello, help, "v: blah"}, nil, []string{"Sorry?"}, false},
		"the same words twice, one missing":        {[]string{"join", hello, help, "v: blah", "v: bleh", sorry}, nil, []string{"Sorry?"}, false},
		"the same words twice, both there":         {[]string{"join", hello, help, "v: blah", "v: bleh", sorry, sorry}, nil, nil, false},
		"a later one answered, not the first":      {[]string{"join", hello, help, "v: hours", "v: blah", sorry}, nil, []string{"We are here 9–17."}, false},
		"words of another playbook":                {[]string{"join", "o: Moi.", "v: hours", "o: Ma–pe."}, nil, nil, false},
		"words that cannot be read":                {[]string{"join", "?", "?", "v: hours", "?"}, nil, nil, false},
		"white space that was changed":             {[]string{"join", "o:  Hello. ", help}, nil, nil, false},
		"a colleague has answered":                 {[]string{"join", hello, help, "v: hours", "h: Nine to five"}, nil, nil, false},
		"a colleague before the join":              {[]string{"v: hours", "h: wait", "v: price", "join", hello, help}, nil, []string{"It costs 10 €.", "Delivery is free."}, false},
		"the bot has left":                         {[]string{"join", hello, help, "leave", "v: hours"}, nil, []string{"We are here 9–17."}, true},
		"handled, though the record has no answer": {[]string{"join", hello, help, "v: hours"}, []string{"3"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, id := range c.seen {
				seen[id] = true
			}
			got := result(load(t), record(c.script...), nil, seen)
			if !slices.Equal(got.Says, c.says) || got.Left != c.left {
				t.Errorf("left to say %q (left: %t), want %q (left: %t)", got.Says, got.Left, c.says, c.left)
			}
		})
	}
}

// live is a bot that works through a chat. Replay must find its state again.
type live struct {
	book    *playbook.Playbook
	lines   []replay.Line
	state   playbook.State
	greeted time.Time
	queue   []int    // visitor's lines that wait, as indexes
	rest    []string // what is left to say of the answer at hand
	handled map[string]bool
	current string
	saidID  string
	saidAt  time.Time
}

func (v *live) add(kind replay.Kind, text string) replay.Line {
	l := replay.Line{ID: strconv.Itoa(len(v.lines)), At: begin.Add(time.Duration(len(v.lines)) * time.Second), Kind: kind, Text: text}
	v.lines = append(v.lines, l)
	return l
}

func (v *live) plan(in playbook.Input) {
	p := v.book.Next(v.state, in)
	v.state = p.State
	v.rest = nil
	for _, a := range p.Actions {
		if say, ok := a.(playbook.Say); ok {
			v.rest = append(v.rest, say.Text)
		}
	}
}

// step does the next thing that the bot would do; false if there is nothing.
func (v *live) step() bool {
	if len(v.rest) > 0 {
		l := v.add(replay.Own, v.rest[0])
		if v.greeted.IsZero() {
			v.greeted = l.At
		}
		v.rest = v.rest[1:]
		v.saidID, v.saidAt = l.ID, l.At
		return true
	}
	if v.current != "" {
		v.handled[v.current] = true
		v.current = ""
	}
	if len(v.queue) == 0 {
		return false
	}
	l := v.lines[v.queue[0]]
	v.queue = v.queue[1:]
	in := about
	in.Kind, in.ID, in.Text, in.At, in.Early = playbook.Said, l.ID, l.Text, l.At, l.At.Before(v.greeted)
	v.current = l.ID
	v.plan(in)
	return true
}

// owed is what the bot would still say.
func (v *live) owed() []string {
	w := *v
	w.handled = map[string]bool{}
	w.lines, w.queue = slices.Clone(v.lines), slices.Clone(v.queue)
	n := len(w.lines)
	for w.step() {
	}
	var out []string
	for _, l := range w.lines[n:] {
		out = append(out, l.Text)
	}
	return out
}

// A bot that is killed anywhere finds the state that it was in and what it still owes, from the record alone or with its memo.
func TestReplayFindsWhatTheBotKnew(t *testing.T) {
	t.Parallel()
	p := load(t)
	words := []string{"hours", "price", "again", "blah", "hush", "price again", "hours?"}
	rapid.Check(t, func(t *rapid.T) {
		v := &live{book: p, handled: map[string]bool{}}
		for range rapid.IntRange(0, 2).Draw(t, "before the join") {
			v.queue = append(v.queue, len(v.lines))
			v.add(replay.Said, rapid.SampledFrom(words).Draw(t, "words"))
		}
		v.add(replay.OwnJoin, "")
		in := about
		in.Kind, in.At = playbook.Joined, v.lines[len(v.lines)-1].At
		v.plan(in)
		var known *replay.Known
		checkpoint := map[string]bool{}
		for range rapid.IntRange(0, 25).Draw(t, "length") {
			if rapid.Bool().Draw(t, "the visitor's turn") {
				v.queue = append(v.queue, len(v.lines))
				v.add(replay.Said, rapid.SampledFrom(words).Draw(t, "words"))
				continue
			}
			v.step()
			if v.current == "" && len(v.rest) == 0 && !v.greeted.IsZero() && rapid.Bool().Draw(t, "memo") {
				known = &replay.Known{State: v.state, Said: replay.Mark{ID: v.saidID, At: replay.Millis(v.saidAt)}, Greeted: replay.Millis(v.greeted)}
				checkpoint = map[string]bool{}
				for id := range v.handled {
					checkpoint[id] = true
				}
			}
		}
		want := v.owed()
		check := func(how string, known *replay.Known, seen map[string]bool) {
			got := result(p, v.lines, known, seen)
			if !slices.Equal(got.Says, want) {
				t.Fatalf("%s: left to say %q, want %q; lines %s", how, got.Says, want, script(v.lines))
			}
			end := *v
			end.lines, end.queue, end.handled = slices.Clone(v.lines), slices.Clone(v.queue), map[string]bool{}
			for end.step() {
			}
			if !reflect.DeepEqual(got.State, end.state) {
				t.Fatalf("%s: state %+v, want %+v; lines %s", how, got.State, end.state, script(v.lines))
			}
		}
		check("from the lines alone", nil, nil)
		check("with the record of handled messages", nil, v.handled)
		if known != nil {
			check("with a memo", known, checkpoint)
		}
	})
}

func script(lines []replay.Line) (s string) {
	for _, l := range lines {
		s += fmt.Sprintf("\n  %s %d %s", l.ID, l.Kind, l.Text)
	}
	return s
}
