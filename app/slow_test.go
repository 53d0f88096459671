package app_test

import (
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

// Where each call takes long and many chats share the few calls that a bot user may make at once, every chat costs the calls that it needs and
// hardly one more: a call that waits for its turn does not run out of time, and so leaves no doubt that costs a reading of the record.
func TestSlowAPICostsNoMoreCalls(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		const chats, perChat = 48, 4 // join, read, greet, answer
		env["API_TIMEOUT"] = "1s"
		w := newWorld(t, env, polite())
		w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		w.servedOnce(w.rooms["en"])
		w.p.ResetCalls()
		w.p.On("", "").By(w.bot.User).Delay(250 * time.Millisecond) // 48 chats in groups of 8: the last waits longer than API_TIMEOUT
		all := w.crowd(w.rooms["en"], chats)
		for _, chat := range all {
			w.awaitN(chat, 2)
		}
		w.p.ClearFaults()
		w.quiet()
		for _, chat := range all {
			w.said(chat, greetingEN, hoursEN)
		}
		if n, most := len(w.calls()), chats*perChat*13/10; n > most {
			t.Errorf("%d calls for %d chats, want at most %d", n, chats, most)
		}
		if n, most := len(w.p.Calls(giosgtest.Matching("GET", reading))), chats*13/10; n > most {
			t.Errorf("the records of %d chats were read %d times, want at most %d", chats, n, most)
		}
		if n := w.bot.PeakCalls(); n < 8 {
			t.Errorf("at most %d calls were made at once, want 8", n)
		}
		w.clean()
	})
}

// servedOnce lets the bot serve one chat, so that its presence and the room are known.
func (w *world) servedOnce(room *giosgtest.Room) {
	w.Helper()
	chat := room.OpenChat()
	w.say(chat, "open?")
	w.awaitN(chat, 2)
	w.quiet()
}

// crowd opens chats in which a visitor asks something, and waits until the bot has accepted all webhooks.
func (w *world) crowd(room *giosgtest.Room, n int) (chats []*giosgtest.Chat) {
	w.Helper()
	for range n {
		chat := room.OpenChat()
		w.say(chat, "open?")
		chats = append(chats, chat)
	}
	if err := w.p.AwaitDeliveries(w.ctx); err != nil {
		w.Fatal(err)
	}
	return chats
}

// While many chats of one organization wait for its slow API, a visitor of another organization is answered before they make progress, and the
// slow organization still makes as many calls at once as it may.
func TestSlowOrganizationDelaysNoOther(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		env["WORKERS"], env["API_TIMEOUT"] = "16", "20s"
		w := newWorld(t, env, polite())
		a := w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		w.servedOnce(w.rooms["en"])
		theirs := w.p.AddOrg("Other")
		room := theirs.AddRoom("Shop", "en")
		theirs.InstallBot("Their Bot",
			giosgtest.Webhook{URL: a.URL() + "/webhooks/pending_chats?secret=" + secret, Pattern: giosgtest.PendingChats},
			giosgtest.Webhook{URL: a.URL() + "/webhooks/messages?secret=" + secret, Pattern: giosgtest.ChatMessages})
		w.servedOnce(room)

		w.p.On("", "").By(w.bot.User).Delay(5 * time.Second)
		all := w.crowd(w.rooms["en"], 60)
		if err := w.p.Await(w.ctx, func() bool { return w.bot.PeakCalls() >= 8 }); err != nil {
			t.Fatalf("a slow organization makes %d calls at once, want 8", w.bot.PeakCalls())
		}
		ended := func() int {
			return len(w.p.Calls(func(c giosgtest.Call) bool { return c.Done && c.TokenUser == w.bot.ID }))
		}
		for range 3 {
			before := ended()
			chat := room.OpenChat()
			w.say(chat, "price?")
			w.awaitN(chat, 2)
			w.said(chat, greetingEN, priceEN)
			// Those under way may happen to end now. A visitor who had to wait for a worker would wait for more.
			if n := ended() - before; n > 8 {
				t.Fatalf("%d calls of the slow organization ended before the other's visitor was answered", n)
			}
		}
		w.p.ClearFaults()
		for _, chat := range all {
			w.awaitN(chat, 2)
		}
		w.quiet()
		for _, chat := range all {
			w.said(chat, greetingEN, hoursEN)
		}
		w.clean()
	})
}
