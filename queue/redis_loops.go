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

// read fetches wake-ups from the streams of some partitions while workers wait, and no more than there are workers for.
func (q *Redis) read(parts []int) {
	backlog, start := true, 0
	for q.demanded() {
		var err error
		if backlog {
			start++
			backlog, err = q.fetch(parts, start%len(parts))
		} else {
			backlog, err = q.await(parts)
		}
		switch {
		case err == nil:
			q.fine("reading")
		case strings.Contains(err.Error(), "NOGROUP"):
			if !q.restore(parts) {
				return
			}
		default:
			q.failing("reading", err)
			if !q.sleep(500 * time.Millisecond) {
				return
			}
		}
	}
}

// demanded waits until workers are free. It returns false when the queue is closed first.
func (q *Redis) demanded() bool {
	for {
		select {
		case <-q.stop:
			return false
		default:
		}
		if q.found.demand() > 0 {
			signal(q.found.wanted) // the other readers are asked, too
			return true
		}
		select {
		case <-q.found.wanted:
		case <-q.stop:
			return false
		}
	}
}

// fetch takes as many wake-ups as workers are free, at most. It reports whether there may be more.
func (q *Redis) fetch(parts []int, start int) (more bool, err error) {
	share := max(1, q.found.demand()*len(parts)/partitions) // other readers shall not have to wait for this one
	free := q.found.reserve(share)
	defer q.found.release(free)
	if free == 0 {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/2)
	defer cancel()
	keys := make([]string, len(parts))
	for i, p := range parts {
		keys[i] = q.ready(p)
	}
	found, err := readScript.run(ctx, q.client, keys, readArgs{consumer: q.consumer, most: free, start: start}).StringSlice()
	if err != nil {
		return true, err
	}
	for i := 0; i+1 < len(found); i += 2 {
		q.arrive(found[i], found[i+1], 1)
	}
	return len(found)/2 == free, nil
}

// await waits for the next wake-ups, when there have been no more than workers. One read cannot be told how many to take of all streams, and
// workers are not reserved meanwhile, since Put may have a lane for them. So there may be more wake-ups than free workers: these are given
// back. It reports whether there were.
func (q *Redis) await(parts []int) (more bool, err error) {
	streams := make([]string, 2*len(parts))
	for i, p := range parts {
		streams[i], streams[len(parts)+i] = q.ready(p), ">"
	}
	// Cancelling a context would not end the wait in Redis. It ends by itself.
	got, err := q.client.XReadGroup(context.Background(), &redis.XReadGroupArgs{
		Group: group, Consumer: q.consumer, Streams: streams, Count: int64(max(1, q.found.demand()/partitions)), Block: q.opts.Block,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, err
	}
	for _, s := range got {
		for _, m := range s.Messages {
			lane, _ := m.Values["lane"].(string)
			if free := q.found.reserve(1); free > 0 {
				q.arrive(m.ID, lane, 1)
				q.found.release(free)
				continue
			}
			more = true
			ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/2)
			_ = q.giveBack(ctx, &entry{id: m.ID, lane: lane, deliveries: 1}, "", pauseArgs{act: "now", abandoned: notClaimed})
			cancel() // if this fails it is taken over when the lease expires
		}
	}
	return more, nil
}

// restore makes the groups anew after Redis came back without its data, without which nobody is given a lane. By then all leases of before
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

// takeover looks for wake-ups whose lease has expired, while there are workers to take them.
func (q *Redis) takeover() {
	for start := 0; q.sleep(q.opts.Lease / 4); start++ {
		if q.found.demand() <= 0 {
			continue
		}
		expired, err := q.expired()
		if err != nil {
			q.failing("taking over", err)
		} else {
			q.fine("taking over")
		}
		for i := range partitions {
			if p := (start + i) % partitions; expired[p] {
				q.takeoverIn(p)
			}
		}
	}
}

// expired reports in which partitions leases have expired. With an error it knows only some of them, as when a node of a Cluster is away.
func (q *Redis) expired() (in [partitions]bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/2)
	defer cancel()
	cmds := make([]*redis.XPendingExtCmd, partitions)
	_, err = q.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for p := range partitions {
			cmds[p] = pipe.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: q.ready(p), Group: group, Idle: q.opts.Lease, Start: "-", End: "+", Count: 1})
		}
		return nil
	})
	if err != nil && strings.Contains(err.Error(), "NOGROUP") { // the readers deal with it
		err = nil
	}
	for p, cmd := range cmds {
		in[p] = len(cmd.Val()) > 0
	}
	return in, err
}

// takeoverIn takes over expired leases of one partition, as many as workers are free.
func (q *Redis) takeoverIn(p int) {
	free := q.found.reserve(q.found.demand())
	if free == 0 {
		return
	}
	defer q.found.release(free)
	ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease/2)
	defer cancel()
	args := takeoverArgs{consumer: q.consumer, idle: q.opts.Lease.Milliseconds(), most: free}
	found, err := takeoverScript.run(ctx, q.client, []string{q.ready(p)}, args).Slice()
	if err != nil {
		q.failing("taking over", err)
		return
	}
	for i := 0; i+2 < len(found); i += 3 {
		id, _ := found[i].(string)
		lane, _ := found[i+1].(string)
		deliveries, _ := found[i+2].(int64)
		q.opts.Log.Warn("lane taken over", "lane", lane, "deliveries", deliveries)
		q.arrive(id, lane, deliveries)
	}
}

// removeDead removes the consumers of processes that ended without a Close. One that lives is added again when it reads.
func (q *Redis) removeDead() {
	for q.sleep(5 * q.opts.Lease) {
		ctx, cancel := context.WithTimeout(context.Background(), q.opts.Lease)
		args := removeArgs{consumer: q.consumer, idle: (20 * q.opts.Lease).Milliseconds()}
		_ = q.eachPartition(func(p int) error { // what fails can wait
			return removeScript.run(ctx, q.client, []string{q.ready(p)}, args).Err()
		})
		cancel()
	}
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
	if err != nil { // some may have been answered, as when a node of a Cluster is away
		q.failing("looking for lanes that are due", err)
	} else {
		q.fine("looking for lanes that are due")
	}
	wait := longestWait
	due := make([][]string, partitions)
	for p, c := range cmds {
		got, _ := c.Slice()
		if len(got) == 0 {
			continue
		}
		if ms, _ := got[0].(int64); ms >= 0 {
			wait = min(wait, time.Duration(ms+1)*time.Millisecond)
		}
		for _, v := range got[1:] {
			lane, _ := v.(string)
			due[p] = append(due[p], lane)
		}
		if len(due[p]) == most {
			wait = 0
		}
	}
	err = q.eachPartition(func(p int) error {
		if len(due[p]) == 0 {
			return nil
		}
		return q.wake(ctx, p, due[p], "due", q.opts.Keys.part(p, "later"))
	})
	if err != nil {
		q.failing("waking a lane", err)
		return longestWait
	}
	q.fine("waking a lane")
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
