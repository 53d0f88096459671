package bot_test

import (
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

// abandoned begins a turn at the visitor's message, lets it do something, and ends the process in the middle of it.
func (w *world) abandoned(text string, did func()) chat.Event {
	w.t.Helper()
	ev := w.say(text)
	w.abandon(did)
	return ev
}

// own makes the bot say something of which no event tells. The record shows it after a lag.
func (w *world) own(text string, lag time.Duration) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	w.p.addLine(replay.Own, text, lag)
}

// After an abandoned attempt, no second reading would miss what that one sent just before its end, and say it again.
func TestSecondReadingAfterAnAbandonedAttempt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		lags  []time.Duration // of the messages that the abandoned attempt has sent, in their order
		said  []string        // all
		calls []string
		after time.Duration // the next attempt is over
	}{
		"nothing was sent":              {"hours", nil, []string{"Hello.", "Nine to five."}, []string{"present", "record", "record", "say Nine to five."}, 2 * time.Second},
		"it shows late":                 {"hours", []time.Duration{1900 * time.Millisecond}, []string{"Hello.", "Nine to five."}, []string{"present", "record", "record"}, 2 * time.Second},
		"it shows at once":              {"hours", []time.Duration{0}, []string{"Hello.", "Nine to five."}, []string{"present", "record"}, 0},
		"half of it was sent":           {"price", []time.Duration{0}, []string{"Hello.", "It costs 10 €.", "Delivery is free."}, []string{"present", "record", "record", "say Delivery is free."}, 2 * time.Second},
		"half of it shows late":         {"price", []time.Duration{time.Second}, []string{"Hello.", "It costs 10 €.", "Delivery is free."}, []string{"present", "record", "record", "say Delivery is free."}, 2 * time.Second},
		"the second half shows late":    {"price", []time.Duration{0, time.Second}, []string{"Hello.", "It costs 10 €.", "Delivery is free."}, []string{"present", "record", "record"}, 2 * time.Second},
		"nothing was to be said anyway": {"hush", nil, []string{"Hello."}, []string{"present", "record"}, 0},
	} {
		for _, memo := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", with a memo", false: ", without a memo"}[memo], func(t *testing.T) {
				t.Parallel()
				inWorld(t, agent, func(t *testing.T, w *world) {
					calls := c.calls
					if memo {
						w.while(w.join)
					} else {
						w.p.add(replay.OwnJoin, "")
						w.own("Hello.", 0)
						calls = append([]string{"record", "role"}, calls...)
					}
					w.wait(time.Second)
					ev := w.abandoned(c.text, func() {
						texts := map[string][]string{"hours": {"Nine to five."}, "price": {"It costs 10 €.", "Delivery is free."}}[c.text]
						for i, lag := range c.lags {
							w.own(texts[i], lag)
						}
					})
					w.while(func() {
						w.wait(c.after)
						if r := w.report(); r.Attempt != 2 || !r.Looked || r.Took != c.after {
							t.Errorf("%+v", r)
						}
						w.wantCalls(calls...)
						w.wantSaid(c.said...)
						w.wantFinished(true, ev.ID)
						w.say("again") // and goes on in the right state
						w.wait(0)
						want := "As I said: 10 €."
						if c.text == "hours" {
							want = "Sorry?"
						}
						if c.text == "hush" {
							return
						}
						w.wantSaid(append(c.said, want)...)
					})
				})
			})
		}
	}
}

// If the abandoned attempt ended long ago, all that it sent is in the record, and one reading is enough.
func TestOneReadingAfterALongTime(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(w.join)
		w.abandoned("hours", nil)
		w.wait(2 * time.Second)
		w.while(func() {
			w.wantCalls("present", "record", "say Nine to five.")
			w.wantResults(bot.Answered)
		})
	})
}

// Either reading may fail, and so may the wait between them.
func TestReadingInSpiteOfFailures(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]fault{
		"the second": {{}, later("no")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(w.join)
				w.abandoned("hours", func() { w.own("Nine to five.", time.Second) })
				w.p.fail("record", faults...)
				w.while(func() { w.wait(10 * time.Second) })
				w.wantResults(bot.Later, bot.Silent)
				w.wantSaid("Hello.", "Nine to five.")
			})
		})
	}
	t.Run("the wait", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.opts.Settle, w.opts.Grace = time.Minute, time.Second
			w.while(w.join)
			w.abandoned("hours", nil)
			stop := w.start()
			begin := time.Now()
			stop()
			if took := time.Since(begin); took != time.Second {
				t.Errorf("stopping took %v", took)
			}
			w.wantResults(bot.Later)
			w.wantSaid("Hello.")
		})
	})
}

// If the platform does not tell what became of a message, the memo does not say where the bot's known words end. So the next reading of
// the record starts at its beginning.
func TestMessagesWithoutIDs(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.p.anonymous = true
		w.while(func() {
			w.join()
			w.say("hours")
			w.say("blah")
		})
		w.abandoned("bleh", nil)
		w.while(func() { w.wait(3 * time.Second) })
		w.wantSaid("Hello.", "Nine to five.", "Sorry?", "Sorry?")
		w.takeReports()
		w.p.anonymous = false
		w.abandoned("blih", nil)
		w.while(func() { w.wait(3 * time.Second) })
		w.wantResults(bot.Answered)
		w.wantSaid("Hello.", "Nine to five.", "Sorry?", "Sorry?", "Sorry?")
	})
}

// A store that has lost what was handled, but not the memo, makes nobody be answered twice.
func TestStoreThatHasLostWhatWasHandled(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			ev := w.say("hours")
			w.wait(time.Second)
			if err := w.db.Update(func(tx *bbolt.Tx) error { return w.handled.RemoveTx(tx, "u/c", ev.ID) }); err != nil {
				t.Fatal(err)
			}
			w.p.mustRead = true
			w.say("price")
			w.wantSaid("Hello.", "Nine to five.", "It costs 10 €.", "Delivery is free.")
			w.wantFinished(true, ev.ID)
		})
	})
}

// A turn that finds several replies open gives them in order, and an attempt that is cut short leaves the next one what it needs.
func TestSeveralRepliesAreOpen(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(w.join)
		w.say("price")
		w.say("blah")
		w.say("again")
		w.p.mustRead = true
		w.p.fail("say Sorry?", unknown(true))
		w.while(func() { w.wait(5 * time.Second) })
		w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.", "Sorry?", "As I said: 10 €.")
		w.wantEmpty()
		// Once all is answered in one turn, the other events are finished, too.
		if r := w.takeReports(); len(r) != 2 || r[0].Result != bot.Later || r[1].Result != bot.Answered || r[1].Said != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// A joining turn that was cut short leaves a greeting half said, or unsaid; the next one says what is missing.
func TestGreetingAfterAnAbandonedJoin(t *testing.T) {
	t.Parallel()
	for _, said := range []bool{true, false} {
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.put(w.event(chat.Pending, "e", ""))
			w.abandon(func() {
				w.p.add(replay.OwnJoin, "")
				if said {
					w.own("Hello.", time.Second)
				}
			})
			w.p.fail("enter agent", fault{err: nil}) // the platform says In also to the one that has the chat
			w.while(func() { w.wait(3 * time.Second) })
			w.wantSaid("Hello.")
			w.wantFinished(true, "e")
		})
	}
}

// Words whose place in the record is not known are not taken for the answer to an older message.
func TestMessageWithoutAnIDAndALateWebhook(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			late := w.p.add(replay.Said, "price")
			w.wait(time.Second)
			w.p.anonymous = true
			w.say("hours")
			w.p.anonymous, w.p.mustRead = false, true
			ev := w.event(chat.Said, late.ID, "price")
			ev.At = late.At
			w.put(ev)
			w.wantSaid("Hello.", "Nine to five.", "It costs 10 €.", "Delivery is free.")
		})
	})
}

// An event that comes before one whose attempt was abandoned does not make that attempt forgotten.
func TestAnotherEventAfterAnAbandonedAttempt(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(w.join)
		human := w.p.add(replay.Human, "Hello")
		w.abandoned("hours", func() { w.own("Nine to five.", time.Second) })
		ev := w.event(chat.Human, human.ID, human.Text)
		ev.At = human.At
		w.put(ev)
		w.while(func() { w.wait(3 * time.Second) })
		if r := w.takeReports(); len(r) != 2 || r[0].Event.Kind != chat.Human || r[1].Attempt != 3 || r[1].Result != bot.Silent {
			t.Errorf("%+v", r)
		}
		w.wantSaid("Hello.", "Nine to five.")
	})
}

// What a turn has changed is remembered also if its event is given up, and only then.
func TestMemoOfAGivenUpEvent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call  string
		fault fault
		next  string
	}{
		"after the first words":  {"say Delivery is free.", refused("bad words"), "As I said: 10 €."},
		"before the first words": {"say It costs 10 €.", fault{do: func() { panic("oh no") }}, "Sorry?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.fail(c.call, c.fault)
					w.say("price")
					w.say("again")
				})
				w.wantResults(bot.SetAside, bot.Answered)
				if said := w.p.said(); said[len(said)-1] != c.next {
					t.Errorf("the bot said %q, want %q last", said, c.next)
				}
			})
		})
	}
}
