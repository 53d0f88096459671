package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

var forms = []form{desktop, desktopNight, phone, phoneNight}

// Takes a screenshot of every screen in each form, and checks it with axe.
func TestSandboxScreens(t *testing.T) {
	axe := needAxe(t)
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			b := open(t, f)
			screen := func(name string) {
				t.Helper()
				b.still()
				b.shoot("sandbox-" + name + "-" + f.name)
				b.accessible(axe, name)
			}
			view := func(name string) {
				if f.phone {
					b.click(".views [data-view=" + name + "]")
				}
			}
			v := b.first()
			screen("begin")
			if f.phone {
				for _, name := range []string{"bot", "operator", "trouble"} {
					view(name)
					screen("begin-" + name)
				}
				view("visitors")
			}

			v.say("Hello!")
			v.hears(greeting)
			b.clickText(v.at+" .acts button.act", "Where is my order?")
			v.hears(order)
			v.say("A123456")
			v.hears("Found it!")
			finnish := b.comes("Verkkokauppa (fi)")
			finnish.say("Milloin olette auki?")
			finnish.hears(hoursFi)
			view("trouble")
			b.turns("duplicate", true)
			if f.phone {
				screen("trouble")
			}
			view("visitors")
			finnish.say("Haluan ihmisen")
			finnish.hears("Pyysin kollegan mukaan.")
			view("operator")
			b.click(`#operator-chats [data-row="` + finnish.id + `"]`)
			b.click("#operator-join")
			b.focused("#operator-text")
			b.press("Hei, Aino tässä! Miten voin auttaa?", kb.Enter)
			b.await("a human has written", "texts('#operator-lines .bubble').some((t) => t.startsWith('Hei, Aino'))")
			if f.phone {
				screen("operator")
			}
			view("bot")
			b.click(`.turn[data-result="answered"] summary`)
			b.await("the reasons are shown", "seen($('.turn .reasons'))")
			get[bool](b.page, "($('#turns').scrollTop = 0, true)")
			if f.phone {
				screen("bot")
			}
			view("visitors")
			screen("busy")

			view("bot")
			b.click("#tab-book")
			b.await("each line has its number beside it", "Math.abs($('#book-lines').scrollHeight - $('#book-text').scrollHeight) < 20")
			screen("playbook")
			b.replace("", "keywords:", "keywrods:")
			b.problem("keywrods")
			screen("playbook-broken")
			b.kills()
			screen("killed")
		})
	}
}

func TestStatusScreens(t *testing.T) {
	axe := needAxe(t)
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := visit(t, hour(t), f)
			screen := func(name string) {
				t.Helper()
				p.still()
				p.shoot("status-" + name + "-" + f.name)
				p.accessible(axe, name)
			}
			p.await("the page is live", "text('#live') === 'live'")
			p.await("nothing is wider than the window", "document.documentElement.scrollWidth <= ¿", f.width)
			screen("hour")
			for _, part := range []string{"dead", "find", "users", "events"} {
				get[bool](p, "($(¿).scrollIntoView({ behavior: 'instant' }), true)", "#"+part+"-title")
				screen(part)
			}
			p.click("#dead a")
			p.await("the chat's turns are shown", "$('#found tbody tr')")
			p.await("nothing is wider than the window", "document.documentElement.scrollWidth <= ¿", f.width)
			get[bool](p, "($('#find-title').scrollIntoView({ behavior: 'instant' }), true)")
			screen("found")
			p.clickText("#dead button", "Drop")
			p.await("the page asks for confirmation", "$('#ask').open")
			screen("ask")
		})
	}
}

func TestStatusBegin(t *testing.T) {
	axe := needAxe(t)
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			d := run(t, f)
			d.await("no webhook has arrived yet", "text('#verdict-title').startsWith('Ready')")
			d.still()
			d.shoot("status-begin-" + f.name)
			d.accessible(axe, "begin")
		})
	}
}

// still waits until all animations have ended: axe cannot judge colours that change.
func (p *page) still() {
	p.t.Helper()
	p.await("nothing moves", "document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)")
}
