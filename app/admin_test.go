package app_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"giosgbot/admin"
	"giosgbot/app"
	"giosgbot/bot"
	"giosgbot/giosg/giosgtest"
)

// scrape reads a replica's series. The sum of a metric's series is under the metric's name.
func (w *world) scrape(a *app.App) map[string]float64 {
	w.Helper()
	out := map[string]float64{}
	res, err := http.Get(a.AdminURL() + "/metrics")
	if err != nil {
		w.Fatal(err)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		series, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && series != "#" {
			out[series] += v
			name, _, _ := strings.Cut(series, "{")
			if name != series {
				out[name] += v
			}
		}
	}
	res.Body.Close()
	return out
}

// Whatever goes wrong, the metrics of each replica add up: the events that came in are those that left, by their fates, and those still in the lanes.
func TestMetricsAddUp(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		m := manners()
		m.Duplicate, m.Copies = 0.5, 2
		m.LagMax, m.InOrder = 20*time.Millisecond, false
		env["ADMIN_ADDR"], env["API_TIMEOUT"] = "127.0.0.1:0", "500ms"
		w := newWorld(t, sweeping(env), giosgtest.Options{Manners: m})
		w.start(shop("agent, greeter"))
		if env["REDIS_URL"] != "" {
			w.start(shop("agent, greeter"))
		}
		w.hook(giosgtest.PendingChats, giosgtest.RoutedChats, giosgtest.ChatMessages, giosgtest.RoutedChatMessages)
		w.p.On("POST", "chats/*/messages").Times(2).FailAfter(500)
		w.p.On("POST", "pending_chats/*/memberships").Times(1).FailBefore(503)
		var chats []*giosgtest.Chat
		for i := range 8 {
			chat := w.rooms["en"].OpenChat()
			w.say(chat, "open?")
			if i%2 == 0 {
				w.say(chat, "price?")
			}
			chats = append(chats, chat)
		}
		for i, chat := range chats {
			w.awaitN(chat, 2+(i+1)%2)
			w.say(chat, "blah")
			w.awaitN(chat, 3+(i+1)%2)
		}
		w.quiet()
		bad := w.p.On("POST", "chats/*/messages").Times(1)
		bad.FailBefore(400)
		w.say(chats[0], "price?")
		if err := w.p.Await(w.ctx, func() bool { return bad.Hits() == 1 }); err != nil {
			t.Fatal(err)
		}
		w.quiet()

		check := func() map[string]float64 {
			t.Helper()
			var got map[string]float64
			for _, a := range w.apps {
				await(t, func() bool { // replicas look at the store once a second
					stats, err := a.Stats(w.ctx)
					if err != nil {
						t.Fatal(err)
					}
					got = w.scrape(a.App)
					in, out := got["giosgbot_events_in_total"], got["giosgbot_events_total"]
					if in < out {
						t.Fatalf("%v came in, and %v left", in, out)
					}
					return in == out && in == float64(stats.Came()) && out == float64(stats.Left())
				})
			}
			return got
		}
		got := check()
		for series, v := range got {
			if strings.HasPrefix(series, "giosgbot_events") {
				t.Log(series, v)
			}
		}
		if n := got[`giosgbot_events_total{fate="set_aside"}`]; n != 1 {
			t.Errorf("%v dead letters, want 1", n)
		}
		if got[`giosgbot_events_total{fate="duplicate"}`] == 0 || got[`giosgbot_events_total{fate="answered"}`] < 8 {
			t.Error("no webhook was sent twice, or too few events were answered")
		}
		c := admin.Client{Base: w.apps[0].AdminURL()}
		list, _, err := c.List(w.ctx, 0)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if err := c.Retry(w.ctx, list[0].ID); err != nil {
			t.Fatal(err)
		}
		w.awaitN(chats[0], 5)
		w.quiet()
		check()
		for _, a := range w.apps {
			await(t, func() bool { return w.scrape(a.App)["giosgbot_deadletters"] == 0 })
		}
		w.clean()
	})
}

// Only rules of the playbook become labels. With debug logging, the status page shows why a rule matched.
func TestStatusKnowsThePlaybook(t *testing.T) {
	t.Parallel()
	env := stores[0].env(t)
	env["ADMIN_ADDR"] = "127.0.0.1:0"
	w := newWorld(t, env, polite())
	a := w.start(shop("agent"))
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	chat := w.rooms["en"].OpenChat()
	w.say(chat, "open?")
	w.awaitN(chat, 2)
	w.quiet()
	a.Admin().Turn(bot.Report{Result: "answered", Rule: "a rule of another playbook"})
	await(t, func() bool {
		got := w.scrape(a.App)
		return got[`giosgbot_answers_total{rule="hours"}`] == 1 && got[`giosgbot_answers_total{rule="other"}`] == 1
	})
	res, err := http.Get(a.AdminURL() + "/api/turns?chat=" + chat.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct{ Turns []admin.Turn }
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(got.Turns, func(t admin.Turn) bool {
		return t.Rule == "hours" && slices.ContainsFunc(t.Why, func(why string) bool { return strings.HasPrefix(why, "because hours: ") })
	}) {
		t.Errorf("%+v", got.Turns)
	}
	w.clean()
}
