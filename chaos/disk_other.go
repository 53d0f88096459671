//go:build unix && !linux

package chaos

import "context"

// fillDisk does nothing: this system cannot limit another process.
func (w *world) fillDisk(context.Context, *dice) {}
