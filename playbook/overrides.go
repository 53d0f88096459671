package playbook

import (
	"maps"
	"slices"
	"time"
)

// maxOverrides is how many overrides a file may have.
const maxOverrides = 1000

var othersNames = []string{"base", "silent"}

// compileOverrides compiles what is different for some organizations and rooms.
func (c *compiler) compileOverrides() {
	f := c.spec
	if f.Others.s != "" {
		c.oneOf(f.Others, "word for what happens elsewhere", othersNames)
		if f.Others.s == "silent" {
			if len(f.Overrides.items) == 0 {
				c.fault(f.Others.at, "", nil, "with others: silent and no overrides, this playbook never says anything")
			}
			c.silent = c.nothing()
		}
	}
	count := 0
	c.overridesOf(c.Playbook, f.Overrides.items, &count)
}

// nothing is a playbook that takes no part.
func (c *compiler) nothing() *Playbook {
	return &Playbook{name: c.name, languages: c.languages, slots: c.slots, zone: time.UTC, base: c.base, indexes: make([]*index, len(c.slots))}
}

func (c *compiler) overridesOf(parent *Playbook, specs []overrideSpec, count *int) {
	outer := c.Playbook
	defer func() { c.Playbook = outer }()
	for i := range specs {
		spec := &specs[i]
		if *count++; *count > maxOverrides {
			c.fault(spec.at, "", nil, "these are more than %d overrides", maxOverrides)
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
			c.lack(spec.at, []string{"organization", "room"}, "this override does not say for whom it is; add organization: or room:")
		}
		child := *parent
		child.overrides, child.silent = nil, nil
		c.Playbook = &child
		o.playbook = &child
		c.override(spec)
		parent.overrides = append(parent.overrides, o)
		c.overridesOf(&child, spec.Overrides.items, count)
	}
}

// override changes the compiler's playbook, which is a copy of its parent.
func (c *compiler) override(spec *overrideSpec) {
	if spec.Modes.at.line > 0 {
		c.modes = c.readModes(spec.Modes)
	}
	if spec.Languages.at.line > 0 {
		var langs []string
		for _, l := range c.readLanguages(spec.Languages) {
			if !slices.Contains(c.slots, l) {
				c.fault(spec.Languages.at, l, c.slots, "%q is not one of the playbook's languages", l)
				continue
			}
			langs = append(langs, l)
		}
		if len(langs) > 0 {
			c.languages = langs
		}
	}
	if spec.TimeZone.s != "" {
		c.zone = c.readZone(spec.TimeZone)
	}
	if spec.Online != nil {
		c.online = spec.Online.value()
	}
	c.keepTalking = spec.KeepTalking.or(c.keepTalking)
	if len(spec.OpeningHours.items) > 0 {
		c.hours = maps.Clone(c.hours)
		c.openingHours(spec.OpeningHours)
	}
	if spec.Greeting.at.line > 0 {
		c.greeting = c.cases(spec.Greeting)
	}
	if spec.Fallback.at.line > 0 {
		c.fallback = c.cases(spec.Fallback)
	}
	if len(spec.Rules.items)+len(spec.Without.items) > 0 {
		c.overrideRules(spec)
		c.index(spec.at)
	}
}

func (c *compiler) overrideRules(spec *overrideSpec) {
	old := c.rules
	known, without := map[string]bool{}, map[string]bool{}
	for _, r := range old {
		known[r.name] = true
	}
	for _, w := range spec.Without.items {
		switch {
		case w.s == greetingName:
			c.greeting = nil
		case w.s == fallbackName:
			c.fallback = nil
		case known[w.s]:
			without[w.s] = true
		case w.s != "":
			names := []string{greetingName, fallbackName}
			for _, r := range old {
				names = append(names, r.name)
			}
			c.fault(w.at, w.s, names, "the playbook has no rule called %q to go without", w.s)
		}
	}
	c.rules = nil
	added := c.compileRules(spec.Rules)
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
	c.rules = append(first, rules...)
}
