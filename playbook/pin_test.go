package playbook_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"giosgbot/playbook"
	"pgregory.net/rapid"
)

// actions generates lists of actions of every kind. Hand-overs are nested at most depth times.
func actions(depth int) *rapid.Generator[[]playbook.Action] {
	return rapid.Custom(func(t *rapid.T) []playbook.Action {
		var list []playbook.Action
		for range rapid.IntRange(0, 4).Draw(t, "length") {
			list = append(list, action(depth).Draw(t, "action"))
		}
		return list
	})
}

func action(depth int) *rapid.Generator[playbook.Action] {
	text, yes := rapid.String(), rapid.Bool()
	return rapid.Custom(func(t *rapid.T) playbook.Action {
		kinds := []string{"say", "invite", "leave", "end", "online", "hand over"}
		if depth == 0 {
			kinds = kinds[:len(kinds)-1]
		}
		switch rapid.SampledFrom(kinds).Draw(t, "kind") {
		case "say":
			return playbook.Say{Text: text.Draw(t, "text"), Attachments: attachments().Draw(t, "attachments"), Template: text.Draw(t, "template")}
		case "invite":
			return playbook.Invite{Team: text.Draw(t, "team"), Humans: yes.Draw(t, "humans")}
		case "leave":
			return playbook.Leave{}
		case "end":
			return playbook.End{}
		case "online":
			return playbook.SetOnline{Online: yes.Draw(t, "online")}
		}
		return playbook.HandOver{Team: text.Draw(t, "team"), Humans: yes.Draw(t, "humans"), Before: actions(depth-1).Draw(t, "before"),
			After: actions(depth-1).Draw(t, "after"), Nobody: actions(depth-1).Draw(t, "nobody")}
	})
}

func attachments() *rapid.Generator[[]playbook.Attachment] {
	text, yes := rapid.String(), rapid.Bool()
	return rapid.Custom(func(t *rapid.T) []playbook.Attachment {
		var list []playbook.Attachment
		for range rapid.IntRange(0, 2).Draw(t, "attachments") {
			a := playbook.Attachment{Title: text.Draw(t, "title"), TitleLinkURL: text.Draw(t, "title link"), Text: text.Draw(t, "text"),
				ImageURL: text.Draw(t, "image"), ImageLinkURL: text.Draw(t, "image link"), LinkTarget: text.Draw(t, "target")}
			for range rapid.IntRange(0, 2).Draw(t, "buttons") {
				a.Actions = append(a.Actions, playbook.Button{Text: text.Draw(t, "text"), Type: text.Draw(t, "type"), Value: text.Draw(t, "value"),
					LinkTarget: text.Draw(t, "target"), Style: text.Draw(t, "style"), DisabledOnSelection: yes.Draw(t, "selection"),
					DisabledOnVisitorMessage: yes.Draw(t, "message")})
			}
			list = append(list, a)
		}
		return list
	})
}

func TestPlanThroughJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "facts")
		if len(facts) == 0 {
			facts = nil
		}
		want := playbook.Plan{
			State: playbook.State{Greeted: rapid.Bool().Draw(t, "greeted"), Quiet: rapid.Bool().Draw(t, "quiet"), Gone: rapid.Bool().Draw(t, "gone"),
				Asked: rapid.String().Draw(t, "asked"), Tries: rapid.Int().Draw(t, "tries"), Last: rapid.String().Draw(t, "last"), Facts: facts},
			Actions: actions(3).Draw(t, "actions"),
			Rule:    rapid.String().Draw(t, "rule"),
		}
		explained := want
		explained.Why = []playbook.Reason{{Rule: "x", Text: "y"}}
		data, err := json.Marshal(explained)
		if err != nil {
			t.Fatal(err)
		}
		got := playbook.Plan{Why: explained.Why, Rule: "of before"}
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("through JSON it became %+v, was %+v:\n%s", got, want, data)
		}
	})
}

// TestPlanInJSON checks the exact encoding, because stores contain plans of other versions of the program.
func TestPlanInJSON(t *testing.T) {
	t.Parallel()
	plan := playbook.Plan{
		State: playbook.State{Greeted: true},
		Rule:  "human",
		Actions: []playbook.Action{
			playbook.Say{Text: "Hi", Attachments: []playbook.Attachment{{Title: "T"}}, Template: "external"},
			playbook.HandOver{Team: "Sales", Humans: true, Before: []playbook.Action{playbook.Say{Text: "b"}},
				After: []playbook.Action{playbook.Leave{}}, Nobody: []playbook.Action{playbook.HandOver{Team: "Night"}}},
			playbook.Invite{Team: "Sales"}, playbook.End{}, playbook.SetOnline{Online: true},
		},
	}
	const want = `{"state":{"g":true},"actions":[{"kind":"say","text":"Hi","attachments":[{"title":"T"}],"template":"external"},` +
		`{"kind":"hand_over","team":"Sales","humans":true,"before":[{"kind":"say","text":"b"}],"after":[{"kind":"leave"}],` +
		`"nobody":[{"kind":"hand_over","team":"Night"}]},{"kind":"invite","team":"Sales"},{"kind":"end"},{"kind":"set_online","online":true}],"rule":"human"}`
	data, err := json.Marshal(plan)
	if err != nil || string(data) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, data, want)
	}
	var got playbook.Plan
	if err := json.Unmarshal([]byte(want), &got); err != nil || !reflect.DeepEqual(got, plan) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBadPlans(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"unknown kind":   `{"actions":[{"kind":"dance"}]}`,
		"unknown inside": `{"actions":[{"kind":"hand_over","nobody":[{"kind":"dance"}]}]}`,
		"no kind":        `{"actions":[{"text":"hi"}]}`,
	} {
		plan := playbook.Plan{Rule: "kept"}
		if err := json.Unmarshal([]byte(data), &plan); err == nil || !strings.Contains(err.Error(), "kind of action") || plan.Rule != "kept" {
			t.Errorf("%s: %+v, %v", name, plan, err)
		}
	}
	for _, a := range []playbook.Action{nil, &playbook.Leave{}} {
		for _, list := range [][]playbook.Action{{a}, {playbook.HandOver{Before: []playbook.Action{a}}},
			{playbook.HandOver{After: []playbook.Action{a}}}, {playbook.HandOver{Nobody: []playbook.Action{a}}}} {
			if data, err := json.Marshal(playbook.Plan{Actions: list}); err == nil {
				t.Errorf("%#v was encoded as %s", list, data)
			}
		}
	}
}

func TestFound(t *testing.T) {
	t.Parallel()
	before, after := playbook.Say{Text: "A moment."}, playbook.Say{Text: "Invited."}
	h := playbook.HandOver{Team: "Sales", Humans: true, Before: []playbook.Action{before}, After: []playbook.Action{after, playbook.Leave{}},
		Nobody: []playbook.Action{playbook.End{}}}
	want := []playbook.Action{before, playbook.Invite{Team: "Sales", Humans: true}, after, playbook.Leave{}}
	if got := h.Found(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := (playbook.HandOver{Team: "Sales"}).Found(); !reflect.DeepEqual(got, []playbook.Action{playbook.Invite{Team: "Sales"}}) {
		t.Errorf("got %+v", got)
	}
}
