package giosgtest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

func (w *world) listen(in *inbox, patterns ...string) {
	var hooks []giosgtest.Webhook
	for _, pattern := range patterns {
		hooks = append(hooks, giosgtest.Webhook{URL: in.URL + "/hook?secret=s", Pattern: pattern})
	}
	w.bot.SetWebhooks(hooks...)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	in := newInbox(t)
	w.listen(in, giosgtest.RoutedChats, giosgtest.PendingChats, giosgtest.RoutedChatMessages, giosgtest.ChatMessages)
	chat := w.room.OpenChat()
	line := w.say(chat, "hello")
	w.present()
	w.want(201, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
	own := w.want(201, "POST", w.user("/chats/"+chat.ID+"/messages"), object{"message": "Hi!"})

	var story []string
	tokens := map[string]bool{}
	for _, body := range w.delivered(in) {
		auth := body["app_user_auth"].(object)
		resource := body["resource"].(object)
		if auth["user_id"] != w.bot.ID || auth["organization_id"] != w.org.ID || auth["token_type"] != "Bearer" || auth["expires_in"] != 300.0 {
			t.Errorf("app_user_auth %v", auth)
		}
		if body["resource_id"] != resource["id"] || body["action"] != "added" {
			t.Errorf("body %v", body)
		}
		token := auth["access_token"].(string)
		if tokens[token] {
			t.Error("a token came twice")
		}
		tokens[token] = true
		kind, _ := resource["type"].(string)
		text, _ := resource["message"].(string)
		channel := strings.ReplaceAll(body["channel"].(string), chat.ID, "*")
		story = append(story, strings.TrimPrefix(channel, "/api/v5/users/"+w.bot.ID)+" "+kind+" "+text)
		w.token = token
		w.want(200, "GET", w.user("/routed_chats/"+chat.ID), nil)
	}
	want := []string{"/routed_chats  ", "/routed_chats/*/messages msg hello", "/pending_chats  ",
		"/routed_chats/*/messages join ", "/chats/*/messages join ", "/routed_chats/*/messages msg Hi!", "/chats/*/messages msg Hi!"}
	if !slices.Equal(story, want) {
		t.Errorf("webhooks\n got %q\nwant %q", story, want)
	}
	if d := w.p.Deliveries(func(d giosgtest.Delivery) bool { return d.Event.ResourceID == own["id"] && d.OK() }); len(d) != 2 {
		t.Errorf("%d deliveries of the bot's own message", len(d))
	}
	event, err := w.p.MessageEvent(w.bot, chat, "chats", line.ID)
	if err != nil || event.URL != in.URL+"/hook?secret=s" {
		t.Errorf("event %+v, %v", event, err)
	}
	var body object
	if err := json.Unmarshal(w.p.Body(event), &body); err != nil || body["resource"].(object)["message"] != "hello" {
		t.Errorf("body %v, %v", body, err)
	}
}

func TestChangesAndRemovals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	in := newInbox(t)
	w.bot.SetWebhooks(giosgtest.Webhook{URL: in.URL, Pattern: giosgtest.PendingChats, Changes: true, Removals: true},
		giosgtest.Webhook{URL: in.URL, Pattern: giosgtest.RoutedChats, Changes: true})
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	if err := w.human.Take(chat); err != nil {
		t.Fatal(err)
	}
	removals := 0
	for _, body := range w.delivered(in) {
		resource, has := body["resource"].(object)
		switch body["action"] {
		case "removed":
			removals++
			if _, key := body["resource"]; key || !strings.HasSuffix(body["channel"].(string), "/pending_chats") || body["resource_id"] != chat.ID {
				t.Errorf("removal %v", body)
			}
		case "changed":
			if _, all := resource["room_id"]; all || !has || len(resource) == 0 {
				t.Errorf("changed attributes %v", resource)
			}
		}
	}
	if removals != 1 {
		t.Errorf("%d removals", removals)
	}
}

func TestRudeDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{Manners: &giosgtest.Manners{Duplicate: 1, Copies: 1, LagMax: 5 * time.Millisecond}})
	in := newInbox(t)
	w.listen(in, giosgtest.RoutedChatMessages)
	chat := w.room.OpenChat()
	for range 20 {
		w.say(chat, "hello")
	}
	ids := map[string]int{}
	for _, body := range w.delivered(in) {
		ids[body["resource_id"].(string)]++
	}
	if len(ids) != 20 {
		t.Errorf("%d messages arrived, want 20", len(ids))
	}
	for id, n := range ids {
		if n != 2 {
			t.Errorf("message %s came %d times, want 2", id, n)
		}
	}
	w.p.Configure(func(o *giosgtest.Options) { o.Manners = &giosgtest.Manners{Drop: 1} })
	w.say(chat, "lost")
	if dropped := w.p.Deliveries(func(d giosgtest.Delivery) bool { return d.Dropped }); len(dropped) != 1 || len(w.delivered(in)) != 40 {
		t.Errorf("dropped %v", dropped)
	}
}

func TestDiceRepeat(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (copies string) {
		w := newWorld(t, giosgtest.Options{Seed: seed, Manners: &giosgtest.Manners{Duplicate: 0.5, Copies: 3, InOrder: true}})
		in := newInbox(t)
		w.listen(in, giosgtest.RoutedChatMessages)
		chat := w.room.OpenChat()
		for range 20 {
			w.say(chat, "hello")
		}
		w.delivered(in)
		for _, d := range w.p.Deliveries(nil) {
			copies += string(rune('0' + d.Copy))
		}
		return copies
	}
	if a, b, c := run(7), run(7), run(8); a != b || a == c {
		t.Errorf("copies with the seeds 7, 7 and 8: %s, %s, %s", a, b, c)
	}
}

func TestRetriesUntilTheBotIsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{Manners: &giosgtest.Manners{Attempts: 3, Backoff: time.Millisecond}})
	in := newInbox(t)
	in.answer = func(n int) int {
		if n < 3 {
			return 503
		}
		return 204
	}
	w.listen(in, giosgtest.RoutedChats)
	w.room.OpenChat()
	w.delivered(in)
	statuses := []int{}
	for _, d := range w.p.Deliveries(nil) {
		statuses = append(statuses, d.Status)
	}
	if !slices.Equal(statuses, []int{503, 503, 204}) {
		t.Errorf("statuses %v", statuses)
	}
	in.Close() // nobody listens any more
	w.p.ResetCalls()
	w.room.OpenChat()
	w.delivered(in)
	d := w.p.Deliveries(nil)
	if len(d) != 3 || d[2].Status != 0 || d[2].Err == "" || !d[2].GaveUp || d[1].GaveUp {
		t.Errorf("deliveries to nobody: %+v", d)
	}
}

func TestHoldAndRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	in := newInbox(t)
	w.listen(in, giosgtest.RoutedChatMessages)
	hold := w.p.Hold(func(e giosgtest.Event) bool { return strings.HasSuffix(e.Channel, "/messages") })
	chat := w.room.OpenChat()
	for _, text := range []string{"1", "2", "3", "4"} {
		w.say(chat, text)
	}
	held, err := hold.Await(soon(t), 4)
	if err != nil || len(held) != 4 || len(in.got()) != 0 {
		t.Fatalf("held %v, %v", held, err)
	}
	hold.Drop(held[1])
	if err := hold.Release(soon(t), held[3], held[0]); err != nil {
		t.Fatal(err)
	}
	hold.End()
	w.say(chat, "5")
	if _, err := w.p.Send(soon(t), held[0]); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, body := range w.delivered(in) {
		got += body["resource"].(object)["message"].(string)
	}
	if !strings.HasPrefix(got, "41") || len(got) != 5 || strings.Count(got, "1") != 2 || strings.Contains(got, "2") {
		t.Errorf("arrived %s", got)
	}
	if d, err := w.p.Send(soon(t), giosgtest.Event{URL: "http://127.0.0.1:1", UserID: w.bot.ID}); err == nil || d.OK() {
		t.Errorf("sent to nobody: %+v", d)
	}
}

func TestKeptTokensGrowOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{Manners: &giosgtest.Manners{KeepToken: true}})
	in := newInbox(t)
	w.listen(in, giosgtest.RoutedChats)
	hold := w.p.Hold(nil)
	w.room.OpenChat()
	w.p.Advance(time.Hour)
	if err := hold.Release(soon(t)); err != nil {
		t.Fatal(err)
	}
	w.token = in.got()[0]["app_user_auth"].(object)["access_token"].(string)
	w.want(401, "GET", w.user(""), nil)
}

func TestAutosuggestedChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	in := newInbox(t)
	w.listen(in, giosgtest.RoutedChatMessages, giosgtest.PendingChats)
	chat := w.room.AutosuggestChat(w.human, "May I help?")
	first := w.delivered(in)
	if len(first) != 1 || first[0]["resource"].(object)["type"] != "autosuggest" || first[0]["resource"].(object)["sender_name"] != "John Smith" {
		t.Errorf("webhooks %v", first)
	}
	if s := chat.State(); s.Pending || len(s.Members) != 1 {
		t.Errorf("state %+v", s)
	}
	w.say(chat, "yes please")
	if !chat.State().Pending || len(w.delivered(in)) != 3 {
		t.Errorf("the visitor's reply has not made the chat pending: %v", in.got())
	}
}
