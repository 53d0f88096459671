package giosg_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg"
)

// TestCalls calls every method. It checks the request and the result.
func TestCalls(t *testing.T) {
	t.Parallel()
	const page = `{"next": null, "previous": null, "results": [%]}`
	in := func(s string) string { return strings.Replace(page, "%", s, 1) }
	type session = *giosg.Session
	tests := []struct {
		name   string
		call   func(context.Context, session) (any, error)
		method string
		uri    string
		body   string
		answer string
		want   any
	}{
		{"me", func(ctx context.Context, s session) (any, error) { return s.Me(ctx) },
			"GET", "/api/v5/users/me", "", `{"id": "bot-1", "is_bot": true, "alias": null}`, giosg.User{ID: "bot-1", IsBot: true}},
		{"online", func(ctx context.Context, s session) (any, error) { return nil, s.SetOnline(ctx, true) },
			"PATCH", "/api/v5/users/bot-1", `{"is_online_enabled": true}`, `{}`, nil},
		{"offline", func(ctx context.Context, s session) (any, error) { return nil, s.SetOnline(ctx, false) },
			"PATCH", "/api/v5/users/bot-1", `{"is_online_enabled": false}`, ``, nil},
		{"clients", func(ctx context.Context, s session) (any, error) { return s.Clients(ctx) },
			"GET", "/api/v5/users/bot-1/clients", "", `{"results": [{"id": "client1", "is_present": 1, "properties": {}}], "next": null}`,
			[]giosg.UserClient{{ID: "client1"}}},
		{"no clients", func(ctx context.Context, s session) (any, error) { return s.Clients(ctx) },
			"GET", "/api/v5/users/bot-1/clients", "", in(``), []giosg.UserClient{}},
		{"create client", func(ctx context.Context, s session) (any, error) { return s.CreateClient(ctx, 8*time.Hour) },
			"POST", "/api/v5/users/bot-1/clients", `{"presence_expires_in": 28800}`,
			`{"id": "c", "presence_expires_in": 28800, "is_present": true}`, giosg.UserClient{ID: "c", PresenceExpiresIn: 28800, IsPresent: true}},
		{"refresh client", func(ctx context.Context, s session) (any, error) {
			return s.RefreshClient(ctx, "c", 90*time.Second+time.Millisecond)
		},
			"PATCH", "/api/v5/users/bot-1/clients/c", `{"presence_expires_in": 90}`, ``, giosg.UserClient{}},
		{"routed chat", func(ctx context.Context, s session) (any, error) { return s.RoutedChat(ctx, "ch") },
			"GET", "/api/v5/users/bot-1/routed_chats/ch", "", `{"id": "ch", "present_user_participant_count": 2, "encrypted_symmetric_key": null}`,
			giosg.Chat{ID: "ch", PresentUserParticipantCount: 2}},
		{"chat", func(ctx context.Context, s session) (any, error) { return s.Chat(ctx, "ch") },
			"GET", "/api/v5/users/bot-1/chats/ch", "", `{"id": "ch", "is_ended": true}`, giosg.Chat{ID: "ch", IsEnded: true}},
		{"pending chats", func(ctx context.Context, s session) (any, error) { return s.PendingChats(ctx, 1) },
			"GET", "/api/v5/users/bot-1/pending_chats", "", in(`{"id": "a"}, {"id": "b"}`), []giosg.Chat{{ID: "a"}}},
		{"routed chats", func(ctx context.Context, s session) (any, error) { return s.RoutedChats(ctx, 0) },
			"GET", "/api/v5/users/bot-1/routed_chats", "", in(`{"id": "a"}, {"id": "b"}`), []giosg.Chat{{ID: "a"}, {ID: "b"}}},
		{"chats", func(ctx context.Context, s session) (any, error) { return s.Chats(ctx, 10) },
			"GET", "/api/v5/users/bot-1/chats", "", in(`{"id": "a"}`), []giosg.Chat{{ID: "a"}}},
		{"end chat", func(ctx context.Context, s session) (any, error) { return nil, s.EndChat(ctx, "ch") },
			"PATCH", "/api/v5/users/bot-1/chats/ch", `{"is_ended": true}`, `{}`, nil},
		{"join pending", func(ctx context.Context, s session) (any, error) { return s.JoinPending(ctx, "ch") },
			"POST", "/api/v5/users/bot-1/pending_chats/ch/memberships", `{"is_participating": true, "composing_status": "idle"}`,
			`{"member_id": "bot-1", "is_participating": true}`, giosg.Membership{MemberID: "bot-1", IsParticipating: true}},
		{"join routed", func(ctx context.Context, s session) (any, error) { return s.JoinRouted(ctx, "ch", true) },
			"POST", "/api/v5/users/bot-1/routed_chats/ch/memberships", `{"is_participating": true, "composing_status": "idle"}`, `[]`, giosg.Membership{}},
		{"watch routed", func(ctx context.Context, s session) (any, error) { return s.JoinRouted(ctx, "ch", false) },
			"POST", "/api/v5/users/bot-1/routed_chats/ch/memberships", `{"is_participating": false, "composing_status": "idle"}`, `null`, giosg.Membership{}},
		{"leave", func(ctx context.Context, s session) (any, error) { return nil, s.Leave(ctx, "ch") },
			"PATCH", "/api/v5/users/bot-1/chat_memberships/ch", `{"is_participating": false}`, `{}`, nil},
		{"memberships", func(ctx context.Context, s session) (any, error) { return s.Memberships(ctx, "ch") },
			"GET", "/api/v5/users/bot-1/chats/ch/memberships", "", in(`{"member_id": "v", "member_type": "visitor", "member_avatar": null}`),
			[]giosg.Membership{{MemberID: "v", MemberType: giosg.MemberVisitor}}},
		{"routed memberships", func(ctx context.Context, s session) (any, error) { return s.RoutedMemberships(ctx, "ch") },
			"GET", "/api/v5/users/bot-1/routed_chats/ch/memberships", "", in(``), []giosg.Membership{}},
		{"messages", func(ctx context.Context, s session) (any, error) { return s.Messages(ctx, "ch") },
			"GET", "/api/v5/users/bot-1/chats/ch/messages", "", in(`{"id": "m", "message": null}`), []giosg.Message{{ID: "m"}}},
		{"routed messages", func(ctx context.Context, s session) (any, error) { return s.RoutedMessages(ctx, "ch") },
			"GET", "/api/v5/users/bot-1/routed_chats/ch/messages", "", in(``), []giosg.Message{}},
		{"send", func(ctx context.Context, s session) (any, error) {
			return s.Send(ctx, "ch", giosg.NewMessage{Message: "Nice to meet you!"})
		},
			"POST", "/api/v5/users/bot-1/chats/ch/messages", `{"message":"Nice to meet you!"}`,
			`{"id": "m", "type": "msg"}`, giosg.Message{ID: "m", Type: giosg.TypeMsg}},
		{"room", func(ctx context.Context, s session) (any, error) { return s.Room(ctx, "r") },
			"GET", "/api/v5/users/bot-1/rooms/r", "", `{"id": "r", "language_code": "fi"}`, giosg.Room{ID: "r", LanguageCode: "fi"}},
		{"teams", func(ctx context.Context, s session) (any, error) { return s.Teams(ctx) },
			"GET", "/api/v5/orgs/org-1/teams", "", in(`{"id": "t", "name": "Sales", "is_online": true}`), []giosg.Team{{ID: "t", Name: "Sales", IsOnline: true}}},
		{"invite team", func(ctx context.Context, s session) (any, error) { return nil, s.InviteTeam(ctx, "ch", "t") },
			"POST", "/api/v5/users/bot-1/chats/ch/outgoing_chat_invitations", `{"invited_team_id":"t"}`, `whatever`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, answer(200, tt.answer))
			var observed []giosg.Call
			s := p.session(t, func(c *giosg.Config) { c.Observe = func(call giosg.Call) { observed = append(observed, call) } })
			got, err := tt.call(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			calls := p.seen()
			if len(calls) != 1 {
				t.Fatalf("%d calls", len(calls))
			}
			c := calls[0]
			if c.method != tt.method || c.uri != base+tt.uri || c.body != tt.body {
				t.Errorf("sent %s %s %s", c.method, c.uri, c.body)
			}
			wantHeader := map[string]string{
				"Authorization": "Bearer " + secretValue,
				"Accept":        "application/json",
				"User-Agent":    "giosg-bot/1.2.3 (+go)",
				"Cookie":        "",
				"Content-Type":  map[bool]string{true: "application/json"}[tt.body != ""],
			}
			for k, want := range wantHeader {
				if got := c.header.Get(k); got != want {
					t.Errorf("%s: %q, want %q", k, got, want)
				}
			}
			if len(observed) != 1 {
				t.Fatalf("observed %d calls", len(observed))
			}
			o := observed[0]
			pattern := strings.NewReplacer("bot-1", "<user>", "org-1", "<org>", "/ch/", "/<chat>/", "clients/c", "clients/<client>", "rooms/r", "rooms/<room>").Replace(tt.uri + "/")
			pattern = strings.TrimSuffix(pattern, "/")
			if o.Method != tt.method || o.Path != pattern || o.Status != 200 || o.Kind != giosg.OK || o.Op == "" || o.Duration <= 0 {
				t.Errorf("observed %+v, want path %s", o, pattern)
			}
		})
	}
}

func TestSendRich(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer(201, ""))
	m := giosg.NewMessage{
		Message:            "Was it <good> & well?",
		AttachmentTemplate: giosg.TemplateGeneric,
		Attachments: []giosg.Attachment{{Text: "Helpful?", Actions: []giosg.Action{
			{Text: "Yes", Type: giosg.ActionButton, Value: "yes", Style: "success", IsDisabledOnSelection: true},
		}}},
	}
	got, err := p.session(t, nil).Send(t.Context(), "ch", m)
	if err != nil || !reflect.DeepEqual(got, giosg.Message{}) {
		t.Errorf("got %+v, %v", got, err)
	}
	var sent, want any
	json.Unmarshal([]byte(p.seen()[0].body), &sent)
	json.Unmarshal([]byte(`{"message": "Was it <good> & well?", "attachment_template": "generic", "attachments": [{"text": "Helpful?",
		"actions": [{"text": "Yes", "type": "button", "value": "yes", "style": "success",
		"is_disabled_on_selection": true, "is_disabled_on_visitor_message": false}]}]}`), &want)
	if !reflect.DeepEqual(sent, want) {
		t.Errorf("sent %v\nwant %v", sent, want)
	}
}

// A write that giosg has accepted succeeds whatever the body of the answer is. The
// id is taken from it if possible.
func TestSendAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   giosg.MessageID
	}{
		"empty":      {201, "", ""},
		"no content": {204, "", ""},
		"not JSON":   {200, "<html>OK", ""},
		"half":       {201, `{"id": "m", "mess`, ""},
		"array":      {200, `["m"]`, ""},
		"drifted":    {201, `{"attachments": 5, "created_at": "tomorrow", "id": "m"}`, "m"},
		"too big":    {201, `{"id": "m", "message": "` + strings.Repeat("x", 2000) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, answer(tt.status, tt.body))
			s := p.session(t, func(c *giosg.Config) { c.MaxBody = 1000 })
			got, err := s.Send(t.Context(), "ch", giosg.NewMessage{Message: "x"})
			if err != nil || got.ID != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// No invalid id is sent.
func TestHostileIDs(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer(200, `{"results": []}`))
	client := p.client(t, func(c *giosg.Config) { c.Observe = func(giosg.Call) { t.Error("observed a call") } })
	for _, id := range []string{"", ".", "..", "a/b", "a%2fb", "a b", "a?b", "a#b", "a\nb", "ä", "a;b", "a:b", `a\b`, strings.Repeat("a", 129), "<chat>"} {
		s := client.As(token)
		hostile := token
		hostile.User, hostile.Org = giosg.UserID(id), giosg.OrgID(id)
		hs := client.As(hostile)
		ctx := t.Context()
		chat := giosg.ChatID(id)
		errs := map[string]error{}
		do := func(name string, err error) { errs[name] = err }
		second := func(_ any, err error) error { return err }
		do("refresh", second(s.RefreshClient(ctx, giosg.ClientID(id), time.Minute)))
		do("routed chat", second(s.RoutedChat(ctx, chat)))
		do("chat", second(s.Chat(ctx, chat)))
		do("end", s.EndChat(ctx, chat))
		do("join pending", second(s.JoinPending(ctx, chat)))
		do("join routed", second(s.JoinRouted(ctx, chat, true)))
		do("leave", s.Leave(ctx, chat))
		do("memberships", second(s.Memberships(ctx, chat)))
		do("routed memberships", second(s.RoutedMemberships(ctx, chat)))
		do("messages", second(s.Messages(ctx, chat)))
		do("routed messages", second(s.RoutedMessages(ctx, chat)))
		do("send", second(s.Send(ctx, chat, giosg.NewMessage{})))
		do("room", second(s.Room(ctx, giosg.RoomID(id))))
		do("invite chat", s.InviteTeam(ctx, chat, "team"))
		do("invite team", s.InviteTeam(ctx, "chat", giosg.TeamID(id)))
		do("user: clients", second(hs.Clients(ctx)))
		do("user: create", second(hs.CreateClient(ctx, time.Minute)))
		do("user: online", hs.SetOnline(ctx, true))
		do("user: pending", second(hs.PendingChats(ctx, 1)))
		do("user: routed", second(hs.RoutedChats(ctx, 1)))
		do("user: chats", second(hs.Chats(ctx, 1)))
		do("org: teams", second(hs.Teams(ctx)))
		for name, err := range errs {
			if giosg.KindOf(err) != giosg.Invalid {
				t.Errorf("%s with %q: %v", name, id, err)
			}
			if len(id) > 3 && strings.Contains(err.Error(), id) && id != "<chat>" {
				t.Errorf("%s repeats the id: %v", name, err)
			}
		}
	}
	for _, change := range []func(*giosg.Token){
		func(t *giosg.Token) { t.Type = "" },
		func(t *giosg.Token) { t.Type = "Bearer x" },
		func(t *giosg.Token) { t.Type = "Bearer\r\nX: y" },
		func(t *giosg.Token) { t.Value = "" },
		func(t *giosg.Token) { t.Value += "\r\nX: y" },
		func(t *giosg.Token) { t.Value += " y" },
	} {
		bad := token
		change(&bad)
		_, err := client.As(bad).Me(t.Context())
		wantKind(t, err, giosg.Invalid)
		noSecret(t, "the error", err.Error())
	}
	if _, err := client.As(token).CreateClient(t.Context(), time.Millisecond); giosg.KindOf(err) != giosg.Invalid {
		t.Errorf("a presence of a millisecond: %v", err)
	}
	if n := len(p.seen()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestTokenWord(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer(200, `{}`))
	other := token
	other.Type = "Token"
	if _, err := p.client(t, nil).As(other).Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.seen()[0].header.Get("Authorization"); got != "Token "+secretValue {
		t.Errorf("sent %q", got)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"empty object": `{}`, "html": `<html>`, "empty": ``, "null": `null`, "array": `[]`, "null results": `{"results": null}`} {
		p := newPlatform(t, answer(200, body))
		s := p.session(t, nil)
		_, err := s.RoutedChat(t.Context(), "ch")
		wantKind(t, err, giosg.Temporary)
		_, err = s.Messages(t.Context(), "ch")
		wantKind(t, err, giosg.Temporary)
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
