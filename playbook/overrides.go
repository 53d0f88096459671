package playbook

import (
	"maps"
	"slices"
	"time"
)

// maxOverrides is how many overrides a file may have.
const maxOverrides = 1000

var othersNames = []string{"base", "silent"}

// compileOverrides compiles the overrides of the file, and others.
func (c *compiler) compileOverrides() {
	f := c.spec
	if f.Others.s != "" {
		c.oneOf(f.Others, "value for others", othersNames)
		if f.Others.s == "silent" {
			if len(f.Overrides.items) == 0 {
				c.src.fault(f.Others.at, "", nil, "with others: silent and no overrides, this playbook never says anything")
			}
			c.base.silent = c.nothing()
		}
	}
	count := 0
	c.overridesOf(c.base, f.Overrides.items, &count)
}

// nothing returns a playbook that takes part in no chats.
func (c *compiler) nothing() *Playbook {
	b := c.base
	return &Playbook{name: b.name, languages: b.languages, slots: b.slots, zone: time.UTC, base: b, indexes: make([]*index, len(b.slots))}
}

func (c *compiler) overridesOf(parent *Playbook, specs []overrideSpec, count *int) {
	for i := range specs {
		spec := &specs[i]
		if *count++; *count > maxOverrides {
			c.src.fault(spec.at, "", nil, "there are more than %d overrides", maxOverrides)
			return
		}
		o := &override{}
		for _, w := range spec.Organization.items {
			o.orgs = append(o.orgs, fold(w.s))
		}
		for _, w := range spec.Room.items {
			o.rooms = append(o.rooms, fold(w.s))
			c.base.needsRoom = c.base.needsRoom || !looksLikeID(w.s)
		}
		if len(o.orgs)+len(o.rooms) == 0 {
			c.src.lack(spec.at, []string{"organization", "room"}, "this override has no organization and no room; add organization: or room:")
		}
		child := *parent
		child.overrides, child.silent = nil, nil
		o.playbook = &child
		c.override(&child, spec)
		parent.overrides = append(parent.overrides, o)
		c.overridesOf(&child, spec.Overrides.items, count)
	}
}

// override applies an override to p, a copy of the playbook that it overrides.
func (c *compiler) override(p *Playbook, spec *overrideSpec) {
	if spec.Modes.at.line > 0 {
		p.modes = c.src.readModes(spec.Modes)
	}
	if spec.Languages.at.line > 0 {
		var langs []string
		for _, l := range c.src.readLanguages(spec.Languages) {
			if !slices.Contains(c.base.slots, l) {
				c.src.fault(spec.Languages.at, l, c.base.slots, "%q is not one of the playbook's languages", l)
				continue
			}
			langs = append(langs, l)
		}
		if len(langs) > 0 {
			p.languages = langs
		}
	}
	if spec.TimeZone.s != "" {
		p.zone = c.src.readZone(spec.TimeZone)
	}
	if spec.Online != nil {
		p.online = spec.Online.value()
	}
	p.keepTalking = spec.KeepTalking.or(p.keepTalking)
	if len(spec.OpeningHours.items) > 0 {
		p.hours = maps.Clone(p.hours)
		c.openingHours(p.hours, spec.OpeningHours)
	}
	if spec.Greeting.at.line > 0 {
		p.greeting = c.cases(p, spec.Greeting)
	}
	if spec.Fallback.at.line > 0 {
		p.fallback = c.cases(p, spec.Fallback)
	}
	if len(spec.Rules.items)+len(spec.Without.items) > 0 {
		c.overrideRules(p, spec)
		c.index(p, spec.at)
	}
}

func (c *compiler) overrideRules(p *Playbook, spec *overrideSpec) {
	old := p.rules
	known, without := map[string]bool{}, map[string]bool{}
	for _, r := range old {
		known[r.name] = true
	}
	for _, w := range spec.Without.items {
		switch {
		case w.s == greetingName:
			p.greeting = nil
		case w.s == fallbackName:
			p.fallback = nil
		case known[w.s]:
			without[w.s] = true
		case w.s != "":
			names := []string{greetingName, fallbackName}
			for _, r := range old {
				names = append(names, r.name)
			}
			c.src.fault(w.at, w.s, names, "there is no rule with the name %q to leave out", w.s)
		}
	}
	added := c.compileRules(p, spec.Rules)
	replaced := map[string]*rule{}
	for _, r := range added {
		replaced[r.name] = r
	}
	var rules []*rule
	for _, r := range old {
		if n := replaced[r.name]; n != nil {
			rules = append(rules, n)
			replaced[r.name] = nil
		} else if !without[r.name] {
			rules = append(rules, r)
		}
	}
	var first []*rule
	for _, r := range added {
		if replaced[r.name] != nil {
			first = append(first, r)
		}
	}
	p.rules = append(first, rules...)
}
