package handlers_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"giosgbot/chat"
	"giosgbot/handlers"
	"giosgbot/queue"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestKept(t *testing.T) {
	t.Parallel()
	chatEvent := chat.Event{User: bot, Org: org, Chat: chatID, Room: room}
	pending, routed := chatEvent, chatEvent
	pending.Kind, pending.At, pending.ID = chat.Pending, at("2026-01-02T03:05:00.001Z"), "pending@1767323100001"
	routed.Kind, routed.At, routed.ID = chat.Routed, at("2026-01-02T03:04:05.678Z"), "routed@1767323045678"
	said := chat.Event{Kind: chat.Said, User: bot, Org: org, Chat: chatID, Room: room, Member: true, ID: msgID, At: at("2026-01-02T03:04:06.789Z"), Text: words}
	change := func(e chat.Event, f func(*chat.Event)) chat.Event { f(&e); return e }
	for _, tt := range []struct {
		name, path string
		body       hook
		via        string
		want       chat.Event
	}{
		{"a pending chat", handlers.PendingChatsPath, pendingHook(), "", pending},
		{"a routed chat", handlers.RoutedChatsPath, routedHook(), "", routed},
		{"a message in a chat of the bot's", handlers.MessagesPath, messageHook(), "", said},
		{"a message in a routed chat", handlers.MessagesPath, routedMessageHook(), "routed", change(said, func(e *chat.Event) { e.Member = false })},
		{"a slash behind the channel of pending chats", handlers.PendingChatsPath, pendingHook().with("channel", "/api/v5/users/"+bot+"/pending_chats/"), "", pending},
		{"a slash behind the channel of routed chats", handlers.RoutedChatsPath, routedHook().with("channel", "/api/v5/users/"+bot+"/routed_chats/"), "", routed},
		{"a slash behind the channel of messages", handlers.MessagesPath, messageHook().with("channel", "/api/v5/users/"+bot+"/chats/"+chatID+"/messages/"), "", said},
		{"a slash behind the channel of routed messages", handlers.MessagesPath, routedMessageHook().with("channel", "/api/v5/users/"+bot+"/routed_chats/"+chatID+"/messages/"), "routed",
			change(said, func(e *chat.Event) { e.Member = false })},
		{"a pending chat that does not say since when it waits", handlers.PendingChatsPath, pendingHook().with("resource.waiting_started_at", nil), "",
			change(pending, func(e *chat.Event) { e.At, e.ID = routed.At, "pending@1767323045678" })},
		{"a button", handlers.MessagesPath, messageHook().with("resource.type", "action").with("resource.response_text", "Yes").with("resource.response_value", "yes-1"), "",
			change(said, func(e *chat.Event) { e.Kind, e.Text, e.Value = chat.Pressed, "Yes", "yes-1" })},
		{"a colleague's words", handlers.MessagesPath, messageHook().with("resource.sender_type", "user").with("resource.sender_id", "human-1"), "",
			change(said, func(e *chat.Event) { e.Kind = chat.Human })},
		{"no words", handlers.MessagesPath, messageHook().with("resource.message", nil), "", change(said, func(e *chat.Event) { e.Text = "" })},
		{"no room", handlers.MessagesPath, messageHook().with("resource.room_id", absent), "", change(said, func(e *chat.Event) { e.Room = "" })},
		{"no organization", handlers.MessagesPath, messageHook().with("app_user_auth.organization_id", absent), "", change(said, func(e *chat.Event) { e.Org = "" })},
		{"no sender's id", handlers.MessagesPath, messageHook().with("resource.sender_id", nil), "", said},
		{"what giosg may add later", handlers.MessagesPath, messageHook().with("resource.novelty", hook{"a": []int{1}}).with("novelty", 1), "", said},
		{"a time of another zone", handlers.MessagesPath, messageHook().with("resource.created_at", "2026-01-02T05:04:06.789+02:00"), "", said},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t, nil)
			before := time.Now()
			w := d.post(tt.path, tt.body.String())
			if w.Code != 202 || strings.TrimSpace(w.Body.String()) != `{"status":"kept"}` {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			d.want(d.steps, []string{"token", "told", "put"})
			d.want(d.outcomes, []string{tt.path + " kept"})
			it := d.items[0]
			if it.Lane != bot+"/"+chatID || it.ID != tt.want.ID || it.Via != tt.via || !it.At.Equal(tt.want.At) {
				t.Errorf("item %+v", it)
			}
			var got chat.Event
			if err := json.Unmarshal(it.Body, &got); err != nil {
				t.Fatal(err)
			}
			if !got.At.Equal(tt.want.At) {
				t.Errorf("at %v, want %v", got.At, tt.want.At)
			}
			got.At = tt.want.At
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			d.silentItem(it)
			tk := d.tokens[0]
			if tk.User != bot || string(tk.Org) != got.Org || tk.Type != "Bearer" || tk.Value != token || !d.firsts[0] ||
				tk.Expires.Before(before.Add(300*time.Second)) || tk.Expires.After(time.Now().Add(300*time.Second)) {
				t.Errorf("token %+v", tk)
			}
			if n := d.log.count("WARN") + d.log.count("ERROR"); n != 0 {
				t.Errorf("the log complains: %s", d.log)
			}
		})
	}
}

// silentItem checks that an event is stored without the token and the secret.
func (d *fixture) silentItem(it queue.Item) {
	d.Helper()
	if s := string(it.Body) + it.ID + it.Lane + it.Via; strings.Contains(s, token) || strings.Contains(s, secret) || strings.Contains(s, "Bearer") {
		d.Errorf("kept with a token: %s", s)
	}
}

// Copies of one webhook are one item: they agree in lane, id, way and time.
func TestCopiesAreTheSameItem(t *testing.T) {
	t.Parallel()
	for path, h := range map[string]hook{handlers.PendingChatsPath: pendingHook(), handlers.RoutedChatsPath: routedHook(), handlers.MessagesPath: messageHook()} {
		d := newFixture(t, nil)
		d.post(path, h.String())
		d.post(path, h.with("app_user_auth.access_token", "another").with("resource.updated_at", "2026-02-02T00:00:00Z").String())
		if len(d.items) != 2 {
			t.Fatalf("%d items", len(d.items))
		}
		if a, b := d.items[0], d.items[1]; a.Lane != b.Lane || a.ID != b.ID || a.Via != b.Via || !a.At.Equal(b.At) || string(a.Body) != string(b.Body) {
			t.Errorf("%s: %+v and %+v", path, a, b)
		}
	}
	// A chat that waits again is another event.
	d := newFixture(t, nil)
	d.post(handlers.PendingChatsPath, pendingHook().String())
	d.post(handlers.PendingChatsPath, pendingHook().with("resource.waiting_started_at", "2026-01-02T04:00:00Z").String())
	if d.items[0].ID == d.items[1].ID {
		t.Error("a chat that waits again is taken for a copy")
	}
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path string
		body       hook
	}{
		{"the bot's own words", handlers.MessagesPath, messageHook().with("resource.sender_type", "user").with("resource.sender_id", bot)},
		{"the bot's own words in a routed chat", handlers.MessagesPath, routedMessageHook().with("resource.sender_type", "user").with("resource.sender_id", bot)},
		{"a rule's words", handlers.MessagesPath, messageHook().with("resource.sender_type", "rule")},
		{"a sender of a new kind", handlers.MessagesPath, messageHook().with("resource.sender_type", "oracle")},
		{"join", handlers.MessagesPath, messageHook().with("resource.type", "join").with("resource.message", nil)},
		{"leave", handlers.MessagesPath, messageHook().with("resource.type", "leave").with("resource.message", nil)},
		{"a visitor's leave", handlers.MessagesPath, messageHook().with("resource.type", "leave")},
		{"autosuggest", handlers.MessagesPath, messageHook().with("resource.type", "autosuggest").with("resource.sender_type", "user")},
		{"tag", handlers.MessagesPath, messageHook().with("resource.type", "tag_created").with("resource.sender_type", "user")},
		{"system", handlers.MessagesPath, messageHook().with("resource.type", "system")},
		{"a message of a new type", handlers.MessagesPath, messageHook().with("resource.type", "hologram")},
		{"a colleague presses a button", handlers.MessagesPath, messageHook().with("resource.type", "action").with("resource.sender_type", "user")},
		{"changed message", handlers.MessagesPath, messageHook().with("action", "changed").with("resource", hook{"message": words})},
		{"changed chat", handlers.PendingChatsPath, pendingHook().with("action", "changed").with("resource", hook{"is_waiting": false})},
		{"changed routed chat", handlers.RoutedChatsPath, routedHook().with("action", "changed").with("resource", hook{})},
		{"removed, no resource", handlers.PendingChatsPath, pendingHook().with("action", "removed").with("resource", absent)},
		{"removed, null", handlers.RoutedChatsPath, routedHook().with("action", "removed").with("resource", nil)},
		{"removed, empty", handlers.MessagesPath, messageHook().with("action", "removed").with("resource", hook{})},
		{"removed, empty string", handlers.MessagesPath, messageHook().with("action", "removed").with("resource", "")},
		{"ended pending chat", handlers.PendingChatsPath, pendingHook().with("resource.is_ended", true)},
		{"ended routed chat", handlers.RoutedChatsPath, routedHook().with("resource.ended_at", "2026-01-02T03:10:00Z")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// The store is not asked, so its failure does not matter.
			d := newFixture(t, func(_ *handlers.Options, s *store) { s.putErr, s.known = errDown, true })
			w := d.post(tt.path, tt.body.String())
			if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"status":"ignored"}` {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			d.want(d.steps, []string{"token", "told"})
			d.want(d.outcomes, []string{tt.path + " ignored"})
			if d.tokens[0].Value != token || d.firsts[0] {
				t.Errorf("token %v, first %v", d.tokens[0], d.firsts[0])
			}
			if n := d.log.count("WARN") + d.log.count("ERROR"); n != 0 {
				t.Errorf("the log complains: %s", d.log)
			}
		})
	}
}

// The optional functions can be nil.
func TestOptionalFunctions(t *testing.T) {
	t.Parallel()
	d := newFixture(t, func(o *handlers.Options, _ *store) { o.OnToken, o.Observe, o.Log = nil, nil, nil })
	if w := d.post(handlers.MessagesPath, messageHook().String()); w.Code != 202 {
		t.Errorf("%d", w.Code)
	}
	if w := d.do(httptest.NewRequest("POST", handlers.MessagesPath, nil)); w.Code != 401 {
		t.Errorf("%d", w.Code)
	}
}

// The token expires when the webhook says so.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{`300`: 300 * time.Second, `"60"`: time.Minute, `null`: 300 * time.Second, `1e9`: 24 * time.Hour} {
		d := newFixture(t, nil)
		before := time.Now()
		d.post(handlers.MessagesPath, messageHook().with("app_user_auth.expires_in", json.RawMessage(in)).String())
		if life := d.tokens[0].Expires.Sub(before); life < want || life > want+30*time.Second {
			t.Errorf("%s: %v", in, life)
		}
	}
}
