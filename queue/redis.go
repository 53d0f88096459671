package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const group = "g"

// RedisOptions are the settings of a queue in Redis. The zero value of each means its default.
type RedisOptions struct {
	Keys  Keys          // names; default prefix "giosgbot"
	TTL   time.Duration // how long finished ids and memos are remembered after the last step in a lane; default 48 h
	Lease time.Duration // a worker that is silent for this long has lost its lanes; default 5 s
	Rest  time.Duration // how much longer than a lease to wait when Redis has lost its data; default 2 s
	Block time.Duration // how long one read waits for work; a closing queue waits for it; default 1 s
	Turns int           // items that one lane may have worked on in a row before others go first; default 16
	Log   *slog.Logger  // default: none

	OnLoss func() // is called when Redis has come back without its data; may be nil
}

// Redis is a queue for many processes. A lane's wake-up is an entry of a stream, and the pending list of the stream's consumer
// group is the table of leases: an entry is ours while it is pending for our consumer name with the delivery count that we saw.
type Redis struct {
	client   redis.UniversalClient
	opts     RedisOptions
	consumer string
	work     *inbox[*Lease] // lanes in our hands that no worker has yet; unclaimed ones have no item

	stop    chan struct{}
	once    sync.Once
	loops   sync.WaitGroup
	hurry   chan time.Duration // a lane was paused for this long: look again by then
	trouble sync.Map           // what is failing now, so that it is logged once
	writes  proof

	mu   sync.Mutex
	held map[*entry]struct{} // guarded by mu
}

// entry is a wake-up in our hands.
type entry struct {
	q     *Redis
	id    string
	count int64
	lane  string
	turns int

	mu    sync.Mutex
	until time.Time // guarded by mu
}

// NewRedis starts a queue on a client, which the caller closes after the queue.
//
// It fails when Redis does not answer, or when it may evict keys: a lane that Redis forgets is a visitor without an answer.
func NewRedis(ctx context.Context, client redis.UniversalClient, o RedisOptions) (*Redis, error) {
	o.Keys.Prefix = or(o.Keys.Prefix, "giosgbot")
	o.TTL = or(o.TTL, 48*time.Hour)
	o.Lease = or(o.Lease, 5*time.Second)
	o.Rest = or(o.Rest, 2*time.Second)
	o.Block = or(o.Block, time.Second)
	o.Turns = or(o.Turns, 16)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	host, _ := os.Hostname()
	q := &Redis{
		client:   client,
		opts:     o,
		consumer: fmt.Sprintf("%s-%d-%s", host, os.Getpid(), uuid.NewString()[:8]),
		work:     newInbox[*Lease](),
		stop:     make(chan struct{}),
		hurry:    make(chan time.Duration, 64),
		held:     map[*entry]struct{}{},
	}
	if err := q.prepare(ctx); err != nil {
		return nil, err
	}
	if _, cluster := client.(*redis.ClusterClient); cluster {
		for p := range partitions {
			q.loops.Go(func() { q.read([]int{p}) }) // one read cannot span slots
		}
	} else {
		all := make([]int, partitions)
		for p := range all {
			all[p] = p
		}
		q.loops.Go(func() { q.read(all) })
	}
	q.loops.Go(q.keep)
	q.loops.Go(q.takeover)
	q.loops.Go(q.promote)
	return q, nil
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// prepare makes the consumer groups and checks that Redis keeps what it is given.
func (q *Redis) prepare(ctx context.Context) error {
	for p := range partitions {
		if _, err := q.regroup(ctx, p, "start"); err != nil {
			return fmt.Errorf("queue: preparing redis: %w", err)
		}
	}
	return q.keeps(ctx)
}

// keeps checks that Redis does not throw away what it was given.
func (q *Redis) keeps(ctx context.Context) error {
	// Managed Redis may refuse CONFIG; then its own documentation has to be trusted.
	policy, err := q.client.ConfigGet(ctx, "maxmemory-policy").Result()
	if err == nil && policy["maxmemory-policy"] != "" && policy["maxmemory-policy"] != "noeviction" {
		return fmt.Errorf("queue: redis may evict keys (maxmemory-policy is %s): set it to noeviction, or visitors are forgotten", policy["maxmemory-policy"])
	}
	return nil
}

// regroup makes a partition's group if it is missing and nobody can be at work any more who had it. It returns how long that takes.
func (q *Redis) regroup(ctx context.Context, p int, when string) (time.Duration, error) {
	rest := q.opts.Lease + q.opts.Rest
	ms, err := groupScript.Run(ctx, q.client, []string{q.ready(p), q.opts.Keys.part(p, "lost")}, rest.Milliseconds(), when).Int64()
	return time.Duration(ms) * time.Millisecond, err
}

func (q *Redis) ready(p int) string { return q.opts.Keys.part(p, "ready") }

func (q *Redis) ttl() int64 { return q.opts.TTL.Milliseconds() }

// Put implements Queue.
func (q *Redis) Put(ctx context.Context, it Item) error {
	// A free worker of ours can have the lane at once, which saves the way by the readers.
	taker := ""
	if q.work.reserve() {
		defer q.work.unreserve()
		taker = q.consumer
	}
	start := time.Now()
	answer, err := putScript.Run(ctx, q.client, q.opts.Keys.all(it.Lane),
		member(it), it.At.UnixMilli(), it.Body, q.ttl(), it.Lane, it.From, taker).Slice()
	if err != nil {
		q.writes.note(err)
		return fmt.Errorf("queue: keeping an item: %w", err)
	}
	if len(answer) == 0 {
		return nil
	}
	id, _ := answer[0].(string)
	lane, _ := answer[1].(string)
	if len(answer) == 2 { // of another lane, which has waited longer
		q.arrive(id, lane, 1)
	} else if l, ok := q.leased(&entry{q: q, id: id, lane: lane, count: 1}, answer[2:], start); ok {
		q.work.put(l)
	}
	return nil
}

func member(it Item) string {
	if it.Via == "" {
		return it.ID
	}
	return it.ID + "|" + it.Via
}

// Lease implements Queue.
func (q *Redis) Lease(ctx context.Context) (*Lease, error) {
	for {
		l, err := q.work.take(ctx, q.stop)
		if err != nil {
			return nil, err
		}
		if l.Attempt > 0 {
			return l, nil
		}
		e := l.entry.(*entry)
		start := time.Now()
		answer, err := q.claim(ctx, e)
		if err != nil {
			q.release(e) // nobody renews it any more, so it is taken over when the lease is out
			q.failing("claiming a lane", err)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			continue
		}
		q.fine("claiming a lane")
		if l, ok := q.leased(e, answer, start); ok {
			return l, nil
		}
	}
}

// claim asks for the lane's first item. A caller who gives up meanwhile must not leave the lane half taken.
func (q *Redis) claim(ctx context.Context, e *entry) ([]any, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.opts.Lease/2)
	defer cancel()
	return claimScript.Run(ctx, q.client, q.opts.Keys.all(e.lane), e.id, q.consumer, e.count, q.ttl()).Slice()
}

// leased reads what head answered. Without an item the wake-up is no longer ours.
func (q *Redis) leased(e *entry, answer []any, start time.Time) (*Lease, bool) {
	if len(answer) < 8 || answer[0] != "item" {
		q.release(e)
		return nil, false
	}
	text := func(i int) string { s, _ := answer[i].(string); return s }
	number := func(i int) int64 {
		if n, ok := answer[i].(int64); ok {
			return n
		}
		n, _ := strconv.ParseFloat(text(i), 64)
		return int64(n)
	}
	e.extend(start.Add(q.opts.Lease))
	q.hold(e) // it may have been given up as too late meanwhile
	id, via, _ := strings.Cut(text(1), "|")
	l := &Lease{
		Item:      Item{Lane: e.lane, ID: id, Via: via, At: time.UnixMilli(number(2)), Body: []byte(text(3))},
		Attempt:   int(number(5)),
		Abandoned: number(6) == 1,
		Since:     time.UnixMilli(number(7)),
		held:      q,
		entry:     e,
	}
	if l.Abandoned {
		l.Cut = start
	}
	if m := text(4); m != "" {
		l.Memo = []byte(m)
	}
	return l, true
}

func (e *entry) extend(t time.Time) {
	e.mu.Lock()
	e.until = t
	e.mu.Unlock()
}

// renewed extends the lease of a claimed lane, unless it has run out: its worker may have seen that and gone, so nobody may bring it back.
func (e *entry) renewed(t time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.until.IsZero() { // not claimed yet
		return true
	}
	if time.Now().After(e.until) {
		return false
	}
	e.until = t
	return true
}

func (q *Redis) until(l *Lease) time.Time {
	e := l.entry.(*entry)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.until
}

func (q *Redis) hold(e *entry) {
	q.mu.Lock()
	q.held[e] = struct{}{}
	q.mu.Unlock()
}

func (q *Redis) release(e *entry) {
	q.mu.Lock()
	delete(q.held, e)
	q.mu.Unlock()
}

func (q *Redis) done(ctx context.Context, l *Lease, o Outcome) error {
	e := l.entry.(*entry)
	e.turns++
	if e.turns >= q.opts.Turns {
		return q.finish(ctx, l, "yield", "", o)
	}
	return q.finish(ctx, l, "next", "", o)
}

func (q *Redis) bury(ctx context.Context, l *Lease, reason string, o Outcome) error {
	o.Finished, o.Fate = append(o.Finished[:len(o.Finished):len(o.Finished)], l.ID), SetAside
	return q.finish(ctx, l, "bury", reason, o)
}

func (q *Redis) finish(ctx context.Context, l *Lease, step, reason string, o Outcome) error {
	e := l.entry.(*entry)
	args := []any{e.id, q.consumer, e.count, q.ttl(), step, l.Lane, member(l.Item), o.Memo, flag(o.Memo != nil), reason, l.Attempt, stays(l, o), o.Fate}
	for _, id := range o.Finished {
		args = append(args, id)
	}
	start := time.Now()
	answer, err := finishScript.Run(ctx, q.client, q.opts.Keys.all(l.Lane), args...).Slice()
	if err != nil {
		q.release(e)
		return fmt.Errorf("queue: finishing an item: %w", err)
	}
	if answer[0] == "lost" {
		q.release(e)
		return ErrLost
	}
	if next, ok := q.leased(e, answer, start); ok {
		q.work.put(next)
	}
	return nil
}

// stays is what the next item of the lane inherits of this attempt.
func stays(l *Lease, o Outcome) string {
	switch {
	case !o.Unsettled:
		return ""
	case l.Abandoned:
		return "held"
	}
	return "tries"
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (q *Redis) pause(ctx context.Context, l *Lease, p Pause) error {
	act := "later"
	switch {
	case p.Topic != "":
		act = "park"
	case p.After <= 0:
		act = "now"
	}
	e := l.entry.(*entry)
	return q.rest(ctx, e, p.Topic, p.After, act, p.Untouched, p.Untouched && l.Abandoned)
}

// rest gives a wake-up back. Cut off says that work on it may have been in the middle.
func (q *Redis) rest(ctx context.Context, e *entry, topic string, after time.Duration, act string, untouched, cutoff bool) error {
	defer q.release(e)
	keys := append(q.opts.Keys.all(e.lane), q.opts.Keys.part(partition(e.lane), "parked")+":"+topic)
	answer, err := pauseScript.Run(ctx, q.client, keys,
		e.id, q.consumer, e.count, q.ttl(), e.lane, after.Milliseconds(), act, flag(untouched), flag(cutoff)).Slice()
	if err != nil {
		return fmt.Errorf("queue: pausing a lane: %w", err)
	}
	if answer[0] == "lost" {
		return ErrLost
	}
	select {
	case q.hurry <- after:
	default: // the loop looks every second anyway
	}
	return nil
}

// Wake implements Queue.
func (q *Redis) Wake(ctx context.Context, topic string) error {
	var errs []error
	sets := make([]*redis.StringSliceCmd, partitions)
	_, err := q.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for p := range partitions {
			sets[p] = pipe.SMembers(ctx, q.opts.Keys.part(p, "parked")+":"+topic)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("queue: waking lanes: %w", err)
	}
	for p, set := range sets {
		for _, lane := range set.Val() {
			// Out of the set first: a lane that parks again meanwhile stands in it again.
			if err := q.client.SRem(ctx, q.opts.Keys.part(p, "parked")+":"+topic, lane).Err(); err != nil {
				errs = append(errs, err)
				continue
			}
			errs = append(errs, q.wakeLane(ctx, lane, "topic"))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("queue: waking lanes: %w", err)
	}
	return nil
}

func (q *Redis) wakeLane(ctx context.Context, lane, why string) error {
	return wakeScript.Run(ctx, q.client, q.opts.Keys.all(lane), lane, why).Err()
}

// Ping implements Queue. A Redis that is full, is read-only, has too few standbys or cannot save answers all the same, so something is
// written, in every partition, since nodes of a Cluster have troubles of their own.
func (q *Redis) Ping(ctx context.Context) error {
	if q.writes.still() {
		return q.client.Ping(ctx).Err()
	}
	_, err := q.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for p := range partitions {
			pipe.Set(ctx, q.opts.Keys.part(p, "probe"), 1, 10*time.Second)
		}
		return nil
	})
	q.writes.note(err)
	return err
}
