package playbook

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// anyLanguage is the key for all languages that the same map does not name.
const anyLanguage = "any"

// word is a text and its place in the file.
type word struct {
	s  string
	at pos
}

func (w *word) read(s *source, n ast.Node) {
	w.at = at(n)
	text, ok := scalar(n)
	if !ok {
		s.fault(w.at, "", nil, "this must be a text, not %s", kind(n))
		return
	}
	if w.s = strings.TrimSpace(text); w.s == "" {
		s.fault(w.at, "", nil, "this text is empty")
	}
}

// flag is true or false, and its place in the file.
type flag struct {
	on bool
	at pos
}

func (f *flag) read(s *source, n ast.Node) {
	f.at = at(n)
	text, ok := scalar(n)
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		f.on = true
	case "false", "no", "off":
	default:
		ok = false
	}
	if !ok {
		s.fault(f.at, "", []string{"true", "false"}, "this must be true or false")
	}
}

// list is a list in which a single item need not be written as a list.
type list[T any] struct {
	items []T
	at    pos
}

func (l *list[T]) read(s *source, n ast.Node) {
	l.at = at(n)
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		var item T
		s.decode(n, &item)
		l.items = append(l.items, item)
		return
	}
	if len(seq.Values) == 0 {
		s.fault(l.at, "", nil, "this list is empty")
	}
	for i, v := range seq.Values {
		if v == nil || v.Type() == ast.NullType {
			where := l.at
			if i < len(seq.Entries) && seq.Entries[i] != nil {
				where = tokenPos(seq.Entries[i].Start)
			}
			s.fault(where, "", nil, "this list entry is empty")
			continue
		}
		var item T
		s.decode(v, &item)
		l.items = append(l.items, item)
	}
}

// named is a map from names to values, in the order of the file.
type named[T any] struct {
	items []entry[T]
	index map[string]int
}

type entry[T any] struct {
	name  word
	value T
}

func (m *named[T]) read(s *source, n ast.Node) {
	pairs, ok := s.pairs(n)
	if !ok {
		s.fault(at(n), "", nil, "this must be a map from names to values, not %s", kind(n))
		return
	}
	for _, p := range pairs {
		if strings.TrimSpace(p.key.s) == "" {
			s.fault(p.key.at, "", nil, "this name is empty")
			continue
		}
		if p.value == nil || p.value.Type() == ast.NullType {
			s.fault(p.key.at, "", nil, "%q has no value; add one, or remove the line", p.key.s)
			continue
		}
		e := entry[T]{name: p.key}
		s.decode(p.value, &e.value)
		if m.index == nil {
			m.index = map[string]int{}
		}
		m.index[e.name.s] = len(m.items)
		m.items = append(m.items, e)
	}
}

func (m *named[T]) names() []string {
	var all []string
	for _, e := range m.items {
		all = append(all, e.name.s)
	}
	return all
}

func (m *named[T]) find(name string) *T {
	if i, ok := m.index[name]; ok {
		return &m.items[i].value
	}
	return nil
}

// local is a value that depends on the language: a map from languages to values, or the value itself.
type local[T any] struct {
	plain *T
	by    []entry[T]
	at    pos
}

func (l *local[T]) read(s *source, n ast.Node) {
	l.at = at(n)
	var t T
	if !s.isLanguages(n, fieldNames(&t)) {
		s.decode(n, &t)
		l.plain = &t
		return
	}
	pairs, _ := s.pairs(n)
	for _, p := range pairs {
		if s.comma(p) || !s.knownLanguage(p.key) {
			s.spoil(l.at)
			continue
		}
		if p.value == nil || p.value.Type() == ast.NullType {
			s.fault(p.key.at, "", nil, "there is nothing for the language %q", p.key.s)
			continue
		}
		var t T
		s.decode(p.value, &t)
		l.by = append(l.by, entry[T]{p.key, t})
	}
}

// in returns the value for a language, or nil.
func (l *local[T]) in(lang string) *T {
	if l.plain != nil {
		return l.plain
	}
	var rest *T
	for i := range l.by {
		switch l.by[i].name.s {
		case lang:
			return &l.by[i].value
		case anyLanguage:
			rest = &l.by[i].value
		}
	}
	return rest
}

// need adds an error if a language is missing. what names the value in the message.
func (l *local[T]) need(s *source, langs []string, what string) {
	if l.plain != nil {
		if len(langs) > 1 {
			s.fault(l.at, "", nil, "%s needs one version for each language; write {%s}, or {any: …} if it is the same in all languages",
				what, strings.Join(langs, ": …, ")+": …")
		}
		return
	}
	var missing []string
	for _, lang := range langs {
		if l.in(lang) == nil {
			missing = append(missing, lang)
		}
	}
	if len(missing) > 0 && l.at.line > 0 {
		s.lack(l.at, nil, "%s has no translation for %s", what, strings.Join(missing, ", "))
	}
}

var languageCode = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$`)

// isLanguages reports whether a node is a map from languages, and not a map with some of the keys.
func (s *source) isLanguages(n ast.Node, keys []string) bool {
	pairs, ok := s.keysOf(n)
	if !ok || len(pairs) == 0 {
		return false
	}
	looks := 0
	for _, key := range pairs {
		if key == anyLanguage || slices.Contains(s.langs, key) {
			return true
		}
		if slices.Contains(keys, key) {
			return false
		}
		if languageCode.MatchString(key) && nearest(key, keys) == "" {
			looks++
		}
	}
	return looks > 0 || len(keys) == 0
}

// keysOf returns the keys of a map. It adds no problems.
func (s *source) keysOf(n ast.Node) ([]string, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		keys := make([]string, len(n.Values))
		for i, v := range n.Values {
			keys[i] = keyText(v.Key)
		}
		return keys, true
	case *ast.MappingValueNode:
		return []string{keyText(n.Key)}, true
	}
	return nil, false
}

func (s *source) knownLanguage(key word) bool {
	if key.s == anyLanguage || slices.Contains(s.langs, key.s) {
		return true
	}
	s.fault(key.at, key.s, append(slices.Clone(s.langs), anyLanguage), "%q is not one of the playbook's languages", key.s)
	return false
}

// fieldNames returns the keys that a type can have when it is written as a map.
func fieldNames(t any) []string {
	if k, ok := t.(interface{ keys() []string }); ok {
		return k.keys()
	}
	if v := reflect.TypeOf(t).Elem(); v.Kind() == reflect.Struct {
		return fieldsOf(v).names
	}
	return nil
}
