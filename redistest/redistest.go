// Package redistest starts real redis-server processes for tests. Nothing else may use it.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server process on loopback. It ends with the test, also when the test binary is killed.
type Server struct {
	Addr string // host:port

	dir  string
	conf string
	args []string

	mu    sync.Mutex
	cmd   *exec.Cmd // guarded by mu; nil while stopped
	stdin interface{ Close() error }
}

// Start runs a server without persistence, unless args say otherwise. Without a redis-server on the machine the test is skipped with a
// message; if CI is set it fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		const msg = "NOT TESTED with Redis: there is no redis-server on this machine; `make test` installs it, or: apt-get install redis-server (brew install redis)"
		if os.Getenv("CI") != "" {
			t.Fatal(msg)
		}
		t.Skip(msg)
	}
	return startWith(t, "", args...)
}

// startWith runs a server with a configuration file, if there is one.
func startWith(t testing.TB, conf string, args ...string) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), conf: conf, args: args}
	t.Cleanup(s.Stop)
	for try := 1; ; try++ {
		s.Addr = freeAddr(t)
		err := s.run()
		if err == nil {
			return s
		}
		s.Stop()
		if try == 10 || !strings.Contains(err.Error(), "Address already in use") { // another process took the port first
			t.Fatal(err)
		}
	}
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Run starts a stopped server again, on the same address and with the same directory.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, port, _ := net.SplitHostPort(s.Addr)
	_ = os.Remove(filepath.Join(s.dir, "redis.log"))
	args := []string{"--bind", host, "--port", port, "--dir", s.dir, "--logfile", filepath.Join(s.dir, "redis.log")}
	if s.conf != "" {
		args = append([]string{s.conf}, args...)
	} else {
		args = append(args, "--save", "", "--appendonly", "no")
	}
	args = append(args, s.args...)
	// The shell's standard input ends with the test binary, even if that is killed, and then the shell kills the server.
	const wrap = `"$0" "$@" & pid=$!; read -r _; kill -9 $pid; wait`
	cmd := exec.Command("sh", append([]string{"-c", wrap, "redis-server"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.stdin = cmd, in
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	defer c.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		info, err := c.Info(context.Background(), "server").Result()
		log, _ := os.ReadFile(filepath.Join(s.dir, "redis.log"))
		// Another test's server may have taken the port: ours is the one whose log begins with its process id.
		if pid, _, ok := strings.Cut(string(log), ":"); ok && err == nil && strings.Contains(info, "process_id:"+pid+"\r") {
			return nil
		}
		if time.Now().After(end) || strings.Contains(string(log), "aborting") {
			return fmt.Errorf("redis-server does not answer: %w\n%s", err, log)
		}
	}
}

// Stop kills the server as SIGKILL does. It may be called twice.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// URL is the server's address as REDIS_URL takes it.
func (s *Server) URL() string { return fmt.Sprintf("redis://%s/0", s.Addr) }

// Client returns a new client, which is closed when the test ends.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr, PoolSize: 64})
	t.Cleanup(func() { _ = c.Close() })
	return c
}
