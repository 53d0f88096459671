package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// The file holds what a restart must find again. Which lanes are leased, and what lanes wait for, is in memory.
var (
	itemsBucket = []byte("queue.items") // lane\0member → item time (8 bytes, ms) and body
	memosBucket = []byte("queue.memos") // lane → expiry (8 bytes, ms) and memo
	pinsBucket  = []byte("queue.pins")  // lane → expiry and pinned bytes; lane\0member → expiry and the mark of a retried dead letter
	deadBucket  = []byte("queue.dead")  // sequence number → storedDead
	probeBucket = []byte("queue.probe") // what Ping writes
	tallyBucket = []byte("queue.tally") // in:FROM and out:FATE → items (8 bytes)
)

// Ledger is the set of finished ids in the same file, so that it changes in the same transaction. dedupe.Bolt is one.
type Ledger interface {
	SeenTx(tx *bbolt.Tx, lane, id string) bool
	AddTx(tx *bbolt.Tx, lane string, ids ...string) error
	RemoveTx(tx *bbolt.Tx, lane, id string) error
}

// BoltOptions are the settings of a queue in a file. The zero value of each means its default.
type BoltOptions struct {
	TTL time.Duration    // how long memos are remembered after the last change of a lane; default 48 h
	Now func() time.Time // the clock of expiry; default time.Now
	Log *slog.Logger     // default: none
}

// Bolt is a queue for one process, in a bbolt file: what Put accepted is on disk when it returns.
type Bolt struct {
	db     *bbolt.DB
	ledger Ledger
	opts   BoltOptions
	writes *writer
	proven proof
	awake  *inbox[string] // lanes that are ready
	opened time.Time
	stop   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	lanes map[string]*lane // with unfinished items; guarded by mu
}

// lane is the unfinished part of a lane. Its fields are guarded by Bolt.mu.
type lane struct {
	items   []Item // in the order of At
	state   laneState
	lease   *Lease // the last one
	tries   int
	since   time.Time
	cut     bool        // an attempt was abandoned
	topic   string      // what a paused lane waits for
	timer   *time.Timer // ends the pause
	readyAt time.Time
}

type laneState int

const (
	ready laneState = iota
	leased
	paused
)

type storedDead struct {
	Lane     string `json:"lane"`
	Member   string `json:"member"`
	Value    []byte `json:"value"`
	Reason   string `json:"reason"`
	Attempts int    `json:"attempts"`
	At       int64  `json:"at"`     // ms
	Pinned   []byte `json:"pinned"` // what was pinned in the lane; nil if there was nothing
}

// NewBolt starts a queue on an open file, which the caller closes after the queue. All lanes that an earlier process left unfinished are
// ready again, as abandoned, because nobody knows how far it came.
func NewBolt(db *bbolt.DB, ledger Ledger, o BoltOptions) (*Bolt, error) {
	o.TTL = or(o.TTL, 48*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	q := &Bolt{db: db, ledger: ledger, opts: o, awake: newInbox[string](), opened: time.Now(), stop: make(chan struct{}), lanes: map[string]*lane{}}
	err := db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{itemsBucket, memosBucket, pinsBucket, deadBucket, probeBucket, tallyBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(itemsBucket).ForEach(func(k, v []byte) error {
			name, member, ok := strings.Cut(string(k), "\x00")
			if !ok || len(v) < 8 {
				return fmt.Errorf("%q is not an item", k)
			}
			l := q.lane(name)
			l.insert(decode(name, member, v))
			l.tries, l.cut, l.since = 1, true, q.opened
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("queue: reading the file: %w", err)
	}
	if n := len(q.lanes); n > 0 {
		o.Log.Info("unfinished lanes found", "lanes", n)
	}
	q.writes = newWriter(db)
	for name, l := range q.lanes {
		q.ready(name, l)
	}
	return q, nil
}

func decode(lane, member string, v []byte) Item {
	id, via, _ := strings.Cut(member, "|")
	return Item{Lane: lane, ID: id, Via: via, At: time.UnixMilli(int64(binary.BigEndian.Uint64(v))), Body: slices.Clone(v[8:])}
}

func encode(it Item) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(it.At.UnixMilli())), it.Body...)
}

func itemKey(it Item) []byte {
	return append(append([]byte(it.Lane), 0), member(it)...)
}

// lane returns the lane of this name, new if need be. The caller holds mu.
func (q *Bolt) lane(name string) *lane {
	l := q.lanes[name]
	if l == nil {
		l = &lane{}
		q.lanes[name] = l
	}
	return l
}

// insert puts an item in its place and reports whether it was not there yet.
func (l *lane) insert(it Item) bool {
	for _, have := range l.items {
		if have.ID == it.ID && have.Via == it.Via {
			return false
		}
	}
	i, _ := slices.BinarySearchFunc(l.items, it, func(a, b Item) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return -1 // behind those of the same time
	})
	l.items = slices.Insert(l.items, i, it)
	return true
}

// ready passes a lane to the next free worker. The caller holds mu, or is alone.
func (q *Bolt) ready(name string, l *lane) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.state, l.topic, l.timer, l.readyAt = ready, "", nil, time.Now()
	q.awake.put(name)
}

// Put implements Queue.
func (q *Bolt) Put(_ context.Context, it Item) error {
	it.At = time.UnixMilli(it.At.UnixMilli())
	var fresh bool
	err := q.writes.do(func(tx *bbolt.Tx) (err error) {
		fresh, err = q.enter(tx, it)
		return err
	})
	if err != nil {
		q.proven.note(err)
		return fmt.Errorf("queue: keeping an item: %w", err)
	}
	q.entered(it, fresh)
	return nil
}

// enter keeps an item that is not known yet, and counts it.
func (q *Bolt) enter(tx *bbolt.Tx, it Item) (fresh bool, err error) {
	b, key := tx.Bucket(itemsBucket), itemKey(it)
	fresh = !q.ledger.SeenTx(tx, it.Lane, it.ID) && b.Get(key) == nil
	if err := count(tx, cameIn+it.From); err != nil {
		return false, err
	}
	if !fresh {
		return false, count(tx, leftBy+Duplicate)
	}
	return true, b.Put(key, encode(it))
}

// entered makes an item that is on disk now known to the workers.
func (q *Bolt) entered(it Item, fresh bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, known := q.lanes[it.Lane]
	if !fresh {
		if known && l.state == paused && l.topic != "" {
			q.ready(it.Lane, l)
		}
		return
	}
	l = q.lane(it.Lane)
	l.insert(it)
	if !known || (l.state == paused && l.topic != "") {
		q.ready(it.Lane, l)
	}
}

// count adds an item to the tally.
func count(tx *bbolt.Tx, name string) error {
	b, n := tx.Bucket(tallyBucket), uint64(0)
	if v := b.Get([]byte(name)); len(v) == 8 {
		n = binary.BigEndian.Uint64(v)
	}
	return b.Put([]byte(name), binary.BigEndian.AppendUint64(nil, n+1))
}

// Lease implements Queue.
func (q *Bolt) Lease(ctx context.Context) (*Lease, error) {
	for {
		lane, err := q.awake.take(ctx, q.stop)
		if err != nil {
			return nil, err
		}
		if l, err := q.claim(lane); l != nil || err != nil {
			return l, err
		}
	}
}

// claim leases a lane with its first item that is not finished. It returns nil if there is none.
func (q *Bolt) claim(name string) (l *Lease, err error) {
	var known []Item // finished with another item
	err = q.db.View(func(tx *bbolt.Tx) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		in := q.lanes[name]
		for in != nil && len(in.items) > 0 && q.ledger.SeenTx(tx, name, in.items[0].ID) {
			known = append(known, in.items[0])
			in.items = in.items[1:]
		}
		if in == nil || len(in.items) == 0 {
			delete(q.lanes, name)
			return nil
		}
		l = q.lease(tx, in)
		return nil
	})
	for _, it := range known { // not while reading: the writer may wait for all readers
		q.writes.later(func(tx *bbolt.Tx) error { return leave(tx, it, Duplicate) })
	}
	if err != nil {
		return nil, fmt.Errorf("queue: leasing a lane: %w", err)
	}
	return l, nil
}

// handle is what a Lease of Bolt carries.
type handle struct {
	lane    *lane
	retried bool // the item was a dead letter
}

// lease begins an attempt at a lane's first item. The caller holds mu.
func (q *Bolt) lease(tx *bbolt.Tx, in *lane) *Lease {
	it := in.items[0]
	pinned, _ := q.remembered(tx, pinsBucket, []byte(it.Lane))
	mark, retried := q.remembered(tx, pinsBucket, itemKey(it))
	if retried {
		in.tries = max(in.tries, 1)
		if pinned == nil && mark[0] == '+' {
			pinned = mark[1:]
		}
	}
	in.state = leased
	in.tries++
	if in.since.IsZero() {
		in.since = time.Now()
	}
	l := &Lease{
		Item: it, Attempt: in.tries, Abandoned: in.cut, Since: in.since, Pinned: pinned,
		store: q, entry: handle{in, retried},
	}
	if in.cut {
		l.Cut = q.opened
	}
	in.cut, in.lease = false, l
	if memo, ok := q.remembered(tx, memosBucket, []byte(it.Lane)); ok && len(memo) > 0 {
		l.Memo = memo
	}
	return l
}

// remembered returns the value of a key that has an expiry.
func (q *Bolt) remembered(tx *bbolt.Tx, bucket, key []byte) (value []byte, ok bool) {
	v := tx.Bucket(bucket).Get(key)
	if len(v) < 8 || !q.fresh(v) {
		return nil, false
	}
	return append([]byte{}, v[8:]...), true
}

// remember keeps a value until nothing has changed in its lane for TTL.
func (q *Bolt) remember(tx *bbolt.Tx, bucket, key, value []byte) error {
	v := binary.BigEndian.AppendUint64(nil, uint64(q.opts.Now().Add(q.opts.TTL).UnixMilli()))
	return tx.Bucket(bucket).Put(key, append(v, value...))
}

func (q *Bolt) fresh(v []byte) bool {
	return int64(binary.BigEndian.Uint64(v)) > q.opts.Now().UnixMilli()
}

// leave takes an item out of its lane, and counts it.
func leave(tx *bbolt.Tx, it Item, fate string) error {
	b, key := tx.Bucket(itemsBucket), itemKey(it)
	if b.Get(key) == nil {
		return nil
	}
	if err := count(tx, leftBy+fate); err != nil {
		return err
	}
	return b.Delete(key)
}

// mine returns the lane of a lease that has not ended. The caller holds mu.
func (q *Bolt) mine(l *Lease) (*lane, error) {
	h, ok := l.entry.(handle)
	if !ok || h.lane.state != leased || h.lane.lease != l {
		return nil, ErrLost
	}
	return h.lane, nil
}

func same(a, b Item) bool { return a.ID == b.ID && a.Via == b.Via }

// A lease in a file cannot be taken over while the process runs.
func (q *Bolt) until(*Lease) time.Time { return time.Now().Add(time.Hour) }

func (q *Bolt) record(tx *bbolt.Tx, lane string, o Outcome) error {
	if err := q.ledger.AddTx(tx, lane, o.Finished...); err != nil {
		return err
	}
	if o.Memo == nil {
		return nil
	}
	return q.remember(tx, memosBucket, []byte(lane), o.Memo)
}

func (q *Bolt) keep(_ context.Context, l *Lease, pinned []byte) error {
	q.mu.Lock()
	_, err := q.mine(l)
	q.mu.Unlock()
	if err != nil {
		return err
	}
	err = q.writes.do(func(tx *bbolt.Tx) error { return q.remember(tx, pinsBucket, []byte(l.Lane), pinned) })
	if err != nil {
		return fmt.Errorf("queue: pinning a result: %w", err)
	}
	return nil
}

func (q *Bolt) done(_ context.Context, l *Lease, o Outcome) error {
	return q.finish(l, o, func(tx *bbolt.Tx) error {
		if o.Unsettled || l.Pinned == nil {
			return nil
		}
		return tx.Bucket(pinsBucket).Delete([]byte(l.Lane))
	})
}

func (q *Bolt) bury(_ context.Context, l *Lease, reason string, o Outcome) error {
	o.Finished, o.Fate = append(o.Finished[:len(o.Finished):len(o.Finished)], l.ID), SetAside
	return q.finish(l, o, func(tx *bbolt.Tx) error {
		return putDead(tx, storedDead{
			Lane: l.Lane, Member: member(l.Item), Value: encode(l.Item), Reason: reason, Attempts: l.Attempt, At: q.opts.Now().UnixMilli(),
			Pinned: l.Pinned,
		})
	})
}

// finish applies an outcome together with change, removes the lease's item, and goes on to the lane's next.
func (q *Bolt) finish(l *Lease, o Outcome, change func(*bbolt.Tx) error) error {
	q.mu.Lock()
	in, err := q.mine(l)
	q.mu.Unlock()
	if err != nil {
		return err
	}
	err = q.writes.do(func(tx *bbolt.Tx) error {
		if err := q.record(tx, l.Lane, o); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		if l.entry.(handle).retried {
			if err := tx.Bucket(pinsBucket).Delete(itemKey(l.Item)); err != nil {
				return err
			}
		}
		return leave(tx, l.Item, o.Fate)
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil { // the item is still there: as if the attempt was abandoned
		in.cut = true
		q.ready(l.Lane, in)
		return fmt.Errorf("queue: finishing an item: %w", err)
	}
	in.items = slices.DeleteFunc(in.items, func(it Item) bool { return same(it, l.Item) })
	if o.Unsettled {
		in.cut = l.Abandoned
	} else {
		in.tries, in.since, in.cut = 0, time.Time{}, false
	}
	in.lease = nil
	if len(in.items) == 0 {
		delete(q.lanes, l.Lane)
		return nil
	}
	q.ready(l.Lane, in)
	return nil
}

func (q *Bolt) pause(_ context.Context, l *Lease, p Pause) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	in, err := q.mine(l)
	if err != nil {
		return err
	}
	if p.Untouched {
		in.cut = l.Abandoned
		if in.tries--; in.tries == 0 {
			in.since = time.Time{}
		}
	}
	if p.After <= 0 && p.Topic == "" {
		q.ready(l.Lane, in)
		return nil
	}
	in.state, in.topic = paused, p.Topic
	var timer *time.Timer
	timer = time.AfterFunc(p.After, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if in.state == paused && in.timer == timer {
			q.ready(l.Lane, in)
		}
	})
	in.timer = timer
	return nil
}

// Wake implements Queue.
func (q *Bolt) Wake(_ context.Context, topic string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, l := range q.lanes {
		if l.state == paused && l.topic == topic {
			q.ready(name, l)
		}
	}
	return nil
}

// Ping implements Queue. What it writes is larger than most events, so it fails before a disk has no room for those.
func (q *Bolt) Ping(ctx context.Context) error {
	if q.proven.fresh() {
		return q.db.View(func(*bbolt.Tx) error { return nil })
	}
	err := q.writes.within(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(probeBucket).Put([]byte("probe"), make([]byte, 16<<10))
	})
	q.proven.note(err)
	return err
}

// Close implements Queue. Lanes that are leased are abandoned when the file is opened again.
func (q *Bolt) Close() error {
	q.once.Do(func() {
		close(q.stop)
		q.mu.Lock()
		for _, l := range q.lanes {
			if l.timer != nil {
				l.timer.Stop()
			}
		}
		q.mu.Unlock()
		q.writes.close()
	})
	return nil
}

// Sweep deletes memos and pinned results that have expired, at most limit of them, and returns how many it deleted.
func (q *Bolt) Sweep(limit int) (n int, err error) {
	for _, bucket := range [][]byte{memosBucket, pinsBucket} {
		expired, err := q.expired(bucket, limit-n)
		if err == nil && len(expired) > 0 {
			err = q.writes.do(func(tx *bbolt.Tx) error { return q.deleteExpired(tx.Bucket(bucket), expired) })
		}
		if err != nil {
			return n, fmt.Errorf("queue: deleting what has expired: %w", err)
		}
		n += len(expired)
	}
	return n, nil
}

func (q *Bolt) expired(bucket []byte, limit int) (keys [][]byte, err error) {
	err = q.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.First(); k != nil && len(keys) < limit; k, v = c.Next() {
			if len(v) < 8 || !q.fresh(v) {
				keys = append(keys, slices.Clone(k))
			}
		}
		return nil
	})
	return keys, err
}

func (q *Bolt) deleteExpired(b *bbolt.Bucket, keys [][]byte) error {
	for _, k := range keys {
		if v := b.Get(k); len(v) >= 8 && q.fresh(v) { // written again since
			continue
		}
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
