package main_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
	"giosgbot/redistest"
)

// crowdBook has a different answer for each word, so that a lost, double or swapped answer shows.
const crowdBook = `name: crowd
modes: [agent]
languages: [en]
greeting:
  say: "` + greeting + `"
rules:
  - name: one
    when: {keywords: {en: [one]}}
    say: "You said one."
  - name: two
    when: {keywords: {en: [two]}}
    say: "You said two."
  - name: three
    when: {keywords: {en: [three]}}
    say: "You said three."
fallback:
  say: "Sorry, I did not get that."
`

// crowd is many visitors.
type crowd struct {
	*world
	chats []*giosgtest.Chat
	wrote map[*giosgtest.Chat][]string
}

func newCrowd(w *world, n int) *crowd {
	c := &crowd{world: w, wrote: map[*giosgtest.Chat][]string{}}
	c.join(n)
	return c
}

// join adds n visitors.
func (c *crowd) join(n int) {
	for range n {
		c.chats = append(c.chats, c.room.OpenChat())
	}
}

// say makes all visitors write a word.
func (c *crowd) say(word string) {
	c.Helper()
	for _, chat := range c.chats {
		c.world.say(chat, word)
		c.wrote[chat] = append(c.wrote[chat], word)
	}
}

// answered waits until all visitors have their last answer.
func (c *crowd) answered() {
	c.Helper()
	for _, chat := range c.chats {
		words := c.wrote[chat]
		c.awaitLine(chat, "You said "+words[len(words)-1]+".")
	}
}

// once checks, after the bot has stopped, that each visitor got the greeting and each answer once, in order.
func (c *crowd) once() {
	c.Helper()
	for _, chat := range c.chats {
		want := []string{greeting}
		for _, word := range c.wrote[chat] {
			want = append(want, "You said "+word+".")
		}
		c.said(chat, want...)
	}
}

// busy waits until giosg has received n messages from the bot.
func (c *crowd) busy(n int) {
	c.Helper()
	if _, err := c.p.AwaitArrivals(c.ctx, n, giosgtest.Matching("POST", "chats/*/messages")); err != nil {
		c.Fatal(err)
	}
}

// kill sends SIGKILL, as the kernel does when memory runs out, and waits for the end.
func (p *process) kill() {
	p.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.Fatal(err)
	}
	<-p.ended
}

// terminate sends SIGTERM. The function that it returns waits for the end and checks the exit code. The promise is 10 s, but the
// time depends on the machine, so it is only logged.
func (p *process) terminate() (wait func()) {
	p.Helper()
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	return func() {
		p.Helper()
		if code := p.wait(30 * time.Second); code != 0 {
			p.Errorf("exit %d", code)
		}
		p.Logf("ended %v after SIGTERM", time.Since(start).Round(time.Millisecond))
	}
}

// balance starts a load balancer. A request that fails at one bot goes to the next.
func balance(t *testing.T, bots ...*process) string {
	t.Helper()
	var urls []string
	for _, b := range bots {
		urls = append(urls, b.url())
	}
	var mu sync.Mutex
	turn := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		turn++
		first := turn
		mu.Unlock()
		for i := range urls {
			res, err := http.Post(urls[(first+i)%len(urls)]+r.URL.String(), "application/json", bytes.NewReader(body))
			if err != nil {
				continue
			}
			res.Body.Close()
			w.WriteHeader(res.StatusCode)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// If a replica is killed while its request is at giosg, another one finds out whether the request took effect, and goes on. The
// promise with the default settings is 10 s; the time is only logged.
func TestKilledReplicaIsFollowed(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*giosgtest.Rule){
		"before the answer took effect": func(r *giosgtest.Rule) { r.HangBefore() },
		"after the answer took effect":  func(r *giosgtest.Rule) { r.HangAfter() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := serving(t, "REDIS_URL", redistest.Start(t).URL(), "PLAYBOOK", file(t, "crowd.yaml", crowdBook))
			w := newWorld(t, env)
			first := w.process
			chat := w.room.OpenChat()
			w.say(chat, "one")
			w.awaitLine(chat, "You said one.")
			held := w.p.On("POST", "chats/*/messages").Times(1)
			fault(held)
			w.say(chat, "two")
			if err := w.p.Await(w.ctx, func() bool { return held.Hits() > 0 }); err != nil {
				t.Fatal(err)
			}
			w.start(t, env) // the other replica, which has received no webhook yet
			start := time.Now()
			first.kill()
			w.say(chat, "three") // its webhook reaches the other replica
			w.awaitLine(chat, "You said two.")
			w.awaitLine(chat, "You said three.")
			t.Logf("all answers came %v after the kill", time.Since(start).Round(time.Millisecond))
			if code := w.stop(); code != 0 {
				t.Errorf("exit %d", code)
			}
			w.said(chat, greeting, "You said one.", "You said two.", "You said three.")
		})
	}
}

// With the embedded store, visitors wait while the process is down. After a restart the bot answers them all as soon as the next
// webhook of the organization brings a token, also those whose webhooks failed because nothing listened.
func TestCrowdOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*process){
		"killed":  func(p *process) { p.kill() },
		"stopped": func(p *process) { p.terminate()() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := serving(t, "PLAYBOOK", file(t, "crowd.yaml", crowdBook))
			w := newWorld(t, env)
			slow := w.p.On("POST", "chats/*/messages").Delay(50 * time.Millisecond)
			c := newCrowd(w, 30)
			c.say("one")
			c.busy(20)
			end(w.process)
			c.join(5)
			c.say("two") // nothing listens
			if err := w.p.AwaitDeliveries(w.ctx); err != nil {
				t.Fatal(err)
			}
			if refused := w.p.Deliveries(func(d giosgtest.Delivery) bool { return d.GaveUp }); len(refused) < len(c.chats)/2 { // chats that the bot has not joined have fewer webhooks
				t.Errorf("only %d webhooks failed", len(refused))
			}
			slow.Remove()
			w.start(t, env)
			next := w.room.OpenChat()
			start := time.Now()
			w.say(next, "one")
			w.awaitLine(next, "You said one.")
			c.answered()
			t.Logf("all were answered %v after the first webhook", time.Since(start).Round(time.Millisecond))
			c.say("three")
			c.answered()
			w.terminate()()
			c.once()
			w.said(next, greeting, "You said one.")
		})
	}
}

// A replica that is stopped under load leaves unfinished turns to the other one, even if giosg does not answer it.
func TestReplicaIsStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	env := serving(t, "REDIS_URL", redistest.Start(t).URL(), "PLAYBOOK", file(t, "crowd.yaml", crowdBook))
	w := newWorld(t, env)
	first := w.process
	w.start(t, env)
	w.hook(balance(t, first, w.process))
	held := w.p.On("POST", "chats/*/messages").Skip(5).Times(2)
	held.HangAfter()
	slow := w.p.On("POST", "chats/*/messages").Delay(50 * time.Millisecond)
	c := newCrowd(w, 30)
	c.say("one")
	c.busy(20)
	wait := first.terminate()
	c.say("two")
	wait()
	slow.Remove()
	c.say("three")
	c.answered()
	if lost := w.p.Deliveries(func(d giosgtest.Delivery) bool { return !d.OK() }); len(lost) > 0 {
		t.Errorf("%d webhooks were not accepted, for example %+v", len(lost), lost[0])
	}
	w.terminate()()
	c.once()
	for _, p := range []*process{first, w.process} {
		if !slices.ContainsFunc(strings.Split(p.err.String(), "\n"), func(l string) bool { return strings.Contains(l, `"msg":"said"`) }) {
			t.Error("one of the two replicas has sent no message")
		}
	}
}

// A replica that is killed during a sweep does not keep the others from sweeping.
func TestKilledDuringASweep(t *testing.T) {
	t.Parallel()
	env := serving(t, "REDIS_URL", redistest.Start(t).URL(), "PLAYBOOK", file(t, "crowd.yaml", crowdBook), "CATCH_UP_DELAY", "0s")
	w := newWorld(t, env)
	held := w.p.On("GET", "pending_chats").Times(1)
	held.HangBefore()
	known := w.room.OpenChat()
	w.say(known, "one")
	w.awaitLine(known, "You said one.")
	if err := w.p.Await(w.ctx, func() bool { return held.Hits() > 0 }); err != nil {
		t.Fatal(err)
	}
	w.kill()
	missed := w.room.OpenChat()
	w.say(missed, "two") // nothing listens
	if err := w.p.AwaitDeliveries(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.start(t, env)
	start := time.Now()
	w.say(known, "three")
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second) // generous, but less than the minute that a sweep may take
	defer cancel()
	if _, err := w.p.AwaitLine(ctx, missed, giosgtest.BotSays("You said two.")); err != nil {
		t.Fatal(err)
	}
	t.Logf("found %v after the next webhook", time.Since(start).Round(time.Millisecond))
	w.awaitLine(known, "You said three.")
	w.terminate()()
	w.said(missed, greeting, "You said two.")
	w.said(known, greeting, "You said one.", "You said three.")
}
