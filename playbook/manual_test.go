package playbook_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"giosgbot/playbook"
)

// TestManual runs every example in docs/playbook.md: playbooks load without warnings, conversations pass, and mistakes give the messages
// that the manual shows.
func TestManual(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/playbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var p *playbook.Playbook
	var failures, problems string
	examples := 0
	for i, part := range strings.Split(string(data), "```") {
		if i%2 == 0 {
			continue
		}
		kind, body, _ := strings.Cut(part, "\n")
		examples++
		switch kind {
		case "yaml":
			if !strings.HasPrefix(body, "name:") {
				body = "name: manual\n" + body
			}
			p = load(t, body)
			for _, w := range playbook.Check(p, playbook.Options{}) {
				t.Error(w.Error())
			}
		case "text", "text fails":
			failures = ""
			for _, f := range p.RunTranscript(parse(t, body)) {
				failures += f.String() + "\n"
			}
			if (failures != "") != (kind == "text fails") {
				t.Errorf("%s%s", body, failures)
			}
		case "text diff":
			if body != failures {
				t.Errorf("got\n%swant\n%s", failures, body)
			}
		case "yaml wrong":
			_, err := playbook.Load("manual.yaml", []byte(body+"name: manual\n"))
			if err == nil {
				t.Error("this should be wrong:\n" + body)
			} else {
				problems = err.Error() + "\n"
			}
		case "text problems":
			if body != problems {
				t.Errorf("got\n%swant\n%s", problems, body)
			}
		default:
			t.Errorf("what is a %q block?", kind)
		}
	}
	if examples < 25 {
		t.Errorf("only %d examples were found", examples)
	}
}

func parse(t *testing.T, text string) *playbook.Transcript {
	t.Helper()
	tr, err := playbook.ParseTranscript("manual.txt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestManualIsComplete checks that the manual's reference contains every key of the schema.
func TestManualIsComplete(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/playbook.md")
	if err != nil {
		t.Fatal(err)
	}
	_, reference, _ := strings.Cut(string(data), "## Reference")
	var schema any
	if err := json.Unmarshal(playbook.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	n := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if props, ok := v["properties"].(map[string]any); ok {
				for key := range props {
					n++
					if !strings.Contains(reference, "`"+key+"`") {
						t.Errorf("the manual's reference lacks %q", key)
					}
				}
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(schema)
	if n < 60 {
		t.Errorf("only %d keys", n)
	}
}
