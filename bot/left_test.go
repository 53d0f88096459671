package bot_test

import (
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/replay"
)

// Somebody removes the bot while it owes answers. It owes them again when it comes back.
func TestOwedBeforeTheBotLeft(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(w.join)
		first, second := w.say("hours"), w.say("price")
		w.abandon(nil)
		w.wait(time.Second)
		w.p.add(replay.OwnLeave, "")
		w.while(func() {
			w.wait(10 * time.Second)
			w.wantResults(bot.Ignored, bot.Ignored)
			w.wantFinished(false, first.ID, second.ID)
			w.put(w.event(chat.Pending, "pending@2", ""))
			w.wait(10 * time.Second)
			w.wantFinished(true, first.ID, second.ID)
		})
	})
}
