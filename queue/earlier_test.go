package queue_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"giosgbot/dedupe"
	"giosgbot/queue"
	"giosgbot/redistest"
)

func put(t *testing.T, q queue.Queue, items ...queue.Item) {
	t.Helper()
	for _, it := range items {
		if it.At.IsZero() {
			it.At = time.Now()
		}
		if err := q.Put(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func state(lane string) string {
	return strings.Replace(queue.Keys{Prefix: "giosgbot"}.Seen(lane), "seen", "state", 1)
}

// While a fleet is upgraded, a replica of the version that knows no pins may finish the work that a pin belongs to. It only clears what it
// knows: tries and since.
func TestRedisPinIsClearedByAnEarlierVersion(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	q, c := openRedis(t, s), s.Client(t)
	put(t, q, queue.Item{Lane: "a", ID: "1"}, queue.Item{Lane: "a", ID: "2"})
	l := lease(t, q)
	ok(t, l.Keep(t.Context(), []byte("text")))
	ok(t, l.Pause(t.Context(), queue.Pause{After: 10 * time.Millisecond}))
	ok(t, c.HDel(t.Context(), state("a"), "tries", "since").Err())
	l = lease(t, q)
	if l.Pinned != nil {
		t.Errorf("pinned %q", l.Pinned)
	}
	ok(t, l.Keep(t.Context(), []byte("new")))
	ok(t, l.Pause(t.Context(), queue.Pause{}))
	if l = lease(t, q); string(l.Pinned) != "new" {
		t.Errorf("pinned %q", l.Pinned)
	}
}

func TestRedisPinExpires(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	q, c := openRedis(t, s), s.Client(t)
	put(t, q, queue.Item{Lane: "a", ID: "1"})
	l := lease(t, q)
	ok(t, c.Persist(t.Context(), state("a")).Err())
	ok(t, l.Keep(t.Context(), []byte("text")))
	if ttl := c.PTTL(t.Context(), state("a")).Val(); ttl <= 47*time.Hour {
		t.Errorf("ends after %v", ttl)
	}
}

// openBolt opens a queue in a file with a clock of its own.
func openBolt(t *testing.T, path string, now func() time.Time) (*bbolt.DB, *queue.Bolt) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	ok(t, err)
	t.Cleanup(func() { _ = db.Close() })
	seen, err := dedupe.NewBolt(db, time.Hour, now)
	ok(t, err)
	q, err := queue.NewBolt(db, seen, queue.BoltOptions{TTL: time.Hour, Now: now})
	ok(t, err)
	t.Cleanup(func() { _ = q.Close() })
	return db, q
}

func TestBoltPinExpires(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64
	db, q := openBolt(t, filepath.Join(t.TempDir(), "bot.db"), func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
	put(t, q, queue.Item{Lane: "a", ID: "1"})
	l := lease(t, q)
	ok(t, l.Keep(t.Context(), []byte("text")))
	ok(t, l.Pause(t.Context(), queue.Pause{}))
	passed.Store(int64(2 * time.Hour))
	if l = lease(t, q); l.Pinned != nil {
		t.Errorf("pinned %q", l.Pinned)
	}
	if n, err := q.Sweep(10); n != 1 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	ok(t, db.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket([]byte("queue.pins")).Stats().KeyN; n != 0 {
			t.Errorf("%d pins are left", n)
		}
		return nil
	}))
}

// A file of the version that knew no pins has no bucket for them, and dead letters without them.
func TestBoltOpensAnEarlierFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bot.db")
	db, q := openBolt(t, path, nil)
	put(t, q, queue.Item{Lane: "a", ID: "1"}, queue.Item{Lane: "a", ID: "2"}, queue.Item{Lane: "b", ID: "1"})
	ok(t, lease(t, q).Bury(t.Context(), "no use", queue.Outcome{Memo: []byte("memo")}))
	ok(t, q.Close())
	ok(t, db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("queue.dead"))
		k, v := b.Cursor().First()
		var letter map[string]any
		ok(t, json.Unmarshal(v, &letter))
		delete(letter, "pinned")
		v, err := json.Marshal(letter)
		ok(t, err)
		ok(t, b.Put(k, v))
		return tx.DeleteBucket([]byte("queue.pins"))
	}))
	ok(t, db.Close())
	_, q = openBolt(t, path, nil)
	dead, err := q.Dead(t.Context(), 10)
	ok(t, err)
	ok(t, q.Revive(t.Context(), dead[0].ID))
	got := map[string]bool{}
	for range 3 {
		l := lease(t, q)
		got[l.Lane+l.ID] = true
		if l.Attempt < 2 || l.Pinned != nil || (l.Memo != nil) != (l.Lane == "a") {
			t.Errorf("leased %+v", l)
		}
		ok(t, l.Done(t.Context(), queue.Outcome{Finished: []string{l.ID}, Unsettled: true}))
	}
	if len(got) != 3 {
		t.Errorf("leased %v", got)
	}
}
