package admin

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"giosgbot/queue"
)

// look is the lanes at one moment.
type look struct {
	queue.Stats
	at     time.Time
	oldest time.Duration // how long the event that has waited longest has waited
	err    error         // the store did not answer; then the rest is of the last time that it did
	refuse error         // the store answered, but does not keep what it is given
	lost   time.Time     // when the store was seen to have lost what was in it; zero: never
	since  time.Time     // with err: since when
	seen   time.Time     // when the store answered last; zero: never
}

const (
	lookEvery = time.Second     // at most; whoever asks in between gets the last look
	patience  = 2 * time.Second // for the store's answer
)

// sampler counts what is in the lanes, for all who want to know at about the same time.
type sampler struct {
	queue Queue
	now   func() time.Time

	mu   sync.Mutex // held while the store is asked, so that it is asked once
	last look       // guarded by mu
}

// look counts the lanes, unless that was just done. It does not fail: what cannot be known is in the answer.
func (a *Admin) look(ctx context.Context) look {
	s := a.store
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if age := now.Sub(s.last.at); !s.last.at.IsZero() && age >= 0 && age < lookEvery {
		return s.last
	}
	// Not the context of whoever asked first: others wait for the same answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	stats, err := s.queue.Stats(ctx)
	next := look{Stats: stats, at: now, seen: now, lost: s.last.lost}
	if err == nil && stats.Came() < s.last.Came() {
		next.lost = now
	}
	if err != nil {
		next = s.last
		next.at, next.err = now, err
		if s.last.err == nil {
			next.since = now
		}
	} else {
		next.refuse = s.queue.Ping(ctx)
	}
	var emptyAt time.Time
	if err == nil && stats.Ready+stats.Paused == 0 {
		emptyAt = now
	}
	a.held.sweep(now, emptyAt)
	next.oldest = next.Oldest
	if longest, _ := a.held.longest(1); len(longest) > 0 {
		next.oldest = max(next.oldest, now.Sub(longest[0].Since))
	}
	s.last = next
	if err == nil {
		a.minutes.lanes(now, next)
	}
	return next
}

// changed makes the next look a fresh one.
func (a *Admin) changed() {
	a.store.mu.Lock()
	a.store.last.at = time.Time{}
	a.store.mu.Unlock()
	a.shown.Lock()
	a.shown.at = time.Time{}
	a.shown.Unlock()
}

// gauges are the metrics that are looked up when Prometheus asks.
type gauges struct{ a *Admin }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("giosgbot_"+name, help, labels, nil)
}

var (
	lanesDesc    = desc("lanes", "Lanes with unfinished events: ready (for a worker, or in its hands) or paused (for a delay or a token). Of the whole fleet with Redis: take the maximum of the replicas, not the sum.", "state")
	deadDesc     = desc("deadletters", "Events that are set aside. Of the whole fleet with Redis.")
	oldestDesc   = desc("oldest_waiting_seconds", "How long the event that has waited longest has waited; 0 with none.")
	inDesc       = desc("events_in_total", "Events that came into the lanes, since the store was empty: by webhook, found by catch-up, or put back by an operator (retry). Of the whole fleet with Redis: take the maximum of the replicas, not the sum.", "way")
	outDesc      = desc("events_total", "Events that left the lanes, since the store was empty, by their fate; duplicate: kept or handled before. What came in and did not leave is in the lanes. Of the whole fleet with Redis.", "fate")
	storeDesc    = desc("store_up", "1 if the store of the lanes answers and keeps what it is given.")
	playbookDesc = desc("playbook_info", "Always 1; its labels tell which playbook is in force.", "name", "version")
	currentDesc  = desc("playbook_current", "1 if the playbook's file as it is now is in force; 0 if it has mistakes, and the one before is.")
	tokensDesc   = desc("tokens_valid", "Bot users for which this process holds a valid token.")
	presentDesc  = desc("bot_users_present", "Bot users that this process knows to be present, with no refresh due.")
	openDesc     = desc("api_breakers_open", "Bot users whose circuit breaker is open: their calls fail at once.")
	pausedDesc   = desc("api_users_paused", "Bot users whose calls wait because giosg asked for it (429 with Retry-After).")
	flightDesc   = desc("api_calls_in_flight", "Calls of giosg's API that are being made.")
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lanesDesc, deadDesc, inDesc, outDesc, oldestDesc, storeDesc, playbookDesc, currentDesc, tokensDesc, presentDesc, openDesc, pausedDesc, flightDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What the store does not tell is left out, not guessed.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	a := g.a
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	now, l := a.opts.Now(), a.look(context.Background())
	if l.err == nil && l.refuse == nil {
		send(storeDesc, 1)
	} else {
		send(storeDesc, 0)
	}
	if l.err == nil {
		send(lanesDesc, float64(l.Ready), "ready")
		send(lanesDesc, float64(l.Paused), "paused")
		send(deadDesc, float64(l.Dead))
		total(ch, inDesc, ways, l.In)
		total(ch, outDesc, fates, l.Out)
	}
	send(oldestDesc, l.oldest.Seconds())
	book := a.opts.Playbook()
	send(playbookDesc, 1, clean(book.Name), clean(book.Version))
	current := 1.0
	if book.Problem != "" {
		current = 0
	}
	send(currentDesc, current)
	g.collectUsers(send, now)
}

func (g gauges) collectUsers(send func(d *prometheus.Desc, v float64, labels ...string), now time.Time) {
	tokens, present, open, paused, flight := 0, 0, 0, 0, 0
	for _, u := range g.a.opts.Users() {
		if u.TokenExpires.After(now) {
			tokens++
		}
		if u.PresentUntil.After(now) {
			present++
		}
		if u.BreakerOpen {
			open++
		}
		if u.PausedUntil.After(now) {
			paused++
		}
		flight += u.CallsInFlight
	}
	send(tokensDesc, float64(tokens))
	send(presentDesc, float64(present))
	send(openDesc, float64(open))
	send(pausedDesc, float64(paused))
	send(flightDesc, float64(flight))
}

// total sends what the store has counted.
func total(ch chan<- prometheus.Metric, d *prometheus.Desc, names []string, counted map[string]int64) {
	for name, n := range byName(names, counted) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), name)
	}
}

// byName returns the counts of the store by the values that the label may have. A store that another version of the bot has written may
// have other values.
func byName(values []string, counted map[string]int64) map[string]int64 {
	out := map[string]int64{other: 0}
	for _, value := range values {
		out[word(value)] = 0
	}
	for value, n := range counted {
		if !slices.Contains(values, value) {
			value = other
		}
		out[word(value)] += n
	}
	return out
}

// clean makes a label's value of a text: valid UTF-8, not too long.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return s
}

// word is clean with underscores for spaces, for the names that the program gives.
func word(s string) string { return strings.ReplaceAll(clean(s), " ", "_") }
