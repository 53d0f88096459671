//go:build unix

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"giosgbot/giosg/giosgtest"
)

// In the tenants' part no other fault is active, so that what the quiet organizations feel comes from the troubled one alone.
const (
	baseline      = 5 * time.Second
	trouble1      = 10 * time.Second
	slowCall      = 500 * time.Millisecond // below the time limit of a call
	troubledChats = 160
)

// tenancy is what the organizations felt while one was in trouble.
type tenancy struct {
	name           string
	before, during []time.Duration // waits of the quiet organizations
	chats          int             // of the troubled one
	answered       int             // messages of the troubled one that were answered in the end
	calls, needed  int             // of the troubled one, by the rate of calls without trouble
	took           time.Duration   // until the troubled one had all answers
	floor          time.Duration   // the shortest time that its calls can take
}

// share runs the tenants' part.
func (w *world) share(ctx context.Context) {
	w.p.Configure(func(o *giosgtest.Options) {
		o.Manners = &giosgtest.Manners{Attempts: 6, Backoff: 50 * time.Millisecond}
	})
	defer w.p.Configure(func(o *giosgtest.Options) { o.Manners = calmManners() })
	troubled := w.orgs[0]
	of := func(c giosgtest.Call) bool { return c.TokenUser == troubled.bot.ID }
	for _, x := range []struct {
		name  string
		fault apiFault
	}{
		{slowTenant, apiFault{rate: 1, match: of, delayMin: slowCall, delayMax: slowCall + time.Millisecond}},
		{throttled, apiFault{rate: 0.8, match: of, fault: giosgtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 2 * time.Second}}},
	} {
		if !w.on(x.name) || ctx.Err() != nil {
			continue
		}
		w.tenancy(ctx, x.name, x.fault)
	}
}

func (w *world) tenancy(ctx context.Context, name string, fault apiFault) {
	out := tenancy{name: name, chats: troubledChats}
	out.before, _ = w.probe(ctx, baseline)
	w.note(name, "%d chats of %s", troubledChats, w.orgs[0].Name)
	mend := w.apiFaults.set(fault)
	from, start := len(w.p.Calls(nil)), time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	limited, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for i := range troubledChats {
		all.Go(func() {
			if took := w.ask(limited, w.orgs[0], word(i%rules)); took > 0 {
				mu.Lock()
				out.answered++
				out.took = max(out.took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	out.during, _ = w.probe(ctx, trouble1)
	if name == throttled { // how long it is throttled is not the bot's doing
		mend()
	}
	all.Wait()
	mend()
	for _, c := range w.p.Calls(nil)[from:] {
		if c.TokenUser == w.orgs[0].bot.ID {
			out.calls++
		}
	}
	// Join, greeting and answer of one or two messages, and now and then a look at the room.
	out.needed = 4*troubledChats + 10
	if name == slowTenant {
		out.floor = time.Duration(out.needed) * slowCall / time.Duration(8*len(w.replicas))
	}
	w.say("%s", out)
	w.mu.Lock()
	w.tenants = append(w.tenants, out)
	w.mu.Unlock()
}

// probe opens chats of the quiet organizations at a steady rate and returns their waits. A visitor without an answer counts with the
// whole time.
func (w *world) probe(ctx context.Context, long time.Duration) (waits []time.Duration, unanswered int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, end := 0, time.Now().Add(long); time.Now().Before(end); i++ {
		o := w.orgs[1+i%(len(w.orgs)-1)]
		all.Go(func() {
			limited, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			took := w.ask(limited, o, word(i%rules))
			mu.Lock()
			defer mu.Unlock()
			if took == 0 {
				unanswered++
				took = 20 * time.Second
			}
			waits = append(waits, took)
		})
		if !nap(ctx, 200*time.Millisecond) {
			break
		}
	}
	all.Wait()
	slices.Sort(waits)
	return waits, unanswered
}

// ask opens a chat with one message and returns how long its answer took, or 0 without one.
func (w *world) ask(ctx context.Context, o *org, text string) time.Duration {
	t := &talk{script: script{lang: languages[0], leaves: time.Hour}, org: o}
	w.open(t)
	start := time.Now()
	_, _ = t.chat.Say(text)
	if w.p.AwaitState(ctx, t.chat, func(giosgtest.ChatState) bool { return w.judge(t, w.lines(t)).waiting() == 0 }) != nil {
		return 0
	}
	return time.Since(start)
}

func (x tenancy) String() string {
	s := fmt.Sprintf("%s: others waited p50 %s, longest %s before; p50 %s, longest %s during; %d of %d answered after %.1f s with %d calls (about %d needed)",
		x.name, at(x.before, 50), at(x.before, 100), at(x.during, 50), at(x.during, 100), x.answered, x.chats, x.took.Seconds(), x.calls, x.needed)
	if x.floor > 0 {
		s += fmt.Sprintf(", least possible %.1f s", x.floor.Seconds())
	}
	return s
}

// audit adds findings to the result. The limits are generous, since the machine is shared.
func (x tenancy) audit(r *Result) {
	r.Tenants = append(r.Tenants, x.String())
	if len(x.before) == 0 || len(x.during) == 0 {
		return
	}
	limit := time.Second + 4*x.before[len(x.before)-1]
	if longest := x.during[len(x.during)-1]; longest > limit {
		r.Starved = append(r.Starved, fmt.Sprintf("%s: another organization waited %s (limit %s)", x.name, longest.Round(time.Millisecond), limit.Round(time.Millisecond)))
	}
	if x.answered < x.chats {
		r.Starved = append(r.Starved, fmt.Sprintf("%s: %d of its own chats had no answer in 90 s", x.name, x.chats-x.answered))
	}
	if x.name != slowTenant {
		return
	}
	if x.took > 3*x.floor+3*time.Second {
		r.Starved = append(r.Starved, fmt.Sprintf("%s: its own chats took %.1f s, the least possible are %.1f s", x.name, x.took.Seconds(), x.floor.Seconds()))
	}
	if x.calls > 2*x.needed {
		r.Storms = append(r.Storms, fmt.Sprintf("%s: %d calls where %d are enough", x.name, x.calls, x.needed))
	}
}
