package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"giosgbot/admin"
	"giosgbot/playbook"
)

// fullStatus is what TestStatus reads of the status.
type fullStatus struct {
	Version  string
	Verdict  struct{ Level, Title string }
	Playbook struct{ Name, Version string }
	Store    struct {
		Kind string
		Up   bool
	}
	Lanes       struct{ Ready, Paused int }
	Replies     struct{ P50, P99 *float64 }
	Deadletters struct {
		Total  int
		Oldest []admin.DeadLetter
	}
	Events struct{ In, Fates map[string]float64 }
	Calls  []struct {
		Op    string
		Total float64
		Mean  float64
		Kinds map[string]float64
	}
	Users []struct {
		User     string
		Org      string
		Webhook  *time.Time
		Token    *time.Time `json:"token_expires"`
		Presence *time.Time `json:"present_until"`
		Paused   *time.Time `json:"paused_until"`
		InFlight int        `json:"calls_under_way"`
	}
	Minutes []struct {
		At       int64
		Answered int
		P50      *float64
		Oldest   *float64
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := start(t, func(o *admin.Options) {
		o.CallKinds = []string{"ok"}
		o.Users = func() []admin.UserState {
			return []admin.UserState{{
				User: "user-1", Org: "org-1", TokenExpires: now.Add(time.Minute), PresentUntil: now.Add(time.Hour), CallsInFlight: 4, PausedUntil: now.Add(time.Minute),
			}}
		}
	})
	s.clock.set(now)
	s.UserSeen("user-1", "org-1")
	s.UserSeen("user-2", "org-2")
	s.put(event(1))
	s.work("answered")
	s.put(event(2))
	s.work("set aside")
	s.Call("send message", "ok", false, 20*time.Millisecond)

	res, body := s.do("GET", "/api/status")
	if res.Header.Get("Content-Type") != "application/json" {
		t.Error(res.Header)
	}
	if strings.Contains(body, "4111") {
		t.Error("a visitor's words are shown")
	}
	var st fullStatus
	if err := json.Unmarshal([]byte(body), &st); err != nil {
		t.Fatal(err)
	}
	if st.Version != "v1.2.3" || st.Playbook.Name != "shop" || st.Playbook.Version != "ab12cd34" || !st.Store.Up || st.Store.Kind != "file test.db" {
		t.Errorf("%+v", st)
	}
	if st.Verdict.Level != "warn" { // there is a dead letter, and giosg throttles
		t.Errorf("%+v", st.Verdict)
	}
	if st.Deadletters.Total != 1 || len(st.Deadletters.Oldest) != 1 || st.Deadletters.Oldest[0].Reason != "giosg says: 400 invalid" {
		t.Errorf("%+v", st.Deadletters)
	}
	if st.Events.In["webhook"] != 2 || st.Events.Fates["answered"] != 1 || st.Events.Fates["set_aside"] != 1 {
		t.Errorf("%+v", st.Events)
	}
	if p := st.Replies.P50; p == nil || *p < 1.8 || *p > 2.2 {
		t.Errorf("the reply took 2 s, the page shows %v", p)
	}
	if len(st.Calls) != 1 || st.Calls[0].Op != "send message" || st.Calls[0].Kinds["ok"] != 1 || st.Calls[0].Mean != 0.02 {
		t.Errorf("%+v", st.Calls)
	}
	if len(st.Users) != 2 || st.Users[0].User != "user-1" || st.Users[0].Token == nil || st.Users[0].Presence == nil ||
		st.Users[0].Paused == nil || st.Users[0].InFlight != 4 || st.Users[1].Token != nil || st.Users[1].Org != "org-2" {
		t.Errorf("%+v", st.Users)
	}
	last := st.Minutes[len(st.Minutes)-1]
	if len(st.Minutes) != 60 || last.At != now.Unix()/60*60 || last.Answered != 1 || last.P50 == nil || last.Oldest == nil {
		t.Errorf("%d minutes, the last is %+v", len(st.Minutes), last)
	}
}

// The plots show the last hour only.
func TestMinutesAreForgotten(t *testing.T) {
	t.Parallel()
	s := start(t)
	now := time.Unix(1800000000, 0)
	for m := range 100 {
		s.clock.set(now.Add(time.Duration(m) * time.Minute))
		for range m {
			s.Turn(report(event(m), "answered"))
		}
	}
	var st struct {
		Replies struct{ Hour int }
		Minutes []struct{ Answered int }
	}
	s.get("/api/status", &st)
	want := 0
	for i, m := range st.Minutes {
		if m.Answered != 40+i {
			t.Errorf("minute %d has %d answers, want %d", i, m.Answered, 40+i)
		}
		want += 40 + i
	}
	if st.Replies.Hour != want {
		t.Errorf("%d in the hour, want %d", st.Replies.Hour, want)
	}
}

func TestTurnsOfAChat(t *testing.T) {
	t.Parallel()
	for _, debug := range []bool{false, true} {
		s := start(t, func(o *admin.Options) { o.Debug = debug })
		for n := range 30 {
			r := report(event(n%3), "answered")
			r.Plan = &playbook.Plan{Actions: []playbook.Action{playbook.Say{Text: "we are open"}}}
			r.Attempt = n
			s.Turn(r)
		}
		var got struct {
			Turns []admin.Turn
			More  bool
		}
		res, body := s.do("GET", "/api/turns?chat=chat-0001&limit=5")
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(res.Status, err)
		}
		if len(got.Turns) != 5 || !got.More || got.Turns[0].Attempt != 28 || got.Turns[0].Rule != "hours" || got.Turns[0].Chat != "chat-0001" {
			t.Errorf("%+v", got)
		}
		if shown := strings.Contains(body, "4111") && strings.Contains(body, "we are open"); shown != debug {
			t.Errorf("debug is %v, words are shown: %v", debug, shown)
		}
		if !debug && (strings.Contains(body, "4111") || strings.Contains(body, "we are open")) {
			t.Errorf("words are shown: %s", body)
		}
	}
	s := start(t)
	for path, code := range map[string]int{
		"/api/turns": 400, "/api/turns?chat=abc": 400, "/api/turns?chat=none-such": 200,
		"/api/turns?chat=none-such&limit=0": 400, "/api/turns?chat=none-such&limit=5000": 400,
	} {
		if res, body := s.do("GET", path); res.StatusCode != code || !json.Valid([]byte(body)) {
			t.Errorf("%s: %s %s", path, res.Status, body)
		}
	}
}

// Only the last turns are remembered.
func TestTurnsAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	for n := range 7000 {
		s.Turn(report(event(n), "silent"))
	}
	var got struct{ Turns []admin.Turn }
	s.get("/api/turns?chat=chat-1999", &got)
	if len(got.Turns) != 0 {
		t.Error("a turn is remembered that came before the last 5000")
	}
	s.get("/api/turns?chat=chat-2000", &got)
	if len(got.Turns) != 1 {
		t.Error("a turn is forgotten that is among the last 5000")
	}
}

func TestStreamBringsUpdates(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *admin.Options) { o.Refresh = 5 * time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/events", l.Addr()), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(res.Header)
	}
	lines := bufio.NewReader(res.Body)
	next := func() (answered float64, ok bool) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return 0, false
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				var st struct {
					Replies struct{ Hour float64 }
				}
				if err := json.Unmarshal([]byte(data), &st); err != nil {
					t.Fatal(err)
				}
				return st.Replies.Hour, true
			}
		}
	}
	if n, ok := next(); !ok || n != 0 {
		t.Fatal(n, ok)
	}
	s.Turn(report(event(1), "answered"))
	for { // without another request
		n, ok := next()
		if !ok {
			t.Fatal("the stream ended")
		}
		if n == 1 {
			break
		}
	}
	stop() // also ends the stream
	for ok := true; ok; _, ok = next() {
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestTooManyStreamsAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	var codes []int
	for range 40 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		codes = append(codes, res.StatusCode)
	}
	if !slices.Contains(codes, 503) || codes[0] != 200 {
		t.Error(codes)
	}
	t.Cleanup(s.http.CloseClientConnections)
}

// Reasons may quote visitors, so they are shown with debug only.
func TestReasonsAreShownWithDebugOnly(t *testing.T) {
	t.Parallel()
	plan := func(why ...playbook.Reason) *playbook.Plan { return &playbook.Plan{Why: why} }
	no := playbook.Reason{Rule: "price", Text: "no keyword is in it"}
	for name, c := range map[string]struct {
		plan *playbook.Plan
		want []string
	}{
		"what decided":   {plan(no, playbook.Reason{Rule: "hours", Matched: true, Text: "the keyword is in it"}), []string{"because hours: the keyword is in it"}},
		"what came near": {plan(playbook.Reason{Text: "the bot has left this chat"}, no, no, no, no), []string{"the bot has left this chat", "price: no keyword is in it", "price: no keyword is in it"}},
		"no reasons":     {plan(), nil},
		"no plan":        {nil, nil},
	} {
		for _, debug := range []bool{true, false} {
			s := start(t, func(o *admin.Options) { o.Debug = debug })
			r := report(event(1), "answered")
			r.Plan = c.plan
			s.Turn(r)
			var got struct{ Turns []admin.Turn }
			s.get("/api/turns?chat=chat-0001", &got)
			if want := c.want; len(got.Turns) != 1 || debug && !slices.Equal(got.Turns[0].Why, want) || !debug && got.Turns[0].Why != nil {
				t.Errorf("%s, debug %t: %+v", name, debug, got.Turns)
			}
		}
	}
}
