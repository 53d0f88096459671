package playbook

import (
	"regexp"
	"slices"
	"strings"
)

// say compiles what is said. The result has a list of messages for each language of the base.
func (c *compiler) say(y saySpec, langs []string) [][]message {
	out := make([][]message, len(c.base.slots))
	c.sayInto(out, y, langs)
	return out
}

func (c *compiler) sayInto(out [][]message, y saySpec, langs []string) {
	switch {
	case y.one != nil:
		c.message(out, y.one, langs)
	case y.many != nil:
		for _, x := range y.many {
			c.sayInto(out, x, langs)
		}
	case y.by != nil:
		l := local[saySpec]{by: y.by, at: y.at}
		l.need(c.src, langs, "say")
		for _, lang := range langs {
			if x := l.in(lang); x != nil {
				c.sayInto(out, *x, []string{lang})
			}
		}
	}
}

func (c *compiler) message(out [][]message, m *messageSpec, langs []string) {
	switch {
	case m.Text.at.line > 0 && m.OneOf.at.line > 0:
		c.src.fault(m.OneOf.at, "", nil, "a message can have text or one_of, but not both")
	case m.Text.at.line == 0 && m.OneOf.at.line == 0:
		c.src.lack(m.at, fieldNames(m), "this message has no text; every message needs one, even with attachments or buttons")
		return
	}
	if m.Template.s != "" && !slices.Contains(templates, m.Template.s) {
		c.src.fault(m.Template.at, m.Template.s, templates, "%q is not an attachment_template", m.Template.s)
	}
	if m.Text.at.line > 0 {
		m.Text.need(c.src, langs, "this text")
	} else {
		m.OneOf.need(c.src, langs, "one_of")
	}
	for _, lang := range langs {
		if !c.part(m.at) {
			return
		}
		one := message{template: m.Template.s}
		if w := m.Text.in(lang); w != nil {
			one.variants, one.at = append(one.variants, c.mustText(*w, lang)), append(one.at, w.at)
		}
		if l := m.OneOf.in(lang); l != nil {
			for _, w := range l.items {
				one.variants, one.at = append(one.variants, c.mustText(w, lang)), append(one.at, w.at)
			}
		}
		for i := range m.Attachments.items {
			one.attachments = append(one.attachments, c.attachment(&m.Attachments.items[i], lang, langs))
		}
		if len(m.Buttons.items) > 0 {
			one.attachments = append(one.attachments, attachment{buttons: c.buttonList(m.Buttons.items, lang, langs)})
		}
		if len(one.variants) > 0 {
			slot := slices.Index(c.base.slots, lang)
			out[slot] = append(out[slot], one)
		}
	}
}

var templates = []string{"generic", "interaction", "external"}

// textOf compiles a text that may have variables.
func (c *compiler) textOf(w word, lang string) text {
	var t text
	literal := ""
	rest := w.s
	for {
		before, after, open := strings.Cut(rest, "{")
		literal += before
		if !open {
			return append(t, literal)
		}
		if strings.HasPrefix(after, "{") {
			literal, rest = literal+"{", after[1:]
			continue
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || !variableName.MatchString(name) {
			literal, rest = literal+"{", after
			continue
		}
		if _, ok := variables[name]; !ok {
			c.src.fault(w.at, name, variableNames(), "there is no variable {%s}; to send these characters as they are, write {{%s}", name, name)
			return text{literal}
		}
		if name == "good_day" && len(goodDays[primary(lang)]) == 0 {
			c.src.fault(w.at, "", goodDayLanguages(), "{good_day} is not available in the language %s", lang)
		}
		if name == "room" {
			c.base.needsRoom = true
		}
		t = append(t, literal, name)
		literal, rest = "", tail
	}
}

// mustText is like textOf, for texts that must not be empty.
func (c *compiler) mustText(w word, lang string) text {
	t := c.textOf(w, lang)
	for i := 0; i < len(t); i += 2 {
		if strings.TrimSpace(t[i]) != "" {
			return t
		}
	}
	if w.s != "" {
		c.src.fault(w.at, "", nil, "this text has only variables, so it may be empty; add a word")
	}
	return text{"…"}
}

var variableName = regexp.MustCompile(`^[a-z_]+$`)

func variableNames() []string {
	var all []string
	for name := range variables {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func primary(lang string) string {
	short, _, _ := strings.Cut(lang, "-")
	return short
}
