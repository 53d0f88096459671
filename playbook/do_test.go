package playbook_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"giosgbot/playbook"
)

const handOver = `
name: x
rules:
  - name: human
    when: {keywords: [human], button: request_human}
    do:
      hand_over:
        team: Support
        before: A moment.
        after: [Invited., {text: How was it?, buttons: [Good]}]
        nobody:
          say: Not there.
          do: {hand_over: {team: Sales, humans: false, after: Sales it is., nobody: {say: Nobody., do: leave}}}
  - {name: stays, when: {keywords: [stays]}, do: {hand_over: {team: Support, keep_talking: true, after: {say: Coming., do: [leave]}}}}
  - {name: good, when: {button: Good, while_quiet: true}, say: Thanks!, do: [online, leave]}
  - {name: later, when: {keywords: [hello], after: handed_over, while_quiet: true}, say: They are coming.}
  - {name: bye, when: {keywords: [bye]}, do: end}
  - {name: hush, when: {keywords: [hush]}, do: [quiet, offline]}
fallback: {say: Sorry., when: {not_after: human}}
`

func TestHandOver(t *testing.T) {
	t.Parallel()
	p := load(t, handOver)
	plan := p.Next(playbook.State{}, playbook.Input{Kind: playbook.Said, Text: "a human!"})
	say := func(s string) playbook.Action { return playbook.Say{Text: s} }
	want := []playbook.Action{playbook.HandOver{Team: "Support", Humans: true,
		Before: []playbook.Action{say("A moment.")},
		After: []playbook.Action{say("Invited."), playbook.Say{Text: "How was it?", Attachments: []playbook.Attachment{{Actions: []playbook.Button{
			{Text: "Good", Type: "button", Value: "Good", DisabledOnSelection: true}}}}}},
		Nobody: []playbook.Action{say("Not there."), playbook.HandOver{Team: "Sales",
			After: []playbook.Action{say("Sales it is.")}, Nobody: []playbook.Action{say("Nobody."), playbook.Leave{}}}},
	}}
	if !reflect.DeepEqual(plan.Actions, want) {
		t.Errorf("got  %+v\nwant %+v", plan.Actions, want)
	}
	outcome := func(s playbook.State, found bool) playbook.State {
		plan := p.Next(s, playbook.Input{Kind: playbook.Outcome, Found: found})
		if len(plan.Actions) != 0 {
			t.Errorf("an outcome made %v", plan.Actions)
		}
		return plan.State
	}
	if s := outcome(plan.State, true); !reflect.DeepEqual(s, playbook.State{Quiet: true, Facts: []string{"human", "handed_over"}}) {
		t.Errorf("found: %+v", s)
	}
	first := outcome(plan.State, false)
	if first.Quiet || first.Asked == "" {
		t.Errorf("the first team was not there: %+v", first)
	}
	if s := outcome(first, true); !s.Quiet || s.Gone || s.Asked != "" {
		t.Errorf("the second team was there: %+v", s)
	}
	if s := outcome(first, false); s.Quiet || !s.Gone || s.Asked != "" {
		t.Errorf("nobody was there: %+v", s)
	}
	stays := p.Next(playbook.State{}, playbook.Input{Kind: playbook.Said, Text: "stays"}).State
	if stays.Gone {
		t.Error("left before the outcome")
	}
	if s := outcome(stays, true); s.Quiet || !s.Gone {
		t.Errorf("stays: %+v", s)
	}
	if s := outcome(playbook.State{Asked: "a rule of yesterday"}, true); !s.Quiet || s.Asked != "" {
		t.Errorf("the rule does not exist: %+v", s)
	}
	if s := outcome(playbook.State{}, true); !s.Quiet {
		t.Errorf("nothing was asked: %+v", s)
	}
}

// TestLife follows a chat from its beginning to its end, with the state after each step, also through JSON.
func TestLife(t *testing.T) {
	t.Parallel()
	p := load(t, handOver)
	var s playbook.State
	for i, step := range []struct {
		in   playbook.Input
		rule string
		want playbook.State
	}{
		{playbook.Input{Kind: playbook.Joined}, "", playbook.State{Greeted: true}},
		{playbook.Input{Kind: playbook.Said, Text: "hello"}, "fallback", playbook.State{Greeted: true}},
		{playbook.Input{Kind: playbook.HumanSaid}, "", playbook.State{Greeted: true, Quiet: true}},
		{playbook.Input{Kind: playbook.Said, Text: "human"}, "", playbook.State{Greeted: true, Quiet: true}},
		{playbook.Input{Kind: playbook.Joined}, "", playbook.State{Greeted: true}},
		{playbook.Input{Kind: playbook.Said, Text: "human"}, "human", playbook.State{Greeted: true, Asked: "human", Facts: []string{"human"}}},
		{playbook.Input{Kind: playbook.Outcome, Found: true}, "", playbook.State{Greeted: true, Quiet: true, Facts: []string{"human", "handed_over"}}},
		{playbook.Input{Kind: playbook.Said, Text: "hm"}, "", playbook.State{Greeted: true, Quiet: true, Facts: []string{"human", "handed_over"}}},
		{playbook.Input{Kind: playbook.Said, Text: "hello"}, "later", playbook.State{Greeted: true, Quiet: true, Facts: []string{"human", "handed_over"}}},
		{playbook.Input{Kind: playbook.Pressed, Value: "Good"}, "good", playbook.State{Greeted: true, Quiet: true, Gone: true, Facts: []string{"human", "handed_over"}}},
		{playbook.Input{Kind: playbook.Pressed, Value: "Good"}, "", playbook.State{Greeted: true, Quiet: true, Gone: true, Facts: []string{"human", "handed_over"}}},
	} {
		step.in.Mode = playbook.Agent
		before, _ := json.Marshal(s)
		plan := p.Next(s, step.in)
		if after, _ := json.Marshal(s); string(after) != string(before) {
			t.Fatalf("step %d changed the state it was given", i)
		}
		if plan.Rule != step.rule || !reflect.DeepEqual(plan.State, step.want) {
			t.Fatalf("step %d: rule %q, state %+v; want %q, %+v", i, plan.Rule, plan.State, step.rule, step.want)
		}
		data, err := json.Marshal(plan.State)
		if err != nil || len(data) > 200 {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		s = playbook.State{}
		if err := json.Unmarshal(data, &s); err != nil || !reflect.DeepEqual(s, plan.State) {
			t.Fatalf("through JSON: %+v, %v", s, err)
		}
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	p := load(t, handOver)
	for text, want := range map[string]struct {
		actions []playbook.Action
		state   playbook.State
	}{
		"bye":  {[]playbook.Action{playbook.End{}}, playbook.State{Gone: true}},
		"hush": {[]playbook.Action{playbook.SetOnline{}}, playbook.State{Quiet: true}},
	} {
		plan := p.Next(playbook.State{}, playbook.Input{Kind: playbook.Said, Text: text})
		if !reflect.DeepEqual(plan.Actions, want.actions) || !reflect.DeepEqual(plan.State, want.state) {
			t.Errorf("%s: %+v", text, plan)
		}
	}
}

func TestKeepTalking(t *testing.T) {
	t.Parallel()
	p := load(t, "name: x\nkeep_talking: true\nfallback: {say: hm}\n")
	if s := p.Next(playbook.State{}, playbook.Input{Kind: playbook.HumanSaid, Mode: playbook.Agent}).State; s.Quiet {
		t.Error("the bot is quiet")
	}
}
