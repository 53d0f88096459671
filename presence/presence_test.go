package presence_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"giosgbot/giosg"
	"giosgbot/giosg/giosgtest"
	"giosgbot/presence"
	"giosgbot/redistest"
)

const ttl = 8 * time.Hour

// world is a platform with a bot user.
type world struct {
	*testing.T
	p   *giosgtest.Platform
	org *giosgtest.Org
	bot *giosgtest.Bot
	api *giosg.Client
}

func newWorld(t *testing.T) world {
	t.Helper()
	p := giosgtest.RunT(t, giosgtest.Options{Manners: giosgtest.Polite()})
	org := p.AddOrg("Acme")
	w := world{t, p, org, org.InstallBot("Helper Bot"), newAPI(t, p)}
	t.Cleanup(func() {
		for _, v := range p.Violations() {
			t.Errorf("violation: %+v", v)
		}
	})
	return w
}

func newAPI(t *testing.T, p *giosgtest.Platform) *giosg.Client {
	t.Helper()
	api, err := giosg.New(giosg.Config{BaseURL: p.URL(), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.CloseIdleConnections)
	return api
}

func (w world) session(u *giosgtest.User) *giosg.Session {
	return w.api.As(giosg.Token{
		User: giosg.UserID(u.ID), Org: giosg.OrgID(u.OrgID()), Type: "Bearer",
		Value: giosg.Secret(w.p.Token(u, -1)), Expires: time.Now().Add(24 * time.Hour),
	})
}

func (w world) ensure(k *presence.Keeper, online *bool) {
	w.Helper()
	if err := k.Ensure(w.Context(), w.session(w.bot.User), online); err != nil {
		w.Fatal(err)
	}
}

// calls checks which API calls were made since it was last called.
func (w world) calls(want ...string) {
	w.Helper()
	var got []string
	for _, c := range w.p.Calls(nil) {
		got = append(got, c.Method+" "+path.Base(strings.TrimSuffix(c.Pattern, "/{client}")))
	}
	w.p.ResetCalls()
	if !slices.Equal(got, want) {
		w.Errorf("calls %q, want %q", got, want)
	}
}

// clock is the keeper's clock.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

const (
	list  = "GET clients"
	post  = "POST clients"
	patch = "PATCH clients"
	user  = "PATCH {user}"
)

func yes() *bool { b := true; return &b }
func no() *bool  { return new(bool) }

func TestCreatesAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := presence.New(0, nil)
	w.ensure(k, nil)
	if !w.bot.Present() || w.bot.Clients() != 1 {
		t.Errorf("present %t, %d clients", w.bot.Present(), w.bot.Clients())
	}
	call := w.p.Calls(giosgtest.Matching("POST", "clients"))
	if len(call) != 1 || !strings.Contains(string(call[0].Body), "28800") {
		t.Errorf("%+v", call)
	}
	w.calls(list, post)
	if until := k.States()[giosg.UserID(w.bot.ID)]; time.Until(until) > 4*time.Hour || time.Until(until) < 4*time.Hour-time.Minute {
		t.Errorf("the next refresh is at %v", until)
	}
}

func TestRefreshesAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bot.MakePresent(time.Minute)
	w.ensure(presence.New(ttl, nil), nil)
	w.calls(list, patch)
	if w.bot.Clients() != 1 {
		t.Errorf("%d clients", w.bot.Clients())
	}
	w.p.Advance(ttl - time.Minute)
	if !w.bot.Present() || w.bot.Lapses() != 0 {
		t.Error("it was not refreshed for the whole lifetime")
	}
}

func TestRevivesAnExpiredClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bot.MakePresent(time.Second)
	w.p.Advance(time.Hour)
	w.ensure(presence.New(ttl, nil), nil)
	w.calls(list, patch)
	if !w.bot.Present() || w.bot.Clients() != 1 {
		t.Errorf("present %t, %d clients", w.bot.Present(), w.bot.Clients())
	}
}

func TestClientIsGoneWhenRefreshed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 410, 400} {
		w := newWorld(t)
		w.bot.MakePresent(time.Minute)
		w.p.On("PATCH", "clients/*").Times(1).FailBefore(status)
		w.ensure(presence.New(ttl, nil), nil)
		w.calls(list, patch, post)
		w.p.Advance(ttl - time.Minute)
		if !w.bot.Present() {
			t.Errorf("%d: not present", status)
		}
	}
}

func TestNoCallsUntilHalfTheLifetime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newClock()
	k := presence.New(ttl, nil)
	k.Now = c.now
	w.ensure(k, nil)
	w.calls(list, post)
	for range 100 {
		w.ensure(k, nil)
	}
	c.advance(ttl/2 - time.Second)
	w.ensure(k, nil)
	w.calls()
	c.advance(time.Second)
	w.ensure(k, nil)
	w.calls(list, patch)
	c.advance(ttl/2 - time.Second)
	w.ensure(k, nil)
	w.calls()
}

func TestOneRefreshForAll(t *testing.T) {
	t.Parallel()
	for range 20 {
		w := newWorld(t)
		k := presence.New(ttl, nil)
		s := w.session(w.bot.User)
		begin := make(chan struct{})
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				<-begin
				if err := k.Ensure(t.Context(), s, yes()); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		wg.Wait()
		w.calls(list, post, user)
		if !w.bot.Present() {
			t.Error("not present")
		}
	}
}

func TestOnline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newClock()
	k := presence.New(ttl, nil)
	k.Now = c.now
	s := w.session(w.bot.User)
	if err := s.SetOnline(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	w.p.ResetCalls()
	w.ensure(k, nil) // leaves it as it is
	w.calls(list, post)
	if w.bot.Online() {
		t.Error("online, and nobody said so")
	}
	w.ensure(k, yes())
	w.calls(list, patch, user)
	if !w.bot.Online() {
		t.Error("not online")
	}
	w.ensure(k, yes())
	w.calls()
	w.ensure(k, no())
	w.calls(list, patch, user)
	if w.bot.Online() || !w.bot.Present() {
		t.Errorf("online %t, present %t", w.bot.Online(), w.bot.Present())
	}
	// The next refresh overrules an operator who has switched the bot off in giosg.
	w.ensure(k, yes())
	if err := s.SetOnline(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	w.p.ResetCalls()
	c.advance(ttl / 2)
	w.ensure(k, yes())
	w.calls(list, patch, user)
	if !w.bot.Online() {
		t.Error("not online after the refresh")
	}
}

func TestNothingIsRememberedAfterAnError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method, path string
		status             int
		kind               giosg.Kind
		before, again      []string // calls up to the error, and of the next attempt
	}{
		{"list", "GET", "clients", 503, giosg.Temporary, []string{list}, []string{list, post, user}},
		{"list, token", "GET", "clients", 401, giosg.Unauthorized, []string{list}, []string{list, post, user}},
		{"list, subscription", "GET", "clients", 403, giosg.Forbidden, []string{list}, []string{list, post, user}},
		{"create", "POST", "clients", 503, giosg.Unknown, []string{list, post, list}, []string{list, post, user}},
		{"create, throttled", "POST", "clients", 429, giosg.Throttled, []string{list, post}, []string{list, post, user}},
		{"online", "PATCH", "users/*", 500, giosg.Unknown, []string{list, post, user}, []string{list, patch, user}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			k := presence.New(ttl, nil)
			w.p.On(tt.method, tt.path).Times(1).FailBefore(tt.status)
			err := k.Ensure(t.Context(), w.session(w.bot.User), yes())
			if giosg.KindOf(err) != tt.kind {
				t.Errorf("%v: %v, want %v", giosg.KindOf(err), err, tt.kind)
			}
			w.calls(tt.before...)
			if len(k.States()) != 0 {
				t.Errorf("remembered: %v", k.States())
			}
			w.api = newAPI(t, w.p) // which does not remember that it was throttled
			w.ensure(k, yes())
			w.calls(tt.again...)
			if !w.bot.Online() {
				t.Error("not online")
			}
		})
	}
}

// A client that giosg refuses to refresh counts as expired, whatever the status is.
func TestRefusedRefreshCreatesAClient(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404, 405, 409, 410, 422} {
		w := newWorld(t)
		w.bot.MakePresent(time.Minute)
		w.p.On("PATCH", "clients/*").Times(1).FailBefore(status)
		w.ensure(presence.New(ttl, nil), nil)
		w.calls(list, patch, post)
	}
}

func TestRefreshThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bot.MakePresent(time.Minute)
	k := presence.New(ttl, nil)
	w.p.On("PATCH", "clients/*").Times(1).FailBefore(503)
	if err := k.Ensure(t.Context(), w.session(w.bot.User), nil); giosg.KindOf(err) != giosg.Unknown {
		t.Errorf("%v", err)
	}
	w.calls(list, patch, list) // and no second client
	w.ensure(k, nil)
	w.calls(list, patch)
}

// If the answers to all writes are lost, the list of clients shows that a write took effect.
func TestWritesWithoutAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method string
		fault  func(*giosgtest.Rule)
		before time.Duration // how long a client has to live; 0: there is none
		want   []string
		fails  bool
	}{
		"create, cut":          {"POST", func(r *giosgtest.Rule) { r.CutAfter() }, 0, []string{list, post, list}, false},
		"create, 500":          {"POST", func(r *giosgtest.Rule) { r.FailAfter(500) }, 0, []string{list, post, list}, false},
		"create, no effect":    {"POST", func(r *giosgtest.Rule) { r.FailBefore(500) }, 0, []string{list, post, list}, true},
		"refresh, cut":         {"PATCH", func(r *giosgtest.Rule) { r.CutAfter() }, time.Minute, []string{list, patch, list}, false},
		"refresh, no effect":   {"PATCH", func(r *giosgtest.Rule) { r.FailBefore(500) }, ttl / 3, []string{list, patch, list}, true},
		"refresh, not needed":  {"PATCH", func(r *giosgtest.Rule) { r.FailBefore(500) }, ttl * 3 / 4, []string{list, patch, list}, false},
		"refresh, was expired": {"PATCH", func(r *giosgtest.Rule) { r.CutAfter() }, -time.Minute, []string{list, patch, list}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tt.before != 0 {
				w.bot.MakePresent(tt.before)
			}
			tt.fault(w.p.On(tt.method, path.Join("clients", map[string]string{"PATCH": "*"}[tt.method])))
			c := newClock()
			k := presence.New(ttl, nil)
			k.Now = c.now
			err := k.Ensure(t.Context(), w.session(w.bot.User), nil)
			w.calls(tt.want...)
			if tt.fails != (err != nil) || err != nil && giosg.KindOf(err) != giosg.Unknown {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				if len(k.States()) != 0 {
					t.Errorf("remembered: %v", k.States())
				}
				return
			}
			if !w.bot.Present() || w.bot.Clients() != 1 {
				t.Errorf("present %t, %d clients", w.bot.Present(), w.bot.Clients())
			}
			w.ensure(k, nil) // it is remembered
			w.calls()
			w.p.ClearFaults()
			// The next refresh is due when half of a lifetime is left, as always.
			left := ttl
			if strings.HasSuffix(name, "not needed") {
				left = tt.before
			}
			c.advance(left - ttl/2 - time.Minute)
			w.ensure(k, nil)
			w.calls()
			c.advance(2 * time.Minute)
			w.ensure(k, nil)
			w.calls(list, patch)
		})
	}
}

// A client without an expiry time does not show that the bot user is present.
func TestAClientWithoutAnEnd(t *testing.T) {
	t.Parallel()
	api, err := giosg.New(giosg.Config{BaseURL: "http://giosg.invalid", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == "GET" {
			return answer(200, `{"results": [{"id": "c", "is_present": true}]}`), nil
		}
		return answer(500, `{}`), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	k := presence.New(ttl, nil)
	s := api.As(giosg.Token{User: "bot", Type: "Bearer", Value: "x", Expires: time.Now().Add(time.Hour)})
	if err := k.Ensure(t.Context(), s, nil); giosg.KindOf(err) != giosg.Unknown || len(k.States()) != 0 {
		t.Errorf("%v, remembered: %v", err, k.States())
	}
}

func TestBotUsersAreApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.p.AddOrg("Other").InstallBot("Other Bot")
	k := presence.New(ttl, nil)
	w.ensure(k, nil)
	w.calls(list, post)
	if other.Present() {
		t.Error("the other is present, too")
	}
	if err := k.Ensure(t.Context(), w.session(other.User), nil); err != nil {
		t.Fatal(err)
	}
	w.calls(list, post)
	if !other.Present() || len(k.States()) != 2 {
		t.Errorf("present %t, %v", other.Present(), k.States())
	}
}

// A caller that waits for another caller's refresh does not fail because the other was canceled or had a bad token.
func TestTheFaultOfAnother(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]giosg.Kind{"gave up": giosg.Canceled, "bad token": giosg.Unauthorized} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var lists, creates atomic.Int32
				bad := make(chan struct{})
				api, err := giosg.New(giosg.Config{BaseURL: "http://giosg.invalid", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					switch {
					case r.Method == "POST":
						creates.Add(1)
						return answer(201, `{"id": "c"}`), nil
					case lists.Add(1) > 1:
						return answer(200, `{"results": []}`), nil
					}
					select {
					case <-r.Context().Done():
						return nil, r.Context().Err()
					case <-bad:
						return answer(401, `{}`), nil
					}
				})})
				if err != nil {
					t.Fatal(err)
				}
				k := presence.New(ttl, nil)
				ensure := func(ctx context.Context, value giosg.Secret) error {
					return k.Ensure(ctx, api.As(giosg.Token{User: "bot", Type: "Bearer", Value: value, Expires: time.Now().Add(time.Hour)}), nil)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				first := make(chan error, 1)
				go func() { first <- ensure(ctx, "bad") }()
				synctest.Wait() // for the answer
				others := make(chan error, 8)
				for range cap(others) {
					go func() { others <- ensure(t.Context(), "good") }()
				}
				synctest.Wait() // for the first
				if kind == giosg.Canceled {
					cancel()
				} else {
					close(bad)
				}
				if err := <-first; giosg.KindOf(err) != kind {
					t.Errorf("the first: %v", err)
				}
				for range cap(others) {
					if err := <-others; err != nil {
						t.Errorf("a bystander: %v", err)
					}
				}
				if lists.Load() != 2 || creates.Load() != 1 {
					t.Errorf("%d lists, %d new clients", lists.Load(), creates.Load())
				}
			})
		})
	}
}

// Any other error is returned to all callers that waited, and none of them tries again.
func TestAnErrorForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		down := make(chan struct{})
		api, err := giosg.New(giosg.Config{BaseURL: "http://giosg.invalid", Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			calls.Add(1)
			<-down
			return answer(503, ``), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		k := presence.New(ttl, nil)
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() {
				errs <- k.Ensure(t.Context(), api.As(giosg.Token{User: "bot", Type: "Bearer", Value: "x", Expires: time.Now().Add(time.Hour)}), nil)
			}()
		}
		synctest.Wait()
		close(down)
		for range cap(errs) {
			if err := <-errs; giosg.KindOf(err) != giosg.Temporary {
				t.Errorf("%v", err)
			}
		}
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// redisOf is a replica's connection to the shared Redis.
func redisOf(t *testing.T, s *redistest.Server) presence.Redis {
	return presence.Redis{Client: s.Client(t), Prefix: "bot"}
}

func TestReplicasShareARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := redistest.Start(t)
	one, two := presence.New(ttl, redisOf(t, s)), presence.New(ttl, redisOf(t, s))
	w.ensure(one, yes())
	w.calls(list, post, user)
	w.ensure(two, yes())
	w.calls()
	c := s.Client(t)
	keys, err := c.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 || !strings.HasPrefix(keys[0], "bot:presence:") {
		t.Fatalf("%q, %v", keys, err)
	}
	if left := c.PTTL(t.Context(), keys[0]).Val(); left > ttl/2 || left < ttl/2-time.Minute {
		t.Errorf("it ends in %v", left)
	}
	// Both replicas know when the next refresh is due.
	a, b := one.States()[giosg.UserID(w.bot.ID)], two.States()[giosg.UserID(w.bot.ID)]
	if d := a.Sub(b).Abs(); d > 5*time.Second {
		t.Errorf("due at %v and at %v", a, b)
	}
	// Another bot user needs a refresh of its own.
	other := w.org.InstallBot("Other Bot")
	if err := two.Ensure(t.Context(), w.session(other.User), yes()); err != nil {
		t.Fatal(err)
	}
	w.calls(list, post, user)
	// When the key has expired in Redis, a refresh is due.
	if err := c.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	w.ensure(presence.New(ttl, redisOf(t, s)), yes())
	w.calls(list, patch, user)
}

func TestReplicasShareNoError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := redistest.Start(t)
	w.p.On("POST", "clients").Times(1).FailBefore(503)
	if err := presence.New(ttl, redisOf(t, s)).Ensure(t.Context(), w.session(w.bot.User), nil); err == nil {
		t.Error("no error")
	}
	if n := s.Client(t).DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
	w.calls(list, post, list)
	w.ensure(presence.New(ttl, redisOf(t, s)), nil)
	w.calls(list, post)
}

// The playbook changes to offline and back within a lifetime. The last change takes effect, on every replica.
func TestReplicasChangeTheirMind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := redistest.Start(t)
	one, two := presence.New(ttl, redisOf(t, s)), presence.New(ttl, redisOf(t, s))
	for i, step := range []struct {
		k      *presence.Keeper
		online *bool
	}{{one, yes()}, {two, no()}, {two, yes()}, {one, no()}, {one, yes()}} {
		w.ensure(step.k, step.online)
		if w.bot.Online() != *step.online {
			t.Errorf("step %d: online %t", i, w.bot.Online())
		}
	}
}

func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := redistest.Start(t)
	r := presence.Redis{Client: redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1}), Prefix: "bot"}
	t.Cleanup(func() { _ = r.Client.Close() })
	k := presence.New(ttl, r)
	s.Stop()
	start := time.Now()
	w.ensure(k, nil)
	w.calls(list, post)
	w.ensure(k, nil)
	w.calls()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// A key that never expires, or holds something else, does not count as a refresh.
func TestStrangeKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := redistest.Start(t)
	c := s.Client(t)
	key := "bot:presence:" + w.bot.ID
	if err := c.Set(t.Context(), key, "as it is", 0).Err(); err != nil {
		t.Fatal(err)
	}
	w.ensure(presence.New(ttl, redisOf(t, s)), nil)
	w.calls(list, post)
	if err := errors.Join(c.Del(t.Context(), key).Err(), c.LPush(t.Context(), key, "x").Err()); err != nil {
		t.Fatal(err)
	}
	w.ensure(presence.New(ttl, redisOf(t, s)), nil)
	w.calls(list, patch)
}

func TestManyBotUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := presence.New(ttl, nil)
	var wg sync.WaitGroup
	for i := range 20 {
		b := w.org.InstallBot(fmt.Sprint("Bot ", i))
		for range 5 {
			wg.Go(func() {
				if err := k.Ensure(t.Context(), w.session(b.User), nil); err != nil || !b.Present() {
					t.Errorf("%s: %v", b.ID, err)
				}
			})
		}
	}
	wg.Wait()
	if n := len(w.p.Calls(nil)); n != 40 {
		t.Errorf("%d calls", n)
	}
}
