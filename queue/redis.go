package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const group = "g"

// RedisOptions are the settings of a queue in Redis. The zero value of each means its default.
type RedisOptions struct {
	Keys  Keys          // names; default prefix "giosgbot"
	TTL   time.Duration // how long finished ids and memos are remembered after the last change of a lane; default 48 h
	Lease time.Duration // a lease that is not renewed for this long expires; default 5 s
	Rest  time.Duration // how much longer than a lease to wait before work begins when Redis has lost its data; default 2 s
	Block time.Duration // how long one read waits for work; a closing queue waits for it; default 1 s
	Turns int           // items that one lane may have worked on in a row before other lanes go first; default 16
	Log   *slog.Logger  // default: none

	OnLoss     func() // is called when Redis has come back without its data; may be nil
	OnFailover func() // is called when another server has become the primary, which may lack the last writes; nil: OnLoss is called
}

// Redis is a queue for many processes. A lane's wake-up is an entry of a stream, and the pending list of the stream's consumer group is
// the table of leases: an entry is ours while it is pending for our consumer name with the delivery count that we saw.
type Redis struct {
	client   redis.UniversalClient
	opts     RedisOptions
	consumer string
	found    *inbox[found] // lanes that are ours and that no worker has yet

	stop    chan struct{}
	once    sync.Once
	loops   sync.WaitGroup
	hurry   chan time.Duration // a lane was paused for this long: look for due lanes by then
	trouble sync.Map           // what is failing now, so that it is logged once
	writes  proof
	warning atomic.Value // string

	primaries   []atomic.Pointer[primary] // one, or in a Cluster one for each partition
	identifying chan struct{}             // has one place
	moved       chan struct{}             // a token: a script found another primary
	failedOver  chan struct{}             // a token: there was a failover

	mu      sync.Mutex
	ours    map[*entry]struct{} // guarded by mu
	suspect *entry              // the one lane that is worked on although it crashed more than once in a row; guarded by mu
}

// found is a wake-up that is ours, with the lease if the lane is claimed already.
type found struct {
	entry *entry
	lease *Lease // nil: not claimed yet
}

// entry is a wake-up that is pending for us.
type entry struct {
	id         string
	deliveries int64
	lane       string
	turns      int

	mu    sync.Mutex
	until time.Time // guarded by mu; zero: not claimed yet
}

// NewRedis starts a queue on a client, which the caller closes after the queue.
//
// It fails when Redis does not answer, and when Redis may evict keys, because a visitor whose lane is evicted gets no answer.
func NewRedis(ctx context.Context, client redis.UniversalClient, o RedisOptions) (*Redis, error) {
	o.Keys.Prefix = or(o.Keys.Prefix, "giosgbot")
	o.TTL = or(o.TTL, 48*time.Hour)
	o.Lease = or(o.Lease, 5*time.Second)
	o.Rest = or(o.Rest, 2*time.Second)
	o.Block = or(o.Block, time.Second)
	o.Turns = or(o.Turns, 16)
	if o.OnFailover == nil {
		o.OnFailover = o.OnLoss
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	host, _ := os.Hostname()
	q := &Redis{
		client:   client,
		opts:     o,
		consumer: fmt.Sprintf("%s-%d-%s", host, os.Getpid(), uuid.NewString()[:8]),
		found:    newInbox[found](),
		stop:     make(chan struct{}),
		hurry:    make(chan time.Duration, 64),
		ours:     map[*entry]struct{}{},

		primaries:   make([]atomic.Pointer[primary], 1),
		identifying: make(chan struct{}, 1),
		moved:       make(chan struct{}, 1),
		failedOver:  make(chan struct{}, 1),
	}
	_, cluster := client.(*redis.ClusterClient)
	if cluster {
		q.primaries = make([]atomic.Pointer[primary], partitions)
	}
	if err := q.prepare(ctx); err != nil {
		return nil, err
	}
	if cluster {
		for p := range partitions {
			q.loops.Go(func() { q.read([]int{p}) }) // one read cannot span slots
		}
	} else {
		q.loops.Go(func() { q.read(allPartitions) })
	}
	q.loops.Go(q.renewAll)
	q.loops.Go(q.takeover)
	q.loops.Go(q.promote)
	q.loops.Go(q.removeDead)
	q.loops.Go(q.watchPrimary)
	return q, nil
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// prepare makes the consumer groups and checks that Redis does not evict keys.
func (q *Redis) prepare(ctx context.Context) error {
	if err := q.identify(ctx); err != nil {
		return fmt.Errorf("queue: preparing redis: %w", err)
	}
	for p := range partitions {
		if _, err := q.regroup(ctx, p, "start"); err != nil {
			return fmt.Errorf("queue: preparing redis: %w", err)
		}
	}
	q.inspect(ctx)
	return q.checkEviction(ctx)
}

// checkEviction returns an error if Redis may evict keys.
func (q *Redis) checkEviction(ctx context.Context) error {
	// A managed Redis may refuse CONFIG. Then nothing can be checked.
	policy, err := q.client.ConfigGet(ctx, "maxmemory-policy").Result()
	if err == nil && policy["maxmemory-policy"] != "" && policy["maxmemory-policy"] != "noeviction" {
		return fmt.Errorf("queue: redis may evict keys (maxmemory-policy is %s): set it to noeviction, or events are lost", policy["maxmemory-policy"])
	}
	return nil
}

// regroup makes a partition's group if it is missing and nobody can be at work any more who had it. It returns how long to wait for that.
func (q *Redis) regroup(ctx context.Context, p int, reason string) (time.Duration, error) {
	wait := q.opts.Lease + q.opts.Rest
	keys := []string{q.ready(p), q.opts.Keys.part(p, "lost")}
	ms, err := groupScript.run(ctx, q.client, keys, groupArgs{wait: wait.Milliseconds(), reason: reason}).Int64()
	return time.Duration(ms) * time.Millisecond, err
}

func (q *Redis) ready(p int) string { return q.opts.Keys.part(p, "ready") }

func (q *Redis) ttl() int64 { return q.opts.TTL.Milliseconds() }

// Put implements Queue.
func (q *Redis) Put(ctx context.Context, it Item) error {
	args := putArgs{
		member: member(it), time: it.At.UnixMilli(), body: it.Body, ttl: q.ttl(), lane: it.Lane, source: it.From,
	}
	// A free worker of ours can have the lane at once, without waiting for a reader.
	free := q.found.reserve(1)
	defer q.found.release(free)
	if free > 0 {
		args.taker = q.consumer
	}
	start := time.Now()
	answer, err := q.fenced(ctx, it.Lane, func(p *primary) *redis.Script { return p.put }, args)
	if err != nil {
		q.writes.note(err)
		return fmt.Errorf("queue: keeping an item: %w", err)
	}
	if len(answer) < 2 { // kept, and there is nothing to lease
		return nil
	}
	id, _ := answer[0].(string)
	lane, _ := answer[1].(string)
	if len(answer) == 2 { // another lane, which has waited longer
		q.arrive(id, lane, 1)
	} else if l, ok := q.leased(&entry{id: id, lane: lane, deliveries: 1}, answer[2:], start); ok {
		q.found.put(found{l.entry.(*entry), l})
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
		f, err := q.found.take(ctx, q.stop)
		if err != nil {
			return nil, err
		}
		l := f.lease
		if l == nil {
			start := time.Now()
			answer, err := q.claim(ctx, f.entry)
			if err != nil {
				q.release(f.entry) // nobody renews it any more, so it is taken over when the lease expires
				q.failing("claiming a lane", err)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				continue
			}
			q.fine("claiming a lane")
			l, _ = q.leased(f.entry, answer, start)
		}
		if l != nil && q.mayCrash(ctx, l) {
			return l, nil
		}
	}
}

// mayCrash reports whether a lane may be worked on that crashed more than once in a row. This process works on one of these at a time: if
// an event kills it, the lanes that were leased at the same time must not look as if theirs did. Such a lane is given back for a moment.
func (q *Redis) mayCrash(ctx context.Context, l *Lease) bool {
	if l.Crashes < suspicious {
		return true
	}
	e := l.entry.(*entry)
	q.mu.Lock()
	if free := q.suspect == nil; free || q.suspect == e {
		q.suspect = e
		q.mu.Unlock()
		return true
	}
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.opts.Lease/2)
	defer cancel()
	args := pauseArgs{act: "later", delay: (q.opts.Lease / 10).Milliseconds(), untouched: true, abandoned: notHandedOut}
	if err := q.giveBack(ctx, e, "", args); err != nil && !errors.Is(err, ErrLost) {
		q.failing("giving a lane back", err)
	}
	return false
}

// claim asks for the lane's first item. It does not stop when ctx ends, so that no lane is left half taken.
func (q *Redis) claim(ctx context.Context, e *entry) ([]any, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.opts.Lease/2)
	defer cancel()
	for try := 1; ; try++ {
		args := claimArgs{q.wakeUp(e)}
		answer, err := q.fenced(ctx, e.lane, func(p *primary) *redis.Script { return p.claim }, args)
		if err != nil || answer[0] != "moved" || try == 3 {
			return answer, err
		}
		if err := q.identify(ctx, q.primaryOf(e.lane)); err != nil {
			return nil, err
		}
	}
}

func (q *Redis) wakeUp(e *entry) wakeUp {
	return wakeUp{entry: e.id, consumer: q.consumer, deliveries: e.deliveries, ttl: q.ttl()}
}

// leased reads what the Lua function head answered. Without an item the wake-up is no longer ours.
func (q *Redis) leased(e *entry, answer []any, start time.Time) (*Lease, bool) {
	if len(answer) < 11 || answer[0] != "item" {
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
	q.hold(e) // a renewal that came too late may have released it meanwhile
	id, via, _ := strings.Cut(text(1), "|")
	l := &Lease{
		Item:      Item{Lane: e.lane, ID: id, Via: via, At: time.UnixMilli(number(2)), Body: []byte(text(3))},
		Attempt:   int(number(5)),
		Abandoned: number(6) == 1,
		Since:     time.UnixMilli(number(7)),
		Crashes:   int(number(10)),
		store:     q,
		entry:     e,
	}
	if l.Abandoned {
		l.Cut = start
	}
	if known, ok := answer[9].(int64); ok {
		l.Cut = later(l.Cut, q.leasesEnded(start, known))
	}
	if m := text(4); m != "" {
		l.Memo = []byte(m)
	}
	if pin, ok := answer[8].(string); ok {
		l.Pinned = []byte(pin)
	}
	return l, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (e *entry) extend(t time.Time) {
	e.mu.Lock()
	e.until = t
	e.mu.Unlock()
}

// renewed extends the lease of a claimed lane, unless it has expired: its worker may have seen that and stopped, so it stays ended.
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
	q.ours[e] = struct{}{}
	q.mu.Unlock()
}

func (q *Redis) release(e *entry) {
	q.mu.Lock()
	delete(q.ours, e)
	if q.suspect == e {
		q.suspect = nil
	}
	q.mu.Unlock()
}

func (q *Redis) keep(ctx context.Context, l *Lease, pinned []byte) error {
	e := l.entry.(*entry)
	kept, err := keepScript.run(ctx, q.client, q.opts.Keys.all(l.Lane), keepArgs{wakeUp: q.wakeUp(e), pin: pinned}).Bool()
	if err != nil {
		return fmt.Errorf("queue: pinning a result: %w", err)
	}
	if !kept {
		q.release(e)
		return ErrLost
	}
	return nil
}

func (q *Redis) done(ctx context.Context, l *Lease, o Outcome) error {
	e := l.entry.(*entry)
	e.turns++
	if e.turns >= q.opts.Turns {
		return q.finish(ctx, l, otherLane, "", o)
	}
	return q.finish(ctx, l, nextItem, "", o)
}

func (q *Redis) bury(ctx context.Context, l *Lease, reason string, o Outcome) error {
	o.Fate = SetAside
	return q.finish(ctx, l, giveUp, reason, o)
}

func (q *Redis) finish(ctx context.Context, l *Lease, n next, reason string, o Outcome) error {
	e := l.entry.(*entry)
	args := finishArgs{
		wakeUp: q.wakeUp(e), next: n, lane: l.Lane, member: member(l.Item), memo: o.Memo, hasMemo: o.Memo != nil,
		fate: o.Fate, inherit: inherited(l, o), reason: reason, attempts: l.Attempt, finished: o.Finished,
	}
	start := time.Now()
	answer, err := q.fenced(ctx, l.Lane, func(p *primary) *redis.Script { return p.finish }, args)
	if err != nil {
		q.release(e)
		return fmt.Errorf("queue: finishing an item: %w", err)
	}
	if answer[0] == "lost" {
		q.release(e)
		return ErrLost
	}
	if next, ok := q.leased(e, answer, start); ok {
		q.found.put(found{e, next})
	}
	return nil
}

// inherited returns what the next item of the lane inherits of this attempt.
func inherited(l *Lease, o Outcome) inherit {
	switch {
	case !o.Unsettled:
		return nothing
	case l.Abandoned:
		return abandoned
	}
	return attempts
}

func (q *Redis) pause(ctx context.Context, l *Lease, p Pause) error {
	args := pauseArgs{delay: p.After.Milliseconds(), act: "later", untouched: p.Untouched}
	if (p.Untouched || p.Unsettled) && l.Abandoned {
		args.abandoned = stillInDoubt
	}
	switch {
	case p.Topic != "":
		args.act = "park"
	case p.After <= 0:
		args.act = "now"
	}
	return q.giveBack(ctx, l.entry.(*entry), p.Topic, args)
}

// giveBack ends our hold on a wake-up.
func (q *Redis) giveBack(ctx context.Context, e *entry, topic string, args pauseArgs) error {
	defer q.release(e)
	args.wakeUp, args.lane = q.wakeUp(e), e.lane
	keys := append(q.opts.Keys.all(e.lane), q.parked(partition(e.lane), topic))
	answer, err := pauseScript.run(ctx, q.client, keys, args).Slice()
	if err != nil {
		return fmt.Errorf("queue: pausing a lane: %w", err)
	}
	if answer[0] == "lost" {
		return ErrLost
	}
	select {
	case q.hurry <- time.Duration(args.delay) * time.Millisecond:
	default: // the loop looks every second anyway
	}
	return nil
}

func (q *Redis) parked(p int, topic string) string {
	return q.opts.Keys.part(p, "parked") + ":" + topic
}

// Wake implements Queue.
func (q *Redis) Wake(ctx context.Context, topic string) error {
	return q.eachPartition(func(p int) error {
		lanes, err := q.client.SMembers(ctx, q.parked(p, topic)).Result()
		if err == nil {
			err = q.wake(ctx, p, lanes, "topic", q.parked(p, topic))
		}
		if err != nil {
			return fmt.Errorf("queue: waking lanes: %w", err)
		}
		return nil
	})
}

// wake ends the pauses of lanes of one partition, many in each step, because Redis may be far away. parked is where they wait for a topic.
func (q *Redis) wake(ctx context.Context, p int, lanes []string, why, parked string) error {
	const most = 100
	for lanes := range slices.Chunk(lanes, most) {
		keys := []string{q.ready(p), q.opts.Keys.part(p, "later"), parked}
		for _, lane := range lanes {
			keys = append(keys, q.opts.Keys.lane(lane, "box"), q.opts.Keys.lane(lane, "state"))
		}
		if err := wakeScript.run(ctx, q.client, keys, wakeArgs{why: why, lanes: lanes}).Err(); err != nil {
			return err
		}
	}
	return nil
}

// eachPartition runs f for all partitions at once.
func (q *Redis) eachPartition(f func(p int) error) error {
	var all sync.WaitGroup
	errs := make([]error, partitions)
	for p := range partitions {
		all.Go(func() { errs[p] = f(p) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Ping implements Queue. A Redis that is full, is read-only, has too few standbys or cannot save still answers, so Ping writes. It writes
// to every partition, since each node of a Cluster can fail by itself.
func (q *Redis) Ping(ctx context.Context) error {
	if q.writes.fresh() {
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
