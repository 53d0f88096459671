package giosg

import "errors"

// Ids of giosg's resources. Each is opaque: mostly a UUID, for visitors 32 hex
// characters ("Identifiers" in giosg's API concepts). [CheckID] says which are
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

// Valid tells whether the id may enter a path; see [CheckID].
func (id OrgID) Valid() bool { return CheckID(string(id)) == nil }

// Valid tells whether the id may enter a path; see [CheckID].
func (id UserID) Valid() bool { return CheckID(string(id)) == nil }

// Valid tells whether the id may enter a path; see [CheckID].
func (id ChatID) Valid() bool { return CheckID(string(id)) == nil }

// Valid tells whether the id may enter a path; see [CheckID].
func (id MessageID) Valid() bool { return CheckID(string(id)) == nil }

// Valid tells whether the id may enter a path; see [CheckID].
func (id RoomID) Valid() bool { return CheckID(string(id)) == nil }

// Valid tells whether the id may enter a path; see [CheckID].
func (id TeamID) Valid() bool { return CheckID(string(id)) == nil }

// Valid tells whether the id may enter a path; see [CheckID].
func (id ClientID) Valid() bool { return CheckID(string(id)) == nil }

// Valid tells whether the id may enter a path; see [CheckID].
func (id VisitorID) Valid() bool { return CheckID(string(id)) == nil }

const maxID = 128 // characters

var (
	errIDEmpty = errors.New("missing")
	errIDLong  = errors.New("not an id: longer than 128 characters")
	errIDChars = errors.New("not an id: only letters, digits, '-' and '_' may be in it")
)

// CheckID says what is wrong with an id that came from outside, or nil. It
// accepts 1 to 128 characters of A-Z, a-z, 0-9, '-' and '_': enough for every
// id giosg is known to use, and nothing that could change the meaning of a
// path. The error never repeats the id.
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
