package admin_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"giosgbot/admin"
	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/queue"
)

func TestHooksCount(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *admin.Options) {
		o.CallKinds = []string{"ok", "throttled"}
		o.Users = func() []admin.UserState {
			now := time.Now()
			return []admin.UserState{
				{User: "user-1", TokenExpires: now.Add(time.Hour), PresentUntil: now.Add(time.Hour), CallsInFlight: 3, BreakerOpen: true},
				{User: "user-2", TokenExpires: now.Add(time.Hour), PresentUntil: now.Add(-time.Hour), CallsInFlight: 2, PausedUntil: now.Add(time.Minute)},
				{User: "user-3", TokenExpires: now.Add(-time.Hour)},
			}
		}
	})
	s.Webhook("/webhooks/messages", "kept", 2*time.Millisecond)
	s.Webhook("/webhooks/messages", "refused", time.Millisecond)
	s.Turn(report(event(1), "answered"))
	s.Turn(report(event(2), "set aside"))
	s.Call("send message", "ok", false, 30*time.Millisecond)
	s.Call("send message", "throttled", true, time.Millisecond)

	m := s.scrape()
	for series, v := range map[string]float64{
		`giosgbot_webhooks_total{outcome="kept",route="/webhooks/messages"}`:    1,
		`giosgbot_webhooks_total{outcome="refused",route="/webhooks/messages"}`: 1,
		`giosgbot_webhook_duration_seconds_count`:                               2,
		`giosgbot_turns_total{kind="said",result="answered"}`:                   1,
		`giosgbot_turns_total{kind="said",result="set_aside"}`:                  1,
		`giosgbot_turns_total{kind="pending",result="taken"}`:                   0,
		`giosgbot_turn_duration_seconds_sum`:                                    1,
		`giosgbot_reply_delay_seconds_count`:                                    1,
		`giosgbot_reply_delay_seconds_sum`:                                      2,
		`giosgbot_answers_total{rule="hours"}`:                                  1,
		`giosgbot_events_in_total{way="webhook"}`:                               0,
		`giosgbot_events_in_total{way="catch-up"}`:                              0,
		`giosgbot_events_in_total{way="retry"}`:                                 0,
		`giosgbot_events_total{fate="answered"}`:                                0,
		`giosgbot_events_total{fate="set_aside"}`:                               0,
		`giosgbot_events_total{fate="duplicate"}`:                               0,
		`giosgbot_api_calls_total{kind="ok",op="send_message"}`:                 1,
		`giosgbot_api_calls_total{kind="throttled",op="send_message"}`:          1,
		`giosgbot_api_call_duration_seconds_count{op="send_message"}`:           2,
		`giosgbot_lanes{state="ready"}`:                                         0,
		`giosgbot_deadletters`:                                                  0,
		`giosgbot_store_up`:                                                     1,
		`giosgbot_playbook_info{name="shop",version="ab12cd34"}`:                1,
		`giosgbot_playbook_current`:                                             1,
		`giosgbot_tokens_valid`:                                                 2,
		`giosgbot_bot_users_present`:                                            1,
		`giosgbot_api_breakers_open`:                                            1,
		`giosgbot_api_users_paused`:                                             1,
		`giosgbot_api_calls_in_flight`:                                          5,
	} {
		s.want(m, series, v)
	}
	if m.count("giosgbot_build_info") != 1 || m.count("go_goroutines") != 1 {
		t.Error("there is no build_info, or nothing of the Go runtime")
	}
}

func TestNilAdminIgnoresHooks(t *testing.T) {
	t.Parallel()
	var a *admin.Admin
	a.Turn(bot.Report{})
	a.Call("", "", false, 0)
	a.Webhook("", "", 0)
	a.UserSeen("", "")
}

// At every moment the events that entered the lanes are those that left, by any fate, and those that are still there.
func TestMetricsAddUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	random := rand.New(rand.NewPCG(1, 2))
	ends := []string{"answered", "silent", "ignored", "taken", "over", "set aside", "later", "waiting"}
	waiting := 0
	check := func() {
		t.Helper()
		m := s.scrape()
		in, out := m.sum("giosgbot_events_in_total"), m.sum("giosgbot_events_total")
		if in != out+float64(waiting) {
			t.Fatalf("%v events entered, but %v left and %d are waiting", in, out, waiting)
		}
		if lanes := m.sum("giosgbot_lanes"); lanes != float64(waiting) { // one event each
			t.Fatalf("%v lanes have work, but %d events are waiting", lanes, waiting)
		}
		if turns := m.sum("giosgbot_turns_total"); turns < out-m[`giosgbot_events_total{fate="duplicate"}`] {
			t.Fatalf("%v events left with only %v turns", out, turns)
		}
	}
	now := time.Now()
	for n := range 120 {
		s.put(event(n))
		waiting++
		if n%5 == 0 { // giosg sends it twice
			s.put(event(n))
		}
		if n%3 == 0 {
			s.clock.set(now.Add(time.Duration(n) * 2 * time.Second)) // a sample is reused within a second
			check()
		}
		result := ends[random.IntN(len(ends))]
		s.work(result)
		if result != "later" && result != "waiting" {
			waiting--
		}
	}
	s.clock.set(now.Add(time.Hour))
	dead, err := s.queue.Dead(t.Context(), 100)
	if err != nil || len(dead) < 3 {
		t.Fatalf("%d dead letters, %v", len(dead), err)
	}
	for _, d := range dead[:2] {
		if res, body := s.do("POST", "/api/deadletters/"+d.ID+"/retry"); res.StatusCode != 200 {
			t.Fatal(res.Status, body)
		}
	}
	if res, body := s.do("DELETE", "/api/deadletters/"+dead[2].ID); res.StatusCode != 200 {
		t.Fatal(res.Status, body)
	}
	waiting += 2
	check()
	s.work("answered")
	s.work("answered")
	waiting -= 2
	s.clock.set(now.Add(2 * time.Hour))
	check()
	m := s.scrape()
	s.want(m, "giosgbot_deadletters", float64(len(dead)-3))
}

// The number of series is bounded, whatever names are reported.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	rules := []string{"hours", "opening hours"}
	s := start(t, func(o *admin.Options) {
		o.CallKinds = []string{"ok", "throttled"}
		o.Playbook = func() admin.Playbook {
			return admin.Playbook{Name: strings.Repeat("n", 5000), Version: "\xff", Rules: rules}
		}
	})
	var work sync.WaitGroup
	for g := range 4 {
		work.Go(func() {
			for n := range 1000 {
				name := fmt.Sprint("evil\n\"}", g, n)
				r := report(event(n), "answered")
				r.Rule, r.Event.Kind = name, chat.Kind(name)
				s.Turn(r)
				r.Result = bot.Result(name)
				s.Turn(r)
				s.Webhook(name, name, time.Millisecond)
				s.Call(name, name, true, 0)
			}
			s.Call("\xff\xfe", "ok", false, 0)
			s.Call(strings.Repeat("x", 4000), "ok", false, 0)
			s.Webhook("", "", 0)
		})
	}
	work.Wait()
	for _, rule := range rules {
		r := report(event(1), "answered")
		r.Rule = rule
		s.Turn(r)
	}
	m := s.scrape()
	for name, most := range map[string]int{
		"giosgbot_webhooks_total":                17 * 5,
		"giosgbot_turns_total":                   7 * 10,
		"giosgbot_answers_total":                 5, // two rules, greeting, fallback, other
		"giosgbot_api_calls_total":               65 * 3,
		"giosgbot_api_call_duration_seconds_sum": 65,
		"giosgbot_events_in_total":               4,
		"giosgbot_events_total":                  8,
		"giosgbot_playbook_info":                 1,
	} {
		if n := m.count(name); n == 0 || n > most {
			t.Errorf("%s has %d series, want at most %d", name, n, most)
		}
	}
	s.want(m, `giosgbot_answers_total{rule="opening hours"}`, 1)
	s.want(m, `giosgbot_answers_total{rule="other"}`, 4000)
	s.want(m, `giosgbot_turns_total{kind="other",result="other"}`, 4000)
	if got := m.sum("giosgbot_webhooks_total"); got != 4004 {
		t.Errorf("%v webhooks counted, want 4004", got)
	}
	if got := m.sum("giosgbot_api_calls_total"); got != 4008 {
		t.Errorf("%v calls counted, want 4008", got)
	}
}

func TestRulesAreBoundedWithoutTheirList(t *testing.T) {
	t.Parallel()
	s := start(t)
	for n := range 1000 {
		r := report(event(n), "answered")
		r.Rule = fmt.Sprint("rule ", n)
		s.Turn(r)
	}
	m := s.scrape()
	if n := m.count("giosgbot_answers_total"); n != 203 {
		t.Errorf("%d series, want 200 rules, greeting, fallback and other", n)
	}
	if got := m.sum("giosgbot_answers_total"); got != 1000 {
		t.Errorf("%v answers, want 1000", got)
	}
}

// An event that waits for its next attempt counts from its own time, although its lane is not ready.
func TestOldestWaiting(t *testing.T) {
	t.Parallel()
	s := start(t)
	now := time.Now()
	s.clock.set(now)
	ev := event(1)
	ev.At = now.Add(-3 * time.Minute)
	s.put(ev)
	s.work("later")
	s.want(s.scrape(), "giosgbot_oldest_waiting_seconds", 180)

	s.Turn(report(ev, "answered"))
	s.clock.set(now.Add(10 * time.Second))
	s.want(s.scrape(), "giosgbot_oldest_waiting_seconds", 0)
}

// Another replica may make the next attempt, without this one knowing.
func TestOldestWaitingForgetsWhatOthersFinished(t *testing.T) {
	t.Parallel()
	s := start(t)
	now := time.Now()
	s.clock.set(now)
	ev := event(1)
	s.Turn(report(ev, "waiting")) // its lane is not in this queue: all lanes are empty
	s.clock.set(now.Add(5 * time.Second))
	s.want(s.scrape(), "giosgbot_oldest_waiting_seconds", 0)

	s.put(event(2)) // now one lane is not empty
	s.Turn(report(ev, "waiting"))
	s.clock.set(now.Add(20 * time.Second))
	if s.scrape()["giosgbot_oldest_waiting_seconds"] < 10 {
		t.Error("the event is forgotten although it may still wait")
	}
	s.work("answered")
	s.put(event(3))
	s.clock.set(now.Add(10 * time.Minute))
	if got := s.scrape()["giosgbot_oldest_waiting_seconds"]; got > 60 {
		t.Errorf("%v s: the event is remembered although it was last tried ten minutes ago", got)
	}
}

// broken is a store that does not answer.
type broken struct{ admin.Queue }

func (broken) Stats(context.Context) (queue.Stats, error) {
	return queue.Stats{}, errors.New("connection refused")
}

func TestStoreDown(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *admin.Options) { o.Queue = broken{} })
	m := s.scrape()
	s.want(m, "giosgbot_store_up", 0)
	if m.count("giosgbot_lanes")+m.count("giosgbot_deadletters")+m.count("giosgbot_events_in_total")+m.count("giosgbot_events_total") != 0 {
		t.Error("there are numbers that only the store knows")
	}
	var st struct {
		Verdict struct{ Level, Title string }
		Store   struct {
			Up        bool
			DownSince *time.Time `json:"down_since"`
		}
	}
	s.get("/api/status", &st)
	if st.Verdict.Level != "bad" || st.Store.Up || st.Store.DownSince == nil {
		t.Errorf("%+v", st)
	}
}

// flaky is a store with given answers.
type flaky struct {
	admin.Queue
	stats queue.Stats
	err   error
}

func (f *flaky) Stats(context.Context) (queue.Stats, error) { return f.stats, f.err }
func (f *flaky) Ping(context.Context) error                 { return f.err }

// The counts of the store are shown. The page shows when the store does not answer, and when it has lost its data.
func TestEventsAreTheStores(t *testing.T) {
	t.Parallel()
	lanes := &flaky{stats: queue.Stats{
		Ready: 2, In: map[string]int64{"webhook": 10, queue.Revived: 1, "carrier pigeon": 2},
		Out: map[string]int64{"answered": 7, queue.SetAside: 1, queue.Duplicate: 1, "eaten": 1},
	}}
	s := start(t, func(o *admin.Options) { o.Queue = lanes })
	now := time.Now()
	s.clock.set(now)
	m := s.scrape()
	for series, v := range map[string]float64{
		`giosgbot_events_in_total{way="webhook"}`: 10, `giosgbot_events_in_total{way="retry"}`: 1, `giosgbot_events_in_total{way="other"}`: 2,
		`giosgbot_events_total{fate="answered"}`: 7, `giosgbot_events_total{fate="set_aside"}`: 1, `giosgbot_events_total{fate="duplicate"}`: 1, `giosgbot_events_total{fate="other"}`: 1,
	} {
		s.want(m, series, v)
	}
	type page struct {
		Verdict struct {
			Level    string
			Problems []struct{ Text string }
		}
		Store struct {
			Up         bool
			Seen, Lost *time.Time
		}
		Lanes  struct{ Events int }
		Events struct{ In, Fates map[string]int }
	}
	look := func(after time.Duration) (p page) {
		t.Helper()
		s.clock.set(now.Add(after))
		s.get("/api/status", &p)
		return p
	}
	if p := look(time.Minute); p.Verdict.Level != "ok" || p.Lanes.Events != 3 || p.Events.In["webhook"] != 10 || p.Events.Fates["answered"] != 7 || p.Store.Lost != nil {
		t.Errorf("%+v", p)
	}
	lanes.err = errors.New("connection refused")
	if p := look(2 * time.Minute); p.Verdict.Level != "bad" || p.Store.Up || p.Lanes.Events != 3 || !p.Store.Seen.Equal(now.Add(time.Minute)) {
		t.Errorf("while the store does not answer: %+v", p)
	}
	lanes.err, lanes.stats = nil, queue.Stats{}
	if p := look(3 * time.Minute); p.Verdict.Level != "warn" || len(p.Verdict.Problems) != 1 || p.Store.Lost == nil || p.Lanes.Events != 0 {
		t.Errorf("after the store lost its data: %+v", p)
	}
	if p := look(14 * time.Minute); p.Verdict.Level != "ok" {
		t.Errorf("long after: %+v", p)
	}
}

// refusing is a store that answers but cannot be written to.
type refusing struct{ admin.Queue }

func (refusing) Ping(context.Context) error {
	return errors.New("OOM command not allowed when used memory > 'maxmemory'")
}

func TestStoreRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *admin.Options) { o.Queue = refusing{o.Queue} })
	m := s.scrape()
	s.want(m, "giosgbot_store_up", 0)
	s.want(m, `giosgbot_lanes{state="ready"}`, 0) // is known although the store refuses writes
	var st struct {
		Verdict struct {
			Level    string
			Problems []struct{ Text string }
		}
		Store struct {
			Up      bool
			Refuses string
		}
	}
	s.get("/api/status", &st)
	if st.Verdict.Level != "bad" || !st.Store.Up || !strings.Contains(st.Store.Refuses, "OOM") || !strings.Contains(fmt.Sprint(st.Verdict.Problems), "OOM") {
		t.Errorf("%+v", st)
	}
}
