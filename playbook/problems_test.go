package playbook_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"giosgbot/playbook"
)

// TestProblems compares the problems of wrong playbooks with a golden file, which a person has read.
func TestProblems(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/problems.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, section := range strings.Split(string(data), "%%% ")[1:] {
		name, yaml, _ := strings.Cut(section, "\n")
		out.WriteString("%%% " + name + "\n")
		_, err := playbook.Load("shop.yaml", []byte(yaml))
		var e *playbook.LoadError
		if !errors.As(err, &e) || len(e.Problems) == 0 {
			t.Errorf("%s: the error is %v", name, err)
			continue
		}
		for _, p := range e.Problems {
			if p.File != "shop.yaml" || p.Severity != playbook.Error || p.Message == "" || (p.Line > 0) != (p.Excerpt != "") {
				t.Errorf("%s: %+v", name, p)
			}
		}
		out.WriteString(err.Error() + "\n")
	}
	const golden = "testdata/problems.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(out.String())) {
		t.Errorf("the messages have changed; look at them, then run go test ./playbook -run Problems -update\n%s", out.String())
	}
}

// TestBombs loads files that are made to need much time or memory.
func TestBombs(t *testing.T) {
	t.Parallel()
	aliases := "name: x\na0: &a0 [x]\n"
	for i := range 30 {
		aliases += "a" + string(rune('b'+i)) + ": &b [*a0, *a0, *a0]\n"
	}
	indent := "name: x\n"
	for i := range 2000 {
		indent += strings.Repeat(" ", i) + "a:\n"
	}
	many := "name: x\nlanguages: [aa, bb, cc, dd, ee, ff, gg, hh, ii, jj, kk, ll, mm, nn, oo, pp]\nbuttons: {b: {text: {any: x}}}\n" +
		"greeting: {say: {text: {any: x}, buttons: [" + strings.Repeat("b, ", 100_000) + "]}}\n"
	for name, data := range map[string]string{
		"too large":      strings.Repeat("a", playbook.MaxFile+1),
		"aliases":        aliases,
		"brackets":       "name: " + strings.Repeat("[", 100_000),
		"braces":         "name: " + strings.Repeat("{a: ", 100_000),
		"dashes":         strings.Repeat("- ", 100_000) + "x",
		"question marks": strings.Repeat("? ", 100_000) + "x",
		"indentation":    indent,
		"quotes":         "name: " + strings.Repeat("\"", 500_001),
		"colons":         strings.Repeat("a: ", 100_000),
		"anchors":        strings.Repeat("&a ", 100_000),
		"comments":       strings.Repeat("# x\n", 500_000),
		"one line":       "name: " + strings.Repeat("x ", 1_000_000),
		"long list":      "name: x\nlanguages: [" + strings.Repeat("en, ", 500_000) + "]\n",
		"uses":           many,
		"pattern":        `{name: x, rules: [{name: a, when: {pattern: "((\\pL{100}){10}){1}(\\pL{1000})(\\pL{1000})(\\pL{1000})"}, say: x}]}`,
		"not utf-8":      "name: \xff",
		"zero":           "name: \x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := playbook.Load("bomb.yaml", []byte(data)); err == nil {
				t.Error("loaded")
			}
		})
	}
}
