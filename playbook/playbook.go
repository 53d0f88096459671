// Package playbook reads playbooks, the YAML files that define what a bot says and does. Load reads a file and reports everything that is
// wrong with it. Playbook.Next plans the reaction to one input. Check finds probable mistakes. Playbook.RunTranscript tests a playbook with
// written conversations.
//
// The package is pure: it does not read a clock, a file or the network. Of the chat platform it knows only the names of a message's
// parts. The same state and input always give the same plan. So an interrupted attempt can be planned again with the same words, and a
// replay of a chat's messages gives its dialog state.
package playbook

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones are the same on every machine
)

//go:embed example.yaml
var example []byte

// Example returns the file of the built-in playbook.
func Example() []byte { return slices.Clone(example) }

// Default returns the built-in playbook.
func Default() *Playbook {
	p, err := Load("example.yaml", example)
	if err != nil {
		panic(err) // a test loads it
	}
	return p
}

// Playbook is a loaded file, or the variant of it that an override makes. It is immutable and safe for concurrent use.
type Playbook struct {
	file        string
	lines       []string // of the file, for excerpts in Check
	name        string
	modes       []Mode
	languages   []string // in this playbook's order
	slots       []string // the languages of the base; compiled texts are in this order
	zone        *time.Location
	online      *bool
	keepTalking bool
	needsRoom   bool
	hours       map[string]*hours
	greeting    []*answer
	fallback    []*answer
	rules       []*rule
	byButton    map[string][]int    // button values → indexes of rules, in order
	always      []int               // indexes of rules to try for every message
	indexes     []*index            // by language slot
	remembered  map[string]bool     // names in after and not_after
	lastNames   map[string]bool     // names in right_after
	buttonNames map[string][]string // values of named buttons → their names

	notes     []note      // for Check
	base      *Playbook   // the whole file; itself in the base
	overrides []*override // of this playbook; the first that fits wins
	silent    *Playbook   // for organizations and rooms without an override; nil if they get the base
	org, room string      // the arguments of For
}

// override is a playbook for some organizations or rooms.
type override struct {
	orgs, rooms []string // folded; an empty list means all
	playbook    *Playbook
}

// Name returns the playbook's name.
func (p *Playbook) Name() string { return p.name }

// Has reports whether the bot takes part in chats in mode m.
func (p *Playbook) Has(m Mode) bool { return slices.Contains(p.modes, m) }

// Online returns whether to show the bot as online. If it is nil, the bot stays as it is.
func (p *Playbook) Online() *bool {
	if p.online == nil {
		return nil
	}
	on := *p.online
	return &on
}

// Languages returns the playbook's languages, the default first. If there is only one, Next does not need a room's language.
func (p *Playbook) Languages() []string { return slices.Clone(p.languages) }

// Rules returns the sorted names of all rules of the file, including those of its overrides.
func (p *Playbook) Rules() []string {
	names := map[string]bool{}
	p.base.each(func(q *Playbook) {
		for _, r := range q.rules {
			names[r.name] = true
		}
	})
	return slices.Sorted(maps.Keys(names))
}

// Teams returns the sorted names of all teams that the file's hand-overs name, including those of its overrides.
func (p *Playbook) Teams() []string {
	names := map[string]bool{}
	p.base.each(func(q *Playbook) {
		q.walkHandOvers(func(h *handOver) {
			for _, name := range h.team {
				if name != "" {
					names[name] = true
				}
			}
		})
	})
	return slices.Sorted(maps.Keys(names))
}

// each visits a playbook and all its overrides.
func (p *Playbook) each(visit func(*Playbook)) {
	visit(p)
	for _, o := range p.overrides {
		o.playbook.each(visit)
	}
}

// NeedsRoom reports whether Next needs a room's language or name. If not, its id is enough.
func (p *Playbook) NeedsRoom() bool { return p.base.needsRoom }

// For returns the variant of the playbook for an organization and a room. It is the base with the first override that fits, then the
// first override in that one that fits, and so on. room is an id or a name. The result is p itself when no override fits. Next does not
// need this: it chooses by its input. Use For to learn about a chat before there is an input.
func (p *Playbook) For(org, room string) *Playbook {
	q := p.base.pick(org, room, room)
	if q == p.base || q.org == org && q.room == room {
		return q
	}
	with := *q
	with.org, with.room = org, room
	return &with
}

// choose returns the variant for an input. If the input does not name an organization or a room, those given to For apply.
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

// pick returns the variant for a chat. It is the only place that chooses among overrides. p must be a base.
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

// fits reports whether the override applies. Its arguments are folded.
func (o *override) fits(org, roomID, roomName string) bool {
	return (len(o.orgs) == 0 || org != "" && slices.Contains(o.orgs, org)) &&
		(len(o.rooms) == 0 || roomID != "" && slices.Contains(o.rooms, roomID) || roomName != "" && slices.Contains(o.rooms, roomName))
}

// isRoom reports whether a list of folded ids and names contains a room.
func isRoom(list []string, id, name string) bool {
	return id != "" && slices.Contains(list, fold(id)) || name != "" && slices.Contains(list, fold(strings.TrimSpace(name)))
}

// slot returns the index of the texts for a room's language. It prefers the language itself, then the same language without a region,
// then with another region, and then the playbook's default.
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
