//go:build unix

package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// server is a redis-server process. It writes an append-only file, so a killed server keeps its data.
type server struct {
	*process
	addr   string
	dir    string
	client *redis.Client
	copied *link // through which the other server copies this one; nil without a standby
}

// store is Redis: one server, or a master and a standby that change places in a failover.
type store struct {
	servers []*server

	mu       sync.Mutex
	master   int         // index of the master in servers; guarded by mu
	watchers []*sentinel // guarded by mu
}

func newStore(p *pack, dir string, standby bool) (*store, error) {
	s := &store{}
	n := 1
	if standby {
		n = 2
	}
	for i := range n {
		one, err := newServer(p, dir, fmt.Sprintf("redis-%d", i+1))
		if err != nil {
			return nil, err
		}
		s.servers = append(s.servers, one)
		if standby {
			if one.copied, err = newLink("the standby to "+one.name, one.addr); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func newServer(p *pack, dir, name string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	data := filepath.Join(dir, name)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	return &server{
		process: &process{pack: p, name: name, log: log, env: os.Environ(), args: []string{"redis-server",
			"--bind", host, "--port", port, "--dir", data, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
			"--repl-diskless-sync-delay", "0", "--repl-timeout", "10"}},
		addr: addr, dir: data,
		client: redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1}),
	}, nil
}

func (s *store) close() {
	for _, one := range s.servers {
		_ = one.client.Close()
		if one.copied != nil {
			one.copied.close()
		}
	}
}

// now returns the master.
func (s *store) now() *server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers[s.master]
}

// up starts the servers and waits for them.
func (s *store) up(ctx context.Context) error {
	if err := s.now().up(ctx); err != nil || len(s.servers) == 1 {
		return err
	}
	standby := s.servers[1-s.index()]
	if err := standby.up(ctx); err != nil {
		return err
	}
	return standby.copy(ctx, s.now())
}

func (s *store) index() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.master
}

// up starts the server and waits for it.
func (s *server) up(ctx context.Context) error {
	if err := s.run(); err != nil {
		return err
	}
	return until(ctx, 15*time.Second, s.name+" does not answer", func() error { return s.client.Ping(ctx).Err() })
}

// copy makes the server a standby of a master, and waits until it has the master's data.
func (s *server) copy(ctx context.Context, master *server) error {
	host, port, _ := net.SplitHostPort(master.copied.addr)
	if err := s.client.ReplicaOf(ctx, host, port).Err(); err != nil {
		return err
	}
	return until(ctx, 15*time.Second, s.name+" does not copy "+master.name, func() error {
		info, err := s.client.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = errors.New("the link is not up")
		}
		return err
	})
}

// failover kills the master and promotes the standby, which lags by the given time. The old master comes back as the standby.
func (s *store) failover(ctx context.Context, lag, down time.Duration) error {
	old, standby := s.now(), s.servers[1-s.index()]
	mend := old.copied.stall("downstream")
	nap(ctx, lag)
	old.kill()
	err := standby.client.ReplicaOf(ctx, "NO", "ONE").Err()
	mend()
	if err != nil {
		return err
	}
	nap(ctx, down) // until the Sentinels agree
	s.mu.Lock()
	s.master = 1 - s.master
	watchers := s.watchers
	s.mu.Unlock()
	for _, w := range watchers {
		w.announce()
	}
	if err := old.up(ctx); err != nil {
		return err
	}
	return old.copy(ctx, standby)
}

// kill is SIGKILL; the data remain.
func (s *server) kill() { s.end(syscall.SIGKILL, 10*time.Second) }

// wipe deletes the data of a server that is down.
func (s *server) wipe() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	return os.MkdirAll(s.dir, 0o700)
}

// flush makes a running server delete its data.
func (s *server) flush(ctx context.Context) error { return s.client.FlushAll(ctx).Err() }

const masterName = "chaos"

// sentinel answers a replica as a Redis Sentinel does. A real one would give the servers' own addresses, so that no link could be
// between the replica and Redis.
type sentinel struct {
	addr  string
	store *store
	links []*link // the replica's link to each server

	mu      sync.Mutex
	clients map[net.Conn]bool // that subscribed; guarded by mu
	l       net.Listener
}

func newSentinel(s *store, links []*link) (*sentinel, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &sentinel{addr: l.Addr().String(), store: s, links: links, clients: map[net.Conn]bool{}, l: l}
	s.mu.Lock()
	s.watchers = append(s.watchers, w)
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.serve(c)
		}
	}()
	return w, nil
}

func (w *sentinel) close() { _ = w.l.Close() }

// master returns the address of the master as the replica sees it.
func (w *sentinel) master() (host, port string) {
	host, port, _ = net.SplitHostPort(w.links[w.store.index()].addr)
	return host, port
}

// announce tells the clients of a failover.
func (w *sentinel) announce() {
	host, port := w.master()
	oldHost, oldPort, _ := net.SplitHostPort(w.links[1-w.store.index()].addr)
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.clients {
		_, _ = c.Write([]byte(array("message", "+switch-master", strings.Join([]string{masterName, oldHost, oldPort, host, port}, " "))))
	}
}

func (w *sentinel) serve(c net.Conn) {
	defer func() {
		w.mu.Lock()
		delete(w.clients, c)
		w.mu.Unlock()
		_ = c.Close()
	}()
	in := bufio.NewReader(c)
	for {
		args, err := readCommand(in)
		if err != nil {
			return
		}
		out := w.answer(c, args)
		w.mu.Lock()
		_, err = c.Write([]byte(out))
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (w *sentinel) answer(c net.Conn, args []string) string {
	switch strings.ToLower(strings.Join(args[:min(len(args), 2)], " ")) {
	case "sentinel get-master-addr-by-name":
		return array(w.master())
	case "sentinel sentinels", "sentinel replicas":
		return "*0\r\n"
	case "ping":
		return "+PONG\r\n"
	}
	switch strings.ToLower(args[0]) {
	case "client":
		return "+OK\r\n"
	case "ping":
		return array("pong", "")
	case "subscribe":
		w.mu.Lock()
		w.clients[c] = true
		w.mu.Unlock()
		var b strings.Builder
		for i, channel := range args[1:] {
			fmt.Fprintf(&b, "*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:%d\r\n", len(channel), channel, i+1)
		}
		return b.String()
	}
	return "-ERR unknown command\r\n"
}

// array encodes strings as a RESP array.
func array(parts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(parts))
	for _, p := range parts {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(p), p)
	}
	return b.String()
}

// readCommand reads a RESP array of strings.
func readCommand(in *bufio.Reader) ([]string, error) {
	number := func(prefix string) (int, error) {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		text, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
		n, err := strconv.Atoi(text)
		if !ok || err != nil || n < 0 || n > 1<<16 {
			return 0, fmt.Errorf("not RESP: %q", line)
		}
		return n, nil
	}
	n, err := number("*")
	if err == nil && n == 0 {
		err = errors.New("an empty command")
	}
	if err != nil {
		return nil, err
	}
	args := make([]string, n)
	for i := range args {
		size, err := number("$")
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		for read := 0; read < len(b); {
			k, err := in.Read(b[read:])
			if err != nil {
				return nil, err
			}
			read += k
		}
		args[i] = string(b[:size])
	}
	return args, nil
}
