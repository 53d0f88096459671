package giosg

import "errors"

// Ids of giosg's resources. They are opaque: usually a UUID, and 32 hex digits for
// visitors ("Identifiers" in giosg's API concepts). [CheckID] describes which are
// accepted.
type (
	// OrgID names an organization.
	OrgID string
	// UserID names a user; bots are users too.
	UserID string
	// ChatID names a chat.
	ChatID string
	// MessageID names a chat message.
	MessageID string
	// RoomID names a room.
	RoomID string
	// TeamID names a team.
	TeamID string
	// ClientID names a user client, by which a user is present.
	ClientID string
	// VisitorID names a visitor.
	VisitorID string
)

// Valid reports whether the id can be part of a path; see [CheckID].
func (id OrgID) Valid() bool { return CheckID(string(id)) == nil }

// Valid reports whether the id can be part of a path; see [CheckID].
func (id UserID) Valid() bool { return CheckID(string(id)) == nil }

// Valid reports whether the id can be part of a path; see [CheckID].
func (id ChatID) Valid() bool { return CheckID(string(id)) == nil }

// Valid reports whether the id can be part of a path; see [CheckID].
func (id MessageID) Valid() bool { return CheckID(string(id)) == nil }

// Valid reports whether the id can be part of a path; see [CheckID].
func (id RoomID) Valid() bool { return CheckID(string(id)) == nil }

// Valid reports whether the id can be part of a path; see [CheckID].
func (id TeamID) Valid() bool { return CheckID(string(id)) == nil }

// Valid reports whether the id can be part of a path; see [CheckID].
func (id ClientID) Valid() bool { return CheckID(string(id)) == nil }

// Valid reports whether the id can be part of a path; see [CheckID].
func (id VisitorID) Valid() bool { return CheckID(string(id)) == nil }

const maxID = 128 // characters

var (
	errIDEmpty = errors.New("missing")
	errIDLong  = errors.New("not an id: longer than 128 characters")
	errIDChars = errors.New("not an id: only letters, digits, '-' and '_' are allowed")
)

// CheckID returns an error if s is not an id. An id has 1 to 128 characters of
// A-Z, a-z, 0-9, '-' and '_'. Every id that giosg is known to use is accepted,
// and nothing that could change the meaning of a path. The error does not repeat
// the id.
func CheckID(s string) error {
	switch {
	case s == "":
		return errIDEmpty
	case len(s) > maxID:
		return errIDLong
	}
	for i := range len(s) {
		if !isIDByte(s[i]) {
			return errIDChars
		}
	}
	return nil
}

func isIDByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}
