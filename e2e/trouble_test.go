package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestDuplicatesAreDropped(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	b.turns("duplicate", true)
	v.say("opening hours?")
	v.hears(hours)
	b.await("a copy is marked as a duplicate", "seen($('#wire [data-swallowed=yes]'))")
	v.say("where is my order?")
	v.hears(order)
	b.done("answer", "duplicate")
	v.once(greeting, hours, order)
}

func TestOutageIsSurvived(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	v.say("hello")
	v.hears(greeting)
	b.turns("down", true)
	v.say("opening hours?")
	b.await("a call fails", "$('#wire li[data-kind=call][data-status=\"503\"]')")
	v.turn("later", "opening hours?")
	b.never("the bot has answered", "texts(¿).includes(¿)", v.at+" .by-bot .bubble", hours)
	b.turns("down", false)
	v.hears(hours)
	b.done("outage")
	v.once(greeting, hours)
}

func TestKilledBotAnswersOnceItIsBack(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	v.say("hello")
	v.hears(greeting)
	b.kills()
	v.say("opening hours?")
	b.await("giosg retries a webhook", "texts('#wire li[data-kind=hook]').some((t) => t.includes('will be retried'))")
	b.never("a killed bot seems to be typing", "seen($(¿))", v.at+" .typing")
	b.starts()
	v.hears(hours)
	b.done("restart")
	v.once(greeting, hours)
}

func TestBrokenPlaybookIsReadableAndRepairTakesEffect(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	v.say("opening hours?")
	v.hears(hours)
	b.click("#tab-book")
	text := awaited[string](b.page, "the playbook is shown", "$('#book-text').value")
	broken := strings.Replace(strings.Replace(text, hours, "Day and night.", 1), "keywords:", "keywrods:", 1)
	before, _, _ := strings.Cut(broken, "keywrods:")
	line := strings.Count(before, "\n") + 1
	b.replace(text, hours, "Day and night.")
	b.active()
	b.await("the page shows that the text was edited", "text('#book-name').includes('(edited)')")
	b.replace("", "keywords:", "keywrods:")
	problem := b.problem("keywrods")
	if !strings.HasPrefix(problem, strconv.Itoa(line)+":") || !strings.Contains(problem, "did you mean keywords?") {
		t.Errorf("line %d has the mistake; the page says %q", line, problem)
	}
	b.await("the line is marked", "$$('#book-lines span')[¿].matches('.error')", line-1)
	b.await("the page says which playbook is active", "text('#book-state').includes('The previous playbook stays active')")
	v.say("are you open?")
	v.hears("Day and night.")
	b.click("#book-problems li.error button")
	b.focused("#book-text")
	b.await("the cursor is at the mistake", "$('#book-text').value.slice($('#book-text').selectionStart).startsWith('keywrods')")
	b.replace("", "keywrods:", "keywords:")
	b.replace("", "Day and night.", "Always, ääkkösineen.")
	b.active()
	v.say("open?")
	v.hears("Always, ääkkösineen.")
	b.done("playbook")
}

// problem waits for an error of the playbook that has those words in it. While they are being typed there are others.
func (b *box) problem(words string) string {
	b.t.Helper()
	return awaited[string](b.page, "the page shows a problem with "+words, "text('#book-state') !== 'Checking…' && texts('#book-problems li.error').find((t) => t.includes(¿))", words)
}

// replace selects words in the playbook and types others. was, if not empty, is what the whole text must be before.
func (b *box) replace(was, old, words string) {
	b.t.Helper()
	b.click("#book-text")
	b.focused("#book-text")
	if was != "" {
		b.await("the text is as it was", "$('#book-text').value === ¿", was)
	}
	if !get[bool](b.page, `((e, at) => at >= 0 && (e.setSelectionRange(at, at + ¿.length), true))($('#book-text'), $('#book-text').value.indexOf(¿))`, old, old) {
		b.t.Fatalf("%q is not in the playbook", old)
	}
	b.press(words)
	b.await("it is written", "$('#book-text').value.includes(¿)", words)
}

func TestExamplesWork(t *testing.T) {
	b := open(t, desktop)
	b.click("#tab-book")
	b.choose("#book-choice", "greeter.yaml")
	b.await("the greeter is active", "text('#book-name') === 'greeter' && text('#book-modes').includes('greeter') && text('#book-hooks').includes('routed_chats')")
	v := b.comes("Web shop (en)")
	b.await("it greets before the visitor has written", "$(¿)", v.at+" .by-bot .bubble")
	b.choose("#book-choice", "sidekick.yaml")
	b.await("the sidekick is active", "text('#book-name') === 'products' && text('#book-modes').includes('sidekick')")
	v = b.comes("Web shop (en)")
	v.say("hello")
	b.click(`#operator-chats [data-row="` + v.id + `"]`)
	b.click("#operator-take")
	b.focused("#operator-text")
	b.press("Hi!", kb.Enter)
	v.say("do you know Aurora 2?")
	v.hears("About the Aurora lamp")
	b.await("its picture is not loaded without a click", "text(¿).includes('Show the picture from')", v.at+" .picture")
}

// A phone shows one panel at a time.
func TestPhone(t *testing.T) {
	b := open(t, phone)
	v := b.first()
	b.await("nothing is wider than the phone", "document.documentElement.scrollWidth <= 390")
	b.never("the operator is in view", "seen($('#operator'))")
	v.say("opening hours?")
	v.hears(hours)
	b.click(".views [data-view=bot]")
	b.await("the bot is in view", "seen($('#bot')) && !seen($('#visitors'))")
	b.click(`.turn[data-result="answered"] summary`)
	b.await("the reason is shown", "text('.turn .reasons .yes').includes('hours')")
	b.click(".views [data-view=trouble]")
	b.turns("duplicate", true)
	b.click(".views [data-view=visitors]")
	v.say("I want a human")
	v.hears(asked)
	b.click(".views [data-view=operator]")
	b.click("#operator-join")
	b.focused("#operator-text")
	b.press("On my way", kb.Enter)
	b.click(".views [data-view=visitors]")
	b.await("the visitor reads it", "seen($(¿)) && texts(¿).includes('On my way')", v.at, v.at+" .by-human .bubble")
	b.kills()
	b.starts()
	b.done("answer", "why", "human", "duplicate")
	v.once(greeting, hours, asked)
}

// Follows all steps of the guide.
func TestGuideToTheEnd(t *testing.T) {
	b := open(t, desktop)
	b.await("the guide shows the first step", "text('#guide-hint').includes('opening hours?')")
	v := b.first()
	v.say("opening hours?")
	v.hears(hours)
	b.clickText(v.at+" .acts button.act", "Where is my order?")
	v.hears(order)
	b.click(".turn summary")
	v.say("I want a human")
	v.hears(asked)
	b.click("#operator-join")
	b.focused("#operator-text")
	b.press("Hello!", kb.Enter)
	b.done("answer", "button", "why", "human")
	finnish := b.comes("Verkkokauppa (fi)")
	finnish.say("auki?")
	finnish.hears(hoursFi)
	b.turns("duplicate", true)
	finnish.say("Siniset norsut")
	finnish.hears(unknownFi)
	b.done("language", "duplicate")
	b.turns("duplicate", false)
	b.turns("down", true)
	finnish.say("tilaus")
	finnish.turn("later", "tilaus")
	b.turns("down", false)
	finnish.hears("Kirjoita tilausnumerosi, esimerkiksi A123456.")
	b.done("outage")
	b.kills()
	finnish.say("kiitos")
	b.await("giosg retries a webhook", "texts('#wire li[data-kind=hook]').some((t) => t.includes('will be retried'))")
	b.starts()
	finnish.hears("Ole hyvä!")
	b.done("restart")
	b.click("#tab-book")
	b.replace("", hours, "Day and night.")
	b.done("playbook")
	b.await("all steps are ticked off", "text('#guide-count') === '9 of 9' && text('#guide-hint').includes('That was the last step')")
	finnish.once(greetFi, hoursFi, unknownFi, "Kirjoita tilausnumerosi, esimerkiksi A123456.", "Ole hyvä!")
	v.once(greeting, hours, order, asked)
}
