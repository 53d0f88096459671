package queue

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/redis/go-redis/v9"
)

// script is a Lua script that takes the fields of A as local variables of the same names, in the order of A.
type script[A any] struct {
	*redis.Script
	text string
}

// newScript returns a script that does not work on one lane, so it names its keys itself.
func newScript[A any](body string) script[A] {
	text := clock + locals(reflect.TypeFor[A]()) + body
	return script[A]{redis.NewScript(text), text}
}

// laneScript returns a script that works on the keys of one lane.
func laneScript[A any](body string) script[A] { return newScript[A](prelude + body) }

// fencedScript returns a script of one lane that hands out leases.
func fencedScript[A any](body string) script[A] {
	return newScript[A](prelude + leasing + fencing + body)
}

func (s script[A]) run(ctx context.Context, c redis.Scripter, keys []string, args A) *redis.Cmd {
	return s.Run(ctx, c, keys, values(nil, reflect.ValueOf(args))...)
}

// eval is run for a pipeline, which cannot send the text only when Redis turns out not to have it.
func (s script[A]) eval(ctx context.Context, c redis.Scripter, keys []string, args A) *redis.Cmd {
	return s.Eval(ctx, c, keys, values(nil, reflect.ValueOf(args))...)
}

// locals returns Lua that takes the script's arguments apart. A list comes last.
func locals(args reflect.Type) string {
	names, list := fields(args)
	var b strings.Builder
	if len(names) > 0 {
		numbered := make([]string, len(names))
		for i := range names {
			numbered[i] = fmt.Sprintf("ARGV[%d]", i+1)
		}
		fmt.Fprintf(&b, "local %s = %s\n", strings.Join(names, ", "), strings.Join(numbered, ", "))
	}
	if list != "" {
		fmt.Fprintf(&b, "local %s = {}\nfor i = 1, #ARGV - %d do %s[i] = ARGV[i + %d] end\n", list, len(names), list, len(names))
	}
	return b.String()
}

func fields(args reflect.Type) (names []string, list string) {
	for i := range args.NumField() {
		switch f := args.Field(i); {
		case f.Anonymous:
			more, _ := fields(f.Type)
			names = append(names, more...)
		case f.Type == reflect.TypeFor[[]string]():
			list = f.Name
		default:
			names = append(names, f.Name)
		}
	}
	return names, list
}

// values appends the fields of a struct in the order of locals.
func values(out []any, args reflect.Value) []any {
	for i := range args.NumField() {
		switch f := args.Field(i); f.Kind() {
		case reflect.Struct:
			out = values(out, f)
		case reflect.String:
			out = append(out, f.String())
		case reflect.Int, reflect.Int64:
			out = append(out, f.Int())
		case reflect.Bool:
			out = append(out, flag(f.Bool()))
		case reflect.Slice:
			if f.Type().Elem().Kind() == reflect.Uint8 {
				out = append(out, f.Bytes())
				continue
			}
			for j := range f.Len() {
				out = append(out, f.Index(j).String())
			}
		}
	}
	return out
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
