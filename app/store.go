package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"giosgbot/config"
	"giosgbot/dedupe"
	"giosgbot/fleet"
	"giosgbot/livechat"
	"giosgbot/queue"
)

// store is where lanes and handled ids are kept: in Redis, or in one file.
type store struct {
	kind    string
	queue   queue.Queue
	handled dedupe.Set
	redis   redis.UniversalClient // nil with a file
	file    *bbolt.DB             // nil with Redis
	sweeps  []func(limit int) (int, error)
	warning func() string          // what is wrong with the settings of the store; nil with a file
	onLoss  atomic.Pointer[func()] // is called when Redis has lost its data
}

func openStore(ctx context.Context, cfg config.Config, log *slog.Logger) (*store, error) {
	if cfg.Redis == nil {
		return openFile(cfg, log)
	}
	return openRedis(ctx, cfg, log)
}

func openRedis(ctx context.Context, cfg config.Config, log *slog.Logger) (*store, error) {
	redis.SetLogger(redisLog{log})
	o := *cfg.Redis
	o.ContextTimeoutEnabled = true // so that the webhook endpoint can answer 503 in time
	o.DialTimeout = 2 * time.Second
	o.PoolSize = cfg.Workers + 32 // one for each worker, the blocking readers and the webhook endpoint
	c := redis.NewUniversalClient(&o)
	keys := queue.Keys{Prefix: cfg.RedisPrefix}
	first, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s := &store{kind: "redis", handled: dedupe.NewRedis(c, keys.Seen), redis: c}
	q, err := queue.NewRedis(first, c, queue.RedisOptions{Keys: keys, TTL: cfg.DedupeTTL, Lease: cfg.Lease, Rest: cfg.Settle, Log: log, OnLoss: func() {
		if f := s.onLoss.Load(); f != nil {
			(*f)()
		}
	}})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("REDIS_URL: %w", err), c.Close())
	}
	s.queue, s.warning = q, q.Warning
	if w := q.Warning(); w != "" {
		log.Warn("the store can lose events", "why", w)
	}
	return s, nil
}

// redisLog takes what go-redis would print on standard error; what matters of it the queue says in its own words.
type redisLog struct{ log *slog.Logger }

// Printf is called by go-redis.
func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis client", "text", fmt.Sprintf(format, v...))
}

func openFile(cfg config.Config, log *slog.Logger) (*store, error) {
	db, err := bbolt.Open(cfg.DataFile, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("DATA_FILE: %s is in use by another process; several processes need REDIS_URL", cfg.DataFile)
	}
	if err != nil {
		return nil, fmt.Errorf("DATA_FILE: %w", err)
	}
	handled, err := dedupe.NewBolt(db, cfg.DedupeTTL, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("DATA_FILE: %w", err), db.Close())
	}
	q, err := queue.NewBolt(db, handled, queue.BoltOptions{TTL: cfg.DedupeTTL, Log: log})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("DATA_FILE: %w", err), db.Close())
	}
	return &store{kind: "file " + cfg.DataFile, queue: q, handled: handled, file: db, sweeps: []func(int) (int, error){handled.Sweep, q.Sweep}}, nil
}

// fleet returns what replicas share; nil without Redis.
func (s *store) fleet(prefix string) livechat.Fleet {
	if s.redis == nil {
		return nil
	}
	return fleet.Redis{Client: s.redis, Prefix: prefix}
}

// sweep forgets what is old, until ctx ends. Redis does so by itself.
func (s *store) sweep(ctx context.Context, log *slog.Logger) error {
	const most = 1000 // at a time, so that nobody waits long for the file
	wait := time.Minute
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = 10 * time.Minute
		for _, sweep := range s.sweeps {
			n, err := sweep(most)
			if err != nil { // a full disk, say: what is old can wait
				log.Warn("what is old was not forgotten", "err", err)
			}
			if n == most {
				wait = time.Second
			}
		}
	}
}

func (s *store) close() error {
	err := s.queue.Close()
	if s.redis != nil {
		err = errors.Join(err, s.redis.Close())
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}
