package playbook

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// saySpec is what to say: one message, a list of them, or a map from languages to either.
type saySpec struct {
	one  *messageSpec
	many []saySpec
	by   []entry[saySpec]
	at   pos
}

func (y *saySpec) given() bool { return y.at.line > 0 }

func (y *saySpec) read(s *source, n ast.Node) {
	y.at = at(n)
	if seq, ok := n.(*ast.SequenceNode); ok {
		var l list[saySpec]
		l.read(s, seq)
		y.many = l.items
		return
	}
	if _, ok := scalar(n); ok {
		var w word
		w.read(s, n)
		y.one = &messageSpec{Text: local[word]{plain: &w, at: y.at}, at: y.at}
		return
	}
	var m messageSpec
	if !s.isLanguages(n, fieldNames(&m)) {
		s.decode(n, &m)
		y.one = &m
		return
	}
	var l local[saySpec]
	l.read(s, n)
	y.by = l.by
}

func (y *saySpec) keys() []string { return fieldNames(&messageSpec{}) }

// stepSpec is what to say and do at one stage of a hand-over.
type stepSpec struct {
	Say saySpec `yaml:"say" doc:"What to say."`
	Do  doSpec  `yaml:"do" doc:"What to do after saying it."`
	at  pos
}

func (t *stepSpec) read(s *source, n ast.Node) {
	t.at = at(n)
	keys, _ := s.keysOf(n)
	if slices.Contains(keys, "say") || slices.Contains(keys, "do") {
		type plain stepSpec
		s.decode(n, (*plain)(t))
		return
	}
	t.Say.read(s, n)
}

// doSpec is a list of actions.
type doSpec struct {
	items []doItem
	at    pos
}

type doItem struct {
	verb     word
	handOver *handOverSpec
}

// verbs are the actions without a value.
var verbs = []string{"leave", "end", "ask_feedback", "quiet", "talk", "online", "offline"}

func (d *doSpec) read(s *source, n ast.Node) {
	var l list[doItem]
	l.read(s, n)
	d.items, d.at = l.items, l.at
}

func (d *doItem) read(s *source, n ast.Node) {
	d.verb.at = at(n)
	allowed := append([]string{"hand_over: …"}, verbs...)
	if text, ok := scalar(n); ok {
		d.verb.s = text
		switch {
		case text == "hand_over":
			s.fault(d.verb.at, "", nil, "hand_over needs the name of a team, for example {hand_over: Support}")
		case !slices.Contains(verbs, text):
			s.fault(d.verb.at, text, allowed, "%q is not an action", text)
		}
		return
	}
	pairs, ok := s.pairs(n)
	if !ok {
		s.fault(d.verb.at, "", allowed, "this must be an action, not %s", kind(n))
		return
	}
	for _, p := range pairs {
		if p.key.s != "hand_over" {
			s.fault(p.key.at, p.key.s, append([]string{"hand_over"}, verbs...), "%q is not an action, or does not take a value", p.key.s)
			continue
		}
		d.verb, d.handOver = p.key, &handOverSpec{}
		if p.value == nil || p.value.Type() == ast.NullType {
			s.fault(p.key.at, "", nil, "hand_over needs the name of a team")
			continue
		}
		h := d.handOver
		_, plain := scalar(p.value)
		if plain || s.isLanguages(p.value, fieldNames(h)) {
			h.Team.read(s, p.value)
			h.at = at(p.value)
			continue
		}
		s.decode(p.value, h)
	}
}

// buttonUse is a button in a message: a name, a text, or a full definition.
type buttonUse struct {
	name word
	full *buttonSpec
	at   pos
}

func (u *buttonUse) read(s *source, n ast.Node) {
	u.at = at(n)
	if _, ok := scalar(n); ok {
		u.name.read(s, n)
		return
	}
	u.full = &buttonSpec{}
	u.full.read(s, n)
}

// read accepts a text, or a map from languages to texts, as a button with that text.
func (b *buttonSpec) read(s *source, n ast.Node) {
	b.at = at(n)
	if _, plain := scalar(n); plain || s.isLanguages(n, fieldNames(b)) {
		b.Text.read(s, n)
		return
	}
	type plain buttonSpec
	s.decode(n, (*plain)(b))
}

// attachmentUse is an attachment in a message: a name or a full definition.
type attachmentUse struct {
	name word
	full *attachmentSpec
}

func (u *attachmentUse) read(s *source, n ast.Node) {
	if _, ok := scalar(n); ok {
		u.name.read(s, n)
		return
	}
	u.full = &attachmentSpec{}
	s.decode(n, u.full)
}

func (w *whenSpec) place(p pos)       { w.at = p }
func (m *messageSpec) place(p pos)    { m.at = p }
func (a *attachmentSpec) place(p pos) { a.at = p }
func (h *handOverSpec) place(p pos)   { h.at = p }
func (o *overrideSpec) place(p pos)   { o.at = p }
func (r *ruleSpec) place(p pos)       { r.at = p }
func (c *caseSpec) place(p pos)       { c.at = p }
func (f *feedbackSpec) place(p pos)   { f.at = p }
func (a *answerSpec) place(p pos)     { a.at = p }
