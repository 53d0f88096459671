package app_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"giosgbot/giosg/giosgtest"
)

// With a collector, traces lead from the webhook to the reply. They contain neither words nor secrets.
func TestTraces(t *testing.T) {
	var mu sync.Mutex
	var sent strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		b, _ := io.ReadAll(body)
		mu.Lock()
		sent.Write(b)
		mu.Unlock()
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	for _, s := range stores {
		w := newWorld(t, s.env(t), polite())
		r := w.start(shop("agent"))
		w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
		chat := w.rooms["en"].OpenChat()
		w.say(chat, "when do you open, grandmother?")
		w.awaitN(chat, 2)
		w.quiet()
		r.stop()
		w.clean()
		mu.Lock()
		got := sent.String()
		sent.Reset()
		mu.Unlock()
		for _, want := range []string{"webhook", "turn", "giosg POST", "answered"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in the traces", s.name, want)
			}
		}
		for _, bad := range []string{secret, "eyJ", "grandmother", "Mon–Fri"} {
			if strings.Contains(got, bad) {
				t.Errorf("%s: %q is in the traces", s.name, bad)
			}
		}
	}
}
