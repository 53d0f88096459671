package queue

import (
	"bytes"
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
	itemsBucket   = []byte("queue.items")   // lane\0member → time and order (8 bytes, see encode) and body
	memosBucket   = []byte("queue.memos")   // lane → expiry (8 bytes, ms) and memo
	pinsBucket    = []byte("queue.pins")    // lane → expiry and pinned bytes; lane\0member → expiry and the mark of a retried dead letter
	crashesBucket = []byte("queue.crashes") // lane → how many processes ended while it was leased, if it is leased again (8 bytes)
	deadBucket    = []byte("queue.dead")    // sequence number → storedDead
	probeBucket   = []byte("queue.probe")   // what Ping writes
	tallyBucket   = []byte("queue.tally")   // in:FROM and out:FATE → items (8 bytes)
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
	disk   *disk
	awake  *inbox[string] // lanes that are ready
	stop   chan struct{}
	once   sync.Once
	loops  sync.WaitGroup

	mu       sync.Mutex
	lanes    map[string]*lane // with unfinished items; guarded by mu
	suspects []string         // lanes that crashed more than once in a row and wait until suspect is done; guarded by mu
	suspect  string           // the one of them that is ready or leased; guarded by mu
}

// lane is the unfinished part of a lane. Its fields are guarded by Bolt.mu.
type lane struct {
	items    []queued // in the order of their time, and of their arrival if that is equal
	state    laneState
	lease    *Lease // the last one
	tries    int
	since    time.Time
	cut      time.Time   // when an attempt was abandoned; zero if none was
	crashes  int         // of earlier processes, in a row
	counted  bool        // the file has a count of crashes
	failures int         // of writes at the end of a lease, in a row
	topic    string      // what a paused lane waits for
	timer    *time.Timer // ends the pause
	readyAt  time.Time
}

type laneState int

const (
	ready laneState = iota
	leased
	paused
)

// queued is an item with its place among those of the same time.
type queued struct {
	Item
	order uint64
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
	q := &Bolt{db: db, ledger: ledger, opts: o, disk: newDisk(), awake: newInbox[string](), stop: make(chan struct{}), lanes: map[string]*lane{}}
	if err := db.Update(q.load); err != nil {
		return nil, fmt.Errorf("queue: reading the file: %w", err)
	}
	if n := len(q.lanes); n > 0 {
		o.Log.Info("unfinished lanes found", "lanes", n)
	}
	q.writes = newWriter(db, q.disk.note)
	for name, l := range q.lanes {
		if l.readyAt = time.Now(); l.crashes >= suspicious {
			q.suspects = append(q.suspects, name)
		} else {
			q.ready(name, l)
		}
	}
	q.nextSuspect()
	q.loops.Go(q.watchDisk)
	return q, nil
}

// load reads the lanes of an earlier process.
func (q *Bolt) load(tx *bbolt.Tx) error {
	for _, name := range [][]byte{itemsBucket, memosBucket, pinsBucket, crashesBucket, deadBucket, probeBucket, tallyBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	now := time.Now()
	return tx.Bucket(itemsBucket).ForEach(func(k, v []byte) error {
		name, member, ok := strings.Cut(string(k), "\x00")
		if !ok || len(v) < 8 {
			return fmt.Errorf("%q is not an item", k)
		}
		l := q.lane(name)
		l.insert(decode(name, member, v))
		l.tries, l.cut, l.since, l.crashes = 1, now, now, 1
		if n := tx.Bucket(crashesBucket).Get([]byte(name)); len(n) == 8 {
			l.crashes, l.counted = int(binary.BigEndian.Uint64(n))+1, true
		}
		return nil
	})
}

// nextSuspect makes one of the lanes ready that crashed more than once in a row. They are worked on one at a time: if the event of one kills
// the process, the others must not look as if theirs did. The caller holds mu, or is alone.
func (q *Bolt) nextSuspect() {
	if q.suspect == "" && len(q.suspects) > 0 {
		q.suspect, q.suspects = q.suspects[0], q.suspects[1:]
		q.ready(q.suspect, q.lanes[q.suspect])
	}
}

// survived notes that a lane's lease has ended as it should, or that the lane is empty. The caller holds mu.
func (q *Bolt) survived(name string, l *lane) {
	l.crashes, l.failures = 0, 0
	if q.suspect == name {
		q.suspect = ""
		q.nextSuspect()
	}
}

// An item begins with its time in ms, of which the upper 16 bits are its order among items of the same time: it is 0 for nearly all, and for
// all that an earlier version has stored. A time before 1970 is negative and has no order.
const orderBits = 48

func decode(lane, member string, v []byte) queued {
	id, via, _ := strings.Cut(member, "|")
	ms, order := splitTime(v)
	return queued{Item{Lane: lane, ID: id, Via: via, At: time.UnixMilli(ms), Body: slices.Clone(v[8:])}, order}
}

func splitTime(v []byte) (ms int64, order uint64) {
	n := binary.BigEndian.Uint64(v)
	if int64(n) < 0 {
		return int64(n), 0
	}
	return int64(n & (1<<orderBits - 1)), n >> orderBits
}

func (it queued) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(it.At.UnixMilli())|it.order<<orderBits), it.Body...)
}

// orderOf returns the order of a new item: behind those of its lane that have the same time.
func orderOf(b *bbolt.Bucket, it Item) (order uint64) {
	const most = 1<<15 - 1
	at, prefix, c := it.At.UnixMilli(), append([]byte(it.Lane), 0), b.Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if ms, n := splitTime(v); ms == at && ms >= 0 {
			order = min(max(order, n+1), most)
		}
	}
	return order
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

// insert puts an item in its place, unless it is there already.
func (l *lane) insert(it queued) {
	if slices.ContainsFunc(l.items, func(have queued) bool { return same(have.Item, it.Item) }) {
		return
	}
	i, _ := slices.BinarySearchFunc(l.items, it, func(a, b queued) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		if a.order > b.order {
			return 1
		}
		return -1 // behind those of the same place
	})
	l.items = slices.Insert(l.items, i, it)
}

func same(a, b Item) bool { return a.ID == b.ID && a.Via == b.Via }

// ready passes a lane to the next free worker. The caller holds mu, or is alone.
func (q *Bolt) ready(name string, l *lane) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.state, l.topic, l.timer, l.readyAt = ready, "", nil, time.Now()
	q.awake.put(name)
}

// wait pauses a lane for a time or a topic. The caller holds mu.
func (q *Bolt) wait(name string, l *lane, after time.Duration, topic string) {
	l.state, l.topic = paused, topic
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if l.state == paused && l.timer == timer {
			q.ready(name, l)
		}
	})
	l.timer = timer
}

// Put implements Queue. When ctx ends first the item may be kept all the same, if its commit had begun.
func (q *Bolt) Put(ctx context.Context, it Item) error {
	it.At = time.UnixMilli(it.At.UnixMilli())
	var in queued
	var fresh bool
	err := q.writes.do(ctx, func(tx *bbolt.Tx) (err error) {
		in, fresh, err = q.enter(tx, it)
		return err
	}, func() { q.entered(in, fresh) })
	if err != nil {
		return fmt.Errorf("queue: keeping an item: %w", err)
	}
	return nil
}

// enter keeps an item that is not known yet, and counts it.
func (q *Bolt) enter(tx *bbolt.Tx, it Item) (in queued, fresh bool, err error) {
	b, key := tx.Bucket(itemsBucket), itemKey(it)
	in.Item = it
	fresh = !q.ledger.SeenTx(tx, it.Lane, it.ID) && b.Get(key) == nil
	if err := count(tx, cameIn+it.From); err != nil {
		return in, false, err
	}
	if !fresh {
		return in, false, count(tx, leftBy+Duplicate)
	}
	in.order = orderOf(b, it)
	return in, true, b.Put(key, in.encode())
}

// entered makes an item that is on disk now known to the workers.
func (q *Bolt) entered(it queued, fresh bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, known := q.lanes[it.Lane]
	if !known && !fresh {
		return
	}
	if fresh {
		l = q.lane(it.Lane)
		l.insert(it)
	}
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

// Close implements Queue. Lanes that are leased are abandoned when the file is opened again.
func (q *Bolt) Close() error {
	q.once.Do(func() {
		close(q.stop)
		q.loops.Wait()
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
