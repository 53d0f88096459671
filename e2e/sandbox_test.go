package e2e

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"giosgbot/giosg/giosgtest"
	"giosgbot/sandbox"
)

// Texts of the playbook that the sandbox starts with.
const (
	greeting  = "Hi! I am the shop's bot. How can I help?"
	hours     = "We are here Mon–Fri 9–17 and Sat 10–15."
	hoursFi   = "Palvelemme ma–pe 9–17 ja la 10–15."
	greetFi   = "Hei! Olen kaupan botti. Miten voin auttaa?"
	order     = "Please write the number of your order, such as A123456."
	asked     = "I have asked a colleague to join us."
	unknown   = "Sorry, I did not get that. I know about opening hours and orders."
	unknownFi = "Anteeksi, en ymmärtänyt. Tunnen aukioloajat ja tilaukset."
)

// box is a sandbox and the browser in front of it.
type box struct {
	*page
	p   *giosgtest.Platform
	url string
}

// serve starts a sandbox.
func serve(t *testing.T) (string, *giosgtest.Platform) {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		if v := s.Platform().Violations(); len(v) != 0 {
			t.Errorf("the bot broke the rules of the platform: %+v", v)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return server.URL, s.Platform()
}

// open starts a sandbox and opens its page.
func open(t *testing.T, f form) *box {
	t.Helper()
	t.Parallel()
	address, p := serve(t)
	b := &box{page: visit(t, address, f), p: p, url: address}
	b.await("the bot runs", "text('#bot-state') === 'Bot running'")
	return b
}

// visitor is a chat's window.
type visitor struct {
	*box
	id string
	at string // the window's selector
}

// first returns the visitor who is there from the start.
func (b *box) first() visitor {
	b.t.Helper()
	return b.visitor(awaited[string](b.page, "there is a visitor", "$('.window')?.dataset.chat"))
}

func (b *box) visitor(id string) visitor {
	return visitor{b, id, `.window[data-chat="` + id + `"]`}
}

// comes adds a visitor to the room with that name.
func (b *box) comes(room string) visitor {
	b.t.Helper()
	before := get[[]string](b.page, "$$('.window').map((e) => e.dataset.chat)")
	b.choose("#visitor-room", room)
	b.click("#visitor-new button")
	return b.visitor(awaited[string](b.page, "there is another visitor", "$$('.window').map((e) => e.dataset.chat).find((id) => !¿.includes(id))", before))
}

// choose chooses the option with that label, with the keyboard.
func (b *box) choose(list, label string) {
	b.t.Helper()
	b.await(list+" has "+label, "[...$(¿).options].some((o) => o.text === ¿)", list, label)
	get[bool](b.page, "$(¿).focus() ?? true", list)
	b.focused(list)
	b.press(kb.Home)
	for range get[int](b.page, "[...$(¿).options].findIndex((o) => o.text === ¿)", list, label) {
		b.press(kb.ArrowDown)
	}
	b.await(label+" is chosen", "$(¿).selectedOptions[0].text === ¿", list, label)
}

func (v visitor) say(what string) {
	v.t.Helper()
	v.write(v.at+" .composer input", what)
	v.press(kb.Enter)
	v.await("the visitor's words are in the window: "+what, "texts(¿).includes(¿)", v.at+" .by-visitor .bubble", what)
}

// hears waits until the bot has said what.
func (v visitor) hears(what string) {
	v.t.Helper()
	v.await("the bot says "+what, "texts(¿).includes(¿)", v.at+" .by-bot .bubble", what)
}

// once checks that the bot said each text once, on the platform and in the window, after all webhooks have been delivered.
func (v visitor) once(whats ...string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := v.p.AwaitDeliveries(ctx); err != nil {
		v.t.Fatalf("not all webhooks were delivered: %v", err)
	}
	for _, what := range whats {
		n := 0
		for _, said := range v.p.Chat(v.id).Said("bot") {
			if said == what {
				n++
			}
		}
		if shown := get[int](v.page, "texts(¿).filter((t) => t === ¿).length", v.at+" .by-bot .bubble", what); n != 1 || shown != 1 {
			v.t.Errorf("the bot said %q %d times, and the page shows it %d times", what, n, shown)
		}
	}
}

// turn waits for a turn of this visitor with that result and text.
func (v visitor) turn(result, has string) {
	v.t.Helper()
	v.await("a turn is "+result+": "+has, "$$(¿).some((e) => e.innerText.includes(¿))", `.turn[data-result="`+result+`"][data-chat="`+v.id+`"]`, has)
}

// done waits until the guide has ticked something off.
func (b *box) done(steps ...string) {
	b.t.Helper()
	for _, step := range steps {
		b.await("the guide ticks off "+step, "$(¿).matches('.done')", `#guide-steps [data-step="`+step+`"]`)
	}
}

// turns turns a switch and waits until the server knows it.
func (b *box) turns(name string, on bool) {
	b.t.Helper()
	b.click("#switch-" + name)
	b.await("the switch "+name+" is turned", "$(¿).checked === ¿ && $(¿).ariaBusy !== 'true'", "#switch-"+name, on, "#switch-"+name)
}

// kills kills the bot, and starts starts it again. Both wait until it has happened.
func (b *box) kills() {
	b.t.Helper()
	b.click("#bot-kill")
	b.await("the bot is killed", "text('#bot-state') === 'Bot killed'")
}

func (b *box) starts() {
	b.t.Helper()
	b.click("#bot-start")
	b.await("the bot is running again", "text('#bot-state') === 'Bot running'")
}

// active waits until the text in the editor is the active playbook, and the page says so.
func (b *box) active() {
	b.t.Helper()
	b.await("the text is the active playbook", "text('#book-state').startsWith('Active') && !$('#book-problems li.error')")
}
