package playbook

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Next plans the reaction to an input in a chat with state s. The same arguments always give the same plan.
//
//   - Joined: the greeting, once in each chat. After joining, the bot is no longer quiet or gone.
//   - Said: the first rule that matches, otherwise the fallback. A sidekick has no greeting and no fallback.
//   - Pressed: the first rule that names the button's value, otherwise as if the visitor had written the button's text.
//   - HumanSaid: no actions. The bot becomes quiet if it serves the chat.
//   - Outcome: no actions, only the state after a hand-over.
//
// No text in the plan is empty or longer than MaxText.
func (p *Playbook) Next(s State, in Input) Plan {
	return p.next(s, in, nil)
}

// Explain is like Next, and adds why each rule did or did not match. It takes time in proportion to the number of rules.
func (p *Playbook) Explain(s State, in Input) Plan {
	var why []Reason
	plan := p.next(s, in, &why)
	plan.Why = why
	return plan
}

// MaySpeak reports whether a rule answers what a visitor said or pressed in at least one dialog state. If not, the state need not be
// known.
func (p *Playbook) MaySpeak(in Input) bool {
	c := p.chat(State{}, in)
	c.anyState = true
	return c.match(nil) != nil
}

// because adds a reason, unless why is nil.
func because(why *[]Reason, rule string, matched bool, text string) {
	if why != nil {
		*why = append(*why, Reason{rule, matched, text})
	}
}

// chat prepares what Next needs to know about an input.
func (p *Playbook) chat(s State, in Input) *chat {
	q := p.choose(in)
	s.Facts = slices.Clone(s.Facts)
	return &chat{playbook: q, state: s, in: in, slot: q.slot(in.Language)}
}

func (p *Playbook) next(s State, in Input, why *[]Reason) Plan {
	c := p.chat(s, in)
	var plan Plan
	switch in.Kind {
	case Joined:
		plan = c.joined(why)
	case Said, Pressed:
		plan = c.heard(why)
	case HumanSaid:
		c.state.Last = ""
		if in.Mode != Sidekick && !c.playbook.keepTalking {
			c.state.Quiet = true
			because(why, "", false, "a human wrote, so the bot is quiet from now on")
		}
	case Outcome:
		c.outcome()
	}
	plan.State = c.state
	if len(plan.State.Facts) == 0 {
		plan.State.Facts = nil
	}
	return plan
}

func (c *chat) joined(why *[]Reason) Plan {
	if c.in.Mode == Sidekick {
		because(why, greetingName, false, "a sidekick does not greet")
		return Plan{}
	}
	c.state.Quiet, c.state.Gone = false, false
	if c.state.Greeted {
		because(why, greetingName, false, "the bot has already greeted in this chat")
		return Plan{}
	}
	c.state.Greeted = true
	return c.firstCase(c.playbook.greeting, greetingName, "the bot has joined the chat", why)
}

// firstCase answers with the first of several greetings or fallbacks whose conditions hold. reason is why one is wanted.
func (c *chat) firstCase(list []*answer, name, reason string, why *[]Reason) Plan {
	if len(list) == 0 {
		because(why, name, false, "the playbook has no "+name)
	}
	for i, a := range list {
		ok, whyNot := a.guard.holds(c)
		if !ok {
			if why != nil {
				because(why, name, false, fmt.Sprintf("number %d: %s", i+1, whyNot()))
			}
			continue
		}
		because(why, name, true, reason)
		c.rule = name
		if i > 0 {
			c.rule += " " + strconv.Itoa(i+1)
		}
		return c.answer(a, name)
	}
	return Plan{}
}

// answer plans an answer and updates the state.
func (c *chat) answer(a *answer, name string) Plan {
	plan := Plan{Rule: name, Actions: c.act(a, "")}
	c.remember(name)
	c.state.Last = ""
	if c.playbook.base.lastNames[name] {
		c.state.Last = name
	}
	return plan
}

// remember adds a fact to the state if a condition of the playbook needs it.
func (c *chat) remember(name string) {
	if c.playbook.base.remembered[name] && !slices.Contains(c.state.Facts, name) {
		c.state.Facts = append(c.state.Facts, name)
	}
}

func (c *chat) heard(why *[]Reason) Plan {
	if c.state.Gone {
		because(why, "", false, "the bot has left this chat")
		return Plan{}
	}
	r := c.match(why)
	// The button becomes a fact for later inputs, not for its own answer.
	if c.in.Kind == Pressed && c.in.Value != "" {
		defer func() {
			c.remember(c.in.Value)
			for _, name := range c.playbook.base.buttonNames[c.in.Value] {
				c.remember(name)
			}
		}()
	}
	if r != nil {
		c.rule = r.name
		return c.answer(&r.answer, r.name)
	}
	switch {
	case c.state.Quiet:
		because(why, fallbackName, false, "the bot is quiet")
	case c.in.Mode == Sidekick:
		because(why, fallbackName, false, "a sidekick answers only when a rule matches")
	case c.in.Early:
		because(why, fallbackName, false, "the visitor wrote this before the greeting, and only rules answer such a message")
	default:
		return c.firstCase(c.playbook.fallback, fallbackName, "no rule matches", why)
	}
	return Plan{}
}

// match returns the rule that answers what the visitor said or pressed, or nil.
func (c *chat) match(why *[]Reason) *rule {
	if c.in.Kind == Pressed {
		if r := c.matchButton(why); r != nil {
			return r
		}
	}
	passed := 0 // rules before this index have a reason
	for list := c.candidates(); ; {
		i, keyword, more := list.next()
		if !more {
			break
		}
		c.passOver(passed, i, why)
		passed = i + 1
		r := c.playbook.rules[i]
		ok, whyNot := c.admits(r)
		if !ok && why == nil {
			continue // do not spend time on patterns
		}
		pattern := ""
		if keyword == "" && r.triggered() {
			if pattern = c.fitsPattern(r); pattern == "" {
				c.passOver(i, i+1, why)
				continue
			}
		}
		if !ok {
			because(why, r.name, false, whyNot())
			continue
		}
		if why != nil {
			because(why, r.name, true, whyMatched(keyword, pattern))
		}
		return r
	}
	c.passOver(passed, len(c.playbook.rules), why)
	return nil
}

// matchButton returns the rule that names the value of the button that was pressed, or nil.
func (c *chat) matchButton(why *[]Reason) *rule {
	for _, i := range c.playbook.byButton[c.in.Value] {
		r := c.playbook.rules[i]
		ok, whyNot := c.admits(r)
		if why != nil {
			reason := fmt.Sprintf("it answers the button value %q", c.in.Value)
			if !ok {
				reason = whyNot()
			}
			because(why, r.name, ok, reason)
		}
		if ok {
			return r
		}
	}
	if why != nil {
		because(why, "", false, fmt.Sprintf("no rule answers the button value %q here, so the button's text counts as a message", c.in.Value))
	}
	return nil
}

// candidates are the rules that may answer a text, in order: those with a keyword in the text, those with patterns, and those without
// keywords, patterns and buttons.
type candidates struct {
	hits   []hit
	always []int
}

func (c *chat) candidates() candidates {
	all := candidates{always: c.playbook.always}
	if x := c.playbook.indexes[c.slot]; x != nil {
		all.hits = x.find(words(c.in.Text))
	}
	return all
}

// next returns the index of the next rule and its first keyword that is in the text, or "" if there is none.
func (c *candidates) next() (rule int, keyword string, ok bool) {
	if len(c.hits)+len(c.always) == 0 {
		return 0, "", false
	}
	rule = math.MaxInt
	if len(c.always) > 0 {
		rule = c.always[0]
	}
	if len(c.hits) > 0 && int(c.hits[0].rule) <= rule {
		rule, keyword = int(c.hits[0].rule), c.hits[0].keyword
	}
	for len(c.hits) > 0 && int(c.hits[0].rule) == rule {
		c.hits = c.hits[1:]
	}
	if len(c.always) > 0 && c.always[0] == rule {
		c.always = c.always[1:]
	}
	return rule, keyword, true
}

// passOver adds the reasons why the rules from index from up to to do not match, unless why is nil.
func (c *chat) passOver(from, to int, why *[]Reason) {
	if why == nil {
		return
	}
	for _, r := range c.playbook.rules[from:to] {
		because(why, r.name, false, c.whyNot(r))
	}
}

func whyMatched(keyword, pattern string) string {
	switch {
	case keyword != "":
		return fmt.Sprintf("the keyword %q matches", keyword)
	case pattern != "":
		return fmt.Sprintf("the pattern %s matches", strings.TrimPrefix(pattern, "(?i)"))
	}
	return "its conditions hold"
}

func (c *chat) whyNot(r *rule) string {
	switch n := len(r.keywords[c.slot]); {
	case n > 0 && len(r.patterns[c.slot]) > 0:
		return "no keyword and no pattern matches"
	case n > 0:
		return "no keyword matches"
	case len(r.patterns[c.slot]) > 0:
		return "no pattern matches"
	case len(r.buttons) > 0:
		return "it answers buttons only"
	}
	return "it has no keywords in the language " + c.playbook.slots[c.slot]
}

// admits reports whether a rule may answer now, whatever the text is. If not, the function returns the reason.
func (c *chat) admits(r *rule) (bool, func() string) {
	if c.state.Quiet && !r.whileQuiet {
		return false, func() string { return "the bot is quiet, and the rule does not have while_quiet" }
	}
	return r.guard.holds(c)
}

// fitsPattern returns the first of a rule's patterns that matches the text, or "".
func (c *chat) fitsPattern(r *rule) string {
	if len(r.patterns[c.slot]) == 0 {
		return ""
	}
	text := tidy(c.in.Text)
	for _, re := range r.patterns[c.slot] {
		if re.MatchString(text) {
			return re.String()
		}
	}
	return ""
}

// handOver plans a hand-over. Its parts change the state only with the outcome.
func (c *chat) handOver(h *handOver, seed string) HandOver {
	c.state.Asked, c.state.Tries = c.rule, 0
	plan := func(a *answer, seed string) []Action {
		branch := *c
		return branch.act(a, seed)
	}
	return HandOver{
		Team:   h.team[c.slot],
		Humans: h.humans,
		Before: plan(&h.before, seed+"b"),
		After:  plan(&h.after, seed+"a"),
		Nobody: plan(&h.nobody, seed+"n"),
	}
}

// outcome updates the state with the result of a hand-over.
func (c *chat) outcome() {
	h := c.asked()
	c.rule = c.state.Asked
	tries := c.state.Tries
	c.state.Asked, c.state.Tries = "", 0
	if !c.in.Found {
		if h != nil {
			c.act(&h.nobody, "")
			if c.state.Asked != "" {
				c.state.Tries = tries + 1
			}
		}
		return
	}
	c.remember(handedOverName)
	c.state.Quiet = h == nil || !h.keepTalking
	if h != nil {
		c.act(&h.before, "")
		c.act(&h.after, "")
	}
}

// asked returns the hand-over that has no outcome yet, or nil if the playbook no longer contains it.
func (c *chat) asked() *handOver {
	if c.state.Asked == "" {
		return nil
	}
	var a *answer
	for _, r := range c.playbook.rules {
		if r.name == c.state.Asked {
			a = &r.answer
		}
	}
	for _, l := range []struct {
		name string
		list []*answer
	}{{greetingName, c.playbook.greeting}, {fallbackName, c.playbook.fallback}} {
		for i, x := range l.list {
			if name := l.name + " " + strconv.Itoa(i+1); c.state.Asked == name || i == 0 && c.state.Asked == l.name {
				a = x
			}
		}
	}
	if a == nil {
		return nil
	}
	h := a.handsOver()
	for range c.state.Tries {
		if h != nil {
			h = h.nobody.handsOver()
		}
	}
	return h
}

// handsOver returns the answer's hand-over, or nil. There is at most one.
func (a *answer) handsOver() *handOver {
	for _, s := range a.do {
		if s.handOver != nil {
			return s.handOver
		}
	}
	return nil
}
