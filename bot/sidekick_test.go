package bot_test

import (
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

// A sidekick speaks only when a rule matches, and in chats that others serve.
func TestSidekick(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text            string
		member          bool
		silence, noSeat string
		result          bot.Result
		calls           []string
	}{
		"no rule matches":        {"blah", false, "", "", bot.Silent, nil},
		"nobody serves the chat": {"hours", false, "nobody serves the chat yet", "", bot.Ignored, []string{"unserved"}},
		"others serve the chat":  {"hours", false, "", "", bot.Answered, []string{"unserved", "overheard false", "present", "sit in", "record", "say Nine to five."}},
		"no seat":                {"hours", false, "", "not routed", bot.Ignored, []string{"unserved", "overheard false", "present", "sit in"}},
		"a member":               {"hours", true, "", "", bot.Answered, []string{"overheard true", "present", "record", "say Nine to five."}},
		"a rule that is silent":  {"hush", false, "", "", bot.Silent, []string{"overheard false"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sidekick, func(t *testing.T, w *world) {
				w.p.silence, w.p.noSeat = c.silence, c.noSeat
				ev := w.event(chat.Said, w.p.add(replay.Said, c.text).ID, c.text)
				ev.Member = c.member
				w.while(func() { w.put(ev) })
				w.wantResults(c.result)
				w.wantCalls(c.calls...)
				w.wantFinished(c.result == bot.Answered, ev.ID)
				w.wantEmpty()
			})
		})
	}
}

// Once it is a member, a sidekick needs no call but those that speak.
func TestSidekickGoesOn(t *testing.T) {
	t.Parallel()
	inWorld(t, sidekick, func(t *testing.T, w *world) {
		w.while(func() {
			w.say("price")
			w.p.take()
			w.say("again")
			w.wantCalls("present", "say As I said: 10 €.")
			w.say("blah")
			w.wantCalls()
			w.wantResults(bot.Answered, bot.Answered, bot.Silent)
			w.wantSaid("It costs 10 €.", "Delivery is free.", "As I said: 10 €.")
		})
	})
}

// Each call may fail; the next attempt does what is left.
func TestSidekickInSpiteOfFailures(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"unserved", "overheard false", "present", "sit in", "record", "say It costs 10 €.", "say Delivery is free."} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sidekick, func(t *testing.T, w *world) {
				w.p.fail(call, later("no"))
				w.while(func() {
					w.say("price")
					w.wantResults(bot.Later)
					w.wait(time.Second)
					w.wantResults(bot.Answered)
					w.wantSaid("It costs 10 €.", "Delivery is free.")
				})
			})
		})
	}
}

// A second attempt strikes what an earlier one has said, once it shows.
func TestSidekickSecondAttempt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lags  []time.Duration
		calls []string
		after time.Duration
	}{
		"nothing was said":           {nil, []string{"record", "record", "say It costs 10 €.", "say Delivery is free."}, 2 * time.Second},
		"half was said":              {[]time.Duration{0}, []string{"record", "record", "say Delivery is free."}, 2 * time.Second},
		"half shows late":            {[]time.Duration{time.Second}, []string{"record", "record", "say Delivery is free."}, 2 * time.Second},
		"all was said":               {[]time.Duration{0, 0}, []string{"record"}, 0},
		"all shows late":             {[]time.Duration{time.Second, time.Second}, []string{"record", "record"}, 2 * time.Second},
		"the second half shows late": {[]time.Duration{0, time.Second}, []string{"record", "record"}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sidekick, func(t *testing.T, w *world) {
				w.while(func() {
					w.say("hours")
					w.wait(time.Second)
				})
				ev := w.abandoned("price", func() {
					for i, lag := range c.lags {
						w.own([]string{"It costs 10 €.", "Delivery is free."}[i], lag)
					}
				})
				w.takeReports()
				w.p.take()
				w.while(func() {
					w.wait(c.after)
					w.wantCalls(append([]string{"present"}, c.calls...)...)
					if r := w.report(); r.Attempt != 2 || !r.Looked || r.Took != c.after {
						t.Errorf("%+v", r)
					}
					w.wantSaid("Nine to five.", "It costs 10 €.", "Delivery is free.")
					w.wantFinished(true, ev.ID)
					w.say("again")
					w.wantSaid("Nine to five.", "It costs 10 €.", "Delivery is free.", "As I said: 10 €.")
				})
			})
		})
	}
}

// Waiting for what an earlier attempt has said may be cut short, as all else.
func TestSidekickSecondAttemptIsCutShort(t *testing.T) {
	t.Parallel()
	inWorld(t, sidekick, func(t *testing.T, w *world) {
		w.opts.Settle, w.opts.Grace = time.Minute, time.Second
		w.abandoned("price", nil)
		stop := w.start()
		stop()
		w.wantResults(bot.Later)
		w.wantSaid()
	})
}

// The same words that answer another message of the same time are not taken for those of an earlier attempt.
func TestSidekickKnowsItsWords(t *testing.T) {
	t.Parallel()
	inWorld(t, sidekick, func(t *testing.T, w *world) {
		first := w.p.add(replay.Said, "hours")
		w.wait(time.Second)
		w.while(func() {
			w.say("hours") // its webhook comes before that of the first
			w.wait(time.Second)
		})
		ev := w.event(chat.Said, first.ID, "hours")
		ev.At = first.At
		w.put(ev)
		w.abandon(nil)
		w.while(func() { w.wait(3 * time.Second) })
		w.wantSaid("Nine to five.", "Nine to five.")
	})
}

// A sidekick that remembers nothing finds the state in the record, and answers nothing again.
func TestSidekickRecollects(t *testing.T) {
	t.Parallel()
	inWorld(t, sidekick, func(t *testing.T, w *world) {
		old := w.p.add(replay.Said, "price")
		w.own("It costs 10 €.", 0)
		w.own("Delivery is free.", 0)
		w.p.add(replay.Human, "Hello")
		w.wait(time.Minute)
		w.while(func() {
			w.say("again")
			w.wantResults(bot.Answered)
			w.wantSaid("It costs 10 €.", "Delivery is free.", "As I said: 10 €.")
			w.wantFinished(true, old.ID)
			ev := w.event(chat.Said, old.ID, "price") // its webhook comes now
			ev.At = old.At
			w.put(ev)
			w.wantResults()
		})
	})
}

// An event that comes late leaves a state that lacks what came after it, so the next one reads the record again.
func TestSidekickRecollectsAgainAfterALateEvent(t *testing.T) {
	t.Parallel()
	inWorld(t, sidekick, func(t *testing.T, w *world) {
		late := w.p.add(replay.Said, "hours")
		w.wait(time.Second)
		w.p.add(replay.Said, "price")
		w.own("It costs 10 €.", 0)
		w.own("Delivery is free.", 0)
		w.wait(time.Minute)
		w.while(func() {
			ev := w.event(chat.Said, late.ID, "hours")
			ev.At, ev.Member = late.At, true
			w.put(ev)
			w.p.take()
			w.say("again")
			w.wantCalls("overheard true", "present", "say As I said: 10 €.")
			w.say("again")
			w.wantCalls("present", "say As I said: 10 €.")
		})
	})
}

// A sidekick that was told to leave says nothing more.
func TestSidekickLeaves(t *testing.T) {
	t.Parallel()
	inWorld(t, sidekick, func(t *testing.T, w *world) {
		w.while(func() {
			w.say("bye")
			w.say("hours")
			w.wantResults(bot.Answered, bot.Ignored)
			w.wantSaid("Goodbye.")
		})
	})
}

// A room is looked up by a sidekick, too.
func TestSidekickRoom(t *testing.T) {
	t.Parallel()
	const book = `
name: tested
modes: [sidekick]
languages: [en, fi]
rules: [{name: hours, when: {keywords: {en: [hours], fi: [aukiolo]}}, say: {en: Nine to five., fi: Ysistä viiteen.}}]
`
	inWorld(t, book, func(t *testing.T, w *world) {
		w.p.about = chat.About{Language: "fi"}
		w.p.fail("about r1", later("no"))
		w.while(func() {
			ev := w.event(chat.Said, w.p.add(replay.Said, "aukiolo").ID, "aukiolo")
			ev.Room = "r1"
			w.put(ev)
			w.wantResults(bot.Later)
			w.wait(time.Second)
			w.wantResults(bot.Answered)
			w.wantSaid("Ysistä viiteen.")
		})
	})
}
