package dedupe

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Redis keeps each chat's ids in one Redis SET.
type Redis struct {
	client redis.UniversalClient
	key    func(chat string) string
}

// NewRedis returns a Set. key returns the name of a chat's SET, to which the queue's scripts add.
func NewRedis(client redis.UniversalClient, key func(chat string) string) *Redis {
	return &Redis{client: client, key: key}
}

// Seen implements Set.
func (r *Redis) Seen(ctx context.Context, chat string, ids ...string) ([]bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	members := make([]any, len(ids))
	for i, id := range ids {
		members[i] = id
	}
	seen, err := r.client.SMIsMember(ctx, r.key(chat), members...).Result()
	if err != nil {
		return nil, fmt.Errorf("dedupe: looking up handled messages: %w", err)
	}
	return seen, nil
}
