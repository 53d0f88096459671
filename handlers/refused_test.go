package handlers_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/giosg"
	"giosgbot/handlers"
)

var webhookPaths = []string{handlers.PendingChatsPath, handlers.RoutedChatsPath, handlers.MessagesPath}

func TestSecrets(t *testing.T) {
	t.Parallel()
	const missing, wrong = "the secret is missing", "the secret is wrong"
	for _, tt := range []struct {
		name, query string
		header      []string
		want        string // the refusal; empty: taken
	}{
		{"none", "", nil, missing},
		{"empty", "?secret=", nil, missing},
		{"empty header", "", []string{""}, missing},
		{"another name", "?Secret=" + secret, nil, missing},
		{"in the query", "?secret=" + secret, nil, ""},
		{"in the query, escaped", "?x=1&secret=%733cret-of-the-bot", nil, ""},
		{"in the header", "", []string{secret}, ""},
		{"in the header, beside an empty query", "?secret=", []string{secret}, ""},
		{"in the query, beside an empty header", "?secret=" + secret, []string{""}, ""},
		{"the second of several", "?secret=newer-secret", nil, ""},
		{"the third of several", "", []string{"ünïcode, with a comma"}, ""},
		{"wrong", "?secret=wrong", nil, wrong},
		{"wrong in the header", "", []string{"wrong"}, wrong},
		{"one character less", "?secret=" + secret[:len(secret)-1], nil, wrong},
		{"one character more", "?secret=" + secret + "x", nil, wrong},
		{"a blank more", "?secret=" + secret + "+", nil, wrong},
		{"a zero byte more", "?secret=" + secret + "%00", nil, wrong},
		{"upper case", "?secret=" + strings.ToUpper(secret), nil, wrong},
		{"first character differs", "?secret=x" + secret[1:], nil, wrong},
		{"last character differs", "?secret=" + secret[:len(secret)-1] + "x", nil, wrong},
		{"all of them", "?secret=" + secret + ",newer-secret", nil, wrong},
		{"a header that is wrong, beside a query that is right", "?secret=" + secret, []string{"wrong"}, wrong},
		{"the second of two in the query", "?secret=wrong&secret=" + secret, nil, wrong},
		{"a very long one", "?secret=" + strings.Repeat("a", 100000), nil, wrong},
		{"as a bearer", "", nil, missing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i, path := range webhookPaths {
				d := newFixture(t, func(o *handlers.Options, _ *store) {
					o.Secrets = append(o.Secrets, "newer-secret", "ünïcode, with a comma")
				})
				body := []hook{pendingHook(), routedHook(), messageHook()}[i]
				r := httptest.NewRequest("POST", path+tt.query, strings.NewReader(body.String()))
				for _, h := range tt.header {
					r.Header.Add("X-Webhook-Secret", h)
				}
				r.Header.Set("Authorization", "Bearer "+secret)
				w := d.do(r)
				if tt.want == "" {
					if w.Code != 202 || len(d.items) != 1 {
						t.Errorf("%s: %d %s", path, w.Code, w.Body)
					}
					continue
				}
				if w.Code != 401 || !strings.HasPrefix(reason(w), tt.want) {
					t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, tt.want)
				}
				d.nothing()
				d.want(d.outcomes, []string{path + " refused"})
				if d.log.count("WARN") != 1 {
					t.Errorf("an operator sees nothing of it, or too much: %s", d.log)
				}
			}
		})
	}
}

// A secret that shares a part with a valid one is refused, whichever part it is and however long.
func TestNearlyRightSecretsAreRefused(t *testing.T) {
	t.Parallel()
	valid := []giosg.Secret{"first-secret-0123456789", "second-secret-9876543210", "third"}
	d := newFixture(t, func(o *handlers.Options, _ *store) { o.Secrets = valid })
	send := func(given string, inHeader bool) int {
		t.Helper()
		r := httptest.NewRequest("POST", handlers.MessagesPath, strings.NewReader(messageHook().String()))
		if inHeader {
			r.Header.Set("X-Webhook-Secret", given)
		} else {
			r.URL.RawQuery = url.Values{"secret": {given}}.Encode()
		}
		return d.do(r).Code
	}
	for _, v := range valid {
		right := v.Reveal()
		wrong := []string{right + right, right + "x", "x" + right, valid[0].Reveal() + valid[1].Reveal()}
		for n := range len(right) {
			flipped := string(right[n] ^ 1)
			wrong = append(wrong,
				right[:n],                     // a prefix, and an empty one
				right[n+1:],                   // a suffix
				right[:n]+flipped+right[n+1:], // one character differs
				right[:n]+right[n+1:],         // one character is missing
				right[:n]+"x"+right[n:],       // one character more
				right[:n+1]+strings.Repeat("x", len(right)-n), // the same start, longer
			)
			if rest := strings.Repeat("~", len(right)-n-1); rest != "" {
				wrong = append(wrong, right[:n+1]+rest, rest+right[len(right)-n-1:]) // the same length, with an equal start or end
			}
		}
		for _, inHeader := range []bool{true, false} {
			for _, w := range wrong {
				if code := send(w, inHeader); code != 401 {
					t.Errorf("%q for %q, in the header: %t: %d", w, right, inHeader, code)
				}
			}
			if code := send(right, inHeader); code != 202 {
				t.Errorf("%q, in the header: %t: %d", right, inHeader, code)
			}
		}
	}
	if len(d.items) != 2*len(valid) {
		t.Errorf("%d items were kept, want %d", len(d.items), 2*len(valid))
	}
}

// Without configured secrets every webhook is refused, also one with an empty secret.
func TestNoSecrets(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]giosg.Secret{nil, {""}} {
		d := newFixture(t, func(o *handlers.Options, _ *store) { o.Secrets = secrets })
		for _, q := range []string{"", "?secret=", "?secret=x", "?secret=%00"} {
			if w := d.do(httptest.NewRequest("POST", handlers.MessagesPath+q, strings.NewReader(messageHook().String()))); w.Code != 401 {
				t.Errorf("%q: %d", q, w.Code)
			}
		}
		d.nothing()
	}
}

// The secret is checked before the body is read.
func TestSecretBeforeBody(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	r := httptest.NewRequest("POST", handlers.MessagesPath, reader(func([]byte) (int, error) {
		t.Error("the body was read")
		return 0, io.EOF
	}))
	if w := d.do(r); w.Code != 401 {
		t.Errorf("%d", w.Code)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }

func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	m, p := messageHook(), pendingHook()
	const other = "11111111-2222-4333-8444-555555555555"
	long := strings.Repeat("a", 129)
	for _, tt := range []struct{ name, body, want string }{
		{"empty", "", "not valid JSON, at byte 0"},
		{"blank", " \n", "not valid JSON"},
		{"not JSON", "hello " + words, "not valid JSON, at byte 1"},
		{"a form", "channel=x&secret=" + secret, "not valid JSON"},
		{"XML", "<webhook/>", "not valid JSON"},
		{"truncated", m.String()[:200], "not valid JSON, at byte 200"},
		{"trailing data", m.String() + "{}", "not valid JSON"},
		{"two webhooks", m.String() + "\n" + m.String(), "not valid JSON"},
		{"null", "null", "channel: missing"},
		{"number", "5", "body: must not be of JSON type number"},
		{"string", `"` + words + `"`, "body: must not be of JSON type string"},
		{"list", "[" + m.String() + "]", "body: must not be of JSON type array"},
		{"nothing in it", "{}", "channel: missing"},
		{"deep", strings.Repeat("[", 2000), "nested deeper than 32 levels"},
		{"deep and whole", `{"x":` + strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300) + "," + m.String()[1:], "nested deeper than 32 levels"},
		{"no channel", m.with("channel", absent).String(), "channel: missing"},
		{"a number for the channel", m.with("channel", 5).String(), "channel: must not be of JSON type number"},
		{"no action", m.with("action", absent).String(), "action: missing"},
		{"an unknown action", m.with("action", "exploded").String(), "action: not added, changed or removed"},
		{"an object for the action", m.with("action", hook{}).String(), "action: must not be of JSON type object"},
		{"no auth", m.with("app_user_auth", absent).String(), "app_user_auth: missing"},
		{"null for the auth", m.with("app_user_auth", nil).String(), "app_user_auth: missing"},
		{"a string for the auth", m.with("app_user_auth", token).String(), "app_user_auth: must not be of JSON type string"},
		{"no token", m.with("app_user_auth.access_token", absent).String(), "app_user_auth.access_token: missing"},
		{"a number for the token", m.with("app_user_auth.access_token", 5).String(), "app_user_auth.access_token: must not be of JSON type number"},
		{"a token that breaks out", m.with("app_user_auth.access_token", token+"\r\nX: y").String(), "app_user_auth.access_token: holds a character"},
		{"no token type", m.with("app_user_auth.token_type", absent).String(), "app_user_auth.token_type: missing"},
		{"a token type of two words", m.with("app_user_auth.token_type", "Bear er").String(), "app_user_auth.token_type: not a plain word"},
		{"no bot user", m.with("app_user_auth.user_id", absent).String(), "app_user_auth.user_id: missing"},
		{"a hostile bot user", m.with("app_user_auth.user_id", "../"+other).String(), "app_user_auth.user_id: not an id"},
		{"a hostile organization", m.with("app_user_auth.organization_id", "a/b").String(), "app_user_auth.organization_id: not an id"},
		{"no resource", m.with("resource", absent).String(), "resource: missing"},
		{"null for the resource", m.with("resource", nil).String(), "resource: missing"},
		{"a list for the resource", m.with("resource", []int{}).String(), "resource: not an object"},
		{"a string for the resource", m.with("resource", words).String(), "resource: not an object"},
		{"no resource of a change", m.with("action", "changed").with("resource", absent).String(), "resource: missing"},
		{"an empty resource", m.with("resource", hook{}).String(), "resource.id: missing"},
		{"no message id", m.with("resource.id", absent).String(), "resource.id: missing"},
		{"a hostile message id", m.with("resource.id", "a/../b").String(), "resource.id: not an id"},
		{"a message id with a line", m.with("resource.id", "a\nb").String(), "resource.id: not an id"},
		{"a message id with a colon", m.with("resource.id", "a:b").String(), "resource.id: not an id"},
		{"a long message id", m.with("resource.id", long).String(), "resource.id: not an id: longer than 128"},
		{"a number for the message id", m.with("resource.id", 7).String(), "resource.id: must not be of JSON type number"},
		{"no chat id", m.with("resource.chat_id", absent).String(), "resource.chat_id: missing"},
		{"a hostile chat id", m.with("resource.chat_id", "{x}").String(), "resource.chat_id: not an id"},
		{"a hostile room id", m.with("resource.room_id", "%2e%2e").String(), "resource.room_id: not an id"},
		{"a hostile sender id", m.with("resource.sender_id", "?x").String(), "resource.sender_id: not an id"},
		{"another chat than the channel's", m.with("resource.chat_id", other).String(), "resource.chat_id: another chat than the channel's"},
		{"no type", m.with("resource.type", absent).String(), "resource.type: missing"},
		{"no sender type", m.with("resource.sender_type", nil).String(), "resource.sender_type: missing"},
		{"no time", m.with("resource.created_at", absent).String(), "resource.created_at: missing, or not a time"},
		{"null for the time", m.with("resource.created_at", nil).String(), "resource.created_at: missing, or not a time"},
		{"a number for the time", m.with("resource.created_at", 1767323046).String(), "resource.created_at: missing, or not a time"},
		{"a time that is none", m.with("resource.created_at", "yesterday").String(), "resource.created_at: missing, or not a time"},
		{"a time after the end of all calendars", m.with("resource.created_at", "9999-12-31T23:59:59-10:00").String(), "resource.created_at: out of range"},
		{"a time before the begin of all calendars", m.with("resource.created_at", "0000-01-01T00:00:00+10:00").String(), "resource.created_at: out of range"},
		{"a list for the words", m.with("resource.message", []string{words}).String(), "resource.message: must not be of JSON type array"},
		{"an object for the attachments", m.with("resource.attachments", hook{}).String(), "resource.attachments: must not be of JSON type object"},
		{"an unknown channel", m.with("channel", "/api/v5/users/"+bot+"/chats/"+chatID+"/memberships").String(), "channel: not one that a bot listens to"},
		{"a channel of another version", m.with("channel", "/api/v6/users/"+bot+"/chats/"+chatID+"/messages").String(), "channel: not one that a bot listens to"},
		{"a channel with the pattern still in it", m.with("channel", "/api/v5/users/{user_id}/chats/*/messages").String(), "channel: user: not an id"},
		{"a hostile chat in the channel", m.with("channel", "/api/v5/users/"+bot+"/chats/../messages").String(), "channel: chat: not an id"},
		{"a hostile user in the channel", m.with("channel", "/api/v5/users/%2e%2e/chats/"+chatID+"/messages").String(), "channel: user: not an id"},
		{"a channel of another user", m.with("channel", "/api/v5/users/"+other+"/chats/"+chatID+"/messages").String(), "channel: of another user than app_user_auth.user_id"},
		{"a channel of another user, removed", m.with("action", "removed").with("channel", "/api/v5/users/"+other+"/chats/"+chatID+"/messages").String(), "channel: of another user"},
		{"a long channel", m.with("channel", "/"+strings.Repeat("a", 600)).String(), "channel: not a channel's name"},
		{"pending chats", p.String(), "webhooks of the channel .../pending_chats go to /webhooks/pending_chats"},
		{"routed chats", routedHook().String(), "webhooks of the channel .../routed_chats go to /webhooks/routed_chats"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t, nil)
			d.refused(handlers.MessagesPath, tt.body, 400, tt.want)
			d.want(d.outcomes, []string{handlers.MessagesPath + " refused"})
			if d.log.count("WARN") != 1 || d.log.count("ERROR") != 0 {
				t.Errorf("the log says: %s", d.log)
			}
		})
	}
}

func TestBrokenChats(t *testing.T) {
	t.Parallel()
	for path, h := range map[string]hook{handlers.PendingChatsPath: pendingHook(), handlers.RoutedChatsPath: routedHook()} {
		for key, values := range map[string][]any{
			"resource.id":            {absent, nil, "", "..", "a b", 5, strings.Repeat("x", 200)},
			"resource.room_id":       {"/", 5},
			"resource.is_ended":      {"no"},
			"resource.created_at":    {"9999-12-31T23:59:59-10:00"},
			"app_user_auth.user_id":  {"11111111-2222-4333-8444-555555555555"}, // another than the channel's
			"app_user_auth":          {absent},
			"resource":               {absent, nil, "", []int{}, hook{}},
			"resource.message_count": {"many"},
		} {
			for _, v := range values {
				h := h
				if key == "resource.created_at" {
					h = h.with("resource.waiting_started_at", v)
				}
				newFixture(t, nil).refused(path, h.with(key, v).String(), 400, strings.Split(key, ".")[0])
			}
		}
	}
}

// A webhook that was posted to the wrong path is refused, and the error names the right one.
func TestWrongURL(t *testing.T) {
	t.Parallel()
	channels := map[string]struct {
		h      hook
		prefix string
		path   string
	}{
		"pending":        {pendingHook(), "channel: webhooks of the channel .../pending_chats go to ", handlers.PendingChatsPath},
		"routed":         {routedHook(), "channel: webhooks of the channel .../routed_chats go to ", handlers.RoutedChatsPath},
		"messages":       {messageHook(), "channel: webhooks of the channel .../chats/*/messages go to ", handlers.MessagesPath},
		"routedMessages": {routedMessageHook(), "channel: webhooks of the channel .../routed_chats/*/messages go to ", handlers.MessagesPath},
	}
	for name, c := range channels {
		for _, path := range webhookPaths {
			d := newFixture(t, nil)
			if path == c.path {
				if w := d.post(path, c.h.String()); w.Code != 202 {
					t.Errorf("%s at %s: %d %s", name, path, w.Code, w.Body)
				}
				continue
			}
			d.refused(path, c.h.String(), 400, c.prefix+c.path)
			d.refused(path, c.h.with("action", "removed").String(), 400, c.prefix+c.path)
		}
	}
}

func TestMethodsAndPaths(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	for _, path := range webhookPaths {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"} {
			w := d.do(httptest.NewRequest(method, path+"?secret="+secret, strings.NewReader(messageHook().String())))
			if w.Code != 405 || method != "HEAD" && !strings.Contains(reason(w), "webhooks come by POST") || !strings.Contains(w.Header().Get("Allow"), "POST") {
				t.Errorf("%s %s: %d %s, Allow %q", method, path, w.Code, w.Body, w.Header().Get("Allow"))
			}
		}
	}
	for _, path := range []string{handlers.HealthPath, handlers.ReadyPath} {
		w := httptest.NewRecorder()
		d.e.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		if w.Code != 405 || !strings.Contains(reason(w), "ask with GET") {
			t.Errorf("POST %s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/", "/webhooks", "/webhooks/", "/webhooks/chats", "/webhooks/messages/", "/webhooks/messages/x", "//webhooks/messages", "/metrics", "/.env", "/webhooks/%2e%2e/messages", "/WEBHOOKS/MESSAGES"} {
		for _, method := range []string{"GET", "POST", "HEAD"} {
			w := d.do(httptest.NewRequest(method, path, strings.NewReader(messageHook().String())))
			if w.Code != 404 || method != "HEAD" && !strings.Contains(reason(w), "webhooks go to /webhooks/pending_chats, /webhooks/routed_chats and /webhooks/messages") {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
		}
	}
	d.nothing()
}

// Paths of unknown requests are not logged: they may contain anything.
func TestNoStrangePathsInTheLog(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	d.do(httptest.NewRequest("GET", "/x/"+secret+"?secret="+secret, nil))
	d.do(httptest.NewRequest("GET", handlers.MessagesPath+"?secret="+secret, nil))
	if strings.Contains(d.log.String(), "secret=") {
		t.Errorf("logged: %s", d.log)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	pad := func(n int) string { // a good webhook of n bytes
		s := messageHook().with("pad", "").String()
		return strings.Replace(s, `"pad":""`, `"pad":"`+strings.Repeat("x", n-len(s))+`"`, 1)
	}
	for _, chunked := range []bool{false, true} {
		for size, want := range map[int]int{maxBody: 202, maxBody + 1: 413, maxBody * 1000: 413} {
			t.Run(fmt.Sprint(chunked, size), func(t *testing.T) {
				t.Parallel()
				d := newFixture(t, nil)
				srv := httptest.NewServer(d.e)
				defer srv.Close()
				var body io.Reader = strings.NewReader(pad(size))
				if chunked {
					body = reader(body.Read) // hides the length
				}
				res, err := srv.Client().Post(srv.URL+handlers.MessagesPath+"?secret="+secret, "application/json", body)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				answer, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				d.answer("POST", res.StatusCode, res.Header.Get("Content-Type"), string(answer))
				if res.StatusCode != want || want == 413 && !strings.Contains(string(answer), "larger than 4096 bytes") {
					t.Errorf("%d %s, want %d", res.StatusCode, answer, want)
				}
				if want == 413 {
					d.nothing()
				}
			})
		}
	}
}

// A body that is shorter than its announced length is refused.
func TestSlowAndCutBodies(t *testing.T) {
	t.Parallel()
	body := messageHook().String()
	head := fmt.Sprintf("POST %s?secret=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", handlers.MessagesPath, secret, len(body))
	for name, closes := range map[string]bool{"slow": false, "cut": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t, nil)
			srv := httptest.NewUnstartedServer(d.e)
			srv.Config.ReadTimeout = 3 * time.Second // a busy machine must get as far as this
			srv.Start()
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, head+body[:len(body)-1]); err != nil {
				t.Fatal(err)
			}
			if closes {
				if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			answer, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			d.answer("POST", res.StatusCode, res.Header.Get("Content-Type"), string(answer))
			if res.StatusCode != 400 || !strings.Contains(string(answer), "could not be read to its end") {
				t.Errorf("%d %s", res.StatusCode, answer)
			}
			d.nothing()
		})
	}
}

// A body that arrives in small pieces is accepted.
func TestBodyInPieces(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	body := strings.NewReader(messageHook().String())
	r := httptest.NewRequest("POST", handlers.MessagesPath+"?secret="+secret, reader(func(b []byte) (int, error) { return body.Read(b[:1]) }))
	if w := d.do(r); w.Code != 202 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStoreDown(t *testing.T) {
	t.Parallel()
	for path, h := range map[string]hook{handlers.PendingChatsPath: pendingHook(), handlers.RoutedChatsPath: routedHook(), handlers.MessagesPath: messageHook()} {
		d := newFixture(t, func(_ *handlers.Options, s *store) { s.putErr = errDown })
		w := d.post(path, h.String())
		if w.Code != 503 || !strings.Contains(reason(w), "send it again") || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "6379") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		d.want(d.outcomes, []string{path + " failed"})
		d.want(d.steps, []string{"token", "told", "put"}) // the token is good all the same
		if d.log.count("ERROR") != 1 || !strings.Contains(d.log.String(), "connection refused") {
			t.Errorf("the log says: %s", d.log)
		}
	}
}

// A store that does not answer in time makes the endpoint answer 503 in time.
func TestStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFixture(t, func(_ *handlers.Options, s *store) { s.hang = true })
		start := time.Now()
		w := d.post(handlers.MessagesPath, messageHook().String())
		if took := time.Since(start); w.Code != 503 || took > time.Second {
			t.Errorf("%d after %v", w.Code, took)
		}
		start = time.Now()
		w = d.do(httptest.NewRequest("GET", handlers.ReadyPath, nil))
		if took := time.Since(start); w.Code != 503 || took > time.Second {
			t.Errorf("ready: %d after %v", w.Code, took)
		}
	})
}

// When the caller disconnects, the operation on the store ends.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFixture(t, func(_ *handlers.Options, s *store) { s.hang = true })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		d.do(httptest.NewRequest("POST", handlers.MessagesPath+"?secret="+secret, strings.NewReader(messageHook().String())).WithContext(ctx))
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("%v", took)
		}
	})
}

func TestHealth(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	get := func(path string, code int, status string) {
		t.Helper()
		w := d.do(httptest.NewRequest("GET", path, nil))
		if w.Code != code || !strings.Contains(w.Body.String(), `"status":"`+status+`"`) {
			t.Errorf("%s: %d %s, want %d %s", path, w.Code, w.Body, code, status)
		}
		if w := d.do(httptest.NewRequest("HEAD", path, nil)); w.Code != code {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	get(handlers.HealthPath, 200, "ok")
	get(handlers.ReadyPath, 200, "ready")
	d.store.pingErr = errDown
	get(handlers.HealthPath, 200, "ok") // restarting the bot would not help
	get(handlers.ReadyPath, 503, "unavailable")
	get(handlers.ReadyPath, 503, "unavailable")
	d.store.pingErr = nil
	get(handlers.ReadyPath, 200, "ready")
	get(handlers.ReadyPath, 200, "ready")
	if log := d.log.String(); strings.Count(log, `"not ready"`) != 1 || strings.Count(log, `"ready again"`) != 1 || !strings.Contains(log, errDown.Error()) {
		t.Errorf("the log must say once when it begins, and why, and once when it is over: %s", log)
	}
	d.Close()
	d.Close()
	get(handlers.HealthPath, 200, "ok")
	get(handlers.ReadyPath, 503, "stopping")
	if w := d.post(handlers.MessagesPath, messageHook().String()); w.Code != 202 { // what still comes is kept
		t.Errorf("%d", w.Code)
	}
}

// A problem that does not stop the bot is shown by /readyz, which still succeeds.
func TestReadyWithAProblem(t *testing.T) {
	t.Parallel()
	problem := ""
	d := newFixture(t, func(o *handlers.Options, _ *store) { o.Problem = func() string { return problem } })
	for _, tt := range [][2]string{{"", `{"status":"ready"}`}, {"shop.yaml:3: no", `{"status":"ready","reason":"shop.yaml:3: no"}`}} {
		problem = tt[0]
		if w := d.do(httptest.NewRequest("GET", handlers.ReadyPath, nil)); w.Code != 200 || strings.TrimSpace(w.Body.String()) != tt[1] {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// Concurrent requests over real connections.
func TestTogether(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	srv := httptest.NewServer(d.e)
	defer srv.Close()
	codes := make(chan int, 200)
	for i := range 200 {
		go func() {
			q := "?secret=" + secret
			if i%2 == 1 {
				q = "?secret=wrong"
			}
			res, err := srv.Client().Post(srv.URL+handlers.MessagesPath+q, "application/json", strings.NewReader(messageHook().with("resource.id", fmt.Sprint("m", i)).String()))
			if err != nil {
				codes <- 0
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			codes <- res.StatusCode
		}()
	}
	got := map[int]int{}
	for range 200 {
		got[<-codes]++
	}
	if got[202] != 100 || got[401] != 100 || len(d.items) != 100 {
		t.Errorf("%v, %d items", got, len(d.items))
	}
}
