package app_test

import (
	"testing"

	"giosgbot/giosg/giosgtest"
)

// A bot is stopped after its answer has taken effect and before it knows so. The next process continues with the next message.
func TestInterruptedBetweenTwoMessages(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		env["SHUTDOWN_GRACE"], env["SETTLE"] = "1ms", "2s"
		w := newWorld(t, env, polite())
		a := w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		chat := w.rooms["en"].OpenChat()
		w.say(chat, "hello")
		w.awaitN(chat, 1)
		w.quiet()
		w.p.On("POST", "chats/*/messages").Times(1).HangAfter()
		w.say(chat, "blah") // two that get the same answer
		w.say(chat, "bleh")
		w.awaitN(chat, 2)
		w.say(chat, "open?")
		if err := w.p.AwaitDeliveries(w.ctx); err != nil {
			t.Fatal(err)
		}
		a.stop()
		w.apps = nil
		w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		w.say(chat, "price?")
		w.awaitN(chat, 5)
		w.quiet()
		const sorry = "Sorry, I did not get that."
		w.said(chat, greetingEN, sorry, sorry, "Mon–Fri 9–17.", "It costs 10 €.")
		w.clean()
	})
}

// An agent that is also a sidekick receives every message on two channels. After a fault it must not mistake its own chat for a colleague's.
func TestAgentAndSidekickAfterAFault(t *testing.T) {
	t.Parallel()
	faults := map[string]func(*giosgtest.Rule){
		"cut":  func(r *giosgtest.Rule) { r.CutAfter() },
		"500":  func(r *giosgtest.Rule) { r.FailAfter(500) },
		"hang": func(r *giosgtest.Rule) { r.HangAfter() },
	}
	for name, fault := range faults {
		for _, path := range []string{"pending_chats/*/memberships", "chats/*/messages"} {
			t.Run(name+" "+path, func(t *testing.T) {
				t.Parallel()
				env := stores[0].env(t)
				env["API_TIMEOUT"] = "500ms"
				w := newWorld(t, env, polite())
				w.start(shop("agent, sidekick"))
				w.hook(giosgtest.RoutedChatMessages, giosgtest.PendingChats, giosgtest.ChatMessages)
				rule := w.p.On("POST", path).Times(1)
				fault(rule)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "open?")
				if err := w.p.Await(w.ctx, func() bool { return rule.Hits() == 1 }); err != nil {
					t.Fatal(err)
				}
				for _, ev := range w.p.Events(nil) { // copies of all, while the bot waits for its next attempt
					if _, err := w.p.Send(w.ctx, ev); err != nil {
						t.Fatal(err)
					}
				}
				w.awaitN(chat, 1)
				w.say(chat, "price?")
				w.awaitN(chat, 3)
				w.quiet()
				w.said(chat, greetingEN, "Mon–Fri 9–17.", "It costs 10 €.")
				if m, ok := chat.State().Member(w.bot.User); !ok || !m.Participating {
					t.Error("the bot has left its chat")
				}
				w.clean()
			})
		}
	}
}

// The bot remembers what an attempt did for one message, although an older message arrives before the next attempt.
func TestSidekickRemembersItsDoubt(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env, polite())
		w.start(shop("sidekick"))
		w.hook(giosgtest.RoutedChatMessages)
		chat := w.rooms["en"].OpenChat()
		w.say(chat, "hello")
		if err := w.human.Take(chat); err != nil {
			t.Fatal(err)
		}
		w.say(chat, "open?")
		w.awaitN(chat, 1)
		w.quiet()
		hold := w.p.Hold(nil)
		w.say(chat, "nothing of interest")
		w.say(chat, "what is the price?")
		held, err := hold.Await(w.ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		cut := w.p.On("POST", "chats/*/messages").Times(1)
		cut.CutAfter()
		hold.Release(w.ctx, held[1])
		if err := w.p.Await(w.ctx, func() bool { return cut.Hits() == 1 }); err != nil {
			t.Fatal(err)
		}
		hold.Release(w.ctx, held[0])
		hold.End()
		w.say(chat, "open?")
		w.awaitN(chat, 3)
		w.quiet()
		w.said(chat, "Mon–Fri 9–17.", "It costs 10 €.", "Mon–Fri 9–17.")
		w.clean()
	})
}
