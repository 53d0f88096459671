package giosgtest_test

import (
	"context"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

// served is a world with a chat that the bot has joined.
func served(t *testing.T) (*world, *giosgtest.Chat, string) {
	w := newWorld(t, giosgtest.Options{})
	chat := w.room.OpenChat()
	if err := w.bot.Join(chat); err != nil {
		t.Fatal(err)
	}
	return w, chat, w.user("/chats/" + chat.ID + "/messages")
}

func TestFaultsBeforeAndAfterEffect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  func(*giosgtest.Rule) *giosgtest.Rule
		status int // 0: no answer
		said   int
	}{
		"fail before": {func(r *giosgtest.Rule) *giosgtest.Rule { return r.FailBefore(503) }, 503, 0},
		"fail after":  {func(r *giosgtest.Rule) *giosgtest.Rule { return r.FailAfter(500) }, 500, 1},
		"cut before":  {func(r *giosgtest.Rule) *giosgtest.Rule { return r.CutBefore() }, 0, 0},
		"cut after":   {func(r *giosgtest.Rule) *giosgtest.Rule { return r.CutAfter() }, 0, 1},
		"too many":    {func(r *giosgtest.Rule) *giosgtest.Rule { return r.TooMany(1500 * time.Millisecond) }, 429, 0},
		"delay":       {func(r *giosgtest.Rule) *giosgtest.Rule { return r.Delay(time.Millisecond) }, 201, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, chat, path := served(t)
			rule := c.fault(w.p.On("POST", "chats/*/messages").By(w.bot.User).In(chat).Times(1))
			res, err := w.raw(t.Context(), "POST", path, object{"message": "Hi!"})
			if c.status == 0 && err == nil {
				t.Errorf("got %d, want no answer", res.StatusCode)
			}
			if c.status != 0 && (err != nil || res.StatusCode != c.status) {
				t.Errorf("got %v, %v, want %d", res, err, c.status)
			}
			if c.status == 429 && res.Header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After %q, want 2", res.Header.Get("Retry-After"))
			}
			if err == nil {
				_ = res.Body.Close()
			}
			if got := len(chat.Said("bot")); got != c.said || rule.Hits() != 1 {
				t.Errorf("said %d times, want %d; %d faults", got, c.said, rule.Hits())
			}
			calls, err := w.p.AwaitCalls(soon(t), 1, giosgtest.Matching("POST", "chats/*/messages"))
			if err != nil || calls[0].Fault == "" || calls[0].Effect != (c.said > 0) || calls[0].Status != c.status || calls[0].TokenUser != w.bot.ID {
				t.Errorf("call %+v, %v", calls, err)
			}
			w.want(201, "POST", path, object{"message": "again"})
		})
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	w, chat, path := served(t)
	w.p.On("POST", "messages").Times(1).HangAfter()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := w.try(ctx, "POST", path, object{"message": "Hi!"})
		done <- err
	}()
	if _, err := w.p.AwaitLine(soon(t), chat, giosgtest.BotSays("Hi!")); err != nil {
		t.Fatal(err)
	}
	if calls, err := w.p.AwaitArrivals(soon(t), 1, giosgtest.Matching("POST", "messages")); err != nil || calls[0].Done {
		t.Errorf("calls %+v, %v", calls, err)
	}
	leave()
	if err := <-done; err == nil {
		t.Error("an answer came")
	}
	if _, err := w.p.AwaitCalls(soon(t), 1, giosgtest.Matching("POST", "messages")); err != nil {
		t.Error(err)
	}
	if w.bot.PeakCalls() != 1 {
		t.Errorf("peak %d", w.bot.PeakCalls())
	}
}

func TestRulesChoose(t *testing.T) {
	t.Parallel()
	w, _, path := served(t)
	rule := w.p.On("", "/api/v5/users/*/chats/*/messages").Skip(1).Times(2).FailBefore(502)
	for i, status := range []int{200, 502, 502, 200} {
		if got, _ := w.do("GET", path, nil); got != status {
			t.Errorf("call %d: %d, want %d", i, got, status)
		}
	}
	if rule.Hits() != 2 {
		t.Errorf("%d hits", rule.Hits())
	}
	gone := w.p.On("GET", "messages").FailBefore(500)
	w.want(200, "GET", w.user("/clients"), nil)
	gone.Remove()
	w.want(200, "GET", path, nil)
	w.p.SetFault(func(c giosgtest.Call) giosgtest.Fault {
		if c.Method == "GET" && len(w.p.Calls(nil)) > 0 { // a hook may ask the platform
			return giosgtest.Fault{Status: 418, Body: `{"error": "teapot"}`}
		}
		return giosgtest.Fault{}
	})
	if answer := w.want(418, "GET", path, nil); answer["error"] != "teapot" {
		t.Errorf("answer %v", answer)
	}
	w.p.ClearFaults()
	w.want(200, "GET", path, nil)
}

func TestChaosHasItsRates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{Manners: &giosgtest.Manners{Fail503: 0.2, Fail429: 0.2, Fail500After: 0.2}})
	statuses := map[int]int{}
	for range 200 {
		status, _ := w.do("PATCH", w.user(""), object{"alias": "Bo"})
		statuses[status]++
	}
	for _, status := range []int{200, 429, 500, 503} {
		if statuses[status] < 10 {
			t.Errorf("%d came %d times in 200", status, statuses[status])
		}
	}
}

func TestReadLag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{ReadLag: time.Minute})
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	path := w.user("/routed_chats/" + chat.ID + "/messages")
	if messages, _ := w.all(path); len(messages) != 0 {
		t.Errorf("%d messages at once", len(messages))
	}
	w.p.Advance(2 * time.Minute)
	if messages, _ := w.all(path); len(messages) != 1 {
		t.Errorf("%d messages after the lag", len(messages))
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{})
	in := newInbox(t)
	w.listen(in, giosgtest.RoutedChatMessages)
	feed := w.p.Subscribe(100)
	small := w.p.Subscribe(1)
	chat := w.room.OpenChat()
	w.say(chat, "hello")
	w.want(200, "GET", w.user(""), nil)
	w.delivered(in)
	feed.Close()
	feed.Close()
	kinds := map[string]int{}
	for item := range feed.C {
		kinds[item.Kind]++
	}
	if kinds["line"] != 1 || kinds["call"] != 1 || kinds["delivery"] != 1 || kinds["chat"] != 2 {
		t.Errorf("feed %v", kinds)
	}
	if small.Missed() != 4 {
		t.Errorf("missed %d", small.Missed())
	}
	w.p.Close()
	n := 0
	for range small.C {
		n++
	}
	if n != 1 {
		t.Errorf("%d items in a feed of one", n)
	}
	if err := w.p.Start("127.0.0.1:0"); err == nil {
		t.Error("a closed platform started")
	}
	if err := giosgtest.New(giosgtest.Options{}).Start("0.0.0.0:0"); err == nil {
		t.Error("the platform serves the whole network")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, giosgtest.Options{Keep: 5})
	for range 23 {
		w.want(200, "GET", w.user(""), nil)
	}
	calls := w.p.Calls(nil)
	if len(calls) != 5 || calls[4].Seq <= calls[0].Seq {
		t.Errorf("%d calls kept", len(calls))
	}
}
