package queue

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
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

// maxDead bounds the dead letters; the oldest are deleted first.
const maxDead = 10000

func putDead(tx *bbolt.Tx, d storedDead) error {
	b := tx.Bucket(deadBucket)
	v, err := json.Marshal(d)
	if err != nil {
		return err
	}
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	if err := b.Put(binary.BigEndian.AppendUint64(nil, n), v); err != nil {
		return err
	}
	if n > maxDead {
		return b.Delete(binary.BigEndian.AppendUint64(nil, n-maxDead))
	}
	return nil
}

// Stats implements Queue.
func (q *Bolt) Stats(context.Context) (Stats, error) {
	s := Stats{In: map[string]int64{}, Out: map[string]int64{}}
	q.mu.Lock()
	for _, l := range q.lanes {
		if l.state == paused {
			s.Paused++
			continue
		}
		s.Ready++
		s.Oldest = max(s.Oldest, time.Since(l.readyAt))
	}
	q.mu.Unlock()
	err := q.db.View(func(tx *bbolt.Tx) error {
		s.Dead = tx.Bucket(deadBucket).Stats().KeyN
		return tx.Bucket(tallyBucket).ForEach(func(name, v []byte) error {
			if len(v) == 8 {
				s.count(string(name), int64(binary.BigEndian.Uint64(v)))
			}
			return nil
		})
	})
	if err != nil {
		return s, fmt.Errorf("queue: counting: %w", err)
	}
	return s, nil
}

// Dead implements Queue.
func (q *Bolt) Dead(_ context.Context, limit int) ([]Dead, error) {
	var out []Dead
	err := q.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(deadBucket).Cursor()
		for k, v := c.First(); k != nil && len(out) < limit; k, v = c.Next() {
			var d storedDead
			if err := json.Unmarshal(v, &d); err != nil {
				return err
			}
			out = append(out, Dead{
				ID:       strconv.FormatUint(binary.BigEndian.Uint64(k), 10),
				Item:     decode(d.Lane, d.Member, d.Value).Item,
				Reason:   d.Reason,
				Attempts: d.Attempts,
				At:       time.UnixMilli(d.At),
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("queue: listing dead letters: %w", err)
	}
	return out, nil
}

// Revive implements Queue.
func (q *Bolt) Revive(ctx context.Context, id string) error {
	var in queued
	var fresh bool
	return q.dropDead(ctx, id, func(tx *bbolt.Tx, d storedDead) (err error) {
		it := decode(d.Lane, d.Member, d.Value).Item
		it.From = Revived
		if err := q.ledger.RemoveTx(tx, d.Lane, it.ID); err != nil {
			return err
		}
		if err := q.remember(tx, pinsBucket, itemKey(it), retryMark(d.Pinned)); err != nil {
			return err
		}
		in, fresh, err = q.enter(tx, it)
		return err
	}, func() { q.entered(in, fresh) })
}

// Drop implements Queue.
func (q *Bolt) Drop(ctx context.Context, id string) error {
	return q.dropDead(ctx, id, func(*bbolt.Tx, storedDead) error { return nil }, func() {})
}

// dropDead deletes a dead letter together with what also does.
func (q *Bolt) dropDead(ctx context.Context, id string, also func(*bbolt.Tx, storedDead) error, then func()) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return ErrNotFound
	}
	k := binary.BigEndian.AppendUint64(nil, n)
	found := false
	err = q.writes.do(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(deadBucket)
		v := b.Get(k)
		if found = v != nil; !found {
			return nil
		}
		var d storedDead
		if err := json.Unmarshal(v, &d); err != nil {
			return err
		}
		if err := also(tx, d); err != nil {
			return err
		}
		return b.Delete(k)
	}, func() {
		if found {
			then()
		}
	})
	if err != nil {
		return fmt.Errorf("queue: changing dead letters: %w", err)
	}
	if !found {
		return ErrNotFound
	}
	return nil
}
