package giosgtest_test

import (
	"context"
	"fmt"
	"log"

	"giosgbot/giosg/giosgtest"
)

// A visitor writes, a colleague answers, and the tester reads what was said.
func Example() {
	p, err := giosgtest.Run(giosgtest.Options{Manners: giosgtest.Polite()})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	org := p.AddOrg("Acme")
	room := org.AddRoom("Shop", "en")
	human := org.AddHuman("John Smith")

	chat := room.OpenChat()
	go func() { // in the place of the bot under test
		pending := func(s giosgtest.ChatState) bool { return s.Pending }
		if p.AwaitState(context.Background(), chat, pending) == nil && human.Take(chat) == nil {
			_, _ = human.Say(chat, "Hi! How can I help?")
		}
	}()
	if _, err := chat.Say("hello"); err != nil {
		log.Fatal(err)
	}
	answered := func(l giosgtest.Line) bool { return l.Who == "human" && l.Type == "msg" }
	if _, err := p.AwaitLine(context.Background(), chat, answered); err != nil {
		log.Fatal(err)
	}
	for _, l := range chat.Lines() {
		fmt.Printf("%s %s %q\n", l.Who, l.Type, l.Text)
	}
	// Output:
	// visitor msg "hello"
	// human join ""
	// human msg "Hi! How can I help?"
}
