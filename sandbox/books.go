package sandbox

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"giosgbot/app"
	"giosgbot/playbook"
	"giosgbot/playbooks"
)

//go:embed tour.yaml
var tour string

// example is a playbook to choose.
type example struct {
	ID   string `json:"id"` // the file's name
	Note string `json:"note"`
	Text string `json:"text"`
}

// books has the playbooks to choose from and the active one.
type books struct {
	all []example

	mu     sync.Mutex // guards what follows, which describes the active playbook
	id     string
	text   string
	edited bool
	book   *playbook.Playbook
}

// examples returns the playbooks to choose from. The file comes first, if there is one.
func examples(file string) ([]example, error) {
	all := []example{newExample("tour.yaml", tour)}
	err := fs.WalkDir(playbooks.FS, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".yaml") {
			return err
		}
		b, err := playbooks.FS.ReadFile(name)
		if err == nil {
			all = append(all, newExample(name, string(b)))
		}
		return err
	})
	if err != nil || file == "" {
		return all, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(file)
	if slices.ContainsFunc(all, func(e example) bool { return e.ID == name }) {
		name = "your " + name
	}
	return slices.Insert(all, 0, newExample(name, string(b))), nil
}

// newExample returns an example whose note is the comment at the top of the text.
func newExample(id, text string) example {
	var note []string
	for line := range strings.Lines(text) {
		rest, comment := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !comment {
			break
		}
		if rest = strings.TrimSpace(rest); !strings.HasPrefix(rest, "yaml-language-server") {
			note = append(note, rest)
		}
	}
	return example{id, strings.Join(note, " "), text}
}

func load(id, text string) (*playbook.Playbook, error) { return playbook.Load(id, []byte(text)) }

func (b *books) set(id, text string, edited bool, book *playbook.Playbook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.id, b.text, b.edited, b.book = id, text, edited, book
}

func (b *books) current() *playbook.Playbook {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book
}

func (b *books) webhooks() []app.Webhook { return app.Webhooks(b.current()) }

func (b *books) find(id string) (example, bool) {
	i := slices.IndexFunc(b.all, func(e example) bool { return e.ID == id })
	if i < 0 {
		return example{}, false
	}
	return b.all[i], true
}

// bookView is the active playbook, as the page gets it.
type bookView struct {
	ID        string        `json:"id"`
	Text      string        `json:"text"`
	Edited    bool          `json:"edited"`
	Name      string        `json:"name"`
	Modes     []string      `json:"modes"`
	Languages []string      `json:"languages"`
	Webhooks  []webhookView `json:"webhooks"`
	Problems  []problemView `json:"problems"` // warnings
}

type webhookView struct {
	Path    string `json:"path"`
	Channel string `json:"channel"`
}

// problemView is a playbook.Problem.
type problemView struct {
	Line       int      `json:"line"`
	Column     int      `json:"column"`
	Severity   string   `json:"severity"`
	Message    string   `json:"message"`
	DidYouMean string   `json:"did_you_mean,omitempty"`
	Allowed    []string `json:"allowed,omitempty"`
	Excerpt    string   `json:"excerpt,omitempty"`
}

func (b *books) view() bookView {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := describe(b.book)
	v.ID, v.Text, v.Edited = b.id, b.text, b.edited
	return v
}

// describe returns a view without the text.
func describe(p *playbook.Playbook) bookView {
	v := bookView{Name: p.Name(), Languages: p.Languages(), Modes: []string{}, Webhooks: []webhookView{}}
	for _, m := range []playbook.Mode{playbook.Agent, playbook.Greeter, playbook.Sidekick} {
		if p.Has(m) {
			v.Modes = append(v.Modes, string(m))
		}
	}
	for _, w := range app.Webhooks(p) {
		v.Webhooks = append(v.Webhooks, webhookView{w.Path, w.Channel})
	}
	v.Problems = problemViews(playbook.Check(p, playbook.Options{}))
	return v
}

func problemViews(list []playbook.Problem) []problemView {
	out := []problemView{}
	for _, p := range list {
		out = append(out, problemView{p.Line, p.Column, string(p.Severity), p.Message, p.DidYouMean, p.Allowed, p.Excerpt})
	}
	return out
}

// problemsOf returns the problems of a playbook that does not load.
func problemsOf(err error) []problemView {
	if bad, ok := errors.AsType[*playbook.LoadError](err); ok {
		return problemViews(bad.Problems)
	}
	return []problemView{{Severity: string(playbook.Error), Message: err.Error()}}
}
