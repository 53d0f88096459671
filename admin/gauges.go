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

// sample is the state of the lanes at one moment.
type sample struct {
	queue.Stats
	at     time.Time
	oldest time.Duration // how long the oldest unfinished event has waited
	err    error         // the store did not answer; the other fields are from its last answer
	refuse error         // the store answered, but cannot be written to
	lost   time.Time     // when the store was found to have lost its data; zero if never
	since  time.Time     // since when there is err
	seen   time.Time     // when the store answered last; zero if never
}

const (
	sampleAge    = time.Second     // how long a sample is reused
	storeTimeout = 2 * time.Second // for the store's answer
)

// sampler takes samples and shares each with all who need one at about the same time.
type sampler struct {
	queue Queue
	now   func() time.Time

	mu   sync.Mutex // held while the store is asked, so that it is asked once
	last sample     // guarded by mu
}

// lanes returns a sample that is at most sampleAge old. It does not fail: the sample says what is not known.
func (a *Admin) lanes(ctx context.Context) sample {
	s := a.store
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if age := now.Sub(s.last.at); !s.last.at.IsZero() && age >= 0 && age < sampleAge {
		return s.last
	}
	// The first caller's context must not end this: others wait for the same sample.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	next := s.ask(ctx, now)
	var emptyAt time.Time
	if next.err == nil && next.Ready+next.Paused == 0 {
		emptyAt = now
	}
	a.held.forget(now, emptyAt)
	next.oldest = next.Oldest
	if longest, _ := a.held.longest(1); len(longest) > 0 {
		next.oldest = max(next.oldest, now.Sub(longest[0].Since))
	}
	s.last = next
	if next.err == nil {
		a.minutes.lanes(now, next)
	}
	return next
}

// ask asks the store. The caller holds mu.
func (s *sampler) ask(ctx context.Context, now time.Time) sample {
	stats, err := s.queue.Stats(ctx)
	if err != nil {
		next := s.last
		if next.err == nil {
			next.since = now
		}
		next.at, next.err = now, err
		return next
	}
	next := sample{Stats: stats, at: now, seen: now, lost: s.last.lost}
	if stats.Came() < s.last.Came() { // totals only fall when the store is emptied
		next.lost = now
	}
	next.refuse = s.queue.Ping(ctx)
	return next
}

// changed makes the next sample and the next status fresh ones.
func (a *Admin) changed() {
	a.store.mu.Lock()
	a.store.last.at = time.Time{}
	a.store.mu.Unlock()
	a.shown.Lock()
	a.shown.at = time.Time{}
	a.shown.Unlock()
}

// gauges collects the metrics whose values are looked up for each scrape.
type gauges struct{ a *Admin }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("giosgbot_"+name, help, labels, nil)
}

var (
	lanesDesc    = desc("lanes", "Lanes with unfinished events: ready (a worker has leased it or may lease it) or paused (until a delay is over or a token arrives). With Redis the number is that of the whole fleet: take the maximum of the replicas, not the sum.", "state")
	deadDesc     = desc("deadletters", "Dead letters: events that were given up. With Redis the number is that of the whole fleet.")
	oldestDesc   = desc("oldest_waiting_seconds", "How long the oldest unfinished event has waited; 0 if there is none.")
	inDesc       = desc("events_in_total", "Events that entered the lanes since the store was empty: from a webhook, found by a sweep (catch-up), or put back by an operator (retry). With Redis the number is that of the whole fleet: take the maximum of the replicas, not the sum.", "way")
	outDesc      = desc("events_total", "Events that left the lanes since the store was empty, by fate; set_aside: became a dead letter, duplicate: was received before. All other events that entered are still in the lanes. With Redis the number is that of the whole fleet.", "fate")
	storeDesc    = desc("store_up", "1 if the store of the lanes answers and can be written to.")
	playbookDesc = desc("playbook_info", "Always 1; the labels name the active playbook.", "name", "version")
	currentDesc  = desc("playbook_current", "1 if the current content of the playbook's file is active; 0 if it has errors and the previous playbook stays active.")
	tokensDesc   = desc("tokens_valid", "Bot users with a valid token in this process.")
	presentDesc  = desc("bot_users_present", "Bot users that are present as far as this process knows, and need no refresh now.")
	openDesc     = desc("api_breakers_open", "Bot users whose circuit breaker is open, so that their API calls fail at once.")
	pausedDesc   = desc("api_users_paused", "Bot users whose API calls wait because giosg throttles them (429).")
	flightDesc   = desc("api_calls_in_flight", "Calls of giosg's API in flight.")
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lanesDesc, deadDesc, inDesc, outDesc, oldestDesc, storeDesc, playbookDesc, currentDesc, tokensDesc, presentDesc, openDesc, pausedDesc, flightDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Numbers that only the store knows are left out while it does not answer.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	a := g.a
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	now, l := a.opts.Now(), a.lanes(context.Background())
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

// total sends counts of the store.
func total(ch chan<- prometheus.Metric, d *prometheus.Desc, names []string, counted map[string]int64) {
	for name, n := range byName(names, counted) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), name)
	}
}

// byName returns counts of the store by the values that a label may have. Any other value, from another version of the bot perhaps, counts
// as "other".
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

// clean makes a text fit for a label: valid UTF-8 of limited length.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return s
}

// word is like clean, with underscores in place of spaces. It is for names that the program chooses.
func word(s string) string { return strings.ReplaceAll(clean(s), " ", "_") }
