package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"giosgbot/giosg"
	"giosgbot/handlers"
	"giosgbot/queue"
)

// These must appear in no answer and in no log.
const (
	secret = "s3cret-of-the-bot"
	token  = "eyJhbGciOiJIUzI1NiJ9.dG9rZW4.c2lnbmF0dXJl"
	words  = "my number is 0401234567"
)

const (
	bot    = "dabfd452-cbc0-4eff-aaac-f4e125db0fe4"
	org    = "7f9e9580-095b-42c7-838c-c04e667b26f7"
	chatID = "450fc49e-277e-4dd6-af0f-6e9dcb885b09"
	room   = "9926bdfa-56e0-11e5-b98c-6c4008c08dfe"
	msgID  = "8a94b3f1-d8a9-4530-b1f1-b757a8a57078"

	maxBody = 4096
)

// store is the queue and the token store of an endpoint. It records the order in which they are used.
type store struct {
	putErr, pingErr error
	hang            bool // Put and Ping wait until they are told to stop
	known           bool // the bot user has a token already

	mu     sync.Mutex // guards what follows
	steps  []string
	items  []queue.Item
	tokens []giosg.Token
	firsts []bool
}

func (s *store) note(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, step)
}

func (s *store) Put(ctx context.Context, it queue.Item) error {
	s.note("put")
	if s.hang {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if s.putErr != nil {
		return s.putErr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, it)
	return nil
}

func (s *store) Ping(ctx context.Context) error {
	if s.hang {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return s.pingErr
}

// keep is the store as handlers.Tokens.
type keep struct{ *store }

func (k keep) Put(_ context.Context, t giosg.Token) bool {
	k.note("token")
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tokens = append(k.tokens, t)
	return !k.known
}

// fixture is an endpoint under test, with its surroundings.
type fixture struct {
	*testing.T
	*store
	*handlers.Endpoint
	e        *echo.Echo
	log      *logs
	mu       sync.Mutex
	outcomes []string // guarded by mu
}

func newFixture(t *testing.T, change func(*handlers.Options, *store)) *fixture {
	t.Helper()
	d := &fixture{T: t, store: &store{}, e: echo.New(), log: &logs{}}
	o := handlers.Options{
		Queue: d.store, Tokens: keep{d.store}, Secrets: []giosg.Secret{secret}, MaxBody: maxBody,
		Log: slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug - 100})),
		OnToken: func(tk giosg.Token, first bool) {
			d.note("told")
			d.store.mu.Lock()
			defer d.store.mu.Unlock()
			d.firsts = append(d.firsts, first)
		},
		Observe: func(route, outcome string, took time.Duration) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.outcomes = append(d.outcomes, route+" "+outcome)
			if took < 0 {
				t.Errorf("took %v", took)
			}
		},
	}
	if change != nil {
		change(&o, d.store)
	}
	d.Endpoint = handlers.New(o)
	d.Register(d.e)
	t.Cleanup(func() { d.silent("the log", d.log.String()) })
	return d
}

// silent checks that s contains no secret.
func (d *fixture) silent(where, s string) {
	d.Helper()
	for _, hidden := range []string{secret, token, words, "0401234567", "dG9rZW4", "s3cret"} {
		if strings.Contains(s, hidden) {
			d.Errorf("%s shows %q: %s", where, hidden, s)
		}
	}
}

// do serves a request and checks what every answer must satisfy.
func (d *fixture) do(r *http.Request) *httptest.ResponseRecorder {
	d.Helper()
	w := httptest.NewRecorder()
	d.e.ServeHTTP(w, r)
	d.answer(r.Method+" "+r.URL.Path, w.Code, w.Header().Get("Content-Type"), w.Body.String())
	return w
}

// answer checks the body of an answer: JSON, {"error": ...} for a refusal, {"status": ...} otherwise.
func (d *fixture) answer(what string, code int, contentType, body string) {
	d.Helper()
	d.silent("the answer", body)
	if strings.HasPrefix(what, "HEAD ") {
		return
	}
	if !strings.HasPrefix(contentType, "application/json") {
		d.Errorf("%s: %d with the content type %q", what, code, contentType)
	}
	var b map[string]string
	if err := json.Unmarshal([]byte(body), &b); err != nil {
		d.Errorf("%s: %d %q: %v", what, code, body, err)
		return
	}
	key := "status"
	if code >= 400 && !strings.HasSuffix(what, handlers.ReadyPath) {
		key = "error"
	}
	if b[key] == "" || key == "error" && len(b) != 1 || len(body) > 500 {
		d.Errorf("%s: %d %s", what, code, body)
	}
}

func (d *fixture) post(path, body string) *httptest.ResponseRecorder {
	d.Helper()
	return d.do(httptest.NewRequest("POST", path+"?secret="+secret, strings.NewReader(body)))
}

// refused posts a body and checks that it is refused, and that nothing is left of it.
func (d *fixture) refused(path, body string, code int, sentence string) {
	d.Helper()
	w := d.post(path, body)
	got := reason(w)
	if w.Code != code || !strings.Contains(got, sentence) {
		d.Errorf("%d %s\n  want %d %s\n  body %.300s", w.Code, got, code, sentence, body)
	}
	d.nothing()
}

// nothing checks that the endpoint stored neither an event nor a token.
func (d *fixture) nothing() {
	d.Helper()
	if len(d.steps) != 0 {
		d.Errorf("the endpoint did: %v", d.steps)
	}
}

func reason(w *httptest.ResponseRecorder) string {
	var b struct{ Error string }
	_ = json.Unmarshal(w.Body.Bytes(), &b)
	return b.Error
}

// hook is a webhook as giosg posts it; tests change parts of it.
type hook map[string]any

func (h hook) with(key string, value any) hook {
	out := hook{}
	for k, v := range h {
		out[k] = v
	}
	key, rest, deeper := strings.Cut(key, ".")
	if deeper {
		inner, _ := h[key].(hook)
		out[key] = inner.with(rest, value)
	} else if value == absent {
		delete(out, key)
	} else {
		out[key] = value
	}
	return out
}

// absent is the value of a key that is left out.
var absent = new(int)

func (h hook) String() string {
	b, err := json.Marshal(map[string]any(h))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func envelope(channel, action string, resource any) hook {
	return hook{
		"channel": "/api/v5/users/" + bot + "/" + channel, "action": action, "resource_id": "r", "resource": resource,
		"app_user_auth": hook{"access_token": token, "token_type": "Bearer", "expires_in": 300, "user_id": bot, "organization_id": org},
	}
}

func chatResource() hook {
	return hook{
		"id": chatID, "room_id": room, "created_at": "2026-01-02T03:04:05.678Z", "waiting_started_at": "2026-01-02T03:05:00.001Z",
		"ended_at": nil, "is_ended": false, "is_waiting": true,
	}
}

func messageResource() hook {
	return hook{
		"id": msgID, "type": "msg", "chat_id": chatID, "room_id": room, "created_at": "2026-01-02T03:04:06.789Z",
		"sender_type": "visitor", "sender_id": "a7dff4af6cd3c2bde01d630e0524157b", "message": words,
	}
}

func pendingHook() hook { return envelope("pending_chats", "added", chatResource()) }
func routedHook() hook  { return envelope("routed_chats", "added", chatResource()) }
func messageHook() hook { return envelope("chats/"+chatID+"/messages", "added", messageResource()) }
func routedMessageHook() hook {
	return envelope("routed_chats/"+chatID+"/messages", "added", messageResource())
}

// logs is a log that a test can read.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// count counts the lines of a level.
func (l *logs) count(level string) int {
	return strings.Count(l.String(), fmt.Sprintf(`"level":%q`, level))
}

var errDown = errors.New("dial tcp 127.0.0.1:6379: connection refused")

func (d *fixture) want(got, want []string) {
	d.Helper()
	if !slices.Equal(got, want) {
		d.Errorf("got %v, want %v", got, want)
	}
}
