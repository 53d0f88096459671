package main

import (
	"syscall"
	"time"
)

// pause sleeps with the precision of the kernel's timers. Timers of the Go runtime are up to a millisecond late on an idle machine.
func pause(d time.Duration) {
	if d > 0 {
		t := syscall.NsecToTimespec(int64(d))
		_ = syscall.Nanosleep(&t, nil)
	}
}
