package livechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/giosg/giosgtest"
	"giosgbot/livechat"
	"giosgbot/playbook"
	"giosgbot/queue"
)

const (
	listPending = "GET pending_chats"
	listRouted  = "GET routed_chats"
	listOwn     = "GET chats"
)

// lanes take what a sweep finds.
type lanes struct {
	mu    sync.Mutex
	items []queue.Item
	errs  []error
}

func (l *lanes) put(_ context.Context, it queue.Item) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return err
	}
	l.items = append(l.items, it)
	return nil
}

// take returns "KIND CHAT" of each event that came, in order of their text, and forgets them.
func (l *lanes) take(t *testing.T) (out []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, it := range l.items {
		var ev chat.Event
		if err := json.Unmarshal(it.Body, &ev); err != nil {
			t.Fatal(err)
		}
		if it.Lane != ev.Lane() || it.ID != ev.ID || !it.At.Equal(ev.At) || it.From != "catch-up" || ev.Room == "" || ev.Org == "" || ev.Member != (ev.Kind == chat.Check) {
			t.Errorf("item %+v of %+v", it, ev)
		}
		out = append(out, string(ev.Kind)+" "+ev.Chat)
	}
	l.items = nil
	slices.Sort(out)
	return out
}

// sweeping is a scene with a sweeper.
type sweeping struct {
	*scene
	lanes   *lanes
	sweeper *livechat.Sweeper
}

func newSweeping(t *testing.T, modes string, change func(*livechat.SweeperOptions)) *sweeping {
	t.Helper()
	s := &sweeping{scene: bubbleScene(t), lanes: &lanes{}}
	s.sweeper = s.newSweeper(modes, change)
	return s
}

func (s *sweeping) newSweeper(modes string, change func(*livechat.SweeperOptions)) *livechat.Sweeper {
	book := bookFor(s.t, modes, "en")
	o := livechat.SweeperOptions{
		API: s.api, Tokens: s.tokens, Playbook: func() *playbook.Playbook { return book }, Put: s.lanes.put, Every: 5 * time.Minute,
	}
	if change != nil {
		change(&o)
	}
	sweeper := livechat.NewSweeper(o)
	s.t.Cleanup(sweeper.Close)
	return sweeper
}

// came tells the sweeper of a token of the bot user, and lets it do at once what it does at once.
func (s *sweeping) came(gap bool) {
	s.sweeper.TokenCame(s.tokenOf(s.bot.User), gap)
	synctest.Wait()
}

// lists returns the collections that were listed since this was last asked.
func (s *sweeping) lists() []string { return compact(s.calls()) }

func (s *sweeping) wantLists(want ...string) {
	s.t.Helper()
	if got := s.lists(); !slices.Equal(got, want) {
		s.t.Errorf("listed %q, want %q", got, want)
	}
}

func (s *sweeping) wantEvents(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	if got := s.lanes.take(s.t); !slices.Equal(got, want) {
		s.t.Errorf("events %q, want %q", got, want)
	}
}

// saying opens a chat in which the visitor has written.
func (s *sweeping) saying(text string) *giosgtest.Chat {
	s.t.Helper()
	c := s.room.OpenChat()
	_, err := c.Say(text)
	s.must(err)
	return c
}

// A sweep lists the collections that the playbook works on, and leaves out where no visitor waits for the bot.
func TestSweep(t *testing.T) {
	t.Parallel()
	for modes, lists := range map[string][]string{
		"agent":          {listPending, listOwn},
		"greeter":        {listRouted, listOwn},
		"agent, greeter": {listPending, listRouted, listOwn},
		"sidekick":       nil,
	} {
		t.Run(modes, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSweeping(t, modes, nil)
				old, oldOwn, oldRouted := s.saying("old"), s.saying("old"), s.room.OpenChat()
				s.must(s.bot.Take(oldOwn))
				time.Sleep(61 * time.Minute)
				pending := s.saying("hello")
				ended := s.saying("hello")
				ended.End()
				routed := s.room.OpenChat()
				humans := s.room.OpenChat()
				s.must(s.human.Join(humans))
				own := s.saying("hello")
				s.must(s.bot.Take(own))
				unsaid := s.room.OpenChat()
				s.must(s.bot.Join(unsaid))
				shared := s.saying("hello")
				s.must(s.bot.Take(shared), s.human.Join(shared))
				over := s.saying("hello")
				s.must(s.bot.Take(over))
				over.End()
				s.calls()
				s.came(false)
				s.wantLists(lists...)
				_, _, _ = old, oldRouted, ended
				want := map[string][]string{
					"agent":          {"pending " + pending.ID, "check " + own.ID},
					"greeter":        {"routed " + pending.ID, "routed " + routed.ID, "check " + own.ID},
					"agent, greeter": {"pending " + pending.ID, "routed " + pending.ID, "routed " + routed.ID, "check " + own.ID},
				}[modes]
				s.wantEvents(want...)
			})
		})
	}
}

// A sweep begins with the first token and after a gap; otherwise from time to time, if tokens come.
func TestWhenSweepsBegin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(t, "agent", nil)
		s.came(false)
		s.wantLists(listPending, listOwn)
		s.came(false)
		time.Sleep(5*time.Minute - time.Second)
		s.came(false)
		s.wantLists()
		time.Sleep(time.Second)
		s.wantLists() // no token came
		s.came(false)
		s.wantLists(listPending, listOwn)
		s.came(true)
		s.wantLists(listPending, listOwn)
		s.sweeper.Lost([]giosg.Token{s.tokenOf(s.bot.User)})
		synctest.Wait()
		s.wantLists(listPending, listOwn)
		s.sweeper.Close()
		s.sweeper.Close()
		s.came(true)
		s.wantLists()
	})
}

// No sweep is made if none is wanted.
func TestNoSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(t, "agent", func(o *livechat.SweeperOptions) { o.Every = 0 })
		s.came(true)
		s.wantLists()
	})
}

// What has not moved since the last sweep is left out by the next, but not after a gap.
func TestSweepOfWhatHasMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(t, "agent", nil)
		still, moving := s.saying("hello"), s.saying("hello")
		s.must(s.bot.Take(still), s.bot.Take(moving))
		s.came(false)
		s.wantEvents("check "+still.ID, "check "+moving.ID)
		time.Sleep(5 * time.Minute)
		s.came(false) // both have moved less than a minute before the last sweep
		s.wantEvents("check "+still.ID, "check "+moving.ID)
		_, err := moving.Say("are you there?")
		s.must(err)
		time.Sleep(5 * time.Minute)
		s.came(false)
		s.wantEvents("check " + moving.ID)
		s.came(true)
		s.wantEvents("check "+still.ID, "check "+moving.ID)
	})
}

// A sweep waits for its delay, and asks for one at a time of each bot user.
func TestDelayOfASweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(t, "agent", func(o *livechat.SweeperOptions) { o.Delay = 10 * time.Second })
		s.came(false)
		time.Sleep(9 * time.Second)
		s.came(true) // one is to come anyway
		s.wantLists()
		time.Sleep(time.Second)
		synctest.Wait()
		s.wantLists(listPending, listOwn)
		time.Sleep(time.Minute)
		synctest.Wait()
		s.wantLists()
	})
}

// A few sweeps run at once; the others wait for their turn.
func TestSweepsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(t, "agent", nil)
		s.g.On("GET", "pending_chats").Delay(5 * time.Second)
		for i := range 6 {
			u := s.org.InstallBot(fmt.Sprint("Bot ", i)).User
			s.tokens.put(s.tokenOf(u))
			s.sweeper.TokenCame(s.tokenOf(u), false)
		}
		synctest.Wait()
		pending := func() int { return len(s.g.Calls(giosgtest.Matching("GET", "pending_chats"))) }
		if n := pending(); n != 4 {
			t.Errorf("%d sweeps run at once", n)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := pending(); n != 6 {
			t.Errorf("%d sweeps have begun", n)
		}
		s.sweeper.Close() // ends those that run
	})
}

// Close ends sweeps wherever they wait.
func TestCloseEndsSweeps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*livechat.SweeperOptions)
		setUp  func(*sweeping)
	}{
		"in the delay": {func(o *livechat.SweeperOptions) { o.Delay = time.Hour }, func(*sweeping) {}},
		"in the back-off": {nil, func(s *sweeping) {
			s.g.On("GET", "pending_chats").FailBefore(500)
		}},
		"in a call": {nil, func(s *sweeping) { s.g.On("GET", "pending_chats").HangBefore() }},
		"while another replica sweeps": {func(o *livechat.SweeperOptions) {
			f := newFleet()
			f.always = true
			o.Fleet = f
		}, func(*sweeping) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSweeping(t, "agent", c.change)
				c.setUp(s)
				s.came(false)
				time.Sleep(100 * time.Millisecond)
				begin := time.Now()
				s.sweeper.Close()
				if took := time.Since(begin); took != 0 {
					t.Errorf("closing took %v", took)
				}
			})
		})
	}
	t.Run("in the queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := newSweeping(t, "agent", nil)
			s.g.On("GET", "pending_chats").HangBefore()
			for i := range 5 {
				u := s.org.InstallBot(fmt.Sprint("Bot ", i)).User
				s.tokens.put(s.tokenOf(u))
				s.sweeper.TokenCame(s.tokenOf(u), false)
			}
			synctest.Wait()
			s.sweeper.Close()
		})
	})
}

// A sweep that fails is tried again with back-off, and as late as giosg asks.
func TestSweepFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setUp func(*sweeping)
		least time.Duration // until it has worked
		most  time.Duration
	}{
		"once":        {func(s *sweeping) { s.g.On("GET", "pending_chats").Times(1).FailBefore(500) }, 250 * time.Millisecond, 500 * time.Millisecond},
		"three times": {func(s *sweeping) { s.g.On("GET", "chats").Times(3).FailBefore(503) }, 1750 * time.Millisecond, 3500 * time.Millisecond},
		"throttled":   {func(s *sweeping) { s.g.On("GET", "chats").Times(1).TooMany(20 * time.Second) }, 20 * time.Second, 21 * time.Second},
		"lanes fail":  {func(s *sweeping) { s.lanes.errs = []error{errors.New("the store is away")} }, 250 * time.Millisecond, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSweeping(t, "agent", nil)
				own := s.saying("hello")
				s.must(s.bot.Take(own))
				c.setUp(s)
				s.came(false)
				time.Sleep(c.least - time.Millisecond)
				synctest.Wait()
				s.wantEvents()
				time.Sleep(c.most - c.least + 2*time.Millisecond)
				synctest.Wait()
				s.wantEvents("check " + own.ID)
			})
		})
	}
}

// What giosg does not show is left out; the rest is swept.
func TestSweepOfWhatIsNotShown(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 404} {
		synctest.Test(t, func(t *testing.T) {
			s := newSweeping(t, "agent, greeter", nil)
			own := s.saying("hello")
			s.must(s.bot.Take(own))
			s.g.On("GET", "pending_chats").FailBefore(status)
			s.g.On("GET", "routed_chats").FailBefore(status)
			s.came(false)
			s.wantLists(listPending, listRouted, listOwn)
			s.wantEvents("check " + own.ID)
		})
	}
}

// A token that giosg refuses is not used again. Without a token the sweep ends: the next token comes after a gap.
func TestSweepWithoutAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		s := newSweeping(t, "agent", func(o *livechat.SweeperOptions) { o.Fleet = f })
		s.g.RevokeTokens(s.bot.User)
		s.came(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		s.wantLists(listPending)
		if len(s.tokens.refused) != 1 {
			t.Errorf("refused %+v", s.tokens.refused)
		}
		if len(f.done) != 0 {
			t.Errorf("done: %v", f.done)
		}
		s.renew()
		s.came(true)
		s.wantLists(listPending, listOwn)
		if len(f.done) != 1 {
			t.Errorf("done: %v", f.done)
		}
	})
}

// fakeFleet is what replicas share, in memory.
type fakeFleet struct {
	mu     sync.Mutex
	locked map[string]bool
	always bool // another replica has each lock
	done   map[string]time.Time
	keys   []string
}

func newFleet() *fakeFleet {
	return &fakeFleet{locked: map[string]bool{}, done: map[string]time.Time{}}
}

func (f *fakeFleet) Lock(_ context.Context, key string, most time.Duration) (func(), bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, key)
	if f.locked[key] || f.always || most != time.Minute {
		return nil, false
	}
	f.locked[key] = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.locked, key)
	}, true
}

func (f *fakeFleet) Done(_ context.Context, key string) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done[key]
}

func (f *fakeFleet) SetDone(_ context.Context, key string, begun time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done[key] = begun
}

// Of two replicas that learn of a token one sweeps, unless its sweep had begun before the other learned of it.
func TestReplicasShareSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		share := func(o *livechat.SweeperOptions) { o.Fleet = f }
		s := newSweeping(t, "agent", share)
		other := s.newSweeper("agent", share)
		s.g.On("GET", "pending_chats").Delay(3 * time.Second)
		pending := func(want int) {
			t.Helper()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			calls := s.g.Calls(giosgtest.Matching("GET", "pending_chats"))
			if len(calls) != want {
				t.Errorf("%d sweeps, want %d", len(calls), want)
			}
			s.g.ResetCalls()
		}
		token := s.tokenOf(s.bot.User)

		// Both ask at the same time: the second waits for the first, which began before it was asked. So it sweeps, too, because a
		// webhook may have been lost in between.
		s.sweeper.TokenCame(token, true)
		synctest.Wait()
		time.Sleep(time.Second)
		other.TokenCame(token, true)
		pending(2)

		// Three ask, and two of them before the last begins.
		third := s.newSweeper("agent", share)
		s.sweeper.TokenCame(token, true)
		synctest.Wait()
		time.Sleep(time.Second)
		other.TokenCame(token, true)
		third.TokenCame(token, true)
		pending(2)

		// From time to time, one of them is enough.
		time.Sleep(5 * time.Minute)
		s.sweeper.TokenCame(token, false)
		pending(1)
		other.TokenCame(token, false)
		third.TokenCame(token, false)
		pending(0)
		if f.keys[0] != "catchup:"+s.bot.ID || slices.ContainsFunc(f.keys, func(k string) bool { return !strings.HasPrefix(k, "catchup:") }) {
			t.Errorf("keys %q", f.keys)
		}
	})
}

// However many bot users there are, what is remembered of their sweeps is bounded.
func TestManyBotUsers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(t, "agent", func(o *livechat.SweeperOptions) { o.Delay = time.Hour })
		for i := range 10002 {
			s.sweeper.TokenCame(giosg.Token{User: giosg.UserID(fmt.Sprint(i))}, false)
		}
		s.sweeper.Close()
		s.wantLists()
	})
}
