package queue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"giosgbot/queue"
	"giosgbot/redistest"
)

// touches watches the renewals of a process: it refuses those of one partition while it is shut, and signals those of another.
type touches struct {
	refused, watched string // keys
	shut             atomic.Bool
	seen             chan struct{}
}

func (h *touches) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h *touches) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *touches) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		args := cmd.Args()
		if !strings.HasPrefix(cmd.Name(), "eval") || args[2] != 1 {
			return next(ctx, cmd)
		}
		if args[3] == h.refused && h.shut.Load() {
			cmd.SetErr(errFrozen)
			return errFrozen
		}
		err := next(ctx, cmd)
		if args[3] == h.watched && err == nil {
			select {
			case h.seen <- struct{}{}:
			default:
			}
		}
		return err
	}
}

// A worker that sees its lease expire stops. A renewal that comes through after that must not make the lease valid again, although
// Redis still has it as ours because nobody took it over.
func TestRedisRenewalDoesNotReviveAnEndedLease(t *testing.T) {
	t.Parallel()
	keys := queue.Keys{Prefix: "giosgbot"}
	ready := func(lane string) string { return strings.Replace(keys.Seen(lane), "seen:"+lane, "ready", 1) }
	h := &touches{refused: ready("a"), watched: ready("b"), seen: make(chan struct{})}
	c := redistest.Start(t).Client(t)
	c.AddHook(h)
	q, err := queue.NewRedis(t.Context(), c, queue.RedisOptions{Lease: 2 * time.Second, Block: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	for _, lane := range []string{"a", "b"} { // of different partitions
		if err := q.Put(t.Context(), queue.Item{Lane: lane, ID: "1", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	var l *queue.Lease
	for range 2 {
		if n := lease(t, q); n.Lane == "a" {
			l = n
		}
	}
	h.shut.Store(true)
	for time.Now().Before(l.Until()) {
		<-h.seen // those of b are renewed all the while
	}
	ended := l.Until()
	h.shut.Store(false)
	for range 3 { // all renewals of one round are over before the next begins
		<-h.seen
	}
	if l.Until().After(ended) {
		t.Errorf("the lease had ended, and is valid for %v again", time.Until(l.Until()))
	}
}
