package bot

import (
	"context"
	"math/rand/v2"
	"time"

	"giosgbot/chat"
)

// A call that the platform defers had no effect, so the same turn makes it again when its time has come. To give the lane back instead
// would make the next attempt read the record, just when the platform wants fewer calls.

const (
	mostDelay  = 5 * time.Second  // of one deferred call; for a longer one the lane is given back
	mostDelays = 15 * time.Second // of one turn, in all
)

// An answer that makes no sense, such as a 404 or a 409 where all is well, is retried until both of these are over.
const (
	oddAttempts = 3
	oddTime     = 2 * time.Minute
)

// waiters bounds how many turns wait in place, so that one throttled bot user leaves workers to the others.
type waiters struct {
	slots chan struct{} // has a place for each turn that may wait
	stop  chan struct{} // closed when the bot stops
}

func newWaiters(most int) *waiters {
	return &waiters{slots: make(chan struct{}, most), stop: make(chan struct{})}
}

// sleep returns false, perhaps early, if there is no place to wait, or the wait is cut short.
func (w *waiters) sleep(ctx context.Context, d time.Duration) bool {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	default:
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-w.stop:
	}
	return false
}

// retryAt returns when to repeat a deferred call. All calls of a bot user are deferred to the same moment, so they are spread a little.
func retryAt(f *chat.Error) time.Duration { return f.Delay + rand.N(250*time.Millisecond) }

// backoff doubles from half a second to most, with jitter. It begins low because a visitor waits; the circuit breaker is what spares a
// platform in trouble.
func backoff(attempt int, most time.Duration) time.Duration {
	d := min(500*time.Millisecond<<min(attempt-1, 10), most)
	return d/2 + rand.N(d/2)
}

// sleep returns early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
