package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
	"giosgbot/sandbox"
)

// Texts of the playbook that the sandbox starts with.
const (
	greeting = "Hi! I am the shop's bot. How can I help?"
	hours    = "We are here Mon–Fri 9–17 and Sat 10–15."
	order    = "Please write the number of your order, such as A123456."
)

func TestVisitorIsAnsweredAndPageToldWhy(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	chat := b.first()
	_, next := b.watch()
	b.say(chat, "what are your opening hours?")
	b.hears(chat, hours)
	tn := b.turnOf(next, func(tn turn) bool { return tn.Result == "answered" })
	if tn.Rule != "hours" || tn.Chat != chat.ID || len(tn.Why) == 0 || !tn.Why[len(tn.Why)-1].Matched {
		t.Errorf("the turn is %+v", tn)
	}
	b.say(chat, "where is my parcel?")
	tn = b.turnOf(next, func(tn turn) bool { return tn.Event == "said" })
	if tn.Rule != "order" || len(tn.Why) != 2 || tn.Why[0].Rule != "hours" || tn.Why[0].Matched || !tn.Why[1].Matched {
		t.Errorf("the turn is %+v", tn)
	}
	again, _ := b.watch()
	if len(again.Turns) < 2 || !slices.Contains(again.Done, "answer") {
		t.Errorf("a page that comes later sees %d turns, and as done %q", len(again.Turns), again.Done)
	}
}

func TestLanguagesButtonsAndHumans(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	snap, next := b.watch()
	made := b.post("visitors", m{"room": snap.Rooms[1].ID})
	chat := b.p.Chat(made["id"].(string))
	b.say(chat, "hei")
	b.hears(chat, "Hei! Olen kaupan botti. Miten voin auttaa?")
	b.post("chats/"+chat.ID+"/press", m{"value": "human"})
	b.hears(chat, "Pyysin kollegan mukaan.")
	if status, _ := b.try("chats/"+chat.ID+"/press", m{"value": "human"}); status != http.StatusConflict {
		t.Errorf("a disabled button can be pressed: status %d", status)
	}
	tn := b.turnOf(next, func(tn turn) bool { return tn.Event == "pressed" })
	if tn.Rule != "human" || len(tn.Why) == 0 {
		t.Errorf("the turn is %+v", tn)
	}
	human := "humans/" + snap.Humans[0].ID
	b.post(human+"/join", m{"chat": chat.ID})
	b.post(human+"/say", m{"chat": chat.ID, "text": "Hei, Aino tässä."})
	b.say(chat, "auki?")
	tn = b.turnOf(next, func(tn turn) bool { return tn.Event == "said" && tn.Result == "silent" })
	if len(tn.Why) == 0 || tn.Why[0].Matched {
		t.Errorf("a silent bot has the reasons %+v", tn.Why)
	}
	b.post(human+"/online", m{"online": false})
	b.post("humans/"+snap.Humans[1].ID+"/online", m{"online": false})
	second := b.p.Chat(b.post("visitors", m{"room": snap.Rooms[0].ID})["id"].(string))
	b.say(second, "a human, please")
	b.hears(second, "Everybody is busy right now. Can I help meanwhile?")
}

func TestDuplicatesAreDropped(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	chat := b.first()
	b.post("switches/duplicate", m{"on": true})
	b.say(chat, "opening hours?")
	b.hears(chat, hours)
	b.say(chat, "where is my order?")
	b.hears(chat, order)
	if err := b.p.AwaitDeliveries(b.ctx); err != nil {
		t.Fatal(err)
	}
	if copies := b.p.Deliveries(func(d giosgtest.Delivery) bool { return d.Copy > 0 && d.OK() }); len(copies) == 0 {
		t.Error("there were no copies")
	}
	b.saidOnce(chat, hours)
	b.saidOnce(chat, order)
}

func TestOutagesAreSurvived(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"down": 503, "throttle": 429, "cut": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, sandbox.Options{})
			chat := b.first()
			b.post("switches/"+name, m{"on": true})
			b.say(chat, "opening hours?")
			if _, err := b.p.AwaitCalls(b.ctx, 1, func(c giosgtest.Call) bool { return c.Fault != "" && c.Fault != "delay" && c.Status == status }); err != nil {
				t.Fatal(err)
			}
			if name != "cut" { // which the bot must survive while it lasts
				b.post("switches/"+name, m{"on": false})
			}
			b.hears(chat, hours)
			b.saidOnce(chat, hours)
		})
	}
}

func TestRefusedTokenWaitsForTheNext(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	chat := b.first()
	b.say(chat, "hello")
	b.hears(chat, greeting)
	_, next := b.watch()
	b.post("switches/expire", m{"on": true})
	b.say(chat, "opening hours?")
	b.turnOf(next, func(tn turn) bool { return tn.Result == "waiting" })
	b.post("switches/expire", m{"on": false})
	b.say(chat, "where is my order?")
	b.hears(chat, hours)
	b.hears(chat, order)
	b.saidOnce(chat, hours)
}

func TestKilledBotLosesNothing(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	chat := b.first()
	b.say(chat, "hello")
	b.hears(chat, greeting)
	b.post("bot", m{"running": false})
	b.say(chat, "opening hours?")
	if err := b.p.Await(b.ctx, func() bool {
		return len(b.p.Deliveries(func(d giosgtest.Delivery) bool { return !d.OK() && d.Attempt > 0 })) > 0
	}); err != nil {
		t.Fatal("no webhook failed", err)
	}
	b.post("bot", m{"running": true})
	b.post("bot", m{"running": true}) // the second has no effect
	b.hears(chat, hours)
	b.saidOnce(chat, hours)
	b.saidOnce(chat, greeting)
	if snap, _ := b.watch(); !snap.Bot.Running || snap.Bot.Starts != 2 {
		t.Errorf("the page sees the bot as %+v", snap.Bot)
	}
}

func TestPlaybookIsCheckedAndTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	chat := b.first()
	snap, _ := b.watch()
	text := strings.Replace(snap.Book.Text, hours, "Day and night.", 1)
	broken := strings.Replace(text, "keywords:", "keywrods:", 1)
	line := 1 + strings.Count(broken[:strings.Index(broken, "keywrods:")], "\n")
	for _, path := range []string{"playbook/check", "playbook"} {
		out := b.post(path, m{"id": snap.Book.ID, "text": broken})
		problem := out["problems"].([]any)[0].(map[string]any)
		if out["ok"] != false || problem["line"] != float64(line) || problem["column"] == float64(0) || problem["did_you_mean"] != "keywords" {
			t.Errorf("%s: %v", path, out)
		}
	}
	if now, _ := b.watch(); now.Book.Text != snap.Book.Text {
		t.Error("a broken playbook is shown as the active one")
	}
	b.say(chat, "opening hours?")
	b.hears(chat, hours) // the previous playbook
	if out := b.post("playbook/check", m{"text": text}); out["ok"] != true {
		t.Errorf("check: %v", out)
	}
	if out := b.post("playbook", m{"id": snap.Book.ID, "text": text}); out["ok"] != true {
		t.Errorf("use: %v", out)
	}
	b.say(chat, "when are you open?")
	b.hears(chat, "Day and night.")
}

func TestExamplesWireTheWebhooksTheyNeed(t *testing.T) {
	t.Parallel()
	b := open(t, sandbox.Options{})
	snap, _ := b.watch()
	for _, e := range snap.Examples {
		if out := b.post("playbook", m{"id": e.ID}); out["ok"] != true {
			t.Errorf("%s: %v", e.ID, out)
		}
	}
	b.post("playbook", m{"id": "greeter.yaml"})
	chat := b.p.Chat(b.post("visitors", m{"room": snap.Rooms[0].ID})["id"].(string))
	if _, err := b.p.AwaitLine(b.ctx, chat, giosgtest.ByBot); err != nil {
		t.Error("a greeter does not greet", err)
	}
	b.post("playbook", m{"id": "sidekick.yaml"})
	chat = b.p.Chat(b.post("visitors", m{"room": snap.Rooms[0].ID})["id"].(string))
	b.say(chat, "hello")
	b.post("humans/"+snap.Humans[0].ID+"/take", m{"chat": chat.ID})
	b.say(chat, "tell me about aurora")
	b.hears(chat, "About the Aurora lamp")
	if m, in := chat.State().Member(b.p.User(memberBot(chat))); in && m.Participating {
		t.Error("a side-kick has reserved the chat")
	}
}

func memberBot(c *giosgtest.Chat) string {
	for _, m := range c.State().Members {
		if m.Who == "bot" {
			return m.ID
		}
	}
	return ""
}

func TestOwnPlaybookAndItsTeams(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "own.yaml")
	text := "name: own\nlanguages: [en]\nrules:\n  - name: boss\n    when: {keywords: [boss]}\n    do: {hand_over: {team: The Bosses, after: Here they come., nobody: Nobody.}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, sandbox.Options{Playbook: file})
	chat := b.first()
	b.say(chat, "the boss, please")
	b.hears(chat, "Here they come.")

	if err := os.WriteFile(file, []byte("name: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.New(sandbox.Options{Playbook: file}); err == nil || !strings.Contains(err.Error(), "own.yaml:") {
		t.Errorf("a broken file: %v", err)
	}
}

func TestCloseEndsStreams(t *testing.T) {
	t.Parallel()
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page := httptest.NewServer(s.Handler())
	defer page.Close()
	res, err := http.Get(page.URL + "/api/live")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	start := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("closing took %s", took)
	}
}
