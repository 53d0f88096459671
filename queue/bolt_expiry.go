package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

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

// Sweep deletes memos and pinned results that have expired, at most limit of them, and returns how many it deleted.
func (q *Bolt) Sweep(limit int) (n int, err error) {
	for _, bucket := range [][]byte{memosBucket, pinsBucket} {
		expired, err := q.expired(bucket, limit-n)
		if err == nil && len(expired) > 0 {
			err = q.writes.do(context.Background(), func(tx *bbolt.Tx) error { return q.deleteExpired(tx.Bucket(bucket), expired) }, nil)
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
