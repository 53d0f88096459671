//go:build unix

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"giosgbot/giosg/giosgtest"
)

// The faults after which Redis knows nothing.
const flushed, lostData = "redis flushed", "redis lost its data"

// redisKilled is the fault after which Redis may lack its last second: it answers before it writes while the disk is busy.
const redisKilled = "redis killed"

// fault is something bad that happens for a while. It returns when it is over.
type fault struct {
	kind string
	do   func(ctx context.Context, d *dice)
}

// trouble lets faults happen, one after the other in the order of a shuffled deck, until ctx ends.
func (w *world) trouble(ctx context.Context, d *dice, deck []fault) {
	for {
		for i := len(deck) - 1; i > 0; i-- {
			j := d.n(i + 1)
			deck[i], deck[j] = deck[j], deck[i]
		}
		for _, f := range deck {
			if !nap(ctx, d.between(300*time.Millisecond, 2500*time.Millisecond)) {
				return
			}
			from := time.Now()
			f.do(ctx, d)
			w.mu.Lock()
			w.windows = append(w.windows, wait{from, time.Now()})
			w.mu.Unlock()
		}
	}
}

// note counts a fault when it begins.
func (w *world) note(kind, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.mu.Lock()
	w.events = append(w.events, event{time.Now(), kind, what})
	w.mu.Unlock()
	w.say("%-22s %s", kind, what)
}

// busy makes turns long for a moment, so that what follows strikes in the middle of many.
func (w *world) busy(ctx context.Context, d *dice) (mend func()) {
	if !d.chance(0.7) {
		return func() {}
	}
	mend = w.moods.set(mood{name: "slow", rate: 1, delayMin: 100 * time.Millisecond, delayMax: 700 * time.Millisecond})
	nap(ctx, d.between(200*time.Millisecond, 900*time.Millisecond))
	return mend
}

// stop ends a replica as a deployment does.
func (r *replica) stop(w *world) {
	took, well := r.end(syscall.SIGTERM, 10*time.Second)
	if !well {
		w.note("slow exit", "%s was not out within 10 s of SIGTERM", r.name)
	}
	w.say("%-22s %s was out after %.1f s", "restart", r.name, took.Seconds())
}

// processFaults are those of replicas and of Redis.
func (w *world) processFaults() []fault {
	pick := func(d *dice) *replica { return w.replicas[d.n(len(w.replicas))] }
	kill := func(ctx context.Context, d *dice) {
		mend := w.busy(ctx, d)
		r, down := pick(d), d.between(0, 3*time.Second)
		w.note("kill", "%s, for %.1f s", r.name, down.Seconds())
		r.end(syscall.SIGKILL, time.Second)
		mend()
		nap(ctx, down)
		_ = r.run()
	}
	out := []fault{
		{"kill", kill},
		{"kill all", func(ctx context.Context, d *dice) {
			mend := w.busy(ctx, d)
			down := d.between(100*time.Millisecond, 2*time.Second)
			w.note("kill all", "for %.1f s", down.Seconds())
			for _, r := range w.replicas {
				r.end(syscall.SIGKILL, time.Second)
			}
			mend()
			nap(ctx, down)
			for _, r := range w.replicas {
				_ = r.run()
			}
		}},
		{"restart", func(ctx context.Context, d *dice) {
			mend := w.busy(ctx, d)
			r := pick(d)
			w.note("restart", "%s", r.name)
			r.stop(w)
			mend()
			_ = r.run()
		}},
	}
	if w.File {
		return append(out, fault{"kill", kill}, fault{"kill", kill})
	}
	freeze := func(ctx context.Context, d *dice) {
		mend := w.busy(ctx, d)
		r, long := pick(d), d.between(lease*21/20, lease*9/4)
		w.note("freeze", "%s, for %.1f s", r.name, long.Seconds())
		r.signal(syscall.SIGSTOP)
		nap(ctx, 300*time.Millisecond)
		awake := d.chance(0.5) // finds the others slow, too, who have its lanes now
		if !awake {
			mend()
		}
		nap(ctx, long-300*time.Millisecond)
		r.signal(syscall.SIGCONT)
		if awake {
			nap(ctx, 700*time.Millisecond)
			mend()
		}
	}
	again := func(ctx context.Context) {
		if err := w.store.up(ctx); err != nil && ctx.Err() == nil {
			w.note("redis is not up", "%v", err)
		}
	}
	return append(out, fault{"kill", kill}, fault{"freeze", freeze}, fault{"freeze", freeze}, fault{"freeze", freeze},
		fault{redisKilled, func(ctx context.Context, d *dice) {
			mend := w.busy(ctx, d)
			down := d.between(50*time.Millisecond, 2500*time.Millisecond)
			w.note(redisKilled, "for %.1f s", down.Seconds())
			w.store.kill()
			mend()
			nap(ctx, down)
			again(ctx)
		}},
		fault{"redis frozen", func(ctx context.Context, d *dice) {
			long := d.between(500*time.Millisecond, 4*time.Second)
			w.note("redis frozen", "for %.1f s", long.Seconds())
			w.store.signal(syscall.SIGSTOP)
			nap(ctx, long)
			w.store.signal(syscall.SIGCONT)
		}},
		fault{flushed, func(ctx context.Context, d *dice) {
			mend := w.busy(ctx, d)
			w.note(flushed, "")
			_ = w.store.flush(ctx)
			mend()
		}},
		fault{lostData, func(ctx context.Context, d *dice) {
			mend := w.busy(ctx, d)
			down := d.between(50*time.Millisecond, 1500*time.Millisecond)
			w.note(lostData, "down for %.1f s", down.Seconds())
			w.store.kill()
			mend()
			_ = w.store.wipe()
			nap(ctx, down)
			again(ctx)
		}},
	)
}

// networkFaults are those of connections, of the API and of webhooks.
func (w *world) networkFaults() []fault {
	const least, most = 500 * time.Millisecond, 3500 * time.Millisecond
	pick := func(d *dice) *replica { return w.replicas[d.n(len(w.replicas))] }
	var out []fault
	add := func(kind string, do func(ctx context.Context, d *dice)) { out = append(out, fault{kind, do}) }

	// on spoils the links that f names, of one replica or of all.
	on := func(kind string, f func(r *replica) *link, spoil func(d *dice, l *link) (mend func())) {
		add(kind, func(ctx context.Context, d *dice) {
			hit, long := w.replicas, d.between(least, most)
			if d.chance(0.5) {
				hit = []*replica{pick(d)}
			}
			w.note(kind, "%d of %d replicas, for %.1f s", len(hit), len(w.replicas), long.Seconds())
			var mends []func()
			for _, r := range hit {
				mends = append(mends, spoil(d, f(r)))
			}
			nap(ctx, long)
			for _, mend := range mends {
				mend()
			}
		})
	}
	api := func(r *replica) *link { return r.api }
	cut := func(_ *dice, l *link) func() { return l.cut() }
	stall := func(stream string) func(*dice, *link) func() {
		return func(_ *dice, l *link) func() { return l.stall(stream) }
	}
	slow := func(_ *dice, l *link) func() { return l.slow("downstream", 150*time.Millisecond, 100*time.Millisecond) }
	snap := func(d *dice, l *link) func() { return l.snap(200 + d.n(3000)) }
	on("api cut", api, cut)
	on("api requests stalled", api, stall("upstream"))
	on("api answers stalled", api, stall("downstream"))
	on("api answers cut short", api, snap)
	on("webhooks cut", func(r *replica) *link { return r.door }, cut)
	on("webhook answers stalled", func(r *replica) *link { return r.door }, stall("downstream"))
	if !w.File {
		redis := func(r *replica) *link { return r.redis }
		on("redis cut", redis, cut)
		on("redis commands stalled", redis, stall("upstream"))
		on("redis answers stalled", redis, stall("downstream"))
		on("redis answers cut short", redis, snap)
		on("redis slow", redis, slow)
	}
	// The platform's own troubles.
	for _, m := range []mood{
		{name: "api answers 503", rate: 1, fault: giosgtest.Fault{Status: http.StatusServiceUnavailable}},
		{name: "api answers 500 after", rate: 0.5, writes: true, fault: giosgtest.Fault{Status: http.StatusInternalServerError, After: true}},
		{name: "api cuts after", rate: 0.4, writes: true, fault: giosgtest.Fault{Cut: true, After: true}},
		{name: "api hangs", rate: 0.1, fault: giosgtest.Fault{Hang: true}},
		{name: "api hangs after", rate: 0.2, writes: true, fault: giosgtest.Fault{Hang: true, After: true}},
		{name: "api throttles", rate: 0.5, fault: giosgtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}},
		{name: "api slow", rate: 1, delayMin: 50 * time.Millisecond, delayMax: 900 * time.Millisecond},
	} {
		add(m.name, func(ctx context.Context, d *dice) {
			long := d.between(least, most)
			w.note(m.name, "for %.1f s", long.Seconds())
			mend := w.moods.set(m)
			nap(ctx, long)
			mend()
		})
	}
	add("api late", func(ctx context.Context, d *dice) {
		long := d.between(least, most)
		w.note("api late", "for %.1f s", long.Seconds())
		was := w.late.rate.Swap(250_000)
		nap(ctx, long)
		w.late.rate.Store(was)
	})
	add("tokens revoked", func(_ context.Context, d *dice) {
		o := w.orgs[d.n(len(w.orgs))]
		w.note("tokens revoked", "%s", o.Name)
		w.p.RevokeTokens(o.bot.User)
	})
	add("tokens short-lived", func(ctx context.Context, d *dice) {
		long := d.between(2*time.Second, 4*time.Second)
		w.note("tokens short-lived", "for %.1f s", long.Seconds())
		w.p.Configure(func(o *giosgtest.Options) { o.TokenLife = 6 * time.Second })
		for _, o := range w.orgs {
			w.p.RevokeTokens(o.bot.User)
		}
		nap(ctx, long)
		w.p.Configure(func(o *giosgtest.Options) { o.TokenLife = 0 })
	})
	manners := func(kind string, change func(m *giosgtest.Manners)) {
		add(kind, func(ctx context.Context, d *dice) {
			long := d.between(least, most)
			w.note(kind, "for %.1f s", long.Seconds())
			m := w.rude()
			change(m)
			w.p.Configure(func(o *giosgtest.Options) { o.Manners = m })
			nap(ctx, long)
			w.p.Configure(func(o *giosgtest.Options) { o.Manners = w.rude() })
		})
	}
	manners("webhooks dropped", func(m *giosgtest.Manners) { m.Drop = 1 })
	manners("webhooks repeated", func(m *giosgtest.Manners) { m.Duplicate, m.Copies, m.LagMax = 1, 4, 2*time.Second })
	manners("webhooks disordered", func(m *giosgtest.Manners) { m.LagMax = 1500 * time.Millisecond })
	return out
}
