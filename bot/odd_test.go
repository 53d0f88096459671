package bot_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

// times returns a fault n times.
func times(n int, f fault) []fault { return slices.Repeat([]fault{f}, n) }

// member is the event of something that the visitor writes, with the platform's word that the bot is a member.
func (w *world) member(text string) chat.Event {
	w.t.Helper()
	l := w.p.add(replay.Said, text)
	ev := w.event(chat.Said, l.ID, text)
	ev.At, ev.Member = l.At, true
	w.put(ev)
	return ev
}

// A chat that is surely over ends quietly. Other refusals are retried, as one call may be answered oddly, until a person must see them.
func TestRefused(t *testing.T) {
	t.Parallel()
	answeredAtLast := []bot.Result{bot.Later, bot.Answered}
	gaveUp := []bot.Result{bot.Later, bot.Later, bot.SetAside}
	for name, c := range map[string]struct {
		faults        []fault
		over          []fault
		ended, hidden bool
		results       []bot.Result
		dead          string
	}{
		"over":                                    {times(1, over("gone")), nil, true, false, []bot.Result{bot.Over}, ""},
		"over, but the chat is there":             {times(3, over("gone")), nil, false, false, gaveUp, "gone"},
		"over, but it was a blip":                 {times(1, over("gone")), nil, false, false, answeredAtLast, ""},
		"over, perhaps":                           {times(3, over("gone")), nil, false, true, []bot.Result{bot.Later, bot.Later, bot.Over}, ""},
		"over, perhaps, but it was a blip":        {times(2, over("gone")), nil, false, true, []bot.Result{bot.Later, bot.Later, bot.Answered}, ""},
		"refused, and over":                       {times(1, refused("bad words")), nil, true, false, []bot.Result{bot.Over}, ""},
		"refused":                                 {times(3, refused("bad words")), nil, false, false, gaveUp, "bad words"},
		"refused, but it was a blip":              {times(2, refused("bad words")), nil, false, false, []bot.Result{bot.Later, bot.Later, bot.Answered}, ""},
		"the platform does not say if it is over": {times(3, refused("bad words")), times(3, refused("no")), false, false, gaveUp, "bad words"},
		"asking is over, too":                     {times(3, over("gone")), times(3, over("no")), false, false, gaveUp, "gone"},
		"the second answer is clear":              {times(2, refused("bad words")), times(1, refused("no")), true, false, []bot.Result{bot.Later, bot.Over}, ""},
		"it is asked later":                       {times(1, refused("bad words")), times(1, later("busy")), true, false, answeredAtLast, ""},
		"it is asked too often":                   {times(1, refused("bad words")), times(1, deferred(time.Second, true)), true, false, answeredAtLast, ""},
		"it is not answered":                      {times(1, refused("bad words")), times(1, fault{hang: true}), true, false, answeredAtLast, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.opts.GiveUp = 500 * time.Millisecond
				w.while(func() {
					w.join()
					w.p.ended, w.p.hidden = c.ended, c.hidden
					w.p.fail("say Nine to five.", c.faults...)
					w.p.fail("over", c.over...)
					ev := w.say("hours")
					w.wait(10 * time.Second)
					w.wantResults(c.results...)
					w.wantDead(c.dead)
					w.wantFinished(c.dead == "", ev.ID)
					w.wantEmpty()
					asked := without(w.p.take(), "open", "present", "record", "say Nine to five.")
					if n := len(c.faults); len(asked) != n { // once for each refusal
						t.Errorf("it was asked %d times whether the chat is over, want %d", len(asked), n)
					}
				})
			})
		})
	}
}

// What the bot knows of a chat afterwards: one that is surely over is left, unless the platform still calls the bot a member; of another one
// the record must tell.
func TestRoleAfterARefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sure, member bool
		result       bot.Result
		calls        []string
	}{
		"sure":             {true, false, bot.Ignored, nil},
		"sure, a member":   {true, true, bot.Answered, []string{"record", "role", "present", "record", "say It costs 10 €.", "say Delivery is free."}},
		"unsure":           {false, false, bot.Answered, []string{"record", "role", "present", "record", "say It costs 10 €.", "say Delivery is free."}},
		"unsure, a member": {false, true, bot.Answered, []string{"record", "role", "present", "record", "say It costs 10 €.", "say Delivery is free."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.ended, w.p.hidden = c.sure, true
					w.p.fail("say Nine to five.", times(3, over("gone"))...)
					w.say("hours")
					w.wait(10 * time.Second)
					if r := w.results(); r[len(r)-1] != bot.Over {
						t.Fatalf("results %q", r)
					}
					w.p.take()
					if c.member {
						w.member("price")
					} else {
						w.say("price")
					}
					w.wantResults(c.result)
					w.wantCalls(c.calls...)
				})
			})
		})
	}
}

// A check of a chat that may be over reads the record.
func TestCheckAfterAnUnsureRefusal(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.hidden = true
			w.p.fail("say Nine to five.", times(3, over("gone"))...)
			w.say("hours")
			w.wait(10 * time.Second)
			w.takeReports()
			w.p.add(replay.Said, "price") // no webhook
			w.put(w.event(chat.Check, "check", ""))
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.") // the event of the first message is finished
		})
	})
}

// After the bot has left, a message is ignored without a call. If the platform calls the bot a member, the record decides; here it agrees.
func TestMemberAfterTheBotLeft(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.say("bye")
			w.wait(time.Second)
			w.takeReports()
			w.p.take()
			ev := w.member("hours")
			w.wantResults(bot.Ignored)
			w.wantCalls("record", "role")
			w.wantFinished(true, ev.ID)
			w.wantEmpty()
			w.p.role = chat.Outside // or says that the bot was never in
			w.member("hours")
			w.wantResults(bot.Ignored)
		})
	})
}

// The attempts after an odd answer come ever more slowly, but at least each minute, and end after two.
func TestBackOffOfOddAnswers(t *testing.T) {
	t.Parallel()
	for call, least := range map[string]time.Duration{"present": 0, "say Nine to five.": 2 * time.Second} { // after a write, the settle time
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.fail(call, times(1000, refused("no"))...)
					w.say("hours")
					w.wait(10 * time.Minute)
					reports := w.takeReports()
					d := 500 * time.Millisecond
					for i, r := range reports[1:] {
						gap := r.Waited - reports[i].Waited
						if gap < max(d/2, least) || gap > max(d, least) {
							t.Errorf("attempt %d came after %v, want it after %v to %v", r.Attempt, gap, d/2, d)
						}
						d = min(2*d, time.Minute)
					}
					last := reports[len(reports)-1]
					if last.Result != bot.SetAside || last.Waited < 2*time.Minute || last.Waited > 3*time.Minute || last.Attempt != len(reports) {
						t.Errorf("the last attempt was %+v", last)
					}
					w.wantDead("no")
					if n, most := len(w.p.take()), 5*len(reports); n > most {
						t.Errorf("%d calls in %d attempts", n, len(reports))
					}
				})
			})
		})
	}
}

// An odd answer that names a delay is respected, and however short the time of giving up is, three attempts are made.
func TestOddAnswersNeedAttempts(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.GiveUp = time.Nanosecond
		w.while(func() {
			w.join()
			f := refused("no")
			f.err.(*chat.Error).Delay = 10 * time.Second
			w.p.fail("present", times(2, f)...)
			w.say("hours")
			w.wait(9 * time.Second)
			w.wantResults(bot.Later)
			w.wait(10 * time.Second)
			w.wantResults(bot.Later)
			w.wait(2 * time.Second)
			w.wantResults(bot.Answered)
		})
	})
}

// While the bot is not in the chat, a refusal says nothing about whether the chat is over, so that is not asked.
func TestRefusedBeforeTheBotIsIn(t *testing.T) {
	t.Parallel()
	for book, kind := range map[string]chat.Kind{agent: chat.Pending, greeter: chat.Routed} {
		for _, call := range []string{"present", "enter"} {
			t.Run(string(kind)+", "+call, func(t *testing.T) {
				t.Parallel()
				inWorld(t, book, func(t *testing.T, w *world) {
					w.opts.GiveUp = 500 * time.Millisecond
					if call == "enter" {
						call += map[chat.Kind]string{chat.Pending: " agent", chat.Routed: " greeter"}[kind]
					}
					w.p.ended = true
					w.while(func() {
						w.p.fail(call, times(3, refused("no"))...)
						w.put(w.event(kind, "e", ""))
						w.wait(10 * time.Second)
						w.wantResults(bot.Later, bot.Later, bot.SetAside)
						w.wantDead("no")
						if slices.Contains(w.p.take(), "over") {
							t.Error("it was asked whether the chat is over")
						}
						w.put(w.event(kind, "e", "")) // a sweep finds it
						w.wantResults(bot.Answered)
						w.wantSaid("Hello.")
						w.revive()
						if n := len(w.p.said()); n != 1 {
							t.Errorf("the bot said %q", w.p.said())
						}
					})
				})
			})
		}
	}
}

// A sidekick that is no member does not ask, either; one that is a member does.
func TestSidekickIsRefused(t *testing.T) {
	t.Parallel()
	for _, member := range []bool{false, true} {
		t.Run(map[bool]string{false: "no member", true: "a member"}[member], func(t *testing.T) {
			t.Parallel()
			inWorld(t, sidekick, func(t *testing.T, w *world) {
				w.p.ended = true
				w.p.fail("present", refused("no"))
				w.while(func() {
					if member {
						w.member("hours")
						w.wantResults(bot.Over)
						return
					}
					w.say("hours")
					w.wantResults(bot.Later)
					w.wait(3 * time.Second)
					w.wantResults(bot.Answered)
				})
			})
		})
	}
}

// A member whose record is not shown is asked about again; after three attempts the record counts as not the bot's.
func TestRecordThatIsNotShownToAMember(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		missing int
		results []bot.Result
	}{
		"a blip":   {2, []bot.Result{bot.Later, bot.Later, bot.Answered}},
		"for good": {3, []bot.Result{bot.Later, bot.Later, bot.Ignored}},
	} {
		for _, kind := range []chat.Kind{chat.Said, chat.Check} {
			t.Run(name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				inWorld(t, agent, func(t *testing.T, w *world) {
					w.p.add(replay.OwnJoin, "")
					w.p.fail("record", times(c.missing, over("no such chat"))...)
					l := w.p.add(replay.Said, "hours")
					w.while(func() {
						ev := w.event(kind, map[chat.Kind]string{chat.Said: l.ID, chat.Check: "check"}[kind], "hours")
						ev.Member = true
						w.put(ev)
						w.wait(10 * time.Second)
						w.wantResults(c.results...)
						w.wantDead("")
						w.wantEmpty()
					})
				})
			})
		}
	}
}

// A check that is answered oddly ends after three attempts, and leaves no dead letter: the next sweep makes another one.
func TestCheckThatFailsOddly(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{false, true} {
		t.Run(map[bool]string{false: "of an unknown chat", true: "of a known chat"}[known], func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					if known {
						w.join()
					} else {
						w.p.add(replay.OwnJoin, "")
					}
					w.p.add(replay.Said, "hours") // no webhook
					w.p.fail("record", times(3, refused("no"))...)
					w.put(w.event(chat.Check, "check", ""))
					w.wait(10 * time.Second)
					w.wantResults(bot.Later, bot.Later, bot.Ignored)
					w.wantDead("")
					w.wantEmpty()
					w.wantFinished(false, "check")
					w.put(w.event(chat.Check, "check", ""))
					w.wantResults(bot.Answered)
					w.wantSaid("Hello.", "Nine to five.")
				})
			})
		})
	}
}

// Whatever the answers are, one attempt asks once at most whether the chat is over.
func TestNoAttemptAsksTwice(t *testing.T) {
	t.Parallel()
	wait := fault{err: &chat.Wait{Topic: "token:u", Reason: "no token", Came: func(context.Context) bool { return false }}}
	answers := map[string]fault{
		"refused": refused("no"), "over": over("no"), "later": later("no"), "deferred": deferred(time.Second, true), "unknown": unknown(false),
		"wait": wait, "fine": {}, "hopeless": {err: chat.Hopelessly(context.Canceled)},
	}
	for first, f := range map[string]fault{"refused": refused("no"), "over": over("no")} {
		for second, g := range answers {
			for _, hidden := range []bool{false, true} {
				inWorld(t, agent, func(t *testing.T, w *world) {
					w.while(func() {
						w.join()
						w.p.hidden = hidden
						w.p.fail("say Nine to five.", times(1000, f)...)
						w.p.fail("over", times(1000, g)...)
						w.say("hours")
						w.wait(5 * time.Minute)
						calls := w.p.take()
						asked, opened := count(calls, "over"), count(calls, "open")
						if asked == 0 || asked > opened || opened != len(w.takeReports()) {
							t.Errorf("%s, then %s: asked %d times in %d attempts", first, second, asked, opened)
						}
					})
				})
			}
		}
	}
}

func count(calls []string, name string) (n int) {
	for _, c := range calls {
		if c == name {
			n++
		}
	}
	return n
}

// press adds the line of a pressed button, and returns its id.
func (w *world) press(value string) string {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	l := w.p.addLine(replay.Pressed, value, 0)
	w.p.lines[len(w.p.lines)-1].Value = value
	return l.ID
}
