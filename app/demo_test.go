package app_test

import (
	"slices"
	"testing"

	"giosgbot/giosg/giosgtest"
	"giosgbot/playbooks"
)

// The playbook of giosg's demo bot leads to the same API calls as the demo bot itself, in the same order.
func TestGiosgDemo(t *testing.T) {
	t.Parallel()
	text, err := playbooks.FS.ReadFile("giosg-demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for lang, words := range map[string]struct{ greeting, sorry, mail, bye, thanks, ask string }{
		"en": {"Hello! I am a demo bot. How can I help you?", "Sorry, I am only a bot and did not understand. Maybe one of these helps?",
			"I am sorry, nobody is here right now. Please send us an e-mail.", "I have invited my human colleagues. It was nice to talk with you!",
			"Thank you! That makes me happy.", "How did I do?"},
		"fi": {"Hei! Olen demobotti. Miten voin auttaa?", "Anteeksi, olen vain botti enkä ymmärtänyt. Auttaisiko jokin näistä?",
			"Valitettavasti ketään ei ole nyt paikalla. Lähetä meille sähköpostia.", "Kutsuin kollegani paikalle. Oli mukava jutella!",
			"Kiitos! Tuo ilahduttaa.", "Miten pärjäsin?"},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stores[0].env(t), polite())
			team := w.org.AddTeam("customer SERVICE", w.human)
			w.start(string(text))
			w.hook(giosgtest.RoutedChats, giosgtest.ChatMessages)

			step := func(name string, do func(), said int, chat *giosgtest.Chat, want ...string) {
				t.Helper()
				w.p.ResetCalls()
				do()
				w.awaitN(chat, said)
				w.quiet()
				if got := w.calls(); !slices.Equal(got, want) {
					t.Errorf("%s: calls\n got %q\nwant %q", name, got, want)
				}
			}
			press := func(chat *giosgtest.Chat, value string) func() {
				return func() {
					t.Helper()
					if _, err := chat.Press(value); err != nil {
						t.Fatal(err)
					}
				}
			}
			const chats = "/api/v5/users/{user}/chats/{chat}/"
			var chat *giosgtest.Chat
			w.p.ResetCalls()
			chat = w.rooms[lang].OpenChat()
			w.awaitN(chat, 1)
			w.quiet()
			const user = "/api/v5/users/{user}/"
			if got, want := w.calls(), []string{
				"GET " + user + "clients", "POST " + user + "clients",
				"GET " + user + "routed_chats/{chat}", "POST " + user + "routed_chats/{chat}/memberships",
				"GET " + user + "rooms/{room}", "GET " + chats + "messages", "POST " + chats + "messages",
			}; !slices.Equal(got, want) {
				t.Errorf("greeting: calls\n got %q\nwant %q", got, want)
			}
			step("a link", press(chat, "https://www.giosg.com/support/developer"), 2, chat, "POST "+chats+"messages")
			step("words", func() { w.say(chat, "???") }, 3, chat, "POST "+chats+"messages")
			step("a human", press(chat, "request_human"), 6, chat,
				"GET /api/v5/orgs/{org}/teams", "POST "+chats+"messages", "POST "+chats+"outgoing_chat_invitations",
				"POST "+chats+"messages", "POST "+chats+"messages")
			if got := chat.State().Invitations; len(got) != 1 || got[0].InvitedTeamID != team.ID {
				t.Errorf("invitations: %v", got)
			}
			step("words after that", func() { w.say(chat, "???") }, 6, chat)
			step("feedback", press(chat, "feedback_good"), 7, chat, "POST "+chats+"messages", "PATCH /api/v5/users/{user}/chat_memberships/{chat}")
			if got := chat.Said("bot"); got[0] != words.greeting || got[2] != words.sorry || got[4] != words.bye || got[5] != words.ask || got[6] != words.thanks {
				t.Errorf("said %q", got)
			}
			if m, _ := chat.State().Member(w.bot.User); m.Participating {
				t.Error("the bot still holds the chat")
			}
			for _, u := range []*giosgtest.User{w.human, w.bot.User} {
				u.GoOffline()
			}
			other := w.rooms[lang].OpenChat()
			w.awaitN(other, 1)
			w.quiet()
			step("a human, and nobody is there", press(other, "request_human"), 2, other, "GET /api/v5/orgs/{org}/teams", "POST "+chats+"messages")
			w.said(other, words.greeting, words.mail)
			w.clean()
		})
	}
}
