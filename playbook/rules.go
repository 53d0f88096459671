package playbook

import (
	"regexp"
	"slices"
)

const (
	// maxPhrase is the maximum number of words in a keyword.
	maxPhrase = 12
	// maxParts is the maximum number of messages, attachments, buttons and keywords in a playbook, counted for each language and use.
	maxParts = 1_000_000
	// maxIndexed is the maximum number of rules and keywords, counted again for each override that changes the rules.
	maxIndexed = 200_000
	// maxTeams is the maximum number of teams that one hand-over tries.
	maxTeams = 5
)

// part counts a part of the playbook and reports whether there are not too many. A small file can use a large definition many times, so
// a limit on the size of the file is not enough.
func (c *compiler) part(at pos) bool {
	if c.parts++; c.parts == maxParts {
		c.src.fault(at, "", nil, "the playbook is too large: up to here it has %d messages, attachments, buttons and keywords, counted once for each language", maxParts)
	}
	return c.parts < maxParts
}

var reserved = regexp.MustCompile(`^(greeting|fallback)( \d+)?$|^handed_over$`)

// compileRules compiles the rules of a playbook or an override.
func (c *compiler) compileRules(p *Playbook, l list[ruleSpec]) []*rule {
	var all []*rule
	names := map[string]int{}
	for i := range l.items {
		spec := &l.items[i]
		r := c.rule(p, spec)
		if r == nil {
			continue
		}
		if first, twice := names[r.name]; twice {
			c.src.fault(spec.Name.at, "", nil, "the rule on line %d has the name %q, too; each rule needs its own name", first, r.name)
			continue
		}
		names[r.name] = spec.Name.at.line
		all = append(all, r)
	}
	return all
}

func (c *compiler) rule(p *Playbook, spec *ruleSpec) *rule {
	r := &rule{name: spec.Name.s, at: spec.at}
	if spec.Name.at.line == 0 {
		c.src.lack(spec.at, nil, "this rule has no name; add a line like name: hours")
	} else if c.goodName(spec.Name, "rule") && reserved.MatchString(r.name) {
		c.src.fault(spec.Name.at, "", nil, "the name %q has a special meaning; choose another name", r.name)
	}
	c.known.add(r.name)
	c.ruleSet.add(r.name)
	r.none(len(c.base.slots))
	w := &spec.When
	r.guard = c.guard(p, &w.guardSpec)
	r.whileQuiet = w.WhileQuiet.or(false)
	for _, b := range w.Button.items {
		for _, v := range c.valuesOf(b.s) {
			r.buttons, r.buttonsAt = append(r.buttons, v), append(r.buttonsAt, b.at)
		}
	}
	langs := c.langsOf(&r.guard)
	c.keywords(r, w, langs)
	c.patternsOf(r, w, langs)
	if w.at.line == 0 {
		c.src.lack(spec.at, nil, "the rule %q has no when; add one, for example when: {keywords: [...]}", r.name)
	} else if w.empty() {
		c.src.lack(w.at, fieldNames(w), "the rule %q would answer every message; give it a condition, or use fallback", r.name)
	}
	c.answer(&r.answer, spec.Say, spec.Do, spec.at)
	return r
}

// empty reports whether the rule has no condition, so that it would answer every message.
func (w *whenSpec) empty() bool {
	g := &w.guardSpec
	for _, l := range []*list[word]{&w.Button, &g.Open, &g.Closed, &g.Mode, &g.Language, &g.Room, &g.After, &g.NotAfter, &g.RightAfter} {
		if l.at.line > 0 {
			return false
		}
	}
	return w.Keywords.at.line == 0 && w.Pattern.at.line == 0
}

func (c *compiler) keywords(r *rule, w *whenSpec, langs []string) {
	if w.Keywords.at.line == 0 {
		return
	}
	w.Keywords.need(c.src, langs, "this list of keywords")
	how := matching{
		inflections: w.Inflections.or(c.spec.Inflections.or(true)),
		typos:       w.Typos.or(c.spec.Typos.or(false)),
	}
	for _, lang := range langs {
		l := w.Keywords.in(lang)
		if l == nil {
			continue
		}
		slot := slices.Index(c.base.slots, lang)
		for _, k := range l.items {
			if k.s == "" {
				continue
			}
			if n := len(words(k.s)); n == 0 {
				c.src.fault(k.at, "", nil, "the keyword %q has no letters, digits or symbols", k.s)
				continue
			} else if n > maxPhrase {
				c.src.fault(k.at, "", nil, "this keyword has %d words; the limit is %d", n, maxPhrase)
				continue
			}
			if !c.part(k.at) {
				return
			}
			r.keywords[slot] = append(r.keywords[slot], keyword{k, how})
		}
	}
}

// index indexes the rules of a playbook, if there are not too many.
func (c *compiler) index(p *Playbook, at pos) {
	c.indexed += len(p.rules)
	for _, r := range p.rules {
		for _, list := range r.keywords {
			c.indexed += len(list)
		}
	}
	if c.indexed > maxIndexed {
		c.src.fault(at, "", nil, "the playbook is too large: up to here it has more than %d rules and keywords, counted again for each override that changes the rules", maxIndexed)
		return
	}
	p.index()
}

// index sets the fields that are used to match rules.
func (p *Playbook) index() {
	p.byButton, p.always, p.indexes = map[string][]int{}, nil, make([]*index, len(p.slots))
	for i, r := range p.rules {
		for _, b := range r.buttons {
			p.byButton[b] = append(p.byButton[b], i)
		}
		always := !r.triggered()
		for slot := range p.slots {
			always = always || len(r.patterns[slot]) > 0
			for _, k := range r.keywords[slot] {
				if p.indexes[slot] == nil {
					p.indexes[slot] = newIndex(p.slots[slot])
				}
				p.indexes[slot].add(i, k)
			}
		}
		if always {
			p.always = append(p.always, i)
		}
	}
}

// steps compiles actions. nested is true inside a hand-over. depth is 0 in its before and after, and under nobody the number of teams
// that are tried first.
func (c *compiler) steps(d doSpec, langs []string, nested bool, depth int) []step {
	var all []step
	handOvers := 0
	for _, item := range d.items {
		st := step{verb: item.verb.s, at: item.verb.at}
		switch {
		case item.handOver != nil:
			if handOvers++; handOvers > 1 {
				c.src.fault(st.at, "", nil, "there can be only one hand_over here; to try another team, put it under the first one's nobody: {do: ...}")
				continue
			}
			if nested && depth == 0 {
				c.src.fault(st.at, "", nil, "inside a hand_over, another one can only be under nobody:")
				continue
			}
			if depth >= maxTeams {
				c.src.fault(st.at, "", nil, "one hand-over can try at most %d teams", maxTeams)
				continue
			}
			st.handOver = c.handOverOf(item.handOver, langs, depth)
		case st.verb == "ask_feedback":
			if c.feedback == nil {
				c.src.fault(st.at, "", nil, "ask_feedback has no question; add feedback: at the top level of the file")
			}
			st.ask = c.feedback
			c.used["feedback"] = true
		case !slices.Contains(verbs, st.verb):
			continue // it has an error already
		}
		all = append(all, st)
	}
	return all
}

func (c *compiler) handOverOf(h *handOverSpec, langs []string, depth int) *handOver {
	out := &handOver{team: make([]string, len(c.base.slots)), humans: h.Humans.or(true), keepTalking: h.KeepTalking.or(false), at: h.Team.at}
	if h.Team.at.line == 0 {
		c.src.lack(h.at, fieldNames(h), "this hand_over has no team; add team: with its name")
	}
	if h.Team.plain == nil { // one name may be used for all languages
		h.Team.need(c.src, langs, "team")
	}
	for _, lang := range langs {
		if w := h.Team.in(lang); w != nil {
			out.team[slices.Index(c.base.slots, lang)] = w.s
		}
	}
	stage := func(a *answer, st *stepSpec, depth int) {
		if st.Say.given() {
			a.say = c.say(st.Say, langs)
		}
		a.do = c.steps(st.Do, langs, true, depth)
	}
	stage(&out.before, &h.Before, 0)
	stage(&out.after, &h.After, 0)
	stage(&out.nobody, &h.Nobody, depth+1)
	return out
}
