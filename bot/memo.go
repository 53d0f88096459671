package bot

import (
	"encoding/json"
	"reflect"
	"slices"

	fast "github.com/segmentio/encoding/json"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// memo is what a lane remembers of its chat from turn to turn. It saves reading the record: without it, all of this is found there.
type memo struct {
	Role      chat.Role      `json:"role,omitempty"`
	Mode      playbook.Mode  `json:"mode,omitempty"`
	State     playbook.State `json:"state,omitzero"`
	Room      string         `json:"room,omitempty"`
	RoomName  string         `json:"room_name,omitempty"`
	Language  string         `json:"lang,omitempty"`
	RoomKnown bool           `json:"looked,omitempty"`   // RoomName and Language were looked up
	Said      replay.Mark    `json:"said,omitzero"`      // the bot's words up to here belong to replies that are complete
	Whole     bool           `json:"whole,omitempty"`    // a sidekick's State covers all that came before
	Own       []string       `json:"own,omitempty"`      // ids of a sidekick's last messages that belong to known replies
	Blind     bool           `json:"blind,omitempty"`    // the platform did not tell the id of something that the bot said, so Said is too old
	Greeted   int64          `json:"greeted,omitempty"`  // when the greeting was said, in Unix milliseconds
	Doubt     bool           `json:"doubt,omitempty"`    // an event was given up after something was done for it, so the record must tell what
	GivenUp   []string       `json:"given_up,omitempty"` // ids of the last messages that became dead letters
	Heard     int64          `json:"heard,omitempty"`    // the time of the newest line that was handled, in Unix milliseconds
	LeftAt    int64          `json:"left_at,omitempty"`  // when the bot left last, as far as the record was read, in Unix milliseconds
}

// recall reads a memo. One that cannot be read counts as none.
func recall(b []byte) memo {
	var m memo
	if len(b) == 0 || fast.Unmarshal(b, &m) != nil {
		return memo{}
	}
	return m
}

// addOwn notes a message of a sidekick's. A few are enough, because only those matter that came while an attempt was in doubt.
func (m *memo) addOwn(id string) {
	const most = 8
	if m.Role != chat.Aside {
		return
	}
	m.Own = append(slices.Clone(m.Own), id)
	m.Own = m.Own[max(0, len(m.Own)-most):]
}

// giveUp notes a message that became a dead letter, or the greeting under the id "". Turns of other events leave it alone.
func (m *memo) giveUp(id string) {
	const most = 16
	if !slices.Contains(m.GivenUp, id) {
		m.GivenUp = append(slices.Clone(m.GivenUp), id)
		m.GivenUp = m.GivenUp[max(0, len(m.GivenUp)-most):]
	}
}

// answered forgets that a message was given up.
func (m *memo) answered(id string) {
	m.GivenUp = slices.DeleteFunc(slices.Clone(m.GivenUp), func(other string) bool { return other == id })
}

// noteLeave notes when the bot left.
func (m *memo) noteLeave(lines []replay.Line) {
	for _, l := range lines {
		if l.Kind == replay.OwnLeave {
			m.LeftAt = replay.Millis(l.At)
		}
	}
}

// empty reports whether there is nothing worth keeping.
func (m memo) empty() bool {
	return m.Role == chat.Unclear && !m.Whole && reflect.DeepEqual(m.State, playbook.State{})
}

// known returns what a replay may take from the memo.
func (m memo) known() *replay.Known {
	return &replay.Known{State: m.State, Said: m.Said, Greeted: m.Greeted}
}

func (m memo) bytes() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, numbers and a State, which a test marshals
	}
	return b
}
