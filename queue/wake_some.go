package queue

import (
	"context"
	"fmt"
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

// WakeSome implements Queue. Each partition gives an equal share, so it may wake a few more lanes than asked for.
func (q *Redis) WakeSome(ctx context.Context, topic string, most int) error {
	if most <= 0 {
		return nil
	}
	share := int64((most + partitions - 1) / partitions)
	return q.eachPartition(func(p int) error {
		lanes, err := q.client.SRandMemberN(ctx, q.parked(p, topic), share).Result()
		if err == nil {
			err = q.wake(ctx, p, lanes, "topic", q.parked(p, topic))
		}
		if err != nil {
			return fmt.Errorf("queue: waking lanes: %w", err)
		}
		return nil
	})
}
