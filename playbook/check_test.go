package playbook_test

import (
	"fmt"
	"strings"
	"testing"

	"giosgbot/playbook"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		yaml  string
		teams []string
		want  []string // line: part of the message
	}{
		"nothing": {yaml: "rules:\n - {name: a, when: {keywords: [x]}, say: x}\n"},
		"same keyword": {yaml: "rules:\n - {name: a, when: {keywords: [x, order]}, say: x}\n - {name: b, when: {keywords: [y, orders]}, say: x}\n",
			want: []string{`4: the keyword "orders" has no effect: the rule "a" (line 3) comes first, and its keyword "order" matches the same messages`}},
		"longer phrase later": {yaml: "rules:\n - {name: a, when: {keywords: [open]}, say: x}\n - {name: b, when: {keywords: [opening hours]}, say: x}\n",
			want: []string{`4: the rule "b" never answers`, `4: the keyword "opening hours" has no effect`}},
		"longer phrase first": {yaml: "rules:\n - {name: b, when: {keywords: [opening hours]}, say: x}\n - {name: a, when: {keywords: [open]}, say: x}\n"},
		"conditions differ":   {yaml: "rules:\n - {name: a, when: {keywords: [x], room: r}, say: x}\n - {name: b, when: {keywords: [x]}, say: x}\n"},
		"everything is taken": {yaml: "rules:\n - {name: a, when: {room: r}, say: x}\n - {name: b, when: {keywords: [x], room: r}, say: x}\n",
			want: []string{`4: the rule "b" never answers: the rule "a" (line 3) comes first and answers every message`}},
		"button answered twice": {yaml: "greeting: {say: {text: hi, buttons: [x]}}\nrules:\n - {name: a, when: {button: x}, say: x}\n - {name: b, when: {button: x}, say: x}\n",
			want: []string{`5: the rule "b" never answers`, `5: the button "x" has no effect`}},
		"no such button":      {yaml: "rules:\n - {name: a, when: {button: x}, say: x}\n", want: []string{`3: no button has the value "x"`}},
		"button not answered": {yaml: "greeting: {say: {text: hi, buttons: [x]}}\n", want: []string{`2: no rule answers the button "x"`}},
		"button said":         {yaml: "greeting: {say: {text: hi, buttons: [Opening hours]}}\nrules:\n - {name: a, when: {keywords: [hours]}, say: x}\n"},
		"button of a hand-over": {yaml: "rules:\n - {name: a, when: {keywords: [x]}, do: {hand_over: {team: T, after: {text: a, buttons: [b]}, nobody: x}}}\n",
			want: []string{`3: no rule answers the button "b"`}},
		"nobody":              {yaml: "rules:\n - {name: a, when: {keywords: [x]}, do: {hand_over: Support}}\n", want: []string{`3: the bot says nothing when the team Support is not available`}},
		"unknown team":        {yaml: "rules:\n - {name: a, when: {keywords: [x]}, do: {hand_over: {team: Suport, nobody: x}}}\n", teams: []string{"Sales", "Support"}, want: []string{`3: there is no team with the name "Suport"; did you mean "Support"?`}},
		"known team":          {yaml: "rules:\n - {name: a, when: {keywords: [x]}, do: {hand_over: {team: SALES, nobody: x}}}\n", teams: []string{"Sales", "Support"}},
		"long text":           {yaml: "greeting:\n  say: " + strings.Repeat("word ", 500) + "\n", want: []string{"3: this text has 2499 characters; the bot will send it as 2 messages"}},
		"unused":              {yaml: "buttons: {a: A}\nattachments: {b: {text: B}}\nopening_hours: {c: [mon 9-17]}\n", want: []string{`2: nothing uses the button "a"`, `3: nothing uses the attachment "b"`, `4: nothing uses the opening_hours "c"`}},
		"second greeting":     {yaml: "greeting: [{say: a}, {say: b, when: {room: r}}]\n", want: []string{"2: this greeting is never used"}},
		"sidekick's fallback": {yaml: "modes: [sidekick]\nfallback: {say: a}\n", want: []string{"3: this fallback is never used: a sidekick says only what a rule says"}},
		"chatty sidekick":     {yaml: "modes: [sidekick]\nrules:\n - {name: a, when: {room: r}, say: x}\n", want: []string{"4: the rule \"a\" has no keyword, pattern or button"}},
		"mode it has not":     {yaml: "rules:\n - {name: a, when: {mode: greeter, keywords: [x]}, say: x}\n", want: []string{"3: the rule \"a\" never answers: its mode is not one of the playbook's modes (agent)"}},
		"silent greeter":      {yaml: "modes: greeter\n", want: []string{"1: a greeter without a greeting"}},
		"wide beginning":      {yaml: "rules:\n - {name: a, when: {keywords: [a*]}, say: x}\n", want: []string{`3: "a*" matches very many words`}},
		"in an override":      {yaml: "rules:\n - {name: a, when: {keywords: [x]}, say: x}\noverrides:\n - {room: r, rules: [{name: b, when: {keywords: [x]}, say: x}]}\n", want: []string{`3: the rule "a" never answers`, `3: the keyword "x" has no effect: the rule "b" (line 5) comes first and has the same keyword`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := warnings(t, "name: x\n"+test.yaml, test.teams)
			if len(got) != len(test.want) {
				t.Fatalf("got %q", got)
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got  %s\nwant %s", got[i], want)
				}
			}
		})
	}
}

// warnings returns what Check finds in a playbook, as line: message.
func warnings(t *testing.T, yaml string, teams []string) []string {
	t.Helper()
	var all []string
	for _, p := range playbook.Check(load(t, yaml), playbook.Options{Teams: teams}) {
		if p.Severity != playbook.Warning || p.File != "test.yaml" || p.Excerpt == "" {
			t.Errorf("%+v", p)
		}
		line := fmt.Sprintf("%d: %s", p.Line, p.Message)
		if p.DidYouMean != "" {
			line += fmt.Sprintf("; did you mean %q?", p.DidYouMean)
		}
		all = append(all, line)
	}
	return all
}
