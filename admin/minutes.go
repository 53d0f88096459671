package admin

import (
	"math"
	"sync"
	"time"
)

// hour is how many minutes are remembered.
const hour = 60

// minutes are the figures of the last hour, minute by minute, for the plots.
type minutes struct {
	mu   sync.Mutex
	ring [hour]minute // guarded by mu; a minute's place is its number modulo the length
}

// minute is what happened in one minute.
type minute struct {
	number   int64 // minutes since 1970
	webhooks uint32
	answered uint32
	later    uint32 // turns that failed for now
	calls    uint32
	failed   uint32 // calls that giosg did not answer as it should
	replies  spread

	sampled             bool
	ready, paused, dead int     // at the last look
	oldest              float64 // seconds; the worst of the minute
}

// now returns the minute at hand. The caller holds mu.
func (m *minutes) now(t time.Time) *minute {
	n := t.Unix() / 60
	at := &m.ring[n%hour]
	if at.number != n {
		*at = minute{number: n}
	}
	return at
}

// figure is a minute as the page gets it.
type figure struct {
	At       int64    `json:"at"` // its begin, s since 1970
	Webhooks uint32   `json:"webhooks"`
	Answered uint32   `json:"answered"`
	Later    uint32   `json:"later"`
	Calls    uint32   `json:"calls"`
	Failed   uint32   `json:"failed"`
	P50      *float64 `json:"p50"` // of the reply time, s; null without a reply
	P99      *float64 `json:"p99"`
	Ready    *int     `json:"ready"` // null if nobody looked
	Paused   *int     `json:"paused"`
	Dead     *int     `json:"dead"`
	Oldest   *float64 `json:"oldest"` // s
}

// figures returns the last hour, oldest first, with the minute at hand as the last.
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

// since sums up the last few minutes, the one at hand among them.
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

// spread counts times in steps of a fourth of a doubling, from a millisecond to four hours: what it tells of them is right to 10 %.
type spread [24 * 4]uint32

func (s *spread) add(d time.Duration) {
	i := 0
	if d > time.Millisecond {
		i = min(int(math.Log2(float64(d)/float64(time.Millisecond))*4), len(s)-1)
	}
	s[i]++
}

// quantile returns seconds, or nil if nothing was counted.
func (s *spread) quantile(q float64) *float64 {
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
	at := m.now(t)
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
	at := m.now(t)
	at.calls++
	if failed {
		at.failed++
	}
	m.mu.Unlock()
}

func (m *minutes) webhook(t time.Time) {
	m.mu.Lock()
	m.now(t).webhooks++
	m.mu.Unlock()
}

// lanes notes a look at the lanes.
func (m *minutes) lanes(t time.Time, s look) {
	m.mu.Lock()
	at := m.now(t)
	at.sampled, at.ready, at.paused, at.dead = true, s.Ready, s.Paused, s.Dead
	at.oldest = max(at.oldest, s.oldest.Seconds())
	m.mu.Unlock()
}
