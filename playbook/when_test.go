package playbook_test

import (
	"strings"
	"testing"
	"time"

	"giosgbot/playbook"
)

// answers returns the rule that answers in a playbook with one rule r and a fallback.
func answers(t testing.TB, top, when string, state playbook.State, in playbook.Input) string {
	t.Helper()
	p := load(t, "name: x\n"+top+"rules:\n  - {name: r, when: {"+when+"}, say: {any: yes}}\nfallback: {say: {any: no}}\n")
	if in.Kind == "" {
		in.Kind = playbook.Said
	}
	if in.Mode == "" {
		in.Mode = playbook.Agent
	}
	return p.Next(state, in).Rule
}

func TestKeywords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		top, when, text string
		lang            string
		want            bool
	}{
		"word":              {when: "keywords: [cat]", text: "My CAT, please", want: true},
		"part of a word":    {when: "keywords: [cat]", text: "category concatenate"},
		"phrase":            {when: "keywords: [gift card]", text: "a gift-card?", want: true},
		"phrase in order":   {when: "keywords: [gift card]", text: "card gift"},
		"phrase with gap":   {when: "keywords: [gift card]", text: "gift my card"},
		"inflected phrase":  {when: "keywords: [gift card]", text: "gift cards", want: true},
		"overlap":           {when: "keywords: [a a b]", text: "a a a b", want: true},
		"exactly":           {when: "keywords: [open], inflections: false", text: "opening"},
		"exactly for all":   {top: "inflections: false\n", when: "keywords: [open]", text: "opening"},
		"again inflected":   {top: "inflections: false\n", when: "keywords: [open], inflections: true", text: "opening", want: true},
		"decomposed":        {when: "keywords: [käsi]", text: "KA\u0308SI", want: true},
		"full width":        {when: "keywords: [abc]", text: "ＡＢＣ", want: true},
		"sharp s":           {when: "keywords: [straße]", text: "STRASSE", want: true},
		"soft hyphen":       {when: "keywords: [order]", text: "or\u00adder", want: true},
		"digits":            {when: "keywords: ['404']", text: "error 404!", want: true},
		"emoji":             {when: "keywords: ['👍']", text: "ok👍👍", want: true},
		"euro":              {when: "keywords: ['10 €']", text: "only 10€?", want: true},
		"c++":               {when: "keywords: [c++]", text: "I like C++.", want: true},
		"just c":            {when: "keywords: [c++]", text: "I like C."},
		"han":               {when: "keywords: [营业时间]", text: "请问营业时间是?", want: true},
		"beginning":         {when: "keywords: [aukiolo*]", text: "Aukioloajat?", want: true},
		"beginning itself":  {when: "keywords: [aukiolo*]", text: "aukiolo", want: true},
		"not in the middle": {when: "keywords: [aukiolo*]", text: "uudetaukiolo"},
		"phrase and start":  {when: "keywords: [gift car*]", text: "gift cartoon", want: true},
		"typo swap":         {when: "keywords: [delivery], typos: true", text: "delivrey?", want: true},
		"typo missing":      {when: "keywords: [delivery], typos: true", text: "delvery", want: true},
		"typo wrong":        {when: "keywords: [delivery], typos: true", text: "deliwery", want: true},
		"typo more":         {when: "keywords: [delivery], typos: true", text: "delivverry"},
		"typo short word":   {when: "keywords: [cat], typos: true", text: "car"},
		"no typos":          {when: "keywords: [delivery]", text: "delivrey"},
		"typos for all":     {top: "typos: true\n", when: "keywords: [delivery]", text: "delivrey", want: true},
		"other language":    {top: "languages: [en, fi]\n", when: "keywords: {en: [open], fi: [auki]}", text: "auki", lang: "en"},
		"any language":      {top: "languages: [en, fi]\n", when: "keywords: {any: [aurora]}", text: "auroran", lang: "fi", want: true},
		"german":            {top: "languages: [de]\n", when: "keywords: [bestellung]", text: "Meine Bestellungen", want: true},
		"estonian":          {top: "languages: [et]\n", when: "keywords: [tellimus]", text: "tellimus", want: true},
		"pattern":           {when: "pattern: '\\b[A-Z]\\d{6}\\b'", text: "it is a123456.", want: true},
		"no pattern":        {when: "pattern: '\\b[A-Z]\\d{6}\\b'", text: "it is a1234567."},
		"case in pattern":   {when: "pattern: '(?-i:ABC)'", text: "abc"},
		"keyword or":        {when: "keywords: [x], pattern: y+", text: "yyy", want: true},
		"nothing said":      {when: "keywords: [x]", text: ""},
		"very long":         {when: "keywords: [needle]", text: strings.Repeat("hay ", 100) + "needle", want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := answers(t, test.top, test.when, playbook.State{}, playbook.Input{Text: test.text, Language: test.lang})
			if (got == "r") != test.want {
				t.Errorf("the answer came from %q", got)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	const hours = "time_zone: Europe/Helsinki\nopening_hours: {shop: [mon-fri 9-17, sat 10-14, fri 22-02, 2026-12-24 closed, 12-26..12-31 12-13, '2026-12-31 closed']}\n"
	at := func(s string) time.Time { return helsinki(t, s) }
	quiet := playbook.State{Quiet: true}
	for name, test := range map[string]struct {
		top, when string
		state     playbook.State
		in        playbook.Input
		want      bool
	}{
		"open":              {top: hours, when: "open: shop", in: playbook.Input{At: at("2026-11-20 09:00")}, want: true},
		"before":            {top: hours, when: "open: shop", in: playbook.Input{At: at("2026-11-20 08:59")}},
		"after hours":       {top: hours, when: "open: shop", in: playbook.Input{At: at("2026-11-20 17:00")}},
		"past midnight":     {top: hours, when: "open: shop", in: playbook.Input{At: at("2026-11-21 01:59")}, want: true},
		"too far past":      {top: hours, when: "open: shop", in: playbook.Input{At: at("2026-11-21 02:00")}},
		"closed":            {top: hours, when: "closed: shop", in: playbook.Input{At: at("2026-11-22 12:00")}, want: true},
		"closed, is open":   {top: hours, when: "closed: shop", in: playbook.Input{At: at("2026-11-20 12:00")}},
		"holiday":           {top: hours, when: "open: shop", in: playbook.Input{At: at("2026-12-24 12:00")}},
		"range":             {top: hours, when: "open: shop", in: playbook.Input{At: at("2027-12-27 12:30")}, want: true},
		"last line wins":    {top: hours, when: "open: shop", in: playbook.Input{At: at("2026-12-31 12:30")}},
		"mode":              {when: "mode: sidekick", in: playbook.Input{Mode: playbook.Sidekick}, want: true},
		"other mode":        {when: "mode: [sidekick, greeter]"},
		"language":          {top: "languages: [en, fi]\n", when: "language: fi", in: playbook.Input{Language: "fi-FI"}, want: true},
		"other language":    {top: "languages: [en, fi]\n", when: "language: fi"},
		"room name":         {when: "room: [Kids]", in: playbook.Input{RoomName: "kids "}, want: true},
		"room id":           {when: "room: [5e1]", in: playbook.Input{RoomID: "5E1"}, want: true},
		"other room":        {when: "room: [Kids]", in: playbook.Input{RoomID: "1", RoomName: "Men"}},
		"button":            {when: "button: a", in: playbook.Input{Kind: playbook.Pressed, Value: "a"}, want: true},
		"button's case":     {when: "button: a", in: playbook.Input{Kind: playbook.Pressed, Value: "A"}},
		"button by text":    {when: "keywords: [hours]", in: playbook.Input{Kind: playbook.Pressed, Value: "17", Text: "Opening hours"}, want: true},
		"button not said":   {when: "button: a", in: playbook.Input{Text: "a"}},
		"button of a name":  {top: "buttons: {human: {text: Human, value: request_human}}\n", when: "button: human", in: playbook.Input{Kind: playbook.Pressed, Value: "request_human"}, want: true},
		"after":             {when: "after: greeting", state: playbook.State{Facts: []string{"greeting"}}, want: true},
		"not yet":           {when: "after: greeting"},
		"not_after":         {when: "not_after: greeting", state: playbook.State{Facts: []string{"greeting"}}},
		"not_after, before": {when: "not_after: greeting", want: true},
		"right_after":       {when: "right_after: r", state: playbook.State{Last: "r"}, want: true},
		"not right after":   {when: "right_after: r"},
		"quiet":             {when: "keywords: [x]", state: quiet, in: playbook.Input{Text: "x"}},
		"while_quiet":       {when: "keywords: [x], while_quiet: true", state: quiet, in: playbook.Input{Text: "x"}, want: true},
		"gone":              {when: "keywords: [x], while_quiet: true", state: playbook.State{Gone: true}, in: playbook.Input{Text: "x"}},
		"all must hold":     {when: "keywords: [x], room: Kids", in: playbook.Input{Text: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := answers(t, test.top, test.when, test.state, test.in); (got == "r") != test.want {
				t.Errorf("the answer came from %q", got)
			}
		})
	}
}

// helsinki parses a time in Helsinki.
func helsinki(t *testing.T, s string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func TestFirstRuleWins(t *testing.T) {
	t.Parallel()
	p := load(t, `
name: x
rules:
  - {name: never, when: {keywords: [zebra]}, say: a}
  - {name: pattern, when: {pattern: 'b+'}, say: a}
  - {name: guard, when: {room: Kids}, say: a}
  - {name: keyword, when: {keywords: [bb]}, say: a}
  - {name: button, when: {button: v}, say: a}
`)
	for name, in := range map[string]playbook.Input{
		"pattern": {Kind: playbook.Said, Text: "bb", RoomName: "Kids"},
		"guard":   {Kind: playbook.Said, Text: "cc", RoomName: "Kids"},
		"button":  {Kind: playbook.Pressed, Text: "bb", Value: "v", RoomName: "Kids"},
		"never":   {Kind: playbook.Said, Text: "bb zebra"},
		"":        {Kind: playbook.Said, Text: "x"},
	} {
		plan := p.Explain(playbook.State{}, in)
		if got := p.Next(playbook.State{}, in).Rule; got != name || plan.Rule != name {
			t.Errorf("%+v: %q, explained %q; want %q", in, got, plan.Rule, name)
		}
		if len(plan.Why) == 0 {
			t.Error("no reasons")
		}
	}
	why := p.Explain(playbook.State{}, playbook.Input{Kind: playbook.Said, Text: "cc", RoomName: "Men", Mode: playbook.Agent}).Why
	var all []string
	for _, r := range why {
		all = append(all, r.Rule+": "+r.Text)
	}
	want := `never: no keyword matches
pattern: no pattern matches
guard: the room is not kids
keyword: no keyword matches
button: it answers buttons only
fallback: the playbook has no fallback`
	if got := strings.Join(all, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMaySpeak(t *testing.T) {
	t.Parallel()
	p := load(t, `
name: x
modes: [agent, sidekick]
rules:
  - {name: price, when: {keywords: [price]}, say: It costs 10 €.}
  - {name: more, when: {keywords: [more], after: price}, say: It comes in blue.}
  - {name: once, when: {keywords: [hello], not_after: once}, say: Hello.}
  - {name: then, when: {pattern: '\d+', right_after: price}, say: Noted.}
  - {name: alone, when: {keywords: [alone], mode: agent}, say: Me.}
  - {name: pressed, when: {button: pick, after: price}, say: Picked.}
fallback: {say: Sorry.}
`)
	for text, want := range map[string]bool{
		"the price": true, "more": true, "hello": true, "12": true, "alone": false, "blah": false, "": false,
	} {
		in := playbook.Input{Kind: playbook.Said, Text: text, Mode: playbook.Sidekick}
		if got := p.MaySpeak(in); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	for value, want := range map[string]bool{"pick": true, "drop": false} {
		if got := p.MaySpeak(playbook.Input{Kind: playbook.Pressed, Value: value, Mode: playbook.Sidekick}); got != want {
			t.Errorf("button %q: %t", value, got)
		}
	}
}
