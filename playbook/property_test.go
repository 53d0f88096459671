package playbook_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"giosgbot/playbook"
	"pgregory.net/rapid"
)

// zoo returns all example playbooks and some that use all features.
func zoo(t testing.TB) []*playbook.Playbook {
	t.Helper()
	files, err := filepath.Glob("../playbooks/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	var all []*playbook.Playbook
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, load(t, string(data)))
	}
	long := "name: long\ngreeting: {say: [hi, 'a {words}', {one_of: [x, y, z], buttons: [open]}]}\nfallback: {say: '{words} {room} {time} {good_day} ."
	for range 1500 {
		long += " word"
	}
	return append(all, load(t, shop), load(t, handOver), load(t, manyShops), load(t, long+"'}\n"))
}

func inputs() *rapid.Generator[playbook.Input] {
	return rapid.Custom(func(t *rapid.T) playbook.Input {
		return playbook.Input{
			Kind: rapid.SampledFrom([]playbook.Kind{playbook.Joined, playbook.Said, playbook.Said, playbook.Said, playbook.Pressed, playbook.Pressed,
				playbook.HumanSaid, playbook.Outcome, "unknown"}).Draw(t, "kind"),
			ID: strconv.Itoa(rapid.IntRange(0, 1000).Draw(t, "id")),
			Text: rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "open", "human", "kiitos", "hours who are you", "A123456", "tilauksen",
				"aurora 2", "bye", "stays", "hello", "help", "return"})).Draw(t, "text"),
			Value: rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "order", "return", "human", "request_human", "feedback_good", "Good",
				"helped", "looking", "https://www.giosg.com/contact"})).Draw(t, "value"),
			At:       time.Unix(rapid.Int64Range(-1e10, 1e10).Draw(t, "at"), 0),
			Mode:     rapid.SampledFrom([]playbook.Mode{playbook.Agent, playbook.Greeter, playbook.Sidekick, ""}).Draw(t, "mode"),
			Org:      rapid.SampledFrom([]string{"", "org-a", "org-b", "x"}).Draw(t, "org"),
			RoomName: rapid.SampledFrom([]string{"", "Kids", "x"}).Draw(t, "room"),
			Language: rapid.SampledFrom([]string{"", "fi", "en-US", "sv_FI", "xx", "-"}).Draw(t, "language"),
			Early:    rapid.Bool().Draw(t, "early"),
			Found:    rapid.Bool().Draw(t, "found"),
		}
	})
}

func TestPlansAreSound(t *testing.T) {
	t.Parallel()
	books := zoo(t)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(books).Draw(t, "playbook")
		var s playbook.State
		for _, in := range rapid.SliceOf(inputs()).Draw(t, "inputs") {
			before, _ := json.Marshal(s)
			plan := p.Next(s, in)
			if again := p.Next(s, in); !reflect.DeepEqual(again, plan) {
				t.Fatalf("two plans: %+v and %+v", plan, again)
			}
			explained := p.Explain(s, in)
			explained.Why = nil
			if !reflect.DeepEqual(explained, plan) {
				t.Fatalf("explained, it is another plan: %+v and %+v", plan, explained)
			}
			if in.Mode == playbook.Sidekick && (in.Kind == playbook.Said || in.Kind == playbook.Pressed) && len(plan.Actions) > 0 && !p.MaySpeak(in) {
				t.Fatalf("a rule speaks that may not: %+v", plan)
			}
			if after, _ := json.Marshal(s); string(after) != string(before) {
				t.Fatalf("the state was changed: %s to %s", before, after)
			}
			sound(t, plan.Actions)
			if s.Gone && in.Kind != playbook.Joined && len(plan.Actions) > 0 {
				t.Fatalf("gone, but %+v", plan.Actions)
			}
			if in.Mode == playbook.Sidekick && (plan.Rule == "greeting" || plan.Rule == "fallback") {
				t.Fatalf("a sidekick's %s", plan.Rule)
			}
			data, err := json.Marshal(plan.State)
			if err != nil || len(data) > 400 {
				t.Fatalf("the state has %d bytes, %v", len(data), err)
			}
			var through playbook.State
			if err := json.Unmarshal(data, &through); err != nil || !reflect.DeepEqual(through, plan.State) {
				t.Fatalf("through JSON %+v became %+v, %v", plan.State, through, err)
			}
			s = plan.State
		}
	})
}

// TestReplayGivesTheSameState compares a chat whose state is stored after each step with a replay of it.
func TestReplayGivesTheSameState(t *testing.T) {
	t.Parallel()
	books := zoo(t)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(books).Draw(t, "playbook")
		list := rapid.SliceOf(inputs()).Draw(t, "inputs")
		var stored playbook.State
		for _, in := range list {
			data, _ := json.Marshal(p.Next(stored, in).State)
			stored = playbook.State{}
			if err := json.Unmarshal(data, &stored); err != nil {
				t.Fatal(err)
			}
		}
		var replayed playbook.State
		for _, in := range list {
			replayed = p.For(in.Org, in.RoomName).Next(replayed, in).State
		}
		if !reflect.DeepEqual(stored, replayed) {
			t.Fatalf("step by step %+v, replayed %+v", stored, replayed)
		}
	})
}

type fataler interface{ Fatalf(string, ...any) }

func sound(t fataler, actions []playbook.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case playbook.Say:
			if n := utf8.RuneCountInString(a.Text); n == 0 || n > playbook.MaxText || !utf8.ValidString(a.Text) {
				t.Fatalf("a text of %d characters: %q", n, a.Text)
			}
			for _, att := range a.Attachments {
				for _, b := range att.Actions {
					if b.Text == "" || b.Value == "" || b.Type == "" {
						t.Fatalf("a button lacks something: %+v", b)
					}
				}
			}
		case playbook.HandOver:
			if a.Team == "" {
				t.Fatalf("no team: %+v", a)
			}
			sound(t, a.Before)
			sound(t, a.After)
			sound(t, a.Nobody)
		}
	}
}
