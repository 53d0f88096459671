package giosgtest_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"giosgbot/giosg/giosgtest"
)

func TestLifeOfAChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	chat := w.room.OpenChat()

	routed := w.want(200, "GET", w.user("/routed_chats/"+chat.ID), nil)
	if routed["is_pending"] != false || routed["waiting_started_at"] != nil || routed["present_user_participant_count"] != 0.0 {
		t.Errorf("a new chat: %v", routed)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(routed["created_at"].(string)) {
		t.Errorf("created_at %v", routed["created_at"])
	}
	w.want(404, "GET", w.user("/pending_chats/"+chat.ID), nil)
	w.want(404, "GET", w.user("/chats/"+chat.ID), nil)

	w.say(chat, "hello")
	pending := w.want(200, "GET", w.user("/pending_chats/"+chat.ID), nil)
	if pending["is_pending"] != true || pending["is_waiting"] != true || pending["waiting_started_at"] == nil {
		t.Errorf("a waiting chat: %v", pending)
	}
	w.present()
	m := w.want(201, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
	if m["member_id"] != w.bot.ID || m["member_type"] != "user" || m["is_bot"] != true || m["is_present"] != true || m["chat_id"] != chat.ID {
		t.Errorf("membership %v", m)
	}
	w.want(404, "GET", w.user("/pending_chats/"+chat.ID), nil)
	w.want(201, "POST", w.user("/chats/"+chat.ID+"/messages"), object{"message": "Hi!"})
	mine := w.want(200, "GET", w.user("/chats/"+chat.ID), nil)
	if mine["message_count"] != 2.0 || mine["present_user_participant_count"] != 1.0 || mine["is_waiting"] != false || mine["member_count"] != 2.0 {
		t.Errorf("a served chat: %v", mine)
	}
	team := w.org.AddTeam("Support", w.human)
	w.want(201, "POST", w.user("/chats/"+chat.ID+"/outgoing_chat_invitations"), object{"invited_team_id": team.ID})
	w.want(400, "POST", w.user("/chats/"+chat.ID+"/outgoing_chat_invitations"), object{})
	if err := w.human.Join(chat); err != nil {
		t.Fatal(err)
	}
	w.want(200, "PATCH", w.user("/chat_memberships/"+chat.ID), object{"is_participating": false})
	if _, err := w.human.Say(chat, "I take over"); err != nil {
		t.Fatal(err)
	}
	ended := w.want(200, "PATCH", w.user("/chats/"+chat.ID), object{"is_ended": true})
	if ended["is_ended"] != true || ended["ended_at"] == nil || ended["present_participant_count"] != 0.0 {
		t.Errorf("an ended chat: %v", ended)
	}
	w.want(400, "POST", w.user("/chats/"+chat.ID+"/messages"), object{"message": "too late"})
	w.want(400, "PATCH", w.user("/chat_memberships/"+chat.ID), object{"is_participating": true})
	if _, err := chat.Say("too late"); !errors.Is(err, giosgtest.ErrEnded) {
		t.Errorf("a visitor in an ended chat: %v", err)
	}

	var story []string
	for _, l := range chat.Lines() {
		story = append(story, strings.TrimSpace(l.Who+" "+l.Type+" "+l.Text))
	}
	want := "visitor msg hello|bot join|bot msg Hi!|human join|bot leave|human msg I take over"
	if got := strings.Join(story, "|"); got != want {
		t.Errorf("transcript\n got %s\nwant %s", got, want)
	}
	if s := chat.State(); len(s.Invitations) != 1 || s.Invitations[0].InvitedTeamID != team.ID || !s.Ended {
		t.Errorf("state %+v", s)
	}
	w.noViolations()
}

func TestOnlyOneTakesAPendingChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	w.present()
	if err := w.human.Take(chat); err != nil {
		t.Fatal(err)
	}
	w.want(404, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
	if err := w.human.Take(chat); !errors.Is(err, giosgtest.ErrNotPending) {
		t.Errorf("taken twice: %v", err)
	}
	// Nothing keeps a bot from joining a routed chat, and joining again is no news.
	w.want(201, "POST", w.user("/routed_chats/"+chat.ID+"/memberships"), object{"is_participating": false})
	w.want(200, "POST", w.user("/routed_chats/"+chat.ID+"/memberships"), object{"is_participating": false})
	w.want(400, "POST", w.user("/routed_chats/"+chat.ID+"/memberships"), object{})
	w.want(400, "POST", w.user("/routed_chats/"+chat.ID+"/memberships"), object{"is_participating": true, "composing_status": "dancing"})
}

func TestTakingAgain(t *testing.T) {
	t.Parallel()
	for _, repeatOK := range []bool{false, true} {
		w := newWorld(t, giosgtest.Options{RepeatTakeOK: repeatOK})
		w.present()
		chat := w.room.OpenChat()
		w.say(chat, "hello")
		w.want(201, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
		status := 404
		if repeatOK {
			status = 200
		}
		w.want(status, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
	}
}

func TestAbsentUserLeavesTheChatPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	w.want(201, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
	if !chat.State().Pending {
		t.Error("an absent user has taken the chat")
	}
	if v := w.p.Violations(); len(v) != 1 || v[0].Kind != giosgtest.WrongAbsence {
		t.Errorf("violations %+v", v)
	}
	w.present()
	w.want(200, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
	if chat.State().Pending {
		t.Error("a present user has not taken the chat")
	}
}

func TestMessagesAreCheckedAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	chat := w.room.OpenChat()
	path := w.user("/chats/" + chat.ID + "/messages")
	w.want(404, "POST", path, object{"message": "not a member"})
	w.want(404, "GET", path, nil)
	w.want(200, "GET", w.user("/routed_chats/"+chat.ID+"/messages"), nil)
	w.want(201, "POST", "/api/v5/orgs/"+w.org.ID+"/owned_chats/"+chat.ID+"/memberships", object{"member_id": w.bot.ID, "is_participating": false})
	for name, body := range map[string]object{
		"missing": {}, "null": {"message": nil}, "blank": {"message": ""}, "number": {"message": 1},
		"long": {"message": strings.Repeat("ä", 2001)}, "attachment only": {"attachments": []any{object{"text": "x"}}},
		"style":    {"message": "x", "attachments": []any{object{"actions": []any{object{"text": "a", "type": "button", "value": "a", "style": "loud"}}}}},
		"no value": {"message": "x", "attachments": []any{object{"actions": []any{object{"text": "a", "type": "button"}}}}},
	} {
		if status, answer := w.do("POST", path, body); status != 400 {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	w.want(201, "POST", path, object{"message": strings.Repeat("ä", 2000)})
	w.want(201, "POST", path, object{"message": "x", "mesage": "y"})
	if v := w.p.Violations(); len(v) != 1 || v[0].Kind != giosgtest.WrongField || v[0].Detail != "mesage" {
		t.Errorf("violations %+v", v)
	}
}

func TestButtons(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	w.present()
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	w.want(201, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate)
	sent := w.want(201, "POST", w.user("/chats/"+chat.ID+"/messages"), object{"message": "Happy?", "attachments": []any{object{
		"text": "Was this helpful?",
		"actions": []any{
			object{"text": "Yes", "type": "button", "value": "yes", "style": "success", "is_disabled_on_selection": true},
			object{"text": "No", "type": "button", "value": "no", "is_disabled_on_visitor_message": true},
		}}}})
	attachment := sent["attachments"].([]any)[0].(object)
	yes := attachment["actions"].([]any)[0].(object)
	if attachment["id"] == "" || yes["id"] == "" || sent["attachment_template"] != "generic" {
		t.Errorf("message %v", sent)
	}
	pressed, err := chat.Press("yes")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chat.Press("yes"); !errors.Is(err, giosgtest.ErrNoButton) {
		t.Errorf("a dead button pressed: %v", err)
	}
	w.say(chat, "bye")
	if _, err := chat.Press("no"); !errors.Is(err, giosgtest.ErrNoButton) {
		t.Errorf("a button pressed that died with the visitor's message: %v", err)
	}
	messages, _ := w.all(w.user("/chats/" + chat.ID + "/messages"))
	for _, m := range messages {
		if m["id"] != pressed.ID {
			continue
		}
		to := m["response_to_attachment"].(object)
		if m["type"] != "action" || m["sender_type"] != "visitor" || m["response_value"] != "yes" || m["response_text"] != "Yes" ||
			m["message"] != nil || m["response_to_message_id"] != sent["id"] || m["response_to_attachment_id"] != attachment["id"] ||
			m["response_to_action_id"] != yes["id"] || to["text"] != "Was this helpful?" || to["actions"] != nil {
			t.Errorf("action %v", m)
		}
		return
	}
	t.Error("no action message")
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]giosgtest.Options{
		"default":      {},
		"newest first": {NewestFirst: true, OldestChatsFirst: true},
		"base path":    {BasePath: "/giosg", PageSize: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			chat := w.room.OpenChat()
			for i := range 7 {
				w.say(chat, fmt.Sprint(i))
			}
			messages, pages := w.all(w.user("/routed_chats/" + chat.ID + "/messages"))
			texts := ""
			for _, m := range messages {
				texts += m["message"].(string)
			}
			want, wantPages := "0123456", 3
			if o.NewestFirst {
				want = "6543210"
			}
			if o.PageSize == 2 {
				wantPages = 4
			}
			if texts != want || pages != wantPages {
				t.Errorf("got %s in %d pages, want %s in %d", texts, pages, want, wantPages)
			}
			// Chats that come and go between pages are neither repeated nor hide others.
			var open []*giosgtest.Chat
			for range 7 {
				c := w.room.OpenChat()
				w.say(c, "hello")
				open = append(open, c)
			}
			first := w.want(200, "GET", w.user("/pending_chats"), nil)
			for _, r := range first["results"].([]any) {
				if err := w.human.Take(w.p.Chat(r.(object)["id"].(string))); err != nil {
					t.Fatal(err)
				}
			}
			rest, _ := w.all(first["next"].(string))
			if got := len(rest) + len(first["results"].([]any)); got != len(open)+1 {
				t.Errorf("%d pending chats in all, want %d", got, len(open)+1)
			}
			w.want(404, "GET", w.user("/pending_chats")+"?cursor=nonsense", nil)
		})
	}
}

func TestNextMayBeRelativeOrForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{RelativeNext: true, PageSize: 1})
	w.room.OpenChat()
	w.room.OpenChat()
	next := w.want(200, "GET", w.user("/routed_chats?is_ended=false"), nil)["next"].(string)
	if !strings.HasPrefix(next, "/api/v5/") || !strings.Contains(next, "is_ended=false") {
		t.Errorf("relative next %s", next)
	}
	w.p.Configure(func(o *giosgtest.Options) { o.NextBase = "https://evil.example" })
	next = w.want(200, "GET", w.user("/routed_chats"), nil)["next"].(string)
	if !strings.HasPrefix(next, "https://evil.example/api/v5/") {
		t.Errorf("foreign next %s", next)
	}
}

func TestChatFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{PageSize: 100})
	open, ended, left := w.room.OpenChat(), w.room.OpenChat(), w.room.OpenChat()
	for _, c := range []*giosgtest.Chat{open, ended, left} {
		if err := w.bot.Join(c); err != nil {
			t.Fatal(err)
		}
	}
	ended.End()
	if err := w.bot.Leave(left); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                                      left.ID + ended.ID + open.ID,
		"?is_ended=false":                       left.ID + open.ID,
		"?is_ended=true":                        ended.ID,
		"?is_ended=false&is_participating=true": open.ID,
	} {
		chats, _ := w.all(w.user("/chats") + query)
		got := ""
		for _, c := range chats {
			got += c["id"].(string)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
}
