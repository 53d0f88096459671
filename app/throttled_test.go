package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
	"giosgbot/redistest"
)

// awaitWaiting waits until a turn waits to make a call again.
func (w *world) awaitWaiting() {
	w.Helper()
	await(w.T, func() bool { return strings.Contains(w.log.String(), "waiting to repeat a call") })
}

// A call that is throttled in the middle of a turn is made once more; it costs nothing else.
func TestThrottledCallIsMadeAgainInPlace(t *testing.T) {
	t.Parallel()
	talk := func(w *world) []string {
		w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		w.p.ResetCalls()
		chat := w.rooms["fi"].OpenChat()
		w.say(chat, "auki?")
		w.awaitN(chat, 2)
		for i, q := range []string{"höpö", "hinta?", "auki?"} {
			w.say(chat, q)
			w.awaitN(chat, 3+i)
		}
		w.quiet()
		w.said(chat, greetingFI, "Ma–pe 9–17.", "Anteeksi, en ymmärtänyt.", "Se maksaa 10 €.", "Ma–pe 9–17.")
		w.clean()
		return w.calls()
	}
	calm := len(talk(newWorld(t, stores[0].env(t), polite())))
	for _, c := range []struct {
		method, path string
		skip         int
		more         int // calls, besides the one that was throttled
	}{
		{"GET", "clients", 0, 0},
		{"POST", "clients", 0, 1}, // the clients are listed again
		{"GET", "rooms/*", 0, 0},
		{"POST", "pending_chats/*/memberships", 0, 0},
		{"GET", "chats/*/messages", 0, 0},
		{"POST", "chats/*/messages", 0, 0},
		{"POST", "chats/*/messages", 1, 0},
		{"POST", "chats/*/messages", 3, 0},
	} {
		t.Run(fmt.Sprintf("%s %s %d", c.method, c.path, c.skip), func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				w := newWorld(t, env, polite())
				rule := w.p.On(c.method, c.path).Skip(c.skip).Times(1)
				rule.TooMany(time.Second)
				if got := talk(w); len(got) != calm+1+c.more {
					t.Errorf("%d calls, want %d: %q", len(got), calm+1+c.more, got)
				}
				if rule.Hits() != 1 {
					t.Errorf("throttled %d times", rule.Hits())
				}
			})
		})
	}
}

// A list continues with the page that was throttled.
func TestThrottledPageIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stores[0].env(t), polite())
	w.start(shop("agent"))
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	rule := w.p.On("GET", "chats/*/messages").Skip(1).Times(1)
	rule.TooMany(time.Second)
	hold := w.p.Hold(nil)
	chat := w.rooms["en"].OpenChat()
	for range 4 { // more than a page
		w.say(chat, "open?")
	}
	if _, err := hold.Await(w.ctx, 1); err != nil {
		t.Fatal(err)
	}
	hold.End()
	w.awaitN(chat, 5)
	w.quiet()
	const hours = "Mon–Fri 9–17."
	w.said(chat, greetingEN, hours, hours, hours, hours)
	if got := w.p.Calls(giosgtest.Matching("GET", "chats/*/messages")); rule.Hits() != 1 || len(got) != 3 || got[1].Query != got[2].Query {
		t.Errorf("the chat was read with %d calls: %+v", len(got), got)
	}
	w.clean()
}

// A bot user with more chats than there are workers is throttled. Meanwhile visitors of another organization are answered.
func TestThrottledBotUserHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		env["WORKERS"] = "4"
		w := newWorld(t, env, polite())
		a := w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		theirs := w.p.AddOrg("Other")
		room := theirs.AddRoom("Shop", "en")
		theirBot := theirs.InstallBot("Their Bot",
			giosgtest.Webhook{URL: a.URL() + "/webhooks/pending_chats?secret=" + secret, Pattern: giosgtest.PendingChats},
			giosgtest.Webhook{URL: a.URL() + "/webhooks/messages?secret=" + secret, Pattern: giosgtest.ChatMessages})
		throttle := w.p.On("POST", "chats/*/messages").By(w.bot.User)
		throttle.TooMany(4 * time.Second)
		var chats []*giosgtest.Chat
		for range 12 {
			chat := w.rooms["en"].OpenChat()
			w.say(chat, "price?")
			chats = append(chats, chat)
		}
		for given := 0; given < len(chats)-2; { // back; the others wait, which half of the workers may
			select {
			case r := <-w.turns:
				if r.Result == "later" {
					given++
				}
			case <-w.ctx.Done():
				t.Fatal("the bot does not give the lanes back")
			}
		}
		// A worker that waited for the throttled bot user would call again before it answers anybody else. On a busy machine four seconds
		// can also pass for other reasons, so there are several tries.
		for try := 1; ; try++ {
			throttled := throttle.Hits()
			other := room.OpenChat()
			w.say(other, "open?")
			w.awaitN(other, 2)
			w.said(other, greetingEN, "Mon–Fri 9–17.")
			if throttle.Hits() == throttled {
				break
			}
			if try == 10 {
				t.Fatal("visitors of another organization wait until the throttled bot user may call again")
			}
		}
		throttle.Remove()
		for _, chat := range chats {
			w.say(chat, "open?")
		}
		for _, chat := range chats {
			w.awaitN(chat, 3)
		}
		w.quiet()
		for _, chat := range chats {
			w.said(chat, greetingEN, "It costs 10 €.", "Mon–Fri 9–17.")
		}
		if theirBot.Lapses()+w.bot.Lapses() != 0 {
			t.Error("a bot was absent")
		}
		w.clean()
	})
}

// A bot that stops does not wait until giosg may be called again; the next process continues.
func TestStopWhileATurnWaits(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"pending_chats/*/memberships", "chats/*/messages"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				env["SHUTDOWN_GRACE"] = "1m"
				w := newWorld(t, env, polite())
				a := w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				rule := w.p.On("POST", path).Times(1)
				rule.TooMany(4 * time.Second)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "price?")
				w.awaitWaiting()
				a.stop()
				if n := len(w.p.Calls(giosgtest.Matching("POST", path))); n != 1 {
					t.Errorf("the call was made %d times before the bot had stopped", n)
				}
				w.apps = nil
				w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				w.say(w.rooms["en"].OpenChat(), "hello") // brings a token
				w.awaitN(chat, 2)
				w.say(chat, "open?")
				w.awaitN(chat, 3)
				w.quiet()
				w.said(chat, greetingEN, "It costs 10 €.", "Mon–Fri 9–17.")
				w.clean()
			})
		})
	}
}

// A turn whose lease expires while it waits does nothing more in the chat.
func TestLeaseExpiresWhileATurnWaits(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t) // it keeps nothing
	w := newWorld(t, sweeping(map[string]string{"REDIS_URL": s.URL(), "LEASE": "1s"}), patient())
	w.start(shop("agent"))
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	chat := w.rooms["en"].OpenChat()
	w.say(chat, "hello")
	w.awaitN(chat, 1)
	w.quiet()
	w.p.ResetCalls()
	rule := w.p.On("POST", "chats/*/messages").Times(1)
	rule.TooMany(4 * time.Second)
	for len(w.turns) > 0 {
		<-w.turns
	}
	w.say(chat, "price?")
	w.awaitWaiting()
	s.Stop() // so nobody renews the lease
	if r := <-w.turns; r.Said != 0 || r.Result != "later" {
		t.Errorf("the turn: %+v", r)
	}
	if n := len(w.p.Calls(giosgtest.Matching("POST", "chats/*/messages"))); n != 1 {
		t.Errorf("the answer was sent %d times", n)
	}
	s.Run(t)
	w.say(chat, "open?")
	w.awaitN(chat, 3)
	w.quiet()
	w.said(chat, greetingEN, "It costs 10 €.", "Mon–Fri 9–17.")
	w.clean()
}

// The bot checks a routed chat just before it joins, not some seconds before.
func TestThrottledGreeterChecksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stores[0].env(t), polite())
	w.start(shop("greeter"))
	w.hook(giosgtest.RoutedChats, giosgtest.ChatMessages)
	joins := giosgtest.Matching("POST", "routed_chats/*/memberships")
	var once atomic.Bool
	w.p.SetFault(func(c giosgtest.Call) (f giosgtest.Fault) {
		if joins(c) && !once.Swap(true) {
			if err := w.human.Join(w.p.Chat(c.ChatID)); err != nil {
				t.Error(err)
			}
			f.Status, f.RetryAfter = http.StatusTooManyRequests, time.Second
		}
		return f
	})
	chat := w.rooms["en"].OpenChat()
	if err := w.p.Await(w.ctx, once.Load); err != nil {
		t.Fatal(err)
	}
	w.quiet()
	w.said(chat)
	if calls := w.p.Calls(joins); len(calls) != 1 || calls[0].Status != http.StatusTooManyRequests {
		t.Errorf("joins: %+v", calls)
	}
	w.clean()
}
