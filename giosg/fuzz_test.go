package giosg_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg"
)

func FuzzParseWebhook(f *testing.F) {
	for _, s := range []string{
		routedChatAdded, autosuggestAdded, buttonClick, withAuth(userChanged), withAuth(userRemoved), "", "{}", "null",
		envelope(`"/api/v5/users/u/pending_chats"`, `"removed"`, ``, `null`, authPart), strings.Repeat("[", 100),
	} {
		f.Add([]byte(s))
	}
	received := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := giosg.ParseWebhook(body)
		if err != nil {
			if len(err.Error()) > 300 {
				t.Errorf("a long error: %v", err)
			}
			return
		}
		tok := w.Token(received)
		if life := tok.Expires.Sub(received); life <= 0 || life > 24*time.Hour {
			t.Errorf("a token that lives for %v", life)
		}
		if !tok.User.Valid() || tok.Value == "" || strings.ContainsAny(tok.Type+tok.Value.Reveal(), " \r\n\x00") {
			t.Errorf("a token that breaks out: %q %q", tok.Type, tok.Value.Reveal())
		}
		if w.Resource != nil && (w.Resource[0] != '{' || !json.Valid(w.Resource)) || w.Resource == nil && w.Action != giosg.Removed {
			t.Errorf("resource %s of %s", w.Resource, w.Action)
		}
		if w.Channel.Kind == giosg.NoChannel || !w.Channel.User.Valid() {
			t.Errorf("channel %+v", w.Channel)
		}
		if c, err := w.Chat(); err == nil && !c.ID.Valid() {
			t.Errorf("chat %q", c.ID)
		}
		if m, err := w.Message(); err == nil && (!m.ID.Valid() || !m.ChatID.Valid() || m.Type == "" || m.CreatedAt.IsZero()) {
			t.Errorf("message %+v", m)
		}
	})
}

func FuzzParseChannel(f *testing.F) {
	for _, s := range []string{
		"/api/v5/users/u-1/pending_chats", "/api/v5/users/u-1/routed_chats/", "/api/v5/users/u-1/chats/c/messages",
		"/api/v5/users/u-1/routed_chats/c/messages", "", "/", "/api/v5/users/../chats/%2e/messages", "/api/v5/users//chats//messages//",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := giosg.ParseChannel(s)
		if err != nil {
			if c != (giosg.Channel{}) {
				t.Errorf("%+v beside an error", c)
			}
			return
		}
		messages := c.Kind == giosg.ChatMessages || c.Kind == giosg.RoutedChatMessages
		if c.Kind == giosg.NoChannel || !c.User.Valid() || c.Chat.Valid() != messages || c.String() != strings.TrimSuffix(s, "/") {
			t.Errorf("%q: %+v", s, c)
		}
	})
}

func FuzzCheckID(f *testing.F) {
	for _, s := range []string{botID, "a7dff4af6cd3c2bde01d630e0524157b", "a_B-9", "", ".", "..", "a/b", "%2e", "ä", "a\x00", strings.Repeat("a", 128), strings.Repeat("a", 129)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := giosg.CheckID(s); err != nil {
			if len(s) > 40 && strings.Contains(err.Error(), s) {
				t.Errorf("repeats the id: %v", err)
			}
			return
		}
		if s == "" || len(s) > 128 || url.PathEscape(s) != s || url.QueryEscape(s) != s || strings.ContainsAny(s, "./\\%?#:@ ") {
			t.Errorf("%q was taken", s)
		}
	})
}

func TestTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2023, 6, 14, 10, 49, 34, 406e6, time.UTC)
	for in, want := range map[string]time.Time{
		`"2023-06-14T10:49:34.406Z"`:      want,
		`"2023-06-14T10:49:34.406"`:       want,
		`"2023-06-14 10:49:34.406Z"`:      want,
		`"2023-06-14T10:49:34.406000"`:    want,
		`"2023-06-14T12:49:34.406+02:00"`: want,
		`"2023-06-14T12:49:34.406+0200"`:  want,
		`"2023-06-14T10:49:34Z"`:          want.Truncate(time.Second),
		`"2023-06-14T10:49:34.4Z"`:        want.Truncate(100 * time.Millisecond),
		`null`:                            {}, `""`: {}, `5`: {}, `"soon"`: {}, `{}`: {},
	} {
		got := giosg.Time{Time: time.Unix(1, 0)}
		if err := json.Unmarshal([]byte(in), &got); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	b, err := json.Marshal(map[string]giosg.Time{"a": {Time: want.In(time.FixedZone("", 7200))}, "b": {}})
	if err != nil || string(b) != `{"a":"2023-06-14T10:49:34.406Z","b":null}` {
		t.Errorf("%s, %v", b, err)
	}
	if _, err := giosg.ParseTime("soon"); err == nil {
		t.Error("soon is a time")
	}
}
