package admin

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"giosgbot/webguard"
)

//go:embed page
var pageFiles embed.FS

// Handler serves metrics, profiles, the status page and its API. It has no password; package webguard keeps pages of other sites out.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))

	mux.HandleFunc("GET /debug/pprof/", plain(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/cmdline", plain(pprof.Cmdline))
	mux.HandleFunc("GET /debug/pprof/profile", plain(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/symbol", plain(pprof.Symbol))
	mux.HandleFunc("GET /debug/pprof/trace", plain(pprof.Trace))

	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the embedded folder has another name
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "status.html") })
	mux.Handle("GET /page/", http.StripPrefix("/page/", http.FileServerFS(files)))
	mux.HandleFunc("GET /events", a.events)

	mux.HandleFunc("GET /api/status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(a.status(r.Context()))
	})
	mux.HandleFunc("GET /api/turns", a.turns)
	mux.HandleFunc("GET /api/deadletters", a.listDead)
	mux.HandleFunc("GET /api/deadletters/{id}", a.showDead)
	mux.HandleFunc("POST /api/deadletters/{id}/retry", a.retryDead)
	mux.HandleFunc("DELETE /api/deadletters/{id}", a.dropDead)

	return webguard.Guard{Refuse: fail}.Wrap(mux)
}

// plain allows inline styles, which the pages of net/http/pprof have. They have no scripts.
func plain(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h(w, r)
	}
}

// events streams the status as server-sent events until the client leaves or the server stops.
func (a *Admin) events(w http.ResponseWriter, r *http.Request) {
	if a.streams.Add(1) > maxStreams {
		a.streams.Add(-1)
		fail(w, http.StatusServiceUnavailable, "too many status pages are open; close one and try again")
		return
	}
	defer a.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(a.opts.Refresh)
	defer tick.Stop()
	for {
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // for a client that does not read
		if _, err := fmt.Fprintf(w, "event: status\ndata: %s\n\n", a.status(r.Context())); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-a.stop:
			return
		}
	}
}

// maxStreams is how many status pages may be open at once.
const maxStreams = 32

func (a *Admin) turns(w http.ResponseWriter, r *http.Request) {
	chat := strings.TrimSpace(r.URL.Query().Get("chat"))
	if len(chat) < 4 {
		fail(w, http.StatusBadRequest, "chat: must be a chat's id, or at least its first 4 characters")
		return
	}
	limit, ok := limitOf(r, 100, 1000)
	if !ok {
		fail(w, http.StatusBadRequest, "limit: must be a number from 1 to 1000")
		return
	}
	turns, more := a.recent.of(chat, limit)
	if turns == nil {
		turns = []Turn{}
	}
	answerJSON(w, http.StatusOK, map[string]any{"chat": chat, "turns": turns, "more": more, "words": a.opts.Debug, "process": a.host})
}

func limitOf(r *http.Request, def, most int) (int, bool) {
	v := r.URL.Query().Get("limit")
	if v == "" {
		return def, true
	}
	n, err := strconv.Atoi(v)
	return n, err == nil && n >= 1 && n <= most
}

func answerJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

func fail(w http.ResponseWriter, code int, text string) {
	answerJSON(w, code, map[string]string{"error": text})
}
