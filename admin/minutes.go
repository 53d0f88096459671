package admin

import (
	"math"
	"sync"
	"time"
)

// hour is how many minutes are remembered.
const hour = 60

// minutes has the figures of each minute of the last hour, for the plots.
type minutes struct {
	mu   sync.Mutex
	ring [hour]minute // guarded by mu; a minute is at its number modulo the length
}

// minute has the figures of one minute.
type minute struct {
	number   int64 // minutes since 1970
	webhooks uint32
	answered uint32
	later    uint32 // turns whose event is tried again
	calls    uint32
	failed   uint32 // of the calls
	replies  histogram

	sampled             bool
	ready, paused, dead int     // at the last sample
	oldest              float64 // seconds; the largest of the minute
}

// current returns the current minute. The caller holds mu.
func (m *minutes) current(t time.Time) *minute {
	n := t.Unix() / 60
	at := &m.ring[n%hour]
	if at.number != n {
		*at = minute{number: n}
	}
	return at
}

// figure is a minute as the page gets it.
type figure struct {
	At       int64    `json:"at"` // its start, in seconds since 1970
	Webhooks uint32   `json:"webhooks"`
	Answered uint32   `json:"answered"`
	Later    uint32   `json:"later"`
	Calls    uint32   `json:"calls"`
	Failed   uint32   `json:"failed"`
	P50      *float64 `json:"p50"` // of the reply time, in seconds; null without a reply
	P99      *float64 `json:"p99"`
	Ready    *int     `json:"ready"` // null without a sample, as are those that follow
	Paused   *int     `json:"paused"`
	Dead     *int     `json:"dead"`
	Oldest   *float64 `json:"oldest"` // seconds
}

// figures returns the last hour, the oldest minute first, the current one last.
func (m *minutes) figures(t time.Time) []figure {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := t.Unix() / 60
	out := make([]figure, 0, hour)
	for n := last - hour + 1; n <= last; n++ {
		at := m.ring[((n%hour)+hour)%hour]
		f := figure{At: n * 60}
		if at.number == n {
			f.Webhooks, f.Answered, f.Later, f.Calls, f.Failed = at.webhooks, at.answered, at.later, at.calls, at.failed
			f.P50, f.P99 = at.replies.quantile(0.5), at.replies.quantile(0.99)
			if at.sampled {
				f.Ready, f.Paused, f.Dead, f.Oldest = &at.ready, &at.paused, &at.dead, &at.oldest
			}
		}
		out = append(out, f)
	}
	return out
}

// since returns the sums of the last few minutes, including the current one.
func (m *minutes) since(t time.Time, count int64) minute {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum minute
	last := t.Unix() / 60
	for i := range m.ring {
		at := &m.ring[i]
		if at.number > last-count && at.number <= last {
			sum.webhooks += at.webhooks
			sum.answered += at.answered
			sum.later += at.later
			sum.calls += at.calls
			sum.failed += at.failed
			for j, n := range at.replies {
				sum.replies[j] += n
			}
		}
	}
	return sum
}

// histogram counts durations from a millisecond to four hours. Each bound is 2^¼ times the one before, so quantiles are right to 10 %.
type histogram [24 * 4]uint32

func (s *histogram) add(d time.Duration) {
	i := 0
	if d > time.Millisecond {
		i = min(int(math.Log2(float64(d)/float64(time.Millisecond))*4), len(s)-1)
	}
	s[i]++
}

// quantile returns seconds, or nil if nothing was counted.
func (s *histogram) quantile(q float64) *float64 {
	total := 0
	for _, n := range s {
		total += int(n)
	}
	if total == 0 {
		return nil
	}
	rank, seen := max(int(math.Ceil(q*float64(total))), 1), 0
	for i, n := range s {
		if seen += int(n); seen >= rank {
			v := math.Exp2((float64(i)+0.5)/4) / 1000
			return &v
		}
	}
	return nil
}

func (m *minutes) turn(t time.Time, answered, later bool, delay time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.current(t)
	if later {
		at.later++
	}
	if answered {
		at.answered++
		if delay > 0 {
			at.replies.add(delay)
		}
	}
}

func (m *minutes) call(t time.Time, failed bool) {
	m.mu.Lock()
	at := m.current(t)
	at.calls++
	if failed {
		at.failed++
	}
	m.mu.Unlock()
}

func (m *minutes) webhook(t time.Time) {
	m.mu.Lock()
	m.current(t).webhooks++
	m.mu.Unlock()
}

// lanes records a sample of the lanes.
func (m *minutes) lanes(t time.Time, s sample) {
	m.mu.Lock()
	at := m.current(t)
	at.sampled, at.ready, at.paused, at.dead = true, s.Ready, s.Paused, s.Dead
	at.oldest = max(at.oldest, s.oldest.Seconds())
	m.mu.Unlock()
}
