package queue

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// read fetches wake-ups from the streams of some partitions while workers wait.
func (q *Redis) read(parts []int) {
	streams := make([]string, 2*len(parts))
	at := map[string]int{}
	for i, p := range parts {
		streams[i], streams[len(parts)+i] = q.ready(p), ">"
		at[q.ready(p)] = p
	}
	for {
		want := q.found.demand()
		if want <= 0 {
			select {
			case <-q.found.wanted:
				continue
			case <-q.stop:
				return
			}
		}
		if len(parts) < partitions {
			signal(q.found.wanted) // the other readers are asked too
		}
		// Cancelling a context would not end the wait in Redis. It ends by itself.
		got, err := q.client.XReadGroup(context.Background(), &redis.XReadGroupArgs{
			Group: group, Consumer: q.consumer, Streams: streams, Count: int64(want), Block: q.opts.Block,
		}).Result()
		switch {
		case errors.Is(err, redis.Nil), err == nil:
			q.fine("reading")
		case strings.HasPrefix(err.Error(), "NOGROUP"):
			if !q.restore(parts) {
				return
			}
			continue
		default:
			q.failing("reading", err)
			if !q.sleep(500 * time.Millisecond) {
				return
			}
			continue
		}
		for _, s := range got {
			for _, m := range s.Messages {
				lane, _ := m.Values["lane"].(string)
				q.arrive(m.ID, lane, 1)
			}
		}
		select {
		case <-q.stop:
			return
		default:
		}
	}
}

// restore makes the groups anew after Redis came back without its data. Nobody is given a lane without them. By then all leases of before
// have expired, and the calls that their workers made have taken effect. It returns false when the queue is closed first.
func (q *Redis) restore(parts []int) bool {
	for {
		wait, err := q.regroupAll(parts)
		if err != nil {
			q.failing("preparing redis", err)
			wait = 500 * time.Millisecond
		} else if wait == 0 {
			break
		}
		if !q.sleep(wait) {
			return false
		}
	}
	q.fine("preparing redis")
	q.opts.Log.Error("redis has lost its data: lanes and memos are gone; a sweep finds the visitors who wait")
	if q.opts.OnLoss != nil {
		q.opts.OnLoss()
	}
	return true
}

func (q *Redis) regroupAll(parts []int) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := q.checkEviction(ctx); err != nil {
		return 0, err
	}
	for _, p := range parts {
		w, err := q.regroup(ctx, p, "loss")
		if err != nil {
			return 0, err
		}
		wait = max(wait, w)
	}
	return wait, nil
}

// arrive passes a wake-up that is now pending for us to the next free worker.
func (q *Redis) arrive(id, lane string, deliveries int64) {
	e := &entry{id: id, lane: lane, deliveries: deliveries}
	q.hold(e)
	q.found.put(found{entry: e})
}

// renewAll renews the leases of all wake-ups that are ours, claimed or not.
func (q *Redis) renewAll() {
	for q.sleep(q.opts.Lease / 3) {
		byPart := map[int][]*entry{}
		q.mu.Lock()
		for e := range q.ours {
			p := partition(e.lane)
			byPart[p] = append(byPart[p], e)
		}
		q.mu.Unlock()
		var all sync.WaitGroup
		for p, entries := range byPart {
			all.Go(func() { q.renew(p, entries) }) // all at once: Redis may be far away
		}
		all.Wait()
	}
}

func (q *Redis) renew(p int, entries []*entry) {
	ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/3)
	defer cancel()
	args := touchArgs{consumer: q.consumer}
	for _, e := range entries {
		args.leases = append(args.leases, e.id, strconv.FormatInt(e.deliveries, 10))
	}
	start := time.Now()
	lost, err := touchScript.run(ctx, q.client, []string{q.ready(p)}, args).StringSlice()
	if err != nil {
		q.failing("renewing leases", err)
		return
	}
	q.fine("renewing leases")
	for _, e := range entries {
		if slices.Contains(lost, e.id) || !e.renewed(start.Add(q.opts.Lease)) {
			q.release(e)
		}
	}
}

// takeover looks for wake-ups whose lease has expired, when there are workers to take them.
func (q *Redis) takeover() {
	cursors := make([]string, partitions)
	for p := range cursors {
		cursors[p] = "0-0"
	}
	for q.sleep(q.opts.Lease / 4) {
		var all sync.WaitGroup
		for p := range partitions {
			if want := q.found.demand(); want > 0 {
				all.Go(func() { cursors[p] = q.takeoverIn(p, cursors[p], want) })
			}
		}
		all.Wait()
	}
}

// takeoverIn looks in one partition, and returns the cursor for the next time.
func (q *Redis) takeoverIn(p int, cursor string, want int) string {
	ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/2)
	defer cancel()
	args := takeoverArgs{consumer: q.consumer, idle: q.opts.Lease.Milliseconds(), cursor: cursor, most: want}
	found, err := takeoverScript.run(ctx, q.client, []string{q.ready(p)}, args).Slice()
	if err != nil || len(found) == 0 {
		q.failing("taking over", err)
		return cursor
	}
	q.fine("taking over")
	for i := 1; i+2 < len(found); i += 3 {
		id, _ := found[i].(string)
		lane, _ := found[i+1].(string)
		deliveries, _ := found[i+2].(int64)
		q.opts.Log.Warn("lane taken over", "lane", lane, "deliveries", deliveries)
		q.arrive(id, lane, deliveries)
	}
	next, _ := found[0].(string)
	return next
}

// longestWait is how long lanes that are due are not looked for, at most.
const longestWait = time.Second

// promote makes lanes ready whose pause is over.
func (q *Redis) promote() {
	wait := longestWait
	for {
		t := time.NewTimer(wait)
		select {
		case <-q.stop:
			t.Stop()
			return
		case d := <-q.hurry:
			t.Stop()
			wait = min(wait, max(d, time.Millisecond))
			continue
		case <-t.C:
		}
		wait = q.promoteDue()
	}
}

// promoteDue returns when to look again.
func (q *Redis) promoteDue() time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	const most = 200
	cmds := make([]*redis.Cmd, partitions)
	_, err := q.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for p := range partitions {
			cmds[p] = dueScript.eval(ctx, pipe, []string{q.opts.Keys.part(p, "later")}, dueArgs{most})
		}
		return nil
	})
	if err != nil {
		q.failing("looking for lanes that are due", err)
		return longestWait
	}
	q.fine("looking for lanes that are due")
	wait := longestWait
	for _, c := range cmds {
		got, _ := c.Slice()
		if len(got) == 0 {
			continue
		}
		if ms, _ := got[0].(int64); ms >= 0 {
			wait = min(wait, time.Duration(ms+1)*time.Millisecond)
		}
		for _, v := range got[1:] {
			lane, _ := v.(string)
			if err := q.wakeLane(ctx, lane, "due"); err != nil {
				q.failing("waking a lane", err)
			}
		}
		if len(got)-1 == most {
			wait = 0
		}
	}
	return wait
}

// sleep returns false when the queue is closed first.
func (q *Redis) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-q.stop:
		return false
	}
}

// failing logs trouble with Redis once, when it begins.
func (q *Redis) failing(what string, err error) {
	if _, known := q.trouble.LoadOrStore(what, true); !known {
		q.opts.Log.Warn("redis fails", "while", what, "err", err)
	}
}

func (q *Redis) fine(what string) {
	if _, was := q.trouble.LoadAndDelete(what); was {
		q.opts.Log.Info("redis works again", "while", what)
	}
}

// Close implements Queue. Lanes that workers still have are given back as abandoned, so that another replica goes on at once.
func (q *Redis) Close() error {
	q.once.Do(func() {
		close(q.stop)
		q.loops.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		unseen := map[*entry]pauseArgs{} // by any worker
		for _, f := range q.found.drain() {
			switch {
			case f.lease == nil:
				unseen[f.entry] = pauseArgs{abandoned: notClaimed}
			case f.lease.Abandoned:
				unseen[f.entry] = pauseArgs{abandoned: notHandedOut, untouched: true}
			default:
				unseen[f.entry] = pauseArgs{abandoned: ended, untouched: true}
			}
		}
		q.mu.Lock()
		left := make([]*entry, 0, len(q.ours))
		for e := range q.ours {
			left = append(left, e)
		}
		q.mu.Unlock()
		for _, e := range left {
			args, ok := unseen[e]
			if !ok {
				args.abandoned = stillInDoubt
			}
			args.act = "now"
			_ = q.giveBack(ctx, e, "", args) // if this fails it is taken over when the lease expires
		}
		for p := range partitions {
			// A consumer with nothing pending is only a name; with something pending it must stay.
			if n, err := q.client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: q.ready(p), Group: group, Start: "-", End: "+", Count: 1, Consumer: q.consumer}).Result(); err == nil && len(n) == 0 {
				q.client.XGroupDelConsumer(ctx, q.ready(p), group, q.consumer)
			}
		}
	})
	return nil
}
