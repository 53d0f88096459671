package bot_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/dedupe"
	"giosgbot/queue"
	"giosgbot/replay"
)

// A call that may work later is made again, with a back-off that grows.
func TestLater(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("say Nine to five.", slices.Repeat([]fault{later("no")}, 6)...)
			begin := time.Now()
			ev := w.say("hours")
			w.wait(100 * time.Millisecond)
			w.wantResults(bot.Later)
			w.wait(time.Minute)
			reports := w.takeReports()
			if n := len(reports); n != 6 || reports[n-1].Result != bot.Answered || reports[n-1].Attempt != 7 {
				t.Errorf("%d attempts: %+v", n, reports)
			}
			// Half a second doubles to ten, each with up to half of it left out.
			if took := reports[5].Waited; took < 11*time.Second || took > 24*time.Second {
				t.Errorf("answered after %v", took)
			}
			w.wantSaid("Hello.", "Nine to five.")
			w.wantFinished(true, ev.ID)
			if time.Since(begin) < time.Minute {
				t.Error("the clock is not that of the bubble")
			}
		})
	})
}

// Trouble that is not the platform's counts as what may work later.
func TestTroubleOfTheStore(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.Handled = &handled{set: w.handled, fails: 1}
		w.while(func() {
			w.put(w.event(chat.Pending, "e", ""))
			if r := w.report(); r.Result != bot.Later || r.Reason != "the store is away" {
				t.Errorf("%+v", r)
			}
			w.wait(time.Second)
		})
		w.wantResults(bot.Answered)
		w.wantSaid("Hello.")
	})
}

// handled fails as often as it is told to.
type handled struct {
	set   dedupe.Set
	fails int
}

func (h *handled) Seen(ctx context.Context, lane string, ids ...string) ([]bool, error) {
	if h.fails--; h.fails >= 0 {
		return nil, errors.New("the store is away")
	}
	return h.set.Seen(ctx, lane, ids...)
}

// An event that was tried for an hour, and often enough, becomes a dead letter.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("say Nine to five.", slices.Repeat([]fault{later("out of order")}, 10000)...)
			ev := w.say("hours")
			w.wait(59 * time.Minute)
			w.wantDead("")
			w.wait(2 * time.Minute)
			w.wantDead("out of order")
			w.wantFinished(true, ev.ID)
			w.wantEmpty()
			if r := w.results(); r[len(r)-1] != bot.SetAside || slices.Contains(r[:len(r)-1], bot.SetAside) {
				t.Errorf("results %q", r)
			}
			w.say("price") // the lane goes on
			w.wantResults(bot.Answered)
		})
	})
}

// A few attempts are made however long the first is ago.
func TestGiveUpNeedsAttempts(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("say Nine to five.", slices.Repeat([]fault{deferred(30*time.Minute, false)}, 8)...)
			w.say("hours")
			w.wait(5 * time.Hour)
			w.wantDead("")
			w.wantSaid("Hello.", "Nine to five.")
		})
	})
}

// No settle time after a write of unknown fate would let the next attempt read the record too early, and say the same again.
func TestSettleAfterAnUnknownFate(t *testing.T) {
	t.Parallel()
	for _, took := range []bool{true, false} {
		t.Run("took effect: "+strconv.FormatBool(took), func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.lag = 1900 * time.Millisecond
					w.p.fail("say Nine to five.", unknown(took))
					w.say("hours")
					w.wantResults(bot.Later)
					w.p.take()
					w.wait(1950 * time.Millisecond)
					w.wantCalls()
					w.wait(3 * time.Second)
					w.wantSaid("Hello.", "Nine to five.")
					want := bot.Answered
					if took {
						want = bot.Silent
					}
					w.wantResults(want)
				})
			})
		})
	}
}

// A deferred call is repeated by the same turn.
func TestDeferredCallIsRepeatedInPlace(t *testing.T) {
	t.Parallel()
	for _, unsent := range []bool{true, false} {
		t.Run("unsent: "+strconv.FormatBool(unsent), func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.fail("say Nine to five.", deferred(time.Second, unsent), deferred(4*time.Second, unsent))
					w.say("hours")
					w.wait(4 * time.Second)
					w.wantResults()
					w.wait(2 * time.Second)
					w.wantCalls("present", "say Nine to five.", "say Nine to five.", "say Nine to five.")
					if r := w.report(); r.Result != bot.Answered || r.Attempt != 1 || r.Took < 5*time.Second {
						t.Errorf("%+v", r)
					}
				})
			})
		})
	}
}

// A call that is deferred for too long, or too often, gives the lane back. If the attempt did nothing, the next one counts as the first.
func TestDeferredForTooLong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workers  int
		text     string
		call     string
		faults   []fault
		attempts []int
		took     time.Duration // until the answer
	}{
		"for too long":               {2, "hours", "say Nine to five.", []fault{deferred(6*time.Second, true)}, []int{1, 1}, 6 * time.Second},
		"for too long, was sent":     {2, "hours", "say Nine to five.", []fault{deferred(6*time.Second, false)}, []int{1, 2}, 6 * time.Second},
		"for too long, after words":  {2, "price", "say Delivery is free.", []fault{deferred(6*time.Second, true)}, []int{1, 2}, 6 * time.Second},
		"too often":                  {2, "hours", "say Nine to five.", slices.Repeat([]fault{deferred(3500*time.Millisecond, true)}, 5), []int{1, 1}, 19 * time.Second},
		"no worker may wait":         {1, "hours", "say Nine to five.", []fault{deferred(time.Second, true)}, []int{1, 1}, time.Second},
		"at a read for a first join": {2, "hours", "present", []fault{deferred(time.Minute, true)}, []int{1, 1}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.opts.Workers = c.workers
				w.while(func() {
					w.join()
					w.p.fail(c.call, c.faults...)
					w.say(c.text)
					w.wait(c.took + time.Second)
					var attempts []int
					for _, r := range w.takeReports() {
						attempts = append(attempts, r.Attempt)
					}
					if !slices.Equal(attempts, c.attempts) {
						t.Errorf("attempts %d, want %d", attempts, c.attempts)
					}
					if n := len(w.p.said()); n != map[string]int{"hours": 2, "price": 3}[c.text] {
						t.Errorf("the bot said %q", w.p.said())
					}
				})
			})
		})
	}
}

// When the bot stops, a turn that waits in place gives its lane back at once.
func TestStopWhileWaitingInPlace(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		stop := w.start()
		w.join()
		w.p.fail("say Nine to five.", deferred(4*time.Second, true))
		w.say("hours")
		w.wait(time.Second)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > 0 {
			t.Errorf("stopping took %v", took)
		}
		w.wantResults(bot.Later)
		w.wait(time.Minute)
		w.while(func() {})
		w.wantResults(bot.Answered)
		w.wantSaid("Hello.", "Nine to five.")
	})
}

// When the bot stops, running turns have some time, and then end as ones that may be tried again.
func TestGrace(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		stop := w.start()
		w.join()
		w.p.fail("say Nine to five.", fault{hang: true})
		w.say("hours")
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != 6*time.Second {
			t.Errorf("stopping took %v", took)
		}
		w.wantResults(bot.Later)
	})
}

// A lane that was found in the moment when the bot stopped goes back untouched.
func TestLaneFoundWhileStopping(t *testing.T) {
	t.Parallel()
	for _, broken := range []bool{false, true} {
		t.Run("store is away: "+strconv.FormatBool(broken), func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				ctx, cancel := context.WithCancel(t.Context())
				w.opts.Workers = 1
				w.opts.Queue = &odd{Queue: w.queue, lease: func(ctx context.Context) (*queue.Lease, error) {
					l, err := w.queue.Lease(ctx)
					cancel()
					if broken && l != nil {
						if err := l.Done(ctx, queue.Outcome{}); err != nil {
							t.Error(err)
						}
					}
					return l, err
				}}
				w.put(w.event(chat.Pending, "e", ""))
				if err := bot.New(w.opts).Run(ctx); err != nil {
					t.Error(err)
				}
				w.wantResults()
				w.wantCalls()
				if broken {
					return
				}
				w.opts.Queue = w.queue
				w.while(func() {})
				if r := w.report(); r.Attempt != 1 || r.Result != bot.Answered {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

// odd is a queue whose leases come another way.
type odd struct {
	queue.Queue
	lease func(context.Context) (*queue.Lease, error)
}

func (q *odd) Lease(ctx context.Context) (*queue.Lease, error) { return q.lease(ctx) }

// While no lane can be leased, the bot tries each second. It ends with its queue.
func TestNoLaneCanBeLeased(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		tries := 0
		w.opts.Workers = 1
		w.opts.Queue = &odd{Queue: w.queue, lease: func(ctx context.Context) (*queue.Lease, error) {
			if tries++; tries <= 3 {
				return nil, errors.New("the store is away")
			}
			return w.queue.Lease(ctx)
		}}
		w.put(w.event(chat.Pending, "e", ""))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := bot.New(w.opts).Run(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		w.wait(2500 * time.Millisecond)
		w.wantResults()
		w.wait(time.Second)
		w.wantResults(bot.Answered)
		w.queue.Close()
		<-ended
	})
}

// A bot that stops while no lane can be leased does not wait for the next try.
func TestStopWhileNoLaneCanBeLeased(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.Queue = &odd{Queue: w.queue, lease: func(context.Context) (*queue.Lease, error) { return nil, errors.New("the store is away") }}
		stop := w.start()
		w.wait(500 * time.Millisecond)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > 0 {
			t.Errorf("stopping took %v", took)
		}
	})
}

// A chat that is over ends quietly. What the platform refuses in one that is not is for a person to see.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  fault
		over   []fault
		ended  bool
		result []bot.Result
		dead   string
	}{
		"over":                            {over("gone"), nil, true, []bot.Result{bot.Over}, ""},
		"over, but the chat is there":     {over("gone"), nil, false, []bot.Result{bot.SetAside}, "gone"},
		"refused, and over":               {refused("bad words"), nil, true, []bot.Result{bot.Over}, ""},
		"refused":                         {refused("bad words"), nil, false, []bot.Result{bot.SetAside}, "bad words"},
		"nobody tells whether it is over": {refused("bad words"), []fault{refused("no")}, false, []bot.Result{bot.SetAside}, "bad words"},
		"it is asked later":               {refused("bad words"), []fault{later("busy")}, true, []bot.Result{bot.Later, bot.Answered}, ""},
		"it is asked too often":           {refused("bad words"), []fault{deferred(time.Second, true)}, true, []bot.Result{bot.Later, bot.Answered}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.ended = c.ended
					w.p.fail("say Nine to five.", c.fault)
					w.p.fail("over", c.over...)
					ev := w.say("hours")
					w.wait(4 * time.Second)
					w.wantResults(c.result...)
					w.wantDead(c.dead)
					w.wantFinished(true, ev.ID)
					w.wantEmpty()
					if c.result[0] == bot.Over {
						w.p.take()
						w.say("hours")
						w.wantResults(bot.Ignored)
						w.wantCalls()
					}
				})
			})
		})
	}
}

// What no further attempt can help becomes a dead letter at once, with its reason; so does a panic.
func TestHopeless(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call  string
		fault fault
		dead  string
	}{
		"an error":           {"say Nine to five.", fault{err: chat.Hopelessly(errors.New("not allowed"))}, "not allowed"},
		"a panic":            {"say Nine to five.", fault{do: func() { panic("oh no") }}, "panic: oh no"},
		"a panic at opening": {"open", fault{do: func() { panic("oh no") }}, "panic: oh no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, agent, func(t *testing.T, w *world) {
				w.while(func() {
					w.join()
					w.p.fail(c.call, c.fault)
					ev := w.say("hours")
					if r := w.report(); r.Result != bot.SetAside || r.Reason != c.dead {
						t.Errorf("%+v", r)
					}
					w.wantDead(c.dead)
					w.wantFinished(true, ev.ID)
					w.say("price")
					w.wantResults(bot.Answered)
				})
			})
		})
	}
}

// After an event that was given up in a later attempt, the next event reads the record: the earlier attempts may have been about it.
func TestGivenUpAfterAnUnknownFate(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("say Nine to five.", unknown(false), refused("bad words"))
			w.say("hours")
			w.wantResults(bot.Later)
			w.p.take()
			w.say("price")
			w.wait(5 * time.Second)
			w.wantResults(bot.SetAside, bot.Answered)
			w.wantCalls("present", "record", "say Nine to five.", "over", "present", "record", "say It costs 10 €.", "say Delivery is free.")
			w.say("again") // and then all is known
			w.wantCalls("present", "say As I said: 10 €.")
		})
	})
}

// An event that waits for something is parked until it comes.
func TestWait(t *testing.T) {
	t.Parallel()
	waits := func(came bool) fault {
		return fault{err: &chat.Wait{Topic: "token:u", Reason: "no token", Hint: "is the app installed?", Came: func(context.Context) bool { return came }}}
	}
	t.Run("woken", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() {
				w.join()
				w.p.fail("open", waits(false), waits(false))
				w.say("hours")
				if r := w.report(); r.Result != bot.Waiting || r.Reason != "no token" {
					t.Errorf("%+v", r)
				}
				w.wait(59 * time.Second)
				w.wantResults()
				w.wait(time.Second) // a waking may be lost
				w.wantResults(bot.Waiting)
				if err := w.queue.Wake(t.Context(), "another"); err != nil {
					t.Fatal(err)
				}
				w.wait(0)
				w.wantResults()
				if err := w.queue.Wake(t.Context(), "token:u"); err != nil {
					t.Fatal(err)
				}
				w.wait(0)
				if r := w.report(); r.Result != bot.Answered || r.Attempt != 1 {
					t.Errorf("%+v", r)
				}
			})
		})
	})
	t.Run("it came meanwhile", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() {
				w.join()
				w.p.fail("open", waits(true))
				w.say("hours")
				w.wantResults(bot.Waiting, bot.Answered)
			})
		})
	})
	t.Run("in the middle", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() {
				w.join()
				w.p.fail("say Delivery is free.", waits(true))
				w.say("price")
				reports := w.takeReports()
				if len(reports) != 2 || reports[0].Result != bot.Waiting || reports[1].Result != bot.Answered || reports[1].Attempt != 2 {
					t.Errorf("%+v", reports)
				}
				w.wantSaid("Hello.", "It costs 10 €.", "Delivery is free.")
			})
		})
	})
	t.Run("for too long", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() {
				w.join()
				w.p.fail("open", slices.Repeat([]fault{waits(false)}, 10000)...)
				ev := w.say("hours")
				w.wait(47 * time.Hour)
				w.wantDead("")
				w.wait(2 * time.Hour)
				w.wantDead("no token, for 48h0m0s; is the app installed?")
				w.wantFinished(true, ev.ID)
			})
		})
	})
}

// A worker that learns from the platform that its lease is about to expire gives it back. One whose lease has expired ends nothing.
func TestLost(t *testing.T) {
	t.Parallel()
	t.Run("about to expire", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			w.while(func() {
				w.join()
				w.p.fail("present", fault{err: queue.ErrLost})
				w.say("hours")
				w.wantResults(bot.Later)
				w.wait(1900 * time.Millisecond)
				w.wantResults()
				w.wait(200 * time.Millisecond)
				if r := w.report(); r.Result != bot.Answered || r.Attempt != 1 {
					t.Errorf("%+v", r)
				}
			})
		})
	})
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		inWorld(t, agent, func(t *testing.T, w *world) {
			var last *queue.Lease
			w.opts.Queue = &odd{Queue: w.queue, lease: func(ctx context.Context) (l *queue.Lease, err error) {
				l, err = w.queue.Lease(ctx)
				if l != nil {
					last = l
				}
				return l, err
			}}
			w.while(func() {
				w.join()
				w.p.fail("say Nine to five.", fault{do: func() { // another worker is faster
					if err := last.Done(t.Context(), queue.Outcome{}); err != nil {
						t.Error(err)
					}
				}})
				w.say("hours")
				if r := w.report(); r.Result != bot.Lost || r.Reason == "" {
					t.Errorf("%+v", r)
				}
			})
		})
	})
}

// If the end of a turn is not stored, the event is tried again.
func TestEndIsNotStored(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			w.p.fail("say Nine to five.", fault{do: func() { w.queue.Close() }})
			w.say("hours")
			if r := w.report(); r.Result != bot.Later || r.Reason == "" {
				t.Errorf("%+v", r)
			}
		})
		w.reopen()
		w.while(func() { w.wait(3 * time.Second) })
		w.wantResults(bot.Silent)
		w.wantSaid("Hello.", "Nine to five.")
	})
}

// Results that end an event come first, and each is listed.
func TestResults(t *testing.T) {
	t.Parallel()
	ends := true
	for _, r := range bot.Results() {
		if r.Ends() && !ends {
			t.Errorf("%q comes too late", r)
		}
		ends = r.Ends()
	}
	if bot.Result("").Ends() || bot.Later.Ends() || bot.Waiting.Ends() || bot.Lost.Ends() || !bot.Over.Ends() {
		t.Error("what ends an event is wrong")
	}
}

// Each turn has a span, which is told what became of it; and with Explain, the reasons of its plan.
func TestTraceAndExplain(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		type key struct{}
		var got []string
		w.opts.Explain = true
		w.opts.Trace = func(ctx context.Context, carried string, about ...slog.Attr) (context.Context, func(result, reason string)) {
			got = append(got, carried)
			for _, a := range about {
				got = append(got, a.String())
			}
			return context.WithValue(ctx, key{}, true), func(result, reason string) { got = append(got, result, reason) }
		}
		w.while(func() {
			ev := w.event(chat.Pending, "e", "")
			ev.Trace = "00-trace"
			w.put(ev)
		})
		want := []string{"00-trace", "chat=c", "event=e", "kind=pending", "org=o", "attempt=1", "answered", ""}
		if !slices.Equal(got, want) {
			t.Errorf("the span was told %q, want %q", got, want)
		}
		if r := w.report(); r.Plan == nil || len(r.Plan.Why) == 0 {
			t.Errorf("%+v", r.Plan)
		}
	})
}

// What is told to a platform of an attempt.
func TestAttempt(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.while(func() {
			w.join()
			ev := w.say("hours")
			w.p.fail("say It costs 10 €.", later("no"))
			w.say("price")
			w.wait(time.Second)
			synctest.Wait()
			a := w.p.attempts
			if len(a) != 4 || a[0].Number != 1 || a[0].Heard != 0 || a[2].Number != 1 || a[3].Number != 2 || a[2].Heard != replay.Millis(ev.At) {
				t.Errorf("%+v", a)
			}
			for _, a := range a {
				if a.Book == nil || a.Log == nil || !a.Until().After(time.Now()) || a.Wait(t.Context(), errors.New("no")) {
					t.Errorf("%+v", a)
				}
			}
		})
	})
}
