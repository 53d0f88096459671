//go:build unix

package chaos

import (
	"fmt"
	"strconv"
	"strings"

	"giosgbot/giosg/giosgtest"
)

// The playbook that the bot gets, and the answers that are expected of it. Each rule has a word of its own and a text of its own, so that
// an answer shows which message it belongs to.

const rules = 200

var languages = [...]string{"en", "fi"}

const apology = "sorry"

// The teams of a hand-over, and the words that ask for them.
const (
	teamIn, teamOut   = "Support", "Night watch"
	askTeam, askNight = "kqhandz", "kqlonez"
)

// word is what a visitor writes to get the answer of rule n.
func word(n int) string { return fmt.Sprintf("kq%03dz", n) }

// value is the value of the button in rule n's answer, if the answer has one.
func value(n int) string { return fmt.Sprintf("press-%03d", n) }

func twice(n int) bool  { return n%4 == 1 }
func button(n int) bool { return n%5 == 2 }
func card(n int) bool   { return n%7 == 3 && !button(n) }

// once reports whether rule n gives another answer when its word was written before in the chat. So the bot must remember.
func once(n int) bool { return n%3 == 0 }

func again(n int, lang string) string { return fmt.Sprintf("Answer %d in %s once more.", n, lang) }

// answers returns the messages that answer rule n's word in a language.
func answers(n int, lang string, before bool) []string {
	if before && once(n) {
		return []string{again(n, lang)}
	}
	out := []string{fmt.Sprintf("Answer %d in %s.", n, lang)}
	if twice(n) {
		out = append(out, fmt.Sprintf("And more on %d in %s.", n, lang))
	}
	return out
}

func pressed(n int, lang string) string { return fmt.Sprintf("Button %d was pressed in %s.", n, lang) }
func fallback(lang string) string       { return apology + " " + lang }
func greeting(org, lang string) string  { return fmt.Sprintf("Welcome to %s in %s.", org, lang) }
func oneMoment(lang string) string      { return fmt.Sprintf("One moment in %s.", lang) }
func asked(lang string) string          { return fmt.Sprintf("A colleague was asked in %s.", lang) }
func nobody(lang string) string         { return fmt.Sprintf("Nobody is there in %s.", lang) }

// An edition is one version of the playbook. Editions differ in the end of every text only.
func inEdition(text string, edition int) string {
	if edition == 0 {
		return text
	}
	return fmt.Sprintf("%s [%d]", text, edition)
}

// editionOf splits a text into what all editions say and the number of its edition.
func editionOf(text string) (base string, edition int) {
	i := strings.LastIndex(text, " [")
	if i < 0 || !strings.HasSuffix(text, "]") {
		return text, 0
	}
	n, err := strconv.Atoi(text[i+2 : len(text)-1])
	if err != nil {
		return text, 0
	}
	return text[:i], n
}

// attached describes the attachments that the first message of rule n's answer must have.
func attached(n int) string {
	switch {
	case button(n):
		return fmt.Sprintf("|||Press %d=%s", n, value(n))
	case card(n):
		return fmt.Sprintf("Card %d|Text %d|https://shop.example/%d.jpg|Site=https://shop.example/%d", n, n, n, n)
	}
	return ""
}

// describe returns the attachments of a line in the form of attached.
func describe(l giosgtest.Line) string {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	var out []string
	for _, a := range l.Attachments {
		var actions []string
		for _, b := range a.Actions {
			actions = append(actions, text(b.Text)+"="+text(b.Value))
		}
		out = append(out, strings.Join([]string{text(a.Title), text(a.Text), text(a.ImageURL), strings.Join(actions, ",")}, "|"))
	}
	return strings.Join(out, ";")
}

// writer writes a playbook.
type writer struct {
	strings.Builder
	edition int
}

func (b *writer) line(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }

// both returns a text in all languages.
func (b *writer) both(f func(lang string) string) string {
	var parts []string
	for _, l := range languages {
		parts = append(parts, fmt.Sprintf("%s: %q", l, inEdition(f(l), b.edition)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// book returns an edition of the playbook. All organizations share it; they differ in the modes of the bot and in the greeting.
func book(orgs []*org, edition int) string {
	b := &writer{edition: edition}
	b.line("name: chaos\nmodes: [agent]\nlanguages: [%s]", strings.Join(languages[:], ", "))
	b.line("greeting:\n  say: %s", b.both(func(l string) string { return greeting("nobody", l) }))
	b.line("rules:")
	for n := range rules {
		b.rule(n)
	}
	for team, ask := range map[string]string{teamIn: askTeam, teamOut: askNight} {
		b.line("  - name: to %s\n    when: {keywords: {any: [%s]}}\n    do:\n      hand_over:\n        team: %s", team, ask, team)
		b.line("        before: %s\n        after: %s\n        nobody: %s", b.both(oneMoment), b.both(asked), b.both(nobody))
	}
	b.line("fallback:\n  say: %s", b.both(fallback))
	b.line("overrides:")
	for _, o := range orgs {
		b.line("  - organization: %s\n    modes: [%s]\n    greeting:\n      say: %s", o.ID, o.modes, b.both(func(l string) string { return greeting(o.Name, l) }))
	}
	return b.String()
}

func (b *writer) rule(n int) {
	when := ""
	if once(n) {
		when = fmt.Sprintf(", not_after: rule %d", n)
	}
	b.line("  - name: rule %d\n    when: {keywords: {any: [%s]}%s}\n    say:", n, word(n), when)
	for i := range answers(n, "", false) {
		b.line("      - text: %s", b.both(func(l string) string { return answers(n, l, false)[i] }))
		switch {
		case i > 0:
		case button(n):
			b.line("        buttons: [{text: {any: \"Press %d\"}, value: %s}]", n, value(n))
		case card(n):
			b.line("        attachments:\n          - title: {any: Card %d}\n            text: {any: Text %d}\n            image_url: https://shop.example/%d.jpg", n, n, n)
			b.line("            buttons: [{text: {any: Site}, link: \"https://shop.example/%d\"}]", n)
		}
	}
	if once(n) {
		b.line("  - name: rule %d again\n    when: {keywords: {any: [%s]}}\n    say: %s", n, word(n), b.both(func(l string) string { return again(n, l) }))
	}
	if button(n) {
		b.line("  - name: button %d\n    when: {button: %s}\n    say: %s", n, value(n), b.both(func(l string) string { return pressed(n, l) }))
	}
}

// ruleIn returns the rule whose word is in a text, or -1.
func ruleIn(text string) int {
	i := strings.Index(text, "kq")
	if i < 0 {
		return -1
	}
	n := -1
	_, _ = fmt.Sscanf(text[i:], "kq%03dz", &n)
	return n
}

// ruleOf returns the rule whose button has a value, or -1.
func ruleOf(v string) int {
	n := -1
	_, _ = fmt.Sscanf(v, "press-%03d", &n)
	return n
}
