package app_test

import (
	"strings"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

const twoParts = `
name: parts
modes: [agent]
languages: [en]
rules:
  - name: price
    when: {keywords: [price]}
    say: ["OLD It costs 10 €.", "OLD Delivery is free."]
  - name: hours
    when: {keywords: [hours]}
    say: ["OLD We are open 9–17."]
  - name: human
    when: {keywords: [human]}
    do:
      - hand_over:
          team: Sales
          before: "OLD One moment."
          after: "OLD Sales is here."
          nobody: ["OLD Nobody is there.", "OLD Please come back."]
fallback: {say: "OLD Sorry?"}
`

// An attempt is cut short between or after the messages of one answer, the next message has arrived, and another playbook is active: the
// answer is completed in the words that it began with, and the next message is answered too.
func TestAnswerIsCompletedAsItBegan(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]int{"after the first message": 0, "after the second": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				env["API_TIMEOUT"] = "1s"
				w := newWorld(t, env, polite())
				w.start(twoParts)
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "hours")
				w.awaitN(chat, 1)
				w.quiet()
				rule := w.p.On("POST", "chats/*/messages").Skip(cut).Times(1)
				rule.HangAfter()
				w.say(chat, "price")
				w.awaitN(chat, 2+cut)
				w.say(chat, "hours")
				w.swap(strings.ReplaceAll(twoParts, "OLD ", "NEW "))
				w.awaitN(chat, 4)
				w.quiet()
				w.said(chat, "OLD We are open 9–17.", "OLD It costs 10 €.", "OLD Delivery is free.", "NEW We are open 9–17.")
				w.clean()
			})
		})
	}
}

// A hand-over is tried once. A later attempt goes on with the branch that was taken, also if the team has come or gone since.
func TestHandOverIsDecidedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		there bool
		want  []string
	}{
		"the team was there":     {true, []string{"OLD One moment.", "OLD Sales is here."}},
		"the team was not there": {false, []string{"OLD Nobody is there.", "OLD Please come back."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				env["API_TIMEOUT"] = "1s"
				w := newWorld(t, env, polite())
				w.org.AddTeam("Sales", w.human)
				present := func(yes bool) {
					if w.human.GoAway(); yes {
						w.human.MakePresent(time.Hour)
					}
				}
				present(c.there)
				w.start(twoParts)
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "hours")
				w.awaitN(chat, 1)
				w.quiet()
				w.p.On("POST", "chats/*/messages").Times(1).HangAfter()
				w.say(chat, "human please")
				w.awaitN(chat, 2)
				present(!c.there)
				w.swap(strings.ReplaceAll(twoParts, "OLD ", "NEW "))
				w.awaitN(chat, 3)
				w.quiet()
				w.said(chat, append([]string{"OLD We are open 9–17."}, c.want...)...)
				w.clean()
			})
		})
	}
}
