package e2e

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"giosgbot/app"
	"giosgbot/config"
	"giosgbot/giosg/giosgtest"
	"giosgbot/playbook"
)

const shop = `
name: shop
languages: [en, fi]
greeting:
  say: {en: "Hi! How can I help?", fi: "Hei! Miten voin auttaa?"}
rules:
  - name: hours
    when: {keywords: {en: [opening hours, open], fi: [auki, aukiolo]}}
    say: {en: "Mon–Fri 9–17.", fi: "Ma–pe 9–17."}
  - name: price
    when: {keywords: {en: [price], fi: [hinta]}}
    say: {en: "It costs 10 €.", fi: "Se maksaa 10 €."}
fallback:
  say: {en: "Sorry, I did not get that.", fi: "Anteeksi, en ymmärtänyt."}
`

const price, late = "It costs 10 €.", "Mon–Fri 9–17."

// desk is a platform, the real bot and its status page.
type desk struct {
	*page
	p    *giosgtest.Platform
	org  *giosgtest.Org
	room *giosgtest.Room
	url  string
}

// run starts the bot and opens its status page.
func run(t *testing.T, f form) *desk {
	t.Helper()
	return runAt(t, f, slog.LevelInfo)
}

func runAt(t *testing.T, f form, level slog.Level) *desk {
	t.Helper()
	t.Parallel()
	d := &desk{p: giosgtest.RunT(t, giosgtest.Options{Manners: giosgtest.Polite()})}
	d.org = d.p.AddOrg("Acme")
	d.room = d.org.AddRoom("Shop", "en")
	installed := d.org.InstallBot("Helper Bot")
	env := map[string]string{
		"WEBHOOK_SECRET": "s", "GIOSG_BASE_URL": d.p.URL(), "LISTEN_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0",
		"DATA_FILE": filepath.Join(t.TempDir(), "bot.db"), "SETTLE": "200ms", "CATCH_UP_EVERY": "0", "SHUTDOWN_GRACE": "2s", "GIVE_UP_AFTER": "1s",
	}
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), cfg, app.Options{Version: "v1.0.0", Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))})
	if err != nil {
		t.Fatal(err)
	}
	book, err := playbook.Load("shop.yaml", []byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	a.SetPlaybook(book)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if v := d.p.Violations(); len(v) != 0 {
			t.Errorf("the bot broke the rules of the platform: %+v", v)
		}
	})
	installed.SetWebhooks(
		giosgtest.Webhook{URL: a.URL() + "/webhooks/pending_chats?secret=s", Pattern: giosgtest.PendingChats},
		giosgtest.Webhook{URL: a.URL() + "/webhooks/messages?secret=s", Pattern: giosgtest.ChatMessages},
	)
	d.url = a.AdminURL()
	d.page = visit(t, d.url, f)
	d.await("the page is live", "text('#live') === 'live'")
	return d
}

// chat opens a chat in which the visitor writes a message.
func (d *desk) chat(what string) *giosgtest.Chat {
	d.t.Helper()
	c := d.room.OpenChat()
	d.say(c, what)
	return c
}

func (d *desk) say(c *giosgtest.Chat, what string) {
	d.t.Helper()
	if _, err := c.Say(what); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) hears(c *giosgtest.Chat, what string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	if _, err := d.p.AwaitLine(ctx, c, giosgtest.BotSays(what)); err != nil {
		d.t.Fatalf("the bot did not say %q: %v; it said %q", what, err, c.Said("bot"))
	}
}

// sum reads a number of the table of events.
const sum = `Number($$('#events tr').find((e) => e.querySelector('th').innerText === ¿)?.querySelector('td').innerText ?? NaN)`

func TestStatusMovesWithAnswers(t *testing.T) {
	d := run(t, desktop)
	d.await("no webhook has arrived yet", "text('#verdict-title') === 'Ready; no webhook has arrived yet' && $('#verdict').dataset.level === 'ok'")
	d.await("it names the active playbook", "text('#about').includes('shop')")
	var last *giosgtest.Chat
	for range 3 {
		last = d.chat("are you open? my name is Secret Person")
		d.hears(last, late)
	}
	d.await("three are answered", "$$('#tiles .tile').some((e) => e.innerText.includes('Answered per minute') && /[3-9] in the last hour/.test(e.innerText))")
	d.await("all is well", "text('#verdict-title') === 'All visitors have been answered' && $('#verdict').dataset.level === 'ok'")
	d.await("events in and out add up", sum+" >= 3 && "+sum+" === "+sum, "Came in", "Came in", "Left")
	d.await("the rule is counted", "texts('#rules li').some((t) => t.startsWith('hours') && t.endsWith('3'))")
	d.await("calls are counted", "texts('#calls tbody tr').some((t) => t.includes('send message'))")
	d.await("the organization and its bot user are known", "text('#users').includes(¿) && text('#users').includes('valid for')", d.org.ID)
	came := get[int](d.page, sum, "Came in")
	d.say(last, "what is the price?")
	d.hears(last, price)
	d.await("the figures move", sum+" > ¿ && texts('#rules li').some((t) => t.startsWith('price'))", "Came in", came)

	// The search shows why.
	d.write("#chat", last.ID[:8])
	d.press(kb.Enter)
	d.await("the chat's turns are shown with their rules", "texts('#found tbody tr').some((t) => t.includes('answered') && t.includes('price')) && texts('#found tbody tr').some((t) => t.includes('hours'))")
	d.never("a visitor's words are shown", "document.body.innerText.includes('Secret Person') || text('#found').includes('keyword')")
	d.write("#chat", "")
	d.selectAll()
	d.press("<img src=x onerror=alert(1)>", kb.Enter)
	d.await("the page says that it does not know the chat", "text('#found').includes('No turns of this chat')")
	d.never("markup came to life", "$('main img')")
}

func TestStatusShowsWordsWhenDebugging(t *testing.T) {
	d := runAt(t, desktop, slog.LevelDebug)
	c := d.chat("hello")
	d.hears(c, "Hi! How can I help?")
	d.say(c, "<b>open</b> & shut?")
	d.hears(c, late)
	d.write("#chat", c.ID)
	d.click("#find button")
	d.await("the words are shown, as text", "texts('#found q').includes('<b>open</b> & shut?')")
	d.await("so is the answer", "text('#found').includes(¿)", late)
	d.await("and why it was given", `text('#found').includes('because hours: the keyword "open" matches')`)
	d.never("markup came to life", "$('#found b')")
}

func TestDeadLettersAreRetriedOrDropped(t *testing.T) {
	d := run(t, desktop)
	first, second := d.chat("hello"), d.chat("hello")
	d.hears(first, "Hi! How can I help?")
	d.hears(second, "Hi! How can I help?")
	bad := d.p.On("POST", "chats/*/messages")
	bad.FailBefore(400)
	d.say(first, "price?")
	d.await("one event is a dead letter", "$$('#dead tbody tr').length === 1")
	d.say(second, "price?")
	d.await("two events are dead letters", "$$('#dead tbody tr').length === 2 && text('#dead-count') === '2'")
	d.await("the page warns", "$('#verdict').dataset.level === 'warn' && text('#problems').includes('There are 2 dead letters')")
	d.await("each with its reason", "texts('#dead td[data-name=Reason]').every((t) => t.includes('400'))")
	bad.Remove()

	row := func(c *giosgtest.Chat, button string) string {
		return `#dead button[aria-label="` + button + ` the event of chat ` + c.ID + `"]`
	}
	d.click(row(first, "Retry"))
	d.hears(first, price)
	d.await("the page says so", "text('#toast') === 'The event is back in its lane.'")
	d.await("one is left", "$$('#dead tbody tr').length === 1 && text('#dead-count') === '1'")

	d.click(row(second, "Drop"))
	d.await("the page asks for confirmation", "$('#ask').open && text('#ask-text').includes(¿)", second.ID)
	d.focused("#ask-no")
	d.press(kb.Escape)
	d.await("the dead letter is still there", "!$('#ask').open && $$('#dead tbody tr').length === 1")
	d.click(row(second, "Drop"))
	d.click("#ask-yes")
	d.await("nothing is left", "text('#dead') === 'There are no dead letters.' && text('#dead-count') === ''")
	d.await("all is well again", "!text('#problems').includes('dead letter')")
	d.await("every event that came in has left", sum+" === "+sum, "Came in", "Left")
	if said := second.Said("bot"); len(said) != 1 {
		t.Errorf("a dropped event is answered: %q", said)
	}
}

func TestStatusShowsAnOutage(t *testing.T) {
	d := run(t, desktop)
	c := d.chat("hello")
	d.hears(c, "Hi! How can I help?")
	d.p.SetFault(func(giosgtest.Call) giosgtest.Fault { return giosgtest.Fault{Status: 503} })
	d.say(c, "open?")
	// The reason changes from attempt to attempt.
	d.await("the chat waits, with a reason", "texts('#waiting tbody tr').some((t) => t.includes('said')) && text('#waiting td[data-name=Reason]') && text('#wait-count') === '1'")
	d.await("the event that has not left is counted", sum+" === 1", "Still in the lanes")
	d.click("#waiting a")
	d.await("a click on the chat finds its turns", "$('#chat').value === ¿ && texts('#found tbody tr').some((t) => t.includes('later') && t.includes('503'))", c.ID)
	d.p.ClearFaults()
	d.hears(c, late)
	d.await("no event waits any more", "text('#waiting').startsWith('No event waits') && text('#wait-count') === ''")
	d.await("every event that came in has left", sum+" === "+sum, "Came in", "Left")
}
