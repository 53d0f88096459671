package queue_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"giosgbot/dedupe"
	"giosgbot/queue"
)

// full makes every write to an open file fail as on a full disk, until mend.
func full(t *testing.T, file *os.File) (mend func()) {
	t.Helper()
	disk, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	fd := int(file.Fd())
	was, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Dup3(int(disk.Fd()), fd, 0); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Dup3(was, fd, 0); err != nil {
			t.Fatal(err)
		}
		syscall.Close(was)
	}
}

// openFull opens a queue in a file whose disk the caller can fill.
func openFull(t *testing.T) (*queue.Bolt, *os.File) {
	t.Helper()
	var f *os.File
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "bot.db"), 0o600, &bbolt.Options{OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
		f, err = os.OpenFile(name, flag, perm)
		return f, err
	}})
	ok(t, err)
	t.Cleanup(func() { _ = db.Close() })
	seen, err := dedupe.NewBolt(db, time.Hour, nil)
	ok(t, err)
	q, err := queue.NewBolt(db, seen, queue.BoltOptions{})
	ok(t, err)
	t.Cleanup(func() { _ = q.Close() })
	return q, f
}

// A file on a full disk can still be read. Ping reports all the same that nothing can be kept, until it can.
func TestBoltOnAFullDisk(t *testing.T) {
	t.Parallel()
	q, f := openFull(t)
	if err := q.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"large", "next"} { // leaves room in the file: it need not grow
		if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: id, At: time.Now(), Body: make([]byte, 256<<10)}); err != nil {
			t.Fatal(err)
		}
		if err := lease(t, q).Done(t.Context(), queue.Outcome{Finished: []string{id}}); err != nil {
			t.Fatal(err)
		}
	}
	mend := full(t, f)
	for i := range 3 {
		if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: strconv.Itoa(i), At: time.Now()}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("kept on a full disk: %v", err)
		}
		if err := q.Ping(t.Context()); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("ready on a full disk: %v", err)
		}
	}
	mend()
	if err := q.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(t.Context(), queue.Item{Lane: "a", ID: "1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if l := lease(t, q); l.ID != "1" {
		t.Errorf("leased %+v", l.Item)
	}
}

// On a full disk the end of a turn cannot be recorded, so no other turn begins until it can: each would act outside for nothing.
func TestBoltLeasesNothingOnAFullDisk(t *testing.T) {
	t.Parallel()
	q, f := openFull(t)
	put(t, q, queue.Item{Lane: "a", ID: "1"}, queue.Item{Lane: "b", ID: "1"})
	l := lease(t, q)
	mend := full(t, f)
	if err := l.Done(t.Context(), queue.Outcome{Finished: []string{"1"}}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("done on a full disk: %v", err)
	}
	failed := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	if l, err := q.Lease(ctx); err == nil {
		t.Errorf("leased %+v on a full disk", l.Item)
	}
	cancel()
	mend()
	seen := map[string]bool{}
	for range 2 {
		next := lease(t, q)
		seen[next.Lane] = true
		if next.Lane == l.Lane && (next.Attempt != 2 || !next.Abandoned || next.Cut.After(time.Now()) || failed.Sub(next.Cut) > time.Second) {
			t.Errorf("leased again: %+v", next)
		}
		finish(t, next)
	}
	if len(seen) != 2 {
		t.Errorf("leased %v", seen)
	}
}

// A turn whose end cannot be written for another reason is tried again, but not at once.
func TestBoltBacksOffFromAnEndThatFails(t *testing.T) {
	t.Parallel()
	_, q := openBolt(t, filepath.Join(t.TempDir(), "bot.db"), nil)
	put(t, q, queue.Item{Lane: "a", ID: "1"}, queue.Item{Lane: "b", ID: "1"})
	tries := 0
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for {
		l, err := q.Lease(ctx)
		if err != nil {
			break
		}
		if l.Lane == "b" { // is not held up
			finish(t, l)
			continue
		}
		tries++
		if err := l.Done(t.Context(), queue.Outcome{Finished: []string{strings.Repeat("x", bbolt.MaxKeySize+1)}}); err == nil {
			t.Fatal("an id that is too large was kept")
		}
	}
	if tries < 2 || tries > 5 {
		t.Errorf("tried %d times in a second", tries)
	}
	finish(t, lease(t, q))
}

// A disk that hangs does not hold up a caller beyond its deadline. What had reached the disk by then is kept late; its copy is a duplicate.
func TestBoltPutKeepsItsDeadline(t *testing.T) {
	t.Parallel()
	db, q := openBolt(t, filepath.Join(t.TempDir(), "bot.db"), nil)
	hang, err := db.Begin(true) // whoever writes has to wait
	ok(t, err)
	at := time.Now()
	for _, id := range []string{"reaches the disk", "does not"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		begun := time.Now()
		if err := q.Put(ctx, queue.Item{Lane: "a", ID: id, At: at}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("put %q: %v", id, err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("put took %v", took)
		}
		cancel()
	}
	ok(t, hang.Rollback())
	l := lease(t, q) // nobody put it again
	if l.ID != "reaches the disk" {
		t.Errorf("leased %q", l.ID)
	}
	for _, id := range []string{"reaches the disk", "does not"} {
		put(t, q, queue.Item{Lane: "a", ID: id, At: at})
	}
	finish(t, l)
	if l = lease(t, q); l.ID != "does not" {
		t.Errorf("leased %q", l.ID)
	}
	finish(t, l)
	if stats, err := q.Stats(t.Context()); err != nil || stats.Items() != 0 || stats.Out[queue.Duplicate] != 1 {
		t.Errorf("%+v, %v", stats, err)
	}
}
