package bot_test

import (
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

// A message that was given up keeps its right to an answer when the same words have answered a later one.
func TestRetriedMessageWithTheAnswerOfALaterOne(t *testing.T) {
	t.Parallel()
	for name, book := range map[string]string{"agent": agent, "sidekick": sidekick} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, book, func(t *testing.T, w *world) {
				w.opts.GiveUp = 500 * time.Millisecond
				w.while(func() {
					if book == agent {
						w.join()
					}
					w.giveUp("hours", "say Nine to five.")
					w.wait(time.Minute)
					w.say("hours")
					w.wantResults(bot.Answered)
					before := w.p.said()
					w.revive()
					w.wantResults(bot.Answered)
					w.wantSaid(append(before, "Nine to five.")...)
				})
			})
		})
	}
}

// A check that finds a given-up message too late to answer it leaves it to whoever retries the dead letter.
func TestRetryAfterACheckThatCameTooLate(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.while(func() {
			w.join()
			ev := w.giveUp("price", "say It costs 10 €.")
			w.wait(2 * time.Hour)
			w.put(w.event(chat.Check, "check", ""))
			w.wantResults(bot.Silent)
			w.wantFinished(false, ev.ID)
			w.revive()
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.")
		})
	})
}

// The record alone tells that the bot left a chat and came back, and that it speaks there again.
func TestRejoinedChatWithoutAMemo(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.p.add(replay.OwnJoin, "")
		w.own("Hello.", 0)
		w.p.add(replay.Said, "bye")
		w.own("Goodbye.", 0)
		w.p.add(replay.OwnLeave, "")
		w.p.add(replay.OwnJoin, "")
		w.wait(time.Minute)
		w.while(func() {
			w.say("hours")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Goodbye.", "Nine to five.")
		})
	})
}

// A check in a chat where a message was given up once, and has been answered since, does not silence a bot that left and came back.
func TestCheckOfARejoinedChat(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.while(func() {
			w.join()
			w.giveUp("price", "say It costs 10 €.")
			w.revive()
			w.say("bye")
			w.wait(time.Second)
			w.put(w.event(chat.Pending, "pending@2", ""))
			w.wait(time.Second)
			w.put(w.event(chat.Check, "check", ""))
			w.takeReports()
			w.say("hours")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.", "Goodbye.", "Nine to five.")
		})
	})
}

// A greeting that was given up stays with its dead letter, but what the visitor wrote before is not left with it: the next message finds it.
func TestMessageAfterAGreetingThatWasGivenUp(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.p.add(replay.Said, "hours")
		w.wait(time.Second)
		w.while(func() {
			w.p.fail("say Hello.", times(3, refused("no"))...)
			w.put(w.event(chat.Pending, "e", ""))
			w.wait(10 * time.Second)
			w.wantResults(bot.Later, bot.Later, bot.SetAside)
			w.say("price")
			w.wantResults(bot.Answered)
			w.wantSaid("Nine to five.", "It costs 10 €.", "Delivery is free.")
		})
	})
}
