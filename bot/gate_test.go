package bot_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"giosgbot/chat"
	"giosgbot/queue"
)

// putCrowd makes one turn busy, so that a lane waits for its end and two more are parked.
func (w *world) putCrowd() {
	w.t.Helper()
	w.put(w.event(chat.Pending, "pending@1", ""))
	for _, id := range []string{"c2", "c3", "c4"} {
		ev := w.event(chat.Human, id, "hello")
		ev.Chat = id
		w.put(ev)
	}
}

// unfinished counts the events that are not finished.
func (w *world) unfinished() int {
	w.t.Helper()
	s, err := w.queue.Stats(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return int(s.Items())
}

// A replica that ends takes along its count of the lanes that it has parked. The other replicas must not leave those visitors waiting.
func TestParkedLanesOfAReplicaThatEnded(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.PerUser, w.opts.Workers, w.opts.Grace = 1, 4, 100*time.Millisecond
		w.p.fail("say Hello.", fault{hang: true})
		w.opts.Queue = &sleepy{Queue: w.queue, fails: 100} // an ended process wakes nobody
		w.while(w.putCrowd)
		w.opts.Queue = w.queue
		if n := w.unfinished(); n != 3 { // the one that waited inside the process is finished
			t.Fatalf("%d events are unfinished, want 3", n)
		}
		w.while(func() {
			w.wait(5 * time.Second)
			w.wantEmpty()
		})
	})
}

// A call that was to wake parked lanes may fail. The next turn that ends wakes them.
func TestParkedLanesAreWokenAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, agent, func(t *testing.T, w *world) {
		w.opts.PerUser, w.opts.Workers = 1, 4
		slow := make(chan struct{})
		w.p.fail("say Hello.", fault{do: func() { <-slow }})
		q := &sleepy{Queue: w.queue, fails: 1}
		w.opts.Queue = q
		w.while(func() {
			w.putCrowd()
			close(slow)
			w.wait(time.Millisecond)
			w.wantEmpty()
		})
		if q.fails != 0 {
			t.Error("no lane was to be woken")
		}
	})
}

// sleepy is a queue that fails to wake some lanes a few times.
type sleepy struct {
	queue.Queue
	fails int
}

func (q *sleepy) WakeSome(ctx context.Context, topic string, most int) error {
	if q.fails > 0 {
		q.fails--
		return errors.New("the store does not answer")
	}
	return q.Queue.WakeSome(ctx, topic, most)
}
