package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// status is the answer of GET /api/status. Times are RFC 3339, durations are seconds.
type status struct {
	Now     time.Time `json:"now"`
	Started time.Time `json:"started"`
	Version string    `json:"version"`
	Host    string    `json:"host"`
	Words   bool      `json:"words"` // whether visitors' words are shown
	Verdict verdict   `json:"verdict"`

	Playbook struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Problem string `json:"problem"`
	} `json:"playbook"`
	Store struct {
		Kind    string     `json:"kind"`
		Warning string     `json:"warning,omitempty"` // about the store's settings
		Up      bool       `json:"up"`
		Why     string     `json:"refuses"` // why it cannot be written to although it answers; else empty
		Since   *time.Time `json:"down_since"`
		Seen    *time.Time `json:"seen"` // when it answered last; lanes, events and dead letters are of that time
		Lost    *time.Time `json:"lost"` // when it was found to have lost its data
	} `json:"store"`
	Lanes struct {
		Ready  int     `json:"ready"`
		Paused int     `json:"paused"`
		Events int64   `json:"events"` // unfinished events
		Oldest float64 `json:"oldest"` // how long the oldest unfinished event has waited
	} `json:"lanes"`
	Replies struct {
		LastMinute uint32   `json:"last_minute"` // the last complete minute
		Hour       uint32   `json:"hour"`
		P50        *float64 `json:"p50"` // of the last 5 minutes; null without a reply
		P99        *float64 `json:"p99"`
	} `json:"replies"`
	Waiting struct {
		Total   int         `json:"total"` // unfinished events that this process has tried
		Longest []heldEvent `json:"longest"`
	} `json:"waiting"`
	Dead struct {
		Total  int          `json:"total"`
		Oldest []DeadLetter `json:"oldest"`
	} `json:"deadletters"`
	Events struct { // since the store was empty; with Redis, of the whole fleet
		In    map[string]int64 `json:"in"`
		Fates map[string]int64 `json:"fates"`
	} `json:"events"`
	Webhooks map[string]float64 `json:"webhooks"` // by outcome
	Rules    map[string]float64 `json:"rules"`    // answers by rule
	Calls    []callStatus       `json:"calls"`
	Users    []userStatus       `json:"users"`
	Minutes  []figure           `json:"minutes"`
}

type callStatus struct {
	Op    string             `json:"op"`
	Total float64            `json:"total"`
	Kinds map[string]float64 `json:"kinds"` // without those that are 0
	Mean  float64            `json:"mean"`  // seconds
}

const (
	shownDead = 50                     // dead letters on the page
	shownHeld = 10                     // waiting events on the page
	statusAge = 500 * time.Millisecond // how long a status is reused, since many pages may be open
)

// status returns the status as JSON.
func (a *Admin) status(ctx context.Context) []byte {
	a.shown.Lock()
	defer a.shown.Unlock()
	now := a.opts.Now()
	if age := now.Sub(a.shown.at); a.shown.json != nil && age >= 0 && age < statusAge {
		return a.shown.json
	}
	b, err := json.Marshal(a.collect(ctx, now))
	if err != nil {
		a.opts.Log.Error("status not encoded", "err", err)
		return []byte(`{"error":"the status cannot be encoded"}`)
	}
	a.shown.at, a.shown.json = now, b
	return b
}

func (a *Admin) collect(ctx context.Context, now time.Time) *status {
	s := &status{Now: now, Started: a.started, Version: a.opts.Version, Host: a.host, Words: a.opts.Debug}
	book := a.opts.Playbook()
	s.Playbook.Name, s.Playbook.Version, s.Playbook.Problem = book.Name, book.Version, book.Problem

	l := a.lanes(ctx)
	s.fillStore(a.opts.Store, &l)
	if a.opts.Warning != nil {
		s.Store.Warning = a.opts.Warning()
	}
	s.Waiting.Longest, s.Waiting.Total = a.held.longest(shownHeld)
	s.Dead.Oldest = []DeadLetter{}
	if l.err == nil && l.Dead > 0 {
		if list, err := a.letters(context.WithoutCancel(ctx), shownDead); err == nil {
			s.Dead.Oldest = list
		}
	}

	s.Minutes = a.minutes.figures(now)
	for _, m := range s.Minutes {
		s.Replies.Hour += m.Answered
	}
	s.Replies.LastMinute = s.Minutes[len(s.Minutes)-2].Answered
	lately := a.minutes.since(now, 5)
	s.Replies.P50, s.Replies.P99 = lately.replies.quantile(0.5), lately.replies.quantile(0.99)

	s.Webhooks, s.Rules, s.Calls = a.metrics.webhookTotals(), a.metrics.ruleTotals(), a.metrics.callStatuses()
	s.Users = a.userStatuses(now)
	s.Verdict = judge(s, lately)
	return s
}

// fillStore sets what the store knows.
func (s *status) fillStore(kind string, l *sample) {
	s.Store.Kind, s.Store.Up = kind, l.err == nil
	if l.err != nil {
		s.Store.Since = &l.since
	}
	if l.refuse != nil {
		s.Store.Why = clean(l.refuse.Error())
	}
	if !l.seen.IsZero() {
		s.Store.Seen = &l.seen
	}
	if !l.lost.IsZero() {
		s.Store.Lost = &l.lost
	}
	s.Lanes.Ready, s.Lanes.Paused, s.Lanes.Events, s.Lanes.Oldest = l.Ready, l.Paused, l.Items(), l.oldest.Seconds()
	s.Dead.Total = l.Dead
	s.Events.In, s.Events.Fates = byName(ways, l.In), byName(fates, l.Out)
}

// webhookTotals returns the webhooks of all routes by outcome.
func (m *metrics) webhookTotals() map[string]float64 {
	out := map[string]float64{}
	for _, by := range m.webhooks.all() {
		for outcome, n := range by.read() {
			out[outcome] += n
		}
	}
	return out
}

// ruleTotals returns the answers by rule, without the rules that have not answered.
func (m *metrics) ruleTotals() map[string]float64 {
	out := map[string]float64{}
	for rule, c := range m.answers.all() {
		if n := read(c); n > 0 {
			out[rule] = n
		}
	}
	return out
}

func (m *metrics) callStatuses() []callStatus {
	out := []callStatus{}
	for op, series := range m.calls.all() {
		c := callStatus{Op: op, Kinds: series.kinds.read()}
		maps.DeleteFunc(c.Kinds, func(_ string, n float64) bool { return n == 0 })
		for _, n := range c.Kinds {
			c.Total += n
		}
		if c.Total == 0 {
			continue
		}
		var took dto.Metric
		if metric, ok := series.took.(prometheus.Metric); ok && metric.Write(&took) == nil && took.GetHistogram().GetSampleCount() > 0 {
			c.Mean = took.GetHistogram().GetSampleSum() / float64(took.GetHistogram().GetSampleCount())
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b callStatus) int { return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Op, b.Op)) })
	return out
}
