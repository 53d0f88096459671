package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"giosgbot/admin"
	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/queue"
)

// evening is the state of a queue at one moment of the simulation.
type evening struct {
	stats queue.Stats
	dead  []queue.Dead
}

func (e *evening) Ping(context.Context) error                 { return nil }
func (e *evening) Stats(context.Context) (queue.Stats, error) { return e.stats, nil }
func (e *evening) Dead(_ context.Context, n int) ([]queue.Dead, error) {
	return e.dead[:min(n, len(e.dead))], nil
}
func (e *evening) Revive(_ context.Context, id string) error { return e.Drop(context.Background(), id) }
func (e *evening) Drop(_ context.Context, _ string) error {
	e.dead, e.stats.Dead = e.dead[1:], e.stats.Dead-1
	return nil
}

// id returns an id that depends on the numbers only.
func id(kind, n int) string {
	r := rand.New(rand.NewPCG(uint64(kind), uint64(n)))
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

// say is the nth event.
func say(n int, at time.Time) chat.Event {
	return chat.Event{
		Kind: chat.Said, User: id(3, n%2), Org: id(5, n%2), Chat: id(11, n/3), ID: id(13, n), At: at,
		Text: "Where is my order?",
	}
}

// simulation plays an hour of a shop's evening: traffic rises, and for ten minutes the platform is slow and some of its calls fail.
type simulation struct {
	*rand.Rand
	admin *admin.Admin
	lanes evening
	end   time.Time
	now   time.Time
	n     int // of events
}

// hour serves the status page after a simulated hour.
func hour(t *testing.T) string {
	t.Helper()
	end := time.Now()
	s := &simulation{Rand: rand.New(rand.NewPCG(7, 11)), end: end, now: end.Add(-time.Hour)}
	s.admin = admin.New(admin.Options{
		Queue: &s.lanes, Store: "redis", Version: "v1.4.0", Now: func() time.Time { return s.now }, Debug: true,
		Playbook:  func() admin.Playbook { return admin.Playbook{Name: "shop", Version: "3f9a1c"} },
		CallKinds: []string{"ok", "unknown"},
		Users: func() []admin.UserState {
			return []admin.UserState{
				{User: id(3, 0), Org: id(5, 0), TokenExpires: end.Add(280 * time.Second), PresentUntil: end.Add(3 * time.Hour), CallsInFlight: 2},
				{User: id(3, 1), Org: id(5, 1), TokenExpires: end.Add(150 * time.Second), PresentUntil: end.Add(7 * time.Hour)},
			}
		},
	})
	for minute := range 60 {
		s.minute(t, minute)
	}
	s.now = end
	waits := say(s.n+3, end.Add(-9*time.Second))
	s.admin.Webhook("/webhooks/messages", "kept", time.Millisecond)
	s.admin.Turn(bot.Report{Event: waits, Lane: waits.Lane(), Result: "later", Reason: "send message: giosg says 503", Attempt: 3})
	s.lanes.stats = queue.Stats{Ready: 1, Paused: 1, Dead: len(s.lanes.dead)}
	server := httptest.NewServer(s.admin.Handler())
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}

func (s *simulation) minute(t *testing.T, minute int) {
	t.Helper()
	slow := minute >= 34 && minute < 44
	many := int(28 + 22*math.Sin(float64(minute)/19) + 9*s.Float64())
	for i := range many {
		s.now = s.end.Add(time.Duration(minute-60)*time.Minute + time.Duration(i)*time.Minute/time.Duration(many))
		s.message(slow)
	}
	s.lanes.stats = queue.Stats{Ready: s.IntN(3)}
	if slow {
		s.lanes.stats.Paused, s.lanes.stats.Oldest = 4+s.IntN(8), time.Duration(2+s.IntN(7))*time.Second
	}
	if minute == 40 || minute == 47 {
		s.deadLetter(t)
	}
	s.lanes.stats.Dead = len(s.lanes.dead)
	s.admin.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/status", nil)) // takes a sample
}

// message is a visitor's message and the turn that answers it.
func (s *simulation) message(slow bool) {
	rules := []string{"hours", "order", "order", "order", "order number", "returns", "human", "fallback", "greeting"}
	s.n++
	a, ev := s.admin, say(s.n, s.now.Add(-time.Second))
	a.Webhook("/webhooks/messages", "kept", 2*time.Millisecond)
	a.Webhook("/webhooks/messages", "ignored", time.Millisecond)
	a.UserSeen(ev.User, ev.Org)
	took := time.Duration(float64(150*time.Millisecond) * math.Exp(s.NormFloat64()/2))
	report := bot.Report{Event: ev, Lane: ev.Lane(), Result: "answered", Rule: rules[s.IntN(len(rules))], Said: 1, Attempt: 1, Waited: 60 * time.Millisecond, Took: took}
	if s.n%9 == 0 {
		report.Result, report.Rule, report.Said, report.Reason = "silent", "", 0, ""
	}
	if slow {
		report.Took *= 6
	}
	if slow && s.n%4 == 0 {
		failed := report
		failed.Result, failed.Rule, failed.Reason = "later", "", "send message: giosg says 503"
		a.Turn(failed)
		a.Call("send message", "unknown", true, report.Took)
		report.Attempt, report.Waited = 2, 3*time.Second
	}
	a.Turn(report)
	a.Call("send message", "ok", false, report.Took/2)
	if s.n%3 == 0 {
		a.Call("join chat", "ok", false, report.Took/3)
		a.Call("get room", "ok", false, report.Took/4)
	}
}

// deadLetter is an event that the platform refuses.
func (s *simulation) deadLetter(t *testing.T) {
	t.Helper()
	s.n++
	ev := say(s.n, s.now)
	body, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	const reason = "send message: giosg says 400: attachments: the picture's address is not valid"
	s.lanes.dead = append(s.lanes.dead, queue.Dead{
		ID: id(17, s.n), Item: queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: body}, Attempts: 1, At: s.now, Reason: reason,
	})
	s.admin.Webhook("/webhooks/messages", "kept", time.Millisecond)
	s.admin.Turn(bot.Report{Event: ev, Lane: ev.Lane(), Result: "set aside", Reason: reason, Attempt: 1})
}
