package queue

import (
	"context"
	"sync"
)

// inbox passes work from the goroutines that find it to the workers that wait for it. It never blocks the finder.
type inbox[T any] struct {
	mu      sync.Mutex
	list    []T           // guarded by mu
	waiting int           // callers of take, less those for whom work is being fetched; guarded by mu
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

// take waits for work; it returns ErrClosed when stop is closed.
func (b *inbox[T]) take(ctx context.Context, stop <-chan struct{}) (v T, err error) {
	b.count(1)
	for {
		select {
		case <-stop:
			b.count(-1)
			return v, ErrClosed
		default:
		}
		if v, ok := b.next(); ok {
			return v, nil
		}
		signal(b.wanted)
		select {
		case <-b.filled:
		case <-ctx.Done():
			b.count(-1)
			return v, ctx.Err()
		case <-stop:
			b.count(-1)
			return v, ErrClosed
		}
	}
}

// next takes the first of the list for a caller of take, which no longer waits then.
func (b *inbox[T]) next() (v T, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == 0 {
		return v, false
	}
	b.waiting--
	v = b.list[0]
	var zero T
	b.list[0] = zero
	b.list = b.list[1:]
	if len(b.list) > 0 {
		signal(b.filled)
	}
	return v, true
}

func (b *inbox[T]) count(d int) {
	b.mu.Lock()
	b.waiting += d
	b.mu.Unlock()
}

// reserve sets up to most waiting workers apart for work that is being fetched, and returns how many. The caller returns them with
// release in any case.
func (b *inbox[T]) reserve(most int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := max(0, min(most, b.waiting-len(b.list)))
	b.waiting -= n
	return n
}

func (b *inbox[T]) release(n int) {
	if n > 0 {
		b.count(n)
		signal(b.wanted)
	}
}

// demand returns how many workers would still wait after all that is in the list was taken.
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
