package giosg

import (
	"errors"
	"strings"
	"time"
)

// Time is a time in giosg's JSON: ISO 8601, usually in UTC with three decimals
// and a Z ("Dates" in giosg's API concepts). Any number of decimals and any
// offset are accepted; no suffix means UTC. Null is the zero time.
type Time struct{ time.Time }

var errTime = errors.New("not a time")

// ParseTime parses a time as described at [Time]; "" is the zero time.
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

// UnmarshalJSON never fails: anything else than a time is the zero time, so that
// one malformed date does not make a whole page unreadable.
func (t *Time) UnmarshalJSON(b []byte) error {
	*t = Time{}
	if len(b) > 2 && b[0] == '"' {
		*t, _ = ParseTime(string(b[1 : len(b)-1]))
	}
	return nil
}

// MarshalJSON writes giosg's form, and null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}
