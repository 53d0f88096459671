//go:build unix

package chaos

import (
	"fmt"
	"strings"
)

// The playbook that the bot gets, and what is to be expected of it. Every rule has a word of its own and answers with words of its own,
// so that each message's answer can be told from every other's.

const rules = 200

var languages = [...]string{"en", "fi"}

const apology = "sorry"

// word is what a visitor says to hear rule n.
func word(n int) string { return fmt.Sprintf("kq%03dz", n) }

// value is of the button that rule n's answer carries, if it does.
func value(n int) string { return fmt.Sprintf("press-%03d", n) }

func twice(n int) bool  { return n%4 == 1 }
func button(n int) bool { return n%5 == 2 }

// once tells whether rule n answers otherwise when its word was said before in the chat, so that the bot must remember.
func once(n int) bool { return n%3 == 0 }

func again(n int, lang string) string { return fmt.Sprintf("Answer %d in %s once more.", n, lang) }

// answers are the messages that answer rule n's word in a language.
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

// book is the playbook: one for all organizations, which differ in how the bot takes part and in the greeting.
func book(orgs []*org) string {
	var b strings.Builder
	both := func(f func(lang string) string) string {
		var parts []string
		for _, l := range languages {
			parts = append(parts, fmt.Sprintf("%s: %q", l, f(l)))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	fmt.Fprintf(&b, "name: chaos\nmodes: [agent]\nlanguages: [%s]\n", strings.Join(languages[:], ", "))
	fmt.Fprintf(&b, "greeting:\n  say: %s\n", both(func(l string) string { return greeting("nobody", l) }))
	fmt.Fprint(&b, "rules:\n")
	for n := range rules {
		when := ""
		if once(n) {
			when = fmt.Sprintf(", not_after: rule %d", n)
		}
		fmt.Fprintf(&b, "  - name: rule %d\n    when: {keywords: {any: [%s]}%s}\n    say:\n", n, word(n), when)
		for i := range answers(n, "", false) {
			fmt.Fprintf(&b, "      - text: %s\n", both(func(l string) string { return answers(n, l, false)[i] }))
			if i == 0 && button(n) {
				fmt.Fprintf(&b, "        buttons: [{text: {any: \"Press %d\"}, value: %s}]\n", n, value(n))
			}
		}
		if once(n) {
			fmt.Fprintf(&b, "  - name: rule %d again\n    when: {keywords: {any: [%s]}}\n    say: %s\n", n, word(n), both(func(l string) string { return again(n, l) }))
		}
		if button(n) {
			fmt.Fprintf(&b, "  - name: button %d\n    when: {button: %s}\n    say: %s\n", n, value(n), both(func(l string) string { return pressed(n, l) }))
		}
	}
	fmt.Fprintf(&b, "fallback:\n  say: %s\n", both(fallback))
	fmt.Fprint(&b, "overrides:\n")
	for _, o := range orgs {
		fmt.Fprintf(&b, "  - organization: %s\n    modes: [%s]\n    greeting:\n      say: %s\n", o.ID, o.modes,
			both(func(l string) string { return greeting(o.Name, l) }))
	}
	return b.String()
}

// ruleIn is the rule whose word stands in a text; -1 if none does.
func ruleIn(text string) int {
	i := strings.Index(text, "kq")
	if i < 0 {
		return -1
	}
	n := -1
	_, _ = fmt.Sscanf(text[i:], "kq%03dz", &n)
	return n
}

// ruleOf is the rule whose button has a value; -1 if none has.
func ruleOf(v string) int {
	n := -1
	_, _ = fmt.Sscanf(v, "press-%03d", &n)
	return n
}
