package playbook

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Names that after, not_after and right_after accept besides those of rules.
const (
	greetingName   = "greeting"
	fallbackName   = "fallback"
	handedOverName = "handed_over"
)

// rule is a compiled rule. Lists by language have one entry for each language of the base.
type rule struct {
	name       string
	at         pos
	buttons    []string
	buttonsAt  []pos
	keywords   [][]keyword
	patterns   [][]*regexp.Regexp
	whileQuiet bool
	implied    bool // made from feedback
	answer
}

// keyword is a keyword of a rule as it is in the file.
type keyword struct {
	word
	matching
}

// matching is how keywords are compared with words.
type matching struct{ inflections, typos bool }

// none gives the rule empty lists of keywords and patterns.
func (r *rule) none(languages int) {
	r.keywords, r.patterns = make([][]keyword, languages), make([][]*regexp.Regexp, languages)
}

// triggered reports whether the rule has keywords, patterns or buttons. If not, only its guard decides.
func (r *rule) triggered() bool {
	has := len(r.buttons) > 0
	for i := range r.keywords {
		has = has || len(r.keywords[i]) > 0 || len(r.patterns[i]) > 0
	}
	return has
}

// answer is what a rule, a greeting or a fallback says and does.
type answer struct {
	place pos
	guard guard
	say   [][]message // by language
	do    []step
}

// guard holds the conditions that do not depend on the text.
type guard struct {
	open, closed                []string
	modes                       []Mode
	languages                   []string
	rooms                       []string // folded
	after, notAfter, rightAfter []string
}

// chat is one input with everything that conditions and texts can refer to.
type chat struct {
	playbook *Playbook
	state    State
	in       Input
	slot     int
	rule     string // whose answer is planned

	anyState bool // skip conditions on the state
}

// holds reports whether the conditions hold. If not, the function returns the reason. It is a function to save time when no one reads
// the reason.
func (g *guard) holds(c *chat) (bool, func() string) {
	switch {
	case len(g.modes) > 0 && !slices.Contains(g.modes, c.in.Mode):
		return false, func() string { return "the mode is " + string(c.in.Mode) + ", not " + join(g.modes) }
	case len(g.languages) > 0 && !slices.Contains(g.languages, c.playbook.slots[c.slot]):
		return false, func() string { return "the language is " + c.playbook.slots[c.slot] + ", not " + join(g.languages) }
	case len(g.rooms) > 0 && !isRoom(g.rooms, c.in.RoomID, c.in.RoomName):
		return false, func() string { return "the room is not " + join(g.rooms) }
	case len(g.after) > 0 && !c.anyState && !c.state.hasAny(g.after):
		return false, func() string { return "it answers only after " + join(g.after) }
	case len(g.notAfter) > 0 && !c.anyState && c.state.hasAny(g.notAfter):
		return false, func() string { return "it does not answer after " + join(g.notAfter) }
	case len(g.rightAfter) > 0 && !c.anyState && !slices.Contains(g.rightAfter, c.state.Last):
		return false, func() string { return "it answers only right after " + join(g.rightAfter) }
	case len(g.open) > 0 && !c.isOpen(g.open):
		return false, func() string { return join(g.open) + " is closed at " + c.clock() }
	case len(g.closed) > 0 && c.isOpen(g.closed):
		return false, func() string { return join(g.closed) + " is open at " + c.clock() }
	}
	return true, nil
}

// any reports whether there are any conditions.
func (g *guard) any() bool {
	return len(g.open)+len(g.closed)+len(g.modes)+len(g.languages)+len(g.rooms)+len(g.after)+len(g.notAfter)+len(g.rightAfter) > 0
}

func (c *chat) isOpen(names []string) bool {
	now := c.in.At.In(c.playbook.zone)
	return slices.ContainsFunc(names, func(name string) bool {
		h := c.playbook.hours[name]
		return h != nil && h.open(now)
	})
}

func (c *chat) clock() string {
	return c.in.At.In(c.playbook.zone).Format("Mon 2006-01-02 15:04 MST")
}

func (s *State) hasAny(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(s.Facts, n) })
}

func join[T ~string](names []T) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = string(n)
	}
	return strings.Join(all, " or ")
}

// hours holds opening hours.
type hours struct {
	at     pos
	weekly [7][]span
	dates  []dated
}

// span is a part of a day in minutes. It may end after midnight.
type span struct{ from, to int }

// dated holds the hours of certain dates. They replace the hours of the weekday.
type dated struct {
	year           int // 0: every year
	fromDay, toDay int // month*100 + day
	spans          []span
}

func (h *hours) open(now time.Time) bool {
	minute := now.Hour()*60 + now.Minute()
	return within(h.of(now), minute) || within(h.of(now.AddDate(0, 0, -1)), minute+24*60)
}

func within(spans []span, minute int) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.from <= minute && minute < s.to })
}

// of returns the hours of a day. If several lines are about its date, the last one wins.
func (h *hours) of(day time.Time) []span {
	y, m, d := day.Date()
	md := int(m)*100 + d
	for _, x := range slices.Backward(h.dates) {
		if (x.year == 0 || x.year == y) && x.fromDay <= md && md <= x.toDay {
			return x.spans
		}
	}
	return h.weekly[day.Weekday()]
}
