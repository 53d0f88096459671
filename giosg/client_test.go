package giosg_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"

	"giosgbot/giosg"
)

func TestNew(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://service.giosg.com", "https://service.giosg.com/", "http://127.0.0.1:8080/a/b/", "http://[::1]:80", "HTTPS://Service.Giosg.com"} {
		if _, err := giosg.New(giosg.Config{BaseURL: good}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "service.giosg.com", "/api", "ftp://h", "http://", "http:///x", "http://:80", "http://u:hunter2@h", "http://u:hunter2@h:port", "http://h?x=1", "http://h?",
		"http://h#x", "http://h#", "http://h/a//b", "http://h/../b", "http://h/%2e%2e", "http://h/.", "http://h//", "http://h/a%20b", "mailto:x",
	} {
		_, err := giosg.New(giosg.Config{BaseURL: bad})
		if err == nil {
			t.Errorf("%q was taken", bad)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password shows: %v", err)
		}
	}
	for _, cfg := range []giosg.Config{{Timeout: -1}, {MaxBody: -1}, {MaxPages: -1}, {Version: "1\r\nX: y"}} {
		cfg.BaseURL = "http://h"
		if _, err := giosg.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// A token is sent to no other host than the configured one, whatever the answer is.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{other.URL, base + "/api/v5/users/other", "http://[bad"} {
			p := newPlatform(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", to)
				w.Header().Set("Set-Cookie", "a=b")
				w.WriteHeader(status)
			})
			s := p.session(t, nil)
			if _, err := s.Me(t.Context()); err == nil {
				t.Errorf("%d was taken", status)
			}
			if err := s.Leave(t.Context(), "ch"); err == nil {
				t.Errorf("%d was taken", status)
			}
			calls := p.seen()
			if len(calls) != 2 || calls[1].header.Get("Cookie") != "" {
				t.Errorf("%d: %+v", status, calls)
			}
		}
	}
}

// pages serves the texts one after the other; {url} is the server's URL.
func pages(t *testing.T, texts ...string) *platform {
	var p *platform
	var mu sync.Mutex
	p = newPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if len(texts) == 0 {
			t.Errorf("one page too many: %s", r.RequestURI)
			return
		}
		io.WriteString(w, strings.ReplaceAll(texts[0], "{url}", p.URL+base))
		texts = texts[1:]
	})
	return p
}

func TestPages(t *testing.T) {
	t.Parallel()
	p := pages(t,
		`{"next": "{url}/api/v5/users/bot-1/chats?cursor=2%2B", "results": [{"id": "a"}, {"id": "b"}]}`,
		`{"next": "?cursor=3", "results": []}`,
		`{"next": "`+base+`/api/v5/users/bot-1/chats/?cursor=4", "results": [{"id": "c"}]}`,
		`{"next": "//{url}/api/v5/users/bot-1/chats?cursor=5", "results": [{"id": "d"}]}`,
		`{"next": "", "results": [{"id": "e"}]}`)
	// A link without a scheme, and one that spells the host differently.
	u, _ := url.Parse(p.URL)
	p.Config.Handler = withBody(p.Config.Handler, "//"+p.URL, "//"+strings.ToUpper(u.Host))
	chats, err := p.session(t, nil).Chats(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range chats {
		ids = append(ids, string(c.ID))
	}
	if got := strings.Join(ids, ""); got != "abcde" {
		t.Errorf("got %s", got)
	}
	var uris []string
	for _, c := range p.seen() {
		uris = append(uris, strings.TrimPrefix(c.uri, base+"/api/v5/users/bot-1/chats"))
		if c.header.Get("Authorization") == "" {
			t.Error("a page was asked for without the token")
		}
	}
	if got := strings.Join(uris, " "); got != " ?cursor=2%2B ?cursor=3 /?cursor=4 ?cursor=5" {
		t.Errorf("asked for %s", got)
	}
}

// withBody replaces text in a handler's answers.
func withBody(h http.Handler, old, new string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		io.WriteString(w, strings.ReplaceAll(rec.Body.String(), old, new))
	})
}

func TestPagesStopAtLimit(t *testing.T) {
	t.Parallel()
	first := `{"next": "?cursor=2", "results": [{"id": "a"}, {"id": "b"}]}`
	for limit, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 4} {
		texts := []string{first}
		if limit > 2 {
			texts = append(texts, `{"next": null, "results": [{"id": "c"}, {"id": "d"}]}`)
		}
		chats, err := pages(t, texts...).session(t, nil).PendingChats(t.Context(), limit)
		if err != nil || len(chats) != want {
			t.Errorf("limit %d: %d chats, %v", limit, len(chats), err)
		}
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	t.Parallel()
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	t.Cleanup(foreign.Close)
	for _, next := range []string{
		foreign.URL + base + "/api/v5/x",
		strings.Replace(foreign.URL, "http://", "//", 1) + base + "/api",
		"https://{host}" + base + "/api/v5/x",
		"http://user@{host}" + base + "/api/v5/x",
		"http://{host}.evil.example" + base + "/api/v5/x",
		"http://{host}@evil.example" + base + "/api/v5/x",
		"{url}", "{url}evil/api", "/api/v5/x", "../../../../../../../x", "{url}/../x", "{url}/%2e%2e/x", "{url}/a%2f..%2fb", `{url}/a\\b`, "{url}//x",
		"mailto:x", "javascript:alert(1)", "http:x", "http://[bad", "\u0001", strings.Repeat("x", 5000),
	} {
		var p *platform
		p = newPlatform(t, func(w http.ResponseWriter, _ *http.Request) {
			link := strings.NewReplacer("{url}", p.URL+base, "{host}", strings.TrimPrefix(p.URL, "http://"), "\u0001", `\u0001`).Replace(next)
			io.WriteString(w, `{"next": "`+link+`", "results": [{"id": "a"}]}`)
		})
		got, err := p.session(t, nil).Messages(t.Context(), "ch")
		if giosg.KindOf(err) != giosg.Invalid || got != nil {
			t.Errorf("%q: %v, %v", next, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "evil") {
			t.Errorf("the error repeats the link: %v", err)
		}
		if n := len(p.seen()); n != 1 {
			t.Errorf("%q: %d requests", next, n)
		}
	}
}

func TestEndlessPages(t *testing.T) {
	t.Parallel()
	circle := newPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": "a", "a": "b", "b": "a"}[r.URL.Query().Get("cursor")]
		io.WriteString(w, `{"next": "?cursor=`+next+`", "results": [{"id": "x"}]}`)
	})
	_, err := circle.session(t, nil).Chats(t.Context(), 0)
	if giosg.KindOf(err) != giosg.Invalid || len(circle.seen()) != 3 {
		t.Errorf("%d requests: %v", len(circle.seen()), err)
	}
	n := 0
	long := newPlatform(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		fmt.Fprintf(w, `{"next": "?cursor=%d", "results": []}`, n)
	})
	_, err = long.session(t, func(c *giosg.Config) { c.MaxPages = 7 }).Teams(t.Context())
	if giosg.KindOf(err) != giosg.Invalid || len(long.seen()) != 7 {
		t.Errorf("%d requests: %v", len(long.seen()), err)
	}
}

func TestMessagesInOrder(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*platform{
		"oldest first": pages(t, `{"next": "?c=2", "results": [{"id": "a", "created_at": "2023-01-01T00:00:00.001Z"}, {"id": "b", "created_at": "2023-01-01T00:00:00.002"}]}`,
			`{"next": null, "results": [{"id": "b", "created_at": "2023-01-01T00:00:00.002Z"}, {"id": "c", "created_at": "2023-01-01T00:00:00.002Z"}, {"id": "d", "created_at": "2023-01-01T00:00:00.010Z"}]}`),
		"newest first": pages(t, `{"next": "?c=2", "results": [{"id": "d", "created_at": "2023-01-01T00:00:00.010Z"}, {"id": "c", "created_at": "2023-01-01T00:00:00.002Z"}]}`,
			`{"next": null, "results": [{"id": "b", "created_at": "2023-01-01T02:00:00.002+02:00"}, {"id": "a", "created_at": "2023-01-01T00:00:00.001Z"}]}`),
	} {
		ms, err := p.session(t, nil).Messages(t.Context(), "ch")
		var ids string
		for _, m := range ms {
			ids += string(m.ID)
		}
		if err != nil || ids != "abcd" {
			t.Errorf("%s: %s, %v", name, ids, err)
		}
	}
}

func TestBodyCap(t *testing.T) {
	t.Parallel()
	text := `{"id": "ch", "room_name": "` + strings.Repeat("x", 1000) + `"}`
	for name, h := range map[string]http.HandlerFunc{
		"with a length": answer(200, text),
		"chunked":       func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); io.WriteString(w, text) },
	} {
		p := newPlatform(t, h)
		limit := func(n int) *giosg.Session {
			return p.session(t, func(c *giosg.Config) { c.MaxBody = int64(n) })
		}
		if _, err := limit(len(text)).Chat(t.Context(), "ch"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := limit(len(text)-1).Chat(t.Context(), "ch")
		wantKind(t, err, giosg.Invalid)
		if e, _ := errors.AsType[*giosg.Error](err); e == nil || e.Status != 200 {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := newPlatform(t, answer(500, strings.Repeat("x", 10_000)))
	_, err := p.session(t, func(c *giosg.Config) { c.MaxBody = 100 }).Me(t.Context())
	wantKind(t, err, giosg.Temporary)
}

// Connections are reused, whatever the answers are.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	i := 0
	p := newPlatform(t, func(w http.ResponseWriter, _ *http.Request) {
		i++
		switch i % 4 {
		case 0:
			answer(500, strings.Repeat("x", 20_000))(w, nil)
		case 1:
			answer(200, "")(w, nil)
		case 2:
			answer(404, `{"detail": "Not found."}`)(w, nil)
		case 3:
			answer(201, `{"id": "m"}`+strings.Repeat(" ", 10_000))(w, nil)
		}
	})
	s := p.session(t, nil)
	fresh := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if !i.Reused {
			fresh++
		}
	}})
	for range 20 {
		s.Send(ctx, "ch", giosg.NewMessage{Message: "x"})
		s.Chat(ctx, "ch")
	}
	if fresh != 1 {
		t.Errorf("%d connections", fresh)
	}
}

func BenchmarkSend(b *testing.B) {
	body := `{"id": "m", "type": "msg", "chat_id": "ch"}`
	s := newClient(b, giosg.Config{BaseURL: "http://giosg.invalid", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		return &http.Response{StatusCode: 201, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
	})}).As(token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Send(b.Context(), "ch", giosg.NewMessage{Message: "Nice to meet you!"}); err != nil {
			b.Fatal(err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
