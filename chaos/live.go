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

// live runs the storm, then the calm, then the audit.
func (w *world) live(ctx context.Context) (*Result, error) {
	w.begun = time.Now()
	storm, over := context.WithTimeout(ctx, w.For)
	defer over()
	w.storm = storm
	whole, stop := context.WithTimeout(ctx, w.For+w.Calm)
	defer stop()

	var crowd, faults, watchers sync.WaitGroup
	for _, r := range w.replicas {
		watchers.Go(func() { w.watch(whole, r) })
	}
	defer func() {
		stop()
		watchers.Wait()
	}()
	w.late.rate.Store(15_000)
	for i := range w.Chats {
		s := write(w.Seed, i, w.Chats, len(w.orgs), w.For*85/100)
		crowd.Go(func() {
			if nap(whole, s.opens) {
				w.visit(whole, s)
			}
		})
	}
	faults.Go(func() { w.trouble(storm, newDice(w.Seed, 5), w.processFaults()) })
	faults.Go(func() { w.trouble(storm, newDice(w.Seed, 6), w.networkFaults()) })
	faults.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return w.calm(ctx, whole, &crowd)
}

// calm ends all faults and waits until everybody has an answer.
func (w *world) calm(ctx, whole context.Context, crowd *sync.WaitGroup) (*Result, error) {
	w.say("calm")
	w.late.rate.Store(0)
	w.p.SetFault(nil)
	w.p.Configure(func(o *giosgtest.Options) { o.Manners = calmManners(); o.TokenLife = 0 })
	start := time.Now()
	// Fresh webhooks bring the tokens with which lost visitors are found.
	callers, hang := context.WithCancel(whole)
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
	quiet := false
	for !quiet && nap(whole, 100*time.Millisecond) {
		quiet = w.unanswered() == 0
	}
	took := time.Since(start)
	hang()
	calls.Wait()
	w.say("quiet: %t, after %.1f s", quiet, took.Seconds())
	// What is still on its way must arrive, and what was answered must stay answered when its webhook comes once more.
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
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return w.audit(took, quiet), nil
}

// calmManners are those of a platform that has recovered; webhooks still come twice at times.
func calmManners() *giosgtest.Manners {
	m := giosgtest.Rude()
	m.Fail503, m.Fail500After, m.CutAfter, m.Fail429 = 0, 0, 0, 0
	return m
}

// unanswered counts messages that are owed. Sidekicks owe none: where a human serves, nobody waits for them.
func (w *world) unanswered() (n int) {
	w.mu.Lock()
	talks := w.talks[:len(w.talks):len(w.talks)]
	w.mu.Unlock()
	for _, t := range talks {
		if t.by.Load() == byBot {
			n += w.judge(t, t.chat.Lines()).waiting()
		}
	}
	return n
}

// echo sends webhooks of the whole run once more, with fresh tokens.
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
