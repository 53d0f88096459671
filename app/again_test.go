package app_test

import (
	"fmt"
	"slices"
	"testing"

	"giosgbot/giosg/giosgtest"
)

// answers are what the bot has said besides greetings.
func answers(chat *giosgtest.Chat) []string {
	return slices.DeleteFunc(chat.Said("bot"), func(s string) bool { return s == greetingEN })
}

// awaitAnswers waits until the bot has given exactly these answers, besides greetings.
func (w *world) awaitAnswers(chat *giosgtest.Chat, want ...string) {
	w.Helper()
	if err := w.p.Await(w.ctx, func() bool { return len(answers(chat)) >= len(want) }); err != nil {
		w.Fatalf("waiting for %q: %v; said %q", want, err, chat.Said("bot"))
	}
	w.quiet()
	if got := answers(chat); !slices.Equal(got, want) {
		w.Errorf("answers %q, want %q", got, want)
	}
}

func (w *world) awaitIn(chat *giosgtest.Chat) {
	w.Helper()
	err := w.p.AwaitState(w.ctx, chat, func(s giosgtest.ChatState) bool {
		m, in := s.Member(w.bot.User)
		return in && m.Participating && !s.Pending
	})
	if err != nil {
		w.Fatalf("the bot is not in the chat: %v; %+v", err, chat.State())
	}
}

// A chat that the bot served waits again after somebody has ended the bot's membership, with a new time of waiting or with the old one.
func TestChatThatWaitsAgainIsTakenAgain(t *testing.T) {
	t.Parallel()
	for _, anew := range []bool{true, false} {
		for _, written := range []bool{true, false} {
			t.Run(fmt.Sprintf("new time %t, written %t", anew, written), func(t *testing.T) {
				t.Parallel()
				onEveryStore(t, func(t *testing.T, env map[string]string) {
					w := newWorld(t, env, polite())
					w.start(shop("agent"))
					w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
					chat := w.rooms["en"].OpenChat()
					w.say(chat, "open?")
					w.awaitAnswers(chat, hoursEN)
					w.awaitIn(chat)

					want := []string{hoursEN}
					if err := w.bot.Leave(chat); err != nil {
						t.Fatal(err)
					}
					if written { // while nobody serves the chat
						w.say(chat, "blah")
						want = append(want, sorryEN)
						w.quiet()
					}
					if err := chat.WaitAgain(!anew); err != nil {
						t.Fatal(err)
					}
					w.awaitIn(chat)
					w.awaitAnswers(chat, want...)
					w.say(chat, "price?")
					w.awaitAnswers(chat, append(want, priceEN)...)
					w.clean()
				})
			})
		}
	}
}

// A colleague took the chat before the bot and left it to the queue again. The time of waiting may be that of before.
func TestChatThatAColleagueGaveBackIsTaken(t *testing.T) {
	t.Parallel()
	for _, anew := range []bool{true, false} {
		t.Run(fmt.Sprintf("new time %t", anew), func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				w := newWorld(t, env, polite())
				w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				hold := w.p.Hold(nil)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "open?")
				if _, err := hold.Await(w.ctx, 1); err != nil {
					t.Fatal(err)
				}
				if err := w.human.Take(chat); err != nil {
					t.Fatal(err)
				}
				hold.End()
				w.quiet()
				w.said(chat)
				if err := w.human.Leave(chat); err != nil {
					t.Fatal(err)
				}
				if err := chat.WaitAgain(!anew); err != nil {
					t.Fatal(err)
				}
				w.awaitIn(chat)
				w.awaitAnswers(chat, hoursEN)
				w.say(chat, "price?")
				w.awaitAnswers(chat, hoursEN, priceEN)
				w.clean()
			})
		})
	}
}

// giosg routes a chat to the bot once more, after a colleague had it and left. The webhook is the same as the first, to the last digit.
func TestChatThatIsRoutedAgainIsGreeted(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env, polite())
		w.start(shop("greeter"))
		w.hook(giosgtest.RoutedChats, giosgtest.ChatMessages)
		hold := w.p.Hold(nil)
		chat := w.rooms["en"].OpenChat()
		routed, err := hold.Await(w.ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.human.Join(chat); err != nil {
			t.Fatal(err)
		}
		hold.End()
		w.quiet()
		w.said(chat)
		if err := w.human.Leave(chat); err != nil {
			t.Fatal(err)
		}
		if _, err := w.p.Send(w.ctx, routed[0]); err != nil {
			t.Fatal(err)
		}
		w.await(chat, greetingEN)
		w.say(chat, "open?")
		w.awaitN(chat, 2)
		w.quiet()
		w.said(chat, greetingEN, hoursEN)

		// A copy that comes late, while the bot has the chat, changes nothing.
		if _, err := w.p.Send(w.ctx, routed[0]); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		w.said(chat, greetingEN, hoursEN)
		w.clean()
	})
}
