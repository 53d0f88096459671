package livechat_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/livechat"
)

const (
	botID  = "dabfd452-cbc0-4eff-aaac-f4e125db0fe4"
	chatID = "450fc49e-277e-4dd6-af0f-6e9dcb885b09"
	orgID  = "7f9e9580-095b-42c7-838c-c04e667b26f7"
	roomID = "9926bdfa-56e0-11e5-b98c-6c4008c08dfe"
)

func event(t *testing.T, body string) (chat.Event, bool, error) {
	t.Helper()
	w, err := giosg.ParseWebhook([]byte(body))
	if err != nil {
		return chat.Event{}, false, err
	}
	return livechat.Event(w)
}

// envelope is a webhook's body; empty parts are left out.
func envelope(channel, action, id, resource, auth string) string {
	var parts []string
	for _, f := range [...][2]string{{"channel", channel}, {"action", action}, {"resource_id", id}, {"resource", resource}, {"app_user_auth", auth}} {
		if f[1] != "" {
			parts = append(parts, `"`+f[0]+`": `+f[1])
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// hookOf is a webhook to the bot on one of its channels.
func hookOf(channel, action, resource string) string {
	return envelope(`"/api/v5/users/`+botID+`/`+channel+`"`, `"`+action+`"`, `"r"`, resource, authPart)
}

// message is a message in the chat, with changes: pairs of an old text and a new one.
func message(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`{"id": "m1", "chat_id": "` + chatID + `", "room_id": "` + roomID + `", "type": "msg",
		"sender_type": "visitor", "sender_id": "v1", "message": "hello", "created_at": "2026-01-02T03:04:05.678Z"}`)
}

func chatOf(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`{"id": "` + chatID + `", "room_id": "` + roomID + `", "created_at": "2026-01-02T03:04:05.678Z",
		"waiting_started_at": "2026-01-02T03:05:00.001Z", "ended_at": null, "is_ended": false}`)
}

var (
	created = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	waiting = time.Date(2026, 1, 2, 3, 5, 0, 1e6, time.UTC)
)

func TestEventOfMessages(t *testing.T) {
	t.Parallel()
	const own, routed = "chats/" + chatID + "/messages", "routed_chats/" + chatID + "/messages"
	base := chat.Event{Kind: chat.Said, User: botID, Org: orgID, Chat: chatID, Room: roomID, Member: true, ID: "m1", At: created, Text: "hello"}
	with := func(f func(*chat.Event)) chat.Event { e := base; f(&e); return e }
	nothing := chat.Event{}
	for _, tt := range []struct {
		name, channel, resource string
		want                    chat.Event // the zero one: ignored
	}{
		{"said", own, message(), base},
		{"said, seen from outside", routed, message(), with(func(e *chat.Event) { e.Member = false })},
		{"without words", own, message(`"hello"`, `null`), with(func(e *chat.Event) { e.Text = "" })},
		{"without a room", own, message(roomID, ""), with(func(e *chat.Event) { e.Room = "" })},
		{"pressed, with its text", own, message(`"msg"`, `"action", "response_text": "Yes", "response_value": "y"`),
			with(func(e *chat.Event) { e.Kind, e.Text, e.Value = chat.Pressed, "Yes", "y" })},
		{"pressed, with the button", own, message(`"msg"`, `"action", "response_to_action": {"text": "Yes"}, "response_value": "y"`),
			with(func(e *chat.Event) { e.Kind, e.Text, e.Value = chat.Pressed, "Yes", "y" })},
		{"pressed, with a message only", own, message(`"msg"`, `"action", "response_to_action": null`),
			with(func(e *chat.Event) { e.Kind = chat.Pressed })},
		{"a colleague", own, message(`"visitor"`, `"user"`, `"v1"`, `"human"`), with(func(e *chat.Event) { e.Kind = chat.Human })},
		{"a colleague without an id", own, message(`"visitor"`, `"user"`, `"v1"`, `null`), with(func(e *chat.Event) { e.Kind = chat.Human })},
		{"the bot", own, message(`"visitor"`, `"user"`, `"v1"`, `"`+botID+`"`), nothing},
		{"a visitor with the bot's id", own, message(`"v1"`, `"`+botID+`"`), base},
		{"a colleague's button", own, message(`"visitor"`, `"user"`, `"msg"`, `"action"`), nothing},
		{"a rule", own, message(`"visitor"`, `"rule"`), nothing},
		{"autosuggest", routed, message(`"msg"`, `"autosuggest"`, `"visitor"`, `"user"`), nothing},
		{"join", own, message(`"msg"`, `"join"`), nothing},
		{"leave", own, message(`"msg"`, `"leave"`), nothing},
		{"cart", own, message(`"msg"`, `"shoppingcart_locked"`), nothing},
		{"system", own, message(`"msg"`, `"system"`), nothing},
		{"tag", own, message(`"msg"`, `"tag_created"`), nothing},
		{"upper case", own, message(`"msg"`, `"MSG"`), nothing},
		{"news", own, message(`"msg"`, `"hologram"`), nothing},
	} {
		got, ok, err := event(t, hookOf(tt.channel, "added", tt.resource))
		if err != nil || got != tt.want || ok != (tt.want != nothing) {
			t.Errorf("%s: %t, %v\n got  %+v\n want %+v", tt.name, ok, err, got, tt.want)
		}
	}
}

func TestEventOfChats(t *testing.T) {
	t.Parallel()
	pending := chat.Event{Kind: chat.Pending, User: botID, Org: orgID, Chat: chatID, Room: roomID, ID: "pending@1767323100001", At: waiting}
	routed := chat.Event{Kind: chat.Routed, User: botID, Org: orgID, Chat: chatID, Room: roomID, ID: "routed@1767323045678", At: created}
	since := pending
	since.At, since.ID = created, "pending@1767323045678"
	timeless := pending
	timeless.At, timeless.ID = time.Time{}, "pending@0"
	nothing := chat.Event{}
	for _, tt := range []struct {
		name, channel, resource string
		want                    chat.Event
	}{
		{"pending", "pending_chats", chatOf(), pending},
		{"routed", "routed_chats", chatOf(), routed},
		{"with a slash", "routed_chats/", chatOf(), routed},
		{"pending, since it is there", "pending_chats", chatOf(`"2026-01-02T03:05:00.001Z"`, `null`), since},
		{"pending, no times at all", "pending_chats", chatOf(`"2026-01-02T03:05:00.001Z"`, `null`, `"created_at"`, `"x"`), timeless}, // a visitor may wait: better than to refuse it
		{"ended", "pending_chats", chatOf(`"is_ended": false`, `"is_ended": true`), nothing},
		{"ended, by its time", "routed_chats", chatOf(`"ended_at": null`, `"ended_at": "2026-01-02T03:06:00Z"`), nothing},
	} {
		got, ok, err := event(t, hookOf(tt.channel, "added", tt.resource))
		if err != nil || got != tt.want || ok != (tt.want != nothing) {
			t.Errorf("%s: %t, %v\n got  %+v\n want %+v", tt.name, ok, err, got, tt.want)
		}
	}
}

func TestEventOfChangesAndRemovals(t *testing.T) {
	t.Parallel()
	for _, channel := range []string{"pending_chats", "routed_chats", "chats/" + chatID + "/messages", "routed_chats/" + chatID + "/messages"} {
		for _, tt := range [][2]string{{"changed", `{"message": "other words"}`}, {"changed", message()}, {"removed", ""}, {"removed", "null"}, {"removed", "{}"}} {
			if e, ok, err := event(t, hookOf(channel, tt[0], tt[1])); ok || err != nil || e != (chat.Event{}) {
				t.Errorf("%s %v: %+v, %t, %v", channel, tt, e, ok, err)
			}
		}
	}
}

func TestEventRefuses(t *testing.T) {
	t.Parallel()
	const own = "chats/" + chatID + "/messages"
	for _, tt := range []struct{ name, body, want string }{
		{"no channel of a bot's", hookOf("chats", "added", message()), "channel: not one that a bot listens to"},
		{"another user's channel", strings.Replace(hookOf(own, "added", message()), "users/"+botID, "users/other", 1), "channel: of another user than app_user_auth.user_id"},
		{"another user's channel, removed", strings.Replace(hookOf(own, "removed", ""), "users/"+botID, "users/other", 1), "channel: of another user than app_user_auth.user_id"},
		{"another chat", hookOf(own, "added", message(chatID, "other")), "resource.chat_id: another chat than the channel's"},
		{"no id", hookOf(own, "added", message(`"id"`, `"x"`)), "resource.id: missing"},
		{"no time", hookOf(own, "added", message(`"created_at"`, `"x"`)), "resource.created_at: missing, or not a time"},
		{"a year of five digits", hookOf(own, "added", message("2026-01-02T03:04:05.678Z", "9999-12-31T23:00:00-02:00")), "resource.created_at: out of range"},
		{"a year below 0", hookOf(own, "added", message("2026-01-02T03:04:05.678Z", "0000-01-01T01:00:00+02:00")), "resource.created_at: out of range"},
		{"a chat with a year of five digits", hookOf("pending_chats", "added", chatOf("2026-01-02T03:05:00.001Z", "9999-12-31T23:00:00-02:00")), "resource.created_at, resource.waiting_started_at: out of range"},
		{"a chat without an id", hookOf("pending_chats", "added", chatOf(`"id"`, `"x"`)), "resource.id: missing"},
	} {
		e, ok, err := event(t, tt.body)
		if err == nil || err.Error() != tt.want || ok || e != (chat.Event{}) {
			t.Errorf("%s: %+v, %t, %v", tt.name, e, ok, err)
		}
	}
}

// What giosg has published is understood.
func TestEventOfPublished(t *testing.T) {
	t.Parallel()
	e, ok, err := event(t, routedChatAdded)
	if err != nil || !ok || e.Kind != chat.Routed || e.Chat != "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96" || e.Room != roomID || e.Lane() != botID+"/e1549f4d-d2a6-4efb-b64c-e977b0a5ba96" {
		t.Errorf("%+v, %t, %v", e, ok, err)
	}
	if e, ok, err := event(t, autosuggestAdded); ok || err != nil {
		t.Errorf("%+v, %v", e, err)
	}
	if e, ok, err := event(t, buttonClick); err == nil || ok { // its token is of another user than its channel
		if e.Kind != chat.Pressed || e.Value == "" || !e.Member {
			t.Errorf("%+v, %t, %v", e, ok, err)
		}
	}
}

// An event is kept as JSON, without a loss, and without a token.
func TestEventAsJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		hookOf("chats/"+chatID+"/messages", "added", message(`"hello"`, `"näin \u0000 \ud83d\ude00 \"x\""`)), hookOf("pending_chats", "added", chatOf()),
		hookOf("routed_chats/"+chatID+"/messages", "added", message(`"msg"`, `"action", "response_value": "v"`)),
	} {
		e, _, err := event(t, body)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(e)
		if err != nil || strings.Contains(string(b), "secret-access") {
			t.Errorf("%s, %v", b, err)
		}
		var back chat.Event
		if err := json.Unmarshal(b, &back); err != nil || back != e {
			t.Errorf("%+v came back as %+v, %v", e, back, err)
		}
	}
}

// Times order a lane, so they may not depend on how giosg writes them.
func TestEventTimes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678", "2026-01-02T05:04:05.678+02:00", "2026-01-02 03:04:05.678000"} {
		e, ok, err := event(t, hookOf("routed_chats", "added", chatOf("2026-01-02T03:04:05.678Z", s)))
		if err != nil || !ok || !e.At.Equal(created) || e.ID != "routed@1767323045678" {
			t.Errorf("%s: %+v, %v", s, e, err)
		}
	}
}
