package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"giosgbot/app"
	"giosgbot/bot"
	"giosgbot/config"
	"giosgbot/giosg/giosgtest"
	"giosgbot/playbook"
	"giosgbot/redistest"
)

const secret = "a-secret-of-the-tests"

const greetingEN, greetingFI = "Hi! How can I help?", "Hei! Miten voin auttaa?"

func shop(modes string) string {
	return `
name: shop
modes: [` + modes + `]
languages: [en, fi]
greeting:
  say: {en: "` + greetingEN + `", fi: "` + greetingFI + `"}
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
}

// logs is a log that a test may read.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is a platform with one organization, and the bot.
type world struct {
	*testing.T
	ctx   context.Context
	p     *giosgtest.Platform
	org   *giosgtest.Org
	bot   *giosgtest.Bot
	human *giosgtest.User
	rooms map[string]*giosgtest.Room
	log   *logs
	env   map[string]string
	apps  []*running
	turns chan bot.Report
}

type running struct {
	*app.App
	stop func()
}

// store is one of the stores that every test runs on.
type store struct {
	name string
	env  func(t *testing.T) map[string]string
}

var stores = []store{
	{"file", func(t *testing.T) map[string]string {
		return map[string]string{"DATA_FILE": filepath.Join(t.TempDir(), "bot.db")}
	}},
	{"redis", func(t *testing.T) map[string]string {
		return map[string]string{"REDIS_URL": redistest.Start(t).URL()}
	}},
}

func onEveryStore(t *testing.T, f func(t *testing.T, env map[string]string)) {
	for _, s := range stores {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f(t, s.env(t))
		})
	}
}

// patience is how long a test waits for anything before it fails. No test that passes waits so long, not even on a busy machine.
const patience = 3 * time.Minute

func newWorld(t *testing.T, env map[string]string, o giosgtest.Options) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, p: giosgtest.RunT(t, o), rooms: map[string]*giosgtest.Room{}, log: &logs{}, env: env, turns: make(chan bot.Report, 10000)}
	w.org = w.p.AddOrg("Acme")
	w.rooms["en"] = w.org.AddRoom("Shop", "en")
	w.rooms["fi"] = w.org.AddRoom("Kauppa", "fi")
	w.human = w.org.AddHuman("Hanna")
	w.bot = w.org.InstallBot("Helper Bot")
	return w
}

// start runs a replica with a playbook; an empty one leaves it at what PLAYBOOK says.
func (w *world) start(book string) *running {
	w.Helper()
	env := map[string]string{"WEBHOOK_SECRET": secret, "GIOSG_BASE_URL": w.p.URL(), "LISTEN_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "", "SETTLE": "200ms", "CATCH_UP_EVERY": "0"}
	for k, v := range w.env {
		env[k] = v
	}
	cfg, err := config.Load(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err != nil {
		w.Fatal(err)
	}
	a, err := app.New(w.ctx, cfg, app.Options{
		Log:    slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnTurn: func(r bot.Report) { w.turns <- r },
	})
	if err != nil {
		w.Fatal(err)
	}
	if book != "" {
		p, err := playbook.Load("shop.yaml", []byte(book))
		if err != nil {
			w.Fatal(err)
		}
		a.SetPlaybook(p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	r := &running{App: a, stop: sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("run: %v", err)
		}
	})}
	w.Cleanup(func() {
		r.stop()
		if w.Failed() {
			w.Logf("log of the bot:\n%s", w.log)
		}
	})
	w.apps = append(w.apps, r)
	return r
}

// hook sends giosg's webhooks of the channels to all replicas.
func (w *world) hook(patterns ...string) {
	var hooks []giosgtest.Webhook
	for _, a := range w.apps {
		for _, p := range patterns {
			path := map[string]string{
				giosgtest.PendingChats: "pending_chats", giosgtest.RoutedChats: "routed_chats",
				giosgtest.ChatMessages: "messages", giosgtest.RoutedChatMessages: "messages",
			}[p]
			hooks = append(hooks, giosgtest.Webhook{URL: a.URL() + "/webhooks/" + path + "?secret=" + secret, Pattern: p})
		}
	}
	w.bot.SetWebhooks(hooks...)
}

func (w *world) await(chat *giosgtest.Chat, text string) {
	w.Helper()
	if _, err := w.p.AwaitLine(w.ctx, chat, giosgtest.BotSays(text)); err != nil {
		w.Fatalf("waiting for %q: %v; said: %q", text, err, chat.Said("bot"))
	}
}

// awaitN waits until the bot has said n things in the chat.
func (w *world) awaitN(chat *giosgtest.Chat, n int) {
	w.Helper()
	if err := w.p.Await(w.ctx, func() bool { return len(chat.Said("bot")) >= n }); err != nil {
		w.Fatalf("waiting for %d lines: %v; said: %q", n, err, chat.Said("bot"))
	}
}

func (w *world) say(chat *giosgtest.Chat, text string) {
	w.Helper()
	if _, err := chat.Say(text); err != nil {
		w.Fatal(err)
	}
}

// quiet waits until every webhook was delivered and no lane has an unfinished event.
func (w *world) quiet() {
	w.Helper()
	if err := w.p.AwaitDeliveries(w.ctx); err != nil {
		w.Fatal(err)
	}
	for {
		idle := true
		for _, a := range w.apps {
			s, err := a.Stats(w.ctx)
			if err != nil {
				w.Fatal(err)
			}
			idle = idle && s.Ready == 0 && s.Paused == 0
		}
		if idle {
			break
		}
		select { // each turn ends with a report; the lane is empty soon after the last
		case <-w.turns:
		case <-time.After(10 * time.Millisecond):
		case <-w.ctx.Done():
			w.Fatal("the bot still has unfinished events")
		}
	}
	if err := w.p.AwaitDeliveries(w.ctx); err != nil {
		w.Fatal(err)
	}
}

func (w *world) said(chat *giosgtest.Chat, want ...string) {
	w.Helper()
	if got := chat.Said("bot"); !slices.Equal(got, want) {
		w.Errorf("the bot said %q, want %q", got, want)
	}
}

// clean checks what must hold at the end of every test.
func (w *world) clean() {
	w.Helper()
	for _, v := range w.p.Violations() {
		w.Errorf("violation: %+v", v)
	}
	if s := w.log.String(); strings.Contains(s, secret) || strings.Contains(s, "eyJ") {
		w.Error("a secret or a token is in the log")
	}
}

// await polls for a condition that no event announces.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("the condition is still false after %v", patience)
		}
	}
}

// logged reports whether one line of the bot's log contains all the words.
func (w *world) logged(words ...string) bool {
	for line := range strings.Lines(w.log.String()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			return true
		}
	}
	return false
}

func (w *world) calls() []string {
	var out []string
	for _, c := range w.p.Calls(nil) {
		out = append(out, c.Method+" "+c.Pattern)
	}
	return out
}

// manners send webhooks in order, each until the bot accepts it: on a busy machine the bot may refuse one with 503.
func manners() *giosgtest.Manners {
	m := giosgtest.Polite()
	m.Attempts, m.Backoff = 8, 50*time.Millisecond
	return m
}

func polite() giosgtest.Options { return giosgtest.Options{Manners: manners()} }

func TestAgent(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env, polite())
		w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		for lang, room := range w.rooms {
			w.p.ResetCalls()
			chat := room.OpenChat()
			question := map[string]string{"en": "When are you open?", "fi": "Milloin olette auki?"}[lang]
			w.say(chat, question)
			w.awaitN(chat, 2)
			first := w.calls()
			w.p.ResetCalls()
			w.say(chat, "blah")
			w.awaitN(chat, 3)
			w.quiet()
			if got := w.calls(); len(got) != 1 {
				t.Errorf("calls for a further answer: %v", got)
			}
			w.p.ResetCalls()
			w.say(chat, map[string]string{"en": "price?", "fi": "hinta?"}[lang])
			w.awaitN(chat, 4)
			want := map[string][]string{
				"en": {greetingEN, "Mon–Fri 9–17.", "Sorry, I did not get that.", "It costs 10 €."},
				"fi": {greetingFI, "Ma–pe 9–17.", "Anteeksi, en ymmärtänyt.", "Se maksaa 10 €."},
			}[lang]
			w.quiet()
			w.said(chat, want...)
			t.Logf("%s: %d calls: %v", lang, len(first), first)
			if len(first) > 7 {
				t.Errorf("%d calls for a join, a greeting and an answer: %v", len(first), first)
			}
			if m, ok := chat.State().Member(w.bot.User); !ok || !m.Participating || chat.State().Pending {
				t.Errorf("the chat is not taken: %+v", chat.State())
			}
		}
		w.clean()
	})
}

func TestGreeter(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env, polite())
		w.start(shop("greeter"))
		w.hook(giosgtest.RoutedChats, giosgtest.ChatMessages)
		chat := w.rooms["fi"].OpenChat()
		w.await(chat, greetingFI)
		w.say(chat, "hölynpöly")
		w.say(chat, "aukiolo?")
		w.awaitN(chat, 3)
		w.quiet()
		w.said(chat, greetingFI, "Anteeksi, en ymmärtänyt.", "Ma–pe 9–17.")
		w.clean()
	})
}

func TestGreeterLeavesServedChatsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stores[0].env(t), polite())
	w.start(shop("greeter"))
	hold := w.p.Hold(nil)
	w.hook(giosgtest.RoutedChats, giosgtest.ChatMessages)
	chat := w.rooms["en"].OpenChat()
	if _, err := hold.Await(w.ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.human.Join(chat); err != nil {
		t.Fatal(err)
	}
	hold.End()
	w.say(chat, "open?")
	w.quiet()
	w.said(chat)
	if n := len(w.p.Calls(giosgtest.Matching("POST", "routed_chats/*/memberships"))); n != 0 {
		t.Errorf("%d joins", n)
	}
	w.clean()
}

func TestSidekick(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env, polite())
		w.start(shop("sidekick"))
		w.hook(giosgtest.RoutedChatMessages, giosgtest.ChatMessages)
		chat := w.rooms["en"].OpenChat()
		w.say(chat, "open?") // nobody serves the chat yet
		w.quiet()
		if err := w.human.Take(chat); err != nil {
			t.Fatal(err)
		}
		w.say(chat, "hello")
		w.say(chat, "What is the price?")
		w.awaitN(chat, 1)
		w.p.ResetCalls()
		if _, err := w.human.Say(chat, "We are open from price to price"); err != nil {
			t.Fatal(err)
		}
		w.say(chat, "nothing of interest")
		w.say(chat, "so when are you open")
		w.awaitN(chat, 2)
		w.quiet()
		w.said(chat, "It costs 10 €.", "Mon–Fri 9–17.")
		if got := w.calls(); len(got) != 1 {
			t.Errorf("calls for a further answer: %v", got)
		}
		if m, ok := chat.State().Member(w.bot.User); !ok || m.Participating {
			t.Errorf("member %t, participating %t", ok, m.Participating)
		}
		w.clean()
	})
}

func TestTakenChatIsLeftAlone(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env, polite())
		w.start(shop("agent"))
		hold := w.p.Hold(nil)
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages, giosgtest.RoutedChatMessages)
		chat := w.rooms["en"].OpenChat()
		w.say(chat, "open?")
		if _, err := hold.Await(w.ctx, 2); err != nil {
			t.Fatal(err)
		}
		if err := w.human.Take(chat); err != nil {
			t.Fatal(err)
		}
		hold.End()
		w.say(chat, "still open?")
		w.quiet()
		w.said(chat)
		if n := len(w.p.Calls(giosgtest.Matching("POST", "pending_chats/*/memberships"))); n != 1 {
			t.Errorf("%d attempts to join", n)
		}
		for line := range strings.Lines(w.log.String()) {
			// A refused webhook was sent again, or the test's Redis writes nothing to its disk.
			busy := strings.Contains(line, `msg="event not kept"`) || strings.Contains(line, `msg="the store can lose events"`)
			if !busy && (strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN")) {
				t.Errorf("the log complains: %s", line)
			}
		}
		w.clean()
	})
}

// Every message arrives on every channel, several times, at two replicas where the store allows two.
func TestOnce(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		m := manners()
		m.Duplicate, m.Copies = 1, 2
		m.LagMax, m.InOrder = 20*time.Millisecond, false
		w := newWorld(t, env, giosgtest.Options{Manners: m})
		w.start(shop("agent, greeter"))
		if env["REDIS_URL"] != "" {
			w.start(shop("agent, greeter"))
		}
		w.hook(giosgtest.PendingChats, giosgtest.RoutedChats, giosgtest.ChatMessages, giosgtest.RoutedChatMessages)
		var chats []*giosgtest.Chat
		for i := range 6 {
			chat := w.rooms["en"].OpenChat()
			w.say(chat, "open?")
			if i%2 == 0 {
				w.say(chat, "price?")
			}
			chats = append(chats, chat)
		}
		for i, chat := range chats {
			w.awaitN(chat, 2+(i+1)%2)
			w.say(chat, "blah")
			w.awaitN(chat, 3+(i+1)%2)
		}
		w.quiet()
		for i, chat := range chats {
			want := []string{greetingEN, "Mon–Fri 9–17.", "It costs 10 €.", "Sorry, I did not get that."}
			if i%2 == 1 {
				want = slices.Delete(want, 2, 3)
			}
			w.said(chat, want...)
		}
		w.clean()
	})
}

func TestEveryFaultOfTheAnswer(t *testing.T) {
	t.Parallel()
	faults := map[string]func(r *giosgtest.Rule){
		"503 before":  func(r *giosgtest.Rule) { r.FailBefore(503) },
		"500 after":   func(r *giosgtest.Rule) { r.FailAfter(500) },
		"503 after":   func(r *giosgtest.Rule) { r.FailAfter(503) },
		"cut before":  func(r *giosgtest.Rule) { r.CutBefore() },
		"cut after":   func(r *giosgtest.Rule) { r.CutAfter() },
		"hang before": func(r *giosgtest.Rule) { r.HangBefore() },
		"hang after":  func(r *giosgtest.Rule) { r.HangAfter() },
		"429":         func(r *giosgtest.Rule) { r.TooMany(time.Second) },
		"401":         func(r *giosgtest.Rule) { r.FailBefore(401) },
	}
	calls := []struct{ method, path string }{
		{"POST", "chats/*/messages"}, {"GET", "chats/*/messages"}, {"POST", "pending_chats/*/memberships"},
		{"GET", "clients"}, {"POST", "clients"}, {"GET", "rooms/*"},
	}
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		for name, fault := range faults {
			for _, c := range calls {
				t.Run(fmt.Sprintf("%s of %s %s", name, c.method, c.path), func(t *testing.T) {
					t.Parallel()
					env := map[string]string{}
					for _, s := range stores {
						if strings.Contains(t.Name(), "/"+s.name+"/") {
							env = s.env(t)
						}
					}
					env["API_TIMEOUT"] = "500ms"
					w := newWorld(t, env, polite())
					w.start(shop("agent"))
					w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
					rule := w.p.On(c.method, c.path).Times(1)
					fault(rule)
					chat := w.rooms["fi"].OpenChat()
					w.say(chat, "auki?")
					if name == "401" { // the next webhook brings a new token
						if err := w.p.Await(w.ctx, func() bool { return rule.Hits() == 1 }); err != nil {
							t.Fatal(err)
						}
						w.p.Configure(func(*giosgtest.Options) {})
						other := w.rooms["en"].OpenChat()
						w.say(other, "open?")
						w.awaitN(other, 2)
					}
					w.awaitN(chat, 2)
					w.say(chat, "blah")
					w.awaitN(chat, 3)
					w.quiet()
					w.said(chat, greetingFI, "Ma–pe 9–17.", "Anteeksi, en ymmärtänyt.")
					if rule.Hits() != 1 {
						t.Errorf("the fault struck %d times", rule.Hits())
					}
					w.clean()
				})
			}
		}
	})
}

// swap makes another playbook the active one, on all replicas.
func (w *world) swap(book string) {
	w.Helper()
	p, err := playbook.Load("shop.yaml", []byte(book))
	if err != nil {
		w.Fatal(err)
	}
	for _, a := range w.apps {
		a.SetPlaybook(p)
	}
}
