//go:build unix

package chaos

import (
	"slices"
	"time"

	"giosgbot/giosg/giosgtest"
)

// debt is one message that the bot owes.
type debt struct {
	text  string
	to    giosgtest.Line // the visitor's line; zero for the greeting
	first bool           // of the messages that answer the line
}

// answer is a debt that was paid.
type answer struct {
	debt
	by giosgtest.Line
}

// swap is an answer that came before that to an earlier message.
type swap struct {
	answer
	passed []giosgtest.Line // the visitor's lines that were still waiting then
	same   []giosgtest.Line // later ones that wait for the same words, so that it may be theirs
	knew   int              // what the bot knew of those it passed over
}

// verdict is what became of a chat.
type verdict struct {
	paid    []answer
	owed    []debt           // lost, if the chat is over
	doubled []giosgtest.Line // said, and not owed: doubled, or plain wrong
	swapped []swap
}

func (v verdict) waiting() int { return len(v.owed) }

// judge goes through a chat's transcript: each of the visitor's lines is a debt, and each of the bot's must pay one.
func (w *world) judge(t *talk, lines []giosgtest.Line) verdict {
	var v verdict
	greeted := false
	asked := map[int]bool{}
	if t.by.Load() == byBot && t.org.greeter {
		v.owed = append(v.owed, debt{text: greeting(t.org.Name, t.lang), first: true})
	}
	owes := t.org.greeter // the greeting
	for _, l := range lines {
		switch {
		case l.Who == "visitor" && (l.Type == "msg" || l.Type == "action"):
			if t.by.Load() == byBot && !owes {
				owes = true
				v.owed = append(v.owed, debt{text: greeting(t.org.Name, t.lang), first: true})
			}
			v.owed = append(v.owed, w.debts(t, l, greeted, asked)...)
		case l.Who == "bot" && l.Type == "msg":
			i := slices.IndexFunc(v.owed, func(d debt) bool { return d.text == l.Text })
			if i < 0 {
				v.doubled = append(v.doubled, l)
				continue
			}
			a := answer{v.owed[i], l}
			greeted = greeted || a.to.ID == ""
			if i > 0 {
				s := swap{answer: a}
				for _, d := range v.owed[:i] {
					s.passed = append(s.passed, d.to)
				}
				for _, d := range v.owed[i+1:] {
					if d.text == l.Text {
						s.same = append(s.same, d.to)
					}
				}
				v.swapped = append(v.swapped, s)
			}
			v.owed = slices.Delete(slices.Clone(v.owed), i, i+1)
			v.paid = append(v.paid, a)
		}
	}
	return v
}

// debts are the messages that answer a visitor's line.
func (w *world) debts(t *talk, l giosgtest.Line, greeted bool, asked map[int]bool) (out []debt) {
	var texts []string
	switch n := ruleIn(l.Text); {
	case t.by.Load() != byBot && !t.org.sidekick:
		return nil
	case l.Type == "action":
		texts = []string{pressed(ruleOf(l.ResponseValue), t.lang)}
	case n >= 0:
		texts = answers(n, t.lang, asked[n])
		asked[n] = true
	case t.by.Load() == byBot && greeted: // what was written before the greeting is not apologized for
		texts = []string{fallback(t.lang)}
	}
	for i, text := range texts {
		out = append(out, debt{text: text, to: l, first: i == 0})
	}
	return out
}

// wait is how long a visitor waited for an answer.
type wait struct {
	from, to time.Time
}

func (x wait) long() time.Duration { return x.to.Sub(x.from) }

// waits are those of a chat.
func (v verdict) waits() (out []wait) {
	for _, a := range v.paid {
		if a.first && a.to.ID != "" {
			out = append(out, wait{a.to.At, a.by.At})
		}
	}
	return out
}
