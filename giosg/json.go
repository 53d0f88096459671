package giosg

import (
	"encoding/json"
	"reflect"

	fast "github.com/segmentio/encoding/json"
)

// unmarshal is json.Unmarshal, several times as fast for what is right: two webhooks are read for each answer. What the fast decoder
// refuses is judged by encoding/json alone, whose errors say where and never repeat what was read.
func unmarshal(b []byte, v any) error {
	if fast.Unmarshal(b, v) == nil {
		return nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	return json.Unmarshal(b, v)
}
