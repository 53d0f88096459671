package dedupe_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"giosgbot/dedupe"
	"giosgbot/dedupe/dedupetest"
	"giosgbot/redistest"
)

func openBolt(t *testing.T) (*dedupe.Bolt, *atomic.Int64) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "bot.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var passed atomic.Int64
	set, err := dedupe.NewBolt(db, dedupetest.TTL, func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
	if err != nil {
		t.Fatal(err)
	}
	return set, &passed
}

func TestBolt(t *testing.T) {
	t.Parallel()
	dedupetest.Run(t, func(t *testing.T) dedupetest.Store {
		set, passed := openBolt(t)
		return dedupetest.Store{Set: set, Pass: func(d time.Duration) { passed.Add(int64(d)) }}
	})
}

func TestBoltSweepForgetsSilentChatsOnly(t *testing.T) {
	t.Parallel()
	set, passed := openBolt(t)
	for _, chat := range []string{"a", "b", "c"} {
		if err := set.Add(t.Context(), chat, "1"); err != nil {
			t.Fatal(err)
		}
	}
	passed.Add(int64(2 * dedupetest.TTL))
	if err := set.Add(t.Context(), "b", "2"); err != nil {
		t.Fatal(err)
	}
	if n, err := set.Sweep(10); n != 2 || err != nil {
		t.Fatalf("forgot %d, %v", n, err)
	}
	if seen, err := set.Seen(t.Context(), "b", "1", "2"); err != nil || seen[0] || !seen[1] {
		t.Fatalf("seen %t, %v", seen, err)
	}
	if n, err := set.Sweep(10); n != 0 || err != nil {
		t.Fatalf("forgot %d again, %v", n, err)
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	dedupetest.Run(t, func(t *testing.T) dedupetest.Store {
		s := redistest.Start(t)
		c := s.Client(t)
		pass := func(d time.Duration) { // Redis has no clock to turn, so each key's end comes nearer
			ctx := context.Background()
			for _, k := range c.Keys(ctx, "*").Val() {
				c.PExpire(ctx, k, c.PTTL(ctx, k).Val()-d)
			}
		}
		return dedupetest.Store{Set: dedupe.NewRedis(c, func(chat string) string { return "seen:" + chat }, dedupetest.TTL), Pass: pass}
	})
}

func TestRedisSetIsOneSetPerChat(t *testing.T) {
	t.Parallel()
	c := redistest.Start(t).Client(t)
	set := dedupe.NewRedis(c, func(chat string) string { return "seen:" + chat }, dedupetest.TTL)
	if err := set.Add(t.Context(), "a", "1", "2"); err != nil {
		t.Fatal(err)
	}
	if kind, n := c.Type(t.Context(), "seen:a").Val(), c.SCard(t.Context(), "seen:a").Val(); kind != "set" || n != 2 {
		t.Fatalf("a %s of %d", kind, n)
	}
}
