package app_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	bolt "go.etcd.io/bbolt"

	"giosgbot/giosg/giosgtest"
)

// recalling is a sidekick whose answers depend on earlier messages.
const recalling = `
name: recalling
modes: [sidekick]
rules:
  - name: price again
    when: {keywords: [price], right_after: price}
    say: As I said, 10 €.
  - name: price
    when: {keywords: [price], not_after: price}
    say: It costs 10 €.
  - name: colours
    when: {keywords: [colour], after: price}
    say: {text: Blue or red?, buttons: [{text: Blue, value: blue}, {text: Red, value: red}]}
  - name: blue
    when: {keywords: [order], after: blue}
    say: A blue one, then.
  - name: hello
    when: {keywords: [hello], not_after: hello}
    say: Hello, I am the helper.
  - name: leaving
    when: {keywords: [quiet]}
    say: I leave you alone.
    do: [leave]
`

// forgetful returns a bot whose store has forgotten what it knew of chats: the memos, or everything. a is the bot so far.
func (w *world) forgetful(a *running, book string, everything bool, hooks ...string) *running {
	w.Helper()
	switch {
	case w.env["DATA_FILE"] != "":
		a.stop()
		w.deleteBuckets(everything)
	case everything:
		w.env["REDIS_PREFIX"] += "empty" // a store that has forgotten everything is an empty one
		go a.stop()                      // the test's cleanup waits for it
	default:
		w.deleteMemos()
		return a
	}
	w.apps = nil
	a = w.start(book)
	w.hook(hooks...)
	return a
}

// deleteBuckets deletes the memos from the file, or everything.
func (w *world) deleteBuckets(everything bool) {
	w.Helper()
	db, err := bolt.Open(w.env["DATA_FILE"], 0o600, nil)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bolt.Tx) error {
		if !everything {
			return tx.DeleteBucket([]byte("queue.memos"))
		}
		var names [][]byte
		err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
			names = append(names, bytes.Clone(name))
			return nil
		})
		for _, n := range names {
			err = errors.Join(err, tx.DeleteBucket(n))
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

// deleteMemos deletes the memos from Redis.
func (w *world) deleteMemos() {
	w.Helper()
	o, err := redis.ParseURL(w.env["REDIS_URL"])
	if err != nil {
		w.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	keys, err := c.Keys(w.ctx, "*:state:*").Result()
	if err != nil {
		w.Fatal(err)
	}
	for _, k := range keys {
		if err := c.HDel(w.ctx, k, "memo").Err(); err != nil {
			w.Fatal(err)
		}
	}
}

// All that a sidekick must know of a chat is in the chat's record: nobody notices when the store forgets it after every message.
func TestSidekickForgetsInMidConversation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forgets, all bool
		hidden       bool // only a member can read the chat
		hooks        []string
	}{
		"nothing":                  {hooks: []string{giosgtest.RoutedChatMessages}},
		"its memos":                {forgets: true, hooks: []string{giosgtest.RoutedChatMessages}},
		"its memos, with two ways": {forgets: true, hidden: true, hooks: []string{giosgtest.RoutedChatMessages, giosgtest.ChatMessages}},
		"all":                      {forgets: true, all: true, hidden: true, hooks: []string{giosgtest.RoutedChatMessages}},
		"all, with two ways":       {forgets: true, all: true, hooks: []string{giosgtest.RoutedChatMessages, giosgtest.ChatMessages}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryStore(t, func(t *testing.T, env map[string]string) {
				o := polite()
				o.HideRoutedMessages = c.hidden
				w := newWorld(t, env, o)
				a := w.start(recalling)
				w.hook(c.hooks...)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "What is the price?") // nobody serves the chat yet
				w.quiet()
				if err := w.human.Take(chat); err != nil {
					t.Fatal(err)
				}
				var want []string
				for _, line := range []struct{ said, pressed, answer string }{
					{said: "colours?"},
					{said: "hello", answer: "Hello, I am the helper."},
					{said: "hello?"},
					{said: "the price, please", answer: "It costs 10 €."},
					{said: "what price?", answer: "As I said, 10 €."},
					{said: "the price?"},
					{said: "nothing of interest"},
					{said: "an order"},
					{said: "which colours", answer: "Blue or red?"},
					{pressed: "blue"},
					{said: "I order", answer: "A blue one, then."},
					{said: "hello again"},
					{said: "be quiet", answer: "I leave you alone."},
					{said: "colours"},
					{said: "order"},
				} {
					if line.pressed != "" {
						if _, err := chat.Press(line.pressed); err != nil {
							t.Fatal(err)
						}
					} else {
						w.say(chat, line.said)
					}
					if line.answer != "" {
						want = append(want, line.answer)
						w.awaitN(chat, len(want))
					}
					w.quiet()
					w.said(chat, want...)
					if t.Failed() {
						t.Fatalf("after %+v", line)
					}
					if c.forgets {
						a = w.forgetful(a, recalling, c.all, c.hooks...)
					}
				}
				w.clean()
			})
		})
	}
}

// A sidekick receives every message to a human, so it reads the record only if its answer can depend on earlier messages, and only once.
func TestCallsOfASidekick(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		o := polite()
		o.PageSize = 100
		w := newWorld(t, env, o)
		w.start(recalling)
		w.hook(giosgtest.RoutedChatMessages)
		served := func() *giosgtest.Chat {
			chat := w.rooms["en"].OpenChat()
			w.say(chat, "good morning")
			if err := w.human.Take(chat); err != nil {
				t.Fatal(err)
			}
			w.quiet()
			return chat
		}
		cost := func(chat *giosgtest.Chat, said string, want ...string) {
			t.Helper()
			w.p.ResetCalls()
			w.say(chat, said)
			w.quiet()
			var got []string
			for _, c := range w.calls() {
				got = append(got, strings.NewReplacer("/api/v5/users/{user}/", "", "{chat}/", "", "/{chat}", "").Replace(c))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q: calls %q, want %q", said, got, want)
			}
		}
		first := served()
		cost(first, "nothing of interest")
		cost(first, "which colours?", "GET routed_chats/messages") // it may have told the price
		cost(first, "which colours?")
		cost(first, "the price?", "GET routed_chats", "GET clients", "POST clients", "POST routed_chats/memberships", "POST chats/messages")
		cost(first, "which colours?", "POST chats/messages")
		second := served()
		cost(second, "be quiet", "GET routed_chats", "GET routed_chats/messages", "POST routed_chats/memberships", "POST chats/messages", "PATCH chat_memberships")
		cost(second, "the price?")
		w.clean()
	})
}

// The store forgets everything, and the bot receives a new message of the chat. A copy of an earlier webhook is not answered again.
func TestForgetfulSidekickAnswersNoCopies(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		w := newWorld(t, env, polite())
		book := recalling + "  - {name: open, when: {keywords: [open]}, say: At 9.}\n"
		a := w.start(book)
		w.hook(giosgtest.RoutedChatMessages)
		chat := w.rooms["en"].OpenChat()
		w.say(chat, "good morning")
		if err := w.human.Take(chat); err != nil {
			t.Fatal(err)
		}
		w.say(chat, "open?")
		w.awaitN(chat, 1)
		w.quiet()
		copies := w.p.Events(nil)
		w.forgetful(a, book, true, giosgtest.RoutedChatMessages)
		w.say(chat, "which colours?") // has no answer, but the chat is read for it
		w.quiet()
		for _, ev := range copies {
			ev.URL = strings.Replace(ev.URL, a.URL(), w.apps[0].URL(), 1)
			if _, err := w.p.Send(w.ctx, ev); err != nil {
				t.Fatal(err)
			}
		}
		w.quiet()
		w.said(chat, "At 9.")
		w.clean()
	})
}
