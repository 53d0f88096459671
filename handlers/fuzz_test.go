package handlers_test

import (
	"encoding/json"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/handlers"
)

// For any body: no panic, a JSON answer, a documented status, and no event with invalid ids.
func FuzzWebhook(f *testing.F) {
	for i, h := range []hook{pendingHook(), routedHook(), messageHook(), routedMessageHook(), messageHook().with("action", "removed").with("resource", absent)} {
		f.Add(byte(i), []byte(h.String()))
	}
	f.Add(byte(2), []byte(messageHook().with("resource.created_at", "9999-12-31T23:59:59-10:00").String()))
	f.Add(byte(2), []byte(messageHook().with("resource.type", "action").with("resource.response_to_action", hook{"text": "x"}).String()))
	for _, s := range []string{"", "{}", "null", "[]", `"`, strings.Repeat("[", 100), messageHook().String()[:99], messageHook().String() + "x"} {
		f.Add(byte(1), []byte(s))
	}
	codes := []int{200, 202, 400, 413}
	f.Fuzz(func(t *testing.T, route byte, body []byte) {
		s := &store{}
		e := echo.New()
		handlers.New(handlers.Options{Queue: s, Tokens: keep{s}, Secrets: []giosg.Secret{secret}, MaxBody: maxBody}).Register(e)
		path := webhookPaths[int(route)%len(webhookPaths)]
		r := httptest.NewRequest("POST", path, io.NopCloser(strings.NewReader(string(body))))
		r.Header.Set("X-Webhook-Secret", secret)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		var answer map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !slices.Contains(codes, w.Code) {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		if (w.Code >= 400) != (answer["error"] != "") || (w.Code == 202) != (len(s.items) == 1) || (w.Code < 300) != (len(s.tokens) == 1) {
			t.Errorf("%d %s with %d items and %d tokens", w.Code, w.Body, len(s.items), len(s.tokens))
		}
		if strings.Contains(w.Body.String(), secret) || len(w.Body.String()) > 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, tk := range s.tokens {
			if !tk.User.Valid() || tk.Value == "" {
				t.Errorf("a token of %q", tk.User)
			}
		}
		for _, it := range s.items {
			var ev chat.Event
			if err := json.Unmarshal(it.Body, &ev); err != nil {
				t.Fatal(err)
			}
			id := strings.Replace(it.ID, "@", "-", 1)
			if giosg.CheckID(ev.User) != nil || giosg.CheckID(ev.Chat) != nil || giosg.CheckID(id) != nil || ev.Room != "" && giosg.CheckID(ev.Room) != nil || ev.Org != "" && giosg.CheckID(ev.Org) != nil {
				t.Errorf("kept with bad ids: %+v", ev)
			}
			if it.Lane != ev.User+"/"+ev.Chat || it.ID != ev.ID || !it.At.Equal(ev.At) || ev.User != string(s.tokens[0].User) {
				t.Errorf("item %+v of %+v", it, ev)
			}
		}
	})
}
