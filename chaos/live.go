//go:build unix

package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	"giosgbot/giosg/giosgtest"
)

func (w *world) say(format string, args ...any) {
	at := time.Duration(0)
	if !w.begun.IsZero() {
		at = time.Since(w.begun)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.Progress, "%6.1fs  %s\n", at.Seconds(), fmt.Sprintf(format, args...))
}

// live runs the storm, the calm, the tenants' part, the echo and the audit.
func (w *world) live(ctx context.Context) (*Result, error) {
	w.begun = time.Now()
	storm, over := context.WithTimeout(ctx, w.For)
	defer over()
	w.storm = storm
	whole, stop := context.WithTimeout(ctx, w.For+w.Calm+tenantsLimit)
	defer stop()
	visits, stopVisits := context.WithTimeout(whole, w.For+w.Calm)
	defer stopVisits()

	var crowd, faults, watchers sync.WaitGroup
	for _, r := range w.replicas {
		watchers.Go(func() { w.watch(whole, r) })
	}
	defer func() {
		stop()
		watchers.Wait()
	}()
	if w.on("api late") {
		w.late.rate.Store(15_000)
	}
	for i := range w.Chats {
		s := write(w.Seed, i, w.Chats, len(w.orgs), w.For*85/100, w.on)
		crowd.Go(func() {
			if nap(visits, s.opens) {
				w.visit(visits, s)
			}
		})
	}
	faults.Go(func() { w.run(storm, newDice(w.Seed, 5), w.processFaults()) })
	faults.Go(func() { w.run(storm, newDice(w.Seed, 6), w.networkFaults()) })
	if w.on(newPlaybook) {
		w.neighbour(storm)
	}
	<-storm.Done()
	faults.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return w.calm(ctx, whole, &crowd)
}

// tenantsLimit is how long the tenants' part may take.
const tenantsLimit = 4 * time.Minute

// calm ends all faults and waits until everybody has an answer.
func (w *world) calm(ctx, whole context.Context, crowd *sync.WaitGroup) (*Result, error) {
	w.say("calm")
	w.late.rate.Store(0)
	w.p.Configure(func(o *giosgtest.Options) { o.Manners = calmManners(); o.TokenLife = 0 })
	start := time.Now()
	limited, cancel := context.WithTimeout(whole, w.Calm)
	defer cancel()
	quiet := w.recover(limited, crowd)
	took := time.Since(start)
	w.say("quiet: %t, after %.1f s", quiet, took.Seconds())
	if quiet {
		w.share(whole)
	}
	if err := w.echoAll(ctx); err != nil {
		return nil, err
	}
	return w.audit(took, quiet), nil
}

// recover waits until everybody has an answer, and reports whether that happened before ctx ended.
func (w *world) recover(ctx context.Context, crowd *sync.WaitGroup) (quiet bool) {
	// Fresh webhooks bring the tokens that the bot needs for lost visitors.
	callers, hang := context.WithCancel(ctx)
	var calls sync.WaitGroup
	for i := range w.orgs {
		calls.Go(func() {
			for n := 0; callers.Err() == nil; n++ {
				s := script{org: i, lang: languages[n%2], steps: []step{{texts: []string{word(n % rules)}}}}
				w.visit(callers, s)
				nap(callers, 700*time.Millisecond)
			}
		})
	}
	crowd.Wait()
	for !quiet && nap(ctx, 100*time.Millisecond) {
		quiet = w.unanswered() == 0
	}
	for quiet && w.silent() > 0 && nap(ctx, time.Second) { // nobody waits for these, but they have as much time
		continue
	}
	hang()
	calls.Wait()
	return quiet
}

// silent counts the messages that a sidekick knows of and has not answered.
func (w *world) silent() (n int) {
	w.mu.Lock()
	talks := w.talks[:len(w.talks):len(w.talks)]
	w.mu.Unlock()
	for _, t := range talks {
		if t.by.Load() == byBot {
			continue
		}
		lines := w.lines(t)
		for _, d := range w.judge(t, lines).lost() {
			if w.excuse(t, d.to, lines) == "" {
				n++
			}
		}
	}
	return n
}

// echoAll sends old webhooks again and compares the figures before and after. What was answered must stay answered.
func (w *world) echoAll(ctx context.Context) error {
	tail, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_ = w.p.AwaitDeliveries(tail)
	before, from := w.compare(ctx), len(w.p.Deliveries(nil))
	w.echo(tail)
	_ = w.p.AwaitDeliveries(tail)
	_ = w.p.Await(tail, func() bool { return w.unanswered() == 0 })
	nap(tail, settle)
	w.echoed(before, w.compare(ctx), from)
	if w.File {
		w.compareFile(ctx)
	}
	return ctx.Err()
}

// calmManners returns how the platform behaves in the calm: webhooks still repeat, but calls succeed.
func calmManners() *giosgtest.Manners {
	m := giosgtest.Rude()
	m.Fail503, m.Fail500After, m.CutAfter, m.Fail429 = 0, 0, 0, 0
	return m
}

// unanswered counts the messages that are owed. It leaves out those of sidekicks: where a human serves, nobody waits for them.
func (w *world) unanswered() (n int) {
	w.mu.Lock()
	talks := w.talks[:len(w.talks):len(w.talks)]
	w.mu.Unlock()
	for _, t := range talks {
		if t.by.Load() == byBot {
			n += w.judge(t, w.lines(t)).waiting()
		}
	}
	return n
}

// echo sends webhooks of the whole run again, with fresh tokens.
func (w *world) echo(ctx context.Context) {
	d := newDice(w.Seed, 7)
	events := w.p.Events(nil)
	most := min(len(events), 300)
	for range most {
		if _, err := w.p.Send(ctx, events[d.n(len(events))]); err != nil {
			return
		}
	}
}
