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

// fault is something that happens to the bot for a while.
type fault struct {
	kind string
	do   func(ctx context.Context, d *dice) // returns when it is over
}

// How long most faults last.
const shortest, longest = 500 * time.Millisecond, 3500 * time.Millisecond

// run lets faults happen, one after the other in the order of a shuffled deck, until ctx ends.
func (w *world) run(ctx context.Context, d *dice, deck []fault) {
	if len(deck) == 0 {
		return
	}
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

// busy often makes turns long for a moment, so that the next fault hits many of them half way.
func (w *world) busy(ctx context.Context, d *dice) (mend func()) {
	if !d.chance(0.7) {
		return func() {}
	}
	mend = w.apiFaults.set(apiFault{name: "slow", rate: 1, delayMin: 100 * time.Millisecond, delayMax: 700 * time.Millisecond})
	nap(ctx, d.between(200*time.Millisecond, 900*time.Millisecond))
	return mend
}

// stop ends a replica as a deployment does.
func (r *replica) stop(w *world) {
	took, well := r.end(syscall.SIGTERM, 10*time.Second)
	if !well {
		w.note("slow exit", "%s did not end within 10 s of SIGTERM", r.name)
	}
	w.say("%-22s %s ended after %.1f s", "restart", r.name, took.Seconds())
}

func (w *world) pick(d *dice) *replica { return w.replicas[d.n(len(w.replicas))] }

// deck collects the faults that are part of the run. weight is how often a fault is in the deck.
type deck struct {
	w      *world
	faults []fault
}

func (k *deck) add(kind string, weight int, do func(ctx context.Context, d *dice)) {
	if !k.w.on(kind) {
		return
	}
	for range weight {
		k.faults = append(k.faults, fault{kind, do})
	}
}

// processFaults are those of replicas and of the store.
func (w *world) processFaults() []fault {
	k := &deck{w: w}
	k.add("kill", 3, w.killOne)
	k.add("kill all", 1, w.killAll)
	k.add("restart", 1, w.restart)
	k.add(upgrade, 3, w.upgrade)
	k.add(diskFull, 2, w.fillDisk)
	k.add(diskSlow, 2, w.slowDisk)
	if w.File {
		return k.faults
	}
	k.add("freeze", 3, w.freeze)
	k.add(redisKilled, 1, func(ctx context.Context, d *dice) {
		down := d.between(50*time.Millisecond, 2500*time.Millisecond)
		w.killRedis(ctx, d, redisKilled, down, false)
	})
	k.add(lostData, 1, func(ctx context.Context, d *dice) {
		w.killRedis(ctx, d, lostData, d.between(50*time.Millisecond, 1500*time.Millisecond), true)
	})
	k.add("redis frozen", 1, func(ctx context.Context, d *dice) {
		long := d.between(500*time.Millisecond, 4*time.Second)
		w.note("redis frozen", "for %.1f s", long.Seconds())
		s := w.store.now()
		s.signal(syscall.SIGSTOP)
		nap(ctx, long)
		s.signal(syscall.SIGCONT)
	})
	k.add(flushed, 1, func(ctx context.Context, d *dice) {
		mend := w.busy(ctx, d)
		w.note(flushed, "")
		_ = w.store.now().flush(ctx)
		mend()
	})
	k.add(failedOver, 3, w.failover)
	return k.faults
}

func (w *world) killOne(ctx context.Context, d *dice) {
	mend := w.busy(ctx, d)
	r, down := w.pick(d), d.between(0, 3*time.Second)
	w.note("kill", "%s, for %.1f s", r.name, down.Seconds())
	r.end(syscall.SIGKILL, time.Second)
	mend()
	nap(ctx, down)
	_ = r.run()
}

func (w *world) killAll(ctx context.Context, d *dice) {
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
}

func (w *world) restart(ctx context.Context, d *dice) {
	mend := w.busy(ctx, d)
	r := w.pick(d)
	w.note("restart", "%s", r.name)
	r.stop(w)
	mend()
	_ = r.run()
}

// upgrade restarts a replica with the other of two versions, well or by a crash.
func (w *world) upgrade(ctx context.Context, d *dice) {
	mend := w.busy(ctx, d)
	r := w.pick(d)
	bot := r.swap(w.Old)
	w.note(upgrade, "%s to %s", r.name, bot)
	if d.chance(0.3) {
		r.end(syscall.SIGKILL, time.Second)
	} else {
		r.stop(w)
	}
	mend()
	_ = r.run()
}

func (w *world) freeze(ctx context.Context, d *dice) {
	mend := w.busy(ctx, d)
	r, long := w.pick(d), d.between(lease*21/20, lease*9/4)
	w.note("freeze", "%s, for %.1f s", r.name, long.Seconds())
	r.signal(syscall.SIGSTOP)
	nap(ctx, 300*time.Millisecond)
	slow := d.chance(0.5) // the replicas that got its lanes are slow, too, when it wakes up
	if !slow {
		mend()
	}
	nap(ctx, long-300*time.Millisecond)
	r.signal(syscall.SIGCONT)
	if slow {
		nap(ctx, 700*time.Millisecond)
		mend()
	}
}

func (w *world) killRedis(ctx context.Context, d *dice, kind string, down time.Duration, wipe bool) {
	mend := w.busy(ctx, d)
	s := w.store.now()
	w.note(kind, "for %.1f s", down.Seconds())
	s.kill()
	mend()
	if wipe {
		_ = s.wipe()
	}
	nap(ctx, down)
	if err := s.up(context.WithoutCancel(ctx)); err != nil {
		w.note("redis is not up", "%v", err)
	}
}

func (w *world) failover(ctx context.Context, d *dice) {
	mend := w.busy(ctx, d)
	lag, down := d.between(100*time.Millisecond, 1500*time.Millisecond), d.between(300*time.Millisecond, 1500*time.Millisecond)
	w.note(failedOver, "the standby lags by %.1f s, no master for %.1f s", lag.Seconds(), down.Seconds())
	if err := w.store.failover(context.WithoutCancel(ctx), lag, down); err != nil {
		w.note("redis is not up", "%v", err)
	}
	mend()
	w.mu.Lock() // events of the lag are lost until now
	w.events = append(w.events, event{time.Now(), failoverEnds, ""})
	w.mu.Unlock()
}

// networkFaults are those of connections, of the API and of webhooks.
func (w *world) networkFaults() []fault {
	k := &deck{w: w}
	w.linkFaults(k)
	w.addAPIFaults(k)
	w.addTokenFaults(k)
	manners := func(kind string, change func(m *giosgtest.Manners)) {
		k.add(kind, 1, func(ctx context.Context, d *dice) {
			long := d.between(shortest, longest)
			w.note(kind, "for %.1f s", long.Seconds())
			m := w.rude()
			change(m)
			w.p.Configure(func(o *giosgtest.Options) { o.Manners = m })
			nap(ctx, long)
			w.p.Configure(func(o *giosgtest.Options) { o.Manners = w.rude() })
		})
	}
	manners(dropped, func(m *giosgtest.Manners) { m.Drop = 1 })
	manners("webhooks repeated", func(m *giosgtest.Manners) { m.Duplicate, m.Copies, m.LagMax = 1, 4, 2*time.Second })
	manners("webhooks disordered", func(m *giosgtest.Manners) { m.LagMax = 1500 * time.Millisecond })
	k.add(newPlaybook, 3, w.changePlaybook)
	return k.faults
}

// linkFaults are those of the links between a replica and the rest, for one replica or for all.
func (w *world) linkFaults(k *deck) {
	on := func(kind string, of func(r *replica) []*link, spoil func(d *dice, l *link) (mend func())) {
		k.add(kind, 1, func(ctx context.Context, d *dice) {
			hit, long := w.replicas, d.between(shortest, longest)
			if d.chance(0.5) {
				hit = []*replica{w.pick(d)}
			}
			w.note(kind, "%d of %d replicas, for %.1f s", len(hit), len(w.replicas), long.Seconds())
			var mends []func()
			for _, r := range hit {
				for _, l := range of(r) {
					mends = append(mends, spoil(d, l))
				}
			}
			nap(ctx, long)
			for _, mend := range mends {
				mend()
			}
		})
	}
	api := func(r *replica) []*link { return []*link{r.api} }
	hooks := func(r *replica) []*link { return []*link{r.hooks} }
	redis := func(r *replica) []*link { return r.redis }
	cut := func(_ *dice, l *link) func() { return l.cut() }
	stall := func(stream string) func(*dice, *link) func() {
		return func(_ *dice, l *link) func() { return l.stall(stream) }
	}
	snap := func(d *dice, l *link) func() { return l.snap(200 + d.n(3000)) }
	on("api cut", api, cut)
	on("api requests stalled", api, stall("upstream"))
	on("api answers stalled", api, stall("downstream"))
	on("api answers cut short", api, snap)
	on("webhooks cut", hooks, cut)
	on("webhook answers stalled", hooks, stall("downstream"))
	on("redis cut", redis, cut)
	on("redis commands stalled", redis, stall("upstream"))
	on("redis answers stalled", redis, stall("downstream"))
	on("redis answers cut short", redis, snap)
	on("redis slow", redis, func(_ *dice, l *link) func() { return l.slow("downstream", 150*time.Millisecond, 100*time.Millisecond) })
}

// addAPIFaults adds the faults of the platform's API.
func (w *world) addAPIFaults(k *deck) {
	for _, x := range []apiFault{
		{name: "api answers 503", rate: 1, fault: giosgtest.Fault{Status: http.StatusServiceUnavailable}},
		{name: "api answers 500 after", rate: 0.5, writes: true, fault: giosgtest.Fault{Status: http.StatusInternalServerError, After: true}},
		{name: "api cuts after", rate: 0.4, writes: true, fault: giosgtest.Fault{Cut: true, After: true}},
		{name: "api hangs", rate: 0.1, fault: giosgtest.Fault{Hang: true}},
		{name: "api hangs after", rate: 0.2, writes: true, fault: giosgtest.Fault{Hang: true, After: true}},
		{name: "api throttles", rate: 0.5, fault: giosgtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}},
		{name: "api slow", rate: 1, delayMin: 50 * time.Millisecond, delayMax: 900 * time.Millisecond},
	} {
		k.add(x.name, 1, func(ctx context.Context, d *dice) {
			long := d.between(shortest, longest)
			w.note(x.name, "for %.1f s", long.Seconds())
			mend := w.apiFaults.set(x)
			nap(ctx, long)
			mend()
		})
	}
	k.add("api late", 1, func(ctx context.Context, d *dice) {
		long := d.between(shortest, longest)
		w.note("api late", "for %.1f s", long.Seconds())
		was := w.late.rate.Swap(250_000)
		nap(ctx, long)
		w.late.rate.Store(was)
	})
	k.add(oddAnswer, 4, w.oddAnswer)
	k.add(oddAnswers, 2, w.oddAnswers)
}

func (w *world) addTokenFaults(k *deck) {
	k.add("tokens revoked", 1, func(_ context.Context, d *dice) {
		o := w.orgs[d.n(len(w.orgs))]
		w.note("tokens revoked", "%s", o.Name)
		w.p.RevokeTokens(o.bot.User)
	})
	k.add("tokens short-lived", 1, func(ctx context.Context, d *dice) {
		long := d.between(2*time.Second, 4*time.Second)
		w.note("tokens short-lived", "for %.1f s", long.Seconds())
		w.p.Configure(func(o *giosgtest.Options) { o.TokenLife = 6 * time.Second })
		for _, o := range w.orgs {
			w.p.RevokeTokens(o.bot.User)
		}
		nap(ctx, long)
		w.p.Configure(func(o *giosgtest.Options) { o.TokenLife = 0 })
	})
}
