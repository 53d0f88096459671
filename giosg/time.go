package giosg

import (
	"errors"
	"strings"
	"time"
)

// Time is a moment as giosg writes it: ISO 8601, usually in UTC with three
// decimals and a Z ("Dates" in giosg's API concepts). Read tolerantly: any
// number of decimals, an offset, or no suffix at all, which means UTC. Null is the zero
// time.
type Time struct{ time.Time }

var errTime = errors.New("not a time")

// ParseTime reads a time as [Time] describes it; "" is the zero time.
func ParseTime(s string) (Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Time{}, nil
	}
	if len(s) > 10 && (s[10] == ' ' || s[10] == 't') {
		s = s[:10] + "T" + s[11:]
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return Time{t.UTC()}, nil
		}
	}
	return Time{}, errTime
}

// UnmarshalJSON never fails: what is not a time is the zero time, so that one
// odd date does not hide a whole history.
func (t *Time) UnmarshalJSON(b []byte) error {
	*t = Time{}
	if len(b) > 2 && b[0] == '"' {
		*t, _ = ParseTime(string(b[1 : len(b)-1]))
	}
	return nil
}

// MarshalJSON writes giosg's own form, and null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}
