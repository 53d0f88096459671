package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"giosgbot/giosg/giosgtest"
)

// sweeping turns sweeps on, without their delay.
func sweeping(env map[string]string) map[string]string {
	env["CATCH_UP_EVERY"], env["CATCH_UP_DELAY"] = "5m", "0"
	return env
}

// deaf removes all webhooks.
func (w *world) deaf() { w.bot.SetWebhooks() }

func TestVisitorsWhoseWebhooksWereLost(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, sweeping(env), polite())
		r := w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		known := w.rooms["en"].OpenChat()
		w.say(known, "open?")
		w.awaitN(known, 2)
		w.quiet()
		r.stop()
		w.apps = nil
		w.deaf()

		w.say(known, "price?")
		w.say(known, "open?")
		waiting := w.rooms["fi"].OpenChat()
		w.say(waiting, "aukiolo?")
		ended := w.rooms["en"].OpenChat()
		w.say(ended, "open?")
		ended.End()
		served := w.rooms["en"].OpenChat()
		w.say(served, "open?")
		if err := w.human.Take(served); err != nil {
			t.Fatal(err)
		}
		written := w.rooms["en"].OpenChat() // and nothing said

		w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		another := w.rooms["en"].OpenChat()
		w.say(another, "price?") // brings a token
		w.awaitN(another, 2)
		w.awaitN(known, 4)
		w.awaitN(waiting, 2)
		w.say(known, "open?")
		w.awaitN(known, 5)
		w.quiet()
		w.said(known, greetingEN, "Mon–Fri 9–17.", "It costs 10 €.", "Mon–Fri 9–17.", "Mon–Fri 9–17.")
		w.said(waiting, greetingFI, "Ma–pe 9–17.")
		w.said(ended)
		w.said(served)
		w.said(written)
		w.clean()
	})
}

func TestOldVisitorsAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sweeping(stores[0].env(t)), polite())
	w.start(shop("agent"))
	w.deaf()
	old := w.rooms["en"].OpenChat()
	w.say(old, "open?")
	// The bot's clock cannot be changed. The platform's clock goes back, so that for the bot the message is two hours old.
	w.p.Advance(-2 * time.Hour)
	older := w.rooms["en"].OpenChat()
	w.say(older, "open?")
	w.p.Advance(2 * time.Hour)
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	chat := w.rooms["en"].OpenChat()
	w.say(chat, "price?")
	w.awaitN(chat, 2)
	w.awaitN(old, 2)
	w.quiet()
	w.said(older)
	w.clean()
}

func TestRedisLosesItsDataInMidConversation(t *testing.T) {
	t.Parallel()
	env := sweeping(stores[1].env(t))
	env["LEASE"] = "1s"
	w := newWorld(t, env, polite())
	w.start(shop("agent"))
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	o, err := redis.ParseURL(env["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	chat := w.rooms["fi"].OpenChat()
	want := []string{greetingFI}
	for i, q := range []string{"auki?", "höpö", "hinta?", "höpö", "auki?"} {
		w.say(chat, q)
		want = append(want, map[string]string{"auki?": "Ma–pe 9–17.", "höpö": "Anteeksi, en ymmärtänyt.", "hinta?": "Se maksaa 10 €."}[q])
		w.awaitN(chat, len(want))
		w.quiet()
		if i%2 == 0 {
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.quiet()
	w.said(chat, want...)
	w.clean()
	if !strings.Contains(w.log.String(), "lost its data") {
		t.Error("the loss was not noticed")
	}
}
