package giosg_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg"
)

const (
	botID  = "dabfd452-cbc0-4eff-aaac-f4e125db0fe4"
	chatID = "450fc49e-277e-4dd6-af0f-6e9dcb885b09"
)

// envelope returns a webhook's body; empty parts are left out.
func envelope(channel, action, id, resource, auth string) string {
	var parts []string
	for _, f := range [...][2]string{{"channel", channel}, {"action", action}, {"resource_id", id}, {"resource", resource}, {"app_user_auth", auth}} {
		if f[1] != "" {
			parts = append(parts, `"`+f[0]+`": `+f[1])
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// withAuth adds a token to a change message, which has none.
func withAuth(change string) string {
	return strings.TrimSuffix(strings.TrimSpace(change), "}") + `, "app_user_auth": ` + authPart + "}"
}

func TestParseWebhookPublished(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		channel    giosg.Channel
		action     giosg.Change
		resource   bool
	}{
		{"routed chat", routedChatAdded, giosg.Channel{Kind: giosg.RoutedChats, User: botID}, giosg.Added, true},
		{"pending chat", strings.Replace(routedChatAdded, "/routed_chats", "/pending_chats", 1), giosg.Channel{Kind: giosg.PendingChats, User: botID}, giosg.Added, true},
		{"autosuggest", autosuggestAdded, giosg.Channel{Kind: giosg.RoutedChatMessages, User: botID, Chat: chatID}, giosg.Added, true},
		{"button click", buttonClick, giosg.Channel{Kind: giosg.ChatMessages, User: "bot-1", Chat: "chat-1"}, giosg.Added, true},
		{"pending chat removed", envelope(`"/api/v5/users/`+botID+`/pending_chats/"`, `"removed"`, `"c"`, `null`, authPart), giosg.Channel{Kind: giosg.PendingChats, User: botID}, giosg.Removed, false},
	}
	for _, tt := range tests {
		w, err := giosg.ParseWebhook([]byte(tt.body))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if w.Action != tt.action || (w.Resource != nil) != tt.resource || w.ResourceID == "" || w.Auth.AccessToken == "" ||
			w.Auth.TokenType != "Bearer" || w.Auth.ExpiresIn != 300*time.Second || w.Auth.Org != "7f9e9580-095b-42c7-838c-c04e667b26f7" {
			t.Errorf("%s: %+v", tt.name, w)
		}
		if w.Channel != tt.channel {
			t.Errorf("%s: channel %+v", tt.name, w.Channel)
		}
		at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		want := giosg.Token{User: w.Auth.User, Org: w.Auth.Org, Type: "Bearer", Value: w.Auth.AccessToken, Expires: at.Add(5 * time.Minute)}
		if got := w.Token(at); got != want {
			t.Errorf("%s: token %v", tt.name, got)
		}
	}
}

func TestWebhookChat(t *testing.T) {
	t.Parallel()
	w, err := giosg.ParseWebhook([]byte(routedChatAdded))
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.Chat()
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96" || c.RoomID != "9926bdfa-56e0-11e5-b98c-6c4008c08dfe" || !c.IsWaiting || c.Ended() ||
		c.PresentUserParticipantCount != 1 || !c.CreatedAt.Equal(time.Date(2015, 2, 13, 11, 31, 36, 42e6, time.UTC)) || !c.WaitingStartedAt.IsZero() {
		t.Errorf("%+v", c)
	}
	var dump giosg.Chat
	if err := json.Unmarshal([]byte(chatResource), &dump); err != nil || !dump.Ended() || dump.Duration < 13 || !dump.IsEncrypted ||
		!dump.EndedAt.Equal(time.Date(2023, 6, 14, 10, 50, 22, 767e6, time.UTC)) {
		t.Errorf("%v %+v", err, dump)
	}
}

func TestWebhookMessage(t *testing.T) {
	t.Parallel()
	message := func(body string) giosg.Message {
		t.Helper()
		w, err := giosg.ParseWebhook([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.Message()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := message(autosuggestAdded)
	if m.Type != giosg.TypeAutosuggest || m.SenderType != giosg.SenderUser || m.Message != "How may I help you?" || m.ChatID != chatID || m.RoomID != "" {
		t.Errorf("%+v", m)
	}
	m = message(buttonClick)
	if m.Type != giosg.TypeAction || m.SenderType != giosg.SenderVisitor || m.ResponseValue != "yes" || m.ResponseText != "Yes" || m.Message != "" ||
		m.ResponseToMessageID != "bot-message-1" || m.ResponseToAction == nil || !m.ResponseToAction.IsDisabledOnSelection || m.ResponseToAttachment.Text == "" {
		t.Errorf("%+v", m)
	}
}

func TestPublishedLists(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer(200, messagesPage))
	ms, err := p.session(t, nil).Messages(t.Context(), "ch")
	if err != nil || len(ms) != 2 || ms[0].EncryptedMessage == "" || ms[1].EncryptedMessage != "" || ms[1].Type != giosg.TypeJoin {
		t.Errorf("%v %+v", err, ms)
	}
	p = newPlatform(t, answer(200, membershipsPage))
	ps, err := p.session(t, nil).Memberships(t.Context(), "ch")
	if err != nil || len(ps) != 2 || ps[0].MemberAvatar == nil || ps[1].MemberType != giosg.MemberVisitor || ps[0].MessageCount != 8 {
		t.Errorf("%v %+v", err, ps)
	}
	p = newPlatform(t, answer(201, userClient))
	c, err := p.session(t, nil).CreateClient(t.Context(), 2*time.Hour)
	if err != nil || c.PresenceExpiresIn != 7200 || !c.IsPresent || c.IsAboutToExpire {
		t.Errorf("%v %+v", err, c)
	}
}

func TestParseWebhookRefuses(t *testing.T) {
	t.Parallel()
	const ch, added, id, res = `"/api/v5/users/u/pending_chats"`, `"added"`, `"c"`, `{"id": "c"}`
	auth := func(old, new string) string { return strings.Replace(authPart, old, new, 1) }
	for _, tt := range []struct{ body, want string }{
		{``, "not valid JSON, at byte 0"},
		{`{`, "not valid JSON, at byte 1"},
		{`[]`, "body: must not be of JSON type array"},
		{`"x"`, "body: must not be of JSON type string"},
		{`null`, "channel: missing"},
		{`{}`, "channel: missing"},
		{envelope(ch, added, id, res, authPart) + " x", "not valid JSON, at byte"},
		{envelope(ch, added, id, res, authPart) + "{}", "not valid JSON, at byte"},
		{envelope(`5`, added, id, res, authPart), "channel: must not be of JSON type number"},
		{envelope(`"api"`, added, id, res, authPart), "channel: not a channel's name"},
		{envelope(`"/`+strings.Repeat("a", 600)+`"`, added, id, res, authPart), "channel: not a channel's name"},
		{envelope(`"/api/v5/users/u/chats/c/memberships"`, added, id, res, authPart), "channel: not one that a bot listens to"},
		{envelope(`"/api/v5/users/../pending_chats"`, added, id, res, authPart), "channel: user: not an id: only letters"},
		{envelope(`"/api/v5/users/u/chats/{c}/messages"`, added, id, res, authPart), "channel: chat: not an id: only letters"},
		{withAuth(userChanged), "channel: not one that a bot listens to"},
		{withAuth(userRemoved), "channel: not one that a bot listens to"},
		{envelope(ch, ``, id, res, authPart), "action: missing"},
		{envelope(ch, `"ADDED"`, id, res, authPart), "action: not added, changed or removed"},
		{envelope(ch, `{}`, id, res, authPart), "action: must not be of JSON type object"},
		{envelope(ch, added, `7`, res, authPart), "resource_id: must not be of JSON type number"},
		{envelope(ch, added, id, ``, authPart), "resource: missing"},
		{envelope(ch, added, id, `null`, authPart), "resource: missing"},
		{envelope(ch, `"changed"`, id, `null`, authPart), "resource: missing"},
		{envelope(ch, added, id, `[1]`, authPart), "resource: not an object"},
		{envelope(ch, added, id, res, ``), "app_user_auth: missing"},
		{envelope(ch, added, id, res, `null`), "app_user_auth: missing"},
		{envelope(ch, added, id, res, `{}`), "app_user_auth.access_token: missing"},
		{envelope(ch, added, id, res, `"x"`), "app_user_auth: must not be of JSON type string"},
		{envelope(ch, added, id, res, auth(`"secret-access-token-1"`, `12345`)), "app_user_auth.access_token: must not be of JSON type number"},
		{envelope(ch, added, id, res, auth(`secret-access-token-1`, `aa bb`)), "app_user_auth.access_token: holds a character that no token has"},
		{envelope(ch, added, id, res, auth(`secret-access-token-1`, strings.Repeat("x", 9000))), "app_user_auth.access_token: longer than 8192 bytes"},
		{envelope(ch, added, id, res, auth(`Bearer`, ``)), "app_user_auth.token_type: missing"},
		{envelope(ch, added, id, res, auth(`Bearer`, `Be arer`)), "app_user_auth.token_type: not a plain word"},
		{envelope(ch, added, id, res, auth(`Bearer`, strings.Repeat("x", 33))), "app_user_auth.token_type: longer than 32 characters"},
		{envelope(ch, added, id, res, auth(botID, ``)), "app_user_auth.user_id: missing"},
		{envelope(ch, added, id, res, auth(botID, `../x`)), "app_user_auth.user_id: not an id: only letters"},
		{envelope(ch, added, id, res, auth(`7f9e9580-`, `%2e`)), "app_user_auth.organization_id: not an id: only letters"},
		{envelope(ch, added, id, strings.Repeat(`{"a":[`, 16)+strings.Repeat(`]}`, 16), authPart), "nested deeper than 32 levels"},
	} {
		_, err := giosg.ParseWebhook([]byte(tt.body))
		if err == nil {
			t.Errorf("taken: %s", tt.body)
			continue
		}
		if !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s\n  got  %v\n  want %s", tt.body, err, tt.want)
		}
		for _, word := range []string{"secret-access", "12345", "..", "%2e", "xxxx", "aa bb", "{c}"} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("repeats what came: %v", err)
			}
		}
	}
}

func TestParseWebhookTolerates(t *testing.T) {
	t.Parallel()
	const ch, id = `"/api/v5/users/u/pending_chats"`, `"c"`
	for _, tt := range []struct {
		body     string
		resource string
	}{
		{envelope(ch, `"removed"`, id, ``, authPart), ""},
		{envelope(ch, `"removed"`, id, `null`, authPart), ""},
		{envelope(ch, `"removed"`, id, `""`, authPart), ""},
		{envelope(ch, `"removed"`, id, `{}`, authPart), "{}"},
		{envelope(ch, `"added"`, ``, `{"id":"c"}`, authPart), `{"id":"c"}`},
		{envelope(ch, `"added"`, id, `{"id":"c"}`, strings.Replace(authPart, `"organization_id"`, `"x"`, 1)), `{"id":"c"}`},
		{" \n" + envelope(ch, `"added"`, id, `{"id":"c"}`, authPart) + "\n ", `{"id":"c"}`},
		{`{"new": {"a": [1]}, ` + envelope(ch, `"added"`, id, `{"id":"}]\"{[","x":[[]]}`, authPart)[1:], `{"id":"}]\"{[","x":[[]]}`},
		{strings.Replace(envelope(ch, `"added"`, id, `{"id":"c"}`, authPart), `"action"`, `"Action"`, 1), `{"id":"c"}`},
		{envelope(ch, `"added"`, id, `{"a":`+strings.Repeat("[", 30)+strings.Repeat("]", 30)+"}", authPart), `{"a":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + "}"},
	} {
		w, err := giosg.ParseWebhook([]byte(tt.body))
		if err != nil || string(w.Resource) != tt.resource {
			t.Errorf("%s: %v, resource %s", tt.body, err, w.Resource)
		}
	}
}

func TestExpiresIn(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		`300`: 300 * time.Second, `"600"`: 600 * time.Second, `" 60 "`: time.Minute, `1.5`: 1500 * time.Millisecond, `6e1`: time.Minute,
		`0`: 300 * time.Second, `-5`: 300 * time.Second, `null`: 300 * time.Second, `""`: 300 * time.Second, `"soon"`: 300 * time.Second,
		`{}`: 300 * time.Second, `[300]`: 300 * time.Second, `true`: 300 * time.Second, `1e400`: 300 * time.Second, `"Inf"`: 300 * time.Second,
		`"NaN"`: 300 * time.Second, `1e-300`: 300 * time.Second, `86400`: 24 * time.Hour, `86401`: 24 * time.Hour, `1e300`: 24 * time.Hour,
	} {
		w, err := giosg.ParseWebhook([]byte(envelope(`"/api/v5/users/u/chats/c/messages"`, `"added"`, ``, `{}`, strings.Replace(authPart, "300", in, 1))))
		if err != nil || w.Auth.ExpiresIn != want {
			t.Errorf("%s: %v, %v", in, w.Auth.ExpiresIn, err)
		}
	}
	w, err := giosg.ParseWebhook([]byte(envelope(`"/api/v5/users/u/chats/c/messages"`, `"added"`, ``, `{}`, strings.Replace(authPart, `"expires_in"`, `"x"`, 1))))
	if err != nil || w.Auth.ExpiresIn != 300*time.Second {
		t.Errorf("missing: %v, %v", w.Auth.ExpiresIn, err)
	}
}

func TestResourceRefuses(t *testing.T) {
	t.Parallel()
	const whole = `{"id": "m", "chat_id": "c", "type": "msg", "sender_type": "visitor", "sender_id": "v", "created_at": "2023-06-14T10:49:46.913Z"}`
	parse := func(resource string) giosg.Webhook {
		w, err := giosg.ParseWebhook([]byte(envelope(`"/api/v5/users/u/chats/c/messages"`, `"added"`, ``, resource, authPart)))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	if _, err := parse(whole).Message(); err != nil {
		t.Fatal(err)
	}
	if _, err := parse(strings.Replace(whole, `"v"`, `null`, 1)).Message(); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`"id": "m"`, `"x": 1`, "resource.id: missing"},
		{`"id": "m"`, `"id": null`, "resource.id: missing"},
		{`"id": "m"`, `"id": "a/b"`, "resource.id: not an id"},
		{`"id": "m"`, `"id": 55`, "resource.id: must not be of JSON type number"},
		{`"chat_id"`, `"x"`, "resource.chat_id: missing"},
		{`"c"`, `"../c"`, "resource.chat_id: not an id"},
		{`"v"`, `"v v"`, "resource.sender_id: not an id"},
		{`{`, `{"room_id": ".", `, "resource.room_id: not an id"},
		{`{`, `{"attachments": [{"actions": {}}], `, "resource.attachments.actions: must not be of JSON type object"},
		{`"type": "msg"`, `"x": 1`, "resource.type: missing"},
		{`"sender_type"`, `"x"`, "resource.sender_type: missing"},
		{`"created_at"`, `"x"`, "resource.created_at: missing, or not a time"},
		{`2023-06-14T`, `yesterday`, "resource.created_at: missing, or not a time"},
	} {
		_, err := parse(strings.Replace(whole, tt.old, tt.new, 1)).Message()
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s → %s: %v", tt.old, tt.new, err)
		}
	}
	for in, want := range map[string]string{
		`{}`: "resource.id: missing", `{"id": ""}`: "resource.id: missing", `{"id": "a", "room_id": "/"}`: "resource.room_id: not an id",
		`{"id": "a", "is_ended": "no"}`: "resource.is_ended: must not be of JSON type string",
	} {
		if _, err := parse(in).Chat(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
	if _, err := (giosg.Webhook{}).Message(); err == nil || err.Error() != "resource: missing" {
		t.Error(err)
	}
}

func TestParseChannel(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]giosg.Channel{
		"/api/v5/users/u-1/pending_chats":           {Kind: giosg.PendingChats, User: "u-1"},
		"/api/v5/users/u-1/pending_chats/":          {Kind: giosg.PendingChats, User: "u-1"},
		"/api/v5/users/u-1/routed_chats":            {Kind: giosg.RoutedChats, User: "u-1"},
		"/api/v5/users/u-1/chats/c/messages":        {Kind: giosg.ChatMessages, User: "u-1", Chat: "c"},
		"/api/v5/users/u-1/chats/c/messages/":       {Kind: giosg.ChatMessages, User: "u-1", Chat: "c"},
		"/api/v5/users/u-1/routed_chats/c/messages": {Kind: giosg.RoutedChatMessages, User: "u-1", Chat: "c"},
		"": {}, "/": {}, "/api/v5/users/u-1": {}, "/api/v5/users//pending_chats": {}, "/api/v5/users/u-1/chats": {},
		"/api/v5/users/u-1/pending_chats//":              {},
		"/api/v5/users/u-1/pending_chats?x=1":            {},
		"/api/v5/users/u 1/pending_chats":                {},
		"/api/v5/users/../pending_chats":                 {},
		"/api/v5/users/u-1/chats/*/messages":             {},
		"/api/v5/users/u-1/chats//messages":              {},
		"/api/v5/users/u-1/pending_chats/c/messages":     {},
		"/api/v5/users/u-1/chats/c/messages/m":           {},
		"/api/v5/users/u-1/chats/c/memberships":          {},
		"/api/v6/users/u-1/pending_chats":                {},
		"/prefix/api/v5/users/u-1/pending_chats":         {},
		"api/v5/users/u-1/pending_chats":                 {},
		"/api/v5/orgs/o/owned_chats/c/messages":          {},
		"https://service.giosg.com/api/v5/users/u/chats": {},
	} {
		got, err := giosg.ParseChannel(in)
		if got != want || (err == nil) != (want.Kind != giosg.NoChannel) {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
		if err == nil && got.String() != strings.TrimSuffix(in, "/") {
			t.Errorf("%q prints as %q", in, got)
		}
	}
}
