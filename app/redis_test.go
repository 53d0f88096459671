package app_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
	"giosgbot/redistest"
)

// patient lets giosg send a webhook again, at growing intervals, until the bot accepts it.
func patient() giosgtest.Options {
	return giosgtest.Options{Manners: &giosgtest.Manners{Attempts: 8, Backoff: 20 * time.Millisecond}}
}

func TestRedisGoesAndComesBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t) // it keeps nothing
	w := newWorld(t, sweeping(map[string]string{"REDIS_URL": s.URL(), "LEASE": "1s"}), patient())
	a := w.start(shop("agent"))
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	chat := w.rooms["en"].OpenChat()
	w.say(chat, "open?")
	w.awaitN(chat, 2)
	s.Stop()

	w.awaitReady(a, http.StatusServiceUnavailable)
	w.say(chat, "price?")
	if err := w.p.Await(w.ctx, func() bool {
		for _, d := range w.p.Deliveries(nil) {
			if d.Status == http.StatusServiceUnavailable {
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatalf("no 503: %v", err)
	}
	other := w.rooms["fi"].OpenChat()
	w.say(other, "aukiolo?")

	s.Run(t)
	w.awaitN(chat, 3)
	w.awaitN(other, 2)
	w.quiet()
	w.said(chat, greetingEN, "Mon–Fri 9–17.", "It costs 10 €.")
	w.said(other, greetingFI, "Ma–pe 9–17.")
	w.awaitReady(a, http.StatusOK)
	w.clean()
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	crowd(t, map[string]string{"REDIS_URL": redistest.StartCluster(t).URL()})
}

func TestOnSentinels(t *testing.T) {
	t.Parallel()
	crowd(t, map[string]string{"REDIS_URL": redistest.StartSentinel(t).URL()})
}

// crowd restarts two replicas one after the other while visitors write.
func crowd(t *testing.T, env map[string]string) {
	t.Helper()
	w := newWorld(t, sweeping(env), patient()) // giosg gives up on a replica that has gone
	first, second := w.start(shop("agent")), w.start(shop("agent"))
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	var all sync.WaitGroup
	chats := make([]*giosgtest.Chat, 12)
	ask := func(n int) {
		for i := range chats {
			all.Go(func() {
				if chats[i] == nil {
					chats[i] = w.rooms["en"].OpenChat()
				}
				if _, err := chats[i].Say([]string{"open?", "price?", "blah"}[(i+n)%3]); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	ask(0)
	first.stop() // in the middle
	for i := range chats {
		w.awaitN(chats[i], 1)
	}
	ask(1)
	w.apps = w.apps[1:]
	w.start(shop("agent"))
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	second.stop()
	w.apps = w.apps[1:]
	ask(2)
	for i := range chats {
		n := 4
		if i%3 == 2 { // the first words got no fallback beside the greeting
			n = 3
		}
		w.awaitN(chats[i], n)
	}
	w.quiet()
	for i, chat := range chats {
		want := []string{greetingEN}
		for n := range 3 {
			if k := (i + n) % 3; k < 2 || n > 0 {
				want = append(want, []string{"Mon–Fri 9–17.", "It costs 10 €.", "Sorry, I did not get that."}[k])
			}
		}
		if got := strings.Join(chat.Said("bot"), "|"); got != strings.Join(want, "|") {
			t.Errorf("chat %d: said %q, want %q", i, got, want)
		}
	}
	if n := w.bot.Lapses(); n != 0 {
		t.Errorf("the bot was absent %d times", n)
	}
	w.clean()
}

func TestRollingRestart(t *testing.T) {
	t.Parallel()
	crowd(t, map[string]string{"REDIS_URL": redistest.Start(t).URL()})
}
