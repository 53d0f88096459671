package dedupe_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"

	"giosgbot/dedupe"
	"giosgbot/dedupe/dedupetest"
	"giosgbot/redistest"
)

// openBolt returns a set in a file, what adds to it, and how far its clock is ahead.
func openBolt(t *testing.T) (*dedupe.Bolt, func(chat string, ids ...string) error, *atomic.Int64) {
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
	add := func(chat string, ids ...string) error {
		return db.Update(func(tx *bbolt.Tx) error { return set.AddTx(tx, chat, ids...) })
	}
	return set, add, &passed
}

func TestBolt(t *testing.T) {
	t.Parallel()
	dedupetest.Run(t, func(t *testing.T) dedupetest.Store {
		set, add, passed := openBolt(t)
		return dedupetest.Store{Set: set, Add: add, Pass: func(d time.Duration) { passed.Add(int64(d)) }}
	})
}

func TestBoltSweepDeletesExpiredChatsOnly(t *testing.T) {
	t.Parallel()
	set, add, passed := openBolt(t)
	for _, chat := range []string{"a", "b", "c"} {
		if err := add(chat, "1"); err != nil {
			t.Fatal(err)
		}
	}
	passed.Add(int64(2 * dedupetest.TTL))
	if err := add("b", "2"); err != nil {
		t.Fatal(err)
	}
	if n, err := set.Sweep(10); n != 2 || err != nil {
		t.Fatalf("deleted %d, %v", n, err)
	}
	if seen, err := set.Seen(t.Context(), "b", "1", "2"); err != nil || seen[0] || !seen[1] {
		t.Fatalf("seen %t, %v", seen, err)
	}
	if n, err := set.Sweep(10); n != 0 || err != nil {
		t.Fatalf("deleted %d again, %v", n, err)
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	dedupetest.Run(t, func(t *testing.T) dedupetest.Store {
		c := redistest.Start(t).Client(t)
		key := func(chat string) string { return "seen:" + chat }
		add := func(chat string, ids ...string) error {
			if len(ids) == 0 {
				return nil
			}
			_, err := c.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
				p.SAdd(t.Context(), key(chat), ids)
				p.PExpire(t.Context(), key(chat), dedupetest.TTL)
				return nil
			})
			return err
		}
		pass := func(d time.Duration) { // the clock of Redis cannot be set, so each key's expiry moves
			ctx := context.Background()
			for _, k := range c.Keys(ctx, "*").Val() {
				c.PExpire(ctx, k, c.PTTL(ctx, k).Val()-d)
			}
		}
		return dedupetest.Store{Set: dedupe.NewRedis(c, key), Add: add, Pass: pass}
	})
}
