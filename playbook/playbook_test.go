package playbook_test

import (
	"reflect"
	"testing"

	"giosgbot/playbook"
)

const shop = `name: shop
modes: [agent, sidekick]
languages: [en, fi]
greeting:
  say: {en: "Hi! How can I help?", fi: "Hei! Miten voin auttaa?"}
rules:
  - name: hours
    when: {keywords: {en: [opening hours, open], fi: [auki, aukiolo]}}
    say: {en: "Mon–Fri 9–17.", fi: "Ma–pe 9–17."}
fallback:
  say: {en: "Sorry, I did not get that.", fi: "Anteeksi, en ymmärtänyt."}
`

func load(t testing.TB, yaml string) *playbook.Playbook {
	t.Helper()
	p, err := playbook.Load("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// texts returns the texts of a plan's messages.
func texts(plan playbook.Plan) []string {
	var all []string
	for _, a := range plan.Actions {
		if s, ok := a.(playbook.Say); ok {
			all = append(all, s.Text)
		}
	}
	return all
}

func TestNext(t *testing.T) {
	t.Parallel()
	p := load(t, shop)
	greeted := playbook.State{Greeted: true}
	for name, test := range map[string]struct {
		state playbook.State
		in    playbook.Input
		say   string
		rule  string
		after playbook.State
	}{
		"greeting":          {in: playbook.Input{Kind: playbook.Joined}, say: "Hi! How can I help?", rule: "greeting", after: greeted},
		"greeting once":     {state: greeted, in: playbook.Input{Kind: playbook.Joined}, after: greeted},
		"finnish":           {in: playbook.Input{Kind: playbook.Joined, Language: "fi"}, say: "Hei! Miten voin auttaa?", rule: "greeting", after: greeted},
		"region":            {in: playbook.Input{Kind: playbook.Joined, Language: "fi-FI"}, say: "Hei! Miten voin auttaa?", rule: "greeting", after: greeted},
		"unknown language":  {in: playbook.Input{Kind: playbook.Joined, Language: "sv"}, say: "Hi! How can I help?", rule: "greeting", after: greeted},
		"sidekick is quiet": {in: playbook.Input{Kind: playbook.Joined, Mode: playbook.Sidekick}},
		"keyword":           {state: greeted, in: playbook.Input{Kind: playbook.Said, Text: "When are you OPEN?"}, say: "Mon–Fri 9–17.", rule: "hours", after: greeted},
		"phrase":            {state: greeted, in: playbook.Input{Kind: playbook.Said, Text: "your opening\n hours"}, say: "Mon–Fri 9–17.", rule: "hours", after: greeted},
		"whole words":       {state: greeted, in: playbook.Input{Kind: playbook.Said, Text: "reopened"}, say: "Sorry, I did not get that.", rule: "fallback", after: greeted},
		"decomposed":        {state: greeted, in: playbook.Input{Kind: playbook.Said, Text: "Onko AUKI?", Language: "fi"}, say: "Ma–pe 9–17.", rule: "hours", after: greeted},
		"early":             {state: greeted, in: playbook.Input{Kind: playbook.Said, Text: "hello", Early: true}, after: greeted},
		"early keyword":     {state: greeted, in: playbook.Input{Kind: playbook.Said, Text: "open?", Early: true}, say: "Mon–Fri 9–17.", rule: "hours", after: greeted},
		"sidekick keyword":  {in: playbook.Input{Kind: playbook.Said, Mode: playbook.Sidekick, Text: "open?"}, say: "Mon–Fri 9–17.", rule: "hours"},
		"sidekick fallback": {in: playbook.Input{Kind: playbook.Said, Mode: playbook.Sidekick, Text: "hello"}},
		"human":             {state: greeted, in: playbook.Input{Kind: playbook.HumanSaid}, after: playbook.State{Greeted: true, Quiet: true}},
		"human, sidekick":   {in: playbook.Input{Kind: playbook.HumanSaid, Mode: playbook.Sidekick}},
		"quiet":             {state: playbook.State{Quiet: true}, in: playbook.Input{Kind: playbook.Said, Text: "open?"}, after: playbook.State{Quiet: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.in.Mode == "" {
				test.in.Mode = playbook.Agent
			}
			plan := p.Next(test.state, test.in)
			var want []string
			if test.say != "" {
				want = []string{test.say}
			}
			if got := texts(plan); !reflect.DeepEqual(got, want) {
				t.Errorf("said %q, want %q", got, want)
			}
			if plan.Rule != test.rule {
				t.Errorf("rule %q, want %q", plan.Rule, test.rule)
			}
			if !reflect.DeepEqual(plan.State, test.after) {
				t.Errorf("state %+v, want %+v", plan.State, test.after)
			}
		})
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	p := load(t, shop)
	if p.Name() != "shop" || !p.Has(playbook.Agent) || p.Has(playbook.Greeter) || p.Online() != nil || !p.NeedsRoom() ||
		!reflect.DeepEqual(p.Languages(), []string{"en", "fi"}) || p.For("o", "r") != p {
		t.Errorf("got %q %v %v %v", p.Name(), p.Has(playbook.Greeter), p.NeedsRoom(), p.Languages())
	}
	if playbook.Default().Name() == "" || len(playbook.Example()) == 0 {
		t.Error("no example")
	}
}
