package bot_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/dedupe"
	"giosgbot/playbook"
	"giosgbot/queue"
	"giosgbot/replay"
)

const rules = `
languages: [en]
greeting: {say: Hello.}
rules:
  - {name: hours, when: {keywords: [hours], while_quiet: true}, say: Nine to five.}
  - {name: price, when: {keywords: [price]}, say: [It costs 10 €., Delivery is free.]}
  - {name: again, when: {keywords: [again], after: price}, say: "As I said: 10 €."}
  - {name: blue, when: {button: blue}, say: A blue one.}
  - name: human
    when: {keywords: [human]}
    do:
      hand_over:
        team: Support
        before: A moment.
        after: They are coming.
        nobody:
          say: Support is not there.
          do: {hand_over: {team: Sales, humans: false, after: Sales is coming., nobody: {say: Nobody is there., do: leave}}}
  - {name: bye, when: {keywords: [bye]}, say: Goodbye., do: leave}
  - {name: stop, when: {keywords: [stop]}, say: The end., do: end}
  - {name: show, when: {keywords: [show]}, do: online}
  - {name: hide, when: {keywords: [hide]}, do: [offline]}
  - {name: hush, when: {keywords: [hush]}, do: [quiet]}
`

const (
	agent    = "name: tested\nmodes: [agent]\n" + rules + "fallback: {say: Sorry?}\n"
	greeter  = "name: tested\nmodes: [greeter]\n" + rules + "fallback: {say: Sorry?}\n"
	sidekick = "name: tested\nmodes: [sidekick]\n" + rules
	both     = "name: tested\nmodes: [agent, sidekick]\n" + rules + "fallback: {say: Sorry?}\n"
)

// world is a bot with a platform of one chat. Its clock is that of a synctest bubble.
type world struct {
	t       *testing.T
	p       *platform
	db      *bbolt.DB
	handled *dedupe.Bolt
	queue   *queue.Bolt
	opts    bot.Options

	mu      sync.Mutex
	reports []bot.Report // not taken yet; guarded by mu
}

// inWorld runs a test in a bubble, in which time passes only while all wait.
func inWorld(t *testing.T, book string, test func(*testing.T, *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db, err := bbolt.Open(filepath.Join(dir, "file"), 0o600, &bbolt.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, p: newPlatform(), db: db}
		w.handled, err = dedupe.NewBolt(db, 48*time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.reopen()
		w.opts = bot.Options{
			Queue: w.queue, Handled: w.handled, Platform: w.p, Workers: 2,
			Observe: func(r bot.Report) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.reports = append(w.reports, r)
			},
		}
		w.use(book)
		defer func() {
			w.queue.Close()
			db.Close()
		}()
		test(t, w)
	})
}

// use makes a playbook the active one.
func (w *world) use(book string) {
	w.t.Helper()
	p, err := playbook.Load("tested.yaml", []byte(book))
	if err != nil {
		w.t.Fatal(err)
	}
	w.opts.Playbook = func() *playbook.Playbook { return p }
}

// reopen begins a new process: what is leased now counts as abandoned.
func (w *world) reopen() {
	w.t.Helper()
	if w.queue != nil {
		w.queue.Close()
	}
	var err error
	if w.queue, err = queue.NewBolt(w.db, w.handled, queue.BoltOptions{}); err != nil {
		w.t.Fatal(err)
	}
	w.opts.Queue = w.queue
}

// start runs the bot until the returned function is called, which waits for its end.
func (w *world) start() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	b := bot.New(w.opts)
	go func() {
		defer close(ended)
		if err := b.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	synctest.Wait()
	return func() {
		cancel()
		<-ended
	}
}

// while runs the bot during a part of a test.
func (w *world) while(part func()) {
	stop := w.start()
	defer stop()
	part()
}

// wait lets time pass, and then whatever is to be done.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// event is one of the chat, that happens now.
func (w *world) event(kind chat.Kind, id, text string) chat.Event {
	return chat.Event{Kind: kind, User: "u", Org: "o", Chat: "c", ID: id, At: time.Now(), Text: text}
}

// put stores an event, and lets the bot work if it runs.
func (w *world) put(ev chat.Event) {
	w.t.Helper()
	body, err := json.Marshal(ev)
	if err != nil {
		w.t.Fatal(err)
	}
	w.putBody(ev, body)
}

func (w *world) putBody(ev chat.Event, body []byte) {
	w.t.Helper()
	if err := w.queue.Put(w.t.Context(), queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: body, From: "test"}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// say lets the visitor write: a line of the record, and its event.
func (w *world) say(text string) chat.Event {
	w.t.Helper()
	l := w.p.add(replay.Said, text)
	ev := w.event(chat.Said, l.ID, text)
	ev.At = l.At
	w.put(ev)
	return ev
}

// abandon leases the first event and ends the process in the middle of it. With did, that attempt had done something.
func (w *world) abandon(did func()) {
	w.t.Helper()
	l, err := w.queue.Lease(w.t.Context())
	if err != nil || l == nil {
		w.t.Fatal(err)
	}
	if did != nil {
		did()
	}
	w.reopen()
}

// results returns what became of the turns since it was last called.
func (w *world) results() (out []bot.Result) {
	for _, r := range w.takeReports() {
		out = append(out, r.Result)
	}
	return out
}

func (w *world) takeReports() []bot.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.reports
	w.reports = nil
	return r
}

// report returns the report of the only turn since they were last taken.
func (w *world) report() bot.Report {
	w.t.Helper()
	all := w.takeReports()
	if len(all) != 1 {
		w.t.Fatalf("%d turns: %+v", len(all), all)
	}
	return all[0]
}

// wantResults compares the results of the turns since they were last taken.
func (w *world) wantResults(want ...bot.Result) {
	w.t.Helper()
	if got := w.results(); !slices.Equal(got, want) {
		w.t.Errorf("results %q, want %q", got, want)
	}
}

// wantSaid compares all that the bot has said in the chat.
func (w *world) wantSaid(want ...string) {
	w.t.Helper()
	if got := w.p.said(); !slices.Equal(got, want) {
		w.t.Errorf("the bot said %q, want %q", got, want)
	}
}

// wantCalls compares the calls to the platform since they were last taken, but for those that open a chat.
func (w *world) wantCalls(want ...string) {
	w.t.Helper()
	if got := without(w.p.take(), "open"); !slices.Equal(got, want) {
		w.t.Errorf("calls %q, want %q", got, want)
	}
}

// wantDead checks that one event is a dead letter, for a reason with these words in it; "" if there is none.
func (w *world) wantDead(reason string) {
	w.t.Helper()
	dead, err := w.queue.Dead(w.t.Context(), 10)
	if err != nil {
		w.t.Fatal(err)
	}
	switch {
	case reason == "" && len(dead) > 0:
		w.t.Errorf("dead letters: %+v", dead)
	case reason != "" && (len(dead) != 1 || !strings.Contains(dead[0].Reason, reason)):
		w.t.Errorf("dead letters %+v, want one because of %q", dead, reason)
	}
}

// wantFinished checks which of the ids need no work any more.
func (w *world) wantFinished(want bool, ids ...string) {
	w.t.Helper()
	seen, err := w.handled.Seen(w.t.Context(), "u/c", ids...)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, id := range ids {
		if seen[i] != want {
			w.t.Errorf("%s is finished: %t, want %t", id, seen[i], want)
		}
	}
}

// wantEmpty checks that no event is unfinished.
func (w *world) wantEmpty() {
	w.t.Helper()
	s, err := w.queue.Stats(w.t.Context())
	if err != nil || s.Items() != 0 {
		w.t.Errorf("%d events are unfinished: %+v, %v", s.Items(), s, err)
	}
}

// join lets the bot take the chat, and forgets what it did for that.
func (w *world) join() {
	w.t.Helper()
	w.put(w.event(chat.Pending, "pending@1", ""))
	if got := w.results(); len(got) != 1 || got[0] != bot.Answered {
		w.t.Fatalf("the bot did not join: %q", got)
	}
	w.p.take()
}
