package playbook

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// Schema returns a JSON Schema of the playbook language, for completion and help in editors. It is made from the types that Load
// reads. It accepts more than Load, which also checks names and translations. It is part of the tests so that programs do not link the
// schema library.
func Schema() []byte {
	g := &schemaMaker{defs: jsonschema.Definitions{}}
	s := g.object(reflect.TypeFor[spec]())
	s.Version = jsonschema.Version
	s.Title = "Playbook"
	s.Description = "What a chat bot says and does."
	s.Required = []string{"name"}
	s.Definitions = g.defs
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // a test calls this
	}
	return append(out, '\n')
}

// schematic is a type that makes its own schema.
type schematic interface {
	schema(g *schemaMaker) *jsonschema.Schema
}

type schemaMaker struct{ defs jsonschema.Definitions }

// of returns the schema of a type that Load reads. Named types become definitions, because they may contain themselves.
func (g *schemaMaker) of(t reflect.Type) *jsonschema.Schema {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	special, isSpecial := reflect.New(t).Interface().(schematic)
	if strings.Contains(t.Name(), "[") { // an instance of a generic type does not become a definition
		return special.schema(g)
	}
	name := strings.TrimSuffix(strings.TrimSuffix(t.Name(), "Spec"), "Use")
	if strings.HasSuffix(t.Name(), "Use") {
		name += "_use"
	}
	if _, done := g.defs[name]; !done {
		g.defs[name] = &jsonschema.Schema{} // stops the recursion
		if isSpecial {
			*g.defs[name] = *special.schema(g)
		} else {
			*g.defs[name] = *g.object(t)
		}
	}
	return &jsonschema.Schema{Ref: "#/$defs/" + name}
}

// object returns the schema of a map with the keys of a struct.
func (g *schemaMaker) object(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, f := range reflect.VisibleFields(t) {
		key := f.Tag.Get("yaml")
		if key == "" {
			continue
		}
		of := g.of(f.Type)
		if names := enums[key]; names != nil {
			of = enum(names)
			if f.Type == reflect.TypeFor[list[word]]() {
				of = oneOrMore(of)
			}
		}
		// Editors ignore a description next to a reference, unless the reference is wrapped.
		if of.Ref != "" {
			of = &jsonschema.Schema{AllOf: []*jsonschema.Schema{of}}
		}
		of.Description = f.Tag.Get("doc")
		s.Properties.Set(key, of)
	}
	return s
}

// enums are the keys with a fixed list of allowed values.
var enums = map[string][]string{
	"modes": modeNames, "mode": modeNames, "others": othersNames, "type": buttonTypes, "style": styles, "link_target": linkTargets,
	"attachment_template": templates,
}

func enum(names []string) *jsonschema.Schema {
	s := &jsonschema.Schema{}
	for _, n := range names {
		s.Enum = append(s.Enum, n)
	}
	return s
}

func either(of ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: of} }

func oneOrMore(of *jsonschema.Schema) *jsonschema.Schema {
	least := uint64(1)
	return either(of, &jsonschema.Schema{Type: "array", Items: of, MinItems: &least})
}

// byLanguage returns the schema of a map from languages.
func byLanguage(of *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", PatternProperties: map[string]*jsonschema.Schema{languageCode.String(): of},
		AdditionalProperties: jsonschema.FalseSchema}
}

func (word) schema(*schemaMaker) *jsonschema.Schema {
	return either(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"})
}

func (flag) schema(*schemaMaker) *jsonschema.Schema { return &jsonschema.Schema{Type: "boolean"} }

func (list[T]) schema(g *schemaMaker) *jsonschema.Schema {
	return oneOrMore(g.of(reflect.TypeFor[T]()))
}

func (named[T]) schema(g *schemaMaker) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: g.of(reflect.TypeFor[T]())}
}

func (local[T]) schema(g *schemaMaker) *jsonschema.Schema {
	of := g.of(reflect.TypeFor[T]())
	return either(of, byLanguage(of))
}

func (saySpec) schema(g *schemaMaker) *jsonschema.Schema {
	say := &jsonschema.Schema{Ref: "#/$defs/say"}
	return either(g.of(reflect.TypeFor[word]()), g.of(reflect.TypeFor[messageSpec]()), byLanguage(say),
		&jsonschema.Schema{Type: "array", Items: say})
}

func (stepSpec) schema(g *schemaMaker) *jsonschema.Schema {
	return either(g.of(reflect.TypeFor[saySpec]()), g.object(reflect.TypeFor[stepSpec]()))
}

func (doSpec) schema(g *schemaMaker) *jsonschema.Schema {
	handOver := g.of(reflect.TypeFor[handOverSpec]())
	form := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
		Required: []string{"hand_over"}}
	form.Properties.Set("hand_over", either(g.of(reflect.TypeFor[local[word]]()), handOver))
	return oneOrMore(either(enum(verbs), form))
}

func (buttonSpec) schema(g *schemaMaker) *jsonschema.Schema {
	return either(g.of(reflect.TypeFor[local[word]]()), g.object(reflect.TypeFor[buttonSpec]()))
}

func (buttonUse) schema(g *schemaMaker) *jsonschema.Schema {
	return either(g.of(reflect.TypeFor[word]()), g.of(reflect.TypeFor[buttonSpec]()))
}

func (attachmentUse) schema(g *schemaMaker) *jsonschema.Schema {
	return either(g.of(reflect.TypeFor[word]()), g.of(reflect.TypeFor[attachmentSpec]()))
}
