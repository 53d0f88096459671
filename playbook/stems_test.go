package playbook_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"giosgbot/playbook"
)

// TestInflections matches keywords with lists of their real forms.
func TestInflections(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"fi", "en", "sv"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			file, err := os.Open("testdata/inflections." + lang + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			n := 0
			for lines := bufio.NewScanner(file); lines.Scan(); {
				line := lines.Text()
				if line == "" || line[0] == '#' {
					continue
				}
				line, not := strings.CutPrefix(line, "! ")
				keyword, forms, _ := strings.Cut(line, ":")
				p := load(t, fmt.Sprintf("name: x\nlanguages: [%s]\nrules: [{name: r, when: {keywords: [%s]}, say: yes}]\n", lang, keyword))
				for form := range strings.FieldsSeq(forms) {
					n++
					plan := p.Next(playbook.State{}, playbook.Input{Kind: playbook.Said, Text: form + "?", Mode: playbook.Agent})
					if matched := plan.Rule == "r"; matched == not {
						t.Errorf("%s and %s: matched %v", keyword, form, matched)
					}
				}
			}
			if n < 200 {
				t.Errorf("only %d forms", n)
			}
		})
	}
}
