package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestChatInTwoLanguages(t *testing.T) {
	b := open(t, desktop)
	english := b.first()
	english.say("What are your opening hours?")
	english.hears(greeting)
	english.hears(hours)
	b.done("answer")
	finnish := b.comes("Verkkokauppa (fi)")
	b.focused("#say-" + finnish.id) // so the visitor can type at once
	finnish.say("Hei! Milloin te olette auki? Ähtäristä päivää.")
	finnish.hears(greetFi)
	finnish.hears(hoursFi)
	b.done("language")
	b.clickText(finnish.at+" .chips button", "Siniset norsut")
	finnish.hears(unknownFi)
	english.once(greeting, hours)
	finnish.once(greetFi, hoursFi, unknownFi)
}

func TestButtonsAreDisabled(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	v.say("hello")
	v.hears(greeting)
	buttons := v.at + " .acts button.act"
	b.clickText(buttons, "Opening hours")
	v.hears(hours)
	b.done("button")
	b.await("the press is shown", "texts(¿).some((t) => t.endsWith('Opening hours'))", v.at+" .pressed .bubble")
	// A press disables that button. A message disables the buttons that are set so.
	states := "$$(¿).map((e) => e.innerText + (e.disabled ? ': disabled' : '')).join() === ¿"
	b.await("only the pressed button is disabled", states, buttons, "Opening hours: disabled,Where is my order?,A human please")
	v.say("blue elephants")
	v.hears(unknown)
	b.await("the old button for a human is disabled too, and the new ones are enabled", states, buttons,
		"Opening hours: disabled,Where is my order?,A human please: disabled,Opening hours,Where is my order?,A human please")
	said := len(b.p.Chat(v.id).Lines())
	b.clickDisabled(buttons + ":disabled")
	b.clickText(v.at+" .acts:last-child button.act", "Where is my order?")
	v.hears(order)
	if pressed := len(b.p.Chat(v.id).Lines()) - said; pressed != 2 { // the press and its answer
		t.Errorf("a click on a disabled button added %d lines", pressed)
	}
}

func TestWhy(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	v.say("hello")
	v.hears(greeting)
	v.say("where is my order?")
	v.hears(order)
	v.turn("answered", "order")
	newest := `.turn[data-result="answered"]`
	b.await("the newest turn is the first", "text(¿).includes('where is my order?')", newest)
	b.click(newest + " summary")
	b.await("the reason is shown", "text(¿).includes('order')", newest+" .reasons .yes")
	b.await("it is shown why another rule did not answer", "text(¿).includes('hours')", newest+" .reasons .no")
	b.await("its calls are shown, with the time they took", "$$(¿).length > 0 && texts(¿).every((t) => t.endsWith('ms'))", newest+" .fall .what", newest+" .fall .took")
	b.done("why")
	b.await("webhooks and calls are on the wire", "$('#wire li[data-kind=hook]') && $('#wire li[data-kind=call]')")
	b.clickText("[data-wire]", "Webhooks")
	b.await("calls are hidden", "!$$('#wire li[data-kind=call]').some(seen) && $$('#wire li[data-kind=hook]').some(seen)")
}

func TestHumanTakesOver(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	v.say("I want a human")
	v.hears(asked)
	b.await("a human is invited", "$(¿).dataset.kind === 'wanted'", v.at+" .status")
	b.click(`#operator-chats [data-row="` + v.id + `"]`)
	b.click("#operator-join")
	b.focused("#operator-text")
	b.press("Hyvää päivää, Aino tässä!", kb.Enter)
	b.await("the visitor sees the human's words", "texts(¿).includes('Hyvää päivää, Aino tässä!')", v.at+" .by-human .bubble")
	b.await("the chat is a human's", "$(¿).dataset.kind === 'human'", v.at+" .status")
	b.done("human")
	before := len(b.p.Chat(v.id).Said("bot"))
	v.say("opening hours?")
	v.turn("silent", "opening hours?")
	if said := b.p.Chat(v.id).Said("bot"); len(said) != before {
		t.Errorf("the bot is not silent: %q", said[before:])
	}
	b.never("the bot seems to be typing", "seen($(¿))", v.at+" .typing")
	b.await("the operator reads it", "texts('#operator-lines .bubble').includes('opening hours?')")
	b.click("#operator-leave")
	b.await("the operator has left", "$('#operator-text').disabled && seen($('#operator-join'))")
	b.click("#operator-online")
	b.await("Aino is offline", "text('#operator-who [aria-pressed=true]').includes('offline') || $('#operator-who [aria-pressed=true] .sr').textContent.includes('offline')")
}

// Markup in messages is shown as text.
func TestHostileTextIsText(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	v.say("hello")
	v.hears(greeting)
	for _, evil := range []string{
		`<img src=x onerror="document.title='evil'">`,
		`<script>document.title='evil'</script>`,
		`"><svg onload=document.title='evil'> {{7*7}} ${7*7} javascript:document.title='evil'`,
	} {
		v.say(evil)
		v.turn("answered", evil)
		b.await("the operator reads it as it was written", "texts('#operator-lines .bubble').includes(¿)", evil)
		b.await("the wire shows it as it was written", "texts('#wire q').some((t) => t.includes(¿))", evil)
	}
	b.click("#operator-join")
	b.focused("#operator-text")
	b.press("<b onmouseover=document.title='evil'>bold</b>", kb.Enter)
	b.await("the human's words are text too", "texts(¿).includes(\"<b onmouseover=document.title='evil'>bold</b>\")", v.at+" .by-human .bubble")
	b.never("markup came to life", "$$('main img, main script, main b[onmouseover], .bubble *:not(.sr)').length > 0 || document.title === 'evil'")

	// A playbook may come from somebody else.
	b.click("#tab-book")
	b.write("#book-text", "")
	b.selectAll()
	b.press(strings.ReplaceAll(hostileBook, "\n", kb.Enter))
	b.active()
	b.await("its name is text", "text('#book-name').includes('<img src=x')")
	v = b.comes("Web shop (en)")
	v.say("hello")
	v.hears(`<i id="evil">no</i>`)
	b.await("a card is shown", "text(¿) === '<u>card</u>'", v.at+" .card strong")
	b.await("a link that is not a web address is a button", "texts(¿).includes('<s>go</s>')", v.at+" button.act")
	b.never("markup came to life", "$$('#evil, main u, main s').length > 0 || document.title === 'evil'")
}

const hostileBook = `{name: "<img src=x onerror=document.title='evil'>", languages: [en], greeting: {say: {text: '<i id="evil">no</i>', attachments: [{title: "<u>card</u>", buttons: [{text: "<s>go</s>", value: "javascript:document.title='evil'"}]}]}}, rules: [{name: "<b>rule</b>", when: {keywords: [x]}, say: x}]}`

// selectAll selects what is in the field that has the focus.
func (p *page) selectAll() {
	p.t.Helper()
	get[bool](p, "document.activeElement.select() ?? true")
}

func TestKeyboardIsEnough(t *testing.T) {
	b := open(t, desktop)
	v := b.first()
	b.press(kb.Tab, kb.Enter) // the link that skips to the chats
	b.await("the focus is at the chats", "document.activeElement.id === 'visitors'")
	b.tab("#say-" + v.id)
	b.press("Opening hours?", kb.Enter)
	v.hears(hours)
	b.focused("#say-" + v.id)
	b.press("Where is my order?", kb.Tab, kb.Enter) // by the button
	v.hears(order)

	b.tab("#tab-live")
	b.press(kb.ArrowRight)
	b.focused("#tab-book")
	b.await("the playbook is shown", "seen($('#book-text'))")
	b.press(kb.ArrowLeft)
	b.tab(".turn summary")
	b.press(" ")
	b.await("the reasons are shown", "seen($('.turn .reasons'))")

	b.tab("#operator-join")
	b.press(kb.Enter)
	b.focused("#operator-text")
	b.press("Hello from Aino", kb.Enter)
	b.await("the visitor reads it", "texts(¿).includes('Hello from Aino')", v.at+" .by-human .bubble")
	b.tab("#switch-duplicate")
	b.press(" ")
	b.await("the switch is on", "$('#switch-duplicate').checked")
}
