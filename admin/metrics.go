package admin

import (
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/queue"
)

// The values of labels. Any other value is counted as "other".
var (
	outcomes = []string{"kept", "ignored", "refused", "failed"} // of webhooks
	kinds    = []chat.Kind{chat.Pending, chat.Routed, chat.Said, chat.Pressed, chat.Human, chat.Check}
	ways     = []string{"webhook", "catch-up", queue.Revived} // how events enter the lanes, by the store
	fates    = eventFates()                                   // how events leave the lanes, by the store
)

const (
	other    = "other"
	maxOps   = 64
	maxRules = 200
	maxPaths = 16
)

func eventFates() []string {
	out := []string{queue.Duplicate}
	for _, r := range bot.Results() {
		if r.Ends() {
			out = append(out, string(r))
		}
	}
	return out
}

// counters has a counter for each value of a label, and one for all other values. All of them exist from the start, at 0.
type counters map[string]prometheus.Counter

func newCounters[S ~string](v *prometheus.CounterVec, values []S, labels ...string) counters {
	out := counters{}
	for _, value := range append(slices.Clip(values), other) {
		out[string(value)] = v.WithLabelValues(append(slices.Clip(labels), word(string(value)))...)
	}
	return out
}

func (c counters) of(value string) prometheus.Counter {
	if n, ok := c[value]; ok {
		return n
	}
	return c[other]
}

// read returns the counts by the values of the label.
func (c counters) read() map[string]float64 {
	out := map[string]float64{}
	for value, n := range c {
		out[word(value)] = read(n)
	}
	return out
}

// read reads a counter. The page reads the counters of Prometheus, so that both show the same numbers.
func read(c prometheus.Counter) float64 {
	var m dto.Metric
	if c.Write(&m) != nil {
		return 0
	}
	return m.GetCounter().GetValue()
}

// metrics are the series of one Admin. Those of the hot path are looked up in advance.
type metrics struct {
	registry *prometheus.Registry

	webhooks    *names[counters] // route → outcome
	webhookTook prometheus.Histogram
	turns       map[chat.Kind]counters // kind → result
	turnTook    prometheus.Histogram
	replyDelay  prometheus.Histogram
	answers     *names[prometheus.Counter] // rule
	calls       *names[*callSeries]        // op
}

type callSeries struct {
	kinds counters
	took  prometheus.Observer
}

func newMetrics(o Options, g gauges) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.addWebhooks()
	m.addTurns(o)
	m.addCalls(o.CallKinds)
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "giosgbot_build_info", Help: "Always 1; the labels name the running version.",
		ConstLabels: prometheus.Labels{"version": clean(o.Version), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, g, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) addWebhooks() {
	webhooks := m.counter("webhooks_total", "Webhooks by route and outcome: kept, ignored (not for a bot), refused (not valid), failed (could not be stored).", "route", "outcome")
	m.webhooks = newNames(maxPaths, func(route string) counters { return newCounters(webhooks, outcomes, route) })
	m.webhookTook = m.histogram("webhook_duration_seconds", "How long the webhook endpoint took to answer.",
		[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1})
}

func (m *metrics) addTurns(o Options) {
	turns := m.counter("turns_total", "Turns, that is attempts at events, by the event's kind and the result.", "kind", "result")
	m.turns = map[chat.Kind]counters{}
	for _, kind := range append(slices.Clip(kinds), other) {
		m.turns[kind] = newCounters(turns, bot.Results(), string(kind))
	}
	m.turnTook = m.histogram("turn_duration_seconds", "How long a turn took.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30})
	m.replyDelay = m.histogram("reply_delay_seconds", "Time from the visitor's message, by giosg's clock, to the end of the turn that answered it.",
		[]float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600})

	answers := m.counter("answers_total", "Turns that answered, by the last rule that answered.", "rule")
	m.answers = newNames(maxRules, func(rule string) prometheus.Counter { return answers.WithLabelValues(clean(rule)) }, "greeting", "fallback")
	m.answers.fits = func(rule string) bool {
		rules := o.Playbook().Rules
		return rules == nil || slices.Contains(rules, rule)
	}
}

func (m *metrics) addCalls(kinds []string) {
	calls := m.counter("api_calls_total", "Calls of giosg's API, by operation and kind of outcome.", "op", "kind")
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "giosgbot_api_call_duration_seconds", Help: "How long calls of giosg's API took, by operation.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"op"})
	m.registry.MustRegister(took)
	m.calls = newNames(maxOps, func(op string) *callSeries {
		return &callSeries{kinds: newCounters(calls, kinds, word(op)), took: took.WithLabelValues(word(op))}
	})
}

func (m *metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "giosgbot_" + name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "giosgbot_" + name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

func (m *metrics) turnsOf(kind chat.Kind) counters {
	if c, ok := m.turns[kind]; ok {
		return c
	}
	return m.turns[other]
}

// Turn records a turn. It is for bot.Options.Observe.
func (a *Admin) Turn(r bot.Report) {
	if a == nil {
		return
	}
	now, m, result := a.opts.Now(), a.metrics, r.Result
	m.turnsOf(r.Event.Kind).of(string(result)).Inc()
	m.turnTook.Observe(r.Took.Seconds())
	answered := result == bot.Answered
	var delay time.Duration
	if answered {
		m.answers.get(r.Rule).Inc()
		if !r.Event.At.IsZero() {
			delay = max(r.Waited+r.Took, 0) // the platform's clock may be ahead
			m.replyDelay.Observe(delay.Seconds())
		}
	}
	again := !result.Ends() && result != bot.Lost
	if again {
		a.held.note(&r, now)
	} else {
		a.held.finished(&r)
	}
	a.minutes.turn(now, answered, again, delay)
	a.recent.add(&r, now)
}

// Call records a call of the platform's API: the operation, the kind of its outcome, whether that is a failure, and how long the call took.
func (a *Admin) Call(op, kind string, failed bool, took time.Duration) {
	if a == nil {
		return
	}
	s := a.metrics.calls.get(op)
	s.kinds.of(kind).Inc()
	s.took.Observe(took.Seconds())
	a.minutes.call(a.opts.Now(), failed)
}

// Webhook records a webhook, its outcome, and how long the endpoint took to answer. It is for handlers.Options.Observe.
func (a *Admin) Webhook(route, outcome string, took time.Duration) {
	if a == nil {
		return
	}
	a.metrics.webhooks.get(route).of(outcome).Inc()
	a.metrics.webhookTook.Observe(took.Seconds())
	a.minutes.webhook(a.opts.Now())
}

// UserSeen records that a webhook for a bot user has arrived. org may be empty if the webhook does not name it.
func (a *Admin) UserSeen(user, org string) {
	if a != nil {
		a.users.seen(user, org, a.opts.Now())
	}
}
