package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"giosgbot/admin"
	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/dedupe"
	"giosgbot/queue"
)

// side is an Admin with a real queue.
type side struct {
	*admin.Admin
	t     *testing.T
	queue *queue.Bolt
	http  *httptest.Server
	clock *clock
}

// clock is the real time until it is set; then it stands still.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) now() time.Time {
	if at := c.at.Load(); at != nil {
		return *at
	}
	return time.Now()
}

func (c *clock) set(t time.Time) { c.at.Store(&t) }

func start(t *testing.T, change ...func(*admin.Options)) *side {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "test.db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	handled, err := dedupe.NewBolt(db, time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.NewBolt(db, handled, queue.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	s := &side{t: t, queue: q, clock: &clock{}}
	o := admin.Options{
		Queue: q, Store: "file test.db", Version: "v1.2.3", Now: s.clock.now,
		Playbook: func() admin.Playbook { return admin.Playbook{Name: "shop", Version: "ab12cd34"} },
	}
	for _, c := range change {
		c(&o)
	}
	s.Admin = admin.New(o)
	s.http = httptest.NewServer(s.Handler())
	t.Cleanup(s.http.Close)
	return s
}

func (s *side) do(method, path string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(b)
}

func (s *side) get(path string, out any) {
	s.t.Helper()
	res, body := s.do(http.MethodGet, path)
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %s %s", path, res.Status, body)
	}
	if err := json.Unmarshal([]byte(body), out); err != nil {
		s.t.Fatalf("GET %s: %v in %s", path, err, body)
	}
}

// samples has the values of a scrape by the series' name and labels, as Prometheus writes them.
type samples map[string]float64

func (s *side) scrape() samples {
	s.t.Helper()
	res, body := s.do(http.MethodGet, "/metrics")
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("GET /metrics: %s %s", res.Status, body)
	}
	out := samples{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		out[line[:i]] = v
	}
	return out
}

// sum adds all series of a metric.
func (m samples) sum(name string) float64 {
	total := 0.0
	for series, v := range m {
		if series == name || strings.HasPrefix(series, name+"{") {
			total += v
		}
	}
	return total
}

// count counts the series of a metric.
func (m samples) count(name string) int {
	n := 0
	for series := range m {
		if series == name || strings.HasPrefix(series, name+"{") {
			n++
		}
	}
	return n
}

func (s *side) want(m samples, series string, v float64) {
	s.t.Helper()
	got, ok := m[series]
	if !ok {
		s.t.Errorf("there is no series %s", series)
	} else if got != v {
		s.t.Errorf("%s is %v, want %v", series, got, v)
	}
}

func event(n int) chat.Event {
	return chat.Event{
		Kind: chat.Said, User: "user-1", Org: "org-1", Chat: (fmt.Sprintf("chat-%04d", n)),
		ID: fmt.Sprintf("message-%d", n), At: time.Now().Add(-2 * time.Second), Text: "my card is 4111",
	}
}

func item(ev chat.Event) queue.Item {
	b, err := json.Marshal(ev)
	if err != nil {
		panic(err)
	}
	return queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: b, From: "webhook"}
}

func report(ev chat.Event, result string) bot.Report {
	r := bot.Report{Event: ev, Lane: ev.Lane(), Result: bot.Result(result), Attempt: 1, Waited: 1500 * time.Millisecond, Took: 500 * time.Millisecond}
	if result == "answered" {
		r.Said, r.Rule = 1, "hours"
	} else {
		r.Reason = "because"
	}
	return r
}

// put puts an event into its lane, as the webhook endpoint does.
func (s *side) put(ev chat.Event) {
	s.t.Helper()
	if err := s.queue.Put(s.t.Context(), item(ev)); err != nil {
		s.t.Fatal(err)
	}
	s.Webhook("/webhooks/messages", "kept", time.Millisecond)
}

// work ends a turn for the next event, as the bot does.
func (s *side) work(result string) {
	s.t.Helper()
	l, err := s.queue.Lease(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var ev chat.Event
	if err := json.Unmarshal(l.Body, &ev); err != nil {
		s.t.Fatal(err)
	}
	r := report(ev, result)
	r.Attempt = l.Attempt
	switch result {
	case "later", "waiting":
		err = l.Pause(s.t.Context(), queue.Pause{After: time.Hour})
	case "set aside":
		err = l.Bury(s.t.Context(), "giosg says: 400 invalid", queue.Outcome{})
	default:
		err = l.Done(s.t.Context(), queue.Outcome{Fate: result, Finished: []string{l.ID}})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.Turn(r)
}
