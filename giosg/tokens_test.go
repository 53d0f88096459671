package giosg_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"giosgbot/giosg"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	ts := giosg.NewTokens(func() time.Time { return now })
	tok := func(user giosg.UserID, value giosg.Secret, life time.Duration) giosg.Token {
		return giosg.Token{User: user, Org: "o", Type: "Bearer", Value: value, Expires: now.Add(life)}
	}
	put := func(tk giosg.Token, want bool) {
		t.Helper()
		if got := ts.Put(tk); got != want {
			t.Errorf("put %s: first %v", tk.Value.Reveal(), got)
		}
	}
	get := func(user giosg.UserID, want giosg.Secret) {
		t.Helper()
		tk, ok := ts.Get(user)
		if tk.Value != want || ok != (want != "") {
			t.Errorf("got %s, %v; want %s", tk.Value.Reveal(), ok, want.Reveal())
		}
	}

	get("u", "")
	put(tok("u", "one", 300*time.Second), true)
	get("u", "one")
	put(tok("v", "other", 300*time.Second), true)
	put(tok("u", "fresher", 400*time.Second), false)
	get("u", "fresher")
	put(tok("u", "staler", 350*time.Second), false)
	get("u", "fresher")
	put(tok("u", "fresher", 900*time.Second), false) // the same value, seen again
	if len(ts.All()) != 2 {
		t.Errorf("%v", ts.All())
	}

	// The margin.
	now = now.Add(395 * time.Second)
	get("u", "")
	get("v", "")
	put(tok("u", "short", 5*time.Second), false)
	get("u", "")
	put(tok("u", "long enough", 6*time.Second), true)
	get("u", "long enough")
	put(tok("u", "dead", -time.Second), false)
	put(tok("u", "", time.Hour), false)

	// A refused value is accepted again only after its expiry.
	bad := tok("u", "bad", 600*time.Second)
	put(bad, false)
	ts.Refuse(bad)
	get("u", "")
	put(bad, false)
	get("u", "")
	put(tok("u", "good", 300*time.Second), true)
	ts.Refuse(bad)
	get("u", "good")
	now = now.Add(599 * time.Second)
	put(tok("u", "bad", 300*time.Second), false)
	now = now.Add(time.Second)
	put(tok("u", "bad", 300*time.Second), true)

	// An expired one is refused for a while, too.
	ts.Refuse(tok("u", "bad", -time.Second))
	put(tok("u", "bad", 300*time.Second), false)
	get("u", "")
	if len(ts.All()) != 0 {
		t.Errorf("%v", ts.All())
	}

	ts.Margin = -1
	put(tok("w", "x", time.Nanosecond), true)
	get("w", "x")
}

func TestTokensTogether(t *testing.T) {
	t.Parallel()
	var ts giosg.Tokens
	var wg sync.WaitGroup
	firsts := make(chan bool, 800)
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				tk := giosg.Token{User: giosg.UserID(fmt.Sprint(j)), Value: giosg.Secret(fmt.Sprint(i, j)), Expires: time.Now().Add(time.Hour)}
				firsts <- ts.Put(tk)
				ts.Get(tk.User)
				ts.All()
			}
		})
	}
	wg.Wait()
	close(firsts)
	n := 0
	for first := range firsts {
		if first {
			n++
		}
	}
	if n != 100 || len(ts.All()) != 100 {
		t.Errorf("%d firsts, %d tokens", n, len(ts.All()))
	}
}
