package chaos

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fillDisk makes writes to files fail in the process of the replica: all of them, or only those that make a file larger. It limits the
// size of files, so it needs no file system of its own; the errors are EFBIG instead of ENOSPC.
func (w *world) fillDisk(ctx context.Context, d *dice) {
	r := w.pick(d)
	pid := r.pid()
	if pid == 0 {
		return
	}
	limit, what := uint64(0), "all writes fail"
	if info, err := os.Stat(r.file); err == nil && d.chance(0.5) {
		limit, what = uint64(info.Size()), "the file cannot grow"
	}
	long := d.between(500*time.Millisecond, 4*time.Second)
	w.note(diskFull, "%s for %.1f s", what, long.Seconds())
	var was unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &was) != nil {
		return
	}
	if unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: was.Max}, nil) != nil {
		return
	}
	nap(ctx, long)
	_ = unix.Prlimit(pid, unix.RLIMIT_FSIZE, &was, nil)
}
