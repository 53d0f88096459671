package giosgtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

type object = map[string]any

// world is an organization with a room, a human and a bot, and an HTTP client in the place of the bot.
type world struct {
	t     *testing.T
	p     *giosgtest.Platform
	org   *giosgtest.Org
	room  *giosgtest.Room
	human *giosgtest.User
	bot   *giosgtest.Bot
	token string
}

func newWorld(t *testing.T, o giosgtest.Options) *world {
	t.Helper()
	if o.Manners == nil {
		o.Manners = giosgtest.Polite()
	}
	w := &world{t: t, p: giosgtest.RunT(t, o)}
	w.org = w.p.AddOrg("Acme")
	w.room = w.org.AddRoom("Shop", "fi")
	w.human = w.org.AddHuman("John Smith")
	w.bot = w.org.InstallBot("Helper Bot")
	w.token = w.p.Token(w.bot.User, 0)
	return w
}

// user is a path under the bot user.
func (w *world) user(path string) string { return "/api/v5/users/" + w.bot.ID + path }

// do makes an API call and returns the status and the JSON of the answer.
func (w *world) do(method, path string, body any) (int, object) {
	w.t.Helper()
	status, answer, err := w.try(w.t.Context(), method, path, body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

func (w *world) try(ctx context.Context, method, path string, body any) (int, object, error) {
	res, err := w.raw(ctx, method, path, body)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var answer object
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil && err != io.EOF {
		return 0, nil, err
	}
	return res.StatusCode, answer, nil
}

func (w *world) raw(ctx context.Context, method, path string, body any) (*http.Response, error) {
	if !strings.HasPrefix(path, "http") {
		path = w.p.URL() + path
	}
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, path, reader)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return plain.Do(req)
}

// plain is a client that follows no redirects.
var plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// want makes an API call that must answer with the status.
func (w *world) want(status int, method, path string, body any) object {
	w.t.Helper()
	got, answer := w.do(method, path, body)
	if got != status {
		w.t.Fatalf("%s %s: got %d %v, want %d", method, path, got, answer, status)
	}
	return answer
}

// all follows next through a list.
func (w *world) all(path string) (results []object, pages int) {
	w.t.Helper()
	for path != "" {
		answer := w.want(200, "GET", path, nil)
		pages++
		for _, r := range answer["results"].([]any) {
			results = append(results, r.(object))
		}
		path, _ = answer["next"].(string)
	}
	return results, pages
}

func (w *world) say(c *giosgtest.Chat, text string) giosgtest.Line {
	w.t.Helper()
	l, err := c.Say(text)
	if err != nil {
		w.t.Fatalf("say %q: %v", text, err)
	}
	return l
}

func (w *world) present() {
	w.t.Helper()
	w.want(201, "POST", w.user("/clients"), object{"presence_expires_in": 28800})
}

func (w *world) noViolations() {
	w.t.Helper()
	if v := w.p.Violations(); len(v) > 0 {
		w.t.Errorf("violations: %+v", v)
	}
}

var participate = object{"is_participating": true, "composing_status": "idle"}

// inbox is a bot's webhook endpoint. It records the webhooks and answers as it is told.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []object
	raw    []string
	answer func(n int) int // status of the n-th delivery, from 1; nil means 200
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var body object
		_ = json.Unmarshal(text, &body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.bodies = append(in.bodies, body)
		in.raw = append(in.raw, string(text))
		if in.answer != nil {
			w.WriteHeader(in.answer(len(in.bodies)))
		}
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) got() []object {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]object(nil), in.bodies...)
}

// delivered waits until all webhooks were delivered, and returns them.
func (w *world) delivered(in *inbox) []object {
	w.t.Helper()
	if err := w.p.AwaitDeliveries(soon(w.t)); err != nil {
		w.t.Fatal(err)
	}
	return in.got()
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
