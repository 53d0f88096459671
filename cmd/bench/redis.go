package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a Redis process of the bench, with the persistence that the bot needs.
type redisServer struct {
	addr string
	cmd  *exec.Cmd
	c    *redis.Client
}

func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	r := &redisServer{addr: addr, c: redis.NewClient(&redis.Options{Addr: addr})}
	r.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--dir", dir, "--logfile", filepath.Join(dir, "redis.log"),
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0")
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(10 * time.Second); ; pause(5 * time.Millisecond) {
		if err = r.c.Ping(ctx).Err(); err == nil {
			return r, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			r.stop()
			return nil, fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
}

func (r *redisServer) url() string { return "redis://" + r.addr + "/0" }

func (r *redisServer) stop() {
	_ = r.c.Close()
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// used returns the bytes that Redis has allocated.
func (r *redisServer) used(ctx context.Context) int64 {
	info, err := r.c.Info(ctx, "memory").Result()
	if err != nil {
		return 0
	}
	for l := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(l, "used_memory:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
			return n
		}
	}
	return 0
}

// toll is a proxy in front of Redis that counts round trips. A round trip begins when a client sends after it has received, so a pipeline
// is one.
type toll struct {
	listener net.Listener
	to       string
	trips    atomic.Int64
	all      sync.WaitGroup
}

func newToll(to string) (*toll, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &toll{listener: l, to: to}
	t.all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			t.all.Go(func() { t.pass(client) })
		}
	})
	return t, nil
}

func (t *toll) url() string { return "redis://" + t.listener.Addr().String() + "/0" }

func (t *toll) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", t.to)
	if err != nil {
		return
	}
	var listened atomic.Bool
	listened.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(client, watched{server, func() { listened.Store(true) }})
		client.Close()
	}()
	_, _ = io.Copy(server, watched{client, func() {
		if listened.Swap(false) {
			t.trips.Add(1)
		}
	}})
	server.Close()
	<-done
}

// close ends the proxy when its clients have gone.
func (t *toll) close() {
	t.listener.Close()
	t.all.Wait()
}

// watched calls a function at each read.
type watched struct {
	net.Conn
	seen func()
}

// Read implements io.Reader.
func (w watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		w.seen()
	}
	return n, err
}
