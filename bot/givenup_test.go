package bot_test

import (
	"fmt"
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

// revive puts the only dead letter back into its lane, as an operator's retry does.
func (w *world) revive() {
	w.t.Helper()
	dead, err := w.queue.Dead(w.t.Context(), 10)
	if err != nil || len(dead) != 1 {
		w.t.Fatalf("dead letters %+v, %v", dead, err)
	}
	if err := w.queue.Revive(w.t.Context(), dead[0].ID); err != nil {
		w.t.Fatal(err)
	}
	w.wait(0)
}

// giveUp lets a call be refused until the visitor's message is given up.
func (w *world) giveUp(text, call string) chat.Event {
	w.t.Helper()
	w.p.fail(call, times(3, refused("bad words"))...)
	ev := w.say(text)
	w.wait(10 * time.Second)
	if r := w.results(); len(r) == 0 || r[len(r)-1] != bot.SetAside {
		w.t.Fatalf("results %q", r)
	}
	w.wantDead("bad words")
	w.wantFinished(false, ev.ID)
	w.p.take()
	return ev
}

// A message that was given up is answered when it is retried: what was said of its answer is not said again, also after later messages.
func TestRetriedMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, call string
		before     []string   // said before the message was given up
		after      []string   // said when it was retried
		next       bot.Result // of a message between
	}{
		"nothing was said":    {"price", "say It costs 10 €.", nil, []string{"It costs 10 €.", "Delivery is free."}, bot.Answered},
		"half was said":       {"price", "say Delivery is free.", []string{"It costs 10 €."}, []string{"Delivery is free."}, bot.Answered},
		"one part only":       {"hours", "say Nine to five.", nil, []string{"Nine to five."}, bot.Answered},
		"a fallback":          {"blah", "say Sorry?", nil, []string{"Sorry?"}, bot.Answered},
		"half of a hand-over": {"human", "invite Support", []string{"A moment."}, []string{"They are coming."}, bot.Silent},
	} {
		for _, between := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, another message between: %t", name, between), func(t *testing.T) {
				t.Parallel()
				inWorld(t, agent, func(t *testing.T, w *world) {
					w.opts.GiveUp = 500 * time.Millisecond
					w.p.there("Support")
					w.while(func() {
						w.join()
						ev := w.giveUp(c.text, c.call)
						want := append([]string{"Hello."}, c.before...)
						if between {
							w.wait(time.Minute)
							pressed := w.event(chat.Pressed, w.press("blue"), "")
							pressed.Value = "blue"
							w.put(pressed)
							w.wantResults(c.next)
							if c.next == bot.Answered {
								want = append(want, "A blue one.")
							}
						}
						w.wantSaid(want...)
						w.takeReports()
						w.revive()
						w.wantResults(bot.Answered)
						w.wantSaid(append(want, c.after...)...)
						w.wantFinished(true, ev.ID)
						w.wantEmpty()
						w.wantDead("")
					})
				})
			})
		}
	}
}

// A sidekick says only the second part, too.
func TestRetriedMessageOfASidekick(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call          string
		before, after []string
	}{
		"nothing was said": {"say It costs 10 €.", nil, []string{"It costs 10 €.", "Delivery is free."}},
		"half was said":    {"say Delivery is free.", []string{"It costs 10 €."}, []string{"Delivery is free."}},
	} {
		for _, between := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, another message between: %t", name, between), func(t *testing.T) {
				t.Parallel()
				inWorld(t, sidekick, func(t *testing.T, w *world) {
					w.opts.GiveUp = 500 * time.Millisecond
					w.while(func() {
						ev := w.giveUp("price", c.call)
						want := c.before
						if between {
							w.wait(time.Minute)
							w.say("hours")
							w.wantResults(bot.Answered)
							want = append(want, "Nine to five.")
						}
						w.wantSaid(want...)
						w.takeReports()
						w.revive()
						w.wantResults(bot.Answered)
						w.wantSaid(append(want, c.after...)...)
						w.wantFinished(true, ev.ID)
						w.wantEmpty()
					})
				})
			})
		}
	}
}

// A retried message that fails again is given up again, once more without harm to others.
func TestRetriedMessageFailsAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.while(func() {
			w.join()
			ev := w.giveUp("price", "say Delivery is free.")
			w.p.fail("say Delivery is free.", times(2, refused("bad words"))...) // the attempts of before count
			w.revive()
			w.wait(10 * time.Second)
			w.takeReports()
			w.wantDead("bad words")
			w.say("hours")
			w.wantResults(bot.Answered)
			w.revive()
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "It costs 10 €.", "Nine to five.", "Delivery is free.")
			w.wantFinished(true, ev.ID)
		})
	})
}

// What failed for one message does not fail for those after it, also if they read the record: the one that was given up stays with its
// dead letter.
func TestLaterMessagesLeaveAGivenUpOneAlone(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world){
		"of the same lane":            func(*world) {},
		"that must read the record":   func(w *world) { w.p.mustRead = true },
		"after a reply without an id": func(w *world) { w.p.anonymous = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.opts.GiveUp = 500 * time.Millisecond
				w.while(func() {
					w.join()
					ev := w.giveUp("price", "say It costs 10 €.")
					prepare(w)
					w.p.fail("say It costs 10 €.", times(100, refused("bad words"))...)
					for range 3 {
						w.wait(time.Minute)
						w.say("hours")
						w.wantResults(bot.Answered)
					}
					w.wantSaid("Hello.", "Nine to five.", "Nine to five.", "Nine to five.")
					w.wantFinished(false, ev.ID)
					w.wantDead("bad words")
				})
			})
		})
	}
}

// A message that waits behind one that is given up has its turn then, whichever of them the first attempts worked on.
func TestMessagesBehindAGivenUpOne(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("say It costs 10 €.", times(1000, refused("bad words"))...)
			first := w.say("price")
			second := w.say("hours")
			w.wait(5 * time.Minute)
			w.wantSaid("Hello.", "Nine to five.")
			w.wantFinished(false, first.ID)
			w.wantFinished(true, second.ID)
			w.wantDead("bad words")
			w.wantEmpty()
		})
	})
}

// Many messages may be given up; the bot remembers the last ones.
func TestManyGivenUpMessages(t *testing.T) {
	t.Parallel()
	const many = 16
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.while(func() {
			w.join()
			w.p.fail("say It costs 10 €.", times(10000, refused("bad words"))...)
			for range many {
				w.say("price")
			}
			w.wait(10 * time.Minute)
			w.takeReports()
			w.say("hours")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Nine to five.")
			dead, err := w.queue.Dead(t.Context(), 100)
			if err != nil || len(dead) != many {
				t.Errorf("%d dead letters, %v", len(dead), err)
			}
		})
	})
}

// A sweep's check answers a message that was given up. A retry that comes later says nothing more.
func TestCheckFindsAGivenUpMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call string
		left []string // to be said
	}{
		"nothing was said": {"say It costs 10 €.", []string{"It costs 10 €.", "Delivery is free."}},
		"half was said":    {"say Delivery is free.", []string{"Delivery is free."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.opts.GiveUp = 500 * time.Millisecond
				w.while(func() {
					w.join()
					ev := w.giveUp("price", c.call)
					before := w.p.said()
					w.put(w.event(chat.Check, "check", ""))
					w.wantResults(bot.Answered)
					all := append(before, c.left...)
					w.wantSaid(all...)
					w.wantFinished(true, ev.ID)
					w.revive()
					w.wantSaid(all...)
					w.wantEmpty()
				})
			})
		})
	}
}

// A copy of the webhook that comes after its message was given up is worked on, as it may be all that is left.
func TestCopyOfAGivenUpMessage(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.while(func() {
			w.join()
			ev := w.giveUp("price", "say Delivery is free.")
			w.put(ev)
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.")
			w.revive()
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.")
		})
	})
}

// Without a memo, too, a message that was given up is remembered, and one of a colleague is not.
func TestGivenUpWithoutAMemo(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.p.add(replay.OwnJoin, "")
		w.own("Hello.", 0)
		w.wait(time.Minute)
		w.while(func() {
			ev := w.giveUp("hours", "record")
			w.say("price")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.")
			w.revive()
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.", "Nine to five.")
			w.wantFinished(true, ev.ID)
		})
	})
}

// A hand-over that was given up does not hold up the replies to later messages.
func TestLaterMessagesAfterAGivenUpHandOver(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.p.there("Support")
		w.while(func() {
			w.join()
			w.giveUp("human", "find Support true")
			w.p.mustRead = true
			w.say("hours")
			w.wantResults(bot.Answered)
			w.say("price")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Nine to five.", "It costs 10 €.", "Delivery is free.")
			w.p.mustRead = false
			w.revive()
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Nine to five.", "It costs 10 €.", "Delivery is free.", "A moment.", "They are coming.")
		})
	})
}

// A chat whose record was refused until the event was given up is not lost: the visitor's next message is answered, with those before it.
func TestMessageAfterAnEntryThatWasGivenUp(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = 500 * time.Millisecond
		w.p.add(replay.Said, "hours")
		w.wait(time.Second)
		w.while(func() {
			w.p.fail("record", times(3, refused("no"))...)
			w.put(w.event(chat.Pending, "e", ""))
			w.wait(10 * time.Second)
			w.wantResults(bot.Later, bot.Later, bot.SetAside)
			w.say("price")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Nine to five.", "It costs 10 €.", "Delivery is free.")
		})
	})
}
