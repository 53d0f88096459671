package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is three masters that share the slots.
type Cluster struct{ Servers []*Server }

// StartCluster runs a Cluster and waits until its nodes know each other.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range 3 {
		c.Servers = append(c.Servers, Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000"))
	}
	const slots = 16384
	for i, s := range c.Servers {
		n := s.Client(t)
		if err := n.ClusterAddSlotsRange(t.Context(), i*slots/3, (i+1)*slots/3-1).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(c.Servers[0].Addr)
		if i > 0 {
			if err := n.ClusterMeet(t.Context(), host, port).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range c.Servers {
		until(t, s.Client(t), func(ctx context.Context, n *redis.Client) bool {
			info := n.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return c
}

// URL is the Cluster's address as REDIS_URL takes it.
func (c *Cluster) URL() string {
	var addrs []string
	for _, s := range c.Servers {
		addrs = append(addrs, s.Addr)
	}
	return "redis://" + strings.Join(addrs, ",")
}

// Sentinel is a master with a replica, and a Sentinel that watches them.
type Sentinel struct {
	Master, Replica, Watcher *Server

	address *Proxy // the one of the master that all know
}

// Lag makes the replica lose all that is written from now on, while the Sentinel believes that all is well.
func (s *Sentinel) Lag() { s.address.HoldReplicas() }

// StartSentinel runs all three and waits until they know each other.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{Master: Start(t)}
	s.address = StartProxy(t, s.Master.Addr)
	host, port, _ := net.SplitHostPort(s.address.Addr)
	s.Replica = Start(t, "--replicaof", host+" "+port)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor mymaster %s %s 1\nsentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 5000\n", host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Watcher = startWith(t, conf, "--sentinel")
	until(t, s.Master.Client(t), func(ctx context.Context, n *redis.Client) bool {
		return strings.Contains(n.Info(ctx, "replication").Val(), "state=online")
	})
	w := redis.NewSentinelClient(&redis.Options{Addr: s.Watcher.Addr})
	t.Cleanup(func() { _ = w.Close() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		m, err := w.Master(t.Context(), "mymaster").Result()
		if n, _ := strconv.Atoi(m["num-slaves"]); err == nil && n == 1 {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("the sentinel does not find the replica: %v, %v", m, err)
		}
	}
}

// URL is the address as REDIS_URL takes it.
func (s *Sentinel) URL() string { return "redis://" + s.Watcher.Addr + "?master_name=mymaster" }

func until(t testing.TB, c *redis.Client, ok func(context.Context, *redis.Client) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(t.Context(), c); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("redis does not come into the state that the test needs")
		}
	}
}
