package giosg_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg"
)

// The kinds of giosg's answers to reads, to writes and to joins of a pending chat.
func TestStatusKinds(t *testing.T) {
	t.Parallel()
	const after = "Retry-After"
	date := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		status            int
		header            []string
		read, write, take giosg.Kind
		after             time.Duration
	}{
		{status: 400, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 402, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 401, read: giosg.Unauthorized, write: giosg.Unauthorized, take: giosg.Unauthorized},
		{status: 403, read: giosg.Forbidden, write: giosg.Forbidden, take: giosg.Forbidden},
		{status: 404, read: giosg.Gone, write: giosg.Gone, take: giosg.Taken},
		{status: 405, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 408, read: giosg.Temporary, write: giosg.Temporary, take: giosg.Temporary},
		{status: 409, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 410, read: giosg.Gone, write: giosg.Gone, take: giosg.Gone},
		{status: 413, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 422, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 418, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 451, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 425, read: giosg.Temporary, write: giosg.Temporary, take: giosg.Temporary},
		{status: 429, read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled},
		{status: 429, header: []string{after, "7"}, read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled, after: 7 * time.Second},
		{status: 429, header: []string{after, "0.5"}, read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled, after: time.Second / 2},
		{status: 429, header: []string{after, "-7"}, read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled},
		{status: 429, header: []string{after, "soon"}, read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled},
		{status: 429, header: []string{after, "1e300"}, read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled, after: time.Minute},
		{status: 429, header: []string{after, date.Add(45 * time.Second).Format(http.TimeFormat), "Date", date.Format(http.TimeFormat)},
			read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled, after: 45 * time.Second},
		{status: 429, header: []string{after, date.Format(time.RFC850), "Date", date.Add(time.Hour).Format(http.TimeFormat)},
			read: giosg.Throttled, write: giosg.Throttled, take: giosg.Throttled},
		{status: 500, read: giosg.Temporary, write: giosg.Unknown, take: giosg.Unknown},
		{status: 502, read: giosg.Temporary, write: giosg.Unknown, take: giosg.Unknown},
		{status: 503, read: giosg.Temporary, write: giosg.Unknown, take: giosg.Unknown},
		{status: 503, header: []string{after, "3"}, read: giosg.Temporary, write: giosg.Unknown, take: giosg.Unknown, after: 3 * time.Second},
		{status: 503, header: []string{after, "0"}, read: giosg.Temporary, write: giosg.Unknown, take: giosg.Unknown},
		{status: 503, header: []string{after, "soon"}, read: giosg.Temporary, write: giosg.Unknown, take: giosg.Unknown},
		{status: 504, read: giosg.Temporary, write: giosg.Unknown, take: giosg.Unknown},
		{status: 301, header: []string{"Location", "/elsewhere"}, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 302, header: []string{"Location", "/elsewhere"}, read: giosg.Refused, write: giosg.Unknown, take: giosg.Unknown},
		{status: 303, header: []string{"Location", "/elsewhere"}, read: giosg.Refused, write: giosg.Unknown, take: giosg.Unknown},
		{status: 307, header: []string{"Location", "/elsewhere"}, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
		{status: 308, header: []string{"Location", "/elsewhere"}, read: giosg.Refused, write: giosg.Refused, take: giosg.Refused},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.header), func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, answer(tt.status, `{"detail": "Some  words."}`, tt.header...))
			var observed []giosg.Call
			fresh := func() *giosg.Session { // one that has not been asked to wait
				return p.session(t, func(c *giosg.Config) { c.Observe = func(call giosg.Call) { observed = append(observed, call) } })
			}
			_, read := fresh().Messages(t.Context(), "chat-1")
			_, write := fresh().Send(t.Context(), "chat-1", giosg.NewMessage{Message: "x"})
			_, take := fresh().JoinPending(t.Context(), "chat-1")
			for i, c := range []struct {
				err  error
				want giosg.Kind
			}{{read, tt.read}, {write, tt.write}, {take, tt.take}} {
				wantKind(t, c.err, c.want)
				if got := giosg.RetryAfter(fmt.Errorf("turn: %w", c.err)); got != tt.after {
					t.Errorf("retry after %v, want %v", got, tt.after)
				}
				e, ok := errors.AsType[*giosg.Error](c.err)
				if !ok || e.Status != tt.status || e.Detail != "Some  words." || e.Op == "" {
					t.Errorf("%#v", e)
				}
				if observed[i].Kind != c.want || observed[i].Status != tt.status {
					t.Errorf("observed %+v", observed[i])
				}
				if strings.Contains(c.err.Error(), "chat-1") || strings.Contains(c.err.Error(), "bot-1") {
					t.Errorf("the error has an id: %v", c.err)
				}
			}
			if n := len(p.seen()); n != 3 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	if k := giosg.KindOf(nil); k != giosg.OK {
		t.Error(k)
	}
	if k := giosg.KindOf(fmt.Errorf("x: %w", context.DeadlineExceeded)); k != giosg.Canceled {
		t.Error(k)
	}
	if k := giosg.KindOf(io.EOF); k != giosg.Unknown {
		t.Error(k)
	}
	if k := giosg.KindOf(fmt.Errorf("a: %w", &giosg.Error{Kind: giosg.Taken})); k != giosg.Taken {
		t.Error(k)
	}
	if got := giosg.Kind(99).String() + " " + giosg.Canceled.String() + " " + giosg.Refused.String(); got != "kind(99) canceled refused" {
		t.Error(got)
	}
	e := &giosg.Error{Kind: giosg.Throttled, Op: "send message", Method: "POST", Path: "/p/<user>", Status: 429, RetryAfter: 3 * time.Second, Detail: "Slow down.", Err: io.EOF}
	if got, want := e.Error(), "send message: POST /p/<user>: 429 throttled, retry after 3s: Slow down.: EOF"; got != want {
		t.Errorf("%s", got)
	}
	if !errors.Is(e, io.EOF) || giosg.RetryAfter(io.EOF) != 0 {
		t.Error("the cause is lost")
	}
}

// rawServer answers each connection with f.
func rawServer(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String() + base
}

func readRequest(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err == nil {
		io.Copy(io.Discard, r.Body)
	}
}

// The kinds of calls whose connection fails, before and after the request was
// sent.
func TestCuts(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + closed.Addr().String()
	closed.Close()
	tests := []struct {
		name        string
		url         string
		transport   http.RoundTripper
		read, write giosg.Kind
	}{
		{name: "connection refused", url: refusing, read: giosg.Temporary, write: giosg.Temporary},
		{name: "no such host", url: "http://giosg.invalid", transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "giosg.invalid", IsNotFound: true}
		}}, read: giosg.Temporary, write: giosg.Temporary},
		{name: "dial hangs", url: "http://giosg.invalid", transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, read: giosg.Temporary, write: giosg.Temporary},
		{name: "no TLS there", url: "https" + strings.TrimPrefix(rawServer(t, func(c net.Conn) { io.WriteString(c, "hello hello\n") }), "http"),
			read: giosg.Temporary, write: giosg.Temporary},
		{name: "cut after the request", url: rawServer(t, readRequest), read: giosg.Temporary, write: giosg.Unknown},
		{name: "never answered", url: rawServer(t, func(c net.Conn) { readRequest(c); io.Copy(io.Discard, c) }), read: giosg.Temporary, write: giosg.Unknown},
		{name: "cut in the answer", url: rawServer(t, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\": ")
		}), read: giosg.Temporary, write: giosg.Unknown},
		{name: "answer hangs", url: rawServer(t, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\": ")
			io.Copy(io.Discard, c)
		}), read: giosg.Temporary, write: giosg.Unknown},
		{name: "answer is no HTTP and echoes the token", url: rawServer(t, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "SSH "+secretValue+"\r\n\r\n")
		}), read: giosg.Temporary, write: giosg.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls []giosg.Call
			s := newClient(t, giosg.Config{BaseURL: tt.url, Transport: tt.transport, Timeout: 500 * time.Millisecond,
				Observe: func(c giosg.Call) { calls = append(calls, c) }}).As(token)
			_, read := s.Messages(t.Context(), "chat-1")
			_, write := s.Send(t.Context(), "chat-1", giosg.NewMessage{Message: "x"})
			leave := s.Leave(t.Context(), "chat-1")
			wantKind(t, read, tt.read)
			wantKind(t, write, tt.write)
			wantKind(t, leave, tt.write)
			for _, err := range []error{read, write, leave} {
				if strings.Contains(err.Error(), "bot-1") || strings.Contains(err.Error(), "chat-1") {
					t.Errorf("the error has an id: %v", err)
				}
				noSecret(t, "the error", err.Error())
			}
			if len(calls) != 3 || calls[0].Kind != tt.read || calls[1].Kind != tt.write {
				t.Errorf("observed %+v", calls)
			}
		})
	}
}

// If the server closes a connection at once, the request may or may not have been
// sent, so both kinds are right.
func TestCutAtOnce(t *testing.T) {
	t.Parallel()
	s := newClient(t, giosg.Config{BaseURL: rawServer(t, func(net.Conn) {})}).As(token)
	for range 50 {
		err := s.Leave(t.Context(), "ch")
		if k := giosg.KindOf(err); k != giosg.Temporary && k != giosg.Unknown {
			t.Fatal(err)
		}
	}
}

// The caller's context ends: a read, or a write that was not sent, is Canceled. A
// write that was sent is Unknown.
func TestCanceled(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"cancel", "deadline"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan struct{}, 1)
			p := newPlatform(t, func(_ http.ResponseWriter, r *http.Request) { arrived <- struct{}{}; <-r.Context().Done() })
			s := p.session(t, nil)
			run := func(call func(context.Context) error) error {
				ctx, cancel := context.WithCancel(t.Context())
				if end == "deadline" {
					ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
				}
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- call(ctx) }()
				select {
				case <-arrived:
				case err := <-done:
					return err
				}
				if end == "cancel" {
					cancel()
				}
				return <-done
			}
			read := run(func(ctx context.Context) error { _, err := s.Messages(ctx, "ch"); return err })
			wantKind(t, read, giosg.Canceled)
			write := run(func(ctx context.Context) error { return s.Leave(ctx, "ch") })
			wantKind(t, write, giosg.Unknown)
			for _, err := range []error{read, write} {
				if !errors.Is(err, map[string]error{"cancel": context.Canceled, "deadline": context.DeadlineExceeded}[end]) {
					t.Errorf("the cause is not to be found: %v", err)
				}
			}
		})
	}
	p := newPlatform(t, answer(200, `{}`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantKind(t, p.session(t, nil).Leave(ctx, "ch"), giosg.Canceled)
	if n := len(p.seen()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestDetail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, want string }{
		"plain":      {`{"detail": " Not found. "}`, "Not found."},
		"controls":   {`{"detail": "a\u0000b\nc\u001b[31md"}`, "ab c[31md"},
		"long":       {`{"detail": "` + strings.Repeat("ä ", 300) + `"}`, strings.Repeat("ä ", 66) + "ä" + "..."},
		"other type": {`{"detail": {"a": 1}}`, ""},
		"other key":  {`{"message": ["too long"]}`, ""},
		"no JSON":    {`<html>`, ""},
		"token":      {`{"detail": "bad token ` + secretValue + `"}`, ""},
		"part of it": {`{"detail": "bad token ...` + secretValue[30:42] + `..."}`, ""},
		"other JWT":  {`{"detail": "bad token eyJhbGciOi"}`, ""},
	} {
		p := newPlatform(t, answer(401, tt.body))
		_, err := p.session(t, nil).Me(t.Context())
		e, _ := errors.AsType[*giosg.Error](err)
		if e.Detail != tt.want && name != "long" || name == "long" && (len(e.Detail) > 210 || !strings.HasSuffix(e.Detail, "...")) {
			t.Errorf("%s: %q, want %q", name, e.Detail, tt.want)
		}
		noSecret(t, name, fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err))
	}
}

// No printed or logged value shows the token.
func TestTokenIsNeverSeen(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer(403, `{"detail": "no: `+secretValue+`"}`))
	s := p.session(t, nil)
	_, err := s.Me(t.Context())
	tokens := giosg.NewTokens(nil)
	tokens.Put(token)
	hook, perr := giosg.ParseWebhook([]byte(strings.Replace(routedChatAdded, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJmb28iOiJiYXIifQ.JsxySWmKqmsd7BTXRi3JnmkFS4kJJTU_NYUN2NcfsP8", secretValue, 1)))
	if perr != nil {
		t.Fatal(perr)
	}
	hook.Resource = nil
	type outer struct {
		Token giosg.Token
		Ptr   *giosg.Token
		Value giosg.Secret
		List  []giosg.Secret
		Map   map[string]giosg.Token
		Hook  *giosg.Webhook
		Auth  *giosg.Auth
	}
	nested := outer{token, &token, token.Value, []giosg.Secret{token.Value}, map[string]giosg.Token{"a": token}, &hook, &hook.Auth}
	var out bytes.Buffer
	jsonLog := slog.New(slog.NewJSONHandler(&out, nil))
	textLog := slog.New(slog.NewTextHandler(&out, nil))
	for name, v := range map[string]any{
		"token": token, "token pointer": &token, "secret": token.Value, "error": err, "session": s, "tokens": tokens, "client": p.client(t, nil),
		"webhook": hook, "auth": hook.Auth, "auth pointer": &hook.Auth, "nested": nested, "nested pointer": &nested, "hidden": struct {
			s *giosg.Session
			t *giosg.Tokens
		}{s, tokens}, "hidden session": struct{ s giosg.Session }{*s},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3v", "%-40s|"} {
			noSecret(t, name+" as "+verb, fmt.Sprintf(verb, v))
			noSecret(t, name+" as "+verb, strings.ToLower(fmt.Sprintf(verb, v)))
		}
		if strings.Contains(fmt.Sprintf("%x", v), fmt.Sprintf("%x", secretValue)) {
			t.Errorf("%s shows the token in hex", name)
		}
		out.Reset()
		jsonLog.Info("x", "v", v)
		textLog.Info("x", "v", v)
		jsonLog.Info("x", slog.Group("g", slog.Any("v", v)))
		noSecret(t, name+" in the log", out.String())
	}
	if got := fmt.Sprintf("%s %v %q", token.Value, token.Value, token.Value); got != "[redacted] [redacted] [redacted]" {
		t.Error(got)
	}
	if token.Value.Reveal() != secretValue {
		t.Error("a secret cannot be revealed")
	}
}
