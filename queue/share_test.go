package queue_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"giosgbot/queue"
	"giosgbot/redistest"
)

// pending counts the wake-ups that each consumer has.
func pending(t *testing.T, c redis.UniversalClient) map[string]int {
	t.Helper()
	n := map[string]int{}
	for p := range 16 {
		got, err := c.XPending(t.Context(), "giosgbot:{"+strconv.Itoa(p)+"}:ready", "g").Result()
		ok(t, err)
		for consumer, k := range got.Consumers {
			n[consumer] += int(k)
		}
	}
	return n
}

// onBoth runs a test with a Redis and with a Cluster; open starts a process.
func onBoth(t *testing.T, f func(t *testing.T, c redis.UniversalClient, open func(hooks ...redis.Hook) *queue.Redis)) {
	run := func(name string, addrs func(t *testing.T) []string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := addrs(t)
			dial := func() redis.UniversalClient {
				c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: at, PoolSize: 64})
				t.Cleanup(func() { _ = c.Close() })
				return c
			}
			f(t, dial(), func(hooks ...redis.Hook) *queue.Redis {
				c := dial()
				for _, h := range hooks {
					c.AddHook(h)
				}
				q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Lease: time.Second, Block: 50 * time.Millisecond})
				ok(t, err)
				t.Cleanup(func() { _ = q.Close() })
				return q
			})
		})
	}
	run("redis", func(t *testing.T) []string { return []string{redistest.Start(t).Addr} })
	run("cluster", func(t *testing.T) (addrs []string) {
		for _, s := range redistest.StartCluster(t).Servers {
			addrs = append(addrs, s.Addr)
		}
		return addrs
	})
}

// take has n workers wait for leases, and returns what they got.
func take(t *testing.T, q queue.Queue, n int) []*queue.Lease {
	t.Helper()
	var mu sync.Mutex
	var got []*queue.Lease
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			l, err := q.Lease(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			got = append(got, l)
			mu.Unlock()
		})
	}
	all.Wait()
	return got
}

// most is the larger number of wake-ups that one consumer of two has.
func most(n map[string]int) (most int) {
	for _, k := range n {
		most = max(most, k)
	}
	return most
}

// A replica takes no more lanes than it has free workers: of those that wait when it starts, of those of a replica that died, and of those
// that are put.
func TestRedisTakesNoMoreThanItCanWorkOn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c redis.UniversalClient, open func(...redis.Hook) *queue.Redis) {
		const lanes, workers = 200, 4
		start := open()
		for i := range lanes {
			put(t, start, queue.Item{Lane: fmt.Sprint(i), ID: "1"})
		}
		g := &gate{}
		dying := open(g)
		take(t, dying, workers)
		if n := pending(t, c); len(n) != 1 || most(n) != workers {
			t.Errorf("%d workers, and pending are %v", workers, n)
		}
		take(t, dying, lanes/2-workers)
		g.shut.Store(true) // and half of all lanes with it
		take(t, start, workers)
		n := pending(t, c)
		delete(n, owner(t, n, lanes/2))
		if most(n) > workers {
			t.Errorf("%d workers, and pending are %v", workers, n)
		}
	})
}

// owner returns the consumer that has about n wake-ups.
func owner(t *testing.T, pending map[string]int, n int) string {
	t.Helper()
	for consumer, k := range pending {
		if k > n/2 {
			return consumer
		}
	}
	t.Fatalf("nobody has %d of %v", n, pending)
	return ""
}

// Of a dead replica's lanes each living one takes as many as it can work on.
func TestRedisSharesTheLanesOfADeadReplica(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c redis.UniversalClient, open func(...redis.Hook) *queue.Redis) {
		const lanes, workers = 120, 4
		g := &gate{}
		dying := open(g)
		for i := range lanes {
			put(t, dying, queue.Item{Lane: fmt.Sprint(i), ID: "1"})
		}
		take(t, dying, lanes)
		dead := owner(t, pending(t, c), lanes)
		g.shut.Store(true)
		a, b := open(), open()
		var all sync.WaitGroup
		for _, q := range []*queue.Redis{a, b} {
			all.Go(func() { take(t, q, workers) })
		}
		all.Wait()
		n := pending(t, c)
		delete(n, dead)
		if len(n) != 2 || most(n) > workers {
			t.Errorf("of a dead replica's %d lanes the others have %v", lanes, n)
		}
	})
}

// slow delays each command and each pipeline.
type slow struct{ by time.Duration }

func (s *slow) DialHook(next redis.DialHook) redis.DialHook { return next }
func (s *slow) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		time.Sleep(s.by) // the way there and back
		return next(ctx, cmd)
	}
}

func (s *slow) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		time.Sleep(s.by)
		return next(ctx, cmds)
	}
}

// Many lanes that wait for the same token are woken in a few round trips.
func TestRedisWakesManyLanesFarAway(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c redis.UniversalClient, open func(...redis.Hook) *queue.Redis) {
		const lanes = 1000
		near, far := open(), open(&slow{50 * time.Millisecond})
		for i := range lanes {
			put(t, near, queue.Item{Lane: fmt.Sprint(i), ID: "1"})
			ok(t, lease(t, near).Pause(t.Context(), queue.Pause{Topic: "token", After: time.Hour}))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := far.Wake(ctx, "token"); err != nil {
			t.Error(err)
		}
		stats, err := near.Stats(t.Context())
		ok(t, err)
		if stats.Ready != lanes || stats.Paused != 0 {
			t.Errorf("%d lanes are ready, %d are paused", stats.Ready, stats.Paused)
		}
		keys, err := c.Keys(t.Context(), "*:parked:*").Result()
		if err != nil || len(keys) != 0 {
			t.Errorf("left: %v, %v", keys, err)
		}
	})
}

// Processes come and go. Their names in the consumer groups go, too, once nothing is pending for them.
func TestRedisForgetsDeadConsumers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	open := func(hooks ...redis.Hook) *queue.Redis {
		own := s.Client(t)
		for _, h := range hooks {
			own.AddHook(h)
		}
		q, err := queue.NewRedis(t.Context(), own, queue.RedisOptions{Lease: 100 * time.Millisecond, Block: 50 * time.Millisecond})
		ok(t, err)
		t.Cleanup(func() { _ = q.Close() })
		return q
	}
	for i := range 5 {
		g := &gate{}
		q := open(g)
		put(t, q, queue.Item{Lane: fmt.Sprint(i), ID: "1"})
		lease(t, q)
		g.shut.Store(true)
	}
	q := open()
	waiting, stop := context.WithCancel(t.Context())
	defer stop()
	var worker sync.WaitGroup
	worker.Go(func() {
		for {
			l, err := q.Lease(waiting)
			if err != nil {
				return
			}
			_ = l.Done(t.Context(), queue.Outcome{Finished: []string{l.ID}})
		}
	})
	left := map[string]bool{}
	for end := time.Now().Add(25 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		clear(left)
		for p := range 16 {
			got, err := c.XInfoConsumers(t.Context(), "giosgbot:{"+strconv.Itoa(p)+"}:ready", "g").Result()
			ok(t, err)
			for _, consumer := range got {
				left[consumer.Name] = true
			}
		}
		if len(left) == 1 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("left: %v", left)
			break
		}
	}
	stop()
	worker.Wait()
}

// Redis that keeps nothing on disk is worth a warning.
func TestRedisWarnsOfMissingPersistence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"appendonly", []string{"--appendonly", "yes"}, ""},
		{"snapshots", []string{"--save", "3600 1"}, "snapshots"},
		{"nothing", nil, "memory only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := openRedis(t, redistest.Start(t, c.args...))
			if got := q.Warning(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("no run_id", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t, "--appendonly", "yes")
		ok(t, s.Client(t).Do(t.Context(), "ACL", "SETUSER", "default", "-info").Err())
		q := openRedis(t, s)
		if got := q.Warning(); !strings.Contains(got, "failover") {
			t.Errorf("got %q", got)
		}
		put(t, q, queue.Item{Lane: "a", ID: "1"}) // works all the same
		finish(t, lease(t, q))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		cluster := redistest.StartCluster(t)
		var addrs []string
		for _, s := range cluster.Servers {
			addrs = append(addrs, s.Addr)
		}
		client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
		t.Cleanup(func() { _ = client.Close() })
		q, err := queue.NewRedis(t.Context(), client, queue.RedisOptions{})
		ok(t, err)
		t.Cleanup(func() { _ = q.Close() })
		if got := q.Warning(); !strings.Contains(got, "memory only") {
			t.Errorf("got %q", got)
		}
	})
}
