package bot_test

import (
	"slices"
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

var (
	thereCalls  = []string{"present", "find Support true", "say A moment.", "invite Support", "say They are coming."}
	thereWords  = []string{"A moment.", "They are coming."}
	salesWords  = []string{"Support is not there.", "Sales is coming."}
	nobodyWords = []string{"Support is not there.", "Nobody is there."}
)

// A hand-over asks for each team in turn, and does what follows from the answers.
func TestHandOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		teams []string
		calls []string
		next  bot.Result // of a message that no rule answers
	}{
		"the team is there":       {[]string{"Support", "Sales"}, thereCalls, bot.Silent}, // the bot is quiet
		"the second team is":      {[]string{"Sales"}, []string{"present", "find Support true", "say Support is not there.", "find Sales false", "invite Sales", "say Sales is coming."}, bot.Silent},
		"nobody, so the bot left": {nil, []string{"present", "find Support true", "say Support is not there.", "find Sales false", "say Nobody is there.", "leave"}, bot.Ignored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.p.there(c.teams...)
				w.while(func() {
					w.join()
					ev := w.say("a human!")
					w.wantCalls(c.calls...)
					w.wantResults(bot.Answered)
					w.wantFinished(true, ev.ID)
					w.say("blah")
					w.wantResults(c.next)
				})
			})
		})
	}
}

// What a hand-over has said decides its outcome for the next attempt, whoever is there by then. Nothing is said twice.
func TestHandOverIsCutShort(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		teams []string
		call  string // fails
		fault fault
		then  []string // who is there after that
		words []string
		calls []string // of the second attempt
	}{
		"asking fails":                      {[]string{"Support"}, "find Support true", later("no"), []string{"Support"}, thereWords, []string{"record", "find Support true", "say A moment.", "invite Support", "say They are coming."}},
		"the first words fail":              {[]string{"Support"}, "say A moment.", unknown(false), nil, nobodyWords, []string{"record", "find Support true", "say Support is not there.", "find Sales false", "say Nobody is there.", "leave"}},
		"the first words are said":          {[]string{"Support"}, "say A moment.", unknown(true), nil, thereWords, []string{"record", "invite Support", "say They are coming."}},
		"the invitation fails":              {[]string{"Support"}, "invite Support", unknown(true), nil, thereWords, []string{"record", "invite Support", "say They are coming."}},
		"the last words are said":           {[]string{"Support"}, "say They are coming.", unknown(true), nil, thereWords, []string{"record"}},
		"nobody was there, but is now":      {nil, "say Support is not there.", unknown(true), []string{"Support"}, nobodyWords, []string{"record", "find Sales false", "say Nobody is there.", "leave"}},
		"nobody was there, but Sales is":    {nil, "say Support is not there.", unknown(true), []string{"Sales"}, salesWords, []string{"record", "find Sales false", "invite Sales", "say Sales is coming."}},
		"nobody at all was there":           {nil, "say Nobody is there.", unknown(true), []string{"Support", "Sales"}, nobodyWords, []string{"record", "leave"}},
		"asking for the second team fails":  {nil, "find Sales false", later("no"), []string{"Sales"}, salesWords, []string{"record", "find Sales false", "invite Sales", "say Sales is coming."}},
		"leaving fails":                     {nil, "leave", later("no"), nil, nobodyWords, []string{"record", "leave"}},
		"leaving fails, but the bot is out": {nil, "leave", unknown(true), nil, nobodyWords, []string{"record"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.there(c.teams...)
					w.p.fail(c.call, c.fault)
					ev := w.say("a human!")
					w.wantResults(bot.Later)
					w.p.take()
					w.p.there(c.then...)
					w.wait(3 * time.Second)
					w.wantSaid(append([]string{"Hello."}, c.words...)...)
					if calls := without(w.p.take(), "open", "present"); !slices.Equal(calls, c.calls) {
						t.Errorf("calls %q, want %q", calls, c.calls)
					}
					if c.call != "leave" || len(c.calls) > 1 { // a turn that finds the bot gone ignores its event
						w.wantFinished(true, ev.ID)
					}
					w.wantEmpty()
					w.wantDead("")
				})
			})
		})
	}
}

// What comes after a hand-over is planned when its outcome is known.
func TestMessageAfterAnOpenHandOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		teams []string
		said  []string
	}{
		"quiet": {[]string{"Support"}, []string{"Hello.", "A moment.", "They are coming.", "Nine to five."}},
		"left":  {nil, []string{"Hello.", "Support is not there.", "Nobody is there."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.p.there(c.teams...)
				w.while(w.join)
				w.say("a human!")
				last := w.say("blah") // no fallback follows a hand-over that worked
				w.say("hours")        // but this rule does
				w.p.mustRead = true
				w.while(func() {})
				w.wantSaid(c.said...)
				w.wantFinished(true, last.ID)
				w.wantEmpty()
			})
		})
	}
}

// A reply that waits for the outcome of a hand-over, which fails, is left to the next attempt too.
func TestReplyAfterAHandOverFails(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.p.there("Support")
		w.while(w.join)
		w.say("a human!")
		w.say("hours")
		w.p.mustRead = true
		w.p.fail("say Nine to five.", later("no"))
		w.while(func() { w.wait(5 * time.Second) })
		w.wantSaid("Hello.", "A moment.", "They are coming.", "Nine to five.")
	})
}

// Actions that say nothing.
func TestActions(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.say("show")
			w.say("hide")
			w.wantCalls("present", "online true", "present", "online false")
			w.wantResults(bot.Silent, bot.Silent)
			w.say("stop")
			w.wantCalls("present", "say The end.", "end")
			w.say("hours")
			w.wantResults(bot.Answered, bot.Ignored)
			w.wantCalls()
		})
	})
}

// Actions that fail are repeated, and what was said before them is not.
func TestActionsThatFail(t *testing.T) {
	t.Parallel()
	for text, call := range map[string]string{"stop": "end", "bye": "leave", "hide": "online false"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.fail(call, later("no"), unknown(false))
					ev := w.say(text)
					w.wait(5 * time.Second)
					calls := slices.DeleteFunc(w.p.take(), func(c string) bool { return c != call })
					if len(calls) != 3 {
						t.Errorf("calls %q", calls)
					}
					if n := len(w.p.said()); n > 2 {
						t.Errorf("the bot said %q", w.p.said())
					}
					w.wantFinished(true, ev.ID)
				})
			})
		})
	}
}

// A bot that comes back to a chat that it has left serves it again.
func TestTakeAgainAfterLeaving(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.say("bye")
			w.wait(time.Second)
			w.put(w.event(chat.Pending, "pending@2", ""))
			w.wantResults(bot.Answered, bot.Silent) // it greets once in a chat
			w.say("hours")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Goodbye.", "Nine to five.")
		})
	})
}

// A colleague who wrote while the bot did not work has answered what came before.
func TestColleagueAnsweredMeanwhile(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(w.join)
		ev := w.say("price")
		w.p.add(replay.Human, "10 €, as ever")
		w.p.mustRead = true
		w.while(func() {})
		w.wantSaid("Hello.")
		w.wantFinished(true, ev.ID)
	})
}
