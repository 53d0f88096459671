package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"giosgbot/admin"
	"giosgbot/giosg/giosgtest"
)

const (
	hoursEN, priceEN, sorryEN = "Mon–Fri 9–17.", "It costs 10 €.", "Sorry, I did not get that."
	sending, reading          = "chats/*/messages", "chats/*/messages"
)

// deadLetters waits until there are n dead letters of a chat, and returns them. It fails at once when the bot has made more calls than most.
func (w *world) deadLetters(chat *giosgtest.Chat, n, most int) (found []admin.DeadLetter) {
	w.Helper()
	c := admin.Client{Base: w.apps[0].AdminURL()}
	await(w.T, func() bool {
		if calls := len(w.p.Calls(nil)); calls > most {
			w.Fatalf("%d calls, and %d of %d events have become dead letters", calls, len(found), n)
		}
		all, _, err := c.List(w.ctx, 0)
		if err != nil {
			w.Fatal(err)
		}
		found = slices.DeleteFunc(all, func(d admin.DeadLetter) bool { return d.Chat != chat.ID })
		return len(found) >= n
	})
	return found
}

// saidOnce checks that the bot has said each of the texts exactly once, and nothing else.
func (w *world) saidOnce(chat *giosgtest.Chat, want ...string) {
	w.Helper()
	got := chat.Said("bot")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("the bot said %q, want each of %q once", got, want)
	}
}

// giosg refuses a message, and the question whether the chat is over, too. The calls are bounded, the lane goes on with its next event, and
// what was given up is answered when an operator retries it.
func TestRefusalEndsInADeadLetter(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusPaymentRequired, http.StatusBadRequest, http.StatusConflict, http.StatusTemporaryRedirect} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				env["ADMIN_ADDR"], env["GIVE_UP_AFTER"] = "127.0.0.1:0", "1s"
				w := newWorld(t, env, polite())
				w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "hello")
				w.awaitN(chat, 1)
				w.quiet()

				w.p.ResetCalls()
				w.p.On("POST", sending).In(chat).FailBefore(status)
				w.p.On("GET", reading).In(chat).FailBefore(status)
				w.p.On("GET", "chats/*").In(chat).FailBefore(status)
				w.say(chat, "price?")
				w.say(chat, "open?")
				const attempts, calls = 12, 4 // at most: of one event, and of one attempt
				dead := w.deadLetters(chat, 2, 2*attempts*calls)
				w.said(chat, greetingEN)

				w.p.ClearFaults()
				for _, d := range dead {
					if err := (admin.Client{Base: w.apps[0].AdminURL()}).Retry(w.ctx, d.ID); err != nil {
						t.Fatal(err)
					}
				}
				w.awaitN(chat, 3)
				w.say(chat, "blah")
				w.awaitN(chat, 4)
				w.quiet()
				w.saidOnce(chat, greetingEN, priceEN, hoursEN, sorryEN)
				w.clean()
			})
		})
	}
}

// One 404 to a message and one to the chat make the bot believe that the chat is over. giosg goes on sending the webhooks that only a member
// gets, so it is not.
func TestBlipDoesNotMuteAChat(t *testing.T) {
	t.Parallel()
	for name, missing := range map[string][]struct{ method, path string }{
		"message and chat":   {{"POST", sending}, {"GET", "chats/*"}},
		"message and record": {{"POST", sending}, {"GET", "chats/*"}, {"GET", reading}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				w := newWorld(t, env, polite())
				w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "hello")
				w.awaitN(chat, 1)
				w.quiet()
				for _, m := range missing {
					w.p.On(m.method, m.path).In(chat).Times(1).FailBefore(http.StatusNotFound)
				}
				w.say(chat, "blah")
				w.quiet()
				w.say(chat, "open?")
				w.await(chat, hoursEN)
				w.say(chat, "price?")
				w.await(chat, priceEN)
				w.quiet()
				got := slices.DeleteFunc(chat.Said("bot"), func(s string) bool { return s == sorryEN })
				if want := []string{greetingEN, hoursEN, priceEN}; !slices.Equal(got, want) {
					t.Errorf("said %q, want %q", got, want)
				}
				if n := len(chat.Said("bot")) - len(got); n > 1 {
					t.Errorf("the message of the blip was answered %d times", n)
				}
				w.clean()
			})
		})
	}
}

// One odd answer to one call loses no message and doubles none.
func TestOneOddAnswerLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"POST", sending, http.StatusForbidden},
		{"POST", sending, http.StatusConflict},
		{"POST", sending, http.StatusNotFound},
		{"POST", sending, http.StatusBadRequest},
		{"GET", reading, http.StatusForbidden},
		{"GET", reading, http.StatusNotFound},
		{"GET", "clients", http.StatusNotFound},
		{"GET", "clients", http.StatusForbidden},
		{"POST", "clients", http.StatusConflict},
		{"POST", "pending_chats/*/memberships", http.StatusForbidden},
		{"POST", "pending_chats/*/memberships", http.StatusConflict},
	} {
		t.Run(fmt.Sprintf("%d to %s %s", c.status, c.method, c.path), func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				w := newWorld(t, env, polite())
				w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				rule := w.p.On(c.method, c.path).Times(1)
				rule.FailBefore(c.status)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "open?")
				w.awaitN(chat, 2)
				w.say(chat, "price?")
				w.awaitN(chat, 3)
				w.quiet()
				w.said(chat, greetingEN, hoursEN, priceEN)
				if rule.Hits() != 1 {
					t.Errorf("the fault struck %d times", rule.Hits())
				}
				w.clean()
			})
		})
	}
}

// A sweep's event that was given up does not keep the next sweep from the same chat.
func TestGivenUpCheckDoesNotEndSweeps(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		env["ADMIN_ADDR"], env["GIVE_UP_AFTER"] = "127.0.0.1:0", "1s"
		w := newWorld(t, sweeping(env), polite())
		r := w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		chat := w.rooms["en"].OpenChat()
		w.say(chat, "open?")
		w.awaitN(chat, 2)
		w.quiet()
		restart := func() {
			r.stop()
			w.apps = nil
			r = w.start(shop("agent"))
			w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
			other := w.rooms["en"].OpenChat()
			w.say(other, "open?") // brings a token, and the sweep begins
			w.awaitN(other, 2)
		}
		w.deaf()
		w.say(chat, "price?")
		w.p.On("GET", reading).In(chat).FailBefore(http.StatusForbidden)
		w.p.ResetCalls()
		restart()
		await(t, func() bool { return strings.Contains(w.log.String(), "check given up") })
		if n := len(w.p.Calls(nil)); n > 100 {
			t.Errorf("%d calls for a check that is given up", n)
		}
		w.p.ClearFaults()
		restart()
		w.awaitN(chat, 3)
		w.quiet()
		w.said(chat, greetingEN, hoursEN, priceEN)
		w.clean()
	})
}
