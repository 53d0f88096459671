package queue

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// WakeSome implements Queue.
func (q *Bolt) WakeSome(_ context.Context, topic string, most int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, l := range q.lanes {
		if most <= 0 {
			break
		}
		if l.state == paused && l.topic == topic {
			q.ready(name, l)
			most--
		}
	}
	return nil
}

// WakeSome implements Queue. Each partition gives up an equal share, so it may wake a few more lanes than asked for. A lane that is taken out of
// its set but not woken, because this process dies, comes back when it is due.
func (q *Redis) WakeSome(ctx context.Context, topic string, most int) error {
	if most <= 0 {
		return nil
	}
	share := int64((most + partitions - 1) / partitions)
	sets := make([]*redis.StringSliceCmd, partitions)
	_, err := q.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for p := range partitions {
			sets[p] = pipe.SPopN(ctx, q.opts.Keys.part(p, "parked")+":"+topic, share)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("queue: waking lanes: %w", err)
	}
	for _, set := range sets {
		for _, lane := range set.Val() {
			if err := q.wakeLane(ctx, lane, "topic"); err != nil {
				return fmt.Errorf("queue: waking lanes: %w", err)
			}
		}
	}
	return nil
}
