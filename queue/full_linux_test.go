package queue_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
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

// A file on a full disk can still be read. Ping reports all the same that nothing can be kept, until it can.
func TestBoltOnAFullDisk(t *testing.T) {
	t.Parallel()
	var f *os.File
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "bot.db"), 0o600, &bbolt.Options{OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
		f, err = os.OpenFile(name, flag, perm)
		return f, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	seen, err := dedupe.NewBolt(db, time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.NewBolt(db, seen, queue.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
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
