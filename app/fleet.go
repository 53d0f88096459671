package app

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// fleet is a bot.Fleet in Redis. It saves work and is no safety: when Redis does not answer, the work is done twice.
type fleet struct {
	client redis.UniversalClient
	prefix string
}

// unlockScript deletes a lock that is still ours.
var unlockScript = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)

// Lock implements bot.Fleet.
func (f fleet) Lock(ctx context.Context, key string, ttl time.Duration) (unlock func(), ok bool) {
	key, owner := f.prefix+":lock:"+key, uuid.NewString()
	err := f.client.SetArgs(ctx, key, owner, redis.SetArgs{Mode: "NX", TTL: ttl}).Err()
	if err == redis.Nil {
		return nil, false
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		unlockScript.Run(ctx, f.client, []string{key}, owner)
	}, true
}

// Done implements bot.Fleet.
func (f fleet) Done(ctx context.Context, key string) time.Time {
	ms, err := f.client.Get(ctx, f.prefix+":done:"+key).Int64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// SetDone implements bot.Fleet.
func (f fleet) SetDone(ctx context.Context, key string, begun time.Time) {
	f.client.Set(ctx, f.prefix+":done:"+key, begun.UnixMilli(), 24*time.Hour)
}
