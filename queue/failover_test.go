package queue_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"giosgbot/queue"
	"giosgbot/redistest"
)

// pair is a primary with a standby, behind one address.
type pair struct {
	primary, standby *redistest.Server
	address          *redistest.Proxy
}

func startPair(t *testing.T) pair {
	t.Helper()
	p := pair{primary: redistest.Start(t)}
	host, port, _ := net.SplitHostPort(p.primary.Addr)
	p.standby = redistest.Start(t, "--replicaof", host+" "+port)
	p.address = redistest.StartProxy(t, p.primary.Addr)
	p.replicated(t)
	return p
}

// replicated returns when the standby has all.
func (p pair) replicated(t *testing.T) {
	t.Helper()
	c := p.primary.Client(t)
	for end := time.Now().Add(20 * time.Second); ; {
		conn := c.Conn() // WAIT is about what this connection wrote
		ok(t, conn.Set(t.Context(), "mark", 1, 0).Err())
		n, err := conn.Wait(t.Context(), 1, time.Second).Result()
		_ = conn.Close()
		if err == nil && n == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the standby does not follow")
		}
	}
}

// loseLater makes the standby lose all that is written from now on.
func (p pair) loseLater(t *testing.T) {
	t.Helper()
	ok(t, p.standby.Client(t).ReplicaOf(t.Context(), "NO", "ONE").Err())
}

// fail makes the standby the primary.
func (p pair) fail() { p.address.Point(p.standby.Addr) }

func (p pair) open(t *testing.T, onFailover func()) *queue.Redis {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: p.address.Addr, PoolSize: 64, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Lease: time.Second, Block: 50 * time.Millisecond, OnFailover: onFailover})
	ok(t, err)
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// retry calls f until it succeeds: the first calls after a failover meet connections that are closed.
func retry(t *testing.T, f func(context.Context) error) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := f(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// doubtful checks that a lease says that an earlier attempt may have acted, and may still.
func doubtful(t *testing.T, l *queue.Lease, id string, since time.Time) {
	t.Helper()
	if l.ID != id || l.Attempt < 2 || !l.Abandoned {
		t.Errorf("leased %s of %s, attempt %d, abandoned %t; want %s, in doubt", l.ID, l.Lane, l.Attempt, l.Abandoned, id)
	}
	if l.Cut.Before(since) || l.Cut.After(time.Now().Add(2*time.Second)) {
		t.Errorf("cut %v after the failover", l.Cut.Sub(since))
	}
}

func finish(t *testing.T, l *queue.Lease) {
	t.Helper()
	ok(t, l.Done(t.Context(), queue.Outcome{Finished: []string{l.ID}}))
}

// The standby has the put, but not that the item was worked on. Who takes the item must know that it may have been answered, also a
// replica that has not noticed the failover, and whoever notices it first.
func TestRedisFailoverLosesTheEnd(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	var told atomic.Int64
	q := p.open(t, func() { told.Add(1) })
	other := p.open(t, func() { told.Add(1) })
	put(t, q, queue.Item{Lane: "a", ID: "1"}, queue.Item{Lane: "b", ID: "1"}, queue.Item{Lane: "b", ID: "2"})
	p.replicated(t)
	p.loseLater(t)
	for range 3 {
		finish(t, lease(t, q))
	}
	failed := time.Now()
	p.fail()
	left := map[string]bool{"a1": true, "b1": true, "b2": true}
	for range 3 {
		l := lease(t, other)
		delete(left, l.Lane+l.ID)
		if l.ID == "1" {
			doubtful(t, l, "1", failed)
		} else if l.Attempt != 1 || l.Abandoned { // after a settled end there is no doubt any more
			t.Errorf("leased %+v", l)
		}
		finish(t, l)
	}
	if len(left) > 0 {
		t.Errorf("not leased: %v", left)
	}
	for end := time.Now().Add(10 * time.Second); told.Load() < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not all replicas are told of the failover")
		}
	}
	// Nobody is told twice.
	put(t, q, queue.Item{Lane: "c", ID: "1", At: time.Now().Add(time.Hour)})
	finish(t, lease(t, q))
	if n := told.Load(); n != 2 {
		t.Errorf("told %d times", n)
	}
}

// The worker that has the lane puts and leases in one step, right after the failover and before anything else was noticed.
func TestRedisFailoverLosesThePut(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	q := p.open(t, nil)
	put(t, q, queue.Item{Lane: "old", ID: "1"})
	finish(t, lease(t, q))
	p.replicated(t)
	p.loseLater(t)
	at := time.Now()
	for _, lane := range []string{"old", "new"} { // answered, and lost with its lane
		put(t, q, queue.Item{Lane: lane, ID: "2", At: at})
		finish(t, lease(t, q))
	}
	leases := make(chan *queue.Lease)
	for range 3 {
		go func() {
			l, err := q.Lease(t.Context())
			if err == nil {
				leases <- l
			}
		}()
	}
	failed := time.Now()
	p.fail()
	for _, it := range []queue.Item{
		{Lane: "old", ID: "2", At: at},                      // the same message comes by another way
		{Lane: "new", ID: "2", At: at},                      // the lane began just before the failover
		{Lane: "later", ID: "1", At: failed.Add(time.Hour)}, // nobody can have worked on it
	} {
		retry(t, func(ctx context.Context) error { return q.Put(ctx, it) })
	}
	for range 3 {
		l := <-leases
		if l.Lane != "later" {
			doubtful(t, l, "2", failed)
		} else if l.Attempt != 1 || l.Abandoned {
			t.Errorf("leased %+v", l)
		}
		finish(t, l)
	}
}

// A lane that was worked on before the failover may have an old memo after it, so its next item is in doubt, too, whenever it comes.
func TestRedisFailoverLosesAMemo(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	q := p.open(t, nil)
	put(t, q, queue.Item{Lane: "a", ID: "1"})
	finish(t, lease(t, q))
	p.replicated(t)
	p.loseLater(t)
	put(t, q, queue.Item{Lane: "a", ID: "2"})
	l := lease(t, q)
	ok(t, l.Done(t.Context(), queue.Outcome{Finished: []string{"2"}, Memo: []byte("lost")}))
	failed := time.Now()
	p.fail()
	retry(t, func(ctx context.Context) error {
		return q.Put(ctx, queue.Item{Lane: "a", ID: "3", At: failed.Add(time.Hour)})
	})
	l = lease(t, q)
	doubtful(t, l, "3", failed)
	// It stays in doubt until something is settled.
	ok(t, l.Pause(t.Context(), queue.Pause{Untouched: true}))
	l = lease(t, q)
	doubtful(t, l, "3", failed)
	finish(t, l)
	put(t, q, queue.Item{Lane: "a", ID: "4", At: failed.Add(time.Hour)})
	if l = lease(t, q); l.Attempt != 1 || l.Abandoned {
		t.Errorf("leased %+v", l)
	}
	finish(t, l)
}

// A worker that leased from the old primary may end its lease at the new one. What it gets next is in doubt all the same.
func TestRedisFailoverInMidLease(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	q := p.open(t, nil)
	put(t, q, queue.Item{Lane: "a", ID: "1"}, queue.Item{Lane: "a", ID: "2"})
	l := lease(t, q)
	p.replicated(t)
	p.loseLater(t)
	finish(t, l)
	l = lease(t, q)
	failed := time.Now()
	p.fail()
	retry(t, func(ctx context.Context) error { return l.Done(ctx, queue.Outcome{Finished: []string{"2"}}) })
	doubtful(t, lease(t, q), "1", failed)
}

// The primary comes back from a failover and back again. A replica that slept meanwhile knows only that nothing has changed.
func TestRedisFailoverAndBack(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	q := p.open(t, nil)
	put(t, q, queue.Item{Lane: "warm", ID: "1"})
	finish(t, lease(t, q))
	p.replicated(t)
	other := redistest.StartProxy(t, p.primary.Addr)
	asleep := pair{p.primary, p.standby, other}.open(t, nil)
	p.loseLater(t)
	p.fail()
	put2 := func(it queue.Item) {
		retry(t, func(ctx context.Context) error { return q.Put(ctx, it) })
	}
	put2(queue.Item{Lane: "a", ID: "1", At: time.Now()})
	// The standby is followed by the primary of before, which then loses the end.
	host, port, _ := net.SplitHostPort(p.standby.Addr)
	ok(t, p.primary.Client(t).ReplicaOf(t.Context(), host, port).Err())
	back := pair{primary: p.standby, standby: p.primary, address: p.address}
	back.replicated(t)
	back.loseLater(t)
	finish(t, lease(t, q))
	failed := time.Now()
	back.fail()
	l := lease(t, asleep)
	if l.ID != "1" || l.Lane != "a" {
		t.Fatalf("leased %+v", l)
	}
	doubtful(t, l, "1", failed.Add(-time.Minute))
}

// Redis that restarts with the data of a snapshot has lost what came after it, as a standby would. Here it is one master of a Cluster.
func TestRedisClusterRestartLosesTheEnd(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	var addrs []string
	for _, s := range cluster.Servers {
		addrs = append(addrs, s.Addr)
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, PoolSize: 64})
	t.Cleanup(func() { _ = c.Close() })
	q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Lease: time.Second, Block: 50 * time.Millisecond})
	ok(t, err)
	t.Cleanup(func() { _ = q.Close() })
	put(t, q, queue.Item{Lane: "a", ID: "1"})
	node, err := c.MasterForKey(t.Context(), queue.Keys{Prefix: "giosgbot"}.Seen("a"))
	ok(t, err)
	ok(t, node.Save(t.Context()).Err())
	finish(t, lease(t, q))
	failed := time.Now()
	for _, s := range cluster.Servers {
		if s.Addr == node.Options().Addr {
			s.Stop()
			s.Run(t)
		}
	}
	l := lease(t, q)
	doubtful(t, l, "1", failed)
	retry(t, func(ctx context.Context) error { return l.Done(ctx, queue.Outcome{Finished: []string{"1"}}) })
}

// The Sentinel promotes a standby that lags.
func TestRedisSentinelFailoverLosesTheEnd(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{s.Watcher.Addr}, MasterName: "mymaster", PoolSize: 64, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	var told atomic.Int64
	q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Lease: time.Second, Block: 50 * time.Millisecond, OnFailover: func() { told.Add(1) }})
	ok(t, err)
	t.Cleanup(func() { _ = q.Close() })
	put(t, q, queue.Item{Lane: "a", ID: "1"})
	pair{primary: s.Master}.replicated(t)
	s.Lag()
	finish(t, lease(t, q))
	failed := time.Now()
	s.Master.Stop()
	l := lease(t, q)
	doubtful(t, l, "1", failed)
	finish(t, l)
	for end := time.Now().Add(10 * time.Second); told.Load() != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("told %d times of the failover", told.Load())
		}
	}
}
