package app_test

import (
	"strings"
	"testing"

	"giosgbot/giosg/giosgtest"
)

// The first chat costs six API calls, and one more if the room's language is needed. A chat of a bot user that is known to be present costs
// four, and each further answer one.
func TestCallsOfAChat(t *testing.T) {
	t.Parallel()
	oneLanguage := strings.NewReplacer("languages: [en, fi]", "languages: [en]", `, fi: "`+greetingFI+`"`, "", ", fi: [auki, aukiolo]", "",
		`, fi: "Ma–pe 9–17."`, "", ", fi: [hinta]", "", `, fi: "Se maksaa 10 €."`, "", `, fi: "Anteeksi, en ymmärtänyt."`, "").Replace(shop("agent"))
	for name, c := range map[string]struct {
		book                 string
		first, next, further int
	}{
		"one language":  {oneLanguage, 6, 4, 1},
		"two languages": {shop("agent"), 7, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				w := newWorld(t, env, polite())
				w.start(c.book)
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				for i, want := range []int{c.first, c.next} {
					w.p.ResetCalls()
					chat := w.rooms["en"].OpenChat()
					w.say(chat, "open?")
					w.awaitN(chat, 2)
					w.quiet()
					if got := w.calls(); len(got) != want {
						t.Errorf("chat %d: %d calls, want %d: %q", i, len(got), want, got)
					}
					w.p.ResetCalls()
					w.say(chat, "price?")
					w.awaitN(chat, 3)
					w.quiet()
					if got := w.calls(); len(got) != c.further {
						t.Errorf("a further answer: %q", got)
					}
				}
				w.clean()
			})
		})
	}
}
