//go:build unix

package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"giosgbot/giosg/giosgtest"
)

// serve runs an HTTP server on a free loopback port until stop is called.
func serve(h http.Handler) (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	return l.Addr().String(), func() {
		_ = s.Close()
		done.Wait()
	}, nil
}

// dice is a repeatable source of random numbers that many goroutines may use.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand // guarded by mu
}

func newDice(seed, stream uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, stream))} }

func (d *dice) chance(p float64) bool { return d.float() < p }

func (d *dice) float() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Float64()
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// between returns a duration in [a, b).
func (d *dice) between(a, b time.Duration) time.Duration {
	if b <= a {
		return a
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return a + time.Duration(d.r.Int64N(int64(b-a)))
}

// edge is what the harness sees between the platform and the replicas. It is the judge's only source for what a replica knew and when:
// the bot's own logs are not used for that.
type edge struct {
	mu    sync.Mutex
	hooks map[string][]arrival // of webhooks, by the id of the message that each is about; guarded by mu
	sends map[string][]sending // by chat; guarded by mu
	reads map[string][]reading // of messages, by chat; guarded by mu
}

func newEdge() *edge {
	return &edge{hooks: map[string][]arrival{}, sends: map[string][]sending{}, reads: map[string][]reading{}}
}

// arrival is a webhook that reached a replica.
type arrival struct {
	at, answered time.Time
	status       int // 0 without an answer
}

func (a arrival) kept() bool { return a.status == http.StatusAccepted }

// sending is a request to send a message, as the replica sent it.
type sending struct {
	replica int
	at      time.Time
	text    string
}

// reading is a request for the messages of a chat that succeeded.
type reading struct {
	replica  int
	from, to time.Time
}

// arrived returns when the first webhook about a message reached a replica, or the zero time.
func (e *edge) arrived(message string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	var first time.Time
	for _, a := range e.hooks[message] {
		if first.IsZero() || a.at.Before(first) {
			first = a.at
		}
	}
	return first
}

// kept returns when a replica first answered 202 to a webhook about a message, or the zero time.
func (e *edge) kept(message string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	var first time.Time
	for _, a := range e.hooks[message] {
		if a.kept() && (first.IsZero() || a.answered.Before(first)) {
			first = a.answered
		}
	}
	return first
}

// spoke returns the last request to send a text to a chat that was made by the given time.
func (e *edge) spoke(chat, text string, by time.Time) (sending, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var last sending
	found := false
	for _, s := range e.sends[chat] {
		if s.text == text && !s.at.After(by) {
			last, found = s, true
		}
	}
	return last, found
}

// read reports whether a replica read a chat between two times.
func (e *edge) read(chat string, replica int, from, to time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.reads[chat], func(r reading) bool { return r.replica == replica && r.from.After(from) && r.to.Before(to) })
}

// late delays some changes at the platform, also when the client has gone away meanwhile: as a load balancer or a queue does that has
// accepted a request already.
type late struct {
	api   http.Handler
	dice  *dice
	rate  atomic.Uint64 // chance in a million
	most  time.Duration
	count atomic.Int64
}

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || l.dice.n(1_000_000) >= int(l.rate.Load()) ||
		!strings.HasSuffix(r.URL.Path, "/messages") && !strings.HasSuffix(r.URL.Path, "/memberships") {
		l.api.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	l.count.Add(1)
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	time.Sleep(l.dice.between(l.most/10, l.most))
	l.api.ServeHTTP(w, r)
}

// gateway is the API as one replica sees it. It records the replica's calls about messages.
type gateway struct {
	*edge
	replica int
	api     http.Handler
}

var ofMessages = regexp.MustCompile(`/chats/([^/]+)/messages/?$|/routed_chats/([^/]+)/messages/?$`)

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := ofMessages.FindStringSubmatch(r.URL.Path)
	if path == nil {
		g.api.ServeHTTP(w, r)
		return
	}
	chat, at := path[1]+path[2], time.Now()
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var m struct{ Message string }
		_ = json.Unmarshal(body, &m)
		g.mu.Lock()
		g.sends[chat] = append(g.sends[chat], sending{g.replica, at, m.Message})
		g.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		g.api.ServeHTTP(w, r)
		return
	}
	s := &statusWriter{ResponseWriter: w}
	g.api.ServeHTTP(s, r)
	if s.status == http.StatusOK {
		g.mu.Lock()
		g.reads[chat] = append(g.reads[chat], reading{g.replica, at, time.Now()})
		g.mu.Unlock()
	}
}

// balancer sends each webhook to one of the replicas. It has no health checks: a replica that does not answer costs the platform an
// attempt.
type balancer struct {
	*edge
	hooks  []*link
	dice   *dice
	client *http.Client
}

func newBalancer(e *edge, hooks []*link, d *dice, timeout time.Duration) *balancer {
	return &balancer{edge: e, hooks: hooks, dice: d, client: &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	first := b.dice.n(len(b.hooks))
	for i := range b.hooks {
		to := b.hooks[(first+i)%len(b.hooks)]
		req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+to.addr+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			break
		}
		req.Header.Set("Content-Type", r.Header.Get("Content-Type"))
		at := time.Now()
		res, err := b.client.Do(req)
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			continue // no replica listens there
		}
		if err != nil {
			b.note(body, arrival{at: at})
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		b.note(body, arrival{at: at, answered: time.Now(), status: res.StatusCode})
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// note records a webhook about a message.
func (b *balancer) note(body []byte, a arrival) {
	var h struct {
		Channel    string
		ResourceID string `json:"resource_id"`
	}
	if json.Unmarshal(body, &h) != nil || !strings.HasSuffix(h.Channel, "/messages") {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edge.hooks[h.ResourceID] = append(b.edge.hooks[h.ResourceID], a)
}

// apiFault is something that the API does to calls for a while, besides its random failures.
type apiFault struct {
	name     string
	rate     float64 // share of the calls
	fault    giosgtest.Fault
	delayMin time.Duration
	delayMax time.Duration
	writes   bool                      // POST requests only
	match    func(giosgtest.Call) bool // nil matches all
	left     *atomic.Int32             // how many calls it may still hit; nil means no limit
}

// hits reports whether the fault strikes a call.
func (x *apiFault) hits(c giosgtest.Call, d *dice) bool {
	if x.writes && c.Method != http.MethodPost || x.match != nil && !x.match(c) || !d.chance(x.rate) {
		return false
	}
	return x.left == nil || x.left.Add(-1) >= 0
}

// apiFaults is the platform's fault hook.
type apiFaults struct {
	dice *dice
	mu   sync.Mutex
	in   map[*apiFault]bool // guarded by mu
}

// set begins a fault. It lasts until mend is called.
func (m *apiFaults) set(x apiFault) (mend func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.in[&x] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.in, &x)
	}
}

func (m *apiFaults) fault(c giosgtest.Call) giosgtest.Fault {
	m.mu.Lock()
	var in []*apiFault
	for x := range m.in {
		in = append(in, x)
	}
	m.mu.Unlock()
	var out giosgtest.Fault
	for _, x := range in {
		if !x.hits(c, m.dice) {
			continue
		}
		delay := out.Delay
		if x.fault != (giosgtest.Fault{}) {
			out = x.fault
		}
		out.Delay = max(delay, m.dice.between(x.delayMin, x.delayMax))
	}
	return out
}
