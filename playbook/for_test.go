package playbook_test

import (
	"reflect"
	"testing"
	"time"

	"giosgbot/playbook"
)

const manyShops = `
name: base
modes: [agent]
languages: [en, fi]
opening_hours: {shop: [mon-fri 9-17]}
greeting: {say: {any: base}}
rules:
  - {name: hours, when: {keywords: {any: [hours]}, open: shop}, say: {any: open}}
  - {name: who, when: {keywords: {any: [who]}}, say: {any: base}}
  - {name: secret, when: {keywords: {any: [secret]}}, say: {any: base}}
fallback: {say: {any: sorry}}
overrides:
  - organization: org-a
    modes: [agent, sidekick]
    online: true
    greeting: {say: {any: a}}
    opening_hours: {shop: [sun 9-17]}
    rules:
      - {name: who, when: {keywords: {any: [who]}}, say: {any: a}}
      - {name: extra, when: {keywords: {any: [who are you]}}, say: {any: extra}}
    without: [secret]
    overrides:
      - {room: [Kids], greeting: {say: {any: a kids}}}
  - {room: [Kids], languages: [fi], without: [fallback], time_zone: Europe/Helsinki}
  - {organization: [org-b, ORG-C], keep_talking: true, fallback: {say: {any: b or c}}}
`

func TestOverrides(t *testing.T) {
	t.Parallel()
	p := load(t, manyShops)
	monday := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	sunday := monday.AddDate(0, 0, -1)
	for name, test := range map[string]struct {
		in   playbook.Input
		want string
	}{
		"base greeting":      {playbook.Input{Kind: playbook.Joined, Org: "x"}, "base"},
		"greeting of a":      {playbook.Input{Kind: playbook.Joined, Org: "org-a"}, "a"},
		"a's kids, by id":    {playbook.Input{Kind: playbook.Joined, Org: "ORG-A", RoomID: "kids"}, "a kids"},
		"a's kids, by name":  {playbook.Input{Kind: playbook.Joined, Org: "org-a", RoomID: "1", RoomName: "Kids"}, "a kids"},
		"a replaces":         {playbook.Input{Kind: playbook.Said, Text: "who", Org: "org-a"}, "a"},
		"a's own come first": {playbook.Input{Kind: playbook.Said, Text: "who are you", Org: "org-a"}, "extra"},
		"base keeps":         {playbook.Input{Kind: playbook.Said, Text: "who are you", Org: "org-b"}, "base"},
		"a goes without":     {playbook.Input{Kind: playbook.Said, Text: "secret", Org: "org-a"}, "sorry"},
		"base's hours":       {playbook.Input{Kind: playbook.Said, Text: "hours", At: monday}, "open"},
		"a's hours":          {playbook.Input{Kind: playbook.Said, Text: "hours", Org: "org-a", At: monday}, "sorry"},
		"a's sunday":         {playbook.Input{Kind: playbook.Said, Text: "hours", Org: "org-a", At: sunday}, "open"},
		"kids elsewhere":     {playbook.Input{Kind: playbook.Said, Text: "?", RoomName: "KIDS"}, ""},
		"c's fallback":       {playbook.Input{Kind: playbook.Said, Text: "?", Org: "org-c"}, "b or c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.in.Mode = playbook.Agent
			var want []string
			if test.want != "" {
				want = []string{test.want}
			}
			if got := texts(p.Next(playbook.State{}, test.in)); !reflect.DeepEqual(got, want) {
				t.Errorf("got %q", got)
			}
			// For gives the same result, even if the input does not name the organization and the room.
			view := p.For(test.in.Org, test.in.RoomName+test.in.RoomID)
			test.in.Org, test.in.RoomID, test.in.RoomName = "", "", ""
			if got := texts(view.Next(playbook.State{}, test.in)); name != "a's kids, by name" && !reflect.DeepEqual(got, want) {
				t.Errorf("with For: got %q", got)
			}
		})
	}
	a := p.For("org-a", "")
	if !a.Has(playbook.Sidekick) || p.Has(playbook.Sidekick) || a.Online() == nil || !*a.Online() || p.Online() != nil {
		t.Error("a's modes or online state")
	}
	if p.For("other", "room") != p {
		t.Error("another organization does not get the base")
	}
	if got := p.For("", "kids").Languages(); !reflect.DeepEqual(got, []string{"fi"}) {
		t.Errorf("kids' languages: %v", got)
	}
	if !p.NeedsRoom() {
		t.Error("NeedsRoom is false, but an override names a room")
	}
}

func TestOthersSilent(t *testing.T) {
	t.Parallel()
	p := load(t, "name: x\nothers: silent\ngreeting: {say: hi}\noverrides: [{organization: a, modes: [agent]}]\n")
	if p.For("b", "").Has(playbook.Agent) || !p.For("a", "").Has(playbook.Agent) {
		t.Error("modes")
	}
	if plan := p.Next(playbook.State{}, playbook.Input{Kind: playbook.Joined, Org: "b"}); len(plan.Actions) > 0 {
		t.Errorf("b hears %v", plan.Actions)
	}
	if plan := p.Next(playbook.State{}, playbook.Input{Kind: playbook.Said, Text: "x", Org: "b", Mode: playbook.Agent}); len(plan.Actions) > 0 {
		t.Errorf("b hears %v", plan.Actions)
	}
	if plan := p.Next(playbook.State{}, playbook.Input{Kind: playbook.Joined, Org: "a"}); len(plan.Actions) != 1 {
		t.Errorf("a hears %v", plan.Actions)
	}
	if p.NeedsRoom() {
		t.Error("NeedsRoom is true, but nothing depends on the room")
	}
}
