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
	"giosgbot/giosg"
	"giosgbot/queue"
)

// evening is a queue's state at a moment of the hour that hour plays.
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

// id makes the same id of the same numbers.
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

// hour is the status page after an hour of a shop's evening, played in a moment: rising traffic, and ten minutes in which the platform was
// slow and failed at times.
func hour(t *testing.T) string {
	t.Helper()
	end := time.Now()
	now := end.Add(-time.Hour)
	lanes := &evening{}
	users := []giosg.UserID{giosg.UserID(id(3, 0)), giosg.UserID(id(3, 1))}
	a := admin.New(admin.Options{
		Queue: lanes, Store: "redis", Version: "v1.4.0", Now: func() time.Time { return now }, Debug: true,
		Playbook: func() admin.Playbook { return admin.Playbook{Name: "shop", Version: "3f9a1c"} },
		Presence: func() map[giosg.UserID]time.Time {
			return map[giosg.UserID]time.Time{users[0]: end.Add(3 * time.Hour), users[1]: end.Add(7 * time.Hour)}
		},
		Tokens: func() []giosg.Token {
			return []giosg.Token{{User: users[0], Org: giosg.OrgID(id(5, 0)), Expires: end.Add(280 * time.Second)}, {User: users[1], Org: giosg.OrgID(id(5, 1)), Expires: end.Add(150 * time.Second)}}
		},
		Manners: func() []giosg.Limits { return []giosg.Limits{{User: users[0], InFlight: 2}, {User: users[1]}} },
	})
	r := rand.New(rand.NewPCG(7, 11))
	rules := []string{"hours", "order", "order", "order", "order number", "returns", "human", "fallback", "greeting"}
	n := 0
	for minute := range 60 {
		slow := minute >= 34 && minute < 44
		many := int(28 + 22*math.Sin(float64(minute)/19) + 9*r.Float64())
		for i := range many {
			n++
			now = end.Add(time.Duration(minute-60)*time.Minute + time.Duration(i)*time.Minute/time.Duration(many))
			ev := say(n, now.Add(-time.Second))
			a.Webhook("/webhooks/messages", "kept", 2*time.Millisecond)
			a.Webhook("/webhooks/messages", "ignored", time.Millisecond)
			a.Token(giosg.Token{User: giosg.UserID(ev.User), Org: giosg.OrgID(ev.Org)})
			took := time.Duration(float64(150*time.Millisecond) * math.Exp(r.NormFloat64()/2))
			report := bot.Report{Event: ev, Lane: ev.Lane(), Result: "answered", Rule: rules[r.IntN(len(rules))], Said: 1, Attempt: 1, Waited: 60 * time.Millisecond, Took: took}
			if n%9 == 0 {
				report.Result, report.Rule, report.Said, report.Reason = "silent", "", 0, ""
			}
			if slow {
				report.Took *= 6
			}
			if slow && n%4 == 0 {
				failed := report
				failed.Result, failed.Rule, failed.Reason = "later", "", "send message: giosg says 503"
				a.Turn(failed)
				a.Call(giosg.Call{Op: "send message", Kind: giosg.Unknown, Duration: report.Took})
				report.Attempt, report.Waited = 2, 3*time.Second
			}
			a.Turn(report)
			a.Call(giosg.Call{Op: "send message", Duration: report.Took / 2})
			if n%3 == 0 {
				a.Call(giosg.Call{Op: "join chat", Duration: report.Took / 3})
				a.Call(giosg.Call{Op: "get room", Duration: report.Took / 4})
			}
		}
		lanes.stats = queue.Stats{Ready: r.IntN(3), Dead: len(lanes.dead)}
		if slow {
			lanes.stats.Paused, lanes.stats.Oldest = 4+r.IntN(8), time.Duration(2+r.IntN(7))*time.Second
		}
		if minute == 40 || minute == 47 {
			n++
			ev := say(n, now)
			body, err := json.Marshal(ev)
			if err != nil {
				t.Fatal(err)
			}
			lanes.dead = append(lanes.dead, queue.Dead{
				ID: id(17, n), Item: queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: body}, Attempts: 1, At: now,
				Reason: "send message: giosg says 400: attachments: the picture's address is not valid",
			})
			a.Webhook("/webhooks/messages", "kept", time.Millisecond)
			a.Turn(bot.Report{Event: ev, Lane: ev.Lane(), Result: "set aside", Reason: lanes.dead[len(lanes.dead)-1].Reason, Attempt: 1})
		}
		lanes.stats.Dead = len(lanes.dead)
		a.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/status", nil))
	}
	now = end
	waits := say(n+3, end.Add(-9*time.Second))
	a.Webhook("/webhooks/messages", "kept", time.Millisecond)
	a.Turn(bot.Report{Event: waits, Lane: waits.Lane(), Result: "later", Reason: "send message: giosg says 503", Attempt: 3})
	lanes.stats = queue.Stats{Ready: 1, Paused: 1, Dead: len(lanes.dead)}
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}
