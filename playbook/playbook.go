// Package playbook turns a YAML file into what a chat bot says and does. Load reads the file and says everything that is wrong with it;
// Next answers one input with a plan; Check finds what is probably not meant; RunTranscript plays written conversations.
//
// The package is pure: it reads no clock, no file, no network, and knows nothing of the chat platform but the names of a message's
// parts. The same state and input give the same plan, always, so that an interrupted attempt can be planned again word by word, and a
// chat's state can be had again from its messages.
package playbook

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // so that a time zone's name means the same on every machine
)

//go:embed example.yaml
var example []byte

// Example returns the built-in playbook's file.
func Example() []byte { return slices.Clone(example) }

// Default returns the built-in playbook.
func Default() *Playbook {
	p, err := Load("example.yaml", example)
	if err != nil {
		panic(err) // a test loads it
	}
	return p
}

// Playbook is a loaded file, or what an override makes of it. It does not change and may be used by many goroutines.
type Playbook struct {
	file        string
	lines       []string // for excerpts in Check
	name        string
	modes       []Mode
	languages   []string // in this playbook's order
	slots       []string // the base's languages: texts are kept in this order
	zone        *time.Location
	online      *bool
	keepTalking bool
	needsRoom   bool
	hours       map[string]*hours
	greeting    []*answer
	fallback    []*answer
	rules       []*rule
	byButton    map[string][]int    // values → rules, in order
	always      []int               // rules that no keyword leads to
	indexes     []*index            // by language slot
	remembered  map[string]bool     // names in after and not_after
	lastNames   map[string]bool     // names in right_after
	buttonNames map[string][]string // values of named buttons → their names

	notes     []note      // for Check
	base      *Playbook   // the whole file; itself in the base
	overrides []*override // of this playbook, first that fits
	silent    *Playbook   // for organizations and rooms that no override names; nil if they get the base
	org, room string      // what For was asked for
}

// override is a playbook for some organizations or rooms.
type override struct {
	orgs, rooms []string // folded; empty: all
	playbook    *Playbook
}

// Name is the playbook's name.
func (p *Playbook) Name() string { return p.name }

// Has tells whether the bot takes part in chats in a mode.
func (p *Playbook) Has(m Mode) bool { return slices.Contains(p.modes, m) }

// Online tells whether to show the bot as online or offline; nil means to leave it as it is.
func (p *Playbook) Online() *bool {
	if p.online == nil {
		return nil
	}
	on := *p.online
	return &on
}

// Languages lists the languages, the default first. With one only, a room's language need not be looked up.
func (p *Playbook) Languages() []string { return slices.Clone(p.languages) }

// Rules lists the names of all rules of the file, those of its overrides among them.
func (p *Playbook) Rules() []string {
	names := map[string]bool{}
	var add func(*Playbook)
	add = func(p *Playbook) {
		for _, r := range p.rules {
			names[r.name] = true
		}
		for _, o := range p.overrides {
			add(o.playbook)
		}
	}
	add(p.base)
	return slices.Sorted(maps.Keys(names))
}

// NeedsRoom tells whether Next needs to know a room's language or name. Room ids are enough if not.
func (p *Playbook) NeedsRoom() bool { return p.base.needsRoom }

// For returns the playbook that is active in an organization and a room: the base with the first override that fits, and in that the
// first that fits, and so on. room may be an id or a name. The result is p itself when nothing differs. Next chooses by its input
// anyway. Use For to ask about a chat before there is an input.
func (p *Playbook) For(org, room string) *Playbook {
	q := p.base.pick(org, room, room)
	if q == p.base || q.org == org && q.room == room {
		return q
	}
	with := *q
	with.org, with.room = org, room
	return &with
}

// choose returns the playbook for an input. The organization or room that the input does not name is the one that For was called with.
func (p *Playbook) choose(in Input) *Playbook {
	org, id, name := in.Org, in.RoomID, in.RoomName
	if org == "" {
		org = p.org
	}
	if id == "" && name == "" {
		id, name = p.room, p.room
	}
	return p.base.pick(org, id, name)
}

// pick returns the playbook for a chat. It is the one place that looks at overrides. p is a base.
func (p *Playbook) pick(org, roomID, roomName string) *Playbook {
	if len(p.overrides) == 0 && p.silent == nil {
		return p
	}
	at := p
	org, roomID, roomName = fold(org), fold(roomID), fold(strings.TrimSpace(roomName))
	fits := func(o *override) bool { return o.fits(org, roomID, roomName) }
	for {
		i := slices.IndexFunc(at.overrides, fits)
		if i < 0 {
			break
		}
		at = at.overrides[i].playbook
	}
	if at == p && p.silent != nil {
		return p.silent
	}
	return at
}

// fits takes folded names.
func (o *override) fits(org, roomID, roomName string) bool {
	return (len(o.orgs) == 0 || org != "" && slices.Contains(o.orgs, org)) &&
		(len(o.rooms) == 0 || roomID != "" && slices.Contains(o.rooms, roomID) || roomName != "" && slices.Contains(o.rooms, roomName))
}

// isRoom compares a room with a list of folded ids and names.
func isRoom(list []string, id, name string) bool {
	return id != "" && slices.Contains(list, fold(id)) || name != "" && slices.Contains(list, fold(strings.TrimSpace(name)))
}

// slot finds where the texts for a room's language are: the language itself, else the same without its region, else another region's,
// else the playbook's first.
func (p *Playbook) slot(code string) int {
	code = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(code), "_", "-"))
	primary, _, _ := strings.Cut(code, "-")
	choice := p.languages[0]
	best := 0
	for _, l := range p.languages {
		low := strings.ToLower(l)
		short, _, _ := strings.Cut(low, "-")
		score := 0
		switch {
		case low == code:
			score = 3
		case low == primary:
			score = 2
		case short == primary:
			score = 1
		}
		if score > best {
			best, choice = score, l
		}
	}
	return slices.Index(p.slots, choice)
}
