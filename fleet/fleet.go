// Package fleet has what replicas share besides lanes: locks, and marks of work that was done. It saves work and guards nothing: when Redis
// does not answer, work is done twice.
package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// Redis keeps locks and marks in Redis.
type Redis struct {
	Client redis.UniversalClient
	Prefix string // of every key
}

// lockLife is how long a lock outlives the process that has it. While the process lives, it renews the lock three times as often.
const lockLife = 5 * time.Second

// Both scripts change a lock only if its value is ours.
var (
	unlockScript = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)
	renewScript  = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`)
)

// Lock takes a key until it is unlocked, for most at most. ok is false while another replica has it.
func (f Redis) Lock(ctx context.Context, key string, most time.Duration) (unlock func(), ok bool) {
	key, owner := f.Prefix+":lock:"+key, uuid.NewString()
	err := f.Client.SetArgs(ctx, key, owner, redis.SetArgs{Mode: "NX", TTL: lockLife}).Err()
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
				renewScript.Run(mine, f.Client, []string{key}, owner, lockLife.Milliseconds())
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
		unlockScript.Run(ctx, f.Client, []string{key}, owner)
	}, true
}

// Done returns when the work that key names was last begun and then done; zero if that is not known.
func (f Redis) Done(ctx context.Context, key string) time.Time {
	ms, err := f.Client.Get(ctx, f.Prefix+":done:"+key).Int64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// SetDone stores when the work that key names was begun, for a day.
func (f Redis) SetDone(ctx context.Context, key string, begun time.Time) {
	f.Client.Set(ctx, f.Prefix+":done:"+key, begun.UnixMilli(), 24*time.Hour)
}
