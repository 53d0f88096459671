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

// The file holds what a restart must find again; who works on what, and who waits for what, is in memory.
var (
	itemsBucket = []byte("queue.items") // lane\0member → item time (8 bytes, ms) and body
	memosBucket = []byte("queue.memos") // lane → expiry (8 bytes, ms) and memo
	deadBucket  = []byte("queue.dead")  // sequence number → storedDead
	probeBucket = []byte("queue.probe") // what Ping writes
	tallyBucket = []byte("queue.tally") // in:FROM and out:FATE → items (8 bytes)
)

// Ledger is the record of finished ids in the same file, so that it changes in the same transaction; dedupe.Bolt is one.
type Ledger interface {
	SeenTx(tx *bbolt.Tx, lane, id string) bool
	AddTx(tx *bbolt.Tx, lane string, ids ...string) error
	RemoveTx(tx *bbolt.Tx, lane, id string) error
}

// BoltOptions are the settings of a queue in a file. The zero value of each means its default.
type BoltOptions struct {
	TTL time.Duration    // how long memos are remembered after the last step in a lane; default 48 h
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
	work   *inbox[*Lease]
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
	tries   int
	since   time.Time
	cut     bool        // an attempt was cut off
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
	At       int64  `json:"at"` // ms
}

// NewBolt starts a queue on an open file, which the caller closes after the queue. All lanes that an earlier process left
// unfinished are ready again, as cut off: nobody knows how far it came.
func NewBolt(db *bbolt.DB, ledger Ledger, o BoltOptions) (*Bolt, error) {
	o.TTL = or(o.TTL, 48*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	q := &Bolt{db: db, ledger: ledger, opts: o, work: newInbox[*Lease](), opened: time.Now(), stop: make(chan struct{}), lanes: map[string]*lane{}}
	err := db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{itemsBucket, memosBucket, deadBucket, probeBucket, tallyBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(itemsBucket).ForEach(func(k, v []byte) error {
			name, member, ok := strings.Cut(string(k), "\x00")
			if !ok || len(v) < 8 {
				return fmt.Errorf("%q is no item", k)
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

// ready hands a lane to the next free worker. The caller holds mu, or is alone.
func (q *Bolt) ready(name string, l *lane) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.state, l.topic, l.timer, l.readyAt = ready, "", nil, time.Now()
	q.work.put(&Lease{Item: Item{Lane: name}, held: q})
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
		l, err := q.work.take(ctx, q.stop)
		if err != nil {
			return nil, err
		}
		if ok, err := q.claim(l); err != nil {
			return nil, err
		} else if ok {
			return l, nil
		}
	}
}

// claim fills a lease with its lane's first item that is not finished.
func (q *Bolt) claim(l *Lease) (bool, error) {
	var known []Item // finished otherwise
	err := q.db.View(func(tx *bbolt.Tx) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		in := q.lanes[l.Lane]
		for in != nil && len(in.items) > 0 && q.ledger.SeenTx(tx, l.Lane, in.items[0].ID) {
			known = append(known, in.items[0])
			in.items = in.items[1:]
		}
		if in == nil || len(in.items) == 0 {
			delete(q.lanes, l.Lane)
			return nil
		}
		in.state = leased
		in.tries++
		if in.since.IsZero() {
			in.since = time.Now()
		}
		l.Item, l.Attempt, l.Abandoned, l.Since, l.entry = in.items[0], in.tries, in.cut, in.since, in
		if in.cut {
			l.Cut = q.opened
		}
		in.cut = false
		if v := tx.Bucket(memosBucket).Get([]byte(l.Lane)); len(v) > 8 && q.fresh(v) {
			l.Memo = slices.Clone(v[8:])
		}
		return nil
	})
	for _, it := range known { // not in the midst of reading: the writer may wait for all readers
		q.writes.later(func(tx *bbolt.Tx) error { return leave(tx, it, Duplicate) })
	}
	if err != nil {
		return false, fmt.Errorf("queue: leasing a lane: %w", err)
	}
	return l.Attempt > 0, nil
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
	in, ok := l.entry.(*lane)
	if !ok || in.state != leased || q.lanes[l.Lane] != in || len(in.items) == 0 {
		return nil, ErrLost
	}
	return in, nil
}

// A lease in a file cannot be taken over while the process runs.
func (q *Bolt) until(*Lease) time.Time { return time.Now().Add(time.Hour) }

func (q *Bolt) record(tx *bbolt.Tx, lane string, o Outcome) error {
	if err := q.ledger.AddTx(tx, lane, o.Finished...); err != nil {
		return err
	}
	if o.Memo == nil {
		return nil
	}
	v := binary.BigEndian.AppendUint64(nil, uint64(q.opts.Now().Add(q.opts.TTL).UnixMilli()))
	return tx.Bucket(memosBucket).Put([]byte(lane), append(v, o.Memo...))
}

func (q *Bolt) done(_ context.Context, l *Lease, o Outcome) error {
	return q.finish(l, o, func(*bbolt.Tx) error { return nil })
}

func (q *Bolt) bury(_ context.Context, l *Lease, reason string, o Outcome) error {
	o.Finished, o.Fate = append(o.Finished[:len(o.Finished):len(o.Finished)], l.ID), SetAside
	return q.finish(l, o, func(tx *bbolt.Tx) error {
		return putDead(tx, storedDead{Lane: l.Lane, Member: member(l.Item), Value: encode(l.Item), Reason: reason, Attempts: l.Attempt, At: q.opts.Now().UnixMilli()})
	})
}

// finish makes an outcome true together with what change does, removes the lease's item, and goes on to the lane's next.
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
		return leave(tx, l.Item, o.Fate)
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil { // the item is still there: tried again as if cut off
		in.cut = true
		q.ready(l.Lane, in)
		return fmt.Errorf("queue: finishing an item: %w", err)
	}
	in.items = slices.DeleteFunc(in.items, func(it Item) bool { return it.ID == l.ID && it.Via == l.Via })
	if o.Unsettled {
		in.cut = l.Abandoned
	} else {
		in.tries, in.since, in.cut = 0, time.Time{}, false
	}
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

// Ping implements Queue. What it writes is larger than most events, so that a disk which has no room for those has none for it.
func (q *Bolt) Ping(ctx context.Context) error {
	if q.proven.still() {
		return q.db.View(func(*bbolt.Tx) error { return nil })
	}
	err := q.writes.within(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(probeBucket).Put([]byte("probe"), make([]byte, 16<<10))
	})
	q.proven.note(err)
	return err
}

// Close implements Queue. What is in a worker's hands is found as cut off when the file is opened again.
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

// Sweep forgets memos whose time is over, at most limit of them, and returns how many it forgot.
func (q *Bolt) Sweep(limit int) (int, error) {
	var over [][]byte
	err := q.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(memosBucket).Cursor()
		for k, v := c.First(); k != nil && len(over) < limit; k, v = c.Next() {
			if len(v) < 8 || !q.fresh(v) {
				over = append(over, slices.Clone(k))
			}
		}
		return nil
	})
	if err == nil && len(over) > 0 {
		err = q.writes.do(func(tx *bbolt.Tx) error {
			b := tx.Bucket(memosBucket)
			for _, k := range over {
				if v := b.Get(k); len(v) >= 8 && q.fresh(v) { // used since
					continue
				}
				if err := b.Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return len(over), err
}
