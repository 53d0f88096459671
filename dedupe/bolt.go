package dedupe

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// One key for each id, chat\0id, and one for each chat with the expiry of its ids.
var (
	seenBucket    = []byte("seen")
	expiresBucket = []byte("seen.expires")
)

// Bolt keeps the ids in a bbolt file.
type Bolt struct {
	db  *bbolt.DB
	ttl time.Duration
	now func() time.Time
}

// NewBolt returns a Set in an open file. now is the clock; nil means time.Now.
func NewBolt(db *bbolt.DB, ttl time.Duration, now func() time.Time) (*Bolt, error) {
	if now == nil {
		now = time.Now
	}
	err := db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{seenBucket, expiresBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dedupe: preparing the file: %w", err)
	}
	return &Bolt{db: db, ttl: ttl, now: now}, nil
}

// Seen implements Set.
func (b *Bolt) Seen(_ context.Context, chat string, ids ...string) ([]bool, error) {
	out := make([]bool, len(ids))
	err := b.db.View(func(tx *bbolt.Tx) error {
		for i, id := range ids {
			out[i] = b.SeenTx(tx, chat, id)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dedupe: looking up handled messages: %w", err)
	}
	return out, nil
}

// SeenTx is Seen for one id in the caller's transaction.
func (b *Bolt) SeenTx(tx *bbolt.Tx, chat, id string) bool {
	return tx.Bucket(seenBucket).Get(key(chat, id)) != nil && b.alive(tx, chat)
}

// AddTx adds ids to the chat's set in the caller's transaction. Adding twice is adding once.
func (b *Bolt) AddTx(tx *bbolt.Tx, chat string, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	left := b.left(tx, chat)
	if left <= 0 { // expired ids must not come to life again
		if err := forget(tx, chat); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := tx.Bucket(seenBucket).Put(key(chat, id), []byte{1}); err != nil {
			return err
		}
	}
	if left >= b.ttl {
		return nil
	}
	// A little more than ttl, so that this is not written with each id.
	expires := binary.BigEndian.AppendUint64(nil, uint64(b.now().Add(b.ttl+b.ttl/32).UnixMilli()))
	return tx.Bucket(expiresBucket).Put([]byte(chat), expires)
}

// RemoveTx takes an id out of the chat's set in the caller's transaction.
func (b *Bolt) RemoveTx(tx *bbolt.Tx, chat, id string) error {
	return tx.Bucket(seenBucket).Delete(key(chat, id))
}

func (b *Bolt) alive(tx *bbolt.Tx, chat string) bool { return b.left(tx, chat) > 0 }

// left is how long the chat's ids are still remembered.
func (b *Bolt) left(tx *bbolt.Tx, chat string) time.Duration {
	v := tx.Bucket(expiresBucket).Get([]byte(chat))
	if len(v) != 8 {
		return 0
	}
	return time.Duration(int64(binary.BigEndian.Uint64(v))-b.now().UnixMilli()) * time.Millisecond
}

// Sweep deletes chats that have expired, at most limit of them, and returns how many it deleted.
func (b *Bolt) Sweep(limit int) (int, error) {
	var expired []string
	err := b.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(expiresBucket).Cursor()
		for k, _ := c.First(); k != nil && len(expired) < limit; k, _ = c.Next() {
			if !b.alive(tx, string(k)) {
				expired = append(expired, string(k))
			}
		}
		return nil
	})
	if err == nil && len(expired) > 0 {
		err = b.db.Update(func(tx *bbolt.Tx) error {
			for _, chat := range expired {
				if b.alive(tx, chat) { // used since
					continue
				}
				if err := forget(tx, chat); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return 0, fmt.Errorf("dedupe: deleting expired chats: %w", err)
	}
	return len(expired), nil
}

func forget(tx *bbolt.Tx, chat string) error {
	prefix := key(chat, "")
	c := tx.Bucket(seenBucket).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return tx.Bucket(expiresBucket).Delete([]byte(chat))
}

func key(chat, id string) []byte {
	return append(append([]byte(chat), 0), id...)
}
