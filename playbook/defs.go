package playbook

import (
	"slices"
	"strings"
)

// definitions checks the named buttons and attachments, including those that nothing uses.
func (c *compiler) definitions() {
	for i := range c.spec.Buttons.items {
		e := &c.spec.Buttons.items[i]
		c.goodName(e.name, "button")
		for _, lang := range c.base.slots {
			v := c.buttonOf(&e.value, e.name.s, lang, c.base.slots).Value
			if v != e.name.s && v != "" && !slices.Contains(c.base.buttonNames[v], e.name.s) {
				c.base.buttonNames[v] = append(c.base.buttonNames[v], e.name.s)
			}
		}
		c.known.add(e.name.s)
	}
	for i := range c.spec.Attachments.items {
		e := &c.spec.Attachments.items[i]
		c.goodName(e.name, "attachment")
		for _, lang := range c.base.slots {
			c.attachmentOf(&e.value, lang, c.base.slots)
		}
	}
}

var (
	buttonTypes = []string{"button", "link_button"}
	linkTargets = []string{"_blank", "_parent"}
	styles      = []string{"primary", "secondary", "info", "success", "warning", "danger", "link", "brand_primary", "brand_secondary"}
)

// oneOf checks that a word is one of those allowed. The word may be missing.
func (c *compiler) oneOf(w word, what string, allowed []string) {
	if w.s != "" && !slices.Contains(allowed, w.s) {
		c.src.fault(w.at, w.s, allowed, "%q is not a %s", w.s, what)
	}
}

func (c *compiler) buttonList(uses []buttonUse, lang string, langs []string) []button {
	var all []button
	for i := range uses {
		if !c.part(uses[i].at) {
			break
		}
		all = append(all, c.button(&uses[i], lang, langs))
	}
	return all
}

// valuesOf returns the button values that a name in a condition means: those of the named button, or the name itself.
func (c *compiler) valuesOf(name string) []string {
	def := c.spec.Buttons.find(name)
	if def == nil {
		return []string{name}
	}
	var values []string
	for _, lang := range c.base.slots {
		if v := c.buttonOf(def, name, lang, c.base.slots).Value; v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// button compiles one use of a button in lang. langs are all the languages that this use needs.
func (c *compiler) button(u *buttonUse, lang string, langs []string) button {
	if u.full != nil {
		return c.buttonOf(u.full, "", lang, langs)
	}
	if def := c.spec.Buttons.find(u.name.s); def != nil {
		c.used["button "+u.name.s] = true
		return c.buttonOf(def, u.name.s, lang, c.base.slots)
	}
	// With one language, a text is a button. But if it is similar to the name of a button, it is probably a mistake.
	if names := len(c.spec.Buttons.items); len(langs) > 1 || names > 0 && names < 200 && nearest(u.name.s, c.spec.Buttons.names()) != "" {
		if names := c.spec.Buttons.names(); len(names) > 0 {
			c.src.fault(u.name.at, u.name.s, names, "there is no button with the name %q", u.name.s)
		} else {
			c.src.fault(u.name.at, "", nil, "there is no button with the name %q; this playbook has several languages, so define the button under buttons: or write its text in each language", u.name.s)
		}
		return button{}
	}
	return c.buttonOf(&buttonSpec{Text: local[word]{plain: &u.name, at: u.at}, at: u.at}, "", lang, langs)
}

// buttonOf compiles a button in lang. name is the name of its definition, or "".
func (c *compiler) buttonOf(spec *buttonSpec, name, lang string, langs []string) button {
	if spec.Text.at.line == 0 {
		c.src.lack(spec.at, fieldNames(spec), "this button has no text")
	}
	spec.Text.need(c.src, langs, "the button's text")
	b := button{at: spec.at, Button: Button{Type: "button", Style: spec.Style.s, LinkTarget: spec.LinkTarget.s,
		DisabledOnSelection:      spec.DisabledOnSelection.or(true),
		DisabledOnVisitorMessage: spec.DisabledOnVisitorMessage.or(false)}}
	if w := spec.Text.in(lang); w != nil {
		b.text = c.mustText(*w, lang)
	}
	c.oneOf(spec.Type, "type of button", buttonTypes)
	c.oneOf(spec.LinkTarget, "link_target", linkTargets)
	c.oneOf(spec.Style, "style of button", styles)
	value := &spec.Value
	if spec.Type.s != "" {
		b.Type = spec.Type.s
	}
	if spec.Link.at.line > 0 {
		if spec.Value.at.line > 0 {
			c.src.fault(spec.Link.at, "", nil, "a button can have link or value, but not both; the value of a link_button is its link")
		}
		if spec.Type.s == "button" {
			c.src.fault(spec.Type.at, "", nil, "a button with a link must have the type link_button; you can leave type out")
		}
		b.Type, value = "link_button", &spec.Link
	}
	switch {
	case value.at.line > 0:
		if value.plain == nil {
			value.need(c.src, langs, "the button's value")
		}
		if w := value.in(lang); w != nil {
			b.Value = w.s
		}
	case b.Type == "link_button":
		c.src.fault(spec.at, "", nil, "this link_button has no address; add link: with one")
	case name != "":
		b.Value = name
	default:
		// The value is the same in every language, so that one rule can answer it.
		if w := spec.Text.in(langs[0]); w != nil {
			b.Value = w.s
		}
	}
	if b.Type == "link_button" && b.Value != "" && !isLink(b.Value) {
		c.src.fault(value.at, "", nil, "%q is not a full address; write one like https://example.com/page", b.Value)
	}
	if b.Value != "" {
		c.known.add(b.Value)
	}
	return b
}

// isLink reports whether a text is an address that a browser can open. Addresses that run code do not count.
func isLink(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || strings.ContainsAny(s, " \t\n\"<>") {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https":
		return strings.HasPrefix(rest, "//") && len(rest) > 2
	case "mailto", "tel", "sms", "whatsapp":
		return true
	}
	return false
}

func (c *compiler) attachment(u *attachmentUse, lang string, langs []string) attachment {
	if u.full != nil {
		return c.attachmentOf(u.full, lang, langs)
	}
	if def := c.spec.Attachments.find(u.name.s); def != nil {
		c.used["attachment "+u.name.s] = true
		key := [2]string{u.name.s, lang}
		if _, done := c.shared[key]; !done {
			c.shared[key] = c.attachmentOf(def, lang, c.base.slots)
		}
		c.part(u.name.at)
		return c.shared[key]
	}
	c.src.fault(u.name.at, u.name.s, c.spec.Attachments.names(), "there is no attachment with the name %q", u.name.s)
	return attachment{}
}

func (c *compiler) attachmentOf(spec *attachmentSpec, lang string, langs []string) attachment {
	a := attachment{Attachment: Attachment{LinkTarget: spec.LinkTarget.s}}
	c.oneOf(spec.LinkTarget, "link_target", linkTargets)
	words := func(l *local[word], what string) text {
		if l.at.line == 0 {
			return nil
		}
		l.need(c.src, langs, what)
		if w := l.in(lang); w != nil {
			return c.textOf(*w, lang)
		}
		return nil
	}
	link := func(l *local[word], what string) string {
		if l.at.line == 0 {
			return ""
		}
		if l.plain == nil {
			l.need(c.src, langs, what)
		}
		w := l.in(lang)
		if w == nil || w.s == "" {
			return ""
		}
		if !isLink(w.s) {
			c.src.fault(w.at, "", nil, "%q is not a full address; write one like https://example.com/page", w.s)
		}
		return w.s
	}
	a.title, a.text = words(&spec.Title, "the title"), words(&spec.Text, "the text")
	a.TitleLinkURL = link(&spec.TitleLinkURL, "title_link_url")
	a.ImageURL = link(&spec.ImageURL, "image_url")
	a.ImageLinkURL = link(&spec.ImageLinkURL, "image_link_url")
	uses := spec.Buttons.items
	if spec.Actions.at.line > 0 {
		if spec.Buttons.at.line > 0 {
			c.src.fault(spec.Actions.at, "", nil, "buttons and actions mean the same; use only one of them")
		}
		uses = spec.Actions.items
	}
	a.buttons = c.buttonList(uses, lang, langs)
	if a.title == nil && a.text == nil && a.ImageURL == "" && len(a.buttons) == 0 {
		c.src.lack(spec.at, fieldNames(spec), "this attachment is empty; give it a title, a text, an image_url or buttons")
	}
	return a
}

// feedbackRules compiles the feedback question, and makes a rule of each answer.
func (c *compiler) feedbackRules() {
	f := c.spec.Feedback
	if f == nil {
		return
	}
	if !f.Say.given() {
		c.src.lack(f.at, fieldNames(f), "feedback has no question; add say:")
		return
	}
	if len(f.Answers.items) == 0 {
		c.src.lack(f.at, fieldNames(f), "feedback has no answers to choose from; add answers:")
		return
	}
	c.feedback = c.say(f.Say, c.base.slots)
	for slot, lang := range c.base.slots {
		list := c.feedback[slot]
		if len(list) == 0 {
			continue
		}
		var buttons []button
		for i := range f.Answers.items {
			buttons = append(buttons, c.button(&f.Answers.items[i].Button, lang, c.base.slots))
		}
		last := &list[len(list)-1]
		last.attachments = append(slices.Clone(last.attachments), attachment{buttons: buttons})
	}
	for i := range f.Answers.items {
		spec := &f.Answers.items[i]
		r := &rule{at: spec.at, whileQuiet: true, implied: true}
		for _, lang := range c.base.slots {
			if v := c.button(&spec.Button, lang, c.base.slots).Value; v != "" && !slices.Contains(r.buttons, v) {
				r.buttons, r.buttonsAt = append(r.buttons, v), append(r.buttonsAt, spec.at)
			}
		}
		r.name = "feedback: " + strings.Join(r.buttons, ", ")
		r.none(len(c.base.slots))
		c.answer(&r.answer, spec.Say, spec.Do, spec.at)
		c.base.rules = append(c.base.rules, r)
		c.known.add(r.name)
		c.ruleSet.add(r.name)
	}
}
