package replay_test

import (
	"reflect"
	"slices"
	"testing"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

const asideBook = `
name: aside
modes: [sidekick]
languages: [en]
rules:
  - {name: price again, when: {keywords: [price], right_after: price}, say: "As I said: 10 €."}
  - {name: price, when: {keywords: [price]}, say: [It costs 10 €., Delivery is free.]}
  - {name: hours, when: {keywords: [hours]}, say: Nine to five.}
  - {name: later, when: {keywords: [later], after: [price, hours, human, note, bikes, more bikes]}, say: Later.}
  - {name: more bikes, when: {keywords: [many], after: bikes}, say: We have bikes.}
  - {name: bikes, when: {keywords: [bike]}, say: We have bikes.}
  - {name: note, when: {keywords: [note]}, do: [quiet]}
  - name: human
    when: {keywords: [human]}
    do: {hand_over: {team: Support, before: A moment., nobody: {say: Not there., do: {hand_over: {team: Sales, after: Sales comes., nobody: Nobody.}}}}}
`

// A sidekick's state comes from the rules whose words are in the record, because it need not have answered.
func TestAsideState(t *testing.T) {
	t.Parallel()
	facts := func(f ...string) playbook.State { return playbook.State{Facts: f} }
	for name, c := range map[string]struct {
		script []string
		event  int // index of the event's line
		state  playbook.State
		whole  bool
	}{
		"nothing before":                             {[]string{"v: hours"}, 0, playbook.State{}, true},
		"a rule that was not allowed to speak":       {[]string{"v: hours", "h: hello", "v: x"}, 2, playbook.State{}, true},
		"a rule that spoke":                          {[]string{"v: hours", "o: Nine to five.", "v: x"}, 2, facts("hours"), true},
		"it spoke later":                             {[]string{"v: hours", "v: blah", "o: Nine to five.", "v: x"}, 3, facts("hours"), true},
		"half of it":                                 {[]string{"v: price", "o: It costs 10 €.", "v: x"}, 2, playbook.State{Last: "price", Facts: []string{"price"}}, true},
		"a rule without words":                       {[]string{"v: note", "v: x"}, 1, playbook.State{Quiet: true, Facts: []string{"note"}}, true},
		"no rule":                                    {[]string{"v: blah", "v: x"}, 1, playbook.State{}, true},
		"words that fit a newer message":             {[]string{"v: hours", "v: hours", "o: Nine to five.", "v: x"}, 3, facts("hours"), true},
		"the same words for both":                    {[]string{"v: hours", "o: Nine to five.", "v: hours", "o: Nine to five.", "v: x"}, 4, facts("hours"), true},
		"other words are between":                    {[]string{"v: hours", "o: Hei.", "o: Nine to five.", "v: x"}, 3, facts("hours"), true},
		"one depends on the other":                   {[]string{"v: price", "o: It costs 10 €.", "o: Delivery is free.", "v: price", "o: As I said: 10 €.", "v: x"}, 5, playbook.State{Facts: []string{"price"}}, true},
		"words that fit a newer message, in between": {[]string{"v: hours", "v: price", "o: It costs 10 €.", "o: Delivery is free.", "v: hours", "o: Nine to five.", "v: x"}, 6, facts("price", "hours"), true},
		"words count once":                           {[]string{"v: a bike", "v: many", "o: We have bikes.", "v: x"}, 3, facts("bikes"), true},
		"unreadable words":                           {[]string{"v: hours", "?", "v: x"}, 2, facts("hours"), true},
		"a hand-over that found the team":            {[]string{"v: human", "o: A moment.", "v: x"}, 2, playbook.State{Quiet: true, Facts: []string{"human"}}, true},
		"a hand-over that found the second":          {[]string{"v: human", "o: Not there.", "o: Sales comes.", "v: x"}, 3, playbook.State{Quiet: true, Facts: []string{"human"}}, true},
		"a hand-over that found nobody":              {[]string{"v: human", "o: Not there.", "o: Nobody.", "v: x"}, 3, facts("human"), true},
		"comes late, nothing was answered then":      {[]string{"v: hours", "o: Nine to five.", "v: x", "v: price"}, 2, facts("hours"), true},
		"comes late, something was":                  {[]string{"v: hours", "o: Nine to five.", "v: x", "v: price", "o: It costs 10 €."}, 2, facts("hours"), false},
		"its own answer does not count":              {[]string{"v: hours", "o: Nine to five."}, 0, playbook.State{}, true},
		"words before its successor":                 {[]string{"v: hours", "o: Nine to five.", "v: blah"}, 0, playbook.State{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := loadBook(t, asideBook)
			lines := record(c.script...)
			l := lines[c.event]
			in := about
			in.Mode = playbook.Sidekick
			a := replay.Aside{Next: p.Next, About: in, Lines: lines, Event: chat.Event{Kind: chat.Said, ID: l.ID, At: l.At, Text: l.Text}}
			s, whole := a.State()
			s.Facts = slices.DeleteFunc(slices.Clone(s.Facts), func(f string) bool { return f == "handed_over" })
			if len(s.Facts) == 0 {
				s.Facts = nil
			}
			if !reflect.DeepEqual(s, c.state) || whole != c.whole {
				t.Errorf("state %+v (whole: %t), want %+v (%t)", s, whole, c.state, c.whole)
			}
		})
	}
}

// The event's line may be missing in the record; then its time says what was before it.
func TestAsideStateBeforeTheRecordShowsTheEvent(t *testing.T) {
	t.Parallel()
	p := loadBook(t, asideBook)
	lines := record("v: hours", "o: Nine to five.", "v: price", "o: It costs 10 €.")
	for name, c := range map[string]struct {
		at    replay.Line
		whole bool
		facts int
	}{
		"after all": {lines[3], true, 2},
		"between":   {lines[1], false, 1},
	} {
		a := replay.Aside{Next: p.Next, About: playbook.Input{Mode: playbook.Sidekick, Language: "en"}, Lines: lines,
			Event: chat.Event{Kind: chat.Said, ID: "new", At: c.at.At}}
		if s, whole := a.State(); len(s.Facts) != c.facts || whole != c.whole {
			t.Errorf("%s: %+v, whole %t", name, s, whole)
		}
	}
}

// What is before the bot's last words counts as handled for a sidekick that remembers nothing.
func TestAsideAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script []string
		event  string
		want   []string
	}{
		"no words":        {[]string{"v: a", "v: b"}, "1", nil},
		"words":           {[]string{"v: a", "o: A", "v: b", "h: c", "o: B", "v: d"}, "5", []string{"0", "2"}},
		"not the event's": {[]string{"v: a", "v: b", "o: A"}, "1", []string{"0"}},
		"only words":      {[]string{"o: A"}, "9", nil},
	} {
		a := replay.Aside{Lines: record(c.script...), Event: chat.Event{ID: c.event}}
		if got := a.Answered(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
