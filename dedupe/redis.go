package dedupe

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis keeps each chat's ids in one Redis SET.
type Redis struct {
	client redis.UniversalClient
	key    func(chat string) string
	ttl    time.Duration
}

// NewRedis returns a Set. key names a chat's SET: whoever adds to it in scripts of their own uses the same name.
func NewRedis(client redis.UniversalClient, key func(chat string) string, ttl time.Duration) *Redis {
	return &Redis{client: client, key: key, ttl: ttl}
}

// Seen implements Set.
func (r *Redis) Seen(ctx context.Context, chat string, ids ...string) ([]bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	seen, err := r.client.SMIsMember(ctx, r.key(chat), members(ids)...).Result()
	if err != nil {
		return nil, fmt.Errorf("dedupe: asking for handled messages: %w", err)
	}
	return seen, nil
}

// Add implements Set.
func (r *Redis) Add(ctx context.Context, chat string, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := r.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.SAdd(ctx, r.key(chat), members(ids)...)
		p.PExpire(ctx, r.key(chat), r.ttl)
		return nil
	})
	if err != nil {
		return fmt.Errorf("dedupe: remembering handled messages: %w", err)
	}
	return nil
}

func members(ids []string) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}
