package playbook

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Load reads a playbook. file is the file's name, for problems. The error is a *LoadError that lists everything that is wrong.
func Load(file string, data []byte) (*Playbook, error) {
	s := &source{file: file}
	p := s.load(data)
	if len(s.problems) > 0 {
		return nil, &LoadError{s.sorted()}
	}
	p.file, p.lines = file, s.lines
	return p, nil
}

func (s *source) load(data []byte) *Playbook {
	top := s.parse(data)
	if top == nil {
		return nil
	}
	var f spec
	pairs, ok := s.pairs(top)
	if !ok {
		s.fault(at(top), "", fieldNames(&f), "a playbook must be a map (key: value), not %s", kind(top))
		return nil
	}
	s.langs = []string{"en"}
	for _, p := range pairs {
		// The languages come first: they show which maps are translations.
		if p.key.s == "languages" && p.value != nil {
			quiet := &source{}
			var l list[word]
			quiet.decode(p.value, &l)
			if langs := quiet.readLanguages(l); len(langs) > 0 {
				s.langs = langs
			}
		}
	}
	s.decode(top, &f)
	return s.compile(&f)
}

// maxLanguages is how many languages one playbook may have.
const maxLanguages = 50

func (s *source) readLanguages(l list[word]) []string {
	var langs []string
	for _, w := range l.items {
		switch {
		case w.s == "":
		case w.s == anyLanguage:
			s.fault(w.at, "", nil, "\"any\" is not a language; it can only be a key in translations, for all languages that have no key there")
		case !languageCode.MatchString(w.s):
			s.fault(w.at, "", nil, "%q is not a language code; write two small letters, for example en, fi or sv", w.s)
		case slices.Contains(langs, w.s):
			s.fault(w.at, "", nil, "the language %q is listed twice", w.s)
		case len(langs) == maxLanguages:
			s.fault(w.at, "", nil, "there are more than %d languages", maxLanguages)
			return langs
		default:
			langs = append(langs, w.s)
		}
	}
	return langs
}

var modeNames = []string{string(Agent), string(Greeter), string(Sidekick)}

func (s *source) readModes(l list[word]) []Mode {
	var modes []Mode
	for _, w := range l.items {
		switch {
		case w.s == "":
		case !slices.Contains(modeNames, w.s):
			s.fault(w.at, w.s, modeNames, "%q is not a mode", w.s)
		case slices.Contains(modes, Mode(w.s)):
			s.fault(w.at, "", nil, "the mode %q is listed twice", w.s)
		default:
			modes = append(modes, Mode(w.s))
		}
	}
	return modes
}

func (s *source) readZone(w word) *time.Location {
	if w.s == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(w.s)
	if err != nil || w.s == "Local" {
		s.fault(w.at, w.s, zoneNames, "%q is not a time zone; write a name like Europe/Helsinki", w.s)
		return time.UTC
	}
	return zone
}

// zoneNames are some time zones to suggest.
var zoneNames = []string{
	"UTC", "Europe/Helsinki", "Europe/Stockholm", "Europe/Oslo", "Europe/Copenhagen", "Europe/Tallinn", "Europe/Riga", "Europe/Vilnius",
	"Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Rome", "Europe/London", "Europe/Dublin", "America/New_York",
}

// compiler turns a spec into a playbook and its overrides. Methods that compile for one of them get it as an argument.
type compiler struct {
	src         *source
	base        *Playbook
	spec        *spec
	feedback    [][]message
	known       nameSet         // names for after and not_after: rules, buttons and their values
	ruleSet     nameSet         // names of rules
	refs        []ref           // names in conditions, checked when all names are known
	used        map[string]bool // definitions that are used, for example "button hours"
	parts       int             // see part
	indexed     int             // see index
	patternSize int
	compiled    map[pos]*regexp.Regexp   // patterns by place; nil if not valid
	shared      map[[2]string]attachment // named attachments, by name and language
}

// nameSet is a set of names in order.
type nameSet struct {
	list []string
	has  map[string]bool
}

func (n *nameSet) add(name string) {
	if n.has == nil {
		n.has = map[string]bool{}
	}
	if !n.has[name] {
		n.has[name] = true
		n.list = append(n.list, name)
	}
}

// ref is a name in a condition.
type ref struct {
	word
	rulesOnly bool
}

func (s *source) compile(f *spec) *Playbook {
	p := &Playbook{remembered: map[string]bool{}, lastNames: map[string]bool{}, buttonNames: map[string][]string{}}
	p.base = p
	c := &compiler{src: s, base: p, spec: f, used: map[string]bool{},
		compiled: map[pos]*regexp.Regexp{}, shared: map[[2]string]attachment{}}
	p.name = f.Name.s
	c.goodName(f.Name, "playbook")
	if p.name == "" && f.Name.at.line == 0 {
		s.fault(pos{1, 1}, "", nil, "the playbook has no name; add a line like name: shop")
	}
	p.modes = s.readModes(f.Modes)
	if f.Modes.at.line == 0 {
		p.modes = []Mode{Agent}
	}
	p.languages = s.readLanguages(f.Languages)
	if len(p.languages) == 0 {
		p.languages = s.langs
	}
	p.slots = p.languages
	p.zone = s.readZone(f.TimeZone)
	p.online = f.Online.value()
	p.keepTalking = f.KeepTalking.or(false)
	p.hours = map[string]*hours{}
	c.openingHours(p.hours, f.OpeningHours)
	c.definitions()
	for _, name := range []string{greetingName, fallbackName} {
		c.ruleSet.add(name)
		c.known.add(name)
	}
	c.known.add(handedOverName)
	p.greeting = c.cases(p, f.Greeting)
	c.feedbackRules()
	p.rules = append(c.compileRules(p, f.Rules), p.rules...)
	p.fallback = c.cases(p, f.Fallback)
	c.index(p, f.Rules.at)
	c.compileOverrides()
	c.checkRefs()
	c.unused()
	if len(p.languages) > 1 {
		p.needsRoom = true
	}
	return p
}

func (f *flag) value() *bool {
	if f == nil {
		return nil
	}
	return &f.on
}

func (f *flag) or(other bool) bool {
	if f == nil {
		return other
	}
	return f.on
}

func (c *compiler) cases(p *Playbook, l list[caseSpec]) []*answer {
	var all []*answer
	for i := range l.items {
		spec := &l.items[i]
		a := &answer{place: spec.at, guard: c.guard(p, &spec.When)}
		c.answer(a, spec.Say, spec.Do, spec.at)
		all = append(all, a)
	}
	return all
}

// langsOf returns the languages in which a guard can hold.
func (c *compiler) langsOf(g *guard) []string {
	if len(g.languages) == 0 {
		return c.base.slots
	}
	return g.languages
}

// answer compiles what is said and done, in the languages in which the guard can hold.
func (c *compiler) answer(a *answer, say saySpec, do doSpec, where pos) {
	langs := c.langsOf(&a.guard)
	if !say.given() && do.at.line == 0 {
		c.src.lack(where, nil, "this says nothing and does nothing; add say: or do:")
		return
	}
	if say.given() {
		a.say = c.say(say, langs)
	}
	a.do = c.steps(do, langs, false, 0)
}

func (c *compiler) guard(p *Playbook, g *guardSpec) guard {
	out := guard{modes: c.src.readModes(g.Mode)}
	out.open, out.closed = c.hourNames(p.hours, g.Open), c.hourNames(p.hours, g.Closed)
	for _, w := range g.Language.items {
		if w.s != "" && !slices.Contains(c.base.slots, w.s) {
			c.src.fault(w.at, w.s, c.base.slots, "%q is not one of the playbook's languages", w.s)
			continue
		}
		out.languages = append(out.languages, w.s)
	}
	for _, w := range g.Room.items {
		out.rooms = append(out.rooms, fold(w.s))
		c.base.needsRoom = c.base.needsRoom || !looksLikeID(w.s)
	}
	take := func(l list[word], rulesOnly bool, into map[string]bool) (names []string) {
		for _, w := range l.items {
			c.refs = append(c.refs, ref{w, rulesOnly})
			names = append(names, w.s)
			into[w.s] = true
		}
		return names
	}
	out.after = take(g.After, false, c.base.remembered)
	out.notAfter = take(g.NotAfter, false, c.base.remembered)
	out.rightAfter = take(g.RightAfter, true, c.base.lastNames)
	return out
}

var id = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// looksLikeID reports whether s is an id of the platform and not a name.
func looksLikeID(s string) bool { return id.MatchString(s) }

func (c *compiler) hourNames(known map[string]*hours, l list[word]) []string {
	var names []string
	for _, w := range l.items {
		if known[w.s] == nil {
			all := slices.Sorted(maps.Keys(known))
			if len(all) == 0 {
				c.src.fault(w.at, "", nil, "there are no opening_hours with the name %q; define them, for example opening_hours: {%s: [mon-fri 9-17]}", w.s, w.s)
			} else {
				c.src.fault(w.at, w.s, all, "there are no opening_hours with the name %q", w.s)
			}
			continue
		}
		names = append(names, w.s)
		c.used["opening_hours "+w.s] = true
	}
	return names
}

// checkRefs checks the names in after, not_after and right_after.
func (c *compiler) checkRefs() {
	for _, r := range c.refs {
		names, what := &c.known, "rule or button"
		if r.rulesOnly {
			names, what = &c.ruleSet, "rule"
		}
		if r.s != "" && !names.has[r.s] {
			c.src.fault(r.at, r.s, names.list, "there is no %s with the name %q", what, r.s)
		}
	}
}

// longestName is the maximum length of names in characters. Names are stored with chats.
const longestName = 100

func (c *compiler) goodName(w word, what string) bool {
	switch {
	case w.at.line == 0 || w.s == "":
		return false
	case utf8.RuneCountInString(w.s) > longestName:
		c.src.fault(w.at, "", nil, "the name of this %s is longer than %d characters", what, longestName)
		return false
	case strings.ContainsAny(w.s, "\n\r\t"):
		c.src.fault(w.at, "", nil, "the name of this %s has a line break or a tab in it", what)
		return false
	}
	return true
}
