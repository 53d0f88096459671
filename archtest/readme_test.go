package archtest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"giosgbot/app"
	"giosgbot/config"
	"giosgbot/playbook"
)

var update = flag.Bool("update", false, "write the README's table of settings again")

const (
	tableBegin = "<!-- settings: written by go test ./archtest -update -->\n"
	tableEnd   = "<!-- settings end -->\n"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// settingsTable returns the table of settings as the README must have it.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Meaning |\n|---|---|---|\n")
	for _, s := range config.Settings() {
		def, doc := "", s.Doc
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		if s.Secret {
			doc += " `" + s.Name + "_FILE` may name a file that holds it instead."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, def, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(doc))
	}
	return b.String()
}

func TestReadmeListsTheSettings(t *testing.T) {
	text := readme(t)
	head, rest, ok := strings.Cut(text, tableBegin)
	table, tail, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("README.md has no table between the lines %q and %q", tableBegin, tableEnd)
	}
	want := settingsTable()
	if table == want {
		return
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, "README.md"), []byte(head+tableBegin+want+tableEnd+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have := map[string]bool{}
	for line := range strings.Lines(table) {
		have[line] = true
	}
	for line := range strings.Lines(want) {
		if !have[line] {
			t.Errorf("README.md lacks the line %q", line)
		}
		delete(have, line)
	}
	for line := range have {
		t.Errorf("README.md has a line that is not in config.Settings: %q", line)
	}
	t.Error("the table of settings in README.md differs from config.Settings; to write it again: go test ./archtest -update")
}

// blocks returns the code blocks of a language in a Markdown text.
func blocks(text, language string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

func manuals(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(root, f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.ToSlash(rel)] = string(b)
	}
	return out
}

func TestCommandsInTheManualsExist(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	target := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`).FindAllStringSubmatch(string(b), -1) {
		target[m[1]] = true
	}
	run := regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*go (?:run|build|test)\b.*?\./([a-z][a-z0-9/]*)`)
	found := 0
	for name, text := range manuals(t) {
		for _, block := range blocks(text, "sh") {
			for line := range strings.Lines(block) {
				line = strings.TrimSpace(line)
				if m := run.FindStringSubmatch(line); m != nil {
					found++
					if s, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil || !s.IsDir() {
						t.Errorf("%s: %q: there is no folder %s", name, line, m[1])
					}
				}
				words := strings.Fields(line)
				if len(words) == 0 || words[0] != "make" {
					continue
				}
				for _, w := range words[1:] {
					if strings.HasPrefix(w, "#") {
						break
					}
					if strings.Contains(w, "=") {
						continue
					}
					found++
					if !target[w] {
						t.Errorf("%s: %q: the Makefile has no target %s", name, line, w)
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("no commands found in the manuals")
	}
}

func TestLinksInTheManualsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for name, text := range manuals(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(filepath.FromSlash(name)), filepath.FromSlash(to))); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, to)
			}
		}
	}
}

func TestReadmePlaybooksLoad(t *testing.T) {
	found := 0
	for _, block := range blocks(readme(t), "yaml") {
		if !strings.HasPrefix(block, "name:") {
			continue
		}
		found++
		if _, err := playbook.Load("README.md", []byte(block)); err != nil {
			t.Errorf("a playbook in README.md does not load: %v", err)
		}
	}
	if found == 0 {
		t.Error("README.md shows no playbook")
	}
}

// The webhook that the README sends gets the answers that the README shows.
func TestReadmeWebhook(t *testing.T) {
	m := regexp.MustCompile(`(?s)curl [^']*'http://localhost:8080(/\S+\?secret=)(\S+)' .*?<<'JSON'\n(.*?)\nJSON\n`).FindStringSubmatch(readme(t))
	if m == nil {
		t.Fatal("README.md has no curl command that posts a webhook")
	}
	path, secret, body := m[1], m[2], m[3]
	env := map[string]string{
		"WEBHOOK_SECRET": secret, "LISTEN_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "", "SHUTDOWN_GRACE": "1s",
		"DATA_FILE": filepath.Join(t.TempDir(), "bot.db"), "GIOSG_BASE_URL": "http://127.0.0.1:1",
	}
	cfg, err := config.Load(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), cfg, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		url, body string
		want      int
	}{
		{path + secret, body, http.StatusAccepted},
		{path + secret, strings.Replace(body, `"added"`, `"removed"`, 1), http.StatusOK},
		{path + "wrong", body, http.StatusUnauthorized},
		{strings.TrimSuffix(path, "?secret="), body, http.StatusUnauthorized},
		{path + secret, "hello", http.StatusBadRequest},
		{strings.Replace(path, "messages", "pending_chats", 1) + secret, body, http.StatusBadRequest},
		{path + secret, strings.Repeat(" ", int(cfg.MaxBytes)+1), http.StatusRequestEntityTooLarge},
	} {
		res, err := http.Post(a.URL()+c.url, "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != c.want {
			t.Errorf("POST %s: %d %s, want %d", c.url, res.StatusCode, answer, c.want)
		}
		if !strings.Contains(readme(t), string(bytes.TrimSpace(answer))) {
			t.Errorf("POST %s: README.md does not show this answer: %s", c.url, answer)
		}
	}
}
