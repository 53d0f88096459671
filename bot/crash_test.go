package bot_test

import (
	"strings"
	"testing"

	"giosgbot/bot"
)

// An event that ends the process each time becomes a dead letter, and the lane goes on.
func TestEventThatKillsTheProcess(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() { w.join() })
		for n := range 11 {
			w.reopen()
			if n == 0 {
				w.say("hours")
			}
			l, err := w.queue.Lease(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if l.Crashes != n {
				t.Fatalf("%d crashes, want %d", l.Crashes, n)
			}
		}
		w.reopen()
		w.while(func() {
			if r := w.report(); r.Result != bot.SetAside || !strings.Contains(r.Reason, "in a row") {
				t.Errorf("%q because of %q", r.Result, r.Reason)
			}
			w.say("price")
			w.wantResults(bot.Answered)
		})
	})
}
