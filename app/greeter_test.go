package app_test

import (
	"sync/atomic"
	"testing"

	"giosgbot/giosg/giosgtest"
)

// Two users can join a routed chat at the same time. If the bot is the second, it leaves without a word.
func TestGreeterThatComesSecondLeaves(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meanwhile func(w *world, chat *giosgtest.Chat) error // between the bot's check of the chat and its join
		stays     bool
		cut       string // the write whose answer is lost
	}{
		"a human joins": {meanwhile: func(w *world, chat *giosgtest.Chat) error { return w.human.Join(chat) }},
		"a human joins, and the answer to the join is lost": {
			meanwhile: func(w *world, chat *giosgtest.Chat) error { return w.human.Join(chat) }, cut: "POST",
		},
		"a human joins, and the answer to the leave is lost": {
			meanwhile: func(w *world, chat *giosgtest.Chat) error { return w.human.Join(chat) }, cut: "PATCH",
		},
		"a human only watches": {
			meanwhile: func(w *world, chat *giosgtest.Chat) error { return w.human.Watch(chat) }, stays: true,
		},
		"a human joins and leaves": {
			meanwhile: func(w *world, chat *giosgtest.Chat) error {
				if err := w.human.Join(chat); err != nil {
					return err
				}
				return w.human.Leave(chat)
			}, stays: true,
		},
		"a human joins who is not present": {
			meanwhile: func(w *world, chat *giosgtest.Chat) error {
				w.human.GoOffline()
				return w.human.Join(chat)
			}, stays: true,
		},
		"nobody joins, and the answer to the join is lost": {
			meanwhile: func(*world, *giosgtest.Chat) error { return nil }, stays: true, cut: "POST",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stores[0].env(t), polite())
			w.start(shop("greeter"))
			w.hook(giosgtest.RoutedChats, giosgtest.ChatMessages)
			join := giosgtest.Matching("POST", "routed_chats/*/memberships")
			var once atomic.Bool
			w.p.SetFault(func(c giosgtest.Call) (f giosgtest.Fault) {
				if !join(c) || once.Swap(true) {
					return f
				}
				if err := tt.meanwhile(w, w.p.Chat(c.ChatID)); err != nil {
					t.Error(err)
				}
				if tt.cut == "POST" {
					f.Cut, f.After = true, true
				}
				return f
			})
			if tt.cut == "PATCH" {
				w.p.On("PATCH", "chat_memberships/*").Times(1).CutAfter()
			}
			chat := w.rooms["en"].OpenChat()
			if tt.stays {
				w.await(chat, greetingEN)
				w.say(chat, "open?")
				w.awaitN(chat, 2)
				w.quiet()
				w.said(chat, greetingEN, "Mon–Fri 9–17.")
			} else {
				left := func(s giosgtest.ChatState) bool {
					m, ok := s.Member(w.bot.User)
					return ok && !m.Participating
				}
				if err := w.p.AwaitState(w.ctx, chat, left); err != nil {
					t.Fatalf("the bot does not leave: %v", err)
				}
				w.say(chat, "open?")
				w.quiet()
				w.said(chat)
				if !left(chat.State()) {
					t.Error("the bot is back")
				}
			}
			w.clean()
		})
	}
}

// A human who joins after the bot does so on purpose, so the bot stays.
func TestGreeterThatCameFirstStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stores[0].env(t), polite())
	w.start(shop("greeter"))
	w.hook(giosgtest.RoutedChats, giosgtest.ChatMessages)
	var once atomic.Bool
	read := giosgtest.Matching("GET", "chats/*/messages")
	w.p.SetFault(func(c giosgtest.Call) (f giosgtest.Fault) {
		if read(c) && !once.Swap(true) {
			if err := w.human.Join(w.p.Chat(c.ChatID)); err != nil {
				t.Error(err)
			}
		}
		return f
	})
	chat := w.rooms["en"].OpenChat()
	w.await(chat, greetingEN)
	w.quiet()
	w.said(chat, greetingEN)
	w.clean()
}
