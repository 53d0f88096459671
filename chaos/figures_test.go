//go:build unix

package chaos

import (
	"testing"
	"time"
)

// The check of the figures must find wrong ones.
func TestFigures(t *testing.T) {
	t.Parallel()
	right := func() (*figures, *held) {
		now := time.Now()
		f := &figures{metrics: map[string]float64{
			"giosgbot_store_up": 1, `giosgbot_lanes{state="ready"}`: 1, `giosgbot_lanes{state="paused"}`: 1, "giosgbot_deadletters": 1,
			`giosgbot_events_in_total{way="webhook"}`: 5, `giosgbot_events_total{fate="answered"}`: 1, `giosgbot_events_total{fate="set_aside"}`: 1,
		}}
		counted := func() tally {
			return tally{map[string]int64{"webhook": 5}, map[string]int64{"answered": 1, "set_aside": 1}}
		}
		f.counted = counted()
		p := &f.page
		p.Now, p.Verdict.Level, p.Store.Up, p.Store.Seen = now, "ok", true, &now
		p.Lanes.Ready, p.Lanes.Paused, p.Lanes.Events, p.Deadletters.Total = 1, 1, 3, 1
		p.Events.In, p.Events.Fates = counted().in, counted().out
		return f, &held{counted: counted(), items: 3, ready: 1, paused: 1, dead: 1}
	}
	if f, h := right(); len(f.differs(h, true)) != 0 {
		t.Errorf("right figures are reported as wrong: %v", f.differs(h, true))
	}
	for name, spoil := range map[string]func(f *figures, h *held){
		"an event that was not counted":        func(f *figures, h *held) { h.items++ },
		"an event that left without being one": func(f *figures, h *held) { h.items-- },
		"another count than the store's":       func(f *figures, _ *held) { f.counted.out["answered"]++ },
		"another count on the page":            func(f *figures, _ *held) { f.page.Events.In["webhook"]-- },
		"more out than in":                     func(f *figures, _ *held) { f.page.Events.Fates["answered"] = 9 },
		"no dead letter":                       func(f *figures, _ *held) { f.page.Deadletters.Total = 0 },
		"a lane too many":                      func(f *figures, _ *held) { f.metrics[`giosgbot_lanes{state="ready"}`] = 2 },
		"a negative number":                    func(f *figures, _ *held) { f.metrics["giosgbot_api_calls_in_flight"] = -1 },
		"a store that is down, and all well":   func(f *figures, _ *held) { f.page.Store.Up = false },
		"a store that refuses, and all well":   func(f *figures, _ *held) { f.page.Store.Refuses = "full" },
		"half of the store's figures":          func(f *figures, _ *held) { delete(f.metrics, "giosgbot_deadletters") },
		"none of the store's figures": func(f *figures, _ *held) {
			f.counted = newTally()
			f.metrics = map[string]float64{"giosgbot_store_up": 1}
		},
		"old figures as new ones": func(f *figures, _ *held) { f.page.Now = f.page.Now.Add(time.Minute) },
	} {
		f, h := right()
		spoil(f, h)
		if len(f.differs(h, true)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}
