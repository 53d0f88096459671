package bot_test

import (
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

// A chat that is pending or routed is taken by a playbook that works so, and by no other.
func TestTake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		book   string
		kind   chat.Kind
		entry  chat.Entry
		before string // what the visitor has written
		result bot.Result
		calls  []string
		done   bool // the event is finished
	}{
		"an agent":                     {agent, chat.Pending, chat.In, "", bot.Answered, []string{"present", "enter agent", "record", "say Hello."}, true},
		"an agent, after a message":    {agent, chat.Pending, chat.In, "hours?", bot.Answered, []string{"present", "enter agent", "record", "say Hello.", "say Nine to five."}, true},
		"no fallback before greeting":  {agent, chat.Pending, chat.In, "blah", bot.Answered, []string{"present", "enter agent", "record", "say Hello."}, true},
		"an agent, too late":           {agent, chat.Pending, chat.Taken, "hours?", bot.Taken, []string{"present", "enter agent"}, true},
		"an agent, closed":             {agent, chat.Pending, chat.Closed, "", bot.Ignored, []string{"present", "enter agent"}, false},
		"a routed chat of an agent":    {agent, chat.Routed, chat.In, "", bot.Ignored, nil, false},
		"a greeter":                    {greeter, chat.Routed, chat.In, "", bot.Answered, []string{"present", "enter greeter", "record", "say Hello."}, true},
		"a greeter, too late":          {greeter, chat.Routed, chat.Taken, "", bot.Taken, []string{"present", "enter greeter"}, true},
		"a pending chat of a greeter":  {greeter, chat.Pending, chat.In, "", bot.Ignored, nil, false},
		"a pending chat of a sidekick": {sidekick, chat.Pending, chat.In, "hours?", bot.Ignored, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, c.book, func(t *testing.T, w *world) {
				w.p.entry, w.p.reason = c.entry, "a reason"
				if c.before != "" {
					w.p.add(replay.Said, c.before)
					w.wait(time.Second)
				}
				w.while(func() { w.put(w.event(c.kind, "e", "")) })
				r := w.report()
				if r.Result != c.result || (r.Reason == "") != (c.result == bot.Answered) {
					t.Errorf("%q because of %q, want %q", r.Result, r.Reason, c.result)
				}
				w.wantCalls(c.calls...)
				w.wantFinished(c.done, "e")
				w.wantEmpty()
				w.wantDead("")
			})
		})
	}
}

// Once the bot serves a chat, another webhook of the chat that waits changes nothing.
func TestTakeWhileServing(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.put(w.event(chat.Pending, "pending@2", ""))
		})
		w.wantResults(bot.Ignored)
		w.wantCalls()
	})
}

// What goes wrong on the way into a chat leaves the event to another attempt, which goes on where it was.
func TestTakeInSpiteOfFailures(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"open", "present", "enter agent", "record", "say Hello."} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.p.fail(call, later("no"))
				w.while(func() {
					w.put(w.event(chat.Pending, "e", ""))
					w.wantResults(bot.Later)
					w.wantFinished(false, "e")
					w.wait(time.Second)
				})
				w.wantResults(bot.Answered)
				w.wantSaid("Hello.")
				w.wantFinished(true, "e")
			})
		})
	}
}

// Events that no attempt can mend become dead letters at once.
func TestUnreadableEvents(t *testing.T) {
	t.Parallel()
	t.Run("no JSON", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() { w.putBody(w.event(chat.Said, "e", ""), []byte("{")) })
			w.wantResults(bot.SetAside)
			w.wantDead("the event cannot be read")
			w.wantFinished(true, "e")
			w.wantCalls()
		})
	})
	t.Run("no kind that is known", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() { w.put(w.event("shouted", "e", "")) })
			w.wantResults(bot.SetAside)
			w.wantDead(`no such kind of event: "shouted"`)
		})
	})
}

// A colleague's words make the bot quiet in a chat that it serves, and are nothing to it in others.
func TestHuman(t *testing.T) {
	t.Parallel()
	t.Run("serving", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() {
				w.join()
				l := w.p.add(replay.Human, "I take over")
				ev := w.event(chat.Human, l.ID, l.Text)
				w.put(ev)
				w.wantResults(bot.Silent)
				w.wantFinished(true, l.ID)
				w.say("blah")
				w.wantResults(bot.Silent)
				w.say("hours") // this rule speaks also while the bot is quiet
				w.wantResults(bot.Answered)
				w.wantSaid("Hello.", "Nine to five.")
			})
		})
	})
	t.Run("elsewhere", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() { w.put(w.event(chat.Human, "h", "hello")) })
			w.wantResults(bot.Silent)
			w.wantFinished(false, "h")
			w.wantCalls()
		})
	})
}

// A visitor in a chat that the bot serves is answered without reading the record.
func TestVisitorOfAServedChat(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.say("price")
			w.wantCalls("present", "say It costs 10 €.", "say Delivery is free.")
			r := w.report()
			if r.Result != bot.Answered || r.Rule != "price" || r.Said != 2 || r.Looked || r.Attempt != 1 || r.Plan == nil || r.Lane != "u/c" {
				t.Errorf("report %+v", r)
			}
			w.say("again")
			w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.", "As I said: 10 €.")
			w.say("hush")
			w.wantResults(bot.Answered, bot.Silent)
			pressed := w.event(chat.Pressed, w.p.add(replay.Pressed, "Blue").ID, "Blue")
			pressed.Value = "blue"
			w.put(pressed)
			w.wantResults(bot.Silent) // because it is quiet
			w.wantDead("")
		})
	})
}

// A pressed button is answered by the rule that names its value.
func TestPressed(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			ev := w.event(chat.Pressed, w.p.add(replay.Pressed, "Blue").ID, "Blue")
			ev.Value = "blue"
			w.put(ev)
		})
		w.wantResults(bot.Answered)
		w.wantSaid("Hello.", "A blue one.")
	})
}

// What a visitor wrote before the greeting gets no fallback, also if its webhook comes later.
func TestVisitorBeforeTheGreeting(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		early := w.p.add(replay.Said, "blah")
		w.wait(time.Second)
		w.while(func() {
			w.join()
			ev := w.event(chat.Said, "another", "bleh") // its line is not in the record, say because it was removed
			ev.At = early.At.Add(10 * time.Millisecond)
			w.put(ev)
			w.wantResults(bot.Silent)
			w.say("blih")
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Sorry?")
		})
	})
}

// When the platform says that webhooks overtake each other, the record is read, and answered in its order.
func TestVisitorWhoseWebhooksOvertakeEachOther(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			first := w.p.add(replay.Said, "hours")
			w.wait(time.Second)
			w.p.mustRead = true
			w.say("price")
			w.wantCalls("present", "record", "say Nine to five.", "say It costs 10 €.", "say Delivery is free.")
			w.wantResults(bot.Answered)
			w.wantFinished(true, first.ID)
			ev := w.event(chat.Said, first.ID, "hours")
			ev.At = first.At
			w.put(ev)
			w.wantResults()
			w.wantSaid("Hello.", "Nine to five.", "It costs 10 €.", "Delivery is free.")
		})
	})
}

// Without a memo the record says how the bot stands to the chat.
func TestVisitorWithoutAMemo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		book   string
		lines  []replay.Kind
		role   chat.Role
		result bot.Result
		said   []string
		done   bool
	}{
		"serving":              {agent, []replay.Kind{replay.OwnJoin}, "", bot.Answered, []string{"Hello.", "Nine to five."}, true},
		"serving as a greeter": {greeter, []replay.Kind{replay.OwnJoin}, "", bot.Answered, []string{"Hello.", "Nine to five."}, true},
		"left":                 {agent, []replay.Kind{replay.OwnJoin, replay.OwnLeave}, "", bot.Ignored, nil, true},
		"outside":              {agent, nil, "", bot.Ignored, nil, false},
		"outside, a sidekick":  {both, nil, "", bot.Answered, []string{"Nine to five."}, true},
		"aside":                {both, []replay.Kind{replay.OwnJoin}, chat.Aside, bot.Answered, []string{"Nine to five."}, true},
		"aside, no sidekick":   {agent, []replay.Kind{replay.OwnJoin}, chat.Aside, bot.Ignored, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, c.book, func(t *testing.T, w *world) {
				for _, k := range c.lines {
					w.p.add(k, "")
				}
				w.p.role = c.role
				w.wait(time.Second)
				var ev chat.Event
				w.while(func() { ev = w.say("hours") })
				w.wantResults(c.result)
				w.wantSaid(c.said...)
				w.wantFinished(c.done, ev.ID)
				w.wantEmpty()
			})
		})
	}
}

// A chat that the platform does not show is not the bot's.
func TestVisitorOfAChatThatIsNotShown(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.p.fail("record", over("no such chat"))
		w.while(func() { w.say("hours") })
		w.wantResults(bot.Ignored)
		w.wantCalls("record")
		w.wantSaid()
	})
}

// The record and the role are asked for again if that fails.
func TestRoleInSpiteOfFailures(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"record", "role"} {
		for _, kind := range []chat.Kind{chat.Said, chat.Check} {
			t.Run(call+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				inWorld(t, agent, func(t *testing.T, w *world) {
					w.p.add(replay.OwnJoin, "")
					w.p.fail(call, later("no"))
					w.while(func() {
						w.put(w.event(kind, "e", "hours"))
						w.wantResults(bot.Later)
						w.wait(time.Second)
					})
					w.wantResults(bot.Answered)
				})
			})
		}
	}
}

// A memo that says that the bot is outside is not believed when the platform says that it is a member, nor after an attempt that may
// have joined.
func TestVisitorWhenTheMemoIsWrong(t *testing.T) {
	t.Parallel()
	outside := func(w *world) {
		w.p.entry, w.p.reason = chat.Taken, "another user took the chat"
		w.while(func() { w.put(w.event(chat.Pending, "e", "")) })
		w.wantResults(bot.Taken)
		w.p.add(replay.OwnJoin, "") // a blip: the bot has it after all
		w.wait(time.Second)
		w.p.take()
	}
	t.Run("believed", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			outside(w)
			w.while(func() { w.say("hours") })
			w.wantResults(bot.Ignored)
			w.wantCalls()
		})
	})
	t.Run("a member", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			outside(w)
			w.while(func() {
				ev := w.event(chat.Said, w.p.add(replay.Said, "hours").ID, "hours")
				ev.Member = true
				w.put(ev)
			})
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Nine to five.")
		})
	})
	t.Run("a second attempt", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			outside(w)
			w.say("hours")
			w.abandon(nil)
			w.while(func() { w.wait(3 * time.Second) })
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Nine to five.")
		})
	})
}

// After the bot has left, it is silent, and says so for good.
func TestVisitorAfterTheBotLeft(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.say("bye")
			w.wantCalls("present", "say Goodbye.", "leave")
			ev := w.say("hours")
			w.wantResults(bot.Answered, bot.Ignored)
			w.wantCalls()
			w.wantFinished(true, ev.ID)
		})
	})
}

// A sweep's check answers who was not answered, unless that was long ago.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		joins  bool
		left   bool
		role   chat.Role
		age    time.Duration
		result bot.Result
		calls  []string
	}{
		"not the bot's":       {false, false, "", time.Second, bot.Ignored, []string{"record", "role"}},
		"aside":               {true, false, chat.Aside, time.Second, bot.Ignored, []string{"record", "role"}},
		"has left":            {true, true, "", time.Second, bot.Ignored, []string{"record", "role"}},
		"someone waits":       {true, false, "", time.Minute, bot.Answered, []string{"record", "role", "record", "present", "say Nine to five."}},
		"someone waited long": {true, false, "", 2 * time.Hour, bot.Silent, []string{"record", "role", "record"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				if c.joins {
					w.p.add(replay.OwnJoin, "")
					w.p.add(replay.Own, "Hello.")
				}
				if c.left {
					w.p.add(replay.OwnLeave, "")
				}
				w.p.add(replay.Said, "hours")
				w.p.role = c.role
				w.wait(c.age)
				w.while(func() { w.put(w.event(chat.Check, "check", "")) })
				w.wantResults(c.result)
				w.wantCalls(c.calls...)
				w.wantFinished(false, "check")
				w.wantEmpty()
			})
		})
	}
}

// A check in a chat that the bot knows reads the record once, and says nothing twice.
func TestCheckOfAKnownChat(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.say("hours")
			w.put(w.event(chat.Check, "check", ""))
			w.wantResults(bot.Answered, bot.Silent)
			w.wantSaid("Hello.", "Nine to five.")
			w.p.take()
			w.p.add(replay.Said, "price") // no webhook
			w.wait(time.Second)
			w.p.fail("present", later("no"))
			w.put(w.event(chat.Check, "check", ""))
			w.wantResults(bot.Later)
			w.wait(time.Second)
			w.wantResults(bot.Answered)
			w.wantSaid("Hello.", "Nine to five.", "It costs 10 €.", "Delivery is free.")
			w.p.add(replay.OwnLeave, "") // somebody removed the bot
			w.put(w.event(chat.Check, "check", ""))
			w.wantResults(bot.Ignored)
			w.say("hours")
			w.wantResults(bot.Ignored)
		})
	})
}

// What the playbook wants to know of a room is looked up once in a chat, and again if the platform does not tell.
func TestRoom(t *testing.T) {
	t.Parallel()
	const book = `
name: tested
languages: [en, fi]
greeting: {say: {en: "Hello from {room}.", fi: "Moi, {room}."}}
rules:
  - {name: hours, when: {keywords: {en: [hours], fi: [aukiolo]}}, say: {en: Nine to five., fi: Ysistä viiteen.}}
`
	t.Run("known", func(t *testing.T) {
		t.Parallel()
		inWorld(t, book, func(t *testing.T, w *world) {
			w.p.about = chat.About{RoomName: "Tampere", Language: "fi"}
			w.while(func() {
				ev := w.event(chat.Pending, "e", "")
				ev.Room = "r1"
				w.put(ev)
				w.say("aukiolo")
				w.wantSaid("Moi, Tampere.", "Ysistä viiteen.")
				w.wantCalls("present", "enter agent", "about r1", "record", "say Moi, Tampere.", "present", "say Ysistä viiteen.")
			})
		})
	})
	t.Run("hidden", func(t *testing.T) {
		t.Parallel()
		inWorld(t, book, func(t *testing.T, w *world) {
			w.p.hides = true
			w.while(func() {
				ev := w.event(chat.Pending, "e", "")
				ev.Room = "r1"
				w.put(ev)
				w.say("hours")
				w.wantCalls("present", "enter agent", "about r1", "record", "say Hello from .", "present", "about r1", "say Nine to five.")
			})
		})
	})
	for _, kind := range []chat.Kind{chat.Pending, chat.Said} {
		t.Run("fails for a "+string(kind), func(t *testing.T) {
			t.Parallel()
			inWorld(t, book, func(t *testing.T, w *world) {
				w.while(func() {
					if kind == chat.Said {
						w.join()
					}
					w.p.fail("about r1", later("no"))
					ev := w.event(kind, "e", "hours")
					ev.Room = "r1"
					w.put(ev)
					w.wantResults(bot.Later)
					w.wait(time.Second)
					w.wantResults(bot.Answered)
				})
			})
		})
	}
}
