package giosgtest_test

import (
	"errors"
	"testing"

	"giosgbot/giosg/giosgtest"
)

func TestRequeue(t *testing.T) {
	t.Parallel()
	p := giosgtest.New(giosgtest.Options{Manners: giosgtest.Polite()})
	t.Cleanup(p.Close)
	o := p.AddOrg("Acme")
	room, hanna := o.AddRoom("Room", "en"), o.AddHuman("Hanna")
	b := o.InstallBot("Bot")
	b.SetWebhooks(giosgtest.Webhook{URL: "http://127.0.0.1:1/", Pattern: giosgtest.PendingChats}, giosgtest.Webhook{URL: "http://127.0.0.1:1/", Pattern: giosgtest.RoutedChats})
	c := room.OpenChat()
	if _, err := c.Say("Hello"); err != nil {
		t.Fatal(err)
	}
	if err := hanna.Take(c); err != nil {
		t.Fatal(err)
	}
	if err := c.Requeue(true); !errors.Is(err, giosgtest.ErrHeld) {
		t.Errorf("a chat that is held was requeued: %v", err)
	}
	if err := hanna.Leave(c); err != nil {
		t.Fatal(err)
	}
	for _, fresh := range []bool{false, true} {
		if err := c.Requeue(fresh); err != nil {
			t.Fatal(err)
		}
		if s := c.State(); !s.Pending || !s.Waiting {
			t.Errorf("fresh %t: the chat is not waiting: %+v", fresh, s)
		}
		if err := errors.Join(hanna.Take(c), hanna.Leave(c)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Reroute(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range p.Events(func(e giosgtest.Event) bool { return e.ResourceID == c.ID && e.Action == "added" }) {
		seen[e.Channel]++
	}
	pending, routed := "/api/v5/users/"+b.ID+"/pending_chats", "/api/v5/users/"+b.ID+"/routed_chats"
	if seen[pending] != 3 || seen[routed] != 2 {
		t.Errorf("added events: %v, want 3 of pending_chats and 2 of routed_chats", seen)
	}
	c.End()
	if err := errors.Join(c.Requeue(true), c.Reroute()); !errors.Is(err, giosgtest.ErrEnded) {
		t.Errorf("an ended chat was requeued: %v", err)
	}
}
