package playbook_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"giosgbot/playbook"
)

func seed(f *testing.F, glob string) {
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		f.Fatal(glob, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzLoad loads any data. A playbook that loads must be usable. Otherwise the error must name places in the file.
func FuzzLoad(f *testing.F) {
	seed(f, "../playbooks/*.yaml")
	data, err := os.ReadFile("testdata/problems.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, section := range strings.Split(string(data), "%%% ")[1:] {
		_, yaml, _ := strings.Cut(section, "\n")
		f.Add([]byte(yaml))
	}
	f.Add([]byte(shop))
	f.Add([]byte(handOver))
	f.Add([]byte(manyShops))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := playbook.Load("fuzz.yaml", data)
		if err != nil {
			var e *playbook.LoadError
			if !errors.As(err, &e) || len(e.Problems) == 0 {
				t.Fatalf("%v", err)
			}
			lines := strings.Count(string(data), "\n") + 1
			for _, p := range e.Problems {
				if p.Message == "" || p.Line > lines || strings.Contains(p.Message, "%!") {
					t.Fatalf("%+v", p)
				}
			}
			return
		}
		playbook.Check(p, playbook.Options{Teams: []string{"Support"}})
		for _, mode := range []playbook.Mode{playbook.Agent, playbook.Sidekick} {
			var s playbook.State
			for i, in := range []playbook.Input{
				{Kind: playbook.Joined}, {Kind: playbook.Said, Text: "open the hours, human"}, {Kind: playbook.Pressed, Value: "human", Text: "x"},
				{Kind: playbook.Outcome, Found: true}, {Kind: playbook.HumanSaid}, {Kind: playbook.Said, Text: "x"},
			} {
				in.Mode, in.At, in.Org, in.Language = mode, time.Unix(int64(i)*40_000, 0), "org-a", "fi"
				plan := p.Next(s, in)
				sound(t, plan.Actions)
				s = plan.State
			}
		}
	})
}

// FuzzMatch matches any text.
func FuzzMatch(f *testing.F) {
	f.Add("open", "Opening hours? äöÅ 营业 👍 A123456 don't e-mail", "fi")
	f.Add("käsi*", "\u0308\u200dKÄTTÄ\u00ad", "fi")
	f.Add("straße 10€", "STRASSE 10 €", "de")
	f.Add("a a b", strings.Repeat("a ", 3000), "tr")
	f.Fuzz(func(t *testing.T, keyword, text, lang string) {
		quoted := "'" + strings.ReplaceAll(keyword, "'", "''") + "'"
		p, err := playbook.Load("x.yaml", []byte("name: x\ntypos: true\nlanguages: [en, fi, sv, de, tr, ru]\nrules:\n  - {name: r, when: {keywords: {any: ["+quoted+"]}}, say: {any: '{words}!'}}\n"))
		if err != nil {
			return
		}
		in := playbook.Input{Kind: playbook.Said, Text: text, Language: lang}
		sound(t, p.Next(playbook.State{}, in).Actions)
		// A keyword matches itself in upper case, and between other words.
		for _, said := range []string{keyword, strings.ToUpper(keyword), "x " + keyword + " y"} {
			if strings.HasSuffix(keyword, "*") || len(keyword) > 500 || !strings.EqualFold(strings.ToUpper(keyword), keyword) {
				break
			}
			in.Text = said
			if p.Next(playbook.State{}, in).Rule != "r" {
				t.Fatalf("%q does not match %q", keyword, said)
			}
		}
	})
}

// FuzzTranscript reads any data as a transcript and plays it.
func FuzzTranscript(f *testing.F) {
	seed(f, "../playbooks/*.txt")
	p, err := playbook.Load("x.yaml", []byte(handOver))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := playbook.ParseTranscript("fuzz.txt", data)
		if err != nil {
			var e *playbook.LoadError
			if !errors.As(err, &e) || len(e.Problems) == 0 {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, failure := range p.RunTranscript(tr) {
			if failure.Diff == "" || failure.Line == 0 {
				t.Fatalf("%+v", failure)
			}
		}
	})
}
