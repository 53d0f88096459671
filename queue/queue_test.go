package queue_test

import (
	"cmp"
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"giosgbot/dedupe"
	"giosgbot/queue"
	"giosgbot/queue/queuetest"
	"giosgbot/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type file struct {
	path string
	mu   sync.Mutex
	dbs  map[queue.Queue]*bbolt.DB
}

func (f *file) Open(t *testing.T) queue.Queue {
	t.Helper()
	db, err := bbolt.Open(f.path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := dedupe.NewBolt(db, time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.NewBolt(db, seen, queue.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close(); _ = db.Close() })
	f.mu.Lock()
	f.dbs[q] = db
	f.mu.Unlock()
	return q
}

// Kill closes the file while the queue uses it: what it had not committed is gone.
func (f *file) Kill(q queue.Queue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.dbs[q].Close()
}

func (f *file) Shared() bool { return false }

func (f *file) Items(t *testing.T) (n int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, db := range f.dbs {
		_ = db.View(func(tx *bbolt.Tx) error { // all but the last are closed
			n = tx.Bucket([]byte("queue.items")).Stats().KeyN
			return nil
		})
	}
	return n
}

func TestBolt(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Store {
		return &file{path: filepath.Join(t.TempDir(), "bot.db"), dbs: map[queue.Queue]*bbolt.DB{}}
	})
}

// TestRedisCluster runs the promises on three masters. Each script must work on one slot only.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	queuetest.Run(t, func(t *testing.T) queuetest.Store {
		return &server{lease: time.Second, gates: map[queue.Queue]*gate{}, dial: func() redis.UniversalClient {
			var addrs []string
			for _, s := range c.Servers {
				addrs = append(addrs, s.Addr)
			}
			return redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, PoolSize: 64})
		}, keys: queue.Keys{Prefix: t.Name()}}
	})
}

// server is a Redis whose clients can be disconnected, as those of a frozen or killed process are.
type server struct {
	dial  func() redis.UniversalClient
	keys  queue.Keys
	lease time.Duration
	mu    sync.Mutex
	gates map[queue.Queue]*gate
}

// gate refuses all commands of one process while it is shut.
type gate struct{ shut, twice atomic.Bool }

var errFrozen = errors.New("frozen")

func (g *gate) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if g.shut.Load() {
			cmd.SetErr(errFrozen)
			return errFrozen
		}
		// What the first of two reads takes is found only when its lease expires.
		if n, _ := cmd.Args()[min(2, len(cmd.Args())-1)].(int); g.twice.Load() && strings.HasPrefix(cmd.Name(), "eval") && n >= 8 && n <= 10 {
			_ = next(ctx, cmd)
		}
		return next(ctx, cmd)
	}
}

func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if g.shut.Load() {
			for _, c := range cmds {
				c.SetErr(errFrozen)
			}
			return errFrozen
		}
		return next(ctx, cmds)
	}
}

func (s *server) Open(t *testing.T) queue.Queue {
	t.Helper()
	c := s.dial()
	t.Cleanup(func() { _ = c.Close() })
	g := &gate{}
	c.AddHook(g)
	q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Keys: s.keys, Lease: s.lease, Block: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	s.mu.Lock()
	s.gates[q] = g
	s.mu.Unlock()
	return q
}

func (s *server) gate(q queue.Queue) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gates[q]
}

func (s *server) Kill(q queue.Queue)   { s.Freeze(q) }
func (s *server) Freeze(q queue.Queue) { s.gate(q).shut.Store(true) }
func (s *server) Thaw(q queue.Queue)   { s.gate(q).shut.Store(false) }
func (s *server) Repeat(q queue.Queue) { s.gate(q).twice.Store(true) }
func (s *server) Shared() bool         { return true }

func (s *server) Items(t *testing.T) int {
	t.Helper()
	c := s.dial()
	defer c.Close()
	var n atomic.Int64
	count := func(ctx context.Context, c *redis.Client) error {
		boxes, err := c.Keys(ctx, cmp.Or(s.keys.Prefix, "giosgbot")+":{*}:box:*").Result()
		for _, box := range boxes {
			n.Add(c.ZCard(ctx, box).Val())
		}
		return err
	}
	var err error
	switch c := c.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(t.Context(), count)
	case *redis.Client:
		err = count(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return int(n.Load())
}

func TestRedis(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Store {
		s := redistest.Start(t)
		return &server{lease: time.Second, gates: map[queue.Queue]*gate{}, dial: func() redis.UniversalClient {
			return redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{s.Addr}, PoolSize: 64})
		}}
	})
}

func TestRedisThatEvictsIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	_, err := queue.NewRedis(t.Context(), s.Client(t), queue.RedisOptions{})
	if err == nil || !strings.Contains(err.Error(), "noeviction") {
		t.Fatalf("got %v", err)
	}
}

func openRedis(t *testing.T, s *redistest.Server) *queue.Redis {
	t.Helper()
	q, err := queue.NewRedis(t.Context(), s.Client(t), queue.RedisOptions{Lease: time.Second, Rest: 10 * time.Millisecond, Block: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func lease(t *testing.T, q queue.Queue) *queue.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err := q.Lease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRedisThatLostItsDataIsUsedAgain(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	q := openRedis(t, s)
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	l := lease(t, q)
	s.Stop()
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "2", At: time.Now()}); err == nil {
		t.Fatal("kept without a Redis")
	}
	s.Run(t) // it kept nothing
	if err := l.Done(t.Context(), queue.Outcome{Finished: []string{"1"}}); !errors.Is(err, queue.ErrLost) {
		t.Errorf("a step of a forgotten lease: %v", err)
	}
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "2", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if l = lease(t, q); l.ID != "2" {
		t.Fatalf("leased %+v", l.Item)
	}
	if err := l.Done(t.Context(), queue.Outcome{}); err != nil {
		t.Fatal(err)
	}
}

// After a loss nobody works until all leases of before have expired. A second loss meanwhile begins that wait anew, and a replica that
// starts meanwhile does not end it.
func TestRedisThatLosesItsDataTwice(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	open := func() *queue.Redis {
		q, err := queue.NewRedis(t.Context(), s.Client(t), queue.RedisOptions{Lease: time.Second, Rest: time.Second, Block: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
		return q
	}
	lost := func() (since int64) { // by Redis's clock, ms
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for since == 0 {
			select {
			case <-tick.C:
				since, _ = c.Get(t.Context(), "giosgbot:{0}:lost").Int64()
			case <-t.Context().Done():
				t.Fatal("the loss was not noticed")
			}
		}
		return since
	}
	q := open()
	waiting, stop := context.WithCancel(t.Context()) // only a queue with a waiting worker reads
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = q.Lease(waiting)
	}()
	wipe := func() int64 {
		if err := c.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		return lost()
	}
	first := wipe()
	open()
	if groups, err := c.XInfoGroups(t.Context(), "giosgbot:{0}:ready").Result(); err == nil && len(groups) > 0 {
		t.Error("a replica that starts ends the wait of the others")
	}
	second := wipe()
	if second < first {
		t.Errorf("lost at %d and then at %d", first, second)
	}
	stop()
	<-asked
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	lease(t, q)
	if now := c.Time(t.Context()).Val().UnixMilli(); now-second < 2000 {
		t.Errorf("at work again %d ms after the second loss", now-second)
	}
}

// A failover loses nothing that the standby had; the queue goes on by itself.
func TestRedisSentinelFailover(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{s.Watcher.Addr}, MasterName: "mymaster", PoolSize: 64, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Lease: time.Second, Block: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	for _, id := range []string{"1", "2"} {
		if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: id, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.Do(t.Context(), "WAIT", 1, 10000).Int(); n != 1 || err != nil {
		t.Fatal("the replica does not follow")
	}
	s.Master.Stop()
	for end := time.Now().Add(20 * time.Second); ; {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := q.Put(ctx, queue.Item{Lane: "a", ID: "3", At: time.Now()})
		cancel()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no failover: %v", err)
		}
	}
	for _, id := range []string{"1", "2", "3"} {
		l := lease(t, q)
		if l.ID != id {
			t.Fatalf("leased %s, want %s", l.ID, id)
		}
		if err := l.Done(t.Context(), queue.Outcome{Finished: []string{id}}); err != nil {
			t.Fatal(err)
		}
	}
}

// An idle queue leaves nothing in Redis but what it remembers of its lanes, and that expires.
func TestRedisKeysEnd(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	q, c := openRedis(t, s), s.Client(t)
	for _, lane := range []string{"a", "b", "c"} {
		if err := q.Put(t.Context(), queue.Item{Lane: lane, ID: "1", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		l := lease(t, q)
		if err := l.Pause(t.Context(), queue.Pause{Topic: "x", After: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if err := q.Wake(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if err := lease(t, q).Done(t.Context(), queue.Outcome{Finished: []string{"1"}, Memo: []byte("m")}); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := c.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		ttl := c.PTTL(t.Context(), k).Val()
		if strings.HasSuffix(k, ":ready") {
			if n := c.XLen(t.Context(), k).Val(); n != 0 {
				t.Errorf("%s holds %d", k, n)
			}
			continue
		}
		if strings.HasSuffix(k, ":tally") || strings.HasSuffix(k, ":primary") {
			continue // a few numbers
		}
		if ttl <= 0 {
			t.Errorf("%s does not expire", k)
		}
		if !strings.Contains(k, ":seen:") && !strings.Contains(k, ":state:") {
			t.Errorf("%s is left", k)
		}
	}
}

// A wake-up that was lost, for whatever reason, is made again by the next item.
func TestRedisLostWakeUp(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	keys := queue.Keys{Prefix: "giosgbot"}
	q := openRedis(t, s)
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	l := lease(t, q)
	ready := strings.Replace(keys.Seen("a"), "seen:a", "ready", 1)
	if n := c.XTrimMaxLen(t.Context(), ready, 0).Val(); n != 1 {
		t.Fatalf("%d wake-ups in %s", n, ready)
	}
	c.XGroupDestroy(t.Context(), ready, "g")
	c.XGroupCreate(t.Context(), ready, "g", "0")
	if err := l.Done(t.Context(), queue.Outcome{}); !errors.Is(err, queue.ErrLost) {
		t.Fatalf("got %v", err)
	}
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if l = lease(t, q); l.ID != "1" || !l.Abandoned {
		t.Fatalf("leased %+v", l)
	}
}

// panicky is a set of finished ids that panics for one lane.
type panicky struct{ queue.Ledger }

func (p panicky) SeenTx(tx *bbolt.Tx, lane, id string) bool {
	if lane == "bad" {
		panic("bad")
	}
	return p.Ledger.SeenTx(tx, lane, id)
}

// A change of one caller that panics holds up nobody else.
func TestBoltOutlivesAPanic(t *testing.T) {
	t.Parallel()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "bot.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	seen, err := dedupe.NewBolt(db, time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.NewBolt(db, panicky{seen}, queue.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	put := func(lane, id string) error {
		return q.Put(t.Context(), queue.Item{Lane: lane, ID: id, At: time.Now()})
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			defer func() { _ = recover() }()
			_ = put("bad", strconv.Itoa(i))
		})
		all.Go(func() {
			defer func() { _ = recover() }() // the panic of one that it committed for
			_ = put("good", strconv.Itoa(i))
		})
	}
	all.Wait()
	if err := put("good", "last"); err != nil {
		t.Fatal(err)
	}
	lease(t, q)
}

// held delays the first command by which a replica wakes a lane that it has found due.
type held struct {
	once             sync.Once
	found, free, end chan struct{}
}

func (h *held) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h *held) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *held) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		first := false
		if slices.Contains(cmd.Args(), any("due")) {
			h.once.Do(func() { first = true })
		}
		if !first {
			return next(ctx, cmd)
		}
		close(h.found)
		<-h.free
		defer close(h.end)
		return next(ctx, cmd)
	}
}

// Two replicas find a lane due. The late one does not end the pause that the lane has by then.
func TestRedisLateWaking(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	open := func() (*queue.Redis, *held) {
		h, c := &held{found: make(chan struct{}), free: make(chan struct{}), end: make(chan struct{})}, s.Client(t)
		c.AddHook(h)
		q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Lease: 10 * time.Second, Block: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
		return q, h
	}
	q, early := open()
	_, late := open()
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := lease(t, q).Pause(t.Context(), queue.Pause{After: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	<-early.found
	<-late.found
	close(early.free)
	if err := lease(t, q).Pause(t.Context(), queue.Pause{After: time.Hour}); err != nil {
		t.Fatal(err)
	}
	close(late.free)
	<-late.end
	if stats, err := q.Stats(t.Context()); err != nil || stats.Paused != 1 || stats.Ready != 0 {
		t.Errorf("%d lanes paused, %d ready: %v", stats.Paused, stats.Ready, err)
	}
}
