package bot

import (
	"encoding/json"
	"slices"
	"time"

	fast "github.com/segmentio/encoding/json"

	"giosgbot/playbook"
)

// role is how the bot stands to a chat.
type role string

const (
	unknown role = ""        // nothing is remembered: the chat itself must tell
	serving role = "serving" // joined as agent or greeter
	aside   role = "aside"   // a member that holds no chat: a sidekick
	outside role = "outside" // not a member
	left    role = "left"    // was serving, and is not any more
)

// memo is what is remembered of a chat from turn to turn. It is a shortcut: all of it can be had again from the chat's lines.
type memo struct {
	Role     role           `json:"role,omitempty"`
	Mode     playbook.Mode  `json:"mode,omitempty"`
	State    playbook.State `json:"state,omitzero"`
	Room     string         `json:"room,omitempty"`
	RoomName string         `json:"room_name,omitempty"`
	Language string         `json:"lang,omitempty"`
	Looked   bool           `json:"looked,omitempty"`  // the room was looked up
	Said     mark           `json:"said,omitzero"`     // our last message whose place in the chat is known
	Whole    bool           `json:"whole,omitempty"`   // a sidekick's State is known to tell of all that was before
	Own      []string       `json:"own,omitempty"`     // a sidekick's last messages that are accounted for
	Blind    bool           `json:"blind,omitempty"`   // giosg did not tell the id of something we said, so Said is too old
	Greeted  int64          `json:"greeted,omitempty"` // when our greeting was said, ms
	Heard    int64          `json:"heard,omitempty"`   // the time of the newest line that was handled, ms
}

// mark is a place among the lines of a chat.
type mark struct {
	ID string `json:"id,omitempty"`
	At int64  `json:"at,omitempty"` // ms
}

// recall reads a memo. What cannot be read is as good as forgotten.
func recall(b []byte) memo {
	var m memo
	if len(b) == 0 || fast.Unmarshal(b, &m) != nil {
		return memo{}
	}
	return m
}

// own notes a message of a sidekick's. A few are enough: only those matter that came while an attempt was in doubt.
func (m *memo) own(id string) {
	const most = 8
	if m.Role != aside {
		return
	}
	m.Own = append(slices.Clone(m.Own), id)
	m.Own = m.Own[max(0, len(m.Own)-most):]
}

func (m memo) bytes() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, numbers and a State, which a test marshals
	}
	return b
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
