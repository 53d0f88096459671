package bot

import (
	"context"
	"math/rand/v2"
	"time"

	"giosgbot/giosg"
)

// A call that giosg put off had no effect, so it is made again in the same turn when its time has come. To give the lane back instead
// would let the next attempt read the chat once more, just when giosg wants fewer calls.

const (
	longestWait = 5 * time.Second  // for one call; who is asked to wait longer gives the lane back
	patience    = 15 * time.Second // of one turn, in all
)

// patiently makes a call, and makes it again for as long as it is put off and waiting in place is worthwhile.
func (t *turn) patiently(ctx context.Context, call func() error) error {
	for {
		err := call()
		if !t.waits(ctx, err) {
			return err
		}
	}
}

// waits waits until a call that was put off may be made again. It returns false, most often at once, if the lane should be given back:
// for any other error, when it would take too long, when the bot stops, and when half of the workers wait already. So one bot user who
// is throttled leaves workers to the others, however many chats it has.
func (t *turn) waits(ctx context.Context, err error) bool {
	if !giosg.PutOff(err) {
		return false
	}
	wait := comeAgain(err)
	if wait > longestWait || t.waited+wait > patience {
		return false
	}
	select {
	case t.waiting <- struct{}{}:
		defer func() { <-t.waiting }()
	default:
		return false
	}
	t.waited += wait
	t.chat.served = false // that may change meanwhile
	t.log.Debug("waits until giosg may be asked again", "err", err, "after", wait.String())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.life, cancel)()
	return sleep(ctx, wait) == nil
}

// comeAgain is when to make a call again that was put off. All that a bot user does was put off until the same moment, so they come
// back a little apart.
func comeAgain(err error) time.Duration {
	return giosg.RetryAfter(err) + rand.N(250*time.Millisecond)
}
