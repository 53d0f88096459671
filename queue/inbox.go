package queue

import (
	"context"
	"sync"
)

// inbox hands work from those who find it to those who wait for it. It never blocks the finder.
type inbox[T any] struct {
	mu      sync.Mutex
	list    []T           // guarded by mu
	waiting int           // takers in take, less those that work is being fetched for; guarded by mu
	filled  chan struct{} // a token: the list may have something
	wanted  chan struct{} // a token: somebody may be waiting
}

func newInbox[T any]() *inbox[T] {
	return &inbox[T]{filled: make(chan struct{}, 1), wanted: make(chan struct{}, 1)}
}

func (b *inbox[T]) put(v ...T) {
	b.mu.Lock()
	b.list = append(b.list, v...)
	b.mu.Unlock()
	signal(b.filled)
}

// take waits for something in the list; stop ends the waiting with ErrClosed.
func (b *inbox[T]) take(ctx context.Context, stop <-chan struct{}) (v T, err error) {
	b.count(1)
	defer b.count(-1)
	for {
		select {
		case <-stop:
			return v, ErrClosed
		default:
		}
		b.mu.Lock()
		if len(b.list) > 0 {
			v = b.list[0]
			var zero T
			b.list[0] = zero
			b.list = b.list[1:]
			more := len(b.list) > 0
			b.mu.Unlock()
			if more {
				signal(b.filled)
			}
			return v, nil
		}
		b.mu.Unlock()
		signal(b.wanted)
		select {
		case <-b.filled:
		case <-ctx.Done():
			return v, ctx.Err()
		case <-stop:
			return v, ErrClosed
		}
	}
}

func (b *inbox[T]) count(d int) {
	b.mu.Lock()
	b.waiting += d
	b.mu.Unlock()
}

// reserve keeps a waiting taker for work that is about to be put; unreserve follows in any case.
func (b *inbox[T]) reserve() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting <= len(b.list) {
		return false
	}
	b.waiting--
	return true
}

func (b *inbox[T]) unreserve() {
	b.count(1)
	signal(b.wanted)
}

// demand is how many takers would be left waiting after all that is in the list was taken.
func (b *inbox[T]) demand() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting - len(b.list)
}

// drain takes all that is left.
func (b *inbox[T]) drain() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.list
	b.list = nil
	return l
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
