package main

import (
	"context"
	"fmt"
	"time"
)

// load measures full, low and high load, and memory, with an increasing number of open chats.
func (b *bench) load(ctx context.Context) error {
	for _, kind := range b.table.columns {
		s, err := b.prepare(kind, subjectNames[kind])
		if err != nil {
			return err
		}
		if _, err := s.start(ctx); err != nil {
			return err
		}
		b.running[kind], b.crowd.addrs[kind] = s, s.addr
	}
	var first, busy held
	for i, chats := range b.stages {
		say("opening %d chats", chats)
		b.crowd.p.room(chats)
		from := 0
		if i > 0 {
			from = b.stages[i-1]
		}
		b.table.title(grouped(chats) + " open")
		if err := b.open(from, chats); err != nil {
			return err
		}
		now := b.memory(ctx)
		if i == 0 {
			first = now
		}
		b.tellMemory(first, busy, now)
		peak, err := b.fullLoad(chats)
		if err != nil {
			return err
		}
		if err := b.latencies(ctx, "low", chats, b.rate, true); err != nil {
			return err
		}
		if rate := b.share * peak; chats >= 100 {
			if err := b.latencies(ctx, "high", chats, rate, false); err != nil {
				return err
			}
		}
		busy = b.memory(ctx)
	}
	if b.options.profile != "" { // a restart would begin another profile
		return b.stop()
	}
	return b.restart(ctx)
}

func grouped(chats int) string {
	if chats == 1 {
		return "1 chat"
	}
	return thousands(fmt.Sprint(chats)) + " chats"
}

// open opens chats in each subject, and measures the rate and the calls that it takes.
func (b *bench) open(from, to int) error {
	var calls, rate series
	for _, kind := range b.table.columns {
		start, before := time.Now(), b.crowd.p.calls[kind].Load()
		if err := b.crowd.open(kind, from, to, b.options.running); err != nil {
			return fmt.Errorf("%s: %w", subjectNames[kind], err)
		}
		n := float64(to - from)
		rate.add(kind, n/time.Since(start).Seconds())
		calls.add(kind, float64(b.crowd.p.calls[kind].Load()-before)/n)
	}
	if to-from >= 100 {
		b.table.row("chats opened/s, one subject after the other", rate, nothing)
		b.table.row("API calls per opened chat, first answer included", calls, nothing)
	}
	return nil
}

// held is how much the subjects hold in memory and in the store.
type held struct {
	chats         int
	memory, store [subjects]float64
}

func (b *bench) memory(ctx context.Context) held {
	time.Sleep(b.round / 2)
	h := held{chats: len(b.crowd.p.chats[theFloor])}
	for _, kind := range b.table.columns {
		h.memory[kind] = float64(memory(b.running[kind].cmd.Process.Pid))
		switch kind {
		case embedded:
			h.store[kind] = float64(fileSize(b.running[kind].store))
		case withRedis:
			h.store[kind] = float64(b.redis.used(ctx))
		}
	}
	return h
}

// tellMemory reports memory per chat. It compares a process with itself after the last load, with fewer chats, and a store with its start.
func (b *bench) tellMemory(first, busy, now held) {
	var memory, store, perChat, storePerChat series
	for _, kind := range b.table.columns {
		memory.add(kind, now.memory[kind]/1e6)
		perChat.add(kind, (now.memory[kind]-busy.memory[kind])/float64(now.chats-busy.chats))
		if kind != theFloor {
			store.add(kind, now.store[kind]/1e6)
			storePerChat.add(kind, (now.store[kind]-first.store[kind])/float64(now.chats-first.chats))
		}
	}
	b.table.row("memory of the process, MB", memory, nothing)
	b.table.row("store (size of the file; memory of Redis), MB", store, nothing)
	if now.chats-first.chats < 5000 { // too few for a difference to show
		return
	}
	b.table.row("store per open chat, bytes", storePerChat, nothing)
	if busy.chats > 1 {
		b.table.row("memory of the process per further open chat, bytes", perChat, nothing)
	}
}

// fullLoad measures the highest rate of answers and the cost of one answer. It returns the floor's rate.
func (b *bench) fullLoad(chats int) (float64, error) {
	say("full load, %s", grouped(chats))
	var rate, cpu, redis, p50, p99, accept50, accept99, calls series
	for round := range b.rounds {
		for i := range b.table.columns {
			kind := b.table.columns[(i+round)%len(b.table.columns)] // so that no subject always goes first
			pid := b.running[kind].cmd.Process.Pid
			var used, redisUsed []time.Duration
			l, err := b.crowd.closed(kind, chats, b.options.running, b.round, func() {
				used = append(used, cpuTime(pid))
				if kind == withRedis {
					redisUsed = append(redisUsed, cpuTime(b.redis.cmd.Process.Pid))
				}
			})
			if err != nil {
				return 0, fmt.Errorf("%s: %w", subjectNames[kind], err)
			}
			n := float64(l.answers)
			rate.add(kind, l.perSecond())
			cpu.add(kind, 1000*ms(used[1]-used[0])/n)
			if kind == withRedis {
				redis.add(kind, 1000*ms(redisUsed[1]-redisUsed[0])/n)
			}
			p50.add(kind, ms(quantile(l.replies, 0.5)))
			p99.add(kind, ms(quantile(l.replies, 0.99)))
			if kind != theFloor { // the floor answers the webhook after the chat
				accept50.add(kind, ms(quantile(l.accepts, 0.5)))
				accept99.add(kind, ms(quantile(l.accepts, 0.99)))
			}
			calls.add(kind, float64(l.calls)/n)
		}
	}
	b.table.row("full load: answers/s", rate, ratio)
	b.table.row("full load: CPU per answer, µs", cpu, ratio)
	if b.redis != nil {
		b.table.row("full load: CPU of Redis per answer, µs", redis, nothing)
	}
	b.table.row("full load: reply p50, ms", p50, added)
	b.table.row("full load: reply p99, ms", p99, added)
	b.table.row("full load: webhook to 2xx p50, ms", accept50, nothing)
	b.table.row("full load: webhook to 2xx p99, ms", accept99, nothing)
	b.table.row("full load: API calls per answer", calls, nothing)
	return median(rate[theFloor]), nil
}

// latencies measures replies at a steady rate. If together is set, the subjects alternate message by message, otherwise round by round.
func (b *bench) latencies(ctx context.Context, name string, chats int, rate float64, together bool) error {
	name = fmt.Sprintf("%s load, %s/s", name, number(rate))
	say("%s, %s", name, grouped(chats))
	var p50, p99, accept50, accept99 series
	for range b.rounds {
		var loads [subjects]load
		groups := [][]int{b.table.columns}
		if !together {
			groups = nil
			for _, kind := range b.table.columns {
				groups = append(groups, []int{kind})
			}
		}
		for _, group := range groups {
			some, err := b.crowd.paced(ctx, group, chats, rate, b.round)
			if err != nil {
				return err
			}
			for _, kind := range group {
				loads[kind] = some[kind]
			}
		}
		for _, kind := range b.table.columns {
			l := loads[kind]
			p50.add(kind, ms(quantile(l.replies, 0.5)))
			p99.add(kind, ms(quantile(l.replies, 0.99)))
			if kind != theFloor {
				accept50.add(kind, ms(quantile(l.accepts, 0.5)))
				accept99.add(kind, ms(quantile(l.accepts, 0.99)))
			}
		}
	}
	b.table.row(name+": reply p50, ms", p50, added)
	b.table.row(name+": reply p99, ms", p99, added)
	b.table.row(name+": webhook to 2xx p50, ms", accept50, nothing)
	b.table.row(name+": webhook to 2xx p99, ms", accept99, nothing)
	return nil
}

// restart measures a start with a store that holds all the chats, and the memory after it.
func (b *bench) restart(ctx context.Context) error {
	say("starts with a full store")
	var took, mem series
	for _, kind := range b.table.columns {
		for range b.rounds {
			s := b.running[kind]
			if err := s.stop(); err != nil {
				return err
			}
			d, err := s.start(ctx)
			if err != nil {
				return err
			}
			took.add(kind, ms(d))
			mem.add(kind, float64(memory(s.cmd.Process.Pid))/1e6)
		}
	}
	b.table.row("start, ms: exec to ready", took, nothing)
	b.table.row("memory of the process after a start, MB", mem, nothing)
	return b.stop()
}
