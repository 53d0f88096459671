package main

import (
	"context"
	"errors"
	"math"
	"time"
)

// trips counts the round trips to Redis through a proxy: per answer at full load and at low load, and of an idle bot. It is a run of its
// own because the proxy costs time.
func (b *bench) trips(ctx context.Context) (err error) {
	if b.redis == nil {
		return nil
	}
	say("round trips to Redis")
	t, err := newToll(b.redis.addr)
	if err != nil {
		return err
	}
	defer t.close()
	s, err := b.stage.subject(withRedis, "trips", t.url())
	if err != nil {
		return err
	}
	if _, err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	b.crowd.addrs[withRedis] = s.addr
	chats := 4 * b.options.running
	b.crowd.p.room(chats)
	if err := b.crowd.open(withRedis, 0, chats, b.options.running); err != nil {
		return err
	}
	return b.countTrips(ctx, chats, t)
}

// countTrips measures the round trips of a bot that is ready and has its chats open.
func (b *bench) countTrips(ctx context.Context, chats int, t *toll) error {
	var idle, low, full series
	count := func(f func() (load, error)) (trips, answers, seconds float64, err error) {
		start, before := time.Now(), t.trips.Load()
		l, err := f()
		return float64(t.trips.Load() - before), float64(l.answers), time.Since(start).Seconds(), err
	}
	for range b.rounds {
		n, _, seconds, _ := count(func() (load, error) { time.Sleep(b.round); return load{}, nil })
		rest := n / seconds
		idle.add(withRedis, rest)
		n, answers, seconds, err := count(func() (load, error) {
			l, err := b.crowd.paced(ctx, []int{withRedis}, chats, b.rate, b.round)
			return l[withRedis], err
		})
		if err != nil {
			return err
		}
		low.add(withRedis, math.Max(0, n-rest*seconds)/answers)
		var at []int64
		l, err := b.crowd.closed(withRedis, chats, b.options.running, b.round, func() { at = append(at, t.trips.Load()) })
		if err != nil {
			return err
		}
		full.add(withRedis, float64(at[1]-at[0])/float64(l.answers))
	}
	b.table.title("Round trips to Redis")
	b.table.row("per answer, full load", full, nothing)
	b.table.row("per answer, low load, without the idle ones", low, nothing)
	b.table.row("idle, per second", idle, nothing)
	return nil
}
