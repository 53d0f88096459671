package admin_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"giosgbot/admin"
	"giosgbot/queue"
)

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := t.Context()
	c := admin.Client{Base: s.http.URL + "/"}
	if list, total, err := c.List(ctx, 0); err != nil || len(list) != 0 || total != 0 {
		t.Fatal(list, total, err)
	}
	for n := range 3 {
		s.put(event(n))
		s.work("set aside")
	}
	list, total, err := c.List(ctx, 0)
	if err != nil || len(list) != 3 || total != 3 {
		t.Fatal(list, total, err)
	}
	first := list[0]
	if first.Chat != "chat-0000" || first.User != "user-1" || first.Org != "org-1" || first.Kind != "said" || first.Event != "message-0" ||
		first.Reason != "giosg says: 400 invalid" || first.Attempts != 1 || first.Text != "" || first.Chars != 15 {
		t.Errorf("%+v", first)
	}
	if list, total, err := c.List(ctx, 2); err != nil || len(list) != 2 || total != 3 {
		t.Error(list, total, err)
	}
	if one, err := c.Show(ctx, first.ID); err != nil || one != first {
		t.Errorf("%+v, %v", one, err)
	}
	if err := c.Retry(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	if l, err := s.queue.Lease(ctx); err != nil || l.ID != "message-0" { // back in its lane
		t.Fatal(l, err)
	}
	if err := c.Drop(ctx, list[1].ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{first.ID, list[1].ID, "nonsense", "..%2f..", "a b", "99999"} {
		_, show := c.Show(ctx, id)
		for _, err := range []error{show, c.Retry(ctx, id), c.Drop(ctx, id)} {
			if !errors.Is(err, admin.ErrNotFound) {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
	if list, total, err := c.List(ctx, 0); err != nil || len(list) != 1 || total != 1 || list[0].Chat != "chat-0002" {
		t.Error(list, total, err)
	}
	s.want(s.scrape(), `giosgbot_events_in_total{way="retry"}`, 1)
}

func TestDeadLettersShowWordsWithDebugOnly(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *admin.Options) { o.Debug = true })
	s.put(event(1))
	s.work("set aside")
	list, _, err := admin.Client{Base: s.http.URL}.List(t.Context(), 0)
	if err != nil || len(list) != 1 || list[0].Text != "my card is 4111" {
		t.Fatalf("%+v, %v", list, err)
	}
}

// A dead letter whose event cannot be read is listed.
func TestDeadLetterThatIsNoEvent(t *testing.T) {
	t.Parallel()
	s := start(t)
	it := queue.Item{Lane: "user-9/chat-9", ID: "x", At: time.Now(), Body: []byte("{nonsense")}
	if err := s.queue.Put(t.Context(), it); err != nil {
		t.Fatal(err)
	}
	l, err := s.queue.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Bury(t.Context(), "the event cannot be read", queue.Outcome{}); err != nil {
		t.Fatal(err)
	}
	list, _, err := admin.Client{Base: s.http.URL}.List(t.Context(), 0)
	if err != nil || len(list) != 1 || list[0].Chat != "chat-9" || list[0].User != "user-9" || list[0].Event != "x" {
		t.Fatalf("%+v, %v", list, err)
	}
}

func TestClientSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }))
	t.Cleanup(page.Close)
	s := start(t, func(o *admin.Options) { o.Queue = broken{o.Queue} })
	s.queue.Close()

	for _, c := range []struct{ base, want string }{
		{nobody, "no bot answers at " + nobody},
		{nobody, "ADMIN_ADDR"},
		{nobody, "kubectl exec"},
		{"::nonsense", "is not the address of a bot"},
		{other.URL, "is not a bot's admin address: 404"},
		{page.URL, "is not a bot's admin address"},
	} {
		_, _, err := admin.Client{Base: c.base}.List(t.Context(), 0)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.base, err, c.want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":9090": "http://127.0.0.1:9090", "0.0.0.0:1": "http://127.0.0.1:1", "[::]:2": "http://127.0.0.1:2",
		"127.0.0.1:9090": "http://127.0.0.1:9090", "[::1]:3": "http://[::1]:3", "bot.internal:9090": "http://bot.internal:9090",
	} {
		if got, err := admin.BaseURL(addr); err != nil || got != want {
			t.Errorf("%s: %s, %v", addr, got, err)
		}
	}
	for _, addr := range []string{"", "nonsense"} {
		if _, err := admin.BaseURL(addr); err == nil || !strings.Contains(err.Error(), "ADMIN_ADDR") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

func TestPrinting(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	l := admin.DeadLetter{
		ID: "7", Reason: "send message: 400 invalid:\n\x1b[31m " + strings.Repeat("long ", 30), Attempts: 3, SetAside: now.Add(-2 * time.Hour),
		Event: "m1", Kind: "said", Chat: "c1", User: "u1", Org: "o1", At: now.Add(-3 * time.Hour), Chars: 12,
	}
	var b bytes.Buffer
	if err := admin.PrintList(&b, nil, 0, now); err != nil || b.String() != "There are no dead letters.\n" {
		t.Errorf("%q %v", b.String(), err)
	}
	b.Reset()
	if err := admin.PrintList(&b, []admin.DeadLetter{l}, 5, now); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	for _, want := range []string{"ID  GIVEN UP  KIND  CHAT  ATTEMPTS  REASON\n", "7   2 h ago   said  c1    3         send message: 400 invalid: ", "… and 4 more"} {
		if !strings.Contains(strings.ReplaceAll(out, "...", "…"), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	b.Reset()
	if err := admin.PrintOne(&b, l, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2026-03-04T10:00:00Z (2 h ago)", "12 characters, shown with LOG_LEVEL=debug only", "bot deadletters retry 7"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if err := errors.Join(admin.PrintRetried(&b, "7"), admin.PrintDropped(&b, "7")); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out+b.String(), "\x1b") {
		t.Error("a reason can control the terminal")
	}
}
