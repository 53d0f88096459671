package giosgtest_test

import (
	"net/http"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

// hooked adds webhooks of all kinds, and holds their events back.
func hooked(w *world) *giosgtest.Hold {
	var hooks []giosgtest.Webhook
	for _, pattern := range []string{giosgtest.RoutedChats, giosgtest.PendingChats, giosgtest.ChatMessages, giosgtest.RoutedChatMessages, "/api/v5/users/{user_id}/chats/*/memberships"} {
		hooks = append(hooks, giosgtest.Webhook{URL: "http://127.0.0.1:1", Pattern: pattern, Removals: true})
	}
	w.bot.SetWebhooks(hooks...)
	return w.p.Hold(nil)
}

// events returns "action collection" of the events that were held back, and drops them.
func events(w *world, h *giosgtest.Hold) (names []string, last map[string]giosgtest.Event) {
	last = map[string]giosgtest.Event{}
	base := "/api/v5/users/" + w.bot.ID + "/"
	for _, e := range h.Events() {
		name := e.Action + " " + e.Channel[len(base):]
		names = append(names, name)
		last[name] = e
	}
	h.Drop()
	return names, last
}

func wantEvents(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("events %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("events %q, want %q", got, want)
		}
	}
}

func TestAChatThatWaitsAgain(t *testing.T) {
	t.Parallel()
	for _, unchanged := range []bool{false, true} {
		w := newWorld(t, giosgtest.Options{})
		h := hooked(w)
		chat := w.room.OpenChat()
		w.say(chat, "hello")
		first := w.want(200, "GET", w.user("/pending_chats/"+chat.ID), nil)
		if err := w.human.Take(chat); err != nil {
			t.Fatal(err)
		}
		if err := chat.WaitAgain(unchanged); err != giosgtest.ErrServed {
			t.Errorf("a chat that is served: %v", err)
		}
		if err := w.human.Leave(chat); err != nil {
			t.Fatal(err)
		}
		w.want(404, "GET", w.user("/pending_chats/"+chat.ID), nil)
		h.Drop()
		for range 2 { // also when it waits already
			if err := chat.WaitAgain(unchanged); err != nil {
				t.Fatal(err)
			}
		}
		names, _ := events(w, h)
		wantEvents(t, names, "added pending_chats", "removed pending_chats", "added pending_chats")
		again := w.want(200, "GET", w.user("/pending_chats/"+chat.ID), nil)
		if again["is_pending"] != true || again["is_waiting"] != true || (again["waiting_started_at"] == first["waiting_started_at"]) != unchanged {
			t.Errorf("unchanged %t: %v, was %v", unchanged, again, first)
		}
		chat.End()
		if err := chat.WaitAgain(false); err != giosgtest.ErrEnded {
			t.Error(err)
		}
	}
}

func TestAChatThatIsRoutedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	h := hooked(w)
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	_, before := events(w, h)
	chat.RouteAgain()
	names, after := events(w, h)
	wantEvents(t, names, "added routed_chats")
	if before["added routed_chats"].ResourceID != after["added routed_chats"].ResourceID {
		t.Error("another chat")
	}
	if err := chat.RouteTo(w.human); err != nil {
		t.Fatal(err)
	}
	names, _ = events(w, h)
	wantEvents(t, names, "removed routed_chats", "removed pending_chats")
	w.want(404, "GET", w.user("/routed_chats/"+chat.ID), nil)
	w.want(404, "GET", w.user("/pending_chats/"+chat.ID), nil)
	w.say(chat, "anybody?")
	names, _ = events(w, h)
	wantEvents(t, names)
	if err := chat.RouteTo(w.human, w.bot.User); err != nil {
		t.Fatal(err)
	}
	names, _ = events(w, h)
	wantEvents(t, names, "added routed_chats", "added pending_chats")
	w.want(200, "GET", w.user("/pending_chats/"+chat.ID), nil)
	chat.End()
	if err := chat.RouteTo(w.human); err != giosgtest.ErrEnded {
		t.Error(err)
	}
}

func TestAMemberThatIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{PageSize: 2})
	w.present()
	var chats []*giosgtest.Chat
	for range 5 {
		chat := w.room.OpenChat()
		w.say(chat, "hello")
		if err := w.bot.Join(chat); err != nil {
			t.Fatal(err)
		}
		chats = append(chats, chat)
	}
	h := hooked(w)
	chat := chats[2]
	if err := chat.Remove(w.bot.User); err != nil {
		t.Fatal(err)
	}
	names, _ := events(w, h)
	wantEvents(t, names, "added routed_chats/"+chat.ID+"/messages", "added chats/"+chat.ID+"/messages", "removed chats/"+chat.ID+"/memberships")
	w.want(404, "GET", w.user("/chats/"+chat.ID), nil)
	w.want(404, "POST", w.user("/chats/"+chat.ID+"/messages"), object{"message": "x"})
	w.want(404, "PATCH", w.user("/chat_memberships/"+chat.ID), object{"is_participating": false})
	w.want(200, "GET", w.user("/routed_chats/"+chat.ID), nil)
	if listed, pages := w.all(w.user("/chat_memberships")); len(listed) != 4 || pages != 2 {
		t.Errorf("%d memberships on %d pages", len(listed), pages)
	}
	if _, member := chat.State().Member(w.bot.User); member {
		t.Error("still a member")
	}
	if err := chat.Remove(w.bot.User); err != giosgtest.ErrNotMember {
		t.Error(err)
	}
	w.want(201, "POST", w.user("/routed_chats/"+chat.ID+"/memberships"), participate)
	w.want(201, "POST", w.user("/chats/"+chat.ID+"/messages"), object{"message": "back"})
}

func TestOddAnswers(t *testing.T) {
	t.Parallel()
	for _, status := range []int{302, 400, 402, 403, 404, 405, 409, 418, 422} {
		for _, after := range []bool{false, true} {
			w, chat, path := served(t)
			rule := w.p.On("POST", "messages").InOrg(w.org).Times(2)
			rule.Do(giosgtest.Fault{Status: status, After: after, Location: "/elsewhere"})
			for i := range 3 {
				res, err := w.raw(t.Context(), "POST", path, object{"message": "Hi!"})
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if got := res.StatusCode == status; got != (i < 2) || (res.Header.Get("Location") != "") != (i < 2) {
					t.Errorf("call %d: %d, want %d", i, res.StatusCode, status)
				}
			}
			want := 1
			if after {
				want = 3
			}
			if got := len(chat.Said("bot")); got != want || rule.Hits() != 2 {
				t.Errorf("%d after effect %t: said %d times, %d hits", status, after, got, rule.Hits())
			}
		}
	}
}

func TestRulesOfAnOrganizationAndForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	other := w.p.AddOrg("Other")
	w.p.On("GET", "").InOrg(other).FailBefore(409)
	w.want(200, "GET", w.user(""), nil)
	bot := other.InstallBot("Bot")
	w.token = w.p.Token(bot.User, 0)
	w.want(409, "GET", "/api/v5/users/me", nil)
	w.p.ClearFaults()
	w.p.On("GET", "").For(time.Nanosecond).FailBefore(409) // which has passed before the call arrives
	w.want(200, "GET", "/api/v5/users/me", nil)
	w.p.On("GET", "").For(time.Hour).FailBefore(409)
	for range 5 {
		w.want(409, "GET", "/api/v5/users/me", nil)
	}
}

func TestLatencyOfAnOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	slow := w.p.AddOrg("Slow")
	slow.SetLatency(time.Hour, time.Hour)
	bot := slow.InstallBot("Bot")
	w.want(200, "GET", w.user(""), nil) // not slowed
	done := make(chan error, 1)
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.p.URL()+"/api/v5/users/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.p.Token(bot.User, 0))
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	calls, err := w.p.AwaitArrivals(soon(t), 1, func(c giosgtest.Call) bool { return c.TokenUser == bot.ID })
	if err != nil || calls[0].Done || calls[0].TokenOrg != slow.ID {
		t.Errorf("%+v, %v", calls, err)
	}
	w.want(200, "GET", w.user(""), nil)
	w.p.Close()
	if err := <-done; err == nil {
		t.Error("an answer came before its time")
	}
}
