package playbook

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options holds what Check may know besides the playbook.
type Options struct {
	// Teams are the names of the organizations' teams. If it is nil, Check does not check names of teams.
	Teams []string
}

// Check returns warnings about what Load accepts but the author probably did not mean, in the order of the file. Examples are rules that
// never answer, keywords that an earlier rule takes, buttons that no rule answers, texts that are too long for one message, teams that do
// not exist, and definitions that nothing uses.
func Check(p *Playbook, o Options) []Problem {
	c := &checker{src: &source{file: p.base.file, lines: p.base.lines}, options: o, base: p.base}
	for _, note := range p.base.notes {
		c.warn(note.at, "%s", note.text)
	}
	c.modesUsed()
	p.base.each(func(q *Playbook) {
		c.rules(q)
		c.buttons(q)
		c.cases(q)
	})
	p.base.each(c.texts)
	return c.src.sorted()
}

type checker struct {
	src     *source
	options Options
	base    *Playbook
	values  map[string]bool // of all buttons; see shown
}

// note is a warning that Load found.
type note struct {
	at   pos
	text string
}

func (c *checker) warn(at pos, format string, args ...any) {
	c.src.add(Warning, at, "", nil, format, args...)
}

// covers reports whether a may answer whenever b may.
func covers(a, b *rule) bool {
	return (!a.guard.any() || reflect.DeepEqual(a.guard, b.guard)) && (a.whileQuiet || !b.whileQuiet)
}

// rules warns of rules, keywords and buttons that have no effect because of an earlier rule.
func (c *checker) rules(p *Playbook) {
	var all []*rule // rules that answer every message
	for i, r := range p.rules {
		if by := slices.IndexFunc(all, func(a *rule) bool { return covers(a, r) }); by >= 0 && len(r.buttons) == 0 {
			c.warn(r.at, "the rule %q never answers: the rule %q (line %d) comes first and answers every message", r.name, all[by].name, all[by].at.line)
			continue
		}
		if !r.triggered() {
			all = append(all, r)
			if slices.Contains(r.guard.modes, Sidekick) || len(r.guard.modes) == 0 && p.Has(Sidekick) {
				c.warn(r.at, "the rule %q has no keyword, pattern or button, so a sidekick uses it for every message", r.name)
			}
		}
		taken, total := c.keywords(p, i, r)
		b, n := c.ownButtons(p, i, r)
		taken, total = taken+b, total+n
		for _, list := range r.patterns {
			total += len(list)
		}
		if total > 0 && taken == total {
			c.warn(r.at, "the rule %q never answers: earlier rules match all its keywords and buttons", r.name)
		}
	}
}

func (c *checker) keywords(p *Playbook, i int, r *rule) (taken, total int) {
	for slot, list := range r.keywords {
		for _, k := range list {
			total++
			if utf8.RuneCountInString(strings.TrimSuffix(k.s, "*")) < 3 && strings.HasSuffix(k.s, "*") {
				c.warn(k.at, "%q matches very many words", k.s)
			}
			said, _ := keywordWords(k.s)
			for _, h := range p.indexes[slot].find(said) {
				first := p.rules[h.rule]
				if int(h.rule) >= i {
					break
				}
				if !covers(first, r) {
					continue
				}
				taken++
				if fold(h.keyword) == fold(k.s) {
					c.warn(k.at, "the keyword %q has no effect: the rule %q (line %d) comes first and has the same keyword", k.s, first.name, first.at.line)
				} else {
					c.warn(k.at, "the keyword %q has no effect: the rule %q (line %d) comes first, and its keyword %q matches the same messages", k.s, first.name, first.at.line, h.keyword)
				}
				break
			}
		}
	}
	return taken, total
}

func (c *checker) ownButtons(p *Playbook, i int, r *rule) (taken, total int) {
	shown := c.shown()
	for j, value := range r.buttons {
		total++
		for _, k := range p.byButton[value] {
			if k < i && covers(p.rules[k], r) {
				taken++
				c.warn(r.buttonsAt[j], "the button %q has no effect: the rule %q (line %d) comes first and answers it", value, p.rules[k].name, p.rules[k].at.line)
				break
			}
		}
		if !shown[value] {
			c.warn(r.buttonsAt[j], "no button has the value %q", value)
		}
	}
	return taken, total
}

// shown returns the values of all buttons in all answers.
func (c *checker) shown() map[string]bool {
	if c.values != nil {
		return c.values
	}
	values := map[string]bool{}
	c.base.each(func(p *Playbook) {
		p.walk(func(_ *rule, _ int, m *message) {
			for _, a := range m.attachments {
				for _, b := range a.buttons {
					values[b.Value] = true
				}
			}
		})
	})
	c.values = values
	return values
}

// buttons warns of buttons that no rule answers.
func (c *checker) buttons(p *Playbook) {
	p.walk(func(_ *rule, slot int, m *message) {
		for _, a := range m.attachments {
			for _, b := range a.buttons {
				if b.Type != "button" || len(p.byButton[b.Value]) > 0 || p.answersText(slot, b.text) {
					continue
				}
				c.warn(b.at, "no rule answers the button %q; add a rule with when: {button: %q}", strings.Join(b.text, ""), b.Value)
			}
		}
	})
}

// answersText reports whether a rule answers the text of a button.
func (p *Playbook) answersText(slot int, t text) bool {
	said := strings.Join(t, " ")
	if x := p.indexes[slot]; x != nil && len(x.find(words(said))) > 0 {
		return true
	}
	return slices.ContainsFunc(p.rules, func(r *rule) bool {
		return !r.triggered() || slices.ContainsFunc(r.patterns[slot], func(re *regexp.Regexp) bool { return re.MatchString(said) })
	})
}

// cases warns of greetings and fallbacks that are never used.
func (c *checker) cases(p *Playbook) {
	for _, l := range []struct {
		name string
		list []*answer
	}{{greetingName, p.greeting}, {fallbackName, p.fallback}} {
		for i, a := range l.list {
			if !a.guard.any() && i < len(l.list)-1 {
				c.warn(l.list[i+1].place, "this %s is never used: the one on line %d comes first and has no when", l.name, a.place.line)
				break
			}
		}
		if len(l.list) > 0 && len(p.modes) == 1 && p.modes[0] == Sidekick {
			c.warn(l.list[0].place, "this %s is never used: a sidekick says only what a rule says", l.name)
		}
	}
	if p.Has(Greeter) && len(p.greeting) == 0 {
		c.warn(pos{1, 1}, "a greeter without a greeting joins chats and says nothing")
	}
}

// modesUsed warns of conditions on modes that the playbook does not have.
func (c *checker) modesUsed() {
	var modes []Mode
	c.base.each(func(p *Playbook) { modes = append(modes, p.modes...) })
	c.base.each(func(p *Playbook) {
		for _, r := range p.rules {
			if len(r.guard.modes) > 0 && !slices.ContainsFunc(r.guard.modes, func(m Mode) bool { return slices.Contains(modes, m) }) {
				c.warn(r.at, "the rule %q never answers: its mode is not one of the playbook's modes (%s)", r.name, join(modes))
			}
		}
	})
}

// texts warns of texts that are too long for one message, of teams that do not exist, and of hand-overs without a text for when the team
// is not available.
func (c *checker) texts(p *Playbook) {
	p.walk(func(_ *rule, _ int, m *message) {
		for i, t := range m.variants {
			n := 0
			for j := 0; j < len(t); j += 2 {
				n += utf8.RuneCountInString(t[j])
			}
			if n > MaxText {
				c.warn(m.at[i], "this text has %d characters; the bot will send it as %d messages of at most %d characters", n, (n+MaxText-1)/MaxText, MaxText)
			}
		}
	})
	p.walkHandOvers(func(h *handOver) {
		if h.nobody.say == nil && len(h.nobody.do) == 0 {
			c.warn(h.at, "the bot says nothing when the team %s is not available; add nobody:", strings.Join(slices.Compact(slices.Clone(h.team)), ", "))
		}
		if c.options.Teams == nil {
			return
		}
		for _, name := range h.team {
			same := func(team string) bool { return fold(strings.TrimSpace(team)) == fold(name) }
			if name != "" && !slices.ContainsFunc(c.options.Teams, same) {
				c.src.add(Warning, h.at, name, c.options.Teams, "there is no team with the name %q", name)
			}
		}
	})
}

// walk visits all messages of a playbook, with their rule (nil for greetings and fallbacks) and the slot of their language.
func (p *Playbook) walk(visit func(*rule, int, *message)) {
	var of func(r *rule, a *answer)
	say := func(r *rule, say [][]message) {
		for slot := range say {
			for i := range say[slot] {
				visit(r, slot, &say[slot][i])
			}
		}
	}
	of = func(r *rule, a *answer) {
		say(r, a.say)
		for _, s := range a.do {
			say(r, s.ask)
			if s.handOver != nil {
				of(r, &s.handOver.before)
				of(r, &s.handOver.after)
				of(r, &s.handOver.nobody)
			}
		}
	}
	p.answers(of)
}

func (p *Playbook) answers(visit func(*rule, *answer)) {
	for _, a := range p.greeting {
		visit(nil, a)
	}
	for _, r := range p.rules {
		visit(r, &r.answer)
	}
	for _, a := range p.fallback {
		visit(nil, a)
	}
}

func (p *Playbook) walkHandOvers(visit func(*handOver)) {
	p.answers(func(_ *rule, a *answer) {
		for h := a.handsOver(); h != nil; h = h.nobody.handsOver() {
			visit(h)
		}
	})
}

// unused warns of definitions that nothing uses.
func (c *compiler) unused() {
	unused := func(w word, what string) {
		if !c.used[what+" "+w.s] {
			c.base.notes = append(c.base.notes, note{w.at, fmt.Sprintf("nothing uses the %s %q", what, w.s)})
		}
	}
	for _, e := range c.spec.Buttons.items {
		unused(e.name, "button")
	}
	for _, e := range c.spec.Attachments.items {
		unused(e.name, "attachment")
	}
	for _, e := range c.spec.OpeningHours.items {
		unused(e.name, "opening_hours")
	}
	if c.spec.Feedback != nil && !c.used["feedback"] {
		c.base.notes = append(c.base.notes, note{c.spec.Feedback.at, "no rule asks for feedback; add do: ask_feedback to a rule"})
	}
}
