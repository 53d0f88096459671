package playbook_test

import (
	"errors"
	"strings"
	"testing"

	"giosgbot/playbook"
)

func transcript(t testing.TB, text string) *playbook.Transcript {
	t.Helper()
	tr, err := playbook.ParseTranscript("shop.txt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTranscriptDiffers(t *testing.T) {
	t.Parallel()
	p := load(t, `
name: x
languages: [en, fi]
greeting: {say: {text: {en: Hi!, fi: Hei!}, buttons: [{text: {en: Hours, fi: Ajat}, value: h}]}}
rules:
  - {name: hours, when: {keywords: {en: [hours], fi: [ajat]}}, say: [{any: Nine to five.}, {any: Welcome!}]}
fallback: {say: {any: Sorry.}}
`)
	for name, test := range map[string]struct{ text, want string }{
		"as it is":        {"bot: Hi!\n  [Hours]\nvisitor presses h\nbot: Nine to five.\nbot: Welcome!\n", ""},
		"buttons unsaid":  {"bot: Hi!\n", ""},
		"white space":     {"bot:   Hi!  \n", ""},
		"other words":     {"chat: a\nbot: Hello!\n", "shop.txt:1: in the chat \"a\":\n    (the chat begins)\n  - bot: Hello!\n  + bot: Hi!\n  +   [Hours]\n  because of greeting: the bot has joined the chat"},
		"one is missing":  {"bot: Hi!\nvisitor: hours?\nbot: Nine to five.\n", "shop.txt:2: in the chat \"chat\":\n    visitor: hours?\n    bot: Nine to five.\n  + bot: Welcome!\n  because of hours: the keyword \"hours\" matches"},
		"not silent":      {"bot: Hi!\nvisitor: x\nsilence\n", "shop.txt:2: in the chat \"chat\":\n    visitor: x\n  + bot: Sorry.\n  not hours: no keyword matches\n  because of fallback: no rule matches"},
		"not spoken":      {"bot: Hi!\nhuman: hello\nbot: Hello!\n", "shop.txt:2: in the chat \"chat\":\n    human: hello\n  - bot: Hello!\n  + silence\n  a human wrote, so the bot is quiet from now on"},
		"other buttons":   {"bot: Hi!\n [Hour]\n", "shop.txt:1: in the chat \"chat\":\n    (the chat begins)\n  - bot: Hi!\n  -   [Hour]\n  + bot: Hi!\n  +   [Hours]\n  because of greeting: the bot has joined the chat"},
		"no such button":  {"bot: Hi!\nvisitor presses x\nsilence", "shop.txt:2: in the chat \"chat\":\n    visitor presses x\n  no such button was shown"},
		"another setting": {"room fi\nbot: Hei!\nvisitor presses Ajat\nbot: Nine to five.\nbot: Welcome!\nroom en\nvisitor: ajat\nbot: Sorry.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []string
			for _, f := range p.RunTranscript(transcript(t, test.text)) {
				all = append(all, f.String())
			}
			if got := strings.Join(all, "\n"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestTranscriptProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "the file has no conversation",
		"bot Hi":                      "1:1: unknown kind of line",
		"bto: Hi":                     `did you mean "bot:"`,
		"  bot: Hi":                   "1:1: this line is indented, but there is no line before it",
		"visitor: x":                  "this chat expects nothing from the bot",
		"bot: x\nmode boss":           `2:6: "boss" is not a mode`,
		"bot: x\ntime noon":           `2:6: "noon" is not a time`,
		"bot: x\nteam Support":        "2:6: write either team NAME is in",
		"silence please":              `"silence" does not take a text`,
		"bot:":                        `there must be a text after "bot:"`,
		"bot: a\nchat: b\nvisitor: c": "2:1: this chat expects nothing",
		"bot: \xff":                   "this is not UTF-8",
	} {
		_, err := playbook.ParseTranscript("shop.txt", []byte(text))
		var e *playbook.LoadError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTrial(t *testing.T) {
	t.Parallel()
	trial := &playbook.Trial{Playbook: playbook.Default(), Reasons: true}
	trial.Says("open?")
	turn := trial.Joins()
	if got := strings.Join(turn.Lines, "\n"); got != "bot: Hi! How can I help?\nbot: We are here Mon–Fri 9–17." {
		t.Errorf("said %q", got)
	}
	if len(turn.Plans) != 2 || len(turn.Plans[1].Why) == 0 || !trial.State().Greeted {
		t.Errorf("%+v", turn.Plans)
	}
	if _, ok := trial.Presses("x"); ok {
		t.Error("pressed a button that was not shown")
	}
}
