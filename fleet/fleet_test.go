package fleet_test

import (
	"giosgbot/fleet"
	"giosgbot/redistest"
	"testing"
	"time"
)

// A lock holds for as long as its process lives, and not much longer.
func TestFleetLock(t *testing.T) {
	t.Parallel()
	c := redistest.Start(t).Client(t)
	one, other := fleet.Redis{Client: c, Prefix: "giosgbot"}, fleet.Redis{Client: c, Prefix: "giosgbot"}
	left := func() time.Duration {
		d, err := c.PTTL(t.Context(), "giosgbot:lock:k").Result()
		if err != nil || d <= 0 || d > 5*time.Second {
			t.Fatalf("%v left: %v", d, err)
		}
		return d
	}
	unlock, ok := one.Lock(t.Context(), "k", time.Minute)
	if !ok {
		t.Fatal("a free lock is refused")
	}
	before := left()
	for renewed := false; !renewed; time.Sleep(10 * time.Millisecond) {
		now := left()
		renewed, before = now > before, now
	}
	if _, ok := other.Lock(t.Context(), "k", time.Minute); ok {
		t.Error("two have the lock")
	}
	unlock()
	unlock, ok = other.Lock(t.Context(), "k", time.Minute)
	if !ok {
		t.Fatal("a lock that was given back is refused")
	}
	unlock()
	if n := c.Exists(t.Context(), "giosgbot:lock:k").Val(); n != 0 {
		t.Error("the lock was not given back")
	}
}
