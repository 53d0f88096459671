//go:build unix

package chaos

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"giosgbot/giosg/giosgtest"
)

// serve runs an HTTP server on a free loopback port until its closer is called.
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

// dice are repeatable, and may be thrown from many goroutines.
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

// between is a duration in [a, b).
func (d *dice) between(a, b time.Duration) time.Duration {
	if b <= a {
		return a
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return a + time.Duration(d.r.Int64N(int64(b-a)))
}

// late is the platform's API with something in front of it that makes some changes take effect long after they were asked for, also
// if who asked has gone away meanwhile: as a load balancer or a queue does that has taken a request in.
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

// balancer hands each webhook to one of the replicas, as what stands in front of them does. It keeps no list of the healthy ones: one that
// does not answer costs the platform an attempt.
type balancer struct {
	doors  []*link
	dice   *dice
	client *http.Client
}

func newBalancer(doors []*link, d *dice, patience time.Duration) *balancer {
	return &balancer{doors: doors, dice: d, client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	first := b.dice.n(len(b.doors))
	for i := range b.doors {
		door := b.doors[(first+i)%len(b.doors)]
		req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+door.addr+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			break
		}
		req.Header.Set("Content-Type", r.Header.Get("Content-Type"))
		res, err := b.client.Do(req)
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			continue // nobody is there
		}
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// mood is what the API does to calls, beside its usual manners.
type mood struct {
	name     string
	rate     float64 // of the calls
	fault    giosgtest.Fault
	delayMin time.Duration
	delayMax time.Duration
	writes   bool // of POSTs only
}

// moods is the platform's fault hook.
type moods struct {
	dice *dice
	mu   sync.Mutex
	in   map[*mood]bool // guarded by mu
}

// set puts a mood in force until its mend is called.
func (m *moods) set(x mood) (mend func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.in[&x] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.in, &x)
	}
}

func (m *moods) fault(c giosgtest.Call) giosgtest.Fault {
	m.mu.Lock()
	var in []*mood
	for x := range m.in {
		in = append(in, x)
	}
	m.mu.Unlock()
	var out giosgtest.Fault
	for _, x := range in {
		if x.writes && c.Method != http.MethodPost || !m.dice.chance(x.rate) {
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
