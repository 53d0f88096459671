package playbook

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxFile is the maximum size of a file in bytes.
	MaxFile = 4 << 20
	// maxProblems is the maximum number of problems in one list.
	maxProblems = 100
	// maxTokens is the maximum number of YAML tokens in a file. A token needs much more memory than its text.
	maxTokens = 600_000
	// maxDepth is the maximum depth of nested lists and maps. Playbooks need about ten.
	maxDepth = 40
)

// pos is a place in a file.
type pos struct{ line, column int }

// source is a file that is being read, and the problems found so far.
type source struct {
	file     string
	lines    []string
	problems []Problem
	langs    []string // the playbook's languages, once known
	noted    map[string]bool
	fields   map[reflect.Type]fieldSet
	spoiled  map[pos]bool // maps with unknown keys, which are probably misspelt
}

// fault adds an error. allowed, if not nil, lists what is allowed where the file has word.
func (s *source) fault(at pos, word string, allowed []string, format string, args ...any) {
	s.add(Error, at, word, allowed, format, args...)
}

func (s *source) add(sev Severity, at pos, word string, allowed []string, format string, args ...any) {
	if len(s.problems) > maxProblems {
		return
	}
	p := Problem{File: s.file, Severity: sev, Message: fmt.Sprintf(format, args...)}
	// Parts that are compiled once for each language have the same problem each time.
	key := fmt.Sprint(at, p.Message)
	if s.noted[key] {
		return
	}
	if s.noted == nil {
		s.noted = map[string]bool{}
	}
	s.noted[key] = true
	if at.line > 0 {
		p.Line, p.Column = at.line, max(at.column, 1)
		p.Excerpt = excerpt(s.lines, at.line, at.column)
	}
	if len(allowed) > 0 {
		p.DidYouMean = nearest(word, allowed)
		p.Allowed = shorten(allowed)
	}
	if len(s.problems) == maxProblems {
		p = Problem{File: s.file, Severity: Error, Message: "there are more problems; fix these first"}
	}
	s.problems = append(s.problems, p)
}

func (s *source) spoil(at pos) {
	if s.spoiled == nil {
		s.spoiled = map[pos]bool{}
	}
	s.spoiled[at] = true
}

// lack adds an error about something missing in a map, unless the map has unknown keys. Then a misspelt key is the likely reason.
func (s *source) lack(at pos, allowed []string, format string, args ...any) {
	if !s.spoiled[at] {
		s.fault(at, "", allowed, format, args...)
	}
}

// shorten limits the length of a list of names.
func shorten(names []string) []string {
	const most = 40
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", len(names)-most))
}

// sorted returns the problems in the order of the file.
func (s *source) sorted() []Problem {
	slices.SortStableFunc(s.problems, func(a, b Problem) int {
		switch {
		case a.Line == 0 && b.Line != 0: // problems of the whole file come last
			return 1
		case b.Line == 0 && a.Line != 0:
			return -1
		case a.Line != b.Line:
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return s.problems
}

// parse reads the YAML and returns the top node. If there are problems, it adds them and returns nil.
func (s *source) parse(data []byte) ast.Node {
	if len(data) > MaxFile {
		s.fault(pos{}, "", nil, "the file has %d bytes; the limit is %d", len(data), MaxFile)
		return nil
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	s.lines = strings.Split(text, "\n")
	if !s.plainText() {
		return nil
	}
	if !s.shallow(text) {
		return nil
	}
	tokens := lexer.Tokenize(text)
	if len(tokens) > maxTokens {
		s.fault(tokenPos(tokens[maxTokens]), "", nil, "the file is too large: up to here it has %d words and signs", maxTokens)
		return nil
	}
	if !s.simple(tokens) {
		return nil
	}
	doc, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		s.syntax(err)
		return nil
	}
	var bodies []ast.Node
	for _, d := range doc.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType && d.Body.Type() != ast.DirectiveType {
			bodies = append(bodies, d.Body)
		}
	}
	switch len(bodies) {
	case 0:
		s.fault(pos{}, "", nil, "the file is empty; a playbook needs at least a name and something to say")
		return nil
	case 1:
		return bodies[0]
	}
	s.fault(at(bodies[1]), "", nil, "a second document begins here (after ---); a playbook must be a single document")
	return nil
}

// plainText checks that the file is text in UTF-8.
func (s *source) plainText() bool {
	for i, l := range s.lines {
		column := 0
		for j, r := range l {
			column++
			if r == utf8.RuneError {
				if _, n := utf8.DecodeRuneInString(l[j:]); n == 1 {
					s.fault(pos{i + 1, column}, "", nil, "this is not UTF-8; save the file as UTF-8")
					return false
				}
			}
			if r < ' ' && r != '\t' || r == 0x7f {
				s.fault(pos{i + 1, column}, "", nil, "there is a control character (%U) here; remove it", r)
				return false
			}
		}
	}
	return true
}

// shallow checks that lists and maps are not nested too deeply. It must come before the parser, which recurses and would need too much
// memory. It also counts brackets in quotes, because no real text has dozens of open brackets.
func (s *source) shallow(text string) bool {
	depth, line := 0, 1
	var indents []int
	for i, l := range s.lines {
		rest := strings.TrimLeft(l, " ")
		if rest == "" {
			continue
		}
		indent := len(l) - len(rest)
		for len(indents) > 0 && indents[len(indents)-1] >= indent {
			indents = indents[:len(indents)-1]
		}
		indents = append(indents, indent)
		dashes := 0
		for strings.HasPrefix(rest, "- ") || strings.HasPrefix(rest, "? ") {
			dashes, rest = dashes+1, strings.TrimLeft(rest[2:], " ")
		}
		if len(indents)+dashes > maxDepth {
			s.fault(pos{i + 1, indent + 1}, "", nil, "lists and maps are nested more than %d levels deep here", maxDepth)
			return false
		}
	}
	for _, r := range text {
		switch r {
		case '\n':
			line++
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		if depth > maxDepth {
			s.fault(pos{line, 1}, "", nil, "more than %d brackets are open here", maxDepth)
			return false
		}
	}
	return true
}

// simple checks that the file uses only the parts of YAML that playbooks support.
func (s *source) simple(tokens token.Tokens) bool {
	ok := true
	for _, t := range tokens {
		what := ""
		switch t.Type {
		case token.AnchorType, token.AliasType:
			what = "anchors and aliases (& and *) are not supported; put a text that begins with & or * in quotes, and to use a button or an attachment twice, name it under buttons: or attachments:"
		case token.TagType:
			what = "tags (!) are not supported; put a text that begins with ! in quotes"
		case token.MergeKeyType:
			what = "merge keys (<<) are not supported"
		default:
			continue
		}
		s.fault(tokenPos(t), "", nil, "%s", what)
		ok = false
	}
	return ok
}

// syntax adds an error of the parser as a problem.
func (s *source) syntax(err error) {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		s.fault(pos{}, "", nil, "this is not valid YAML: %v", err)
		return
	}
	hint := ""
	switch msg := e.GetMessage(); {
	case strings.Contains(msg, "mapping value is not allowed"):
		hint = "; if a text contains a colon and a space, put it in quotes"
	case strings.Contains(msg, "tab character"), strings.Contains(msg, "cannot start any token"):
		hint = "; indent with spaces, and if a text begins with a special character, put it in quotes"
	}
	message := strings.ReplaceAll(e.GetMessage(), "character '\t'", "a tab")
	s.fault(tokenPos(e.GetToken()), "", nil, "this is not valid YAML: %s%s", message, hint)
}

func tokenPos(t *token.Token) pos {
	if t == nil || t.Position == nil {
		return pos{}
	}
	return pos{t.Position.Line, t.Position.Column}
}
