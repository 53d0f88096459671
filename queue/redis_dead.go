package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Stats implements Queue.
func (q *Redis) Stats(ctx context.Context) (Stats, error) {
	s := Stats{In: map[string]int64{}, Out: map[string]int64{}}
	ready := make([]*redis.IntCmd, partitions)
	first := make([]*redis.XMessageSliceCmd, partitions)
	later := make([]*redis.IntCmd, partitions)
	dead := make([]*redis.IntCmd, partitions)
	tally := make([]*redis.MapStringStringCmd, partitions)
	var now *redis.TimeCmd
	_, err := q.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		now = pipe.Time(ctx)
		for p := range partitions {
			ready[p] = pipe.XLen(ctx, q.ready(p))
			first[p] = pipe.XRangeN(ctx, q.ready(p), "-", "+", 1)
			later[p] = pipe.ZCard(ctx, q.opts.Keys.part(p, "later"))
			dead[p] = pipe.XLen(ctx, q.opts.Keys.part(p, "dead"))
			tally[p] = pipe.HGetAll(ctx, q.opts.Keys.part(p, "tally"))
		}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("queue: counting: %w", err)
	}
	for p := range partitions {
		s.Ready += int(ready[p].Val())
		s.Paused += int(later[p].Val())
		s.Dead += int(dead[p].Val())
		for field, v := range tally[p].Val() {
			n, _ := strconv.ParseInt(v, 10, 64)
			s.count(field, n)
		}
		for _, m := range first[p].Val() {
			ms, _, _ := strings.Cut(m.ID, "-")
			n, _ := strconv.ParseInt(ms, 10, 64)
			s.Oldest = max(s.Oldest, now.Val().Sub(time.UnixMilli(n)))
		}
	}
	return s, nil
}

// Dead implements Queue.
func (q *Redis) Dead(ctx context.Context, limit int) ([]Dead, error) {
	var out []Dead
	for p := range partitions {
		got, err := q.client.XRangeN(ctx, q.opts.Keys.part(p, "dead"), "-", "+", int64(limit)).Result()
		if err != nil {
			return nil, fmt.Errorf("queue: listing dead letters: %w", err)
		}
		for _, m := range got {
			out = append(out, dead(p, m))
		}
	}
	slices.SortStableFunc(out, func(a, b Dead) int { return a.At.Compare(b.At) })
	return out[:min(limit, len(out))], nil
}

func dead(p int, m redis.XMessage) Dead {
	text := func(k string) string { s, _ := m.Values[k].(string); return s }
	number := func(s string) int64 { n, _ := strconv.ParseFloat(s, 64); return int64(n) }
	ms, _, _ := strings.Cut(m.ID, "-")
	id, via, _ := strings.Cut(text("member"), "|")
	return Dead{
		ID:       strconv.Itoa(p) + "." + m.ID,
		Item:     Item{Lane: text("lane"), ID: id, Via: via, At: time.UnixMilli(number(text("at"))), Body: []byte(text("body"))},
		Reason:   text("reason"),
		Attempts: int(number(text("attempts"))),
		At:       time.UnixMilli(number(ms)),
	}
}

// Revive implements Queue.
func (q *Redis) Revive(ctx context.Context, id string) error {
	l, err := q.find(ctx, id)
	if err != nil {
		return err
	}
	n, err := reviveScript.run(ctx, q.client, q.opts.Keys.all(l.Item.Lane), reviveArgs{
		letter: l.entry, lane: l.Item.Lane, member: member(l.Item), time: l.Item.At.UnixMilli(), body: l.Item.Body,
		mark: retryMark(l.pinned), ttl: q.ttl(),
	}).Int()
	if err != nil {
		return fmt.Errorf("queue: retrying a dead letter: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// Drop implements Queue.
func (q *Redis) Drop(ctx context.Context, id string) error {
	l, err := q.find(ctx, id)
	if err != nil {
		return err
	}
	if err := q.client.XDel(ctx, q.opts.Keys.part(partition(l.Item.Lane), "dead"), l.entry).Err(); err != nil {
		return fmt.Errorf("queue: dropping a dead letter: %w", err)
	}
	return nil
}

// letter is a dead letter as Redis keeps it.
type letter struct {
	Dead
	entry  string // in the stream
	pinned []byte // what was pinned in the lane; nil if there was nothing
}

// retryMark returns what marks a retried item in its lane: that an earlier attempt may have acted, and what it pinned.
func retryMark(pinned []byte) []byte {
	if pinned == nil {
		return []byte{'-'}
	}
	return append([]byte{'+'}, pinned...)
}

func (q *Redis) find(ctx context.Context, id string) (letter, error) {
	part, entry, ok := strings.Cut(id, ".")
	p, err := strconv.Atoi(part)
	if !ok || err != nil || p < 0 || p >= partitions {
		return letter{}, ErrNotFound
	}
	got, err := q.client.XRange(ctx, q.opts.Keys.part(p, "dead"), entry, entry).Result()
	if err != nil && strings.Contains(err.Error(), "Invalid stream ID") {
		return letter{}, ErrNotFound
	}
	if err != nil {
		return letter{}, fmt.Errorf("queue: looking for a dead letter: %w", err)
	}
	if len(got) == 0 {
		return letter{}, ErrNotFound
	}
	l := letter{Dead: dead(p, got[0]), entry: entry}
	if pin, ok := got[0].Values["pin"].(string); ok {
		l.pinned = []byte(pin)
	}
	return l, nil
}
