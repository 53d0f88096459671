package app_test

import (
	"net/http"
	"testing"

	"giosgbot/giosg/giosgtest"
)

// talked returns a chat that the bot serves, with so many lines in its record.
func (w *world) talked(lines int, hooks ...string) *giosgtest.Chat {
	w.Helper()
	chat := w.rooms["en"].OpenChat()
	w.say(chat, "open?")
	w.awaitN(chat, 2)
	w.quiet()
	w.deaf()
	for len(chat.Lines()) < lines-2 {
		chat.Log("system", nil, "a note")
	}
	w.hook(hooks...)
	w.say(chat, "price?")
	w.awaitN(chat, 3)
	w.quiet()
	w.p.ResetCalls()
	return chat
}

// In doubt about a message, a chat of 2,000 lines costs hardly more calls than a short one: what was accounted for is not read again.
func TestDoubtInALongChatCostsFewCalls(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		o := polite()
		o.PageSize, o.NewestFirst = 100, true
		w := newWorld(t, env, o)
		hooks := []string{giosgtest.PendingChats, giosgtest.ChatMessages}
		w.start(shop("agent"))
		w.hook(hooks...)
		cost := func(lines int) int {
			chat := w.talked(lines, hooks...)
			w.p.On("POST", sending).In(chat).Times(1).CutAfter()
			w.say(chat, "blah")
			w.awaitN(chat, 4)
			w.quiet()
			w.said(chat, greetingEN, hoursEN, priceEN, sorryEN)
			return len(w.calls())
		}
		short := cost(0)
		if long := cost(2000); long > short+4 {
			t.Errorf("%d calls in a long chat, and %d in a short one", long, short)
		}
		w.clean()
	})
}

// A page that fails is read again, and not those before it; and a record of many pages has an answer, too.
func TestFailingPageOfALongChat(t *testing.T) {
	t.Parallel()
	const lines, page = 313, 3
	for name, newestFirst := range map[string]bool{"oldest first": false, "newest first": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				o := polite()
				o.PageSize, o.NewestFirst = page, newestFirst
				w := newWorld(t, env, o)
				w.start(shop("agent"))
				w.deaf()
				chat := w.rooms["en"].OpenChat()
				for len(chat.Lines()) < lines-1 {
					chat.Log("system", nil, "a note")
				}
				w.p.On("GET", reading).In(chat).Skip(lines / page / 2).Times(1).FailBefore(http.StatusServiceUnavailable)
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				w.say(chat, "open?")
				w.awaitN(chat, 2)
				w.quiet()
				w.said(chat, greetingEN, hoursEN)
				if n, most := len(w.p.Calls(giosgtest.Matching("GET", reading))), (lines+page-1)/page+4; n > most {
					t.Errorf("the record was read with %d calls, want at most %d", n, most)
				}
				w.clean()
			})
		})
	}
}
