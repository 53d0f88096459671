//go:build unix

package chaos

import (
	"fmt"
	"slices"
	"time"

	"giosgbot/giosg/giosgtest"
)

// debt is one message that the bot owes.
type debt struct {
	text     string         // without the mark of an edition
	to       giosgtest.Line // the visitor's line; zero for the greeting
	first    bool           // of the messages that answer the line
	optional bool           // right when it is sent, and right when not
	attached string         // the attachments that it must have
	team     string         // of a hand-over
}

// answer is a debt that was paid.
type answer struct {
	debt
	by      giosgtest.Line
	edition int
}

// swap is an answer that came before that to an earlier message.
type swap struct {
	answer
	passed []giosgtest.Line // the visitor's earlier lines that were still waiting
	same   []giosgtest.Line // later ones that wait for the same text, so that the answer may be theirs
	knew   int              // what the bot knew of the passed lines
}

// verdict is what became of a chat.
type verdict struct {
	paid    []answer
	owed    []debt           // lost, if the chat is over
	doubled []giosgtest.Line // sent and not owed: a duplicate, or plain wrong
	swapped []swap
	wrong   []string // answers with wrong attachments, of mixed editions, or with a wrong hand-over

	greeted bool
	quiet   bool         // after a hand-over the bot says nothing
	asked   map[int]bool // rules whose word was written before
	calls   int          // of colleagues, by hand-over
}

// waiting counts the messages that are still owed.
func (v verdict) waiting() (n int) {
	for _, d := range v.owed {
		if !d.optional {
			n++
		}
	}
	return n
}

// lost lists the messages that are still owed.
func (v verdict) lost() (out []debt) {
	for _, d := range v.owed {
		if !d.optional {
			out = append(out, d)
		}
	}
	return out
}

// judge goes through a chat's transcript. Each line of the visitor is a debt, and each line of the bot must pay one.
func (w *world) judge(t *talk, lines []giosgtest.Line) verdict {
	v := verdict{asked: map[int]bool{}}
	greetings := 0
	greet := func(optional bool) {
		v.owed = append(v.owed, debt{text: greeting(t.org.Name, t.lang), first: true, optional: optional})
		greetings++
	}
	bots := t.by.Load() == byBot
	if bots && t.org.greeter {
		greet(false)
	}
	back := time.Time{} // when the bot may greet once more
	if ns := t.back.Load(); ns != 0 {
		back = w.real(time.Unix(0, ns))
	}
	for _, l := range lines {
		if bots && greetings > 0 && !back.IsZero() && !l.At.Before(back) {
			back = time.Time{}
			greet(true)
		}
		switch {
		case l.Who == "visitor" && (l.Type == "msg" || l.Type == "action"):
			if bots && greetings == 0 {
				greet(false)
			}
			if !v.quiet {
				v.owed = append(v.owed, w.debts(t, l, &v)...)
			}
		case l.Who == "bot" && l.Type == "msg":
			w.pay(t, &v, l)
		}
	}
	v.checkEditions()
	return v
}

// pay finds the debt that a line of the bot pays.
func (w *world) pay(t *talk, v *verdict, l giosgtest.Line) {
	base, edition := editionOf(l.Text)
	w.decide(t, v, base)
	i := slices.IndexFunc(v.owed, func(d debt) bool { return d.text == base })
	if i < 0 {
		v.doubled = append(v.doubled, l)
		return
	}
	a := answer{v.owed[i], l, edition}
	v.greeted = v.greeted || a.to.ID == ""
	if got := describe(l); got != a.attached {
		v.wrong = append(v.wrong, fmt.Sprintf("%q has the attachments %q, want %q", l.Text, got, a.attached))
	}
	if a.team != "" && base == asked(t.lang) {
		v.calls++
		v.quiet = true
	}
	s := swap{answer: a}
	for _, d := range v.owed[:i] {
		if !d.optional {
			s.passed = append(s.passed, d.to)
		}
	}
	if len(s.passed) > 0 {
		for _, d := range v.owed[i+1:] {
			if d.text == base {
				s.same = append(s.same, d.to)
			}
		}
		v.swapped = append(v.swapped, s)
	}
	v.owed = slices.Delete(slices.Clone(v.owed), i, i+1)
	v.paid = append(v.paid, a)
}

// decide replaces what is owed for a hand-over by what its other outcome owes, when the bot says that nobody is there although the team is
// online. That is right only if giosg gave an odd answer to a question about teams, which the audit knows.
func (w *world) decide(t *talk, v *verdict, base string) {
	i := slices.IndexFunc(v.owed, func(d debt) bool { return d.team == teamIn && d.text == oneMoment(t.lang) })
	if i < 0 || base != nobody(t.lang) {
		return
	}
	d := v.owed[i]
	d.text = base
	v.owed = slices.Delete(slices.Clone(v.owed), i, i+2)
	v.owed = slices.Insert(v.owed, i, d)
	if !w.oddTeams() {
		v.wrong = append(v.wrong, "a visitor was told that nobody is there, but the team is online")
	}
}

// oddTeams reports whether a question about teams got an odd answer.
func (w *world) oddTeams() bool { return w.teamsRefused.Load() }

// debts returns the messages that answer a visitor's line.
func (w *world) debts(t *talk, l giosgtest.Line, v *verdict) (out []debt) {
	var texts []string
	team, attachments := "", ""
	switch n := ruleIn(l.Text); {
	case t.by.Load() != byBot && !t.org.sidekick:
		return nil
	case l.Type == "action":
		texts = []string{pressed(ruleOf(l.ResponseValue), t.lang)}
	case contains(l.Text, askTeam):
		team, texts = teamIn, []string{oneMoment(t.lang), asked(t.lang)}
	case contains(l.Text, askNight):
		team, texts = teamOut, []string{nobody(t.lang)}
	case n >= 0:
		texts = answers(n, t.lang, v.asked[n])
		if !v.asked[n] || !once(n) {
			attachments = attached(n)
		}
		v.asked[n] = true
	case t.by.Load() == byBot && v.greeted: // nonsense before the greeting gets no fallback
		texts = []string{fallback(t.lang)}
	}
	for i, text := range texts {
		d := debt{text: text, to: l, first: i == 0, team: team}
		if i == 0 {
			d.attached = attachments
		}
		out = append(out, d)
	}
	return out
}

// checkEditions finds answers whose messages come from different editions of the playbook.
func (v *verdict) checkEditions() {
	of := map[string]int{}
	for _, a := range v.paid {
		if a.to.ID == "" {
			continue
		}
		if n, ok := of[a.to.ID]; ok && n != a.edition {
			v.wrong = append(v.wrong, fmt.Sprintf("the answer to %q is of the playbook's editions %d and %d", a.to.Text, n, a.edition))
		}
		of[a.to.ID] = a.edition
	}
}

// wait is how long a visitor waited for an answer.
type wait struct {
	from, to time.Time
}

func (x wait) long() time.Duration { return x.to.Sub(x.from) }

// waits returns the waits of a chat.
func (v verdict) waits() (out []wait) {
	for _, a := range v.paid {
		if a.first && a.to.ID != "" {
			out = append(out, wait{a.to.At, a.by.At})
		}
	}
	return out
}
