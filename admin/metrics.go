package admin

import (
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"giosgbot/bot"
	"giosgbot/giosg"
	"giosgbot/queue"
)

// The values of labels that are known beforehand. Whatever else comes is counted as "other", the last of each.
var (
	outcomes = []string{"kept", "ignored", "refused", "failed", "other"}
	kinds    = []string{"pending", "routed", "said", "pressed", "human", "check", "other"}
	// The results that end an event come first: they are its fates.
	results = []string{"answered", "silent", "ignored", "taken", "over", "set aside", "later", "waiting", "lost", "other"}
	// The names by which the store counts events.
	ways  = []string{"webhook", "catch-up", queue.Revived, "other"}
	fates = append(results[:ended:ended], queue.Duplicate, "other")
)

const (
	ended    = 6 // of the results
	lost     = ended + 2
	maxOps   = 64
	maxRules = 200
	maxPaths = 16
)

// place finds a value among those known; the last place is for the others.
func place(known []string, v string) int {
	if i := slices.Index(known, v); i >= 0 {
		return i
	}
	return len(known) - 1
}

// metrics are the series of one Admin. Those of the hot path are looked up beforehand.
type metrics struct {
	registry *prometheus.Registry

	webhooks    *names[[]prometheus.Counter] // route → outcome
	webhookTook prometheus.Histogram
	turns       [][]prometheus.Counter // kind, result
	turnTook    prometheus.Histogram
	replyDelay  prometheus.Histogram
	answers     *names[prometheus.Counter] // rule
	calls       *names[*callSeries]        // op
}

type callSeries struct {
	kinds []prometheus.Counter // by giosg.Kind, and one for a kind that is none
	took  prometheus.Observer
}

// giosg's kinds of outcome, by their number.
var callKinds = func() []string {
	var out []string
	for k := giosg.OK; k <= giosg.Refused; k++ {
		out = append(out, k.String())
	}
	return append(out, "other")
}()

func newMetrics(o Options, g gauges) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "giosgbot_" + name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "giosgbot_" + name, Help: help, Buckets: buckets})
		m.registry.MustRegister(h)
		return h
	}

	webhooks := counter("webhooks_total", "Webhooks by route and outcome: kept, ignored (can matter to no bot), refused (not right), failed (could not be kept).", "route", "outcome")
	m.webhooks = newNames(maxPaths, func(route string) []prometheus.Counter { return each(webhooks, outcomes, route) })
	m.webhookTook = histogram("webhook_duration_seconds", "How long the door took to answer a webhook.",
		[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1})

	turns := counter("turns_total", "Attempts at events, by the event's kind and the result.", "kind", "result")
	for _, kind := range kinds {
		m.turns = append(m.turns, each(turns, results, kind))
	}
	m.turnTook = histogram("turn_duration_seconds", "How long one attempt at an event took.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30})
	m.replyDelay = histogram("reply_delay_seconds", "From the visitor's message (giosg's time) to the end of the turn that answered it.",
		[]float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600})

	answers := counter("answers_total", "Turns that answered, by the rule that spoke last.", "rule")
	m.answers = newNames(maxRules, func(rule string) prometheus.Counter { return answers.WithLabelValues(clean(rule)) }, "greeting", "fallback")
	m.answers.fits = func(rule string) bool {
		rules := o.Playbook().Rules
		return rules == nil || slices.Contains(rules, rule)
	}

	calls := counter("api_calls_total", "Calls of giosg's API, by operation and kind of outcome.", "op", "kind")
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "giosgbot_api_call_duration_seconds", Help: "How long calls of giosg's API took, by operation.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"op"})
	m.registry.MustRegister(took)
	m.calls = newNames(maxOps, func(op string) *callSeries {
		return &callSeries{kinds: each(calls, callKinds, word(op)), took: took.WithLabelValues(word(op))}
	})

	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "giosgbot_build_info", Help: "Always 1; its labels tell what is running.",
		ConstLabels: prometheus.Labels{"version": clean(o.Version), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, g, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// each returns the counters for all values of the last label, so that they are there, at 0, before anything happens.
func each(v *prometheus.CounterVec, values []string, labels ...string) []prometheus.Counter {
	out := make([]prometheus.Counter, len(values))
	for i, value := range values {
		out[i] = v.WithLabelValues(append(labels[:len(labels):len(labels)], word(value))...)
	}
	return out
}

// Turn is told of every turn; see bot.Options.Observe.
func (a *Admin) Turn(r bot.Report) {
	if a == nil {
		return
	}
	now, m := a.opts.Now(), a.metrics
	result := place(results, r.Result)
	m.turns[place(kinds, string(r.Event.Kind))][result].Inc()
	m.turnTook.Observe(r.Took.Seconds())
	answered := result == 0
	var delay time.Duration
	if answered {
		m.answers.get(r.Rule).Inc()
		if !r.Event.At.IsZero() {
			delay = max(r.Waited+r.Took, 0) // giosg's clock may be ahead of ours
			m.replyDelay.Observe(delay.Seconds())
		}
	}
	again := result >= ended && result != lost
	if again {
		a.held.note(&r, now)
	} else {
		a.held.finished(&r)
	}
	a.minutes.turn(now, answered, again, delay)
	a.recent.add(&r, now)
}

// Call is told of every call of giosg's API; see giosg.Config.Observe.
func (a *Admin) Call(c giosg.Call) {
	if a == nil {
		return
	}
	s := a.metrics.calls.get(c.Op)
	kind := int(c.Kind)
	if kind < 0 || kind >= len(s.kinds) {
		kind = len(s.kinds) - 1
	}
	s.kinds[kind].Inc()
	s.took.Observe(c.Duration.Seconds())
	a.minutes.call(a.opts.Now(), failed(c.Kind))
}

// failed tells whether a call went wrong, and not just turned out that way: a chat that another took, or one that is over, is daily life.
func failed(k giosg.Kind) bool {
	return k != giosg.OK && k != giosg.Taken && k != giosg.Gone && k != giosg.Canceled
}

// Webhook is told of every webhook and what the door answered; see handlers.Options.Observe.
func (a *Admin) Webhook(route, outcome string, took time.Duration) {
	if a == nil {
		return
	}
	a.metrics.webhooks.get(route)[place(outcomes, outcome)].Inc()
	a.metrics.webhookTook.Observe(took.Seconds())
	a.minutes.webhook(a.opts.Now())
}

// Token is told of every token that a webhook brings; see handlers.Options.OnToken.
func (a *Admin) Token(t giosg.Token) {
	if a != nil {
		a.users.heard(t, a.opts.Now())
	}
}
