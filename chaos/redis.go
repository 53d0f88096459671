//go:build unix

package chaos

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// store is a redis-server that keeps what it is given: it writes its append-only file, so that a killed one comes back with all of it.
type store struct {
	*process
	addr   string
	dir    string
	client *redis.Client
}

func newStore(p *pack, dir string) (*store, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "redis.log"))
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	data := filepath.Join(dir, "redis")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	return &store{
		process: &process{pack: p, name: "redis", log: log, env: os.Environ(), args: []string{"redis-server",
			"--bind", host, "--port", port, "--dir", data, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"}},
		addr: addr, dir: data,
		client: redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1}),
	}, nil
}

// up starts the server and waits for it.
func (s *store) up(ctx context.Context) error {
	if err := s.run(); err != nil {
		return err
	}
	return until(ctx, 15*time.Second, "redis-server does not answer", func() error { return s.client.Ping(ctx).Err() })
}

// kill is SIGKILL; the data remain.
func (s *store) kill() { s.end(syscall.SIGKILL, 10*time.Second) }

// wipe forgets the data of a server that is down.
func (s *store) wipe() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	return os.MkdirAll(s.dir, 0o700)
}

// flush makes a running server forget its data.
func (s *store) flush(ctx context.Context) error { return s.client.FlushAll(ctx).Err() }
