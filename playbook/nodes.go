package playbook

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// at returns the place where a node begins. For a map, it is the first key and not the colon after it.
func at(n ast.Node) pos {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return at(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return at(n.Key)
	case nil:
		return pos{}
	}
	return tokenPos(n.GetToken())
}

// pair is an entry of a map.
type pair struct {
	key   word
	value ast.Node
}

// pairs returns the entries of a map. Of equal keys it returns the first and adds an error. If n is not a map, ok is false.
func (s *source) pairs(n ast.Node) (list []pair, ok bool) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, false
	}
	seen := make(map[string]pos, len(values))
	for _, v := range values {
		key := word{s: keyText(v.Key), at: at(v.Key)}
		if first, twice := seen[key.s]; twice {
			s.fault(key.at, "", nil, "the key %q is here twice; the first one is on line %d", key.s, first.line)
			continue
		}
		seen[key.s] = key.at
		list = append(list, pair{key, v.Value})
	}
	return list, true
}

func keyText(k ast.MapKeyNode) string {
	if k == nil || k.GetToken() == nil {
		return ""
	}
	if str, ok := k.(*ast.StringNode); ok {
		return str.Value
	}
	return k.GetToken().Value
}

// kind returns a name of a node's type for messages.
func kind(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map (key: value)"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	}
	return "a text"
}

// scalar returns the text of a node. Numbers and booleans are texts, too.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		if n.Value == nil {
			return "", true
		}
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// reader is a type with its own form in YAML.
type reader interface{ read(s *source, n ast.Node) }

// decode reads a node into a pointer to a reader or to a struct with yaml tags. If the struct has a method place, decode calls it with
// the node's place.
func (s *source) decode(n ast.Node, into any) {
	if r, ok := into.(reader); ok {
		r.read(s, n)
		return
	}
	if p, ok := into.(interface{ place(pos) }); ok {
		p.place(at(n))
	}
	v := reflect.ValueOf(into).Elem()
	fields, known := s.fields[v.Type()]
	if !known {
		fields = fieldsOf(v.Type())
		if s.fields == nil {
			s.fields = map[reflect.Type]fieldSet{}
		}
		s.fields[v.Type()] = fields
	}
	list, ok := s.pairs(n)
	if !ok {
		s.fault(at(n), "", fields.names, "this must be a map (key: value), not %s", kind(n))
		return
	}
	for _, p := range list {
		i, known := fields.index[p.key.s]
		if !known && s.comma(p) {
			continue
		}
		if !known {
			s.fault(p.key.at, p.key.s, fields.names, "unknown key %q", p.key.s)
			s.spoil(at(n))
			continue
		}
		f := v.FieldByIndex(i)
		if p.value == nil || p.value.Type() == ast.NullType {
			s.fault(p.key.at, "", nil, "%q has no value; add one, or remove the line", p.key.s)
			continue
		}
		if f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
			s.decode(p.value, f.Interface())
			continue
		}
		s.decode(p.value, f.Addr().Interface())
	}
}

// comma adds an error, and returns true, if p is the result of a common mistake: inside { }, a comma in a text without quotes makes the
// rest of the text a key without a value.
func (s *source) comma(p pair) bool {
	if p.value != nil && p.value.Type() != ast.NullType || slices.Contains(s.langs, p.key.s) {
		return false
	}
	if at := p.key.at; at.line < 1 || at.line > len(s.lines) {
		return false
	}
	line := []rune(s.lines[p.key.at.line-1])
	if !strings.HasSuffix(strings.TrimRight(string(line[:max(0, min(p.key.at.column-1, len(line)))]), " "), ",") {
		return false
	}
	s.fault(p.key.at, "", nil, "inside { } a comma ends a text, so %q became a key without a value; put the whole text in quotes", p.key.s)
	return true
}

// fieldSet holds the keys of a struct, in its order.
type fieldSet struct {
	names []string
	index map[string][]int
}

func fieldsOf(t reflect.Type) fieldSet {
	f := fieldSet{index: map[string][]int{}}
	for _, field := range reflect.VisibleFields(t) {
		if name := field.Tag.Get("yaml"); name != "" {
			f.names = append(f.names, name)
			f.index[name] = field.Index
		}
	}
	return f
}
