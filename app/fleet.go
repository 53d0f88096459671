package app

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// fleet is a bot.Fleet in Redis. It saves work and is no safety: when Redis does not answer, the work is done twice.
type fleet struct {
	client redis.UniversalClient
	prefix string
}

// A lock outlives the process that has it by this; while the process lives, it is renewed three times as often.
const lockLife = 5 * time.Second

// Both touch only a lock that is still ours.
var (
	unlockScript = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)
	renewScript  = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`)
)

// Lock implements bot.Fleet.
func (f fleet) Lock(ctx context.Context, key string, most time.Duration) (unlock func(), ok bool) {
	key, owner := f.prefix+":lock:"+key, uuid.NewString()
	err := f.client.SetArgs(ctx, key, owner, redis.SetArgs{Mode: "NX", TTL: lockLife}).Err()
	if err == redis.Nil {
		return nil, false
	}
	mine, release := context.WithTimeout(ctx, max(0, most-lockLife))
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(lockLife / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				renewScript.Run(mine, f.client, []string{key}, owner, lockLife.Milliseconds())
			case <-mine.Done():
				return
			}
		}
	})
	return func() {
		release()
		renewing.Wait()
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
