package giosg_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"giosgbot/giosg"
	"giosgbot/redistest"
)

// fleet is a Redis and the replicas that use it.
type fleet struct {
	*testing.T
	s *redistest.Server
	c *redis.Client
}

func newFleet(t *testing.T) fleet {
	t.Helper()
	s := redistest.Start(t)
	return fleet{t, s, s.Client(t)}
}

// replica is a process of the fleet.
func (f fleet) replica(secrets ...giosg.Secret) *giosg.TokenStore {
	f.Helper()
	return newStore(f.T, nil, f.s.Client(f.T), secrets...)
}

func newStore(t *testing.T, local *giosg.Tokens, c redis.UniversalClient, secrets ...giosg.Secret) *giosg.TokenStore {
	t.Helper()
	if local == nil {
		local = giosg.NewTokens(nil)
	}
	s, err := giosg.NewTokenStore(local, c, "bot", secrets)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tokenOf(user giosg.UserID, value giosg.Secret, life time.Duration) giosg.Token {
	return giosg.Token{User: user, Org: "org-1", Type: "Bearer", Value: value, Expires: time.Now().Add(life)}
}

func wantToken(t *testing.T, s *giosg.TokenStore, user giosg.UserID, want giosg.Secret) giosg.Token {
	t.Helper()
	got, ok := s.Get(t.Context(), user)
	if ok != (want != "") || got.Value != want {
		t.Errorf("%s has %q, %t; want %q", user, got.Value.Reveal(), ok, want.Reveal())
	}
	return got
}

// everything returns all keys and values in Redis.
func (f fleet) everything() string {
	f.Helper()
	var all strings.Builder
	keys, err := f.c.Keys(f.Context(), "*").Result()
	if err != nil {
		f.Fatal(err)
	}
	for _, k := range keys {
		v, err := f.c.Dump(f.Context(), k).Result()
		if err != nil {
			f.Fatal(err)
		}
		plain, _ := f.c.Get(f.Context(), k).Result() // a dump may be compressed
		all.WriteString(k + v + plain)
	}
	return all.String()
}

func TestSharedToken(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one, two := f.replica("s1"), f.replica("s1")
	tk := tokenOf(botID, secretValue, 300*time.Second)
	if !one.Put(t.Context(), tk) {
		t.Error("not the first")
	}
	got := wantToken(t, two, botID, secretValue)
	if got.User != tk.User || got.Org != tk.Org || got.Type != tk.Type || got.Expires.UnixMilli() != tk.Expires.UnixMilli() {
		t.Errorf("%+v came as %+v", tk, got)
	}
	wantToken(t, one, botID, secretValue)
	wantToken(t, two, "somebody else", "")
	if len(two.All()) != 1 || len(one.All()) != 1 {
		t.Errorf("%v, %v", one.All(), two.All())
	}
	f.s.Stop() // what was found is held
	wantToken(t, two, botID, secretValue)
}

func TestSharedTokenIsSealed(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.replica("the-webhook-secret", "an-older-secret")
	for i := range 20 {
		s.Put(t.Context(), tokenOf(giosg.UserID(fmt.Sprint("bot-", i)), secretValue, 300*time.Second))
	}
	all := f.everything()
	noSecret(t, "Redis", all)
	for _, hidden := range []string{"the-webhook-secret", "an-older-secret", "Bearer", "org-1"} {
		if strings.Contains(all, hidden) {
			t.Errorf("Redis holds %q in plain text", hidden)
		}
	}
	// The same token is never encrypted to the same bytes.
	seen := map[string]bool{}
	keys, err := f.c.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 20 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for _, k := range keys {
		v, err := f.c.Get(t.Context(), k).Result()
		if err != nil || !strings.HasPrefix(k, "bot:token:bot-") || seen[v[:12]] {
			t.Errorf("%s: a nonce that was used, or %v", k, err)
		}
		seen[v[:12]] = true
		if ttl := f.c.PTTL(t.Context(), k).Val(); ttl <= 290*time.Second || ttl > 300*time.Second {
			t.Errorf("%s ends in %v", k, ttl)
		}
	}
}

func TestSharedTokenExpires(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one := newStore(t, &giosg.Tokens{Margin: -1}, f.s.Client(t), "s1")
	one.Put(t.Context(), tokenOf(botID, secretValue, 300*time.Millisecond))
	two := newStore(t, &giosg.Tokens{Margin: -1}, f.s.Client(t), "s1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for f.c.DBSize(ctx).Val() != 0 { // Redis forgets it by itself
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("still there")
		}
	}
	wantToken(t, two, botID, "")
	wantToken(t, one, botID, "")
	// An expired token is not written.
	one.Put(t.Context(), tokenOf(botID, secretValue, -time.Second))
	one.Put(t.Context(), tokenOf("other", "", time.Hour))
	if n := f.c.DBSize(ctx).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
}

// A token expires when its value says so, even if its key lives longer.
func TestSharedTokenWithinItsMargin(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.replica("s1").Put(t.Context(), tokenOf(botID, secretValue, time.Minute))
	late := newStore(t, giosg.NewTokens(func() time.Time { return time.Now().Add(58 * time.Second) }), f.s.Client(t), "s1")
	wantToken(t, late, botID, "")
}

func TestSharedTokenSecrets(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.replica("old").Put(t.Context(), tokenOf(botID, secretValue, 300*time.Second))
	for _, tt := range []struct {
		name    string
		secrets []giosg.Secret
		want    giosg.Secret
	}{
		{"the same", []giosg.Secret{"old"}, secretValue},
		{"another", []giosg.Secret{"new"}, ""},
		{"one that begins alike", []giosg.Secret{"ol"}, ""},
		{"rotated: the old one is still valid", []giosg.Secret{"new", "old"}, secretValue},
		{"rotated back", []giosg.Secret{"old", "new"}, secretValue},
		{"several, none of them", []giosg.Secret{"a", "b", "c"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantToken(t, f.replica(tt.secrets...), botID, tt.want)
		})
	}
	// The first secret encrypts: a replica with only the new secret can read what a replica with both has written.
	f.replica("new", "old").Put(t.Context(), tokenOf(botID, "fresh-token", 300*time.Second))
	wantToken(t, f.replica("new"), botID, "fresh-token")
	wantToken(t, f.replica("old"), botID, "")
}

func TestSharedTokenNeedsASecret(t *testing.T) {
	t.Parallel()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer c.Close()
	if _, err := giosg.NewTokenStore(giosg.NewTokens(nil), c, "bot", nil); err == nil {
		t.Error("tokens would lie there unsealed")
	}
	if _, err := giosg.NewTokenStore(giosg.NewTokens(nil), c, "bot", []giosg.Secret{"good", ""}); err == nil {
		t.Error("anybody has the key of an empty secret")
	}
	s, err := giosg.NewTokenStore(giosg.NewTokens(nil), nil, "bot", nil) // alone, nothing is sealed
	if err != nil {
		t.Fatal(err)
	}
	s.Put(t.Context(), tokenOf(botID, secretValue, time.Minute))
	wantToken(t, s, botID, secretValue)
	wantToken(t, s, "other", "")
}

// A token is never returned for another bot user, whatever is written to Redis.
func TestSharedTokensDoNotMix(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.replica("s1")
	s.Put(t.Context(), tokenOf("bot-a", "token-a", time.Minute))
	s.Put(t.Context(), tokenOf("bot-b", "token-b", time.Minute))
	a, b := f.c.Get(t.Context(), "bot:token:bot-a").Val(), f.c.Get(t.Context(), "bot:token:bot-b").Val()
	if a == "" || b == "" {
		t.Fatal("nothing in Redis")
	}
	set := func(user, v string) {
		t.Helper()
		if err := f.c.Set(t.Context(), "bot:token:"+user, v, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("bot-a", b)
	set("bot-b", a)
	set("bot-c", a)
	for _, user := range []giosg.UserID{"bot-a", "bot-b", "bot-c"} {
		wantToken(t, f.replica("s1"), user, "")
	}
	// Nothing else in Redis is accepted as a token.
	flipped := []byte(a)
	flipped[len(flipped)-1] ^= 1
	for _, v := range []string{"", "x", a[:12], a[:len(a)-1], a + "x", string(flipped), string(bytes.Repeat([]byte{0}, 100)), `{"Value":"token-z","Type":"Bearer","Expires":9999999999999}`} {
		set("bot-a", v)
		wantToken(t, f.replica("s1"), "bot-a", "")
	}
	set("bot-a", a)
	wantToken(t, f.replica("s1"), "bot-a", "token-a")
	if err := f.c.Del(t.Context(), "bot:token:bot-a").Err(); err != nil {
		t.Fatal(err)
	}
	if err := f.c.LPush(t.Context(), "bot:token:bot-a", "x").Err(); err != nil {
		t.Fatal(err)
	}
	wantToken(t, f.replica("s1"), "bot-a", "") // of another type
}

func TestSharedTokenRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one, two := f.replica("s1"), f.replica("s1")
	bad := tokenOf(botID, "bad-token", 300*time.Second)
	one.Put(t.Context(), bad)
	wantToken(t, two, botID, "bad-token")
	one.Refuse(t.Context(), bad)
	wantToken(t, one, botID, "") // though it is still in Redis
	two.Refuse(t.Context(), bad)
	wantToken(t, two, botID, "")

	// A copy of the webhook brings it again. It is not returned to anybody.
	if err := f.c.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if one.Put(t.Context(), bad) {
		t.Error("a refused token is the first")
	}
	wantToken(t, one, botID, "")
	wantToken(t, f.replica("s1"), botID, "")

	// The next valid token is shared at once.
	if !one.Put(t.Context(), tokenOf(botID, "good-token", 300*time.Second)) {
		t.Error("not the first")
	}
	wantToken(t, two, botID, "good-token")
}

// A late webhook brings an older token, which is not shared.
func TestSharedTokenIsTheFreshest(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.replica("s1")
	s.Put(t.Context(), tokenOf(botID, "first-token", 200*time.Second))
	s.Put(t.Context(), tokenOf(botID, "fresh-token", 300*time.Second))
	s.Refuse(t.Context(), tokenOf(botID, "some-other", time.Second)) // so that the next Put writes
	s.Put(t.Context(), tokenOf(botID, "stale-token", 100*time.Second))
	wantToken(t, f.replica("s1"), botID, "fresh-token")
}

// Not every token is written to Redis, although each webhook brings one.
func TestSharedTokenIsNotWrittenEachTime(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.replica("s1")
	for i := range 50 {
		s.Put(t.Context(), tokenOf(botID, giosg.Secret(fmt.Sprint("token-", i)), time.Minute+time.Duration(i)*time.Second))
	}
	stats := f.c.Info(t.Context(), "commandstats").Val()
	if !strings.Contains(stats, "cmdstat_set:calls=1,") {
		t.Errorf("written more than once:\n%s", stats)
	}
	wantToken(t, s, botID, "token-49")
}

// If Redis is down or does not answer, a replica uses its own tokens without delay.
func TestSharedTokenWithoutRedis(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	f := newFleet(t)
	f.s.Stop()
	for name, addr := range map[string]string{"down": f.s.Addr, "silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
			t.Cleanup(func() { _ = c.Close() })
			s := newStore(t, nil, c, "s1")
			ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond) // the webhook endpoint's time-out
			defer cancel()
			start := time.Now()
			if !s.Put(ctx, tokenOf(botID, secretValue, time.Minute)) {
				t.Error("not the first")
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("put took %v", took)
			}
			start = time.Now()
			wantToken(t, s, botID, secretValue) // never asks Redis
			if took := time.Since(start); took > time.Second {
				t.Errorf("get took %v", took)
			}
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start = time.Now()
			if _, ok := s.Get(ctx, "other"); ok || time.Since(start) > 5*time.Second {
				t.Errorf("%t after %v", ok, time.Since(start))
			}
			s.Refuse(ctx, tokenOf(botID, secretValue, time.Minute))
		})
	}
}

// A token that could not be shared because Redis was down is shared with the next webhook, not ten seconds later.
func TestSharedTokenAfterRedisWasAway(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.replica("s1")
	f.s.Stop()
	s.Put(t.Context(), tokenOf(botID, "lost-token", time.Minute))
	f.s.Run(t)
	s.Put(t.Context(), tokenOf(botID, "next-token", 2*time.Minute))
	wantToken(t, f.replica("s1"), botID, "next-token")
}

func TestSharedTokensTogether(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	replicas := []*giosg.TokenStore{f.replica("s1"), f.replica("s1"), f.replica("s1", "s2")}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			s := replicas[i%len(replicas)]
			for j := range 30 {
				user := giosg.UserID(fmt.Sprint("bot-", j%5))
				s.Put(t.Context(), tokenOf(user, giosg.Secret(string(user)+"-token"), time.Minute+time.Duration(j)*time.Second))
				if tk, ok := s.Get(t.Context(), user); ok && (tk.User != user || tk.Value.Reveal() != string(user)+"-token") {
					t.Errorf("%s got %s", user, tk.Value.Reveal())
				}
				if j%7 == 0 {
					s.Refuse(t.Context(), tokenOf(user, "nobody's", time.Second))
				}
				s.All()
			}
		})
	}
	wg.Wait()
}
