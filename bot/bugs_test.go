package bot_test

import (
	"context"
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
)

// The next attempt after an abandoned one fails before it has read the record. The third must still wait until what the first has sent
// shows, but it does not know any more that the first was abandoned.
func TestAttemptsAfterAnAbandonedOneThatFail(t *testing.T) {
	t.Parallel()
	wait := fault{err: &chat.Wait{Topic: "token:u", Reason: "no token", Came: func(context.Context) bool { return true }}}
	for name, c := range map[string]struct {
		book  string
		call  string
		fault fault
		said  []string
	}{
		"an agent reads":                {agent, "record", later("no"), []string{"Hello.", "Nine to five."}},
		"an agent becomes present":      {agent, "present", later("no"), []string{"Hello.", "Nine to five."}},
		"a sidekick reads":              {sidekick, "record", later("no"), []string{"Nine to five."}},
		"a sidekick's token is refused": {sidekick, "record", wait, []string{"Nine to five."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, c.book, func(t *testing.T, w *world) {
				if c.book == agent {
					w.while(w.join)
				}
				w.abandoned("hours", func() { w.own("Nine to five.", time.Second) })
				w.p.fail(c.call, c.fault)
				w.while(func() { w.wait(10 * time.Second) })
				w.wantSaid(c.said...)
			})
		})
	}
}

// The bot says goodbye and leaves; whether it has left is not known. The next attempt finds that it has, and does not finish the event.
// When the chat is pending again, the bot answers that event once more, and leaves again.
func TestTakeAgainAfterLeavingWithAnUnknownFate(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("leave", unknown(true))
			ev := w.say("bye")
			w.wait(5 * time.Second)
			w.wantSaid("Hello.", "Goodbye.")
			w.wantFinished(true, ev.ID)
			w.put(w.event(chat.Pending, "pending@2", ""))
			w.wantSaid("Hello.", "Goodbye.")
		})
	})
}

// A panic while a turn ends must not crash the bot.
func TestPanicAtTheEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("say Nine to five.", refused("no"))
			w.p.fail("over", fault{do: func() { panic("oh no") }})
			w.say("hours")
			w.say("price")
		})
		if r := w.results(); len(r) != 2 || r[1] != bot.Answered {
			t.Errorf("results %q", r)
		}
	})
}
