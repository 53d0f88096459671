package giosg_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"giosgbot/giosg"
)

const (
	base = "/some/prefix"
	// secretValue looks like a token of giosg's, and must be shown nowhere.
	secretValue = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0LXBheWxvYWQ.Zm9vYmFyYmF6cXV4"
)

var token = giosg.Token{
	User:    "bot-1",
	Org:     "org-1",
	Type:    "Bearer",
	Value:   secretValue,
	Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
}

// seen is a request as a server got it.
type seen struct {
	method, uri, body string
	header            http.Header
}

// platform is a server with a path in front of the API's. It records the requests.
type platform struct {
	*httptest.Server
	mu    sync.Mutex // guards calls
	calls []seen
}

func (p *platform) seen() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]seen(nil), p.calls...)
}

// newPlatform serves the API below base with h, which sees paths without it.
func newPlatform(t testing.TB, h http.HandlerFunc) *platform {
	t.Helper()
	p := new(platform)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // not a request: it was never sent to its end
		}
		p.mu.Lock()
		p.calls = append(p.calls, seen{r.Method, r.RequestURI, string(body), r.Header})
		p.mu.Unlock()
		http.StripPrefix(base, h).ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *platform) client(t testing.TB, change func(*giosg.Config)) *giosg.Client {
	t.Helper()
	cfg := giosg.Config{BaseURL: p.URL + base + "/", Version: "1.2.3"}
	if change != nil {
		change(&cfg)
	}
	return newClient(t, cfg)
}

func (p *platform) session(t testing.TB, change func(*giosg.Config)) *giosg.Session {
	t.Helper()
	return p.client(t, change).As(token)
}

func newClient(t testing.TB, cfg giosg.Config) *giosg.Client {
	t.Helper()
	c, err := giosg.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// answer is a handler that always gives the same answer.
func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func noSecret(t *testing.T, where, s string) {
	t.Helper()
	for _, part := range append(strings.Split(secretValue, "."), secretValue[:10]) {
		if strings.Contains(s, part) {
			t.Errorf("%s shows the token: %s", where, s)
			return
		}
	}
}

func wantKind(t *testing.T, err error, want giosg.Kind) {
	t.Helper()
	if got := giosg.KindOf(err); got != want {
		t.Errorf("kind %v, want %v: %v", got, want, err)
	}
}
