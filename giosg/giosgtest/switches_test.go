package giosgtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

func TestSwitches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{RequeueOnLeave: true, Exclusive: true, HideRoutedMessages: true, EmptyAnswers: true, EndedStatus: 403})
	w.present()
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	w.want(404, "GET", w.user("/routed_chats/"+chat.ID+"/messages"), nil)
	if answer := w.want(201, "POST", w.user("/pending_chats/"+chat.ID+"/memberships"), participate); answer != nil {
		t.Errorf("an empty answer has %v", answer)
	}
	w.want(200, "PATCH", w.user("/chat_memberships/"+chat.ID), object{"is_participating": false})
	if s := chat.State(); !s.Pending || !s.Waiting {
		t.Errorf("the chat is not pending again: %+v", s)
	}
	if err := w.human.Take(chat); err != nil {
		t.Fatal(err)
	}
	w.want(400, "POST", w.user("/routed_chats/"+chat.ID+"/memberships?exclusive=true"), participate)
	w.want(200, "POST", w.user("/routed_chats/"+chat.ID+"/memberships"), participate)
	if err := w.human.End(chat); err != nil {
		t.Fatal(err)
	}
	w.want(403, "POST", w.user("/chats/"+chat.ID+"/messages"), object{"message": "x"})
	tag := chat.Log("tag_created", w.bot.User, "Language: en")
	if l, found := chat.Line(tag.ID); !found || l.Type != "tag_created" || l.Who != "bot" {
		t.Errorf("line %+v", l)
	}
}

func TestMessagesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	chat := w.room.OpenChat()
	if _, err := chat.SayEncrypted("MDAwMDA="); err != nil {
		t.Fatal(err)
	}
	chat.Log("system", nil, "by a rule")
	messages, _ := w.all(w.user("/routed_chats/" + chat.ID + "/messages"))
	if m := messages[0]; m["message"] != nil || m["encrypted_message"] != "MDAwMDA=" || m["is_encrypted"] != true {
		t.Errorf("encrypted message %v", m)
	}
	if m := messages[1]; m["sender_type"] != "rule" || m["sender_id"] != nil {
		t.Errorf("message of a rule %v", m)
	}
	if _, plain := messages[1]["encrypted_message"]; plain {
		t.Error("a plain message has the key encrypted_message")
	}
}

func TestAwaitEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	chat := w.room.OpenChat()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := w.p.AwaitLine(ctx, chat, giosgtest.ByBot); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("await: %v", err)
	}
	found := make(chan giosgtest.Line, 1)
	go func() {
		l, _ := w.p.AwaitLine(soon(t), chat, func(l giosgtest.Line) bool { return l.Text == "two" })
		found <- l
	}()
	w.say(chat, "one")
	want := w.say(chat, "two")
	if got := <-found; got.ID != want.ID {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := w.p.AwaitState(soon(t), chat, func(s giosgtest.ChatState) bool { return s.Pending }); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	w.p.On("GET", "clients").HangBefore()
	w.p.On("GET", "rooms").Delay(time.Hour)
	done := make(chan error, 2)
	for _, path := range []string{"/clients", "/rooms"} {
		go func() {
			_, _, err := w.try(context.WithoutCancel(t.Context()), "GET", w.user(path), nil)
			done <- err
		}()
	}
	if _, err := w.p.AwaitArrivals(soon(t), 2, nil); err != nil {
		t.Fatal(err)
	}
	w.p.Close()
	w.p.Close()
	for range 2 {
		if err := <-done; err == nil {
			t.Error("an answer came from a closed platform")
		}
	}
}
